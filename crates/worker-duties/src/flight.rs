//! The transactions of a key that may be under way.

use crate::{record::on_fork, Call, Chain, MORTAL, SHOW_AGAIN};
use alloc::vec::Vec;
use athanor_primitives::JobId;
use codec::{Decode, Encode};

/// A transaction a key signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Flight {
    /// Job the call is for.
    pub job: JobId,
    /// Index of the call: see [`Call::index`].
    pub call: u8,
    /// Nonce it was signed with.
    pub nonce: u64,
    /// Version of the runtime it was signed for; no other takes it.
    pub spec_version: u32,
    /// Block its era was born in.
    pub birth: u32,
    /// Hash of that block.
    pub birth_hash: Option<[u8; 32]>,
    /// First block that can't include it.
    pub until: u32,
    /// Block in which it was last shown to the pool.
    pub shown: u32,
    /// The signed extrinsic; empty for one that many others have followed.
    pub bytes: Vec<u8>,
}

impl Flight {
    /// The flight of `call` for `job`, signed as `bytes` on the state that `chain`
    /// shows, with an era of [`MORTAL`] blocks born one block earlier.
    pub fn new(chain: &impl Chain, job: JobId, call: &Call, bytes: Vec<u8>) -> Self {
        let birth = chain.block().saturating_sub(1);
        Flight {
            job,
            call: call.index(),
            nonce: chain.nonce(),
            spec_version: chain.spec_version(),
            birth,
            birth_hash: chain.hash(birth),
            until: birth.saturating_add(MORTAL),
            shown: chain.block(),
            bytes,
        }
    }

    /// Whether the transaction can be in the next block of the fork that `chain`
    /// shows. While it can, the key signs nothing else.
    pub fn alive(&self, chain: &impl Chain) -> bool {
        self.nonce == chain.nonce()
            && self.spec_version == chain.spec_version()
            && chain.block().saturating_add(1) < self.until
            && on_fork(chain, self.birth, &self.birth_hash)
    }

    /// Whether a live transaction should be shown to the pool again: pools forget
    /// when a node restarts. The bytes are the same, so it is still one transaction.
    pub fn show_again(&self, chain: &impl Chain) -> bool {
        let since = chain.block().checked_sub(self.shown);
        !self.bytes.is_empty() && self.alive(chain) && since.is_none_or(|since| since >= SHOW_AGAIN)
    }
}

/// Most transactions that are remembered: one for each of as many forks within the
/// life of a transaction.
const MAX_FLIGHTS: usize = 64;

/// Most transactions whose bytes are kept. A reveal can have 35 KiB.
const MAX_BYTES_KEPT: usize = 4;

/// The transactions a key signed lately, on whatever fork. Kept per key, stored
/// before anything is submitted: no other is signed while one of them can still be
/// in the next block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Lane {
    flights: Vec<Flight>,
}

impl Lane {
    /// Whether a transaction can be in the next block of this fork.
    pub fn busy(&self, chain: &impl Chain) -> bool {
        self.flights.iter().any(|flight| flight.alive(chain))
    }

    /// Adds a transaction. Those that have been dead for long are forgotten.
    pub fn push(&mut self, chain: &impl Chain, flight: Flight) {
        self.flights
            .retain(|old| old.until.saturating_add(MORTAL) > chain.block());
        if self.flights.len() >= MAX_FLIGHTS {
            self.flights.remove(0);
        }
        self.flights.push(flight);
        for old in self.flights.iter_mut().rev().skip(MAX_BYTES_KEPT) {
            old.bytes = Vec::new();
        }
    }

    /// Takes back the transaction added last, which the pool refused.
    pub fn pop(&mut self) {
        self.flights.pop();
    }

    /// The extrinsics to show to the pool again. Notes that they were.
    pub fn show_again(&mut self, chain: &impl Chain) -> Vec<Vec<u8>> {
        let due = self
            .flights
            .iter_mut()
            .filter(|flight| flight.show_again(chain));
        due.map(|flight| {
            flight.shown = chain.block();
            flight.bytes.clone()
        })
        .collect()
    }
}
