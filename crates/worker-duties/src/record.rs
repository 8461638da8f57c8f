//! What is kept locally for one ticket of one worker key.

use crate::{
    daemon::{State, Status},
    duties::{Call, Chain, Key},
    MORTAL,
};
use alloc::vec::Vec;
use athanor_primitives::{Root, Ticket};
use codec::{Decode, Encode};
use sp_crypto_hashing::blake2_256;

/// Names a ticket by its content. Duty and deadline change while a job lives and
/// are left out. On two forks one job number can mean two jobs: records are kept
/// under job *and* identity.
pub fn identity(ticket: &Ticket) -> [u8; 32] {
    (
        b"athanor/ticket",
        ticket.job,
        ticket.model,
        ticket.program_hash,
        &ticket.weights,
        ticket.input_root,
        ticket.batch,
        ticket.inline_output,
    )
        .using_encoded(blake2_256)
}

/// A run's result as the daemon gave it and this crate checked it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Run {
    /// BLAKE3 of the joined node roots.
    pub trace_root: Root,
    /// Root of every node's output, in the program's order.
    pub node_roots: Vec<Root>,
    /// The output, if the ticket wants it inline and it fits.
    pub output: Option<Vec<u8>>,
}

/// The daemon's last word on a job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Seen {
    /// State of the job.
    pub state: State,
    /// Input and weights are held and verified.
    pub held: bool,
    /// Block in which it said so.
    pub at: u32,
    /// Block of the last submission.
    pub submitted: u32,
    /// Its reason, for a job it refused or failed.
    pub reason: Option<Vec<u8>>,
}

/// The last call signed for a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Sent {
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
    /// If it was included without effect: block after which it is sent again.
    pub again_after: u32,
    /// How often it had been included without effect before.
    pub failures: u8,
}

impl Sent {
    /// `call`, number [`Call::index`], signed on the state that `chain` shows, after
    /// `before` had been signed for the same duty.
    pub(crate) fn new(chain: &impl Chain, call: u8, before: Option<&Sent>) -> Self {
        let birth = chain.block().saturating_sub(1);
        let failures = match before {
            Some(sent) if sent.call == call && sent.nonce < chain.nonce() => {
                sent.failures.saturating_add(1)
            }
            _ => 0,
        };
        // Each failure costs a fee, so the pause doubles, up to about an hour.
        let pause = 8u32.checked_shl(failures.min(7).into()).unwrap_or(1_024);
        Sent {
            call,
            nonce: chain.nonce(),
            spec_version: chain.spec_version(),
            birth,
            birth_hash: chain.hash(birth),
            until: birth.saturating_add(MORTAL),
            again_after: chain.block().saturating_add(pause),
            failures,
        }
    }

    /// Whether the fork that `chain` shows contains the block the era was born in.
    /// On another fork the signature is void.
    pub(crate) fn on(&self, chain: &impl Chain) -> bool {
        on_fork(chain, self.birth, &self.birth_hash)
    }
}

/// A block whose hash the chain no longer keeps is taken to be on the fork.
pub(crate) fn on_fork(chain: &impl Chain, birth: u32, hash: &Option<[u8; 32]>) -> bool {
    match (chain.hash(birth), hash) {
        (Some(now), Some(then)) => now == *then,
        _ => true,
    }
}

/// What is kept in persistent local storage for one ticket of one key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// [`identity`] of the ticket.
    pub identity: [u8; 32],
    /// Salt of the commitment.
    pub salt: [u8; 32],
    /// The result, once known. Never replaced.
    pub run: Option<Run>,
    /// The last call signed.
    pub sent: Option<Sent>,
    /// The daemon's last word.
    pub seen: Option<Seen>,
}

impl Record {
    /// A fresh record. The salt follows from the key's secret and the ticket, so
    /// that a record lost in a crash can be made again.
    pub fn new(key: &Key, genesis: &[u8; 32], ticket: &Ticket) -> Self {
        let identity = identity(ticket);
        let salt =
            (b"athanor/salt", key.secret, genesis, key.worker, identity).using_encoded(blake2_256);
        Record {
            identity,
            salt,
            run: None,
            sent: None,
            seen: None,
        }
    }

    /// What to store when `self` is to replace `stored`: salt and run of `stored`
    /// win, whatever a second worker running at the same time found.
    pub fn merge(mut self, stored: Option<Record>) -> Self {
        if let Some(stored) = stored.filter(|stored| stored.identity == self.identity) {
            self.salt = stored.salt;
            if stored.run.is_some() {
                self.run = stored.run;
            }
        }
        self
    }

    /// Whether the daemon said in this block that it is getting on with the job: it has it in its
    /// queue, runs it, or fetches for it and lacks nothing that nobody serves.
    pub(crate) fn goes_on(&self, block: u32) -> bool {
        let seen = self.seen.as_ref().filter(|seen| seen.at == block);
        seen.is_some_and(|seen| match seen.state {
            State::Queued | State::Ready | State::Running => true,
            State::Fetching => seen.reason.is_none(),
            State::Done | State::Refused | State::Failed => false,
        })
    }

    /// This record after `call` was signed on the state that `chain` shows.
    pub fn signed(&self, chain: &impl Chain, call: &Call) -> Record {
        let sent = Sent::new(chain, call.index(), self.sent.as_ref());
        Record {
            sent: Some(sent),
            ..self.clone()
        }
    }

    /// This record after the daemon answered with `status`.
    pub(crate) fn seen(&self, block: u32, status: &Status, submitted: bool) -> Record {
        let before = self.seen.as_ref().map(|seen| seen.submitted);
        let seen = Seen {
            state: status.state,
            held: status.held,
            at: block,
            submitted: match before {
                Some(before) if !submitted => before,
                _ => block,
            },
            reason: status
                .error
                .as_ref()
                .map(|reason| reason.as_bytes().to_vec()),
        };
        Record {
            seen: Some(seen),
            ..self.clone()
        }
    }
}
