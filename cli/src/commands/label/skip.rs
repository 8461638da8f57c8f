//! `athanor label skip`: giving a page back.

use super::contributor::Session;
use crate::{
    commands::Context,
    error::{Error, Result},
    output,
};
use clap::Args;
use serde_json::json;

/// Options of `label skip`.
#[derive(Args, Debug)]
pub struct Skip {
    /// Number of the batch
    #[arg(value_name = "BATCH")]
    pub batch: u64,
    /// Number of the page [default: all pages leased in the batch]
    #[arg(value_name = "PAGE")]
    pub page: Option<u32>,
}

/// Gives pages back.
pub(super) async fn run(options: Skip, context: &Context) -> Result<()> {
    let session = Session::open(context).await?;
    let (clock, work) = session.work(options.batch).await?;
    let leased: Vec<u32> = work
        .map(|work| work.leases(clock))
        .unwrap_or_default()
        .into_iter()
        .map(|(page, _)| page)
        .filter(|page| options.page.is_none_or(|wanted| wanted == *page))
        .collect();
    if leased.is_empty() {
        return Err(Error::NotFound(match options.page {
            Some(page) => format!(
                "the account has no lease on page {page} of batch {}",
                options.batch
            ),
            None => format!("the account has no lease in batch {}", options.batch),
        }));
    }
    for page in &leased {
        session.skip(options.batch, *page).await?;
    }
    let value = json!({"batch": options.batch, "skipped": leased});
    context.output.result(&value, || output::describe(&value));
    Ok(())
}
