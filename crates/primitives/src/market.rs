//! The data market: what chain, RPC and clients share.
//!
//! What is hashed, encrypted and judged is in `athanor-content-tree`; letters are those of
//! `docs/spec/data-market.md`. Times are *market time*, block numbers less the blocks that admitted
//! inherents only, unless a field says that it is a block number.

use crate::{
    labels::{amount, CampaignId},
    ticket::hex32,
    Root,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{bounded::BoundedVec, ConstU32};

/// Number of a listing. Ids are never used twice.
pub type ListingId = u64;
/// Number of an order. Ids are never used twice.
pub type OrderId = u64;
/// `seal_id`: binds chain, seller, goods, ciphertext and key.
pub type SealId = [u8; 32];
/// Market time.
pub type Time = u32;

/// Longest endpoint of a seller, in bytes.
pub const MAX_ENDPOINT: u32 = 128;
/// Most keys of one `reveal`.
pub const MAX_REVEALS: u32 = 64;
/// Most accounts of a listing's shares.
pub const MAX_ACCOUNTS: u32 = 8;
/// Most pools of a listing's shares.
pub const MAX_PARENTS: u32 = 4;
/// Most shares of a listing.
pub const MAX_SHARES: u32 = MAX_ACCOUNTS + MAX_PARENTS;
/// Units of a listing's pool.
pub const LISTING_UNITS: u32 = 10_000;
/// Most units of a listing's pool that belong to other pools.
pub const MAX_PARENT_UNITS: u32 = 3_000;
/// Seals of a listing: the newest and the one before.
pub const MAX_SEALS: u32 = 2;
/// Least and most stars of a rating.
pub const STARS: core::ops::RangeInclusive<u8> = 1..=5;

/// Where a seller's content is served: a URL, in bytes.
pub type Endpoint = BoundedVec<u8, ConstU32<MAX_ENDPOINT>>;
/// Who shares in a listing's net price.
pub type Shares<AccountId> = BoundedVec<Share<AccountId>, ConstU32<MAX_SHARES>>;
/// Keys of one `reveal`.
pub type Reveals = BoundedVec<Reveal, ConstU32<MAX_REVEALS>>;

/// A use that a licence may allow.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Not allowed.
    #[default]
    #[codec(index = 0)]
    NotAllowed,
    /// Allowed.
    #[codec(index = 1)]
    Allowed,
    /// As the licence says.
    #[codec(index = 2)]
    Constrained,
}

/// What the licence says of four uses.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct UseFlags {
    /// Text and data mining.
    pub data_mining: Use,
    /// Training of models that do not generate content.
    pub ai_training: Use,
    /// Training of models that generate content.
    pub generative_training: Use,
    /// As input to a model.
    pub inference: Use,
}

/// A pool that sales are paid into and that its holders claim from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PoolId {
    /// Of a listing.
    #[codec(index = 0)]
    Listing(ListingId),
    /// Of a campaign's contributors.
    #[codec(index = 1)]
    Campaign(CampaignId),
}

/// Who holds units of a pool.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Beneficiary<AccountId> {
    /// An account.
    #[codec(index = 0)]
    Account(AccountId),
    /// Another pool, which splits what it gets.
    #[codec(index = 1)]
    Pool(PoolId),
}

/// A share in a listing's net price.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Share<AccountId> {
    /// Whose.
    pub to: Beneficiary<AccountId>,
    /// Of [`LISTING_UNITS`].
    pub units: u32,
}

/// What a seller lists. All but the price never changes.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(bound(
    serialize = "AccountId: Serialize",
    deserialize = "AccountId: Deserialize<'de>"
))]
pub struct ListingTerms<AccountId> {
    /// Root of the goods.
    #[serde(with = "hex32")]
    pub x_root: Root,
    /// `L`: length of the goods in bytes, 1 to 2^40.
    pub length: u64,
    /// Root of the card.
    #[serde(with = "hex32")]
    pub card_root: Root,
    /// Root of the licence's text.
    #[serde(with = "hex32")]
    pub licence_root: Root,
    /// What the licence says of four uses.
    pub uses: UseFlags,
    /// Price in the smallest unit; 0: free, and not ordered.
    #[serde(with = "amount")]
    pub price: u128,
    /// Whether only accounts the seller allowed may order.
    pub restricted: bool,
    /// Time the seller has to reveal a key.
    pub reveal_window: Time,
    /// Time a buyer has to complain.
    pub dispute_window: Time,
    /// Groups the seller shows as a sample, at most all.
    pub samples: u32,
    /// Who gets the net price: [`LISTING_UNITS`] in all.
    #[serde(with = "list")]
    pub shares: Shares<AccountId>,
    /// Whether listings may name this one's pool as a parent without an invitation, and the
    /// least units they must give it.
    pub derive: Option<u32>,
    /// The seller's listing that this one is a new version of.
    pub supersedes: Option<ListingId>,
}

/// A ciphertext that a seller published, and the key he committed to.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Seal {
    /// What makes its context differ from other seals'.
    #[serde(with = "hex16")]
    pub nonce: [u8; 16],
    /// Root of the ciphertext.
    #[serde(with = "hex32")]
    pub z_root: Root,
    /// The commitment to the key.
    #[serde(with = "hex32")]
    pub h_k: [u8; 32],
    /// Its id.
    #[serde(with = "hex32")]
    pub seal_id: SealId,
    /// When it was published.
    pub since: Time,
}

/// One order's key, wrapped for its buyer.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Reveal {
    /// Of which order.
    pub order: OrderId,
    /// `E`: the seller's public key for this order.
    #[serde(with = "hex32")]
    pub seller_key: [u8; 32],
    /// `c`: the key, masked.
    #[serde(with = "hex32")]
    pub wrapped: [u8; 32],
}

/// What a seller did wrong.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No key came in time.
    #[codec(index = 0)]
    NotRevealed,
    /// The key was not the one committed to.
    #[codec(index = 1)]
    BadKey,
    /// A group of the ciphertext does not decrypt to the goods.
    #[codec(index = 2)]
    BadGroup,
}

/// Where a listing is in its life.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ListingStatus {
    /// Takes orders, given a seal. Left by `pause`, `close` and a fault.
    #[codec(index = 0)]
    Open,
    /// Takes no orders. Left by `resume` and `close`.
    #[codec(index = 1)]
    Paused {
        /// The fault that paused it; `None`: the seller.
        fault: Option<Fault>,
    },
    /// Takes no orders ever again. Left by `remove`.
    #[codec(index = 2)]
    Closed,
}

/// Where an order is in its life.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Waits for the key. Left by `reveal`; by `poke` after `until` or when its seal is proven bad.
    #[codec(index = 0)]
    Locked {
        /// Last time at which the key may be revealed.
        until: Time,
    },
    /// The key was revealed. Left by `complain` when proven; by `poke` after `until` or when its
    /// seal is proven bad.
    #[codec(index = 1)]
    Revealed {
        /// Last time at which the buyer may complain.
        until: Time,
        /// `E`: the seller's public key for this order.
        #[serde(with = "hex32")]
        seller_key: [u8; 32],
        /// `c`: the key, masked.
        #[serde(with = "hex32")]
        wrapped: [u8; 32],
    },
}

/// Why an order was refunded.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// No key came in time.
    #[codec(index = 0)]
    NotRevealed,
    /// A complaint about it was proven.
    #[codec(index = 1)]
    Proven,
    /// A complaint about another order of its seal was proven.
    #[codec(index = 2)]
    SealProvenBad,
}

/// Why a key of a `reveal` was skipped.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// There is no such order, or it has ended.
    #[codec(index = 0)]
    NoSuchOrder,
    /// The sender is neither its seller nor his agent.
    #[codec(index = 1)]
    NotSeller,
    /// Its key is revealed already.
    #[codec(index = 2)]
    AlreadyRevealed,
    /// Its time to reveal is over.
    #[codec(index = 3)]
    TooLate,
    /// Its seal was proven bad: it is refunded whatever comes.
    #[codec(index = 4)]
    SealIsBad,
}

/// Why an order would be refused: the name of the pallet's error.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OrderProblem {
    /// The listing is paused or closed.
    #[codec(index = 0)]
    NotOpen,
    /// Governance stopped new orders.
    #[codec(index = 1)]
    Frozen,
    /// It is free: fetch it, there is nothing to order.
    #[codec(index = 2)]
    IsFree,
    /// The seller has not published a ciphertext.
    #[codec(index = 3)]
    NoSeal,
    /// The ciphertext was proven bad.
    #[codec(index = 4)]
    SealIsBad,
    /// A seller can't buy from himself.
    #[codec(index = 5)]
    IsSeller,
    /// Only accounts the seller allowed may order.
    #[codec(index = 6)]
    NotAllowed,
    /// The account has an order or a right here.
    #[codec(index = 7)]
    AlreadyBought,
    /// The seller's free bond does not cover another order.
    #[codec(index = 8)]
    SellerAtCapacity,
}

/// A buyer's record of one listing.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// An order is open.
    #[codec(index = 0)]
    Pending(OrderId),
    /// He bought it.
    #[codec(index = 1)]
    Granted(Granted),
}

/// What is needed to decrypt again, and what the purchase was.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Granted {
    /// The order.
    pub order: OrderId,
    /// When it was settled.
    pub at: Time,
    /// The protocol's fee: what a rating weighs.
    #[serde(with = "amount")]
    pub fee: u128,
    /// Held of the buyer's money for this record.
    #[serde(with = "amount")]
    pub deposit: u128,
    /// `ctx` of the seal.
    #[serde(with = "hex32")]
    pub context: [u8; 32],
    /// `E`: the seller's public key for this order.
    #[serde(with = "hex32")]
    pub seller_key: [u8; 32],
    /// `c`: the key, masked.
    #[serde(with = "hex32")]
    pub wrapped: [u8; 32],
    /// Whether the buyer rated it.
    pub rated: bool,
}

/// A listing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct ListingView<AccountId> {
    /// Its number.
    pub id: ListingId,
    /// Whose.
    pub seller: AccountId,
    /// Root of the goods.
    #[serde(with = "hex32")]
    pub x_root: Root,
    /// Length of the goods in bytes.
    pub length: u64,
    /// Root of the card.
    #[serde(with = "hex32")]
    pub card_root: Root,
    /// Root of the licence's text.
    #[serde(with = "hex32")]
    pub licence_root: Root,
    /// What the licence says of four uses.
    pub uses: UseFlags,
    /// Price now; 0: free.
    #[serde(with = "amount")]
    pub price: u128,
    /// Whether only allowed accounts may order.
    pub restricted: bool,
    /// Time to reveal a key.
    pub reveal_window: Time,
    /// Time to complain.
    pub dispute_window: Time,
    /// Groups shown as a sample, at most all.
    pub samples: u32,
    /// Least units for a child without an invitation.
    pub derive: Option<u32>,
    /// What this is a new version of.
    pub supersedes: Option<ListingId>,
    /// Where it is in its life.
    pub status: ListingStatus,
    /// Code of the reason why governance stopped new orders.
    pub frozen: Option<u16>,
    /// The newest seal, last, and the one before.
    pub seals: Vec<Seal>,
    /// Block number it was listed in; samples are drawn from the blocks after it.
    pub listed_at: u32,
    /// Its orders that have not ended.
    pub open_orders: u32,
    /// Sales that stood.
    pub settled: u32,
    /// Orders without a key in time.
    pub missed: u32,
    /// Orders refunded by proof.
    pub proven: u32,
    /// Ratings.
    pub ratings: u32,
    /// Sum of their stars, each times the fee of its sale.
    #[serde(with = "amount")]
    pub rating_sum: u128,
    /// Sum of these fees.
    #[serde(with = "amount")]
    pub rating_weight: u128,
}

/// An order that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct OrderView<AccountId> {
    /// Its number.
    pub id: OrderId,
    /// Of which listing.
    pub listing: ListingId,
    /// Who sells.
    pub seller: AccountId,
    /// Who buys.
    pub buyer: AccountId,
    /// Who is rewarded beside the buyer, if he complains.
    pub watch: Option<AccountId>,
    /// Root of the goods.
    #[serde(with = "hex32")]
    pub x_root: Root,
    /// Length of the goods in bytes.
    pub length: u64,
    /// The seal's nonce.
    #[serde(with = "hex16")]
    pub nonce: [u8; 16],
    /// Root of the ciphertext.
    #[serde(with = "hex32")]
    pub z_root: Root,
    /// The commitment to the key.
    #[serde(with = "hex32")]
    pub h_k: [u8; 32],
    /// The seal.
    #[serde(with = "hex32")]
    pub seal_id: SealId,
    /// Whether the seal was proven bad, so that `poke` refunds at once.
    pub seal_is_bad: bool,
    /// Price.
    #[serde(with = "amount")]
    pub price: u128,
    /// The protocol's part of it.
    #[serde(with = "amount")]
    pub fee: u128,
    /// Locked of the seller's bond.
    #[serde(with = "amount")]
    pub bond: u128,
    /// Held of the buyer's money for his record.
    #[serde(with = "amount")]
    pub right_deposit: u128,
    /// `B`: the buyer's public key for this order.
    #[serde(with = "hex32")]
    pub buyer_key: [u8; 32],
    /// Block number it was placed in.
    pub placed_at: u32,
    /// Where it is in its life.
    pub state: OrderState,
}

/// What an order would cost now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct Quote {
    /// Price.
    #[serde(with = "amount")]
    pub price: u128,
    /// The protocol's part of it.
    #[serde(with = "amount")]
    pub fee: u128,
    /// Held of the buyer's money for his record, until he forgets it.
    #[serde(with = "amount")]
    pub right_deposit: u128,
    /// What would be locked of the seller's bond.
    #[serde(with = "amount")]
    pub order_bond: u128,
    /// What is free of it.
    #[serde(with = "amount")]
    pub bond_free: u128,
    /// Time to reveal a key.
    pub reveal_window: Time,
    /// Time to complain.
    pub dispute_window: Time,
    /// The newest seal.
    #[serde(with = "crate::labels::maybe_hex32")]
    pub seal_id: Option<SealId>,
    /// Why the order would be refused.
    pub problem: Option<OrderProblem>,
}

/// A seller.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct SellerView<AccountId> {
    /// Who.
    pub account: AccountId,
    /// Where his content is served, UTF-8 if he is honest.
    pub endpoint: Vec<u8>,
    /// Account that may reveal for him.
    pub agent: Option<AccountId>,
    /// Held as bond.
    #[serde(with = "amount")]
    pub bonded: u128,
    /// Of it for open orders.
    #[serde(with = "amount")]
    pub locked: u128,
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

/// One holder of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct HolderView<AccountId> {
    /// Who.
    pub beneficiary: Beneficiary<AccountId>,
    /// Units.
    pub units: u32,
    /// Claimed so far.
    #[serde(with = "amount")]
    pub claimed: u128,
    /// Claimable now.
    #[serde(with = "amount")]
    pub claimable: u128,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct PoolView<AccountId> {
    /// Which.
    pub pool: PoolId,
    /// Units of all holders.
    pub supply: u64,
    /// Received so far.
    #[serde(with = "amount")]
    pub received: u128,
    /// Claimed so far.
    #[serde(with = "amount")]
    pub claimed: u128,
    /// When a campaign's pool takes no more holders and pays.
    pub closes_at: Option<Time>,
    /// Number of holders.
    pub holder_count: u32,
    /// Holders, at most as many as one answer shows.
    pub holders: Vec<HolderView<AccountId>>,
}

/// Serde for 16 bytes as `0x` hex.
pub mod hex16 {
    use crate::ticket::{bytes_from_hex, to_hex};
    use alloc::string::String;
    use serde::{de::Error, Deserialize, Deserializer, Serializer};

    /// Serialises 16 bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8; 16], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&to_hex(bytes))
    }

    /// Deserialises 16 bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 16], D::Error> {
        let text = String::deserialize(d)?;
        bytes_from_hex(&text, 16)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| D::Error::custom("expected 0x and 32 hex digits"))
    }
}

/// Serde for bounded lists.
mod list {
    use alloc::vec::Vec;
    use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};
    use sp_core::{bounded::BoundedVec, ConstU32};

    pub(super) fn serialize<S: Serializer, T: Serialize, const N: u32>(
        list: &BoundedVec<T, ConstU32<N>>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        s.collect_seq(list.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: u32>(
        d: D,
    ) -> Result<BoundedVec<T, ConstU32<N>>, D::Error> {
        BoundedVec::try_from(Vec::<T>::deserialize(d)?)
            .map_err(|_| D::Error::custom("the list is too long"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> ListingTerms<u64> {
        ListingTerms {
            x_root: [1; 32],
            length: 5,
            card_root: [2; 32],
            licence_root: [3; 32],
            uses: UseFlags {
                inference: Use::Constrained,
                ..Default::default()
            },
            price: u128::MAX,
            restricted: false,
            reveal_window: 600,
            dispute_window: 7_220,
            samples: 1,
            shares: BoundedVec::truncate_from(alloc::vec![Share {
                to: Beneficiary::Pool(PoolId::Campaign(9)),
                units: LISTING_UNITS,
            }]),
            derive: Some(500),
            supersedes: None,
        }
    }

    #[test]
    fn terms_cross_json() {
        let json = serde_json::to_value(terms()).unwrap();
        assert_eq!(json["price"], "340282366920938463463374607431768211455");
        assert_eq!(json["uses"]["inference"], "constrained");
        assert_eq!(json["shares"][0]["to"]["pool"]["campaign"], 9);
        let read: ListingTerms<u64> = serde_json::from_value(json).unwrap();
        assert_eq!(read, terms());
    }

    #[test]
    fn too_many_shares_are_refused() {
        let mut json = serde_json::to_value(terms()).unwrap();
        let share = json["shares"][0].clone();
        json["shares"] = serde_json::Value::Array(alloc::vec![share; 13]);
        assert!(serde_json::from_value::<ListingTerms<u64>>(json).is_err());
    }

    #[test]
    fn a_nonce_has_sixteen_bytes() {
        let seal = Seal {
            nonce: [7; 16],
            z_root: [0; 32],
            h_k: [0; 32],
            seal_id: [0; 32],
            since: 4,
        };
        let mut json = serde_json::to_value(seal).unwrap();
        assert_eq!(serde_json::from_value::<Seal>(json.clone()).unwrap(), seal);
        json["nonce"] = "0x00".into();
        assert!(serde_json::from_value::<Seal>(json).is_err());
    }
}
