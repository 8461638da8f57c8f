//! A program as a list of kernel launches on buffers, and where each buffer lies.
//!
//! A [`Schedule`] follows from program and batch alone and needs no device: the tests run it on the
//! CPU. Buffers that are not alive at the same time share memory, so what a job takes is known
//! before anything is allocated.

use super::kernels::Kernel;
use std::ops::Range;

/// Index of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buf(pub(crate) u32);

impl Buf {
    /// Its index among the buffers of the schedule.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The buffer.
    pub buf: Buf,
    /// Bytes from its start.
    pub offset: u64,
}

impl At {
    pub(crate) fn plus(self, bytes: u64) -> At {
        At {
            offset: self.offset.saturating_add(bytes),
            ..self
        }
    }
}

impl From<Buf> for At {
    fn from(buf: Buf) -> Self {
        At { buf, offset: 0 }
    }
}

/// What is in a buffer before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// These bytes of the job's input.
    Input(Range<u64>),
    /// The root constant of this index.
    Weight(usize),
    /// These bytes, which are part of the program.
    Bytes(Vec<u8>),
    /// Nothing of use.
    Nothing,
}

/// Memory of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Its length.
    pub bytes: u64,
    /// What is in it before the run.
    pub source: Source,
}

/// A pointer among the parameters of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Where it stands among the bytes of the parameters.
    pub position: usize,
    /// Where it points to.
    pub at: At,
}

/// One launch of a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The kernel.
    pub kernel: Kernel,
    /// Blocks of the grid, which has one dimension.
    pub blocks: u32,
    /// Threads of a block.
    pub threads: u32,
    /// Bytes of dynamic shared memory.
    pub shared: u32,
    /// The parameters, zeros where pointers stand.
    pub params: Vec<u8>,
    /// The pointers.
    pub pointers: Vec<Pointer>,
}

impl Launch {
    /// The parameters with every pointer in place.
    pub fn bound(&self, address: impl Fn(Buf) -> u64) -> Vec<u8> {
        let mut bytes = self.params.clone();
        for pointer in &self.pointers {
            let value = address(pointer.at.buf).wrapping_add(pointer.at.offset);
            if let Some(room) = bytes.get_mut(pointer.position..pointer.position + 8) {
                room.copy_from_slice(&value.to_le_bytes());
            }
        }
        bytes
    }
}

/// Sums of raw products by cuBLASLt: `c[z,m,n] = Σ_k a[z,m,k]·b[z,n,k]`, i8 to i32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Products {
    /// `a`, batches one behind the other.
    pub a: At,
    /// `b`.
    pub b: At,
    /// `c`.
    pub c: At,
    /// Batches.
    pub batches: u64,
    /// Rows of `a`.
    pub m: u64,
    /// Rows of `b`, a multiple of 4.
    pub n: u64,
    /// Length of the rows, a multiple of 16.
    pub k: u64,
    /// Bytes from one batch of `a` to the next.
    pub a_stride: u64,
    /// Bytes from one batch of `b` to the next; 0 if all share one.
    pub b_stride: u64,
}

/// Something the device does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// One of our kernels.
    Launch(Launch),
    /// cuBLASLt.
    Products(Products),
}

impl Step {
    pub(crate) fn buffers(&self) -> Vec<Buf> {
        match self {
            Step::Launch(launch) => launch.pointers.iter().map(|p| p.at.buf).collect(),
            Step::Products(p) => vec![p.a.buf, p.b.buf, p.c.buf],
        }
    }
}

/// What is done for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Where its output is.
    pub output: Buf,
    /// The earlier node whose bytes and root it repeats.
    pub repeats: Option<usize>,
    /// What computes it, in order.
    pub steps: Vec<Step>,
    /// What hashes it, in order; may go on beside the nodes after it.
    pub hash: Vec<Step>,
}

/// Everything a run does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// All nodes.
    pub nodes: Vec<NodePlan>,
    /// The roots, 32 bytes a node. Nothing is written for a node that repeats another.
    pub roots: Buf,
    /// Output nodes.
    pub outputs: Vec<usize>,
}

/// Nodes that may be computed before a node's hash is waited for.
pub const HASH_LAG: usize = 4;

/// Buffers start at multiples of this.
pub const ALIGN: u64 = 256;

/// Where each buffer lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes from the start of the job's memory, by index of the buffer.
    pub offsets: Vec<u64>,
    /// Bytes of the job's memory.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    first: usize,
    last: usize,
}

impl Schedule {
    /// Launches of a run.
    pub fn launches(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| node.steps.len() + node.hash.len())
            .sum()
    }

    /// From which node to which each buffer must keep its bytes. `None` for one that is never used.
    fn lives(&self) -> Vec<Option<Life>> {
        let end = self.nodes.len();
        let mut lives: Vec<Option<Life>> = vec![None; self.buffers.len()];
        let mut use_at = |buf: Buf, first: usize, last: usize| {
            if let Some(life) = lives.get_mut(buf.index()) {
                *life = Some(life.map_or(Life { first, last }, |life| Life {
                    first: life.first.min(first),
                    last: life.last.max(last),
                }));
            }
        };
        for (index, node) in self.nodes.iter().enumerate() {
            for buf in node.steps.iter().flat_map(Step::buffers) {
                use_at(buf, index, index);
            }
            // Whoever writes there next waits for the hash of the node HASH_LAG before it.
            for buf in node.hash.iter().flat_map(Step::buffers) {
                use_at(buf, index, (index + HASH_LAG - 1).min(end));
            }
        }
        for output in &self.outputs {
            if let Some(node) = self.nodes.get(*output) {
                use_at(node.output, *output, end);
            }
        }
        use_at(self.roots, 0, end);
        for (buffer, life) in self.buffers.iter().zip(&mut lives) {
            match (&buffer.source, life) {
                (Source::Nothing, _) | (_, None) => {}
                // Inputs come before the first node.
                (Source::Input(_), Some(life)) => life.first = 0,
                // Constants may come at any time, and stay for the next run.
                (_, Some(life)) => {
                    *life = Life {
                        first: 0,
                        last: end,
                    }
                }
            }
        }
        lives
    }

    /// Places every buffer: the largest first, each as low as those alive with it allow.
    pub fn layout(&self) -> Layout {
        let lives = self.lives();
        let size = |index: usize| self.buffers[index].bytes.max(1).next_multiple_of(ALIGN);
        let mut order: Vec<usize> = (0..self.buffers.len())
            .filter(|i| lives[*i].is_some())
            .collect();
        order.sort_by_key(|index| (std::cmp::Reverse(size(*index)), *index));
        let mut offsets = vec![0; self.buffers.len()];
        let mut placed: Vec<(u64, u64, Life)> = Vec::with_capacity(order.len());
        let mut bytes = 0u64;
        for index in order {
            let Some(life) = lives[index] else { continue };
            let mut at = 0u64;
            for (start, end, other) in &placed {
                let together = life.first <= other.last && other.first <= life.last;
                if !together || *end <= at {
                    continue;
                }
                if start.saturating_sub(at) >= size(index) && *start >= at {
                    break;
                }
                at = *end;
            }
            let end = at.saturating_add(size(index));
            let position = placed.partition_point(|(start, ..)| *start < at);
            placed.insert(position, (at, end, life));
            offsets[index] = at;
            bytes = bytes.max(end);
        }
        Layout { offsets, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(bufs: &[u32]) -> Step {
        Step::Launch(Launch {
            kernel: Kernel::Fill,
            blocks: 1,
            threads: 32,
            shared: 0,
            params: vec![0; 8 * bufs.len()],
            pointers: bufs
                .iter()
                .enumerate()
                .map(|(i, buf)| Pointer {
                    position: 8 * i,
                    at: At {
                        buf: Buf(*buf),
                        offset: 4,
                    },
                })
                .collect(),
        })
    }

    /// A chain: node i reads buffer i and writes buffer i + 1, all of 1,000 bytes.
    fn chain(nodes: usize) -> Schedule {
        let buffer = |source| Buffer {
            bytes: 1_000,
            source,
        };
        Schedule {
            buffers: (0..nodes + 2)
                .map(|i| {
                    buffer(if i == 0 {
                        Source::Input(0..1_000)
                    } else {
                        Source::Nothing
                    })
                })
                .collect(),
            nodes: (0..nodes)
                .map(|i| NodePlan {
                    output: Buf(i as u32 + 1),
                    repeats: None,
                    steps: vec![launch(&[i as u32, i as u32 + 1])],
                    hash: vec![launch(&[i as u32 + 1, nodes as u32 + 1])],
                })
                .collect(),
            roots: Buf(nodes as u32 + 1),
            outputs: vec![nodes - 1],
        }
    }

    #[test]
    fn pointers_are_put_where_they_belong() {
        let Step::Launch(launch) = launch(&[3, 1]) else {
            panic!()
        };
        let bytes = launch.bound(|buf| 100 * u64::from(buf.0));
        assert_eq!(bytes[..8], 304u64.to_le_bytes());
        assert_eq!(bytes[8..], 104u64.to_le_bytes());
    }

    #[test]
    fn buffers_alive_at_a_time_never_overlap() {
        for nodes in [1, 2, 5, 9, 40] {
            let schedule = chain(nodes);
            let (lives, layout) = (schedule.lives(), schedule.layout());
            for a in 0..schedule.buffers.len() {
                for b in 0..a {
                    let (x, y) = (lives[a].unwrap(), lives[b].unwrap());
                    if x.first <= y.last && y.first <= x.last {
                        let apart = layout.offsets[a].abs_diff(layout.offsets[b]);
                        assert!(apart >= 1_000, "{a} and {b} of {nodes}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_long_chain_takes_no_more_memory_than_a_short_one() {
        assert_eq!(chain(40).layout().bytes, chain(400).layout().bytes);
        assert!(chain(40).layout().bytes <= 1_024 * (HASH_LAG as u64 + 3));
    }
}
