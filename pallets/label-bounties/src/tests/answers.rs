//! Commit and reveal.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{answer_commitment, BatchState, CampaignTerms, LabelType};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};
use frame_system::RawOrigin;
use sp_runtime::traits::Dispatchable;

type E = Error<Test>;

#[test]
fn a_commit_is_final() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let page = lease(id, "a", 1)[0];
        commit(id, "a", page);
        let slot = &Pages::<Test>::get(id, page).unwrap().slots[0];
        assert_eq!(
            *slot,
            Slot::Committed {
                worker: 0,
                hash: hash(id, "a", page, &good())
            }
        );
        assert_noop!(try_commit(id, "a", page), E::AlreadyCommitted);
        assert_noop!(try_skip(id, "a", page), E::AlreadyCommitted);
        assert_noop!(try_expire(id, "a", page), E::NoLease);
        let record = worker(id, "a");
        assert_eq!((record.committed, record.live), (1, 0));
        assert_eq!(get(id).answered, 1);
    });
}

#[test]
fn who_may_not_commit_is_told_why() {
    build_and_execute(|| {
        let id = batch(terms(), 4);
        let page = lease(id, "a", 1)[0];
        let other = (page + 1) % 4;
        account("b");
        assert_noop!(try_commit(9, "a", page), E::NoSuchBatch);
        assert_noop!(try_commit(id, "a", 4), E::NoSuchPage);
        assert_noop!(try_commit(id, "a", other), E::NoLease);
        assert_noop!(try_commit(id, "b", page), E::NoLease);
        // Only who works may sign for it.
        assert_noop!(
            LabelBounties::commit(signed(&poor("b")), id, page, poor("a"), [1; 32], None, None),
            sp_runtime::traits::BadOrigin
        );
        pass(50);
        assert_noop!(try_commit(id, "a", page), E::LeaseOver);
        assert_ok!(try_cancel(id));
        pass(EXPIRY_TICKS);
        run_blocks(1);
        assert_noop!(try_commit(id, "a", page), E::UnexpectedState);
    });
}

#[test]
fn a_page_with_all_its_commits_is_closed() {
    build_and_execute(|| {
        let id = batch(terms(), 2);
        for name in ["a", "b", "c"] {
            label(id, name, 1);
        }
        for name in ["d", "e", "f"] {
            label(id, name, 1);
        }
        let batch = get(id);
        let full = Pages::<Test>::iter_prefix(id)
            .filter(|(_, page)| page.used() == 3)
            .count() as u32;
        assert_eq!(batch.done, full);
        assert_eq!(batch.answered, 2);
        assert_eq!(full, 2);
        assert_eq!(batch.place, Some(Place::Cranking));
        run_blocks(1);
        assert_eq!(state(id), BatchState::Reveal);
        assert!(!Windows::<Test>::contains_key(id));
    });
}

/// A batch of two pages, each answered by a, b and c, in `Reveal`.
fn answered() -> u64 {
    let id = batch(terms(), 2);
    for name in ["a", "b", "c"] {
        label(id, name, 2);
    }
    run_blocks(1);
    id
}

#[test]
fn the_opening_itself_reveals() {
    build_and_execute(|| {
        let id = answered();
        reveal(id, "a", 0);
        let page = Pages::<Test>::get(id, 0).unwrap();
        assert_eq!(
            page.slots[page.slot_of(0).unwrap()],
            Slot::Revealed {
                worker: 0,
                sheet: good()
            }
        );
        assert_eq!(get(id).revealed_pages, 1);
        assert_noop!(try_reveal(id, "a", 0), E::AlreadyRevealed);
        reveal(id, "b", 0);
        assert_eq!(get(id).complete, 0);
        reveal(id, "c", 0);
        assert_eq!((get(id).complete, get(id).revealed_pages), (1, 1));
    });
}

#[test]
fn only_a_pages_first_and_last_reveal_pay_for_its_batch() {
    build_and_execute(|| {
        let id = answered();
        let ordinary = <() as WeightInfo>::reveal(1);
        let whole = ordinary.saturating_add(<() as WeightInfo>::page_revealed());
        assert!(whole.any_gt(ordinary));
        for (name, weight) in [("a", whole), ("b", ordinary), ("c", whole)] {
            let call = reveal_call(id, name, 0);
            assert_eq!(call.get_dispatch_info().call_weight, whole);
            assert_ok!(authorise(&call));
            let spent = call.dispatch(RawOrigin::Authorized.into()).unwrap();
            assert_eq!(spent.actual_weight, Some(weight), "{name}");
        }
    });
}

#[test]
fn what_was_not_committed_cannot_be_revealed() {
    build_and_execute(|| {
        let id = answered();
        let show = |who: &str, page, sheet: Sheet, salt| {
            LabelBounties::reveal(signed(&treasury()), id, page, poor(who), sheet, salt)
        };
        let other = sheet([1, 1, 0, 1, 1, 0, 0, 1]);
        assert_noop!(show("a", 0, other, salt("a", id, 0)), E::HashMismatch);
        assert_noop!(show("a", 0, good(), salt("a", id, 1)), E::HashMismatch);
        assert_noop!(show("a", 0, good(), salt("b", id, 0)), E::HashMismatch);
        assert_noop!(show("nobody", 0, good(), salt("nobody", id, 0)), E::NoLease);
        assert_noop!(try_reveal(id, "a", 2), E::NoSuchPage);
        assert_noop!(try_reveal(id + 1, "a", 0), E::NoSuchBatch);
    });
}

#[test]
fn a_sheet_that_is_not_canonical_cannot_be_revealed() {
    build_and_execute(|| {
        let three = CampaignTerms {
            label: LabelType::Classification { classes: 3 },
            tasks: 5,
            gold: 1,
            pay: AUR / 10,
            ..terms()
        };
        let id = batch(three, 8);
        let who = account("a");
        // Two bits a task: a code of 3, a bit behind the last task, a byte too many or too few.
        let bad: [&[u8]; 4] = [&[3, 0], &[0, 4], &[0, 0, 0], &[0]];
        let pages = lease(id, "a", 4);
        for (page, sheet) in pages.iter().zip(bad) {
            let hash = answer_commitment(
                &LabelBounties::genesis(),
                id,
                *page,
                &who.clone().into(),
                sheet,
                &[1; 32],
            );
            assert_ok!(LabelBounties::commit(
                signed(&who),
                id,
                *page,
                who.clone(),
                hash,
                None,
                None
            ));
        }
        assert_ok!(try_cancel(id));
        run_blocks(1);
        for (page, sheet) in pages.iter().zip(bad) {
            assert_noop!(
                LabelBounties::reveal(
                    signed(&who),
                    id,
                    *page,
                    who.clone(),
                    sheet.to_vec().try_into().unwrap(),
                    [1; 32]
                ),
                E::BadSheet
            );
        }
    });
}

#[test]
fn a_lease_without_a_commit_reveals_nothing() {
    build_and_execute(|| {
        let end = LabelBounties::clock() + 70;
        let id = open(campaign(terms()), 2, end, None);
        lease(id, "a", 2);
        commit(id, "a", 0);
        stop_idle(true);
        pass(end - LabelBounties::clock());
        assert_ok!(try_advance(id, 1));
        assert_eq!(state(id), BatchState::Reveal);
        assert_noop!(try_reveal(id, "a", 1), E::NotCommitted);
        assert_noop!(try_expire(id, "a", 1), E::UnexpectedState);
        reveal(id, "a", 0);
        assert_eq!(get(id).place, Some(Place::Cranking));
    });
}

#[test]
fn a_reveal_can_come_too_late() {
    build_and_execute(|| {
        let id = answered();
        stop_idle(true);
        pass(RevealFor::get() - 2);
        assert_eq!(get(id).deadline, LabelBounties::clock() + 1);
        reveal(id, "a", 0);
        pass(1);
        assert_noop!(try_reveal(id, "a", 1), E::TooLate);
        assert_eq!(state(id), BatchState::Reveal);
        assert_ok!(try_advance(id, 1));
        assert_eq!(state(id), BatchState::Gold);
        assert_noop!(try_reveal(id, "a", 1), E::UnexpectedState);
    });
}
