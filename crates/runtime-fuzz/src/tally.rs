//! What became of the calls.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
};

/// What became of the calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Did what they say.
    pub done: u64,
    /// Were in a block and failed.
    pub failed: u64,
    /// Were refused as transactions.
    pub refused: u64,
}

impl Count {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.done + self.failed + self.refused
    }

    fn add(&mut self, other: &Count) {
        self.done += other.done;
        self.failed += other.failed;
        self.refused += other.refused;
    }
}

/// What became of all calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By pallet and call.
    pub calls: BTreeMap<(&'static str, &'static str), Count>,
    /// Why calls failed, by pallet, call and error.
    pub errors: BTreeMap<(&'static str, &'static str, String), u64>,
    /// Blocks made.
    pub blocks: u64,
    /// Events of our pallets and how often they were seen.
    pub events: BTreeMap<String, u64>,
}

impl Tally {
    /// Takes in another.
    pub fn add(&mut self, other: &Tally) {
        for (call, count) in &other.calls {
            self.calls.entry(*call).or_default().add(count);
        }
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
        for (event, count) in &other.events {
            *self.events.entry(event.clone()).or_default() += count;
        }
        self.blocks += other.blocks;
    }

    /// By pallet.
    pub fn pallets(&self) -> BTreeMap<&'static str, Count> {
        let mut pallets: BTreeMap<_, Count> = BTreeMap::new();
        for ((pallet, _), count) in &self.calls {
            pallets.entry(*pallet).or_default().add(count);
        }
        pallets
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:>9} {:>9} {:>9} {:>6}",
            "call", "done", "failed", "refused", "done"
        )?;
        let mut line = |name: &str, count: &Count| {
            let share = 100 * count.done / count.all().max(1);
            writeln!(
                f,
                "{name:<28} {:>9} {:>9} {:>9} {share:>4} %",
                count.done, count.failed, count.refused
            )
        };
        for (pallet, sum) in self.pallets() {
            line(pallet, &sum)?;
            for ((of, call), count) in &self.calls {
                if *of == pallet {
                    line(&format!("  {call}"), count)?;
                }
            }
        }
        write!(f, "{} blocks", self.blocks)
    }
}
