//! The attacks of the design's table that concern the chain, each by its name. What is garbled,
//! wrapped badly or has no data behind it is in `evidence`; sums over many people in `revenue`.

use super::goods::*;
use crate::{mock::*, *};
use athanor_content_tree::{
    market::{public_key, Context, Evidence, Secret, Wrapped},
    GROUP,
};
use athanor_primitives::market::{
    Beneficiary, Fault, ListingStatus, ListingTerms, OrderState, PoolId, RefundReason, Reveal,
    Right, SkipReason, LISTING_UNITS,
};
use codec::{Decode, Encode};
use frame_support::{assert_noop, assert_ok, traits::Hooks};

type E = Error<Test>;

const PRICE: Balance = 10 * AUR + 7;
const BOND: Balance = PRICE / 10;
const LISTING_FEE: Balance = AUR / 2;

fn total(name: &str) -> Balance {
    all_money(&account(name))
}

fn locked(who: &AccountId) -> Balance {
    Sellers::<Test>::get(who).unwrap().locked
}

// Seller never reveals, or waits for the price to move.

#[test]
fn seller_never_reveals() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (buyer, who, chest) = (total("buyer"), total("seller"), all_money(&treasury()));
        let bought = sale.order("buyer");
        pass(REVEAL);
        assert_noop!(
            DataMarket::poke(signed(&account("buyer")), bought.id),
            E::TooEarly
        );
        pass(1);
        poke(&bought);
        assert_eq!(total("buyer"), buyer + PRICE / 100);
        assert_eq!(total("seller"), who - BOND / 2);
        assert_eq!(all_money(&treasury()), chest + BOND / 2 - PRICE / 100);
        let fault = Some(Fault::NotRevealed);
        assert_eq!(sale.record().status, ListingStatus::Paused { fault });
        assert_eq!(Sellers::<Test>::get(&sale.seller).unwrap().missed, 1);
        assert_eq!(
            sale.try_order(&account("other"), None).map(|_| ()),
            Err(E::NotOpen.into())
        );
        // He goes on by his own hand only.
        assert_ok!(DataMarket::resume(signed(&sale.seller), sale.id));
        sale.sell("other");
    });
}

#[test]
fn seller_waits_for_the_price_to_move() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        // The price has doubled since. What he sells at is that of the order.
        assert_ok!(DataMarket::set_price(
            signed(&sale.seller),
            sale.id,
            2 * PRICE
        ));
        let who = total("seller");
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        assert_eq!(total("seller"), who + PRICE - PRICE / 50);
        // Not to sell costs a twentieth of the price.
        let second = sale.order("other");
        let who = total("seller");
        pass(REVEAL + 1);
        poke(&second);
        assert_eq!(total("seller"), who - 2 * PRICE / 20);
    });
}

#[test]
fn nothing_the_seller_does_to_a_listing_touches_an_order() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        let before = Orders::<Test>::get(bought.id).unwrap();
        let seller = || signed(&sale.seller);
        assert_ok!(DataMarket::set_price(seller(), sale.id, 7 * AUR));
        let again = sale.goods.sealed_again(77);
        assert_ok!(DataMarket::seal(
            seller(),
            sale.id,
            again.nonce,
            again.z_root,
            again.h_k()
        ));
        assert_ok!(DataMarket::pause(seller(), sale.id));
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 451));
        assert_ok!(DataMarket::close(seller(), sale.id));
        assert_noop!(DataMarket::remove(seller(), sale.id), E::HasOrders);
        assert_eq!(Orders::<Test>::get(bought.id), Some(before));
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        assert!(matches!(
            Rights::<Test>::get(sale.id, &bought.buyer),
            Some(Right::Granted(_))
        ));
    });
}

// Outsider or validator reads the chain.

#[test]
fn outsider_or_validator_reads_the_chain() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        let order = Orders::<Test>::get(bought.id).unwrap();
        let OrderState::Revealed {
            seller_key,
            wrapped,
            ..
        } = order.state
        else {
            panic!("not revealed");
        };
        let context = sale.goods.context;
        let opens = |key: &Secret| context.commit(key) == order.seal.h_k;
        // All 32-byte values there are, as keys and as secrets to unwrap with.
        let stored = order.encode();
        let on_chain = Wrapped {
            public: seller_key,
            key: wrapped,
        };
        for window in stored.windows(32) {
            let secret = Secret::new(window.try_into().unwrap());
            assert!(!opens(&secret));
            assert!(!opens(&context.unwrap(&on_chain, bought.id, &secret)));
        }
        // Another buyer of the same seal has the key, and no way to it from this order.
        let other = sale.order("other");
        assert!(!opens(&context.unwrap(&on_chain, bought.id, &other.b)));
        assert!(opens(&sale.unwrap(&bought)));
    });
}

#[test]
fn a_new_seal_has_another_key() {
    build_and_execute(|| {
        let mut sale = Sale::honest("seller", PRICE);
        let old = sale.goods.clone();
        sale.goods = old.sealed_again(9);
        sale.seal();
        assert_ne!(sale.goods.key, old.key);
        assert_ne!(sale.goods.z, old.z);
        // A key that leaked from the old seal opens nothing of the new one.
        assert_ne!(sale.goods.open(&old.key), old.open(&old.key));
        assert_eq!(sale.goods.open(&sale.goods.key), old.open(&old.key));
        sale.sell("buyer");
    });
}

// Reading the set out by samples, grinding the draw.

#[test]
fn reading_the_set_out_by_samples() {
    build_and_execute(|| {
        let mut sale = Sale::honest("seller", PRICE);
        let listed_at = sale.record().listed_at;
        assert_eq!(u64::from(listed_at), u64::from(System::block_number()));
        // The draw follows from this block and the goods: nothing makes another.
        for i in 0..5 {
            sale.sell(&format!("buyer{i}"));
            sale.goods = sale.goods.sealed_again(50 + i);
            sale.seal();
            assert_ok!(DataMarket::pause(signed(&sale.seller), sale.id));
            assert_ok!(DataMarket::resume(signed(&sale.seller), sale.id));
            pass(OldSealFor::get());
        }
        assert_eq!(sale.record().listed_at, listed_at);
    });
}

#[test]
fn grinding_the_draw() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        for tries in 1..=20 {
            let before = all_money(&who);
            let chest = all_money(&treasury());
            let id = list(&who, goods.terms(PRICE));
            assert_eq!(all_money(&treasury()), chest + LISTING_FEE);
            assert_ok!(DataMarket::close(signed(&who), id));
            assert_ok!(DataMarket::remove(signed(&who), id));
            assert_eq!(all_money(&who), before - LISTING_FEE);
            // For all to see.
            assert_eq!(DataMarket::seller(who.clone()).unwrap().unsold, tries);
            pass(1);
        }
    });
}

#[test]
fn market_time_does_not_move_the_block_of_the_draw() {
    build_and_execute(|| {
        migrate(5);
        let sale = Sale::honest("seller", PRICE);
        assert_eq!(sale.record().listed_at, System::block_number());
        assert!(DataMarket::now() < sale.record().listed_at);
    });
}

// Listing somebody else's root; copying his seal; squatting.

#[test]
fn listing_somebody_elses_root() {
    build_and_execute(|| {
        let honest = Sale::honest("seller", PRICE);
        // The thief has z and both outboards, not the goods: whatever he publishes as his z does
        // not decrypt to x_root under the key he commits to.
        let thief = seller("thief");
        let fake = Goods::listed_as(
            &thief,
            &honest.goods.z,
            honest.goods.len,
            honest.goods.x_root,
            honest.goods.x_outboard.clone(),
            3,
        );
        let sale = Sale::of(fake, AUR);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        assert_eq!(sale.goods.wrong_group(&sale.goods.key), Some(0));
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            sale.goods.evidence(&bought.b, 0)
        ));
        // It says nothing about the honest seller's.
        assert!(!BadSeals::<Test>::contains_key(honest.goods.seal_id()));
        honest.sell("buyer");
    });
}

#[test]
fn copying_his_seal() {
    build_and_execute(|| {
        let honest = Sale::honest("seller", PRICE);
        let thief = seller("thief");
        // Same goods, same ciphertext, same commitment, same nonce.
        let mut copy = honest.goods.clone();
        copy.seller = thief.clone();
        let id = list(&thief, copy.terms(AUR));
        assert_ok!(DataMarket::seal(
            signed(&thief),
            id,
            copy.nonce,
            copy.z_root,
            honest.goods.h_k()
        ));
        copy.context = Context::new(
            &DataMarket::genesis(),
            &thief.clone().into(),
            &copy.x_root,
            copy.len,
            &copy.nonce,
        );
        let seal_id = Listings::<Test>::get(id).unwrap().seals[0].seal_id;
        assert_ne!(seal_id, honest.goods.seal_id());
        // Even if he buys the key and wraps just that, it is not what he committed to.
        let b = Secret::new([5; 32]);
        let number = NextOrderId::<Test>::get();
        assert_ok!(DataMarket::order(
            signed(&account("buyer")),
            id,
            seal_id,
            AUR,
            public_key(&b),
            None
        ));
        let wrapped = copy.context.wrap(
            &honest.goods.key,
            number,
            &public_key(&b),
            &Secret::new([6; 32]),
        );
        let item = Reveal {
            order: number,
            seller_key: wrapped.public,
            wrapped: wrapped.key,
        };
        assert_ok!(DataMarket::reveal(
            signed(&thief),
            vec![item].try_into().unwrap()
        ));
        let bought = Bought {
            id: number,
            buyer: account("buyer"),
            b,
        };
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            Evidence::of_key(&bought.b)
        ));
        assert!(BadSeals::<Test>::contains_key(seal_id));
        honest.sell("other");
    });
}

#[test]
fn squatting() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        // Somebody saw the root in the pool and lists it first.
        let squatter = seller("squatter");
        list(&squatter, goods.terms(PRICE));
        let sale = Sale::of(goods, PRICE);
        sale.sell("buyer");
        // Together, oldest first, with settled sales: what a client needs to tell.
        let same: Vec<_> = DataMarket::listings(None, 100)
            .into_iter()
            .filter(|listing| listing.x_root == sale.goods.x_root)
            .map(|listing| (listing.seller, listing.settled))
            .collect();
        assert_eq!(same, [(squatter, 0), (who, 1)]);
    });
}

// Switch of price or seal before an order.

#[test]
fn switch_of_price_before_an_order() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        assert_ok!(DataMarket::set_price(
            signed(&sale.seller),
            sale.id,
            PRICE + 1
        ));
        let buyer = account("buyer");
        let order = |max| {
            DataMarket::order(
                signed(&buyer),
                sale.id,
                sale.goods.seal_id(),
                max,
                [1; 32],
                None,
            )
        };
        assert_noop!(order(PRICE), E::PriceTooHigh);
        assert_ok!(order(PRICE + 1));
        assert_eq!(held(HoldReason::OrderPrice, &buyer), PRICE + 1);
    });
}

#[test]
fn switch_of_seal_before_an_order() {
    build_and_execute(|| {
        let mut sale = Sale::honest("seller", PRICE);
        let fetched = sale.goods.clone();
        sale.goods = fetched.sealed_again(5);
        sale.seal();
        account("late");
        let order = |name: &str, goods: &Goods| {
            DataMarket::order(
                signed(&account(name)),
                sale.id,
                goods.seal_id(),
                PRICE,
                [1; 32],
                None,
            )
        };
        // Who has fetched the old one buys the old one, as long as its time lasts.
        pass(OldSealFor::get() - 1);
        assert_ok!(order("buyer", &fetched));
        let bought = Orders::<Test>::get(NextOrderId::<Test>::get() - 1).unwrap();
        assert_eq!(bought.seal.z_root, fetched.z_root);
        assert_ok!(order("other", &sale.goods));
        // A third would cut that time short.
        let third = fetched.sealed_again(6);
        let seal = || {
            DataMarket::seal(
                signed(&sale.seller),
                sale.id,
                third.nonce,
                third.z_root,
                third.h_k(),
            )
        };
        assert_noop!(seal(), E::SealTooSoon);
        pass(1);
        assert_noop!(order("late", &fetched), E::NotOffered);
        assert_ok!(seal());
        assert_noop!(order("late", &fetched), E::NotOffered);
        assert_ok!(order("late", &third));
    });
}

// Key or wrap of another order, replayed or late complaint, malformed, oversized.

#[test]
fn key_or_wrap_of_another_order() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let (first, second) = (sale.order("buyer"), sale.order("other"));
        // The secret of another order proves nothing here, and is told apart before anything else.
        sale.reveal(&first);
        assert_noop!(
            complain(&first.buyer, &first, Evidence::of_key(&second.b)),
            E::NotThisOrdersKey
        );
        // The wrap of another order is a wrong key.
        let mut item = sale.wrapped(&first);
        item.order = second.id;
        sale.reveal_as(item);
        assert_ok!(complain(
            &second.buyer,
            &second,
            Evidence::of_key(&second.b)
        ));
    });
}

#[test]
fn buyers_with_the_same_key_are_told_apart() {
    build_and_execute(|| {
        // A copier orders with B of an order he saw; the wrap is bound to the number.
        let sale = Sale::honest("seller", PRICE);
        let first = sale.order("buyer");
        let id = NextOrderId::<Test>::get();
        assert_ok!(DataMarket::order(
            signed(&account("copier")),
            sale.id,
            sale.goods.seal_id(),
            PRICE,
            public_key(&first.b),
            None
        ));
        let second = Bought {
            id,
            buyer: account("copier"),
            b: first.b.clone(),
        };
        assert_ne!(sale.wrapped(&first).wrapped, sale.wrapped(&second).wrapped);
        sale.reveal(&first);
        sale.reveal(&second);
        for bought in [&first, &second] {
            assert_noop!(
                complain(&bought.buyer, bought, Evidence::of_key(&bought.b)),
                E::NotProven
            );
        }
    });
}

#[test]
fn replayed_complaint() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 3 * GROUP, 1).spoilt(|z| z[0] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let (first, second) = (sale.order("buyer"), sale.order("other"));
        sale.reveal(&first);
        sale.reveal(&second);
        let evidence = sale.goods.evidence(&first.b, 0);
        assert_ok!(complain(&first.buyer, &first, evidence.clone()));
        let (buyer, seller) = (all_money(&first.buyer), all_money(&who));
        assert_noop!(
            complain(&first.buyer, &first, evidence.clone()),
            E::NoSuchOrder
        );
        assert_noop!(
            complain(&first.buyer, &second, evidence),
            E::NotThisOrdersKey
        );
        assert_noop!(
            DataMarket::poke(signed(&first.buyer), first.id),
            E::NoSuchOrder
        );
        assert_eq!((all_money(&first.buyer), all_money(&who)), (buyer, seller));
    });
}

#[test]
fn late_or_early_complaint() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 3 * GROUP, 1).spoilt(|z| z[0] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let bought = sale.order("buyer");
        let evidence = sale.goods.evidence(&bought.b, 0);
        assert_noop!(
            complain(&bought.buyer, &bought, evidence.clone()),
            E::UnexpectedState
        );
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        assert_noop!(
            complain(&bought.buyer, &bought, evidence.clone()),
            E::TooLate
        );
        poke(&bought);
        assert_noop!(complain(&bought.buyer, &bought, evidence), E::NoSuchOrder);
        // The last block of the window still counts, and a poke in it does not.
        assert_ok!(DataMarket::close(signed(&who), sale.id));
        let goods = Goods::new(&who, 3 * GROUP, 2).spoilt(|z| z[0] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        pass(DISPUTE);
        assert_noop!(DataMarket::poke(signed(&who), bought.id), E::TooEarly);
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            sale.goods.evidence(&bought.b, 0)
        ));
    });
}

#[test]
fn malformed_complaint() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 5 * GROUP + 9, 1).spoilt(|z| z[4 * GROUP] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        let refused = |change: &dyn Fn(&mut Evidence), error: E| {
            let mut evidence = sale.goods.evidence(&bought.b, 4);
            change(&mut evidence);
            assert_noop!(complain(&bought.buyer, &bought, evidence), error);
        };
        refused(&|e| e.b[10] ^= 1, E::NotThisOrdersKey);
        refused(&|e| e.group = None, E::NotProven);
        for index in [5, 6, 1 << 26, u64::MAX] {
            refused(&|e| group(e).index = index, E::MalformedEvidence);
        }
        refused(&|e| group(e).z_group.truncate(100), E::MalformedEvidence);
        refused(&|e| group(e).z_group.clear(), E::MalformedEvidence);
        refused(&|e| group(e).z_path.truncate(1), E::MalformedEvidence);
        refused(
            &|e| group(e).x_path.try_push([0; 32]).unwrap(),
            E::MalformedEvidence,
        );
        refused(&|e| group(e).z_group[3] ^= 1, E::NotOfCiphertext);
        refused(&|e| group(e).z_path[0][0] ^= 1, E::NotOfCiphertext);
        // Its path is longer.
        refused(&|e| group(e).index = 3, E::MalformedEvidence);
        refused(&|e| group(e).x_cv[0] ^= 1, E::NotOfGoods);
        refused(&|e| group(e).x_path[1][31] ^= 1, E::NotOfGoods);
        assert_noop!(
            DataMarket::complain(signed(&who), 99, sale.goods.evidence(&bought.b, 4)),
            E::NoSuchOrder
        );
    });
}

#[test]
fn oversized_complaint() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 3 * GROUP, 1);
        let evidence = goods.evidence(&Secret::new([1; 32]), 1);
        let raw = |z_group: Vec<u8>, z_path: Vec<[u8; 32]>| {
            let group = evidence.group.clone().unwrap();
            let x_path = group.x_path.into_inner();
            (
                evidence.b,
                Some((1u64, z_group, z_path, group.x_cv, x_path)),
            )
                .encode()
        };
        let full = raw(vec![0; GROUP], vec![[0; 32]; 26]);
        assert!(Evidence::decode(&mut &full[..]).is_ok());
        for bytes in [
            raw(vec![0; GROUP + 1], vec![[0; 32]; 26]),
            raw(vec![0; GROUP], vec![[0; 32]; 27]),
            raw(vec![0; 1 << 20], vec![]),
        ] {
            assert!(Evidence::decode(&mut &bytes[..]).is_err());
        }
        // More keys than one call takes.
        let item = Reveal {
            order: 0,
            seller_key: [0; 32],
            wrapped: [0; 32],
        };
        assert!(athanor_primitives::market::Reveals::try_from(vec![item; 65]).is_err());
    });
}

// Complaint copied from the pool.

#[test]
fn complaint_copied_from_the_pool() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 3 * GROUP, 1).spoilt(|z| z[0] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let (buyer, copier) = (total("buyer"), total("copier"));
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        assert_ok!(complain(
            &account("copier"),
            &bought,
            sale.goods.evidence(&bought.b, 0)
        ));
        assert_eq!(total("copier"), copier);
        assert_eq!(total("buyer"), buyer + BOND / 2);
    });
}

#[test]
fn complaint_by_the_account_the_buyer_named() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 3 * GROUP, 1).spoilt(|z| z[0] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let names = ["buyer", "watch", "copier", "seller"];
        for by in ["watch", "copier", "buyer"] {
            let before = names.map(total);
            let bought = sale
                .try_order(&account("buyer"), Some(account("watch")))
                .unwrap();
            sale.reveal(&bought);
            let evidence = sale.goods.evidence(&bought.b, 0);
            assert_ok!(complain(&account(by), &bought, evidence));
            let watch = if by == "watch" { BOND / 10 } else { 0 };
            assert_eq!(total("buyer"), before[0] + BOND / 2 - watch);
            assert_eq!(total("watch"), before[1] + watch);
            assert_eq!(total("copier"), before[2]);
            assert_eq!(total("seller"), before[3] - BOND);
            // Again, as if nobody had looked.
            BadSeals::<Test>::remove(sale.goods.seal_id());
            assert_ok!(DataMarket::resume(signed(&who), sale.id));
        }
    });
}

// Re-org under a reveal; late reveal read and refunded.

#[test]
fn late_reveal_read_and_refunded() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        // The last block in which it is taken is the last in which a refund is not.
        pass(REVEAL + 1);
        assert_ok!(DataMarket::reveal(
            signed(&sale.seller),
            vec![sale.wrapped(&bought)].try_into().unwrap()
        ));
        System::assert_last_event(
            Event::RevealSkipped {
                order: bought.id,
                reason: SkipReason::TooLate,
            }
            .into(),
        );
        assert!(matches!(
            Orders::<Test>::get(bought.id).unwrap().state,
            OrderState::Locked { .. }
        ));
        poke(&bought);
        System::assert_has_event(
            Event::Refunded {
                order: bought.id,
                reason: RefundReason::NotRevealed,
                buyer_gets: PRICE / 100,
                watch_gets: 0,
                seller_loses: BOND / 2,
            }
            .into(),
        );
    });
}

#[test]
fn reveal_and_refund_are_never_valid_in_the_same_block() {
    for after in [0, 1, REVEAL - 1, REVEAL, REVEAL + 1, REVEAL + 100] {
        build_and_execute(|| {
            let sale = Sale::honest("seller", PRICE);
            let bought = sale.order("buyer");
            pass(after);
            let refundable = {
                let poke = || DataMarket::poke(signed(&account("poker")), bought.id);
                frame_support::storage::with_transaction(|| {
                    frame_support::storage::TransactionOutcome::Rollback(Ok::<
                        _,
                        sp_runtime::DispatchError,
                    >(
                        poke()
                    ))
                })
                .unwrap()
                .is_ok()
            };
            let item = sale.wrapped(&bought);
            assert_ok!(DataMarket::reveal(
                signed(&sale.seller),
                vec![item].try_into().unwrap()
            ));
            let revealed = matches!(
                Orders::<Test>::get(bought.id).unwrap().state,
                OrderState::Revealed { .. }
            );
            assert_eq!(revealed, after <= REVEAL);
            assert_ne!(revealed, refundable);
        });
    }
}

#[test]
fn one_bad_item_does_not_stop_a_reveal() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let other = Sale::honest("rival", PRICE);
        let (first, second) = (sale.order("buyer"), sale.order("other"));
        let foreign = other.order("buyer");
        sale.reveal(&first);
        let items = vec![
            sale.wrapped(&first),
            Reveal {
                order: 99,
                ..sale.wrapped(&first)
            },
            other.wrapped(&foreign),
            sale.wrapped(&second),
        ];
        assert_ok!(DataMarket::reveal(
            signed(&sale.seller),
            items.try_into().unwrap()
        ));
        for (order, reason) in [
            (first.id, SkipReason::AlreadyRevealed),
            (99, SkipReason::NoSuchOrder),
            (foreign.id, SkipReason::NotSeller),
        ] {
            System::assert_has_event(Event::RevealSkipped { order, reason }.into());
        }
        System::assert_last_event(Event::Revealed { order: second.id }.into());
    });
}

#[test]
fn a_stolen_agent_key_takes_no_money() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let agent = account("agent");
        assert_ok!(DataMarket::register(
            signed(&sale.seller),
            Default::default(),
            Some(agent.clone())
        ));
        let bought = sale.order("buyer");
        let by = || signed(&agent);
        assert_noop!(DataMarket::unbond(by(), 1), E::NotRegistered);
        assert_noop!(DataMarket::set_price(by(), sale.id, AUR), E::NotSeller);
        assert_noop!(DataMarket::close(by(), sale.id), E::NotSeller);
        assert_noop!(DataMarket::pause(by(), sale.id), E::NotSeller);
        let before = all_money(&agent);
        assert_ok!(DataMarket::reveal(
            by(),
            vec![sale.wrapped(&bought)].try_into().unwrap()
        ));
        pass(DISPUTE + 1);
        poke(&bought);
        assert_eq!(all_money(&agent), before);
        assert_eq!(held(HoldReason::OrderPrice, &bought.buyer), 0);
    });
}

// Censorship or full blocks until a deadline.

#[test]
fn censorship_or_full_blocks_until_a_deadline() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        pass(REVEAL);
        // Blocks in which a migration admits inherents only are no part of the window.
        migrate(1_000);
        assert_eq!(Skipped::<Test>::get(), 1_000);
        sale.reveal(&bought);
        let OrderState::Revealed { until, .. } = Orders::<Test>::get(bought.id).unwrap().state
        else {
            panic!("not revealed");
        };
        assert_eq!(until, DataMarket::now() + DISPUTE);
        migrate(50);
        pass(DISPUTE);
        assert_noop!(
            DataMarket::poke(signed(&bought.buyer), bought.id),
            E::TooEarly
        );
        pass(1);
        poke(&bought);
    });
}

#[test]
fn the_clock_costs_one_read_a_block() {
    build_and_execute(|| {
        let now = DataMarket::now();
        pass(3);
        assert_eq!(DataMarket::now(), now + 3);
        assert!(!Skipped::<Test>::exists());
        let weight = DataMarket::on_initialize(System::block_number());
        assert!(weight.all_lte(<Test as Config>::WeightInfo::on_initialize()));
    });
}

// Buyer freezes his held money.

#[test]
fn buyer_freezes_his_held_money() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        freeze_all(&bought.buyer);
        let (buyer, who) = (total("buyer"), total("seller"));
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        assert_eq!(total("buyer"), buyer - PRICE);
        assert_eq!(total("seller"), who + PRICE - PRICE / 50);
    });
    // The seller's bond is no safer.
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        freeze_all(&sale.seller);
        let (buyer, who) = (total("buyer"), total("seller"));
        let bought = sale.order("buyer");
        pass(REVEAL + 1);
        poke(&bought);
        assert_eq!(total("buyer"), buyer + PRICE / 100);
        assert_eq!(total("seller"), who - BOND / 2);
    });
}

// Many orders on one bond; ordering from offline sellers.

#[test]
fn many_orders_on_one_bond() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let all = Sellers::<Test>::get(&sale.seller).unwrap().bonded;
        // Room for three and a bit.
        assert_ok!(DataMarket::unbond(
            signed(&sale.seller),
            all - 3 * BOND - BOND / 2
        ));
        let bought: Vec<_> = (0..3).map(|i| sale.order(&format!("buyer{i}"))).collect();
        assert_eq!(locked(&sale.seller), 3 * BOND);
        assert_eq!(
            sale.try_order(&account("late"), None).map(|_| ()),
            Err(E::SellerAtCapacity.into())
        );
        assert_eq!(
            DataMarket::quote(sale.id, None).unwrap().problem,
            Some(athanor_primitives::market::OrderProblem::SellerAtCapacity)
        );
        // What is locked stays, what is free goes.
        assert_noop!(
            DataMarket::unbond(signed(&sale.seller), BOND / 2 + 1),
            E::BondIsLocked
        );
        assert_ok!(DataMarket::unbond(signed(&sale.seller), BOND / 2));
        // He misses them all, and each buyer has his part.
        pass(REVEAL + 1);
        for (i, bought) in bought.iter().enumerate() {
            let name = format!("buyer{i}");
            let before = total(&name);
            poke(bought);
            assert_eq!(total(&name), before + PRICE / 100);
        }
        assert_eq!(locked(&sale.seller), 0);
        assert_eq!(
            Sellers::<Test>::get(&sale.seller).unwrap().bonded,
            3 * BOND - 3 * (BOND / 2)
        );
    });
}

#[test]
fn ordering_from_offline_sellers() {
    build_and_execute(|| {
        // Cheap things have a bond above a tenth of the price; the buyer's part stays 1 % of it.
        let sale = Sale::honest("seller", AUR / 100);
        let bond = DataMarket::order_bond(AUR / 100);
        let before = total("buyer");
        let bought = sale.order("buyer");
        assert_eq!(locked(&sale.seller), bond);
        pass(REVEAL + 1);
        poke(&bought);
        let gain = total("buyer") - before;
        assert_eq!(gain, AUR / 10_000);
        assert!(gain <= bond / 2);
        // One at a time: a listing that missed takes no more orders.
        assert_eq!(
            sale.try_order(&account("other"), None).map(|_| ()),
            Err(E::NotOpen.into())
        );
    });
}

// Payee that cannot be paid, dust, overflow, claim order.

#[test]
fn payee_that_cannot_be_paid() {
    build_and_execute(|| {
        // The seller's whole part goes to an account that does not exist, in amounts that cannot
        // open it. Settling does not care.
        let nobody = poor("nobody");
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        let terms = ListingTerms {
            shares: shares(&[(to(&who), LISTING_UNITS - 1), (to(&nobody), 1)]),
            ..goods.terms(AUR)
        };
        let sale = Sale::with(goods, terms);
        let bought = sale.sell("buyer");
        assert!(!Orders::<Test>::contains_key(bought.id));
        assert_noop!(claim(sale.pool(), &nobody), E::CannotBePaid);
        assert!(DataMarket::claimable(sale.pool(), to(&nobody)) > 0);
        // A buyer who has nothing but this order can be refunded.
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("lonely");
        let rest = free(&bought.buyer) - ED;
        assert_ok!(Balances::transfer_allow_death(
            signed(&bought.buyer),
            treasury(),
            rest
        ));
        pass(REVEAL + 1);
        poke(&bought);
        assert_eq!(held(HoldReason::OrderPrice, &bought.buyer), 0);
    });
}

#[test]
fn dust() {
    build_and_execute(|| {
        // Three equal parts of what three does not divide.
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        let names = ["seller", "ann", "ben"];
        let parts: Vec<_> = names
            .iter()
            .zip([3_333, 3_333, 3_334])
            .map(|(name, units)| (to(&account(name)), units))
            .collect();
        let terms = ListingTerms {
            shares: shares(&parts),
            ..goods.terms(AUR + 1)
        };
        let sale = Sale::with(goods, terms);
        for i in 0..30 {
            sale.sell(&format!("buyer{i}"));
            assert_ok!(claim(sale.pool(), &account("ann")));
            if i % 7 == 0 {
                assert_ok!(claim(sale.pool(), &account("ben")));
            }
        }
        assert_ok!(claim(sale.pool(), &account("ben")));
        let pool = Pools::<Test>::get(sale.pool()).unwrap();
        assert!(pool.received - pool.claimed < 3);
    });
}

#[test]
fn overflow() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 1);
        for price in [1 << 100, Balance::MAX] {
            assert!(DataMarket::list(signed(&who), goods.terms(price)).is_err());
        }
        let sale = Sale::of(goods, PRICE);
        assert!(DataMarket::set_price(signed(&who), sale.id, Balance::MAX).is_err());
        assert!(DataMarket::bond(signed(&who), Balance::MAX).is_err());
        assert!(DataMarket::unbond(signed(&who), Balance::MAX).is_err());
        // As much as there can be, in a pool of the most units there can be.
        let most = (1u128 << 96) - 1;
        assert_eq!(
            crate::pools::entitled(most, u32::MAX, u64::MAX),
            u128::try_from(
                sp_core::U256::from(most) * sp_core::U256::from(u32::MAX)
                    / sp_core::U256::from(u64::MAX)
            )
            .unwrap()
        );
        Pools::<Test>::mutate(sale.pool(), |pool| {
            pool.as_mut().unwrap().received = Balance::MAX;
        });
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        assert_noop!(DataMarket::poke(signed(&who), bought.id), E::Overflow);
        Pools::<Test>::mutate(sale.pool(), |pool| pool.as_mut().unwrap().received = 0);
        poke(&bought);
    });
}

#[test]
fn claim_order() {
    let run = |order: [usize; 3], early: bool| {
        let mut got = Vec::new();
        build_and_execute(|| {
            let who = seller("seller");
            let goods = Goods::new(&who, 100, 1);
            let names = ["ann", "ben", "cleo"];
            let parts: Vec<_> = names
                .iter()
                .zip([4_999, 3_003, 1_998])
                .map(|(name, units)| (to(&account(name)), units))
                .collect();
            let terms = ListingTerms {
                shares: shares(&parts),
                ..goods.terms(AUR + 77)
            };
            let sale = Sale::with(goods, terms);
            for i in 0..5 {
                sale.sell(&format!("buyer{i}"));
                if early {
                    assert_ok!(claim(sale.pool(), &account(names[order[i % 3]])));
                }
            }
            for at in order {
                if DataMarket::claimable(sale.pool(), to(&account(names[at]))) > 0 {
                    assert_ok!(claim(sale.pool(), &account(names[at])));
                }
            }
            got = names.map(|name| total(name) - FUNDS).to_vec();
        });
        got
    };
    let first = run([0, 1, 2], false);
    for order in [[0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        assert_eq!(run(order, false), first);
        assert_eq!(run(order, true), first);
    }
}

// False parent, loop, over-share.

fn with_parent(name: &str, parent: PoolId, units: u32) -> Result<Sale, sp_runtime::DispatchError> {
    let who = seller(name);
    let id = NextListingId::<Test>::get();
    let goods = Goods::new(&who, 100, id as u32);
    let terms = ListingTerms {
        shares: shares(&[
            (to(&who), LISTING_UNITS - units),
            (Beneficiary::Pool(parent), units),
        ]),
        ..goods.terms(PRICE)
    };
    DataMarket::list(signed(&who), terms)?;
    Ok(Sale {
        goods,
        seller: who,
        id,
    })
}

#[test]
fn false_parent() {
    build_and_execute(|| {
        let famous = Sale::honest("famous", PRICE);
        // A good name is not borrowed for nothing, nor for a lot without consent.
        for units in [1, 3_000] {
            assert_eq!(
                with_parent("thief", famous.pool(), units).map(|_| ()),
                Err(E::NoConsent.into())
            );
        }
        assert_eq!(
            with_parent("thief", PoolId::Listing(99), 1).map(|_| ()),
            Err(E::NoSuchPool.into())
        );
        contribute(5, &account("requester"), &[(account("worker"), 9)], 0);
        assert_eq!(
            with_parent("thief", PoolId::Campaign(5), 1).map(|_| ()),
            Err(E::NoConsent.into())
        );
    });
}

#[test]
fn no_loop() {
    build_and_execute(|| {
        let next = NextListingId::<Test>::get();
        // Neither itself nor one that comes later can be named, and shares never change.
        for id in [next, next + 1] {
            assert_eq!(
                with_parent("seller", PoolId::Listing(id), 1).map(|_| ()),
                Err(E::NoSuchPool.into())
            );
        }
        let mut last = Sale::honest("seller", PRICE);
        for _ in 0..20 {
            last = with_parent("seller", last.pool(), 3_000).unwrap();
        }
        // As deep as one likes: a claim moves one hop.
        last.seal();
        last.sell("buyer");
        let mut id = last.id;
        while id > 0 {
            let hop = (PoolId::Listing(id), PoolId::Listing(id - 1));
            if DataMarket::claimable(hop.0, Beneficiary::Pool(hop.1)) == 0 {
                break;
            }
            assert_ok!(DataMarket::claim(
                signed(&account("poker")),
                hop.0,
                Beneficiary::Pool(hop.1)
            ));
            id -= 1;
        }
        assert!(id < last.id - 10);
    });
}

#[test]
fn over_share() {
    build_and_execute(|| {
        let own = Sale::honest("seller", PRICE);
        assert_eq!(
            with_parent("seller", own.pool(), 3_001).map(|_| ()),
            Err(E::TooManyUnitsToPools.into())
        );
        assert!(with_parent("seller", own.pool(), 3_000).is_ok());
        let who = seller("seller");
        let goods = Goods::new(&who, 100, 3);
        let more = Sale::honest("seller", PRICE);
        let terms = ListingTerms {
            shares: shares(&[
                (to(&who), 6_999),
                (Beneficiary::Pool(own.pool()), 1_501),
                (Beneficiary::Pool(more.pool()), 1_500),
            ]),
            ..goods.terms(PRICE)
        };
        assert_noop!(
            DataMarket::list(signed(&who), terms),
            E::TooManyUnitsToPools
        );
    });
}

// Governance stops entry and moves no money.

#[test]
fn governance_can_stop_orders_and_nothing_else() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        let anybody = signed(&account("anybody"));
        assert_noop!(
            DataMarket::freeze(anybody, sale.id, 1),
            sp_runtime::DispatchError::BadOrigin
        );
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 451));
        assert_eq!(
            sale.try_order(&account("other"), None).map(|_| ()),
            Err(E::Frozen.into())
        );
        sale.reveal(&bought);
        pass(DISPUTE + 1);
        poke(&bought);
        assert_ok!(DataMarket::rate(signed(&bought.buyer), sale.id, 1));
        assert_ok!(DataMarket::freeze(RuntimeOrigin::root(), sale.id, 0));
        sale.order("other");
    });
}
