//! The frozen vectors of `vectors/`, whose expected values come from
//! `vectors/reference.py` and `vectors/operators.py`.
//! `python3 vectors/generate.py --check` says whether they still do.

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{judge, Claim, FraudProof, Verdict},
    load, output_root, trace_root, validate, Cost, Program, Root,
};
use codec::{Decode, Encode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Operators by their names in the specification; the file of each is its name in
/// lower case.
const OPERATORS: [&str; 29] = [
    "MatMul",
    "BatchMatMul",
    "Conv2d",
    "AddBias",
    "Requantize",
    "Add",
    "Mul",
    "Clamp",
    "Abs",
    "Select",
    "Lut8",
    "Lut16",
    "RowSum",
    "RowMax",
    "RowMean",
    "Softmax",
    "LayerNorm",
    "RmsNorm",
    "ArgMax",
    "TopK",
    "Reshape",
    "Transpose",
    "Slice",
    "Concat",
    "Pad",
    "Gather",
    "Rope",
    "MaxPool2d",
    "AvgPool2d",
];

fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    let cases: Vec<Value> = serde_json::from_str(&text).expect(&path);
    assert!(!cases.is_empty(), "{path}");
    cases
}

fn hexed(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn hash(value: &Value) -> Root {
    hexed(value).try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<Root> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn expand(spec: &Value) -> Vec<u8> {
    if spec.get("hex").is_some() {
        return hexed(&spec["hex"]);
    }
    let number = |name: &str| spec[name].as_u64().unwrap() as usize;
    if let Some(parts) = spec.get("join") {
        return parts.as_array().unwrap().iter().flat_map(expand).collect();
    }
    if let Some(bytes) = spec.get("repeat") {
        return hexed(bytes).repeat(number("times"));
    }
    if let Some(start) = spec.get("ramp") {
        let (start, step) = (start.as_i64().unwrap(), spec["step"].as_i64().unwrap());
        return (0..number("count") as i64)
            .flat_map(|i| (start + i * step).to_le_bytes()[..number("width")].to_vec())
            .collect();
    }
    let len = number("len");
    if let Some(byte) = spec.get("fill") {
        return vec![byte.as_u64().unwrap() as u8; len];
    }
    let mut x = spec["lcg"].as_u64().expect("an unknown kind of data");
    let mut next = || {
        x = x
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (x >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn check(name: &str) {
    for case in read(name) {
        let label = format!("{name}: {}", case["name"].as_str().unwrap());
        let bytes = hexed(&case["program"]);
        let loaded = load(&bytes);
        if let Some(code) = case.get("invalid") {
            let invalid = loaded.map(|_| ()).expect_err(&label);
            assert_eq!(
                u64::from(invalid.code()),
                code.as_u64().unwrap(),
                "{label}: {invalid}"
            );
            continue;
        }
        let program = loaded.unwrap_or_else(|invalid| panic!("{label}: {invalid}"));
        assert_eq!(program.program().encoded(), bytes, "{label}");
        assert_eq!(validate(program.program()), Ok(program.clone()), "{label}");
        let optional = |key: &str| case.get(key).map(hash);
        if let Some(expected) = optional("program_hash") {
            assert_eq!(program.program().hash(), expected, "{label}");
        }

        let batch = case["batch"].as_u64().unwrap() as u32;
        let cost: Vec<u64> = case["cost"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n.as_u64().unwrap())
            .collect();
        let [macs, ops, bytes, nodes, load] = cost.try_into().unwrap();
        assert_eq!(
            program.cost(batch),
            Some(Cost {
                macs,
                ops,
                bytes,
                nodes,
                load
            }),
            "{label}"
        );
        assert_eq!(program.memory(batch), case["memory"].as_u64(), "{label}");

        let input = expand(&case["input"]);
        let weights: Vec<_> = case["weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(expand)
            .collect();
        let weights: Vec<_> = weights.iter().map(Vec::as_slice).collect();
        let run = interpret(&program, batch, &input, &weights)
            .unwrap_or_else(|error| panic!("{label}: {error}"));
        for (i, expected) in case["nodes"].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                program.node_len(i, batch),
                Some(run.node(i).len() as u64),
                "{label}"
            );
            if !expected.is_null() {
                assert_eq!(
                    hex::encode(run.node(i)),
                    expected.as_str().unwrap(),
                    "{label}"
                );
            }
        }
        let trace = run.trace();
        assert_eq!(trace, hashes(&case["roots"]), "{label}");
        if let Some(expected) = optional("trace_root") {
            assert_eq!(trace_root(&trace), expected, "{label}");
        }
        let output = output_root(program.outputs(), &trace);
        if let Some(expected) = optional("output_root") {
            assert_eq!(output, Some(expected), "{label}");
        }
        assert_eq!(
            program.output_len(batch),
            Some(run.output().len() as u64),
            "{label}"
        );
        if program.outputs().len() == 1 {
            assert_eq!(output, Some(root(&run.output())), "{label}");
        }
    }
}

macro_rules! files {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        const FILES: &[&str] = &[$(stringify!($name)),*];
    };
}

files! {
    matmul batchmatmul conv2d addbias
    requantize add mul clamp abs select lut8 lut16
    rowsum rowmax rowmean softmax layernorm rmsnorm argmax topk
    reshape transpose slice concat pad gather rope
    maxpool2d avgpool2d
    program
}

/// A file that nothing here reads would be a promise that nothing keeps.
#[test]
fn every_file_is_read_and_every_operator_has_one() {
    let folder = format!("{}/vectors", env!("CARGO_MANIFEST_DIR"));
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let read: BTreeSet<String> = FILES
        .iter()
        .chain(&["proofs"])
        .map(|name| name.to_string())
        .collect();
    assert_eq!(found, read);
    for name in OPERATORS {
        assert!(read.contains(&name.to_lowercase()), "{name}");
    }
}

/// The file of an operator runs it, refuses it, and is about it.
#[test]
fn every_operator_is_run_and_refused() {
    for name in OPERATORS {
        let (mut runs, mut refusals) = (0, 0);
        for case in read(&name.to_lowercase()) {
            if case.get("invalid").is_some() {
                refusals += 1;
                continue;
            }
            let program = load(&hexed(&case["program"])).unwrap();
            let mut nodes = program.program().nodes.iter();
            assert!(nodes.any(|node| node.op.name() == name), "{name}");
            runs += 1;
        }
        assert!(runs >= 5 && refusals >= 3, "{name}: {runs}, {refusals}");
    }
}

#[test]
fn proofs() {
    let mut seen = BTreeMap::<_, BTreeSet<_>>::new();
    for case in read("proofs") {
        let label = case["name"].as_str().unwrap();
        let program = load(&hexed(&case["program"])).unwrap();
        let (weights, trace) = (hashes(&case["weights"]), hashes(&case["trace"]));
        let claim = Claim {
            batch: case["batch"].as_u64().unwrap() as u32,
            input: &hash(&case["input_root"]),
            weights: &weights,
            trace: &trace,
        };
        let bytes = hexed(&case["proof"]);
        let mut rest = bytes.as_slice();
        let proof = FraudProof::decode(&mut rest).unwrap();
        assert!(rest.is_empty(), "{label}");
        assert_eq!(proof.encode(), bytes, "{label}");
        let found = match judge(&program, &claim, &proof) {
            Ok(Verdict::Convicted) => "convicted",
            Ok(Verdict::Upheld) => "upheld",
            Err(_) => "refused",
        };
        assert_eq!(found, case["verdict"].as_str().unwrap(), "{label}");
        if let Some(node) = program.program().nodes.get(usize::from(proof.node)) {
            seen.entry(node.op.name()).or_default().insert(found);
        }
    }
    for name in OPERATORS {
        let all = BTreeSet::from(["convicted", "refused", "upheld"]);
        assert_eq!(seen.get(name), Some(&all), "{name}");
    }
}

#[test]
fn limits_of_lists_hold_for_a_program_that_was_never_decoded() {
    let good = load(&hexed(&read("clamp")[0]["program"]))
        .unwrap()
        .program()
        .clone();
    let with = |change: fn(&mut Program)| {
        let mut program = good.clone();
        change(&mut program);
        validate(&program).unwrap_err().code()
    };
    assert_eq!(with(|p| p.inputs = vec![p.inputs[0].clone(); 17]), 7);
    assert_eq!(with(|p| p.nodes = vec![p.nodes[0].clone(); 1025]), 9);
    assert_eq!(with(|p| p.outputs = vec![0; 9]), 10);
    assert_eq!(
        with(|p| p.nodes[0].operands = vec![p.nodes[0].operands[0]; 17]),
        17
    );
    assert_eq!(
        with(|p| {
            let ty = p.inputs[0].clone();
            p.constants = vec![athanor_tensor_program::Constant::Root { ty }; 1025];
        }),
        8
    );
}
