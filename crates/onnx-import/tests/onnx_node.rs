//! ONNX's own test cases of the integer operators, through the importer: see
//! `models/make.py` for where they come from. The table says what becomes of each.

use athanor_onnx_import::{import, Imported, Options, Tensor};
use athanor_tensor_program::{interpret, validate};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What a case comes to.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The same integers, or the same floats but for their last bit.
    Equal,
    /// The same but where ONNX's data wrapped around at the end of the type: its
    /// specification saturates, and so does a program.
    Saturated,
    /// Refused, with a reason that contains this.
    Refused(&'static str),
}
use Outcome::{Equal, Refused, Saturated};

const FLOAT8: &str = "element type";
const PER_CHANNEL: &str = "one scale for each channel";
const BLOCKS: &str = "one scale for each channel";
const DYNAMIC: &str = "run time";

const TABLE: &[(&str, Outcome)] = &[
    ("test_convinteger_with_padding", Equal),
    ("test_convinteger_without_padding", Equal),
    ("test_dequantizelinear", Equal),
    ("test_dequantizelinear_axis", Refused(PER_CHANNEL)),
    ("test_dequantizelinear_blocked", Refused(BLOCKS)),
    ("test_dequantizelinear_e4m3fn", Refused(FLOAT8)),
    ("test_dequantizelinear_e4m3fn_float16", Refused(FLOAT8)),
    ("test_dequantizelinear_e4m3fn_zero_point", Refused(FLOAT8)),
    ("test_dequantizelinear_e5m2", Refused(FLOAT8)),
    ("test_dequantizelinear_float4e2m1", Refused(FLOAT8)),
    ("test_dequantizelinear_int16", Equal),
    ("test_dequantizelinear_int2", Refused(FLOAT8)),
    ("test_dequantizelinear_int4", Refused(FLOAT8)),
    ("test_dequantizelinear_uint16", Equal),
    ("test_dequantizelinear_uint2", Refused(FLOAT8)),
    ("test_dequantizelinear_uint4", Refused(FLOAT8)),
    ("test_dynamicquantizelinear", Refused(DYNAMIC)),
    ("test_dynamicquantizelinear_expanded", Refused(DYNAMIC)),
    ("test_dynamicquantizelinear_max_adjusted", Refused(DYNAMIC)),
    (
        "test_dynamicquantizelinear_max_adjusted_expanded",
        Refused(DYNAMIC),
    ),
    ("test_dynamicquantizelinear_min_adjusted", Refused(DYNAMIC)),
    (
        "test_dynamicquantizelinear_min_adjusted_expanded",
        Refused(DYNAMIC),
    ),
    ("test_matmulinteger", Equal),
    ("test_qlinearconv", Equal),
    ("test_qlinearmatmul_2D_int8_float16", Saturated),
    ("test_qlinearmatmul_2D_int8_float32", Saturated),
    ("test_qlinearmatmul_2D_uint8_float16", Equal),
    ("test_qlinearmatmul_2D_uint8_float32", Equal),
    ("test_qlinearmatmul_3D_int8_float16", Saturated),
    ("test_qlinearmatmul_3D_int8_float32", Saturated),
    ("test_qlinearmatmul_3D_uint8_float16", Equal),
    ("test_qlinearmatmul_3D_uint8_float32", Equal),
    ("test_quantizelinear", Equal),
    ("test_quantizelinear_axis", Refused(PER_CHANNEL)),
    ("test_quantizelinear_blocked_asymmetric", Refused(BLOCKS)),
    ("test_quantizelinear_blocked_symmetric", Refused(BLOCKS)),
    ("test_quantizelinear_e4m3fn", Refused(FLOAT8)),
    ("test_quantizelinear_e5m2", Refused(FLOAT8)),
    ("test_quantizelinear_float4e2m1", Refused(FLOAT8)),
    ("test_quantizelinear_int16", Equal),
    ("test_quantizelinear_int2", Refused(FLOAT8)),
    ("test_quantizelinear_int4", Refused(FLOAT8)),
    ("test_quantizelinear_uint16", Equal),
    ("test_quantizelinear_uint2", Refused(FLOAT8)),
    ("test_quantizelinear_uint4", Refused(FLOAT8)),
];

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn tensors(case: &Value, key: &str) -> Vec<Result<Tensor, String>> {
    let read = |value| Tensor::from_onnx(&bytes(value)).map_err(|error| error.to_string());
    case[key].as_array().unwrap().iter().map(read).collect()
}

/// Runs a case: the program's output and what ONNX expects.
fn run(name: &str, case: &Value) -> Result<(Vec<f64>, Vec<f64>), String> {
    let names: Vec<&str> = case["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    // The activations; scales, zero points and weights are constants of a model.
    let activations: &[usize] = if name.contains("matmul_3D") {
        &[0, 3]
    } else {
        &[0]
    };
    let mut constants = HashMap::new();
    let mut samples = BTreeMap::new();
    for (index, tensor) in tensors(case, "inputs").into_iter().enumerate() {
        let tensor = tensor?;
        if activations.contains(&index) {
            samples.insert(names[index].to_owned(), tensor);
        } else {
            constants.insert(names[index].to_owned(), tensor);
        }
    }
    let options = Options {
        constants,
        ..Options::default()
    };
    let Imported {
        program,
        weights,
        report,
    } = import(&bytes(&case["model"]), &options).map_err(|error| error.to_string())?;
    let mut blob = Vec::new();
    let mut batch = 0;
    for port in &report.inputs {
        let tensor = &samples[&port.name];
        batch = tensor.shape[0] as u32;
        blob.extend(port.encode(tensor));
    }
    let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
    let run = interpret(&validate(&program).unwrap(), batch, &blob, &weights).unwrap();
    let got = report.outputs[0].decode(&run.output());
    let want = tensors(case, "outputs").remove(0)?;
    let want = want.to_floats().iter().map(|v| f64::from(*v)).collect();
    Ok((got, want))
}

#[test]
fn every_case_does_what_the_table_says() {
    let text = include_str!("models/onnx_node.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_object().unwrap();
    let listed: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let found: Vec<&str> = cases.keys().map(String::as_str).collect();
    assert_eq!(listed, found);

    let mut wrong = Vec::new();
    for (name, outcome) in TABLE {
        match (outcome, run(name, &cases[*name])) {
            (Equal, Ok((got, want))) => {
                let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.abs().max(1.0);
                if got.len() != want.len() || !got.iter().zip(&want).all(near) {
                    wrong.push(format!("{name}: {got:?} instead of {want:?}"));
                }
            }
            (Saturated, Ok((got, want))) => {
                let fits = |(a, b): (&f64, &f64)| a == b || *a == -128.0 || *a == 127.0;
                if got == want || !got.iter().zip(&want).all(fits) {
                    wrong.push(format!("{name}: {got:?} instead of {want:?}"));
                }
            }
            (Refused(reason), Err(error)) if error.contains(reason) => {}
            (_, other) => wrong.push(format!("{name}: {outcome:?} expected, {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
