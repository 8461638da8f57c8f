//! Random valid programs and adversarial data, for property tests of this crate and
//! for differential tests of backends. Only with the feature `testing`; never part
//! of a runtime but one built for benchmarks.
//!
//! Everything follows from a seed, on every machine alike. A [`Choices`] may also
//! read random bytes, so that a property-testing library shrinks the bytes and with
//! them the program: without bytes left every choice is the smallest.
//!
//! ```
//! use athanor_tensor_program::{interpret, testing::Job};
//!
//! let job = Job::random(7);
//! let run = interpret(&job.program, job.batch, &job.input, &job.weights())?;
//! assert_eq!(run.output().len() as u64, job.program.output_len(job.batch).unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::{
    arith,
    ops::{
        Abs, Add, AddBias, ArgMax, AvgPool2d, BatchMatMul, Clamp, Concat, Conv2d, Epilogue, Gather,
        LayerNorm, Lut16, Lut8, MatMul, MaxPool2d, Mul, Pad, Pairs, Requant, Requantize, Reshape,
        RmsNorm, Rope, RowMax, RowMean, RowSum, Scale, Select, Slice, Softmax, TopK, Transpose,
        Window, ZeroPoint,
    },
    validate, Constant, DType, Node, Op, Operand, Program, Shape, TensorType, Validated,
    MAX_INPUTS,
};
use alloc::{boxed::Box, vec, vec::Vec};

mod largest;

pub use largest::{largest, Largest, LARGEST};

/// Names of all operators, in the order of their codec indices.
pub const OPERATORS: [&str; 29] = [
    "MatMul",
    "BatchMatMul",
    "Conv2d",
    "AddBias",
    "Requantize",
    "Add",
    "Mul",
    "Clamp",
    "Abs",
    "Select",
    "Lut8",
    "Lut16",
    "RowSum",
    "RowMax",
    "RowMean",
    "Softmax",
    "LayerNorm",
    "RmsNorm",
    "ArgMax",
    "TopK",
    "Reshape",
    "Transpose",
    "Slice",
    "Concat",
    "Pad",
    "Gather",
    "Rope",
    "MaxPool2d",
    "AvgPool2d",
];

/// How large random programs become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most nodes.
    pub nodes: usize,
    /// Most elements of one sample of a value, and of a constant.
    pub elements: u64,
    /// Most multiply-accumulates and simple steps of one sample of a node.
    pub steps: u64,
    /// Largest batch.
    pub max_batch: u32,
}

impl Default for Limits {
    /// Up to 6 nodes, 6,000 elements, 200,000 steps, batches to 4: some
    /// milliseconds in the reference.
    fn default() -> Self {
        Limits {
            nodes: 6,
            elements: 6_000,
            steps: 200_000,
            max_batch: 4,
        }
    }
}

/// A source of choices: random bytes and, behind them, a seeded generator or zeros.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    bytes: core::slice::Iter<'a, u8>,
    state: Option<u64>,
}

impl<'a> Choices<'a> {
    /// Choices that follow from a seed, without end.
    pub fn seeded(seed: u64) -> Choices<'static> {
        Choices {
            bytes: [].iter(),
            state: Some(seed),
        }
    }

    /// Choices from bytes; behind their end every choice is the smallest.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Choices {
            bytes: bytes.iter(),
            state: None,
        }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.next() {
            Some(byte) => *byte,
            None => self.state.as_mut().map_or(0, |state| splitmix(state) as u8),
        }
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(core::array::from_fn(|_| self.byte()))
    }

    /// A number below `n`, which is at least 1 and at most 65,536.
    pub fn below(&mut self, n: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Length of an axis: mostly short.
    fn axis(&mut self) -> u32 {
        let most = self.of(&[4, 4, 9, 17, 40]);
        1 + self.below(most) as u32
    }

    fn dtype(&mut self) -> DType {
        self.of(&[DType::I8, DType::I16, DType::I32])
    }

    /// A value of a type: one of its ends, 0, or a small one.
    fn value(&mut self, dtype: DType) -> i32 {
        match self.below(6) {
            0 => dtype.min(),
            1 => dtype.max(),
            2 => 0,
            _ => i32::from(self.byte() as i8),
        }
    }

    /// Bounds of a clip.
    fn range(&mut self, dtype: DType) -> (i32, i32) {
        let (a, b) = (self.value(dtype), self.value(dtype));
        match self.below(4) {
            0 => (a.min(b), a.max(b)),
            1 => (a, a),
            _ => (dtype.min(), dtype.max()),
        }
    }

    fn multiplier(&mut self) -> u16 {
        let any = u16::from_le_bytes([self.byte(), self.byte()]);
        self.of(&[any, any | 0x4000, 1, 0, u16::MAX])
    }

    fn shift(&mut self) -> u8 {
        self.of(&[14, 0, 1, 2, 7, 16, 20, 24, 30, 47, 62])
    }

    fn scale(&mut self, channel: bool) -> Scale {
        match channel {
            true => Scale::Channel,
            false => Scale::Tensor {
                m: self.multiplier(),
                s: self.shift(),
            },
        }
    }

    fn requant(&mut self) -> Requant {
        let out = self.of(&[DType::I8, DType::I16]);
        let (lo, hi) = self.range(out);
        Requant {
            m: self.multiplier(),
            s: self.shift(),
            z: self.value(out),
            lo,
            hi,
            out,
        }
    }

    fn window(&mut self) -> Window {
        let small = |choices: &mut Self, from: u8| from + choices.of(&[0u8, 0, 0, 1, 2]);
        Window {
            stride: core::array::from_fn(|_| small(self, 1)),
            dilation: core::array::from_fn(|_| small(self, 1)),
            pad: core::array::from_fn(|_| small(self, 0)),
        }
    }

    /// A table of powers with its first entry as it has to be: one that falls, or
    /// any.
    fn powers(&mut self) -> Box<[u16; 256]> {
        let (rate, any) = (1 + self.below(40), self.one_in(3));
        let mut seed = self.word();
        let mut table = Box::new([0; 256]);
        for (i, entry) in table.iter_mut().enumerate() {
            *entry = match (i, any) {
                (0, _) => 32_768,
                (_, true) => (splitmix(&mut seed) % 32_769) as u16,
                (_, false) => (32_768u32 >> (i / rate).min(31)) as u16,
            };
        }
        table
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Kinds of data that find mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All zero.
    Zeros,
    /// All of the type's smallest value.
    Smallest,
    /// All of the type's largest value.
    Largest,
    /// The type's smallest and largest value, mixed.
    Extremes,
    /// Two neighbouring values, mixed: rows full of equal elements.
    Ties,
    /// −4 to 4.
    Small,
    /// Any value.
    Uniform,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 7] = [
        Kind::Zeros,
        Kind::Smallest,
        Kind::Largest,
        Kind::Extremes,
        Kind::Ties,
        Kind::Small,
        Kind::Uniform,
    ];

    /// Bytes of this many elements.
    pub fn bytes(self, dtype: DType, elements: u64, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let first = splitmix(&mut state) as i8;
        let first = i32::from(first.min(i8::MAX - 1));
        let mut bytes = Vec::new();
        for _ in 0..elements {
            let word = splitmix(&mut state);
            let value = match self {
                Kind::Zeros => 0,
                Kind::Smallest => dtype.min(),
                Kind::Largest => dtype.max(),
                Kind::Extremes if word & 1 == 0 => dtype.min(),
                Kind::Extremes => dtype.max(),
                Kind::Ties => first + (word & 1) as i32,
                Kind::Small => (word % 9) as i32 - 4,
                Kind::Uniform => word as i32,
            };
            arith::push(dtype, value, &mut bytes);
        }
        bytes
    }
}

/// Bytes of elements of a random kind.
pub fn random_bytes(seed: u64, dtype: DType, elements: u64) -> Vec<u8> {
    let mut state = seed;
    // Data with structure finds some mistakes, data without finds most.
    let kind = match splitmix(&mut state) % 10 {
        k @ 0..7 => Kind::ALL[k as usize],
        _ => Kind::Uniform,
    };
    kind.bytes(dtype, elements, splitmix(&mut state))
}

/// Rows of a `params` constant with scales that lead somewhere, as an importer
/// writes them: `m` from 2^14 to 2^15, and garbage in the bits that mean nothing.
pub fn random_params(seed: u64, rows: u64) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    for _ in 0..rows {
        let word = splitmix(&mut state);
        let (bias, m) = ((word >> 48) as i16, (word as u16 & 0x3FFF) | 0x4000);
        let scale = arith::pack_scale(m, 14 + (word >> 16) as u8 % 12);
        let garbage = ((word >> 32) as u32 & 0xFFC0_0000) as i32;
        bytes.extend_from_slice(&i32::from(bias).to_le_bytes());
        bytes.extend_from_slice(&(scale | garbage).to_le_bytes());
    }
    bytes
}

/// A valid program of up to 6 small nodes.
pub fn random_program(seed: u64) -> Program {
    program(&mut Choices::seeded(seed), &Limits::default(), None)
}

/// A valid program with one node of this operator, an index of [`OPERATORS`], at
/// least, and inputs, constants and nodes that feed it.
pub fn random_program_with(operator: usize, seed: u64) -> Program {
    let mut choices = Choices::seeded(seed);
    program(&mut choices, &Limits::default(), Some(operator))
}

/// A valid program within limits, with a node of the operator `first` if one is
/// asked for.
pub fn program(choices: &mut Choices<'_>, limits: &Limits, first: Option<usize>) -> Program {
    let max_batch = 1 + choices.below(limits.max_batch.clamp(1, 65_536) as usize) as u32;
    let wanted = 1 + choices.below(limits.nodes.max(1));
    let mut draft = Draft {
        choices,
        limits: *limits,
        program: Program {
            version: 1,
            max_batch,
            inputs: vec![],
            constants: vec![],
            nodes: vec![],
            outputs: vec![],
        },
        types: vec![],
    };
    if let Some(operator) = first {
        // Unlucky attributes are drawn again; with no choices left, the smallest ones
        // are taken, and these are valid for every operator.
        for _ in 0..200 {
            if draft.extend(operator % OPERATORS.len()) {
                break;
            }
        }
    }
    for _ in 0..50 {
        if draft.program.nodes.len() >= wanted {
            break;
        }
        let operator = draft.choices.below(OPERATORS.len());
        draft.extend(operator);
    }
    if draft.program.nodes.is_empty() {
        draft.extend(7);
    }
    draft.sorted()
}

/// A valid program with data.
#[derive(Clone, Debug)]
pub struct Job {
    /// The program.
    pub program: Validated,
    /// The batch.
    pub batch: u32,
    /// All inputs joined.
    pub input: Vec<u8>,
    /// The constants named by root.
    pub constants: Vec<Vec<u8>>,
}

impl Job {
    /// A random job of a [`random_program`].
    pub fn random(seed: u64) -> Job {
        Job::draw(&mut Choices::seeded(seed), &Limits::default(), None)
    }

    /// A random job of a program within limits, with a node of the operator `first`
    /// if one is asked for.
    pub fn draw(choices: &mut Choices<'_>, limits: &Limits, first: Option<usize>) -> Job {
        let drawn = program(choices, limits, first);
        Job::with_data(drawn, choices)
    }

    /// Random data for a program.
    ///
    /// # Panics
    ///
    /// If the program is not valid.
    pub fn with_data(program: Program, choices: &mut Choices<'_>) -> Job {
        let program = validate(&program)
            .unwrap_or_else(|invalid| panic!("{invalid}: drawn programs are valid"));
        let batch = 1 + choices.below(program.max_batch().min(65_536) as usize) as u32;
        let mut input = Vec::new();
        for ty in &program.program().inputs {
            let elements = ty.shape.elements().unwrap() * u64::from(batch);
            input.extend(random_bytes(choices.word(), ty.dtype, elements));
        }
        let mut constants = Vec::new();
        for constant in &program.program().constants {
            if let Constant::Root { ty } = constant {
                constants.push(constant_bytes(ty, choices));
            }
        }
        Job {
            program,
            batch,
            input,
            constants,
        }
    }

    /// The constants named by root, as [`interpret`](crate::interpret()) takes them.
    pub fn weights(&self) -> Vec<&[u8]> {
        self.constants.iter().map(Vec::as_slice).collect()
    }
}

/// Bytes for a constant. Any would do; half of what may be a `params` gets scales
/// that do not turn everything into zeros.
fn constant_bytes(ty: &TensorType, choices: &mut Choices<'_>) -> Vec<u8> {
    let elements = ty.shape.elements().unwrap();
    let pairs = ty.dtype == DType::I32 && ty.shape.last() == Some(2);
    match pairs && !choices.one_in(2) {
        true => random_params(choices.word(), elements / 2),
        false => random_bytes(choices.word(), ty.dtype, elements),
    }
}

/// A program under construction, its inputs in any order.
struct Draft<'c, 'b> {
    choices: &'c mut Choices<'b>,
    limits: Limits,
    program: Program,
    types: Vec<TensorType>,
}

/// An operand with its type.
type Given = (Operand, TensorType);

const BYTE: [DType; 1] = [DType::I8];
const NARROW: [DType; 2] = [DType::I8, DType::I16];
const ANY: [DType; 3] = [DType::I8, DType::I16, DType::I32];

fn given((operand, _): &Given) -> Vec<Operand> {
    vec![*operand]
}

impl Draft<'_, '_> {
    /// Adds a node of an operator, with whatever it needs. False, and nothing
    /// changed, if what was drawn is not valid or too large.
    fn extend(&mut self, operator: usize) -> bool {
        let kept = (
            self.program.inputs.len(),
            self.program.constants.len(),
            self.program.nodes.len(),
        );
        if let Some((op, operands)) = self.node(operator) {
            if self.push(op, operands) {
                return true;
            }
        }
        self.program.inputs.truncate(kept.0);
        self.program.constants.truncate(kept.1);
        self.program.nodes.truncate(kept.2);
        self.types.truncate(kept.2);
        false
    }

    fn push(&mut self, op: Op, operands: Vec<Operand>) -> bool {
        self.program.nodes.push(Node { op, operands });
        let Ok(valid) = validate(&self.sorted()) else {
            return false;
        };
        let node = self.program.nodes.len() - 1;
        let ty = valid.node_type(node).unwrap().clone();
        let cost = valid.cost(1).unwrap();
        let bound = self.limits.steps * self.program.nodes.len() as u64;
        if ty.shape.elements().unwrap() > self.limits.elements || cost.macs + cost.ops > bound {
            return false;
        }
        self.types.push(ty);
        true
    }

    /// The program with its inputs from the widest type to the narrowest, and what
    /// nobody reads as its outputs.
    fn sorted(&self) -> Program {
        let mut program = self.program.clone();
        let mut order: Vec<usize> = (0..program.inputs.len()).collect();
        order.sort_by_key(|i| core::cmp::Reverse(program.inputs[*i].dtype.width()));
        program.inputs = order
            .iter()
            .map(|i| self.program.inputs[*i].clone())
            .collect();
        let mut read = vec![false; program.nodes.len()];
        for operand in program.nodes.iter_mut().flat_map(|n| &mut n.operands) {
            match operand {
                Operand::Input(i) => {
                    let at = order.iter().position(|old| *old == usize::from(*i));
                    *i = at.unwrap() as u16;
                }
                Operand::Node(i) => read[usize::from(*i)] = true,
                Operand::Const(_) => {}
            }
        }
        program.outputs = (0..program.nodes.len() as u16)
            .filter(|i| !read[usize::from(*i)])
            .collect();
        program
    }

    fn input(&mut self, dtype: DType, axes: &[u32]) -> Given {
        let ty = TensorType {
            dtype,
            shape: Shape(axes.to_vec()),
        };
        let operand = Operand::Input(self.program.inputs.len() as u16);
        self.program.inputs.push(ty.clone());
        (operand, ty)
    }

    fn constant(&mut self, dtype: DType, axes: &[u32]) -> Operand {
        let ty = TensorType {
            dtype,
            shape: Shape(axes.to_vec()),
        };
        let operand = Operand::Const(self.program.constants.len() as u16);
        let inline = self.choices.one_in(3) && ty.bytes().is_some_and(|bytes| bytes <= 2_000);
        self.program.constants.push(match inline {
            true => Constant::Inline {
                bytes: constant_bytes(&ty, self.choices),
                ty,
            },
            false => Constant::Root { ty },
        });
        operand
    }

    /// An activation that fits: one that is there, the newest most often, or a new
    /// input.
    fn activation(
        &mut self,
        fits: impl Fn(&TensorType) -> bool,
        fresh: impl FnOnce(&mut Choices<'_>) -> TensorType,
    ) -> Given {
        let nodes = self.types.iter().enumerate().rev();
        let inputs = self.program.inputs.iter().enumerate().rev();
        let found: Vec<Given> = nodes
            .map(|(i, ty)| (Operand::Node(i as u16), ty.clone()))
            .chain(inputs.map(|(i, ty)| (Operand::Input(i as u16), ty.clone())))
            .filter(|(_, ty)| fits(ty))
            .collect();
        let full = self.program.inputs.len() == MAX_INPUTS;
        if !found.is_empty() && (full || !self.choices.one_in(4)) {
            return match self.choices.one_in(3) {
                false => found[0].clone(),
                true => found[self.choices.below(found.len())].clone(),
            };
        }
        let ty = fresh(self.choices);
        self.input(ty.dtype, &ty.shape.0)
    }

    /// An activation of one of these types with at least `rank` axes.
    fn ranked(&mut self, dtypes: &[DType], rank: usize) -> Given {
        let most = self.limits.elements;
        self.activation(
            |ty| dtypes.contains(&ty.dtype) && ty.shape.0.len() >= rank,
            |choices| {
                let dtype = choices.of(dtypes);
                let more = choices.of(&[0, 1, 1, 2, 3]);
                let axes = (rank + more).min(5);
                let mut shape: Vec<u32> = (0..axes).map(|_| choices.axis()).collect();
                // Long rows, of more than one chunk.
                if choices.one_in(6) && axes > 0 {
                    shape = vec![1; axes];
                    shape[axes - 1] = 1 + choices.below(most.clamp(1, 65_536) as usize) as u32;
                }
                while shape.iter().map(|axis| u64::from(*axis)).product::<u64>() > most {
                    for axis in &mut shape {
                        *axis = axis.div_ceil(2);
                    }
                }
                TensorType {
                    dtype,
                    shape: Shape(shape),
                }
            },
        )
    }

    /// A shape that broadcasts with `axes`.
    fn beside(&mut self, axes: &[u32], constant: bool) -> Vec<u32> {
        let mut shape = axes.to_vec();
        for axis in &mut shape {
            match self.choices.below(6) {
                0 => *axis = 1,
                1 if *axis == 1 => *axis = self.choices.axis(),
                _ => {}
            }
        }
        if constant && self.choices.one_in(3) {
            let kept = self.choices.below(shape.len() + 1);
            shape.drain(..kept);
        }
        shape
    }

    /// An operand that broadcasts with `axes`: an activation or a constant.
    fn partner(&mut self, dtypes: &[DType], axes: &[u32]) -> Given {
        if self.choices.one_in(3) {
            let dtype = self.choices.of(dtypes);
            let shape = self.beside(axes, true);
            let operand = self.constant(dtype, &shape);
            let shape = Shape(shape);
            return (operand, TensorType { dtype, shape });
        }
        let fresh = self.beside(axes, false);
        let fits = |ty: &TensorType| {
            let same = ty.shape.0.len() == axes.len();
            let pairs = ty.shape.0.iter().zip(axes);
            let each = |(a, b): (&u32, &u32)| a == b || *a == 1 || *b == 1;
            dtypes.contains(&ty.dtype) && same && pairs.into_iter().all(each)
        };
        self.activation(fits, |choices| TensorType {
            dtype: choices.of(dtypes),
            shape: Shape(fresh),
        })
    }

    /// The epilogue of a linear operator, and its table's type if it has one.
    fn epilogue(&mut self, wide: bool, params: bool) -> (Epilogue, Option<DType>) {
        if !wide && self.choices.one_in(4) {
            return (Epilogue::Raw, None);
        }
        let out = self.choices.of(&NARROW);
        let lut = out == DType::I8 && self.choices.one_in(3);
        let table = lut.then(|| self.choices.dtype());
        let channel = params && self.choices.one_in(2);
        let (lo, hi) = self.choices.range(out);
        let epilogue = Epilogue::Requant {
            scale: self.choices.scale(channel),
            z: self.choices.value(out),
            lo,
            hi,
            out,
            lut,
        };
        (epilogue, table)
    }

    /// What follows the factors of a linear operator with a constant right side.
    fn channels(
        &mut self,
        wide: bool,
        n: u32,
        operands: &mut Vec<Operand>,
    ) -> (ZeroPoint, bool, Epilogue) {
        let zb = match self.choices.one_in(2) {
            false => ZeroPoint::Tensor(self.choices.value(DType::I8) as i8),
            true => {
                operands.push(self.constant(DType::I8, &[n]));
                ZeroPoint::Channel
            }
        };
        let params = self.choices.one_in(2);
        if params {
            operands.push(self.constant(DType::I32, &[n, 2]));
        }
        let (epilogue, table) = self.epilogue(wide, params);
        if let Some(dtype) = table {
            operands.push(self.constant(dtype, &[256]));
        }
        (zb, params, epilogue)
    }

    fn za(&mut self, wide: bool) -> i8 {
        match wide {
            true => 0,
            false => self.choices.value(DType::I8) as i8,
        }
    }

    /// A node of an operator that is likely to be valid. `None` if nothing fits.
    fn node(&mut self, operator: usize) -> Option<(Op, Vec<Operand>)> {
        Some(match OPERATORS[operator] {
            "MatMul" => {
                let x = self.ranked(&NARROW, 1);
                let wide = x.1.dtype == DType::I16;
                let n = self.choices.axis();
                let mut operands = given(&x);
                operands.push(self.constant(DType::I8, &[n, x.1.shape.last()?]));
                let (zb, params, epilogue) = self.channels(wide, n, &mut operands);
                let za = self.za(wide);
                let op = MatMul {
                    za,
                    zb,
                    params,
                    epilogue,
                };
                (Op::MatMul(op), operands)
            }
            "BatchMatMul" => return self.batch_matmul(),
            "Conv2d" => return self.conv2d(),
            "AddBias" => {
                let x = self.ranked(&[DType::I32], 1);
                let bias = self.constant(DType::I32, &[x.1.shape.last()?]);
                (Op::AddBias(AddBias), vec![x.0, bias])
            }
            "Requantize" => {
                let x = self.ranked(&ANY, 0);
                let mut operands = given(&x);
                let channel = x.1.shape.last().filter(|_| self.choices.one_in(2));
                if let Some(n) = channel {
                    operands.push(self.constant(DType::I32, &[n, 2]));
                }
                let out = self.choices.dtype();
                let (lo, hi) = self.choices.range(out);
                let op = Requantize {
                    zx: self.choices.value(x.1.dtype),
                    scale: self.choices.scale(channel.is_some()),
                    z: self.choices.value(out),
                    lo,
                    hi,
                    out,
                };
                (Op::Requantize(op), operands)
            }
            "Add" => {
                let a = self.ranked(&ANY, 0);
                let mut pair = [self.partner(&ANY, &a.1.shape.0), a];
                if self.choices.one_in(2) {
                    pair.reverse();
                }
                let zero = |choices: &mut Choices<'_>, dtype| match dtype {
                    DType::I32 => 0,
                    narrow => choices.value(narrow),
                };
                let factor = |choices: &mut Choices<'_>| {
                    let any = i32::from(choices.value(DType::I16) as i16);
                    choices.of(&[1, -1, any, any << 8, 1 << 30, -(1 << 30)])
                };
                let out = self.choices.dtype();
                let (lo, hi) = self.choices.range(out);
                let op = Add {
                    za: zero(self.choices, pair[0].1.dtype),
                    zb: zero(self.choices, pair[1].1.dtype),
                    ma: factor(self.choices),
                    mb: factor(self.choices),
                    s: self.choices.shift(),
                    z: self.choices.value(out),
                    lo,
                    hi,
                    out,
                };
                (Op::Add(op), vec![pair[0].0, pair[1].0])
            }
            "Mul" => {
                let a = self.ranked(&NARROW, 0);
                let mut pair = [self.partner(&NARROW, &a.1.shape.0), a];
                if self.choices.one_in(2) {
                    pair.reverse();
                }
                let op = Mul {
                    za: self.choices.value(pair[0].1.dtype),
                    zb: self.choices.value(pair[1].1.dtype),
                    requant: self.choices.requant(),
                };
                (Op::Mul(op), vec![pair[0].0, pair[1].0])
            }
            "Clamp" => {
                let x = self.ranked(&ANY, 0);
                let (lo, hi) = self.choices.range(x.1.dtype);
                (Op::Clamp(Clamp { lo, hi }), given(&x))
            }
            "Abs" => {
                let x = self.ranked(&ANY, 0);
                (Op::Abs(Abs), given(&x))
            }
            "Select" => {
                let a = self.ranked(&ANY, 0);
                let b = self.partner(&[a.1.dtype], &a.1.shape.0);
                let c = self.partner(&BYTE, &a.1.shape.0);
                let pair = match self.choices.one_in(2) {
                    true => [a.0, b.0],
                    false => [b.0, a.0],
                };
                (Op::Select(Select), vec![c.0, pair[0], pair[1]])
            }
            "Lut8" => {
                let x = self.ranked(&BYTE, 0);
                let dtype = self.choices.dtype();
                let table = self.constant(dtype, &[256]);
                (Op::Lut8(Lut8), vec![x.0, table])
            }
            "Lut16" => {
                let x = self.ranked(&[DType::I16], 0);
                let table = self.constant(DType::I16, &[513]);
                (Op::Lut16(Lut16), vec![x.0, table])
            }
            "RowSum" => {
                let x = self.ranked(&NARROW, 1);
                let zx = self.choices.value(x.1.dtype);
                (Op::RowSum(RowSum { zx }), given(&x))
            }
            "RowMax" => {
                let x = self.ranked(&NARROW, 1);
                (Op::RowMax(RowMax), given(&x))
            }
            "RowMean" => {
                let x = self.ranked(&NARROW, 1);
                let mut operands = given(&x);
                let mask = self.mask(x.1.shape.last()?, &mut operands);
                let op = RowMean {
                    zx: self.choices.value(x.1.dtype),
                    mask,
                    requant: self.choices.requant(),
                };
                (Op::RowMean(op), operands)
            }
            "Softmax" => {
                let x = self.ranked(&NARROW, 1);
                let mut operands = given(&x);
                let mask = self.mask(x.1.shape.last()?, &mut operands);
                let rows = x.1.shape.0.iter().rev().nth(1);
                let fits = rows.is_some_and(|rows| Some(*rows) <= x.1.shape.last());
                let coarse = (x.1.dtype == DType::I16).then(|| self.choices.powers());
                let op = Softmax {
                    mask,
                    causal: fits && self.choices.one_in(2),
                    fine: self.choices.powers(),
                    coarse,
                    requant: self.choices.requant(),
                };
                (Op::Softmax(op), operands)
            }
            "LayerNorm" => {
                let x = self.ranked(&NARROW, 1);
                let mut operands = given(&x);
                let params = self.norm_params(x.1.shape.last()?, &mut operands);
                let op = LayerNorm {
                    params,
                    e: self.epsilon(),
                    requant: self.choices.requant(),
                };
                (Op::LayerNorm(op), operands)
            }
            "RmsNorm" => {
                let x = self.ranked(&NARROW, 1);
                let mut operands = given(&x);
                let params = self.norm_params(x.1.shape.last()?, &mut operands);
                let op = RmsNorm {
                    zx: self.choices.value(x.1.dtype),
                    params,
                    e: self.epsilon(),
                    requant: self.choices.requant(),
                };
                (Op::RmsNorm(op), operands)
            }
            "ArgMax" => {
                let x = self.ranked(&ANY, 1);
                (Op::ArgMax(ArgMax), given(&x))
            }
            "TopK" => {
                let x = self.ranked(&ANY, 1);
                let most = x.1.shape.last()?.min(64);
                let k = 1 + self.choices.below(most as usize) as u8;
                (Op::TopK(TopK { k }), given(&x))
            }
            "Reshape" => return self.reshape(),
            "Transpose" => {
                let x = self.ranked(&ANY, 0);
                let mut rest: Vec<u8> = (0..x.1.shape.0.len() as u8).collect();
                let mut perm = vec![];
                while !rest.is_empty() {
                    perm.push(rest.remove(self.choices.below(rest.len())));
                }
                (Op::Transpose(Transpose { perm }), given(&x))
            }
            "Slice" => {
                let x = self.ranked(&ANY, 1);
                let axis = self.choices.below(x.1.shape.0.len());
                let length = x.1.shape.0[axis];
                let start = self.choices.below(length.min(65_536) as usize) as u32;
                let step = 1 + self.choices.below(3) as u32;
                let most = (length - 1 - start) / step + 1;
                let op = Slice {
                    axis: axis as u8,
                    start,
                    len: 1 + self.choices.below(most.min(65_536) as usize) as u32,
                    step,
                };
                (Op::Slice(op), given(&x))
            }
            "Concat" => return self.concat(),
            "Pad" => {
                let x = self.ranked(&ANY, 0);
                let some = |choices: &mut Choices<'_>| choices.of(&[0, 0, 1, 3]);
                let axes = x.1.shape.0.len();
                let op = Pad {
                    before: (0..axes).map(|_| some(self.choices)).collect(),
                    after: (0..axes).map(|_| some(self.choices)).collect(),
                    value: self.choices.value(x.1.dtype),
                };
                (Op::Pad(op), given(&x))
            }
            "Gather" => {
                let idx = self.ranked(&ANY, 0);
                let mut axes = vec![self.choices.axis() * self.choices.axis()];
                let more = self.choices.below(3.min(6 - idx.1.shape.0.len()));
                axes.extend((0..more).map(|_| self.choices.axis()));
                let dtype = self.choices.of(&NARROW);
                let table = self.constant(dtype, &axes);
                (Op::Gather(Gather), vec![table, idx.0])
            }
            "Rope" => return self.rope(),
            "MaxPool2d" => {
                let x = self.image(&NARROW);
                let op = MaxPool2d {
                    kernel: self.kernel(),
                    window: self.choices.window(),
                };
                (Op::MaxPool2d(op), given(&x))
            }
            _ => {
                let x = self.image(&NARROW);
                let op = AvgPool2d {
                    kernel: self.kernel(),
                    window: self.choices.window(),
                    count_pad: self.choices.one_in(2),
                    zx: self.choices.value(x.1.dtype),
                    requant: self.choices.requant(),
                };
                (Op::AvgPool2d(op), given(&x))
            }
        })
    }

    fn mask(&mut self, n: u32, operands: &mut Vec<Operand>) -> bool {
        let mask = self.choices.one_in(2);
        if mask {
            let ty = TensorType {
                dtype: DType::I8,
                shape: Shape::from([n]),
            };
            let found = self.activation(|found| *found == ty, |_| ty.clone());
            operands.push(found.0);
        }
        mask
    }

    fn norm_params(&mut self, n: u32, operands: &mut Vec<Operand>) -> bool {
        let params = self.choices.one_in(2);
        if params {
            operands.push(self.constant(DType::I32, &[n, 2]));
        }
        params
    }

    fn epsilon(&mut self) -> u64 {
        let any = 1 + self.choices.word() % (1 << 40);
        self.choices.of(&[1, 1 << 58, any, 1 << 20])
    }

    fn image(&mut self, dtypes: &[DType]) -> Given {
        self.activation(
            |ty| dtypes.contains(&ty.dtype) && ty.shape.0.len() == 3,
            |choices| TensorType {
                dtype: choices.of(dtypes),
                shape: Shape(vec![
                    1 + choices.below(9) as u32,
                    1 + choices.below(9) as u32,
                    choices.axis(),
                ]),
            },
        )
    }

    fn kernel(&mut self) -> [u16; 2] {
        core::array::from_fn(|_| 1 + self.choices.below(4) as u16)
    }

    fn batch_matmul(&mut self) -> Option<(Op, Vec<Operand>)> {
        let a = self.ranked(&NARROW, 2);
        let axes = &a.1.shape.0;
        let (heads, inner) = axes.split_at(axes.len() - 2);
        let k = inner[1];
        let fits = |ty: &TensorType| {
            let Some((theirs, [_, last])) = ty.shape.0.split_last_chunk::<2>() else {
                return false;
            };
            let same = match (heads, theirs) {
                ([], []) => true,
                ([ours, a @ ..], [theirs, b @ ..]) => a == b && ours.is_multiple_of(*theirs),
                _ => false,
            };
            ty.dtype == DType::I8 && same && *last == k
        };
        let b = self.activation(fits, |choices| {
            let mut shape = heads.to_vec();
            if let Some(first) = shape.first_mut() {
                let divisors: Vec<u32> =
                    (1..=*first).filter(|d| first.is_multiple_of(*d)).collect();
                *first = choices.of(&divisors);
            }
            shape.extend([choices.axis(), k]);
            TensorType {
                dtype: DType::I8,
                shape: Shape(shape),
            }
        });
        let wide = a.1.dtype == DType::I16;
        let (epilogue, table) = self.epilogue(wide, false);
        let mut operands = vec![a.0, b.0];
        if let Some(dtype) = table {
            operands.push(self.constant(dtype, &[256]));
        }
        let op = BatchMatMul {
            za: self.za(wide),
            zb: self.choices.value(DType::I8) as i8,
            epilogue,
        };
        Some((Op::BatchMatMul(op), operands))
    }

    fn conv2d(&mut self) -> Option<(Op, Vec<Operand>)> {
        let x = self.image(&BYTE);
        let c = x.1.shape.last()?;
        let divisors: Vec<u32> = (1..=c).filter(|d| c.is_multiple_of(*d)).collect();
        let groups = match self.choices.below(3) {
            0 => 1,
            1 => c,
            _ => self.choices.of(&divisors),
        };
        let o = groups * (1 + self.choices.below(4) as u32);
        let [kh, kw] = self.kernel();
        let mut operands = given(&x);
        let axes = [o, u32::from(kh), u32::from(kw), c / groups];
        operands.push(self.constant(DType::I8, &axes));
        let (zb, params, epilogue) = self.channels(false, o, &mut operands);
        let op = Conv2d {
            window: self.choices.window(),
            groups,
            za: self.za(false),
            zb,
            params,
            epilogue,
        };
        Some((Op::Conv2d(op), operands))
    }

    fn reshape(&mut self) -> Option<(Op, Vec<Operand>)> {
        if self.types.is_empty() && !self.extend(7) {
            return None;
        }
        let node = self.types.len() - 1 - self.choices.below(self.types.len());
        let elements = self.types[node].shape.elements()? as u32;
        let divisors: Vec<u32> = (1..=elements.min(50))
            .filter(|d| elements.is_multiple_of(*d))
            .collect();
        let first = self.choices.of(&divisors);
        let axes = match self.choices.below(4) {
            0 => vec![elements],
            1 => vec![first, elements / first],
            2 => vec![first, 1, elements / first],
            _ => vec![elements / first, first],
        };
        let op = Reshape { shape: Shape(axes) };
        Some((Op::Reshape(op), vec![Operand::Node(node as u16)]))
    }

    fn concat(&mut self) -> Option<(Op, Vec<Operand>)> {
        let x = self.ranked(&ANY, 1);
        let axis = self.choices.below(x.1.shape.0.len());
        let joins = |ty: &TensorType| {
            let mut axes = ty.shape.0.clone();
            if let Some(length) = axes.get_mut(axis) {
                *length = x.1.shape.0[axis];
            }
            ty.dtype == x.1.dtype && axes == x.1.shape.0
        };
        let mut operands = given(&x);
        for _ in 0..1 + self.choices.of(&[0, 0, 1, 2]) {
            let mut other = x.1.clone();
            other.shape.0[axis] = self.choices.axis();
            operands.push(match self.choices.one_in(3) {
                true => self.constant(other.dtype, &other.shape.0),
                false => self.activation(joins, |_| other).0,
            });
        }
        let first = self.choices.below(operands.len());
        operands.swap(0, first);
        Some((Op::Concat(Concat { axis: axis as u8 }), operands))
    }

    fn rope(&mut self) -> Option<(Op, Vec<Operand>)> {
        let fits = |ty: &TensorType| {
            let even = ty.shape.last().is_some_and(|d| d.is_multiple_of(2));
            NARROW.contains(&ty.dtype) && ty.shape.0.len() >= 2 && even
        };
        let x = self.activation(fits, |choices| {
            let mut axes = vec![choices.axis(), choices.axis(), 2 * choices.axis()];
            if choices.one_in(2) {
                axes.remove(0);
            }
            TensorType {
                dtype: choices.of(&NARROW),
                shape: Shape(axes),
            }
        });
        let [s, d] = *x.1.shape.0.last_chunk::<2>()?;
        let offset = self.choices.below(5) as u32;
        let positions = s + offset + self.choices.below(3) as u32;
        let tab = self.constant(DType::I16, &[positions, d / 2, 2]);
        let op = Rope {
            pairs: self.choices.of(&[Pairs::Halves, Pairs::Neighbours]),
            offset,
            zx: self.choices.value(x.1.dtype),
            requant: self.choices.requant(),
        };
        Some((Op::Rope(op), vec![x.0, tab]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_can_be_drawn_from_any_choices() {
        for (operator, name) in OPERATORS.iter().enumerate() {
            let has = |program: &Program| program.nodes.iter().any(|n| n.op.name() == *name);
            for seed in 0..50 {
                assert!(has(&random_program_with(operator, seed)), "{name} {seed}");
            }
            let mut none = Choices::from_bytes(&[]);
            let smallest = program(&mut none, &Limits::default(), Some(operator));
            assert!(has(&smallest), "{name}");
            assert!(smallest.nodes.len() <= 2, "{name}");
        }
    }

    #[test]
    fn a_seed_gives_one_program_and_one_job() {
        for seed in 0..50 {
            assert_eq!(random_program(seed), random_program(seed));
            let (one, two) = (Job::random(seed), Job::random(seed));
            assert_eq!(one.input, two.input);
            assert_eq!(one.constants, two.constants);
        }
        assert_ne!(random_program(1), random_program(2));
    }

    #[test]
    fn programs_stay_within_their_limits() {
        let limits = Limits {
            nodes: 3,
            elements: 500,
            steps: 5_000,
            max_batch: 2,
        };
        for seed in 0..200 {
            let program = program(&mut Choices::seeded(seed), &limits, None);
            let valid = validate(&program).unwrap();
            assert!(valid.max_batch() <= 2);
            for node in 0..valid.node_count() {
                let elements = valid.node_type(node).unwrap().shape.elements();
                assert!(elements.unwrap() <= 500);
            }
            let cost = valid.cost(1).unwrap();
            assert!(cost.macs + cost.ops <= 4 * 5_000);
        }
    }
}
