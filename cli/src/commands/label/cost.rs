//! Every way a batch can end, and what its requester pays then: the money rows of
//! `docs/spec/label-bounties.md` with the amounts of one batch.

use crate::{amount::Amount, output};
use athanor_primitives::labels::CampaignTerms;
use serde_json::{json, Value};

/// What the amounts follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// Pages.
    pub(super) pages: u32,
    /// Answers a page is closed with early.
    pub(super) panel_min: u8,
    /// Slots of a page.
    pub(super) panel_max: u8,
    /// Tasks a page.
    pub(super) tasks: u8,
    /// Gold a page.
    pub(super) gold: u8,
    /// Full pay of a page, b·m.
    pub(super) page_pay: u128,
    /// Fee of an answered page.
    pub(super) fee: u128,
    /// What an answered page costs in block fees.
    pub(super) slot_fee: u128,
    /// Stake of a worker for a page.
    pub(super) stake: u128,
    /// Bond for gold that is opened and not contested.
    pub(super) bond: u128,
    /// Deposits, which always come back.
    pub(super) deposit: u128,
}

/// What the chain takes, in its own numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Fee in parts per million of a page's pay.
    pub(super) fee: u128,
    /// Bond in parts per million of the full pay.
    pub(super) bond: u128,
    /// Fee of a slot.
    pub(super) slot_fee: u128,
}

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// Its name for scripts.
    pub(super) name: &'static str,
    /// What happens.
    pub(super) when: String,
    /// What leaves the requester's account for good.
    pub(super) pays: u128,
    /// What of the amount held comes back.
    pub(super) refund: u128,
}

const MILLION: u128 = 1_000_000;

impl Cost {
    /// The costs of a batch of pages.
    pub(super) fn new(terms: &CampaignTerms, pages: u32, rates: Rates, deposit: u128) -> Self {
        let page_pay = terms.page_pay();
        let full = page_pay
            .saturating_mul(terms.panel_max.into())
            .saturating_mul(pages.into());
        Self {
            pages,
            panel_min: terms.panel_min,
            panel_max: terms.panel_max,
            tasks: terms.tasks,
            gold: terms.gold,
            page_pay,
            fee: page_pay.saturating_mul(rates.fee).div_ceil(MILLION),
            slot_fee: rates.slot_fee,
            stake: terms.page_stake(),
            bond: full.saturating_mul(rates.bond).div_ceil(MILLION),
            deposit,
        }
    }

    /// What an answered page costs.
    pub(super) fn slot(&self) -> u128 {
        self.page_pay
            .saturating_add(self.fee)
            .saturating_add(self.slot_fee)
    }

    fn slots(&self, panel: u8) -> u128 {
        self.slot()
            .saturating_mul(panel.into())
            .saturating_mul(self.pages.into())
    }

    /// Held when the batch is opened, without the deposits.
    pub(super) fn held(&self) -> u128 {
        self.slots(self.panel_max).saturating_add(self.bond)
    }

    /// The cases, the usual one first.
    pub(super) fn cases(&self) -> Vec<Case> {
        let held = self.held();
        let all = self.slots(self.panel_max);
        let case = |name, when: String, pays: u128| Case {
            name,
            when,
            pays,
            refund: held.saturating_sub(pays),
        };
        let mut cases = vec![case(
            "answered",
            "every page is answered by its whole panel; what answers do not earn goes to the \
             treasury, not back"
                .into(),
            all,
        )];
        if self.panel_min < self.panel_max {
            cases.push(case(
                "closed_early",
                format!("every page is closed after {} answers", self.panel_min),
                self.slots(self.panel_min),
            ));
        }
        cases.push(case(
            "one_answer",
            "each single answered page, whatever it earns".into(),
            self.slot(),
        ));
        cases.push(case(
            "nobody",
            "nobody answers, or it is cancelled before anybody did".into(),
            0,
        ));
        if self.gold > 0 {
            cases.push(case(
                "gold_contested",
                "the whole panel answers and contradicts over a quarter of the gold".into(),
                all.saturating_add(self.bond.div_ceil(2)),
            ));
            cases.push(case(
                "gold_unopened",
                "the whole panel answers and no gold is opened in time".into(),
                all.saturating_add(self.bond),
            ));
        }
        cases
    }

    /// What scripts read.
    pub(super) fn json(&self) -> Value {
        let cases: Vec<Value> = self
            .cases()
            .iter()
            .map(|case| {
                json!({
                    "case": case.name,
                    "pays": case.pays.to_string(),
                    "refund": case.refund.to_string(),
                })
            })
            .collect();
        json!({
            "pages": self.pages,
            "page_tasks": self.tasks,
            "page_gold": self.gold,
            "panel": [self.panel_min, self.panel_max],
            "page_pay": self.page_pay.to_string(),
            "fee": self.fee.to_string(),
            "slot_fee": self.slot_fee.to_string(),
            "stake": self.stake.to_string(),
            "bond": self.bond.to_string(),
            "held": self.held().to_string(),
            "deposit": self.deposit.to_string(),
            "cases": cases,
        })
    }

    /// What people read.
    pub(super) fn table(&self) -> String {
        let panel = if self.panel_min == self.panel_max {
            format!("{}", self.panel_max)
        } else {
            format!("{} to {}", self.panel_min, self.panel_max)
        };
        let rows = output::pairs(&[
            (
                "pages",
                format!(
                    "{} of {} tasks, {} of them gold",
                    self.pages, self.tasks, self.gold
                ),
            ),
            ("answers a page", panel),
            ("an answered page", Amount(self.slot()).to_string()),
            ("  of it pay", Amount(self.page_pay).to_string()),
            ("  of it fee", Amount(self.fee).to_string()),
            ("  of it block fees", Amount(self.slot_fee).to_string()),
            ("held", Amount(self.held()).to_string()),
            (
                "  of it for answers",
                Amount(self.slots(self.panel_max)).to_string(),
            ),
            ("  of it bond", Amount(self.bond).to_string()),
            ("deposits", format!("{}, always back", Amount(self.deposit))),
            ("a worker stakes", format!("{} a page", Amount(self.stake))),
        ]);
        let cases = output::narrow_table(
            &["If", "you pay", "and get back"],
            self.cases().into_iter().map(|case| {
                [
                    case.when,
                    Amount(case.pays).to_string(),
                    Amount(case.refund).to_string(),
                ]
            }),
        );
        format!("{rows}\n\n{cases}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_label_math::LabelType;

    fn cost() -> Cost {
        let terms = CampaignTerms {
            panel_min: 2,
            panel_max: 4,
            ..CampaignTerms::standard(LabelType::Preference, 8, 4, 1_000)
        };
        let rates = Rates {
            fee: 20_000,
            bond: 100_000,
            slot_fee: 100,
        };
        Cost::new(&terms, 3, rates, 77)
    }

    #[test]
    fn the_amounts_are_those_of_the_money_rows() {
        let cost = cost();
        assert_eq!((cost.page_pay, cost.fee, cost.stake), (8_000, 160, 2_000));
        assert_eq!(cost.slot(), 8_260);
        assert_eq!(cost.bond, 9_600);
        assert_eq!(cost.held(), 12 * 8_260 + 9_600);
        let pays = |name: &str| {
            let case = cost.cases().into_iter().find(|case| case.name == name);
            let case = case.unwrap();
            assert_eq!(case.pays + case.refund, cost.held());
            case.pays
        };
        assert_eq!(pays("answered"), 12 * 8_260);
        assert_eq!(pays("closed_early"), 6 * 8_260);
        assert_eq!(pays("one_answer"), 8_260);
        assert_eq!(pays("nobody"), 0);
        assert_eq!(pays("gold_contested"), 12 * 8_260 + 4_800);
        assert_eq!(pays("gold_unopened"), cost.held());
    }

    #[test]
    fn cases_that_cannot_happen_are_not_listed() {
        let mut cost = cost();
        cost.panel_min = 4;
        cost.gold = 0;
        let names: Vec<&str> = cost.cases().iter().map(|case| case.name).collect();
        assert_eq!(names, ["answered", "one_answer", "nobody"]);
    }

    #[test]
    fn fees_round_up_and_the_table_fits_80_columns() {
        let mut cost = cost();
        cost.page_pay = 1_234_567_890_123_456_789;
        cost.bond = 98_765_432_109_876_543_210;
        let text = cost.table();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let terms = CampaignTerms::standard(LabelType::Preference, 8, 4, 1_001);
        let rates = Rates {
            fee: 20_000,
            bond: 0,
            slot_fee: 0,
        };
        assert_eq!(Cost::new(&terms, 1, rates, 0).fee, 161);
    }
}
