//! What a provider earned and lost, gathered from the events of blocks.

use crate::{
    amount::Amount,
    chain::Event,
    history::{planck, PALLET},
    output,
};
use serde_json::{json, Value};
use std::collections::BTreeSet;

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    block: u64,
    job: Option<u64>,
    kind: String,
    /// Came in, fees included.
    gross: u128,
    /// Went to the treasury.
    fee: u128,
    /// Filled up the worker key's account.
    to_worker: u128,
    /// Was lost.
    lost: u128,
}

/// What the events of a provider add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earnings {
    provider: String,
    worker: Option<String>,
    entries: Vec<Entry>,
    first: Option<u64>,
    last: Option<u64>,
}

impl Earnings {
    /// Nothing so far.
    pub fn new(provider: impl Into<String>) -> Self {
        Self {
            provider: provider.into(),
            worker: None,
            entries: Vec::new(),
            first: None,
            last: None,
        }
    }

    /// Counts what this worker key is rewarded with, too.
    pub fn with_worker(mut self, worker: Option<String>) -> Self {
        self.worker = worker;
        self
    }

    /// Takes in the events of one block. Blocks may come in any order.
    pub fn block(&mut self, number: u64, events: &[Event]) {
        self.first = Some(self.first.map_or(number, |first| first.min(number)));
        self.last = Some(self.last.map_or(number, |last| last.max(number)));
        for event in events.iter().filter(|event| event.pallet == PALLET) {
            let fields = &event.fields;
            let is =
                |key: &str| fields.get(key).and_then(Value::as_str) == Some(self.provider.as_str());
            let is_worker = |key: &str| {
                let named = fields.get(key).and_then(Value::as_str);
                named.is_some() && named == self.worker.as_deref()
            };
            let money = |key: &str| planck(fields, key).unwrap_or_default();
            let entry = Entry {
                block: number,
                job: fields.get("job").and_then(Value::as_u64),
                kind: String::new(),
                gross: 0,
                fee: 0,
                to_worker: 0,
                lost: 0,
            };
            let found = match event.name.as_str() {
                "ReplicaPaid" if is("provider") => Entry {
                    kind: "paid".into(),
                    gross: money("pay"),
                    fee: money("fee"),
                    to_worker: money("to_worker"),
                    ..entry
                },
                "ReplicaStruck" if is("provider") => Entry {
                    kind: fields
                        .get("fault")
                        .and_then(Value::as_str)
                        .unwrap_or("struck")
                        .to_owned(),
                    lost: money("amount"),
                    ..entry
                },
                // Half of what a liar loses, for a challenger, or a replica of ours.
                "ChallengerRewarded" if is("challenger") || is_worker("challenger") => Entry {
                    kind: "reward".into(),
                    gross: money("amount"),
                    ..entry
                },
                "PaymentDiverted" if is("intended") => Entry {
                    kind: "diverted".into(),
                    lost: money("amount"),
                    ..entry
                },
                _ => continue,
            };
            self.entries.push(found);
        }
    }

    fn sum(&self, of: impl Fn(&Entry) -> u128) -> u128 {
        self.entries
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(of(entry)))
    }

    /// Number of jobs that were paid.
    fn paid_jobs(&self) -> usize {
        let paid = self.entries.iter().filter(|entry| entry.kind == "paid");
        paid.filter_map(|entry| entry.job)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// Everything, with totals.
    pub fn json(&self) -> Value {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| (entry.block, entry.job));
        let (gross, fees, lost) = (
            self.sum(|entry| entry.gross),
            self.sum(|entry| entry.fee),
            self.sum(|entry| entry.lost),
        );
        let entries: Vec<Value> = entries
            .iter()
            .map(|entry| {
                json!({
                    "block": entry.block,
                    "job": entry.job,
                    "kind": entry.kind,
                    "pay": entry.gross.to_string(),
                    "fee": entry.fee.to_string(),
                    "to_worker": entry.to_worker.to_string(),
                    "lost": entry.lost.to_string(),
                })
            })
            .collect();
        let net = gross.saturating_sub(fees);
        json!({
            "provider": self.provider,
            "from_block": self.first,
            "to_block": self.last,
            "entries": entries,
            "totals": {
                "jobs": self.paid_jobs(),
                "pay": gross.to_string(),
                "fees": fees.to_string(),
                "net": net.to_string(),
                "to_worker": self.sum(|entry| entry.to_worker).to_string(),
                "lost": lost.to_string(),
            },
        })
    }

    /// A table with totals.
    pub fn describe(&self) -> String {
        let value = self.json();
        let money = |value: &Value, key: &str| match planck(value, key) {
            None | Some(0) => String::new(),
            Some(amount) => Amount(amount).to_string(),
        };
        let rows = value["entries"].as_array().into_iter().flatten();
        let rows: Vec<Vec<String>> = rows
            .map(|entry| {
                vec![
                    entry["block"].to_string(),
                    entry["job"]
                        .as_u64()
                        .map_or_else(String::new, |job| job.to_string()),
                    entry["kind"].as_str().unwrap_or_default().replace('_', " "),
                    money(entry, "pay"),
                    money(entry, "fee"),
                    money(entry, "lost"),
                ]
            })
            .collect();
        let totals = &value["totals"];
        let total = |key: &str| Amount(planck(totals, key).unwrap_or_default()).to_string();
        let blocks = match (self.first, self.last) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "none".into(),
        };
        let summary = output::pairs(&[
            ("blocks", blocks),
            ("jobs paid", self.paid_jobs().to_string()),
            ("pay", total("pay")),
            ("fees", total("fees")),
            (
                "net",
                format!(
                    "{}, of which {} to the worker key",
                    total("net"),
                    total("to_worker")
                ),
            ),
            ("lost", total("lost")),
        ]);
        if rows.is_empty() {
            return format!("{summary}\n\nNothing was paid or lost in these blocks.");
        }
        let headers = ["Block", "Job", "What", "Pay", "Fee", "Lost"];
        format!("{}\n\n{summary}", output::narrow_table(&headers, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, fields: Value) -> Event {
        Event {
            pallet: PALLET.into(),
            name: name.into(),
            fields,
        }
    }

    fn earned() -> Earnings {
        let mut earnings = Earnings::new("A");
        let paid = |job: u64, who: &str| {
            event(
                "ReplicaPaid",
                json!({"job": job, "provider": who, "pay": "1000000000000",
                    "fee": "20000000000", "to_worker": "5"}),
            )
        };
        // The newest block first, as a search backwards finds them.
        earnings.block(12, &[paid(8, "A"), paid(8, "B")]);
        earnings.block(
            11,
            &[event(
                "ReplicaStruck",
                json!({"job": 7, "provider": "A", "fault": "no_reveal", "amount": "9"}),
            )],
        );
        earnings.block(
            10,
            &[
                paid(6, "A"),
                event("PaymentDiverted", json!({"intended": "A", "amount": "3"})),
                event("ReplicaAccepted", json!({"job": 6, "provider": "A"})),
                Event {
                    pallet: "Balances".into(),
                    name: "ReplicaPaid".into(),
                    fields: json!({"job": 6, "provider": "A", "pay": "1"}),
                },
            ],
        );
        earnings
    }

    #[test]
    fn pays_fees_and_losses_add_up() {
        let value = earned().json();
        assert_eq!(
            value["totals"],
            json!({"jobs": 2, "pay": "2000000000000", "fees": "40000000000",
                "net": "1960000000000", "to_worker": "10", "lost": "12"})
        );
        assert_eq!(
            (value["from_block"].as_u64(), value["to_block"].as_u64()),
            (Some(10), Some(12))
        );
        let kinds: Vec<_> = value["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                (
                    entry["block"].as_u64().unwrap(),
                    entry["kind"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            kinds,
            [
                (10, "diverted"),
                (10, "paid"),
                (11, "no_reveal"),
                (12, "paid")
            ]
        );
    }

    #[test]
    fn the_table_has_every_entry_and_fits_80_columns() {
        let text = earned().describe();
        for part in ["no reveal", "1 AUR", "1.96 AUR", "10 to 12"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }

    #[test]
    fn rewards_of_provider_and_worker_key_count_as_income() {
        let mut earnings = Earnings::new("A").with_worker(Some("W".into()));
        let reward = |who: &str| {
            event(
                "ChallengerRewarded",
                json!({"job": 7, "provider": "B", "challenger": who, "amount": "5"}),
            )
        };
        earnings.block(1, &[reward("A"), reward("W"), reward("C")]);
        let totals = &earnings.json()["totals"];
        assert_eq!((&totals["pay"], &totals["jobs"]), (&json!("10"), &json!(0)));
    }

    #[test]
    fn blocks_without_events_still_count_as_looked_at() {
        let mut earnings = Earnings::new("A");
        assert!(earnings.describe().contains("none"));
        earnings.block(4, &[]);
        assert_eq!(earnings.json()["from_block"], 4);
        assert!(earnings.describe().contains("Nothing was paid"));
    }
}
