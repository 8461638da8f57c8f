//! Claims that are checked without running the job.

use athanor_content_store::{Limits as StoreLimits, Store};
use athanor_content_tree::{Step, Subtree};
use athanor_primitives::{Duty, JobId, Root, Ticket};
use athanor_tensor_program::{
    judge::{judge, Claim, FraudProof, Verdict},
    load,
    ops::{Clamp, Epilogue, MatMul, Reshape, Scale, ZeroPoint},
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, Validated,
};
use bytes::Bytes;
use codec::Decode;
use gpu_worker::{
    api::{DisputeStep, JobReceipt},
    backend::{cpu::Cpu, Backend, Run, Trace},
    dispute::Line,
    fault::{self, Fault},
    metrics::Metrics,
    worker::{DisputeProblem, Settings, Worker},
};
use std::{
    sync::{atomic::AtomicBool, Arc},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const BATCH: u32 = 700;
const K: u32 = 24;
const N: u32 = 40;

fn ty(dtype: DType, shape: Shape) -> TensorType {
    TensorType { dtype, shape }
}

/// A product of exact sums, its requantisation, a reshape, a fused product.
fn program() -> Validated {
    let node = |op, operands| Node { op, operands };
    let raw = MatMul {
        za: -3,
        zb: ZeroPoint::Channel,
        params: true,
        epilogue: Epilogue::Raw,
    };
    let fused = MatMul {
        za: 0,
        zb: ZeroPoint::Tensor(1),
        params: false,
        epilogue: Epilogue::Requant {
            scale: Scale::Tensor { m: 40_000, s: 24 },
            z: 2,
            lo: -128,
            hi: 127,
            out: DType::I8,
            lut: false,
        },
    };
    let program = Program {
        version: 1,
        max_batch: BATCH,
        inputs: vec![ty(DType::I8, Shape::from([K]))],
        constants: vec![
            Constant::Root {
                ty: ty(DType::I8, Shape::from([N, K])),
            },
            Constant::Inline {
                ty: ty(DType::I8, Shape::from([N])),
                bytes: (0..N).map(|i| (i * 5) as u8).collect(),
            },
            Constant::Root {
                ty: ty(DType::I32, Shape::from([N, 2])),
            },
        ],
        nodes: vec![
            node(
                Op::MatMul(raw),
                vec![
                    Operand::Input(0),
                    Operand::Const(0),
                    Operand::Const(1),
                    Operand::Const(2),
                ],
            ),
            node(
                Op::Clamp(Clamp {
                    lo: -60_000,
                    hi: 60_000,
                }),
                vec![Operand::Node(0)],
            ),
            node(
                Op::Reshape(Reshape {
                    shape: Shape::from([2, N / 2]),
                }),
                vec![Operand::Node(1)],
            ),
            node(
                Op::MatMul(MatMul {
                    zb: ZeroPoint::Tensor(0),
                    ..fused
                }),
                vec![Operand::Input(0), Operand::Const(0)],
            ),
        ],
        outputs: vec![2, 3],
    };
    load(&program.encoded()).unwrap()
}

fn bytes(len: u32, step: u32) -> Vec<u8> {
    (0..len).map(|i| (i * step + i / 253) as u8).collect()
}

fn input() -> Vec<u8> {
    bytes(BATCH * K, 37)
}

/// The matrix, then bias and scale of each column.
fn weights() -> [Vec<u8>; 2] {
    let params = (0..N).flat_map(|i| [i as i32 * 1_000 - 9_999, 0]);
    [
        bytes(N * K, 91),
        params.flat_map(i32::to_le_bytes).collect(),
    ]
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
        weights: weights().iter().map(|weight| root(weight)).collect(),
        input_root: root(&input()),
        batch: BATCH,
        inline_output: false,
    }
}

/// What a claimant has, with every tensor.
fn claimed(fault: Option<Fault>) -> (Vec<Root>, Vec<Vec<u8>>) {
    let (program, weights) = (program(), weights());
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let run = Run {
        program: &program,
        batch: BATCH,
        input: &input(),
        weights: &weights,
        roots: &[],
    };
    let never = AtomicBool::new(false);
    let all: Vec<u16> = (0..program.node_count() as u16).collect();
    let trace: Trace = fault::run(&Cpu::new(1), run, fault, &never).unwrap();
    let tensors = fault::values(&Cpu::new(1), run, &all, fault, &never).unwrap();
    (trace.roots(), tensors)
}

struct Daemon {
    worker: Worker,
    store: Store,
    _dir: TempDir,
}

impl Daemon {
    async fn start() -> Daemon {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path(), StoreLimits::default())
            .await
            .unwrap();
        let backend = Arc::new(Cpu::new(2));
        let metrics = Metrics::new(backend.device(), 4).unwrap();
        let settings = Settings::default();
        let worker = Worker::start(settings, store.clone(), &[], backend, metrics).unwrap();
        let daemon = Daemon {
            worker,
            store,
            _dir: dir,
        };
        daemon.put(weights()).await;
        daemon.put([input()]).await;
        daemon
    }

    async fn put(&self, blobs: impl IntoIterator<Item = Vec<u8>>) {
        for blob in blobs {
            self.store.put_bytes(Bytes::from(blob)).await.unwrap();
        }
    }

    async fn watch(&self, claim: &[Root]) -> JobReceipt {
        let program = program().program().encoded();
        let claim = Some(claim.to_vec());
        self.worker.watch(ticket(1), &program, claim).await.unwrap();
        self.done().await
    }

    async fn done(&self) -> JobReceipt {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            if let Ok(receipt) = self.worker.receipt(1) {
                return receipt;
            }
            assert!(Instant::now() < until, "{:?}", self.worker.status(1));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn shows(&self, line: &str) {
        let text = self.worker.metrics_text().unwrap();
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
}

fn line(answers: &[Vec<u8>]) -> Line {
    Line {
        turn: 0,
        answers: answers.to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_claim_whose_tensors_are_here_is_checked_and_not_run() {
    let (claim, tensors) = claimed(None);
    let watcher = Daemon::start().await;
    watcher.put(tensors).await;
    let receipt = watcher.watch(&claim).await;
    assert_eq!(receipt.node_roots, claim);
    assert_eq!(
        receipt.trace_root,
        athanor_tensor_program::trace_root(&claim)
    );
    assert_eq!(receipt.checked.as_deref(), Some("freivalds"));
    assert_eq!(receipt.wrong_node, None);
    let status = watcher.worker.status(1).unwrap();
    assert_eq!(status.checked.as_deref(), Some("freivalds"));
    watcher.shows("athanor_worker_checked_nodes_total{how=\"freivalds\"} 1");
    watcher.shows("athanor_worker_checked_nodes_total{how=\"executed\"} 2");
    watcher.shows("athanor_worker_checked_claims_total{verdict=\"right\"} 1");
    watcher.shows("athanor_worker_run_seconds_count 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_claim_is_found_at_its_first_wrong_node_and_proven() {
    for node in 0..4u16 {
        let (claim, tensors) = claimed(Some(Fault::WrongElement(node)));
        let (honest, _) = claimed(None);
        let watcher = Daemon::start().await;
        watcher.put(tensors.clone()).await;
        let receipt = watcher.watch(&claim).await;
        assert_eq!(receipt.checked.as_deref(), Some("freivalds"));
        assert_eq!(receipt.wrong_node, Some(node));
        let at = usize::from(node);
        assert_eq!(receipt.node_roots[..=at], honest[..=at]);
        assert_eq!(receipt.node_roots[at + 1..], claim[at + 1..]);
        watcher.shows("athanor_worker_checked_claims_total{verdict=\"wrong\"} 1");

        let len = tensors[at].len() as u64;
        let mut asked = Subtree::whole(claim[at], len);
        let mut answers: Vec<Vec<u8>> = Vec::new();
        let until = Instant::now() + Duration::from_secs(60);
        let proof = loop {
            let next = watcher
                .worker
                .dispute(1, claim.clone(), node, line(&answers), vec![])
                .await;
            match next.map(DisputeStep::from) {
                Ok(DisputeStep::Ask { threads: 1 }) => {}
                Ok(DisputeStep::Descend {
                    group,
                    value,
                    siblings,
                }) => {
                    let step = Step {
                        group,
                        value,
                        siblings,
                    };
                    asked = asked.descend(&step).unwrap();
                }
                Ok(DisputeStep::Prove { proof }) => break proof.0,
                Err(DisputeProblem::Later(_)) => {
                    assert!(Instant::now() < until);
                    continue;
                }
                other => panic!("{other:?}"),
            }
            let part = gpu_worker::dispute::bytes_of(&asked);
            answers.push(asked.answer(&tensors[at][part]).unwrap());
        };
        let roots: Vec<Root> = weights().iter().map(|weight| root(weight)).collect();
        let judged = judge(
            &program(),
            &Claim {
                batch: BATCH,
                input: &root(&input()),
                weights: &roots,
                trace: &claim,
            },
            &FraudProof::decode(&mut &proof[..]).unwrap(),
        );
        assert_eq!(judged, Ok(Verdict::Convicted));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_tensors_are_nowhere_is_run() {
    let (claim, mut tensors) = claimed(None);
    tensors.remove(1);
    let watcher = Daemon::start().await;
    watcher.put(tensors.clone()).await;
    // A node and its reshape share a root, which is why both must go.
    assert!(watcher.store.remove(&claim[1]).await.unwrap());
    let receipt = watcher.watch(&claim).await;
    assert_eq!((receipt.checked, receipt.node_roots), (None, claim));
    watcher.shows("athanor_worker_run_seconds_count 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_another_length_is_none() {
    let (claim, tensors) = claimed(None);
    let watcher = Daemon::start().await;
    watcher.put(tensors).await;
    let receipt = watcher.watch(&claim[1..]).await;
    assert_eq!((receipt.checked, receipt.node_roots), (None, claim));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checked_job_that_is_assigned_is_run() {
    let (claim, tensors) = claimed(Some(Fault::WrongElement(0)));
    let watcher = Daemon::start().await;
    watcher.put(tensors).await;
    assert_eq!(watcher.watch(&claim).await.wrong_node, Some(0));
    let program = program().program().encoded();
    watcher.worker.submit(ticket(1), &program).await.unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let receipt = loop {
        match watcher.worker.receipt(1) {
            Ok(receipt) => break receipt,
            Err(_) => assert!(Instant::now() < until),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(
        (receipt.checked, receipt.node_roots),
        (None, claimed(None).0)
    );
}
