//! `gpu-worker bench`: how fast the backends are on this machine.

mod encoder;
mod gpu;
mod times;

use super::Format;
use crate::{
    backend::{
        cpu::{
            measure::{median, noise, Shapes},
            Cpu, Settings,
        },
        op_name, Backend, Choice, Control, Run,
    },
    system::parse_bytes,
};
use anyhow::{bail, ensure, Context};
use athanor_exact_kernels::Level;
use athanor_primitives::Root;
use athanor_tensor_program::{load, validate, Validated, MAX_PROGRAM_BYTES};
use clap::Args;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{atomic::AtomicBool, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What to measure.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Products to time, as MxNxK, requantised to 8 bits; with a left side of 16 bits, as
    /// MxNxK:i16; to sums of 32 bits, as MxNxK:sums [default: a few of a small transformer, unless --program is given].
    #[arg(long, value_name = "SHAPE", num_args = 1..)]
    pub gemm: Vec<String>,

    /// File of a program to time, in its canonical encoding.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,

    /// Time an encoder of the size of all-MiniLM-L6-v2, with noise for weights.
    #[arg(long, conflicts_with = "program")]
    pub encoder: bool,

    /// Files of its weights, in the program's order [default: noise].
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "program")]
    pub weights: Vec<PathBuf>,

    /// File of its input: all inputs joined, for the batch [default: noise].
    #[arg(long, value_name = "FILE", requires = "program")]
    pub input: Option<PathBuf>,

    /// Samples in the input.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub batch: u32,

    /// Threads, 0 for one per core; several to time each.
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [1, 2])]
    pub threads: Vec<usize>,

    /// What is measured: auto, cpu or cuda. On a card --threads count nothing, and --level,
    /// --cache and --nodes are refused.
    #[arg(long, value_enum, default_value_t = Choice::Auto, hide_possible_values = true)]
    pub backend: Choice,

    /// Instructions of the CPU to use: portable, avx2 or avx512-vnni [default: the fastest this
    /// machine has].
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,

    /// Bytes of values that each thread's share of the caches holds.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub cache: Option<u64>,

    /// Also how long each kind of operator takes, its share of the job beside it.
    #[arg(long)]
    pub nodes: bool,

    /// Measure this machine's times for an offer, and print the flags of `athanor
    /// provider offer` that say so.
    #[arg(long, conflicts_with_all = ["program", "gemm"])]
    pub times: bool,

    /// How often each figure is taken at least; the median counts.
    #[arg(long, value_name = "N", default_value_t = 9)]
    pub runs: usize,

    /// Seconds for which products and jobs are taken at least: threads that were just started
    /// may share a core for some milliseconds.
    #[arg(long, value_name = "SECONDS", default_value = "0.2", value_parser = seconds)]
    pub seconds: Duration,

    /// How the figures are printed: table or json.
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    pub format: Format,

    /// The same as --format json.
    #[arg(long)]
    pub json: bool,
}

impl BenchArgs {
    /// Whether a whole job is timed.
    fn job(&self) -> bool {
        self.encoder || self.program.is_some()
    }
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What it is compared with, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<f64>,
    /// `value / baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
}

impl Figure {
    fn new(name: String, value: f64, unit: &'static str) -> Figure {
        Figure {
            name,
            value,
            unit,
            baseline: None,
            ratio: None,
        }
    }

    fn against(self, baseline: f64) -> Figure {
        Figure {
            baseline: Some(baseline),
            ratio: Some(self.value / baseline),
            ..self
        }
    }

    fn line(&self) -> String {
        let optional = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.3}"));
        format!(
            "{:<44} {:>12.3} {:<10} {:>12} {:>8}",
            self.name,
            self.value,
            self.unit,
            optional(self.baseline),
            optional(self.ratio)
        )
    }
}

/// Measures, and prints one line a figure.
pub fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    let level = match &args.level {
        None => Level::best(),
        Some(name) => Level::named(name).with_context(|| {
            let names: Vec<&str> = Level::available().into_iter().map(Level::name).collect();
            format!("--level {name}: this machine has {}", names.join(", "))
        })?,
    };
    let device = match args.backend {
        Choice::Cpu => None,
        choice => gpu::open(choice)?,
    };
    let json = args.json || args.format == Format::Json;
    let mut figures = Vec::new();
    let mut report = |figure: Figure| {
        if !json {
            println!("{}", figure.line());
        }
        figures.push(figure);
    };
    let default = [
        "1x384x384",
        "128x384x384",
        "1024x1536x384",
        "1024x384x1536",
        "1024x384x384:i16",
    ];
    let shapes = match (args.job() || args.times, args.gemm.is_empty()) {
        (false, true) => default.map(String::from).to_vec(),
        _ => args.gemm.clone(),
    };
    let mut shapes: Vec<Shapes> = shapes
        .iter()
        .map(|text| shape(text))
        .collect::<Result<_, _>>()?;
    if device.is_some() && args.gemm.is_empty() {
        shapes.retain(|shapes| !shapes.wide);
    }
    if let Some(cuda) = &device {
        gpu::measure(cuda, &shapes, args, json, &mut report)?;
    }
    let threads: &[usize] = if device.is_some() { &[] } else { &args.threads };
    for threads in threads {
        let mut settings = Settings {
            threads: *threads,
            level,
            ..Settings::default()
        };
        if let Some(cache) = args.cache {
            settings.cache = usize::try_from(cache).context("--cache is beyond this machine")?;
        }
        let cpu = Cpu::with(settings);
        for shapes in &shapes {
            products(&cpu, *threads, *shapes, args, &mut report)?;
        }
        if args.times {
            let on = format!("{threads}t");
            times::propose(&cpu, &cpu, &on, args.runs, json, &mut report)?;
            continue;
        }
        if !args.job() {
            let len = 64 << 20;
            let took = cpu.time_hash(len, args.runs).as_secs_f64();
            report(Figure::new(
                format!("hash_{threads}t"),
                len as f64 / took / 1e9,
                "GB/s",
            ));
        }
        if args.job() {
            program(args, settings, &mut report)?;
        }
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    }
    Ok(())
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| *time <= Duration::from_secs(600))
        .ok_or_else(|| "it is a number from 0 to 600".into())
}

fn shape(text: &str) -> anyhow::Result<Shapes> {
    let without = |text, suffix| match str::strip_suffix(text, suffix) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (sizes, sums) = without(text, ":sums");
    let (sizes, wide) = without(sizes, ":i16");
    let sizes: Vec<u32> = sizes
        .split('x')
        .map(|size| size.parse().ok().filter(|size| *size > 0))
        .collect::<Option<_>>()
        .with_context(|| format!("--gemm {text}: a shape looks like 128x384x384"))?;
    let [m, n, k] = sizes[..] else {
        bail!("--gemm {text}: a shape has three numbers, as 128x384x384");
    };
    ensure!(
        !(wide && sums),
        "--gemm {text}: a left side of 16 bits has no sums of 32"
    );
    Ok(Shapes {
        m,
        n,
        k,
        wide,
        sums,
    })
}

fn products(
    cpu: &Cpu,
    threads: usize,
    shapes: Shapes,
    args: &BenchArgs,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    let Shapes {
        m,
        n,
        k,
        wide,
        sums,
    } = shapes;
    let macs = f64::from(m) * f64::from(n) * f64::from(k);
    let times = cpu.time_product(shapes, args.runs, args.seconds)?;
    let name = format!(
        "gemm_{}_{m}x{n}x{k}{}_{threads}t",
        if wide { "i16" } else { "i8" },
        if sums { "_sums" } else { "" }
    );
    report(Figure::new(
        name,
        macs / times.multiply.as_secs_f64() / 1e9,
        "GMAC/s",
    ));
    Ok(())
}

/// The program that was asked for.
fn subject(args: &BenchArgs) -> anyhow::Result<Validated> {
    let Some(path) = &args.program else {
        return Ok(validate(&encoder::program(args.batch))?);
    };
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        bytes.len() <= MAX_PROGRAM_BYTES,
        "{} is longer than any program",
        path.display()
    );
    load(&bytes).with_context(|| format!("{} is not a valid program", path.display()))
}

fn program(
    args: &BenchArgs,
    settings: Settings,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    let program = subject(args)?;
    let (weights, input) = (weights(args, &program)?, input(args, &program)?);
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let roots: Vec<Root> = weights
        .iter()
        .map(|bytes| *blake3::hash(bytes).as_bytes())
        .collect();
    let run = Run {
        program: &program,
        batch: args.batch,
        input: &input,
        weights: &weights,
        roots: &roots,
    };
    let (hashed, bare) = (
        Cpu::with(settings),
        Cpu::with(Settings {
            hash: false,
            ..settings
        }),
    );
    let timed = |cpu: &Cpu, run: Run<'_>| -> anyhow::Result<Duration> {
        let started = Instant::now();
        cpu.run(run, &AtomicBool::new(false))?;
        Ok(started.elapsed())
    };
    let once = |cpu: &Cpu| timed(cpu, run);
    let planned = hashed.plan_bytes(&program, args.batch).unwrap_or(0) as f64;
    let given = (input.len() + weights.iter().map(|bytes| bytes.len()).sum::<usize>()) as f64;
    let before = memory_now();
    forget_peak();
    once(&hashed)?;
    let peak = memory_peak();
    once(&bare)?;
    // Taken in turns, so that what else the machine does falls on both alike.
    let (mut with, mut without, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
    // Without roots nothing that was kept is found.
    let unknown = Run { roots: &[], ..run };
    let started = Instant::now();
    while with.len() < args.runs.max(1) || started.elapsed() < args.seconds * 3 {
        with.push(once(&hashed)?);
        without.push(once(&bare)?);
        fresh.push(timed(&hashed, unknown)?);
    }
    let [with, without, fresh] = [with, without, fresh].map(|all| median(all).as_secs_f64());
    let batch = f64::from(args.batch);
    let name = |what: &str| format!("{what}_b{}_{}t", args.batch, settings.threads);
    report(Figure::new(name("job"), batch / with, "samples/s"));
    let macs = program.cost(args.batch).map_or(0, |cost| cost.macs) as f64;
    report(Figure::new(name("job_macs"), macs / with / 1e9, "GMAC/s"));
    report(Figure::new(name("job_hashed"), with * 1e3, "ms").against(without * 1e3));
    report(Figure::new(name("job_first"), fresh * 1e3, "ms").against(with * 1e3));
    if args.nodes {
        operators(&bare, run, args.runs, &name, report)?;
    }
    if let (Some(before), Some(peak)) = (before, peak) {
        let mib = f64::from(1 << 20);
        report(
            Figure::new(name("job_memory"), (peak - before + given) / mib, "MiB")
                .against(planned / mib),
        );
    }
    Ok(())
}

/// Notes when each node is done.
struct Watch {
    nodes: usize,
    last: Mutex<(Instant, Vec<Duration>)>,
}

impl Control for Watch {
    fn progress(&self, done: u64, _total: u64) {
        let now = Instant::now();
        let mut guard = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, times) = &mut *guard;
        let node = usize::try_from(done).unwrap_or(0).saturating_sub(1) % self.nodes.max(1);
        if let Some(time) = times.get_mut(node) {
            *time += now - *last;
        }
        *last = now;
    }

    fn stopped(&self) -> bool {
        false
    }
}

/// The time of each kind of operator in a job without roots.
fn operators(
    cpu: &Cpu,
    run: Run<'_>,
    runs: usize,
    name: &impl Fn(&str) -> String,
    report: &mut impl FnMut(Figure),
) -> anyhow::Result<()> {
    let nodes = &run.program.program().nodes;
    let mut taken: Vec<Vec<Duration>> = vec![Vec::new(); nodes.len()];
    for _ in 0..runs.max(1) {
        let watch = Watch {
            nodes: nodes.len(),
            last: Mutex::new((Instant::now(), vec![Duration::ZERO; nodes.len()])),
        };
        cpu.run(run, &watch)?;
        let (_, times) = watch
            .last
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (taken, time) in taken.iter_mut().zip(times) {
            taken.push(time);
        }
    }
    let mut kinds: BTreeMap<String, Duration> = BTreeMap::new();
    for (node, taken) in nodes.iter().zip(taken) {
        *kinds.entry(op_name(&node.op)).or_default() += median(taken);
    }
    let all: Duration = kinds.values().sum();
    for (kind, time) in kinds {
        report(
            Figure::new(name(&format!("op_{kind}")), time.as_secs_f64() * 1e3, "ms")
                .against(all.as_secs_f64() * 1e3),
        );
    }
    Ok(())
}

fn weights(args: &BenchArgs, program: &Validated) -> anyhow::Result<Vec<Vec<u8>>> {
    let wanted: Vec<u64> = program.root_constants().collect();
    if args.weights.is_empty() {
        return wanted
            .iter()
            .map(|len| Ok(noise(usize::try_from(*len)?)))
            .collect();
    }
    ensure!(
        wanted.len() == args.weights.len(),
        "the program has {} weights, --weights gives {}",
        wanted.len(),
        args.weights.len()
    );
    args.weights
        .iter()
        .map(|path| fs::read(path).with_context(|| format!("cannot read {}", path.display())))
        .collect()
}

fn input(args: &BenchArgs, program: &Validated) -> anyhow::Result<Vec<u8>> {
    match &args.input {
        Some(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display())),
        None => {
            let len = program.input_len(args.batch).with_context(|| {
                format!(
                    "--batch {} is outside 1..={} of the program",
                    args.batch,
                    program.max_batch()
                )
            })?;
            Ok(noise(usize::try_from(len)?))
        }
    }
}

/// A line of `/proc/self/status`, in bytes.
fn status(field: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0)
}

fn memory_now() -> Option<f64> {
    status("VmRSS:")
}

fn memory_peak() -> Option<f64> {
    status("VmHWM:")
}

/// Lets the peak start over from now; where that is not allowed the first run is the
/// peak anyway.
fn forget_peak() {
    if let Err(error) = fs::write("/proc/self/clear_refs", "5") {
        tracing::debug!("the peak of memory is not reset: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_three_numbers() {
        let made = shape("1x384x1536:i16").unwrap();
        assert_eq!((made.m, made.n, made.k, made.wide), (1, 384, 1536, true));
        let made = shape("1x384x1536:sums").unwrap();
        assert_eq!((made.wide, made.sums), (false, true));
        for wrong in ["1x2x3:i16:sums", "1x2", "1x2x3x4", "0x1x1", "axbxc", ""] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_has_five_columns() {
        let alone = Figure::new("a".into(), 2.0, "GB/s");
        assert_eq!(
            alone.line().split_whitespace().collect::<Vec<_>>(),
            ["a", "2.000", "GB/s", "-", "-"]
        );
        let compared = alone.against(4.0);
        assert_eq!(compared.line().split_whitespace().nth(4), Some("0.500"));
    }
}
