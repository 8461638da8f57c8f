//! What `job quote` promises.

use crate::athanor::{amount, number, text};
use anyhow::{ensure, Context, Result};
use serde_json::Value;

/// A quote, with what each way the job can end is said to cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    /// Held for the job.
    pub(super) held: u128,
    /// And for its receipt.
    pub(super) deposit: u128,
    /// Offers that take it.
    pub(super) eligible: u64,
    /// The least that one of them asks.
    pub(super) cheapest: Option<u128>,
    cases: Vec<Case>,
}

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    name: String,
    /// What leaves the requester's account for good.
    pub(super) pays: u128,
    /// What of the amount held comes back.
    pub(super) refund: u128,
    /// Most that comes on top.
    pub(super) compensation: u128,
}

impl Quote {
    /// Reads a quote, each case of which has to account for all that is held.
    pub(super) fn read(answer: &Value) -> Result<Self> {
        let held = amount(answer, "held")?;
        let list = answer.get("cases").and_then(Value::as_array);
        let mut cases = Vec::new();
        for case in list.with_context(|| format!("no cases in {answer}"))? {
            let read = Case {
                name: text(case, "case")?,
                pays: amount(case, "pays")?,
                refund: amount(case, "refund")?,
                compensation: amount(case, "compensation_up_to")?,
            };
            ensure!(
                read.pays + read.refund == held,
                "{case} does not account for the {held} that are held"
            );
            cases.push(read);
        }
        let cheapest = answer.pointer("/cheapest/0").map(|least| {
            let digits = least.as_str().map(str::parse::<u128>);
            digits
                .and_then(Result::ok)
                .with_context(|| format!("{least} is no amount"))
        });
        Ok(Self {
            held,
            deposit: amount(answer, "deposit")?,
            eligible: number(answer, "eligible")?,
            cheapest: cheapest.transpose()?,
            cases,
        })
    }

    /// A case by its name.
    pub(super) fn case(&self, name: &str) -> Result<&Case> {
        self.cases
            .iter()
            .find(|case| case.name == name)
            .with_context(|| format!("`{name}` is not quoted: {self:?}"))
    }

    /// Checks that these cases are quoted, each with what it pays and the most that comes on top, and
    /// no other.
    pub(super) fn ensure_cases(&self, wanted: &[(&str, u128, u128)]) -> Result<()> {
        for (name, pays, compensation) in wanted {
            let case = self.case(name)?;
            ensure!(
                (case.pays, case.compensation) == (*pays, *compensation),
                "`{name}` should cost {pays} and bring up to {compensation}: {case:?}"
            );
        }
        ensure!(
            self.cases.len() == wanted.len(),
            "{} cases are quoted, not {}: {self:?}",
            self.cases.len(),
            wanted.len()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(refund: &str) -> Value {
        json!({ "held": "10", "deposit": "3", "eligible": 1, "cheapest": ["4"], "cases": [
            { "case": "expired", "pays": "2", "refund": refund, "compensation_up_to": "1" }] })
    }

    #[test]
    fn a_quote_is_read_and_compared() {
        let quote = Quote::read(&answer("8")).unwrap();
        assert_eq!((quote.held, quote.deposit, quote.eligible), (10, 3, 1));
        assert_eq!(quote.cheapest, Some(4));
        quote.ensure_cases(&[("expired", 2, 1)]).unwrap();
        for wrong in [&[("expired", 2, 0)][..], &[("cancelled", 2, 1)], &[]] {
            assert!(quote.ensure_cases(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_case_that_loses_money_is_no_quote() {
        assert!(Quote::read(&answer("7")).is_err());
        assert!(Quote::read(&json!({ "held": "10" })).is_err());
    }
}
