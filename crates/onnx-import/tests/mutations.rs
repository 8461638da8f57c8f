//! Damaged models: an error or a valid program, never a fault.

use athanor_onnx_import::{import, Error, Options};
use proptest::prelude::*;

const MODELS: &[&[u8]] = &[
    include_bytes!("models/conv_u8s8_channel.onnx"),
    include_bytes!("models/gemm_clip.onnx"),
    include_bytes!("models/matmul_qlinear.onnx"),
    include_bytes!("models/table_gelu.onnx"),
    include_bytes!("models/shapes.onnx"),
    include_bytes!("models/pools_add.onnx"),
    include_bytes!("models/network.onnx"),
    include_bytes!("models/encoder_all.onnx"),
    include_bytes!("models/batch_norm.onnx"),
    include_bytes!("models/top_k.onnx"),
    include_bytes!("models/where.onnx"),
    include_bytes!("models/causal_where.onnx"),
];

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Flip(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Truncate(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, v)| Change::Set(at, v)),
        (any::<usize>(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<usize>(), 1usize..40).prop_map(|(at, n)| Change::Remove(at, n)),
        (any::<usize>(), 1usize..200).prop_map(|(at, n)| Change::Repeat(at, n)),
        any::<usize>().prop_map(Change::Truncate),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Set(at, value) => bytes[at % length] = *value,
        Change::Flip(at, bit) => bytes[at % length] ^= 1 << bit,
        Change::Remove(at, n) => {
            let at = at % length;
            bytes.drain(at..(at + n).min(length));
        }
        Change::Repeat(at, n) => {
            let at = at % length;
            let part = bytes[at..(at + n).min(length)].to_vec();
            bytes.splice(at..at, part);
        }
        Change::Truncate(at) => bytes.truncate(at % length),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_model_is_never_a_fault(
        model in 0..MODELS.len(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let mut bytes = MODELS[model].to_vec();
        for change in &changes {
            apply(&mut bytes, change);
        }
        let result = import(&bytes, &Options::default());
        prop_assert!(!matches!(result, Err(Error::Internal { .. })), "{:?}", result);
    }
}
