//! Every way a job can end, and what its requester pays then: the money table of
//! `docs/spec/compute-jobs.md` with the amounts of one job.

use crate::{amount::Amount, clock::Clock, output, terms::Policy};
use serde_json::{json, Value};

/// Collateral is at least so many times the pay, unless audits ask for more.
const LEAST_FACTOR: u128 = 5;

/// What the amounts follow from.
#[derive(Clone, Debug)]
pub struct Stakes {
    /// Policy.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: u128,
    /// For whoever pokes the job along.
    pub tip: u128,
    /// Held for pay, audit premium, stake and tip.
    pub held: u128,
    /// Held beside it for the receipt.
    pub deposit: u128,
    /// What the cheapest offers that take the job ask, as many as the policy draws.
    pub cheapest: Vec<u128>,
    /// The chain's least collateral, or the requester's.
    pub min_collateral: u128,
    /// Blocks in which providers must be found.
    pub open_for: u64,
    /// The tip pays so much for each transition that had to be poked.
    pub poke_reward: u128,
}

/// One way to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its name for scripts.
    pub name: &'static str,
    /// What happens, in words that follow `the job`.
    pub when: String,
    /// What leaves the requester's account for good.
    pub pays: u128,
    /// What of the amount held comes back.
    pub refund: u128,
    /// Most that comes on top, out of the collateral of who was caught.
    pub compensation: u128,
}

impl Stakes {
    fn replicas(&self) -> u128 {
        self.policy.replicas().into()
    }

    /// Held to pay providers.
    fn budget(&self) -> u128 {
        self.max_pay.saturating_mul(self.replicas())
    }

    /// Goes into the audit pot when a provider is drawn.
    pub fn premium(&self) -> u128 {
        match self.policy {
            Policy::Optimistic { audit, .. } => {
                self.max_pay.saturating_mul(audit.into()).div_ceil(256)
            }
            Policy::Replicated { .. } => 0,
        }
    }

    /// Lost if too few providers can get input and weights: the rest of what is held.
    pub fn stake(&self) -> u128 {
        self.held
            .saturating_sub(self.budget())
            .saturating_sub(self.premium())
            .saturating_sub(self.tip)
    }

    /// Collateral as a multiple of the pay.
    fn factor(&self) -> u128 {
        match self.policy {
            Policy::Optimistic { audit: 1.., .. } => {
                let Policy::Optimistic { audit, .. } = self.policy else {
                    return LEAST_FACTOR;
                };
                427u128.div_ceil(audit.into()).max(LEAST_FACTOR)
            }
            _ => LEAST_FACTOR,
        }
    }

    /// What one provider has at stake at a pay.
    pub fn collateral(&self, pay: u128) -> u128 {
        pay.saturating_mul(self.factor()).max(self.min_collateral)
    }

    /// Sum of the cheapest prices, if enough offers take the job.
    fn cheapest_total(&self) -> Option<u128> {
        (self.cheapest.len() as u128 >= self.replicas()).then(|| {
            self.cheapest
                .iter()
                .fold(0, |sum: u128, pay| sum.saturating_add(*pay))
        })
    }

    /// What one provider's collateral compensates the requester with at most, at the
    /// least collateral it can have.
    fn compensation(&self) -> u128 {
        let pay = self.cheapest.first().copied().unwrap_or(self.max_pay);
        (self.collateral(pay) / 5).min(self.budget() / 5)
    }

    /// Every case, the good ones first.
    pub fn cases(&self, clock: &Clock) -> Vec<Case> {
        let (held, tip, premium) = (self.held, self.tip, self.premium());
        let one = self.replicas() == 1;
        let audited = matches!(self.policy, Policy::Optimistic { audit: 1.., .. });
        // With one provider less, the others still are a quorum.
        let spare = match self.policy {
            Policy::Replicated { n, quorum, .. } => n > quorum,
            Policy::Optimistic { .. } => false,
        };
        let case = |name, when: String, pays: u128, compensation| Case {
            name,
            when,
            pays,
            refund: held.saturating_sub(pays),
            compensation,
        };
        let mut cases = Vec::new();
        if let Some(total) = self.cheapest_total() {
            let pays = total.saturating_add(premium);
            let words = "settles, at the cheapest prices of now".into();
            cases.push(case("settled_cheapest", words, pays, 0));
        }
        cases.push(case(
            "settled_limit",
            "settles, at your limit".into(),
            self.budget().saturating_add(premium),
            0,
        ));
        if spare {
            let fewer = self.budget().saturating_sub(self.max_pay);
            cases.push(case(
                "settled_one_caught",
                "settles, at your limit, and one provider is caught".into(),
                fewer.saturating_add(premium),
                self.compensation(),
            ));
            cases.push(case(
                "settled_one_late",
                "settles, at your limit, and one provider is late".into(),
                fewer.saturating_add(premium),
                0,
            ));
        }
        if audited {
            cases.push(case(
                "settled_by_auditor",
                "settles by the auditor's result, and the provider is caught".into(),
                premium,
                self.compensation(),
            ));
        }
        cases.push(case(
            "expired",
            format!(
                "expires: too few providers take it in {} blocks ({})",
                self.open_for,
                clock.span(self.open_for)
            ),
            0,
            0,
        ));
        cases.push(case(
            "cancelled",
            "is cancelled before the draw".into(),
            0,
            0,
        ));
        cases.push(case(
            "failed_not_accepted",
            "fails: drawn providers cannot get input or weights".into(),
            tip.saturating_add(premium).saturating_add(self.stake()),
            0,
        ));
        cases.push(case(
            "failed_not_computed",
            "fails: too few are done in time".into(),
            premium,
            0,
        ));
        cases.push(case(
            "failed_not_revealed",
            format!(
                "fails: {} done and hides the result",
                if one { "the provider is" } else { "each is" }
            ),
            premium,
            self.compensation(),
        ));
        if !one || audited {
            cases.push(case(
                "failed_no_majority",
                match audited {
                    true => "fails: the auditor's result differs and nobody proves either wrong",
                    false => "fails: the results differ and none has the quorum",
                }
                .into(),
                premium,
                0,
            ));
        }
        cases.push(case(
            "failed_proven_wrong",
            "fails: the result is proven wrong, or its data is withheld".into(),
            premium,
            self.compensation(),
        ));
        cases
    }

    /// The cases as JSON.
    pub fn json(&self, clock: &Clock) -> Value {
        let cases = self.cases(clock).into_iter().map(|case| {
            json!({
                "case": case.name,
                "pays": case.pays.to_string(),
                "refund": case.refund.to_string(),
                "compensation_up_to": case.compensation.to_string(),
            })
        });
        Value::Array(cases.collect())
    }

    /// The cases as people read them, in at most 80 columns for amounts of ordinary size.
    pub fn table(&self, clock: &Clock) -> String {
        let rows: Vec<Vec<String>> = self
            .cases(clock)
            .into_iter()
            .map(|case| {
                let more = match case.compensation {
                    0 => String::new(),
                    amount => Amount(amount).to_string(),
                };
                vec![
                    case.when,
                    Amount(case.pays).to_string(),
                    Amount(case.refund).to_string(),
                    more,
                ]
            })
            .collect();
        let headers = ["If the job …", "you pay", "get back", "and up to"];
        let mut notes = vec![
            "`and up to` comes out of the collateral of a provider that is caught, more if \
             more is at stake."
                .to_owned(),
            "Your transactions' fees come on top.".to_owned(),
        ];
        if self.tip != 0 {
            notes.push(format!(
                "Whoever carries out a late step is paid {} from the tip.",
                Amount(self.poke_reward)
            ));
        }
        if self.deposit != 0 {
            notes.push(format!(
                "The receipt's deposit of {} returns with `athanor job forget`, or when there \
                 is no receipt.",
                Amount(self.deposit)
            ));
        }
        format!(
            "{}\n{}",
            output::narrow_table(&headers, rows),
            notes
                .iter()
                .map(|note| output::wrap(note))
                .collect::<Vec<_>>()
                .join("\n")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUR: u128 = crate::amount::UNIT;

    fn stakes(policy: Policy) -> Stakes {
        let replicas: u128 = policy.replicas().into();
        Stakes {
            policy,
            max_pay: AUR,
            tip: AUR / 100,
            held: replicas * AUR + AUR / 100,
            deposit: 0,
            cheapest: vec![AUR / 10; replicas as usize],
            min_collateral: AUR / 5,
            open_for: 600,
            poke_reward: 5,
        }
    }

    const REPLICATED: Policy = Policy::Replicated {
        n: 3,
        quorum: 2,
        window: 1_200,
    };

    const OPTIMISTIC: Policy = Policy::Optimistic {
        window: 1_200,
        audit: 0,
    };

    fn case(stakes: &Stakes, name: &str) -> Case {
        let clock = Clock::new(0, 3_000);
        let found = stakes.cases(&clock).into_iter().find(|c| c.name == name);
        found.unwrap_or_else(|| panic!("{name}"))
    }

    /// The rows of the spec's money table: their first column.
    fn ends() -> Vec<&'static str> {
        let spec = include_str!("../../docs/spec/compute-jobs.md");
        let (_, table) = spec.split_once("| end | provider | requester |").unwrap();
        table
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.split('|').nth(1).unwrap().trim())
            .collect()
    }

    /// With a stake: what each end of the spec pays and returns, by the cases' names.
    #[test]
    fn every_end_of_the_spec_has_a_case_with_its_amounts() {
        const SAMPLED: Policy = Policy::Optimistic {
            window: 1_200,
            audit: 16,
        };
        for policy in [REPLICATED, SAMPLED, OPTIMISTIC] {
            let several = policy == REPLICATED;
            let audited = policy == SAMPLED;
            let mut stakes = stakes(policy);
            let budget = stakes.replicas() * AUR;
            let premium = if audited { AUR / 16 } else { 0 };
            let stake = stakes.replicas() * AUR / 20;
            stakes.held += premium + stake;
            let held = stakes.held;
            assert_eq!((stakes.premium(), stakes.stake()), (premium, stake));
            // A fifth of the collateral of who asks least, at most a fifth of the budget.
            let caught = if audited { AUR / 5 } else { AUR / 10 };
            let cheapest = stakes.replicas() * AUR / 10;
            let mut named = Vec::new();
            let ends = ends();
            assert_eq!(ends.len(), 8, "{ends:?}");
            for end in ends {
                let wanted: Vec<(&str, u128, u128)> = match end {
                    "accepted" => vec![
                        ("settled_cheapest", cheapest + premium, 0),
                        ("settled_limit", budget + premium, 0),
                    ],
                    "auditor whose trace settled the job" if audited => {
                        vec![("settled_by_auditor", premium, caught)]
                    }
                    // Another is drawn, or the job goes on without.
                    "auditor whose trace settled the job" | "released" => vec![],
                    "`NoReveal`, `Outvoted`, `FraudProven`, `DataWithheld`" => {
                        let mut wanted = vec![
                            ("failed_not_revealed", premium, caught),
                            ("failed_proven_wrong", premium, caught),
                        ];
                        if several {
                            wanted.push(("settled_one_caught", 2 * AUR, caught));
                        }
                        wanted
                    }
                    "standing in a failed job" if several || audited => {
                        vec![("failed_no_majority", premium, 0)]
                    }
                    "standing in a failed job" => vec![],
                    "`Late`" => {
                        let mut wanted = vec![("failed_not_computed", premium, 0)];
                        if several {
                            wanted.push(("settled_one_late", 2 * AUR, 0));
                        }
                        wanted
                    }
                    "not accepted after two redraws" => {
                        let lost = AUR / 100 + stake + premium;
                        vec![("failed_not_accepted", lost, 0)]
                    }
                    "expired, cancelled" => vec![("expired", 0, 0), ("cancelled", 0, 0)],
                    other => panic!("an end that is not quoted: {other}"),
                };
                for (name, pays, compensation) in wanted {
                    let case = case(&stakes, name);
                    assert_eq!(
                        (case.pays, case.refund, case.compensation),
                        (pays, held - pays, compensation),
                        "{name} of {policy:?}"
                    );
                    named.push(name);
                }
            }
            let mut quoted: Vec<_> = stakes
                .cases(&Clock::new(0, 3_000))
                .into_iter()
                .map(|case| case.name)
                .collect();
            quoted.sort_unstable();
            named.sort_unstable();
            assert_eq!(quoted, named, "{policy:?}");
        }
    }

    #[test]
    fn without_a_spare_provider_one_that_is_caught_or_late_fails_the_job() {
        let all = Policy::Replicated {
            n: 3,
            quorum: 3,
            window: 1_200,
        };
        let cases = stakes(all).cases(&Clock::new(0, 3_000));
        assert!(cases
            .iter()
            .all(|case| !case.name.starts_with("settled_one")));
        assert!(cases.iter().any(|case| case.name == "failed_no_majority"));
    }

    #[test]
    fn an_audit_premium_is_gone_once_somebody_is_drawn() {
        let policy = Policy::Optimistic {
            window: 1_200,
            audit: 16,
        };
        let mut stakes = stakes(policy);
        stakes.held += AUR / 16;
        assert_eq!(stakes.collateral(AUR / 10), 27 * AUR / 10);
        assert_eq!(case(&stakes, "settled_limit").pays, AUR + AUR / 16);
        assert_eq!(case(&stakes, "failed_not_computed").pays, AUR / 16);
        assert_eq!(case(&stakes, "expired").pays, 0);
        // A fifth of the budget is less than a fifth of the collateral.
        assert_eq!(case(&stakes, "failed_proven_wrong").compensation, AUR / 5);
    }

    #[test]
    fn the_stake_is_lost_to_a_job_that_nobody_can_run() {
        let mut stakes = stakes(REPLICATED);
        stakes.held += 3 * AUR / 20;
        let lost = AUR / 100 + 3 * AUR / 20;
        assert_eq!(case(&stakes, "failed_not_accepted").pays, lost);
        assert_eq!(case(&stakes, "settled_limit").pays, 3 * AUR);
        assert_eq!(case(&stakes, "failed_not_computed").pays, 0);
    }

    #[test]
    fn without_enough_offers_no_price_is_promised() {
        let mut stakes = stakes(REPLICATED);
        stakes.cheapest.pop();
        let cases = stakes.cases(&Clock::new(0, 3_000));
        assert!(cases.iter().all(|case| case.name != "settled_cheapest"));
    }

    #[test]
    fn nothing_overflows_at_the_largest_amounts() {
        let stakes = Stakes {
            max_pay: u128::MAX,
            held: u128::MAX,
            tip: u128::MAX,
            cheapest: vec![u128::MAX; 3],
            ..stakes(REPLICATED)
        };
        assert_eq!(stakes.cases(&Clock::new(u64::MAX, u64::MAX)).len(), 11);
    }

    #[test]
    fn the_table_fits_80_columns() {
        let stakes = Stakes {
            deposit: AUR,
            ..stakes(REPLICATED)
        };
        let text = stakes.table(&Clock::new(0, 3_000));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(
            text.contains("30 min") && text.contains("3.01 AUR"),
            "{text}"
        );
    }
}
