//! The off-chain worker: does what this node's worker keys owe, and checks the claims of
//! others with its watcher keys.
//!
//! What is due and what to do about it is decided by `athanor-worker-duties`; here
//! are local storage, HTTP, the keystore and the transaction pool. Chain storage is
//! only read. Nothing is remembered that would have to be true: whether a call took
//! effect is read from the state, so re-organisations, double runs, kills and
//! restarts cost time at most.
//!
//! What is in persistent local storage, beside what [`turn`] keeps for each key:
//!
//! | key, followed by the genesis hash | value |
//! |---|---|
//! | `athanor/duties/lock` | until when a run is going on |
//! | `athanor/duties/logged` | block of the last warning |
//!
//! Under [`OFFCHAIN_TROUBLES`] and [`OFFCHAIN_WATCHED`] the node finds what to show in
//! its metrics.

use crate::{
    Answers, Assignments, Call, ClaimView, Config, Demand, Jobs, NodeRoots, Pallet, ThreadKind,
    ThreadStatus, Threads, TraceReveal, WorkerOf,
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};
use athanor_primitives::{
    JobId, ModelRegistry, Question, Root, Ticket, OFFCHAIN_TROUBLES, OFFCHAIN_WATCHED,
    OFFCHAIN_WATCH_RATE, OFFCHAIN_WORKER_TOKEN, OFFCHAIN_WORKER_URL,
};
use athanor_tensor_program::judge::FraudProof;
use athanor_worker_duties::{
    self as duties, daemon,
    dispute::{Claimed, Stage, Thread},
    turn::{self, Host, Rules, StorageFailed, Tally, View},
    Answer, Chain, Problem, Request, Shape, Trace,
};
use codec::{DecodeAll, Encode};
use core::{fmt, marker::PhantomData};
use frame_support::traits::{
    fungible::Inspect,
    tokens::{Fortitude, Preservation},
    Get,
};
use frame_system::offchain::{Account, AppCrypto, CreateSignedTransaction, ForAny, Signer};
use sp_core::offchain::StorageKind;
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

/// Blocks after which a lock whose holder was killed is void, if its time is over too.
const LOCK_BLOCKS: u32 = 4;

/// Milliseconds for the same.
const LOCK_MS: u64 = 20_000;

/// Milliseconds between two warnings.
const WARN_EVERY_MS: u64 = 60_000;

/// Longest daemon URL or token that is used, in bytes.
const MAX_SETTING: usize = 1_024;

impl<T: Config> Pallet<T> {
    /// One run of the off-chain worker on the state of block `now`.
    pub(crate) fn offchain_run(now: u32) {
        let genesis = Self::genesis();
        let mut troubles = Vec::new();
        let workers = local_workers::<T>();
        let watchers: Vec<_> = Signer::<T, T::WatcherKey, ForAny>::keystore_accounts()
            .take(MAX_KEYS)
            .collect();
        let rate = StorageValueRef::persistent(OFFCHAIN_WATCH_RATE)
            .get::<u32>()
            .ok()
            .flatten()
            .unwrap_or(0);
        if rate > 0 && watchers.is_empty() {
            troubles.push(Trouble::NoWatcherKey);
        }
        // A daemon without a key is a provider in the making, or a mistake.
        if workers.is_empty() && rate == 0 && setting(OFFCHAIN_WORKER_URL).is_some() {
            troubles.push(Trouble::NoKey);
        }
        if workers.is_empty() && watchers.is_empty() {
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
        for account in &workers {
            serve::<T, T::WorkerKey>(account, genesis, now, None, &mut link, &mut troubles);
        }
        // Two keys that watch the same share would only pay twice.
        let mut tally = Tally::default();
        for (account, rate) in watchers.iter().zip([rate].into_iter().chain([0; MAX_KEYS])) {
            let rate = Some(rate);
            let of_key =
                serve::<T, T::WatcherKey>(account, genesis, now, rate, &mut link, &mut troubles);
            tally = tally.plus(&of_key);
        }
        let stored = StorageValueRef::persistent(OFFCHAIN_WATCHED);
        if stored.get::<Tally>().ok().flatten().unwrap_or_default() != tally {
            stored.set(&tally);
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
    /// Claims are to be checked and there is no key to dispute them with.
    NoWatcherKey,
    /// Claims are to be checked and there is no daemon to check them with.
    WatcherNoDaemon,
    /// A watcher key can't pay the bond of a thread.
    NoBond([u8; 32]),
    /// The key can't sign.
    CannotSign([u8; 32]),
    /// The pool did not take a call.
    PoolRefused { job: JobId, call: &'static str },
    /// Local storage did not take a record or can't be read.
    Storage,
    /// A duty can't be done.
    Duty { job: JobId, problem: Problem },
    /// A claim of others can't be checked.
    Unchecked { job: JobId, problem: Problem },
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
            Trouble::NoWatcherKey => write!(
                f,
                "--watch is given, but there is no gpww key in the keystore: insert one with \
                 `athanor-node key insert --key-type gpww --scheme sr25519`",
            ),
            Trouble::WatcherNoDaemon => write!(
                f,
                "--watch is given, but no gpu-worker is configured to check claims with: \
                 restart the node with --gpu-worker URL",
            ),
            Trouble::NoBond(key) => write!(
                f,
                "the watcher key {} can't pay the bond of a dispute: transfer some AUR to it",
                hex(key),
            ),
            Trouble::CannotSign(key) => {
                write!(f, "the keystore can't sign with the key {}", hex(key))
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
            Trouble::Unchecked { job, problem } => {
                write!(f, "job {job}: its claims can't be checked: {problem}")
            }
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
    // What can't be checked has a count of its own.
    let of_duties = troubles
        .iter()
        .filter(|trouble| !matches!(trouble, Trouble::Unchecked { .. }));
    let number: u32 = of_duties.count().saturated_into();
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
    fn ask<T: Config>(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
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

    fn try_ask<T: Config>(&self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
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

/// One key in one run: the state it sees.
struct Seen<T: Config> {
    account: T::AccountId,
    genesis: [u8; 32],
    now: u32,
}

impl<T: Config> Chain for Seen<T> {
    fn genesis(&self) -> [u8; 32] {
        self.genesis
    }

    fn block(&self) -> u32 {
        self.now
    }

    fn nonce(&self) -> u64 {
        frame_system::Pallet::<T>::account_nonce(&self.account).saturated_into()
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
            .find(|replica| replica.worker == self.account)?
            .commitment
    }

    fn roots_known(&self, job: JobId, trace_root: &Root) -> bool {
        NodeRoots::<T>::contains_key(job, trace_root)
    }
}

impl<T: Config> View for Seen<T> {
    fn tickets(&self, limit: usize) -> Vec<Ticket> {
        Pallet::<T>::tickets(&self.account, limit)
    }

    fn is_assigned(&self, job: JobId) -> bool {
        Pallet::<T>::is_assigned(&self.account, job)
    }

    fn questions(&self, limit: usize) -> Vec<(Question, u32)> {
        let place = |question: &Question| {
            let job = Jobs::<T>::get(question.job)?;
            let mut group = job
                .replicas
                .iter()
                .filter(|replica| replica.stands_by(&question.trace_root));
            group.position(|replica| replica.worker == self.account)
        };
        Pallet::<T>::view_questions(&self.account, limit.saturated_into())
            .into_iter()
            .map(|question| {
                let place = place(&question).unwrap_or_default();
                (question, place.saturated_into())
            })
            .collect()
    }

    fn claimed(&self, job: JobId) -> Option<Claimed> {
        let view = Pallet::<T>::view_claimed(job)?;
        Some(self.with_threads(view))
    }

    fn claims(&self, from: JobId, limit: usize) -> Vec<Claimed> {
        Pallet::<T>::view_claims(from, limit.saturated_into())
            .into_iter()
            .map(|view| self.with_threads(view))
            .collect()
    }

    fn trace(&self, job: JobId, trace_root: &Root) -> Option<Vec<Root>> {
        Pallet::<T>::view_trace(job, *trace_root)
    }
}

impl<T: Config> Seen<T> {
    /// What is claimed, with the threads of this key. Those of others are not read:
    /// their answers may be long.
    fn with_threads(&self, view: ClaimView) -> Claimed {
        let threads = Threads::<T>::iter_prefix(view.job)
            .filter(|(_, thread)| thread.challenger == self.account)
            .filter_map(|(id, thread)| {
                let ThreadKind::Dispute {
                    announcement,
                    since,
                } = thread.kind
                else {
                    return None;
                };
                let stage = match (thread.status, thread.opening) {
                    (ThreadStatus::Announced, _) | (_, None) => Stage::Announced {
                        announcement,
                        at: since,
                    },
                    (ThreadStatus::Asked, Some(opening)) => Stage::Asked { opening },
                    (ThreadStatus::Answered, Some(opening)) => Stage::Answered {
                        opening,
                        answers: (0..thread.answers)
                            .filter_map(|answer| Answers::<T>::get((view.job, id, answer)))
                            .map(|bytes| bytes.into_inner())
                            .collect(),
                    },
                };
                Some(Thread {
                    id,
                    deadline: thread.deadline,
                    stage,
                })
            })
            .collect();
        let claims = view.claims.iter().map(|claim| duties::dispute::Claim {
            trace_root: claim.trace_root,
            struck: claim.struck,
        });
        Claimed {
            ticket: view.ticket,
            closes: view.deadline,
            claims: claims.collect(),
            threads,
        }
    }
}

/// One key in one run: what it writes, asks, signs and sends. `C` is the kind of key.
struct Hands<'a, T: Config, C> {
    account: &'a Account<T>,
    link: &'a mut Link,
    kind: PhantomData<C>,
}

impl<T: Config, C: AppCrypto<T::Public, T::Signature>> Host for Hands<'_, T, C> {
    fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailed> {
        Ok(sp_io::offchain::local_storage_get(
            StorageKind::PERSISTENT,
            key,
        ))
    }

    fn update(
        &mut self,
        key: &[u8],
        change: &mut dyn FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), StorageFailed> {
        /// Another run would have to write between every two lines of this one.
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let old = self.load(key)?;
            let new = change(old.clone());
            let kind = StorageKind::PERSISTENT;
            if old.as_ref() == Some(&new)
                || sp_io::offchain::local_storage_compare_and_set(kind, key, old, &new)
            {
                return Ok(());
            }
        }
        Err(StorageFailed)
    }

    fn remove(&mut self, key: &[u8]) {
        sp_io::offchain::local_storage_clear(StorageKind::PERSISTENT, key);
    }

    fn random(&mut self) -> [u8; 32] {
        sp_io::offchain::random_seed()
    }

    fn ask(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
        self.link.ask::<T>(request, ticket)
    }

    fn sign(&mut self, job: JobId, call: &duties::Call, _: u64) -> Option<Vec<u8>> {
        <T as CreateSignedTransaction<Call<T>>>::create_signed_transaction::<C>(
            to_call::<T>(job, call)?.into(),
            self.account.public.clone(),
            self.account.id.clone(),
            frame_system::Pallet::<T>::account_nonce(&self.account.id),
        )
        .map(|extrinsic| extrinsic.encode())
    }

    fn submit(&mut self, extrinsic: Vec<u8>) -> bool {
        sp_io::offchain::submit_transaction(extrinsic).is_ok()
    }

    fn sent(&mut self, job: JobId, call: &duties::Call) {
        log::info!(target: LOG, "job {job}: {} sent", call.name());
    }
}

/// Does what one key owes in this block; `watch` is the share that a watcher key checks.
/// Gives what became of watching.
fn serve<T: Config, C: AppCrypto<T::Public, T::Signature>>(
    account: &Account<T>,
    genesis: [u8; 32],
    now: u32,
    watch: Option<u32>,
    link: &mut Link,
    troubles: &mut Vec<Trouble>,
) -> Tally {
    let id: [u8; 32] = account.id.clone().into();
    let seen = Seen::<T> {
        account: account.id.clone(),
        genesis,
        now,
    };
    let spendable =
        T::Currency::reducible_balance(&account.id, Preservation::Preserve, Fortitude::Polite);
    let may_sign = !spendable.is_zero();
    // A worker key may be a watcher key as well; its troubles are told once.
    let has_tickets = watch.is_none() && !Assignments::<T>::get(&account.id).is_empty();
    let watch = watch.unwrap_or(0);
    if link.url.is_none() && (has_tickets || watch > 0) {
        troubles.push(if has_tickets {
            Trouble::NoDaemon
        } else {
            Trouble::WatcherNoDaemon
        });
    }
    // The float is meant for the fees of several jobs: a tenth of it is more than the
    // dearest call takes, a reveal with the roots of as many nodes as there may be. The
    // operator has to know before that is due, for a missed reveal is slashed. What the
    // balance does pay for is still signed.
    if has_tickets && (!may_sign || spendable < T::WorkerFloat::get() / 10) {
        troubles.push(Trouble::NoBalance(id));
    }
    // A watcher with less can pay for no bond, and might as well not run.
    if watch > 0 && spendable < T::ThreadBond::get() {
        troubles.push(Trouble::NoBond(id));
    }
    let (without_daemon, mut hands) = (
        link.url.is_none(),
        Hands::<T, C> {
            account,
            link,
            kind: PhantomData,
        },
    );
    let met = turn::take(&seen, &mut hands, id, Rules { watch, may_sign });
    troubles.extend(met.into_iter().filter_map(|trouble| match trouble {
        turn::Trouble::CannotSign => Some(Trouble::CannotSign(id)),
        turn::Trouble::PoolRefused { job, call } => Some(Trouble::PoolRefused { job, call }),
        turn::Trouble::Storage => Some(Trouble::Storage),
        turn::Trouble::Duty {
            problem: Problem::Unreachable,
            ..
        } if without_daemon => None,
        turn::Trouble::Duty { job, problem } => Some(Trouble::Duty { job, problem }),
        turn::Trouble::Unchecked { job, problem } => Some(Trouble::Unchecked { job, problem }),
    }));
    turn::tally(&hands, &genesis, &id)
}

/// The pallet's call. `None` if it exceeds the chain's bounds, which the checks of what
/// the daemon says exclude.
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
        duties::Call::Announce { announcement } => Call::announce {
            job,
            announcement: *announcement,
        },
        duties::Call::Challenge {
            thread,
            opening,
            proof,
        } => Call::challenge {
            job,
            thread: *thread,
            opening: *opening,
            proof: Box::new(FraudProof::decode_all(&mut &proof[..]).ok()?),
        },
        duties::Call::Demand {
            thread,
            opening,
            value,
        } => Call::demand {
            job,
            thread: *thread,
            demand: Demand::First {
                opening: *opening,
                value: *value,
            },
        },
        duties::Call::Descend {
            thread,
            group,
            value,
            siblings,
            ..
        } => Call::demand {
            job,
            thread: *thread,
            demand: Demand::Next {
                group: *group,
                value: *value,
                siblings: siblings.clone().try_into().ok()?,
            },
        },
        duties::Call::Answer { thread, bytes } => Call::answer {
            job,
            thread: *thread,
            bytes: bytes.clone().try_into().ok()?,
        },
    })
}
