//! Parts of the backend on their own, for `gpu-worker bench`.

use super::{hash::Hash, linear::Linear, spread::Team, Cpu};
use crate::backend::BackendError;
use athanor_tensor_program::{
    ops::{Epilogue, MatMul, Scale, ZeroPoint},
    validate, Constant, DType, Node, Op, Operand, Program, Shape, TensorType,
};
use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// A product to be timed: `m` rows by a constant `[n, k]`, requantised to i8 with a
/// scale per channel, or left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shapes {
    /// Rows.
    pub m: u32,
    /// Columns.
    pub n: u32,
    /// Length of the sums.
    pub k: u32,
    /// Whether the left side is i16.
    pub wide: bool,
    /// Whether the sums of 32 bits are the result.
    pub sums: bool,
}

/// How long a product took.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Packing the weights, once a run.
    pub pack: Duration,
    /// The product with its epilogue: the median.
    pub multiply: Duration,
}

/// Bytes without a pattern.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1Du64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// The median of some durations; zero without any.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

impl Cpu {
    /// Runs `work` on the backend's threads.
    fn timed<R: Send>(&self, work: impl FnOnce(&Team<'_>) -> R + Send) -> R {
        let control = AtomicBool::new(false);
        let team = Team {
            level: self.settings.level,
            threads: self.settings.threads,
            eager: false,
            control: &control,
        };
        match &self.pool {
            Some(pool) => pool.install(|| work(&team)),
            None => work(&team),
        }
    }

    /// Times a product, `runs` times after one that warms up, and on until `least` is over.
    ///
    /// # Errors
    ///
    /// [`BackendError::Bug`] if the shapes make no valid program.
    pub fn time_product(
        &self,
        shapes: Shapes,
        runs: usize,
        least: Duration,
    ) -> Result<Times, BackendError> {
        let Shapes {
            m,
            n,
            k,
            wide,
            sums,
        } = shapes;
        let ty = |dtype, shape: Vec<u32>| TensorType {
            dtype,
            shape: Shape(shape),
        };
        let left = if wide { DType::I16 } else { DType::I8 };
        // The scales of the channels are only there to requantise.
        let given = if sums { 1 } else { 2 };
        let program = Program {
            version: 1,
            max_batch: m,
            inputs: vec![ty(left, vec![k])],
            constants: [ty(DType::I8, vec![n, k]), ty(DType::I32, vec![n, 2])]
                .into_iter()
                .take(given)
                .map(|ty| Constant::Root { ty })
                .collect(),
            nodes: vec![Node {
                op: Op::MatMul(MatMul {
                    za: 0,
                    zb: ZeroPoint::Tensor(0),
                    params: !sums,
                    epilogue: if sums {
                        Epilogue::Raw
                    } else {
                        Epilogue::Requant {
                            scale: Scale::Channel,
                            z: 3,
                            lo: -128,
                            hi: 127,
                            out: DType::I8,
                            lut: false,
                        }
                    },
                }),
                operands: [Operand::Input(0), Operand::Const(0), Operand::Const(1)]
                    .into_iter()
                    .take(given + 1)
                    .collect(),
            }],
            outputs: vec![0],
        };
        let program =
            validate(&program).map_err(|invalid| BackendError::Bug(invalid.to_string()))?;
        let [m, n, k] = [m, n, k].map(|axis| axis as usize);
        let weights = noise(n * k);
        let mut params = Vec::with_capacity(n * 8);
        for channel in 0..n as i32 {
            params.extend_from_slice(&(channel * 31).to_le_bytes());
            params.extend_from_slice(&((26 << 16) | (16_384 + channel % 16_000)).to_le_bytes());
        }
        let a = noise(m * k * if wide { 2 } else { 1 });
        let mut out = vec![0; m * n * if sums { 4 } else { 1 }];
        let constants: [&[u8]; 2] = [&weights, &params];
        let constants = constants.get(..given).unwrap_or_default();
        let Some((Op::MatMul(op), node)) =
            program.program().nodes.first().map(|node| (&node.op, node))
        else {
            return Err(BackendError::Bug("a program without its node".into()));
        };
        self.timed(|team| {
            let started = Instant::now();
            let linear = Linear::new(op, &program, node, constants, team)
                .ok_or_else(|| BackendError::Bug("a product of no shape".into()))?;
            let pack = started.elapsed();
            linear.run(&a, &mut out, team);
            let mut times = Vec::with_capacity(runs);
            let began = Instant::now();
            while times.len() < runs.max(1) || began.elapsed() < least {
                let started = Instant::now();
                linear.run(&a, &mut out, team);
                times.push(started.elapsed());
            }
            Ok(Times {
                pack,
                multiply: median(times),
            })
        })
    }

    /// Times the hash of a value of `len` bytes, `runs` times after one that warms up.
    pub fn time_hash(&self, len: usize, runs: usize) -> Duration {
        let bytes = noise(len);
        self.timed(|team| {
            let mut times = Vec::with_capacity(runs);
            for _ in 0..=runs.max(1) {
                let started = Instant::now();
                let mut hash = Hash::default();
                hash.update(&bytes, true, team);
                std::hint::black_box(hash.finish());
                times.push(started.elapsed());
            }
            median(times.split_off(1))
        })
    }
}
