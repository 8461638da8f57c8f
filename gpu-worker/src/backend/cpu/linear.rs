//! Products and convolutions on the threads.

use super::{
    node::{axes, optional, requant, size, width, Arg},
    spread::Team,
};
use athanor_exact_kernels::{
    conv::{self, Depthwise, Geometry, Lines},
    gemm::{multiply, Epilogue, Finish, Offsets, Packed, Rows, Scales, Width},
};
use athanor_tensor_program::{
    ops::{self, Scale, Window, ZeroPoint},
    DType, Node, Operand, TensorType, Validated,
};
use std::cell::RefCell;

/// Bytes of the small buffers of one thread: sums of a tile, a block of elements.
pub(super) const SCRATCH: usize = 64 * 1_024;

/// Bytes of left rows that should stay in the second cache beside a panel.
const BLOCK: usize = 320 * 1_024;

/// Bytes of an image of which a block of windows is made.
const IMAGE: usize = 48 * 1_024;

/// Most left rows of a block.
const MOST_ROWS: usize = 96;

/// Products below this many multiplications are not worth a second thread.
const SMALL: usize = 1 << 17;

thread_local! {
    static LEFT: RefCell<(Rows, Packed)> = RefCell::default();
    static LINES: RefCell<Lines> = RefCell::default();
}

/// Left rows of `k` elements that one block takes.
fn block_rows(k: usize, wide: bool) -> usize {
    (BLOCK / Rows::bytes(1, k, wide).max(1)).clamp(12, MOST_ROWS) / 12 * 12
}

/// Windows of a block whose part of the image should stay in the second cache.
fn block_windows(g: &Geometry) -> usize {
    let bytes = g.stride[0] * g.stride[1] * g.channels;
    (IMAGE / bytes.max(1)).clamp(96, 768) / 24 * 24
}

/// Bytes of a block of left rows.
pub(super) fn rows_bytes(k: usize, wide: bool) -> usize {
    Rows::bytes(block_rows(k, wide), k, wide)
}

/// Bytes of the packed weights and the epilogue of a product.
pub(super) fn linear_bytes(b: &TensorType) -> usize {
    match axes::<2>(b) {
        Some([n, k]) => Packed::bytes(n, k).saturating_add(Epilogue::bytes(n)),
        None => 0,
    }
}

/// Bytes of the packed kernels and the epilogues of a convolution.
pub(super) fn conv_bytes(op: &ops::Conv2d, w: &TensorType) -> usize {
    match axes::<4>(w) {
        Some([o, kh, kw, c]) => {
            let (groups, taps) = (size(op.groups), kh * kw);
            if c == 1 && o == groups {
                return Depthwise::bytes(o, taps);
            }
            // Rows of the kernel may be filled up to whole quads.
            let (n, k) = (o / groups, taps * c + 3 * kh);
            groups.saturating_mul(Packed::bytes(n, k).saturating_add(Epilogue::bytes(n) + 256))
        }
        None => 0,
    }
}

/// Bytes one thread needs for the left side of a convolution.
pub(super) fn windows_bytes(
    op: &ops::Conv2d,
    x: &TensorType,
    w: &TensorType,
    out: &TensorType,
) -> usize {
    let (Some([_, kh, kw, c]), Some(g)) = (axes::<4>(w), conv_geometry(op, x, w, out)) else {
        return 0;
    };
    match conv::direct_k(&g) {
        Some(_) if op.groups == 1 => {
            Lines::bytes(&g, block_windows(&g)).max(rows_bytes(kh * kw * c, false))
        }
        _ => rows_bytes(kh * kw * c, false),
    }
}

/// Bytes one thread needs for a product of two activations.
pub(super) fn product_bytes(a: &TensorType, b: &TensorType) -> usize {
    let last = |ty: &TensorType, back: usize| {
        let axes = &ty.shape.0;
        axes.len()
            .checked_sub(back)
            .map_or(1, |axis| size(axes[axis]))
    };
    let (n, k) = (last(b, 2), last(b, 1));
    Packed::bytes(n, k)
        .saturating_add(Epilogue::bytes(n))
        .saturating_add(rows_bytes(k, a.dtype == DType::I16))
}

/// What the operands behind the weights are.
struct Extras<'a> {
    offsets: Offsets<'a>,
    params: Option<&'a [u8]>,
    table: Option<(&'a [u8], Width)>,
}

fn extras<'a>(
    program: &Validated,
    node: &Node,
    constants: &[&'a [u8]],
    zb: ZeroPoint,
    params: bool,
    epilogue: &ops::Epilogue,
) -> Option<Extras<'a>> {
    let mut rest = node.operands.iter().skip(2);
    let mut next = || {
        let operand = rest.next()?;
        let Operand::Const(index) = operand else {
            return None;
        };
        let ty = program.operand_type(*operand)?;
        Some((*constants.get(usize::from(*index))?, width(ty.dtype)))
    };
    let offsets = match zb {
        ZeroPoint::Tensor(z) => Offsets::One(z),
        ZeroPoint::Channel => Offsets::Each(next()?.0),
    };
    let params = optional(params, &mut next)?.map(|(bytes, _)| bytes);
    let lut = matches!(epilogue, ops::Epilogue::Requant { lut: true, .. });
    Some(Extras {
        offsets,
        params,
        table: optional(lut, next)?,
    })
}

fn finish<'a>(epilogue: &ops::Epilogue, table: Option<(&'a [u8], Width)>) -> Finish<'a> {
    match epilogue {
        ops::Epilogue::Raw => Finish::Raw,
        ops::Epilogue::Requant {
            scale,
            z,
            lo,
            hi,
            out,
            ..
        } => Finish::Requant {
            scales: match scale {
                Scale::Tensor { m, s } => Scales::Tensor { m: *m, s: *s },
                Scale::Channel => Scales::Channel,
            },
            z: *z,
            lo: *lo,
            hi: *hi,
            out: width(*out),
            table,
        },
    }
}

/// Packs weights on all threads.
fn pack(packed: &mut Packed, b: &[u8], n: usize, k: usize, team: &Team<'_>) {
    packed.pack_with(team.level, b, n, k, |jobs| {
        team.each(jobs, |job| job());
    });
}

/// Rows of `out`, each cut at the columns of groups of panels: for every group the
/// panels and the parts of all rows.
fn parts<'a>(
    out: &'a mut [u8],
    n: usize,
    w: usize,
    panels: usize,
    groups: usize,
) -> Vec<(std::ops::Range<usize>, Vec<&'a mut [u8]>)> {
    let each = panels.div_ceil(groups.max(1));
    let mut parts: Vec<(std::ops::Range<usize>, Vec<&'a mut [u8]>)> = (0..panels)
        .step_by(each)
        .map(|first| (first..(first + each).min(panels), Vec::new()))
        .collect();
    for row in out.chunks_exact_mut(n * w) {
        for ((_, rows), cut) in parts.iter_mut().zip(row.chunks_mut(each * 64 * w)) {
            rows.push(cut);
        }
    }
    parts
}

/// A product with constant weights.
pub(super) struct Linear {
    k: usize,
    wide: bool,
    packed: Packed,
    epilogue: Epilogue,
}

impl Linear {
    pub(super) fn new(
        op: &ops::MatMul,
        program: &Validated,
        node: &Node,
        constants: &[&[u8]],
        team: &Team<'_>,
    ) -> Option<Linear> {
        let [a, b] = [0, 1].map(|operand| node.operands.get(operand).copied());
        let wide = program.operand_type(a?)?.dtype == DType::I16;
        let [n, k] = axes::<2>(program.operand_type(b?)?)?;
        let Operand::Const(index) = b? else {
            return None;
        };
        let extras = extras(program, node, constants, op.zb, op.params, &op.epilogue)?;
        let mut packed = Packed::default();
        pack(&mut packed, constants.get(usize::from(index))?, n, k, team);
        let epilogue = Epilogue::new(
            &packed,
            op.za,
            wide,
            extras.offsets,
            extras.params,
            finish(&op.epilogue, extras.table),
        );
        Some(Linear {
            k,
            wide,
            packed,
            epilogue,
        })
    }

    pub(super) fn run(&self, a: &[u8], out: &mut [u8], team: &Team<'_>) {
        let (n, w) = (self.packed.n(), self.epilogue.out().bytes());
        let row = self.k * if self.wide { 2 } else { 1 };
        let m = out.len() / (n * w);
        let most = block_rows(self.k, self.wide);
        let (rows, groups) = grid(m, n, self.k, most, team.threads);
        let mut tasks = Vec::new();
        for (a, out) in a.chunks(rows * row).zip(out.chunks_mut(rows * n * w)) {
            for (panels, out) in parts(out, n, w, self.packed.panels(), groups) {
                tasks.push((a, panels, out));
            }
        }
        team.each(tasks, |(a, panels, mut out)| {
            LEFT.with_borrow_mut(|(left, _)| {
                match self.wide {
                    true => left.wide(team.level, a, self.k),
                    false => left.narrow(team.level, a, self.k),
                }
                let (packed, epilogue) = (&self.packed, &self.epilogue);
                multiply(team.level, left, packed, panels, epilogue, &mut out);
            });
        });
    }
}

/// Rows of a block, at most so many, and groups of columns for `m` rows on some threads.
fn grid(m: usize, n: usize, k: usize, most: usize, threads: usize) -> (usize, usize) {
    if threads == 1 || m.saturating_mul(n).saturating_mul(k) < SMALL {
        return (most, 1);
    }
    // Blocks of equal length, a whole number for each thread if rows are many.
    let blocks = m.div_ceil(most).next_multiple_of(threads);
    let rows = m.div_ceil(blocks).next_multiple_of(12).min(most);
    let groups = (2 * threads).div_ceil(m.div_ceil(rows));
    match m.div_ceil(rows) < 2 * threads {
        true => (rows, groups.min(n.div_ceil(64))),
        false => (rows, 1),
    }
}

/// A product of two activations.
pub(super) struct Product {
    op: ops::BatchMatMul,
    m: usize,
    n: usize,
    k: usize,
    wide: bool,
    /// Left and right matrices along the first axis, and matrices a step of it.
    heads: [usize; 2],
    inner: usize,
    table: Option<(Vec<u8>, Width)>,
}

impl Product {
    pub(super) fn new(
        op: &ops::BatchMatMul,
        program: &Validated,
        node: &Node,
        constants: &[&[u8]],
    ) -> Option<Product> {
        let [a, b] = [0, 1].map(|operand| program.operand_type(*node.operands.get(operand)?));
        let (a, b) = (a?, b?);
        let (left, right): (Vec<usize>, Vec<usize>) = (
            a.shape.0.iter().copied().map(size).collect(),
            b.shape.0.iter().copied().map(size).collect(),
        );
        let rank = left.len();
        let lead = rank.checked_sub(2)?;
        let first = |axes: &[usize]| if lead == 0 { 1 } else { axes[0] };
        let zb = ZeroPoint::Tensor(op.zb);
        let extras = extras(program, node, constants, zb, false, &op.epilogue)?;
        Some(Product {
            op: *op,
            m: left[lead],
            n: *right.get(lead)?,
            k: left[lead + 1],
            wide: a.dtype == DType::I16,
            heads: [first(&left), first(&right)],
            inner: left.get(1..lead).unwrap_or_default().iter().product(),
            table: extras.table.map(|(bytes, width)| (bytes.to_vec(), width)),
        })
    }

    pub(super) fn run(&self, a: &[u8], b: &[u8], samples: usize, out: &mut [u8], team: &Team<'_>) {
        let Product { m, n, k, wide, .. } = *self;
        let table = self
            .table
            .as_ref()
            .map(|(bytes, width)| (bytes.as_slice(), *width));
        let end = finish(&self.op.epilogue, table);
        let w = match (&self.op.epilogue, &self.table) {
            (_, Some((_, width))) => width.bytes(),
            (ops::Epilogue::Raw, None) => 4,
            (ops::Epilogue::Requant { out, .. }, None) => width(*out).bytes(),
        };
        let row = k * if wide { 2 } else { 1 };
        let matrices = samples * self.heads[0] * self.inner;
        // Few matrices are cut by rows, each part packing the right side anew.
        let cuts = (2 * team.threads)
            .div_ceil(matrices)
            .min(m.div_ceil(24))
            .max(1);
        let cuts = if team.threads == 1 { 1 } else { cuts };
        let rows = m.div_ceil(cuts);
        let mut tasks = Vec::new();
        let left = a.chunks_exact(m * row).zip(out.chunks_exact_mut(m * n * w));
        for (index, (a, out)) in left.enumerate() {
            let (sample, rest) = (
                index / (self.heads[0] * self.inner),
                index % (self.heads[0] * self.inner),
            );
            let (head, inner) = (rest / self.inner, rest % self.inner);
            let head = head * self.heads[1] / self.heads[0];
            let right = ((sample * self.heads[1]) + head) * self.inner + inner;
            for (a, out) in a.chunks(rows * row).zip(out.chunks_mut(rows * n * w)) {
                tasks.push((a, right, out));
            }
        }
        let block = block_rows(k, wide);
        let mut groups = Vec::new();
        let size = tasks.len().div_ceil(team.threads * 8).clamp(1, 16);
        let mut tasks = tasks.into_iter().peekable();
        while tasks.peek().is_some() {
            groups.push(tasks.by_ref().take(size).collect::<Vec<_>>());
        }
        let one = |a: &[u8], right: usize, out: &mut [u8], last: &mut Option<(usize, Epilogue)>| {
            LEFT.with_borrow_mut(|(left, packed)| {
                if !matches!(last, Some((before, _)) if *before == right) {
                    packed.pack(team.level, &b[right * n * k..(right + 1) * n * k], n, k);
                    let (za, zb) = (self.op.za, self.op.zb);
                    let epilogue = match last.take() {
                        Some((_, mut epilogue)) => {
                            epilogue.renew(packed, za, zb);
                            epilogue
                        }
                        None => Epilogue::new(packed, za, wide, Offsets::One(zb), None, end),
                    };
                    *last = Some((right, epilogue));
                }
                let Some((_, epilogue)) = last else { return };
                for (a, out) in a.chunks(block * row).zip(out.chunks_mut(block * n * w)) {
                    match wide {
                        true => left.wide(team.level, a, k),
                        false => left.narrow(team.level, a, k),
                    }
                    let mut out: Vec<&mut [u8]> = out.chunks_exact_mut(n * w).collect();
                    multiply(
                        team.level,
                        left,
                        packed,
                        0..packed.panels(),
                        epilogue,
                        &mut out,
                    );
                }
            });
        };
        team.each(groups, |group| {
            let mut last = None;
            for (a, right, out) in group {
                one(a, right, out, &mut last);
            }
        });
    }
}

/// A convolution.
pub(super) struct Conv {
    geometry: Geometry,
    za: i8,
    kind: Kind,
}

enum Kind {
    Depthwise(Depthwise),
    /// Over all channels, with windows where they lie.
    Direct(Packed, Epilogue),
    /// One product a group, over that many input channels.
    Groups(usize, Vec<(Packed, Epilogue)>),
}

fn conv_geometry(
    op: &ops::Conv2d,
    x: &TensorType,
    w: &TensorType,
    out: &TensorType,
) -> Option<Geometry> {
    let [_, kh, kw, _] = axes::<4>(w)?;
    let [rows, columns, _] = axes::<3>(out)?;
    Some(geometry(
        &op.window,
        axes::<3>(x)?,
        [kh, kw],
        [rows, columns],
    ))
}

fn geometry(window: &Window, image: [usize; 3], kernel: [usize; 2], out: [usize; 2]) -> Geometry {
    let [height, width, channels] = image;
    Geometry {
        height,
        width,
        channels,
        kernel,
        stride: window.stride.map(usize::from),
        dilation: window.dilation.map(usize::from),
        pad: [window.pad[0], window.pad[1]].map(usize::from),
        out,
    }
}

impl Conv {
    pub(super) fn new(
        op: &ops::Conv2d,
        program: &Validated,
        node: &Node,
        constants: &[&[u8]],
        out: &TensorType,
        team: &Team<'_>,
    ) -> Option<Conv> {
        let [x, w] = [0, 1].map(|operand| node.operands.get(operand).copied());
        let ty = program.operand_type(w?)?;
        let geometry = conv_geometry(op, program.operand_type(x?)?, ty, out)?;
        let [o, kh, kw, c] = axes::<4>(ty)?;
        let Operand::Const(index) = w? else {
            return None;
        };
        let bytes = *constants.get(usize::from(index))?;
        let extras = extras(program, node, constants, op.zb, op.params, &op.epilogue)?;
        let end = finish(&op.epilogue, extras.table);
        let groups = size(op.groups);
        let plain = match extras.offsets {
            Offsets::One(z) => z == 0,
            Offsets::Each(all) => all.iter().all(|z| *z == 0),
        };
        let kind = if c == 1 && o == groups {
            Kind::Depthwise(Depthwise::new(
                bytes,
                o,
                kh * kw,
                op.za,
                extras.offsets,
                extras.params,
                end,
            ))
        } else if let (Some(k), 1, true) = (conv::direct_k(&geometry), groups, plain) {
            let mut packed = Packed::default();
            let weights = conv::direct_weights(&geometry, bytes);
            pack(&mut packed, &weights, o, k, team);
            let (offsets, params) = (Offsets::One(0), extras.params);
            let epilogue = Epilogue::new(&packed, op.za, false, offsets, params, end);
            Kind::Direct(packed, epilogue)
        } else {
            let (n, k) = (o / groups, kh * kw * c);
            let group = |index: usize| {
                let mut packed = Packed::default();
                pack(
                    &mut packed,
                    &bytes[index * n * k..(index + 1) * n * k],
                    n,
                    k,
                    team,
                );
                let offsets = match extras.offsets {
                    Offsets::One(z) => Offsets::One(z),
                    Offsets::Each(all) => Offsets::Each(&all[index * n..(index + 1) * n]),
                };
                let params = extras
                    .params
                    .map(|p| &p[index * n * 8..(index + 1) * n * 8]);
                let epilogue = Epilogue::new(&packed, op.za, false, offsets, params, end);
                (packed, epilogue)
            };
            Kind::Groups(c, (0..groups).map(group).collect())
        };
        Some(Conv {
            geometry,
            za: op.za,
            kind,
        })
    }

    pub(super) fn run(&self, x: &[u8], samples: usize, out: &mut [u8], team: &Team<'_>) {
        let g = &self.geometry;
        let (positions, image) = (g.positions(), x.len() / samples);
        let position = out.len() / (samples * positions);
        match &self.kind {
            Kind::Depthwise(kernel) => {
                team.units(out, position, |first, out| {
                    let (mut first, mut out) = (first, out);
                    while !out.is_empty() {
                        let (sample, at) = (first / positions, first % positions);
                        let count = (positions - at).min(out.len() / position);
                        let (this, rest) = out.split_at_mut(count * position);
                        let x = &x[sample * image..(sample + 1) * image];
                        kernel.run(team.level, g, self.za, x, at, this);
                        (first, out) = (first + count, rest);
                    }
                });
            }
            Kind::Direct(packed, epilogue) => {
                let (n, total) = (packed.n(), samples * positions);
                let (rows, _) = grid(total, n, packed.k(), block_windows(g), team.threads);
                let blocks = out.chunks_mut(rows * position).enumerate().collect();
                team.each(blocks, |(block, out)| {
                    LINES.with_borrow_mut(|lines| {
                        let by = (packed, epilogue);
                        conv::direct(team.level, g, lines, x, block * rows, self.za, by, out);
                    });
                });
            }
            Kind::Groups(channels, groups) => {
                let k = g.kernel[0] * g.kernel[1] * channels;
                let total = samples * positions;
                let n = groups.iter().map(|(packed, _)| packed.n()).sum();
                let grid = grid(total, n, k, block_rows(k, false), team.threads);
                let (rows, columns) = match groups.as_slice() {
                    [_] => grid,
                    _ => (grid.0, 1),
                };
                let mut tasks = Vec::new();
                for (block, out) in out.chunks_mut(rows * position).enumerate() {
                    match groups.as_slice() {
                        [(packed, _)] => {
                            let w = position / n;
                            for part in parts(out, n, w, packed.panels(), columns) {
                                tasks.push((block * rows, Some(part.0), part.1));
                            }
                        }
                        _ => {
                            let lines = out.chunks_exact_mut(position).collect();
                            tasks.push((block * rows, None, lines));
                        }
                    }
                }
                team.each(tasks, |(first, panels, mut lines)| {
                    LEFT.with_borrow_mut(|(left, _)| {
                        for (index, (packed, epilogue)) in groups.iter().enumerate() {
                            conv::patches(
                                team.level,
                                g,
                                left,
                                x,
                                first,
                                lines.len(),
                                index * channels..(index + 1) * channels,
                                self.za,
                            );
                            match &panels {
                                Some(panels) => multiply(
                                    team.level,
                                    left,
                                    packed,
                                    panels.clone(),
                                    epilogue,
                                    &mut lines,
                                ),
                                None => {
                                    let bytes = packed.n() * epilogue.out().bytes();
                                    let at = index * bytes..(index + 1) * bytes;
                                    let mut cut: Vec<&mut [u8]> = lines
                                        .iter_mut()
                                        .map(|line| &mut line[at.clone()])
                                        .collect();
                                    let all = 0..packed.panels();
                                    multiply(team.level, left, packed, all, epilogue, &mut cut);
                                }
                            }
                        }
                    });
                });
            }
        }
    }
}

/// Makes a pool by `make`, which gets the output positions before its part of `out`,
/// whose elements are of type `to`.
fn pool(
    (window, kernel): (&Window, [u16; 2]),
    x: &Arg<'_>,
    to: Width,
    out: &mut [u8],
    team: &Team<'_>,
    make: impl Fn(&Geometry, usize, &mut [u8]) + Sync,
) {
    let Some(image) = axes::<3>(x.ty) else { return };
    let kernel = kernel.map(usize::from);
    let extent = |axis: usize| {
        let pad = usize::from(window.pad[axis]) + usize::from(window.pad[axis + 2]);
        let span = usize::from(window.dilation[axis]) * (kernel[axis] - 1) + 1;
        (image[axis] + pad - span) / usize::from(window.stride[axis]) + 1
    };
    let g = geometry(window, image, kernel, [extent(0), extent(1)]);
    team.units(out, image[2] * to.bytes(), |first, out| {
        make(&g, first, out)
    });
}

/// The maximum under each window.
pub(super) fn max_pool(op: &ops::MaxPool2d, x: &Arg<'_>, out: &mut [u8], team: &Team<'_>) {
    let of = width(x.ty.dtype);
    let windows = (&op.window, op.kernel);
    pool(windows, x, of, out, team, |g, first, out| {
        conv::max(team.level, g, x.bytes, of, first, out);
    });
}

/// The mean under each window.
pub(super) fn avg_pool(op: &ops::AvgPool2d, x: &Arg<'_>, out: &mut [u8], team: &Team<'_>) {
    let (of, r) = (width(x.ty.dtype), requant(&op.requant));
    let windows = (&op.window, op.kernel);
    let how = (op.zx, op.count_pad);
    pool(windows, x, r.out, out, team, |g, first, out| {
        conv::average(team.level, g, x.bytes, of, first, how, r, out);
    });
}
