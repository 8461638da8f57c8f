//! What always holds.

use crate::{
    Allowed, Balance, Config, HoldReason, Holders, Invites, Listings, OpenOrders, Orders, Pallet,
    Pools, Rights, Sellers,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use athanor_content_tree::market::Context;
use athanor_held_money::HeldMoney;
use athanor_primitives::market::{Beneficiary, ListingId, PoolId, Right, LISTING_UNITS, STARS};
use frame_support::{ensure, traits::fungible::Inspect as _};
use sp_runtime::TryRuntimeError;

type Checked = Result<(), TryRuntimeError>;
type Sums<AccountId> = BTreeMap<AccountId, Balance>;

fn add<AccountId: Ord>(sums: &mut Sums<AccountId>, who: AccountId, amount: Balance) {
    let sum = sums.entry(who).or_default();
    *sum = sum.saturating_add(amount);
}

fn count<Key: Ord>(keys: impl Iterator<Item = Key>) -> BTreeMap<Key, u32> {
    let mut counts = BTreeMap::new();
    for key in keys {
        let count: &mut u32 = counts.entry(key).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

impl<T: Config> Pallet<T> {
    /// Runs all checks.
    pub fn do_try_state() -> Checked {
        Self::try_state_prices()?;
        Self::try_state_bonds()?;
        Self::try_state_deposits()?;
        Self::try_state_pot()?;
        Self::try_state_pools()?;
        Self::try_state_children()?;
        Self::try_state_listing_pools()?;
        Self::try_state_orders()?;
        Self::try_state_seals()?;
        Self::try_state_rights()?;
        Self::try_state_ratings()?;
        Self::try_state_listings()?;
        Self::try_state_sellers()
    }

    /// What is held of anybody for this reason is what the records say, and of everybody else's
    /// money nothing.
    fn ensure_held(
        reason: HoldReason,
        mut sums: Sums<T::AccountId>,
        error: &'static str,
    ) -> Checked {
        for who in frame_system::Account::<T>::iter_keys() {
            let sum = sums.remove(&who).unwrap_or(0);
            ensure!(Self::on_hold(reason, &who) == sum, error);
        }
        ensure!(sums.values().all(|sum| *sum == 0), error);
        Ok(())
    }

    /// Held for prices is, of each buyer, the sum of the prices of his open orders.
    fn try_state_prices() -> Checked {
        let mut prices = Sums::new();
        for order in Orders::<T>::iter_values() {
            ensure!(order.fee <= order.price, "a fee is more than the price");
            add(&mut prices, order.buyer, order.price);
        }
        Self::ensure_held(HoldReason::OrderPrice, prices, "prices are not held")
    }

    /// Of each seller, locked is the sum of the bonds of his open orders, and no more than bonded;
    /// bonded is held.
    fn try_state_bonds() -> Checked {
        let mut locked = Sums::new();
        for order in Orders::<T>::iter_values() {
            ensure!(order.bond > 0, "an order has no bond");
            add(&mut locked, order.seller, order.bond);
        }
        let mut bonds = Sums::new();
        for (who, seller) in Sellers::<T>::iter() {
            let sum = locked.remove(&who).unwrap_or(0);
            ensure!(
                seller.locked == sum,
                "a locked bond is not that of the orders"
            );
            ensure!(
                seller.locked <= seller.bonded,
                "more is locked than is bonded"
            );
            add(&mut bonds, who, seller.bonded);
        }
        ensure!(locked.is_empty(), "an order is of no seller");
        Self::ensure_held(HoldReason::SellerBond, bonds, "bonds are not held")
    }

    /// Held as deposits is, of everybody, the sum of the deposits of the records he paid for.
    fn try_state_deposits() -> Checked {
        let mut sums = Sums::new();
        for (who, seller) in Sellers::<T>::iter() {
            add(&mut sums, who, seller.deposit);
        }
        let mut sellers = BTreeMap::new();
        for (id, listing) in Listings::<T>::iter() {
            add(&mut sums, listing.seller.clone(), listing.deposit);
            sellers.insert(id, listing.seller);
        }
        let pairs = Allowed::<T>::iter().chain(Invites::<T>::iter());
        for (id, _, deposit) in pairs {
            let seller = sellers.get(&id).ok_or("an entry outlives its listing")?;
            add(&mut sums, seller.clone(), deposit);
        }
        for order in Orders::<T>::iter_values() {
            add(&mut sums, order.buyer, order.deposit);
        }
        for (_, buyer, right) in Rights::<T>::iter() {
            if let Right::Granted(granted) = right {
                add(&mut sums, buyer, granted.deposit);
            }
        }
        for pool in Pools::<T>::iter_values() {
            add(&mut sums, pool.owner, pool.deposit);
        }
        for (_, beneficiary, holder) in Holders::<T>::iter() {
            match beneficiary {
                Beneficiary::Account(who) => add(&mut sums, who, holder.deposit),
                Beneficiary::Pool(_) => ensure!(holder.deposit == 0, "a pool paid a deposit"),
            }
        }
        Self::ensure_held(HoldReason::Deposit, sums, "deposits are not held")
    }

    /// The pallet's account has its existential deposit and what is in all pools. It can have more
    /// only if somebody gave it away.
    fn try_state_pot() -> Checked {
        let due = Pools::<T>::iter_values()
            .map(|pool| pool.balance())
            .fold(T::Currency::minimum_balance(), Balance::saturating_add);
        ensure!(
            T::Currency::balance(&Self::pot()) >= due,
            "the pallet's account has less than is in the pools"
        );
        Ok(())
    }

    /// Of each pool, claimed is the sum of what its holders have claimed, and no more than was
    /// received; nobody has claimed more than his part; units are all the supply, unless somebody
    /// has left; before a campaign's pool closes nothing is claimed.
    fn try_state_pools() -> Checked {
        let now = Self::now();
        let mut sums: BTreeMap<PoolId, (Balance, u64, u32)> = BTreeMap::new();
        for (id, _, holder) in Holders::<T>::iter() {
            let pool = Pools::<T>::get(id).ok_or("a holder outlives his pool")?;
            ensure!(holder.units > 0, "a holder has no units");
            ensure!(
                holder.claimed <= crate::pools::entitled(pool.received, holder.units, pool.supply),
                "a holder has claimed too much"
            );
            let (claimed, units, holders) = sums.entry(id).or_default();
            *claimed = claimed.saturating_add(holder.claimed);
            *units = units.saturating_add(holder.units.into());
            *holders = holders.saturating_add(1);
        }
        for (id, pool) in Pools::<T>::iter() {
            let (claimed, units, holders) = sums.remove(&id).unwrap_or_default();
            ensure!(pool.holders == holders, "holders are miscounted");
            ensure!(
                claimed.saturating_add(pool.left) == pool.claimed,
                "claims are not those of the holders"
            );
            ensure!(
                pool.claimed <= pool.received,
                "more is claimed than was received"
            );
            ensure!(units <= pool.supply, "there are units too many");
            let pays = pool.is_open(now);
            ensure!(pays || pool.claimed == 0, "a pool paid before it closed");
            let may_leave = matches!(id, PoolId::Campaign(_)) && pays && pool.children == 0;
            ensure!(may_leave || units == pool.supply, "units are missing");
            let is_campaigns = matches!(id, PoolId::Campaign(_));
            ensure!(
                pool.closes_at.is_some() == is_campaigns,
                "a pool closes that should not, or stays open"
            );
        }
        Ok(())
    }

    /// A pool knows how many pay into it, each of them is a listing's, and a listing's pool is
    /// paid by younger ones only: there is no loop.
    fn try_state_children() -> Checked {
        let mut children = BTreeMap::new();
        for (child, beneficiary, _) in Holders::<T>::iter() {
            if let Beneficiary::Pool(parent) = beneficiary {
                let PoolId::Listing(child) = child else {
                    return Err("a campaign's pool pays into a pool".into());
                };
                if let PoolId::Listing(parent) = parent {
                    ensure!(parent < child, "a parent is not older than its child");
                }
                let count: &mut u32 = children.entry(parent).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (id, pool) in Pools::<T>::iter() {
            let count = children.remove(&id).unwrap_or(0);
            ensure!(pool.children == count, "children are miscounted");
        }
        ensure!(children.is_empty(), "a pool pays into none");
        Ok(())
    }

    /// Every listing has a pool, whose supply is that of all listings' pools.
    fn try_state_listing_pools() -> Checked {
        for id in Listings::<T>::iter_keys() {
            let pool = Pools::<T>::get(PoolId::Listing(id)).ok_or("a listing has no pool")?;
            ensure!(
                pool.supply == u64::from(LISTING_UNITS),
                "a listing's pool has another supply"
            );
        }
        Ok(())
    }

    /// Orders, `OpenOrders` and pending rights are one to one; each order's listing exists and is
    /// its seller's, and counts it.
    fn try_state_orders() -> Checked {
        let mut open = Vec::new();
        for (id, order) in Orders::<T>::iter() {
            let listing = Listings::<T>::get(order.listing).ok_or("an order has no listing")?;
            ensure!(
                listing.seller == order.seller
                    && listing.x_root == order.x_root
                    && listing.length == order.length,
                "an order is not of its listing"
            );
            ensure!(order.buyer != order.seller, "somebody buys from himself");
            ensure!(
                OpenOrders::<T>::contains_key(&order.seller, id),
                "a seller does not know an order"
            );
            ensure!(
                Rights::<T>::get(order.listing, &order.buyer) == Some(Right::Pending(id)),
                "a buyer does not know his order"
            );
            open.push(order.listing);
        }
        let orders = open.len();
        ensure!(
            OpenOrders::<T>::iter_keys().count() == orders,
            "a seller knows an order that has ended"
        );
        let pending = Rights::<T>::iter_values()
            .filter(|right| matches!(right, Right::Pending(_)))
            .count();
        ensure!(pending == orders, "a buyer knows an order that has ended");
        let mut open = count(open.into_iter());
        for (id, listing) in Listings::<T>::iter() {
            let orders = open.remove(&id).unwrap_or(0);
            ensure!(
                listing.open_orders == orders,
                "a listing miscounts its open orders"
            );
        }
        Ok(())
    }

    /// A listing's seals differ and are bound to its seller, goods and length; so are those of
    /// orders.
    fn try_state_seals() -> Checked {
        let genesis = Self::genesis();
        for listing in Listings::<T>::iter_values() {
            let seller: [u8; 32] = listing.seller.clone().into();
            let mut ids = BTreeSet::new();
            for seal in &listing.seals {
                let context = Context::new(
                    &genesis,
                    &seller,
                    &listing.x_root,
                    listing.length,
                    &seal.nonce,
                );
                ensure!(
                    seal.seal_id == context.seal_id(&seal.z_root, &seal.h_k),
                    "a seal is not its listing's"
                );
                ensure!(ids.insert(seal.seal_id), "a seal is there twice");
            }
        }
        for order in Orders::<T>::iter_values() {
            let seller: [u8; 32] = order.seller.clone().into();
            let seal = &order.seal;
            let context = Context::new(&genesis, &seller, &order.x_root, order.length, &seal.nonce);
            ensure!(
                seal.seal_id == context.seal_id(&seal.z_root, &seal.h_k),
                "an order's seal is not its seller's"
            );
        }
        Ok(())
    }

    /// Of each listing, granted rights are its settled orders without those forgotten.
    fn try_state_rights() -> Checked {
        let granted = Rights::<T>::iter()
            .filter(|(_, _, right)| matches!(right, Right::Granted(_)))
            .map(|(listing, _, _)| listing);
        let mut granted = count(granted);
        for (id, listing) in Listings::<T>::iter() {
            let rights = granted.remove(&id).unwrap_or(0);
            ensure!(
                listing.settled.checked_sub(listing.forgotten) == Some(rights),
                "rights are not those of the settled orders"
            );
        }
        // Of a listing that was removed they stay.
        Ok(())
    }

    /// A listing's ratings are at most its sales, and their mean is between the least and the most
    /// stars.
    fn try_state_ratings() -> Checked {
        for listing in Listings::<T>::iter_values() {
            ensure!(
                listing.ratings <= listing.settled,
                "there are more ratings than sales"
            );
            let weight = listing.rating_weight;
            let least = weight.saturating_mul((*STARS.start()).into());
            let most = weight.saturating_mul((*STARS.end()).into());
            ensure!(
                (least..=most).contains(&listing.rating_sum),
                "a rating has no stars, or too many"
            );
        }
        Ok(())
    }

    /// Entries of allow-lists and invitations are counted, and of listings that exist.
    fn try_state_listings() -> Checked {
        let mut allowed = count(Allowed::<T>::iter_keys().map(|(id, _)| id));
        let mut invites = count(Invites::<T>::iter_keys().map(|(id, _)| id));
        let take = |counts: &mut BTreeMap<ListingId, u32>, id| counts.remove(&id).unwrap_or(0);
        for (id, listing) in Listings::<T>::iter() {
            ensure!(
                listing.allowed == take(&mut allowed, id)
                    && listing.invites == take(&mut invites, id),
                "entries of a listing are miscounted"
            );
        }
        ensure!(
            allowed.is_empty() && invites.is_empty(),
            "an entry outlives its listing"
        );
        Ok(())
    }

    /// Listings are counted, and of sellers that exist.
    fn try_state_sellers() -> Checked {
        let mut listings = count(Listings::<T>::iter_values().map(|listing| listing.seller));
        for (who, seller) in Sellers::<T>::iter() {
            let count = listings.remove(&who).unwrap_or(0);
            ensure!(seller.listings == count, "listings are miscounted");
        }
        ensure!(listings.is_empty(), "a listing is of no seller");
        Ok(())
    }
}
