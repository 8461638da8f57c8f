//! Every invariant of `try_state`, broken by hand: the check says which. Those of threads are in
//! [`super::disputes`].

use crate::{mock::*, *};
use athanor_primitives::JobId;
use frame_support::{
    storage::{unhashed, with_transaction, TransactionOutcome},
    traits::{
        fungible::{Mutate, MutateHold},
        tokens::Precision,
    },
    BoundedVec,
};
use sp_runtime::DispatchError;
use std::collections::BTreeSet;

pub(super) type Bucket = BoundedVec<Due, MaxDeadlinesPerBlock>;

/// Spoils a state that is sound, expects the check to say this of it, and takes it back.
pub(super) fn finds(error: &str, spoil: impl FnOnce()) {
    ComputeJobs::do_try_state().unwrap();
    let said = with_transaction(|| {
        spoil();
        let said = ComputeJobs::do_try_state();
        TransactionOutcome::Rollback(Ok::<_, DispatchError>(said))
    });
    match said.unwrap() {
        Err(DispatchError::Other(said)) => assert_eq!(said, error),
        other => panic!("{other:?}, not {error:?}"),
    }
}

pub(super) fn spoil_job(id: JobId, f: impl FnOnce(&mut Job<AccountId>)) {
    Jobs::<Test>::mutate(id, |job| f(job.as_mut().unwrap()));
}

fn spoil_provider(who: &AccountId, f: impl FnOnce(&mut Provider<AccountId>)) {
    Providers::<Test>::mutate(who, |provider| f(provider.as_mut().unwrap()));
}

fn release(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::release(&reason.into(), who, amount, Precision::Exact).unwrap();
}

fn hold(reason: HoldReason, who: &AccountId, amount: Balance) {
    Balances::hold(&reason.into(), who, amount).unwrap();
}

#[test]
fn budgets_and_deposits_that_are_not_held_are_found() {
    new_test_ext().execute_with(|| {
        let id = create(JobTerms {
            keep_receipt: true,
            ..terms(OPTIMISTIC)
        });
        let parts: [fn(&mut Job<AccountId>) -> &mut Balance; 4] = [
            |job| &mut job.budget,
            |job| &mut job.premium,
            |job| &mut job.stake,
            |job| &mut job.tip,
        ];
        for part in parts {
            finds("budgets are not held", || {
                spoil_job(id, |job| *part(job) += 1)
            });
        }
        finds("budgets are not held", || {
            release(HoldReason::JobBudget, &requester(), 1)
        });
        finds("deposits are not held", || {
            spoil_job(id, |job| job.deposit -= 1)
        });
        finds("deposits are not held", || {
            release(HoldReason::Deposit, &requester(), 1)
        });
    });
}

#[test]
fn audits_that_do_not_add_up_are_found() {
    new_test_ext().execute_with(|| {
        Balances::set_balance(&pot(), 50 * AUR);
        providers(4, 10 * AUR);
        let audited = create(terms(Policy::Optimistic {
            window: 100,
            audit: 64,
        }));
        let plain = create(terms(OPTIMISTIC));
        finds("no audit is ahead", || {
            spoil_job(audited, |job| job.audit = Audit::None)
        });
        finds("an audit is ahead where there is none", || {
            spoil_job(plain, |job| job.audit = Audit::Ahead)
        });
        run_to(System::block_number() + 5);
        assert_eq!(status(plain), JobStatus::Assigned);
        finds("a premium was not paid", || {
            spoil_job(plain, |job| {
                job.budget -= 1;
                job.premium += 1;
            })
        });
        finds("an auditor has no part in its job", || {
            spoil_job(plain, |job| job.audit = Audit::Drawn(bystander()))
        });
        finds("an auditor has nobody to audit", || {
            spoil_job(plain, |job| {
                job.audit = Audit::Drawn(job.replicas[0].provider.clone())
            })
        });
        finds("the pay of auditors is not held", || {
            hold(HoldReason::AuditPay, &pot(), 1)
        });
    });
}

#[test]
fn bonds_that_are_not_those_of_the_replicas_are_found() {
    new_test_ext().execute_with(|| {
        providers(4, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        let who = owner_of(&keys[0]);
        finds("a bond is not held", || {
            spoil_provider(&who, |provider| provider.bond += 1)
        });
        finds("a bond is not held", || {
            release(HoldReason::ProviderBond, &who, 1)
        });
        finds("locked collateral is not that of live replicas", || {
            spoil_provider(&who, |provider| provider.locked += 1)
        });
        finds("more is locked than bonded", || {
            spoil_provider(&who, |provider| {
                let less = provider.locked - 1;
                release(HoldReason::ProviderBond, &who, provider.bond - less);
                provider.bond = less;
            })
        });
        finds("slots used are not live replicas", || {
            spoil_provider(&who, |provider| provider.live += 1)
        });
        finds("a provider is unbonding while liable", || {
            spoil_provider(&who, |provider| provider.unbonding_until = Some(1))
        });
        finds("a replica's provider does not exist", || {
            Providers::<Test>::remove(&who)
        });

        let others: Vec<_> = (0..9).map(|_| create(terms(OPTIMISTIC))).collect();
        finds("more slots used than there are", || {
            let mut free = job(id).replicas[0].clone();
            free.provider = who.clone();
            free.collateral = 0;
            let seats = vec![free; MAX_SEATS as usize];
            for other in &others {
                spoil_job(*other, |job| {
                    job.replicas = seats.clone().try_into().unwrap()
                });
            }
            spoil_provider(&who, |provider| {
                provider.live += (others.len() * seats.len()) as u8
            });
        });
    });
}

#[test]
fn assignments_that_are_not_those_of_the_replicas_are_found() {
    new_test_ext().execute_with(|| {
        providers(4, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        finds("a key is in a job twice", || {
            spoil_job(id, |job| job.replicas[1].worker = keys[0].clone())
        });
        finds("an empty list of assignments is kept", || {
            Assignments::<Test>::insert(bystander(), AssignedJobs::default())
        });
        finds("an assignment has no replica", || {
            Assignments::<Test>::insert(bystander(), AssignedJobs::try_from(vec![id]).unwrap())
        });
        finds("a replica is in no list of assignments", || {
            Assignments::<Test>::remove(&keys[0])
        });
    });
}

#[test]
fn workers_and_offers_of_nobody_are_found() {
    new_test_ext().execute_with(|| {
        providers(4, 10 * AUR);
        let (_, keys) = create_and_draw(terms(TWO_OF_THREE));
        let idle = (0..4).find(|i| !keys.contains(&worker(*i))).unwrap();
        finds("a worker's provider is missing", || {
            WorkerOf::<Test>::insert(bystander(), bystander())
        });
        finds("a worker signs for nobody", || {
            WorkerOf::<Test>::insert(bystander(), provider(0))
        });
        finds("a provider has no worker", || {
            WorkerOf::<Test>::remove(worker(0))
        });
        finds("too many offers", || MaxOffers::set(3));
        MaxOffers::set(256);
        finds("offers miscounted", || {
            unhashed::kill(&Offers::<Test>::hashed_key_for(provider(0)))
        });
        finds("an offer's provider is missing", || {
            Offers::<Test>::insert(bystander(), Offers::<Test>::get(provider(0)).unwrap())
        });
        finds("an offer's provider is leaving", || {
            spoil_provider(&provider(idle), |record| record.unbonding_until = Some(1))
        });
    });
}

#[test]
fn jobs_that_no_call_leaves_behind_are_found() {
    new_test_ext().execute_with(|| {
        providers(4, 10 * AUR);
        let (assigned, keys) = create_and_draw(terms(TWO_OF_THREE));
        let (running, others) = create_and_draw(terms(TWO_OF_THREE));
        others.iter().for_each(|key| accept(running, key));
        let (sealed, others) = create_and_draw(terms(TWO_OF_THREE));
        others.iter().for_each(|key| commit(sealed, key, 0));
        let open = create(terms(OPTIMISTIC));
        let draw = job(open).draw;
        assert_eq!(
            [assigned, running, sealed, open].map(status),
            [
                JobStatus::Assigned,
                JobStatus::Running,
                JobStatus::Sealed,
                JobStatus::Open
            ]
        );
        finds("an ended job is kept", || {
            spoil_job(running, |job| job.status = JobStatus::Settled)
        });
        finds("an open job waits for no draw", || {
            spoil_job(open, |job| job.draw = None)
        });
        finds("an open job has replicas", || {
            spoil_job(assigned, |job| {
                job.status = JobStatus::Open;
                job.draw = draw;
            })
        });
        finds(
            "a sealed job waits for another draw than its audit's",
            || spoil_job(sealed, |job| job.draw = draw),
        );
        finds("a job past its draws waits for one", || {
            spoil_job(running, |job| job.draw = draw)
        });
        finds("a job runs without replicas", || {
            spoil_job(open, |job| {
                job.status = JobStatus::Running;
                job.draw = None;
            })
        });
        finds("a provider is in a job twice", || {
            spoil_job(assigned, |job| {
                let (one, other) = (owner_of(&keys[0]), owner_of(&keys[1]));
                let locked = job.replicas[1].collateral;
                job.replicas[1].provider = one.clone();
                spoil_provider(&one, |record| {
                    record.locked += locked;
                    record.live += 1;
                });
                spoil_provider(&other, |record| {
                    record.locked -= locked;
                    record.live -= 1;
                });
            })
        });
        finds("a requester serves itself", || {
            spoil_job(assigned, |job| {
                let who = owner_of(&keys[0]);
                let held = job.budget + job.premium + job.stake + job.tip;
                release(HoldReason::JobBudget, &job.requester, held);
                hold(HoldReason::JobBudget, &who, held);
                job.requester = who;
            })
        });
        finds("a replica's pay is above the most", || {
            spoil_job(assigned, |job| job.replicas[0].pay = job.terms.max_pay + 1)
        });
        finds("a late replica is locked", || {
            spoil_job(assigned, |job| {
                let locked = job.replicas[0].collateral;
                job.replicas[0].fault = Some(Fault::Late);
                spoil_provider(&owner_of(&keys[0]), |record| {
                    record.locked -= locked;
                    record.live -= 1;
                });
                let mut list = Assignments::<Test>::take(&keys[0]);
                list.retain(|id| *id != assigned);
                if !list.is_empty() {
                    Assignments::<Test>::insert(&keys[0], list);
                }
            })
        });
    });
}

#[test]
fn a_queue_that_forgets_or_repeats_is_found() {
    new_test_ext().execute_with(|| {
        providers(1, 10 * AUR);
        let (id, _) = create_and_draw(terms(OPTIMISTIC));
        let at = job(id).queued.unwrap();
        let bucket = |entry: Due| Bucket::try_from(vec![entry]).unwrap();
        finds("an empty bucket is kept", || {
            Deadlines::<Test>::insert(at + 100, Bucket::default())
        });
        finds("a bucket was passed over", || {
            QueueCursor::<Test>::put(at + 1)
        });
        finds("a job or thread is queued twice", || {
            Deadlines::<Test>::insert(at + 100, bucket(Due::Job(id)))
        });
        finds("the backlog has an entry elsewhere", || {
            Backlog::<Test>::insert(BacklogEnd::<Test>::get(), Due::Job(id))
        });
        finds("the backlog has a gap", || {
            BacklogEnd::<Test>::mutate(|end| *end += 1)
        });
        for elsewhere in [at + 1, BACKLOG] {
            finds("a job is queued elsewhere than it says", || {
                spoil_job(id, |job| job.queued = Some(elsewhere))
            });
        }
        finds(
            "a job is queued that waits for its threads, or one that does not is not",
            || {
                Deadlines::<Test>::remove(at);
                spoil_job(id, |job| job.queued = None);
            },
        );
        finds("an ended job or thread is queued", || {
            Deadlines::<Test>::insert(at + 100, bucket(Due::Job(id + 1)))
        });
    });
}

#[test]
fn node_roots_and_seeds_of_nothing_are_found() {
    new_test_ext().execute_with(|| {
        providers(3, 10 * AUR);
        let (id, _) = to_claimed(TWO_OF_THREE, &[0, 0, 0]);
        finds("a revealed trace has no node roots", || {
            NodeRoots::<Test>::remove(id, root_of(0))
        });
        finds("node roots are kept for no claim", || {
            NodeRoots::<Test>::insert(id, root_of(1), trace(1))
        });
        finds("an old seed is kept", || {
            System::set_block_number(System::block_number() + crate::draw::SEEDS_KEPT + 2)
        });
    });
}

/// Texts in quotation marks, outside comments.
fn quoted(source: &str) -> BTreeSet<&str> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect()
}

/// What tests expect the check to say.
fn expected(source: &str) -> BTreeSet<&str> {
    source
        .split(concat!("finds", "("))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
        .collect()
}

#[test]
fn each_invariant_is_broken_by_a_test() {
    let mut stated = quoted(include_str!("../try_state.rs"));
    stated.extend(quoted(include_str!("../disputes/try_state.rs")));
    let mut broken = expected(include_str!("try_state.rs"));
    broken.extend(expected(include_str!("disputes/try_state.rs")));
    assert!(stated.len() > 50, "{stated:?}");
    assert_eq!(broken, stated);
}
