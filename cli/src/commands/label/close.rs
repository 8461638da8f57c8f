//! `athanor label close`, `cancel`: taking no more answers.

use super::{create, PALLET};
use crate::{
    chain::Call,
    commands::Context,
    error::{Error, Result},
    keys, output,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Options of `label close`.
#[derive(Args, Clone, Debug)]
pub struct Close {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Which of its batches, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
    /// A page to close; may be given several times
    #[arg(long, value_name = "N", conflicts_with = "campaign")]
    pub page: Vec<u32>,
    /// Close the campaign itself: no more batches, and its shares are final
    #[arg(long)]
    pub campaign: bool,
}

/// Options of `label cancel`.
#[derive(Args, Clone, Debug)]
pub struct Cancel {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Which of its batches, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    pub round: Option<u32>,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `label close`.
pub(super) async fn close(options: &Close, context: &Context) -> Result<()> {
    if options.page.is_empty() && !options.campaign {
        return Err(Error::Usage(
            "say what to close: --page N, or --campaign; `athanor label cancel` closes all pages \
             of a batch"
                .into(),
        ));
    }
    let (folder, campaign, chain) = create::opened(&options.folder, context).await?;
    let signer = context.signer()?;
    create::own(&campaign, &chain, &keys::account(&signer).to_string())?;
    if options.campaign {
        let id = campaign.campaign.ok_or_else(|| {
            Error::Refused("the campaign is not on the chain, so there is nothing to close".into())
        })?;
        let call = Call::new(PALLET, "close_campaign", (id,));
        let included = context.submit(&chain, &signer, call).await?;
        let value = json!({"campaign": id, "closed": true, "block": included.block_hex()});
        context.output.result(&value, || output::describe(&value));
        return Ok(());
    }
    let id = folder.chosen(options.round)?.id()?;
    let mut closed = Vec::new();
    for page in &options.page {
        let call = Call::new(PALLET, "close_page", (id, *page));
        context.submit(&chain, &signer, call).await?;
        closed.push(*page);
    }
    let value = json!({"batch": id, "closed_pages": closed});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

/// `label cancel`.
pub(super) async fn cancel(options: &Cancel, context: &Context) -> Result<()> {
    let (folder, campaign, chain) = create::opened(&options.folder, context).await?;
    let signer = context.signer()?;
    create::own(&campaign, &chain, &keys::account(&signer).to_string())?;
    let id = folder.chosen(options.round)?.id()?;
    let call = Call::new(PALLET, "cancel", (id,));
    if options.dry_run {
        return context.show_dry_run(&chain, &signer, call, &[]).await;
    }
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({"batch": id, "cancelled": true, "block": included.block_hex()});
    context.output.result(&value, || {
        format!(
            "{}\n\nCommitted work is paid in full. Go on with: athanor label watch {}",
            output::describe(&value),
            folder.path().display()
        )
    });
    Ok(())
}
