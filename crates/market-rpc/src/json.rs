//! The JSON shapes.
//!
//! As in all of this node's methods: names and variants in `snake_case`, amounts as
//! decimal strings of the smallest unit, roots and keys as `0x` hex, accounts as SS58
//! addresses; those that are given may be `0x` and the public key's 64 hex digits too. Windows and
//! deadlines are market time, which counts the blocks in which calls were allowed. Fields
//! may be added, never renamed or removed.

pub use athanor_compute_rpc::json::{Account, Amount};
pub use athanor_primitives::market::{PoolId, Quote};

use athanor_primitives::market::{
    Beneficiary, ListingId, ListingView, OrderView, PoolView, SellerView,
};
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sp_runtime::AccountId32;

/// A listing.
pub type Listing = ListingView<AccountId32>;
/// An order that has not ended.
pub type Order = OrderView<AccountId32>;
/// A pool.
pub type Pool = PoolView<AccountId32>;

/// The market's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Market time.
    pub now: u32,
    /// Number of the block.
    pub block: u32,
}

/// Who has a share: an account, or another pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Holder {
    /// A pool, as `{"listing": 4}` or `{"campaign": 4}`.
    Pool(PoolId),
    /// An account.
    Account(Account),
}

impl From<Holder> for Beneficiary<AccountId32> {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Pool(pool) => Self::Pool(pool),
            Holder::Account(Account(account)) => Self::Account(account),
        }
    }
}

/// A seller, and what he has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// Where his content is served, as he wrote it: judge it before you connect to it.
    pub endpoint: Option<String>,
    /// Held as bond.
    pub bonded: Amount,
    /// Of it for open orders.
    pub locked: Amount,
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

impl From<SellerView<AccountId32>> for Seller {
    fn from(view: SellerView<AccountId32>) -> Self {
        Self {
            endpoint: endpoint(&view.endpoint),
            bonded: Amount(view.bonded),
            locked: Amount(view.locked),
            listings: view.listings,
            unsold: view.unsold,
            settled: view.settled,
            missed: view.missed,
            proven: view.proven,
        }
    }
}

/// A URL that somebody else wrote, without what a terminal would obey.
fn endpoint(bytes: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(bytes)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    (!text.is_empty()).then_some(text)
}

/// Answer of `market_listings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listings {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The listings, by number.
    pub listings: Vec<Listing>,
    /// `cursor` of the next page; none if this is the last.
    pub next: Option<ListingId>,
}

/// Answer of `market_listing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneListing {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The listing.
    pub listing: Listing,
    /// Its seller.
    pub seller: Option<Seller>,
    /// Who shares in its sales.
    pub pool: Option<Pool>,
}

/// Answer of `market_order`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneOrder {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// The order.
    pub order: Order,
}

/// Answer of `market_quote`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneQuote {
    /// Block the answer is of.
    pub at: H256,
    /// The clock there.
    pub clock: Clock,
    /// What an order would hold now.
    pub quote: Quote,
}

/// Answer of `market_claimable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimable {
    /// Block the answer is of.
    pub at: H256,
    /// What the holder may claim now.
    pub claimable: Amount,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_obeys_no_terminal() {
        assert_eq!(endpoint(b""), None);
        assert_eq!(
            endpoint(b"https://a.example\x1b[2J\r\n\xff"),
            Some("https://a.example[2J\u{fffd}".into())
        );
    }

    #[test]
    fn a_holder_is_an_account_or_a_pool() {
        let read = |json: &str| serde_json::from_str::<Holder>(json);
        let pool = Holder::Pool(PoolId::Campaign(3));
        assert_eq!(read(r#"{"campaign": 3}"#).unwrap(), pool);
        let account = Holder::Account(Account(AccountId32::new([0; 32])));
        assert_eq!(
            read(&format!("\"0x{}\"", "00".repeat(32))).unwrap(),
            account
        );
        assert!(read(r#"{"jury": 3}"#).is_err());
        assert!(read("7").is_err());
    }
}
