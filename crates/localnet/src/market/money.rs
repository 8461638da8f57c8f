//! The money table of `docs/spec/data-market.md`, section 11, computed apart from the chain.

use super::ledger::Key;
use std::collections::BTreeMap;

/// The protocol's fee, in basis points of the price.
const FEE_BP: u128 = 200;
/// Bytes of a record in `BadSeals`.
const BAD_SEAL_BYTES: u128 = 70;

/// What a chain takes for records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tariff {
    /// Deposit of a record.
    pub(crate) item: u128,
    /// And of each of its bytes.
    pub(crate) byte: u128,
    /// Fee of a listing.
    pub(crate) listing: u128,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The sale stood.
    Settled,
    /// No key came.
    Missed,
    /// The buyer proved a fault.
    Proven,
    /// The account the buyer named proved a fault.
    ProvenByWatch,
    /// Somebody else's proof had its seal be bad.
    SealBad,
}

impl End {
    /// Its line in the money table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            End::Settled => "settled",
            End::Missed => "no reveal in time",
            End::Proven => "complaint proven",
            End::ProvenByWatch => "complaint proven by watch",
            End::SealBad => "seal proven bad",
        }
    }
}

impl Tariff {
    /// φ
    pub(crate) fn fee(&self, price: u128) -> u128 {
        price * FEE_BP / 10_000
    }

    /// β
    pub(crate) fn bond(&self, price: u128) -> u128 {
        (price / 10).max(2 * (self.item + BAD_SEAL_BYTES * self.byte))
    }
}

/// Who takes part in an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties {
    pub(crate) buyer: Key,
    pub(crate) seller: Key,
    pub(crate) watch: Key,
    pub(crate) treasury: Key,
}

/// Expected changes of balances, fees of transactions apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(BTreeMap<Key, i128>);

impl Changes {
    /// An amount goes from one to another.
    pub(crate) fn moves(&mut self, from: Key, to: Key, amount: u128) {
        // The supply is far below 2^96.
        let amount = amount as i128;
        *self.0.entry(from).or_default() -= amount;
        *self.0.entry(to).or_default() += amount;
    }

    /// A listing's fee.
    pub(crate) fn lists(&mut self, tariff: &Tariff, seller: Key, treasury: Key) {
        self.moves(seller, treasury, tariff.listing);
    }

    /// The end of an order whose net price is the seller's alone.
    pub(crate) fn ends(&mut self, tariff: &Tariff, end: End, price: u128, who: &Parties) {
        let (fee, bond) = (tariff.fee(price), tariff.bond(price));
        let half = bond / 2;
        match end {
            End::Settled => {
                self.moves(who.buyer, who.seller, price - fee);
                self.moves(who.buyer, who.treasury, fee);
            }
            End::Missed => {
                let to_buyer = price / 100;
                self.moves(who.seller, who.buyer, to_buyer);
                self.moves(who.seller, who.treasury, half - to_buyer);
            }
            End::Proven | End::SealBad => {
                self.moves(who.seller, who.buyer, half);
                self.moves(who.seller, who.treasury, bond - half);
            }
            End::ProvenByWatch => {
                self.moves(who.seller, who.buyer, half - bond / 10);
                self.moves(who.seller, who.watch, bond / 10);
                self.moves(who.seller, who.treasury, bond - half);
            }
        }
    }

    /// What an account should have more than before.
    pub(crate) fn of(&self, who: &Key) -> i128 {
        self.0.get(who).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARIFF: Tariff = Tariff {
        item: 1_000,
        byte: 10,
        listing: 500,
    };
    const WHO: Parties = Parties {
        buyer: [1; 32],
        seller: [2; 32],
        watch: [3; 32],
        treasury: [4; 32],
    };

    fn after(end: End, price: u128) -> [i128; 4] {
        let mut changes = Changes::default();
        changes.ends(&TARIFF, end, price, &WHO);
        [WHO.buyer, WHO.seller, WHO.watch, WHO.treasury].map(|who| changes.of(&who))
    }

    #[test]
    fn each_end_moves_what_the_table_says() {
        // φ = 2,002, β = 10,011, half of it 5,005.
        let price = 100_119;
        assert_eq!(after(End::Settled, price), [-100_119, 98_117, 0, 2_002]);
        assert_eq!(after(End::Missed, price), [1_001, -5_005, 0, 4_004]);
        assert_eq!(after(End::Proven, price), [5_005, -10_011, 0, 5_006]);
        assert_eq!(after(End::SealBad, price), [5_005, -10_011, 0, 5_006]);
        let watched = after(End::ProvenByWatch, price);
        assert_eq!(watched, [4_004, -10_011, 1_001, 5_006]);
        for end in [End::Settled, End::Missed, End::Proven, End::ProvenByWatch] {
            assert_eq!(after(end, price).iter().sum::<i128>(), 0);
        }
    }

    #[test]
    fn a_cheap_order_has_the_least_bond() {
        assert_eq!(TARIFF.bond(10_000), 3_400);
        assert_eq!(TARIFF.bond(34_010), 3_401);
    }
}
