//! `gpu-worker run`: one job offline.

use super::{pairs, Format};
use crate::{
    backend::{self, Choice, Control},
    cuda,
    engine::{Limits, Task},
    system::{human_bytes, parse_bytes},
    worker,
};
use anyhow::{bail, ensure, Context};
use athanor_primitives::{ticket::to_hex, Duty, Ticket};
use athanor_tensor_program::MAX_PROGRAM_BYTES;
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sp_crypto_hashing::blake2_256;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// A job to run offline.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// File of the program's canonical encoding.
    #[arg(value_name = "PROGRAM")]
    pub program: PathBuf,

    /// Files of the weights, in the program's order.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub weights: Vec<PathBuf>,

    /// File of the input: all inputs joined.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,

    /// Samples in the input [default: as many as its length says].
    #[arg(long, value_name = "N")]
    pub batch: Option<u32>,

    /// Where the output goes, all outputs joined.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// What runs the program: auto, cpu or cuda.
    #[arg(long, value_enum, default_value_t = Choice::Auto, hide_possible_values = true)]
    pub backend: Choice,

    /// Threads of the CPU backend, 0 for one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,

    /// Memory the run may use, as 8GiB [default: what is free].
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub memory: Option<u64>,

    /// How the result is printed: table or json.
    #[arg(long, value_enum, default_value_t = Format::Table, hide_possible_values = true)]
    pub format: Format,
}

struct Bar(ProgressBar);

impl Control for Bar {
    fn progress(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    fn stopped(&self) -> bool {
        false
    }
}

/// Runs the job and prints its receipt.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let program = read(&args.program, "program", MAX_PROGRAM_BYTES as u64)?;
    let memory = args
        .memory
        .or_else(|| crate::system::memory().map(|memory| memory.available))
        .unwrap_or(u64::MAX);
    let validated = athanor_tensor_program::load(&program)
        .with_context(|| format!("{} is not a valid program", args.program.display()))?;
    let input_len = length(&args.input, "input")?;
    let batch = match args.batch {
        Some(batch) => batch,
        None => infer_batch(&validated, input_len, &args.input)?,
    };
    let expected = validated.input_len(batch).with_context(|| {
        format!(
            "--batch {batch} is outside 1..={} of the program",
            validated.max_batch()
        )
    })?;
    ensure!(
        input_len == expected,
        "{} has {input_len} bytes, a batch of {batch} has {expected}",
        args.input.display()
    );
    let wanted: Vec<u64> = validated.root_constants().collect();
    ensure!(
        wanted.len() == args.weights.len(),
        "the program has {} weights, --weights gives {}",
        wanted.len(),
        args.weights.len()
    );
    for (index, (path, len)) in args.weights.iter().zip(&wanted).enumerate() {
        let found = length(path, "weights")?;
        ensure!(
            found == *len,
            "{} has {found} bytes, weight {index} of the program has {len}",
            path.display()
        );
    }
    let (backend, why) = backend::choose(args.backend, args.threads, cuda::probe)?;
    tracing::info!("{why}");
    let device_memory = backend.own_memory();
    let needed = backend
        .plan_bytes(&validated, batch)
        .or_else(|| validated.memory(batch))
        .unwrap_or(u64::MAX);
    let (most, next) = match device_memory {
        Some(free) => (free, "take a smaller --batch, or --backend cpu"),
        None => (memory, "take a smaller --batch, or raise --memory"),
    };
    ensure!(
        needed <= most,
        "the run needs {}, it may use {}: {next}",
        human_bytes(needed),
        human_bytes(most)
    );
    let mut bytes = Vec::new();
    for (path, len) in args.weights.iter().zip(&wanted) {
        bytes.push(Bytes::from(read(path, "weights", *len)?));
    }
    bytes.push(Bytes::from(read(&args.input, "input", expected)?));
    let roots: Vec<[u8; 32]> = bytes
        .iter()
        .map(|blob| *blake3::hash(blob).as_bytes())
        .collect();
    let (Some(input_root), weights) = (roots.last().copied(), roots[..wanted.len()].to_vec())
    else {
        bail!("a run without an input");
    };
    let ticket = Ticket {
        job: 0,
        duty: Duty::Wait,
        deadline: 0,
        model: 0,
        program_hash: blake2_256(&program),
        weights,
        input_root,
        batch,
        inline_output: false,
    };
    let task = Task::new(ticket, &program)?.planned(needed);
    let limits = Limits {
        memory,
        device_memory,
        max_blob: u64::MAX,
        ..Limits::default()
    };
    if let Err(refusal) = task.check(&limits) {
        bail!("{}", refusal.message);
    }
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{elapsed_precise} [{wide_bar}] {percent:>3} %, {eta} left")?
            .progress_chars("=> "),
    );
    let started = Instant::now();
    let made = worker::compute(&*backend, &task, &bytes, None, &Bar(bar.clone()))?;
    let took = started.elapsed();
    bar.finish_and_clear();
    // The last blob is the output, or all outputs joined.
    let output = made.blobs.last().cloned().unwrap_or_default();
    if let Some(path) = &args.output {
        fs::write(path, &output).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let outcome = &made.outcome;
    match args.format {
        Format::Json => {
            let json = serde_json::json!({
                "program_hash": to_hex(&task.ticket().program_hash),
                "weights": task.ticket().weights.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                "input_root": to_hex(&input_root),
                "batch": batch,
                "trace_root": to_hex(&outcome.trace_root),
                "output_root": to_hex(&outcome.output_root),
                "node_roots": outcome.node_roots.iter().map(|root| to_hex(root)).collect::<Vec<_>>(),
                "output_bytes": output.len(),
                "output": args.output.as_ref().map(|path| path.display().to_string()),
                "units": task.units(),
                "seconds": took.as_secs_f64(),
                "backend": backend.device().backend,
                "device": backend.device().name,
            });
            println!("{}", serde_json::to_string_pretty(&json)?);
        }
        Format::Table => {
            let rows = [
                ("program", to_hex(&task.ticket().program_hash)),
                ("input root", to_hex(&input_root)),
                ("batch", batch.to_string()),
                ("trace root", to_hex(&outcome.trace_root)),
                ("output root", to_hex(&outcome.output_root)),
                ("output", human_bytes(output.len() as u64)),
                ("units", task.units().to_string()),
                (
                    "time",
                    format!("{:.3} s on {}", took.as_secs_f64(), backend.device().name),
                ),
            ];
            println!("{}", pairs(rows));
        }
    }
    Ok(())
}

/// The batch that makes an input of `len` bytes.
fn infer_batch(
    program: &athanor_tensor_program::Validated,
    len: u64,
    path: &Path,
) -> anyhow::Result<u32> {
    let one = program.input_len(1).unwrap_or(0).max(1);
    ensure!(
        len > 0 && len.is_multiple_of(one),
        "{} has {len} bytes, which is no whole number of samples of {one} bytes",
        path.display()
    );
    u32::try_from(len / one).context("the input has more samples than any batch")
}

fn length(path: &Path, what: &str) -> anyhow::Result<u64> {
    let meta =
        fs::metadata(path).with_context(|| format!("cannot read the {what} {}", path.display()))?;
    ensure!(
        meta.is_file(),
        "the {what} {} is not a file",
        path.display()
    );
    Ok(meta.len())
}

fn read(path: &Path, what: &str, limit: u64) -> anyhow::Result<Vec<u8>> {
    let len = length(path, what)?;
    ensure!(
        len <= limit,
        "the {what} {} has {len} bytes, at most {limit} are read",
        path.display()
    );
    fs::read(path).with_context(|| format!("cannot read the {what} {}", path.display()))
}
