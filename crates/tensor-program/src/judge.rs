//! Judging one element of a claimed trace.
//!
//! A claim is a list of roots, one for each node's output. It is false exactly if
//! some element differs from what its node makes of the *claimed* operands. A
//! [`FraudProof`] names one such element and opens it and what it depends on by
//! slices; [`judge`] checks the slices against the roots, computes the element and
//! compares.
//!
//! - *Complete*: compare your own honest roots with the claimed ones and take the
//!   first that differs. All operands of that node agree, so their bytes are your
//!   own, and some element is wrong: [`accuse`] finds it.
//! - *Sound*: slices only open to the bytes behind a root, and the judge computes
//!   exactly what the node defines.
//!
//! Which chunks a slice must hold is computed, never sent, so a proof has one
//! encoding. An inline constant and an operand of which nothing is read have the
//! empty slice. A [`Reshape`](crate::ops::Reshape) is judged by its root alone:
//! element 0 and nothing but empty slices.

use crate::{
    arith,
    interpret::{check_lengths, given_bytes},
    ops::{span, Operator, Position, Rule},
    Constant, Execution, Node, Operand, Root, RunError, TensorType, Validated,
};
use alloc::{vec, vec::Vec};
use athanor_content_tree::{prove, verify, Chunks};
use codec::{Decode, DecodeWithMemTracking, Encode};
use core::ops::Range;
use scale_info::TypeInfo;
use thiserror::Error;

/// Longest encoding of a proof, in bytes. Every element of every valid program can
/// be judged by a shorter one.
pub const MAX_PROOF_BYTES: usize = 48 * 1_024;

/// One element of one node, opened together with what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct FraudProof {
    /// The node.
    pub node: u16,
    /// Index of the element over all samples, row-major; 0 for a reshape.
    pub element: u64,
    /// What beats the claim, for the operators judged that way.
    pub witness: Option<u64>,
    /// Slice of the claimed output at [`claimed_range`].
    pub claimed: Vec<u8>,
    /// One slice for each of the node's operands.
    pub operands: Vec<Vec<u8>>,
}

/// What is claimed: roots the judge already trusts to be the claimant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Batch of the job.
    pub batch: u32,
    /// Root of the input blob.
    pub input: &'a Root,
    /// Roots of the constants the program names by root, in order.
    pub weights: &'a [Root],
    /// Claimed roots of all nodes' outputs, in node order.
    pub trace: &'a [Root],
}

/// What a well-formed proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The element is wrong: the claim is false.
    Convicted,
    /// The element is what the node makes of its operands.
    Upheld,
}

/// Why a proof shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The proof is longer than [`MAX_PROOF_BYTES`].
    #[error("the proof is longer than 49152 bytes")]
    TooLong,
    /// Batch, number of weights or length of the trace do not fit the program.
    #[error("batch, weights or trace of the claim do not fit the program")]
    Claim,
    /// The program has no such node.
    #[error("the program has no such node")]
    NoSuchNode,
    /// The node's output has no such element.
    #[error("the node's output has no such element")]
    NoSuchElement,
    /// Another number of slices than the node has operands.
    #[error("there must be one slice for each operand of the node")]
    OperandCount,
    /// A witness is missing, out of range, or given where none is used.
    #[error("the witness is missing, out of range, or not used by this operator")]
    Witness,
    /// The claimed slice does not belong to the claimed root.
    #[error("the claimed slice does not open the claimed root at this element")]
    ClaimedSlice,
    /// An operand's slice does not belong to its root.
    #[error("the slice of operand {operand} does not open its root where it has to")]
    OperandSlice {
        /// Index of the operand.
        operand: u16,
    },
    /// The proof met something that validation excludes. This is a fault in this
    /// crate.
    #[error("the proof met what validation excludes: report this")]
    Internal,
}

/// Judges a proof against a claim.
///
/// The work grows with the proof's length, up to 16 steps a byte, and with the
/// number of constants.
///
/// # Errors
///
/// [`Refused`] if the proof is not well-formed or a slice opens no root.
pub fn judge(p: &Validated, claim: &Claim<'_>, proof: &FraudProof) -> Result<Verdict, Refused> {
    if proof.encoded_size() > MAX_PROOF_BYTES {
        return Err(Refused::TooLong);
    }
    if p.batch(claim.batch).is_none()
        || claim.weights.len() != p.root_constant_count()
        || claim.trace.len() != p.node_count()
    {
        return Err(Refused::Claim);
    }
    let index = usize::from(proof.node);
    let node = p.program().nodes.get(index).ok_or(Refused::NoSuchNode)?;
    let root = claim.trace.get(index).ok_or(Refused::Claim)?;
    if proof.operands.len() != node.operands.len() {
        return Err(Refused::OperandCount);
    }
    let op = match node.op.rule() {
        Rule::Computed(op) => op,
        Rule::Alias(_) => return judge_alias(node, claim, root, proof),
    };

    let own = Own::new(p, claim.batch, index, op, proof.element).ok_or(Refused::NoSuchElement)?;
    let opened = open(
        root,
        own.len,
        core::slice::from_ref(&own.opened),
        &proof.claimed,
    )
    .map_err(|_| Refused::ClaimedSlice)?;
    let types = operand_types(p, node).ok_or(Refused::Internal)?;
    let at = own
        .position(&types, &opened, proof.witness)
        .ok_or(Refused::Internal)?;
    op.check_witness(&at)?;
    let mut got = vec![Vec::new(); node.operands.len()];
    for k in op.order(node.operands.len()) {
        let (operand, slice) = node
            .operands
            .get(k)
            .zip(proof.operands.get(k))
            .ok_or(Refused::Internal)?;
        let wrong = Refused::OperandSlice { operand: k as u16 };
        let wanted = op.ranges(&at, k, &got).ok_or(Refused::Internal)?;
        let source = source(p, claim.batch, *operand).ok_or(Refused::Internal)?;
        let bytes = match (source, operand) {
            (Source::Inline(bytes), _) => {
                if !slice.is_empty() {
                    return Err(wrong);
                }
                gather(bytes, &wanted).ok_or(Refused::Internal)?
            }
            (Source::Opened { len, offset }, operand) => {
                let root = match operand {
                    Operand::Input(_) => Some(claim.input),
                    Operand::Const(index) => p
                        .root_constant_index(usize::from(*index))
                        .and_then(|index| claim.weights.get(index)),
                    Operand::Node(index) => claim.trace.get(usize::from(*index)),
                }
                .ok_or(Refused::Internal)?;
                let wanted = shift(&wanted, offset).ok_or(Refused::Internal)?;
                open(root, len, &wanted, slice).map_err(|_| wrong)?
            }
        };
        *got.get_mut(k).ok_or(Refused::Internal)? = bytes;
    }
    match op.convicts(&at, &got).ok_or(Refused::Internal)? {
        true => Ok(Verdict::Convicted),
        false => Ok(Verdict::Upheld),
    }
}

fn judge_alias(
    node: &Node,
    claim: &Claim<'_>,
    root: &Root,
    proof: &FraudProof,
) -> Result<Verdict, Refused> {
    let Some(Operand::Node(earlier)) = node.operands.first() else {
        return Err(Refused::Internal);
    };
    if proof.element != 0 {
        return Err(Refused::NoSuchElement);
    }
    if proof.witness.is_some() {
        return Err(Refused::Witness);
    }
    if !proof.claimed.is_empty() {
        return Err(Refused::ClaimedSlice);
    }
    if proof.operands.iter().any(|slice| !slice.is_empty()) {
        return Err(Refused::OperandSlice { operand: 0 });
    }
    let operand = claim
        .trace
        .get(usize::from(*earlier))
        .ok_or(Refused::Claim)?;
    Ok(if operand == root {
        Verdict::Upheld
    } else {
        Verdict::Convicted
    })
}

/// The byte ranges a proof of one element must open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// What of the node's output: the element, for a TopK its whole row; `None` for a
    /// reshape.
    pub claimed: Option<Range<u64>>,
    /// For each operand the length of the content its root names (the whole input
    /// blob for an input) and the ranges in it. Inline constants have none.
    pub operands: Vec<(u64, Vec<Range<u64>>)>,
}

/// The byte ranges a proof of one element must open, for a challenger that holds
/// the operands.
///
/// `opened` are the claimed bytes of [`claimed_range`]; a reshape has none. Ranges
/// may depend on them (a claimed index) and on operands read before (the entry of a
/// table), which is why they need the bytes.
///
/// # Errors
///
/// As [`judge`]; [`Refused::Claim`] if the bytes do not fit the program.
pub fn ranges(
    data: &Data<'_>,
    node: u16,
    element: u64,
    witness: Option<u64>,
    opened: &[u8],
) -> Result<Ranges, Refused> {
    let index = usize::from(node);
    let node = find(data.program, node)?;
    let Rule::Computed(op) = node.op.rule() else {
        return Ok(Ranges {
            claimed: None,
            operands: vec![(0, Vec::new()); node.operands.len()],
        });
    };
    let own =
        Own::new(data.program, data.batch, index, op, element).ok_or(Refused::NoSuchElement)?;
    let types = operand_types(data.program, node).ok_or(Refused::Internal)?;
    let at = own
        .position(&types, opened, witness)
        .ok_or(Refused::Claim)?;
    op.check_witness(&at)?;
    let operands = walk(data, node, op, &at)?.0;
    Ok(Ranges {
        claimed: Some(own.opened),
        operands,
    })
}

/// What a proof of one element opens of the node's output: the element, for a TopK
/// its whole row. `None` for a reshape.
///
/// # Errors
///
/// [`Refused::NoSuchNode`], [`Refused::NoSuchElement`].
pub fn claimed_range(
    p: &Validated,
    batch: u32,
    node: u16,
    element: u64,
) -> Result<Option<Range<u64>>, Refused> {
    let Rule::Computed(op) = find(p, node)?.op.rule() else {
        return Ok(None);
    };
    let own = Own::new(p, batch, usize::from(node), op, element).ok_or(Refused::NoSuchElement)?;
    Ok(Some(own.opened))
}

fn find(p: &Validated, node: u16) -> Result<&Node, Refused> {
    p.program()
        .nodes
        .get(usize::from(node))
        .ok_or(Refused::NoSuchNode)
}

/// Everything an honest challenger holds: the job's bytes and its own run.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    program: &'a Validated,
    batch: u32,
    input: &'a [u8],
    weights: &'a [&'a [u8]],
    execution: &'a Execution,
}

impl<'a> Data<'a> {
    /// Joins a job's bytes with a run of them by [`interpret`](crate::interpret()).
    ///
    /// # Errors
    ///
    /// A wrong batch, count or length.
    pub fn new(
        program: &'a Validated,
        batch: u32,
        input: &'a [u8],
        weights: &'a [&'a [u8]],
        execution: &'a Execution,
    ) -> Result<Self, RunError> {
        check_lengths(program, batch, input, weights)?;
        Ok(Data {
            program,
            batch,
            input,
            weights,
            execution,
        })
    }

    /// As [`Data::new`], for who holds no more than one node and its operands: the
    /// input and any weight that the node does not read may be empty, and the run
    /// [partial](Execution::partial). What is missing after all is
    /// [`Refused::Claim`].
    ///
    /// # Errors
    ///
    /// A wrong batch, count or length.
    pub fn partial(
        program: &'a Validated,
        batch: u32,
        input: &'a [u8],
        weights: &'a [&'a [u8]],
        execution: &'a Execution,
    ) -> Result<Self, RunError> {
        let max_batch = program.max_batch();
        let expected = program
            .input_len(batch)
            .ok_or(RunError::Batch { batch, max_batch })?;
        let found = input.len() as u64;
        if found != 0 && found != expected {
            return Err(RunError::InputLength { expected, found });
        }
        let (expected, found) = (program.root_constant_count() as u64, weights.len() as u64);
        if expected != found {
            return Err(RunError::WeightCount { expected, found });
        }
        for (index, (expected, weight)) in program.root_constants().zip(weights).enumerate() {
            let (index, found) = (index as u64, weight.len() as u64);
            if found != 0 && found != expected {
                return Err(RunError::WeightLength {
                    index,
                    expected,
                    found,
                });
            }
        }
        Ok(Data {
            program,
            batch,
            input,
            weights,
            execution,
        })
    }

    /// The content behind an operand's root: the whole input blob for an input.
    fn content(&self, operand: Operand) -> Option<&'a [u8]> {
        match operand {
            Operand::Input(_) => Some(self.input),
            Operand::Node(index) => Some(self.execution.node(usize::from(index))),
            Operand::Const(_) => {
                given_bytes(self.program, self.batch, self.input, self.weights, operand)
            }
        }
    }
}

/// The proof that a claimed output of a node is false, or `None` if it is true.
///
/// `claimed` are the claimant's bytes of that output. All operands of the node must
/// be true, which they are at the first node whose root differs from one's own.
///
/// # Errors
///
/// [`Refused::NoSuchNode`]; [`Refused::Claim`] if `claimed` has the wrong length.
pub fn accuse(data: &Data<'_>, node: u16, claimed: &[u8]) -> Result<Option<FraudProof>, Refused> {
    let index = usize::from(node);
    let ty = data.program.node_type(index).ok_or(Refused::NoSuchNode)?;
    let ours = data.execution.node(index);
    if ours.len() != claimed.len() {
        return Err(Refused::Claim);
    }
    let Some(byte) = ours
        .iter()
        .zip(claimed)
        .position(|(ours, theirs)| ours != theirs)
    else {
        return Ok(None);
    };
    let element = (byte as u64)
        .checked_div(ty.dtype.width())
        .ok_or(Refused::Internal)?;
    prove_element(data, node, element, claimed).map(Some)
}

/// The proof of one element of a claimed output, whether it is wrong or not.
///
/// Where an operator is judged by a counterexample, the proof may name another
/// element of the same row.
///
/// # Errors
///
/// [`Refused::NoSuchNode`], [`Refused::NoSuchElement`]; [`Refused::Claim`] if
/// `claimed` has the wrong length.
pub fn prove_element(
    data: &Data<'_>,
    node: u16,
    element: u64,
    claimed: &[u8],
) -> Result<FraudProof, Refused> {
    let Some(range) = claimed_range(data.program, data.batch, node, element)? else {
        return prove_operands(data, node, element, &[], Vec::new());
    };
    let len = data.program.node_len(usize::from(node), data.batch);
    if len != Some(claimed.len() as u64) {
        return Err(Refused::Claim);
    }
    let opened = gather(claimed, core::slice::from_ref(&range)).ok_or(Refused::Internal)?;
    let chunks =
        Chunks::from_ranges(claimed.len() as u64, [range]).map_err(|_| Refused::Internal)?;
    let slice = prove(claimed, &chunks).map_err(|_| Refused::Internal)?;
    prove_operands(data, node, element, &opened, slice)
}

/// The proof of one element when only the claimant's slice of it is at hand:
/// `opened` are the claimed bytes of [`claimed_range`], `slice` opens the claimed
/// root there.
///
/// # Errors
///
/// [`Refused::NoSuchNode`], [`Refused::NoSuchElement`]; [`Refused::Claim`] if `opened`
/// has the wrong length.
pub fn prove_operands(
    data: &Data<'_>,
    node: u16,
    element: u64,
    opened: &[u8],
    slice: Vec<u8>,
) -> Result<FraudProof, Refused> {
    let index = usize::from(node);
    let found = find(data.program, node)?;
    let Rule::Computed(op) = found.op.rule() else {
        return Ok(FraudProof {
            node,
            element: 0,
            witness: None,
            claimed: Vec::new(),
            operands: vec![Vec::new(); found.operands.len()],
        });
    };
    let own =
        Own::new(data.program, data.batch, index, op, element).ok_or(Refused::NoSuchElement)?;
    let types = operand_types(data.program, found).ok_or(Refused::Internal)?;
    let ours = gather(
        data.execution.node(index),
        core::slice::from_ref(&own.opened),
    )
    .ok_or(Refused::Internal)?;
    let first = own.position(&types, opened, None).ok_or(Refused::Claim)?;
    let charges = op.charges(&first, &ours).ok_or(Refused::Internal)?;
    let last = charges.len().saturating_sub(1);
    for (k, (element, witness)) in charges.into_iter().enumerate() {
        let own =
            Own::new(data.program, data.batch, index, op, element).ok_or(Refused::Internal)?;
        let at = own
            .position(&types, opened, witness)
            .ok_or(Refused::Internal)?;
        op.check_witness(&at)?;
        let (ranges, got) = walk(data, found, op, &at)?;
        if k < last && !op.convicts(&at, &got).ok_or(Refused::Internal)? {
            continue;
        }
        let mut operands = Vec::with_capacity(ranges.len());
        for (operand, (len, wanted)) in found.operands.iter().zip(ranges) {
            let content = data.content(*operand).ok_or(Refused::Internal)?;
            let chunks = Chunks::from_ranges(len, wanted).map_err(|_| Refused::Internal)?;
            operands.push(if chunks.is_empty() {
                Vec::new()
            } else {
                prove(content, &chunks).map_err(|_| Refused::Internal)?
            });
        }
        return Ok(FraudProof {
            node,
            element,
            witness,
            claimed: slice,
            operands,
        });
    }
    Err(Refused::Internal)
}

/// Ranges of all operands, in the contents behind their roots, and the bytes there.
fn walk(
    data: &Data<'_>,
    node: &Node,
    op: &dyn Operator,
    at: &Position<'_>,
) -> Result<(Vec<(u64, Vec<Range<u64>>)>, Vec<Vec<u8>>), Refused> {
    let mut all = vec![(0, Vec::new()); node.operands.len()];
    let mut got = vec![Vec::new(); node.operands.len()];
    for k in op.order(node.operands.len()) {
        let operand = node.operands.get(k).ok_or(Refused::Internal)?;
        let wanted = op.ranges(at, k, &got).ok_or(Refused::Internal)?;
        let (bytes, opened) =
            match source(data.program, data.batch, *operand).ok_or(Refused::Internal)? {
                Source::Inline(bytes) => {
                    let length = bytes.len() as u64;
                    let bytes = gather(bytes, &wanted).ok_or(Refused::Internal)?;
                    (bytes, (length, Vec::new()))
                }
                Source::Opened { len, offset } => {
                    let wanted = shift(&wanted, offset).ok_or(Refused::Internal)?;
                    let content = data.content(*operand).ok_or(Refused::Claim)?;
                    let bytes = gather(content, &wanted).ok_or(Refused::Claim)?;
                    (bytes, (len, wanted))
                }
            };
        *got.get_mut(k).ok_or(Refused::Internal)? = bytes;
        *all.get_mut(k).ok_or(Refused::Internal)? = opened;
    }
    Ok((all, got))
}

/// Where an operand's bytes come from when judging.
enum Source<'a> {
    /// From the program.
    Inline(&'a [u8]),
    /// From a slice of a content of `len` bytes, in which the operand starts at
    /// `offset`.
    Opened { len: u64, offset: u64 },
}

fn source(p: &Validated, batch: u32, operand: Operand) -> Option<Source<'_>> {
    match operand {
        Operand::Input(index) => Some(Source::Opened {
            len: p.input_len(batch)?,
            offset: p.input_range(usize::from(index), batch)?.start,
        }),
        Operand::Const(index) => match p.program().constants.get(usize::from(index))? {
            Constant::Inline { bytes, .. } => Some(Source::Inline(bytes)),
            Constant::Root { ty } => Some(Source::Opened {
                len: ty.bytes()?,
                offset: 0,
            }),
        },
        Operand::Node(index) => Some(Source::Opened {
            len: p.node_len(usize::from(index), batch)?,
            offset: 0,
        }),
    }
}

/// What of a node's output is judged.
struct Own<'a> {
    ty: &'a TensorType,
    len: u64,
    element: u64,
    /// The element's bytes.
    range: Range<u64>,
    /// The bytes a proof opens, those of the element among them.
    opened: Range<u64>,
}

impl<'a> Own<'a> {
    /// `None` if the output has no such element.
    fn new(
        p: &'a Validated,
        batch: u32,
        node: usize,
        op: &dyn Operator,
        element: u64,
    ) -> Option<Self> {
        let ty = p.node_type(node)?;
        let len = p.node_len(node, batch)?;
        let range = span(element, ty.dtype.width())?;
        if range.end > len {
            return None;
        }
        let opened = op.opens(ty, element)?;
        Some(Own {
            ty,
            len,
            element,
            range,
            opened,
        })
    }

    /// `None` unless `opened` has the bytes of the opened range.
    fn position<'b>(
        &self,
        operands: &'b [(&'b TensorType, bool)],
        opened: &'b [u8],
        witness: Option<u64>,
    ) -> Option<Position<'b>>
    where
        'a: 'b,
    {
        let length = self.opened.end.checked_sub(self.opened.start)?;
        if opened.len() as u64 != length {
            return None;
        }
        let start = usize::try_from(self.range.start.checked_sub(self.opened.start)?).ok()?;
        let end = usize::try_from(self.range.end.checked_sub(self.opened.start)?).ok()?;
        Some(Position {
            element: self.element,
            claimed: arith::element(self.ty.dtype, opened.get(start..end)?)?,
            opened,
            witness,
            operands,
            out: self.ty,
        })
    }
}

/// The operands' types, and whether they are constants.
fn operand_types<'a>(p: &'a Validated, node: &Node) -> Option<Vec<(&'a TensorType, bool)>> {
    node.operands
        .iter()
        .map(|operand| {
            let constant = matches!(operand, Operand::Const(_));
            Some((p.operand_type(*operand)?, constant))
        })
        .collect()
}

fn shift(ranges: &[Range<u64>], offset: u64) -> Option<Vec<Range<u64>>> {
    ranges
        .iter()
        .map(|range| Some(range.start.checked_add(offset)?..range.end.checked_add(offset)?))
        .collect()
}

fn gather(content: &[u8], ranges: &[Range<u64>]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for range in ranges {
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        bytes.extend_from_slice(content.get(range)?);
    }
    Some(bytes)
}

fn open(
    root: &Root,
    len: u64,
    ranges: &[Range<u64>],
    proof: &[u8],
) -> Result<Vec<u8>, athanor_content_tree::Error> {
    let chunks = Chunks::from_ranges(len, ranges.iter().cloned())?;
    let slice = verify(root, len, &chunks, proof)?;
    let mut bytes = Vec::new();
    for range in ranges {
        bytes.extend_from_slice(slice.read(range.clone())?);
    }
    Ok(bytes)
}
