//! How many samples at a time, where each value lies, and what it all takes.

use super::{hash, linear, node, Settings};
use athanor_tensor_program::{Op, Operand, Validated};

/// Values start at multiples of this.
const ALIGN: usize = 64;

/// Where a node's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the arena, for the samples at hand only.
    Arena {
        /// Its first byte.
        start: usize,
    },
    /// In a room of its own, for all samples: it is an output.
    Kept,
    /// They are this earlier node's.
    Same(usize),
}

/// The memory of a run, laid out before it starts.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    batch: usize,
    chunk: usize,
    places: Vec<Place>,
    samples: Vec<usize>,
    arena: usize,
    bytes: u64,
}

impl Plan {
    /// The plan of a run. `None` if `batch` is outside the program's range, or sizes
    /// outside this machine's.
    pub(super) fn new(program: &Validated, batch: u32, settings: &Settings) -> Option<Plan> {
        let threads = settings.threads;
        let input = program.input_len(batch)?;
        let batch = usize::try_from(batch).ok()?;
        let nodes = &program.program().nodes;
        let mut places = Vec::with_capacity(nodes.len());
        let mut samples = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            samples.push(usize::try_from(program.node_type(index)?.bytes()?).ok()?);
            places.push(match (&node.op, node.operands.as_slice()) {
                (Op::Reshape(_), [Operand::Node(earlier)]) => {
                    let earlier = usize::from(*earlier);
                    match places.get(earlier)? {
                        Place::Same(owner) => Place::Same(*owner),
                        _ => Place::Same(earlier),
                    }
                }
                _ => Place::Arena { start: 0 },
            });
        }
        let owner = |node: usize| match places.get(node) {
            Some(Place::Same(owner)) => *owner,
            _ => node,
        };
        // A value is read by the hash while the next one is made.
        let mut last: Vec<usize> = (0..nodes.len()).map(|index| index + 1).collect();
        for (index, node) in nodes.iter().enumerate() {
            for operand in &node.operands {
                if let Operand::Node(read) = operand {
                    let last = last.get_mut(owner(usize::from(*read)))?;
                    *last = (*last).max(index);
                }
            }
        }
        // The hash waits for the next node that makes bytes, not for a reshape.
        for (index, last) in last.iter_mut().enumerate() {
            let next = (index + 1..nodes.len()).find(|next| owner(*next) == *next);
            *last = (*last).max(next.unwrap_or(nodes.len()));
        }
        let kept: Vec<usize> = program
            .outputs()
            .iter()
            .map(|output| owner(usize::from(*output)))
            .collect();
        for output in &kept {
            *places.get_mut(*output)? = Place::Kept;
        }
        let mut plan = Plan {
            batch,
            chunk: 1,
            places,
            samples,
            arena: 0,
            bytes: 0,
        };
        plan.lay(&last)?;
        let share = settings.cache.saturating_mul(threads.clamp(1, 16));
        plan.chunk = (share / plan.arena.max(ALIGN)).clamp(1, batch);
        // Parts of equal length: a last part of a few samples would be slow.
        plan.chunk = batch.div_ceil(batch.div_ceil(plan.chunk));
        plan.lay(&last)?;

        let mut total = input.checked_add(plan.arena as u64)?;
        for constant in &program.program().constants {
            total = total.checked_add(constant.ty().bytes()?)?;
        }
        let mut aside = 0usize;
        for (index, place) in plan.places.iter().enumerate() {
            match place {
                Place::Kept => {
                    total = total
                        .checked_add((plan.samples[index] as u64).checked_mul(batch as u64)?)?;
                }
                Place::Arena { .. } => {}
                Place::Same(_) => continue,
            }
            let all = (plan.samples[index] as u64).checked_mul(batch as u64)?;
            total = total
                .checked_add(all.min(hash::GROUP as u64))?
                .checked_add(all / hash::GROUP as u64 * 32)?
                .checked_add(node::prepared_bytes(program, index)?)?;
            aside = aside.max(node::working_bytes(program, index, plan.chunk, threads)?);
        }
        plan.bytes = total
            .checked_add(aside as u64)?
            .checked_add((threads * linear::SCRATCH) as u64)?;
        Some(plan)
    }

    /// Lays the values of a chunk into the arena: each into the first gap that is
    /// large enough among those alive with it.
    fn lay(&mut self, last: &[usize]) -> Option<()> {
        let mut alive: Vec<(usize, usize, usize)> = Vec::new();
        self.arena = 0;
        for index in 0..self.places.len() {
            if !matches!(self.places[index], Place::Arena { .. }) {
                continue;
            }
            alive.retain(|(_, _, last)| *last >= index);
            let len = self.samples[index]
                .checked_mul(self.chunk)?
                .checked_next_multiple_of(ALIGN)?;
            let mut start = 0usize;
            let mut at = alive.len();
            for (position, (from, to, _)) in alive.iter().enumerate() {
                if from - start >= len {
                    at = position;
                    break;
                }
                start = *to;
            }
            alive.insert(at, (start, start.checked_add(len)?, last[index]));
            self.places[index] = Place::Arena { start };
            self.arena = self.arena.max(start + len);
        }
        Some(())
    }

    /// Samples of the run.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Samples at a time.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// Bytes of the arena.
    pub(super) fn arena(&self) -> usize {
        self.arena
    }

    /// Bytes of one sample of a node.
    pub(super) fn sample(&self, node: usize) -> usize {
        self.samples.get(node).copied().unwrap_or(0)
    }

    /// Where a node's bytes are.
    pub(super) fn place(&self, node: usize) -> Place {
        self.places.get(node).copied().unwrap_or(Place::Kept)
    }

    /// Most bytes the run holds at a time.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}
