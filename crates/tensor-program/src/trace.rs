//! Roots of a run.

use crate::Root;
use alloc::vec::Vec;

/// Root of a trace: BLAKE3 of the roots of all node outputs, joined in node order.
pub fn trace_root(roots: &[Root]) -> Root {
    athanor_content_tree::root(&roots.concat())
}

/// Root of a run's output: the trace entry of the output node, or, with several
/// outputs, BLAKE3 of their entries joined. `None` without outputs or when one
/// lies outside the trace.
pub fn output_root(outputs: &[u16], roots: &[Root]) -> Option<Root> {
    let found: Vec<Root> = outputs
        .iter()
        .map(|output| roots.get(usize::from(*output)).copied())
        .collect::<Option<_>>()?;
    match found.as_slice() {
        [] => None,
        [one] => Some(*one),
        several => Some(athanor_content_tree::root(&several.concat())),
    }
}
