//! Follow-up batches leave `Open` together with what they follow.

use super::work::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{BatchState, CampaignTerms};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

fn joined() -> CampaignTerms {
    CampaignTerms {
        join_delay: 100,
        ..terms()
    }
}

#[test]
fn a_group_leaves_open_when_its_last_page_is_closed() {
    build_and_execute(|| {
        let id = campaign(joined());
        let end = until(&joined());
        let parent = open(id, 2, end, None);
        let child = open(id, 2, end + 100, Some(parent));
        let other = open(id, 2, end, Some(parent));
        assert_eq!(get(parent).children.to_vec(), [child, other]);
        for name in ["a", "b", "c"] {
            label(parent, name, 2);
        }
        run_blocks(2);
        assert_eq!(state(parent), BatchState::Open);
        assert_eq!(get(parent).place, Some(Place::Deadline(end + 100)));
        assert_noop!(try_advance(parent, 1), E::NothingDue);
        // Nothing of the parent is shown while its tasks are answered elsewhere.
        assert_noop!(try_reveal(parent, "a", 0), E::UnexpectedState);
        for name in ["d", "e", "f"] {
            label(child, name, 2);
        }
        assert_ok!(try_cancel(other));
        run_blocks(1);
        for id in [parent, child] {
            assert_eq!(state(id), BatchState::Reveal);
        }
        assert_ne!(state(other), BatchState::Open);
        reveal(parent, "a", 0);
    });
}

#[test]
fn a_group_leaves_open_at_its_latest_end() {
    build_and_execute(|| {
        let id = campaign(joined());
        let end = until(&joined());
        let parent = open(id, 2, end, None);
        let child = open(id, 2, end + 60, Some(parent));
        label(parent, "a", 1);
        label(child, "b", 1);
        pass(end - LabelBounties::clock());
        run_blocks(9);
        assert_eq!(state(parent), BatchState::Open);
        pass(end + 59 - LabelBounties::clock());
        assert_eq!(state(child), BatchState::Open);
        run_blocks(2);
        assert_eq!(state(parent), BatchState::Reveal);
        assert_eq!(state(child), BatchState::Reveal);
    });
}

#[test]
fn anybody_may_let_a_group_go_by_any_of_its_batches() {
    build_and_execute(|| {
        let id = campaign(joined());
        let end = until(&joined());
        let parent = open(id, 2, end, None);
        let child = open(id, 2, end, Some(parent));
        label(parent, "a", 1);
        label(child, "b", 1);
        stop_idle(true);
        pass(end - LabelBounties::clock());
        assert_ok!(try_advance(child, 1));
        assert_eq!(state(parent), BatchState::Reveal);
        assert_eq!(state(child), BatchState::Reveal);
    });
}

#[test]
fn what_cannot_be_followed_is_refused() {
    build_and_execute(|| {
        let id = campaign(joined());
        let end = until(&joined());
        let parent = open(id, 2, end, None);
        assert_noop!(try_open(id, 2, end + 101, Some(parent)), E::EndsTooLate);
        let child = open(id, 2, end, Some(parent));
        // A follower is followed by none.
        assert_noop!(try_open(id, 2, end, Some(child)), E::BadParent);
        open(id, 2, end, Some(parent));
        assert_noop!(try_open(id, 2, end, Some(parent)), E::BadParent);
        // Nor may anybody but the requester delay a batch.
        let mallory = account("mallory");
        assert_ok!(LabelBounties::create_campaign(
            signed(&mallory),
            joined(),
            Default::default()
        ));
        let single = open(id, 2, end, None);
        let theirs = NextCampaignId::<Test>::get() - 1;
        assert_noop!(
            LabelBounties::open_batch(
                signed(&mallory),
                theirs,
                [1; 32],
                [1; 32],
                2,
                end,
                Some(single)
            ),
            E::BadParent
        );
        assert_ok!(try_cancel(single));
        assert_noop!(try_open(id, 2, end, Some(single)), E::BadParent);
        run_blocks(1);
        assert_noop!(try_open(id, 2, end, Some(single)), E::BadParent);
    });
}

#[test]
fn workers_of_one_batch_are_not_served_in_another_of_its_group() {
    build_and_execute(|| {
        let id = campaign(joined());
        let end = until(&joined());
        let parent = open(id, 4, end, None);
        let child = open(id, 4, end, Some(parent));
        let other = open(id, 4, end, Some(parent));
        label(parent, "a", 1);
        label(child, "b", 1);
        assert_noop!(request(child, "a", 1), E::EnrolledInGroup);
        assert_noop!(request(other, "a", 1), E::EnrolledInGroup);
        assert_noop!(request(parent, "b", 1), E::EnrolledInGroup);
        assert_noop!(request(other, "b", 1), E::EnrolledInGroup);
        assert_ok!(request(parent, "a", 1));
    });
}

#[test]
fn terms_may_let_a_group_share_its_workers() {
    build_and_execute(|| {
        let id = campaign(CampaignTerms {
            serve_group: true,
            ..joined()
        });
        let end = until(&joined());
        let parent = open(id, 4, end, None);
        let child = open(id, 4, end, Some(parent));
        label(parent, "a", 1);
        assert_ok!(request(child, "a", 1));
    });
}
