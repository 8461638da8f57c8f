//! The CUDA backend.
//!
//! | module | what lives there |
//! |---|---|
//! | [`kernels`] | the kernels, their sources, and the bytes of their parameters |
//! | [`lower`] | from a program to launches on buffers |
//! | [`schedule`] | those launches, and where each buffer lies in the device's memory |
//! | [`suite`] | small jobs that reach every kernel, for tests and `gpu-worker selftest` |
//!
//! A program becomes a [`schedule::Schedule`] without any device, and a device only follows it:
//! three queues, one for copies to the device, one for computing, one for hashing. What a job takes is
//! known before anything is allocated. A small job that comes again is recorded as a graph and started
//! as a whole. Nothing but inputs, weights, outputs and 32 bytes a node crosses the bus.

pub mod kernels;
pub mod lower;
pub mod schedule;
pub mod suite;

use super::{Backend, BackendError, Control, Device, Run, Trace, Value};
use crate::cuda::{
    self,
    blaslt::Shape,
    compiler,
    gpu::{Entry, Event, Gpu, GpuError, Graph, Lane, Memory, Session},
    Probe,
};
use athanor_primitives::Root;
use athanor_tensor_program::{RunError, Validated};
use kernels::{Kernel, MODULES, OPTIONS};
use lower::{lower, Library, Options};
use schedule::{Buf, Layout, NodePlan, Products, Schedule, Source, Step, HASH_LAG};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Jobs up to this much memory keep it, and are recorded when they come again.
const SMALL: u64 = 256 << 20;

/// Graphs of more launches take longer to make than they save.
const MOST_RECORDED: usize = 8_192;

/// Shared memory every device has: older ones have too little for the large tiles.
const OLD_SHARED: u32 = 48 << 10;

/// Nodes that are asked for before the first of them is waited for.
const AHEAD: usize = 32;

/// The backend can't be had, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no device.
    #[error("{0}")]
    Absent(cuda::Absent),
    /// A device older than the kernels' instructions.
    #[error("{0} is too old: compute capability 7.0 is the least")]
    TooOld(String),
    /// The device needs kernels of its own, and nothing can compile them.
    #[error("{0}")]
    Compile(#[from] compiler::CompileError),
    /// The device or its driver failed.
    #[error("{0}")]
    Gpu(#[from] GpuError),
}

/// The CUDA backend.
pub struct Cuda {
    device: Device,
    gpu: Gpu,
    options: Options,
    held: Mutex<Option<Prepared>>,
}

/// A job's schedule with its memory.
struct Prepared {
    program: [u8; 32],
    batch: u32,
    options: Options,
    schedule: Schedule,
    layout: Layout,
    /// Buffers to be filled before each node.
    uploads: Vec<Vec<usize>>,
    memory: Memory,
    runs: u64,
    graph: Option<Graph>,
}

impl Cuda {
    /// Opens the first device.
    ///
    /// # Errors
    ///
    /// No device, one that is too old, or a driver that fails.
    pub fn open() -> Result<Cuda, OpenError> {
        let devices = match cuda::probe() {
            Probe::Present(devices) => devices,
            Probe::Absent(why) => return Err(OpenError::Absent(why)),
        };
        let Some(found) = devices.into_iter().next() else {
            return Err(OpenError::Absent(cuda::Absent::NoDevice));
        };
        let old = found.capability < (8, 0);
        let entries: Vec<Entry> = Kernel::ALL
            .iter()
            .map(|kernel| Entry {
                image: MODULES
                    .iter()
                    .position(|module| module.name == kernel.module())
                    .unwrap_or(usize::MAX),
                name: kernel.name(),
                shared: if old {
                    kernels::gemm_shared(*kernel).min(OLD_SHARED)
                } else {
                    kernels::gemm_shared(*kernel)
                },
                params: kernel.size(),
            })
            .collect();
        let gpu = Gpu::open(0, &images(&found)?, &entries)?;
        let library = if gpu.has_library() {
            Library::Sums
        } else {
            Library::Never
        };
        let (major, minor) = found.capability;
        Ok(Cuda {
            device: Device {
                backend: "cuda",
                name: format!("{}, sm_{major}{minor}", found.name),
                memory: found.memory,
            },
            gpu,
            options: Options {
                library,
                many_tiles: if old {
                    u64::MAX
                } else {
                    Options::default().many_tiles
                },
            },
            held: Mutex::new(None),
        })
    }

    /// Whether the device can run a kernel at all.
    pub fn runs(&self, kernel: Kernel) -> bool {
        self.options.many_tiles != u64::MAX || kernels::gemm_shared(kernel) <= OLD_SHARED
    }

    /// How programs are lowered for this device.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Runs a program lowered in another way than usual: to test and to measure.
    ///
    /// # Errors
    ///
    /// As [`Backend::run`].
    pub fn run_with(
        &self,
        run: Run<'_>,
        control: &dyn Control,
        options: Options,
    ) -> Result<Trace, BackendError> {
        check(&run)?;
        if control.stopped() {
            return Err(BackendError::Stopped);
        }
        let program = run.program.program().hash();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut prepared = match held.take() {
            Some(held)
                if (held.program, held.batch, held.options) == (program, run.batch, options) =>
            {
                held
            }
            // What is held is freed before the next job asks for memory.
            other => {
                drop(other);
                self.prepare(&run, program, options)?
            }
        };
        let done = self.go(&mut prepared, &run, control)?;
        if prepared.layout.bytes <= SMALL {
            prepared.runs += 1;
            *held = Some(prepared);
        }
        done.ok_or(BackendError::Stopped)
    }

    fn prepare(
        &self,
        run: &Run<'_>,
        program: [u8; 32],
        options: Options,
    ) -> Result<Prepared, BackendError> {
        let bug = |error: lower::Unexpected| BackendError::Bug(error.to_string());
        let mut schedule = lower(run.program, run.batch, options).map_err(bug)?;
        let refused = |step: &Step| match step {
            Step::Products(products) => !self.gpu.library_takes(shape_of(products)),
            Step::Launch(_) => false,
        };
        if schedule
            .nodes
            .iter()
            .any(|node| node.steps.iter().any(refused))
        {
            let own = Options {
                library: Library::Never,
                ..options
            };
            schedule = lower(run.program, run.batch, own).map_err(bug)?;
        }
        let layout = schedule.layout();
        let (free, _) = self.gpu.memory().map_err(device)?;
        if layout.bytes > free {
            return Err(BackendError::DeviceMemory {
                bytes: layout.bytes,
                free,
            });
        }
        let memory = self.gpu.allocate(layout.bytes).map_err(device)?;
        Ok(Prepared {
            program,
            batch: run.batch,
            options,
            uploads: uploads(&schedule),
            schedule,
            layout,
            memory,
            runs: 0,
            graph: None,
        })
    }

    /// Runs a prepared job. `None` if it was stopped.
    fn go(
        &self,
        prepared: &mut Prepared,
        run: &Run<'_>,
        control: &dyn Control,
    ) -> Result<Option<Trace>, BackendError> {
        let nodes = prepared.schedule.nodes.len();
        let launches = prepared.schedule.launches();
        let again = prepared.runs > 0 && launches <= MOST_RECORDED;
        let shared: &Prepared = prepared;
        let finished = self
            .gpu
            .session(|session| {
                let job = Job {
                    session,
                    prepared: shared,
                    run,
                };
                if !again {
                    return job.enqueue(Some(control)).map(|done| (done, None));
                }
                for index in 0..nodes {
                    job.fill(index)?;
                }
                session.after(Lane::Compute, &session.mark(Lane::Copy)?)?;
                let graph = match &shared.graph {
                    Some(_) => None,
                    None => Some(session.record(|| job.enqueue(None).map(|_| ()))?),
                };
                match graph.as_ref().or(shared.graph.as_ref()) {
                    Some(graph) => session.replay(graph)?,
                    None => return Err(GpuError::Broken("a graph was lost".into())),
                }
                Ok((true, graph))
            })
            .map_err(device)?;
        let (done, graph) = finished;
        if graph.is_some() {
            prepared.graph = graph;
        }
        if !done {
            return Ok(None);
        }
        let trace = self
            .gpu
            .session(|session| collect(session, prepared))
            .map_err(device)?;
        control.progress(nodes as u64, nodes as u64);
        Ok(Some(trace))
    }
}

impl Backend for Cuda {
    fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes of the device's memory.
    fn plan_bytes(&self, program: &Validated, batch: u32) -> Option<u64> {
        program.input_len(batch)?;
        let schedule = lower(program, batch, self.options).ok()?;
        Some(schedule.layout().bytes)
    }

    fn own_memory(&self) -> Option<u64> {
        let free = self.gpu.memory().map(|(free, _)| free);
        Some(free.unwrap_or(self.device.memory))
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        self.run_with(run, control, self.options)
    }
}

fn device(error: GpuError) -> BackendError {
    BackendError::Device(error.to_string())
}

/// The kernels for a device: those checked in, or freshly compiled for an old one.
fn images(found: &cuda::CudaDevice) -> Result<Vec<String>, OpenError> {
    match found.capability {
        (9, 0) => Ok(MODULES.iter().map(|module| module.sm_90a.into()).collect()),
        (8.., _) => Ok(MODULES.iter().map(|module| module.sm_80.into()).collect()),
        (7, minor) => MODULES
            .iter()
            .map(|module| {
                let architecture = format!("compute_7{minor}");
                let name = format!("{}.cu", module.name);
                compiler::compile(&name, &module.expanded(), &architecture, OPTIONS)
                    .map_err(OpenError::from)
            })
            .collect(),
        _ => Err(OpenError::TooOld(found.name.clone())),
    }
}

/// Whether input and weights have the lengths that program and batch ask for.
fn check(run: &Run<'_>) -> Result<(), BackendError> {
    let Run {
        program,
        batch,
        input,
        weights,
        roots: _,
    } = *run;
    let max_batch = program.max_batch();
    let expected = program
        .input_len(batch)
        .ok_or(RunError::Batch { batch, max_batch })?;
    let found = input.len() as u64;
    if expected != found {
        return Err(RunError::InputLength { expected, found }.into());
    }
    let (expected, found) = (program.root_constant_count() as u64, weights.len() as u64);
    if expected != found {
        return Err(RunError::WeightCount { expected, found }.into());
    }
    for (index, (expected, weight)) in program.root_constants().zip(weights).enumerate() {
        let (index, found) = (index as u64, weight.len() as u64);
        if expected != found {
            return Err(RunError::WeightLength {
                index,
                expected,
                found,
            }
            .into());
        }
    }
    Ok(())
}

fn shape_of(products: &Products) -> Shape {
    Shape {
        batches: products.batches,
        m: products.m,
        n: products.n,
        k: products.k,
        a_stride: products.a_stride,
        b_stride: products.b_stride,
    }
}

/// For each node, the buffers with given bytes that no node before it reads; all inputs come first,
/// since later nodes may take over their memory.
fn uploads(schedule: &Schedule) -> Vec<Vec<usize>> {
    let mut seen = BTreeSet::new();
    let mut uploads: Vec<Vec<usize>> = Vec::with_capacity(schedule.nodes.len());
    for node in &schedule.nodes {
        let mut now = Vec::new();
        for step in node.steps.iter().chain(&node.hash) {
            for buf in step.buffers() {
                let index = buf.index();
                let given = schedule.buffers.get(index).map(|buffer| &buffer.source);
                let given = !matches!(given, None | Some(Source::Nothing));
                if given && seen.insert(index) {
                    now.push(index);
                }
            }
        }
        uploads.push(now);
    }
    let is_input = |index: &usize| matches!(schedule.buffers[*index].source, Source::Input(_));
    let mut inputs: Vec<usize> = uploads.iter().flatten().copied().filter(is_input).collect();
    for list in &mut uploads {
        list.retain(|index| !is_input(index));
    }
    if let Some(first) = uploads.first_mut() {
        inputs.append(first);
        *first = inputs;
    }
    uploads
}

/// A job on its way.
struct Job<'a, 'env> {
    session: &'a Session<'a, 'env>,
    prepared: &'env Prepared,
    run: &'a Run<'env>,
}

impl<'env> Job<'_, 'env> {
    fn address(&self, buf: Buf) -> u64 {
        let offset = self.prepared.layout.offsets.get(buf.index());
        self.prepared.memory.address() + offset.copied().unwrap_or_default()
    }

    /// Copies what node `index` is the first to read.
    fn fill(&self, index: usize) -> Result<bool, GpuError> {
        let Prepared {
            schedule,
            layout,
            uploads,
            memory,
            ..
        } = self.prepared;
        let wanted = uploads.get(index).map_or(&[][..], Vec::as_slice);
        for index in wanted {
            let bytes: &'env [u8] = match &schedule.buffers[*index].source {
                Source::Input(range) => self
                    .run
                    .input
                    .get(range.start as usize..range.end as usize)
                    .unwrap_or_default(),
                Source::Weight(weight) => {
                    self.run.weights.get(*weight).copied().unwrap_or_default()
                }
                Source::Bytes(bytes) => bytes,
                Source::Nothing => &[],
            };
            self.session.upload(memory, layout.offsets[*index], bytes)?;
        }
        Ok(!wanted.is_empty())
    }

    fn step(&self, lane: Lane, step: &Step) -> Result<(), GpuError> {
        match step {
            Step::Launch(launch) => {
                let entry = Kernel::ALL
                    .iter()
                    .position(|kernel| *kernel == launch.kernel);
                let params = launch.bound(|buf| self.address(buf));
                self.session.launch(
                    lane,
                    entry.unwrap_or(usize::MAX),
                    launch.blocks,
                    launch.threads,
                    launch.shared,
                    &params,
                )
            }
            Step::Products(products) => {
                let at =
                    [products.a, products.b, products.c].map(|at| self.address(at.buf) + at.offset);
                self.session.products(lane, shape_of(products), at)
            }
        }
    }

    /// Asks for every node. With a control, copies are asked for on the way, and the caller is
    /// listened to; without, everything is in place already. False if stopped.
    fn enqueue(&self, control: Option<&dyn Control>) -> Result<bool, GpuError> {
        let nodes = &self.prepared.schedule.nodes;
        let mut hashed: Vec<Option<Event>> = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            if let Some(control) = control {
                if control.stopped() {
                    return Ok(false);
                }
                if let Some(Some(event)) = index.checked_sub(AHEAD).and_then(|i| hashed.get(i)) {
                    self.session.reach(event)?;
                    control.progress((index - AHEAD) as u64, nodes.len() as u64);
                }
                if self.fill(index)? {
                    let filled = self.session.mark(Lane::Copy)?;
                    self.session.after(Lane::Compute, &filled)?;
                }
            }
            // From here on the memory of that node may be another's.
            if let Some(Some(event)) = index.checked_sub(HASH_LAG).and_then(|i| hashed.get(i)) {
                self.session.after(Lane::Compute, event)?;
            }
            hashed.push(self.node(node)?);
        }
        if let Some(last) = hashed.iter().flatten().next_back() {
            self.session.after(Lane::Compute, last)?;
        }
        Ok(true)
    }

    /// Asks for one node and its hash. The point where the hash is done, if there is one.
    fn node(&self, node: &NodePlan) -> Result<Option<Event>, GpuError> {
        for step in &node.steps {
            self.step(Lane::Compute, step)?;
        }
        if node.hash.is_empty() {
            return Ok(None);
        }
        let computed = self.session.mark(Lane::Compute)?;
        self.session.after(Lane::Hash, &computed)?;
        for step in &node.hash {
            self.step(Lane::Hash, step)?;
        }
        self.session.mark(Lane::Hash).map(Some)
    }
}

/// Roots and outputs of a job that is done.
fn collect(session: &Session<'_, '_>, prepared: &Prepared) -> Result<Trace, GpuError> {
    let Prepared {
        schedule,
        layout,
        memory,
        ..
    } = prepared;
    let offset = |buf: Buf| layout.offsets.get(buf.index()).copied().unwrap_or_default();
    let mut bytes = vec![0; 32 * schedule.nodes.len()];
    session.download(memory, offset(schedule.roots), &mut bytes)?;
    let mut roots: Vec<Root> = Vec::with_capacity(schedule.nodes.len());
    let mut values = Vec::with_capacity(schedule.nodes.len());
    for (node, own) in schedule.nodes.iter().zip(bytes.chunks_exact(32)) {
        match node.repeats {
            Some(earlier) => {
                roots.push(roots.get(earlier).copied().unwrap_or_default());
                values.push(Value::Same(earlier));
            }
            None => {
                roots.push(own.try_into().unwrap_or_default());
                values.push(Value::Dropped);
            }
        }
    }
    for output in &schedule.outputs {
        let mut owner = *output;
        while let Some(Value::Same(earlier)) = values.get(owner) {
            owner = *earlier;
        }
        let Some(node) = schedule.nodes.get(owner) else {
            continue;
        };
        if matches!(values[owner], Value::Dropped) {
            let buffer = &schedule.buffers[node.output.index()];
            let mut bytes = vec![0; usize::try_from(buffer.bytes).unwrap_or_default()];
            session.download(memory, offset(node.output), &mut bytes)?;
            values[owner] = Value::Own(bytes);
        }
    }
    Ok(Trace::hashed(values, roots))
}
