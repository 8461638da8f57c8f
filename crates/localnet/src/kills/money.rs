//! The money tables of `docs/spec/compute-jobs.md`, computed apart from the chain, for the ends that
//! jobs have here.

use crate::market::{
    ledger::{Happened, Key, Seat},
    money::Changes,
};
use anyhow::{ensure, Context, Result};
use std::collections::BTreeMap;

/// φ, in parts of a million.
const FEE: u128 = 20_000;
const MILLION: u128 = 1_000_000;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everybody who was drawn is paid.
    Settled,
    /// Its only claim was struck, by a proof or for withheld data, shown by this account alone.
    Struck {
        /// Who asked and proved.
        challenger: Key,
    },
}

/// A job that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) requester: Key,
    /// What it may have paid at most.
    pub(super) budget: u128,
    pub(super) end: End,
    pub(super) happened: &'a Happened,
}

/// What everybody should have more than before, fees of transactions apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// Free and held together.
    pub(super) total: Changes,
    /// Held alone.
    held: BTreeMap<Key, i128>,
}

impl Expected {
    /// Adds the end of a job. Worker keys have more than the float.
    ///
    /// # Errors
    ///
    /// If somebody was drawn whom the money table of this end does not know.
    pub(super) fn ends(&mut self, job: &Job<'_>, answer: u128, treasury: Key) -> Result<()> {
        let seats = &job.happened.seats;
        match job.end {
            End::Settled => {
                for seat in seats {
                    let fee = (seat.pay * FEE).div_ceil(MILLION);
                    let net = seat.pay - fee;
                    self.total.moves(job.requester, seat.provider, net);
                    self.total.moves(job.requester, treasury, fee);
                }
            }
            End::Struck { challenger } => {
                ensure!(seats.len() == 1, "a struck job has {} seats", seats.len());
                let seat = seats.first().context("nobody was drawn")?;
                self.struck(seat, job.requester, job.budget, challenger, treasury);
            }
        }
        if let End::Struck { challenger } = job.end {
            for worker in &job.happened.answers {
                self.total.moves(challenger, *worker, answer);
            }
        } else {
            ensure!(
                job.happened.answers.is_empty(),
                "somebody answered in a job that nobody should doubt"
            );
        }
        Ok(())
    }

    fn struck(
        &mut self,
        seat: &Seat,
        requester: Key,
        budget: u128,
        challenger: Key,
        treasury: Key,
    ) {
        let compensation = (seat.collateral / 5).min(budget / 5);
        let reward = seat.collateral * 2 / 5 / 2 * 2;
        let rest = seat.collateral - compensation - reward;
        self.total.moves(seat.provider, requester, compensation);
        self.total.moves(seat.provider, challenger, reward);
        self.total.moves(seat.provider, treasury, rest);
        // The supply is far below 2^96.
        *self.held.entry(seat.provider).or_default() -= seat.collateral as i128;
    }

    /// What should be held of an account more than before.
    pub(super) fn held(&self, who: &Key) -> i128 {
        self.held.get(who).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTER: Key = [1; 32];
    const PROVIDER: Key = [2; 32];
    const WORKER: Key = [3; 32];
    const WATCHER: Key = [4; 32];
    const TREASURY: Key = [5; 32];

    fn after(end: End, answers: usize) -> Result<(Vec<i128>, i128)> {
        let happened = Happened {
            seats: vec![Seat {
                provider: PROVIDER,
                worker: WORKER,
                pay: 1_001,
                collateral: 5_009,
            }],
            answers: vec![WORKER; answers],
            ..Happened::default()
        };
        let job = Job {
            requester: REQUESTER,
            budget: 2_000,
            end,
            happened: &happened,
        };
        let mut expected = Expected::default();
        expected.ends(&job, 70, TREASURY)?;
        let all = [REQUESTER, PROVIDER, WORKER, WATCHER, TREASURY];
        let total: Vec<i128> = all.iter().map(|who| expected.total.of(who)).collect();
        assert_eq!(total.iter().sum::<i128>(), 0);
        Ok((total, expected.held(&PROVIDER)))
    }

    #[test]
    fn a_settled_job_pays_with_the_fee_rounded_up() {
        let (total, held) = after(End::Settled, 0).unwrap();
        assert_eq!((total, held), (vec![-1_001, 980, 0, 0, 21], 0));
        assert!(after(End::Settled, 1).is_err());
    }

    #[test]
    fn a_struck_claim_costs_the_collateral_and_answers_are_paid_for() {
        let challenger = WATCHER;
        let (total, held) = after(End::Struck { challenger }, 2).unwrap();
        // A fifth of the budget, two fifths of C by halves, and the rest.
        assert_eq!(total, [400, -5_009, 140, 2_002 - 140, 2_607]);
        assert_eq!(held, -5_009);
    }
}
