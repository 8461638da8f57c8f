//! The CUDA kernels and the schedules that launch them, run on the CPU against the reference.
//!
//! Everything but the driver is the code that runs on a device: sources, lowering, memory plan. More
//! jobs than by default: `ATHANOR_SHIM_JOBS=1000 cargo test -p gpu-worker --test shim`; another seed:
//! `ATHANOR_SHIM_SEED`.

#[path = "shim/process.rs"]
mod process;

use athanor_tensor_program::interpret;
use gpu_worker::backend::cuda::{
    kernels::Kernel,
    lower::{lower, Library, Options},
    schedule::{Buf, Schedule, Source, HASH_LAG},
    suite::{job, program, Job, Random, NAMES},
};
use process::{Products8, Shim};
use std::collections::VecDeque;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// The bytes a buffer starts with.
fn content<'a>(job: &'a Job, source: &'a Source) -> &'a [u8] {
    match source {
        Source::Input(range) => &job.input[range.start as usize..range.end as usize],
        Source::Weight(index) => &job.weights[*index],
        Source::Bytes(bytes) => bytes,
        Source::Nothing => &[],
    }
}

fn reference(job: &Job) -> athanor_tensor_program::Execution {
    let weights: Vec<&[u8]> = job.weights.iter().map(Vec::as_slice).collect();
    interpret(&job.program, job.batch, &job.input, &weights).unwrap()
}

/// Every buffer by itself, with a page behind it that cannot be touched: every node's bytes and root.
fn check_apart(shim: &mut Shim, job: &Job, options: Options, label: &str) {
    let schedule = lower(&job.program, job.batch, options).unwrap();
    let expected = reference(job);
    let mut at = Vec::new();
    for buffer in &schedule.buffers {
        let address = shim.allocate(buffer.bytes);
        shim.write(address, content(job, &buffer.source));
        at.push(address);
    }
    let address = |buf: Buf| at[buf.index()];
    for (index, node) in schedule.nodes.iter().enumerate() {
        let used: Vec<String> = node.steps.iter().map(|step| format!("{step:?}")).collect();
        for step in node.steps.iter().chain(&node.hash) {
            shim.step(step, address);
        }
        let bytes = expected.node(index);
        let found = shim.read(address(node.output), bytes.len() as u64);
        if found != bytes {
            let first = found.iter().zip(bytes).position(|(a, b)| a != b);
            panic!(
                "{label}: node {index}, byte {first:?} of {}: {} instead of {}\n{:?}\n{used:#?}",
                bytes.len(),
                found[first.unwrap()],
                bytes[first.unwrap()],
                job.program.program(),
            );
        }
        if node.repeats.is_none() {
            let root = shim.read(address(schedule.roots) + 32 * index as u64, 32);
            assert_eq!(
                root,
                expected.trace()[index],
                "{label}: root of node {index}"
            );
        }
    }
    shim.free();
}

/// All buffers where the layout puts them, every hash as late as it may be: the roots.
fn check_packed(shim: &mut Shim, job: &Job, options: Options, label: &str) {
    let schedule = lower(&job.program, job.batch, options).unwrap();
    let layout = schedule.layout();
    let base = shim.allocate(layout.bytes);
    let address = |buf: Buf| base + layout.offsets[buf.index()];
    for (index, buffer) in schedule.buffers.iter().enumerate() {
        if !matches!(buffer.source, Source::Nothing) {
            shim.write(
                address_of(base, &layout.offsets, index),
                content(job, &buffer.source),
            );
        }
    }
    let mut late = VecDeque::new();
    for node in &schedule.nodes {
        if late.len() == HASH_LAG {
            for step in late.pop_front().into_iter().flatten() {
                shim.step(step, address);
            }
        }
        for step in &node.steps {
            shim.step(step, address);
        }
        late.push_back(&node.hash);
    }
    for step in late.into_iter().flatten() {
        shim.step(step, address);
    }
    let expected = reference(job);
    let roots = shim.read(address(schedule.roots), 32 * schedule.nodes.len() as u64);
    for (index, root) in expected.trace().iter().enumerate() {
        if schedule.nodes[index].repeats.is_none() {
            assert_eq!(
                roots[32 * index..32 * index + 32],
                *root,
                "{label}: root of node {index}"
            );
        }
    }
    for output in &schedule.outputs {
        let bytes = expected.node(*output);
        let found = shim.read(address(schedule.nodes[*output].output), bytes.len() as u64);
        assert!(found == bytes, "{label}: output {output}");
    }
    shim.free();
}

fn address_of(base: u64, offsets: &[u64], index: usize) -> u64 {
    base + offsets[index]
}

const WAYS: [Options; 4] = [
    Options {
        library: Library::Never,
        many_tiles: 96,
    },
    Options {
        library: Library::Never,
        many_tiles: 1,
    },
    Options {
        library: Library::Sums,
        many_tiles: 96,
    },
    Options {
        library: Library::Always,
        many_tiles: 96,
    },
];

fn jobs(name: &'static str, count: u64, salt: u64) -> impl Iterator<Item = (String, Job)> {
    let seed = setting("ATHANOR_SHIM_SEED", 1);
    (0..count).map(move |i| {
        let mut random = Random::new(seed ^ salt << 32 ^ i << 40 ^ name.len() as u64);
        let job = job(name, &mut random).unwrap_or_else(|error| panic!("{name} {i}: {error}"));
        (format!("{name}, job {i} of seed {seed}"), job)
    })
}

#[test]
fn every_operator_gives_the_references_bytes_and_every_kernel_is_reached() {
    let mut shim = Shim::start(Products8::Mma);
    let count = setting("ATHANOR_SHIM_JOBS", 12);
    for (salt, name) in NAMES.iter().enumerate() {
        let linear = matches!(*name, "MatMul" | "BatchMatMul" | "Conv2d");
        for (label, job) in jobs(name, if linear { 3 * count } else { count }, salt as u64) {
            let ways = if linear { &WAYS[..] } else { &WAYS[..1] };
            for options in ways {
                check_apart(&mut shim, &job, *options, &label);
            }
        }
    }
    // A root of more than 128 chunks, and one of more than 128 times that, take the tree.
    let missed: Vec<&Kernel> = Kernel::ALL
        .iter()
        .filter(|kernel| **kernel != Kernel::Blake3Tree && !shim.launches.contains_key(kernel))
        .collect();
    assert!(missed.is_empty(), "no job reached {missed:?}");
    assert!(shim.products > 0);
}

#[test]
fn products_without_tensor_cores_give_the_references_bytes() {
    let mut shim = Shim::start(Products8::Dp4a);
    let count = setting("ATHANOR_SHIM_JOBS", 12);
    for (salt, name) in ["MatMul", "BatchMatMul", "Conv2d"].into_iter().enumerate() {
        for (label, job) in jobs(name, count, 100 + salt as u64) {
            for options in &WAYS[..2] {
                check_apart(&mut shim, &job, *options, &label);
            }
        }
    }
}

#[test]
fn buffers_that_share_memory_do_not_disturb_each_other() {
    let mut shim = Shim::start(Products8::Mma);
    let count = setting("ATHANOR_SHIM_JOBS", 12) / 3;
    for (salt, name) in NAMES.iter().enumerate() {
        for (label, job) in jobs(name, count, 200 + salt as u64) {
            check_packed(&mut shim, &job, WAYS[0], &label);
        }
    }
}

#[test]
fn random_programs_give_the_references_roots() {
    let mut shim = Shim::start(Products8::Mma);
    let seed = setting("ATHANOR_SHIM_SEED", 1).wrapping_mul(1_000_003);
    for index in 0..20 * setting("ATHANOR_SHIM_JOBS", 12) {
        let seed = seed.wrapping_add(index);
        let options = WAYS[index as usize % WAYS.len()];
        check_packed(
            &mut shim,
            &program(seed),
            options,
            &format!("program {seed}"),
        );
    }
}

/// The roots of tensors around every border of the tree.
#[test]
fn roots_of_all_lengths_are_blake3s() {
    use gpu_worker::backend::cuda::lower::hash_steps;
    let mut shim = Shim::start(Products8::Mma);
    let mut random = Random::new(7);
    let chunk = 1_024u64;
    let mut lengths = vec![1, 63, 64, 65, 127, 128, 1_023, 1_024, 1_025, 2_047, 3_073];
    for j in 1..=9 {
        lengths.extend([(1 << j) * chunk - 1, (1 << j) * chunk, (1 << j) * chunk + 1]);
        lengths.push(((1 << j) + 1) * chunk);
    }
    lengths.extend([(128 * 128 + 129) * chunk + 5]);
    for bytes in lengths {
        let data: Vec<u8> = (0..bytes).map(|_| random.number() as u8).collect();
        let schedule: Schedule = hash_steps(bytes);
        let at: Vec<u64> = schedule
            .buffers
            .iter()
            .map(|buffer| shim.allocate(buffer.bytes))
            .collect();
        shim.write(at[schedule.nodes[0].output.index()], &data);
        for step in &schedule.nodes[0].hash {
            shim.step(step, |buf| at[buf.index()]);
        }
        let root = shim.read(at[schedule.roots.index()], 32);
        assert_eq!(root, blake3::hash(&data).as_bytes(), "{bytes} bytes");
        shim.free();
    }
    assert!(shim.launches[&Kernel::Blake3Tree] > 0);
}
