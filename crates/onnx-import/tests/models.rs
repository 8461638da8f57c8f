//! Small models made by `models/make.py`, against what onnxruntime computed.

use athanor_onnx_import::{import, npz, Error, Imported, Options, Tensor};
use athanor_tensor_program::{
    arith::pack_scale,
    interpret,
    ops::{Epilogue, Op, ZeroPoint},
    validate, Constant, DType,
};
use std::collections::BTreeMap;

type Arrays = BTreeMap<String, Tensor>;

fn load(name: &str) -> (Vec<u8>, Arrays) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/");
    let model = std::fs::read(format!("{folder}{name}.onnx")).unwrap();
    let arrays = std::fs::read(format!("{folder}{name}.npz")).unwrap();
    (model, npz::read(&arrays).unwrap())
}

fn imported(name: &str, with_samples: bool) -> (Imported, Arrays) {
    let (model, arrays) = load(name);
    let options = Options {
        samples: if with_samples {
            arrays.clone()
        } else {
            BTreeMap::new()
        },
        ..Options::default()
    };
    let imported = import(&model, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
    (imported, arrays)
}

/// The first output of a program on all samples at once.
fn run(imported: &Imported, arrays: &Arrays) -> Vec<i32> {
    let program = validate(&imported.program).unwrap();
    let mut blob = Vec::new();
    let mut batch = 0;
    for port in &imported.report.inputs {
        let array = &arrays[&port.name];
        batch = array.shape[0] as u32;
        blob.extend(port.encode(array));
    }
    let weights: Vec<&[u8]> = imported.weights.iter().map(Vec::as_slice).collect();
    let run = interpret(&program, batch, &blob, &weights).unwrap();
    let output = run.output();
    let port = &imported.report.outputs[0];
    port.integers(&output[..port.sample_bytes() * batch as usize])
}

/// Differences in steps of the output's scale: the largest, and the share that is
/// not 0.
fn differences(imported: &Imported, arrays: &Arrays, output: &str) -> (i32, f64) {
    let port = &imported.report.outputs[0];
    let got = run(imported, arrays);
    let want: Vec<i32> = arrays[output]
        .to_floats()
        .iter()
        .map(|v| (f64::from(*v) / port.step()).round() as i32 + port.zero_point)
        .collect();
    assert_eq!(got.len(), want.len());
    let all = got.iter().zip(&want).map(|(a, b)| (a - b).abs());
    let other = all.clone().filter(|d| *d != 0).count();
    (all.max().unwrap(), other as f64 / got.len() as f64)
}

fn cosine(imported: &Imported, arrays: &Arrays, output: &str) -> f64 {
    let port = &imported.report.outputs[0];
    let got: Vec<f64> = run(imported, arrays)
        .iter()
        .map(|q| f64::from(q - port.zero_point) * port.step())
        .collect();
    let want = arrays[output].to_floats();
    let n = port.shape.iter().product::<u32>() as usize;
    let rows = got.chunks_exact(n).zip(want.chunks_exact(n));
    let each = rows.map(|(a, b)| {
        let (mut dot, mut a2, mut b2) = (0f64, 0f64, 0f64);
        for (a, b) in a.iter().zip(b) {
            let b = f64::from(*b);
            dot += a * b;
            a2 += a * a;
            b2 += b * b;
        }
        dot / (a2 * b2).sqrt()
    });
    let each: Vec<f64> = each.collect();
    each.iter().sum::<f64>() / each.len() as f64
}

fn operators(imported: &Imported) -> Vec<&'static str> {
    imported.program.nodes.iter().map(|n| n.op.name()).collect()
}

/// §9 of the design: at most one step, in at most 0.05 % of the elements.
fn assert_near(name: &str) -> Imported {
    let (imported, arrays) = imported(name, false);
    let (most, share) = differences(&imported, &arrays, "y");
    assert!(most <= 1, "{name}: {most} steps");
    assert!(share <= 0.000_5, "{name}: {share}");
    imported
}

#[test]
fn convolutions_of_every_form_equal_onnxruntimes() {
    for name in [
        "conv_u8s8",
        "conv_u8s8_channel",
        "conv_s8s8",
        "conv_u8u8",
        "conv_qlinear",
    ] {
        let imported = assert_near(name);
        assert_eq!(
            operators(&imported),
            ["Transpose", "Conv2d", "Transpose"],
            "{name}"
        );
    }
}

#[test]
fn products_of_every_form_equal_onnxruntimes() {
    let (mut other, mut total) = (0.0, 0.0);
    for name in [
        "matmul_u8",
        "matmul_s8_channel",
        "matmul_qlinear",
        "gemm_clip",
    ] {
        let (imported, arrays) = imported(name, false);
        assert_eq!(operators(&imported), ["MatMul"], "{name}");
        let (most, share) = differences(&imported, &arrays, "y");
        assert!(most <= 1, "{name}: {most} steps");
        let elements = arrays["y"].len() as f64;
        other += share * elements;
        total += elements;
    }
    assert!(other / total <= 0.000_5, "{other} of {total}");
}

#[test]
fn products_of_16_bits_are_one_step_off_at_most() {
    // A multiplier of 15 bits is up to 2^-15 of the value off: one of 65,536 steps, often.
    for name in ["matmul_i16", "matmul_u16"] {
        let (imported, arrays) = imported(name, false);
        let (most, share) = differences(&imported, &arrays, "y");
        assert!(most <= 1 && share <= 0.1, "{name}: {most}, {share}");
    }
}

#[test]
fn a_bias_behind_a_quantisation_goes_into_the_product() {
    let (imported, arrays) = imported("bias_add", false);
    assert_eq!(operators(&imported), ["MatMul"]);
    assert_eq!(imported.report.quantise_dropped.len(), 1);
    // onnxruntime rounds twice here, the program once: two steps apart at most, and nearer to
    // the floats.
    let (most, _) = differences(&imported, &arrays, "y");
    assert!(most <= 2, "{most}");
    assert!(cosine(&imported, &arrays, "float.y") > 0.999);
}

#[test]
fn element_chains_become_the_table_of_the_product_before_them() {
    for name in ["table_sigmoid", "table_leaky", "table_silu", "table_gelu"] {
        let (imported, arrays) = imported(name, false);
        assert_eq!(operators(&imported), ["MatMul"], "{name}");
        assert!(
            imported.report.mapped[0].became[0].contains("table"),
            "{name}"
        );
        // A product that is one step off may be several off behind a steep function.
        let (most, share) = differences(&imported, &arrays, "y");
        assert!(most <= 2 && share <= 0.002, "{name}: {most}, {share}");
    }
}

#[test]
fn a_table_of_16_bits_is_interpolated() {
    let (imported, arrays) = imported("table_gelu_i16", false);
    assert!(operators(&imported).contains(&"Lut16"));
    assert!(cosine(&imported, &arrays, "y") > 0.999_99);
}

#[test]
fn shapes_move_without_a_difference() {
    let (imported, arrays) = imported("shapes", false);
    assert_eq!(differences(&imported, &arrays, "y"), (0, 0.0));
}

#[test]
fn sums_and_products_of_two_pools_equal_onnxruntimes() {
    for name in ["pools_add", "pools_mul"] {
        let (imported, arrays) = imported(name, true);
        assert_eq!(differences(&imported, &arrays, "y"), (0, 0.0), "{name}");
    }
}

#[test]
fn weights_with_a_zero_point_a_channel_equal_onnxruntimes() {
    for name in ["conv_u8_channel_zero", "matmul_u8_channel_zero"] {
        let imported = assert_near(name);
        let zeros = imported.program.nodes.iter().any(|node| match &node.op {
            Op::Conv2d(op) => op.zb == ZeroPoint::Channel,
            Op::MatMul(op) => op.zb == ZeroPoint::Channel,
            _ => false,
        });
        assert!(zeros, "{name}");
    }
}

#[test]
fn a_batch_normalisation_alone_is_one_node() {
    for (name, operator) in [
        ("batch_norm", "Conv2d"),
        ("batch_norm_i16", "Requantize"),
        ("batch_norm_row", "Conv2d"),
    ] {
        let (imported, arrays) = imported(name, false);
        let (most, share) = differences(&imported, &arrays, "y");
        // A bias is rounded to a step of the product, 1/127 of one of the operand.
        assert!(most <= 1 && share <= 0.005, "{name}: {most}, {share}");
        let made: Vec<_> = operators(&imported)
            .into_iter()
            .filter(|op| !matches!(*op, "Transpose" | "Reshape" | "Clamp"))
            .collect();
        assert_eq!(made, [operator], "{name}");
    }
}

#[test]
fn the_indices_of_the_largest_are_onnxruntimes_where_scores_differ() {
    let (imported, arrays) = imported("top_k", false);
    assert_eq!(operators(&imported), ["MatMul", "TopK"]);
    let (got, want) = (run(&imported, &arrays), arrays["y"].to_floats());
    // A score that is one step off changes places with a neighbour.
    let other = got.iter().zip(&want).filter(|(a, b)| **a as f32 != **b);
    assert!(other.count() * 50 <= got.len());
}

#[test]
fn choices_by_a_mask_and_by_a_constant_equal_onnxruntimes() {
    let imported = assert_near("where");
    let selects = operators(&imported)
        .iter()
        .filter(|op| **op == "Select")
        .count();
    assert_eq!(selects, 2, "{:?}", operators(&imported));
}

#[test]
fn a_causal_mask_is_an_attribute_of_the_softmax() {
    for name in ["causal_add", "causal_where"] {
        let (imported, arrays) = imported(name, true);
        let causal = imported.program.nodes.iter().any(|node| match &node.op {
            Op::Softmax(op) => op.causal && !op.mask,
            _ => false,
        });
        assert!(causal, "{name}: {:?}", operators(&imported));
        let to_float = cosine(&imported, &arrays, "float.y");
        assert!(to_float > 0.999, "{name}: cosine {to_float}");
    }
}

#[test]
fn a_small_network_stays_within_two_steps() {
    let (imported, arrays) = imported("network", false);
    let (most, share) = differences(&imported, &arrays, "scores");
    assert!(most <= 2 && share <= 0.05, "{most}, {share}");
    // One transposition at the border: the flattened convolution permutes its weights.
    let transposes = operators(&imported)
        .iter()
        .filter(|op| **op == "Transpose")
        .count();
    assert_eq!(transposes, 2, "{:?}", operators(&imported));
}

#[test]
fn encoders_are_recognised_whole() {
    for (name, least) in [
        ("encoder", 0.999),
        ("encoder_chain", 0.999),
        ("encoder_i16", 0.999),
        ("encoder_all", 0.99),
    ] {
        let (imported, arrays) = imported(name, true);
        let operators = operators(&imported);
        for operator in [
            "Gather",
            "LayerNorm",
            "BatchMatMul",
            "Softmax",
            "RowMean",
            "RmsNorm",
        ] {
            assert!(operators.contains(&operator), "{name}: no {operator}");
        }
        let masks = imported.program.inputs.len();
        assert_eq!(masks, 2, "{name}");
        let to_float = cosine(&imported, &arrays, "float.y");
        assert!(to_float > least, "{name}: cosine {to_float}");
    }
}

#[test]
fn what_is_kept_and_dropped_is_reported() {
    let (imported, _) = imported("encoder_all", true);
    let report = &imported.report;
    assert!(report.quantise_kept > 0 && !report.quantise_dropped.is_empty());
    assert!(report.accuracy[0].samples > 0);
    assert_eq!(report.inputs[0].scale, None);
    assert!(report.outputs[0].scale.is_some());
    let value = serde_json::to_value(report).unwrap();
    assert_eq!(value["inputs"][0]["type"], "i32");
    assert!(value["program_bytes"].as_u64().unwrap() < 65_536);
}

#[test]
fn a_tensor_without_a_range_is_named() {
    let (model, _) = load("encoder");
    match import(&model, &Options::default()) {
        Err(Error::NoRange { tensor, .. }) => assert!(!tensor.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let (model, arrays) = load("conv_u8s8");
    let mut renamed = Arrays::new();
    renamed.insert("z".into(), arrays["x"].clone());
    let mut wrong = arrays.clone();
    let x = wrong.get_mut("x").unwrap();
    x.shape = vec![16, 4, 8, 9];
    for (samples, part) in [(renamed, "named"), (wrong, "shape")] {
        let options = Options {
            samples,
            ..Options::default()
        };
        match import(&model, &options) {
            Err(Error::Samples { reason }) => assert!(reason.contains(part), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_truncation_is_an_error_and_none_a_fault() {
    let (model, _) = load("conv_qlinear");
    for length in 0..model.len() {
        let result = import(&model[..length], &Options::default());
        let fault = matches!(result, Err(Error::Internal { .. }));
        // The last bytes only name versions of operator sets.
        let nearly_whole = length + 64 > model.len();
        assert!(
            !fault && (nearly_whole || result.is_err()),
            "{length} bytes: {result:?}"
        );
    }
}

/// Products with a left side of 8 bits: with their sums alone, and with a fused step.
fn products(imported: &Imported) -> (usize, usize) {
    let program = validate(&imported.program).unwrap();
    let (mut raw, mut fused) = (0, 0);
    for node in &imported.program.nodes {
        let epilogue = match &node.op {
            Op::MatMul(op) => op.epilogue,
            Op::BatchMatMul(op) => op.epilogue,
            _ => continue,
        };
        if program.operand_type(node.operands[0]).unwrap().dtype == DType::I8 {
            match epilogue {
                Epilogue::Raw => raw += 1,
                Epilogue::Requant { .. } => fused += 1,
            }
        }
    }
    (raw, fused)
}

#[test]
fn products_with_their_sums_alone_give_the_same_bits() {
    // One scale and one a channel, zero points a channel, a bias, a table, a clip, products of
    // two activations, and whole encoders.
    for name in [
        "matmul_u8",
        "matmul_s8_channel",
        "matmul_u8_channel_zero",
        "matmul_qlinear",
        "gemm_clip",
        "bias_add",
        "table_gelu",
        "encoder",
        "encoder_all",
        "encoder_chain",
        "encoder_i16",
        "network",
    ] {
        let (model, arrays) = load(name);
        let options = Options {
            samples: arrays.clone(),
            ..Options::default()
        };
        let fused = import(&model, &options).unwrap();
        let alone = import(
            &model,
            &Options {
                raw_products: true,
                ..options
            },
        )
        .unwrap();
        let (before, after) = (products(&fused), products(&alone));
        assert_eq!(before.0, 0, "{name}");
        // Products of 16-bit values stay as they are.
        let wide = ["encoder_all", "encoder_i16"].contains(&name);
        assert_eq!((before.1 > 0, after.0 > 0), (!wide, !wide), "{name}");
        // Equal products are made once, and then may differ in the last step only.
        assert!(after.1 == 0 && after.0 <= before.1, "{name}");
        assert_eq!(run(&fused, &arrays), run(&alone, &arrays), "{name}");
        assert!(alone.report.macs <= fused.report.macs, "{name}");
        assert_eq!(fused.report.outputs, alone.report.outputs, "{name}");
    }
}

#[test]
fn a_bias_that_would_clip_a_sum_of_32_bits_does_not() {
    let (model, arrays) = load("matmul_s8_channel");
    let options = |raw_products| Options {
        raw_products,
        ..Options::default()
    };
    let mut fused = import(&model, &options(false)).unwrap();
    let mut alone = import(&model, &options(true)).unwrap();
    // Any bytes may stand in a constant: the largest bias, and a scale that tells a sum from
    // 2^31 on from one below.
    let mut changed = 0;
    for imported in [&mut fused, &mut alone] {
        let types = imported.program.constants.iter().filter_map(|c| match c {
            Constant::Root { ty } => Some(ty),
            Constant::Inline { .. } => None,
        });
        for (ty, bytes) in types.zip(&mut imported.weights) {
            if ty.dtype == DType::I32 {
                for pair in bytes.chunks_exact_mut(8) {
                    pair[..4].copy_from_slice(&i32::MAX.to_le_bytes());
                    pair[4..].copy_from_slice(&pack_scale(1, 32).to_le_bytes());
                }
                changed += 1;
            }
        }
    }
    assert_eq!(changed, 2);
    let (a, b) = (run(&fused, &arrays), run(&alone, &arrays));
    assert_eq!(a, b);
    assert!(a.iter().any(|v| *v != a[0]));
}
