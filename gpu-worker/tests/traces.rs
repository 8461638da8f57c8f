//! A claimant that keeps its traces, and a watcher that fetches them over HTTP.

use athanor_content_store::{Client, Limits as StoreLimits, Store};
use athanor_content_tree::{Step, Subtree};
use athanor_primitives::{
    dispute::{Asked, Question, Value},
    ticket::to_hex,
    Duty, JobId, Root, Ticket,
};
use athanor_tensor_program::{
    judge::{judge, Claim, FraudProof, Verdict},
    load,
    ops::{
        BatchMatMul, Epilogue, MatMul, Requant, Requantize, Reshape, Scale, Softmax, Transpose,
        ZeroPoint,
    },
    Constant, DType, Node, Op, Operand, Program, Shape, TensorType, Validated,
};
use bytes::Bytes;
use codec::Decode;
use gpu_worker::{
    api::{DisputeStep, JobReceipt, JobState, Roots, WorkerApiClient, LATER},
    backend::{cpu::Cpu, Backend, BackendError, Control, Device, Run, Trace},
    fault::Fault,
    metrics::Metrics,
    server::{self, Options},
    worker::{Settings, Worker},
};
use jsonrpsee::{
    core::client::Error as RpcError,
    http_client::{HttpClient, HttpClientBuilder},
};
use std::{
    net::SocketAddr,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Sides of a layer of a transformer.
#[derive(Clone, Copy)]
struct Layer {
    tokens: u32,
    width: u32,
    heads: u32,
}

/// As GPT-2's, over 1,024 tokens.
const GPT2: Layer = Layer {
    tokens: 1_024,
    width: 768,
    heads: 12,
};

/// The same in small.
const SMALL: Layer = Layer {
    tokens: 96,
    width: 64,
    heads: 4,
};

/// Nodes of [`Layer::program`].
const SCORES: u16 = 12;
const CONTEXT: u16 = 15;
const LAST_PRODUCT: u16 = 23;

impl Layer {
    /// Attention and two products behind it, with the sums of every product in a node
    /// of its own, as `model import --raw-products` writes them.
    fn program(self) -> Validated {
        let Layer {
            tokens,
            width,
            heads,
        } = self;
        let each = width / heads;
        let i8s = |shape: &[u32]| TensorType {
            dtype: DType::I8,
            shape: Shape(shape.to_vec()),
        };
        let weight = |out: u32, of: u32| Constant::Root {
            ty: i8s(&[out, of]),
        };
        let mut nodes: Vec<Node> = Vec::new();
        let mut add = |op, operands: Vec<Operand>| {
            nodes.push(Node { op, operands });
            Operand::Node(nodes.len() as u16 - 1)
        };
        let matmul = || {
            Op::MatMul(MatMul {
                za: 3,
                zb: ZeroPoint::Tensor(0),
                params: false,
                epilogue: Epilogue::Raw,
            })
        };
        let batch = || {
            Op::BatchMatMul(BatchMatMul {
                za: 0,
                zb: -2,
                epilogue: Epilogue::Raw,
            })
        };
        let requantise = |s| {
            Op::Requantize(Requantize {
                zx: 0,
                scale: Scale::Tensor { m: 30_000, s },
                z: 1,
                lo: -128,
                hi: 127,
                out: DType::I8,
            })
        };
        let reshape = |shape: &[u32]| {
            Op::Reshape(Reshape {
                shape: Shape(shape.to_vec()),
            })
        };
        let transpose = |perm: [u8; 3]| {
            Op::Transpose(Transpose {
                perm: perm.to_vec(),
            })
        };
        let mut sides = Vec::new();
        for (index, perm) in [[1, 0, 2], [1, 0, 2], [1, 2, 0]].into_iter().enumerate() {
            let sums = add(
                matmul(),
                vec![Operand::Input(0), Operand::Const(index as u16)],
            );
            let narrow = add(requantise(26), vec![sums]);
            let split = add(reshape(&[tokens, heads, each]), vec![narrow]);
            sides.push(add(transpose(perm), vec![split]));
        }
        let mut fine = Box::new([0u16; 256]);
        for (at, entry) in fine.iter_mut().enumerate() {
            *entry = (32_768.0 * (-(at as f64) / 40.0).exp()) as u16;
        }
        let scores = add(batch(), vec![sides[0], sides[1]]);
        let narrow = add(requantise(24), vec![scores]);
        let shares = add(
            Op::Softmax(Softmax {
                mask: false,
                causal: true,
                fine,
                coarse: None,
                requant: Requant {
                    m: 32_768,
                    s: 22,
                    z: 0,
                    lo: -128,
                    hi: 127,
                    out: DType::I8,
                },
            }),
            vec![narrow],
        );
        let context = add(batch(), vec![shares, sides[2]]);
        let narrow = add(requantise(24), vec![context]);
        let back = add(transpose([1, 0, 2]), vec![narrow]);
        let joined = add(reshape(&[tokens, width]), vec![back]);
        let mut x = joined;
        for index in 3..6 {
            let sums = add(matmul(), vec![x, Operand::Const(index)]);
            x = add(requantise(26), vec![sums]);
        }
        let Operand::Node(output) = x else {
            unreachable!()
        };
        let program = Program {
            version: 1,
            max_batch: 4,
            inputs: vec![i8s(&[tokens, width])],
            constants: vec![
                weight(width, width),
                weight(width, width),
                weight(width, width),
                weight(width, width),
                weight(4 * width, width),
                weight(width, 4 * width),
            ],
            nodes,
            outputs: vec![output],
        };
        load(&program.encoded()).unwrap()
    }

    fn input(self, job: JobId) -> Vec<u8> {
        noise(self.tokens * self.width, 1_000 + job as u32)
    }

    fn weights(self) -> Vec<Vec<u8>> {
        let square = self.width * self.width;
        let sizes = [square, square, square, square, 4 * square, 4 * square];
        (0u32..).zip(sizes).map(|(i, n)| noise(n, i)).collect()
    }

    fn ticket(self, job: JobId) -> Ticket {
        Ticket {
            job,
            duty: Duty::Wait,
            deadline: 100,
            model: 3,
            program_hash: self.program().program().hash(),
            weights: self.weights().iter().map(|weight| root(weight)).collect(),
            input_root: root(&self.input(job)),
            batch: 1,
            inline_output: false,
        }
    }

    /// Bytes of all nodes' outputs but the job's.
    fn values(self) -> u64 {
        let program = self.program();
        let nodes = program.program().nodes.iter().enumerate();
        let own = nodes.filter(|(_, node)| !matches!(node.op, Op::Reshape(_)));
        let all: u64 = own.map(|(i, _)| program.node_len(i, 1).unwrap()).sum();
        all - program.output_len(1).unwrap()
    }
}

fn noise(len: u32, seed: u32) -> Vec<u8> {
    let mut bytes = vec![0; len as usize];
    let mut reader = blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof();
    reader.fill(&mut bytes);
    bytes
}

fn root(bytes: &[u8]) -> Root {
    *blake3::hash(bytes).as_bytes()
}

/// A CPU that counts the multiply-accumulates it is asked for.
struct Counting {
    cpu: Cpu,
    macs: Arc<AtomicU64>,
}

impl Backend for Counting {
    fn device(&self) -> &Device {
        self.cpu.device()
    }

    fn plan_bytes(&self, program: &Validated, batch: u32) -> Option<u64> {
        self.cpu.plan_bytes(program, batch)
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        let cost = run.program.cost(run.batch).unwrap();
        self.macs.fetch_add(cost.macs, Ordering::Relaxed);
        self.cpu.run(run, control)
    }
}

struct Daemon {
    at: SocketAddr,
    macs: Arc<AtomicU64>,
    dir: Arc<TempDir>,
}

impl Daemon {
    async fn start(trace_limit: u64, fault: Option<Fault>, gateways: &[String]) -> Daemon {
        Daemon::over(
            Arc::new(TempDir::new().unwrap()),
            trace_limit,
            fault,
            gateways,
        )
        .await
    }

    async fn over(
        dir: Arc<TempDir>,
        trace_limit: u64,
        fault: Option<Fault>,
        gateways: &[String],
    ) -> Daemon {
        let settings = Settings {
            trace_limit,
            fault,
            ..Settings::default()
        };
        Daemon::with(settings, dir, gateways).await
    }

    async fn with(settings: Settings, dir: Arc<TempDir>, gateways: &[String]) -> Daemon {
        let store = Store::open(dir.path(), StoreLimits::default())
            .await
            .unwrap();
        let macs = Arc::new(AtomicU64::new(0));
        let backend = Arc::new(Counting {
            cpu: Cpu::new(2),
            macs: macs.clone(),
        });
        let metrics = Metrics::new(backend.device(), 4).unwrap();
        let settings = Settings {
            tick: Duration::from_millis(10),
            ..settings
        };
        let worker = Worker::start(settings, store.clone(), gateways, backend, metrics).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(server::serve(
            listener,
            worker,
            store,
            Options::default(),
            std::future::pending(),
            std::future::pending(),
        ));
        Daemon { at, macs, dir }
    }

    fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    fn rpc(&self) -> HttpClient {
        HttpClientBuilder::default().build(self.url()).unwrap()
    }

    fn blobs(&self) -> Client {
        Client::new(&self.url(), None).unwrap()
    }

    async fn has(&self, root: &Root) -> bool {
        self.blobs().head(root).await.unwrap().is_some()
    }

    async fn put(&self, bytes: Vec<u8>) {
        let root = root(&bytes);
        self.blobs()
            .put(&root, Bytes::from(bytes), |_, _| ())
            .await
            .unwrap();
    }

    async fn claim(&self, layer: Layer, job: JobId) -> JobReceipt {
        for weight in layer.weights() {
            self.put(weight).await;
        }
        self.put(layer.input(job)).await;
        let program = to_hex(&layer.program().program().encoded());
        let rpc = self.rpc();
        rpc.submit(layer.ticket(job), program).await.unwrap();
        self.done(job).await
    }

    async fn watch(&self, layer: Layer, job: JobId, claim: &[Root]) -> JobReceipt {
        self.start_to_watch(layer, job, claim).await;
        self.done(job).await
    }

    async fn start_to_watch(&self, layer: Layer, job: JobId, claim: &[Root]) {
        let program = to_hex(&layer.program().program().encoded());
        let (rpc, claim) = (self.rpc(), Some(Roots(claim.to_vec())));
        rpc.watch(layer.ticket(job), program, claim).await.unwrap();
    }

    async fn done(&self, job: JobId) -> JobReceipt {
        self.done_within(job, Duration::from_secs(180)).await
    }

    async fn done_within(&self, job: JobId, time: Duration) -> JobReceipt {
        let until = Instant::now() + time;
        loop {
            let status = self.rpc().status(job).await.unwrap();
            if status.state == JobState::Done {
                return self.rpc().receipt(job).await.unwrap();
            }
            assert!(Instant::now() < until, "{status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = reqwest::get(format!("{}/metrics", self.url())).await;
        let text = text.unwrap().text().await.unwrap();
        let line = text.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_claim_of_a_layer_takes_fifty_times_fewer_multiplications() {
    let claimant = Daemon::start(1 << 30, None, &[]).await;
    let claim = claimant.claim(GPT2, 1).await;
    let whole = GPT2.program().cost(1).unwrap().macs;
    assert_eq!(claimant.macs.load(Ordering::Relaxed), whole);
    assert_eq!(
        claimant.metric("athanor_worker_trace_bytes").await,
        GPT2.values()
    );

    let watcher = Daemon::start(0, None, &[claimant.url()]).await;
    let receipt = watcher.watch(GPT2, 1, &claim.node_roots).await;
    assert_eq!(receipt.checked.as_deref(), Some("freivalds"));
    assert_eq!(receipt.wrong_node, None);
    assert_eq!(receipt.node_roots, claim.node_roots);
    assert_eq!(watcher.metric("athanor_worker_run_seconds_count").await, 0);
    let checked = "athanor_worker_checked_nodes_total{how=\"freivalds\"}";
    assert_eq!(watcher.metric(checked).await, 8);
    assert_eq!(
        watcher.metric("athanor_worker_spared_macs_total").await,
        whole
    );
    let took = watcher.macs.load(Ordering::Relaxed)
        + watcher
            .metric("athanor_worker_keyed_multiplications_total")
            .await;
    assert!(whole >= 50 * took, "{whole} and {took}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_element_of_a_served_product_leads_to_its_proof() {
    let layer = SMALL;
    let program = layer.program();
    for node in [0, SCORES, CONTEXT, LAST_PRODUCT] {
        let op = &program.program().nodes[usize::from(node)].op;
        assert!(matches!(op, Op::MatMul(_) | Op::BatchMatMul(_)), "{op:?}");
        let liar = Daemon::start(1 << 24, Some(Fault::WrongElement(node)), &[]).await;
        let claim = liar.claim(layer, 1).await.node_roots;
        let watcher = Daemon::start(0, None, &[liar.url()]).await;
        let receipt = watcher.watch(layer, 1, &claim).await;
        assert_eq!(receipt.checked.as_deref(), Some("freivalds"));
        assert_eq!(receipt.wrong_node, Some(node));
        assert_eq!(watcher.metric("athanor_worker_run_seconds_count").await, 0);

        let len = program.node_len(node.into(), 1).unwrap();
        let proof = proof(&watcher, &liar, &claim, node, len).await;
        let proof = FraudProof::decode(&mut &proof[..]).unwrap();
        assert_eq!((proof.node, proof.element), (node, len / 4 / 2));
        let weights = layer.ticket(1).weights;
        let judged = judge(
            &program,
            &Claim {
                batch: 1,
                input: &root(&layer.input(1)),
                weights: &weights,
                trace: &claim,
            },
            &proof,
        );
        assert_eq!(judged, Ok(Verdict::Convicted));
    }
}

/// What the watcher proves of the claim, after the claimant's answers.
async fn proof(
    watcher: &Daemon,
    claimant: &Daemon,
    claim: &[Root],
    node: u16,
    len: u64,
) -> Vec<u8> {
    let mut asked = Subtree::whole(claim[usize::from(node)], len);
    let mut answers: Vec<String> = Vec::new();
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < until);
        let claimed = Roots(claim.to_vec());
        let step = watcher
            .rpc()
            .dispute(1, claimed, node, answers.clone(), None, None)
            .await;
        match step {
            Ok(DisputeStep::Ask { .. }) => {}
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
            Ok(DisputeStep::Prove { proof }) => return proof.0,
            Err(RpcError::Call(error)) if error.code() == LATER => continue,
            other => panic!("{other:?}"),
        }
        let question = Question {
            job: 1,
            thread: 0,
            trace_root: athanor_tensor_program::trace_root(claim),
            value: Value::Node(node),
            root: claim[usize::from(node)],
            len,
            asked: Asked::Subtree {
                start: asked.start(),
                count: asked.count(),
                value: asked.value(),
            },
            deadline: 1_000,
        };
        let answer = loop {
            assert!(Instant::now() < until);
            match claimant.rpc().answer(1, question.clone()).await {
                Ok(answer) => break answer,
                Err(RpcError::Call(error)) if error.code() == LATER => {}
                Err(error) => panic!("{error}"),
            }
        };
        answers.push(to_hex(&answer.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_nobody_keeps_is_run() {
    let layer = SMALL;
    // No budget, one that is a byte short, and a daemon that shows nothing.
    for (limit, fault) in [
        (0, None),
        (layer.values(), None),
        (1 << 24, Some(Fault::Withhold)),
    ] {
        let claimant = Daemon::start(limit, fault, &[]).await;
        let claim = claimant.claim(layer, 1).await.node_roots;
        assert_eq!(claimant.metric("athanor_worker_trace_bytes").await, 0);
        assert!(!claimant.has(&claim[usize::from(SCORES)]).await);
        assert!(claimant.has(claim.last().unwrap()).await);
        let watcher = Daemon::start(0, None, &[claimant.url()]).await;
        let receipt = watcher.watch(layer, 1, &claim).await;
        assert_eq!((receipt.checked, receipt.node_roots), (None, claim));
        let whole = layer.program().cost(1).unwrap().macs;
        assert_eq!(watcher.macs.load(Ordering::Relaxed), whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_never_gives_a_claimed_tensor_does_not_hold_up_the_check() {
    let layer = SMALL;
    let claimant = Daemon::start(0, None, &[]).await;
    let claim = claimant.claim(layer, 1).await.node_roots;
    let stuck = axum::Router::new().fallback(|| async {
        std::future::pending::<()>().await;
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, stuck).await.unwrap() });

    let settings = Settings {
        claim_patience: Duration::from_millis(50),
        ..Settings::default()
    };
    let watcher = Daemon::with(settings, Arc::new(TempDir::new().unwrap()), &[url]).await;
    for weight in layer.weights() {
        watcher.put(weight).await;
    }
    watcher.put(layer.input(1)).await;
    watcher.start_to_watch(layer, 1, &claim).await;
    // The client itself would wait 30 s and more.
    let receipt = watcher.done_within(1, Duration::from_secs(25)).await;
    assert_eq!((receipt.checked, receipt.node_roots), (None, claim));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_trace_makes_room_and_outputs_stay() {
    let layer = SMALL;
    // Room for two traces with their outputs, not for three.
    let each = layer.values() + layer.program().output_len(1).unwrap();
    let claimant = Daemon::start(2 * each, None, &[]).await;
    let first = claimant.claim(layer, 1).await.node_roots;
    let second = claimant.claim(layer, 2).await.node_roots;
    let kept = |claim: &[Root]| claim[usize::from(SCORES)];
    assert!(claimant.has(&kept(&first)).await && claimant.has(&kept(&second)).await);

    // The budget holds for what an earlier life of the daemon has kept.
    let claimant = Daemon::over(claimant.dir.clone(), 2 * each, None, &[]).await;
    let third = claimant.claim(layer, 3).await.node_roots;
    assert!(!claimant.has(&kept(&first)).await);
    assert!(claimant.has(&kept(&second)).await && claimant.has(&kept(&third)).await);
    for claim in [&first, &second, &third] {
        assert!(claimant.has(claim.last().unwrap()).await);
    }
    let bytes = claimant.metric("athanor_worker_trace_bytes").await;
    assert!(bytes > layer.values() && bytes <= 2 * each, "{bytes}");
    assert!(claimant.has(&root(&layer.input(1))).await);
}
