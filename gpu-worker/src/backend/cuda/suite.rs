//! Small jobs that between them reach every kernel and every border: what the tests run on the CPU
//! and `gpu-worker selftest` on devices.

use athanor_tensor_program::{
    ops::{
        Abs, Add, AddBias, ArgMax, AvgPool2d, BatchMatMul, Clamp, Concat, Conv2d, Epilogue, Gather,
        LayerNorm, Lut16, Lut8, MatMul, MaxPool2d, Mul, Pad, Pairs, Requant, Requantize, Reshape,
        RmsNorm, Rope, RowMax, RowMean, RowSum, Scale, Select, Slice, Softmax, TopK, Transpose,
        Window, ZeroPoint,
    },
    testing, validate, Constant, DType, Invalid, Node, Op, Operand, Program, Shape, TensorType,
    Validated,
};

/// A program with everything it needs to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The operator it tries.
    pub name: &'static str,
    /// The program.
    pub program: Validated,
    /// Samples.
    pub batch: u32,
    /// All inputs joined.
    pub input: Vec<u8>,
    /// The root constants.
    pub weights: Vec<Vec<u8>>,
}

/// Numbers that only depend on the seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.number() % n.max(1)
    }

    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).unsigned_abs()) as i64
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A value of `dtype`, an extreme one often.
    fn value(&mut self, dtype: DType) -> i32 {
        match self.below(6) {
            0 => dtype.min(),
            1 => dtype.max(),
            2 => 0,
            _ => self.between(dtype.min().into(), dtype.max().into()) as i32,
        }
    }

    /// Noise, extremes only, few different values, or one value.
    fn bytes(&mut self, len: usize, width: usize) -> Vec<u8> {
        let mode = self.below(6);
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let noise = self.number();
            let element: i32 = match mode {
                0 => [
                    i32::MIN,
                    i32::MAX,
                    0x7F7F_7F7F,
                    i32::from_le_bytes([0x80; 4]),
                ][noise as usize % 4],
                1 => (noise % 3) as i32 - 1,
                2 => 0,
                _ => noise as i32,
            };
            bytes.extend_from_slice(&element.to_le_bytes()[4 - width.min(4)..]);
        }
        bytes.truncate(len);
        bytes
    }
}

/// Builds one job.
struct Builder<'a> {
    random: &'a mut Random,
    program: Program,
    /// Bytes for the constants, where noise would not do.
    fixed: Vec<Option<Vec<u8>>>,
}

const NARROW: [DType; 2] = [DType::I8, DType::I16];
const ANY: [DType; 3] = [DType::I8, DType::I16, DType::I32];

impl Builder<'_> {
    fn input(&mut self, dtype: DType, axes: &[u32]) -> Operand {
        self.program.inputs.push(TensorType {
            dtype,
            shape: Shape(axes.to_vec()),
        });
        Operand::Input(self.program.inputs.len() as u16 - 1)
    }

    fn constant(&mut self, dtype: DType, axes: &[u32]) -> Operand {
        self.constant_of(dtype, axes, None)
    }

    fn constant_of(&mut self, dtype: DType, axes: &[u32], bytes: Option<Vec<u8>>) -> Operand {
        let ty = TensorType {
            dtype,
            shape: Shape(axes.to_vec()),
        };
        let len = ty.bytes().unwrap_or_default() as usize;
        let constant = if len <= 256 && self.random.chance(3) {
            let bytes = match bytes {
                Some(bytes) => bytes,
                None => self.random.bytes(len, dtype.width() as usize),
            };
            Constant::Inline { ty, bytes }
        } else {
            self.fixed.push(bytes);
            Constant::Root { ty }
        };
        self.program.constants.push(constant);
        Operand::Const(self.program.constants.len() as u16 - 1)
    }

    /// Bias and packed scale per channel: mostly as an importer writes them, at times noise.
    fn params(&mut self, channels: u32) -> Operand {
        let bytes = (!self.random.chance(4)).then(|| {
            (0..channels)
                .flat_map(|_| {
                    let bias = self.random.between(-20_000, 20_000) as i32;
                    let m = self.random.between(1 << 14, (1 << 15) - 1) as i32;
                    let s = self.random.between(14, 26) as i32;
                    [bias, m | s << 16]
                })
                .flat_map(i32::to_le_bytes)
                .collect()
        });
        self.constant_of(DType::I32, &[channels, 2], bytes)
    }

    fn node(&mut self, op: Op, operands: Vec<Operand>) -> Operand {
        self.program.nodes.push(Node { op, operands });
        Operand::Node(self.program.nodes.len() as u16 - 1)
    }

    /// A requantisation to `out`; `bits` is about the size of its argument.
    fn requant(&mut self, out: DType, bits: i64) -> Requant {
        let (m, s) = match self.random.below(8) {
            0 => (u16::MAX, self.random.pick(&[0, 1, 62])),
            1 => (0, 7),
            2 => (1, 0),
            _ => {
                let width = out.width() as i64 * 8;
                let s = (bits - width + 15 + self.random.between(-2, 2)).clamp(0, 62);
                (self.random.between(1 << 14, (1 << 15) - 1) as u16, s as u8)
            }
        };
        let (lo, hi) = self.bounds(out);
        Requant {
            m,
            s,
            z: self.random.value(out),
            lo,
            hi,
            out,
        }
    }

    fn bounds(&mut self, out: DType) -> (i32, i32) {
        if self.random.chance(3) {
            let (a, b) = (self.random.value(out), self.random.value(out));
            (a.min(b), a.max(b))
        } else {
            (out.min(), out.max())
        }
    }

    /// An epilogue, with the table's operand if there is one.
    fn epilogue(&mut self, params: bool, raw: bool, bits: i64) -> (Epilogue, Option<DType>) {
        if raw && self.random.chance(3) {
            return (Epilogue::Raw, None);
        }
        let out = self.random.pick(&NARROW);
        let lut = out == DType::I8 && self.random.chance(3);
        let requant = self.requant(out, bits);
        let scale = if params && !self.random.chance(3) {
            Scale::Channel
        } else {
            Scale::Tensor {
                m: requant.m,
                s: requant.s,
            }
        };
        let epilogue = Epilogue::Requant {
            scale,
            z: requant.z,
            lo: requant.lo,
            hi: requant.hi,
            out,
            lut,
        };
        let table = lut.then(|| self.random.pick(&ANY));
        (epilogue, table)
    }

    fn zero_point(&mut self) -> i8 {
        self.random.pick(&[0, 0, -128, 127, 5])
    }

    fn window(&mut self, kernel: [u32; 2], image: [u32; 2]) -> Window {
        let mut side = |axis: usize| {
            let dilation = self.random.pick(&[1, 1, 2]);
            let reach = dilation * (kernel[axis] - 1);
            // Every window keeps at least one position: pads below its reach.
            let most = reach.min(3);
            let pads = [0, 0].map(|_| self.random.below(u64::from(most) + 1) as u32);
            let fits = image[axis] + pads[0] + pads[1] > reach;
            let dilation = if fits { dilation } else { 1 };
            let stride = self.random.pick(&[1, 1, 2, 3]);
            (stride as u8, dilation as u8, pads.map(|pad| pad as u8))
        };
        let (h, w) = (side(0), side(1));
        Window {
            stride: [h.0, w.0],
            dilation: [h.1, w.1],
            pad: [h.2[0], w.2[0], h.2[1], w.2[1]],
        }
    }

    /// The axes before the last ones.
    fn leading(&mut self, most: usize) -> Vec<u32> {
        let count = self.random.below(most as u64 + 1);
        (0..count)
            .map(|_| self.random.pick(&[1, 2, 3, 5]))
            .collect()
    }
}

/// Lengths around the borders of tiles, chunks and warps.
const EDGES: [u32; 14] = [1, 2, 3, 4, 7, 15, 16, 17, 31, 33, 64, 65, 100, 130];
const LONG: [u32; 6] = [16, 17, 33, 64, 65, 100];
const SHORT: [u32; 8] = [1, 2, 3, 4, 5, 8, 17, 33];

/// Names of the operators that [`job`] knows.
pub const NAMES: &[&str] = &[
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

/// A random job that tries operator `name`, followed by a clamp so that its output is read again.
///
/// # Errors
///
/// The validator's, which is a fault of this module.
pub fn job(name: &'static str, random: &mut Random) -> Result<Job, Invalid> {
    let batch = random.pick(&[1u32, 1, 2, 3, 5]);
    let mut b = Builder {
        random,
        program: Program {
            version: 1,
            max_batch: 8,
            inputs: Vec::new(),
            constants: Vec::new(),
            nodes: Vec::new(),
            outputs: Vec::new(),
        },
        fixed: Vec::new(),
    };
    b.operator(name);
    let last = b.program.nodes.len() as u16 - 1;
    b.node(
        Op::Clamp(Clamp { lo: -100, hi: 90 }),
        vec![Operand::Node(last)],
    );
    b.program.outputs = vec![last, last + 1];
    let Builder {
        random,
        program,
        fixed,
    } = b;
    let program = validate(&program)?;
    let mut input = Vec::new();
    for ty in &program.program().inputs {
        let len = ty.bytes().unwrap_or_default() as usize * batch as usize;
        input.extend(random.bytes(len, ty.dtype.width() as usize));
    }
    let weights = program
        .program()
        .constants
        .iter()
        .filter_map(|constant| match constant {
            Constant::Root { ty } => Some(ty),
            Constant::Inline { .. } => None,
        })
        .zip(fixed)
        .map(|(ty, fixed)| {
            let len = ty.bytes().unwrap_or_default() as usize;
            fixed.unwrap_or_else(|| random.bytes(len, ty.dtype.width() as usize))
        })
        .collect();
    Ok(Job {
        name,
        program,
        batch,
        input,
        weights,
    })
}

/// A random program of several operators with random data: see [`testing`].
pub fn program(seed: u64) -> Job {
    let job = testing::Job::random(seed);
    Job {
        name: PROGRAM,
        program: job.program,
        batch: job.batch,
        input: job.input,
        weights: job.constants,
    }
}

/// What jobs of [`program`] are called.
pub const PROGRAM: &str = "program";

impl Builder<'_> {
    fn operator(&mut self, name: &str) {
        match name {
            "MatMul" | "BatchMatMul" | "Conv2d" => self.linear(name),
            "RowSum" | "RowMax" | "RowMean" | "Softmax" | "LayerNorm" | "RmsNorm" | "ArgMax"
            | "TopK" => self.rows(name),
            "Reshape" | "Transpose" | "Slice" | "Concat" | "Pad" | "Gather" | "Rope" => {
                self.shape(name);
            }
            "MaxPool2d" | "AvgPool2d" => self.pool(name),
            _ => self.element(name),
        }
    }

    fn linear(&mut self, name: &str) {
        let wide = name != "Conv2d" && self.random.chance(3);
        let dtype = if wide { DType::I16 } else { DType::I8 };
        let za = if wide { 0 } else { self.zero_point() };
        let mut extras = Vec::new();
        match name {
            "MatMul" => {
                let [m, n, k] = [0; 3].map(|_| self.random.pick(&EDGES));
                let mut axes = self.leading(1);
                axes.extend([m, k]);
                let a = self.input(dtype, &axes);
                let right = self.constant(DType::I8, &[n, k]);
                let zb = self.right_zero_point(n, &mut extras);
                let params = self.random.chance(2);
                if params {
                    extras.push(self.params(n));
                }
                let (epilogue, table) = self.epilogue(params, !wide, 20);
                extras.extend(table.map(|table| self.constant(table, &[256])));
                let op = MatMul {
                    za,
                    zb,
                    params,
                    epilogue,
                };
                self.node(Op::MatMul(op), [vec![a, right], extras].concat());
            }
            "BatchMatMul" => {
                let [m, n, k] = [0; 3].map(|_| self.random.pick(&EDGES));
                let grouped = self.random.pick(&[1, 2, 3]);
                let mut axes = self.leading(2);
                let mut right = axes.clone();
                if let Some(first) = axes.first_mut() {
                    *first *= grouped;
                }
                axes.extend([m, k]);
                right.extend([n, k]);
                // Inputs come from the widest type to the narrowest.
                let a = self.input(dtype, &axes);
                let right = self.input(DType::I8, &right);
                let (epilogue, table) = self.epilogue(false, !wide, 20);
                extras.extend(table.map(|table| self.constant(table, &[256])));
                let op = BatchMatMul {
                    za,
                    zb: self.zero_point(),
                    epilogue,
                };
                self.node(Op::BatchMatMul(op), [vec![a, right], extras].concat());
            }
            _ => {
                let groups = self.random.pick(&[1, 1, 2, 3]);
                let per_group = self.random.pick(&[1, 3, 16, 32]);
                let filters = groups * self.random.pick(&[1, 5, 16, 33, 70]);
                let kernel = [0; 2].map(|_| self.random.pick(&[1, 2, 3]));
                let image = [0; 2].map(|_| self.random.pick(&[3, 5, 9]));
                let window = self.window(kernel, image);
                let x = self.input(DType::I8, &[image[0], image[1], groups * per_group]);
                let w = self.constant(DType::I8, &[filters, kernel[0], kernel[1], per_group]);
                let zb = self.right_zero_point(filters, &mut extras);
                let params = self.random.chance(2);
                if params {
                    extras.push(self.params(filters));
                }
                let (epilogue, table) = self.epilogue(params, true, 20);
                extras.extend(table.map(|table| self.constant(table, &[256])));
                let op = Conv2d {
                    window,
                    groups,
                    za,
                    zb,
                    params,
                    epilogue,
                };
                self.node(Op::Conv2d(op), [vec![x, w], extras].concat());
            }
        }
    }

    fn right_zero_point(&mut self, channels: u32, extras: &mut Vec<Operand>) -> ZeroPoint {
        if self.random.chance(4) {
            extras.push(self.constant(DType::I8, &[channels]));
            ZeroPoint::Channel
        } else {
            ZeroPoint::Tensor(self.zero_point())
        }
    }

    fn element(&mut self, name: &str) {
        let mut axes = self.leading(2);
        axes.push(self.random.pick(&EDGES));
        let last = axes[axes.len() - 1];
        let dtype = self.random.pick(&ANY);
        match name {
            "AddBias" => {
                let x = self.input(DType::I32, &axes);
                let bias = self.constant(DType::I32, &[last]);
                self.node(Op::AddBias(AddBias), vec![x, bias]);
            }
            "Requantize" => {
                let x = self.input(dtype, &axes);
                let channel = self.random.chance(2);
                let out = self.random.pick(&ANY);
                let requant = self.requant(out, dtype.width() as i64 * 8);
                let mut operands = vec![x];
                let scale = if channel {
                    operands.push(self.params(last));
                    Scale::Channel
                } else {
                    Scale::Tensor {
                        m: requant.m,
                        s: requant.s,
                    }
                };
                let op = Requantize {
                    zx: self.random.value(dtype),
                    scale,
                    z: requant.z,
                    lo: requant.lo,
                    hi: requant.hi,
                    out,
                };
                self.node(Op::Requantize(op), operands);
            }
            "Clamp" => {
                let x = self.input(dtype, &axes);
                let (lo, hi) = self.bounds(dtype);
                self.node(Op::Clamp(Clamp { lo, hi }), vec![x]);
            }
            "Abs" => {
                let x = self.input(dtype, &axes);
                self.node(Op::Abs(Abs), vec![x]);
            }
            "Lut8" => {
                let x = self.input(DType::I8, &axes);
                let table = self.constant(dtype, &[256]);
                self.node(Op::Lut8(Lut8), vec![x, table]);
            }
            "Lut16" => {
                let x = self.input(DType::I16, &axes);
                let table = self.constant(DType::I16, &[513]);
                self.node(Op::Lut16(Lut16), vec![x, table]);
            }
            _ => self.pairs(name, &axes),
        }
    }

    /// Two or three operands of one shape, but for axes of length 1.
    fn pairs(&mut self, name: &str, axes: &[u32]) {
        let mut types = match name {
            "Add" => [self.random.pick(&ANY), self.random.pick(&ANY)],
            "Mul" => [self.random.pick(&NARROW), self.random.pick(&NARROW)],
            _ => [self.random.pick(&ANY); 2],
        };
        types.sort_by_key(|ty| std::cmp::Reverse(ty.width()));
        let full = self.random.below(2);
        let operand = |this: &mut Self, index: u64, dtype: DType| {
            let mut own = axes.to_vec();
            if index != full && this.random.chance(2) {
                for axis in &mut own {
                    if this.random.chance(2) {
                        *axis = 1;
                    }
                }
            }
            if index != full && this.random.chance(3) {
                let from = own.iter().position(|axis| *axis != 1).unwrap_or(0);
                let from = from.min(own.len() - 1);
                this.constant(dtype, &own[from..])
            } else {
                this.input(dtype, &own)
            }
        };
        let a = operand(self, 0, types[0]);
        let b = operand(self, 1, types[1]);
        match name {
            "Add" => {
                let mut point = |dtype: DType| match dtype {
                    DType::I32 => 0,
                    dtype => self.random.value(dtype),
                };
                let (za, zb) = (point(types[0]), point(types[1]));
                let mut factor = || match self.random.below(4) {
                    0 => self.random.pick(&[1 << 30, -(1 << 30), 0, 1, -1]),
                    _ => self.random.between(-(1 << 16), 1 << 16) as i32,
                };
                let (ma, mb) = (factor(), factor());
                let out = self.random.pick(&ANY);
                let requant = self.requant(out, types[0].width() as i64 * 8);
                let op = Add {
                    za,
                    zb,
                    ma,
                    mb,
                    s: requant.s,
                    z: requant.z,
                    lo: requant.lo,
                    hi: requant.hi,
                    out,
                };
                self.node(Op::Add(op), vec![a, b]);
            }
            "Mul" => {
                let out = self.random.pick(&NARROW);
                let bits = (types[0].width() + types[1].width()) as i64 * 8;
                let op = Mul {
                    za: self.random.value(types[0]),
                    zb: self.random.value(types[1]),
                    requant: self.requant(out, bits),
                };
                self.node(Op::Mul(op), vec![a, b]);
            }
            _ => {
                let c = operand(self, 2, DType::I8);
                self.node(Op::Select(Select), vec![c, a, b]);
            }
        }
    }

    fn rows(&mut self, name: &str) {
        let dtype = self.random.pick(&NARROW);
        let n = match self.random.below(8) {
            0 => self.random.pick(&[384, 1_000, 2_049]),
            _ => self.random.pick(&EDGES),
        };
        let mut axes = self.leading(2);
        let queries = self.random.pick(&[1, 2, 5]).min(n);
        axes.extend([queries, n]);
        let out = self.random.pick(&NARROW);
        let any = self.random.pick(&ANY);
        let mask = self.random.chance(2);
        let mut operands = vec![match name {
            "ArgMax" | "TopK" => self.input(any, &axes),
            _ => self.input(dtype, &axes),
        }];
        let zx = self.random.value(dtype);
        let params = self.random.chance(2);
        match name {
            "RowSum" => {
                self.node(Op::RowSum(RowSum { zx }), operands);
            }
            "RowMax" => {
                self.node(Op::RowMax(RowMax), operands);
            }
            "RowMean" => {
                if mask {
                    operands.push(self.input(DType::I8, &[n]));
                }
                let requant = self.requant(out, dtype.width() as i64 * 8 + 8);
                self.node(Op::RowMean(RowMean { zx, mask, requant }), operands);
            }
            "Softmax" => {
                if mask {
                    operands.push(self.input(DType::I8, &[n]));
                }
                let scale = f64::from(self.random.pick(&[1u32, 10, 300])) / 1_000.0;
                let mut table = |step: f64| {
                    let mut table = Box::new([0u16; 256]);
                    let noise = self.random.chance(4);
                    for (i, entry) in table.iter_mut().enumerate() {
                        let exact = 32_768.0 * (-(i as f64) * step * scale).exp();
                        *entry = if noise && i > 0 {
                            (self.random.number() % 32_769) as u16
                        } else {
                            (exact + 0.5) as u16
                        };
                    }
                    table
                };
                let fine = table(1.0);
                let coarse = (dtype == DType::I16).then(|| table(256.0));
                let op = Softmax {
                    mask,
                    causal: self.random.chance(2),
                    fine,
                    coarse,
                    requant: self.requant(out, 15),
                };
                self.node(Op::Softmax(op), operands);
            }
            "LayerNorm" | "RmsNorm" => {
                if params {
                    let bytes = (!self.random.chance(3)).then(|| {
                        (0..2 * n)
                            .map(|_| self.random.between(-40_000, 40_000) as i32)
                            .flat_map(i32::to_le_bytes)
                            .collect()
                    });
                    operands.push(self.constant_of(DType::I32, &[n, 2], bytes));
                }
                let e = self.random.pick(&[1, 2, 1_000, 1 << 40, 1 << 58]);
                let requant = self.requant(out, if params { 30 } else { 15 });
                if name == "LayerNorm" {
                    self.node(Op::LayerNorm(LayerNorm { params, e, requant }), operands);
                } else {
                    let op = RmsNorm {
                        zx,
                        params,
                        e,
                        requant,
                    };
                    self.node(Op::RmsNorm(op), operands);
                }
            }
            "ArgMax" => {
                self.node(Op::ArgMax(ArgMax), operands);
            }
            _ => {
                let k = self.random.between(1, n.min(64).into()) as u8;
                self.node(Op::TopK(TopK { k }), operands);
            }
        }
    }

    fn shape(&mut self, name: &str) {
        let dtype = self.random.pick(&ANY);
        let mut axes: Vec<u32> = (0..self.random.between(1, 4))
            .map(|_| self.random.pick(&SHORT))
            .collect();
        match name {
            "Reshape" => {
                let x = self.input(dtype, &axes);
                let x = self.node(Op::Abs(Abs), vec![x]);
                let shape = Shape(vec![axes.iter().product()]);
                self.node(Op::Reshape(Reshape { shape }), vec![x]);
            }
            "Transpose" => {
                // Two long axes that trade places go through shared memory.
                let trade = self.random.chance(2);
                if trade {
                    let heads = self.random.pick(&[1, 2, 3]);
                    axes = vec![heads, self.random.pick(&LONG), self.random.pick(&LONG)];
                }
                let mut perm: Vec<u8> = (0..axes.len() as u8).collect();
                if trade {
                    perm.swap(1, 2);
                } else {
                    for i in (1..perm.len()).rev() {
                        perm.swap(i, self.random.below(i as u64 + 1) as usize);
                    }
                }
                let x = self.input(dtype, &axes);
                self.node(Op::Transpose(Transpose { perm }), vec![x]);
            }
            "Slice" => {
                let axis = self.random.below(axes.len() as u64) as usize;
                let length = u64::from(axes[axis]);
                let step = 1 + self.random.below(3);
                let start = self.random.below(length);
                let len = 1 + self.random.below((length - start - 1) / step + 1);
                let x = self.input(dtype, &axes);
                let op = Slice {
                    axis: axis as u8,
                    start: start as u32,
                    len: len as u32,
                    step: step as u32,
                };
                self.node(Op::Slice(op), vec![x]);
            }
            "Concat" => {
                let axis = self.random.below(axes.len() as u64) as usize;
                let count = self.random.between(2, 5);
                let operands = (0..count)
                    .map(|i| {
                        axes[axis] = self.random.pick(&SHORT);
                        if i > 0 && self.random.chance(3) {
                            self.constant(dtype, &axes)
                        } else {
                            self.input(dtype, &axes)
                        }
                    })
                    .collect();
                self.node(Op::Concat(Concat { axis: axis as u8 }), operands);
            }
            "Pad" => {
                let mut sides = || axes.iter().map(|_| self.random.below(4) as u32).collect();
                let (before, after): (Vec<u32>, Vec<u32>) = (sides(), sides());
                let x = self.input(dtype, &axes);
                let op = Pad {
                    before,
                    after,
                    value: self.random.value(dtype),
                };
                self.node(Op::Pad(op), vec![x]);
            }
            "Gather" => {
                let rows = self.random.pick(&[1, 2, 9, 100]);
                let mut table = vec![rows];
                table.extend(self.leading(1));
                table.push(self.random.pick(&EDGES));
                let dtype = self.random.pick(&NARROW);
                let table = self.constant(dtype, &table);
                axes.truncate(2);
                let index = self.random.pick(&ANY);
                let index = self.input(index, &axes);
                self.node(Op::Gather(Gather), vec![table, index]);
            }
            _ => {
                let dtype = self.random.pick(&NARROW);
                let (steps, half) = (self.random.pick(&SHORT), self.random.pick(&SHORT));
                let offset = self.random.below(4) as u32;
                let mut axes = self.leading(2);
                axes.extend([steps, 2 * half]);
                let x = self.input(dtype, &axes);
                let table = self.constant(DType::I16, &[offset + steps + 1, half, 2]);
                let out = self.random.pick(&NARROW);
                let op = Rope {
                    pairs: self.random.pick(&[Pairs::Halves, Pairs::Neighbours]),
                    offset,
                    zx: self.random.value(dtype),
                    requant: self.requant(out, dtype.width() as i64 * 8 + 15),
                };
                self.node(Op::Rope(op), vec![x, table]);
            }
        }
    }

    fn pool(&mut self, name: &str) {
        let dtype = self.random.pick(&NARROW);
        let kernel = [0; 2].map(|_| self.random.pick(&[1u32, 2, 3]));
        let image = [0; 2].map(|_| self.random.pick(&[5, 8, 11]));
        let window = self.window(kernel, image);
        let channels = self.random.pick(&SHORT);
        let x = self.input(dtype, &[image[0], image[1], channels]);
        let kernel = kernel.map(|side| side as u16);
        if name == "MaxPool2d" {
            self.node(Op::MaxPool2d(MaxPool2d { kernel, window }), vec![x]);
        } else {
            let out = self.random.pick(&NARROW);
            let op = AvgPool2d {
                kernel,
                window,
                count_pad: self.random.chance(2),
                zx: self.random.value(dtype),
                requant: self.requant(out, dtype.width() as i64 * 8 + 8),
            };
            self.node(Op::AvgPool2d(op), vec![x]);
        }
    }
}
