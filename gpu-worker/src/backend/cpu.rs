//! The CPU backend.
//!
//! A run goes through the batch in runs of samples that fit the caches, and through
//! the nodes one by one: no operator looks across samples, so a node's bytes are made,
//! hashed and forgotten in the samples' order. Operators have kernels of
//! `athanor_exact_kernels`, which give the same bits at every level of instructions;
//! what has none goes to the reference interpreter, node by node.
//!
//! | module | what lives there |
//! |---|---|
//! | `plan` | how many samples at a time, where each value lies, what it all takes |
//! | `node` | one node: what is prepared once, and how its output is made |
//! | `linear` | products and convolutions |
//! | `keep` | what was prepared, kept for later runs of the same model |
//! | `spread` | work cut into pieces for the threads |
//! | `hash` | BLAKE3 of a value that comes in parts, on all threads |
//! | [`measure`] | parts of it on their own, for `gpu-worker bench` |

mod hash;
mod keep;
mod linear;
pub mod measure;
mod node;
mod plan;
mod spread;

use super::{op_name, Backend, BackendError, Control, Device, Run, Trace, Value};
use crate::system;
use athanor_exact_kernels::Level;
use athanor_tensor_program::{Constant, Cost, Operand, RunError, Validated};
use hash::Hash;
use keep::Keep;
use node::{Arg, Prepared};
use plan::{Place, Plan};
use rayon::{ThreadPool, ThreadPoolBuilder};
use spread::Team;
use std::{
    num::NonZeroUsize,
    ops::Range,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
};

/// How the CPU backend works. No setting changes a bit of any result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Threads, 0 for one per core.
    pub threads: usize,
    /// The instructions to use.
    pub level: Level,
    /// Bytes of values that each thread's share of the caches holds: decides how many
    /// samples go through the nodes at a time.
    pub cache: usize,
    /// Nanoseconds: a run that is foreseen to take less stays on the caller's thread, as
    /// do values in longer ones that are not worth waking another. Threads meet at every
    /// node, which costs a run of some hundred microseconds more than it saves. 0 to share
    /// all work.
    pub alone: u64,
    /// Whether roots are made. Without them a trace is good for nothing but to see
    /// what they cost: its roots are all of the empty value.
    pub hash: bool,
}

impl Default for Settings {
    /// One thread per core, the fastest instructions of this machine, 4 MiB.
    fn default() -> Self {
        Settings {
            threads: 0,
            level: Level::best(),
            cache: 4 << 20,
            alone: 1_000_000,
            hash: true,
        }
    }
}

/// Bytes of a value that are worth hashing on another thread: waking one takes as long
/// as hashing about 50 KiB.
const ASIDE: usize = 64 * 1_024;

/// The CPU backend.
#[derive(Debug)]
pub struct Cpu {
    settings: Settings,
    /// `None` if the caller's thread is enough, or others could not be started.
    pool: Option<ThreadPool>,
    device: Device,
    keep: Keep,
    /// Bytes that a run and what is kept may take together.
    bound: AtomicU64,
}

impl Cpu {
    /// A backend with `threads` threads, 0 for one per core.
    pub fn new(threads: usize) -> Self {
        Cpu::with(Settings {
            threads,
            ..Settings::default()
        })
    }

    /// A backend that works as told.
    pub fn with(settings: Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = match settings.threads {
            0 => cores,
            threads => threads,
        };
        let name = system::cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let pool = match threads {
            1 => None,
            _ => ThreadPoolBuilder::new()
                .num_threads(threads)
                .thread_name(|index| format!("cpu-backend-{index}"))
                .build()
                .ok(),
        };
        Cpu {
            settings: Settings {
                threads,
                ..settings
            },
            pool,
            keep: Keep::default(),
            bound: AtomicU64::new(system::memory().map_or(0, |memory| memory.available / 2)),
            device: Device {
                backend: "cpu",
                name: format!("{name}, {threads} threads, {}", settings.level),
                memory: system::memory().map_or(0, |memory| memory.total),
            },
        }
    }

    /// Bytes of what is kept of earlier runs' weights.
    pub fn kept_bytes(&self) -> u64 {
        self.keep.bytes()
    }
}

impl Backend for Cpu {
    fn device(&self) -> &Device {
        &self.device
    }

    fn plan_bytes(&self, program: &Validated, batch: u32) -> Option<u64> {
        Plan::new(program, batch, &self.settings).map(|plan| plan.bytes())
    }

    fn bound(&self, bytes: u64) {
        self.bound.store(bytes, Ordering::Relaxed);
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        let bound = self.bound.load(Ordering::Relaxed);
        let cost = run.program.cost(run.batch);
        let alone = cost.is_some_and(|cost| foreseen(&cost) < self.settings.alone);
        let settings = Settings {
            threads: if alone { 1 } else { self.settings.threads },
            ..self.settings
        };
        let work = || execute(run, control, &settings, &self.keep, bound);
        let guarded = || {
            catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(BackendError::Bug("the CPU backend panicked".into())))
        };
        match &self.pool {
            Some(pool) if !alone => pool.install(guarded),
            _ => guarded(),
        }
    }
}

/// Nanoseconds that a run takes on one thread, roughly: at a hundred multiplications,
/// one other step or four bytes a nanosecond.
fn foreseen(cost: &Cost) -> u64 {
    (cost.macs / 100)
        .saturating_add(cost.ops)
        .saturating_add(cost.bytes / 4)
}

fn bug(what: impl Into<String>) -> BackendError {
    BackendError::Bug(what.into())
}

/// Checks a job's bytes against the lengths that program and batch ask for.
fn check(run: &Run<'_>) -> Result<(), BackendError> {
    let Run {
        program,
        batch,
        input,
        weights,
        roots,
    } = run;
    let expected = program.input_len(*batch).ok_or(BackendError::Batch {
        batch: *batch,
        max: program.max_batch(),
    })?;
    let found = input.len() as u64;
    if expected != found {
        return Err(RunError::InputLength { expected, found }.into());
    }
    let (expected, found) = (program.root_constant_count() as u64, weights.len() as u64);
    if expected != found {
        return Err(RunError::WeightCount { expected, found }.into());
    }
    if !roots.is_empty() && roots.len() != weights.len() {
        let (expected, found) = (expected, roots.len() as u64);
        return Err(RunError::WeightCount { expected, found }.into());
    }
    for (index, (expected, weight)) in program.root_constants().zip(*weights).enumerate() {
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

/// The bytes of every constant.
fn constants<'a>(run: &Run<'a>) -> Result<Vec<&'a [u8]>, BackendError> {
    let mut weights = run.weights.iter();
    run.program
        .program()
        .constants
        .iter()
        .map(|constant| match constant {
            Constant::Inline { bytes, .. } => Ok(bytes.as_slice()),
            Constant::Root { .. } => weights
                .next()
                .copied()
                .ok_or_else(|| bug("a constant without bytes")),
        })
        .collect()
}

/// Room of `len` zeros, or why not.
fn room(len: usize, node: usize, op: impl FnOnce() -> String) -> Result<Vec<u8>, BackendError> {
    let mut probe: Vec<u8> = Vec::new();
    if probe.try_reserve_exact(len).is_err() {
        return Err(BackendError::OutOfMemory {
            node,
            op: op(),
            bytes: len as u64,
        });
    }
    drop(probe);
    // Zeroed by the system page by page as it is used.
    Ok(vec![0; len])
}

/// Where values are during a run.
struct Memory<'a> {
    plan: &'a Plan,
    inputs: Vec<&'a [u8]>,
    constants: Vec<&'a [u8]>,
    arena: Vec<u8>,
    /// The outputs' own rooms, by node.
    kept: Vec<Vec<u8>>,
}

fn execute(
    run: Run<'_>,
    control: &dyn Control,
    settings: &Settings,
    keep: &Keep,
    bound: u64,
) -> Result<Trace, BackendError> {
    check(&run)?;
    if control.stopped() {
        return Err(BackendError::Stopped);
    }
    let program = run.program;
    let plan = Plan::new(program, run.batch, settings).ok_or_else(|| bug("no plan"))?;
    let nodes = &program.program().nodes;
    let team = Team {
        level: settings.level,
        threads: settings.threads,
        eager: settings.alone == 0,
        control,
    };
    let constants = constants(&run)?;
    let prepared = prepare(&run, &constants, &plan, keep, bound, &team)?;
    let input = |index| {
        let range = program.input_range(index, run.batch)?;
        run.input
            .get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    };
    let mut memory = Memory {
        plan: &plan,
        inputs: (0..program.program().inputs.len())
            .map(input)
            .collect::<Option<_>>()
            .ok_or_else(|| bug("an input without bytes"))?,
        constants,
        arena: room(plan.arena(), 0, || "all values".into())?,
        kept: Vec::with_capacity(nodes.len()),
    };
    for (index, node) in nodes.iter().enumerate() {
        let len = match plan.place(index) {
            Place::Kept => plan.sample(index).saturating_mul(plan.batch()),
            _ => 0,
        };
        memory.kept.push(room(len, index, || op_name(&node.op))?);
    }
    let mut hashes: Vec<Hash> = nodes.iter().map(|_| Hash::default()).collect();
    let steps = plan.batch().div_ceil(plan.chunk()) as u64;
    let total = steps.saturating_mul(nodes.len() as u64);
    let mut done = 0u64;
    for first in (0..plan.batch()).step_by(plan.chunk()) {
        let samples = first..(first + plan.chunk()).min(plan.batch());
        let mut before: Option<usize> = None;
        for (index, prepared) in prepared.iter().enumerate() {
            if !matches!(**prepared, Prepared::Alias) {
                step(
                    program,
                    &mut memory,
                    &mut hashes,
                    prepared,
                    index,
                    before.replace(index).filter(|_| settings.hash),
                    samples.clone(),
                    &team,
                )?;
            }
            if control.stopped() {
                return Err(BackendError::Stopped);
            }
            done += 1;
            if done < total {
                control.progress(done, total);
            }
        }
        if let Some(last) = before.filter(|_| settings.hash) {
            let bytes = memory
                .whole(last, &samples)
                .ok_or_else(|| bug("no value"))?;
            hashes[last].update(bytes, samples.end == plan.batch(), &team);
        }
    }
    let mut roots = Vec::with_capacity(nodes.len());
    let mut values = Vec::with_capacity(nodes.len());
    for (index, (hash, kept)) in hashes.into_iter().zip(memory.kept).enumerate() {
        match plan.place(index) {
            Place::Same(owner) => {
                roots.push(roots.get(owner).copied().unwrap_or_default());
                values.push(Value::Same(owner));
            }
            Place::Kept => {
                roots.push(hash.finish());
                values.push(Value::Own(kept));
            }
            Place::Arena { .. } => {
                roots.push(hash.finish());
                values.push(Value::Dropped);
            }
        }
    }
    control.progress(total, total);
    Ok(Trace::hashed(values, roots))
}

/// What every node needs: what is kept of earlier runs, and the rest made now.
fn prepare(
    run: &Run<'_>,
    constants: &[&[u8]],
    plan: &Plan,
    keep: &Keep,
    bound: u64,
    team: &Team<'_>,
) -> Result<Vec<Arc<Prepared>>, BackendError> {
    let program = run.program;
    let nodes = program.program().nodes.len();
    let wrong = |index| bug(format!("node {index} is not as validated"));
    let sizes = (0..nodes)
        .map(|index| node::prepared_bytes(program, index).ok_or_else(|| wrong(index)))
        .collect::<Result<Vec<_>, _>>()?;
    let roots = keep::by_constant(program, run.roots);
    let known = !run.roots.is_empty() || run.weights.is_empty();
    let keys: Vec<_> = (0..nodes)
        .map(|index| match known && sizes[index] > 0 {
            true => keep::key(program, index, &roots),
            false => None,
        })
        .collect();
    let (number, mut found) = keep.start(&keys, plan.bytes(), bound);
    // What one run leaves behind must not keep the next one of its like from fitting.
    let own = sizes
        .iter()
        .fold(0u64, |sum, size| sum.saturating_add(*size));
    let most = bound.saturating_sub(plan.bytes().saturating_sub(own));
    let mut prepared = Vec::with_capacity(nodes);
    for (index, found) in found.iter_mut().enumerate() {
        let made = match found.take() {
            Some(kept) => kept,
            None => {
                let made = Prepared::new(program, index, constants, plan.chunk(), team)
                    .ok_or_else(|| wrong(index))?;
                let made = Arc::new(made);
                if let Some(key) = keys[index] {
                    keep.put(number, key, &made, sizes[index], most);
                }
                made
            }
        };
        prepared.push(made);
        if team.control.stopped() {
            return Err(BackendError::Stopped);
        }
    }
    Ok(prepared)
}

impl Memory<'_> {
    /// The bytes of a node's samples, while nothing is written.
    fn whole(&self, node: usize, samples: &Range<usize>) -> Option<&[u8]> {
        view(
            self.plan,
            &self.kept,
            &self.arena,
            usize::MAX,
            &[],
            node,
            samples,
        )
    }
}

/// The bytes of a node's samples. The arena is given in two parts: `before`, and
/// `after`, which starts at `from`.
fn view<'a>(
    plan: &Plan,
    kept: &'a [Vec<u8>],
    before: &'a [u8],
    from: usize,
    after: &'a [u8],
    node: usize,
    samples: &Range<usize>,
) -> Option<&'a [u8]> {
    let sample = plan.sample(node);
    match plan.place(node) {
        Place::Same(owner) => view(plan, kept, before, from, after, owner, samples),
        Place::Kept => kept
            .get(node)?
            .get(samples.start * sample..samples.end * sample),
        Place::Arena { start } => {
            let len = sample * samples.len();
            match start.checked_sub(from) {
                Some(start) => after.get(start..start + len),
                None => before.get(start..start + len),
            }
        }
    }
}

/// Makes some samples of a node, and hashes those of the node before meanwhile.
fn step(
    program: &Validated,
    memory: &mut Memory<'_>,
    hashes: &mut [Hash],
    prepared: &Prepared,
    index: usize,
    before: Option<usize>,
    samples: Range<usize>,
    team: &Team<'_>,
) -> Result<(), BackendError> {
    let plan = memory.plan;
    let sample = plan.sample(index);
    let lost = || bug(format!("node {index} lost an operand"));
    let mut own = match plan.place(index) {
        Place::Kept => std::mem::take(&mut memory.kept[index]),
        _ => Vec::new(),
    };
    let (low, high, from, out): (&[u8], &[u8], usize, &mut [u8]) = match plan.place(index) {
        Place::Arena { start } => {
            let len = sample * samples.len();
            let (low, rest) = memory.arena.split_at_mut_checked(start).ok_or_else(lost)?;
            let (out, high) = rest.split_at_mut_checked(len).ok_or_else(lost)?;
            (low, high, start + len, out)
        }
        _ => {
            let out = own
                .get_mut(samples.start * sample..samples.end * sample)
                .ok_or_else(lost)?;
            (&memory.arena, &[], usize::MAX, out)
        }
    };
    let value = |node| view(plan, &memory.kept, low, from, high, node, &samples);
    let node = &program.program().nodes[index];
    let args = node
        .operands
        .iter()
        .map(|operand| {
            let ty = program.operand_type(*operand)?;
            let (bytes, constant) = match operand {
                Operand::Node(node) => (value(usize::from(*node))?, false),
                Operand::Const(constant) => (*memory.constants.get(usize::from(*constant))?, true),
                Operand::Input(input) => {
                    let sample = usize::try_from(ty.bytes()?).ok()?;
                    let all: &[u8] = memory.inputs.get(usize::from(*input))?;
                    (
                        all.get(samples.start * sample..samples.end * sample)?,
                        false,
                    )
                }
            };
            Some(Arg {
                ty,
                bytes,
                constant,
            })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(lost)?;
    let own_len = out.len();
    let mut compute = || node::compute(node, prepared, &args, samples.len(), out, team);
    let result = match before.and_then(|before| Some((before, value(before)?))) {
        None => compute(),
        Some((before, bytes)) => {
            let hash = &mut hashes[before];
            let last = samples.end == plan.batch();
            let worth = team.eager || bytes.len().min(own_len) >= ASIDE;
            if team.threads == 1 || !worth {
                // While the bytes are still near.
                hash.update(bytes, last, team);
                compute()
            } else {
                rayon::join(compute, || hash.update(bytes, last, team)).0
            }
        }
    };
    if !own.is_empty() {
        memory.kept[index] = own;
    }
    result.map_err(|error| error.at(index, node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{
        interpret, load,
        ops::{self, Clamp, Reshape},
        DType, Node, Op, Operand, Program, Shape, TensorType,
    };
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    /// Two inputs of different widths, three nodes, two outputs.
    fn program() -> Validated {
        let program = Program {
            version: 1,
            max_batch: 100,
            inputs: vec![
                TensorType {
                    dtype: DType::I32,
                    shape: Shape::from([3]),
                },
                TensorType {
                    dtype: DType::I8,
                    shape: Shape::from([2, 5]),
                },
            ],
            constants: vec![],
            nodes: vec![
                Node {
                    op: Op::Clamp(Clamp {
                        lo: -70_000,
                        hi: 70_000,
                    }),
                    operands: vec![Operand::Input(0)],
                },
                Node {
                    op: Op::Clamp(Clamp { lo: -9, hi: 99 }),
                    operands: vec![Operand::Input(1)],
                },
                Node {
                    op: Op::Reshape(Reshape {
                        shape: Shape::from([10]),
                    }),
                    operands: vec![Operand::Node(1)],
                },
            ],
            outputs: vec![0, 2],
        };
        load(&program.encoded()).unwrap()
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x2545_F491_4F6C_DD1Du64;
        (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect()
    }

    #[test]
    fn every_batch_on_any_number_of_threads_equals_the_reference() {
        let program = program();
        for threads in [1, 2, 3, 7] {
            let cpu = Cpu::with(Settings {
                threads,
                alone: 0,
                ..Settings::default()
            });
            for batch in [1, 2, 3, 8, 17, 64, 99, 100] {
                let input = noise(program.input_len(batch).unwrap() as usize);
                let run = Run {
                    program: &program,
                    batch,
                    input: &input,
                    weights: &[],
                    roots: &[],
                };
                let trace = cpu.run(run, &AtomicBool::new(false)).unwrap();
                let reference = interpret(&program, batch, &input, &[]).unwrap();
                for node in 0..program.node_count() {
                    assert_eq!(trace.node(node), Some(reference.node(node)));
                }
                assert_eq!(trace.roots(), reference.trace());
                assert_eq!(trace.joined(program.outputs()).unwrap(), reference.output());
            }
        }
    }

    #[test]
    fn an_input_of_the_wrong_length_is_an_error() {
        let program = program();
        let run = Run {
            program: &program,
            batch: 4,
            input: &[0; 7],
            weights: &[],
            roots: &[],
        };
        let error = Cpu::new(2).run(run, &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, BackendError::Run(_)), "{error}");
    }

    #[test]
    fn a_batch_outside_the_program_is_an_error() {
        let program = program();
        for batch in [0, 101] {
            let run = Run {
                program: &program,
                batch,
                input: &[],
                weights: &[],
                roots: &[],
            };
            let error = Cpu::new(2).run(run, &AtomicBool::new(false)).unwrap_err();
            assert!(matches!(error, BackendError::Batch { .. }), "{error}");
        }
    }

    #[test]
    fn a_stopped_run_ends_as_stopped() {
        let program = program();
        let input = noise(program.input_len(50).unwrap() as usize);
        let run = Run {
            program: &program,
            batch: 50,
            input: &input,
            weights: &[],
            roots: &[],
        };
        let error = Cpu::new(2).run(run, &AtomicBool::new(true)).unwrap_err();
        assert!(matches!(error, BackendError::Stopped), "{error}");
    }

    #[test]
    fn progress_ends_at_its_total() {
        struct Counter(AtomicU64);
        impl Control for Counter {
            fn progress(&self, done: u64, total: u64) {
                assert!(done <= total);
                if done == total {
                    self.0.fetch_add(1, Ordering::Relaxed);
                }
            }
            fn stopped(&self) -> bool {
                false
            }
        }
        let program = program();
        let input = noise(program.input_len(50).unwrap() as usize);
        let counter = Counter(AtomicU64::new(0));
        let run = Run {
            program: &program,
            batch: 50,
            input: &input,
            weights: &[],
            roots: &[],
        };
        Cpu::new(2).run(run, &counter).unwrap();
        assert_eq!(counter.0.into_inner(), 1);
    }

    /// A chain of clips of 1,000 bytes a sample, the last one the output.
    fn chain(nodes: u16) -> Validated {
        let program = Program {
            version: 1,
            max_batch: 10_000,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([1_000]),
            }],
            constants: vec![],
            nodes: (0..nodes)
                .map(|index| Node {
                    op: Op::Clamp(Clamp { lo: -100, hi: 100 }),
                    operands: vec![match index.checked_sub(1) {
                        None => Operand::Input(0),
                        Some(before) => Operand::Node(before),
                    }],
                })
                .collect(),
            outputs: vec![nodes - 1],
        };
        load(&program.encoded()).unwrap()
    }

    #[test]
    fn values_that_nothing_reads_any_more_make_room_for_others() {
        let settings = Settings {
            threads: 1,
            ..Settings::default()
        };
        let arena = |nodes| Plan::new(&chain(nodes), 100, &settings).unwrap().arena();
        assert_eq!(arena(4), arena(40));
        // Two at a time, not the output.
        assert_eq!(arena(40), 2 * 100_032);
    }

    #[test]
    fn a_large_batch_takes_no_more_room_than_the_caches() {
        let settings = Settings {
            threads: 1,
            cache: 1 << 20,
            ..Settings::default()
        };
        let plan = Plan::new(&chain(40), 10_000, &settings).unwrap();
        assert!(plan.arena() <= 1 << 20, "{}", plan.arena());
        assert!(plan.chunk() > 400, "{}", plan.chunk());
        let bytes = plan.bytes();
        let least = 2 * 10_000_000 + plan.arena() as u64;
        assert!((least..least + (4 << 20)).contains(&bytes), "{bytes}");
        assert_eq!(Plan::new(&chain(2), 0, &settings).map(|_| ()), None);
        assert_eq!(Plan::new(&chain(2), 10_001, &settings).map(|_| ()), None);
    }

    /// A product and a table under it, both named by root.
    fn model() -> Validated {
        let constant = |dtype, axes: [u32; 2]| Constant::Root {
            ty: TensorType {
                dtype,
                shape: Shape(axes.into_iter().filter(|axis| *axis > 1).collect()),
            },
        };
        let program = Program {
            version: 1,
            max_batch: 8,
            inputs: vec![TensorType {
                dtype: DType::I8,
                shape: Shape::from([40]),
            }],
            constants: vec![
                constant(DType::I8, [70, 40]),
                constant(DType::I16, [513, 1]),
            ],
            nodes: vec![
                Node {
                    op: Op::MatMul(ops::MatMul {
                        za: 1,
                        zb: ops::ZeroPoint::Tensor(0),
                        params: false,
                        epilogue: ops::Epilogue::Requant {
                            scale: ops::Scale::Tensor { m: 30_000, s: 15 },
                            z: 0,
                            lo: -32_768,
                            hi: 32_767,
                            out: DType::I16,
                            lut: false,
                        },
                    }),
                    operands: vec![Operand::Input(0), Operand::Const(0)],
                },
                Node {
                    op: Op::Lut16(ops::Lut16),
                    operands: vec![Operand::Node(0), Operand::Const(1)],
                },
            ],
            outputs: vec![1],
        };
        load(&program.encoded()).unwrap()
    }

    #[test]
    fn a_second_run_of_a_model_takes_what_was_kept_and_gives_the_same_bits() {
        let program = model();
        let input = noise(program.input_len(8).unwrap() as usize);
        let cpu = Cpu::new(2);
        cpu.bound(1 << 30);
        let mut kept = Vec::new();
        for salt in [0, 0, 1, 0] {
            let weights: Vec<Vec<u8>> = program
                .root_constants()
                .map(|len| noise(len as usize).iter().map(|b| b ^ salt).collect())
                .collect();
            let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
            let roots: Vec<_> = weights
                .iter()
                .map(|bytes| *blake3::hash(bytes).as_bytes())
                .collect();
            let run = Run {
                program: &program,
                batch: 8,
                input: &input,
                weights: &weights,
                roots: &roots,
            };
            let trace = cpu.run(run, &AtomicBool::new(false)).unwrap();
            let reference = interpret(&program, 8, &input, &weights).unwrap();
            assert_eq!(trace.roots(), reference.trace());
            kept.push(cpu.kept_bytes());
        }
        let one = kept[0];
        assert!(one > 2_800, "{one}");
        assert_eq!(kept, [one, one, 2 * one, 2 * one]);

        cpu.bound(0);
        let run = Run {
            program: &program,
            batch: 8,
            input: &input,
            weights: &[&noise(2_800), &noise(1_026)],
            roots: &[],
        };
        cpu.run(run, &AtomicBool::new(false)).unwrap();
        assert_eq!(cpu.kept_bytes(), 0);
    }

    #[test]
    fn roots_of_another_number_than_the_weights_are_an_error() {
        let program = model();
        let input = noise(program.input_len(1).unwrap() as usize);
        let run = Run {
            program: &program,
            batch: 1,
            input: &input,
            weights: &[&noise(2_800), &noise(1_026)],
            roots: &[[0; 32]],
        };
        let error = Cpu::new(1).run(run, &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(error, BackendError::Run(_)), "{error}");
    }

    #[test]
    fn a_batch_cut_into_parts_gives_the_same_trace() {
        let program = chain(5);
        let input = noise(program.input_len(37).unwrap() as usize);
        let run = Run {
            program: &program,
            batch: 37,
            input: &input,
            weights: &[],
            roots: &[],
        };
        let traces = [1, 5_000, 1 << 22].map(|cache| {
            let cpu = Cpu::with(Settings {
                threads: 2,
                cache,
                alone: 0,
                ..Settings::default()
            });
            cpu.run(run, &AtomicBool::new(false)).unwrap()
        });
        assert_eq!(traces[0], traces[1]);
        assert_eq!(traces[0], traces[2]);
        assert_eq!(
            traces[0].roots(),
            interpret(&program, 37, &input, &[]).unwrap().trace()
        );
    }
}
