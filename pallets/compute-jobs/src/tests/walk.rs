//! Random walks: any calls in any order over many blocks. After every step the state
//! is checked, and each account has what [`super::model`] says it must have.

use super::model::{Model, Seen, SEAT};
use crate::{mock::*, *};
use athanor_primitives::{Opening, Value};
use athanor_tensor_program::judge::FraudProof;
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
    /// The same again and again, in the blocks it is due.
    Drive(u8, u8, u8),
    /// A proof in a thread convicts a replica's claim.
    Convict(u8, u8),
    Poke(u8),
    RemoveReceipt(u8),
    Drain(u8),
    /// Who announces, about which kind of trace and which node.
    Announce(u8, u8, u8, u8),
    Challenge(u8, bool),
    Demand(u8, bool),
    Answer(u8, u8),
    Deliver(u8, u8, u8),
    PokeThread(u8),
    ToThreadsDeadline(u8),
}

fn moves() -> impl Strategy<Value = Move> {
    let b = any::<u8>;
    prop_oneof![
        4 => (1u32..8).prop_map(Move::Blocks),
        2 => (1u32..8).prop_map(Move::FullBlocks),
        2 => b().prop_map(Move::ToDeadline),
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
        4 => (b(), b()).prop_map(|(j, s)| Move::Accept(j, s)),
        4 => (b(), b(), 0u8..4).prop_map(|(j, s, k)| Move::Commit(j, s, k / 3)),
        6 => (b(), b(), 0u8..4, any::<bool>(), any::<bool>()).prop_map(
            |(job, seat, kind, named, output)| Move::Reveal {
                job, seat, kind: kind / 3, named, output
            }
        ),
        8 => (b(), b()).prop_map(|(job, liar)| Move::Help(job, liar)),
        10 => (b(), 1u8..12, b()).prop_map(|(job, times, liar)| Move::Drive(job, times, liar)),
        3 => (b(), b()).prop_map(|(job, seat)| Move::Convict(job, seat)),
        3 => b().prop_map(Move::Poke),
        1 => b().prop_map(Move::RemoveReceipt),
        1 => b().prop_map(Move::Drain),
        16 => (b(), b(), 0u8..2, 1u8..3).prop_map(|(j, w, k, n)| Move::Announce(j, w, k, n)),
        1 => (b(), any::<bool>()).prop_map(|(t, open)| Move::Challenge(t, open)),
        16 => (b(), 0u8..4).prop_map(|(t, whole)| Move::Demand(t, whole > 0)),
        10 => (b(), 0u8..4).prop_map(|(t, wrong)| Move::Answer(t, wrong)),
        4 => (b(), 0u8..2, 0u8..8).prop_map(|(j, k, p)| Move::Deliver(j, k, p / 7)),
        3 => b().prop_map(Move::PokeThread),
        2 => b().prop_map(Move::ToThreadsDeadline),
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

/// A job whose claims can be disputed.
fn on_claimed(i: u8, f: impl FnOnce(athanor_primitives::JobId)) {
    let views = ComputeJobs::claims(0, u32::MAX);
    if !views.is_empty() {
        f(views[usize::from(i) % views.len()].job)
    }
}

/// A thread of any job.
fn on_thread(i: u8, f: impl FnOnce(athanor_primitives::JobId, ThreadView<AccountId>)) {
    let mut threads: Vec<_> = ComputeJobs::claims(0, u32::MAX)
        .into_iter()
        .flat_map(|view| {
            let of_job = ComputeJobs::threads(view.job).into_iter();
            of_job.map(move |thread| (view.job, thread))
        })
        .collect();
    if !threads.is_empty() {
        let (id, view) = threads.swap_remove(usize::from(i) % threads.len());
        f(id, view)
    }
}

fn opening(kind: u8, node: u8) -> Opening {
    Opening {
        trace_root: root_of(kind),
        node: node.into(),
        salt: SALT,
    }
}

/// The opening that was announced in a thread.
fn opening_of(id: athanor_primitives::JobId, thread: &Thread<AccountId>) -> Option<Opening> {
    let ThreadKind::Dispute { announcement, .. } = thread.kind else {
        return None;
    };
    let who = thread.challenger.as_ref();
    (0..3)
        .flat_map(|kind| (1..4).map(move |node| opening(kind, node)))
        .find(|opening| opening.announcement(&ComputeJobs::genesis(), who, id) == announcement)
}

/// What `challenge` does with a proof that convicts: proofs themselves have their own
/// tests.
fn convict(id: athanor_primitives::JobId, number: athanor_primitives::ThreadId, seat: u8) {
    let mut job = job(id);
    let thread = Threads::<Test>::get(id, number).expect("a thread");
    let now = System::block_number();
    let claims: Vec<_> = job
        .replicas
        .iter()
        .filter(|replica| replica.is_standing())
        .filter_map(|replica| replica.trace_root)
        .collect();
    if claims.is_empty() || now >= thread.deadline {
        return;
    }
    let claim = claims[usize::from(seat) % claims.len()];
    ComputeJobs::strike_claim(id, &mut job, claim, &thread, Fault::FraudProven, now);
    ComputeJobs::close_thread(id, &mut job, number, thread, ThreadEnd::Convicted);
    ComputeJobs::advance(id, &mut job, None);
    ComputeJobs::keep(id, job, now);
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

fn act(step: &Move, model: &mut Model) {
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
                    consent: consent(&of(i), &worker),
                    worker,
                    endpoint: Default::default(),
                },
            );
        }
        Move::SetWorker(i, k) => {
            let worker = worker(u32::from(k) % 12);
            let consent = consent(&of(i), &worker);
            run(owner(i), Call::set_worker { worker, consent });
        }
        Move::Offer(i, price, slots) => {
            let price = Balance::from(price) * AUR + ED / 3;
            let offer = OfferTerms {
                slots,
                ..offer(price)
            };
            model.offers(price);
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
            let policy = match policy % 8 {
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
                4 | 5 => Policy::Optimistic {
                    window: 10,
                    audit: 64,
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
            model.asks(&terms);
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
        Move::Drive(j, times, liar) => on_job(j, |id| {
            for round in 0..times {
                let Some(job) = Jobs::<Test>::get(id) else {
                    break;
                };
                match (job.status, job.draw) {
                    (JobStatus::Claimed, _) => break,
                    (JobStatus::Open | JobStatus::Assigned, Some(draw)) => run_to(draw.next + 1),
                    (JobStatus::Sealed, _) => run_to(job.deadline + 1),
                    _ => help(id, (liar >> (round % 8)) & 3 == 3),
                }
            }
        }),
        Move::Convict(j, seat) => on_thread(j, |id, view| convict(id, view.id, seat)),
        Move::Poke(j) => on_job(j, |job| run(signed(&bystander()), Call::poke { job })),
        Move::RemoveReceipt(j) => {
            run(signed(&requester()), Call::remove_receipt { job: j.into() });
        }
        Move::Announce(j, who, kind, node) => on_claimed(j, |job| {
            let who = match who % 4 {
                0 => account("Alice"),
                1 => bystander(),
                _ => pick_key(job, who),
            };
            let announcement =
                opening(kind, node).announcement(&ComputeJobs::genesis(), who.as_ref(), job);
            run(signed(&who), Call::announce { job, announcement });
        }),
        Move::Challenge(t, open) => on_thread(t, |job, view| {
            let proof = FraudProof {
                node: 2,
                element: 0,
                witness: None,
                claimed: output(0).into_inner(),
                operands: vec![vec![0; 64], vec![0; 1_024]],
            };
            run(
                signed(&view.thread.challenger),
                Call::challenge {
                    job,
                    thread: view.id,
                    opening: opening_of(job, &view.thread).filter(|_| open),
                    proof: proof.into(),
                },
            );
        }),
        Move::Demand(t, whole) => on_thread(t, |job, view| {
            if view.thread.status == ThreadStatus::Announced {
                run_to(System::block_number() + 2);
            }
            let Some(opening) = opening_of(job, &view.thread) else {
                return;
            };
            let value = match whole {
                true => Value::Node(opening.node),
                false => Value::Constant(0),
            };
            run(
                signed(&view.thread.challenger),
                Call::demand {
                    job,
                    thread: view.id,
                    demand: Demand::First { opening, value },
                },
            );
        }),
        Move::Answer(t, wrong) => on_thread(t, |job, view| {
            let Some(line) = view.thread.line else {
                return;
            };
            let kind = (0..3).find(|kind| root_of(*kind) == line.trace_root);
            let bytes = output(kind.unwrap() + wrong / 3);
            let bytes = AnswerBytes::truncate_from(bytes.into_inner());
            for key in workers(job) {
                run(
                    signed(&key),
                    Call::answer {
                        job,
                        thread: view.id,
                        bytes: bytes.clone(),
                    },
                );
            }
        }),
        Move::Deliver(j, kind, piece) => on_claimed(j, |job| {
            run(
                signed(&requester()),
                Call::deliver {
                    job,
                    trace_root: root_of(kind),
                    output: 0,
                    piece: piece.into(),
                },
            );
        }),
        Move::PokeThread(t) => on_thread(t, |job, view| {
            let who = match t % 2 {
                0 => bystander(),
                _ => requester(),
            };
            run(
                signed(&who),
                Call::poke_thread {
                    job,
                    thread: view.id,
                },
            );
        }),
        Move::ToThreadsDeadline(t) => on_thread(t, |_, view| {
            let to = view.thread.deadline + u32::from(t % 2);
            run_to_with(to, Weight::from_parts(400_000_000_000, u64::MAX));
        }),
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
            let before = free(&who);
            dispatch(signed(&who), call.into());
            model.transferred(&who, &bystander(), before - free(&who));
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

/// Walks one way and gives what happened on it.
fn walk(steps: &[Move]) -> Seen {
    let mut model = Model::at_genesis();
    let gift = 40 * AUR;
    assert!(Balances::transfer_allow_death(signed(&bystander()), pot(), gift).is_ok());
    model.transferred(&bystander(), &pot(), gift);
    model.offers(5 * AUR);
    providers(PROVIDERS, 5 * AUR);
    model.follow();
    for (count, step) in steps.iter().enumerate() {
        act(step, &mut model);
        model.follow();
        model.compare();
        if count % 4 == 0 {
            check();
        }
    }
    // Left alone, every job ends, and all that was held for it is gone.
    for _ in 0..60 {
        let Some(last) = Jobs::<Test>::iter_values().map(|job| job.deadline).max() else {
            break;
        };
        run_to(last.max(System::block_number()) + 20);
        model.follow();
        model.compare();
    }
    assert!(model.is_idle());
    check();
    for i in 0..PROVIDERS {
        if let Some(record) = Providers::<Test>::get(provider(i)) {
            assert_eq!((record.locked, record.live), (0, 0));
        }
    }
    model.seen
}

#[test]
fn everybody_has_what_the_model_says_after_every_step() {
    let config = ProptestConfig {
        cases: 256,
        source_file: Some(file!()),
        test_name: Some(concat!(
            module_path!(),
            "::everybody_has_what_the_model_says_after_every_step"
        )),
        ..ProptestConfig::default()
    };
    let (seen, taken) = (Cell::new(Seen::default()), Cell::new(0));
    let steps = prop::collection::vec(moves(), 1..320);
    let run = |steps: Vec<Move>| {
        new_test_ext().execute_with(|| {
            RevealBlocks::set(40);
            OpenFor::set(45);
            SeatStake::set(SEAT);
            let issued = Balances::total_issuance();
            seen.set(seen.get().plus(walk(&steps)));
            taken.set(taken.get() + steps.len());
            prop_assert_eq!(Balances::total_issuance(), issued);
            Ok(())
        })
    };
    TestRunner::new(config).run(&steps, run).unwrap();
    // A walk that gets nowhere would show nothing.
    let (seen, taken) = (seen.get(), taken.get());
    assert!(taken > 30_000, "{taken} steps");
    let rarest = [
        ("settled", seen.settled),
        ("failed", seen.failed),
        ("undecided", seen.undecided),
        ("expired or cancelled", seen.expired),
        ("struck", seen.struck),
        ("late", seen.late),
        ("released", seen.released),
        ("audited", seen.audits),
        ("auditor paid", seen.auditors_paid),
        ("poked", seen.pokes),
        ("receipt kept", seen.receipts),
        ("thread opened", seen.threads),
        ("thread opened without a bond", seen.free_threads),
        ("thread lapsed", seen.lapsed),
        ("claim struck", seen.convicted),
        ("demand answered", seen.answered),
        ("data withheld", seen.withheld),
        ("accepted by too few", seen.unserved),
    ];
    for (what, times) in rarest {
        assert!(times > 0, "{what}: never in {seen:?}");
    }
}
