//! Market time.

use super::goods::*;
use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

#[test]
fn market_time_skips_blocks_of_inherents_only() {
    build_and_execute(|| {
        let start = DataMarket::now();
        run_blocks(3);
        assert_eq!(DataMarket::now(), start + 3);
        migrate(20);
        assert_eq!(DataMarket::now(), start + 3);
        assert_eq!(DataMarket::clock(), (start + 3, 24));
        run_blocks(1);
        assert_eq!(DataMarket::now(), start + 4);
    });
}

#[test]
fn a_migration_costs_no_seller_his_bond() {
    build_and_execute(|| {
        let sale = Sale::honest("seller", AUR);
        let bought = sale.order("buyer");
        pass(REVEAL - 1);
        migrate(50);
        run_blocks(1);
        assert_noop!(
            DataMarket::poke(signed(&bought.buyer), bought.id),
            E::TooEarly
        );
        sale.reveal(&bought);
        run_blocks(1);
        assert_ok!(DataMarket::reveal(
            signed(&sale.seller),
            vec![sale.wrapped(&bought)].try_into().unwrap()
        ));
        assert_eq!(
            events().last(),
            Some(&Event::RevealSkipped {
                order: bought.id,
                reason: athanor_primitives::market::SkipReason::AlreadyRevealed
            })
        );
    });
}
