//! Operators that move elements, and pools.

use super::{broadcast, code, merge, strides, Lowering, Tensor};
use crate::backend::cuda::{
    kernels::{Kernel, Params},
    schedule::At,
};
use athanor_tensor_program::{
    ops::{Pairs, Requant, Window},
    Op,
};

/// A copy between strided layouts; everything counts elements.
struct Copy {
    from: At,
    to: At,
    width: u64,
    axes: Vec<u64>,
    sin: Vec<u64>,
    sout: Vec<u64>,
    first: u64,
    onto: u64,
}

/// Shorter sides are not worth a detour through shared memory.
const SWAP_SIDE: u64 = 16;

impl Lowering<'_> {
    pub(super) fn shape(&mut self, op: &Op, args: &[Tensor], out: &Tensor) -> Option<()> {
        let x = args.first()?;
        let plain = |sin: Vec<u64>| Copy {
            from: x.at,
            to: out.at,
            width: out.width(),
            axes: out.axes.clone(),
            sin,
            sout: strides(&out.axes),
            first: 0,
            onto: 0,
        };
        match op {
            Op::Transpose(op) => {
                let own = strides(&x.axes);
                let mut sin = vec![*own.first()?];
                for axis in &op.perm {
                    sin.push(*own.get(usize::from(*axis) + 1)?);
                }
                self.copy(plain(sin));
            }
            Op::Slice(op) => {
                let mut sin = strides(&x.axes);
                let stride = sin.get_mut(usize::from(op.axis) + 1)?;
                let first = *stride * u64::from(op.start);
                *stride *= u64::from(op.step);
                self.copy(Copy {
                    first,
                    ..plain(sin)
                });
            }
            Op::Concat(op) => {
                let axis = usize::from(op.axis) + 1;
                let sout = strides(&out.axes);
                let mut onto = 0;
                for part in args {
                    let missing = out.axes.len().checked_sub(part.axes.len())?;
                    let length = *part.axes.get(axis.checked_sub(missing)?)?;
                    let mut axes = out.axes.clone();
                    *axes.get_mut(axis)? = length;
                    self.copy(Copy {
                        from: part.at,
                        sin: broadcast(part, &axes)?,
                        axes,
                        onto: onto * sout.get(axis)?,
                        ..plain(Vec::new())
                    });
                    onto += length;
                }
            }
            Op::Pad(op) => {
                let n = out.elements();
                self.push(
                    Params::default()
                        .at(out.at)
                        .u64(n)
                        .i32(op.value)
                        .u32(code(out.dtype))
                        .items(Kernel::Fill, n / 4 + 1),
                );
                let sout = strides(&out.axes);
                let onto = op
                    .before
                    .iter()
                    .zip(sout.get(1..)?)
                    .map(|(before, stride)| u64::from(*before) * stride)
                    .sum();
                self.copy(Copy {
                    axes: x.axes.clone(),
                    onto,
                    ..plain(strides(&x.axes))
                });
            }
            Op::Gather(_) => {
                let index = args.get(1)?;
                let row: u64 = x.axes.iter().skip(1).product();
                let bytes = row * x.width();
                let unit = widest(&[bytes], x.width());
                let n = out.elements() * out.width() / unit;
                self.push(
                    Params::default()
                        .at(x.at)
                        .at(index.at)
                        .at(out.at)
                        .u64(n)
                        .u64(bytes / unit)
                        .u32(u32::try_from(*x.axes.first()?).ok()?)
                        .u32(code(index.dtype))
                        .u32(u32::try_from(unit).ok()?)
                        .u32(0)
                        .items(Kernel::Gather, n),
                );
            }
            Op::Rope(op) => {
                let [.., steps, d] = x.axes.as_slice() else {
                    return None;
                };
                let pairs = x.elements() / 2;
                self.push(
                    Params::default()
                        .at(x.at)
                        .at(args.get(1)?.at)
                        .at(out.at)
                        .u64(pairs)
                        .u32(u32::try_from(*steps).ok()?)
                        .u32(u32::try_from(d / 2).ok()?)
                        .u32(op.offset)
                        .u32((op.pairs == Pairs::Neighbours).into())
                        .u32(code(x.dtype))
                        .i32(op.zx)
                        .requant(&op.requant)
                        .items(Kernel::Rope, pairs),
                );
            }
            Op::MaxPool2d(op) => {
                let requant = Requant {
                    m: 0,
                    s: 0,
                    z: 0,
                    lo: 0,
                    hi: 0,
                    out: out.dtype,
                };
                self.pool(
                    Kernel::PoolMax,
                    x,
                    out,
                    op.kernel,
                    &op.window,
                    0,
                    false,
                    &requant,
                )?;
            }
            Op::AvgPool2d(op) => self.pool(
                Kernel::PoolAverage,
                x,
                out,
                op.kernel,
                &op.window,
                op.zx,
                op.count_pad,
                &op.requant,
            )?,
            _ => return None,
        }
        Some(())
    }

    fn pool(
        &mut self,
        kernel: Kernel,
        x: &Tensor,
        out: &Tensor,
        size: [u16; 2],
        window: &Window,
        zx: i32,
        count_pad: bool,
        requant: &Requant,
    ) -> Option<()> {
        let &[_, height, width, channels] = x.axes.as_slice() else {
            return None;
        };
        let &[_, rows, columns, _] = out.axes.as_slice() else {
            return None;
        };
        let n = out.elements();
        let mut params = Params::default().at(x.at).at(out.at).u64(n);
        for value in [height, width, channels, rows, columns] {
            params = params.u32(u32::try_from(value).ok()?);
        }
        params = params.u32(size[0].into()).u32(size[1].into());
        for value in [
            window.stride[0],
            window.stride[1],
            window.dilation[0],
            window.dilation[1],
            window.pad[0],
            window.pad[1],
        ] {
            params = params.u32(value.into());
        }
        self.push(
            params
                .u32(code(x.dtype))
                .i32(zx)
                .u32(count_pad.into())
                .requant(requant)
                .u32(0)
                .items(kernel, n),
        );
        Some(())
    }

    fn copy(&mut self, copy: Copy) {
        let mut layouts = vec![copy.sin, copy.sout];
        let mut dims = merge(&copy.axes, &mut layouts);
        let (mut sin, mut sout) = (layouts.swap_remove(0), layouts.swap_remove(0));
        let last = dims.len() - 1;
        if self.swap(
            &copy.from, &copy.to, copy.width, &dims, &sin, &sout, copy.first, copy.onto,
        ) {
            return;
        }
        let (mut first, mut onto, mut unit) = (copy.first, copy.onto, copy.width);
        if sin[last] == 1 && sout[last] == 1 {
            let others = (0..last).flat_map(|axis| [sin[axis], sout[axis]]);
            let bytes: Vec<u64> = others
                .chain([dims[last], first, onto])
                .map(|elements| elements * copy.width)
                .collect();
            unit = widest(&bytes, copy.width);
            let scale = unit / copy.width;
            for axis in 0..last {
                sin[axis] /= scale;
                sout[axis] /= scale;
            }
            dims[last] /= scale;
            first /= scale;
            onto /= scale;
        }
        let n = dims.iter().product();
        self.push(
            Params::default()
                .at(copy.from)
                .at(copy.to)
                .u64(n)
                .u64(first)
                .u64(onto)
                .u64s(&dims, 6)
                .u64s(&sin, 6)
                .u64s(&sout, 6)
                .u32(dims.len() as u32)
                .u32(unit as u32)
                .items(Kernel::CopyStrided, n),
        );
    }

    /// Copies through shared memory if neighbours of the output are not neighbours of the input.
    fn swap(
        &mut self,
        from: &At,
        to: &At,
        width: u64,
        dims: &[u64],
        sin: &[u64],
        sout: &[u64],
        first: u64,
        onto: u64,
    ) -> bool {
        let last = dims.len() - 1;
        let Some(inner) = sin.iter().position(|stride| *stride == 1) else {
            return false;
        };
        if inner == last
            || sout[last] != 1
            || dims[inner] < SWAP_SIDE
            || dims[last] < SWAP_SIDE
            || dims.len() > 6
        {
            return false;
        }
        let others: Vec<usize> = (0..last).filter(|axis| *axis != inner).collect();
        let pick = |of: &[u64]| others.iter().map(|axis| of[*axis]).collect::<Vec<_>>();
        let heads: u64 = pick(dims).iter().product();
        let tiles = heads * dims[inner].div_ceil(32) * dims[last].div_ceil(32);
        self.push(
            Params::default()
                .at(from.plus(first * width))
                .at(to.plus(onto * width))
                .u64(heads)
                .u64(dims[last])
                .u64(dims[inner])
                .u64(sin[last])
                .u64(sout[inner])
                .u64s(&pick(dims), 4)
                .u64s(&pick(sin), 4)
                .u64s(&pick(sout), 4)
                .u32(others.len() as u32)
                .u32(width as u32)
                .launch(Kernel::CopySwapped, tiles, 256),
        );
        true
    }
}

/// The largest unit of at most 16 bytes that divides all of `bytes`.
fn widest(bytes: &[u64], width: u64) -> u64 {
    let mut unit = 16;
    while unit > width && bytes.iter().any(|n| n % unit != 0) {
        unit /= 2;
    }
    unit
}
