//! Invariants of `try_state`, broken by hand: the check says which. Left out are those that an
//! earlier check finds, whatever is done to the state.

use super::crowd::*;
use crate::{mock::*, *};
use athanor_primitives::labels::{BatchId, BatchState, MAX_WORKERS};
use frame_support::{
    assert_ok,
    storage::{with_transaction, TransactionOutcome},
    traits::{fungible::MutateHold, tokens::Precision},
};
use sp_runtime::DispatchError;

/// A batch or campaign that is none.
const NONE: u64 = 99;

/// Spoils a state that is sound, expects the check to say this of it, and takes it back.
fn finds(error: &str, spoil: impl FnOnce()) {
    LabelBounties::do_try_state().unwrap();
    let said = with_transaction(|| {
        spoil();
        let said = LabelBounties::do_try_state();
        TransactionOutcome::Rollback(Ok::<_, DispatchError>(said))
    });
    match said.unwrap() {
        Err(DispatchError::Other(said)) => assert_eq!(said, error),
        other => panic!("{other:?}, not {error:?}"),
    }
}

fn spoil_batch(id: BatchId, f: impl FnOnce(&mut Batch<AccountId>)) {
    Batches::<Test>::mutate(id, |batch| f(batch.as_mut().unwrap()));
}

fn spoil_page(id: BatchId, page: u32, f: impl FnOnce(&mut Page)) {
    Pages::<Test>::mutate(id, page, |record| f(record.as_mut().unwrap()));
}

fn spoil_worker(id: BatchId, index: u32, f: impl FnOnce(&mut Worker<AccountId>)) {
    Workers::<Test>::mutate(id, index, |worker| f(worker.as_mut().unwrap()));
}

fn release(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::release(&reason.into(), who, amount, Precision::Exact).unwrap();
}

fn hold(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::hold(&reason.into(), who, amount).unwrap();
}

/// An open batch: worker 0 has committed to one page and leased others, worker 1 waits for pages.
struct Scene {
    deal: Deal,
    worker: AccountId,
    committed: u32,
    leased: u32,
}

impl Scene {
    fn new() -> Self {
        let deal = Deal::usual();
        let worker = account("worker");
        let pages = deal.lease(&worker, 4);
        deal.answer(&worker, pages[0], &says::always(0));
        let other = signed(&account("other"));
        assert_ok!(LabelBounties::request_pages(other, deal.id, 2, None));
        Scene {
            deal,
            worker,
            committed: pages[0],
            leased: pages[1],
        }
    }

    /// Worker 0, as if it had done nothing.
    fn idle(&self) -> Worker<AccountId> {
        Worker {
            waiting: 0,
            live: 0,
            leased: 0,
            committed: 0,
            staked: 0,
            ..self.deal.worker(&self.worker)
        }
    }
}

/// A batch that is paid.
fn paid() -> Deal {
    let deal = Deal::usual();
    for name in ["a", "b", "c"] {
        let who = account(name);
        deal.label(&who, 4, says::truth(&who, 1_000));
    }
    deal.finish();
    deal
}

#[test]
fn money_that_is_not_held_is_found() {
    new_test_ext().execute_with(|| {
        let scene = Scene::new();
        let (deal, worker) = (&scene.deal, &scene.worker);
        finds("escrow is not held", || {
            spoil_batch(deal.id, |batch| batch.money.escrow += 1)
        });
        finds("escrow is not held", || {
            release(HoldReason::BatchEscrow, &deal.requester, 1)
        });
        finds("bonds are not held", || {
            release(HoldReason::RequesterBond, &deal.requester, 1)
        });
        finds("a stake is not that of the pages", || {
            spoil_worker(deal.id, 0, |worker| worker.staked += 1)
        });
        finds("stakes are not held", || {
            release(HoldReason::WorkerStake, worker, 1)
        });
        finds("credits are not held", || {
            Credits::<Test>::insert(worker, 1)
        });
        finds("an empty credit is kept", || {
            Credits::<Test>::insert(worker, 0)
        });
        finds("deposits are not held", || {
            release(HoldReason::Deposit, &deal.requester, 1)
        });
        finds("governance paid a deposit", || {
            let domain = Domain {
                owner: None,
                deposit: 1,
                admitted: 0,
            };
            Domains::<Test>::insert(9, domain)
        });
    });
}

#[test]
fn money_that_went_elsewhere_is_found() {
    new_test_ext().execute_with(|| {
        let Scene { deal, .. } = Scene::new();
        finds("money of a batch came or went", || {
            spoil_batch(deal.id, |batch| batch.money.paid += 1)
        });
        finds("a worker was passed over", || {
            spoil_batch(deal.id, |batch| batch.state = BatchState::Pay { worker: 1 })
        });
        finds("the escrow is not that of the slots", || {
            spoil_batch(deal.id, |batch| {
                batch.money.escrow -= 1;
                batch.money.refunded += 1;
                release(HoldReason::BatchEscrow, &deal.requester, 1);
            })
        });
        finds("money went elsewhere than the rows say", || {
            spoil_batch(deal.id, |batch| {
                batch.money.deposited += 1;
                batch.money.paid += 1;
            })
        });
    });
    new_test_ext().execute_with(|| {
        let deal = Deal::usual();
        finds("a live batch has no terms", || {
            let campaign = Campaigns::<Test>::take(deal.campaign).unwrap();
            release(HoldReason::Deposit, &deal.requester, campaign.deposit);
        });
    });
}

#[test]
fn panels_that_no_draw_made_are_found() {
    new_test_ext().execute_with(|| {
        let Scene {
            deal,
            committed,
            leased,
            ..
        } = Scene::new();
        let id = deal.id;
        finds("there is a page too many", || {
            Pages::<Test>::insert(id, deal.batch().pages, Page::default())
        });
        finds("a page has too many slots", || {
            spoil_page(id, committed, |page| {
                while page.slots.len() <= usize::from(deal.terms.panel_max) {
                    page.slots.try_push(Slot::Free).unwrap();
                }
            })
        });
        finds("a worker has two slots of a page", || {
            spoil_page(id, committed, |page| page.slots[1] = page.slots[0].clone())
        });
        finds("a slot is nobody's", || {
            spoil_page(id, committed, |page| {
                page.slots[1] = Slot::Committed {
                    worker: deal.batch().workers,
                    hash: [0; 32],
                }
            })
        });
        finds("a lease outlasts its batch", || {
            let until = deal.batch().until + 1;
            spoil_page(id, leased, |page| {
                page.slots[0] = Slot::Leased { worker: 0, until }
            })
        });
        finds("an answer is shown while others answer", || {
            spoil_page(id, committed, |page| {
                page.slots[0] = Slot::Revealed {
                    worker: 0,
                    sheet: Default::default(),
                }
            })
        });
        finds("gold is lost", || {
            spoil_page(id, committed, |page| page.gold_opened = true)
        });
        finds("gold is opened for nobody", || {
            spoil_page(id, committed, |page| page.gold_opened = true);
            GoldOf::<Test>::insert(id, committed, GoldItems::default());
        });
        finds("pages with commits are miscounted", || {
            spoil_batch(id, |batch| batch.answered += 1)
        });
        finds("pages with all reveals are miscounted", || {
            spoil_batch(id, |batch| batch.complete += 1)
        });
        finds("pages with reveals are miscounted", || {
            spoil_batch(id, |batch| batch.revealed_pages += 1)
        });
        finds("opened pages are miscounted", || {
            spoil_batch(id, |batch| batch.gold_pages += 1)
        });
    });
}

#[test]
fn windows_that_differ_from_their_pages_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { deal, leased, .. } = Scene::new();
        let id = deal.id;
        let spoil =
            |f: fn(&mut Window)| Windows::<Test>::mutate(id, |window: &mut Window| f(window));
        finds("a window without a batch", || {
            Windows::<Test>::insert(NONE, Window::default())
        });
        finds("a window outlives Open", || {
            spoil_batch(id, |batch| batch.state = BatchState::Reveal)
        });
        finds("a page is twice in a window", || {
            spoil(|window| window.pages[1].page = window.pages[0].page)
        });
        finds("a page entered out of turn", || {
            spoil(|window| window.next = 0)
        });
        finds("a closed page is in a window", || {
            spoil_page(id, leased, |page| page.closed = true)
        });
        finds("a window's used slots are not those of the page", || {
            spoil(|window| window.pages[0].used += 1)
        });
    });
}

#[test]
fn workers_that_differ_from_their_pages_are_found() {
    new_test_ext().execute_with(|| {
        let scene = Scene::new();
        let (id, worker) = (scene.deal.id, &scene.worker);
        finds("too many workers", || {
            spoil_batch(id, |batch| batch.workers = MAX_WORKERS + 1)
        });
        finds("a worker's number is too large", || {
            Workers::<Test>::insert(id, 50, scene.idle())
        });
        finds("an account has not its worker's number", || {
            WorkerOf::<Test>::insert(id, worker, 7)
        });
        finds("live leases are miscounted", || {
            spoil_worker(id, 0, |worker| worker.live += 1)
        });
        finds("commits are miscounted", || {
            spoil_worker(id, 0, |worker| worker.committed += 1)
        });
        finds("more leases ended than began", || {
            spoil_worker(id, 0, |worker| {
                worker.leased -= 1;
                worker.waiting += 1;
            })
        });
        finds("a worker is missing", || Workers::<Test>::remove(id, 1));
        finds("an account has a number without a worker", || {
            WorkerOf::<Test>::insert(id, account("nobody"), 1)
        });
        finds("a lease would never run out", || {
            let _ = Expiring::<Test>::clear(u32::MAX, None);
        });
    });
}

#[test]
fn requests_and_batches_that_wait_nowhere_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { deal, .. } = Scene::new();
        let id = deal.id;
        finds("a request is out of the queue", || {
            QueueEnds::<Test>::mutate(|ends| ends.head += 1)
        });
        finds("a worker has two requests in a batch", || {
            QueueEnds::<Test>::mutate(|ends| {
                let again = Queue::<Test>::get(ends.head).unwrap();
                Queue::<Test>::insert(ends.tail, again);
                ends.tail += 1;
            })
        });
        finds("a request is lost", || {
            Queue::<Test>::remove(QueueEnds::<Test>::get().head)
        });
        finds("a batch is not where it says", || {
            spoil_batch(id, |batch| batch.place = Some(Place::Cranking))
        });
        finds("a batch is forgotten", || {
            let _ = Deadlines::<Test>::clear(u32::MAX, None);
            spoil_batch(id, |batch| batch.place = None);
        });
        finds("a batch that is none waits", || {
            Cranking::<Test>::insert(NONE, ())
        });
    });
}

#[test]
fn groups_that_do_not_know_each_other_are_found() {
    new_test_ext().execute_with(|| {
        let (parent, child) = (Deal::usual(), Deal::usual());
        let join = |f: fn(&mut Batch<AccountId>, &mut Batch<AccountId>)| {
            spoil_batch(parent.id, |one| {
                one.children.try_push(child.id).unwrap();
                spoil_batch(child.id, |other| {
                    other.joins = Some(parent.id);
                    f(one, other);
                });
            })
        };
        finds("a follower does not know its parent", || {
            join(|_, child| child.joins = None)
        });
        finds("a parent does not know its follower", || {
            join(|parent, _| parent.children = Default::default())
        });
        finds("a follower has followers", || {
            join(|parent, _| parent.joins = Some(NONE))
        });
        finds("answers of a group are shown while it is open", || {
            join(|_, child| child.state = BatchState::Reveal);
            Windows::<Test>::remove(child.id);
        });
    });
}

#[test]
fn a_paid_batch_that_differs_from_its_result_is_found() {
    new_test_ext().execute_with(|| {
        let deal = paid();
        let id = deal.id;
        let gold = GoldOf::<Test>::iter_prefix(id).next().unwrap().0;
        finds("a stake outlives its batch", || {
            spoil_worker(id, 0, |worker| worker.staked = 1)
        });
        finds("a paid batch holds money", || {
            hold(HoldReason::BatchEscrow, &deal.requester, 1);
            spoil_batch(id, |batch| {
                batch.money.escrow += 1;
                batch.money.deposited += 1;
            });
        });
        finds("reveals are miscounted", || {
            spoil_batch(id, |batch| batch.revealed_slots += 1)
        });
        finds("commits are miscounted", || {
            spoil_batch(id, |batch| batch.used_slots += 1)
        });
        finds("a batch's sums are not its pages'", || {
            spoil_batch(id, |batch| batch.sums = Default::default())
        });
        finds("a worker's sums are not his pages'", || {
            spoil_worker(id, 0, |worker| worker.revealed += 1)
        });
        finds("contested gold is mismarked", || {
            GoldOf::<Test>::mutate(id, gold, |items| {
                let item = items.as_mut().unwrap().iter_mut().next().unwrap();
                item.contested ^= true;
            })
        });
        finds("a result is not that of the pages", || {
            spoil_batch(id, |batch| batch.result = [9; 32])
        });
        finds("a result is missing or too early", || {
            Results::<Test>::remove(id)
        });
        finds("a result is not its batch's", || {
            Results::<Test>::mutate(id, |result| result.as_mut().unwrap().paid += 1)
        });
        finds("a reference is missing or too early", || {
            spoil_batch(id, |batch| batch.reference = None)
        });
    });
}

#[test]
fn counts_of_campaigns_and_domains_that_are_wrong_are_found() {
    new_test_ext().execute_with(|| {
        let Scene { deal, worker, .. } = Scene::new();
        let spoil = |f: fn(&mut Campaign<AccountId>)| {
            Campaigns::<Test>::mutate(deal.campaign, |campaign| f(campaign.as_mut().unwrap()))
        };
        finds("live batches are miscounted", || {
            spoil(|campaign| campaign.live_batches += 1)
        });
        finds("a closed campaign has a live batch", || {
            spoil(|campaign| campaign.settled_at = Some(1))
        });
        finds("admitted requesters are miscounted", || {
            let domain = Domain {
                owner: None,
                deposit: 0,
                admitted: 1,
            };
            Domains::<Test>::insert(9, domain)
        });
        finds("somebody is admitted to no domain", || {
            Admitted::<Test>::insert(9, &worker, ())
        });
    });
}

#[test]
fn what_outlives_its_batch_or_campaign_is_found() {
    new_test_ext().execute_with(|| {
        let scene = Scene::new();
        let (id, worker) = (scene.deal.id, &scene.worker);
        finds("a page outlives its batch", || {
            Pages::<Test>::insert(NONE, 0, Page::default())
        });
        finds("gold outlives its page", || {
            GoldOf::<Test>::insert(NONE, 0, GoldItems::default())
        });
        finds("a worker outlives the batch", || {
            Workers::<Test>::insert(NONE, 0, scene.idle())
        });
        finds("an account outlives its worker", || {
            WorkerOf::<Test>::insert(NONE, worker, 0)
        });
        finds("seen pages outlive their worker", || {
            Seen::<Test>::insert(NONE, 0, SeenPages::default())
        });
        finds("ranks outlive Rank", || {
            Ranks::<Test>::insert(id, athanor_label_math::Hist::default())
        });
        finds("contributions outlive their campaign", || {
            Contributions::<Test>::insert(NONE, worker, 1)
        });
        finds("voucher uses outlive their campaign", || {
            VoucherUse::<Test>::insert(NONE, worker, 1)
        });
    });
}
