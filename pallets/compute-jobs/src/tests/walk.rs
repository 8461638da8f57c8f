//! Random walks: any calls in any order over many blocks, with the state checked
//! after every step and no money made or lost.

use crate::{mock::*, *};
use core::cell::Cell;
use frame_support::weights::Weight;
use proptest::{prelude::*, test_runner::TestRunner};

#[derive(Clone, Debug)]
enum Move {
    Blocks(u32),
    FullBlocks(u32),
    ToDeadline(u8),
    Register(u8),
    SetWorker(u8, u8),
    Offer(u8, u64, u8),
    Pause(u8),
    Resume(u8),
    Deregister(u8),
    Withdraw(u8),
    Unjail(u8),
    AddBond(u8, u64),
    Create {
        policy: u8,
        max_pay: u64,
        tip: u64,
        keep: bool,
        inline: bool,
        who: u8,
    },
    Cancel(u8),
    Accept(u8, u8),
    Commit(u8, u8, u8),
    Reveal {
        job: u8,
        seat: u8,
        kind: u8,
        named: bool,
        output: bool,
    },
    /// All replicas of a job do what is due; the last may lie.
    Help(u8, u8),
    Poke(u8),
    RemoveReceipt(u8),
    Drain(u8),
}

fn moves() -> impl Strategy<Value = Move> {
    let b = any::<u8>;
    prop_oneof![
        4 => (1u32..8).prop_map(Move::Blocks),
        2 => (1u32..8).prop_map(Move::FullBlocks),
        6 => b().prop_map(Move::ToDeadline),
        1 => b().prop_map(Move::Register),
        1 => (b(), b()).prop_map(|(i, k)| Move::SetWorker(i, k)),
        2 => (b(), 0u64..15, 1u8..6).prop_map(|(i, price, slots)| Move::Offer(i, price, slots)),
        1 => b().prop_map(Move::Pause),
        1 => b().prop_map(Move::Resume),
        1 => b().prop_map(Move::Deregister),
        1 => b().prop_map(Move::Withdraw),
        2 => b().prop_map(Move::Unjail),
        1 => (b(), 0u64..200).prop_map(|(i, amount)| Move::AddBond(i, amount)),
        6 => (b(), 0u64..15, 0u64..4, any::<bool>(), any::<bool>(), b()).prop_map(
            |(policy, max_pay, tip, keep, inline, who)| {
                Move::Create { policy, max_pay, tip, keep, inline, who }
            }
        ),
        1 => b().prop_map(Move::Cancel),
        10 => (b(), b()).prop_map(|(j, s)| Move::Accept(j, s)),
        10 => (b(), b(), 0u8..4).prop_map(|(j, s, k)| Move::Commit(j, s, k / 3)),
        12 => (b(), b(), 0u8..4, any::<bool>(), any::<bool>()).prop_map(
            |(job, seat, kind, named, output)| Move::Reveal {
                job, seat, kind: kind / 3, named, output
            }
        ),
        16 => (b(), b()).prop_map(|(job, liar)| Move::Help(job, liar)),
        3 => b().prop_map(Move::Poke),
        1 => b().prop_map(Move::RemoveReceipt),
        1 => b().prop_map(Move::Drain),
    ]
}

const PROVIDERS: u32 = 6;

fn pick_job(i: u8) -> Option<athanor_primitives::JobId> {
    let mut ids: Vec<_> = Jobs::<Test>::iter_keys().collect();
    ids.sort_unstable();
    (!ids.is_empty()).then(|| ids[usize::from(i) % ids.len()])
}

fn on_job(i: u8, f: impl FnOnce(athanor_primitives::JobId)) {
    if let Some(id) = pick_job(i) {
        f(id)
    }
}

fn pick_key(id: athanor_primitives::JobId, seat: u8) -> AccountId {
    let keys = workers(id);
    match keys.len() {
        0 => worker(seat.into()),
        n => keys[usize::from(seat) % n].clone(),
    }
}

fn help(id: athanor_primitives::JobId, lie: bool) {
    let job = job(id);
    let last = job.replicas.len().saturating_sub(1);
    for (seat, replica) in job.replicas.iter().enumerate() {
        let key = &replica.worker;
        let kind = u8::from(lie && seat == last);
        let reveal = |kind, named| {
            let trace = match named {
                true => TraceReveal::Root(root_of(kind)),
                false => TraceReveal::Roots(trace(kind)),
            };
            let output = (job.terms.inline_output && !named).then(|| output(kind));
            run(
                signed(key),
                Call::reveal {
                    job: id,
                    salt: SALT,
                    trace,
                    output,
                },
            );
        };
        match job.status {
            JobStatus::Assigned => run(signed(key), Call::accept { job: id }),
            JobStatus::Running if job.terms.policy.reveals_at_once() => reveal(kind, false),
            JobStatus::Running => {
                let commitment = commitment(id, key, kind);
                run(
                    signed(key),
                    Call::commit {
                        job: id,
                        commitment,
                    },
                );
            }
            JobStatus::Revealing => {
                for kind in 0..2 {
                    reveal(kind, true);
                    reveal(kind, false);
                }
            }
            _ => (),
        }
    }
}

fn act(step: &Move) {
    let of = |i: u8| provider(u32::from(i) % PROVIDERS);
    let owner = |i: u8| signed(&of(i));
    match step.clone() {
        Move::Blocks(n) => run_to(System::block_number() + n),
        Move::FullBlocks(n) => crawl_to(System::block_number() + n),
        Move::ToDeadline(j) => {
            if let Some(id) = pick_job(j) {
                let to = job(id).deadline;
                run_to_with(
                    to + u32::from(j % 2),
                    Weight::from_parts(400_000_000_000, u64::MAX),
                );
            }
        }
        Move::Register(i) => {
            let worker = worker(u32::from(i) % PROVIDERS);
            run(
                owner(i),
                Call::register_provider {
                    worker,
                    endpoint: Default::default(),
                },
            );
        }
        Move::SetWorker(i, k) => {
            run(
                owner(i),
                Call::set_worker {
                    worker: worker(u32::from(k) % 12),
                },
            );
        }
        Move::Offer(i, price, slots) => {
            let offer = OfferTerms {
                slots,
                ..offer(Balance::from(price) * AUR + ED / 3)
            };
            run(owner(i), Call::set_offer { offer });
        }
        Move::Pause(i) => run(owner(i), Call::pause {}),
        Move::Resume(i) => run(owner(i), Call::resume {}),
        Move::Deregister(i) => run(owner(i), Call::deregister {}),
        Move::Withdraw(i) => {
            run(signed(&bystander()), Call::withdraw { provider: of(i) });
        }
        Move::Unjail(i) => run(owner(i), Call::unjail {}),
        Move::AddBond(i, amount) => {
            run(
                owner(i),
                Call::add_bond {
                    amount: Balance::from(amount) * AUR,
                },
            );
        }
        Move::Create {
            policy,
            max_pay,
            tip,
            keep,
            inline,
            who,
        } => {
            let policy = match policy % 6 {
                0 => OPTIMISTIC,
                1 => Policy::Replicated {
                    n: 1,
                    quorum: 1,
                    window: 10,
                },
                2 => Policy::Replicated {
                    n: 2,
                    quorum: 2,
                    window: 10,
                },
                3 => Policy::Replicated {
                    n: 5,
                    quorum: 3,
                    window: 30,
                },
                _ => TWO_OF_THREE,
            };
            let terms = JobTerms {
                max_pay: Balance::from(max_pay) * AUR,
                tip: Balance::from(tip) * AUR / 150,
                keep_receipt: keep,
                inline_output: inline,
                ..terms(policy)
            };
            let who = if who % 8 == 0 {
                owner(who)
            } else {
                signed(&requester())
            };
            run(who, Call::create_job { terms });
        }
        Move::Cancel(j) => on_job(j, |job| run(signed(&requester()), Call::cancel { job })),
        Move::Accept(j, s) => on_job(j, |job| {
            run(signed(&pick_key(job, s)), Call::accept { job })
        }),
        Move::Commit(j, s, kind) => on_job(j, |job| {
            let key = pick_key(job, s);
            let commitment = commitment(job, &key, kind);
            run(signed(&key), Call::commit { job, commitment });
        }),
        Move::Reveal {
            job: j,
            seat,
            kind,
            named,
            output: with,
        } => on_job(j, |job| {
            let trace = if named {
                TraceReveal::Root(root_of(kind))
            } else {
                TraceReveal::Roots(trace(kind))
            };
            let output = with.then(|| output(kind));
            let key = signed(&pick_key(job, seat));
            run(
                key,
                Call::reveal {
                    job,
                    salt: SALT,
                    trace,
                    output,
                },
            );
        }),
        Move::Help(j, liar) => on_job(j, |job| help(job, liar % 4 == 0)),
        Move::Poke(j) => on_job(j, |job| run(signed(&bystander()), Call::poke { job })),
        Move::RemoveReceipt(j) => {
            run(signed(&requester()), Call::remove_receipt { job: j.into() });
        }
        Move::Drain(i) => {
            let who = if i % 2 == 0 {
                worker(u32::from(i) % 12)
            } else {
                of(i)
            };
            let call = pallet_balances::Call::transfer_all {
                dest: bystander(),
                keep_alive: false,
            };
            dispatch(signed(&who), call.into());
        }
    }
}

fn run(origin: RuntimeOrigin, call: Call<Test>) {
    dispatch(origin, call.into());
}

fn dispatch(origin: RuntimeOrigin, call: RuntimeCall) {
    use frame_support::dispatch::GetDispatchInfo;
    use sp_runtime::traits::Dispatchable;
    let most = call.get_dispatch_info().call_weight;
    if let Ok(info) = call.dispatch(origin) {
        let used = info.actual_weight.unwrap_or(most);
        assert!(used.all_lte(most), "{used} used, {most} charged");
    }
}

#[test]
fn nothing_breaks_the_state_or_makes_money() {
    let config = ProptestConfig {
        cases: 96,
        source_file: Some(file!()),
        test_name: Some(concat!(
            module_path!(),
            "::nothing_breaks_the_state_or_makes_money"
        )),
        ..ProptestConfig::default()
    };
    let steps = prop::collection::vec(moves(), 1..160);
    let (settled, failed, struck) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let walk = |steps: Vec<Move>| {
        new_test_ext().execute_with(|| {
            let issued = Balances::total_issuance();
            providers(PROVIDERS, 5 * AUR);
            for step in &steps {
                act(step);
                check();
                prop_assert_eq!(Balances::total_issuance(), issued);
            }
            // Left alone, every job ends, and all that was held for it is gone.
            for _ in 0..14 {
                let Some(last) = Jobs::<Test>::iter_values().map(|job| job.deadline).max() else {
                    break;
                };
                run_to(last.max(System::block_number()) + 20);
            }
            prop_assert_eq!(Jobs::<Test>::iter().count(), 0);
            check();
            prop_assert_eq!(Balances::total_issuance(), issued);
            for i in 0..PROVIDERS {
                if let Some(record) = Providers::<Test>::get(provider(i)) {
                    prop_assert_eq!((record.locked, record.live), (0, 0));
                }
            }
            for event in events() {
                let counter = match event {
                    Event::JobSettled { .. } => &settled,
                    Event::JobFailed { .. } => &failed,
                    Event::ReplicaStruck { .. } => &struck,
                    _ => continue,
                };
                counter.set(counter.get() + 1);
            }
            Ok(())
        })
    };
    TestRunner::new(config).run(&steps, walk).unwrap();
    // A walk that gets nowhere would show nothing.
    let reached = (settled.get(), failed.get(), struck.get());
    assert!(
        reached.0 > 20 && reached.1 > 20 && reached.2 > 20,
        "{reached:?}"
    );
}
