//! Types of disputes.

use crate::{Balance, BlockNumber};
use alloc::vec::Vec;
use athanor_primitives::{
    dispute::{MAX_DEMANDED, PIECE_CHUNKS},
    Asked, JobId, Opening, Root, ThreadId, Ticket, Value,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Most siblings on the way from a subtree to one of its groups.
pub const MAX_SIBLINGS: u32 = 10;

/// Longest answer: the bytes of a piece, and a path to the root of the largest
/// tensor with at most two hashes a level.
pub const MAX_ANSWER: u32 = MAX_DEMANDED + 2 * 32 * 32;

/// Pieces that one job's requester may ask to be delivered.
pub const MAX_DELIVERIES: u8 = 64;

/// Blocks to answer in that each other thread asking the same claimant adds.
pub const ASKED_EACH: BlockNumber = 2;

const _: () = assert!(PIECE_CHUNKS * 1_024 <= MAX_DEMANDED as u64);

/// An answer's bytes.
pub type AnswerBytes = BoundedVec<u8, ConstU32<MAX_ANSWER>>;

/// State of a thread. Each has exactly one deadline.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum ThreadStatus {
    /// Announced under a hash. Left by `challenge` or `demand`; at the deadline the
    /// thread is closed and its bond lost.
    #[codec(index = 0)]
    Announced,
    /// Waits for the claimant's data. Left by `answer`; at the deadline the claim is
    /// struck.
    #[codec(index = 1)]
    Asked,
    /// Answered. Left by the next `demand` or by `challenge`; at the deadline the
    /// thread is closed and its bond lost. A delivery is done and closed without loss.
    #[codec(index = 2)]
    Answered,
}

/// What a thread is for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum ThreadKind {
    /// To show that a claim is false.
    #[codec(index = 0)]
    Dispute {
        /// See [`Opening::announcement`].
        announcement: [u8; 32],
        /// Block of the announcement.
        since: BlockNumber,
    },
    /// To get a piece of the output.
    #[codec(index = 1)]
    Delivery {
        /// Place in the program's list of outputs.
        output: u8,
        /// The piece.
        piece: u32,
    },
}

/// What a thread asks for, of one tensor of one claim.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub struct Line {
    /// The claim: root of the trace.
    pub trace_root: Root,
    /// Which tensor.
    pub value: Value,
    /// The tensor's root.
    pub root: Root,
    /// The tensor's length in bytes.
    pub len: u64,
    /// What of it is asked for, or was last.
    pub asked: Asked,
}

/// One line of questions about one claim of one job.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Thread<AccountId> {
    /// Who opened it.
    pub challenger: AccountId,
    /// What it is for.
    pub kind: ThreadKind,
    /// State.
    pub status: ThreadStatus,
    /// First block in which the state's calls are too late.
    pub deadline: BlockNumber,
    /// Held under `ThreadBond`, lost if the thread comes to nothing.
    pub bond: Balance,
    /// Held under `ThreadBond` for the answer it waits for.
    pub prepaid: Balance,
    /// What the announcement hid, once it is shown.
    pub opening: Option<Opening>,
    /// What it asks for; nothing while `Announced`.
    pub line: Option<Line>,
    /// Answers so far.
    pub answers: u8,
    /// Bucket of the deadline queue it waits in, if any had room.
    pub queued: Option<BlockNumber>,
}

impl<AccountId> Thread<AccountId> {
    /// The claim it is about, once that is known.
    pub fn trace_root(&self) -> Option<Root> {
        self.line
            .map(|line| line.trace_root)
            .or(self.opening.map(|opening| opening.trace_root))
    }
}

/// What of a tensor is asked for next.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub enum Demand {
    /// The first demand of a thread: a whole tensor.
    #[codec(index = 0)]
    First {
        /// What was announced.
        opening: Opening,
        /// The announced node or one of its operands.
        value: Value,
    },
    /// One group of the last answer, shown to be one.
    #[codec(index = 1)]
    Next {
        /// Its index.
        group: u64,
        /// Its chaining value.
        value: [u8; 32],
        /// Its siblings, from the group upwards.
        siblings: BoundedVec<[u8; 32], ConstU32<MAX_SIBLINGS>>,
    },
}

/// How a thread ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
)]
pub enum ThreadEnd {
    /// Its proof showed the claim to be false.
    #[codec(index = 0)]
    Convicted,
    /// Its demand was not answered in time.
    #[codec(index = 1)]
    Withheld,
    /// The claim had been struck before.
    #[codec(index = 2)]
    Moot,
    /// It came to nothing in time.
    #[codec(index = 3)]
    Lapsed,
    /// The piece was delivered.
    #[codec(index = 4)]
    Delivered,
}

/// A claim that was struck, and who has a share in what its replicas lose.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen,
)]
pub struct Conviction<AccountId> {
    /// Root of its trace.
    pub trace_root: Root,
    /// Who proved it false, or asked for what was withheld.
    pub prover: AccountId,
    /// Whose demand about the same node was answered first.
    pub asker: AccountId,
}

/// One answer of the view function `claims`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ClaimView {
    /// The job.
    pub job: JobId,
    /// First block in which no thread may be opened any more.
    pub deadline: BlockNumber,
    /// What to run.
    pub ticket: Ticket,
    /// What was claimed.
    pub claims: Vec<ClaimedTrace>,
}

/// A trace that replicas of a job stand by, or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ClaimedTrace {
    /// Its root.
    pub trace_root: Root,
    /// Replicas that revealed it.
    pub agreed: u8,
    /// Found to be false, or its data were withheld.
    pub struck: bool,
}

/// One answer of the view function `threads`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ThreadView<AccountId> {
    /// Its number.
    pub id: ThreadId,
    /// The thread.
    pub thread: Thread<AccountId>,
    /// All answers given in it.
    pub answers: Vec<Vec<u8>>,
}
