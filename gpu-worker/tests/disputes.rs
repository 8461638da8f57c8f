//! Disputes between two daemons: a watcher and a claimant, honest or not.

use athanor_content_store::{Limits as StoreLimits, Store};
use athanor_content_tree::{verify, Chunks, Step, Subtree};
use athanor_primitives::{
    dispute::{Asked, Question, Value},
    Duty, JobId, Root, Ticket,
};
use athanor_tensor_program::{
    interpret,
    judge::{judge, Claim, FraudProof, Verdict},
    load,
    ops::{Clamp, Lut8, Reshape},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, Validated,
};
use bytes::Bytes;
use codec::Decode;
use gpu_worker::{
    api::{DisputeStep, JobState},
    backend::{cpu::Cpu, Backend},
    dispute::Line,
    metrics::Metrics,
    worker::{DisputeProblem, Fault, Settings, Worker},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// 64,000 bytes a value: 63 chunks, so two answers lead to bytes.
const BATCH: u32 = 1_000;
const NODES: u16 = 5;

fn program() -> Validated {
    let i8s = |shape| TensorType {
        dtype: DType::I8,
        shape,
    };
    let node = |op, operands| Node { op, operands };
    let clamp = |lo, hi| Op::Clamp(Clamp { lo, hi });
    let program = Program {
        version: 1,
        max_batch: 2_000,
        inputs: vec![i8s(Shape::from([64]))],
        constants: vec![Constant::Root {
            ty: i8s(Shape::from([256])),
        }],
        nodes: vec![
            node(Op::Lut8(Lut8), vec![Operand::Input(0), Operand::Const(0)]),
            node(clamp(-120, 120), vec![Operand::Node(0)]),
            node(
                Op::Reshape(Reshape {
                    shape: Shape::from([8, 8]),
                }),
                vec![Operand::Node(1)],
            ),
            node(clamp(-100, 100), vec![Operand::Node(2)]),
            node(Op::Lut8(Lut8), vec![Operand::Node(3), Operand::Const(0)]),
        ],
        outputs: vec![4],
    };
    load(&program.encoded()).unwrap()
}

fn table() -> Vec<u8> {
    (0..=255u8).map(|i| i.wrapping_mul(7) ^ 0x35).collect()
}

fn input() -> Vec<u8> {
    (0..BATCH * 64).map(|i| (i * 31 + i / 251) as u8).collect()
}

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

fn ticket(job: JobId) -> Ticket {
    Ticket {
        job,
        duty: Duty::Wait,
        deadline: 100,
        model: 3,
        program_hash: program().program().hash(),
        weights: vec![root(&table())],
        input_root: root(&input()),
        batch: BATCH,
        inline_output: false,
    }
}

struct Daemon {
    worker: Worker,
    store: Store,
    dir: TempDir,
}

impl Daemon {
    async fn with(settings: Settings) -> Daemon {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), StoreLimits::default())
            .await
            .unwrap();
        let backend = Arc::new(Cpu::new(2));
        let metrics = Metrics::new(backend.device(), 4).unwrap();
        let worker = Worker::start(settings, store.clone(), &[], backend, metrics).unwrap();
        for blob in [table(), input()] {
            store.put_bytes(Bytes::from(blob)).await.unwrap();
        }
        Daemon { worker, store, dir }
    }

    async fn start(fault: Option<Fault>) -> Daemon {
        Daemon::with(Settings {
            fault,
            ..Settings::default()
        })
        .await
    }

    async fn done(&self, job: JobId) -> Vec<Root> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(receipt) = self.worker.receipt(job) {
                return receipt.node_roots;
            }
            assert!(Instant::now() < until, "{:?}", self.worker.status(job));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn claim(&self, job: JobId) -> Vec<Root> {
        let program = program().program().encoded();
        self.worker.submit(ticket(job), &program).await.unwrap();
        self.done(job).await
    }

    async fn watch(&self, job: JobId) -> Vec<Root> {
        let program = program().program().encoded();
        let status = self
            .worker
            .watch(ticket(job), &program, None)
            .await
            .unwrap();
        assert!(status.watched || status.state == JobState::Done);
        self.done(job).await
    }

    async fn answer(&self, question: Question) -> Result<Vec<u8>, DisputeProblem> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            match self.worker.answer(question.clone()).await {
                Err(DisputeProblem::Later("being computed")) => assert!(Instant::now() < until),
                other => return other,
            }
        }
    }

    async fn dispute(
        &self,
        claim: &[Root],
        node: u16,
        answers: &[Vec<u8>],
    ) -> Result<DisputeStep, DisputeProblem> {
        let until = Instant::now() + Duration::from_secs(60);
        let line = Line {
            turn: 0,
            answers: answers.to_vec(),
        };
        loop {
            let next = self
                .worker
                .dispute(1, claim.to_vec(), node, line.clone(), vec![])
                .await;
            match next {
                Err(DisputeProblem::Later("being computed")) => assert!(Instant::now() < until),
                other => return other.map(DisputeStep::from),
            }
        }
    }

    /// A metric without labels.
    fn metric(&self, name: &str) -> f64 {
        let text = self.worker.metrics_text().unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    }
}

fn question(claim: &[Root], value: Value, subtree: &Subtree) -> Question {
    Question {
        job: 1,
        thread: 0,
        trace_root: athanor_tensor_program::trace_root(claim),
        value,
        root: match value {
            Value::Node(node) => claim[usize::from(node)],
            Value::Input => root(&input()),
            Value::Constant(_) => root(&table()),
        },
        len: subtree.content_len(),
        asked: Asked::Subtree {
            start: subtree.start(),
            count: subtree.count(),
            value: subtree.value(),
        },
        deadline: 1_000,
    }
}

fn whole(claim: &[Root], node: u16) -> Subtree {
    let len = program().node_len(node.into(), BATCH).unwrap();
    Subtree::whole(claim[usize::from(node)], len)
}

fn convicts(claim: &[Root], proof: &[u8]) -> FraudProof {
    let proof = FraudProof::decode(&mut &proof[..]).unwrap();
    let weights = [root(&table())];
    let judged = judge(
        &program(),
        &Claim {
            batch: BATCH,
            input: &root(&input()),
            weights: &weights,
            trace: claim,
        },
        &proof,
    );
    assert_eq!(judged, Ok(Verdict::Convicted));
    proof
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_convicts_a_claimant_with_a_wrong_element_in_any_node() {
    let honest = interpret(&program(), BATCH, &input(), &[&table()])
        .unwrap()
        .trace();
    for node in 0..NODES {
        let liar = Daemon::start(Some(Fault::WrongElement(node))).await;
        let watcher = Daemon::start(None).await;
        let (claim, ours) = (liar.claim(1).await, watcher.watch(1).await);
        assert_eq!(ours, honest);
        let first = ours.iter().zip(&claim).position(|(a, b)| a != b).unwrap();
        assert_eq!(first, usize::from(node));
        let mut answers = Vec::new();
        let mut asked = whole(&claim, node);
        let proof = loop {
            match watcher.dispute(&claim, node, &answers).await.unwrap() {
                DisputeStep::Ask { threads: 1 } => assert!(answers.is_empty()),
                DisputeStep::Descend {
                    group,
                    value,
                    siblings,
                } => {
                    asked = asked
                        .descend(&Step {
                            group,
                            value,
                            siblings,
                        })
                        .unwrap();
                }
                DisputeStep::Prove { proof } => break proof.0,
                step => panic!("{step:?} with a liar about node {node}"),
            }
            let question = question(&claim, Value::Node(node), &asked);
            answers.push(liar.answer(question).await.unwrap());
        };
        // A reshape is proven by its root.
        assert_eq!(answers.len(), if node == 2 { 0 } else { 2 });
        assert_eq!(convicts(&claim, &proof).node, node);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_last_byte_is_answered_for_and_found_too() {
    let liar = Daemon::start(Some(Fault::WrongOutput)).await;
    let watcher = Daemon::start(None).await;
    let (claim, ours) = (liar.claim(1).await, watcher.watch(1).await);
    assert_eq!(ours[..4], claim[..4]);
    let first = liar
        .answer(question(&claim, Value::Node(4), &whole(&claim, 4)))
        .await
        .unwrap();
    let step = watcher.dispute(&claim, 4, &[first]).await.unwrap();
    assert!(
        matches!(step, DisputeStep::Descend { group: 62, .. }),
        "{step:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_claimant_is_agreed_with_and_answers_everything() {
    let claimant = Daemon::start(None).await;
    let watcher = Daemon::start(None).await;
    let (claim, ours) = (claimant.claim(1).await, watcher.watch(1).await);
    assert_eq!(claim, ours);
    for node in 0..NODES {
        assert_eq!(
            watcher.dispute(&claim, node, &[]).await.unwrap(),
            DisputeStep::Agree
        );
    }
    let run = interpret(&program(), BATCH, &input(), &[&table()]).unwrap();
    let mut values: Vec<(Value, Vec<u8>)> = (0..NODES)
        .map(|node| (Value::Node(node), run.node(node.into()).to_vec()))
        .collect();
    values.push((Value::Input, input()));
    values.push((Value::Constant(0), table()));
    for (value, bytes) in values {
        let subtree = Subtree::whole(root(&bytes), bytes.len() as u64);
        let answer = claimant
            .answer(question(&claim, value, &subtree))
            .await
            .unwrap();
        assert_eq!(answer, subtree.answer(&bytes).unwrap(), "{value:?}");
    }
    // The output and what was made again once are in the store.
    assert_eq!(claimant.metric("athanor_worker_recomputations_total"), 3.0);
    let answer = claimant.answer(question(&claim, Value::Node(0), &whole(&claim, 0)));
    answer.await.unwrap();
    assert_eq!(claimant.metric("athanor_worker_recomputations_total"), 3.0);
    assert_eq!(claimant.metric("athanor_worker_answers_total"), 8.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_the_output_is_delivered() {
    let claimant = Daemon::start(None).await;
    let claim = claimant.claim(1).await;
    let output = interpret(&program(), BATCH, &input(), &[&table()])
        .unwrap()
        .output();
    let ask = |start, count| Question {
        asked: Asked::Slice { start, count },
        ..question(&claim, Value::Node(4), &whole(&claim, 4))
    };
    for (start, count) in [(0, 32), (32, 31), (62, 1)] {
        let piece = claimant.answer(ask(start, count)).await.unwrap();
        let chunks = Chunks::from_indices(64_000, start..start + count).unwrap();
        let slice = verify(&claim[4], 64_000, &chunks, &piece).unwrap();
        let bytes = start * 1_024..64_000.min((start + count) * 1_024);
        let expected = &output[bytes.start as usize..bytes.end as usize];
        assert_eq!(slice.read(bytes).unwrap(), expected);
    }
    for (start, count) in [(0, 0), (0, 33), (32, 32), (u64::MAX, 1), (1, u64::MAX)] {
        let refused = claimant.answer(ask(start, count)).await.unwrap_err();
        assert!(matches!(refused, DisputeProblem::Params(_)), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_something_else_are_turned_away() {
    let claimant = Daemon::start(None).await;
    let claim = claimant.claim(1).await;
    let good = question(&claim, Value::Node(1), &whole(&claim, 1));
    let job = Question {
        job: 9,
        ..good.clone()
    };
    let problem = claimant.answer(job).await.unwrap_err();
    assert!(matches!(problem, DisputeProblem::Receipt(_)), "{problem}");
    for bad in [
        Question {
            trace_root: [7; 32],
            ..good.clone()
        },
        Question {
            root: [7; 32],
            ..good.clone()
        },
        Question {
            len: 63_999,
            ..good.clone()
        },
        Question {
            value: Value::Node(NODES),
            ..good.clone()
        },
        Question {
            value: Value::Constant(1),
            ..good.clone()
        },
        Question {
            asked: Asked::Subtree {
                start: 1,
                count: 2,
                value: [0; 32],
            },
            ..good.clone()
        },
        // A part of the tree, with another value than ours.
        Question {
            asked: Asked::Subtree {
                start: 2,
                count: 2,
                value: [0; 32],
            },
            ..good.clone()
        },
    ] {
        let problem = claimant.answer(bad.clone()).await.unwrap_err();
        assert!(
            matches!(problem, DisputeProblem::Params(_)),
            "{bad:?}: {problem}"
        );
    }
    claimant.answer(good).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_root_and_a_withheld_tensor_are_not_answered() {
    let forger = Daemon::start(Some(Fault::WrongRoot(1))).await;
    let watcher = Daemon::start(None).await;
    let (claim, ours) = (forger.claim(1).await, watcher.watch(1).await);
    assert_eq!((claim[0], claim[1]), (ours[0], claim[2]));
    assert_ne!(claim[1], ours[1]);
    assert_eq!(
        watcher.dispute(&claim, 1, &[]).await.unwrap(),
        DisputeStep::Ask { threads: 1 }
    );
    let problem = forger
        .answer(question(&claim, Value::Node(1), &whole(&claim, 1)))
        .await
        .unwrap_err();
    assert!(matches!(problem, DisputeProblem::Cannot(_)), "{problem}");
    // What it did not forge it can show.
    let other = question(&claim, Value::Node(0), &whole(&claim, 0));
    forger.answer(other).await.unwrap();

    let silent = Daemon::start(Some(Fault::Withhold)).await;
    let claim = silent.claim(1).await;
    assert_eq!(claim, ours);
    for _ in 0..3 {
        let question = question(&claim, Value::Node(1), &whole(&claim, 1));
        let problem = silent.answer(question).await.unwrap_err();
        assert!(matches!(problem, DisputeProblem::Later(_)), "{problem}");
    }

    let liar = Daemon::start(Some(Fault::WrongElement(1))).await;
    let hider = Daemon::start(Some(Fault::HiddenElement(1))).await;
    let claim = hider.claim(1).await;
    assert_eq!(claim, liar.claim(1).await);
    assert_ne!(claim[1], ours[1]);
    let asked = question(&claim, Value::Node(1), &whole(&claim, 1));
    let problem = hider.answer(asked.clone()).await.unwrap_err();
    assert!(matches!(problem, DisputeProblem::Later(_)), "{problem}");
    liar.answer(asked).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_nobody_are_turned_away() {
    let watcher = Daemon::start(None).await;
    let mut claim = watcher.watch(1).await;
    claim[3] = [9; 32];
    for answers in [
        vec![vec![0; 63 * 32]],
        vec![vec![]],
        vec![vec![0; 63 * 32]; 4],
    ] {
        let problem = watcher.dispute(&claim, 3, &answers).await.unwrap_err();
        assert!(matches!(problem, DisputeProblem::Answers(_)), "{problem}");
    }
    for (claim, node) in [(&claim[1..], 3), (&claim[..], NODES)] {
        let problem = watcher.dispute(claim, node, &[]).await.unwrap_err();
        assert!(matches!(problem, DisputeProblem::Params(_)), "{problem}");
    }
    claim[1] = [8; 32];
    claim[2] = [8; 32];
    let problem = watcher.dispute(&claim, 3, &[]).await.unwrap_err();
    assert!(problem.to_string().contains("differs too"), "{problem}");
    // Agreement needs no answers that fit.
    let step = watcher.dispute(&claim, 0, &[vec![1]]).await.unwrap();
    assert_eq!(step, DisputeStep::Agree);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_is_gone_is_said_so_and_asked_for_again() {
    let claimant = Daemon::start(None).await;
    let claim = claimant.claim(1).await;
    assert!(claimant.store.remove(&root(&table())).await.unwrap());
    let ask = || claimant.answer(question(&claim, Value::Node(1), &whole(&claim, 1)));
    let problem = ask().await.unwrap_err();
    assert!(matches!(problem, DisputeProblem::Cannot(_)), "{problem}");
    assert!(problem.to_string().contains("no --gateway"), "{problem}");
    let table = Bytes::from(table());
    claimant.store.put_bytes(table).await.unwrap();
    ask().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_daemon_answers_for_what_it_claimed() {
    let claimant = Daemon::start(None).await;
    let claim = claimant.claim(1).await;
    let Daemon { worker, store, dir } = claimant;
    worker.shut_down(Duration::from_secs(5)).await;
    drop(worker);
    let backend = Arc::new(Cpu::new(1));
    let metrics = Metrics::new(backend.device(), 4).unwrap();
    let settings = Settings::default();
    let worker = Worker::start(settings, store.clone(), &[], backend, metrics).unwrap();
    let claimant = Daemon { worker, store, dir };
    let ask = || claimant.answer(question(&claim, Value::Node(0), &whole(&claim, 0)));
    assert!(matches!(
        ask().await.unwrap_err(),
        DisputeProblem::Receipt(_)
    ));
    // As its node does: the ticket again.
    assert_eq!(claimant.claim(1).await, claim);
    ask().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_shows_in_capabilities_and_metrics() {
    let liar = Daemon::start(Some(Fault::WrongRoot(7))).await;
    let capabilities = liar.worker.capabilities();
    assert_eq!(capabilities.fault.as_deref(), Some("wrong-root=7"));
    let text = liar.worker.metrics_text().unwrap();
    assert!(
        text.contains("athanor_worker_fault{fault=\"wrong-root=7\"} 1"),
        "{text}"
    );
    let honest = Daemon::start(None).await;
    assert_eq!(honest.worker.capabilities().fault, None);
    let text = honest.worker.metrics_text().unwrap();
    assert!(!text.contains("athanor_worker_fault{"), "{text}");
}
