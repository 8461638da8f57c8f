//! # Data market pallet
//!
//! Sale of data that refunds by proof. The seller publishes the ciphertext first, the buyer pays
//! only for a ciphertext that lies on his own disk, the key reaches him wrapped to his key, and one
//! group of 16 KiB that decrypts wrongly refunds him.
//!
//! ## Pallet API
//!
//! See the [`pallet`] module for calls, storage, events, errors and view functions.
//!
//! ## Overview
//!
//! A *listing* is a seller's immutable terms for the goods x: their root, length, card, licence,
//! windows, and who shares in the price. A *seal* is a ciphertext z of them with a commitment to
//! its key. An *order* holds the buyer's money and locks a part of the seller's bond; it copies all
//! that its end needs. A sale that stands leaves a *right*: the record with which the buyer can
//! decrypt again.
//!
//! ```mermaid
//! stateDiagram-v2
//!     [*] --> Locked: order
//!     Locked --> Revealed: reveal, in time
//!     Locked --> [*]: poke, later: refund and half the bond
//!     Revealed --> [*]: poke, when the window is over: the sale stands
//!     Revealed --> [*]: complain, proven: refund and the bond
//!     Locked --> [*]: poke, when the seal was proven bad
//!     Revealed --> [*]: poke, when the seal was proven bad
//! ```
//!
//! | end | buyer | seller | treasury |
//! |---|---|---|---|
//! | stands | pays A | A − φ into the listing's pool | φ |
//! | no key in time | A back, and ⌊A/100⌋ | loses ⌊β/2⌋ | ⌊β/2⌋ − ⌊A/100⌋ |
//! | proven bad | A back, and ⌊β/2⌋, of which ⌊β/10⌋ to `watch` if it complained | loses β | β − ⌊β/2⌋ |
//!
//! A is the price, φ = ⌊A · [`Config::Fee`]⌋, β = max(⌊A/10⌋, twice the deposit of a record in
//! [`BadSeals`]).
//!
//! ## Low Level / Implementation Details
//!
//! *Time* is market time: block numbers, less the blocks in which a migration admitted inherents
//! only. No end needs a hook, a queue or a scan: whoever is owed pokes.
//!
//! *Money* is `fungible` holds: price and deposits on the buyer's account, bond and deposits on
//! the seller's. What sales earned lies on the pallet's account until it is claimed from the pools,
//! so that no payee can make a settlement fail.
//!
//! *Evidence* is judged by `athanor-content-tree`. Index and length come from the chain.
//!
//! ## Properties
//!
//! - *Sound*: no evidence is proven against a seller who wrapped the key he committed to and whose
//!   ciphertext decrypts to the goods he named.
//! - *Complete*: a buyer who checks within the window has the goods, or evidence.
//! - *Conserved*: an order's price is refunded, or is fee and net; parts of β sum to β. The pallet's
//!   account holds the existential deposit and what pools have not paid out.
//! - *Always ends*: each state of an order has a deadline, after which anybody can end it.
//! - *Not promised*: that the bytes are good, or that a buyer keeps them to himself.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod clock;
mod listings;
mod money;
mod orders;
mod pools;
mod rights;
mod sellers;
mod try_state;
pub mod types;
mod views;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use pools::{Holder, Pool};
pub use types::*;
pub use views::{MAX_HOLDERS_SHOWN, MAX_LISTINGS_SHOWN, MAX_ORDERS_SHOWN};
pub use weights::WeightInfo;

/// Target of log lines.
pub(crate) const LOG: &str = "runtime::data-market";

#[frame_support::pallet]
// What FRAME's macros expand to; our own code is in the other modules, or here without it.
#[allow(clippy::expect_used)]
pub mod pallet {
    use super::*;
    use alloc::vec::Vec;
    use athanor_content_tree::market::Evidence;
    use athanor_primitives::{
        labels::{CampaignId, ContributorShares},
        market::{
            Beneficiary, Endpoint, Fault, ListingId, ListingTerms, ListingView, OrderId, OrderView,
            PoolId, PoolView, Quote, RefundReason, Reveals, Right, SealId, SellerView, SkipReason,
            Time, MAX_ACCOUNTS,
        },
        Root,
    };
    use frame_support::{
        dispatch::{Pays, PostDispatchInfo},
        pallet_prelude::*,
        traits::fungible::{hold, Inspect, Mutate},
        PalletId,
    };
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;

    /// Version of the storage layout.
    pub const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// See the crate documentation.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime has to supply.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
        RuntimeEvent: From<Event<Self>>,
        AccountId: Into<[u8; 32]> + From<[u8; 32]>,
    >
    {
        /// Weights of this pallet's calls and hook.
        type WeightInfo: WeightInfo;

        /// The currency of prices.
        type Currency: Inspect<Self::AccountId, Balance = Balance>
            + Mutate<Self::AccountId>
            + hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's hold reasons.
        type RuntimeHoldReason: From<HoldReason>;

        /// The account that holds what is in pools is derived from it. It must hold the existential
        /// deposit from genesis on, or the first small sale goes to the treasury.
        #[pallet::constant]
        type PalletId: Get<PalletId>;

        /// Account that fees and what is lost go to. It must hold the existential deposit from
        /// genesis on, or small amounts cannot reach it.
        type Treasury: Get<Self::AccountId>;

        /// Who contributed to label campaigns that share revenue.
        type Contributors: ContributorShares<Self::AccountId>;

        /// Who may stop new orders of a listing.
        type FreezeOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// The treasury's share of a price.
        #[pallet::constant]
        type Fee: Get<Permill>;

        /// What a listing costs, to the treasury: also the price of another draw of samples.
        #[pallet::constant]
        type ListingFee: Get<Balance>;

        /// Least price that is not 0.
        #[pallet::constant]
        type MinPrice: Get<Balance>;

        /// Deposit for a record, without its bytes.
        #[pallet::constant]
        type DepositPerItem: Get<Balance>;

        /// Deposit for a byte of a record.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;

        /// Least time to reveal a key: a seller's node may be down for a while.
        #[pallet::constant]
        type MinRevealWindow: Get<Time>;

        /// What clients propose.
        #[pallet::constant]
        type DefaultRevealWindow: Get<Time>;

        /// Most time to reveal a key: the buyer's money waits so long for a seller who is gone.
        #[pallet::constant]
        type MaxRevealWindow: Get<Time>;

        /// Least time to complain, besides [`Config::DisputeWindowPerGib`].
        #[pallet::constant]
        type MinDisputeWindow: Get<Time>;

        /// What clients propose, besides [`Config::DisputeWindowPerGib`].
        #[pallet::constant]
        type DefaultDisputeWindow: Get<Time>;

        /// Most time to complain: the seller's money waits so long.
        #[pallet::constant]
        type MaxDisputeWindow: Get<Time>;

        /// Time to complain for each GiB begun: that of decrypting and checking it.
        #[pallet::constant]
        type DisputeWindowPerGib: Get<Time>;

        /// How long a seal can be ordered after a newer one came, so that a running download is
        /// not wasted.
        #[pallet::constant]
        type OldSealFor: Get<Time>;

        /// Time to rate a purchase.
        #[pallet::constant]
        type RateFor: Get<Time>;

        /// Time to enrol in a campaign's pool, from the campaign's settlement on. At most as long
        /// as [`Config::Contributors`] keeps its records.
        #[pallet::constant]
        type EnrolFor: Get<Time>;

        /// Time without a listing that pays into it after which a closed campaign's pool ends, and
        /// a removed listing's pool waits no longer for accounts that can't be paid.
        #[pallet::constant]
        type PoolIdle: Get<Time>;

        /// Milliseconds a block, for clients that turn market time into time.
        #[pallet::constant]
        type BlockTimeMs: Get<u64>;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A buyer's: prices of open orders.
        #[codec(index = 0)]
        OrderPrice,
        /// A seller's: what open orders lock, and what is free for more.
        #[codec(index = 1)]
        SellerBond,
        /// For records: sellers, listings, allowed accounts, invitations, orders and rights, pools
        /// and their holders.
        #[codec(index = 2)]
        Deposit,
    }

    // Accounts are chosen by their owners, hence Blake2_128Concat; seal ids are hashes, hence
    // Identity; the other ids are ours to count, hence Twox64Concat.

    /// Blocks so far that market time does not count.
    #[pallet::storage]
    pub type Skipped<T: Config> = StorageValue<_, Time, ValueQuery>;

    /// Sellers.
    #[pallet::storage]
    pub type Sellers<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Seller<T::AccountId>>;

    /// Number of the next listing.
    #[pallet::storage]
    pub type NextListingId<T: Config> = StorageValue<_, ListingId, ValueQuery>;

    /// Listings until they are removed.
    #[pallet::storage]
    pub type Listings<T: Config> = StorageMap<_, Twox64Concat, ListingId, Listing<T::AccountId>>;

    /// Accounts that may order from a restricted listing, each with its deposit.
    #[pallet::storage]
    pub type Allowed<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ListingId, Blake2_128Concat, T::AccountId, Balance>;

    /// Sellers who may name a listing's pool as a parent, each with its deposit.
    #[pallet::storage]
    pub type Invites<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ListingId, Blake2_128Concat, T::AccountId, Balance>;

    /// Number of the next order.
    #[pallet::storage]
    pub type NextOrderId<T: Config> = StorageValue<_, OrderId, ValueQuery>;

    /// Orders until they end.
    #[pallet::storage]
    pub type Orders<T: Config> = StorageMap<_, Twox64Concat, OrderId, Order<T::AccountId>>;

    /// Orders by seller: what his daemon works through.
    #[pallet::storage]
    pub type OpenOrders<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, OrderId, (), OptionQuery>;

    /// What a buyer has of a listing: one open order, or one purchase.
    #[pallet::storage]
    pub type Rights<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ListingId, Blake2_128Concat, T::AccountId, Right>;

    /// Pools.
    #[pallet::storage]
    pub type Pools<T: Config> = StorageMap<_, Twox64Concat, PoolId, Pool<T::AccountId>>;

    /// Holders of pools.
    #[pallet::storage]
    pub type Holders<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        PoolId,
        Blake2_128Concat,
        Beneficiary<T::AccountId>,
        Holder,
    >;

    /// Seals proven bad. For ever, or a seller could wait until one is forgotten and be paid for an
    /// order that nobody poked.
    #[pallet::storage]
    pub type BadSeals<T: Config> = StorageMap<_, Identity, SealId, (), OptionQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A seller registered, or changed endpoint or agent.
        SellerRegistered {
            /// Who.
            seller: T::AccountId,
        },
        /// A seller's bond grew.
        BondAdded {
            /// Whose.
            seller: T::AccountId,
            /// By how much.
            amount: Balance,
        },
        /// A part of a seller's bond was returned.
        BondReturned {
            /// Whose.
            seller: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// A seller deregistered.
        SellerLeft {
            /// Who.
            seller: T::AccountId,
        },
        /// Goods were listed.
        Listed {
            /// The listing.
            listing: ListingId,
            /// Whose.
            seller: T::AccountId,
        },
        /// A ciphertext can be ordered.
        Sealed {
            /// Of which listing.
            listing: ListingId,
            /// The seal.
            seal_id: SealId,
        },
        /// A price changed.
        PriceSet {
            /// The listing.
            listing: ListingId,
            /// Now.
            price: Balance,
        },
        /// A listing takes no orders until it is resumed.
        Paused {
            /// The listing.
            listing: ListingId,
            /// What the seller did wrong; `None`: he paused it.
            fault: Option<Fault>,
        },
        /// A listing takes orders again.
        Resumed {
            /// The listing.
            listing: ListingId,
        },
        /// A listing takes no orders ever again.
        Closed {
            /// The listing.
            listing: ListingId,
        },
        /// A listing's record is gone.
        Removed {
            /// The listing.
            listing: ListingId,
        },
        /// An account may order from a restricted listing, or no longer.
        AccountAllowed {
            /// The listing.
            listing: ListingId,
            /// The account.
            account: T::AccountId,
            /// Which of the two.
            allowed: bool,
        },
        /// A seller may name a listing as a parent, or no longer.
        Invited {
            /// The listing.
            listing: ListingId,
            /// The seller.
            seller: T::AccountId,
            /// Which of the two.
            invited: bool,
        },
        /// An order was placed: price and deposit are held, bond is locked.
        Ordered {
            /// The order.
            order: OrderId,
            /// Of which listing.
            listing: ListingId,
            /// By whom.
            buyer: T::AccountId,
        },
        /// The key of an order was revealed.
        Revealed {
            /// The order.
            order: OrderId,
        },
        /// One key of a `reveal` was not taken.
        RevealSkipped {
            /// The order that was named.
            order: OrderId,
            /// Why.
            reason: SkipReason,
        },
        /// A sale stands.
        Settled {
            /// The order.
            order: OrderId,
            /// The price.
            paid: Balance,
            /// Of it, to the treasury; the rest is in the listing's pool.
            fee: Balance,
        },
        /// An order was refunded.
        Refunded {
            /// The order.
            order: OrderId,
            /// Why.
            reason: RefundReason,
            /// To the buyer from the seller's bond, on top of what is his.
            buyer_gets: Balance,
            /// To the account he named, if it complained.
            watch_gets: Balance,
            /// From the seller's bond in all; the rest went to the treasury.
            seller_loses: Balance,
        },
        /// A seal was proven bad: all its open orders can be refunded by `poke`.
        SealProvenBad {
            /// The seal.
            seal_id: SealId,
        },
        /// A buyer removed the record of a purchase.
        RightForgotten {
            /// The listing.
            listing: ListingId,
            /// The buyer.
            buyer: T::AccountId,
        },
        /// A purchase was rated.
        Rated {
            /// The listing.
            listing: ListingId,
            /// By whom.
            buyer: T::AccountId,
            /// 1 to 5.
            stars: u8,
            /// The fee of the sale.
            weight: Balance,
        },
        /// A contributor holds units of a campaign's pool.
        Enrolled {
            /// The campaign.
            campaign: CampaignId,
            /// Who.
            worker: T::AccountId,
            /// Units: paid answers.
            units: u32,
        },
        /// A holder was paid out of a pool.
        Claimed {
            /// The pool.
            pool: PoolId,
            /// The holder.
            beneficiary: Beneficiary<T::AccountId>,
            /// How much.
            amount: Balance,
        },
        /// A pool's record is gone.
        PoolEnded {
            /// The pool.
            pool: PoolId,
        },
        /// Governance stopped new orders of a listing, or let them go on.
        Frozen {
            /// The listing.
            listing: ListingId,
            /// Why; 0: not any more.
            code: u16,
        },
        /// An account could not take a payment; it went to the treasury, or stayed with whose hold
        /// it was.
        PaymentDiverted {
            /// Who should have had it.
            intended: T::AccountId,
            /// How much.
            amount: Balance,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The account is not registered as a seller. Call `register` first.
        NotRegistered,
        /// Give more than zero, or something that changes what is there.
        NothingToDo,
        /// Open orders lock so much of the bond. Wait for them to end.
        BondIsLocked,
        /// There are listings. Close and remove them first.
        HasListings,
        /// Faults are shown for ever, so the record stays. `unbond` returns the bond.
        FaultsAreKept,
        /// There is no listing of this number, or it was removed.
        NoSuchListing,
        /// Only the listing's seller may do this.
        NotSeller,
        /// Goods have 1 to 2^40 bytes.
        BadLength,
        /// A price is 0 or at least [`Config::MinPrice`].
        PriceTooLow,
        /// The time to reveal is out of bounds: see the pallet's constants.
        BadRevealWindow,
        /// The time to complain is out of bounds, which depend on the goods' length: see the
        /// pallet's constants.
        BadDisputeWindow,
        /// A sample has at most all groups.
        TooManySamples,
        /// The listing is closed for good.
        ListingClosed,
        /// The listing is not in the status that allows this. See its `status`.
        UnexpectedState,
        /// Orders of this listing have not ended. Poke or wait.
        HasOrders,
        /// Accounts are allowed or invited. Take that back first.
        HasEntries,
        /// The seal was proven bad. Publish a new one.
        SealIsBad,
        /// Two seals can be ordered, and the older one still for a while. Wait, or buyers who are
        /// fetching it are cheated.
        SealTooSoon,
        /// The listing is paused or closed.
        NotOpen,
        /// Governance stopped new orders of this listing.
        Frozen,
        /// It is free: fetch it, there is nothing to order.
        IsFree,
        /// The seller has not published a ciphertext yet.
        NoSeal,
        /// This is neither the listing's newest seal nor the one before within its time. Fetch
        /// again.
        NotOffered,
        /// A seller can't buy from himself.
        IsSeller,
        /// Only accounts the seller allowed may order.
        NotAllowed,
        /// The account has an order or a right here already.
        AlreadyBought,
        /// The seller's free bond does not cover another order.
        SellerAtCapacity,
        /// The price is above `max_price`.
        PriceTooHigh,
        /// There is no order of this number, or it has ended.
        NoSuchOrder,
        /// The time for this is over.
        TooLate,
        /// Nothing is due. See the order's `state`.
        TooEarly,
        /// `b` is not the secret of this order's key.
        NotThisOrdersKey,
        /// The evidence shows nothing that is wrong: the key is right, and the group decrypts to
        /// what was named.
        NotProven,
        /// Index, length of the group or of a path is not what the goods' length asks for.
        MalformedEvidence,
        /// The group is not one of the ciphertext that was sold.
        NotOfCiphertext,
        /// The chaining value is not one of the goods that were named.
        NotOfGoods,
        /// Shares have units, 1 to 8 different accounts, at most 4 different pools, and
        /// 10,000 units in all.
        BadShares,
        /// Other pools get at most 3,000 units together.
        TooManyUnitsToPools,
        /// There is no such pool, or it has ended.
        NoSuchPool,
        /// The parent's seller asks for more units or an invitation; a campaign's pool is its
        /// requester's to name.
        NoConsent,
        /// The campaign is not settled, does not share revenue, or its records are gone.
        CampaignNotSettled,
        /// The pool still takes holders. Claim when that is over.
        PoolNotOpen,
        /// The time to enrol is over.
        EnrolmentClosed,
        /// The account has no paid answers in this campaign.
        NothingToEnrol,
        /// The account is enrolled already.
        AlreadyEnrolled,
        /// This is no holder of the pool.
        NoSuchHolder,
        /// There is nothing to claim yet.
        NothingToClaim,
        /// The account can't take so little. It needs the existential deposit first.
        CannotBePaid,
        /// The account has bought nothing here, or has forgotten it.
        NoSuchRight,
        /// The order has not ended.
        OrderIsOpen,
        /// A purchase is rated once.
        AlreadyRated,
        /// The time to rate is over.
        RatingTooLate,
        /// Stars are 1 to 5.
        BadStars,
        /// Only the buyer may do this.
        NotBuyer,
        /// Amounts or numbers are larger than there can be.
        Overflow,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_n: BlockNumberFor<T>) -> Weight {
            Self::begin_block()
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }

        fn integrity_test() {
            assert!(T::MinPrice::get() > 0, "a price of 0 is no price");
            assert!(
                T::MinRevealWindow::get() > 0
                    && T::MinRevealWindow::get() <= T::DefaultRevealWindow::get()
                    && T::DefaultRevealWindow::get() <= T::MaxRevealWindow::get(),
                "windows to reveal must be ordered"
            );
            assert!(
                T::MinDisputeWindow::get() > 0
                    && T::MinDisputeWindow::get() <= T::DefaultDisputeWindow::get(),
                "windows to complain must be ordered"
            );
            assert!(
                Self::least_dispute_window(athanor_content_tree::MAX_CONTENT)
                    <= T::MaxDisputeWindow::get(),
                "the longest goods must be listable"
            );
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Become a seller, or change endpoint and agent.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed.
        ///
        /// ## Details
        ///
        /// A deposit by the endpoint's length is held until `deregister`.
        ///
        /// ## Parameters
        ///
        /// - `endpoint`: URL where content is served; may be empty.
        /// - `agent`: account that may `reveal` in the seller's name, and nothing else.
        ///
        /// ## Events
        ///
        /// [`Event::SellerRegistered`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            endpoint: Endpoint,
            agent: Option<T::AccountId>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register(who, endpoint, agent)
        }

        /// Add to the seller's bond. Each open order locks a part of it.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a seller.
        ///
        /// ## Parameters
        ///
        /// - `amount`: more than 0.
        ///
        /// ## Events
        ///
        /// [`Event::BondAdded`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::bond())]
        pub fn bond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond(who, amount)
        }

        /// Take from the seller's bond what no order locks.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a seller.
        ///
        /// ## Parameters
        ///
        /// - `amount`: more than 0, at most what is free.
        ///
        /// ## Events
        ///
        /// [`Event::BondReturned`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who, amount)
        }

        /// Stop being a seller. Bond and deposit return.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a seller without listings and without faults: faults cannot be bought off.
        ///
        /// ## Events
        ///
        /// [`Event::SellerLeft`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::deregister())]
        pub fn deregister(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_deregister(who)
        }

        /// List goods.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a seller.
        ///
        /// ## Details
        ///
        /// [`Config::ListingFee`] goes to the treasury, and a deposit for the listing, its pool and
        /// the pool's holders is held. Orders need a seal first. Samples are drawn from the blocks
        /// after this one.
        ///
        /// ## Parameters
        ///
        /// - `terms`: all but the price never changes. See [`ListingTerms`].
        ///
        /// ## Events
        ///
        /// [`Event::Listed`].
        #[pallet::call_index(4)]
        #[pallet::weight(Pallet::<T>::weight_of_list(&terms.shares))]
        pub fn list(origin: OriginFor<T>, terms: ListingTerms<T::AccountId>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_list(who, terms).map(drop)
        }

        /// Name a published ciphertext and commit to its key.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Details
        ///
        /// The seal before it can be ordered for [`Config::OldSealFor`] longer; while a third
        /// would cut that short, it is refused. Whoever seals must have decrypted and checked the
        /// whole ciphertext: a flipped bit costs as much as a lie.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which, not closed.
        /// - `nonce`: random.
        /// - `z_root`: root of the ciphertext.
        /// - `h_k`: the commitment to the key.
        ///
        /// ## Events
        ///
        /// [`Event::Sealed`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::seal())]
        pub fn seal(
            origin: OriginFor<T>,
            listing: ListingId,
            nonce: [u8; 16],
            z_root: Root,
            h_k: [u8; 32],
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_seal(who, listing, nonce, z_root, h_k)
        }

        /// Change a listing's price. Orders keep theirs.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which, not closed.
        /// - `price`: 0, which is free, or at least [`Config::MinPrice`].
        ///
        /// ## Events
        ///
        /// [`Event::PriceSet`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::set_price())]
        pub fn set_price(
            origin: OriginFor<T>,
            listing: ListingId,
            price: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_price(who, listing, price)
        }

        /// Take no orders for a while.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which, open.
        ///
        /// ## Events
        ///
        /// [`Event::Paused`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::pause())]
        pub fn pause(origin: OriginFor<T>, listing: ListingId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_pause(who, listing)
        }

        /// Take orders again, after a pause of one's own or a fault.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which, paused, its newest seal not proven bad.
        ///
        /// ## Events
        ///
        /// [`Event::Resumed`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::resume())]
        pub fn resume(origin: OriginFor<T>, listing: ListingId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_resume(who, listing)
        }

        /// Take no orders ever again. Open orders go on.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        ///
        /// ## Events
        ///
        /// [`Event::Closed`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::close())]
        pub fn close(origin: OriginFor<T>, listing: ListingId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_close(who, listing)
        }

        /// Remove a listing's record; its deposit returns. Its pool ends when nothing is left in
        /// it. Rights stay.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which, closed, without open orders, allowed or invited accounts.
        ///
        /// ## Events
        ///
        /// [`Event::Removed`], [`Event::PoolEnded`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::remove())]
        pub fn remove(origin: OriginFor<T>, listing: ListingId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove(who, listing)
        }

        /// Let an account order from a restricted listing, or no longer.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `account`: who.
        /// - `allowed`: which of the two. A deposit is held as long.
        ///
        /// ## Events
        ///
        /// [`Event::AccountAllowed`].
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::allow())]
        pub fn allow(
            origin: OriginFor<T>,
            listing: ListingId,
            account: T::AccountId,
            allowed: bool,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_allow(who, listing, account, allowed)
        }

        /// Let a seller name this listing as a parent with however few units, or no longer.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the listing's seller.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `seller`: who.
        /// - `invited`: which of the two. A deposit is held as long.
        ///
        /// ## Events
        ///
        /// [`Event::Invited`].
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::invite())]
        pub fn invite(
            origin: OriginFor<T>,
            listing: ListingId,
            seller: T::AccountId,
            invited: bool,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_invite(who, listing, seller, invited)
        }

        /// Buy. Fetch and check the ciphertext, and the outboard of the goods, before.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody but the seller; by allowed accounts if the listing is restricted.
        ///
        /// ## Details
        ///
        /// The price and a deposit for the record are held; a part of the seller's bond is locked.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `seal_id`: the ciphertext that was fetched.
        /// - `max_price`: most that is paid.
        /// - `buyer_key`: X25519 public key, fresh for this order. Whoever can't show its secret
        ///   can't complain.
        /// - `watch`: account that is rewarded if it complains in the buyer's stead.
        ///
        /// ## Events
        ///
        /// [`Event::Ordered`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::order())]
        pub fn order(
            origin: OriginFor<T>,
            listing: ListingId,
            seal_id: SealId,
            max_price: Balance,
            buyer_key: [u8; 32],
            watch: Option<T::AccountId>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_order(who, listing, seal_id, max_price, buyer_key, watch).map(drop)
        }

        /// Reveal keys, each wrapped for its order.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the orders' seller, or by his agent.
        ///
        /// ## Details
        ///
        /// Each item stands alone: one that cannot be taken is skipped with an event.
        ///
        /// ## Parameters
        ///
        /// - `items`: order, public key and masked key.
        ///
        /// ## Events
        ///
        /// [`Event::Revealed`] or [`Event::RevealSkipped`] for each.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::reveal(items.len() as u32))]
        pub fn reveal(origin: OriginFor<T>, items: Reveals) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reveal(who, items);
            Ok(())
        }

        /// Prove that the key or a group is wrong. It publishes the secret and so the key.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by whoever has the order's secret; free if it is proven.
        ///
        /// ## Details
        ///
        /// The order is refunded with half its bond on top, the seal is bad for ever and the
        /// listing is paused.
        ///
        /// ## Parameters
        ///
        /// - `order`: which, revealed, within its window.
        /// - `evidence`: the secret, and a group with its paths in both trees unless the key alone
        ///   is wrong.
        ///
        /// ## Events
        ///
        /// [`Event::SealProvenBad`], [`Event::Refunded`], [`Event::Paused`].
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::complain())]
        pub fn complain(
            origin: OriginFor<T>,
            order: OrderId,
            evidence: Evidence,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Self::do_complain(who, order, &evidence)?;
            Ok(PostDispatchInfo {
                actual_weight: None,
                pays_fee: Pays::No,
            })
        }

        /// End an order whose time is over, or whose seal was proven bad.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Parameters
        ///
        /// - `order`: which.
        ///
        /// ## Events
        ///
        /// [`Event::Settled`] and [`Event::Claimed`], or [`Event::Refunded`].
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::poke())]
        pub fn poke(origin: OriginFor<T>, order: OrderId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_poke(order)
        }

        /// Rate a purchase.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a buyer, once, within [`Config::RateFor`].
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `stars`: 1 to 5; they weigh as much as the fee of the sale.
        ///
        /// ## Events
        ///
        /// [`Event::Rated`].
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::rate())]
        pub fn rate(origin: OriginFor<T>, listing: ListingId, stars: u8) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_rate(who, listing, stars)
        }

        /// Remove the record of a purchase; its deposit returns. Without it the goods can't be
        /// decrypted again from the chain.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by the buyer.
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `buyer`: the sender himself.
        ///
        /// ## Events
        ///
        /// [`Event::RightForgotten`].
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::forget_right())]
        pub fn forget_right(
            origin: OriginFor<T>,
            listing: ListingId,
            buyer: T::AccountId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_forget_right(who, listing, buyer)
        }

        /// Become a holder of a campaign's pool, with a unit for each paid answer.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by a contributor, within [`Config::EnrolFor`] of the campaign's settlement.
        ///
        /// ## Parameters
        ///
        /// - `campaign`: settled, created with a share of revenue.
        ///
        /// ## Events
        ///
        /// [`Event::Enrolled`].
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::enrol())]
        pub fn enrol(origin: OriginFor<T>, campaign: CampaignId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_enrol(who, campaign)
        }

        /// Pay a holder of a pool what is his. A pool's part moves up one pool.
        ///
        /// ## Dispatch Origin
        ///
        /// Signed by anybody.
        ///
        /// ## Parameters
        ///
        /// - `pool`: which.
        /// - `beneficiary`: who is paid.
        ///
        /// ## Events
        ///
        /// [`Event::Claimed`], [`Event::PoolEnded`].
        #[pallet::call_index(20)]
        // Beside what is measured: whether the accounts of a listing's pool that was given up can be
        // paid.
        #[pallet::weight(
            T::WeightInfo::claim().saturating_add(T::DbWeight::get().reads(MAX_ACCOUNTS.into()))
        )]
        pub fn claim(
            origin: OriginFor<T>,
            pool: PoolId,
            beneficiary: Beneficiary<T::AccountId>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_claim(pool, beneficiary)
        }

        /// Stop new orders of a listing, and nothing else; no origin can move an order's money.
        ///
        /// ## Dispatch Origin
        ///
        /// [`Config::FreezeOrigin`].
        ///
        /// ## Parameters
        ///
        /// - `listing`: which.
        /// - `code`: why; 0 lets orders go on.
        ///
        /// ## Events
        ///
        /// [`Event::Frozen`].
        #[pallet::call_index(21)]
        #[pallet::weight(T::WeightInfo::freeze())]
        pub fn freeze(origin: OriginFor<T>, listing: ListingId, code: u16) -> DispatchResult {
            T::FreezeOrigin::ensure_origin(origin)?;
            Self::do_freeze(listing, code)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// Market time, and the number of the block it was read in.
        pub fn clock() -> (Time, u32) {
            (Self::now(), Self::block())
        }

        /// Listings by number from behind `after`, at most `limit` and as many as one answer shows.
        pub fn listings(after: Option<ListingId>, limit: u32) -> Vec<ListingView<T::AccountId>> {
            Self::view_listings(after, limit)
        }

        /// A listing that is not removed.
        pub fn listing(listing: ListingId) -> Option<ListingView<T::AccountId>> {
            Self::view_listing(listing)
        }

        /// An order that has not ended.
        pub fn order_of(order: OrderId) -> Option<OrderView<T::AccountId>> {
            Self::view_order(order)
        }

        /// A seller's orders by number from behind `after`, at most `limit` and as many as one
        /// answer shows.
        pub fn open_orders(
            seller: T::AccountId,
            after: Option<OrderId>,
            limit: u32,
        ) -> Vec<OrderView<T::AccountId>> {
            Self::view_open_orders(seller, after, limit)
        }

        /// What an account has of a listing.
        pub fn right(listing: ListingId, buyer: T::AccountId) -> Option<Right> {
            Rights::<T>::get(listing, buyer)
        }

        /// What an order would cost now, `buyer`'s or anybody's, and why it would be refused.
        pub fn quote(listing: ListingId, buyer: Option<T::AccountId>) -> Option<Quote> {
            Self::view_quote(listing, buyer)
        }

        /// What a claim would pay now.
        pub fn claimable(pool: PoolId, beneficiary: Beneficiary<T::AccountId>) -> Balance {
            Self::view_claimable(pool, beneficiary)
        }

        /// A pool that has not ended.
        pub fn pool(pool: PoolId) -> Option<PoolView<T::AccountId>> {
            Self::view_pool(pool)
        }

        /// A seller.
        pub fn seller(seller: T::AccountId) -> Option<SellerView<T::AccountId>> {
            Self::view_seller(seller)
        }
    }
}
