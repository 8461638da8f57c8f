//! `gpu-worker selftest`: whether every device here gives the reference's bits.

use crate::{
    backend::{
        cpu::Cpu,
        cuda::{
            kernels::Kernel,
            lower::{lower, Library, Options},
            schedule::Step,
            suite::{job, program, Job, Random, NAMES},
            Cuda, OpenError,
        },
        Backend, Run, Trace,
    },
    cuda::Absent,
};
use anyhow::Context;
use athanor_tensor_program::{interpret, Execution};
use clap::Args;
use std::{collections::BTreeMap, sync::atomic::AtomicBool};

/// How much to try.
#[derive(Args, Clone, Copy, Debug)]
pub struct SelftestArgs {
    /// Random jobs for each operator, and a tenth of the random programs.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub jobs: u32,

    /// Where the random jobs start: another number, other jobs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Fail where there is no CUDA device.
    #[arg(long)]
    pub require_cuda: bool,
}

/// What was found of one kernel or operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    runs: u64,
    /// The first job that came out wrong.
    wrong: Option<String>,
}

impl Tally {
    fn line(&self, name: &str) -> String {
        match (&self.wrong, self.runs) {
            (Some(wrong), _) => format!("DIFFERS     {name:<24} {wrong}"),
            (None, 0) => format!("NOT REACHED {name}"),
            (None, runs) => format!("ok          {name:<24} {runs}"),
        }
    }

    fn good(&self) -> bool {
        self.wrong.is_none() && self.runs > 0
    }
}

/// Runs everything. Whether all of it came out as it should.
pub fn selftest(args: &SelftestArgs) -> anyhow::Result<bool> {
    let cpu = on_cpu(args)?;
    println!("cpu: jobs that gave the reference's bytes and roots, by operator");
    let mut good = print(&cpu);
    match Cuda::open() {
        Ok(cuda) => {
            println!(
                "cuda, {}: launches in jobs that gave the reference's roots, by kernel",
                cuda.device().name
            );
            let tallies = on_cuda(&cuda, args)?;
            good &= print(&tallies);
        }
        Err(OpenError::Absent(why)) => {
            println!("cuda: NOT TESTED, {}", absent(&why));
            good &= !args.require_cuda;
        }
        Err(error) => {
            println!("cuda: FAILED, {error}");
            good = false;
        }
    }
    println!(
        "{}",
        if good {
            "selftest: ok"
        } else {
            "selftest: FAILED"
        }
    );
    Ok(good)
}

/// Has a device run three jobs of every operator and some programs, in every way that reaches its
/// kernels: a few seconds, without which a faulty device or driver costs a provider its collateral.
///
/// # Errors
///
/// Says which kernel gave other bits than the reference, or what the device failed with.
pub(crate) fn convince(cuda: &Cuda) -> Result<(), String> {
    let args = SelftestArgs {
        jobs: 3,
        seed: 1,
        require_cuda: false,
    };
    let tallies = on_cuda(cuda, &args).map_err(|error| format!("{error:#}"))?;
    first_difference(&tallies).map_or(Ok(()), Err)
}

fn first_difference(tallies: &BTreeMap<&'static str, Tally>) -> Option<String> {
    tallies.iter().find_map(|(kernel, tally)| {
        let wrong = tally.wrong.as_ref()?;
        Some(format!(
            "its kernel {kernel} gave wrong bits ({wrong}); run: gpu-worker selftest"
        ))
    })
}

fn absent(why: &Absent) -> String {
    format!("{why}; this run says nothing about CUDA devices")
}

fn print(tallies: &BTreeMap<&'static str, Tally>) -> bool {
    for (name, tally) in tallies {
        println!("  {}", tally.line(name));
    }
    tallies.values().all(Tally::good)
}

/// Every job with a label, its operator first.
fn jobs(args: &SelftestArgs) -> impl Iterator<Item = anyhow::Result<(String, Job)>> {
    let SelftestArgs { jobs, seed, .. } = *args;
    let programs = (0..u64::from(jobs) * 10).map(move |index| -> anyhow::Result<(String, Job)> {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(index);
        Ok((format!("program {seed}"), program(seed)))
    });
    let single = NAMES.iter().enumerate().flat_map(move |(salt, name)| {
        (0..jobs).map(move |index| -> anyhow::Result<(String, Job)> {
            let salt = salt as u64;
            let mut random = Random::new(seed ^ salt << 32 ^ u64::from(index) << 40);
            let job = job(name, &mut random).with_context(|| format!("{name}, job {index}"))?;
            Ok((format!("{name}, job {index} of seed {seed}"), job))
        })
    });
    single.chain(programs)
}

fn reference(job: &Job) -> anyhow::Result<Execution> {
    let weights: Vec<&[u8]> = job.weights.iter().map(Vec::as_slice).collect();
    Ok(interpret(&job.program, job.batch, &job.input, &weights)?)
}

fn with<T>(job: &Job, run: impl FnOnce(Run<'_>) -> T) -> T {
    let weights: Vec<&[u8]> = job.weights.iter().map(Vec::as_slice).collect();
    run(Run {
        program: &job.program,
        batch: job.batch,
        input: &job.input,
        weights: &weights,
        roots: &[],
    })
}

/// The first node whose root is wrong. If all roots are right, outputs that are not: the last node.
fn first_wrong(job: &Job, trace: &Trace, expected: &Execution) -> Option<usize> {
    let roots = trace.roots();
    let wanted = expected.trace();
    let node = (0..wanted.len()).find(|i| roots.get(*i) != wanted.get(*i));
    let outputs = trace.joined(job.program.outputs());
    let last = job.program.node_count() - 1;
    node.or((outputs.as_ref() != Some(&expected.output())).then_some(last))
}

fn on_cpu(args: &SelftestArgs) -> anyhow::Result<BTreeMap<&'static str, Tally>> {
    let cpu = Cpu::new(0);
    let mut tallies = BTreeMap::new();
    for item in jobs(args) {
        let (label, job) = item?;
        let tally: &mut Tally = tallies.entry(job.name).or_default();
        let expected = reference(&job)?;
        let trace = with(&job, |run| cpu.run(run, &AtomicBool::new(false)))?;
        tally.runs += 1;
        if let (Some(node), None) = (first_wrong(&job, &trace, &expected), &tally.wrong) {
            tally.wrong = Some(format!("node {node} of {label}"));
        }
    }
    Ok(tallies)
}

/// Ways to lower a program that between them reach every kernel.
fn ways(cuda: &Cuda) -> Vec<Options> {
    let usual = cuda.options();
    let mut ways = vec![
        usual,
        Options {
            many_tiles: if cuda.runs(Kernel::GemmLarge) {
                1
            } else {
                usual.many_tiles
            },
            library: Library::Never,
        },
        Options {
            library: Library::Never,
            ..usual
        },
    ];
    if usual.library != Library::Never {
        ways.push(Options {
            library: Library::Always,
            ..usual
        });
    }
    ways
}

const LIBRARY: &str = "(cuBLASLt)";

fn on_cuda(cuda: &Cuda, args: &SelftestArgs) -> anyhow::Result<BTreeMap<&'static str, Tally>> {
    let mut tallies: BTreeMap<&'static str, Tally> = Kernel::ALL
        .iter()
        .filter(|kernel| cuda.runs(**kernel))
        .map(|kernel| (kernel.name(), Tally::default()))
        .collect();
    if cuda.options().library != Library::Never {
        tallies.insert(LIBRARY, Tally::default());
    }
    let ways = ways(cuda);
    for item in jobs(args).chain([large(args)]) {
        let (label, job) = item?;
        let expected = reference(&job)?;
        for options in &ways {
            let schedule = lower(&job.program, job.batch, *options)?;
            // The second run of a job is a recorded one.
            for again in ["", " again"] {
                let run = with(&job, |run| {
                    cuda.run_with(run, &AtomicBool::new(false), *options)
                });
                let wrong = match &run {
                    Ok(trace) => first_wrong(&job, trace, &expected),
                    Err(_) => Some(0),
                };
                for (index, node) in schedule.nodes.iter().enumerate() {
                    let names: Vec<&'static str> = node
                        .steps
                        .iter()
                        .chain(&node.hash)
                        .map(|step| match step {
                            Step::Launch(launch) => launch.kernel.name(),
                            Step::Products(_) => LIBRARY,
                        })
                        .collect();
                    for name in names {
                        let tally = tallies.entry(name).or_default();
                        tally.runs += 1;
                        // Every kernel of the first node that is wrong may be to blame.
                        if wrong == Some(index) && tally.wrong.is_none() {
                            let why = run.as_ref().err().map(ToString::to_string);
                            tally.wrong = Some(format!(
                                "node {index} of {label}{again}, {options:?} {}",
                                why.unwrap_or_default()
                            ));
                        }
                    }
                }
                // After a fault the device answers nothing any more.
                if run.is_err() {
                    return Ok(tallies);
                }
            }
        }
    }
    Ok(tallies)
}

/// A job whose tensors have more chunks than one block hashes.
fn large(args: &SelftestArgs) -> anyhow::Result<(String, Job)> {
    use athanor_tensor_program::{
        ops::Clamp, validate, DType, Node, Op, Operand, Program, Shape, TensorType,
    };
    let program = Program {
        version: 1,
        max_batch: 8,
        inputs: vec![TensorType {
            dtype: DType::I8,
            shape: Shape::from([2_621_443]),
        }],
        constants: vec![],
        nodes: vec![Node {
            op: Op::Clamp(Clamp { lo: -100, hi: 100 }),
            operands: vec![Operand::Input(0)],
        }],
        outputs: vec![0],
    };
    let program = validate(&program)?;
    let mut random = Random::new(args.seed);
    let input = (0..8 * 2_621_443).map(|_| random.number() as u8).collect();
    let job = Job {
        name: "Clamp",
        program,
        batch: 8,
        input,
        weights: vec![],
    };
    Ok(("a long tensor".into(), job))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_was_not_reached_or_differs_is_not_good() {
        let mut tally = Tally::default();
        assert!(!tally.good() && tally.line("gemm").starts_with("NOT REACHED"));
        tally.runs = 3;
        assert!(tally.good() && tally.line("gemm").starts_with("ok"));
        tally.wrong = Some("node 0".into());
        assert!(!tally.good() && tally.line("gemm").starts_with("DIFFERS"));
    }

    #[test]
    fn a_device_that_differs_is_refused_with_the_kernel_and_what_to_run() {
        let mut tallies = BTreeMap::from([("gemm", Tally::default()), ("rows", Tally::default())]);
        assert_eq!(first_difference(&tallies), None);
        tallies.insert(
            "rows",
            Tally {
                runs: 1,
                wrong: Some("node 2 of Softmax, job 0".into()),
            },
        );
        let why = first_difference(&tallies).unwrap();
        assert!(
            why.contains("rows") && why.contains("gpu-worker selftest"),
            "{why}"
        );
    }

    #[test]
    fn the_cpu_gives_the_references_bytes_for_every_operator() {
        let args = SelftestArgs {
            jobs: 3,
            seed: 5,
            require_cuda: false,
        };
        let tallies = on_cpu(&args).unwrap();
        assert_eq!(tallies.len(), NAMES.len() + 1);
        assert!(print(&tallies));
    }

    #[test]
    fn a_wrong_root_is_found_at_its_node() {
        let args = SelftestArgs {
            jobs: 1,
            seed: 5,
            require_cuda: false,
        };
        let (_, job) = jobs(&args).next().unwrap().unwrap();
        let expected = reference(&job).unwrap();
        let cpu = Cpu::new(1);
        let mut trace = with(&job, |run| cpu.run(run, &AtomicBool::new(false))).unwrap();
        assert_eq!(first_wrong(&job, &trace, &expected), None);
        trace.spoil();
        let last = job.program.node_count() - 1;
        assert_eq!(first_wrong(&job, &trace, &expected), Some(last));
    }
}
