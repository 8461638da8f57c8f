//! `athanor data claim`, `pool`: what sales have brought.

use super::shared::{beneficiary_text, parse_beneficiary, parse_pool, pool_text, Send};
use crate::{
    amount::Amount,
    chain::Call,
    commands::{number, Context},
    error::{Error, Result},
    market::{
        view,
        wire::{ChainBeneficiary, ChainPool},
        PALLET,
    },
    output,
};
use athanor_primitives::market::{Beneficiary, PoolId};
use clap::Args;
use serde_json::{json, Value};
use subxt::utils::AccountId32;

/// Options of `data claim`.
#[derive(Args, Debug)]
pub struct Claim {
    /// The pool: listing:ID or campaign:ID
    #[arg(value_name = "POOL", value_parser = parse_pool)]
    pub pool: PoolId,
    /// Whom it goes to: an account, or a pool [default: the signing account]
    #[arg(long, value_name = "WHO", value_parser = parse_beneficiary)]
    pub to: Option<Beneficiary<AccountId32>>,
    /// Show call and fee; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `data pool`.
#[derive(Args, Debug)]
pub struct Pool {
    /// The pool: listing:ID or campaign:ID
    #[arg(value_name = "POOL", value_parser = parse_pool)]
    pub pool: PoolId,
}

/// `data claim`.
pub(super) async fn claim(options: &Claim, context: &Context) -> Result<()> {
    let send = Send::new(context, options.dry_run).await?;
    let to = options
        .to
        .clone()
        .unwrap_or_else(|| Beneficiary::Account(send.account()));
    let state = send.chain.best().await?;
    let amount = view::claimable(&state, options.pool, &to).await?;
    if amount == 0 {
        return Err(Error::Refused(format!(
            "there is nothing in {} for {} now",
            pool_text(options.pool),
            beneficiary_text(&to)
        )));
    }
    let call = Call::new(
        PALLET,
        "claim",
        (ChainPool::from(options.pool), ChainBeneficiary::from(&to)),
    );
    let value = json!({"pool": pool_text(options.pool), "to": beneficiary_text(&to)});
    send.call_with(
        call,
        &[("claimable", amount)],
        value,
        |included, mut value| {
            let paid = included.field(PALLET, "Claimed", "amount")?;
            let paid = number(&paid).unwrap_or(amount);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("claimed".into(), Value::String(paid.to_string()));
            }
            Ok(value)
        },
    )
    .await
}

/// `data pool`.
pub(super) async fn pool(options: &Pool, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let pool = view::pool(&state, options.pool)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no pool {}", pool_text(options.pool))))?;
    let value = json!({
        "pool": pool_text(options.pool),
        "units": pool.supply,
        "received": pool.received.to_string(),
        "claimed": pool.claimed.to_string(),
        "closes_at": pool.closes_at,
        "holder_count": pool.holder_count,
        "holders": pool.holders.iter().map(|holder| json!({
            "who": beneficiary_text(&holder.beneficiary),
            "units": holder.units,
            "claimed": holder.claimed.to_string(),
            "claimable": holder.claimable.to_string(),
        })).collect::<Vec<_>>(),
    });
    context.output.result(&value, || {
        let rows = pool.holders.iter().map(|holder| {
            vec![
                beneficiary_text(&holder.beneficiary),
                holder.units.to_string(),
                Amount(holder.claimed).to_string(),
                Amount(holder.claimable).to_string(),
            ]
        });
        format!(
            "{}\n\n{}",
            output::pairs(&[
                ("pool", pool_text(options.pool)),
                ("units", pool.supply.to_string()),
                ("received", Amount(pool.received).to_string()),
                ("claimed", Amount(pool.claimed).to_string()),
                (
                    "enrolment",
                    match pool.closes_at {
                        Some(at) => format!("until market time {at}, and it pays after that"),
                        None => "closed".into(),
                    }
                ),
                ("holders", pool.holder_count.to_string()),
            ]),
            output::table(&["Holder", "Units", "Claimed", "Claimable"], rows)
        )
    });
    Ok(())
}
