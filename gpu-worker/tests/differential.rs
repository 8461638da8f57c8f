//! The CPU backend against the reference interpreter: random valid programs, random
//! and adversarial bytes, every level of instructions this machine has, one thread and
//! several, whole batches and batches cut into single samples.
//!
//! `ATHANOR_FUZZ_CASES` sets the number of programs, `ATHANOR_FUZZ_SEED` the first
//! seed: `make fuzz-worker` runs millions.

use athanor_exact_kernels::Level;
use athanor_tensor_program::{
    interpret, output_root,
    testing::{random_program_with, Choices, Job, Limits, OPERATORS},
    trace_root,
};
use gpu_worker::backend::{
    cpu::{Cpu, Settings},
    Backend, Run,
};
use std::{sync::atomic::AtomicBool, time::Instant};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn backends() -> Vec<(String, Cpu)> {
    let mut backends = Vec::new();
    for level in Level::available() {
        for (threads, cache) in [(1, 4 << 20), (3, 1)] {
            let settings = Settings {
                threads,
                level,
                cache,
                // The first as in use, the second shares even the smallest work.
                alone: if threads == 1 { 50_000 } else { 0 },
                hash: true,
            };
            backends.push((format!("{settings:?}"), Cpu::with(settings)));
        }
    }
    backends
}

fn compare(job: &Job, backends: &[(String, Cpu)], what: &str) {
    let weights = job.weights();
    let reference = interpret(&job.program, job.batch, &job.input, &weights)
        .unwrap_or_else(|error| panic!("{what}: the reference failed: {error}"));
    let roots = reference.trace();
    for (name, backend) in backends {
        let run = Run {
            program: &job.program,
            batch: job.batch,
            input: &job.input,
            weights: &weights,
            roots: &[],
        };
        let trace = backend
            .run(run, &AtomicBool::new(false))
            .unwrap_or_else(|error| panic!("{what} on {name}: {error}"));
        let found = trace.roots();
        if let Some(node) = (0..roots.len()).find(|node| roots.get(*node) != found.get(*node)) {
            panic!(
                "{what} on {name}: node {node} of {} differs: {:?}, batch {}",
                roots.len(),
                job.program.program().nodes[node],
                job.batch,
            );
        }
        assert_eq!(trace_root(&found), trace_root(&roots), "{what} on {name}");
        assert_eq!(
            output_root(job.program.outputs(), &found),
            output_root(job.program.outputs(), &roots),
            "{what} on {name}"
        );
        assert_eq!(
            trace.joined(job.program.outputs()).as_deref(),
            Some(&reference.output()[..]),
            "{what} on {name}"
        );
        assert!(
            backend.plan_bytes(&job.program, job.batch).is_some(),
            "{what} on {name}: no plan"
        );
    }
}

#[test]
fn random_programs_give_the_references_bits() {
    let backends = backends();
    let (cases, first) = (
        number("ATHANOR_FUZZ_CASES", 1_500),
        number("ATHANOR_FUZZ_SEED", 1),
    );
    let started = Instant::now();
    for (done, seed) in (first..first + cases).enumerate() {
        compare(&Job::random(seed), &backends, &format!("seed {seed}"));
        if (done + 1) % 10_000 == 0 {
            println!("{} programs in {:?}", done + 1, started.elapsed());
        }
    }
}

#[test]
fn every_operator_gives_the_references_bits() {
    let backends = backends();
    let cases = number("ATHANOR_FUZZ_CASES", 1_500).div_ceil(OPERATORS.len() as u64);
    let first = number("ATHANOR_FUZZ_SEED", 1);
    for (operator, name) in OPERATORS.iter().enumerate() {
        for seed in first..first + cases {
            let program = random_program_with(operator, seed);
            let job = Job::with_data(program, &mut Choices::seeded(seed));
            compare(&job, &backends, &format!("{name}, seed {seed}"));
        }
    }
}

/// Values of several pieces and several tiles, which small programs never have.
#[test]
fn larger_programs_give_the_references_bits() {
    let backends = backends();
    let limits = Limits {
        nodes: 5,
        elements: 60_000,
        steps: 3_000_000,
        max_batch: 9,
    };
    let first = number("ATHANOR_FUZZ_SEED", 1);
    for seed in first..first + number("ATHANOR_FUZZ_CASES", 1_500).div_ceil(50) {
        let job = Job::draw(&mut Choices::seeded(!seed), &limits, None);
        compare(&job, &backends, &format!("large, seed {seed}"));
    }
}
