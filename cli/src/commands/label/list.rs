//! `athanor label list`: what there is to label.

use super::{
    contributor::{clock, times},
    PALLET,
};
use crate::{
    amount::Amount,
    commands::{field, field_u64, number, Context},
    error::Result,
    output,
};
use clap::Args;
use serde_json::{json, Value};

/// Options of `label list`.
#[derive(Args, Debug)]
pub struct List {
    /// Only campaigns behind this one
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
    /// Most campaigns to list
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
}

fn kind(label: &Value) -> String {
    match label {
        Value::String(name) => name.clone(),
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        _ => "?".into(),
    }
}

fn gate(gate: &Value) -> String {
    match gate {
        Value::String(name) => name.clone(),
        Value::Object(fields) => match fields.get("domain") {
            Some(domain) => format!("domain {}", domain["id"]),
            None => "?".into(),
        },
        _ => "?".into(),
    }
}

/// Lists open batches.
pub(super) async fn run(options: List, context: &Context) -> Result<()> {
    let chain = context.chain().await?;
    let state = chain.best().await?;
    let campaigns = state
        .view(PALLET, "campaigns", (options.after, options.limit))
        .await?;
    let time = times(&state, clock(&state).await?)?;
    let mut rows = Vec::new();
    for campaign in campaigns.as_array().into_iter().flatten() {
        let terms = field(campaign, "terms")?;
        let tasks = field_u64(terms, "tasks")?;
        let pay = number(field(terms, "pay")?).unwrap_or(0);
        let page = pay.saturating_mul(tasks.into());
        let stake = page.saturating_mul(u128::from(field_u64(terms, "stake")?)) / 10_000;
        let record = field(campaign, "record")?;
        let contested = number(field(record, "gold_contested")?).unwrap_or(0);
        let gold = number(field(record, "gold_opened")?).unwrap_or(0);
        for batch in field(campaign, "open")?.as_array().into_iter().flatten() {
            rows.push(vec![
                field_u64(batch, "id")?.to_string(),
                field_u64(campaign, "id")?.to_string(),
                kind(field(terms, "label")?),
                tasks.to_string(),
                Amount(page).to_string(),
                Amount(stake).to_string(),
                gate(field(terms, "gate")?),
                field_u64(batch, "free_slots")?.to_string(),
                time.short(field_u64(batch, "until")?),
                format!("{contested}/{gold}"),
            ]);
        }
    }
    let value = json!({"clock": time.now(), "campaigns": campaigns});
    context.output.result(&value, || {
        if rows.is_empty() {
            return "There is nothing to label now.".into();
        }
        format!(
            "{}\n\nStake is held a page while you work; sponsored vouchers need none. Contested: \
             gold answers of\nthis requester that four fifths of a panel answered otherwise.",
            output::table(
                &[
                    "Batch",
                    "Campaign",
                    "Type",
                    "Tasks",
                    "A page pays",
                    "Stake",
                    "Gate",
                    "Free",
                    "Until",
                    "Contested",
                ],
                rows,
            )
        )
    });
    Ok(())
}
