//! Walks: run, and made small when they fail.

use crate::{
    chain::{self, Chain, Fate},
    dice::Dice,
    moves::{self, jobs, labels, market, programs, Act, Book},
    people,
    tally::Tally,
};
use athanor_runtime::{Executive, Runtime, System, UNIT};
use athanor_state_check::Broken;
use sp_io::TestExternalities;
use sp_runtime::{transaction_validity::TransactionSource, MultiAddress};
use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

/// A walk that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its steps, up to the one that failed.
    pub steps: Vec<u64>,
    /// What no longer holds.
    pub why: Broken,
}

/// The steps of a seed.
pub fn steps_of(seed: u64, count: usize) -> Vec<u64> {
    let mut dice = Dice::new(seed);
    std::iter::repeat_with(|| dice.draw()).take(count).collect()
}

struct Walk {
    ext: TestExternalities,
    chain: Chain,
    book: Book,
}

impl Walk {
    fn new() -> Result<Self, Broken> {
        let mut ext = chain::genesis()?;
        let chain = ext.execute_with(|| Chain::new(100_000));
        let mut walk = Self {
            ext,
            chain,
            book: Book::default(),
        };
        walk.ext.execute_with(|| walk.chain.begin(0))?;
        walk.set_up()?;
        Ok(walk)
    }

    /// Models, providers, sellers and a campaign; everybody who signs can pay.
    fn set_up(&mut self) -> Result<(), Broken> {
        let mut dice = Dice::new(0);
        let rich = people::rich();
        let first = rich.first().ok_or("nobody has money")?;
        let mut acts: Vec<_> = (0..people::WORKERS)
            .map(|i| {
                let transfer = pallet_balances::Call::<Runtime>::transfer_allow_death {
                    dest: MultiAddress::Id(people::worker(i)),
                    value: 5 * UNIT,
                };
                Act::signed(first, transfer)
            })
            .collect();
        for (nodes, tables) in [(1, 0), (3, 1)] {
            let program = programs::program(nodes, tables, 9, 8);
            acts.extend(programs::register(first, &program));
            acts.extend(programs::model(first, program.hash(), tables.into(), None));
        }
        for (i, who) in (0..).zip(rich.iter().take(jobs::PROVIDERS)) {
            acts.push(self.ext.execute_with(|| jobs::register(who, i)));
            let amount = 2_000 * UNIT;
            acts.push(Act::signed(
                who,
                pallet_compute_jobs::Call::<Runtime>::add_bond { amount },
            ));
            let offer = jobs::offer(UNIT * (1 + u128::from(i)), 4);
            acts.push(Act::signed(
                who,
                pallet_compute_jobs::Call::<Runtime>::set_offer { offer },
            ));
        }
        for who in market::all_sellers() {
            acts.extend(market::register(who));
            acts.push(
                self.ext
                    .execute_with(|| labels::create(&mut dice.clone(), who)),
            );
        }
        for act in acts {
            match self.act(&act)? {
                Some(Fate::Done) => {}
                other => return Err(format!("{act:?} while setting up: {other:?}")),
            }
        }
        for _ in 0..6 {
            let Self { ext, book, .. } = self;
            let acts = ext.execute_with(|| {
                let mut acts = market::list(&mut dice, book);
                acts.extend(labels::open(&mut dice));
                acts
            });
            for act in acts {
                self.act(&act)?;
            }
        }
        self.blocks(1, 0)
    }

    fn blocks(&mut self, count: u32, late: u64) -> Result<(), Broken> {
        for _ in 0..count {
            self.ext.execute_with(|| self.chain.end())?;
            self.ext.commit_all()?;
            self.ext.execute_with(|| self.chain.begin(late))?;
        }
        Ok(())
    }

    fn act(&mut self, act: &Act) -> Result<Option<Fate>, Broken> {
        match act {
            Act::Blocks(count) => {
                // Slots without a block happen.
                let late = u64::from(*count == 1) * 2;
                self.blocks(*count, late)?;
                Ok(None)
            }
            Act::Root(call) => self.ext.execute_with(|| self.chain.as_root(call)).map(Some),
            Act::Signed(..) | Act::General(_) | Act::Bare(_) => self.ext.execute_with(|| {
                let Some((call, xt)) = act.transaction() else {
                    return Ok(None);
                };
                self.chain.apply(call, xt).map(Some)
            }),
        }
    }

    fn step(&mut self, number: u64) -> Result<(), Broken> {
        let mut dice = Dice::new(number);
        let Self { ext, book, .. } = self;
        let acts = ext.execute_with(|| moves::next(&mut dice, book));
        for act in acts {
            let fate = self.act(&act)?;
            if fate == Some(Fate::Refused) && dice.one_in(4) {
                // Full blocks end; so does one now and then whose transaction was refused.
                self.blocks(1, 0)?;
            }
        }
        if dice.one_in(16) {
            self.ask(&mut dice)?;
        }
        Ok(())
    }

    /// What nodes and clients ask between blocks.
    fn ask(&mut self, dice: &mut Dice) -> Result<(), Broken> {
        self.blocks(1, 0)?;
        let Self { ext, book, .. } = self;
        ext.execute_with(|| {
            let acts = moves::next(dice, book);
            for (_, xt) in acts.iter().filter_map(Act::transaction) {
                sp_io::storage::start_transaction();
                // Whatever the answer: there is one.
                let source = TransactionSource::External;
                let _ = Executive::validate_transaction(source, xt, System::parent_hash());
                sp_io::storage::rollback_transaction();
            }
            views(dice);
        });
        Ok(())
    }
}

/// Runs view functions on whatever the state is.
fn views(dice: &mut Dice) {
    use athanor_runtime::{ComputeJobs, DataMarket, LabelBounties};
    let id = || u64::from(dice.clone().below(9));
    let who = moves::somebody(&mut dice.clone());
    for job in ComputeJobs::claims(0, 8) {
        ComputeJobs::threads(job.job);
    }
    ComputeJobs::job(id());
    ComputeJobs::quote(pallet_compute_jobs::QuoteTerms {
        model: id(),
        batch: dice.clone().below(12),
        policy: pallet_compute_jobs::Policy::Replicated {
            n: 3,
            quorum: 2,
            window: 100,
        },
        max_pay: moves::amount(&mut dice.clone(), 20),
        max_wait: Some(dice.clone().below(300)).filter(|wait| *wait > 9),
        min_collateral: moves::amount(&mut dice.clone(), 90),
        tip: 0,
        keep_receipt: dice.clone().one_in(2),
    });
    ComputeJobs::offers();
    ComputeJobs::provider(who.clone());
    for worker in (0..people::WORKERS).map(people::worker) {
        ComputeJobs::work(worker.clone(), 8);
        ComputeJobs::questions(worker, 8);
    }
    LabelBounties::status();
    LabelBounties::campaigns(None, 8);
    LabelBounties::batch(id());
    LabelBounties::worker(who.clone());
    LabelBounties::explain(id(), who.clone());
    LabelBounties::twins(id(), 5_000);
    for page in 0..3 {
        LabelBounties::page(id(), page);
        LabelBounties::consensus(id(), page);
    }
    DataMarket::listings(None, 8);
    DataMarket::quote(id(), Some(who.clone()));
    DataMarket::open_orders(who.clone(), None, 8);
    DataMarket::seller(who);
    DataMarket::order_of(id());
}

/// Takes the steps one after the other.
///
/// # Errors
///
/// The steps up to the one after which something no longer holds, and what.
pub fn run(steps: &[u64]) -> Result<Tally, Box<Failure>> {
    let at = Cell::new(0);
    let walked = panic::catch_unwind(AssertUnwindSafe(|| -> Result<Tally, Broken> {
        let mut walk = Walk::new()?;
        for (i, number) in steps.iter().enumerate() {
            at.set(i);
            walk.step(*number)?;
        }
        Ok(walk.chain.tally)
    }));
    let why = match walked {
        Ok(Ok(tally)) => return Ok(tally),
        Ok(Err(why)) => why,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
            format!("panicked: {}", text.unwrap_or_default())
        }
    };
    Err(Box::new(Failure {
        steps: steps.get(..=at.get()).unwrap_or(steps).to_vec(),
        why,
    }))
}

/// Leaves out steps as long as the walk still fails in the same way, at most `tries` times.
pub fn shrink(failure: Failure, tries: u32) -> Failure {
    let same = |a: &str, b: &str| a.rsplit(": ").next() == b.rsplit(": ").next();
    let mut best = failure;
    let mut left = tries;
    let mut chunk = best.steps.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        while from < best.steps.len() && left > 0 {
            let mut fewer = best.steps.clone();
            fewer.drain(from..(from + chunk).min(best.steps.len()));
            left -= 1;
            match run(&fewer) {
                Err(smaller) if same(&smaller.why, &best.why) => best = *smaller,
                _ => from += chunk,
            }
        }
        chunk /= 2;
    }
    best
}

/// Takes the steps, and asks `what` of the state after each.
///
/// # Errors
///
/// What no longer holds.
pub fn sample<T>(
    steps: &[u64],
    mut what: impl FnMut(&mut Dice, &mut Book) -> Vec<T>,
) -> Result<Vec<T>, Broken> {
    let mut walk = Walk::new()?;
    let mut all = Vec::new();
    for number in steps {
        walk.step(*number)?;
        let mut dice = Dice::new(!number);
        let Walk { ext, book, .. } = &mut walk;
        all.extend(ext.execute_with(|| what(&mut dice, book)));
    }
    Ok(all)
}
