//! `athanor label earnings`: what an account has earned by labelling.

use super::contributor::{clock, times, works, Slot};
use crate::{amount::Amount, commands::Context, error::Result, keys, output};
use clap::Args;
use serde_json::{json, Value};

/// Options of `label earnings`.
#[derive(Args, Debug)]
pub struct Earnings {
    /// Whose [default: the signing account]
    #[arg(value_name = "ACCOUNT")]
    pub account: Option<String>,
}

/// Shows an account's batches.
pub(super) async fn run(options: Earnings, context: &Context) -> Result<()> {
    let account = match options.account {
        Some(text) => keys::parse_account(&text)?,
        None => keys::account(&context.signer()?),
    };
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let time = times(&state, clock(&state).await?)?;
    let (credit, works) = works(&state, &account).await?;
    let balance = state.balance(&account).await?;
    let mut rows = Vec::new();
    let (mut paid, mut lost) = (0u128, 0u128);
    for work in &works {
        let (pay, stake_lost) = work.outcome().unwrap_or((0, 0));
        paid = paid.saturating_add(pay);
        lost = lost.saturating_add(stake_lost);
        let held = |wanted: fn(&Slot) -> bool| {
            let count = work.slots.iter().filter(|(_, slot)| wanted(slot)).count();
            count.to_string()
        };
        let counted = |key: &str| work.value.get(key).map_or("-".into(), Value::to_string);
        rows.push(vec![
            work.batch.to_string(),
            work.campaign.to_string(),
            work.state.clone(),
            time.short(work.deadline.into()),
            held(|slot| matches!(slot, Slot::Leased(_))),
            counted("committed"),
            match work.outcome() {
                Some((pay, _)) => Amount(pay).to_string(),
                None => "-".into(),
            },
            match work.outcome() {
                Some((_, lost)) if lost > 0 => Amount(lost).to_string(),
                _ => "-".into(),
            },
        ]);
    }
    let value = json!({
        "account": account.to_string(),
        "paid": paid.to_string(),
        "stake_lost": lost.to_string(),
        "credit": credit.to_string(),
        "free": balance.free.to_string(),
        "held": balance.held.to_string(),
        "batches": works.iter().map(|work| work.value.clone()).collect::<Vec<_>>(),
    });
    context.output.result(&value, || {
        let sums = output::pairs(&[
            ("account", account.to_string()),
            ("paid by these batches", Amount(paid).to_string()),
            ("stakes lost", Amount(lost).to_string()),
            (
                "waits until it opens the account",
                Amount(credit).to_string(),
            ),
            ("free balance", Amount(balance.free).to_string()),
        ]);
        if rows.is_empty() {
            return format!("{sums}\n\nThe chain keeps no batch of this account now.");
        }
        format!(
            "{sums}\n\n{}\n\nBatches are kept for some days after they are paid.",
            output::table(
                &[
                    "Batch",
                    "Campaign",
                    "State",
                    "Until",
                    "Leased",
                    "Committed",
                    "Paid",
                    "Lost",
                ],
                rows,
            )
        )
    });
    Ok(())
}
