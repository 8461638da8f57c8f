//! How large records and calls are.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::CampaignTerms;
use codec::{Encode, MaxEncodedLen};
use frame_support::assert_ok;

#[test]
fn records_are_small() {
    assert!(Campaign::<AccountId>::max_encoded_len() <= 400);
    assert!(Batch::<AccountId>::max_encoded_len() <= 440);
    assert!(Worker::<AccountId>::max_encoded_len() <= 150);
    assert!(Window::max_encoded_len() <= 1_290);
    assert!(Request::max_encoded_len() <= 48);
    assert!(BatchResult::max_encoded_len() <= 140);
    assert!(RequesterRecord::max_encoded_len() <= 40);
}

#[test]
fn a_page_of_five_binary_sheets_shrinks_when_it_is_revealed() {
    build_and_execute(|| {
        let id = batch(
            CampaignTerms {
                panel_max: 5,
                ..terms()
            },
            2,
        );
        for name in ["a", "b", "c", "d", "e"] {
            label(id, name, 2);
        }
        let page = || Pages::<Test>::get(id, 0).unwrap().encoded_size();
        // A slot: tag, worker, hash.
        assert_eq!(page(), 1 + 5 * (1 + 4 + 32) + 2);
        run_blocks(1);
        for name in ["a", "b", "c", "d", "e"] {
            reveal(id, name, 0);
        }
        // A sheet of eight binary answers is a byte, and its length another.
        assert_eq!(page(), 1 + 5 * (1 + 4 + 2) + 2);
    });
}

#[test]
fn calls_are_short() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        let page = lease(id, "a", 1)[0];
        let call = commit_call(id, "a", page);
        assert_eq!(call.encoded_size(), 2 + 8 + 4 + 32 + 32 + 1 + 66);
        assert_ok!(authorise(&call));
        let reveal: RuntimeCall = Call::reveal {
            batch: id,
            page,
            worker: poor("a"),
            // 32 binary answers.
            sheet: vec![0; 4].try_into().unwrap(),
            salt: [0; 32],
        }
        .into();
        assert_eq!(reveal.encoded_size(), 2 + 8 + 4 + 32 + 5 + 32);
    });
}

#[test]
fn weights_with_the_database_are_within_their_bounds() {
    use frame_support::weights::constants::WEIGHT_REF_TIME_PER_MICROS;
    // 32 binary answers, and more than a page of five.
    assert!(<() as WeightInfo>::reveal(4).ref_time() < 300 * WEIGHT_REF_TIME_PER_MICROS);
    assert!(<() as WeightInfo>::score_page().ref_time() < 1_000 * WEIGHT_REF_TIME_PER_MICROS);
    // The database is in them.
    assert!(<() as WeightInfo>::reveal(4).ref_time() > 50 * WEIGHT_REF_TIME_PER_MICROS);
}
