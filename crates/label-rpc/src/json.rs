//! The JSON shapes.
//!
//! As in all of this node's methods: names and variants in `snake_case`, amounts as
//! decimal strings of the smallest unit, bytes as `0x` hex, accounts as SS58 addresses
//! that may be given as `0x` and the public key's 64 hex digits too. Deadlines are ticks
//! of the pallet's clock, which counts the blocks in which its calls were allowed. Fields
//! may be added, never renamed or removed.

pub use athanor_compute_rpc::json::{Account, Amount};

use athanor_label_math::{Answer, LabelType, Span};
use athanor_primitives::{
    labels::{BatchId, BatchState, CampaignId, CampaignTerms, PageIndex, Ticks},
    ticket::{bytes_from_hex, hex32, to_hex},
    Root,
};
use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};
use sp_core::{ecdsa, ed25519, sr25519, H256};
use sp_runtime::MultiSignature;

/// Longest byte string that is read: a sealed opening is the longest.
const MAX_BYTES: usize = athanor_primitives::labels::MAX_SEALED as usize;

/// A byte string, as `0x` hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        bytes_from_hex(&text, MAX_BYTES).map(Self).ok_or_else(|| {
            D::Error::custom(format!("bytes are 0x and hex digits, at most {MAX_BYTES}"))
        })
    }
}

/// 32 bytes, as `0x` hex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hash(#[serde(with = "hex32")] pub Root);

/// A signature and what made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(pub MultiSignature);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AnySignature {
    Sr25519(Bytes),
    Ed25519(Bytes),
    Ecdsa(Bytes),
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            MultiSignature::Sr25519(sig) => AnySignature::Sr25519(Bytes(sig.0.to_vec())),
            MultiSignature::Ed25519(sig) => AnySignature::Ed25519(Bytes(sig.0.to_vec())),
            MultiSignature::Ecdsa(sig) => AnySignature::Ecdsa(Bytes(sig.0.to_vec())),
            _ => return Err(serde::ser::Error::custom("a signature of a kind unknown")),
        }
        .serialize(s)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let long = |wanted: usize| {
            move |_| D::Error::custom(format!("such a signature has {wanted} bytes"))
        };
        Ok(Self(match AnySignature::deserialize(d)? {
            AnySignature::Sr25519(Bytes(bytes)) => MultiSignature::Sr25519(
                sr25519::Signature::from_raw(bytes.try_into().map_err(long(64))?),
            ),
            AnySignature::Ed25519(Bytes(bytes)) => MultiSignature::Ed25519(
                ed25519::Signature::from_raw(bytes.try_into().map_err(long(64))?),
            ),
            AnySignature::Ecdsa(Bytes(bytes)) => MultiSignature::Ecdsa(ecdsa::Signature::from_raw(
                bytes.try_into().map_err(long(65))?,
            )),
        }))
    }
}

/// The chain's clock of label bounties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Ticks so far.
    pub now: Ticks,
    /// Milliseconds of a block, hence of a tick.
    pub tick_ms: u64,
}

/// What a requester has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// Batches that were paid.
    pub batches: u32,
    /// Answers revealed in them.
    pub answers: u64,
    /// Answers that were paid, each counted by its share of the full pay.
    pub paid_answers: u64,
    /// Gold answers opened.
    pub gold_opened: u32,
    /// Of them contested: four fifths of a panel answered otherwise.
    pub gold_contested: u32,
}

/// A batch that takes labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBatch {
    /// Its number.
    pub batch: BatchId,
    /// Its pages.
    pub pages: u32,
    /// Tick at which it ends at the latest.
    pub until: Ticks,
    /// Slots that may still be leased.
    pub free_slots: u32,
    /// Requests that wait for a draw.
    pub waiting: u32,
}

/// A campaign with open batches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its number.
    pub campaign: CampaignId,
    /// Whose it is.
    pub requester: Account,
    /// Its terms, which never change.
    pub terms: CampaignTerms,
    /// Most that a page pays.
    pub page_pay: Amount,
    /// Stake of a page; none for sponsored work.
    pub page_stake: Amount,
    /// URL of the requester's service, as he wrote it: judge it before you connect to it.
    pub gateway: Option<String>,
    /// What the requester has done so far.
    pub record: Requester,
    /// Its open batches.
    pub batches: Vec<OpenBatch>,
}

/// Answer of `labels_campaigns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaigns {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The campaigns, by number.
    pub campaigns: Vec<Campaign>,
    /// `after` of the next page; none if this is the last.
    pub next: Option<CampaignId>,
}

/// What a slot of a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// To be answered.
    Leased {
        /// Tick at which the lease ends.
        until: Ticks,
    },
    /// Answered, and not yet shown.
    Committed {
        /// C.
        answers: Hash,
    },
    /// Shown.
    Revealed {
        /// The packed answers.
        sheet: Bytes,
    },
}

/// A page of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its number in the batch.
    pub page: PageIndex,
    /// Its state.
    pub slot: Slot,
}

/// What a worker was paid for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The score, in basis points.
    pub score_bp: i32,
    /// The share of the full pay, in basis points.
    pub share_bp: u16,
    /// Whether the answers were junk.
    pub junk: bool,
    /// Paid, or credited if the account does not exist.
    pub pay: Amount,
    /// Taken from the stake.
    pub stake_lost: Amount,
}

/// A worker's part in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The batch.
    pub batch: BatchId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// Its state.
    pub state: BatchState,
    /// Tick at which the state ends at the latest.
    pub deadline: Ticks,
    /// Whether the worker needs neither stake nor fees.
    pub sponsored: bool,
    /// Whether a request of his is waiting.
    pub requested: bool,
    /// His requests so far: the number in the text of the next one.
    pub requests: u32,
    /// Pages leased so far.
    pub leased: u32,
    /// Of them committed.
    pub committed: u32,
    /// Of them revealed.
    pub revealed: u32,
    /// Of them given back.
    pub skipped: u32,
    /// Of them run out. The first is free, each further one costs half a stake.
    pub abandoned: u32,
    /// Tick from which pages may be requested, after too many were given back.
    pub blocked_until: Ticks,
    /// Held as stakes.
    pub stake: Amount,
    /// His pages.
    pub pages: Vec<Page>,
    /// What he was paid, once he was.
    pub outcome: Option<Outcome>,
}

/// Answer of `labels_status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The account.
    pub account: Account,
    /// Pay that waits for the account to exist.
    pub credit: Amount,
    /// Its batches that the chain still keeps.
    pub batches: Vec<Work>,
}

/// A page to be answered, and all that is needed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The batch.
    pub batch: BatchId,
    /// Its campaign.
    pub campaign: CampaignId,
    /// The page.
    pub page: PageIndex,
    /// Tick at which the lease ends.
    pub until: Ticks,
    /// Seconds until then, if no block is missed.
    pub seconds: u64,
    /// Type of the answers.
    pub label: LabelType,
    /// Tasks of the page.
    pub tasks: u8,
    /// Most that the page pays.
    pub page_pay: Amount,
    /// Whether the page file is encrypted; the key is given to who signs for it.
    pub private: bool,
    /// Pages of the batch.
    pub pages: u32,
    /// Root of the tree over the pages' leaves.
    pub pages_root: Hash,
    /// Root of the batch's `index.jsonl`, whose line `page` has the root of the page file.
    pub index_root: Hash,
    /// Root of the guideline.
    pub guideline: Hash,
    /// X25519 key an opening may be sealed to.
    pub seal_key: Option<Hash>,
    /// URL of the requester's service, as he wrote it: judge it before you connect to it.
    pub gateway: Option<String>,
}

/// Answer of `labels_next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Block the answer is of.
    pub at: H256,
    /// Hash of the chain's first block: part of every text that is signed.
    pub genesis: H256,
    /// The clock at the block.
    pub clock: Clock,
    /// The account.
    pub account: Account,
    /// Pages to be answered, the most urgent first.
    pub leases: Vec<Lease>,
    /// Batches in which a request is waiting.
    pub waiting: Vec<BatchId>,
}

/// Answers to a page: one entry a task, in the order of the page file.
///
/// classification, preference, rating: a number. multi-label: a list of flags. safety: a
/// list of a severity for each flag. ranking: a list of items, the best first. span: a list
/// of `{"label", "start", "len"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(pub Vec<serde_json::Value>);

impl Answers {
    /// The answers as `label-math` has them.
    ///
    /// # Errors
    ///
    /// What is wrong with which of them.
    pub fn read(&self, ty: &LabelType, tasks: u8) -> Result<Vec<Answer>, String> {
        if self.0.len() != usize::from(tasks) {
            return Err(format!(
                "the page has {tasks} tasks, these are {} answers",
                self.0.len()
            ));
        }
        self.0
            .iter()
            .enumerate()
            .map(|(task, answer)| {
                read_answer(ty, answer).map_err(|error| format!("answer {task}: {error}"))
            })
            .collect()
    }
}

fn read_answer(ty: &LabelType, answer: &serde_json::Value) -> Result<Answer, String> {
    fn from<T: serde::de::DeserializeOwned>(
        value: &serde_json::Value,
        wanted: &str,
    ) -> Result<T, String> {
        T::deserialize(value).map_err(|_| format!("{wanted} is wanted here, not {value}"))
    }
    let answer = match ty {
        LabelType::MultiLabel { .. } => {
            let mut set = 0u32;
            for flag in from::<Vec<u32>>(answer, "a list of flags")? {
                let bit = 1u32.checked_shl(flag).unwrap_or(0);
                if bit == 0 || set & bit != 0 {
                    return Err(format!("flag {flag} is none, or occurs twice"));
                }
                set |= bit;
            }
            Answer::Code(set)
        }
        LabelType::Safety { .. } => {
            let severities: Vec<u8> = from(answer, "a list of severities")?;
            if severities.len() != usize::from(ty.flags()) || severities.iter().any(|s| *s > 3) {
                return Err(format!("{} severities of 0 to 3 are wanted", ty.flags()));
            }
            Answer::safety(&severities)
        }
        LabelType::Ranking { items } => {
            let order: Vec<u8> = from(answer, "a list of items, the best first")?;
            if order.len() != usize::from(*items) || order.iter().any(|item| item >= items) {
                return Err(format!(
                    "an order of the items 0 to {} is wanted",
                    items - 1
                ));
            }
            Answer::ranking(&order)
        }
        LabelType::Span { .. } => {
            let mut spans: Vec<Span> = from(answer, "a list of {label, start, len}")?;
            spans.sort_unstable();
            Answer::Spans(spans)
        }
        _ => Answer::Code(from(answer, "a number")?),
    };
    athanor_label_math::pack_answer(ty, &answer).map_err(|error| error.to_string())?;
    Ok(answer)
}

/// Answer of `labels_payload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The packed answers: what is revealed later, with the salt.
    pub sheet: Bytes,
    /// C: what is committed to.
    pub answers: Hash,
    /// What the account signs, byte for byte.
    pub text: String,
    /// The same as `0x` hex.
    pub bytes: Bytes,
}

/// A voucher with the requester's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedVoucher {
    /// Pages allowed in the campaign.
    pub pages: u32,
    /// Whether the account needs neither stake nor fees.
    pub sponsored: bool,
    /// Last block in which it is good.
    pub expires: u32,
    /// The voucher key's signature.
    pub signature: Signature,
}

/// A call that needs no fee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Call {
    /// Requests one page, without a stake.
    RequestSponsored {
        /// In this batch.
        batch: BatchId,
        /// For this account.
        worker: Account,
        /// By this voucher.
        voucher: SignedVoucher,
    },
    /// Gives a page back.
    Skip {
        /// Of this batch.
        batch: BatchId,
        /// This one.
        page: PageIndex,
        /// Leased by this account.
        worker: Account,
    },
    /// Commits to the answers to a page. Final.
    Commit {
        /// Of this batch.
        batch: BatchId,
        /// This one.
        page: PageIndex,
        /// Leased by this account.
        worker: Account,
        /// C.
        answers: Hash,
        /// The opening, sealed to the campaign's key; not stored.
        #[serde(default)]
        sealed: Option<Bytes>,
    },
    /// Shows what was committed. Needs no signature.
    Reveal {
        /// Of this batch.
        batch: BatchId,
        /// This one.
        page: PageIndex,
        /// Committed by this account.
        worker: Account,
        /// The packed answers.
        sheet: Bytes,
        /// The salt.
        salt: Hash,
    },
}

/// Answer of `labels_submit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Hash of the transaction that is in the pool now.
    pub transaction: H256,
}

/// The consensus of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consensus {
    /// The label: a number, the code of an answer packed alone; or a list of spans.
    pub label: Option<serde_json::Value>,
    /// Mean of ratings, in 2^-16.
    pub mean: Option<u32>,
    /// Weighted agreement of the answers with the label, in 2^-16.
    pub support: u32,
    /// Two labels were as good; this is the lower one.
    pub tie: bool,
    /// Fewer answers than the terms' least.
    pub thin: bool,
}

/// What a scored batch came to. It is kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// R: chains all sheets and gold, so that a raw table proves itself.
    pub root: Hash,
    /// Pages.
    pub pages: u32,
    /// Accounts enrolled.
    pub workers: u32,
    /// Sheets committed.
    pub committed: u32,
    /// Of them revealed.
    pub revealed: u32,
    /// Gold answers opened.
    pub gold_opened: u32,
    /// Of them contested.
    pub gold_contested: u32,
    /// Paid to workers.
    pub paid: Amount,
    /// To the treasury.
    pub treasury: Amount,
    /// Tick at which it was paid.
    pub ended: Ticks,
}

/// Answer of `labels_results`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The batch.
    pub batch: BatchId,
    /// Its state; none once it was pruned.
    pub state: Option<BatchState>,
    /// Tick at which the state ends at the latest; none once it was pruned.
    pub deadline: Option<Ticks>,
    /// What it came to; none before it was scored.
    pub result: Option<Outcomes>,
    /// Labels of the page asked for, one a task; none if no page was asked for, or if they
    /// are not known yet or no longer.
    pub labels: Option<Vec<Consensus>>,
}
