//! Jobs from creation to end, under both policies, and every way a state is left.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};

type E = Error<Test>;

#[test]
fn an_optimistic_job_runs_and_is_paid() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        let drawn = job(id);
        assert_eq!(drawn.replicas[0].pay, 10 * AUR);
        assert_eq!(drawn.replicas[0].collateral, 50 * AUR);
        assert_eq!(drawn.deadline, System::block_number() - 1 + 40 + 1);
        accept(id, &keys[0]);
        assert_eq!(status(id), JobStatus::Running);
        // 20 blocks, and four times the one block that was declared.
        assert_eq!(job(id).deadline, System::block_number() + 24);
        reveal(id, &keys[0], 0);
        assert_eq!(status(id), JobStatus::Claimed);
        let until = System::block_number() + 100;
        assert_eq!(job(id).deadline, until);
        run_to(until);
        assert_eq!(status(id), JobStatus::Claimed);
        run_to(until + 1);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(
            events().last(),
            Some(&Event::JobSettled {
                job: id,
                trace_root: root_of(0),
                output_root: trace(0)[2],
                grade: Grade::WatchedOnly,
                refunded: 0,
            })
        );
        assert_eq!(Assignments::<Test>::get(&keys[0]).len(), 0);
        assert_eq!(NodeRoots::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_single_replica_may_commit_first() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = to_claimed(OPTIMISTIC, &[0]);
        finish(id);
        assert_eq!(free(&owner_of(&keys[0])), 9_000 * AUR + 98 * AUR / 10);
    });
}

#[test]
fn a_replicated_job_runs_and_the_liar_is_outvoted() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        for key in &keys {
            accept(id, key);
        }
        assert_eq!(status(id), JobStatus::Running);
        commit(id, &keys[0], 0);
        commit(id, &keys[1], 9);
        commit(id, &keys[2], 0);
        assert_eq!(status(id), JobStatus::Sealed);
        assert_eq!(job(id).deadline, System::block_number() + 6);
        run_to(System::block_number() + 7);
        assert_eq!(status(id), JobStatus::Revealing);
        reveal(id, &keys[0], 0);
        reveal(id, &keys[1], 9);
        let named = TraceReveal::Root(root_of(0));
        assert_ok!(ComputeJobs::reveal(signed(&keys[2]), id, SALT, named, None));
        assert_eq!(status(id), JobStatus::Claimed);
        assert_eq!(NodeRoots::<Test>::iter().count(), 2);
        finish(id);
        let liar = Providers::<Test>::get(owner_of(&keys[1])).unwrap();
        assert_eq!((liar.bond, liar.locked, liar.live), (950 * AUR, 0, 0));
        assert!(liar.jailed_until.is_some());
        for key in [&keys[0], &keys[2]] {
            assert_eq!(free(&owner_of(key)), 9_000 * AUR + 98 * AUR / 10);
        }
        assert!(events().iter().any(|event| matches!(
            event,
            Event::JobSettled {
                grade: Grade::Replicated { agreed: 2, of: 3 },
                ..
            }
        )));
    });
}

#[test]
fn nobody_eligible_expires_the_job() {
    build_and_execute(|| {
        let id = create(JobTerms {
            tip: AUR,
            ..terms(TWO_OF_THREE)
        });
        run_to(101);
        assert_eq!(status(id), JobStatus::Open);
        run_to(102);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(free(&requester()), 10_000 * AUR);
        assert_eq!(
            events().last(),
            Some(&Event::JobExpired {
                job: id,
                refunded: 31 * AUR
            })
        );
    });
}

#[test]
fn a_missing_provider_is_replaced_and_the_job_goes_on() {
    build_and_execute(|| {
        providers(4, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        accept(id, &keys[0]);
        accept(id, &keys[1]);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Assigned);
        assert_eq!(workers(id), keys[..2]);
        assert!(job(id).draw.is_some());
        run_to(System::block_number() + 4);
        let now = workers(id);
        assert_eq!(now.len(), 3);
        assert!(!now[2..].contains(&keys[2]));
        accept(id, &now[2]);
        assert_eq!(status(id), JobStatus::Running);
        let released = Providers::<Test>::get(owner_of(&keys[2])).unwrap();
        assert_eq!(
            (released.live, released.locked, released.bond),
            (0, 0, 1_000 * AUR)
        );
        assert_eq!(released.releases_in_a_row, 1);
        assert_eq!(released.jailed_until, None);
    });
}

#[test]
fn without_replacement_the_job_goes_on_with_its_quorum() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        accept(id, &keys[0]);
        commit(id, &keys[1], 0);
        run_to(job(id).deadline + 1);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Running);
        commit(id, &keys[0], 0);
        assert_eq!(status(id), JobStatus::Sealed);
        run_to(job(id).deadline + 1);
        reveal(id, &keys[0], 0);
        reveal(id, &keys[1], 0);
        finish(id);
        assert_eq!(free(&requester()), 9_980 * AUR);
    });
}

#[test]
fn below_quorum_after_two_redraws_the_job_fails() {
    build_and_execute(|| {
        providers(9, 10 * AUR);
        let (id, keys) = create_and_draw(JobTerms {
            tip: AUR,
            ..terms(TWO_OF_THREE)
        });
        accept(id, &keys[0]);
        for redraws in 1..=2u8 {
            run_to(job(id).deadline + 1);
            assert_eq!(job(id).redraws, redraws);
            run_to(System::block_number() + 4);
            assert_eq!(job(id).replicas.len(), 3);
        }
        run_to(job(id).deadline + 1);
        assert_eq!(
            events().last(),
            Some(&Event::JobFailed {
                job: id,
                reason: FailReason::NotAccepted,
                refunded: 30 * AUR
            })
        );
        // Refund less tip; nobody is slashed or paid.
        assert_eq!(free(&requester()), 9_999 * AUR);
        assert_eq!(free(&treasury()), 2 * AUR);
        for i in 0..9 {
            assert_eq!(
                Providers::<Test>::get(provider(i)).unwrap().bond,
                1_000 * AUR
            );
        }
    });
}

#[test]
fn three_releases_in_a_row_pause_the_offer() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let policy = Policy::Replicated {
            n: 2,
            quorum: 2,
            window: 100,
        };
        for round in 0..3 {
            let (id, _) = create_and_draw(terms(policy));
            accept(id, &worker(0));
            assert!(
                !Offers::<Test>::get(provider(1)).unwrap().paused,
                "round {round}"
            );
            run_to(job(id).deadline + 1);
        }
        assert!(Offers::<Test>::get(provider(1)).unwrap().paused);
        assert!(events().contains(&Event::OfferPaused {
            provider: provider(1),
            automatic: true
        }));
        assert_ok!(ComputeJobs::resume(signed(&provider(1))));
        assert_eq!(
            Providers::<Test>::get(provider(1))
                .unwrap()
                .releases_in_a_row,
            0
        );
    });
}

#[test]
fn an_earlier_release_counts_once_somebody_else_accepts() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let (id, first) = create_and_draw(terms(OPTIMISTIC));
        run_to(job(id).deadline + 1);
        let record = || Providers::<Test>::get(owner_of(&first[0])).unwrap();
        assert_eq!(record().releases_in_a_row, 0);
        run_to(System::block_number() + 4);
        let second = workers(id);
        assert_ne!(second, first);
        accept(id, &second[0]);
        assert_eq!(record().releases_in_a_row, 1);
    });
}

#[test]
fn late_replicas_drop_out_and_the_quorum_goes_on() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        keys.iter().for_each(|key| accept(id, key));
        commit(id, &keys[0], 0);
        commit(id, &keys[1], 0);
        let deadline = job(id).deadline;
        run_to(deadline);
        crawl_to(deadline + 1);
        assert_noop!(
            ComputeJobs::commit(signed(&keys[2]), id, [0; 32]),
            E::NotAssigned
        );
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        assert_eq!(status(id), JobStatus::Sealed);
        let late = Providers::<Test>::get(owner_of(&keys[2])).unwrap();
        assert_eq!((late.bond, late.locked, late.live), (995 * AUR, 0, 0));
        assert!(late.jailed_until.is_some());
        check();
    });
}

#[test]
fn below_quorum_of_commitments_the_job_fails() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        keys.iter().for_each(|key| accept(id, key));
        commit(id, &keys[0], 0);
        run_to(job(id).deadline + 1);
        assert_eq!(
            events().last(),
            Some(&Event::JobFailed {
                job: id,
                reason: FailReason::NotComputed,
                refunded: 30 * AUR
            })
        );
        let committed = Providers::<Test>::get(owner_of(&keys[0])).unwrap();
        assert_eq!(
            (committed.bond, committed.jailed_until),
            (1_000 * AUR, None)
        );
    });
}

#[test]
fn nobody_revealing_fails_the_job() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, _) = to_revealing(TWO_OF_THREE, &[0, 0, 0]);
        let deadline = job(id).deadline;
        assert_eq!(deadline, System::block_number() - 1 + 1_200);
        run_to(deadline + 1);
        assert!(events().iter().any(|event| matches!(
            event,
            Event::JobFailed {
                reason: FailReason::NotRevealed,
                ..
            }
        )));
    });
}

#[test]
fn two_of_two_that_disagree_fail() {
    build_and_execute(|| {
        providers(2, 10 * AUR);
        let policy = Policy::Replicated {
            n: 2,
            quorum: 2,
            window: 100,
        };
        let (id, keys) = to_claimed(policy, &[0, 1]);
        finish(id);
        assert!(events().iter().any(|event| matches!(
            event,
            Event::JobFailed {
                reason: FailReason::NoMajority,
                ..
            }
        )));
        for key in &keys {
            let record = Providers::<Test>::get(owner_of(key)).unwrap();
            assert_eq!((record.bond, record.jailed_until), (1_000 * AUR, None));
        }
    });
}

#[test]
fn a_lone_revealer_below_quorum_is_no_majority() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = to_revealing(TWO_OF_THREE, &[0, 0, 0]);
        reveal(id, &keys[0], 0);
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Claimed);
        finish(id);
        assert!(events().iter().any(|event| matches!(
            event,
            Event::JobFailed {
                reason: FailReason::NoMajority,
                ..
            }
        )));
    });
}

#[test]
fn four_of_seven_settle_against_three() {
    build_and_execute(|| {
        providers(7, 10 * AUR);
        let policy = Policy::Replicated {
            n: 7,
            quorum: 4,
            window: 100,
        };
        let (id, keys) = to_claimed(policy, &[0, 1, 0, 2, 0, 3, 0]);
        finish(id);
        for (seat, key) in keys.iter().enumerate() {
            let bond = Providers::<Test>::get(owner_of(key)).unwrap().bond;
            assert_eq!(
                bond,
                if seat % 2 == 0 {
                    1_000 * AUR
                } else {
                    950 * AUR
                }
            );
        }
    });
}

#[test]
fn the_window_is_never_shorter_than_twice_the_work_time() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let policy = Policy::Optimistic {
            window: 10,
            audit: 0,
        };
        let (id, keys) = create_and_draw(terms(policy));
        accept(id, &keys[0]);
        reveal(id, &keys[0], 0);
        assert_eq!(job(id).deadline, System::block_number() + 10 + 2 * 24);
    });
}

#[test]
fn a_job_keeps_the_constants_it_was_created_under() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(terms(OPTIMISTIC));
        OpenFor::set(5);
        WorkerFloat::set(0);
        assert_eq!((job(id).rules.open_for, job(id).rules.float), (100, AUR));
        run_to(System::block_number() + 5);
        assert_eq!(status(id), JobStatus::Assigned);
    });
}

#[test]
fn a_retired_model_finishes_its_jobs() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(terms(OPTIMISTIC));
        retire_models();
        run_to(System::block_number() + 5);
        accept(id, &worker(0));
        reveal(id, &worker(0), 0);
        finish(id);
        assert_eq!(users_of(MODEL), 0);
    });
}

#[test]
fn a_poke_does_what_is_due_and_is_paid_from_the_tip() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(JobTerms {
            tip: AUR / 50,
            ..terms(OPTIMISTIC)
        });
        let poker = signed(&bystander());
        let start = System::block_number();
        assert_noop!(ComputeJobs::poke(poker.clone(), id), E::NothingDue);
        crawl_to(start + 3);
        assert_noop!(ComputeJobs::poke(poker.clone(), id), E::NothingDue);
        crawl_to(start + 4);
        assert_ok!(ComputeJobs::poke(poker.clone(), id));
        assert_eq!(status(id), JobStatus::Assigned);
        assert_eq!(free(&bystander()), 10_000 * AUR + AUR / 100);
        assert_noop!(ComputeJobs::poke(poker.clone(), id), E::NothingDue);
        accept(id, &worker(0));
        commit(id, &worker(0), 0);
        crawl_to(job(id).deadline);
        assert_ok!(ComputeJobs::poke(poker.clone(), id));
        reveal(id, &worker(0), 0);
        crawl_to(job(id).deadline);
        // The tip is used up, but the call still does its work.
        assert_ok!(ComputeJobs::poke(poker, id));
        assert_eq!(free(&bystander()), 10_000 * AUR + AUR / 50);
        assert_eq!(Jobs::<Test>::get(id), None);
        assert_eq!(free(&requester()), 9_990 * AUR - AUR / 50);
    });
}

#[test]
fn unused_tip_returns() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let id = create(JobTerms {
            tip: AUR,
            ..terms(OPTIMISTIC)
        });
        crawl_to(System::block_number() + 4);
        assert_ok!(ComputeJobs::poke(signed(&bystander()), id));
        accept(id, &worker(0));
        reveal(id, &worker(0), 0);
        finish(id);
        assert_eq!(free(&requester()), 9_990 * AUR - AUR / 100);
    });
}

#[test]
fn a_call_is_in_time_before_the_deadline_only() {
    build_and_execute(|| {
        providers(1, 10 * AUR);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        crawl_to(job(id).deadline);
        assert_noop!(ComputeJobs::accept(signed(&keys[0]), id), E::NotAssigned);
        let (id, keys) = create_and_draw(terms(OPTIMISTIC));
        crawl_to(job(id).deadline - 1);
        assert_ok!(ComputeJobs::accept(signed(&keys[0]), id));
        crawl_to(job(id).deadline);
        let roots = TraceReveal::Roots(trace(0));
        assert_noop!(
            ComputeJobs::reveal(signed(&keys[0]), id, SALT, roots, None),
            E::UnexpectedStatus
        );
    });
}

#[test]
fn a_reveal_opens_the_reveals_when_nobody_else_has() {
    build_and_execute(|| {
        providers(3, 10 * AUR);
        let (id, keys) = create_and_draw(terms(TWO_OF_THREE));
        keys.iter().for_each(|key| commit(id, key, 0));
        crawl_to(job(id).deadline - 1);
        let roots = || TraceReveal::Roots(trace(0));
        assert_noop!(
            ComputeJobs::reveal(signed(&keys[0]), id, SALT, roots(), None),
            E::UnexpectedStatus
        );
        crawl_to(job(id).deadline);
        assert_ok!(ComputeJobs::reveal(
            signed(&keys[0]),
            id,
            SALT,
            roots(),
            None
        ));
        assert_eq!(status(id), JobStatus::Revealing);
    });
}
