//! Orders: from the buyer's money to the key, the complaint, and one of four ends.

use crate::{
    Allowed, BadSeals, Balance, Config, Error, Event, HoldReason, Listing, Listings, NextOrderId,
    OpenOrders, Order, Orders, Pallet, Rights, Seller, Sellers,
};
use athanor_content_tree::market::{self as judge, Evidence, JudgeError, Sale, Wrapped};
use athanor_held_money::HeldMoney;
use athanor_primitives::market::{
    Fault, Granted, ListingId, ListingStatus, OrderId, OrderProblem, OrderState, PoolId,
    RefundReason, Reveal, Reveals, Right, SealId, SkipReason,
};
use frame_support::{defensive, ensure, traits::Get};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// Why `buyer` could not order, or nobody could, whatever the seal.
    fn may_order(
        id: ListingId,
        listing: &Listing<T::AccountId>,
        buyer: Option<&T::AccountId>,
    ) -> Result<(), OrderProblem> {
        let is = |holds: bool, problem| if holds { Ok(()) } else { Err(problem) };
        is(listing.status == ListingStatus::Open, OrderProblem::NotOpen)?;
        is(listing.frozen.is_none(), OrderProblem::Frozen)?;
        is(listing.price > 0, OrderProblem::IsFree)?;
        if let Some(buyer) = buyer {
            is(*buyer != listing.seller, OrderProblem::IsSeller)?;
            is(
                !listing.restricted || Allowed::<T>::contains_key(id, buyer),
                OrderProblem::NotAllowed,
            )?;
            is(
                !Rights::<T>::contains_key(id, buyer),
                OrderProblem::AlreadyBought,
            )?;
        }
        let free = Sellers::<T>::get(&listing.seller).map_or(0, |seller| seller.free());
        is(
            free >= Self::order_bond(listing.price),
            OrderProblem::SellerAtCapacity,
        )?;
        is(!listing.seals.is_empty(), OrderProblem::NoSeal)
    }

    /// Why an order of the newest seal would be refused: `buyer`'s, or anybody's.
    pub(crate) fn order_problem(
        id: ListingId,
        listing: &Listing<T::AccountId>,
        buyer: Option<&T::AccountId>,
    ) -> Result<(), OrderProblem> {
        Self::may_order(id, listing, buyer)?;
        if Self::newest_is_bad(listing) {
            return Err(OrderProblem::SealIsBad);
        }
        Ok(())
    }

    /// Changes a seller's record, which outlives all that refers to it.
    pub(crate) fn change_seller(
        who: &T::AccountId,
        change: impl FnOnce(&mut Seller<T::AccountId>),
    ) {
        Sellers::<T>::mutate(who, |seller| match seller {
            Some(seller) => change(seller),
            None => {
                defensive!("a seller is missing");
            }
        });
    }

    fn open_order(id: OrderId) -> Result<Order<T::AccountId>, DispatchError> {
        Orders::<T>::get(id).ok_or_else(|| Error::<T>::NoSuchOrder.into())
    }

    pub(crate) fn do_order(
        who: T::AccountId,
        id: ListingId,
        seal_id: SealId,
        max_price: Balance,
        buyer_key: [u8; 32],
        watch: Option<T::AccountId>,
    ) -> Result<OrderId, DispatchError> {
        let mut listing = Listings::<T>::get(id).ok_or(Error::<T>::NoSuchListing)?;
        Self::may_order(id, &listing, Some(&who)).map_err(Error::<T>::from)?;
        let now = Self::now();
        let seal = listing
            .offered(&seal_id, now, T::OldSealFor::get())
            .ok_or(Error::<T>::NotOffered)?;
        ensure!(!BadSeals::<T>::contains_key(seal_id), Error::<T>::SealIsBad);
        let price = listing.price;
        ensure!(price <= max_price, Error::<T>::PriceTooHigh);

        let number = NextOrderId::<T>::get();
        NextOrderId::<T>::put(number.checked_add(1).ok_or(Error::<T>::Overflow)?);
        let bond = Self::order_bond(price);
        let mut seller = Self::seller_of(&listing.seller)?;
        seller.locked = seller
            .locked
            .checked_add(bond)
            .ok_or(Error::<T>::Overflow)?;
        listing.open_orders = listing
            .open_orders
            .checked_add(1)
            .ok_or(Error::<T>::Overflow)?;
        let deposit = Self::right_deposit();
        Self::hold(HoldReason::OrderPrice, &who, price)?;
        Self::hold(HoldReason::Deposit, &who, deposit)?;

        let order = Order {
            listing: id,
            seller: listing.seller.clone(),
            buyer: who.clone(),
            watch,
            x_root: listing.x_root,
            length: listing.length,
            seal,
            price,
            fee: Self::fee_of(price),
            bond,
            deposit,
            dispute_window: listing.dispute_window,
            buyer_key,
            placed_at: Self::block(),
            state: OrderState::Locked {
                until: now
                    .checked_add(listing.reveal_window)
                    .ok_or(Error::<T>::Overflow)?,
            },
        };
        Orders::<T>::insert(number, order);
        OpenOrders::<T>::insert(&listing.seller, number, ());
        Rights::<T>::insert(id, &who, Right::Pending(number));
        Sellers::<T>::insert(&listing.seller, seller);
        Listings::<T>::insert(id, listing);
        Self::deposit_event(Event::Ordered {
            order: number,
            listing: id,
            buyer: who,
        });
        Ok(number)
    }

    /// Stores the keys that can be. Gives how many were.
    pub(crate) fn do_reveal(who: T::AccountId, items: Reveals) -> u32 {
        let mut revealed: u32 = 0;
        for item in items {
            let order = item.order;
            match Self::reveal_one(&who, item) {
                Ok(()) => {
                    revealed = revealed.saturating_add(1);
                    Self::deposit_event(Event::Revealed { order });
                }
                Err(reason) => Self::deposit_event(Event::RevealSkipped { order, reason }),
            }
        }
        revealed
    }

    fn reveal_one(who: &T::AccountId, item: Reveal) -> Result<(), SkipReason> {
        let mut order = Orders::<T>::get(item.order).ok_or(SkipReason::NoSuchOrder)?;
        let may = order.seller == *who
            || Sellers::<T>::get(&order.seller)
                .is_some_and(|seller| seller.agent.as_ref() == Some(who));
        if !may {
            return Err(SkipReason::NotSeller);
        }
        let OrderState::Locked { until } = order.state else {
            return Err(SkipReason::AlreadyRevealed);
        };
        let now = Self::now();
        if now > until {
            return Err(SkipReason::TooLate);
        }
        if BadSeals::<T>::contains_key(order.seal.seal_id) {
            return Err(SkipReason::SealIsBad);
        }
        order.state = OrderState::Revealed {
            // Market time ends 400 years from genesis.
            until: now.saturating_add(order.dispute_window),
            seller_key: item.seller_key,
            wrapped: item.wrapped,
        };
        Orders::<T>::insert(item.order, order);
        Ok(())
    }

    pub(crate) fn do_complain(
        who: T::AccountId,
        id: OrderId,
        evidence: &Evidence,
    ) -> DispatchResult {
        let order = Self::open_order(id)?;
        let OrderState::Revealed {
            until,
            seller_key,
            wrapped,
        } = order.state
        else {
            return Err(Error::<T>::UnexpectedState.into());
        };
        ensure!(Self::now() <= until, Error::<T>::TooLate);
        let sale = Sale {
            context: Self::context(
                &order.seller,
                &order.x_root,
                order.length,
                &order.seal.nonce,
            ),
            order: id,
            len: order.length,
            x_root: order.x_root,
            z_root: order.seal.z_root,
            commitment: order.seal.h_k,
            buyer: order.buyer_key,
            wrapped: Wrapped {
                public: seller_key,
                key: wrapped,
            },
        };
        let fault = match sale.judge(evidence).map_err(Error::<T>::from)? {
            judge::Fault::BadKey => Fault::BadKey,
            judge::Fault::BadGroup => Fault::BadGroup,
        };
        let seal_id = order.seal.seal_id;
        if !BadSeals::<T>::contains_key(seal_id) {
            BadSeals::<T>::insert(seal_id, ());
            Self::deposit_event(Event::SealProvenBad { seal_id });
        }
        let watch = order.watch.as_ref() == Some(&who);
        Self::refund(id, order, RefundReason::Proven, Some(fault), watch);
        Ok(())
    }

    pub(crate) fn do_poke(id: OrderId) -> DispatchResult {
        let order = Self::open_order(id)?;
        let now = Self::now();
        if BadSeals::<T>::contains_key(order.seal.seal_id) {
            Self::refund(id, order, RefundReason::SealProvenBad, None, false);
            return Ok(());
        }
        match order.state {
            OrderState::Locked { until } => {
                ensure!(now > until, Error::<T>::TooEarly);
                let fault = Some(Fault::NotRevealed);
                Self::refund(id, order, RefundReason::NotRevealed, fault, false);
                Ok(())
            }
            OrderState::Revealed {
                until,
                seller_key,
                wrapped,
            } => {
                ensure!(now > until, Error::<T>::TooEarly);
                Self::settle(id, order, seller_key, wrapped)
            }
        }
    }

    /// Removes an order and what counts it. The bond is no longer locked, less `lost` of it, which
    /// the caller moves.
    fn end(
        id: OrderId,
        order: &Order<T::AccountId>,
        lost: Balance,
        count: impl FnOnce(&mut Listing<T::AccountId>, &mut Seller<T::AccountId>),
    ) {
        Orders::<T>::remove(id);
        OpenOrders::<T>::remove(&order.seller, id);
        Listings::<T>::mutate(order.listing, |listing| match listing {
            Some(listing) => {
                listing.open_orders = listing.open_orders.saturating_sub(1);
                Self::change_seller(&order.seller, |seller| {
                    // Both are sums that this order's bond is part of.
                    seller.locked = seller.locked.saturating_sub(order.bond);
                    seller.bonded = seller.bonded.saturating_sub(lost);
                    count(listing, seller);
                });
            }
            None => {
                defensive!("an order outlived its listing");
            }
        });
    }

    /// The sale stands.
    fn settle(
        id: OrderId,
        order: Order<T::AccountId>,
        seller_key: [u8; 32],
        wrapped: [u8; 32],
    ) -> DispatchResult {
        let net = order
            .price
            .checked_sub(order.fee)
            .ok_or(Error::<T>::Overflow)?;
        Self::end(id, &order, 0, |listing, seller| {
            // Counters, for people to read.
            if listing.settled == 0 && listing.status == ListingStatus::Closed {
                seller.unsold = seller.unsold.saturating_sub(1);
            }
            listing.settled = listing.settled.saturating_add(1);
            seller.settled = seller.settled.saturating_add(1);
        });
        let context = Self::context(
            &order.seller,
            &order.x_root,
            order.length,
            &order.seal.nonce,
        );
        Rights::<T>::insert(
            order.listing,
            &order.buyer,
            Right::Granted(Granted {
                order: id,
                at: Self::now(),
                fee: order.fee,
                deposit: order.deposit,
                context: *context.as_bytes(),
                seller_key,
                wrapped,
                rated: false,
            }),
        );
        Self::to_treasury(HoldReason::OrderPrice, &order.buyer, order.fee);
        if Self::move_held(HoldReason::OrderPrice, &order.buyer, &Self::pot(), net) {
            Self::credit_pool(PoolId::Listing(order.listing), net)?;
        }
        Self::deposit_event(Event::Settled {
            order: id,
            paid: order.price,
            fee: order.fee,
        });
        Self::claim_for_seller(order.listing, &order.seller);
        Ok(())
    }

    /// The buyer has his money back, and a part of the seller's bond.
    fn refund(
        id: OrderId,
        order: Order<T::AccountId>,
        reason: RefundReason,
        fault: Option<Fault>,
        by_watch: bool,
    ) {
        let half = order.bond / 2;
        let (lost, reward) = match reason {
            RefundReason::NotRevealed => (half, half.min(order.price / 100)),
            RefundReason::Proven | RefundReason::SealProvenBad => (order.bond, half),
        };
        let watch = order.watch.as_ref().filter(|_| by_watch);
        let watch_gets = watch
            .map(|_| order.bond / 10)
            .filter(|part| watch.is_some_and(|watch| Self::can_take(watch, *part)))
            .unwrap_or(0)
            .min(reward);
        let buyer_gets = reward.saturating_sub(watch_gets);
        let treasury_gets = lost.saturating_sub(reward);

        Self::end(id, &order, lost, |listing, seller| {
            // Counters, for people to read.
            if reason == RefundReason::NotRevealed {
                listing.missed = listing.missed.saturating_add(1);
                seller.missed = seller.missed.saturating_add(1);
            } else {
                listing.proven = listing.proven.saturating_add(1);
                seller.proven = seller.proven.saturating_add(1);
            }
            if let Some(fault) = fault {
                Self::pause_for(order.listing, listing, fault);
            }
        });
        Rights::<T>::remove(order.listing, &order.buyer);
        Self::give_back(HoldReason::OrderPrice, &order.buyer, order.price);
        Self::give_back(HoldReason::Deposit, &order.buyer, order.deposit);
        let bond = HoldReason::SellerBond;
        Self::move_held(bond, &order.seller, &order.buyer, buyer_gets);
        if let Some(watch) = watch {
            Self::move_held(bond, &order.seller, watch, watch_gets);
        }
        Self::to_treasury(bond, &order.seller, treasury_gets);
        Self::deposit_event(Event::Refunded {
            order: id,
            reason,
            buyer_gets,
            watch_gets,
            seller_loses: lost,
        });
    }
}

impl<T> From<OrderProblem> for Error<T> {
    fn from(problem: OrderProblem) -> Self {
        match problem {
            OrderProblem::NotOpen => Self::NotOpen,
            OrderProblem::Frozen => Self::Frozen,
            OrderProblem::IsFree => Self::IsFree,
            OrderProblem::NoSeal => Self::NoSeal,
            OrderProblem::SealIsBad => Self::SealIsBad,
            OrderProblem::IsSeller => Self::IsSeller,
            OrderProblem::NotAllowed => Self::NotAllowed,
            OrderProblem::AlreadyBought => Self::AlreadyBought,
            OrderProblem::SellerAtCapacity => Self::SellerAtCapacity,
        }
    }
}

impl<T> From<JudgeError> for Error<T> {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::NotThisOrdersKey => Self::NotThisOrdersKey,
            JudgeError::NotProven => Self::NotProven,
            JudgeError::NotOfCiphertext => Self::NotOfCiphertext,
            JudgeError::NotOfGoods => Self::NotOfGoods,
            // `Malformed`, and whatever a later judge refuses.
            _ => Self::MalformedEvidence,
        }
    }
}
