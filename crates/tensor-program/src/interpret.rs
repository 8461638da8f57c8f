//! The reference interpreter.

use crate::{
    ops::{Arg, Args, Rule},
    Constant, Operand, Root, Validated,
};
use alloc::vec::Vec;
use thiserror::Error;

/// Why a program was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The batch is 0 or above `max_batch`.
    #[error("batch {batch} is outside 1 to {max_batch}")]
    Batch {
        /// The batch asked for.
        batch: u32,
        /// The program's largest batch.
        max_batch: u32,
    },
    /// The input blob has another length than program and batch say.
    #[error("the input has {found} bytes, program and batch ask for {expected}")]
    InputLength {
        /// What is asked for.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// Another number of constants than the program names by root.
    #[error("{found} constants were given, the program names {expected} by root")]
    WeightCount {
        /// What is asked for.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// A constant has another length than its type.
    #[error("constant {index} of those named by root has {found} bytes, not {expected}")]
    WeightLength {
        /// Index among those named by root.
        index: u64,
        /// What is asked for.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// The output of a node does not fit this machine's memory.
    #[error("no memory for the {bytes} bytes of node {node}: use a smaller batch")]
    OutOfMemory {
        /// Index of the node.
        node: u16,
        /// Bytes that may be needed.
        bytes: u64,
    },
    /// An output has another length than the program's node.
    #[error("an output of node {node} has {found} bytes, not {expected}")]
    OutputLength {
        /// Index of the node.
        node: u16,
        /// What program and batch ask for; 0 without such a node.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// A node met operands that validation excludes. This is a fault in this crate.
    #[error("node {node} met operands that validation excludes: report this")]
    Internal {
        /// Index of the node.
        node: u16,
    },
}

/// A finished run: every node's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    nodes: Vec<Stored>,
    outputs: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stored {
    Own(Vec<u8>),
    /// The bytes of an earlier node that has its own.
    Same(u16),
}

impl Execution {
    /// A run of which only these nodes' outputs are at hand: what a challenger needs of
    /// one node and its operands. The others are as empty as nodes that do not exist.
    ///
    /// # Errors
    ///
    /// [`RunError::Batch`]; [`RunError::OutputLength`] for an output that is none of the
    /// program's, or has another length.
    pub fn partial(
        p: &Validated,
        batch: u32,
        outputs: impl IntoIterator<Item = (u16, Vec<u8>)>,
    ) -> Result<Self, RunError> {
        p.input_len(batch).ok_or(RunError::Batch {
            batch,
            max_batch: p.max_batch(),
        })?;
        let mut nodes: Vec<Stored> = Vec::new();
        nodes.resize_with(p.node_count(), || Stored::Own(Vec::new()));
        for (node, bytes) in outputs {
            let index = usize::from(node);
            let (expected, found) = (p.node_len(index, batch), bytes.len() as u64);
            match nodes.get_mut(index) {
                Some(stored) if expected == Some(found) => *stored = Stored::Own(bytes),
                _ => {
                    return Err(RunError::OutputLength {
                        node,
                        expected: expected.unwrap_or(0),
                        found,
                    })
                }
            }
        }
        Ok(Execution {
            nodes,
            outputs: p.outputs().to_vec(),
        })
    }

    /// The output of node `i`; empty if there is no such node.
    pub fn node(&self, i: usize) -> &[u8] {
        match self.nodes.get(i) {
            Some(Stored::Own(bytes)) => bytes,
            Some(Stored::Same(first)) => match self.nodes.get(usize::from(*first)) {
                Some(Stored::Own(bytes)) => bytes,
                _ => &[],
            },
            None => &[],
        }
    }

    /// The program's outputs, joined.
    pub fn output(&self) -> Vec<u8> {
        let mut joined = Vec::new();
        for output in &self.outputs {
            joined.extend_from_slice(self.node(usize::from(*output)));
        }
        joined
    }

    /// Every node's own bytes in node order, not copied; `None` for a node that repeats an
    /// earlier one's, as a reshape does.
    pub fn into_nodes(self) -> Vec<Option<Vec<u8>>> {
        let own = |stored| match stored {
            Stored::Own(bytes) => Some(bytes),
            Stored::Same(_) => None,
        };
        self.nodes.into_iter().map(own).collect()
    }

    /// Roots of all nodes' outputs in node order; a reshape repeats its operand's.
    pub fn trace(&self) -> Vec<Root> {
        let mut roots: Vec<Root> = Vec::with_capacity(self.nodes.len());
        for stored in &self.nodes {
            let root = match stored {
                Stored::Own(bytes) => athanor_content_tree::root(bytes),
                Stored::Same(first) => roots.get(usize::from(*first)).copied().unwrap_or_default(),
            };
            roots.push(root);
        }
        roots
    }
}

/// Checks a job's bytes against the lengths that program and batch ask for.
pub(crate) fn check_lengths(
    p: &Validated,
    batch: u32,
    input: &[u8],
    weights: &[&[u8]],
) -> Result<(), RunError> {
    let expected = p.input_len(batch).ok_or(RunError::Batch {
        batch,
        max_batch: p.max_batch(),
    })?;
    let found = input.len() as u64;
    if expected != found {
        return Err(RunError::InputLength { expected, found });
    }
    let (expected, found) = (p.root_constant_count() as u64, weights.len() as u64);
    if expected != found {
        return Err(RunError::WeightCount { expected, found });
    }
    for (index, (expected, weight)) in p.root_constants().zip(weights).enumerate() {
        let (index, found) = (index as u64, weight.len() as u64);
        if expected != found {
            return Err(RunError::WeightLength {
                index,
                expected,
                found,
            });
        }
    }
    Ok(())
}

/// Runs a program: the reference every backend must equal, bit for bit.
///
/// `input` is all inputs joined, `weights` the constants named by root, in order.
///
/// # Errors
///
/// A wrong batch, count or length; [`RunError::OutOfMemory`].
pub fn interpret(
    p: &Validated,
    batch: u32,
    input: &[u8],
    weights: &[&[u8]],
) -> Result<Execution, RunError> {
    check_lengths(p, batch, input, weights)?;
    let mut run = Execution {
        nodes: Vec::with_capacity(p.node_count()),
        outputs: p.outputs().to_vec(),
    };
    for (index, node) in p.program().nodes.iter().enumerate() {
        let failed = RunError::Internal { node: index as u16 };
        let stored = match node.op.rule() {
            Rule::Alias(_) => match node.operands.first() {
                Some(Operand::Node(earlier)) => match run.nodes.get(usize::from(*earlier)) {
                    Some(Stored::Same(first)) => Stored::Same(*first),
                    _ => Stored::Same(*earlier),
                },
                _ => return Err(failed),
            },
            Rule::Computed(op) => {
                let operands = node
                    .operands
                    .iter()
                    .map(|operand| {
                        let ty = p.operand_type(*operand)?;
                        let bytes = match operand {
                            Operand::Node(earlier) => run.node(usize::from(*earlier)),
                            _ => given_bytes(p, batch, input, weights, *operand)?,
                        };
                        let constant = matches!(operand, Operand::Const(_));
                        Some(Arg {
                            ty,
                            constant,
                            bytes,
                        })
                    })
                    .collect::<Option<Vec<_>>>()
                    .ok_or(failed)?;
                let bytes = p.node_len(index, batch).ok_or(failed)?;
                let full = RunError::OutOfMemory {
                    node: index as u16,
                    bytes,
                };
                let len = usize::try_from(bytes).map_err(|_| full)?;
                let mut out = Vec::new();
                out.try_reserve_exact(len).map_err(|_| full)?;
                let args = Args {
                    batch: u64::from(batch),
                    out: p.node_type(index).ok_or(failed)?,
                    operands,
                };
                op.run(&args, &mut out).ok_or(failed)?;
                if out.len() != len {
                    return Err(failed);
                }
                Stored::Own(out)
            }
        };
        run.nodes.push(stored);
    }
    Ok(run)
}

/// The bytes of an input or a constant.
pub(crate) fn given_bytes<'a>(
    p: &'a Validated,
    batch: u32,
    input: &'a [u8],
    weights: &[&'a [u8]],
    operand: Operand,
) -> Option<&'a [u8]> {
    match operand {
        Operand::Input(index) => {
            let range = p.input_range(usize::from(index), batch)?;
            input.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
        }
        Operand::Const(index) => {
            let index = usize::from(index);
            match p.program().constants.get(index)? {
                Constant::Inline { bytes, .. } => Some(bytes),
                Constant::Root { .. } => weights.get(p.root_constant_index(index)?).copied(),
            }
        }
        Operand::Node(_) => None,
    }
}
