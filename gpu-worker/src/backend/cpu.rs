//! The CPU backend: the reference interpreter on every core.
//!
//! No operator looks across samples, so a batch is cut into runs of samples,
//! each thread takes the next one, and the pieces of every node's output are
//! laid side by side. The bytes are the reference's by construction.

use super::{op_name, Backend, BackendError, Control, Device, Run, Trace, Value};
use crate::system;
use athanor_tensor_program::{interpret, Node, Op, Operand, Validated};
use std::{
    num::NonZeroUsize,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        Mutex, PoisonError,
    },
};

/// Pieces per thread: enough for progress and an even load, few enough that
/// starting one costs nothing.
const PIECES_PER_THREAD: usize = 8;

/// The CPU backend.
#[derive(Debug)]
pub struct Cpu {
    threads: usize,
    device: Device,
}

impl Cpu {
    /// A backend with `threads` threads, 0 for one per core.
    pub fn new(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = if threads == 0 { cores } else { threads };
        let name = system::cpu_name().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        Cpu {
            threads,
            device: Device {
                backend: "cpu",
                name: format!("{name}, {threads} threads"),
                memory: system::memory().map_or(0, |memory| memory.total),
            },
        }
    }
}

/// Samples `first..first + count`, and where their part of every node goes.
struct Piece<'a> {
    first: usize,
    count: usize,
    nodes: Vec<(usize, &'a mut [u8])>,
}

impl Backend for Cpu {
    fn device(&self) -> &Device {
        &self.device
    }

    fn run(&self, run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
        let Run {
            program,
            batch,
            input,
            weights,
        } = run;
        let outside = || BackendError::Batch {
            batch,
            max: program.max_batch(),
        };
        let samples = usize::try_from(batch).map_err(|_| outside())?;
        let expected = program.input_len(batch).ok_or_else(outside)?;
        // A single sample goes to the interpreter as it is, and so does an input
        // of the wrong length, for the interpreter's own error.
        if samples <= 1 || u64::try_from(input.len()) != Ok(expected) {
            return whole(run, control);
        }
        let sizes = sample_sizes(program)?;
        let mut nodes = allocate(program, batch)?;
        let per_piece = samples
            .div_ceil(self.threads.saturating_mul(PIECES_PER_THREAD))
            .max(1);
        let pieces = cut(&mut nodes, samples, per_piece)?;
        let total = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        let threads = self.threads.min(pieces.len());
        let queue = Mutex::new(pieces.into_iter());
        let (done, broken) = (AtomicU64::new(0), AtomicBool::new(false));
        let work = || -> Result<(), BackendError> {
            loop {
                if control.stopped() {
                    return Err(BackendError::Stopped);
                }
                if broken.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(piece) = next else { return Ok(()) };
                let result = compute(program, &sizes, samples, input, weights, piece);
                if result.is_err() {
                    broken.store(true, Ordering::Relaxed);
                    return result;
                }
                control.progress(
                    done.fetch_add(1, Ordering::Relaxed).saturating_add(1),
                    total,
                );
            }
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut result = work();
            for helper in helpers {
                let other = helper.join().unwrap_or_else(|_| {
                    Err(BackendError::Bug(
                        "a thread of the CPU backend panicked".into(),
                    ))
                });
                result = result.and(other);
            }
            result
        })?;
        drop(queue);
        Ok(Trace::new(nodes))
    }
}

/// Runs all samples in one go.
fn whole(run: Run<'_>, control: &dyn Control) -> Result<Trace, BackendError> {
    if control.stopped() {
        return Err(BackendError::Stopped);
    }
    let execution = interpret(run.program, run.batch, run.input, run.weights)?;
    control.progress(1, 1);
    let nodes = run.program.program().nodes.iter();
    let value = |(node, bytes): (&Node, Option<Vec<u8>>)| match (bytes, same(node)) {
        (Some(bytes), _) => Ok(Value::Own(bytes)),
        (None, Some(earlier)) => Ok(Value::Same(earlier)),
        (None, None) => Err(BackendError::Bug(format!(
            "{} has no bytes of its own",
            op_name(&node.op)
        ))),
    };
    let values: Result<_, _> = nodes.zip(execution.into_nodes()).map(value).collect();
    Ok(Trace::new(values?))
}

/// The earlier node whose bytes are this node's too.
fn same(node: &Node) -> Option<usize> {
    match (&node.op, node.operands.as_slice()) {
        (Op::Reshape(_), [Operand::Node(earlier)]) => Some(usize::from(*earlier)),
        _ => None,
    }
}

/// Bytes of one sample of each input.
fn sample_sizes(program: &Validated) -> Result<Vec<usize>, BackendError> {
    program
        .program()
        .inputs
        .iter()
        .map(|input| input.bytes().and_then(|bytes| usize::try_from(bytes).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| BackendError::Bug("an input without a size".into()))
}

/// Room for the output of every node that has bytes of its own.
fn allocate(program: &Validated, batch: u32) -> Result<Vec<Value>, BackendError> {
    let mut nodes = Vec::with_capacity(program.node_count());
    for (index, node) in program.program().nodes.iter().enumerate() {
        if let Some(earlier) = same(node) {
            nodes.push(Value::Same(earlier));
            continue;
        }
        let bytes = program
            .node_len(index, batch)
            .ok_or_else(|| BackendError::Bug(format!("node {index} has no length")))?;
        let short = || BackendError::OutOfMemory {
            node: index,
            op: op_name(&node.op),
            bytes,
        };
        let len = usize::try_from(bytes).map_err(|_| short())?;
        let mut room = Vec::new();
        room.try_reserve_exact(len).map_err(|_| short())?;
        room.resize(len, 0);
        nodes.push(Value::Own(room));
    }
    Ok(nodes)
}

/// Cuts every node's room into pieces of `per_piece` samples.
fn cut(
    nodes: &mut [Value],
    samples: usize,
    per_piece: usize,
) -> Result<Vec<Piece<'_>>, BackendError> {
    let mut pieces: Vec<Piece<'_>> = (0..samples)
        .step_by(per_piece)
        .map(|first| Piece {
            first,
            count: per_piece.min(samples - first),
            nodes: Vec::with_capacity(nodes.len()),
        })
        .collect();
    for (index, value) in nodes.iter_mut().enumerate() {
        let Value::Own(node) = value else { continue };
        let size = node.len() / samples;
        if size == 0 || node.len() % samples != 0 {
            return Err(BackendError::Bug(format!(
                "node {index} has {} bytes for {samples} samples",
                node.len()
            )));
        }
        for (piece, room) in pieces
            .iter_mut()
            .zip(node.chunks_mut(size.saturating_mul(per_piece)))
        {
            piece.nodes.push((index, room));
        }
    }
    Ok(pieces)
}

/// Runs one piece.
fn compute(
    program: &Validated,
    sizes: &[usize],
    samples: usize,
    input: &[u8],
    weights: &[&[u8]],
    piece: Piece<'_>,
) -> Result<(), BackendError> {
    let mut part = Vec::with_capacity(sizes.iter().sum::<usize>().saturating_mul(piece.count));
    let mut rest = input;
    for size in sizes {
        let (this, after) = rest
            .split_at_checked(size.saturating_mul(samples))
            .unwrap_or((rest, &[]));
        let from = size.saturating_mul(piece.first);
        let to = from.saturating_add(size.saturating_mul(piece.count));
        part.extend_from_slice(this.get(from..to).unwrap_or_default());
        rest = after;
    }
    let count = u32::try_from(piece.count)
        .map_err(|_| BackendError::Bug("a piece beyond 32 bits".into()))?;
    let execution = interpret(program, count, &part, weights)?;
    for (index, room) in piece.nodes {
        let bytes = execution.node(index);
        if bytes.len() != room.len() {
            return Err(BackendError::Bug(format!(
                "node {index} came out with {} bytes instead of {}",
                bytes.len(),
                room.len()
            )));
        }
        room.copy_from_slice(bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use athanor_tensor_program::{
        load,
        ops::{Clamp, Reshape},
        DType, Node, Op, Operand, Program, Shape, TensorType,
    };

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
    fn a_run_hands_out_the_bytes_of_every_node_that_has_its_own() {
        let program = program();
        let input = noise(program.input_len(1).unwrap() as usize);
        let execution = interpret(&program, 1, &input, &[]).unwrap();
        let expected = [
            Some(execution.node(0).to_vec()),
            Some(execution.node(1).to_vec()),
            None,
        ];
        assert_eq!(execution.into_nodes(), expected);
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
}
