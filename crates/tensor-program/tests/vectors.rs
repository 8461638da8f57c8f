//! The frozen vectors of `vectors/`, whose expected values come from
//! `vectors/reference.py`.

use athanor_content_tree::root;
use athanor_tensor_program::{
    interpret,
    judge::{judge, Claim, FraudProof, Verdict},
    load, output_root, trace_root, validate, Cost, Program, Root,
};
use codec::{Decode, Encode};
use serde_json::Value;

fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
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
    let len = spec["len"].as_u64().unwrap() as usize;
    if let Some(byte) = spec.get("fill") {
        return vec![byte.as_u64().unwrap() as u8; len];
    }
    let mut x = spec["lcg"].as_u64().unwrap();
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
            let invalid = loaded.expect_err(&label);
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
        assert_eq!(
            program.program().hash(),
            hash(&case["program_hash"]),
            "{label}"
        );

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
        assert_eq!(trace_root(&trace), hash(&case["trace_root"]), "{label}");
        let output = output_root(program.outputs(), &trace);
        assert_eq!(output, Some(hash(&case["output_root"])), "{label}");
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

#[test]
fn matmul() {
    check("matmul");
}

#[test]
fn requantize() {
    check("requantize");
}

#[test]
fn lut8() {
    check("lut8");
}

#[test]
fn clamp() {
    check("clamp");
}

#[test]
fn argmax() {
    check("argmax");
}

#[test]
fn reshape() {
    check("reshape");
}

#[test]
fn whole_programs() {
    check("program");
}

#[test]
fn proofs() {
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
