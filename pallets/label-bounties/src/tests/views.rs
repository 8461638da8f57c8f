//! View functions.

use super::crowd::*;
use crate::{mock::*, *};
use athanor_label_math::Answer;
use athanor_primitives::labels::{BatchState, CampaignTerms};
use frame_support::assert_ok;

fn workers(count: usize) -> Vec<AccountId> {
    (0..count).map(|i| account(&format!("worker{i}"))).collect()
}

#[test]
fn campaigns_with_an_open_batch_are_paged() {
    build_and_execute(|| {
        let deals: Vec<_> = (0..4).map(|_| Deal::usual()).collect();
        deals[1].finish();
        let ids = |after, limit| -> Vec<_> {
            let shown = LabelBounties::campaigns(after, limit);
            shown.into_iter().map(|campaign| campaign.id).collect()
        };
        assert_eq!(ids(None, 100), [0, 2, 3]);
        assert_eq!(ids(None, 2), [0, 2]);
        assert_eq!(ids(Some(2), 2), [3]);
        assert!(ids(Some(3), 2).is_empty());
        let alice = account("alice");
        deals[0].label(&alice, 2, says::truth(&alice, 9));
        assert_ok!(LabelBounties::request_pages(
            signed(&alice),
            deals[0].id,
            3,
            None
        ));
        let view = LabelBounties::campaign(0).unwrap();
        assert_eq!(view.terms, deals[0].terms);
        assert_eq!(view.record.batches, 1);
        let brief = &view.open[0];
        assert_eq!((brief.id, brief.pages), (deals[0].id, 8));
        assert_eq!((brief.free_slots, brief.waiting), (38, 1));
        assert!(LabelBounties::campaign(1).unwrap().open.is_empty());
        assert_eq!(LabelBounties::campaign(9), None);
        let status = LabelBounties::status();
        assert_eq!((status.batches, status.open, status.waiting), (4, 3, 1));
        assert_eq!(LabelBounties::clock_now(), (LabelBounties::clock(), 3_000));
    });
}

#[test]
fn a_worker_sees_leases_commits_and_outcome() {
    build_and_execute(|| {
        let deal = Deal::usual();
        let alice = account("alice");
        assert!(LabelBounties::worker(alice.clone()).batches.is_empty());
        let done = deal.label(&alice, 1, says::truth(&alice, 9))[0];
        let leased = deal.lease(&alice, 2);
        let view = LabelBounties::worker(alice.clone());
        assert_eq!((view.credit, view.batches.len()), (0, 1));
        let work = &view.batches[0];
        assert_eq!(work.batch, deal.id);
        assert_eq!((work.leased, work.committed, work.requests), (3, 1, 2));
        assert_eq!((work.abandoned, work.requested), (0, false));
        assert_eq!(work.stake, 3 * deal.terms.page_stake());
        let status = |page| {
            let slot = work.slots.iter().find(|slot| slot.page == page);
            &slot.unwrap().status
        };
        assert_eq!(work.slots.len(), 3);
        assert!(matches!(status(done), SlotStatus::Committed { .. }));
        for page in leased {
            assert!(matches!(status(page), SlotStatus::Leased { .. }));
        }
        deal.finish();
        let work = LabelBounties::worker(alice.clone()).batches.remove(0);
        assert_eq!(work.state, BatchState::Paid);
        assert_eq!(work.outcome, Some(deal.outcome(&alice)));
        assert_eq!((work.stake, work.abandoned, work.revealed), (0, 2, 1));
        assert!(work.slots.is_empty());
    });
}

#[test]
fn a_page_shows_who_did_what() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 2);
        let who = workers(2);
        for who in &who {
            deal.label(who, 2, says::truth(who, u32::MAX));
        }
        let view = LabelBounties::page(deal.id, 0).unwrap();
        assert_eq!(view.slots.len(), 2);
        assert!(!view.closed && !view.gold_opened && view.gold.is_empty());
        deal.show();
        deal.open_gold(&[0]);
        let view = LabelBounties::page(deal.id, 0).unwrap();
        assert!(view.gold_opened);
        assert_eq!(view.gold.len(), 4);
        assert!(view
            .slots
            .iter()
            .all(|(_, status)| matches!(status, SlotStatus::Revealed { .. })));
        assert_eq!(LabelBounties::page(deal.id, 2), None);
        let batch = LabelBounties::batch(deal.id).unwrap();
        assert_eq!((batch.revealed_pages, batch.gold_pages), (2, 1));
        assert_eq!(LabelBounties::batch(deal.id + 1), None);
    });
}

#[test]
fn labels_are_known_once_workers_are_ranked() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 2);
        let who = workers(4);
        for who in &who[..3] {
            deal.label(who, 2, says::truth(who, u32::MAX));
        }
        deal.label(&who[3], 2, says::opposite());
        deal.show();
        deal.open_gold(&[0, 1]);
        assert_eq!(LabelBounties::consensus(deal.id, 0), None);
        assert_eq!(LabelBounties::result(deal.id), None);
        deal.pay();
        for page in 0..2 {
            let labels = LabelBounties::consensus(deal.id, page).unwrap();
            let codes: Vec<_> = labels
                .iter()
                .map(|label| match label.label {
                    Some(Answer::Code(code)) => code,
                    _ => panic!("no code"),
                })
                .collect();
            assert_eq!(codes, deal.made[page as usize].truth);
            assert!(labels.iter().all(|label| !label.thin && !label.tie));
        }
        let result = LabelBounties::result(deal.id).unwrap();
        assert_eq!(result.paid, deal.batch().money.paid);
        pass(RetainFor::get());
        run_blocks(3);
        assert_eq!(LabelBounties::consensus(deal.id, 0), None);
        assert_eq!(LabelBounties::result(deal.id), Some(result));
    });
}

// The design's worked example, on the chain.
#[test]
fn every_number_is_explained() {
    build_and_execute(|| {
        let terms = CampaignTerms {
            pay: 1_000 * ED,
            panel_max: 4,
            ..binary(8, 4)
        };
        let answers = ["01101001", "01101011", "01011001", "00000000"];
        let codes =
            |text: &str| -> Vec<u32> { text.bytes().map(|bit| u32::from(bit - b'0')).collect() };
        // A batch has at least eight gold tasks, so there are two pages of which one is answered.
        let made: Vec<_> = (0..2)
            .map(|page| {
                let gold = [(0, 0), (1, 1), (3, 0), (4, 1)];
                make(&terms, page, codes("01001000"), &gold)
            })
            .collect();
        let deal = Deal::of(&account("requester"), terms, made);
        let who = workers(4);
        for (who, answers) in who.iter().zip(answers) {
            deal.lease(who, 2);
            deal.commit(who, 0, &codes(answers));
        }
        let before = LabelBounties::explain(deal.id, who[0].clone()).unwrap();
        assert_eq!((before.pay, before.reference), (None, None));
        deal.finish();
        let explained: Vec<_> = who
            .iter()
            .map(|who| LabelBounties::explain(deal.id, who.clone()).unwrap())
            .collect();
        let one = &explained[0];
        assert_eq!(one.agreement.v, 2_313_657_978);
        assert_eq!(one.agreement.v_gold, 2_339_223_260);
        assert_eq!(one.reference.unwrap().reference, 614_465_536);
        let pays: Vec<_> = explained.iter().map(|one| one.pay.unwrap()).collect();
        let shares: Vec<_> = pays.iter().map(|pay| pay.share_bp).collect();
        let scores: Vec<_> = pays.iter().map(|pay| pay.score_bp).collect();
        assert_eq!(scores, [12_500, 11_242, 8_926, 0]);
        assert_eq!(shares, [10_000, 10_000, 9_269, 0]);
        let paid: Vec<_> = pays.iter().map(|pay| pay.pay / ED).collect();
        assert_eq!(paid, [8_000, 8_000, 7_415, 0]);
        for (explained, who) in explained.iter().zip(&who) {
            let outcome = deal.outcome(who);
            assert_eq!(explained.outcome, Some(outcome));
            assert_eq!(explained.pay.unwrap().pay, outcome.pay);
            assert_eq!(explained.pages[0].sums, explained.sums);
        }
        // Agreement with each colleague: 24, 16 and 0 of 56.
        let of = |i: usize| -> Vec<_> {
            let peers = &explained[i].pages[0].peers;
            peers.iter().map(|(_, n)| (n * 56) >> 32).collect()
        };
        let mut first = of(0);
        first.sort_unstable();
        assert_eq!(first, [0, 15, 23]);
        assert_eq!(of(3), [0, 0, 0]);
        assert!(explained[3].pay.unwrap().junk);
        assert_eq!(
            deal.outcome(&who[3]).stake_lost,
            terms.page_stake(),
            "and the second lease is the one that may be abandoned"
        );
        assert_eq!(LabelBounties::explain(deal.id, account("x")), None);
    });
}

#[test]
fn twins_are_shown_with_what_they_share() {
    build_and_execute(|| {
        let deal = Deal::with(binary(8, 4), 4);
        let who = workers(4);
        for who in &who[..2] {
            deal.label(who, 4, says::truth(who, 3));
        }
        for who in &who[2..] {
            deal.label(who, 4, says::key(3));
        }
        deal.show();
        let twins = LabelBounties::twins(deal.id, 10_000);
        assert_eq!(twins.len(), 1);
        assert_eq!((twins[0].tasks, twins[0].alike), (32, 32));
        let mut pair = [twins[0].first.clone(), twins[0].second.clone()];
        pair.sort();
        let mut expected = [who[2].clone(), who[3].clone()];
        expected.sort();
        assert_eq!(pair, expected);
        assert_eq!(LabelBounties::twins(deal.id, 0).len(), 6);
    });
}
