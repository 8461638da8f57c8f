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
//! | `spread` | work cut into pieces for the threads |
//! | `hash` | BLAKE3 of a value that comes in parts, on all threads |
//! | [`measure`] | parts of it on their own, for `gpu-worker bench` |

mod hash;
mod linear;
pub mod measure;
mod node;
mod plan;
mod spread;

use super::{op_name, Backend, BackendError, Control, Device, Run, Trace, Value};
use crate::system;
use athanor_exact_kernels::Level;
use athanor_tensor_program::{Constant, Operand, RunError, Validated};
use hash::Hash;
use node::{Arg, Prepared};
use plan::{Place, Plan};
use rayon::{ThreadPool, ThreadPoolBuilder};
use spread::Team;
use std::{
    num::NonZeroUsize,
    ops::Range,
    panic::{catch_unwind, AssertUnwindSafe},
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
            hash: true,
        }
    }
}

/// The CPU backend.
#[derive(Debug)]
pub struct Cpu {
    settings: Settings,
    /// `None` if the threads could not be started: then the caller's is used.
    pool: Option<ThreadPool>,
    device: Device,
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
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("cpu-backend-{index}"))
            .build();
        Cpu {
            settings: Settings {
                threads,
                ..settings
            },
            pool: pool.ok(),
            device: Device {
                backend: "cpu",
                name: format!("{name}, {threads} threads, {}", settings.level),
                memory: system::memory().map_or(0, |memory| memory.total),
            },
        }
    }
}

impl Backend for Cpu {
    fn device(&self) -> &Device {
        &self.device
    }

    fn plan_bytes(&self, program: &Validated, batch: u32) -> Option<u64> {
        Plan::new(program, batch, &self.settings).map(|plan| plan.bytes())
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        let work = || execute(run, control, &self.settings);
        let guarded = || {
            catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(BackendError::Bug("the CPU backend panicked".into())))
        };
        match &self.pool {
            Some(pool) => pool.install(guarded),
            None => guarded(),
        }
    }
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
        control,
    };
    let constants = constants(&run)?;
    let mut prepared = Vec::with_capacity(nodes.len());
    for index in 0..nodes.len() {
        let made = Prepared::new(program, index, &constants, plan.chunk(), &team)
            .ok_or_else(|| bug(format!("node {index} is not as validated")))?;
        prepared.push(made);
        if control.stopped() {
            return Err(BackendError::Stopped);
        }
    }
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
            if !matches!(prepared, Prepared::Alias) {
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
            hashes[last].update(bytes, &team);
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
    let mut compute = || node::compute(node, prepared, &args, samples.len(), out, team);
    let result = match before.and_then(|before| Some((before, value(before)?))) {
        None => compute(),
        Some((before, bytes)) => {
            let hash = &mut hashes[before];
            if team.threads == 1 {
                // While the bytes are still near.
                hash.update(bytes, team);
                compute()
            } else {
                rayon::join(compute, || hash.update(bytes, team)).0
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
        ops::{Clamp, Reshape},
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
            let cpu = Cpu::new(threads);
            for batch in [1, 2, 3, 8, 17, 64, 99, 100] {
                let input = noise(program.input_len(batch).unwrap() as usize);
                let run = Run {
                    program: &program,
                    batch,
                    input: &input,
                    weights: &[],
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

    #[test]
    fn a_batch_cut_into_parts_gives_the_same_trace() {
        let program = chain(5);
        let input = noise(program.input_len(37).unwrap() as usize);
        let run = Run {
            program: &program,
            batch: 37,
            input: &input,
            weights: &[],
        };
        let traces = [1, 5_000, 1 << 22].map(|cache| {
            let cpu = Cpu::with(Settings {
                threads: 2,
                cache,
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
