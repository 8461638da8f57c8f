//! The model of `examples/digits` gives exactly what its `model.json` says.

use athanor_content_tree::root;
use athanor_tensor_program::{interpret, load, output_root, trace_root, Cost, Root};
use serde_json::Value;

fn file(name: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../examples/digits/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read(&path).expect(&path)
}

fn hash(value: &Value) -> Root {
    hex::decode(value.as_str().unwrap())
        .unwrap()
        .try_into()
        .unwrap()
}

#[test]
fn the_digits_program_has_the_roots_and_the_accuracy_of_its_report() {
    let report: Value = serde_json::from_slice(&file("model.json")).unwrap();
    let program = load(&file("program.bin")).unwrap();
    assert_eq!(program.program().hash(), hash(&report["program"]["hash"]));

    let weights: Vec<Vec<u8>> = report["weights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|weight| {
            let bytes = file(weight["file"].as_str().unwrap());
            assert_eq!(root(&bytes), hash(&weight["root"]));
            bytes
        })
        .collect();
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let (input, labels) = (file("digits.bin"), file("labels.bin"));
    assert_eq!(root(&input), hash(&report["input"]["root"]));
    assert_eq!(labels.len(), 1_797);

    let batch = labels.len() as u32;
    let run = interpret(&program, batch, &input, &weights).unwrap();
    let trace = run.trace();
    assert_eq!(trace_root(&trace), hash(&report["trace_root"]));
    assert_eq!(root(&run.output()), hash(&report["output"]["root"]));
    assert_eq!(
        output_root(program.outputs(), &trace),
        Some(root(&run.output()))
    );

    let classes: Vec<i32> = run
        .output()
        .chunks_exact(4)
        .map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let right = |index: usize| classes[index] == i32::from(labels[index]);
    let held_out: Vec<usize> = report["held_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|index| index.as_u64().unwrap() as usize)
        .collect();
    let accuracy = &report["accuracy"]["integer"];
    assert_eq!(
        (0..labels.len()).filter(|index| right(*index)).count() as u64,
        accuracy["all"]["right"].as_u64().unwrap()
    );
    assert_eq!(
        held_out.iter().filter(|index| right(**index)).count() as u64,
        accuracy["held_out"]["right"].as_u64().unwrap()
    );

    let cost = |name: &str| report["cost"][name].as_u64().unwrap();
    let expected = Cost {
        macs: cost("macs"),
        ops: cost("ops"),
        bytes: cost("bytes"),
        nodes: cost("nodes"),
        load: cost("load"),
    };
    assert_eq!(program.cost(batch), Some(expected));
}
