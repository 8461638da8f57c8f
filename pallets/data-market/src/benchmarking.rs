//! Benchmarks of every call and of the hook, each at its dearest.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use crate::*;
use alloc::{vec, vec::Vec};
use athanor_content_tree::{
    market::{public_key, Context, Evidence, GroupEvidence, Secret},
    Groups, GROUP, MAX_CONTENT, MAX_PATH,
};
use athanor_primitives::{
    labels::{CampaignId, ContributorShares},
    market::{
        Beneficiary, Endpoint, ListingId, ListingStatus, ListingTerms, OrderId, OrderState, PoolId,
        Reveal, Right, Seal, Share, UseFlags, LISTING_UNITS, MAX_ACCOUNTS, MAX_ENDPOINT,
        MAX_PARENTS, MAX_REVEALS,
    },
};
use frame_benchmarking::v2::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    EnsureOrigin, Get, Hooks,
};
use frame_system::{pallet_prelude::BlockNumberFor, Pallet as System, RawOrigin};

const NONCE: [u8; 16] = [7; 16];
const KEY: Secret = Secret::new([8; 32]);
const BUYER_SECRET: Secret = Secret::new([9; 32]);
/// Of the parents' pools together.
const PARENT_UNITS: u32 = 400;

fn rich<T: Config>() -> Balance {
    T::ListingFee::get()
        .saturating_add(T::MinPrice::get())
        .saturating_add(T::DepositPerItem::get())
        .saturating_add(T::DepositPerByte::get())
        .saturating_mul(1_000_000_000)
}

fn funded<T: Config>(name: &'static str, index: u32) -> T::AccountId {
    let who: T::AccountId = account(name, index, 0);
    T::Currency::set_balance(&who, rich::<T>());
    who
}

fn price<T: Config>() -> Balance {
    T::MinPrice::get() * 1_000
}

/// Blocks, treasury and the pot as a chain has them.
fn prepare<T: Config>() {
    System::<T>::set_block_number(BlockNumberFor::<T>::from(10u32));
    T::Currency::set_balance(&T::Treasury::get(), rich::<T>());
    T::Currency::set_balance(&Pallet::<T>::pot(), rich::<T>());
}

/// Lets market time pass.
fn pass<T: Config>(time: u32) {
    let now = System::<T>::block_number();
    System::<T>::set_block_number(now + BlockNumberFor::<T>::from(time));
}

fn endpoint() -> Endpoint {
    vec![b'a'; MAX_ENDPOINT as usize].try_into().unwrap()
}

fn seller<T: Config>(index: u32) -> T::AccountId {
    let who = funded::<T>("seller", index);
    if !Sellers::<T>::contains_key(&who) {
        let agent = account("agent", 0, 0);
        Pallet::<T>::do_register(who.clone(), endpoint(), Some(agent)).unwrap();
        Pallet::<T>::do_bond(who.clone(), rich::<T>() / 2).unwrap();
    }
    who
}

fn to<A>(beneficiary: Beneficiary<A>, units: u32) -> Share<A> {
    Share {
        to: beneficiary,
        units,
    }
}

/// One group of the largest goods with paths as long as there are, and the roots that follow.
struct Goods {
    group: GroupEvidence,
    x_root: [u8; 32],
    z_root: [u8; 32],
}

fn goods() -> Goods {
    let groups = Groups::new(MAX_CONTENT).unwrap();
    let path = |byte: u8| -> Vec<[u8; 32]> { vec![[byte; 32]; MAX_PATH] };
    let z_group = vec![0xA5; GROUP];
    let z_cv = groups.node(0, &z_group).unwrap();
    let x_cv = [0x5A; 32];
    Goods {
        x_root: groups.fold(0, x_cv, &path(1)).unwrap(),
        z_root: groups.fold(0, z_cv, &path(2)).unwrap(),
        group: GroupEvidence {
            index: 0,
            z_group: z_group.try_into().unwrap(),
            z_path: path(2).try_into().unwrap(),
            x_cv,
            x_path: path(1).try_into().unwrap(),
        },
    }
}

fn terms<T: Config>(shares: Vec<Share<T::AccountId>>) -> ListingTerms<T::AccountId> {
    ListingTerms {
        x_root: goods().x_root,
        length: MAX_CONTENT,
        card_root: [1; 32],
        licence_root: [2; 32],
        uses: UseFlags::default(),
        price: price::<T>(),
        restricted: true,
        reveal_window: T::MinRevealWindow::get(),
        dispute_window: T::MaxDisputeWindow::get(),
        samples: 59,
        shares: shares.try_into().unwrap(),
        derive: Some(1),
        supersedes: None,
    }
}

fn list<T: Config>(who: &T::AccountId, shares: Vec<Share<T::AccountId>>) -> ListingId {
    Pallet::<T>::do_list(who.clone(), terms::<T>(shares)).unwrap()
}

fn plain<T: Config>(who: &T::AccountId) -> ListingId {
    let all = to(Beneficiary::Account(who.clone()), LISTING_UNITS);
    list::<T>(who, vec![all])
}

/// A campaign of this seller, to which `worker` contributed.
fn campaign<T: Config>(seller: &T::AccountId, worker: &T::AccountId) -> CampaignId {
    T::Contributors::contribute(seller, worker, 1_000)
}

/// `accounts` accounts, the seller among them, and `pools` pools: of a campaign and of others'
/// listings.
fn shares<T: Config>(
    seller_of: &T::AccountId,
    accounts: u32,
    pools: u32,
) -> Vec<Share<T::AccountId>> {
    let mut shares = Vec::new();
    for i in 0..pools {
        let pool = if i == 0 {
            let worker = funded::<T>("worker", 0);
            PoolId::Campaign(campaign::<T>(seller_of, &worker))
        } else {
            PoolId::Listing(plain::<T>(&seller::<T>(100 + i)))
        };
        shares.push(to(Beneficiary::Pool(pool), PARENT_UNITS));
    }
    let mut left = LISTING_UNITS - pools * PARENT_UNITS;
    for i in 1..accounts {
        let who = funded::<T>("share", i);
        shares.push(to(Beneficiary::Account(who), 100));
        left -= 100;
    }
    shares.push(to(Beneficiary::Account(seller_of.clone()), left));
    shares
}

fn context<T: Config>(who: &T::AccountId) -> Context {
    Pallet::<T>::context(who, &goods().x_root, MAX_CONTENT, &NONCE)
}

fn seal<T: Config>(who: &T::AccountId, listing: ListingId) -> Seal {
    let commitment = context::<T>(who).commit(&KEY);
    Pallet::<T>::do_seal(who.clone(), listing, NONCE, goods().z_root, commitment).unwrap();
    *Listings::<T>::get(listing).unwrap().seals.last().unwrap()
}

/// An order of a listing with these shares, by an account the seller allowed.
fn ordered<T: Config>(listing: ListingId, index: u32) -> OrderId {
    let record = Listings::<T>::get(listing).unwrap();
    let seller = record.seller;
    let buyer = funded::<T>("buyer", index);
    let seal_id = record.seals.last().unwrap().seal_id;
    Pallet::<T>::do_allow(seller, listing, buyer.clone(), true).unwrap();
    Pallet::<T>::do_order(
        buyer,
        listing,
        seal_id,
        record.price,
        public_key(&BUYER_SECRET),
        Some(funded::<T>("watch", 0)),
    )
    .unwrap()
}

fn sealed<T: Config>(accounts: u32, pools: u32) -> (T::AccountId, ListingId) {
    prepare::<T>();
    let who = seller::<T>(0);
    let listing = list::<T>(&who, shares::<T>(&who, accounts, pools));
    seal::<T>(&who, listing);
    (who, listing)
}

fn wrapped<T: Config>(who: &T::AccountId, order: OrderId) -> Reveal {
    let secret = Secret::new([3; 32]);
    let wrapped = context::<T>(who).wrap(&KEY, order, &public_key(&BUYER_SECRET), &secret);
    Reveal {
        order,
        seller_key: wrapped.public,
        wrapped: wrapped.key,
    }
}

fn revealed<T: Config>(accounts: u32, pools: u32) -> (T::AccountId, ListingId, OrderId) {
    let (who, listing) = sealed::<T>(accounts, pools);
    let order = ordered::<T>(listing, 0);
    let items = vec![wrapped::<T>(&who, order)].try_into().unwrap();
    assert_eq!(Pallet::<T>::do_reveal(who.clone(), items), 1);
    (who, listing, order)
}

/// A sale that stands.
fn settled<T: Config>(accounts: u32, pools: u32) -> (T::AccountId, ListingId) {
    let (who, listing, order) = revealed::<T>(accounts, pools);
    pass::<T>(T::MaxDisputeWindow::get() + 1);
    Pallet::<T>::do_poke(order).unwrap();
    (who, listing)
}

/// Closes a listing and forgets whom it allows and invites.
fn closed<T: Config>(who: &T::AccountId, listing: ListingId) {
    let allowed: Vec<_> = Allowed::<T>::iter_key_prefix(listing).collect();
    for account in allowed {
        Pallet::<T>::do_allow(who.clone(), listing, account, false).unwrap();
    }
    Pallet::<T>::do_close(who.clone(), listing).unwrap();
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register() {
        prepare::<T>();
        let who = funded::<T>("seller", 0);
        let agent = account("agent", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), endpoint(), Some(agent));
        assert!(Sellers::<T>::contains_key(who));
    }

    #[benchmark]
    fn bond() {
        prepare::<T>();
        let who = seller::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), price::<T>());
        assert!(Sellers::<T>::get(who).unwrap().bonded > rich::<T>() / 2);
    }

    #[benchmark]
    fn unbond() {
        prepare::<T>();
        let who = seller::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), rich::<T>() / 2);
        assert_eq!(Sellers::<T>::get(who).unwrap().bonded, 0);
    }

    #[benchmark]
    fn deregister() {
        prepare::<T>();
        let who = seller::<T>(0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));
        assert!(!Sellers::<T>::contains_key(who));
    }

    // A campaign's pool is made here.
    #[benchmark]
    fn list(a: Linear<1, MAX_ACCOUNTS>, p: Linear<0, MAX_PARENTS>) {
        prepare::<T>();
        let who = seller::<T>(0);
        let terms = terms::<T>(shares::<T>(&who, a, p));
        #[extrinsic_call]
        _(RawOrigin::Signed(who), terms);
        let listing = NextListingId::<T>::get() - 1;
        let pool = Pools::<T>::get(PoolId::Listing(listing)).unwrap();
        assert_eq!(pool.holders, a + p);
    }

    #[benchmark]
    fn seal() {
        let (who, listing) = sealed::<T>(1, 0);
        let (z_root, h_k) = ([3; 32], [4; 32]);
        Pallet::<T>::do_seal(who.clone(), listing, NONCE, z_root, h_k).unwrap();
        // The first goes now.
        pass::<T>(T::OldSealFor::get());
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing, NONCE, z_root, [5; 32]);
        assert_eq!(Listings::<T>::get(listing).unwrap().seals.len(), 2);
    }

    #[benchmark]
    fn set_price() {
        let (who, listing) = sealed::<T>(1, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing, price::<T>() * 2);
        assert_eq!(Listings::<T>::get(listing).unwrap().price, price::<T>() * 2);
    }

    #[benchmark]
    fn pause() {
        let (who, listing) = sealed::<T>(1, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing);
        assert_ne!(
            Listings::<T>::get(listing).unwrap().status,
            ListingStatus::Open
        );
    }

    #[benchmark]
    fn resume() {
        let (who, listing) = sealed::<T>(1, 0);
        Pallet::<T>::do_pause(who.clone(), listing).unwrap();
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing);
        assert_eq!(
            Listings::<T>::get(listing).unwrap().status,
            ListingStatus::Open
        );
    }

    #[benchmark]
    fn close() {
        let (who, listing) = sealed::<T>(1, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing);
        assert_eq!(
            Listings::<T>::get(listing).unwrap().status,
            ListingStatus::Closed
        );
    }

    // The pool ends with it.
    #[benchmark]
    fn remove() {
        let (who, listing) = sealed::<T>(MAX_ACCOUNTS, MAX_PARENTS);
        closed::<T>(&who, listing);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing);
        assert!(!Pools::<T>::contains_key(PoolId::Listing(listing)));
    }

    #[benchmark]
    fn allow() {
        let (who, listing) = sealed::<T>(1, 0);
        let buyer: T::AccountId = account("buyer", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing, buyer.clone(), true);
        assert!(Allowed::<T>::contains_key(listing, buyer));
    }

    #[benchmark]
    fn invite() {
        let (who, listing) = sealed::<T>(1, 0);
        let other: T::AccountId = account("seller", 1, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(who), listing, other.clone(), true);
        assert!(Invites::<T>::contains_key(listing, other));
    }

    // The seal before the newest, of a restricted listing.
    #[benchmark]
    fn order() {
        let (who, listing) = sealed::<T>(1, 0);
        let seal_id = Listings::<T>::get(listing).unwrap().seals[0].seal_id;
        Pallet::<T>::do_seal(who.clone(), listing, NONCE, [3; 32], [4; 32]).unwrap();
        let buyer = funded::<T>("buyer", 0);
        Pallet::<T>::do_allow(who, listing, buyer.clone(), true).unwrap();
        let watch = Some(account("watch", 0, 0));
        #[extrinsic_call]
        _(
            RawOrigin::Signed(buyer.clone()),
            listing,
            seal_id,
            price::<T>(),
            public_key(&BUYER_SECRET),
            watch,
        );
        assert!(matches!(
            Rights::<T>::get(listing, buyer),
            Some(Right::Pending(_))
        ));
    }

    // By the agent, for whom the seller is looked up each time.
    #[benchmark]
    fn reveal(n: Linear<1, MAX_REVEALS>) {
        let (who, listing) = sealed::<T>(1, 0);
        let items: Vec<_> = (0..n)
            .map(|i| wrapped::<T>(&who, ordered::<T>(listing, i)))
            .collect();
        let last = items.last().unwrap().order;
        let agent: T::AccountId = account("agent", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(agent), items.try_into().unwrap());
        assert!(matches!(
            Orders::<T>::get(last).unwrap().state,
            OrderState::Revealed { .. }
        ));
    }

    // A full group of the largest goods, by the account the buyer named.
    #[benchmark]
    fn complain() {
        let (_, listing, number) = revealed::<T>(1, 0);
        let watch = funded::<T>("watch", 0);
        let evidence = Evidence {
            b: *BUYER_SECRET.expose(),
            group: Some(goods().group),
        };
        let before = T::Currency::total_balance(&watch);
        #[extrinsic_call]
        _(RawOrigin::Signed(watch.clone()), number, evidence);
        assert!(T::Currency::total_balance(&watch) > before);
        assert_ne!(
            Listings::<T>::get(listing).unwrap().status,
            ListingStatus::Open
        );
    }

    // What `complain` spends on the judge alone.
    #[benchmark(extra)]
    fn judge() {
        let (who, listing, number) = revealed::<T>(1, 0);
        let record = Orders::<T>::get(number).unwrap();
        let item = wrapped::<T>(&who, number);
        let sale = athanor_content_tree::market::Sale {
            context: context::<T>(&who),
            order: number,
            len: record.length,
            x_root: record.x_root,
            z_root: record.seal.z_root,
            commitment: record.seal.h_k,
            buyer: record.buyer_key,
            wrapped: athanor_content_tree::market::Wrapped {
                public: item.seller_key,
                key: item.wrapped,
            },
        };
        let evidence = Evidence {
            b: *BUYER_SECRET.expose(),
            group: Some(goods().group),
        };
        let judged;
        #[block]
        {
            judged = sale.judge(&evidence);
        }
        assert!(judged.is_ok());
        assert!(Listings::<T>::contains_key(listing));
    }

    // The sale stands, and the seller's part is claimed.
    #[benchmark]
    fn poke() {
        let (who, listing, number) = revealed::<T>(MAX_ACCOUNTS, MAX_PARENTS);
        pass::<T>(T::MaxDisputeWindow::get() + 1);
        let anybody = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), number);
        let beneficiary = Beneficiary::Account(who);
        let holder = Holders::<T>::get(PoolId::Listing(listing), beneficiary).unwrap();
        assert!(holder.claimed > 0);
    }

    #[benchmark]
    fn rate() {
        let (_, listing) = settled::<T>(1, 0);
        let buyer: T::AccountId = account("buyer", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(buyer), listing, 5);
        assert_eq!(Listings::<T>::get(listing).unwrap().ratings, 1);
    }

    #[benchmark]
    fn forget_right() {
        let (_, listing) = settled::<T>(1, 0);
        let buyer: T::AccountId = account("buyer", 0, 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(buyer.clone()), listing, buyer.clone());
        assert!(!Rights::<T>::contains_key(listing, buyer));
    }

    // The campaign's pool is made here.
    #[benchmark]
    fn enrol() {
        prepare::<T>();
        let worker = funded::<T>("worker", 0);
        let campaign = campaign::<T>(&seller::<T>(0), &worker);
        #[extrinsic_call]
        _(RawOrigin::Signed(worker), campaign);
        let pool = Pools::<T>::get(PoolId::Campaign(campaign)).unwrap();
        assert_eq!(pool.supply, 1_000);
    }

    // The last claim of a pool whose listing is gone, so that the pool ends.
    #[benchmark]
    fn claim() {
        let (who, listing) = settled::<T>(MAX_ACCOUNTS, MAX_PARENTS);
        closed::<T>(&who, listing);
        Pallet::<T>::do_remove(who, listing).unwrap();
        let pool = PoolId::Listing(listing);
        let last = Beneficiary::Account(account("share", 1, 0));
        let others: Vec<_> = Holders::<T>::iter_prefix(pool)
            .filter(|(beneficiary, holder)| *beneficiary != last && holder.claimed == 0)
            .map(|(beneficiary, _)| beneficiary)
            .collect();
        for beneficiary in others {
            Pallet::<T>::do_claim(pool, beneficiary).unwrap();
        }
        let anybody = funded::<T>("anybody", 0);
        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), pool, last);
        assert!(!Pools::<T>::contains_key(pool));
    }

    #[benchmark]
    fn freeze() -> Result<(), BenchmarkError> {
        let (_, listing) = sealed::<T>(1, 0);
        let origin =
            T::FreezeOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;
        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, listing, 451);
        assert_eq!(Listings::<T>::get(listing).unwrap().frozen, Some(451));
        Ok(())
    }

    #[benchmark]
    fn on_initialize() {
        prepare::<T>();
        #[block]
        {
            Pallet::<T>::on_initialize(System::<T>::block_number());
        }
        assert_eq!(Skipped::<T>::get(), 0);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
