//! A second account of the market, kept from what was called alone: states by the message table,
//! money by the money table, parts of pools in whole numbers. Random walks say of every call
//! whether it succeeds, and are compared to the last unit.

use super::goods::*;
use crate::{
    mock::{self, *},
    *,
};
use athanor_content_tree::{
    market::{Evidence, Secret},
    GROUP,
};
use athanor_primitives::market::{
    Beneficiary, ListingId, ListingTerms, OrderId, PoolId, Reveal, Right, SealId, LISTING_UNITS,
};
use frame_support::assert_ok;
use proptest::test_runner::{Config as Walks, TestRunner};
use sp_core::U256;
use std::collections::{BTreeMap, BTreeSet};

const SELLERS: u32 = 3;
const BUYERS: u32 = 12;
const WORKERS: u32 = 4;
const POOR: u32 = 2;
const REVEAL_IN: u32 = 600;
const DISPUTE_IN: u32 = 7_220;
const CAMPAIGN: PoolId = PoolId::Campaign(1);
const LISTING_FEE: Balance = AUR / 2;
/// Twice the deposit of 70 bytes.
const LEAST_BOND: Balance = 2 * (AUR / 100 + 70 * (AUR / 100_000));

/// How often what happened, so that a test can tell that it was not about nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    listed: u32,
    children: u32,
    of_campaign: u32,
    ordered: u32,
    old_seal: u32,
    full: u32,
    refused: u32,
    revealed: u32,
    late: u32,
    settled: u32,
    missed: u32,
    proven: u32,
    by_watch: u32,
    bad_seal: u32,
    not_proven: u32,
    claimed: u32,
    hops: u32,
    unpayable: u32,
    enrolled: u32,
    nobodys: u32,
    left: u32,
    pools_ended: u32,
    rated: u32,
    forgotten: u32,
    removed: u32,
    kept_out: u32,
    let_in: u32,
    uninvited: u32,
    invited: u32,
    cleared: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Open,
    Paused,
    Closed,
    Removed,
}

/// What a seller is like, in one listing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Honest,
    Garbles,
    WrapsAnother,
}

struct Listed {
    seller: AccountId,
    style: Style,
    price: Balance,
    status: Status,
    frozen: bool,
    /// Whether only those allowed may order.
    restricted: bool,
    allowed: BTreeSet<AccountId>,
    /// Whether anybody may name it as a parent.
    offers: bool,
    invited: BTreeSet<AccountId>,
    /// Goods as sealed, since when; the newest last.
    seals: Vec<(Goods, u32)>,
    settled: u32,
    missed: u32,
    proven: u32,
    /// Fees of rated sales, and these times the stars.
    rated: (Balance, Balance),
}

#[derive(Clone)]
struct Ordered {
    listing: ListingId,
    seller: AccountId,
    watch: Option<AccountId>,
    goods: Goods,
    style: Style,
    price: Balance,
    bond: Balance,
    bought: Bought,
    revealed: bool,
    until: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Has {
    Order(OrderId),
    Bought { at: u32, fee: Balance, rated: bool },
}

#[derive(Default)]
struct Purse {
    supply: u64,
    received: Balance,
    paid: Balance,
    parts: BTreeMap<Beneficiary<AccountId>, (u32, Balance)>,
    closes_at: Option<u32>,
    idle_since: u32,
}

impl Purse {
    fn due(&self, who: &Beneficiary<AccountId>) -> Option<Balance> {
        let (units, claimed) = self.parts.get(who)?;
        let part = U256::from(self.received) * U256::from(*units) / U256::from(self.supply);
        Some(u128::try_from(part).unwrap() - claimed)
    }
}

struct Model {
    seed: u64,
    step: u32,
    /// Market time; blocks may be ahead.
    now: u32,
    total: BTreeMap<AccountId, Balance>,
    bonds: BTreeMap<AccountId, Balance>,
    listings: BTreeMap<ListingId, Listed>,
    orders: BTreeMap<OrderId, Ordered>,
    has: BTreeMap<(ListingId, AccountId), Has>,
    bad: BTreeSet<SealId>,
    purses: BTreeMap<PoolId, Purse>,
    /// The last time to enrol.
    settled_at: u32,
    answers: BTreeMap<AccountId, u32>,
    met: Met,
}

fn seller_of(i: u32) -> AccountId {
    account(&format!("seller{i}"))
}

fn buyer_of(i: u32) -> AccountId {
    account(&format!("buyer{i}"))
}

fn fee_of(price: Balance) -> Balance {
    price * 200 / 10_000
}

fn bond_of(price: Balance) -> Balance {
    (price / 10).max(LEAST_BOND)
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut model = Self {
            seed,
            step: 0,
            now: DataMarket::now(),
            total: BTreeMap::new(),
            bonds: BTreeMap::new(),
            listings: BTreeMap::new(),
            orders: BTreeMap::new(),
            has: BTreeMap::new(),
            bad: BTreeSet::new(),
            purses: BTreeMap::new(),
            settled_at: DataMarket::now(),
            answers: BTreeMap::new(),
            met: Met::default(),
        };
        for i in 0..SELLERS {
            let who = seller_of(i);
            assert_ok!(DataMarket::register(signed(&who), Default::default(), None));
            let bond = AUR;
            assert_ok!(DataMarket::bond(signed(&who), bond));
            model.bonds.insert(who.clone(), bond);
            model.total.insert(who, FUNDS);
        }
        for i in 0..BUYERS {
            model.total.insert(buyer_of(i), FUNDS);
        }
        let pairs: Vec<_> = (0..WORKERS)
            .map(|i| (account(&format!("worker{i}")), i * 37 % 101))
            .collect();
        mock::contribute(1, &seller_of(0), &pairs, 0);
        for (worker, answers) in pairs {
            model.total.insert(worker.clone(), FUNDS);
            model.answers.insert(worker, answers);
        }
        for i in 0..POOR {
            model.total.insert(poor(&format!("poor{i}")), 0);
        }
        for name in ["watch", "anybody"] {
            model.total.insert(account(name), FUNDS);
        }
        model.total.insert(treasury(), AUR);
        model
    }

    fn dice(&mut self, sides: u32) -> u32 {
        self.step += 1;
        dice((self.seed, self.step)) % sides
    }

    fn gain(&mut self, who: &AccountId, amount: Balance) {
        *self.total.get_mut(who).expect("known") += amount;
    }

    fn lose(&mut self, who: &AccountId, amount: Balance) {
        let total = self.total.get_mut(who).expect("known");
        *total = total.checked_sub(amount).expect("as much as is lost");
    }

    fn exists(&self, who: &AccountId, with: Balance) -> bool {
        self.total[who] > 0 || with >= ED
    }

    fn locked(&self, seller: &AccountId) -> Balance {
        let of_seller = |order: &&Ordered| order.seller == *seller;
        let bonds = self.orders.values().filter(of_seller);
        bonds.map(|order| order.bond).sum()
    }

    fn free_bond(&self, seller: &AccountId) -> Balance {
        self.bonds[seller] - self.locked(seller)
    }

    fn children(&self, pool: PoolId) -> usize {
        let parent = Beneficiary::Pool(pool);
        let children = self.purses.values();
        children
            .filter(|purse| purse.parts.contains_key(&parent))
            .count()
    }

    fn some_listing(&mut self) -> Option<ListingId> {
        let ids: Vec<_> = self
            .listings
            .iter()
            .filter(|(_, listing)| listing.status != Status::Removed)
            .map(|(id, _)| *id)
            .collect();
        let at = self.dice(ids.len().max(1) as u32);
        ids.get(at as usize).copied()
    }

    /// Any order; three times of four one that this is about, if there is any.
    fn some_order(&mut self, about: impl Fn(&Self, &Ordered) -> bool) -> Option<OrderId> {
        let all: Vec<_> = self.orders.keys().copied().collect();
        let some: Vec<_> = self
            .orders
            .iter()
            .filter(|(_, order)| about(self, order))
            .map(|(id, _)| *id)
            .collect();
        let any = some.is_empty() || self.dice(4) == 0;
        let ids = if any { all } else { some };
        let at = self.dice(ids.len().max(1) as u32);
        ids.get(at as usize).copied()
    }

    fn expect(&self, what: &str, should: bool, result: sp_runtime::DispatchResult) {
        assert_eq!(
            result.is_ok(),
            should,
            "{what} in walk {} at {}: {result:?}",
            self.seed,
            self.step
        );
    }

    fn goods(&mut self, seller: &AccountId, style: Style) -> Goods {
        let len = [1, 100, GROUP, 2 * GROUP + 5][self.dice(4) as usize];
        let goods = Goods::new(seller, len, self.step);
        match style {
            Style::Garbles => {
                let at = self.dice(len as u32) as usize;
                goods.spoilt(|z| z[at] ^= 1)
            }
            _ => goods,
        }
    }

    /// Whether listings may name the campaign's pool now.
    fn campaign_is_nameable(&self) -> bool {
        match self.purses.get(&CAMPAIGN) {
            None => self.now < self.settled_at + EnrolFor::get(),
            Some(purse) => {
                let closed = self.now >= purse.closes_at.unwrap();
                (!closed || purse.supply > 0) && !self.is_over(CAMPAIGN)
            }
        }
    }

    fn list(&mut self) {
        let live = self
            .listings
            .values()
            .filter(|listing| listing.status != Status::Removed)
            .count();
        if live >= 8 {
            return;
        }
        let i = self.dice(SELLERS);
        let seller = seller_of(i);
        let style = [
            Style::Honest,
            Style::Honest,
            Style::Honest,
            Style::Garbles,
            Style::WrapsAnother,
        ][self.dice(5) as usize];
        let goods = self.goods(&seller, style);
        let mut parts = BTreeMap::new();
        let mut left = LISTING_UNITS;
        let mut give = |to: Beneficiary<AccountId>, units: u32| {
            if parts.insert(to, units).is_none() {
                left -= units;
            } else {
                panic!("twice");
            }
        };
        if self.dice(2) == 0 {
            let worker = self.dice(WORKERS);
            let units = 1 + self.dice(3_000);
            give(to(&account(&format!("worker{worker}"))), units);
        }
        if self.dice(2) == 0 {
            let poor_one = self.dice(POOR);
            give(to(&poor(&format!("poor{poor_one}"))), 1 + self.dice(900));
        }
        let mut should = true;
        if self.dice(2) == 0 {
            if let Some(parent) = self.some_listing() {
                // Offered from 100 units on.
                give(
                    Beneficiary::Pool(PoolId::Listing(parent)),
                    100 + self.dice(1_400),
                );
                let listing = &self.listings[&parent];
                let invited = listing.invited.contains(&seller);
                should = listing.offers || listing.seller == seller || invited;
                self.met.children += u32::from(should);
                self.met.uninvited += u32::from(!should);
                self.met.invited += u32::from(invited && !listing.offers);
            }
        }
        if should && i == 0 && self.dice(2) == 0 && self.campaign_is_nameable() {
            give(Beneficiary::Pool(CAMPAIGN), 1 + self.dice(1_500));
            self.met.of_campaign += 1;
            let settled_at = self.settled_at;
            self.purses
                .entry(CAMPAIGN)
                .or_insert_with(|| Purse::campaigns(settled_at));
        }
        parts.insert(to(&seller), left);
        let price = AUR / 100 + Balance::from(self.dice(2_000_000_000)) * 500;
        let (restricted, offers) = (self.dice(4) == 0, self.dice(3) > 0);
        let list: Vec<_> = parts
            .iter()
            .map(|(to, units)| (to.clone(), *units))
            .collect();
        let terms = ListingTerms {
            reveal_window: REVEAL_IN,
            dispute_window: DISPUTE_IN,
            shares: shares(&list),
            restricted,
            derive: offers.then_some(100),
            ..goods.terms(price)
        };
        let id = NextListingId::<Test>::get();
        self.expect("list", should, DataMarket::list(signed(&seller), terms));
        if !should {
            return;
        }
        self.met.listed += 1;
        self.lose(&seller, LISTING_FEE);
        self.gain(&treasury(), LISTING_FEE);
        let parts = parts.into_iter().map(|(to, units)| (to, (units, 0)));
        let purse = Purse {
            supply: LISTING_UNITS.into(),
            parts: parts.collect(),
            ..Purse::default()
        };
        self.purses.insert(PoolId::Listing(id), purse);
        let listed = Listed {
            seller,
            style,
            price,
            status: Status::Open,
            frozen: false,
            restricted,
            allowed: BTreeSet::new(),
            offers,
            invited: BTreeSet::new(),
            seals: Vec::new(),
            settled: 0,
            missed: 0,
            proven: 0,
            rated: (0, 0),
        };
        self.listings.insert(id, listed);
        self.seal(id, goods);
        if !offers && self.dice(2) == 0 {
            let guest = seller_of(self.dice(SELLERS));
            let listing = self.listings.get_mut(&id).unwrap();
            let who = signed(&listing.seller);
            assert_ok!(DataMarket::invite(who, id, guest.clone(), true));
            listing.invited.insert(guest);
        }
    }

    fn offered(&self, listing: &Listed) -> Vec<(Goods, u32)> {
        let newest = listing.seals.last().map_or(0, |(_, since)| *since);
        let fresh = self.now - newest < OldSealFor::get();
        let count = listing.seals.len();
        let seals = listing.seals.iter().enumerate();
        seals
            .filter(|(at, _)| at + 1 == count || fresh)
            .map(|(_, seal)| seal.clone())
            .collect()
    }

    fn seal(&mut self, id: ListingId, goods: Goods) {
        let listing = &self.listings[&id];
        let mut kept = self.offered(listing);
        kept.retain(|(goods, _)| !self.bad.contains(&goods.seal_id()));
        let should = listing.status != Status::Closed && kept.len() < 2;
        let result = DataMarket::seal(
            signed(&listing.seller),
            id,
            goods.nonce,
            goods.z_root,
            goods.h_k(),
        );
        self.expect("seal", should, result);
        if should {
            kept.push((goods, self.now));
            self.listings.get_mut(&id).unwrap().seals = kept;
        }
    }

    /// Another seal of the same goods; a cheat may turn honest with it.
    fn seal_again(&mut self) {
        let Some(id) = self.some_listing() else {
            return;
        };
        let Some((goods, _)) = self.listings[&id].seals.last().cloned() else {
            return;
        };
        if self.listings[&id].style != Style::Honest {
            return;
        }
        let again = goods.sealed_again(self.step + 1);
        self.seal(id, again);
    }

    fn manage(&mut self) {
        let Some(id) = self.some_listing() else {
            return;
        };
        let what = self.dice(13);
        let buyer = buyer_of(self.dice(BUYERS));
        let guest = seller_of(self.dice(SELLERS));
        let orders_open = self.orders.values().any(|order| order.listing == id);
        let listing = self.listings.get_mut(&id).unwrap();
        let who = signed(&listing.seller);
        let newest_is_bad = listing
            .seals
            .last()
            .is_some_and(|(goods, _)| self.bad.contains(&goods.seal_id()));
        let status = listing.status;
        let (should, result) = match what {
            0 => (status == Status::Open, DataMarket::pause(who, id)),
            1..=3 => (
                status == Status::Paused && !newest_is_bad,
                DataMarket::resume(who, id),
            ),
            4 => (status != Status::Closed, DataMarket::close(who, id)),
            5..=6 => (
                status == Status::Closed
                    && !orders_open
                    && listing.allowed.is_empty()
                    && listing.invited.is_empty(),
                DataMarket::remove(who, id),
            ),
            9..=10 => {
                let wanted = !listing.allowed.contains(&buyer);
                let should = !wanted || status != Status::Closed;
                if should && !listing.allowed.remove(&buyer) {
                    listing.allowed.insert(buyer.clone());
                }
                (should, DataMarket::allow(who, id, buyer, wanted))
            }
            11 => {
                let wanted = !listing.invited.remove(&guest);
                if wanted {
                    listing.invited.insert(guest.clone());
                }
                (true, DataMarket::invite(who, id, guest, wanted))
            }
            // All entries go, as they must before it is removed.
            12 => {
                let gone = listing.allowed.len() + listing.invited.len();
                for buyer in std::mem::take(&mut listing.allowed) {
                    assert_ok!(DataMarket::allow(who.clone(), id, buyer, false));
                }
                for guest in std::mem::take(&mut listing.invited) {
                    assert_ok!(DataMarket::invite(who.clone(), id, guest, false));
                }
                self.met.cleared += u32::from(gone > 0);
                return;
            }
            7 => {
                listing.frozen = !listing.frozen;
                let code = if listing.frozen { 451 } else { 0 };
                (true, DataMarket::freeze(RuntimeOrigin::root(), id, code))
            }
            _ => {
                let price = listing.price + 1_001;
                let should = status != Status::Closed;
                if should {
                    listing.price = price;
                }
                (should, DataMarket::set_price(who, id, price))
            }
        };
        if should {
            match what {
                0 => listing.status = Status::Paused,
                1..=3 => listing.status = Status::Open,
                4 => listing.status = Status::Closed,
                5..=6 => {
                    listing.status = Status::Removed;
                    self.met.removed += 1;
                    self.end_purse(PoolId::Listing(id));
                }
                _ => {}
            }
        }
        self.expect("manage", should, result);
    }

    /// Most sellers go on after a fault.
    fn resume_some(&mut self) {
        let newest_is_bad = |listing: &Listed| {
            listing
                .seals
                .last()
                .is_some_and(|(goods, _)| self.bad.contains(&goods.seal_id()))
        };
        let paused: Vec<_> = self
            .listings
            .iter()
            .filter(|(_, listing)| listing.status == Status::Paused && !newest_is_bad(listing))
            .map(|(id, _)| *id)
            .collect();
        for id in paused {
            if self.dice(4) == 0 {
                let listing = self.listings.get_mut(&id).unwrap();
                listing.status = Status::Open;
                let result = DataMarket::resume(signed(&listing.seller), id);
                self.expect("resume", true, result);
            }
        }
    }

    fn order(&mut self) {
        let Some(id) = self.some_listing() else {
            return;
        };
        // A seller may try his own.
        let i = self.dice(BUYERS + 1);
        self.resume_some();
        let buyer = if i == BUYERS {
            self.listings[&id].seller.clone()
        } else {
            buyer_of(i)
        };
        let listing = &self.listings[&id];
        let Some((newest, _)) = listing.seals.last().cloned() else {
            return;
        };
        let oldest = listing.seals[0].0.clone();
        let offered: BTreeSet<_> = self
            .offered(listing)
            .iter()
            .map(|(goods, _)| goods.seal_id())
            .collect();
        let take_old = self.dice(3) == 0;
        let goods = if take_old { oldest } else { newest.clone() };
        let listing = &self.listings[&id];
        let bond = bond_of(listing.price);
        let full = self.free_bond(&listing.seller) < bond;
        let allowed = listing.allowed.contains(&buyer);
        let kept_out = listing.restricted && !allowed;
        let let_in = listing.restricted && allowed;
        let should = listing.status == Status::Open
            && !kept_out
            && !listing.frozen
            && buyer != listing.seller
            && !self.has.contains_key(&(id, buyer.clone()))
            && !full
            && offered.contains(&goods.seal_id())
            && !self.bad.contains(&goods.seal_id());
        let sale = Sale {
            goods: goods.clone(),
            seller: listing.seller.clone(),
            id,
        };
        let watch = i.is_multiple_of(2).then(|| account("watch"));
        let number = NextOrderId::<Test>::get();
        let result = sale.try_order(&buyer, watch.clone());
        self.expect(
            "order",
            should,
            result.as_ref().map(|_| ()).map_err(|error| *error),
        );
        let Ok(bought) = result else {
            self.met.refused += 1;
            self.met.kept_out += u32::from(kept_out);
            self.met.full += u32::from(full);
            return;
        };
        self.met.ordered += 1;
        self.met.let_in += u32::from(let_in);
        self.met.old_seal += u32::from(goods.seal_id() != newest.seal_id());
        self.has.insert((id, buyer), Has::Order(number));
        let order = Ordered {
            listing: id,
            seller: listing.seller.clone(),
            watch,
            goods,
            style: listing.style,
            price: listing.price,
            bond,
            bought,
            revealed: false,
            until: self.now + REVEAL_IN,
        };
        self.orders.insert(number, order);
    }

    fn reveal(&mut self) {
        let Some(id) = self.some_order(|model, order| !order.revealed && model.now <= order.until)
        else {
            return;
        };
        // One in twelve orders never gets a key.
        if dice((self.seed, id, "silent")) % 12 == 0 {
            return;
        }
        let order = self.orders[&id].clone();
        let sale = order.sale();
        let key = match order.style {
            Style::WrapsAnother => Secret::new([5; 32]),
            _ => order.goods.key.clone(),
        };
        let item = sale.wrapped_as(&order.bought, &key);
        let stranger = self.dice(9) == 0;
        let by = if stranger {
            account("anybody")
        } else {
            order.seller.clone()
        };
        let nobodys = Reveal {
            order: 1 << 40,
            ..item
        };
        assert_ok!(DataMarket::reveal(
            signed(&by),
            vec![nobodys, item].try_into().unwrap()
        ));
        let in_time = self.now <= order.until;
        let is_bad = self.bad.contains(&order.goods.seal_id());
        self.met.late += u32::from(!order.revealed && !in_time);
        if !stranger && !order.revealed && in_time && !is_bad {
            let order = self.orders.get_mut(&id).unwrap();
            order.revealed = true;
            order.until = self.now + DISPUTE_IN;
            self.met.revealed += 1;
        }
    }

    /// Ends an order without a sale: what the seller loses, and what of it is the buyer's and the
    /// watcher's.
    fn refund(&mut self, id: OrderId, lost: Balance, buyer: Balance, watch: Balance) {
        let order = self.orders.remove(&id).unwrap();
        self.has
            .remove(&(order.listing, order.bought.buyer.clone()));
        self.lose(&order.seller, lost);
        *self.bonds.get_mut(&order.seller).unwrap() -= lost;
        self.gain(&order.bought.buyer, buyer);
        if watch > 0 {
            self.gain(&account("watch"), watch);
        }
        self.gain(&treasury(), lost - buyer - watch);
    }

    fn pause_for_fault(&mut self, id: ListingId) {
        let listing = self.listings.get_mut(&id).unwrap();
        if listing.status != Status::Closed {
            listing.status = Status::Paused;
        }
    }

    fn complain(&mut self) {
        let Some(id) = self.some_order(|model, order| {
            order.revealed && order.style != Style::Honest && model.now <= order.until
        }) else {
            return;
        };
        let order = self.orders[&id].clone();
        let wrong = order.goods.wrong_group(&order.goods.key);
        let look = wrong.unwrap_or(0);
        let b = &order.bought.b;
        let evidence = match order.style {
            Style::WrapsAnother => Evidence::of_key(b),
            _ => order.goods.evidence(b, look),
        };
        let is_wrong = order.style == Style::WrapsAnother || wrong.is_some();
        let should = order.revealed && self.now <= order.until && is_wrong;
        let by = match self.dice(3) {
            0 => account("watch"),
            1 => account("anybody"),
            _ => order.bought.buyer.clone(),
        };
        let result = complain(&by, &order.bought, evidence);
        self.expect(
            "complain",
            should,
            result.map(drop).map_err(|error| error.error),
        );
        if !should {
            self.met.not_proven += 1;
            return;
        }
        self.met.proven += 1;
        self.bad.insert(order.goods.seal_id());
        let by_watch = order.watch == Some(by);
        let watch = if by_watch { order.bond / 10 } else { 0 };
        self.met.by_watch += u32::from(by_watch);
        self.refund(id, order.bond, order.bond / 2 - watch, watch);
        self.listings.get_mut(&order.listing).unwrap().proven += 1;
        self.pause_for_fault(order.listing);
    }

    fn poke(&mut self) {
        let Some(id) = self.some_order(|model, order| model.now > order.until) else {
            return;
        };
        let order = self.orders[&id].clone();
        let is_bad = self.bad.contains(&order.goods.seal_id());
        let should = is_bad || self.now > order.until;
        let result = DataMarket::poke(signed(&account("anybody")), id);
        self.expect("poke", should, result);
        if !should {
            return;
        }
        let listing = self.listings.get_mut(&order.listing).unwrap();
        if is_bad {
            listing.proven += 1;
            self.met.bad_seal += 1;
            return self.refund(id, order.bond, order.bond / 2, 0);
        }
        if !order.revealed {
            listing.missed += 1;
            self.met.missed += 1;
            let half = order.bond / 2;
            self.refund(id, half, order.price / 100, 0);
            return self.pause_for_fault(order.listing);
        }
        listing.settled += 1;
        self.met.settled += 1;
        self.orders.remove(&id);
        let fee = fee_of(order.price);
        let bought = Has::Bought {
            at: self.now,
            fee,
            rated: false,
        };
        let buyer = order.bought.buyer;
        self.lose(&buyer, order.price);
        self.gain(&treasury(), fee);
        self.has.insert((order.listing, buyer), bought);
        let pool = PoolId::Listing(order.listing);
        self.purses.get_mut(&pool).unwrap().received += order.price - fee;
        let seller = to(&order.seller);
        let due = self.purses[&pool].due(&seller).unwrap();
        if due > 0 {
            self.pay(pool, &seller, due);
        }
    }

    fn is_over(&self, pool: PoolId) -> bool {
        self.children(pool) == 0
            && match pool {
                PoolId::Listing(id) => self.listings[&id].status == Status::Removed,
                PoolId::Campaign(_) => {
                    let purse = &self.purses[&pool];
                    self.now >= purse.closes_at.unwrap()
                        && self.now - purse.idle_since >= PoolIdle::get()
                }
            }
    }

    fn pay(&mut self, pool: PoolId, to: &Beneficiary<AccountId>, amount: Balance) {
        let purse = self.purses.get_mut(&pool).unwrap();
        purse.paid += amount;
        if let Some((_, claimed)) = purse.parts.get_mut(to) {
            *claimed += amount;
        }
        match to {
            Beneficiary::Account(who) => self.gain(who, amount),
            Beneficiary::Pool(parent) => {
                self.purses.get_mut(parent).unwrap().received += amount;
            }
        }
    }

    /// Ends a listing's pool that is over and has nothing to claim. Gives whether it did.
    fn end_purse(&mut self, pool: PoolId) -> bool {
        let purse = &self.purses[&pool];
        let nothing = purse.parts.keys().all(|to| purse.due(to) == Some(0));
        if !self.is_over(pool) || !nothing {
            return false;
        }
        let purse = self.purses.remove(&pool).unwrap();
        self.gain(&treasury(), purse.received - purse.paid);
        let now = self.now;
        for to in purse.parts.keys() {
            if let Beneficiary::Pool(CAMPAIGN) = to {
                let campaign = self.purses.get_mut(&CAMPAIGN).unwrap();
                campaign.idle_since = now.max(campaign.closes_at.unwrap());
            }
        }
        self.met.pools_ended += 1;
        true
    }

    fn claim(&mut self) {
        let pools: Vec<_> = self.purses.keys().copied().collect();
        let at = self.dice(pools.len().max(1) as u32);
        let Some(pool) = pools.get(at as usize).copied() else {
            return;
        };
        let purse = &self.purses[&pool];
        let mut all: Vec<_> = purse.parts.keys().cloned().collect();
        all.push(to(&treasury()));
        let at = self.dice(all.len() as u32) as usize;
        let beneficiary = all[at].clone();
        let purse = &self.purses[&pool];
        let open = purse
            .closes_at
            .is_none_or(|closes_at| self.now >= closes_at);
        let nobodys = open && purse.supply == 0;
        let due = if nobodys {
            (beneficiary == to(&treasury())).then(|| purse.received - purse.paid)
        } else {
            purse.due(&beneficiary)
        };
        let payable = match (&beneficiary, due) {
            (Beneficiary::Account(who), Some(due)) => due == 0 || self.exists(who, due),
            _ => true,
        };
        let over = open && self.is_over(pool);
        let is_campaigns = pool == CAMPAIGN;
        // Whether there is a record to remove though there is nothing to pay.
        let others_have_all = purse
            .parts
            .keys()
            .all(|other| *other == beneficiary || purse.due(other) == Some(0));
        let ends = over && (is_campaigns || others_have_all);
        let should = open && payable && due.is_some_and(|due| due > 0 || ends);
        let result = DataMarket::claim(signed(&account("anybody")), pool, beneficiary.clone());
        self.expect("claim", should, result);
        self.met.unpayable += u32::from(!payable);
        let Some(due) = due.filter(|_| should) else {
            return;
        };
        if due > 0 {
            self.pay(pool, &beneficiary, due);
            self.met.claimed += 1;
            self.met.nobodys += u32::from(nobodys);
            self.met.hops += u32::from(matches!(beneficiary, Beneficiary::Pool(_)));
        }
        if over && is_campaigns {
            let purse = self.purses.get_mut(&pool).unwrap();
            if purse.parts.remove(&beneficiary).is_some() {
                self.met.left += 1;
            }
            if self.purses[&pool].parts.is_empty() {
                let purse = self.purses.remove(&pool).unwrap();
                self.gain(&treasury(), purse.received - purse.paid);
                self.met.pools_ended += 1;
            }
        } else if over {
            self.end_purse(pool);
        }
    }

    fn enrol(&mut self) {
        // Of some campaigns nobody hears.
        if self.seed % 3 == 1 {
            return;
        }
        let i = self.dice(WORKERS);
        let worker = account(&format!("worker{i}"));
        let answers = self.answers[&worker];
        let in_time = self.now < self.settled_at + EnrolFor::get();
        let known = self
            .purses
            .get(&CAMPAIGN)
            .is_some_and(|purse| purse.parts.contains_key(&to(&worker)));
        let should = in_time && answers > 0 && !known;
        let result = DataMarket::enrol(signed(&worker), 1);
        self.expect("enrol", should, result);
        if should {
            let settled_at = self.settled_at;
            let purse = self
                .purses
                .entry(CAMPAIGN)
                .or_insert_with(|| Purse::campaigns(settled_at));
            purse.supply += u64::from(answers);
            purse.parts.insert(to(&worker), (answers, 0));
            self.met.enrolled += 1;
        }
    }

    fn rate_or_forget(&mut self) {
        let keys: Vec<_> = self.has.keys().cloned().collect();
        let at = self.dice(keys.len().max(1) as u32);
        let Some((id, buyer)) = keys.get(at as usize).cloned() else {
            return;
        };
        let key = (id, buyer.clone());
        let has = self.has[&key];
        if self.dice(2) == 0 {
            let should = matches!(has, Has::Bought { .. });
            let stranger = DataMarket::forget_right(signed(&account("anybody")), id, buyer.clone());
            self.expect("forget another's", false, stranger);
            let result = DataMarket::forget_right(signed(&buyer), id, buyer.clone());
            self.expect("forget", should, result);
            if should {
                self.has.remove(&key);
                self.met.forgotten += 1;
            }
            return;
        }
        let stars = self.dice(7);
        let removed = self.listings[&id].status == Status::Removed;
        let should = matches!(has, Has::Bought { at, rated: false, .. }
            if self.now - at <= RateFor::get())
            && (1..=5).contains(&stars)
            && !removed;
        let result = DataMarket::rate(signed(&buyer), id, stars as u8);
        self.expect("rate", should, result);
        if let (true, Has::Bought { at, fee, .. }) = (should, has) {
            let rated = true;
            self.has.insert(key, Has::Bought { at, fee, rated });
            let (weight, sum) = &mut self.listings.get_mut(&id).unwrap().rated;
            *weight += fee;
            *sum += fee * Balance::from(stars);
            self.met.rated += 1;
        }
    }

    fn bond(&mut self) {
        let seller = seller_of(self.step % SELLERS);
        let amount = 1 + Balance::from(self.dice(1_000_000_000)) * 400;
        if self.dice(2) == 0 {
            let result = DataMarket::bond(signed(&seller), amount);
            self.expect("bond", true, result);
            *self.bonds.get_mut(&seller).unwrap() += amount;
        } else {
            let should = amount <= self.free_bond(&seller);
            let result = DataMarket::unbond(signed(&seller), amount);
            self.expect("unbond", should, result);
            if should {
                *self.bonds.get_mut(&seller).unwrap() -= amount;
            }
        }
    }

    fn wait(&mut self) {
        let blocks = match self.dice(40) {
            0 => OldSealFor::get(),
            1 => EnrolFor::get(),
            2..=3 => PoolIdle::get(),
            4..=6 => DISPUTE_IN + 1,
            7..=10 => REVEAL_IN + 1,
            _ => self.dice(300),
        };
        pass(blocks);
        self.now += blocks;
        if self.dice(6) == 0 {
            // Time stands still.
            migrate(3);
        }
    }

    fn one(&mut self) {
        match self.dice(40) {
            0..=3 => self.list(),
            4 => self.seal_again(),
            5..=6 => self.manage(),
            7..=13 => self.order(),
            14..=20 => self.reveal(),
            21..=22 => self.complain(),
            23..=26 => self.poke(),
            27..=33 => self.claim(),
            34 => self.enrol(),
            35..=36 => self.rate_or_forget(),
            37 => self.bond(),
            _ => self.wait(),
        }
        self.compare();
    }

    fn compare(&self) {
        assert_eq!(DataMarket::now(), self.now);
        for (who, total) in &self.total {
            assert_eq!(
                all_money(who),
                *total,
                "money of {who} in walk {} at {}",
                self.seed,
                self.step
            );
            let prices: Balance = self
                .orders
                .values()
                .filter(|order| order.bought.buyer == *who)
                .map(|order| order.price)
                .sum();
            assert_eq!(held(HoldReason::OrderPrice, who), prices);
            let bond = self.bonds.get(who).copied().unwrap_or(0);
            assert_eq!(held(HoldReason::SellerBond, who), bond);
        }
        let pot: Balance = self
            .purses
            .values()
            .map(|purse| purse.received - purse.paid)
            .sum();
        assert_eq!(all_money(&DataMarket::pot()), ED + pot);
        assert_eq!(Pools::<Test>::iter().count(), self.purses.len());
        for (pool, purse) in &self.purses {
            let record = Pools::<Test>::get(pool).unwrap();
            assert_eq!(
                (record.received, record.claimed),
                (purse.received, purse.paid)
            );
        }
        assert_eq!(Orders::<Test>::iter().count(), self.orders.len());
        assert_eq!(Rights::<Test>::iter().count(), self.has.len());
        for ((id, buyer), has) in &self.has {
            let found = match Rights::<Test>::get(id, buyer).unwrap() {
                Right::Pending(order) => Has::Order(order),
                Right::Granted(granted) => Has::Bought {
                    at: granted.at,
                    fee: granted.fee,
                    rated: granted.rated,
                },
            };
            assert_eq!(found, *has);
        }
        for (id, listed) in &self.listings {
            let Some(record) = Listings::<Test>::get(id) else {
                assert!(listed.status == Status::Removed);
                continue;
            };
            assert_eq!(
                (record.settled, record.missed, record.proven),
                (listed.settled, listed.missed, listed.proven)
            );
            assert_eq!((record.rating_weight, record.rating_sum), listed.rated);
        }
        let bad: BTreeSet<_> = BadSeals::<Test>::iter_keys().collect();
        assert_eq!(bad, self.bad);
        System::reset_events();
    }

    /// Everything ends, and everybody has what is his.
    fn end(&mut self) {
        for round in 0..3 {
            pass(DISPUTE_IN + 1);
            self.now += DISPUTE_IN + 1;
            for _ in 0..self.orders.len() * (4 + round * 40) {
                self.poke();
            }
        }
        assert!(self.orders.is_empty(), "an order never ended");
        self.compare();
    }
}

impl Purse {
    fn campaigns(settled_at: u32) -> Self {
        let closes_at = settled_at + EnrolFor::get();
        Self {
            closes_at: Some(closes_at),
            idle_since: closes_at,
            ..Self::default()
        }
    }
}

impl Ordered {
    fn sale(&self) -> Sale {
        Sale {
            goods: self.goods.clone(),
            seller: self.seller.clone(),
            id: self.listing,
        }
    }
}

fn walk(seed: u64, steps: u32) -> Met {
    let mut met = Met::default();
    build_and_execute(|| {
        let mut model = Model::new(seed);
        for _ in 0..steps {
            model.one();
            DataMarket::do_try_state().unwrap();
        }
        model.end();
        met = model.met;
    });
    met
}

macro_rules! all_of_met {
    ($($what:ident),* $(,)?) => {
        impl Met {
            fn add(&mut self, other: Self) {
                $(self.$what += other.$what;)*
            }

            fn ensure_all(&self) {
                let Self { $($what),* } = *self;
                $(assert!($what > 0, "no walk was about {}", stringify!($what));)*
            }
        }
    };
}

all_of_met!(
    listed,
    children,
    of_campaign,
    ordered,
    old_seal,
    full,
    refused,
    revealed,
    late,
    settled,
    missed,
    proven,
    by_watch,
    bad_seal,
    not_proven,
    claimed,
    hops,
    unpayable,
    enrolled,
    nobodys,
    left,
    pools_ended,
    rated,
    forgotten,
    removed,
    kept_out,
    let_in,
    uninvited,
    invited,
    cleared,
);

#[test]
fn random_walks_go_as_the_tables_say() {
    let mut sum = Met::default();
    for seed in 0..12 {
        sum.add(walk(seed, 500));
    }
    println!("{sum:?}");
    sum.ensure_all();
}

#[test]
fn random_walks_of_any_seed() {
    let mut runner = TestRunner::new(Walks {
        cases: 4,
        failure_persistence: None,
        ..Walks::default()
    });
    runner
        .run(&proptest::num::u64::ANY, |seed| {
            walk(seed, 200);
            Ok(())
        })
        .unwrap();
}
