use super::*;
use athanor_primitives::Duty;
use athanor_tensor_program::{
    ops::{Clamp, Lut8},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};

const SECOND: Duration = Duration::from_secs(1);

fn program() -> Vec<u8> {
    Program {
        version: 1,
        max_batch: 8,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([4]),
        }],
        constants: vec![],
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: 0, hi: 5 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    }
    .encoded()
}

fn ticket(job: JobId) -> Ticket {
    Ticket {
        job,
        duty: Duty::Accept,
        deadline: 100,
        model: 0,
        program_hash: blake2_256(&program()),
        weights: vec![],
        input_root: [1; 32],
        batch: 2,
        inline_output: false,
    }
}

fn task(job: JobId) -> Task {
    Task::new(ticket(job), &program()).unwrap()
}

fn outcome() -> Outcome {
    Outcome {
        node_roots: vec![[3; 32]],
        trace_root: [4; 32],
        output_root: [3; 32],
        inline: None,
        checked: None,
    }
}

fn engine(change: impl FnOnce(&mut Limits)) -> Engine {
    let mut limits = Limits::default();
    change(&mut limits);
    Engine::new(limits)
}

fn fetch(engine: &mut Engine) -> Attempt {
    match engine.next_action() {
        Some(Action::Fetch(attempt, _)) => attempt,
        other => panic!("expected a fetch, got {other:?}"),
    }
}

fn run(engine: &mut Engine) -> Attempt {
    match engine.next_action() {
        Some(Action::Run(attempt, _)) => attempt,
        other => panic!("expected a run, got {other:?}"),
    }
}

fn idle(engine: &mut Engine) {
    assert!(engine.next_action().is_none());
}

fn state(engine: &mut Engine, job: JobId) -> JobState {
    engine.status(Duration::ZERO, job).unwrap().state
}

fn given_up(engine: &mut Engine) -> Vec<(JobId, FailureCode)> {
    let given_up = engine.take_given_up().into_iter();
    given_up
        .map(|(task, code)| (task.ticket().job, code))
        .collect()
}

fn with_deadline(job: JobId, deadline: u32) -> Task {
    let ticket = Ticket {
        deadline,
        ..ticket(job)
    };
    Task::new(ticket, &program()).unwrap()
}

/// The jobs in the order they are fetched, one at a time.
fn fetched_in_turn(engine: &mut Engine, now: Duration) -> Vec<JobId> {
    let mut order = Vec::new();
    while let Some(action) = engine.next_action() {
        if let Action::Fetch(attempt, _) = action {
            order.push(attempt.job);
            engine.fetched(now, attempt);
        }
    }
    order
}

fn code(engine: &mut Engine, job: JobId) -> String {
    engine
        .status(Duration::ZERO, job)
        .unwrap()
        .error
        .unwrap()
        .code
}

#[test]
fn a_job_goes_from_submit_to_receipt() {
    let mut engine = engine(|_| ());
    let status = engine.submit(Duration::ZERO, task(1), None).unwrap();
    assert_eq!(
        (status.state, status.held, status.progress),
        (JobState::Fetching, false, 0)
    );
    let attempt = fetch(&mut engine);
    idle(&mut engine);
    engine.fetch_progress(SECOND, attempt, 1, 2);
    assert_eq!(engine.status(SECOND, 1).unwrap().progress, 15);
    engine.fetched(SECOND, attempt);
    assert_eq!(run(&mut engine), attempt);
    let status = engine.status(SECOND, 1).unwrap();
    assert_eq!((status.state, status.held), (JobState::Running, true));
    engine.run_progress(SECOND, attempt, 1, 1);
    assert_eq!(engine.status(SECOND, 1).unwrap().progress, 99);
    assert_eq!(
        engine.receipt(1).unwrap_err(),
        ReceiptError::NotDone(1, JobState::Running)
    );
    engine.finished(SECOND, attempt, outcome());
    let status = engine.status(SECOND, 1).unwrap();
    assert_eq!(
        (status.state, status.held, status.progress),
        (JobState::Done, true, 100)
    );
    assert_eq!(*engine.receipt(1).unwrap().1, outcome());
    idle(&mut engine);
}

#[test]
fn the_same_ticket_may_come_again_with_another_duty_and_deadline() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    fetch(&mut engine);
    let again = Ticket {
        duty: Duty::Wait,
        deadline: 7,
        ..ticket(1)
    };
    let status = engine
        .submit(SECOND, Task::new(again, &program()).unwrap(), None)
        .unwrap();
    assert_eq!(status.state, JobState::Fetching);
    idle(&mut engine);
}

#[test]
fn another_ticket_for_the_same_job_is_an_error_and_changes_nothing() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    fetch(&mut engine);
    for other in [
        Ticket {
            batch: 3,
            ..ticket(1)
        },
        Ticket {
            model: 3,
            ..ticket(1)
        },
        Ticket {
            input_root: [3; 32],
            ..ticket(1)
        },
        Ticket {
            weights: vec![[3; 32]],
            ..ticket(1)
        },
        Ticket {
            inline_output: true,
            ..ticket(1)
        },
    ] {
        let other = Task::new(other, &program()).unwrap();
        assert_eq!(
            engine.submit(SECOND, other, None),
            Err(SubmitError::OtherTicket(1))
        );
    }
    assert_eq!(state(&mut engine, 1), JobState::Fetching);
    idle(&mut engine);
}

#[test]
fn a_program_that_is_not_the_tickets_is_refused() {
    let error = Task::new(
        Ticket {
            program_hash: [0; 32],
            ..ticket(1)
        },
        &program(),
    )
    .unwrap_err();
    assert!(matches!(error, ProgramError::OtherHash { .. }), "{error}");
    let long = vec![0; MAX_PROGRAM_BYTES + 1];
    let error = Task::new(ticket(1), &long).unwrap_err();
    assert!(matches!(error, ProgramError::TooLong(65_537)), "{error}");
    let garbage = Ticket {
        program_hash: blake2_256(&[9; 9]),
        ..ticket(1)
    };
    let error = Task::new(garbage, &[9; 9]).unwrap_err();
    assert!(matches!(error, ProgramError::Invalid(_)), "{error}");
}

#[test]
fn a_ticket_that_does_not_fit_its_program_is_refused_before_anything_is_fetched() {
    let mut engine = engine(|_| ());
    let (none, many) = (ticket(1), ticket(2));
    for (other, expected) in [
        (Ticket { batch: 0, ..none }, "batch_out_of_range"),
        (Ticket { batch: 9, ..many }, "batch_out_of_range"),
        (
            Ticket {
                weights: vec![[0; 32]],
                ..ticket(3)
            },
            "weights_count",
        ),
    ] {
        let task = Task::new(other, &program()).unwrap();
        let status = engine.submit(Duration::ZERO, task, None).unwrap();
        assert_eq!(status.state, JobState::Refused);
        assert_eq!(status.error.unwrap().code, expected);
    }
    idle(&mut engine);
}

#[test]
fn a_ticket_over_a_limit_is_refused_before_anything_is_fetched() {
    for (change, expected) in [
        ((|l| l.memory = 1) as fn(&mut Limits), "memory_limit"),
        (|l| l.max_cost = 0, "cost_limit"),
        (|l| l.max_blob = 7, "blob_too_large"),
    ] {
        let mut engine = engine(change);
        let status = engine.submit(Duration::ZERO, task(1), None).unwrap();
        assert_eq!(status.state, JobState::Refused);
        assert_eq!(status.error.unwrap().code, expected);
        idle(&mut engine);
    }
}

#[test]
fn a_ticket_exactly_at_a_limit_is_taken() {
    let task = task(1);
    let (memory, units) = (task.program().memory(2).unwrap(), task.units());
    let mut engine = engine(|l| (l.memory, l.max_cost, l.max_blob) = (memory, units, 8));
    assert_eq!(
        engine.submit(Duration::ZERO, task, None).unwrap().state,
        JobState::Fetching
    );
}

#[test]
fn weights_come_before_the_input_with_the_lengths_the_program_says() {
    let program = Program {
        version: 1,
        max_batch: 8,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([4]),
        }],
        constants: vec![Constant::Root {
            ty: TensorType {
                dtype: DType::I8,
                shape: Shape::from([256]),
            },
        }],
        nodes: vec![Node {
            op: Op::Lut8(Lut8),
            operands: vec![Operand::Input(0), Operand::Const(0)],
        }],
        outputs: vec![0],
    }
    .encoded();
    let ticket = Ticket {
        program_hash: blake2_256(&program),
        weights: vec![[7; 32]],
        ..ticket(1)
    };
    let task = Task::new(ticket, &program).unwrap();
    assert_eq!(
        task.blobs(),
        [
            Blob {
                root: [7; 32],
                len: 256
            },
            Blob {
                root: [1; 32],
                len: 8
            }
        ]
    );
}

#[test]
fn a_full_queue_takes_no_more_and_a_known_job_still_answers() {
    let mut engine = engine(|l| l.queue = 2);
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    engine.submit(Duration::ZERO, task(2), None).unwrap();
    assert_eq!(
        engine.submit(Duration::ZERO, task(3), None),
        Err(SubmitError::QueueFull(2))
    );
    assert!(!engine.knows(3));
    assert!(engine.submit(Duration::ZERO, task(1), None).is_ok());
    let attempt = fetch(&mut engine);
    engine.refused(SECOND, attempt, Refusal::new(RefusalCode::WrongLength, ""));
    assert!(engine.submit(SECOND, task(3), None).is_ok());
}

#[test]
fn only_so_many_jobs_fetch_and_one_runs_and_the_earliest_deadline_comes_first() {
    let mut engine = engine(|l| l.fetches = 1);
    let with = |job, deadline| {
        Task::new(
            Ticket {
                deadline,
                ..ticket(job)
            },
            &program(),
        )
        .unwrap()
    };
    engine.submit(Duration::ZERO, with(1, 50), None).unwrap();
    engine.submit(Duration::ZERO, with(2, 90), None).unwrap();
    engine.submit(Duration::ZERO, with(3, 60), None).unwrap();
    assert_eq!(state(&mut engine, 2), JobState::Queued);
    let first = fetch(&mut engine);
    idle(&mut engine);
    engine.fetched(SECOND, first);
    let second = fetch(&mut engine);
    assert_eq!(second.job, 3);
    assert_eq!(run(&mut engine), first);
    engine.fetched(SECOND, second);
    let third = fetch(&mut engine);
    idle(&mut engine);
    assert_eq!(state(&mut engine, 3), JobState::Ready);
    engine.finished(SECOND, first, outcome());
    assert_eq!(run(&mut engine), second);
    assert_eq!(third.job, 2);
    idle(&mut engine);
}

#[test]
fn a_job_that_waits_for_a_blob_holds_no_slot_and_asks_again_ever_later() {
    let mut engine = engine(|l| l.fetches = 1);
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    engine.submit(Duration::ZERO, task(2), None).unwrap();
    let first = fetch(&mut engine);
    let trouble = Trouble {
        code: "blob_missing".into(),
        message: "nowhere".into(),
    };
    engine.waits(Duration::ZERO, first, trouble.clone());
    let status = engine.status(Duration::ZERO, 1).unwrap();
    assert_eq!(
        (status.state, status.error),
        (JobState::Fetching, Some(trouble.clone()))
    );
    let second = fetch(&mut engine);
    assert_eq!(second.job, 2);
    engine.tick(SECOND * 10);
    idle(&mut engine);
    engine.fetched(SECOND * 10, second);
    assert_eq!(fetch(&mut engine), first);
    run(&mut engine);
    engine.waits(SECOND * 10, first, trouble);
    engine.tick(SECOND * 11);
    idle(&mut engine);
    engine.tick(SECOND * 12);
    assert_eq!(fetch(&mut engine), first);
    engine.fetched(SECOND * 12, first);
    assert_eq!(state(&mut engine, 1), JobState::Ready);
}

#[test]
fn a_job_nobody_asks_for_stops_waiting_and_can_be_taken_up_again() {
    let mut engine = engine(|l| l.patience = SECOND * 10);
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    let trouble = Trouble {
        code: "blob_missing".into(),
        message: "nowhere".into(),
    };
    engine.waits(Duration::ZERO, attempt, trouble.clone());
    engine.status(SECOND * 5, 1).unwrap();
    engine.tick(SECOND * 14);
    assert_eq!(fetch(&mut engine), attempt);
    engine.waits(SECOND * 14, attempt, trouble);
    engine.tick(SECOND * 15);
    assert_eq!(given_up(&mut engine), [(1, FailureCode::FetchTimeout)]);
    assert_eq!(given_up(&mut engine), []);
    assert_eq!(code(&mut engine, 1), "fetch_timeout");
    idle(&mut engine);
    assert_eq!(
        engine.submit(SECOND * 16, task(1), None).unwrap().state,
        JobState::Failed
    );
    assert_eq!(
        engine.submit(SECOND * 60, task(1), None).unwrap().state,
        JobState::Fetching
    );
    assert!(fetch(&mut engine).epoch > attempt.epoch);
}

#[test]
fn wrong_bytes_refuse_the_job_with_their_code() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.refused(
        SECOND,
        attempt,
        Refusal::new(RefusalCode::RootMismatch, "a lie"),
    );
    assert_eq!(code(&mut engine, 1), "root_mismatch");
    assert_eq!(
        engine.submit(SECOND, task(1), None).unwrap().state,
        JobState::Refused
    );
    assert_eq!(
        engine.submit(SECOND * 60, task(1), None).unwrap().state,
        JobState::Fetching
    );
}

#[test]
fn what_the_ticket_itself_forbids_is_never_tried_again() {
    let mut engine = engine(|l| l.memory = 1);
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let status = engine.submit(SECOND * 1_000, task(1), None).unwrap();
    assert_eq!(status.state, JobState::Refused);
    idle(&mut engine);
}

#[test]
fn a_cancelled_job_is_forgotten_and_its_late_reports_change_nothing() {
    let mut engine = engine(|_| ());
    assert!(engine.cancel(Duration::ZERO, 1).is_none());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.fetched(SECOND, attempt);
    run(&mut engine);
    assert_eq!(engine.cancel(SECOND, 1).unwrap().ticket().job, 1);
    assert!(matches!(engine.next_action(), Some(Action::Stop(stopped)) if stopped == attempt));
    assert_eq!(engine.receipt(1).unwrap_err(), ReceiptError::Unknown(1));
    engine.submit(SECOND, task(1), None).unwrap();
    let again = fetch(&mut engine);
    engine.fetched(SECOND, again);
    // The device is still busy with the cancelled run.
    idle(&mut engine);
    engine.finished(SECOND, attempt, outcome());
    assert_eq!(state(&mut engine, 1), JobState::Running);
    assert_eq!(run(&mut engine), again);
}

#[test]
fn a_failed_run_frees_the_device_and_is_retried_on_submit() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.fetched(SECOND, attempt);
    run(&mut engine);
    engine.failed(
        SECOND,
        attempt,
        Failure::new(FailureCode::Backend, "out of memory"),
    );
    assert_eq!(code(&mut engine, 1), "backend_error");
    engine.submit(SECOND * 60, task(1), None).unwrap();
    let again = fetch(&mut engine);
    engine.fetched(SECOND * 60, again);
    assert_eq!(run(&mut engine), again);
}

#[test]
fn a_blob_that_vanished_is_fetched_again() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.fetched(SECOND, attempt);
    run(&mut engine);
    engine.lost(SECOND, attempt);
    assert_eq!(fetch(&mut engine), attempt);
    assert!(!engine.status(SECOND, 1).unwrap().held);
}

#[test]
fn a_kept_outcome_makes_a_job_done_at_once() {
    let mut engine = engine(|_| ());
    let status = engine
        .submit(Duration::ZERO, task(1), Some((outcome(), true)))
        .unwrap();
    assert_eq!(
        (status.state, status.held, status.progress),
        (JobState::Done, true, 100)
    );
    idle(&mut engine);
}

#[test]
fn jobs_that_ended_are_forgotten_oldest_first() {
    let mut engine = engine(|l| l.remembered = 2);
    for job in 1..=3 {
        engine
            .submit(SECOND * job as u32, task(job), Some((outcome(), true)))
            .unwrap();
    }
    assert_eq!([1, 2, 3].map(|job| engine.knows(job)), [false, true, true]);
}

#[test]
fn progress_never_goes_back_and_never_passes_its_share() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.fetch_progress(SECOND, attempt, 9, 3);
    assert_eq!(engine.status(SECOND, 1).unwrap().progress, 30);
    engine.fetch_progress(SECOND, attempt, 0, 0);
    assert_eq!(engine.status(SECOND, 1).unwrap().progress, 30);
    assert_eq!(share(u64::MAX, u64::MAX, 30, 99), 99);
}

#[test]
fn a_job_that_waited_long_comes_before_earlier_deadlines() {
    let mut engine = engine(|l| (l.fetches, l.aging, l.patience) = (1, SECOND * 60, SECOND * 600));
    for (at, job, deadline) in [(0, 1, 50), (1, 2, 900), (2, 3, 800), (40, 4, 20)] {
        let now = SECOND * at;
        engine
            .submit(now, with_deadline(job, deadline), None)
            .unwrap();
    }
    // Job 1 holds the only slot. 2 and 3 have waited for a minute, 4 has not.
    assert_eq!(
        fetched_in_turn(&mut engine, SECOND * 70),
        [1, 2, 3, 4],
        "the longest wait first, then the earliest deadline"
    );
}

#[test]
fn endless_earlier_deadlines_starve_nobody() {
    let mut engine = engine(|l| (l.fetches, l.aging) = (1, SECOND * 60));
    engine
        .submit(Duration::ZERO, with_deadline(1, 10), None)
        .unwrap();
    let mut attempt = fetch(&mut engine);
    engine
        .submit(Duration::ZERO, with_deadline(2, 999), None)
        .unwrap();
    for second in 1..=60 {
        let now = SECOND * second;
        engine.status(now, 2).unwrap();
        let job = 100 + u64::from(second);
        engine.submit(now, with_deadline(job, 10), None).unwrap();
        engine.refused(now, attempt, Refusal::new(RefusalCode::WrongLength, ""));
        attempt = fetch(&mut engine);
    }
    assert_eq!(attempt.job, 2);
}

#[test]
fn a_job_nobody_asks_for_comes_last() {
    let mut engine = engine(|l| (l.fetches, l.patience) = (1, SECOND * 100));
    for (job, deadline) in [(1, 1), (2, 2), (3, 3)] {
        engine
            .submit(Duration::ZERO, with_deadline(job, deadline), None)
            .unwrap();
    }
    let first = fetch(&mut engine);
    engine.status(SECOND * 90, 3).unwrap();
    engine.fetched(SECOND * 100, first);
    assert_eq!(fetch(&mut engine).job, 3);
}

#[test]
fn a_full_queue_gives_up_a_waiting_job_that_nobody_asks_for() {
    let mut engine = engine(|l| {
        (l.queue, l.fetches, l.patience) = (2, 1, SECOND * 100);
    });
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    engine.submit(Duration::ZERO, task(2), None).unwrap();
    fetch(&mut engine);
    let full = Err(SubmitError::QueueFull(2));
    assert_eq!(engine.submit(SECOND * 99, task(3), None), full);
    // Job 1 is being fetched, so 2 has to go.
    engine.submit(SECOND * 100, task(3), None).unwrap();
    assert_eq!(given_up(&mut engine), [(2, FailureCode::Abandoned)]);
    assert_eq!(code(&mut engine, 2), "abandoned");
    assert_eq!(engine.submit(SECOND * 101, task(4), None), full);
}

#[test]
fn a_job_too_large_for_the_whole_store_is_refused() {
    let all = 8 + 2 * 8 + 32;
    for (store, refused) in [(all, false), (all - 1, true)] {
        let mut engine = engine(|l| l.store = store);
        let status = engine.submit(Duration::ZERO, task(1), None).unwrap();
        assert_eq!(status.state == JobState::Refused, refused);
        if refused {
            assert_eq!(code(&mut engine, 1), "store_limit");
        }
    }
}

#[test]
fn what_the_backend_plans_counts_against_the_memory_limit() {
    let mut engine = engine(|l| l.memory = 1_000);
    engine
        .submit(Duration::ZERO, task(1).planned(1_000), None)
        .unwrap();
    engine
        .submit(Duration::ZERO, task(2).planned(1_001), None)
        .unwrap();
    assert_eq!(state(&mut engine, 1), JobState::Fetching);
    assert_eq!(code(&mut engine, 2), "memory_limit");
}

#[test]
fn a_device_with_memory_of_its_own_has_its_own_limit() {
    let small = task(1);
    let blobs: u64 = small.blobs().iter().map(|blob| blob.len).sum();
    let host = blobs + small.products();
    for (memory, device_memory, planned, taken) in [
        (host, 5_000_000, 5_000_000, true),
        (host, 5_000_000, 5_000_001, false),
        (u64::MAX, 5_000_000, 5_000_001, false),
        (host - 1, 5_000_000, 1, false),
    ] {
        let mut engine = engine(|l| {
            l.memory = memory;
            l.device_memory = Some(device_memory);
        });
        let task = task(1).planned(planned);
        engine.submit(Duration::ZERO, task, None).unwrap();
        if taken {
            assert_eq!(state(&mut engine, 1), JobState::Fetching);
        } else {
            assert_eq!(code(&mut engine, 1), "memory_limit");
        }
    }
}

#[test]
fn work_under_way_has_a_rate_and_the_time_left() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    let work = |engine: &mut Engine, now| engine.status(now, 1).unwrap().work;
    assert_eq!(work(&mut engine, SECOND), None);
    // 100 of 500 bytes were held before: they say nothing about the speed.
    engine.fetch_progress(SECOND, attempt, 100, 500);
    engine.fetch_progress(SECOND * 5, attempt, 300, 500);
    let seen = work(&mut engine, SECOND * 5).unwrap();
    assert_eq!((seen.unit, seen.done, seen.total), (Unit::Bytes, 300, 500));
    assert_eq!((seen.per_second, seen.eta_seconds), (Some(50.0), Some(4)));
    // A stalled download slows down.
    let seen = work(&mut engine, SECOND * 9).unwrap();
    assert_eq!((seen.per_second, seen.eta_seconds), (Some(25.0), Some(8)));
    engine.fetched(SECOND * 9, attempt);
    assert_eq!(work(&mut engine, SECOND * 9), None);
    engine.run_progress(SECOND * 9, attempt, 0, 16);
    engine.run_progress(SECOND * 10, attempt, 8, 16);
    let seen = work(&mut engine, SECOND * 10).unwrap();
    assert_eq!((seen.unit, seen.eta_seconds), (Unit::Parts, Some(1)));
}

#[test]
fn a_draining_engine_starts_nothing_and_hears_what_is_under_way() {
    let mut engine = engine(|l| l.fetches = 1);
    for job in 1..=3 {
        engine.submit(Duration::ZERO, task(job), None).unwrap();
    }
    let first = fetch(&mut engine);
    engine.fetched(SECOND, first);
    let second = fetch(&mut engine);
    run(&mut engine);
    engine.drain();
    assert_eq!(engine.fetches_under_way(), [second]);
    assert!(engine.is_running());
    engine.handed_back(SECOND, second);
    engine.finished(SECOND, first, outcome());
    assert!(!engine.is_running());
    idle(&mut engine);
    assert_eq!(state(&mut engine, 1), JobState::Done);
    assert_eq!(state(&mut engine, 2), JobState::Queued);
}

#[test]
fn the_time_in_each_state_is_told_once() {
    let mut engine = engine(|_| ());
    engine.submit(Duration::ZERO, task(1), None).unwrap();
    let attempt = fetch(&mut engine);
    engine.fetched(SECOND * 3, attempt);
    engine.finished(SECOND * 10, attempt, outcome());
    let times = [
        (JobState::Queued, Duration::ZERO),
        (JobState::Fetching, SECOND * 3),
        (JobState::Ready, Duration::ZERO),
        (JobState::Running, SECOND * 7),
    ];
    assert_eq!(engine.take_phase_times(), times);
    assert_eq!(engine.take_phase_times(), []);
    let phases = engine.details(SECOND * 99, 9)[0].phases;
    assert_eq!((phases.fetching, phases.running), (3.0, 7.0));
}

#[test]
fn details_are_in_the_order_of_service() {
    let mut engine = engine(|l| l.fetches = 1);
    for (job, deadline) in [(1, 9), (2, 30), (3, 20)] {
        engine
            .submit(Duration::ZERO, with_deadline(job, deadline), None)
            .unwrap();
    }
    for job in [4, 5] {
        let kept = Some((outcome(), true));
        engine.submit(SECOND * job as u32, task(job), kept).unwrap();
    }
    let order = |most| -> Vec<JobId> {
        let details = engine.details(SECOND, most);
        details.iter().map(|detail| detail.status.job).collect()
    };
    assert_eq!(order(9), [1, 3, 2, 5, 4]);
    assert_eq!(order(2), [1, 3]);
}

fn watch(engine: &mut Engine, now: Duration, job: JobId) -> Result<Status, SubmitError> {
    engine.take_on(now, task(job), Role::Watched, None)
}

fn stop(engine: &mut Engine) -> Attempt {
    match engine.next_action() {
        Some(Action::Stop(attempt)) => attempt,
        other => panic!("expected a stop, got {other:?}"),
    }
}

fn grant(engine: &mut Engine) -> Attempt {
    match engine.next_action() {
        Some(Action::Grant(errand)) => errand,
        other => panic!("expected a grant, got {other:?}"),
    }
}

#[test]
fn watched_jobs_come_after_assigned_ones() {
    let mut engine = engine(|l| l.fetches = 1);
    watch(&mut engine, Duration::ZERO, 1).unwrap();
    watch(&mut engine, Duration::ZERO, 2).unwrap();
    engine
        .submit(Duration::ZERO, with_deadline(3, 9_999), None)
        .unwrap();
    assert_eq!(fetched_in_turn(&mut engine, SECOND), [1, 3, 2]);
    assert!(engine.status(SECOND, 1).unwrap().watched);
    assert!(!engine.status(SECOND, 3).unwrap().watched);
    assert_eq!(engine.watches(), 2);
}

#[test]
fn a_watched_job_that_is_submitted_is_assigned_from_then_on() {
    let mut engine = engine(|l| l.fetches = 1);
    for job in 1..=3 {
        watch(&mut engine, Duration::ZERO, job).unwrap();
    }
    assert!(!engine.submit(SECOND, task(3), None).unwrap().watched);
    assert!(!watch(&mut engine, SECOND, 3).unwrap().watched);
    assert_eq!(engine.role(3), Some(Role::Assigned));
    assert_eq!(fetched_in_turn(&mut engine, SECOND), [1, 3, 2]);
}

#[test]
fn a_watched_run_makes_room_for_an_assigned_one_and_goes_on_later() {
    let mut engine = engine(|_| ());
    watch(&mut engine, Duration::ZERO, 1).unwrap();
    let watched = fetch(&mut engine);
    engine.fetched(SECOND, watched);
    assert_eq!(run(&mut engine), watched);
    engine.submit(SECOND, task(2), None).unwrap();
    let assigned = fetch(&mut engine);
    idle(&mut engine);
    engine.fetched(SECOND, assigned);
    assert_eq!(stop(&mut engine), watched);
    // It is told once.
    engine.tick(SECOND);
    idle(&mut engine);
    assert!(engine.yields(watched));
    engine.handed_back(SECOND * 2, watched);
    let again = [engine.next_action(), engine.next_action()];
    assert!(
        matches!(
            again,
            [Some(Action::Fetch(..)), Some(Action::Run(first, _))] if first == assigned
        ),
        "{again:?}"
    );
    engine.fetched(SECOND * 2, watched);
    engine.finished(SECOND * 3, assigned, outcome());
    assert_eq!(run(&mut engine), watched);
    assert!(!engine.yields(watched));
}

#[test]
fn a_watched_run_that_becomes_assigned_is_left_alone() {
    let mut engine = engine(|_| ());
    watch(&mut engine, Duration::ZERO, 1).unwrap();
    let first = fetch(&mut engine);
    engine.fetched(SECOND, first);
    run(&mut engine);
    engine.submit(SECOND, task(1), None).unwrap();
    engine.submit(SECOND, task(2), None).unwrap();
    let second = fetch(&mut engine);
    engine.fetched(SECOND, second);
    idle(&mut engine);
}

#[test]
fn a_full_queue_gives_up_a_watched_job_for_an_assigned_one_only() {
    let mut engine = engine(|l| (l.queue, l.watches, l.fetches) = (3, 2, 1));
    watch(&mut engine, Duration::ZERO, 1).unwrap();
    watch(&mut engine, Duration::ZERO, 2).unwrap();
    assert_eq!(
        watch(&mut engine, Duration::ZERO, 3),
        Err(SubmitError::WatchesFull(2))
    );
    engine.submit(Duration::ZERO, task(4), None).unwrap();
    // Job 1 fetches, so job 2 is the one that waits.
    engine.submit(Duration::ZERO, task(5), None).unwrap();
    assert_eq!(given_up(&mut engine), [(2, FailureCode::Abandoned)]);
    let full = Err(SubmitError::QueueFull(3));
    assert_eq!(watch(&mut engine, Duration::ZERO, 6), full);
    assert_eq!(engine.submit(Duration::ZERO, task(6), None), full);
}

#[test]
fn errands_come_after_assigned_jobs_and_before_watched_ones_one_at_a_time() {
    let mut engine = engine(|_| ());
    let errand = |engine: &mut Engine| engine.errand(Arc::new(task(9))).unwrap();
    let (first, second) = (errand(&mut engine), errand(&mut engine));
    engine.errand_ready(Duration::ZERO, first);
    assert_eq!(grant(&mut engine), first);
    engine.errand_ready(SECOND, second);
    engine.submit(SECOND, task(1), None).unwrap();
    watch(&mut engine, SECOND, 2).unwrap();
    let (assigned, watched) = (fetch(&mut engine), fetch(&mut engine));
    engine.fetched(SECOND, watched);
    engine.fetched(SECOND, assigned);
    idle(&mut engine);
    assert!(engine.is_running());
    engine.errand_ended(SECOND, first);
    assert_eq!(run(&mut engine), assigned);
    engine.finished(SECOND, assigned, outcome());
    assert_eq!(grant(&mut engine), second);
    engine.errand_ended(SECOND, second);
    assert_eq!(run(&mut engine), watched);
    // A watched run makes room for an errand too.
    let third = errand(&mut engine);
    engine.errand_ready(SECOND, third);
    assert_eq!(stop(&mut engine), watched);
    engine.handed_back(SECOND, watched);
    fetch(&mut engine);
    assert_eq!(grant(&mut engine), third);
}

#[test]
fn an_errand_that_has_waited_long_is_next() {
    let mut engine = engine(|l| l.aging = SECOND * 10);
    let errand = engine.errand(Arc::new(task(9))).unwrap();
    let ready = |engine: &mut Engine, job| {
        engine.submit(Duration::ZERO, task(job), None).unwrap();
        let attempt = fetch(engine);
        engine.fetched(Duration::ZERO, attempt);
    };
    ready(&mut engine, 1);
    let first = run(&mut engine);
    ready(&mut engine, 2);
    ready(&mut engine, 3);
    engine.errand_ready(SECOND, errand);
    engine.finished(SECOND * 5, first, outcome());
    let second = run(&mut engine);
    engine.finished(SECOND * 11, second, outcome());
    assert_eq!(grant(&mut engine), errand);
    idle(&mut engine);
}

#[test]
fn there_are_no_more_errands_than_may_be_and_they_keep_their_blobs() {
    let mut engine = engine(|l| l.errands = 2);
    let first = engine.errand(Arc::new(task(1))).unwrap();
    engine.errand(Arc::new(task(2))).unwrap();
    assert_eq!(engine.errand(Arc::new(task(3))), None);
    assert_eq!(engine.roots_in_use(), [[1; 32], [1; 32]]);
    engine.errand_ended(SECOND, first);
    assert!(engine.errand(Arc::new(task(3))).is_some());
    engine.drain();
    assert_eq!(engine.errand(Arc::new(task(4))), None);
    engine.errand_ready(SECOND, first);
    idle(&mut engine);
}

#[test]
fn a_claim_under_check_does_not_become_the_receipt_of_an_assigned_job() {
    let claim = || Some(vec![[3; 32]]);
    let watched = || task(1).against(claim());
    let checked = Outcome {
        checked: Some(Checked {
            products: 1,
            executed: 0,
            wrong: None,
        }),
        ..outcome()
    };
    for done in [false, true] {
        let mut engine = engine(|_| ());
        engine
            .take_on(Duration::ZERO, watched(), Role::Watched, None)
            .unwrap();
        let attempt = fetch(&mut engine);
        engine.fetched(SECOND, attempt);
        run(&mut engine);
        if done {
            engine.finished(SECOND, attempt, checked.clone());
        }
        engine.submit(SECOND, task(1), None).unwrap();
        assert_eq!(stop(&mut engine), attempt);
        let again = fetch(&mut engine);
        assert_ne!(again, attempt);
        engine.finished(SECOND * 2, attempt, checked.clone());
        engine.fetched(SECOND * 2, again);
        assert_eq!(run(&mut engine), again);
        engine.finished(SECOND * 3, again, outcome());
        assert_eq!(*engine.receipt(1).unwrap().1, outcome());
        // Nor does the claim come back.
        assert_eq!(engine.receipt(1).unwrap().0.claim(), None);
        engine.submit(SECOND * 4, task(1), None).unwrap();
        assert_eq!(state(&mut engine, 1), JobState::Done);
    }
}

#[test]
fn a_claim_of_another_length_is_none() {
    assert_eq!(task(1).against(Some(vec![])).claim(), None);
    assert_eq!(task(1).against(Some(vec![[1; 32]; 2])).claim(), None);
    assert!(task(1).against(Some(vec![[1; 32]])).claim().is_some());
}
