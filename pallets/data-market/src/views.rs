//! What the view functions read. Nothing here writes, and nothing here is bounded by a block: a
//! node answers these outside of one.

use crate::{
    BadSeals, Config, Holders, Listing, Listings, NextListingId, OpenOrders, Order, Orders, Pallet,
    Pools, Sellers,
};
use alloc::vec::Vec;
use athanor_primitives::market::{
    HolderView, ListingId, ListingView, OrderId, OrderView, PoolId, PoolView, Quote, SellerView,
};

/// Most listings of one answer of `listings`.
pub const MAX_LISTINGS_SHOWN: u32 = 100;
/// Most orders of one answer of `open_orders`.
pub const MAX_ORDERS_SHOWN: u32 = 256;
/// Most holders of one answer of `pool`.
pub const MAX_HOLDERS_SHOWN: u32 = 256;

fn listing_view<AccountId>(id: ListingId, listing: Listing<AccountId>) -> ListingView<AccountId> {
    ListingView {
        id,
        seller: listing.seller,
        x_root: listing.x_root,
        length: listing.length,
        card_root: listing.card_root,
        licence_root: listing.licence_root,
        uses: listing.uses,
        price: listing.price,
        restricted: listing.restricted,
        reveal_window: listing.reveal_window,
        dispute_window: listing.dispute_window,
        samples: listing.samples,
        derive: listing.derive,
        supersedes: listing.supersedes,
        status: listing.status,
        frozen: listing.frozen,
        seals: listing.seals.into_inner(),
        listed_at: listing.listed_at,
        open_orders: listing.open_orders,
        settled: listing.settled,
        missed: listing.missed,
        proven: listing.proven,
        ratings: listing.ratings,
        rating_sum: listing.rating_sum,
        rating_weight: listing.rating_weight,
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn view_listings(
        after: Option<ListingId>,
        limit: u32,
    ) -> Vec<ListingView<T::AccountId>> {
        let first = after.map_or(0, |after| after.saturating_add(1));
        (first..NextListingId::<T>::get())
            .filter_map(Self::view_listing)
            .take(limit.min(MAX_LISTINGS_SHOWN) as usize)
            .collect()
    }

    pub(crate) fn view_listing(id: ListingId) -> Option<ListingView<T::AccountId>> {
        Listings::<T>::get(id).map(|listing| listing_view(id, listing))
    }

    pub(crate) fn view_order(id: OrderId) -> Option<OrderView<T::AccountId>> {
        Orders::<T>::get(id).map(|order| Self::order_view(id, order))
    }

    fn order_view(id: OrderId, order: Order<T::AccountId>) -> OrderView<T::AccountId> {
        OrderView {
            id,
            listing: order.listing,
            seller: order.seller,
            buyer: order.buyer,
            watch: order.watch,
            x_root: order.x_root,
            length: order.length,
            nonce: order.seal.nonce,
            z_root: order.seal.z_root,
            h_k: order.seal.h_k,
            seal_id: order.seal.seal_id,
            seal_is_bad: BadSeals::<T>::contains_key(order.seal.seal_id),
            price: order.price,
            fee: order.fee,
            bond: order.bond,
            right_deposit: order.deposit,
            buyer_key: order.buyer_key,
            placed_at: order.placed_at,
            state: order.state,
        }
    }

    pub(crate) fn view_open_orders(
        seller: T::AccountId,
        after: Option<OrderId>,
        limit: u32,
    ) -> Vec<OrderView<T::AccountId>> {
        let mut ids: Vec<_> = OpenOrders::<T>::iter_key_prefix(seller)
            .filter(|id| after.is_none_or(|after| *id > after))
            .collect();
        ids.sort_unstable();
        ids.into_iter()
            .take(limit.min(MAX_ORDERS_SHOWN) as usize)
            .filter_map(Self::view_order)
            .collect()
    }

    pub(crate) fn view_quote(id: ListingId, buyer: Option<T::AccountId>) -> Option<Quote> {
        let listing = Listings::<T>::get(id)?;
        let seller = Sellers::<T>::get(&listing.seller);
        Some(Quote {
            price: listing.price,
            fee: Self::fee_of(listing.price),
            right_deposit: Self::right_deposit(),
            order_bond: Self::order_bond(listing.price),
            bond_free: seller.map_or(0, |seller| seller.free()),
            reveal_window: listing.reveal_window,
            dispute_window: listing.dispute_window,
            seal_id: listing.seals.last().map(|seal| seal.seal_id),
            problem: Self::order_problem(id, &listing, buyer.as_ref()).err(),
        })
    }

    pub(crate) fn view_pool(id: PoolId) -> Option<PoolView<T::AccountId>> {
        let pool = Pools::<T>::get(id)?;
        let pays = pool.is_open(Self::now());
        let holders = Holders::<T>::iter_prefix(id)
            .take(MAX_HOLDERS_SHOWN as usize)
            .map(|(beneficiary, holder)| HolderView {
                beneficiary,
                units: holder.units,
                claimed: holder.claimed,
                claimable: if pays { holder.claimable(&pool) } else { 0 },
            })
            .collect();
        Some(PoolView {
            pool: id,
            supply: pool.supply,
            received: pool.received,
            claimed: pool.claimed,
            closes_at: pool.closes_at,
            holder_count: pool.holders,
            holders,
        })
    }

    pub(crate) fn view_seller(account: T::AccountId) -> Option<SellerView<T::AccountId>> {
        let seller = Sellers::<T>::get(&account)?;
        Some(SellerView {
            account,
            endpoint: seller.endpoint.into_inner(),
            agent: seller.agent,
            bonded: seller.bonded,
            locked: seller.locked,
            listings: seller.listings,
            unsold: seller.unsold,
            settled: seller.settled,
            missed: seller.missed,
            proven: seller.proven,
        })
    }
}
