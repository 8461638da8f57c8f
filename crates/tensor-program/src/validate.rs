//! What a valid program is, and everything that follows from one.

use crate::{
    ops::{Inferred, Rule, Scope},
    Constant, Cost, DType, Operand, Program, TensorType, MAX_AXIS, MAX_CONSTANTS, MAX_INPUTS,
    MAX_JUDGE_BYTES, MAX_NODES, MAX_OPERANDS, MAX_OUTPUTS, MAX_PROGRAM_BYTES, MAX_RANK,
    MAX_SAMPLE_BYTES, MAX_TENSOR_BYTES, MAX_TOTAL_BYTES, VERSION,
};
use alloc::{vec, vec::Vec};
use athanor_content_tree::chunk_count;
use codec::Encode;
use core::ops::Range;
use thiserror::Error;

/// Why bytes are no valid program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The encoding is longer than [`MAX_PROGRAM_BYTES`].
    #[error(
        "a program has at most 65536 bytes, this one has {bytes}: name large constants by root"
    )]
    TooLong {
        /// Bytes found.
        bytes: u64,
    },
    /// The bytes do not decode, or a list in them is longer than allowed.
    #[error("the bytes are no SCALE-encoded program, or a list in it is too long")]
    Malformed,
    /// Bytes follow the program.
    #[error("{bytes} bytes follow the program: remove them")]
    TrailingBytes {
        /// Bytes found.
        bytes: u64,
    },
    /// The program has a shorter encoding.
    #[error("the bytes are not the program's one encoding: encode it again")]
    NotCanonical,
    /// This crate does not implement the program's semantic version.
    #[error("semantic version {version} is not known, use version 1")]
    UnknownVersion {
        /// The version found.
        version: u8,
    },
    /// `max_batch` is 0 or above 2^24.
    #[error("max_batch is {max_batch}, it must be 1 to 16777216")]
    MaxBatch {
        /// The value found.
        max_batch: u32,
    },
    /// More than [`MAX_INPUTS`] inputs.
    #[error("a program has at most 16 inputs, this one has {count}")]
    TooManyInputs {
        /// The number found.
        count: u64,
    },
    /// More than [`MAX_CONSTANTS`] constants.
    #[error("a program has at most 1024 constants, this one has {count}")]
    TooManyConstants {
        /// The number found.
        count: u64,
    },
    /// More than [`MAX_NODES`] nodes.
    #[error("a program has at most 1024 nodes, this one has {count}")]
    TooManyNodes {
        /// The number found.
        count: u64,
    },
    /// No output, or more than [`MAX_OUTPUTS`].
    #[error("a program has 1 to 8 outputs, this one has {count}")]
    OutputCount {
        /// The number found.
        count: u64,
    },
    /// A value has too many axes.
    #[error("{value} has too many axes: at most 6, the batch axis of an activation counted")]
    Rank {
        /// The value.
        value: Operand,
    },
    /// A value has an axis of length 0 or above 2^24.
    #[error("{value} has an axis of length {axis}, it must be 1 to 16777216")]
    Axis {
        /// The value.
        value: Operand,
        /// The axis found.
        axis: u32,
    },
    /// A value has more than [`MAX_SAMPLE_BYTES`] bytes a sample, or more than
    /// [`MAX_TENSOR_BYTES`] at `max_batch`.
    #[error("{value} is too large: at most 2^31 bytes a sample and 2^35 at max_batch")]
    TooLarge {
        /// The value.
        value: Operand,
    },
    /// All inputs joined have more than [`MAX_TENSOR_BYTES`] bytes at `max_batch`.
    #[error("the inputs joined have more than 2^35 bytes at max_batch: lower it")]
    InputTooLarge,
    /// An input is wider than the one before it.
    #[error("input {input} is wider than the one before it: declare inputs from i32 to i8")]
    InputOrder {
        /// Index of the input.
        input: u16,
    },
    /// An inline constant has another length than its type.
    #[error("inline constant {constant} must have exactly the bytes of its shape and type")]
    InlineLength {
        /// Index of the constant.
        constant: u16,
    },
    /// A node has too few or too many operands for its operator and attributes.
    #[error("node {node} has {found} operands, its operator and attributes ask for {expected}")]
    OperandCount {
        /// Index of the node.
        node: u16,
        /// What is asked for.
        expected: u16,
        /// What was found.
        found: u16,
    },
    /// A node reads something that is not there, or not before it.
    #[error("node {node} reads {operand}, which does not exist before it")]
    UnknownOperand {
        /// Index of the node.
        node: u16,
        /// What it reads.
        operand: Operand,
    },
    /// An operand must be an input or a node.
    #[error("operand {operand} of node {node} must be an activation, not a constant")]
    NotActivation {
        /// Index of the node.
        node: u16,
        /// Index among the operands of the node.
        operand: u16,
    },
    /// An operand must be a constant.
    #[error("operand {operand} of node {node} must be a constant")]
    NotConstant {
        /// Index of the node.
        node: u16,
        /// Index among the operands of the node.
        operand: u16,
    },
    /// An operand must be a node.
    #[error("operand {operand} of node {node} must be the output of a node")]
    NotNode {
        /// Index of the node.
        node: u16,
        /// Index among the operands of the node.
        operand: u16,
    },
    /// An operand has an element type that the operator does not take there.
    #[error("operand {operand} of node {node} must not be {found:?}: see the operator")]
    OperandType {
        /// Index of the node.
        node: u16,
        /// Index among the operands of the node.
        operand: u16,
        /// Its element type.
        found: DType,
    },
    /// An operand's shape does not fit.
    #[error("the shape of operand {operand} of node {node} does not fit: see the operator")]
    OperandShape {
        /// Index of the node.
        node: u16,
        /// Index among the operands of the node.
        operand: u16,
    },
    /// An attribute lies outside its range.
    #[error("attribute `{attribute}` of node {node} is out of its range: see the operator")]
    Attribute {
        /// Index of the node.
        node: u16,
        /// Name of the attribute.
        attribute: &'static str,
    },
    /// A reduction is too long for exact sums.
    #[error("node {node} sums {k} products, more than its zero points allow: split it")]
    ReductionTooLong {
        /// Index of the node.
        node: u16,
        /// The number of products.
        k: u32,
    },
    /// A proof of one element could exceed [`MAX_JUDGE_BYTES`].
    #[error("a proof of one element of node {node} may take {bytes} bytes of 48128: split it")]
    NotJudgeable {
        /// Index of the node.
        node: u16,
        /// Bytes that may be needed.
        bytes: u64,
    },
    /// A reshape changes the number of elements.
    #[error("node {node} must keep the number of elements")]
    ElementsChange {
        /// Index of the node.
        node: u16,
    },
    /// An output names no node.
    #[error("output {output} names no node")]
    NoSuchOutput {
        /// Index among the outputs.
        output: u16,
    },
    /// A node is an output twice.
    #[error("node {node} is an output twice: name it once")]
    DuplicateOutput {
        /// Index of the node.
        node: u16,
    },
    /// A node reaches no output.
    #[error("node {node} reaches no output: remove it")]
    DeadNode {
        /// Index of the node.
        node: u16,
    },
    /// All values together have more than [`MAX_TOTAL_BYTES`] bytes.
    #[error("all values together have more than 2^42 bytes at max_batch: lower it")]
    TotalTooLarge,
    /// A cost does not fit 64 bits.
    #[error("the cost at max_batch does not fit 64 bits: lower it")]
    CostOverflow,
}

impl Invalid {
    /// A number for each reason that never changes.
    pub const fn code(&self) -> u8 {
        match self {
            Invalid::TooLong { .. } => 1,
            Invalid::Malformed => 2,
            Invalid::TrailingBytes { .. } => 3,
            Invalid::NotCanonical => 4,
            Invalid::UnknownVersion { .. } => 5,
            Invalid::MaxBatch { .. } => 6,
            Invalid::TooManyInputs { .. } => 7,
            Invalid::TooManyConstants { .. } => 8,
            Invalid::TooManyNodes { .. } => 9,
            Invalid::OutputCount { .. } => 10,
            Invalid::Rank { .. } => 11,
            Invalid::Axis { .. } => 12,
            Invalid::TooLarge { .. } => 13,
            Invalid::InputTooLarge => 14,
            Invalid::InputOrder { .. } => 15,
            Invalid::InlineLength { .. } => 16,
            Invalid::OperandCount { .. } => 17,
            Invalid::UnknownOperand { .. } => 18,
            Invalid::NotActivation { .. } => 19,
            Invalid::NotConstant { .. } => 20,
            Invalid::NotNode { .. } => 21,
            Invalid::OperandType { .. } => 22,
            Invalid::OperandShape { .. } => 23,
            Invalid::Attribute { .. } => 24,
            Invalid::ReductionTooLong { .. } => 25,
            Invalid::NotJudgeable { .. } => 26,
            Invalid::ElementsChange { .. } => 27,
            Invalid::NoSuchOutput { .. } => 28,
            Invalid::DuplicateOutput { .. } => 29,
            Invalid::DeadNode { .. } => 30,
            Invalid::TotalTooLarge => 31,
            Invalid::CostOverflow => 32,
        }
    }
}

/// A program that holds every rule, with what was inferred of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validated {
    program: Program,
    nodes: Vec<TensorType>,
    fixed: Cost,
    per_sample: Cost,
    constant_bytes: u64,
    input_bytes: u64,
    node_bytes: u64,
    output_bytes: u64,
}

/// Decodes a program from its one encoding and validates it.
///
/// # Errors
///
/// Any [`Invalid`].
pub fn load(bytes: &[u8]) -> Result<Validated, Invalid> {
    Validated::new(Program::decode_canonical(bytes)?)
}

/// Checks a program: counts, types, shapes, bounds of every sum, sizes, cost, and
/// that every element of every node can be judged inside one proof.
///
/// Total, and linear in nodes and bytes.
///
/// # Errors
///
/// Any [`Invalid`] but those of decoding.
pub fn validate(program: &Program) -> Result<Validated, Invalid> {
    check_counts(program)?;
    Validated::new(program.clone())
}

fn check_counts(program: &Program) -> Result<(), Invalid> {
    if program.version != VERSION {
        return Err(Invalid::UnknownVersion {
            version: program.version,
        });
    }
    if !(1..=MAX_AXIS).contains(&program.max_batch) {
        return Err(Invalid::MaxBatch {
            max_batch: program.max_batch,
        });
    }
    let count = program.inputs.len();
    if count > MAX_INPUTS {
        return Err(Invalid::TooManyInputs {
            count: count as u64,
        });
    }
    let count = program.constants.len();
    if count > MAX_CONSTANTS {
        return Err(Invalid::TooManyConstants {
            count: count as u64,
        });
    }
    let count = program.nodes.len();
    if count > MAX_NODES {
        return Err(Invalid::TooManyNodes {
            count: count as u64,
        });
    }
    let count = program.outputs.len();
    if !(1..=MAX_OUTPUTS).contains(&count) {
        return Err(Invalid::OutputCount {
            count: count as u64,
        });
    }
    for (node, found) in program
        .nodes
        .iter()
        .map(|node| node.operands.len())
        .enumerate()
    {
        if found > MAX_OPERANDS {
            return Err(Invalid::OperandCount {
                node: node as u16,
                expected: MAX_OPERANDS as u16,
                found: u16::try_from(found).unwrap_or(u16::MAX),
            });
        }
    }
    let bytes = program.encoded_size();
    if bytes > MAX_PROGRAM_BYTES {
        return Err(Invalid::TooLong {
            bytes: bytes as u64,
        });
    }
    Ok(())
}

/// Checks rank, axes and size of a value and gives its bytes: of one sample, or of
/// a constant.
fn check_type(value: Operand, ty: &TensorType, max_batch: u32) -> Result<u64, Invalid> {
    let (batch_axis, copies) = match value {
        Operand::Const(_) => (0usize, 1),
        Operand::Input(_) | Operand::Node(_) => (1, u64::from(max_batch)),
    };
    if ty.shape.0.len().saturating_add(batch_axis) > MAX_RANK {
        return Err(Invalid::Rank { value });
    }
    if let Some(axis) = ty
        .shape
        .0
        .iter()
        .find(|axis| !(1..=MAX_AXIS).contains(*axis))
    {
        return Err(Invalid::Axis { value, axis: *axis });
    }
    ty.bytes()
        .filter(|bytes| *bytes <= MAX_SAMPLE_BYTES)
        .filter(|bytes| {
            bytes
                .checked_mul(copies)
                .is_some_and(|all| all <= MAX_TENSOR_BYTES)
        })
        .ok_or(Invalid::TooLarge { value })
}

fn sum(a: u64, b: u64) -> Result<u64, Invalid> {
    a.checked_add(b).ok_or(Invalid::CostOverflow)
}

/// ⌈log2(chunks)⌉: the longest path from a chunk to the root.
fn depth(bytes: u64) -> u64 {
    let chunks = chunk_count(bytes);
    u64::from(u64::BITS.saturating_sub(chunks.saturating_sub(1).leading_zeros()))
}

impl Validated {
    fn new(program: Program) -> Result<Validated, Invalid> {
        check_counts(&program)?;
        let mut this = Validated {
            nodes: Vec::with_capacity(program.nodes.len()),
            program,
            fixed: Cost::default(),
            per_sample: Cost::default(),
            constant_bytes: 0,
            input_bytes: 0,
            node_bytes: 0,
            output_bytes: 0,
        };
        this.check_inputs()?;
        this.check_constants()?;
        for node in 0..this.program.nodes.len() {
            this.check_node(node as u16)?;
        }
        this.check_outputs()?;
        this.check_reach()?;
        this.check_totals()?;
        Ok(this)
    }

    fn check_inputs(&mut self) -> Result<(), Invalid> {
        let mut widest = DType::I32.width();
        for (index, ty) in self.program.inputs.iter().enumerate() {
            let index = index as u16;
            let bytes = check_type(Operand::Input(index), ty, self.program.max_batch)?;
            if ty.dtype.width() > widest {
                return Err(Invalid::InputOrder { input: index });
            }
            widest = ty.dtype.width();
            self.input_bytes = sum(self.input_bytes, bytes)?;
        }
        let joined = self
            .input_bytes
            .checked_mul(u64::from(self.program.max_batch));
        if joined.is_none_or(|bytes| bytes > MAX_TENSOR_BYTES) {
            return Err(Invalid::InputTooLarge);
        }
        self.per_sample.load = self.input_bytes;
        Ok(())
    }

    fn check_constants(&mut self) -> Result<(), Invalid> {
        for (index, constant) in self.program.constants.iter().enumerate() {
            let index = index as u16;
            let bytes = check_type(Operand::Const(index), constant.ty(), 1)?;
            match constant {
                Constant::Inline { bytes: inline, .. } if inline.len() as u64 != bytes => {
                    return Err(Invalid::InlineLength { constant: index });
                }
                Constant::Inline { .. } => {}
                Constant::Root { .. } => self.fixed.load = sum(self.fixed.load, bytes)?,
            }
            self.constant_bytes = sum(self.constant_bytes, bytes)?;
        }
        Ok(())
    }

    fn check_node(&mut self, index: u16) -> Result<(), Invalid> {
        let Some(node) = self.program.nodes.get(usize::from(index)) else {
            return Ok(());
        };
        let mut operands = Vec::with_capacity(node.operands.len());
        for operand in &node.operands {
            let ty = self.operand_type(*operand).ok_or(Invalid::UnknownOperand {
                node: index,
                operand: *operand,
            })?;
            operands.push((*operand, ty));
        }
        let scope = Scope {
            node: index,
            operands,
        };
        let inferred = match node.op.rule() {
            Rule::Computed(op) => op.infer(&scope)?,
            Rule::Alias(op) => op.infer(&scope)?,
        };
        let bytes = check_type(Operand::Node(index), &inferred.ty, self.program.max_batch)?;
        let mut fixed = Cost {
            nodes: 1,
            ..Cost::default()
        };
        let mut per_sample = Cost {
            macs: inferred.macs,
            ops: inferred.ops,
            ..Cost::default()
        };
        if let Rule::Computed(_) = node.op.rule() {
            self.check_judgeable(&scope, &inferred, bytes)?;
            per_sample.bytes = sum(bytes, bytes)?;
            for (operand, ty) in &scope.operands {
                let read = ty.bytes().ok_or(Invalid::CostOverflow)?;
                let counter = match operand {
                    Operand::Const(_) => &mut fixed.bytes,
                    Operand::Input(_) | Operand::Node(_) => &mut per_sample.bytes,
                };
                *counter = sum(*counter, read)?;
            }
            self.node_bytes = sum(self.node_bytes, bytes)?;
        }
        self.fixed = self
            .fixed
            .checked_add(&fixed)
            .ok_or(Invalid::CostOverflow)?;
        self.per_sample = self
            .per_sample
            .checked_add(&per_sample)
            .ok_or(Invalid::CostOverflow)?;
        self.nodes.push(inferred.ty);
        Ok(())
    }

    /// Bounds the slices of a proof of any element: for each range the chunks it
    /// may touch and the chaining values beside one path, or two.
    fn check_judgeable(
        &self,
        scope: &Scope<'_>,
        inferred: &Inferred,
        out_bytes: u64,
    ) -> Result<(), Invalid> {
        let most = u64::from(self.program.max_batch);
        let slice = |tensor: u64, chunks: u64| {
            let path = depth(tensor)
                .saturating_mul(32)
                .saturating_mul(chunks.min(2));
            chunks.saturating_mul(1_024).saturating_add(path)
        };
        let mut bytes = slice(out_bytes.saturating_mul(most), inferred.opens);
        for (operand, chunks) in &inferred.touches {
            let Some((source, ty)) = scope.operands.get(*operand) else {
                continue;
            };
            let tensor = match source {
                Operand::Input(_) => self.input_bytes.saturating_mul(most),
                Operand::Const(_) => ty.bytes().unwrap_or(u64::MAX),
                Operand::Node(_) => ty.bytes().unwrap_or(u64::MAX).saturating_mul(most),
            };
            bytes = bytes.saturating_add(slice(tensor, *chunks));
        }
        if bytes > MAX_JUDGE_BYTES {
            return Err(Invalid::NotJudgeable {
                node: scope.node,
                bytes,
            });
        }
        Ok(())
    }

    fn check_outputs(&mut self) -> Result<(), Invalid> {
        for (index, output) in self.program.outputs.iter().enumerate() {
            let ty = self
                .nodes
                .get(usize::from(*output))
                .ok_or(Invalid::NoSuchOutput {
                    output: index as u16,
                })?;
            if self
                .program
                .outputs
                .iter()
                .take(index)
                .any(|earlier| earlier == output)
            {
                return Err(Invalid::DuplicateOutput { node: *output });
            }
            let bytes = ty.bytes().ok_or(Invalid::CostOverflow)?;
            self.output_bytes = sum(self.output_bytes, bytes)?;
        }
        self.per_sample.load = sum(self.per_sample.load, self.output_bytes)?;
        Ok(())
    }

    fn check_reach(&self) -> Result<(), Invalid> {
        let mut reached = vec![false; self.nodes.len()];
        let mark = |reached: &mut Vec<bool>, node: u16| {
            if let Some(flag) = reached.get_mut(usize::from(node)) {
                *flag = true;
            }
        };
        for output in &self.program.outputs {
            mark(&mut reached, *output);
        }
        for (index, node) in self.program.nodes.iter().enumerate().rev() {
            if !reached.get(index).copied().unwrap_or_default() {
                return Err(Invalid::DeadNode { node: index as u16 });
            }
            for operand in &node.operands {
                if let Operand::Node(earlier) = operand {
                    mark(&mut reached, *earlier);
                }
            }
        }
        Ok(())
    }

    fn check_totals(&self) -> Result<(), Invalid> {
        // Every value counts here, a reshape's too: nobody is to need the list of
        // aliases to see that a program is small enough.
        let mut all = self.input_bytes;
        for ty in &self.nodes {
            all = sum(all, ty.bytes().ok_or(Invalid::CostOverflow)?)?;
        }
        let total = all
            .checked_mul(u64::from(self.program.max_batch))
            .and_then(|bytes| bytes.checked_add(self.constant_bytes));
        if total.is_none_or(|bytes| bytes > MAX_TOTAL_BYTES) {
            return Err(Invalid::TotalTooLarge);
        }
        self.cost(self.program.max_batch)
            .map(|_| ())
            .ok_or(Invalid::CostOverflow)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Largest batch a job may ask for.
    pub fn max_batch(&self) -> u32 {
        self.program.max_batch
    }

    /// Number of nodes, which is the number of roots of a trace.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Indices of the output nodes.
    pub fn outputs(&self) -> &[u16] {
        &self.program.outputs
    }

    /// The batch as a factor, `None` outside 1 to `max_batch`.
    pub(crate) fn batch(&self, batch: u32) -> Option<u64> {
        (1..=self.max_batch())
            .contains(&batch)
            .then_some(u64::from(batch))
    }

    /// Exact cost of a run. `None` if `batch` is 0 or above `max_batch`.
    pub fn cost(&self, batch: u32) -> Option<Cost> {
        self.per_sample
            .checked_mul(self.batch(batch)?)?
            .checked_add(&self.fixed)
    }

    /// Bytes of all constants, the input and every node's output; a reshape has none
    /// of its own. `None` if `batch` is 0 or above `max_batch`.
    pub fn memory(&self, batch: u32) -> Option<u64> {
        self.input_bytes
            .checked_add(self.node_bytes)?
            .checked_mul(self.batch(batch)?)?
            .checked_add(self.constant_bytes)
    }

    /// Bytes of the input blob: all inputs joined. `None` if `batch` is 0 or above
    /// `max_batch`.
    pub fn input_len(&self, batch: u32) -> Option<u64> {
        self.input_bytes.checked_mul(self.batch(batch)?)
    }

    /// Bytes of all outputs joined. `None` if `batch` is 0 or above `max_batch`.
    pub fn output_len(&self, batch: u32) -> Option<u64> {
        self.output_bytes.checked_mul(self.batch(batch)?)
    }

    /// Bytes of a node's output. `None` without such a node, or if `batch` is 0 or
    /// above `max_batch`.
    pub fn node_len(&self, node: usize, batch: u32) -> Option<u64> {
        self.nodes
            .get(node)?
            .bytes()?
            .checked_mul(self.batch(batch)?)
    }

    /// Element type and shape of a node's output, without the batch axis.
    pub fn node_type(&self, node: usize) -> Option<&TensorType> {
        self.nodes.get(node)
    }

    /// Element type and shape of an operand. A node not yet validated is no operand.
    pub fn operand_type(&self, operand: Operand) -> Option<&TensorType> {
        match operand {
            Operand::Input(index) => self.program.inputs.get(usize::from(index)),
            Operand::Const(index) => self
                .program
                .constants
                .get(usize::from(index))
                .map(Constant::ty),
            Operand::Node(index) => self.nodes.get(usize::from(index)),
        }
    }

    /// Where an input lies in the input blob. `None` without such an input, or if
    /// `batch` is 0 or above `max_batch`.
    pub fn input_range(&self, input: usize, batch: u32) -> Option<Range<u64>> {
        let batch = self.batch(batch)?;
        let mut start = 0u64;
        for earlier in self.program.inputs.get(..input)? {
            start = start.checked_add(earlier.bytes()?.checked_mul(batch)?)?;
        }
        let bytes = self
            .program
            .inputs
            .get(input)?
            .bytes()?
            .checked_mul(batch)?;
        Some(start..start.checked_add(bytes)?)
    }

    /// Byte lengths of the constants named by root, in order.
    pub fn root_constants(&self) -> impl Iterator<Item = u64> + '_ {
        self.program
            .constants
            .iter()
            .filter_map(|constant| match constant {
                Constant::Root { ty } => ty.bytes(),
                Constant::Inline { .. } => None,
            })
    }

    /// Number of constants named by root.
    pub fn root_constant_count(&self) -> usize {
        self.root_constants().count()
    }

    /// Position of a constant among those named by root. `None` if it is inline or
    /// does not exist.
    pub fn root_constant_index(&self, constant: usize) -> Option<usize> {
        let is_root = |constant: &&Constant| matches!(constant, Constant::Root { .. });
        self.program.constants.get(constant).filter(is_root)?;
        Some(
            self.program
                .constants
                .get(..constant)?
                .iter()
                .filter(is_root)
                .count(),
        )
    }
}
