//! `athanor account`: balances and transfers.

use super::Context;
use crate::{
    amount::Amount,
    chain::Call,
    error::{Error, Result},
    keys, output,
};
use clap::{Args, Subcommand};
use serde_json::json;
use subxt::utils::{AccountId32, MultiAddress};

/// Show balances and send money.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what an account has
    #[command(after_help = "\
Examples:
  athanor account balance //Alice
  athanor account balance --key ~/.config/athanor/key")]
    Balance(Balance),
    /// Send money
    ///
    /// The sending account always keeps the existential deposit.
    #[command(after_help = "\
Examples:
  athanor account transfer --to //Bob --amount '1.5 AUR' --suri //Alice
  athanor account transfer --to //Bob --amount '20 mAUR' --suri //Alice \\
    --dry-run")]
    Transfer(Transfer),
}

/// Options of `account balance`.
#[derive(Args, Debug)]
pub struct Balance {
    /// Address, 0x public key or development key [default: the signing account]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// Options of `account transfer`.
#[derive(Args, Debug)]
pub struct Transfer {
    /// Who gets it: an address, 0x public key or development key
    #[arg(long, value_name = "ACCOUNT")]
    pub to: String,
    /// How much, like '1.5 AUR'
    #[arg(long, value_name = "AMOUNT")]
    pub amount: Amount,
    /// Show call, fee and amounts; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Runs a command of the group.
pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Balance(options) => balance(options, context).await,
        Command::Transfer(options) => transfer(options, context).await,
    }
}

async fn balance(options: Balance, context: &Context) -> Result<()> {
    let account = match options.account {
        Some(text) => keys::parse_account(&text)?,
        None => keys::account(&context.signer()?),
    };
    let balance = context
        .chain()
        .await?
        .best()
        .await?
        .balance(&account)
        .await?;
    let total = balance.free.saturating_add(balance.held);
    let value = json!({
        "address": account.to_string(),
        "free": balance.free.to_string(),
        "held": balance.held.to_string(),
        "total": total.to_string(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}

async fn transfer(options: Transfer, context: &Context) -> Result<()> {
    let signer = context.signer()?;
    let to = keys::parse_account(&options.to)?;
    if options.amount.0 == 0 {
        return Err(Error::Usage(
            "there is nothing to send: the amount is zero".into(),
        ));
    }
    let dest = MultiAddress::<AccountId32, ()>::Id(to);
    let call = Call::new("Balances", "transfer_keep_alive", (dest, options.amount.0));
    let chain = context.chain().await?;
    if options.dry_run {
        return context
            .show_dry_run(&chain, &signer, call, &[("sends", options.amount.0)])
            .await;
    }
    let included = context.submit(&chain, &signer, call).await?;
    let value = json!({
        "from": keys::account(&signer).to_string(),
        "to": to.to_string(),
        "amount": options.amount.planck(),
        "block": included.block_hex(),
    });
    context.output.result(&value, || output::describe(&value));
    Ok(())
}
