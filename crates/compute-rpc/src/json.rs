//! The JSON shapes.
//!
//! Names and variants are in `snake_case`. Amounts are decimal strings of the
//! smallest unit, 10^12 of which are one AUR: 128 bits do not fit a JSON number.
//! Roots and hashes are `0x` hex, accounts SS58 addresses. Fields may be added,
//! never renamed or removed.

use athanor_primitives::{
    ticket::{hex32, root_from_hex, to_hex},
    JobId, ModelId, Question, Root, Ticket,
};
use pallet_compute_jobs::{self as pallet, JobView, ModelFilter, OfferView, QuoteView};
use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};
use sp_core::{crypto::Ss58Codec, H256};
use sp_runtime::AccountId32;

/// An account: written as an SS58 address, read as that or as `0x` and 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account(pub AccountId32);

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0.to_ss58check())
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        root_from_hex(&text)
            .map(AccountId32::new)
            .or_else(|| AccountId32::from_ss58check(&text).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom("an account is an address, or 0x and 64 hex digits"))
    }
}

/// An amount of the smallest unit, as a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount(pub u128);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        digits
            .then(|| text.parse().ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| D::Error::custom("an amount is a string of digits below 2^128"))
    }
}

/// How many run a job, and how it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Policy {
    /// `n` providers run it and at least `quorum` must agree.
    Replicated {
        /// Providers.
        n: u8,
        /// Least number that must agree.
        quorum: u8,
        /// Blocks in which a claim may be challenged.
        window: u32,
    },
    /// One provider runs it, and a second with a probability of `audit` / 256.
    Optimistic {
        /// Blocks in which a claim may be challenged.
        window: u32,
        /// 256ths.
        audit: u8,
    },
}

impl From<Policy> for pallet::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Replicated { n, quorum, window } => Self::Replicated { n, quorum, window },
            Policy::Optimistic { window, audit } => Self::Optimistic { window, audit },
        }
    }
}

impl From<pallet::Policy> for Policy {
    fn from(policy: pallet::Policy) -> Self {
        match policy {
            pallet::Policy::Replicated { n, quorum, window } => {
                Self::Replicated { n, quorum, window }
            }
            pallet::Policy::Optimistic { window, audit } => Self::Optimistic { window, audit },
        }
    }
}

/// What a quote is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Model to run.
    pub model: ModelId,
    /// Samples in the input.
    pub batch: u32,
    /// Policy.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: Amount,
    /// Most blocks that fetching the blobs, and the run, may take; the most there may be if
    /// left out.
    #[serde(default)]
    pub max_wait: Option<u32>,
    /// Least collateral of a provider.
    #[serde(default)]
    pub min_collateral: Amount,
    /// For whoever pokes the job along.
    #[serde(default)]
    pub tip: Amount,
    /// Keep a receipt, for a deposit.
    #[serde(default)]
    pub keep_receipt: bool,
}

impl From<Terms> for pallet::QuoteTerms {
    fn from(terms: Terms) -> Self {
        Self {
            model: terms.model,
            batch: terms.batch,
            policy: terms.policy.into(),
            max_pay: terms.max_pay.0,
            max_wait: terms.max_wait,
            min_collateral: terms.min_collateral.0,
            tip: terms.tip.0,
            keep_receipt: terms.keep_receipt,
        }
    }
}

/// Exact cost of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Multiply-accumulates.
    pub macs: u64,
    /// Element operations.
    pub ops: u64,
    /// Bytes between nodes.
    pub bytes: u64,
    /// Nodes.
    pub nodes: u64,
    /// Bytes of constants, inputs and outputs.
    pub load: u64,
    /// All of it in units.
    pub units: u64,
}

impl From<athanor_primitives::Cost> for Cost {
    fn from(cost: athanor_primitives::Cost) -> Self {
        Self {
            macs: cost.macs,
            ops: cost.ops,
            bytes: cost.bytes,
            nodes: cost.nodes,
            load: cost.load,
            units: cost.units(),
        }
    }
}

/// Answer of `compute_quote`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Block the answer is of.
    pub at: H256,
    /// Held when the job is created.
    pub held: Amount,
    /// Held beside it for the receipt.
    pub deposit: Amount,
    /// Cost of one run.
    pub cost: Cost,
    /// Bytes of the input.
    pub input_len: u64,
    /// Bytes of all outputs joined.
    pub output_len: u64,
    /// Offers that take the job now.
    pub eligible: u32,
    /// Their prices, cheapest first, as many as the policy draws.
    pub cheapest: Vec<Amount>,
}

impl Quote {
    pub(crate) fn new(at: H256, view: QuoteView) -> Self {
        Self {
            at,
            held: Amount(view.held),
            deposit: Amount(view.deposit),
            cost: view.cost.into(),
            input_len: view.input_len,
            output_len: view.output_len,
            eligible: view.eligible,
            cheapest: view.cheapest.into_iter().map(Amount).collect(),
        }
    }
}

/// One provider's part in a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Who is bonded and paid.
    pub provider: Account,
    /// The key that signs.
    pub worker: Account,
    /// Price of the run.
    pub pay: Amount,
    /// Locked in the provider's bond.
    pub collateral: Amount,
    /// `drawn`, `accepted`, `committed`, `revealed` or `struck`.
    pub state: String,
    /// Revealed trace root, `0x` hex.
    pub trace_root: Option<String>,
    /// What it was struck for: `late`, `no_reveal`, `outvoted`, `fraud_proven`
    /// or `data_withheld`.
    pub fault: Option<String>,
}

/// A revealed result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Root of the trace.
    #[serde(with = "hex32")]
    pub trace_root: Root,
    /// Root of the output it implies.
    #[serde(with = "hex32")]
    pub output_root: Root,
    /// Found to be false, or its data were withheld.
    pub struck: bool,
}

/// Answer of `compute_job`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Block the answer is of.
    pub at: H256,
    /// The job's number.
    pub job: JobId,
    /// `open`, `assigned`, `running`, `sealed`, `revealing` or `claimed`.
    pub state: String,
    /// First block in which the state's calls are too late.
    pub deadline: u32,
    /// Block from which `poke` has something to do.
    pub due: u32,
    /// Block it was created in.
    pub created: u32,
    /// Whose it is.
    pub requester: Account,
    /// Model it runs.
    pub model: ModelId,
    /// The model's program.
    #[serde(with = "hex32")]
    pub program_hash: Root,
    /// Root of the input.
    #[serde(with = "hex32")]
    pub input_root: Root,
    /// Samples in it.
    pub batch: u32,
    /// Policy.
    pub policy: Policy,
    /// Most that one provider is paid.
    pub max_pay: Amount,
    /// Most blocks that fetching and the run may take.
    pub max_wait: u32,
    /// Least collateral asked for.
    pub min_collateral: Amount,
    /// The output is revealed on chain.
    pub inline_output: bool,
    /// A receipt will be kept.
    pub keep_receipt: bool,
    /// Held for pay.
    pub budget: Amount,
    /// Held for pokes.
    pub tip: Amount,
    /// Cost of one run.
    pub cost: Cost,
    /// Bytes of all outputs joined.
    pub output_len: u64,
    /// How often missing providers were replaced.
    pub redraws: u8,
    /// Open disputes.
    pub threads: u32,
    /// Who runs it.
    pub replicas: Vec<Replica>,
    /// Results revealed so far.
    pub claims: Vec<Claim>,
}

/// A variant's name in `snake_case`. Variants that are added need no line here.
fn name(variant: impl std::fmt::Debug) -> String {
    let mut out = String::new();
    for c in format!("{variant:?}").chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

impl From<pallet::Replica<AccountId32>> for Replica {
    fn from(replica: pallet::Replica<AccountId32>) -> Self {
        let state = match &replica {
            replica if replica.fault.is_some() => "struck",
            replica if replica.trace_root.is_some() => "revealed",
            replica if replica.commitment.is_some() => "committed",
            replica if replica.accepted => "accepted",
            _ => "drawn",
        };
        Self {
            provider: Account(replica.provider),
            worker: Account(replica.worker),
            pay: Amount(replica.pay),
            collateral: Amount(replica.collateral),
            state: state.into(),
            trace_root: replica.trace_root.map(|root| to_hex(&root)),
            fault: replica.fault.map(name),
        }
    }
}

impl Job {
    pub(crate) fn new(at: H256, view: JobView<AccountId32>) -> Self {
        let job = view.job;
        let terms = job.terms;
        let struck: Vec<Root> = job
            .convictions
            .iter()
            .map(|conviction| conviction.trace_root)
            .collect();
        Self {
            at,
            job: view.id,
            state: name(job.status),
            deadline: job.deadline,
            due: view.due,
            created: job.created,
            requester: Account(job.requester),
            model: terms.model,
            program_hash: job.program_hash,
            input_root: terms.input_root,
            batch: terms.batch,
            policy: terms.policy.into(),
            max_pay: Amount(terms.max_pay),
            max_wait: terms.max_wait,
            min_collateral: Amount(terms.min_collateral),
            inline_output: terms.inline_output,
            keep_receipt: terms.keep_receipt,
            budget: Amount(job.budget),
            tip: Amount(job.tip),
            cost: job.cost.into(),
            output_len: job.output_len,
            redraws: job.redraws,
            threads: job.threads,
            replicas: job.replicas.into_iter().map(Into::into).collect(),
            claims: view
                .claims
                .into_iter()
                .map(|claim| Claim {
                    trace_root: claim.trace_root,
                    output_root: claim.output_root,
                    struck: struck.contains(&claim.trace_root),
                })
                .collect(),
        }
    }
}

/// Prices, per 10^6 of each cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Of multiply-accumulates.
    pub macs: Amount,
    /// Of element operations.
    pub ops: Amount,
    /// Of bytes between nodes.
    pub bytes: Amount,
    /// Of nodes started.
    pub nodes: Amount,
    /// Of bytes loaded.
    pub load: Amount,
}

/// Durations, in nanoseconds per 10^6 of each cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Of multiply-accumulates.
    pub macs: u64,
    /// Of element operations.
    pub ops: u64,
    /// Of bytes between nodes.
    pub bytes: u64,
    /// Of nodes started.
    pub nodes: u64,
    /// Of bytes loaded.
    pub load: u64,
}

/// The models an offer takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Models {
    /// These only.
    List(Vec<ModelId>),
    /// Any whose run loads at most so many bytes.
    AnyUpTo(u64),
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Whose.
    pub provider: Account,
    /// Where its outputs may be fetched. Written by the provider: judge it before
    /// you connect to it.
    pub endpoint: String,
    /// Whether it takes part in draws now.
    pub live: bool,
    /// Paused by its owner, or after three releases in a row.
    pub paused: bool,
    /// Draws of jobs created from the next block on take it.
    pub since: u32,
    /// First block in which it no longer holds.
    pub valid_until: u32,
    /// Least pay for a run.
    pub minimum: Amount,
    /// Prices.
    pub rates: Rates,
    /// Durations.
    pub times: Times,
    /// Bytes per second for fetching blobs.
    pub bandwidth: u64,
    /// Largest run taken, in units.
    pub max_cost: u64,
    /// Bytes of memory a run may need.
    pub memory: u64,
    /// Jobs at a time.
    pub slots: u8,
    /// Of them free.
    pub free_slots: u8,
    /// Models taken.
    pub models: Models,
    /// Most collateral in one job.
    pub max_collateral: Amount,
    /// Longest window, in blocks.
    pub max_window: u32,
    /// Part of the provider's bond that nothing locks.
    pub free_bond: Amount,
    /// Its reputation, 4 to 64.
    pub reputation: u8,
}

impl From<OfferView<AccountId32>> for Offer {
    fn from(view: OfferView<AccountId32>) -> Self {
        let terms = view.offer.terms;
        let (rates, times) = (terms.rates, terms.times);
        Self {
            provider: Account(view.provider),
            endpoint: String::from_utf8_lossy(&view.endpoint)
                .chars()
                .filter(|c| !c.is_control())
                .collect(),
            live: view.live,
            paused: view.offer.paused,
            since: view.offer.since,
            valid_until: terms.valid_until,
            minimum: Amount(terms.minimum),
            rates: Rates {
                macs: Amount(rates.macs),
                ops: Amount(rates.ops),
                bytes: Amount(rates.bytes),
                nodes: Amount(rates.nodes),
                load: Amount(rates.load),
            },
            times: Times {
                macs: times.macs,
                ops: times.ops,
                bytes: times.bytes,
                nodes: times.nodes,
                load: times.load,
            },
            bandwidth: terms.bandwidth,
            max_cost: terms.max_cost,
            memory: terms.memory,
            slots: terms.slots,
            free_slots: view.free_slots,
            models: match terms.models {
                ModelFilter::List(list) => Models::List(list.into_inner()),
                ModelFilter::AnyUpTo(bytes) => Models::AnyUpTo(bytes),
            },
            max_collateral: Amount(terms.max_collateral),
            max_window: terms.max_window,
            free_bond: Amount(view.free_bond),
            reputation: view.reputation,
        }
    }
}

/// Answer of `compute_offers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// Block the answer is of.
    pub at: H256,
    /// The offers, in the order of their providers' public keys.
    pub offers: Vec<Offer>,
    /// `after` of the next page; none if this is the last.
    pub next: Option<Account>,
}

impl Offers {
    pub(crate) fn page(
        at: H256,
        mut views: Vec<OfferView<AccountId32>>,
        after: Option<Account>,
        count: usize,
    ) -> Self {
        if let Some(Account(after)) = after {
            views.retain(|view| view.provider > after);
        }
        views.sort_by(|a, b| a.provider.cmp(&b.provider));
        let more = views.len() > count;
        views.truncate(count);
        let next = views
            .last()
            .filter(|_| more)
            .map(|view| Account(view.provider.clone()));
        Self {
            at,
            offers: views.into_iter().map(Into::into).collect(),
            next,
        }
    }
}

/// Answer of `compute_work`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Block the answer is of.
    pub at: H256,
    /// What is owed, the most urgent first.
    pub tickets: Vec<Ticket>,
    /// Questions about revealed results that it owes answers to.
    pub questions: Vec<Question>,
}
