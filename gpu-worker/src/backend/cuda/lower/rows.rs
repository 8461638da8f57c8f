//! Operators over the last axis.

use super::{code, Lowering, Tensor};
use crate::backend::cuda::{
    kernels::{Kernel, Params},
    schedule::At,
};
use athanor_tensor_program::{ops::Requant, Op};

/// `struct Row` of `kernels/rows.cu`.
struct Row<'a> {
    kernel: Kernel,
    mask: Option<&'a Tensor>,
    params: Option<&'a Tensor>,
    fine: Option<At>,
    coarse: Option<At>,
    e: u64,
    causal: bool,
    zx: i32,
    k: u32,
    requant: Requant,
}

fn words(table: &[u16; 256]) -> Vec<u8> {
    table.iter().flat_map(|word| word.to_le_bytes()).collect()
}

impl Lowering<'_> {
    pub(super) fn rows(&mut self, op: &Op, args: &[Tensor], out: &Tensor) -> Option<()> {
        let x = args.first()?;
        let second = |present: bool| -> Option<Option<&Tensor>> {
            if present {
                args.get(1).map(Some)
            } else {
                Some(None)
            }
        };
        let plain = Row {
            kernel: Kernel::RowSum,
            mask: None,
            params: None,
            fine: None,
            coarse: None,
            e: 0,
            causal: false,
            zx: 0,
            k: 1,
            requant: Requant {
                m: 0,
                s: 0,
                z: 0,
                lo: 0,
                hi: 0,
                out: out.dtype,
            },
        };
        let row = match op {
            Op::RowSum(op) => Row { zx: op.zx, ..plain },
            Op::RowMax(_) => Row {
                kernel: Kernel::RowMax,
                ..plain
            },
            Op::RowMean(op) => Row {
                kernel: Kernel::RowMean,
                mask: second(op.mask)?,
                zx: op.zx,
                requant: op.requant,
                ..plain
            },
            Op::Softmax(op) => Row {
                kernel: Kernel::RowSoftmax,
                mask: second(op.mask)?,
                fine: Some(self.constant(words(&op.fine)).into()),
                coarse: op
                    .coarse
                    .as_ref()
                    .map(|coarse| self.constant(words(coarse)).into()),
                causal: op.causal,
                requant: op.requant,
                ..plain
            },
            Op::LayerNorm(op) => Row {
                kernel: Kernel::RowLayerNorm,
                params: second(op.params)?,
                e: op.e,
                requant: op.requant,
                ..plain
            },
            Op::RmsNorm(op) => Row {
                kernel: Kernel::RowRmsNorm,
                params: second(op.params)?,
                e: op.e,
                zx: op.zx,
                requant: op.requant,
                ..plain
            },
            Op::ArgMax(_) => Row {
                kernel: Kernel::RowTop,
                ..plain
            },
            Op::TopK(op) => Row {
                kernel: Kernel::RowTop,
                k: op.k.into(),
                ..plain
            },
            _ => return None,
        };
        let (n, rows) = x.rows()?;
        let queries = match x.axes.as_slice() {
            [.., queries, _] if row.causal && x.axes.len() > 2 => u32::try_from(*queries).ok()?,
            _ if row.causal => 1,
            _ => 0,
        };
        // A row of one pass keeps a block of few threads busy, a long one a larger block.
        let threads = n.div_ceil(4).clamp(32, 256).next_power_of_two();
        let params = Params::default()
            .at(x.at)
            .at(out.at)
            .maybe(row.mask.map(|mask| mask.at))
            .maybe(row.params.map(|params| params.at))
            .maybe(row.fine)
            .maybe(row.coarse)
            .u64(rows)
            .u64(rows.checked_div(self.batch)?)
            .u64(row.e)
            .u32(u32::try_from(n).ok()?)
            .u32(queries)
            .u32(code(x.dtype))
            .i32(row.zx)
            .u32(row.k)
            .requant(&row.requant);
        self.push(params.launch(row.kernel, rows, u32::try_from(threads).ok()?));
        Some(())
    }
}
