//! The same on a CUDA device. Nothing but whole runs is timed, transfers and roots included, as a job
//! has them; what one product takes is the difference of a long and a short chain of them.

use super::{input, subject, times, weights, BenchArgs, Figure};
use crate::{
    backend::{
        cpu::{
            measure::{median, noise, Shapes},
            Cpu,
        },
        cuda::{
            lower::{Library, Options},
            Cuda,
        },
        Backend, BackendError, Choice, Run, Trace,
    },
    commands::selftest::convince,
};
use anyhow::{bail, ensure};
use athanor_primitives::Root;
use athanor_tensor_program::{
    validate, Constant, DType, Node, Operand, Program, Shape, TensorType, Validated, VERSION,
};
use std::{
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

/// Pairs of products in the long chain and in the short one.
const PAIRS: [u16; 2] = [17, 1];

/// The first device. `None` if there is none that can be used, and the CPU will do.
pub(super) fn open(choice: Choice) -> anyhow::Result<Option<Cuda>> {
    let opened = Cuda::open()
        .map_err(|error| error.to_string())
        .and_then(|cuda| convince(&cuda).map(|()| cuda));
    match (opened, choice) {
        (Ok(cuda), _) => Ok(Some(cuda)),
        (Err(why), Choice::Auto) => {
            tracing::info!("no CUDA device that can be used ({why}), measuring the CPU");
            Ok(None)
        }
        (Err(why), Choice::Cpu | Choice::Cuda) => {
            bail!("--backend cuda: {why}; measure --backend cpu")
        }
    }
}

/// Measures what was asked for.
pub(super) fn measure(
    cuda: &Cuda,
    shapes: &[Shapes],
    args: &BenchArgs,
    json: bool,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    ensure!(
        args.level.is_none() && args.cache.is_none() && !args.nodes,
        "--level, --cache and --nodes are of the CPU: add --backend cpu"
    );
    for shapes in shapes {
        products(cuda, *shapes, args, report)?;
    }
    if args.times {
        return times::propose(cuda, &Cpu::new(0), "cuda", args.runs, json, report);
    }
    if args.job() {
        job(cuda, args, report)?;
    }
    Ok(())
}

/// A chain of pairs of products, `[m, k]` by `[n, k]` and back by `[k, n]`, all requantised to i8.
fn chain(shapes: Shapes, pairs: u16) -> anyhow::Result<Validated> {
    let Shapes { m, n, k, .. } = shapes;
    let ty = |axes: Vec<u32>| TensorType {
        dtype: DType::I8,
        shape: Shape(axes),
    };
    let nodes = (0..pairs * 2)
        .map(|index| Node {
            op: times::product(),
            operands: vec![
                index
                    .checked_sub(1)
                    .map_or(Operand::Input(0), Operand::Node),
                Operand::Const(index % 2),
            ],
        })
        .collect();
    let program = Program {
        version: VERSION,
        max_batch: m,
        inputs: vec![ty(vec![k])],
        constants: vec![
            Constant::Root { ty: ty(vec![n, k]) },
            Constant::Root { ty: ty(vec![k, n]) },
        ],
        outputs: vec![pairs * 2 - 1],
        nodes,
    };
    Ok(validate(&program)?)
}

/// Seconds that a pair of products takes within a chain, roots included, by the medians of runs of a
/// long and a short one. `None` if the difference is lost in the noise.
fn pair_seconds(
    shapes: Shapes,
    runs: usize,
    run: impl Fn(Run<'_>) -> Result<Trace, BackendError>,
) -> anyhow::Result<Option<f64>> {
    let bytes = |rows: u32, columns: u32| noise(rows as usize * columns as usize);
    let (there, back) = (bytes(shapes.n, shapes.k), bytes(shapes.k, shapes.n));
    let weights = [&there[..], &back[..]];
    let roots: Vec<Root> = weights
        .iter()
        .map(|bytes| *blake3::hash(bytes).as_bytes())
        .collect();
    let input = bytes(shapes.m, shapes.k);
    let mut found = [0f64; 2];
    for (found, pairs) in found.iter_mut().zip(PAIRS) {
        let program = chain(shapes, pairs)?;
        let job = Run {
            program: &program,
            batch: shapes.m,
            input: &input,
            weights: &weights,
            roots: &roots,
        };
        let mut taken: Vec<Duration> = Vec::new();
        // The first allocates, the second records what the others start as a whole.
        for _ in 0..runs.max(1) + 2 {
            let started = Instant::now();
            run(job)?;
            taken.push(started.elapsed());
        }
        *found = median(taken.split_off(2)).as_secs_f64();
    }
    let [long, short] = found;
    let pair = (long - short) / f64::from(PAIRS[0] - PAIRS[1]);
    Ok((pair > 0.0).then_some(pair))
}

/// Our fused product beside cuBLASLt's with a kernel that requantises after it.
fn products(
    cuda: &Cuda,
    shapes: Shapes,
    args: &BenchArgs,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    ensure!(
        !shapes.wide && !shapes.sums,
        "on a card, products of 8 bits that are requantised are timed: for others add --backend cpu"
    );
    let Shapes { m, n, k, .. } = shapes;
    let with = |library| {
        let options = Options {
            library,
            ..cuda.options()
        };
        pair_seconds(shapes, args.runs, |run| {
            cuda.run_with(run, &AtomicBool::new(false), options)
        })
    };
    let speed = |seconds: f64| 2.0 * f64::from(m) * f64::from(n) * f64::from(k) / seconds / 1e9;
    let Some(ours) = with(Library::Never)? else {
        tracing::warn!("{m}x{n}x{k} is too small to be told from the noise");
        return Ok(());
    };
    let figure = Figure::new(
        format!("gemm_i8_{m}x{n}x{k}_and_back_cuda"),
        speed(ours),
        "GMAC/s",
    );
    let theirs = match cuda.options().library {
        Library::Never => None,
        Library::Sums | Library::Always => with(Library::Always)?,
    };
    report(match theirs {
        Some(theirs) => figure.against(speed(theirs)),
        None => figure,
    });
    Ok(())
}

fn job(cuda: &Cuda, args: &BenchArgs, report: &mut impl FnMut(Figure)) -> anyhow::Result<()> {
    let program = subject(args)?;
    let (weights, input) = (weights(args, &program)?, input(args, &program)?);
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let run = Run {
        program: &program,
        batch: args.batch,
        input: &input,
        weights: &weights,
        roots: &[],
    };
    let mut taken = Vec::new();
    let began = Instant::now();
    while taken.len() < args.runs.max(1) + 2 || began.elapsed() < args.seconds * 3 {
        let started = Instant::now();
        cuda.run(run, &AtomicBool::new(false))?;
        taken.push(started.elapsed());
    }
    let seconds = median(taken.split_off(2)).as_secs_f64();
    let name = |what: &str| format!("{what}_b{}_cuda", args.batch);
    report(Figure::new(
        name("job"),
        f64::from(args.batch) / seconds,
        "samples/s",
    ));
    let macs = program.cost(args.batch).map_or(0, |cost| cost.macs) as f64;
    report(Figure::new(
        name("job_macs"),
        macs / seconds / 1e9,
        "GMAC/s",
    ));
    let planned = cuda.plan_bytes(&program, args.batch).unwrap_or(0) as f64;
    report(Figure::new(
        name("job_planned"),
        planned / f64::from(1 << 20),
        "MiB",
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_long_and_a_short_chain_are_run_as_often_as_asked_and_twice_before() {
        let cpu = Cpu::new(1);
        let shapes = Shapes {
            m: 64,
            n: 256,
            k: 128,
            wide: false,
            sums: false,
        };
        let seen = RefCell::new(Vec::new());
        pair_seconds(shapes, 1, |run| {
            seen.borrow_mut()
                .push((run.program.node_count(), run.batch));
            let trace = cpu.run(run, &AtomicBool::new(false))?;
            let output = trace.node(run.program.node_count() - 1).map(<[u8]>::len);
            assert_eq!(output, Some(64 * 128), "there and back");
            Ok(trace)
        })
        .unwrap();
        let long = usize::from(PAIRS[0]) * 2;
        let runs = [[(long, 64); 3], [(2, 64); 3]].concat();
        assert_eq!(seen.into_inner(), runs);
    }

    #[test]
    fn without_a_device_the_cpu_is_measured_unless_cuda_was_asked_for() {
        if Cuda::open().is_err() {
            assert!(open(Choice::Auto).unwrap().is_none());
            let error = open(Choice::Cuda).err().unwrap().to_string();
            assert!(error.contains("--backend cpu"), "{error}");
        }
    }
}
