//! What happened to a job, gathered from the events of blocks.

use crate::{amount::Amount, chain::Event};
use serde_json::{json, Map, Value};
use std::collections::BTreeMap;

/// The pallet whose events these are.
pub const PALLET: &str = "ComputeJobs";

/// What the events of a job add up to. Blocks have to come in order.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    job: u64,
    state: Option<String>,
    terminal: bool,
    providers: Vec<String>,
    output_root: Option<String>,
    paid: BTreeMap<String, u128>,
    fees: BTreeMap<String, u128>,
    struck: Vec<Value>,
    compensated: u128,
    refund: Option<u128>,
    grade: Option<Value>,
    reason: Option<String>,
    deadline: Option<u64>,
    steps: Vec<Value>,
    outputs: BTreeMap<String, String>,
}

impl History {
    /// An empty history of this job.
    pub fn new(job: u64) -> Self {
        Self {
            job,
            state: None,
            terminal: false,
            providers: Vec::new(),
            output_root: None,
            paid: BTreeMap::new(),
            fees: BTreeMap::new(),
            struck: Vec::new(),
            compensated: 0,
            refund: None,
            grade: None,
            reason: None,
            deadline: None,
            steps: Vec::new(),
            outputs: BTreeMap::new(),
        }
    }

    /// Whether `event` is about this job.
    pub fn concerns(&self, event: &Event) -> bool {
        event.pallet == PALLET && event.fields.get("job").and_then(Value::as_u64) == Some(self.job)
    }

    /// The last state seen.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// First block in which the state's calls are too late.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Whether the job has ended.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether the job's first event has been seen.
    pub fn is_complete(&self) -> bool {
        self.steps.first().and_then(|step| step.get("state")) == Some(&json!("open"))
    }

    /// Root of the accepted output, once the job has settled.
    pub fn output_root(&self) -> Option<&str> {
        self.output_root.as_deref()
    }

    /// An output that was revealed inline, as `0x` hex, by its root.
    pub fn inline_output(&self, root: &str) -> Option<&str> {
        self.outputs.get(root).map(String::as_str)
    }

    /// Takes in the events of one block and returns a line for each that is
    /// worth telling.
    pub fn block(&mut self, number: u64, events: &[Event]) -> Vec<String> {
        let mut lines = Vec::new();
        for event in events {
            if self.concerns(event) {
                if let Some(text) = self.event(number, event) {
                    lines.push(format!("#{number}  {text}"));
                }
            }
        }
        lines
    }

    fn enter(&mut self, number: u64, state: &str) {
        self.state = Some(state.to_owned());
        self.steps.push(json!({"block": number, "state": state}));
    }

    fn end(&mut self, number: u64, state: &str, fields: &Value) {
        self.enter(number, state);
        self.terminal = true;
        self.refund = planck(fields, "refunded");
    }

    fn event(&mut self, number: u64, event: &Event) -> Option<String> {
        let fields = &event.fields;
        let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
        let provider = text("provider").to_owned();
        let money = |key: &str| Amount(planck(fields, key).unwrap_or_default());
        Some(match event.name.as_str() {
            "JobCreated" => {
                self.enter(number, "open");
                self.deadline = fields.get("deadline").and_then(Value::as_u64);
                format!("open: {} held", money("held"))
            }
            "JobAdvanced" => {
                let state = text("status").to_owned();
                self.enter(number, &state);
                self.deadline = fields.get("deadline").and_then(Value::as_u64);
                format!("{state}, until block {}", self.deadline.unwrap_or_default())
            }
            "ReplicaAssigned" => {
                let line = format!("drawn {provider} for {}", money("pay"));
                if !self.providers.contains(&provider) {
                    self.providers.push(provider);
                }
                line
            }
            "ReplicaAccepted" => format!("accepted by {provider}"),
            "ReplicaReleased" => {
                self.providers.retain(|known| *known != provider);
                format!("released {provider}: it did not accept in time")
            }
            "ReplicaCommitted" => format!("committed by {provider}"),
            "ReplicaRevealed" => {
                let root = text("output_root").to_owned();
                if let Some(output) = fields.get("output").and_then(Value::as_str) {
                    self.outputs.insert(root.clone(), output.to_owned());
                }
                format!("revealed by {provider}: output {root}")
            }
            "ReplicaStruck" => {
                let fault = text("fault").to_owned();
                let amount = money("amount");
                let line = format!("struck {provider}: {fault}, loses {amount}");
                self.struck.push(json!({
                    "provider": provider,
                    "fault": fault,
                    "amount": amount.planck(),
                }));
                line
            }
            "ReplicaPaid" => {
                let line = format!("paid {provider} {}", money("pay"));
                let paid = self.paid.entry(provider.clone()).or_default();
                *paid = paid.saturating_add(money("pay").0);
                let fees = self.fees.entry(provider).or_default();
                *fees = fees.saturating_add(money("fee").0);
                line
            }
            "RequesterCompensated" => {
                self.compensated = self.compensated.saturating_add(money("amount").0);
                format!("compensated with {} from {provider}", money("amount"))
            }
            "JobSettled" => {
                self.end(number, "settled", fields);
                self.output_root = Some(text("output_root").to_owned());
                self.grade = fields.get("grade").cloned();
                format!("settled: output {}", text("output_root"))
            }
            "JobFailed" => {
                self.end(number, "failed", fields);
                self.reason = Some(text("reason").to_owned());
                format!("failed: {}", text("reason"))
            }
            "JobExpired" => {
                self.end(number, "expired", fields);
                "expired: no eligible offer was found in time".into()
            }
            "JobCancelled" => {
                self.end(number, "cancelled", fields);
                "cancelled".into()
            }
            "ThreadOpened" => {
                let what = match fields.pointer("/kind/delivery/piece") {
                    Some(piece) => format!("piece {piece} of the output demanded"),
                    None => format!("objection announced by {}", text("challenger")),
                };
                format!("thread {}: {what}{}", thread(fields), until(fields))
            }
            "DataDemanded" => {
                format!("thread {}: data demanded{}", thread(fields), until(fields))
            }
            "DataAnswered" => format!("thread {}: answered by {}", thread(fields), text("worker")),
            "ThreadClosed" => {
                format!(
                    "thread {} closed: {}",
                    thread(fields),
                    text("end").replace('_', " ")
                )
            }
            "ClaimStruck" => format!(
                "claim struck, {}, thanks to {}: {}",
                text("fault").replace('_', " "),
                text("prover"),
                text("trace_root")
            ),
            "ChallengerRewarded" => {
                format!("rewarded {} with {}", text("challenger"), money("amount"))
            }
            // Said above with more.
            "ReceiptKept" | "JobPoked" => return None,
            // Events that this client is too old to know have names that say enough.
            name => other(name, fields),
        })
    }

    /// The summary `job watch` prints.
    pub fn summary(&self) -> Value {
        let amounts = |map: &BTreeMap<String, u128>| {
            let fields = map
                .iter()
                .map(|(who, planck)| (who.clone(), json!(planck.to_string())));
            Value::Object(Map::from_iter(fields))
        };
        json!({
            "job": self.job,
            "state": self.state,
            "output_root": self.output_root,
            "providers": self.providers,
            "paid": amounts(&self.paid),
            "fees": amounts(&self.fees),
            "struck": self.struck,
            "refund": self.refund.map(|planck| planck.to_string()),
            "compensation": self.compensated.to_string(),
            "grade": self.grade,
            "reason": self.reason,
            "history": self.steps,
        })
    }

    /// The summary as people read it.
    pub fn describe(&self) -> String {
        let mut rows = vec![
            ("job".to_owned(), self.job.to_string()),
            (
                "state".to_owned(),
                self.state.clone().unwrap_or_else(|| "unknown".into()),
            ),
        ];
        let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
        if let Some(reason) = &self.reason {
            row("reason", reason.replace('_', " "));
        }
        if let Some(root) = &self.output_root {
            row("output", root.clone());
        }
        if let Some(grade) = &self.grade {
            row("checked by", grade_text(grade));
        }
        for (who, planck) in &self.paid {
            row("paid", format!("{} to {who}", Amount(*planck)));
        }
        for strike in &self.struck {
            let field = |key: &str| strike.get(key).and_then(Value::as_str).unwrap_or_default();
            row(
                "struck",
                format!(
                    "{}: {}",
                    field("provider"),
                    field("fault").replace('_', " ")
                ),
            );
        }
        if let Some(refund) = self.refund {
            row("refunded", Amount(refund).to_string());
        }
        if self.compensated != 0 {
            row("compensated", Amount(self.compensated).to_string());
        }
        crate::output::pairs(&rows)
    }
}

/// A thread's number.
fn thread(fields: &Value) -> u64 {
    fields
        .get("thread")
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// A deadline, behind a comma.
fn until(fields: &Value) -> String {
    fields
        .get("deadline")
        .and_then(Value::as_u64)
        .map(|block| format!(", until block {block}"))
        .unwrap_or_default()
}

/// An event by its name and its short fields.
fn other(name: &str, fields: &Value) -> String {
    let mut text = crate::scale::snake_case(name).replace('_', " ");
    let shown = fields.as_object().into_iter().flatten();
    for (key, value) in shown.filter(|(key, _)| *key != "job") {
        let value = crate::output::scalar(key, value);
        if value.len() <= 50 && value != "-" && !value.starts_with("0x") {
            text.push_str(&format!(", {} {value}", key.replace('_', " ")));
        }
    }
    text
}

/// How a result was checked, in words.
pub fn grade_text(grade: &Value) -> String {
    let number = |key: &str| {
        grade
            .get("replicated")
            .and_then(|fields| fields.get(key))
            .and_then(Value::as_u64)
    };
    match (grade.as_str(), number("agreed"), number("of")) {
        (Some("watched_only"), ..) => "one provider, checked by nobody on chain".into(),
        (Some("audited"), ..) => "audited: a second provider had the same trace".into(),
        _ if grade.get("sampled").is_some() => {
            "one provider, which an auditor might have been drawn to check; none confirmed it"
                .into()
        }
        (_, Some(agreed), Some(of)) => format!("{agreed} of {of} replicas agreed"),
        _ => grade.to_string(),
    }
}

/// An amount field, which JSON carries as a decimal string.
pub fn planck(fields: &Value, key: &str) -> Option<u128> {
    fields.get(key)?.as_str()?.parse().ok()
}

/// Reads `0x` hex of at most 1 KiB, the longest inline output.
pub fn inline_bytes(hex: &str) -> Option<Vec<u8>> {
    athanor_primitives::ticket::bytes_from_hex(hex, athanor_primitives::MAX_INLINE_OUTPUT as usize)
}

/// The state of a job as the view function names it.
pub fn view_state(view: &Value) -> Option<&str> {
    view.get("job")?.get("status")?.as_str()
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

    fn settled() -> History {
        let mut history = History::new(3);
        history.block(
            10,
            &[
                event(
                    "JobCreated",
                    json!({"job": 3, "requester": "R", "model": 0,
                    "held": "2000000000000", "deadline": 50}),
                ),
                event(
                    "JobCreated",
                    json!({"job": 4, "requester": "R", "held": "1"}),
                ),
            ],
        );
        let drawn = |who: &str| {
            event(
                "ReplicaAssigned",
                json!({"job": 3, "provider": who, "worker": "W",
                "pay": "5", "collateral": "9"}),
            )
        };
        history.block(14, &[drawn("A"), drawn("B"), drawn("C"), drawn("D")]);
        history.block(
            14,
            &[event(
                "JobAdvanced",
                json!({"job": 3, "status": "assigned", "deadline": 60}),
            )],
        );
        history.block(
            20,
            &[event("ReplicaReleased", json!({"job": 3, "provider": "D"}))],
        );
        history.block(
            30,
            &[
                event(
                    "ReplicaRevealed",
                    json!({"job": 3, "provider": "A",
                    "trace_root": "0x01", "output_root": "0xaa", "output": "0x0102"}),
                ),
                event(
                    "JobAdvanced",
                    json!({"job": 3, "status": "claimed", "deadline": 90}),
                ),
            ],
        );
        history.block(
            90,
            &[
                event(
                    "ReplicaStruck",
                    json!({"job": 3, "provider": "C", "fault": "outvoted",
                    "amount": "9"}),
                ),
                event(
                    "ReplicaPaid",
                    json!({"job": 3, "provider": "A", "pay": "5", "fee": "1",
                    "to_worker": "0"}),
                ),
                event(
                    "ReplicaPaid",
                    json!({"job": 3, "provider": "B", "pay": "5", "fee": "1",
                    "to_worker": "0"}),
                ),
                event(
                    "RequesterCompensated",
                    json!({"job": 3, "provider": "C", "amount": "2"}),
                ),
                event(
                    "JobSettled",
                    json!({"job": 3, "trace_root": "0x01",
                    "output_root": "0xaa", "grade": {"replicated": {"agreed": 2, "of": 3}},
                    "refunded": "7"}),
                ),
            ],
        );
        history
    }

    #[test]
    fn a_settled_jobs_summary_names_everybody_and_every_amount() {
        assert_eq!(
            settled().summary(),
            json!({
                "job": 3,
                "state": "settled",
                "output_root": "0xaa",
                "providers": ["A", "B", "C"],
                "paid": {"A": "5", "B": "5"},
                "fees": {"A": "1", "B": "1"},
                "struck": [{"provider": "C", "fault": "outvoted", "amount": "9"}],
                "refund": "7",
                "compensation": "2",
                "grade": {"replicated": {"agreed": 2, "of": 3}},
                "reason": null,
                "history": [
                    {"block": 10, "state": "open"},
                    {"block": 14, "state": "assigned"},
                    {"block": 30, "state": "claimed"},
                    {"block": 90, "state": "settled"},
                ],
            })
        );
        let history = settled();
        assert!(history.is_terminal() && history.is_complete());
        assert_eq!(history.output_root(), Some("0xaa"));
        assert_eq!(
            history.inline_output("0xaa").and_then(inline_bytes),
            Some(vec![1, 2])
        );
        let text = history.describe();
        assert!(
            text.contains("2 of 3 replicas agreed") && text.contains("outvoted"),
            "{text}"
        );
    }

    #[test]
    fn events_of_other_jobs_and_pallets_are_left_out() {
        let mut history = History::new(4);
        let lines = history.block(
            1,
            &[
                event("JobCancelled", json!({"job": 5, "refunded": "1"})),
                Event {
                    pallet: "Balances".into(),
                    name: "Held".into(),
                    fields: json!({"job": 4}),
                },
                event("OfferSet", json!({"provider": "A"})),
            ],
        );
        assert!(lines.is_empty());
        assert_eq!(history, History::new(4));
    }

    #[test]
    fn every_other_end_is_terminal_with_its_refund() {
        for (name, state) in [
            ("JobFailed", "failed"),
            ("JobExpired", "expired"),
            ("JobCancelled", "cancelled"),
        ] {
            let mut history = History::new(1);
            let fields = json!({"job": 1, "reason": "not_computed", "refunded": "8"});
            let lines = history.block(7, &[event(name, fields)]);
            assert_eq!(lines.len(), 1);
            assert!(history.is_terminal() && !history.is_complete());
            let summary = history.summary();
            assert_eq!(summary["state"], state);
            assert_eq!(summary["refund"], "8");
            assert_eq!(summary["output_root"], Value::Null);
        }
    }

    #[test]
    fn events_this_client_does_not_know_are_told_by_their_names() {
        let mut history = History::new(1);
        let fields = json!({"job": 1, "thread": 2, "challenger": "5G", "bond": "1500000000000",
            "proof": format!("0x{}", "00".repeat(90)), "value": {"node": 3}});
        let lines = history.block(9, &[event("ThingOpened", fields)]);
        assert_eq!(
            lines,
            ["#9  thing opened, bond 1.5 AUR, challenger 5G, thread 2"]
        );
        assert_eq!(history.state(), None);
    }

    #[test]
    fn disputes_and_deliveries_are_told() {
        let mut history = History::new(1);
        let told: Vec<String> = [
            (
                "ThreadOpened",
                json!({"thread": 2, "challenger": "C", "deadline": 50,
                    "kind": {"dispute": {"announcement": "0x01", "since": 9}}}),
            ),
            (
                "ThreadOpened",
                json!({"thread": 3, "challenger": "R", "deadline": 60,
                    "kind": {"delivery": {"output": 0, "piece": 4}}}),
            ),
            ("DataDemanded", json!({"thread": 2, "deadline": 70})),
            ("DataAnswered", json!({"thread": 2, "worker": "W"})),
            (
                "ClaimStruck",
                json!({"trace_root": "0x01", "fault": "fraud_proven", "prover": "C"}),
            ),
            (
                "ThreadClosed",
                json!({"thread": 2, "end": "convicted", "lost": "0"}),
            ),
            (
                "ChallengerRewarded",
                json!({"provider": "B", "challenger": "C", "amount": "1000000000000"}),
            ),
        ]
        .into_iter()
        .flat_map(|(name, mut fields)| {
            fields["job"] = json!(1);
            history.block(9, &[event(name, fields)])
        })
        .collect();
        assert_eq!(
            told,
            [
                "#9  thread 2: objection announced by C, until block 50",
                "#9  thread 3: piece 4 of the output demanded, until block 60",
                "#9  thread 2: data demanded, until block 70",
                "#9  thread 2: answered by W",
                "#9  claim struck, fraud proven, thanks to C: 0x01",
                "#9  thread 2 closed: convicted",
                "#9  rewarded C with 1 AUR",
            ]
        );
    }

    #[test]
    fn fields_that_are_missing_do_no_harm() {
        let mut history = History::new(1);
        for name in [
            "JobCreated",
            "JobAdvanced",
            "ReplicaPaid",
            "ReplicaStruck",
            "JobSettled",
            "Unknown",
        ] {
            history.block(1, &[event(name, json!({"job": 1}))]);
        }
        assert_eq!(history.summary()["state"], "settled");
        assert_eq!(history.summary()["refund"], Value::Null);
    }
}
