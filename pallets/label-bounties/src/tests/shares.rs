//! Closing campaigns, and what workers contributed to them.

use super::crowd::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{CampaignTerms, ContributorShares};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

fn sharing() -> CampaignTerms {
    CampaignTerms {
        share_revenue: true,
        ..binary(8, 4)
    }
}

fn paid_answers(deal: &Deal, who: &AccountId) -> u32 {
    <LabelBounties as ContributorShares<AccountId>>::paid_answers(deal.campaign, who)
}

fn settled_at(deal: &Deal) -> Option<u32> {
    <LabelBounties as ContributorShares<AccountId>>::settled_at(deal.campaign)
}

fn settled_for(deal: &Deal) -> Option<u32> {
    <LabelBounties as ContributorShares<AccountId>>::settled_for(deal.campaign)
}

fn workers() -> Vec<AccountId> {
    (0..4).map(|i| account(&format!("worker{i}"))).collect()
}

fn paid(terms: CampaignTerms) -> Deal {
    let deal = Deal::with(terms, 4);
    let workers = workers();
    for who in &workers[..3] {
        deal.label(who, 4, says::truth(who, 9));
    }
    deal.label(&workers[3], 4, says::always(0));
    deal.finish();
    deal
}

#[test]
fn answers_count_by_the_share_they_were_paid() {
    build_and_execute(|| {
        let deal = paid(sharing());
        for who in workers() {
            let share = u32::from(deal.share(&who));
            assert_eq!(paid_answers(&deal, &who), 32 * share / 10_000);
        }
        assert_eq!(paid_answers(&deal, &workers()[3]), 0);
        assert!(paid_answers(&deal, &workers()[0]) > 16);
        assert!(!Contributions::<Test>::contains_key(
            deal.campaign,
            &workers()[3]
        ));
        // Batches of a campaign add up.
        let again = Deal::in_campaign(
            &deal.requester,
            deal.campaign,
            deal.terms,
            pages(&deal.terms, 4),
            None,
        );
        let who = &workers()[0];
        let before = paid_answers(&deal, who);
        again.label(who, 4, says::truth(who, u32::MAX));
        again.finish();
        assert_eq!(paid_answers(&deal, who), before + 32);
    });
}

#[test]
fn without_the_flag_nothing_is_kept() {
    build_and_execute(|| {
        let deal = paid(binary(8, 4));
        assert_eq!(Contributions::<Test>::iter().count(), 0);
        assert_eq!(paid_answers(&deal, &workers()[0]), 0);
        assert_ok!(LabelBounties::close_campaign(
            signed(&deal.requester),
            deal.campaign
        ));
        assert!(settled_at(&deal).is_some());
        assert_eq!(settled_for(&deal), None);
    });
}

#[test]
fn a_campaign_is_closed_by_its_requester_once_all_is_paid() {
    build_and_execute(|| {
        let deal = Deal::with(sharing(), 4);
        let requester = deal.requester.clone();
        let close = |by: &AccountId| LabelBounties::close_campaign(signed(by), deal.campaign);
        assert_noop!(close(&requester), E::BatchIsLive);
        deal.finish();
        let other = account("other");
        assert_noop!(close(&other), E::NotRequester);
        assert_eq!(settled_at(&deal), None);
        assert_eq!(settled_for(&deal), None);
        assert_ok!(close(&requester));
        assert_eq!(settled_at(&deal), Some(LabelBounties::clock()));
        assert_eq!(settled_for(&deal), Some(0));
        assert_eq!(
            <LabelBounties as ContributorShares<AccountId>>::requester(deal.campaign),
            Some(requester.clone())
        );
        assert_noop!(close(&requester), E::CampaignClosed);
        assert_noop!(
            LabelBounties::close_campaign(signed(&requester), deal.campaign + 1),
            E::NoSuchCampaign
        );
        assert_noop!(
            LabelBounties::open_batch(
                signed(&requester),
                deal.campaign,
                [1; 32],
                [1; 32],
                4,
                until(&deal.terms),
                None
            ),
            E::CampaignClosed
        );
    });
}

#[test]
fn anybody_closes_a_campaign_that_is_idle() {
    build_and_execute(|| {
        let deal = paid(sharing());
        let other = account("other");
        pass(IdleCampaign::get() - 10);
        assert_noop!(
            LabelBounties::close_campaign(signed(&other), deal.campaign),
            E::NotRequester
        );
        pass(10);
        assert_ok!(LabelBounties::close_campaign(signed(&other), deal.campaign));
    });
}

#[test]
fn records_are_removed_after_a_while_and_the_deposit_returns() {
    build_and_execute(|| {
        let deal = paid(sharing());
        let other = account("other");
        let prune =
            |limit| LabelBounties::prune_campaign(signed(&account("other")), deal.campaign, limit);
        assert_noop!(prune(9), E::CampaignIsOpen);
        assert_ok!(LabelBounties::close_campaign(
            signed(&deal.requester),
            deal.campaign
        ));
        assert_noop!(prune(9), E::TooEarly);
        pass(ContributionsKept::get() - 1);
        assert_eq!(settled_for(&deal), Some(ContributionsKept::get() - 1));
        assert_noop!(prune(9), E::TooEarly);
        assert_eq!(paid_answers(&deal, &workers()[0]), {
            32 * u32::from(deal.share(&workers()[0])) / 10_000
        });
        pass(1);
        assert_noop!(prune(0), E::NothingToDo);
        let deposit = held(HoldReason::Deposit, &deal.requester);
        // Three contributions, then the campaign.
        let before = free(&other);
        for left in [2, 1, 0] {
            assert_ok!(prune(1));
            assert_eq!(Contributions::<Test>::iter().count(), left);
        }
        assert_eq!(held(HoldReason::Deposit, &deal.requester), deposit);
        assert_ok!(prune(1));
        assert_eq!(
            held(HoldReason::Deposit, &deal.requester),
            deposit - AUR / 10
        );
        assert_eq!(free(&other), before);
        assert_noop!(prune(1), E::NoSuchCampaign);
        assert_eq!(settled_at(&deal), None);
    });
}
