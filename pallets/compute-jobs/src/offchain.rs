//! The off-chain worker: does what this node's worker keys owe.
//!
//! What is due and what to do about it is decided by `athanor-worker-duties`; here
//! are local storage, HTTP, the keystore and the transaction pool. Chain storage is
//! only read. Nothing is remembered that would have to be true: whether a call took
//! effect is read from the state, so re-organisations, double runs, kills and
//! restarts cost time at most.
//!
//! Keys in persistent local storage, each followed by the genesis hash, the worker
//! key and what is named:
//!
//! | prefix | value |
//! |---|---|
//! | `athanor/duties/lock` (genesis only) | until when a run is going on |
//! | `athanor/duties/logged` (genesis only) | block of the last warning |
//! | `athanor/duties/secret` | 32 random bytes that salts follow from |
//! | `athanor/duties/lane` | transactions that may be under way |
//! | `athanor/duties/index` | records there are |
//! | `athanor/duties/record`, job, ticket identity | what is known of one ticket |
//!
//! Under [`OFFCHAIN_TROUBLES`] the node finds what to show in its metrics.

use crate::{Assignments, Call, Config, Jobs, NodeRoots, Pallet, TraceReveal, WorkerOf};
use alloc::{format, string::String, vec, vec::Vec};
use athanor_primitives::{
    JobId, ModelRegistry, Root, Ticket, OFFCHAIN_TROUBLES, OFFCHAIN_WORKER_TOKEN,
    OFFCHAIN_WORKER_URL,
};
use athanor_worker_duties::{
    self as duties, daemon, Answer, Chain, Flight, Heard, Key, Lane, Problem, Record, Request,
    Shape, Step, Trace,
};
use codec::{Decode, Encode};
use core::fmt;
use frame_support::traits::{
    fungible::Inspect,
    tokens::{Fortitude, Preservation},
    Get,
};
use frame_system::offchain::{Account, CreateSignedTransaction, ForAny, Signer};
use sp_runtime::{
    offchain::{
        http,
        storage::StorageValueRef,
        storage_lock::{BlockAndTime, StorageLock},
        Duration, HttpError, Timestamp,
    },
    traits::Zero,
    SaturatedConversion,
};

/// Target of this module's log lines.
const LOG: &str = "athanor::worker";

/// Most keys of one node that are served.
const MAX_KEYS: usize = 8;

/// Most tickets of a key that are worked on in one block.
const MAX_TICKETS: usize = 16;

/// Calls the pool may refuse in one run before no other is tried.
const MAX_REFUSALS: usize = 3;

/// Blocks after which a lock whose holder was killed is void, if its time is over too.
const LOCK_BLOCKS: u32 = 4;

/// Milliseconds for the same.
const LOCK_MS: u64 = 20_000;

/// Blocks for which a record is kept after its job ended: longer than re-orgs are deep.
const KEEP_RECORDS: u32 = 1_200;

/// Most records of a key. Live jobs of a key are far fewer.
const MAX_RECORDS: usize = 512;

/// Milliseconds between two warnings.
const WARN_EVERY_MS: u64 = 60_000;

/// Longest daemon URL or token that is used, in bytes.
const MAX_SETTING: usize = 1_024;

impl<T: Config> Pallet<T> {
    /// One run of the off-chain worker on the state of block `now`.
    pub(crate) fn offchain_run(now: u32) {
        let genesis = Self::genesis();
        let mut troubles = Vec::new();
        let accounts = local_workers::<T>();
        if accounts.is_empty() {
            // A daemon without a key is a provider in the making, or a mistake.
            if setting(OFFCHAIN_WORKER_URL).is_some() {
                troubles.push(Trouble::NoKey);
            }
            tell::<T>(&genesis, now, &troubles);
            return;
        }
        let lock_key = (b"athanor/duties/lock", genesis).encode();
        let mut lock =
            StorageLock::<BlockAndTime<frame_system::Pallet<T>>>::with_block_and_time_deadline(
                &lock_key,
                LOCK_BLOCKS,
                Duration::from_millis(LOCK_MS),
            );
        let Ok(_guard) = lock.try_lock() else {
            log::debug!(target: LOG, "block {now}: an earlier run is still going on");
            return;
        };
        let mut link = Link::new::<T>();
        for account in accounts {
            Worker::<T>::new(account, genesis, now).serve(&mut link, &mut troubles);
        }
        tell::<T>(&genesis, now, &troubles);
    }
}

/// Accounts of worker keys in the keystore that serve a provider, or did when jobs
/// that still run were drawn.
fn local_workers<T: Config>() -> Vec<Account<T>> {
    Signer::<T, T::WorkerKey, ForAny>::keystore_accounts()
        .filter(|account| {
            WorkerOf::<T>::contains_key(&account.id)
                || !Assignments::<T>::get(&account.id).is_empty()
        })
        .take(MAX_KEYS)
        .collect()
}

/// Hash of block `number`, if the state still has it.
fn hash_of<T: Config>(number: u32) -> Option<[u8; 32]> {
    let hash = frame_system::Pallet::<T>::block_hash(
        frame_system::pallet_prelude::BlockNumberFor::<T>::from(number),
    );
    <[u8; 32]>::try_from(hash.as_ref())
        .ok()
        .filter(|hash| *hash != [0; 32])
}

/// A text setting that the node wrote to local storage.
fn setting(key: &[u8]) -> Option<String> {
    let bytes = StorageValueRef::persistent(key)
        .get::<Vec<u8>>()
        .ok()
        .flatten()?;
    let text = core::str::from_utf8(&bytes).ok()?.trim();
    // Anything else could not be sent as a URL or in a header.
    let fit = (1..=MAX_SETTING).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fit.then(|| text.into())
}

/// Something the operator has to know.
#[derive(Debug)]
enum Trouble {
    /// There is a daemon and no key.
    NoKey,
    /// There are duties and no daemon.
    NoDaemon,
    /// The key can't pay the fee of a reveal.
    NoBalance([u8; 32]),
    /// The key can't sign.
    CannotSign([u8; 32]),
    /// The pool did not take a call.
    PoolRefused { job: JobId, call: &'static str },
    /// Local storage did not take a record or can't be read.
    Storage,
    /// A duty can't be done.
    Duty { job: JobId, problem: Problem },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |key: &[u8; 32]| athanor_primitives::ticket::to_hex(key);
        match self {
            Trouble::NoKey => write!(
                f,
                "a gpu-worker is configured, but no gpuw key in the keystore is a registered \
                 provider's worker: insert it, or register it with `athanor provider register`",
            ),
            Trouble::NoDaemon => write!(
                f,
                "jobs are assigned to this node's worker key, but no gpu-worker is configured: \
                 restart the node with --gpu-worker URL",
            ),
            Trouble::NoBalance(key) => write!(
                f,
                "jobs are assigned to the worker key {}, but its account can't pay for a \
                 reveal: transfer some AUR to it",
                hex(key),
            ),
            Trouble::CannotSign(key) => {
                write!(
                    f,
                    "the keystore can't sign with the worker key {}",
                    hex(key)
                )
            }
            Trouble::PoolRefused { job, call } => write!(
                f,
                "job {job}: the transaction pool did not take {call}; it is tried again in the \
                 next block",
            ),
            Trouble::Storage => write!(
                f,
                "off-chain local storage can't be read or written: is the disk full? Nothing is \
                 signed until it can",
            ),
            Trouble::Duty { job, problem } => write!(f, "job {job}: {problem}"),
        }
    }
}

/// Makes known what troubles a run met, or that it met none.
fn tell<T: Config>(genesis: &[u8; 32], now: u32, troubles: &[Trouble]) {
    count(now, troubles);
    warn::<T>(genesis, now, troubles);
}

/// Stores the number of troubles for the node. The same number is not written again:
/// this runs in every block.
fn count(now: u32, troubles: &[Trouble]) {
    let number: u32 = troubles.len().saturated_into();
    let mut value = StorageValueRef::persistent(OFFCHAIN_TROUBLES);
    match value.get::<(u32, u32)>() {
        Ok(None) if number == 0 => {}
        Ok(Some((_, before))) if number > 0 && before == number => {}
        _ if number == 0 => value.clear(),
        _ => value.set(&(now, number)),
    }
}

/// Logs at most a few of `troubles`, and not more often than once a minute.
fn warn<T: Config>(genesis: &[u8; 32], now: u32, troubles: &[Trouble]) {
    const MOST: usize = 4;
    if troubles.is_empty() {
        return;
    }
    let every: u32 = WARN_EVERY_MS
        .checked_div(T::BlockTimeMs::get())
        .unwrap_or(1)
        .max(1)
        .saturated_into();
    let key = (b"athanor/duties/logged", genesis).encode();
    let logged = StorageValueRef::persistent(&key);
    let due = match logged.get::<u32>() {
        Ok(Some(last)) => now.checked_sub(last).is_none_or(|since| since >= every),
        _ => true,
    };
    if !due {
        return;
    }
    logged.set(&now);
    for trouble in troubles.iter().take(MOST) {
        log::warn!(target: LOG, "{trouble}");
    }
    let more = troubles.len().saturating_sub(MOST);
    if more > 0 {
        log::warn!(target: LOG, "and {more} more");
    }
}

/// The way to the daemon during one run.
struct Link {
    url: Option<String>,
    token: Option<String>,
    /// Milliseconds for one question.
    patience: u64,
    /// When the run has to be over.
    end: Timestamp,
    /// Why nothing more is asked in this run.
    down: Option<Problem>,
}

impl Link {
    fn new<T: Config>() -> Self {
        let block = T::BlockTimeMs::get();
        let now = sp_io::offchain::timestamp();
        Link {
            url: setting(OFFCHAIN_WORKER_URL),
            token: setting(OFFCHAIN_WORKER_TOKEN),
            patience: (block / 4).max(1),
            end: now.add(Duration::from_millis(block / 2)),
            down: None,
        }
    }

    /// Asks the daemon. After the first question without an answer no other is asked
    /// in this run: sixteen tickets must not wait sixteen times.
    fn ask<T: Config>(&mut self, request: Request, ticket: &Ticket) -> Result<Answer, Problem> {
        if let Some(problem) = &self.down {
            return Err(problem.clone());
        }
        let answer = self.try_ask::<T>(request, ticket);
        if let Err(
            problem @ (Problem::Unreachable
            | Problem::TimedOut
            | Problem::Token(_)
            | Problem::Http(_)),
        ) = &answer
        {
            self.down = Some(problem.clone());
        }
        answer
    }

    fn try_ask<T: Config>(&self, request: Request, ticket: &Ticket) -> Result<Answer, Problem> {
        let url = self.url.as_deref().ok_or(Problem::Unreachable)?;
        let now = sp_io::offchain::timestamp();
        if now >= self.end {
            return Err(Problem::TimedOut);
        }
        let deadline = now.add(Duration::from_millis(self.patience)).min(self.end);
        let program = match request.needs_program() {
            true => T::Models::program(ticket.model).ok_or(Problem::UnknownModel)?,
            false => Vec::new(),
        };
        let mut post = http::Request::post(url, vec![request.body(ticket, &program)])
            .deadline(deadline)
            .add_header("Content-Type", "application/json");
        if let Some(token) = &self.token {
            post = post.add_header("Authorization", &format!("Bearer {token}"));
        }
        let pending = post.send().map_err(|error| match error {
            HttpError::DeadlineReached => Problem::TimedOut,
            _ => Problem::Unreachable,
        })?;
        let response = pending
            .try_wait(deadline)
            .map_err(|_| Problem::TimedOut)?
            .map_err(|_| Problem::Unreachable)?;
        let mut body = response.body();
        body.deadline(deadline);
        // One byte more than an answer may have tells a long one from a full one.
        let bytes: Vec<u8> = body
            .by_ref()
            .take(daemon::MAX_ANSWER.saturating_add(1))
            .collect();
        match body.error() {
            Some(HttpError::DeadlineReached) => return Err(Problem::TimedOut),
            Some(_) => return Err(Problem::Unreachable),
            None => {}
        }
        daemon::answer(request, ticket.job, response.code, &bytes)
    }
}

/// One entry of the list of records.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
struct Entry {
    job: JobId,
    identity: [u8; 32],
    /// Block in which the job was first seen to have ended.
    gone: Option<u32>,
}

/// One worker key in one run.
struct Worker<T: Config> {
    account: Account<T>,
    id: [u8; 32],
    genesis: [u8; 32],
    now: u32,
}

impl<T: Config> Chain for Worker<T> {
    fn genesis(&self) -> [u8; 32] {
        self.genesis
    }

    fn block(&self) -> u32 {
        self.now
    }

    fn nonce(&self) -> u64 {
        frame_system::Pallet::<T>::account_nonce(&self.account.id).saturated_into()
    }

    fn spec_version(&self) -> u32 {
        <T as frame_system::Config>::Version::get().spec_version
    }

    fn hash(&self, block: u32) -> Option<[u8; 32]> {
        hash_of::<T>(block)
    }

    fn shape(&self, ticket: &Ticket) -> Option<Shape> {
        let job = Jobs::<T>::get(ticket.job)?;
        Some(Shape {
            nodes: job.nodes,
            outputs: job.outputs.into_inner(),
            output_len: job.output_len,
        })
    }

    fn committed(&self, job: JobId) -> Option<[u8; 32]> {
        let job = Jobs::<T>::get(job)?;
        job.replicas
            .iter()
            .find(|replica| replica.worker == self.account.id)?
            .commitment
    }

    fn roots_known(&self, job: JobId, trace_root: &Root) -> bool {
        NodeRoots::<T>::contains_key(job, trace_root)
    }
}

impl<T: Config> Worker<T> {
    fn new(account: Account<T>, genesis: [u8; 32], now: u32) -> Self {
        let id = account.id.clone().into();
        Worker {
            account,
            id,
            genesis,
            now,
        }
    }

    fn key(&self, what: &[u8]) -> Vec<u8> {
        [b"athanor/duties/", what, &self.genesis, &self.id].concat()
    }

    fn record_key(&self, job: JobId, identity: &[u8; 32]) -> Vec<u8> {
        [self.key(b"record").as_slice(), &job.to_le_bytes(), identity].concat()
    }

    /// The bytes that salts follow from, made when the key is first seen: long before
    /// there is anything to commit to, so that no crash can take a salt with it.
    fn secret(&self) -> Option<[u8; 32]> {
        let key = self.key(b"secret");
        let value = StorageValueRef::persistent(&key);
        if let Some(secret) = value.get::<[u8; 32]>().ok()? {
            return Some(secret);
        }
        let fresh = sp_io::offchain::random_seed();
        value
            .mutate(|stored| stored.map(|secret| secret.unwrap_or(fresh)))
            .ok()
    }

    /// Does what the key owes in this block.
    fn serve(&self, link: &mut Link, troubles: &mut Vec<Trouble>) {
        let Some(secret) = self.secret() else {
            troubles.push(Trouble::Storage);
            return;
        };
        let key = Key {
            worker: self.id,
            secret,
        };
        let lane_key = self.key(b"lane");
        let lane_value = StorageValueRef::persistent(&lane_key);
        let mut lane = lane_value.get::<Lane>().ok().flatten().unwrap_or_default();
        let again = lane.show_again(self);
        if !again.is_empty() {
            lane_value.set(&lane);
            for bytes in again {
                // A pool that still has it refuses it, as it should.
                let _ = sp_io::offchain::submit_transaction(bytes);
            }
        }

        let tickets = Pallet::<T>::tickets(&self.account.id, MAX_TICKETS);
        let index_key = self.key(b"index");
        let index_value = StorageValueRef::persistent(&index_key);
        let stored = index_value
            .get::<Vec<Entry>>()
            .ok()
            .flatten()
            .unwrap_or_default();
        let index = self.tidy(&stored, &tickets);
        if index != stored {
            index_value.set(&index);
        }
        if tickets.is_empty() {
            return;
        }

        if link.url.is_none() {
            troubles.push(Trouble::NoDaemon);
        }
        let spendable = T::Currency::reducible_balance(
            &self.account.id,
            Preservation::Preserve,
            Fortitude::Polite,
        );
        // The float is meant for the fees of several jobs: a tenth of it is more than
        // the dearest call takes, a reveal with the roots of as many nodes as there may
        // be. The operator has to know before that is due, for a missed reveal is
        // slashed. What the balance does pay for is still signed.
        let mut may_sign = !spendable.is_zero();
        if !may_sign || spendable < T::WorkerFloat::get() / 10 {
            troubles.push(Trouble::NoBalance(self.id));
        }
        let mut refusals = 0usize;
        for ticket in &tickets {
            let turn = self.work_on(ticket, &key, link, &mut lane, &lane_value, may_sign);
            let Err(trouble) = turn else { continue };
            match &trouble {
                Trouble::Duty {
                    problem: Problem::Unreachable,
                    ..
                } if link.url.is_none() => {
                    continue;
                }
                Trouble::Duty { .. } => {}
                // One call may be unfit; if several are, it is the key or the pool.
                Trouble::PoolRefused { .. } => {
                    refusals = refusals.saturating_add(1);
                    may_sign &= refusals < MAX_REFUSALS;
                }
                _ => may_sign = false,
            }
            troubles.push(trouble);
        }
    }

    /// Does what is due for one ticket.
    fn work_on(
        &self,
        ticket: &Ticket,
        key: &Key,
        link: &mut Link,
        lane: &mut Lane,
        lane_value: &StorageValueRef<'_>,
        may_sign: bool,
    ) -> Result<(), Trouble> {
        let identity = duties::identity(ticket);
        let record_key = self.record_key(ticket.job, &identity);
        let stored = StorageValueRef::persistent(&record_key)
            .get::<Record>()
            .ok()
            .flatten();
        let mut record = stored.unwrap_or_else(|| Record::new(key, &self.genesis, ticket));
        let mut heard = None;
        for _ in 0..duties::MAX_STEPS {
            match duties::next(self, key, ticket, &record, heard.take()) {
                Step::Ask(request) => {
                    let answer = link.ask::<T>(request, ticket);
                    heard = Some(Heard { request, answer });
                }
                Step::Save(new) => record = save(&record_key, *new)?,
                Step::Sign(call) => {
                    if !may_sign || lane.busy(self) {
                        return Ok(());
                    }
                    return self.sign(ticket.job, call, record, &record_key, lane, lane_value);
                }
                Step::Rest => return Ok(()),
                Step::Report(problem) => {
                    return Err(Trouble::Duty {
                        job: ticket.job,
                        problem,
                    });
                }
            }
        }
        Ok(())
    }

    /// Signs and submits `call`, having stored that it does.
    fn sign(
        &self,
        job: JobId,
        call: duties::Call,
        record: Record,
        record_key: &[u8],
        lane: &mut Lane,
        lane_value: &StorageValueRef<'_>,
    ) -> Result<(), Trouble> {
        let cannot_sign = || Trouble::CannotSign(self.id);
        let extrinsic =
            <T as CreateSignedTransaction<Call<T>>>::create_signed_transaction::<T::WorkerKey>(
                to_call::<T>(job, &call).ok_or_else(cannot_sign)?.into(),
                self.account.public.clone(),
                self.account.id.clone(),
                frame_system::Pallet::<T>::account_nonce(&self.account.id),
            )
            .ok_or_else(cannot_sign)?
            .encode();
        save(record_key, record.signed(self, &call))?;
        lane.push(self, Flight::new(self, job, &call, extrinsic.clone()));
        lane_value.set(lane);
        if sp_io::offchain::submit_transaction(extrinsic).is_err() {
            lane.pop();
            lane_value.set(lane);
            save(record_key, record)?;
            return Err(Trouble::PoolRefused {
                job,
                call: call.name(),
            });
        }
        log::info!(target: LOG, "job {job}: {} sent", call.name());
        Ok(())
    }

    /// The list of records with these tickets in it. Records of jobs that ended long
    /// ago are removed.
    fn tidy(&self, stored: &[Entry], tickets: &[Ticket]) -> Vec<Entry> {
        let live = Assignments::<T>::get(&self.account.id);
        let mut index: Vec<Entry> = stored
            .iter()
            .cloned()
            .map(|mut entry| {
                entry.gone = match entry.gone {
                    _ if live.contains(&entry.job) => None,
                    // Seen on a fork that was longer then.
                    Some(gone) if gone > self.now => Some(self.now),
                    Some(gone) => Some(gone),
                    None => Some(self.now),
                };
                entry
            })
            .collect();
        for ticket in tickets {
            let identity = duties::identity(ticket);
            if !index
                .iter()
                .any(|entry| entry.job == ticket.job && entry.identity == identity)
            {
                index.push(Entry {
                    job: ticket.job,
                    identity,
                    gone: None,
                });
            }
        }
        let mut surplus = index.len().saturating_sub(MAX_RECORDS);
        index.retain(|entry| {
            let old = entry
                .gone
                .is_some_and(|gone| gone.saturating_add(KEEP_RECORDS) <= self.now || surplus > 0);
            if old {
                surplus = surplus.saturating_sub(1);
                StorageValueRef::persistent(&self.record_key(entry.job, &entry.identity)).clear();
            }
            !old
        });
        index
    }
}

/// Stores `record`, keeping salt and run of what is stored already.
fn save(key: &[u8], record: Record) -> Result<Record, Trouble> {
    StorageValueRef::persistent(key)
        .mutate(|stored: Result<Option<Record>, _>| {
            Ok::<_, ()>(record.merge(stored.ok().flatten()))
        })
        .map_err(|_| Trouble::Storage)
}

/// The pallet's call. `None` if it exceeds the chain's bounds, which the checks of a
/// receipt exclude.
fn to_call<T: Config>(job: JobId, call: &duties::Call) -> Option<Call<T>> {
    Some(match call {
        duties::Call::Accept => Call::accept { job },
        duties::Call::Commit { commitment } => Call::commit {
            job,
            commitment: *commitment,
        },
        duties::Call::Reveal {
            salt,
            trace,
            output,
        } => Call::reveal {
            job,
            salt: *salt,
            trace: match trace {
                Trace::Roots(roots) => TraceReveal::Roots(roots.clone().try_into().ok()?),
                Trace::Root(root) => TraceReveal::Root(*root),
            },
            output: match output {
                Some(output) => Some(output.clone().try_into().ok()?),
                None => None,
            },
        },
    })
}
