use crate::memory;
use athanor_onnx_import::{import, Options};
use athanor_tensor_program::validate;

/// Imports an ONNX model: what comes out is a valid program with its constants.
pub fn onnx(data: &[u8]) {
    // Axes a model only names stay small; what it says itself is bounded by its
    // own length.
    let options = Options {
        max_batch: 4,
        ..Options::default()
    };
    let limit = data.len() * 256 + (256 << 20);
    let Ok(imported) = memory::within(limit, || import(data, &options)) else {
        return;
    };
    let program = validate(&imported.program).expect("an imported program is valid");
    let lengths = imported.weights.iter().map(|weight| weight.len() as u64);
    assert!(program.root_constants().eq(lengths));
}
