//! Every way to sell what does not decrypt, proven by the first buyer who looks.

use super::goods::*;
use crate::{mock::*, *};
use athanor_content_tree::{
    market::{Evidence, Secret},
    Groups, GROUP,
};
use athanor_primitives::market::{Fault, ListingStatus, RefundReason, Right};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{Pays, PostDispatchInfo},
};

type E = Error<Test>;

const PRICE: Balance = 10 * AUR + 7;

/// What buyer and seller had before an order.
struct Before {
    buyer: Balance,
    seller: Balance,
    treasury: Balance,
}

impl Before {
    fn of(sale: &Sale, buyer: &AccountId) -> Self {
        Self {
            buyer: all_money(buyer),
            seller: all_money(&sale.seller),
            treasury: all_money(&treasury()),
        }
    }

    /// The money table's row of a proven complaint by the buyer.
    fn ensure_proven(&self, sale: &Sale, buyer: &AccountId) {
        let bond = PRICE / 10;
        assert_eq!(all_money(buyer), self.buyer + bond / 2);
        assert_eq!(all_money(&sale.seller), self.seller - bond);
        assert_eq!(all_money(&treasury()), self.treasury + bond - bond / 2);
        assert_eq!(held(HoldReason::OrderPrice, buyer), 0);
        assert_eq!(held(HoldReason::Deposit, buyer), 0);
    }
}

/// One sale of goods whose seller cheats by what he reveals or has sealed, up to the complaint.
fn caught(sale: &Sale, key: &Secret, fault: Fault, evidence: impl Fn(&Bought) -> Evidence) {
    let buyer = account("buyer");
    let before = Before::of(sale, &buyer);
    let bought = sale.order("buyer");
    sale.reveal_as(sale.wrapped_as(&bought, key));
    let info = complain(&buyer, &bought, evidence(&bought)).expect("proven");
    assert!(matches!(
        info,
        PostDispatchInfo {
            pays_fee: Pays::No,
            ..
        }
    ));
    before.ensure_proven(sale, &buyer);
    assert!(!Orders::<Test>::contains_key(bought.id));
    assert!(!Rights::<Test>::contains_key(sale.id, &buyer));
    assert!(BadSeals::<Test>::contains_key(sale.goods.seal_id()));
    assert_eq!(
        sale.record().status,
        ListingStatus::Paused { fault: Some(fault) }
    );
    assert_eq!(sale.record().proven, 1);
    assert_eq!(Sellers::<Test>::get(&sale.seller).unwrap().proven, 1);
    System::assert_has_event(
        Event::Refunded {
            order: bought.id,
            reason: RefundReason::Proven,
            buyer_gets: PRICE / 10 / 2,
            watch_gets: 0,
            seller_loses: PRICE / 10,
        }
        .into(),
    );
}

fn garbled(len: usize, group: u64) {
    build_and_execute(|| {
        let who = seller("seller");
        let at = group as usize * GROUP;
        let goods = Goods::new(&who, len, 1).spoilt(|z| z[at] ^= 0x80);
        assert_eq!(goods.wrong_group(&goods.key), Some(group));
        let sale = Sale::of(goods, PRICE);
        let key = sale.goods.key.clone();
        caught(&sale, &key, Fault::BadGroup, |bought| {
            sale.goods.evidence(&bought.b, group)
        });
    });
}

#[test]
fn garbled_first_group() {
    garbled(6 * GROUP + 5, 0);
}

#[test]
fn garbled_middle_group() {
    garbled(6 * GROUP + 5, 3);
}

#[test]
fn garbled_last_group() {
    garbled(6 * GROUP + 5, 6);
}

#[test]
fn garbled_one_group_file() {
    garbled(1, 0);
    garbled(100, 0);
    garbled(GROUP, 0);
}

#[test]
fn garbled_at_every_shape_of_a_tree() {
    for groups in 1..=9 {
        for group in 0..groups {
            garbled(groups as usize * GROUP, group);
        }
    }
}

#[test]
fn wrong_k() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        caught(&sale, &Secret::new([7; 32]), Fault::BadKey, |bought| {
            Evidence::of_key(&bought.b)
        });
    });
}

#[test]
fn wrong_k_with_a_group_beside_it() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        // What the group would show does not matter once the key is wrong.
        caught(&sale, &Secret::new([7; 32]), Fault::BadKey, |bought| {
            let mut evidence = sale.goods.evidence(&bought.b, 0);
            group(&mut evidence).z_path.truncate(0);
            evidence
        });
    });
}

#[test]
fn a_commitment_to_another_key_than_the_ciphertexts() {
    build_and_execute(|| {
        let who = seller("seller");
        let mut goods = Goods::new(&who, 2 * GROUP, 3);
        // The key he commits to and reveals opens nothing.
        goods.key = Secret::new([9; 32]);
        let sale = Sale::of(goods, PRICE);
        let key = sale.goods.key.clone();
        caught(&sale, &key, Fault::BadGroup, |bought| {
            assert_eq!(sale.goods.wrong_group(&key), Some(0));
            sale.goods.evidence(&bought.b, 1)
        });
    });
}

#[test]
fn bad_wrap() {
    for spoil in 0..5 {
        build_and_execute(|| {
            let sale = Sale::honest("seller", PRICE);
            let buyer = account("buyer");
            let before = Before::of(&sale, &buyer);
            let bought = sale.order("buyer");
            let mut item = sale.wrapped(&bought);
            match spoil {
                0 => item.wrapped[31] ^= 1,
                1 => item.seller_key[0] ^= 1,
                // Twisted and of low order: they harm only him who sends them.
                2 => item.seller_key = [0; 32],
                3 => item.seller_key = [0xFF; 32],
                _ => {
                    item = Sale::wrapped(
                        &sale,
                        &Bought {
                            id: 99,
                            ..bought.clone()
                        },
                    )
                }
            }
            item.order = bought.id;
            sale.reveal_as(item);
            assert_ok!(complain(&buyer, &bought, Evidence::of_key(&bought.b)));
            before.ensure_proven(&sale, &buyer);
        });
    }
}

#[test]
fn false_l() {
    // Within the same number of groups outboard(x) checks, and the last group is then too long or
    // too short.
    let len = 5 * GROUP + 9;
    for claimed in [5 * GROUP + 1, 5 * GROUP + 8, 5 * GROUP + 10, 6 * GROUP] {
        build_and_execute(|| {
            let who = seller("seller");
            let x = bytes(len, 4u32);
            let (x_root, x_outboard) = outboard(&x);
            let mut padded = x.clone();
            padded.resize(claimed, 0);
            let goods = Goods::listed_as(&who, &padded, claimed as u64, x_root, x_outboard, 5);
            assert_eq!(goods.wrong_group(&goods.key), Some(5), "{claimed}");
            let sale = Sale::of(goods, PRICE);
            let key = sale.goods.key.clone();
            caught(&sale, &key, Fault::BadGroup, |bought| {
                sale.goods.evidence(&bought.b, 5)
            });
        });
    }
    // With another number of groups no outboard has both the shape and the root, so a buyer never
    // orders; had he ordered, the true tree's paths have the wrong length.
    build_and_execute(|| {
        let who = seller("seller");
        let x = bytes(len, 4u32);
        let (x_root, x_outboard) = outboard(&x);
        let claimed = 9 * GROUP;
        let padded = bytes(claimed, 6u32);
        let goods = Goods::listed_as(&who, &padded, claimed as u64, x_root, x_outboard, 5);
        let sale = Sale::of(goods, PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        let mut evidence = Goods::of(&who, &x, 7).evidence(&bought.b, 5);
        group(&mut evidence).z_group = padded[5 * GROUP..6 * GROUP].to_vec().try_into().unwrap();
        assert_noop!(
            complain(&account("buyer"), &bought, evidence),
            E::MalformedEvidence
        );
    });
}

#[test]
fn root_without_data_behind_it() {
    build_and_execute(|| {
        let who = seller("seller");
        // Values somebody made up; the outboard checks.
        let groups = Groups::new(2 * GROUP as u64).unwrap();
        let values = [[1; 32], [2; 32]];
        let x_root = groups.fold(0, values[0], &values[1..]).unwrap();
        let goods = Goods::listed_as(
            &who,
            &bytes(2 * GROUP, 8u32),
            2 * GROUP as u64,
            x_root,
            values.concat(),
            9,
        );
        let sale = Sale::of(goods, PRICE);
        let key = sale.goods.key.clone();
        caught(&sale, &key, Fault::BadGroup, |bought| {
            sale.goods.evidence(&bought.b, 1)
        });
    });
}

#[test]
fn root_without_data_behind_it_of_one_group() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::listed_as(&who, &bytes(50, 8u32), 50, [0xAB; 32], vec![], 9);
        let sale = Sale::of(goods, PRICE);
        let key = sale.goods.key.clone();
        caught(&sale, &key, Fault::BadGroup, |bought| {
            sale.goods.evidence(&bought.b, 0)
        });
    });
}

#[test]
fn nothing_is_proven_of_an_honest_seller() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        let key = sale.unwrap(&bought);
        assert_eq!(key, sale.goods.key);
        assert_eq!(sale.goods.wrong_group(&key), None);
        let buyer = account("buyer");
        assert_noop!(
            complain(&buyer, &bought, Evidence::of_key(&bought.b)),
            E::NotProven
        );
        for index in 0..4 {
            let evidence = sale.goods.evidence(&bought.b, index);
            assert_noop!(complain(&buyer, &bought, evidence), E::NotProven);
        }
        pass(DISPUTE + 1);
        poke(&bought);
        assert!(matches!(
            Rights::<Test>::get(sale.id, &buyer),
            Some(Right::Granted(_))
        ));
    });
}

#[test]
fn the_other_groups_of_a_bad_ciphertext_prove_nothing() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 5 * GROUP, 1).spoilt(|z| z[2 * GROUP + 9] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let bought = sale.order("buyer");
        sale.reveal(&bought);
        for index in [0, 1, 3, 4] {
            let evidence = sale.goods.evidence(&bought.b, index);
            assert_noop!(complain(&bought.buyer, &bought, evidence), E::NotProven);
        }
        assert_ok!(complain(
            &bought.buyer,
            &bought,
            sale.goods.evidence(&bought.b, 2)
        ));
    });
}

#[test]
fn one_buyer_who_looks_protects_those_who_sleep() {
    build_and_execute(|| {
        let who = seller("seller");
        let goods = Goods::new(&who, 2 * GROUP, 1).spoilt(|z| z[9] ^= 1);
        let sale = Sale::of(goods, PRICE);
        let sleeper = account("sleeper");
        let late = account("late");
        let (before, before_late) = (all_money(&sleeper), all_money(&late));
        let first = sale.order("buyer");
        // One whose key is out, and one whose key is not.
        let second = sale.order("sleeper");
        let third = sale.order("late");
        sale.reveal(&first);
        sale.reveal(&second);
        assert_ok!(complain(
            &first.buyer,
            &first,
            sale.goods.evidence(&first.b, 0)
        ));
        for bought in [&second, &third] {
            poke(bought);
            System::assert_has_event(
                Event::Refunded {
                    order: bought.id,
                    reason: RefundReason::SealProvenBad,
                    buyer_gets: PRICE / 10 / 2,
                    watch_gets: 0,
                    seller_loses: PRICE / 10,
                }
                .into(),
            );
        }
        assert_eq!(all_money(&sleeper), before + PRICE / 10 / 2);
        assert_eq!(all_money(&late), before_late + PRICE / 10 / 2);
        assert_eq!(held(HoldReason::OrderPrice, &sleeper), 0);
        assert_noop!(DataMarket::resume(signed(&who), sale.id), E::SealIsBad);
    });
}
