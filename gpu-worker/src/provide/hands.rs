//! Storage, daemon, signature and pool of one turn.

use super::{records::Records, sight::Sight, stats::Stats};
use crate::server::Token;
use athanor_primitives::{JobId, Ticket};
use athanor_worker_duties::{
    daemon::{self, MAX_ANSWER},
    turn::{Host, StorageFailed},
    Answer, Call, Chain, Problem, Request, Trace, MORTAL,
};
use codec::Encode;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use subxt::{
    config::{substrate::H256, DefaultExtrinsicParamsBuilder},
    SubstrateConfig,
};
use subxt_signer::sr25519::Keypair;

/// Longest wait for one answer of the daemon.
const PATIENCE: Duration = Duration::from_secs(3);

/// Longest wait for all of a turn.
const BUDGET: Duration = Duration::from_secs(8);

/// The daemon that runs jobs.
pub struct Daemon {
    client: reqwest::Client,
    url: String,
    token: Option<Token>,
}

impl Daemon {
    /// The daemon at `url`.
    pub fn new(url: &str, token: Option<Token>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Daemon {
            client,
            url: url.into(),
            token,
        })
    }

    async fn post(&self, request: &Request, job: JobId, body: Vec<u8>) -> Result<Answer, Problem> {
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                Problem::TimedOut
            } else {
                Problem::Unreachable
            }
        };
        let mut post = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/json")
            .body(body);
        if let Some(token) = &self.token {
            post = post.header("Authorization", token.header());
        }
        let mut response = post.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut bytes = Vec::new();
        // One byte more than an answer may have tells a long one from a full one.
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                bytes.truncate(MAX_ANSWER + 1);
                break;
            }
        }
        daemon::answer(request, job, status, &bytes)
    }
}

/// What surrounds one turn.
pub struct Hands<'a> {
    records: &'a mut Records,
    daemon: &'a mut Daemon,
    key: &'a Keypair,
    stats: &'a Stats,
    sight: Rc<Sight>,
    end: Instant,
    /// Why nothing more is asked in this turn.
    down: Option<Problem>,
}

impl<'a> Hands<'a> {
    /// Hands for the turn on the state `sight`.
    pub fn new(
        records: &'a mut Records,
        daemon: &'a mut Daemon,
        key: &'a Keypair,
        stats: &'a Stats,
        sight: Rc<Sight>,
    ) -> Self {
        Hands {
            records,
            daemon,
            key,
            stats,
            sight,
            end: Instant::now() + BUDGET,
            down: None,
        }
    }

    fn try_ask(&self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
        let program = match request.needs_program() {
            true => self
                .sight
                .program(ticket.program_hash)
                .ok_or(Problem::UnknownModel)?,
            false => Vec::new(),
        };
        let left = self.end.saturating_duration_since(Instant::now());
        let body = request.body(ticket, &program);
        let asking = self.daemon.post(request, ticket.job, body);
        self.sight
            .wait(async { tokio::time::timeout(left, asking).await })
            .unwrap_or(Err(Problem::TimedOut))
    }

    /// Signs `call` with an era born at the block before the one looked at.
    fn extrinsic(&self, job: JobId, call: &Call, nonce: u64) -> Result<Vec<u8>, String> {
        let at = self.sight.at();
        let birth = self.sight.block().saturating_sub(1);
        let hash = self
            .sight
            .hash(birth)
            .ok_or("the block before the best one is not known")?;
        let pallet = at
            .metadata_ref()
            .pallet_by_name("ComputeJobs")
            .ok_or("the chain has no ComputeJobs")?;
        let index = pallet
            .call_variant_by_name(call.name())
            .ok_or("the chain does not know the call")?
            .index;
        let bytes = encode(pallet.call_index(), index, job, call);
        let transactions = at.transactions();
        // Reads the arguments by the chain's own metadata, so that a chain that wants
        // others is noticed here.
        let payload = transactions
            .from_call_data_bytes(&bytes)
            .map_err(|error| error.to_string())?;
        let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
            .nonce(nonce)
            .mortal_from_unchecked(MORTAL.into(), birth.into(), H256(hash))
            .build();
        transactions
            .create_signable_offline(&payload, params)
            .and_then(|mut signable| signable.sign(self.key))
            .map(|signed| signed.into_encoded())
            .map_err(|error| error.to_string())
    }
}

/// The call's bytes, as the pallet's call `index` reads them.
fn encode(pallet: u8, index: u8, job: JobId, call: &Call) -> Vec<u8> {
    let mut bytes = vec![pallet, index];
    job.encode_to(&mut bytes);
    match call {
        Call::Accept => {}
        Call::Commit { commitment } => commitment.encode_to(&mut bytes),
        Call::Reveal {
            salt,
            trace,
            output,
        } => {
            salt.encode_to(&mut bytes);
            match trace {
                Trace::Roots(roots) => (0u8, roots).encode_to(&mut bytes),
                Trace::Root(root) => (1u8, root).encode_to(&mut bytes),
            }
            output.encode_to(&mut bytes);
        }
        Call::Announce { announcement } => announcement.encode_to(&mut bytes),
        Call::Challenge {
            thread,
            opening,
            proof,
        } => {
            (thread, opening).encode_to(&mut bytes);
            bytes.extend_from_slice(proof);
        }
        Call::Demand {
            thread,
            opening,
            value,
        } => (thread, 0u8, opening, value).encode_to(&mut bytes),
        Call::Descend {
            thread,
            group,
            value,
            siblings,
            ..
        } => (thread, 1u8, group, value, siblings).encode_to(&mut bytes),
        Call::Answer {
            thread,
            bytes: answer,
        } => (thread, answer).encode_to(&mut bytes),
    }
    bytes
}

impl Host for Hands<'_> {
    fn load(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageFailed> {
        self.records.load(key).map_err(|error| {
            tracing::error!(%error, "a record can't be read");
            StorageFailed
        })
    }

    fn update(
        &mut self,
        key: &[u8],
        change: &mut dyn FnMut(Option<Vec<u8>>) -> Vec<u8>,
    ) -> Result<(), StorageFailed> {
        // What follows from a state that could not be read must not be kept.
        if self.sight.broken().is_some() {
            return Err(StorageFailed);
        }
        let old = self.load(key)?;
        let new = change(old.clone());
        if old.as_ref() == Some(&new) {
            return Ok(());
        }
        self.records.store(key, &new).map_err(|error| {
            tracing::error!(%error, "a record can't be written");
            StorageFailed
        })
    }

    fn remove(&mut self, key: &[u8]) {
        if self.sight.broken().is_none() {
            if let Err(error) = self.records.remove(key) {
                tracing::warn!(%error, "a record can't be removed");
            }
        }
    }

    fn random(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // Without randomness a salt could be guessed, and there is nothing to go on with.
        if let Err(error) = getrandom::fill(&mut bytes) {
            panic!("the system gives no randomness: {error}");
        }
        bytes
    }

    /// After the first question without an answer no other is asked in this turn:
    /// sixteen tickets must not wait sixteen times.
    fn ask(&mut self, request: &Request, ticket: &Ticket) -> Result<Answer, Problem> {
        if let Some(problem) = &self.down {
            return Err(problem.clone());
        }
        let answer = self.try_ask(request, ticket);
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

    fn sign(&mut self, job: JobId, call: &Call, nonce: u64) -> Option<Vec<u8>> {
        if self.sight.broken().is_some() {
            return None;
        }
        match self.extrinsic(job, call, nonce) {
            Ok(extrinsic) => Some(extrinsic),
            Err(error) => {
                tracing::error!(job, call = call.name(), error, "a call can't be made");
                None
            }
        }
    }

    fn submit(&mut self, extrinsic: Vec<u8>) -> bool {
        self.sight.submit(&extrinsic)
    }

    fn sent(&mut self, job: JobId, call: &Call) {
        tracing::info!(job, call = call.name(), "sent");
        self.stats.sent(call.name());
    }
}
