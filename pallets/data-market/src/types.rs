//! Types of the pallet's storage.

use athanor_primitives::{
    market::{
        Endpoint, ListingId, ListingStatus, OrderState, Seal, SealId, Time, UseFlags, MAX_SEALS,
    },
    Root,
};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Amounts of money, in the smallest unit.
pub type Balance = u128;

/// A seller.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Seller<AccountId> {
    /// Where his content is served.
    pub endpoint: Endpoint,
    /// Account that may reveal for him, and nothing else.
    pub agent: Option<AccountId>,
    /// Held as bond.
    pub bonded: Balance,
    /// Of it for open orders.
    pub locked: Balance,
    /// Held for this record.
    pub deposit: Balance,
    /// Listings not removed.
    pub listings: u32,
    /// Listings closed without a sale.
    pub unsold: u32,
    /// Sales that stood.
    pub settled: u32,
    /// Orders without a key in time.
    pub missed: u32,
    /// Orders refunded by proof.
    pub proven: u32,
}

impl<AccountId> Seller<AccountId> {
    /// Bond that no order locks.
    pub fn free(&self) -> Balance {
        self.bonded.saturating_sub(self.locked)
    }
}

/// A listing. All but price, seals and what is counted never changes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Listing<AccountId> {
    /// Whose.
    pub seller: AccountId,
    /// Root of the goods.
    pub x_root: Root,
    /// Length of the goods in bytes.
    pub length: u64,
    /// Root of the card.
    pub card_root: Root,
    /// Root of the licence's text.
    pub licence_root: Root,
    /// What the licence says of four uses.
    pub uses: UseFlags,
    /// Price; 0: free, and not ordered.
    pub price: Balance,
    /// Whether only accounts in `Allowed` may order.
    pub restricted: bool,
    /// Time to reveal a key.
    pub reveal_window: Time,
    /// Time to complain.
    pub dispute_window: Time,
    /// Groups shown as a sample, at most all.
    pub samples: u32,
    /// Least units a listing must give this one's pool, if it may without an invitation.
    pub derive: Option<u32>,
    /// What this is a new version of.
    pub supersedes: Option<ListingId>,
    /// Where it is in its life.
    pub status: ListingStatus,
    /// Code of the reason why governance stopped new orders.
    pub frozen: Option<u16>,
    /// The newest seal, last, and the one before.
    pub seals: BoundedVec<Seal, ConstU32<MAX_SEALS>>,
    /// Block number it was listed in.
    pub listed_at: u32,
    /// Held for this record.
    pub deposit: Balance,
    /// Its records in `Allowed`.
    pub allowed: u32,
    /// Its records in `Invites`.
    pub invites: u32,
    /// Its orders that have not ended.
    pub open_orders: u32,
    /// Sales that stood.
    pub settled: u32,
    /// Orders without a key in time.
    pub missed: u32,
    /// Orders refunded by proof.
    pub proven: u32,
    /// Of the sales that stood, those whose rights were forgotten.
    pub forgotten: u32,
    /// Ratings.
    pub ratings: u32,
    /// Sum of their stars, each times the fee of its sale.
    pub rating_sum: u128,
    /// Sum of these fees.
    pub rating_weight: u128,
}

impl<AccountId> Listing<AccountId> {
    /// The seal with this id, if it can be ordered at `now`: the newest, or the one before while
    /// the newest is younger than `old_for`.
    pub fn offered(&self, seal_id: &SealId, now: Time, old_for: Time) -> Option<Seal> {
        let newest = self.seals.last()?;
        let fresh = now.saturating_sub(newest.since) < old_for;
        self.seals
            .iter()
            .find(|seal| seal.seal_id == *seal_id)
            .filter(|seal| seal.seal_id == newest.seal_id || fresh)
            .copied()
    }
}

/// An order that has not ended. It holds all that its end needs, so that nothing the seller does
/// to the listing touches it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Order<AccountId> {
    /// Of which listing.
    pub listing: ListingId,
    /// Who sells.
    pub seller: AccountId,
    /// Who buys.
    pub buyer: AccountId,
    /// Who is rewarded beside the buyer, if he complains.
    pub watch: Option<AccountId>,
    /// Root of the goods.
    pub x_root: Root,
    /// Length of the goods in bytes.
    pub length: u64,
    /// What was ordered.
    pub seal: Seal,
    /// Price, held of the buyer's money.
    pub price: Balance,
    /// The treasury's part of it.
    pub fee: Balance,
    /// Locked of the seller's bond.
    pub bond: Balance,
    /// Held of the buyer's money for his record.
    pub deposit: Balance,
    /// Time to complain.
    pub dispute_window: Time,
    /// `B`: the buyer's public key for this order.
    pub buyer_key: [u8; 32],
    /// Block number it was placed in.
    pub placed_at: u32,
    /// Where it is in its life.
    pub state: OrderState,
}
