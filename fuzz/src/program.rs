use crate::{memory, noise};
use athanor_tensor_program::{interpret, load, validate, Validated};

/// Decodes and validates a program. One that is taken has a single encoding,
/// figures for every batch in its range and for none outside, and runs on any
/// data.
pub fn program(data: &[u8]) {
    // A node of a few bytes becomes a struct with its shapes, and decoding a list
    // makes room for some KiB of it first; nothing grows with what a program
    // merely says.
    let limit = data.len() * 128 + (1 << 20);
    let Ok(program) = memory::within(limit, || load(data)) else {
        return;
    };
    assert_eq!(program.program().encoded(), data);
    assert!(validate(program.program()).is_ok());
    let max = program.max_batch();
    for (batch, inside) in [(0, false), (1, true), (max, true)] {
        figures(&program, batch, inside);
    }
    if let Some(above) = max.checked_add(1) {
        figures(&program, above, false);
    }
    run(&program, 1);
    run(&program, max.min(3));
}

fn figures(program: &Validated, batch: u32, inside: bool) {
    for some in [
        program.cost(batch).is_some(),
        program.memory(batch).is_some(),
        program.input_len(batch).is_some(),
        program.output_len(batch).is_some(),
        program.node_len(0, batch).is_some(),
    ] {
        assert_eq!(some, inside, "batch {batch}");
    }
}

fn run(program: &Validated, batch: u32) {
    let (Some(cost), Some(memory), Some(len)) = (
        program.cost(batch),
        program.memory(batch),
        program.input_len(batch),
    ) else {
        panic!("no figures for batch {batch}");
    };
    if memory > 1 << 18 || cost.macs.saturating_add(cost.ops) > 1 << 18 {
        return;
    }
    let input = noise(len, len as usize);
    let weights: Vec<Vec<u8>> = program
        .root_constants()
        .zip(1..)
        .map(|(len, seed)| noise(seed, len as usize))
        .collect();
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    match interpret(program, batch, &input, &weights) {
        Ok(done) => {
            for node in 0..program.node_count() {
                let len = program.node_len(node, batch);
                assert_eq!(Some(done.node(node).len() as u64), len);
            }
        }
        Err(error) => panic!("a valid program does not run: {error}"),
    }
}
