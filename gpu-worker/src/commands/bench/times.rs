//! The times of an offer: nanoseconds for a million of each of the five costs.
//!
//! Each is measured on runs that one cost dominates, and charged with all they took:
//! together they foretell more than a mixed run takes, which is what the encoder
//! beside them shows.

use super::{encoder, median, noise, Figure};
use crate::backend::{cpu::Cpu, Backend, Run};
use anyhow::Context;
use athanor_primitives::Root;
use athanor_tensor_program::{
    ops::{Clamp, Epilogue, LayerNorm, MatMul, Requant, Scale, Softmax, ZeroPoint},
    validate, Constant, Cost, DType, Node, Op, Operand, Program, Shape, TensorType, Validated,
    VERSION,
};
use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// Names of the five costs, in the offer's order.
const NAMES: [&str; 5] = ["macs", "ops", "bytes", "nodes", "load"];

fn ty(dtype: DType, axes: &[u32]) -> TensorType {
    TensorType {
        dtype,
        shape: Shape(axes.to_vec()),
    }
}

/// A chain of nodes of one kind, each on the output of the one before.
fn chain(
    input: TensorType,
    constant: Option<TensorType>,
    ops: Vec<Op>,
    max_batch: u32,
) -> anyhow::Result<Validated> {
    let mut program = Program {
        version: VERSION,
        max_batch,
        inputs: vec![input],
        constants: Vec::new(),
        outputs: vec![u16::try_from(ops.len())?.saturating_sub(1)],
        nodes: Vec::new(),
    };
    for op in ops {
        let mut operands = vec![match program.nodes.len().checked_sub(1) {
            None => Operand::Input(0),
            Some(last) => Operand::Node(u16::try_from(last)?),
        }];
        if let Some(ty) = &constant {
            operands.push(Operand::Const(u16::try_from(program.constants.len())?));
            program.constants.push(Constant::Root { ty: ty.clone() });
        }
        program.nodes.push(Node { op, operands });
    }
    Ok(validate(&program)?)
}

pub(super) fn product() -> Op {
    Op::MatMul(MatMul {
        za: 3,
        zb: ZeroPoint::Tensor(0),
        params: false,
        epilogue: Epilogue::Requant {
            scale: Scale::Tensor { m: 20_000, s: 26 },
            z: 0,
            lo: -128,
            hi: 127,
            out: DType::I8,
            lut: false,
        },
    })
}

fn requant(s: u8) -> Requant {
    Requant {
        m: 20_000,
        s,
        z: 0,
        lo: -32_768,
        hi: 32_767,
        out: DType::I16,
    }
}

fn norm() -> Op {
    Op::LayerNorm(LayerNorm {
        params: false,
        e: 1,
        requant: requant(18),
    })
}

fn softmax() -> Op {
    let fine = std::array::from_fn(|index| 32_768 - 100 * index as u16);
    Op::Softmax(Softmax {
        mask: false,
        causal: false,
        fine: Box::new(fine),
        coarse: Some(Box::new([32_768; 256])),
        requant: requant(20),
    })
}

fn clamp() -> Op {
    Op::Clamp(Clamp { lo: -100, hi: 100 })
}

/// Seconds of a run, the median, whose weights are kept or not.
fn seconds(
    backend: &dyn Backend,
    program: &Validated,
    batch: u32,
    runs: usize,
    kept: bool,
) -> anyhow::Result<f64> {
    let bytes = |len: u64| Ok::<_, anyhow::Error>(noise(usize::try_from(len)?));
    let weights = program
        .root_constants()
        .map(bytes)
        .collect::<Result<Vec<_>, _>>()?;
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let roots: Vec<Root> = weights
        .iter()
        .map(|bytes| *blake3::hash(bytes).as_bytes())
        .collect();
    let input = bytes(program.input_len(batch).context("no such batch")?)?;
    let run = Run {
        program,
        batch,
        input: &input,
        weights: &weights,
        roots: if kept { &roots } else { &[] },
    };
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..=runs.max(1) {
        let started = Instant::now();
        backend.run(run, &AtomicBool::new(false))?;
        times.push(started.elapsed());
    }
    Ok(median(times.split_off(1)).as_secs_f64())
}

fn cost(program: &Validated, batch: u32) -> anyhow::Result<Cost> {
    program.cost(batch).context("no such batch")
}

/// Nanoseconds for a million of each cost, in the order of [`NAMES`]. `cpu` checks what comes in.
fn measure(backend: &dyn Backend, cpu: &Cpu, runs: usize) -> anyhow::Result<[f64; 5]> {
    let per = |seconds: f64, count: u64| seconds * 1e9 / (count as f64 / 1e6);
    let dense = chain(
        ty(DType::I8, &[1_024]),
        Some(ty(DType::I8, &[1_024, 1_024])),
        vec![product(); 8],
        64,
    )?;
    // Few rows, as in a job of one sample: many are faster.
    let warm = seconds(backend, &dense, 8, runs, true)?;
    let macs = per(warm, cost(&dense, 8)?.macs);

    let mut ops = 0f64;
    for op in [norm(), softmax()] {
        let rows = chain(ty(DType::I16, &[64, 384]), None, vec![op; 4], 64)?;
        ops = ops.max(per(
            seconds(backend, &rows, 8, runs, true)?,
            cost(&rows, 8)?.ops,
        ));
    }

    let moved = chain(ty(DType::I8, &[65_536]), None, vec![clamp(); 8], 64)?;
    let bytes = per(
        seconds(backend, &moved, 64, runs, true)?,
        cost(&moved, 64)?.bytes,
    );

    let tiny = chain(ty(DType::I8, &[1]), None, vec![clamp(); 1_000], 1)?;
    let nodes = per(
        seconds(backend, &tiny, 1, runs, true)?,
        cost(&tiny, 1)?.nodes,
    );

    // What comes in is checked against its root, and weights are packed.
    let fresh = seconds(backend, &dense, 8, runs, false)?;
    let loaded = cost(&dense, 8)?.load;
    let checked = cpu.time_hash(usize::try_from(loaded)?, runs).as_secs_f64();
    let load = per((fresh - warm).max(0.0) + checked, loaded);
    Ok([macs, ops, bytes, nodes, load])
}

/// Measures the times, and prints the flags that put them into an offer.
pub(super) fn propose(
    backend: &dyn Backend,
    cpu: &Cpu,
    on: &str,
    runs: usize,
    json: bool,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    const BATCH: u32 = 8;
    let times = measure(backend, cpu, runs)?.map(f64::ceil);
    for (name, time) in NAMES.iter().zip(times) {
        report(Figure::new(format!("time_{name}_{on}"), time, "ns"));
    }
    let encoder = validate(&encoder::program(BATCH))?;
    let found = seconds(backend, &encoder, BATCH, runs, true)?;
    let Cost {
        macs,
        ops,
        bytes,
        nodes,
        load,
    } = cost(&encoder, BATCH)?;
    let foretold: f64 = [macs, ops, bytes, nodes, load]
        .into_iter()
        .zip(times)
        .map(|(count, time)| count as f64 / 1e6 * time / 1e6)
        .sum();
    let name = format!("time_foretold_b{BATCH}_{on}");
    report(Figure::new(name, foretold, "ms").against(found * 1e3));
    if !json {
        let flags: Vec<String> = NAMES
            .iter()
            .zip(times)
            .map(|(name, time)| format!("--{name}-time {time:.0}"))
            .collect();
        println!("athanor provider offer {}", flags.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_valid_and_run_with_and_without_kept_weights() {
        let cpu = Cpu::new(1);
        let weight = ty(DType::I8, &[32, 32]);
        let programs = [
            chain(ty(DType::I8, &[32]), Some(weight), vec![product(); 3], 4),
            chain(ty(DType::I16, &[2, 16]), None, vec![norm(), softmax()], 4),
            chain(ty(DType::I8, &[8]), None, vec![clamp(); 3], 4),
        ];
        for program in programs {
            let program = program.unwrap();
            for kept in [true, false] {
                assert!(seconds(&cpu, &program, 4, 1, kept).unwrap() > 0.0);
            }
        }
    }
}
