//! Products: packing, sums for zero points, and which kernel does the rest.

use super::{code, Library, Lowering, Tensor};
use crate::backend::cuda::{
    kernels::{Kernel, Params},
    schedule::{At, Products, Step},
};
use athanor_tensor_program::{
    ops::{BatchMatMul, Conv2d, Epilogue, MatMul, Requant, Scale, ZeroPoint},
    DType,
};

/// Rows a launch counts at most: more are cut into several.
const MOST_ROWS: u64 = 1 << 28;

/// Bytes of unfolded windows at a time.
const UNFOLD_BYTES: u64 = 64 << 20;

/// Where the sums over a window stand, for convolutions.
#[derive(Clone, Copy, Debug, Default)]
struct Image {
    height: u64,
    width: u64,
    channels: u64,
    group_channels: u64,
    rows: u64,
    columns: u64,
    kw: u64,
    stride: [u8; 2],
    dilation: [u8; 2],
    top: u8,
    left: u8,
}

/// A product as the kernels take it: `struct Linear` of `kernels/linear.cuh`.
#[derive(Clone, Copy, Debug)]
struct Linear {
    a: At,
    b: At,
    out: At,
    asum: Option<At>,
    bsum: Option<At>,
    zbs: Option<At>,
    params: Option<At>,
    lut: Option<At>,
    fill: Option<At>,
    plane: u64,
    asum_plane: u64,
    a_batch: u64,
    b_batch: u64,
    out_batch: u64,
    ldc: u64,
    batches: u64,
    m: u64,
    n: u64,
    k: u64,
    kp: u64,
    channel_batch: u64,
    a_heads: u64,
    b_heads: u64,
    inner: u64,
    za: i32,
    zb: i32,
    raw: bool,
    channel: bool,
    requant: Requant,
    out_dtype: DType,
    image: Image,
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Linear {
    fn params(&self) -> Params {
        let image = &self.image;
        Params::default()
            .at(self.a)
            .at(self.b)
            .at(self.out)
            .maybe(self.asum)
            .maybe(self.bsum)
            .maybe(self.zbs)
            .maybe(self.params)
            .maybe(self.lut)
            .maybe(self.fill)
            .u64(self.plane)
            .u64(self.asum_plane)
            .u64(self.a_batch)
            .u64(self.b_batch)
            .u64(self.out_batch)
            .u64(self.ldc)
            .u32(narrow(self.batches))
            .u32(narrow(self.m))
            .u32(narrow(self.n))
            .u32(narrow(self.k))
            .u32(narrow(self.kp))
            .u32(narrow(self.channel_batch))
            .u32(narrow(self.a_heads))
            .u32(narrow(self.b_heads))
            .u32(narrow(self.inner))
            .i32(self.za)
            .i32(self.zb)
            .u32(self.raw.into())
            .u32(self.channel.into())
            .requant(&self.requant)
            .u32(code(self.out_dtype))
            .u32(narrow(image.height))
            .u32(narrow(image.width))
            .u32(narrow(image.channels))
            .u32(narrow(image.group_channels))
            .u32(narrow(image.rows))
            .u32(narrow(image.columns))
            .u32(narrow(image.kw))
            .u32(image.stride[0].into())
            .u32(image.stride[1].into())
            .u32(image.dilation[0].into())
            .u32(image.dilation[1].into())
            .u32(image.top.into())
            .u32(image.left.into())
            .u32(0)
    }

    /// Sums of the rows of `b` are needed.
    fn wants_bsum(&self, wide: bool) -> bool {
        self.za != 0 || wide
    }

    /// Sums of the rows of `a` are needed.
    fn wants_asum(&self) -> bool {
        self.zb != 0 || self.zbs.is_some()
    }

    /// Nothing is to be done to the sums but leaving them.
    fn is_plain(&self) -> bool {
        self.raw && self.za == 0 && !self.wants_asum() && self.params.is_none()
    }
}

/// Optional operands behind the first two, in their order.
struct Extras {
    zbs: Option<At>,
    params: Option<At>,
    lut: Option<At>,
}

fn extras(args: &[Tensor], zb: ZeroPoint, params: bool, epilogue: Epilogue) -> Option<Extras> {
    let mut rest = args.iter().skip(2).map(|tensor| tensor.at);
    let mut next = |present: bool| {
        if present {
            rest.next().map(Some)
        } else {
            Some(None)
        }
    };
    Some(Extras {
        zbs: next(zb == ZeroPoint::Channel)?,
        params: next(params)?,
        lut: next(matches!(epilogue, Epilogue::Requant { lut: true, .. }))?,
    })
}

/// Everything of a [`Linear`] that follows from attributes.
fn start(
    a: At,
    b: At,
    out: &Tensor,
    extras: &Extras,
    za: i8,
    zb: ZeroPoint,
    epilogue: Epilogue,
) -> Linear {
    let (channel, requant) = match epilogue {
        Epilogue::Raw => (
            false,
            Requant {
                m: 0,
                s: 0,
                z: 0,
                lo: 0,
                hi: 0,
                out: DType::I32,
            },
        ),
        Epilogue::Requant {
            scale,
            z,
            lo,
            hi,
            out,
            ..
        } => {
            let (m, s, channel) = match scale {
                Scale::Tensor { m, s } => (m, s, false),
                Scale::Channel => (0, 0, true),
            };
            (
                channel,
                Requant {
                    m,
                    s,
                    z,
                    lo,
                    hi,
                    out,
                },
            )
        }
    };
    Linear {
        a,
        b,
        out: out.at,
        asum: None,
        bsum: None,
        zbs: extras.zbs,
        params: extras.params,
        lut: extras.lut,
        fill: None,
        plane: 0,
        asum_plane: 0,
        a_batch: 0,
        b_batch: 0,
        out_batch: 0,
        ldc: 0,
        batches: 1,
        m: 0,
        n: 0,
        k: 0,
        kp: 0,
        channel_batch: 0,
        a_heads: 1,
        b_heads: 1,
        inner: 1,
        za: za.into(),
        zb: match zb {
            ZeroPoint::Tensor(zb) => zb.into(),
            ZeroPoint::Channel => 0,
        },
        raw: epilogue == Epilogue::Raw,
        channel,
        requant,
        out_dtype: out.dtype,
        image: Image::default(),
    }
}

impl Lowering<'_> {
    pub(super) fn matmul(&mut self, op: &MatMul, args: &[Tensor], out: &Tensor) -> Option<()> {
        let (a, b) = (args.first()?, args.get(1)?);
        let (k, m) = a.rows()?;
        let n = *b.axes.first()?;
        let extras = extras(args, op.zb, op.params, op.epilogue)?;
        let linear = Linear {
            n,
            k,
            ldc: n,
            channel_batch: n,
            ..start(a.at, b.at, out, &extras, op.za, op.zb, op.epilogue)
        };
        let mut linear = self.packed_b(linear, 1, a.dtype == DType::I16);
        // Rows are independent, so more than a launch can count are done in parts.
        let mut done = 0;
        while done < m {
            linear.m = (m - done).min(MOST_ROWS);
            linear.a = a.at.plus(done * k * a.width());
            linear.out = out.at.plus(done * n * out.width());
            self.product(linear, a.dtype == DType::I16);
            done += linear.m;
        }
        Some(())
    }

    pub(super) fn batch_matmul(
        &mut self,
        op: &BatchMatMul,
        args: &[Tensor],
        out: &Tensor,
    ) -> Option<()> {
        let (a, b) = (args.first()?, args.get(1)?);
        let [leading @ .., m, k] = a.axes.as_slice() else {
            return None;
        };
        let [b_leading @ .., n, _] = b.axes.as_slice() else {
            return None;
        };
        // Without an axis of heads, the only leading axis is the batch.
        let heads = |axes: &[u64]| axes.get(1).copied().unwrap_or(1);
        let batches: u64 = leading.iter().product();
        let b_batches: u64 = b_leading.iter().product();
        if batches > MOST_ROWS || *m > MOST_ROWS {
            return None;
        }
        let zb = ZeroPoint::Tensor(op.zb);
        let extras = extras(args, zb, false, op.epilogue)?;
        let linear = Linear {
            batches,
            m: *m,
            n: *n,
            k: *k,
            ldc: *n,
            out_batch: m * n,
            a_heads: heads(leading),
            b_heads: heads(b_leading),
            inner: leading.iter().skip(2).product(),
            ..start(a.at, b.at, out, &extras, op.za, zb, op.epilogue)
        };
        let wide = a.dtype == DType::I16;
        let linear = self.packed_b(linear, b_batches, wide);
        self.product(linear, wide);
        Some(())
    }

    /// Brings the rows of `b` to whole 16-byte chunks, and sums them if that is needed.
    fn packed_b(&mut self, mut linear: Linear, batches: u64, wide: bool) -> Linear {
        let rows = batches * linear.n;
        linear.kp = linear.k.next_multiple_of(16);
        if linear.kp != linear.k {
            linear.b = self.pack(linear.b, rows, linear.k, linear.kp, false);
        }
        linear.b_batch = linear.n * linear.kp;
        if linear.wants_bsum(wide) {
            linear.bsum = Some(self.sums(linear.b, rows, linear.kp));
        }
        linear
    }

    fn pack(&mut self, from: At, rows: u64, k: u64, kp: u64, wide: bool) -> At {
        let plane = rows * kp;
        let to: At = self.scratch(if wide { 2 * plane } else { plane }).into();
        self.push(
            Params::default()
                .at(from)
                .at(to)
                .u64(rows)
                .u64(plane)
                .u32(narrow(k))
                .u32(narrow(kp))
                .u32(wide.into())
                .u32(0)
                .items(Kernel::GemmPack, rows * kp / 4),
        );
        to
    }

    fn sums(&mut self, of: At, rows: u64, kp: u64) -> At {
        let to: At = self.scratch(4 * rows).into();
        self.push(
            Params::default()
                .at(of)
                .at(to)
                .u64(rows)
                .u32(narrow(kp))
                .u32(0)
                .items(Kernel::GemmSums, rows * 32),
        );
        to
    }

    /// Everything about the rows of `a`, then the product itself.
    fn product(&mut self, mut linear: Linear, wide: bool) {
        let rows = linear.batches * linear.m;
        if wide || linear.kp != linear.k {
            linear.a = self.pack(linear.a, rows, linear.k, linear.kp, wide);
        }
        linear.a_batch = linear.m * linear.kp;
        linear.plane = if wide { rows * linear.kp } else { 0 };
        if linear.wants_asum() {
            let planes = if wide { 2 } else { 1 };
            linear.asum = Some(self.sums(linear.a, planes * rows, linear.kp));
            linear.asum_plane = rows;
        }
        self.tiles(linear, wide);
    }

    /// The product of packed rows.
    fn tiles(&mut self, linear: Linear, wide: bool) {
        if self.by_library(&linear) {
            return self.library_product(linear, wide);
        }
        let tiles = |rows: u64, columns: u64| {
            linear.batches * linear.m.div_ceil(rows) * linear.n.div_ceil(columns)
        };
        if linear.m <= 8 {
            let kernel = match (wide, linear.m) {
                (false, 1) => Kernel::GemvOne,
                (false, _) => Kernel::GemvFew,
                (true, 1) => Kernel::GemvWideOne,
                (true, _) => Kernel::GemvWideFew,
            };
            let warps = linear.batches * linear.n;
            self.push(linear.params().items(kernel, 32 * warps));
            return;
        }
        let (height, kernels) = if wide {
            (2, [Kernel::GemmWideLarge, Kernel::GemmWideSmall])
        } else {
            (1, [Kernel::GemmLarge, Kernel::GemmSmall])
        };
        let large = tiles(128 / height, 128);
        let (kernel, blocks) = if large >= self.options.many_tiles {
            (kernels[0], large)
        } else {
            (kernels[1], tiles(64 / height, 64))
        };
        self.push(linear.params().launch(kernel, blocks, kernel.threads()));
    }

    fn by_library(&self, linear: &Linear) -> bool {
        let possible = linear.n.is_multiple_of(4) && linear.a_heads == linear.b_heads;
        match self.options.library {
            Library::Never => false,
            Library::Sums => possible && linear.is_plain() && linear.m > 8,
            Library::Always => possible,
        }
    }

    fn library_product(&mut self, mut linear: Linear, wide: bool) {
        let products = |a: At, c: At| {
            Step::Products(Products {
                a,
                b: linear.b,
                c,
                batches: linear.batches,
                m: linear.m,
                n: linear.n,
                k: linear.kp,
                a_stride: linear.a_batch,
                b_stride: linear.b_batch,
            })
        };
        if linear.is_plain() && !wide {
            self.room.steps.push(products(linear.a, linear.out));
            return;
        }
        let plane = 4 * linear.batches * linear.m * linear.n;
        let sums: At = self.scratch(if wide { 2 * plane } else { plane }).into();
        self.room.steps.push(products(linear.a, sums));
        if wide {
            let low = products(linear.a.plus(linear.plane), sums.plus(plane));
            self.room.steps.push(low);
        }
        // The kernel that finishes reads sums where others read `a`.
        linear.a = sums;
        linear.plane = if wide { plane } else { 0 };
        linear.kp = linear.n;
        let elements = linear.batches * linear.m * linear.n;
        self.push(linear.params().items(Kernel::GemmFinish, elements));
    }

    pub(super) fn conv2d(&mut self, op: &Conv2d, args: &[Tensor], out: &Tensor) -> Option<()> {
        let (x, w) = (args.first()?, args.get(1)?);
        let &[samples, height, width, channels] = x.axes.as_slice() else {
            return None;
        };
        let &[filters, kh, kw, group_channels] = w.axes.as_slice() else {
            return None;
        };
        let &[_, rows, columns, _] = out.axes.as_slice() else {
            return None;
        };
        let groups = u64::from(op.groups);
        let extras = extras(args, op.zb, op.params, op.epilogue)?;
        let (n, k) = (filters.checked_div(groups)?, kh * kw * group_channels);
        let positions = rows * columns;
        if positions > MOST_ROWS {
            return None;
        }
        let fill: At = self.constant(vec![op.za as u8; 16]).into();
        let mut linear = Linear {
            fill: Some(fill),
            batches: groups,
            n,
            k,
            kp: k,
            ldc: filters,
            out_batch: n,
            channel_batch: n,
            a_heads: groups,
            b_heads: groups,
            a_batch: group_channels,
            b_batch: n * k,
            image: Image {
                height,
                width,
                channels,
                group_channels,
                rows,
                columns,
                kw,
                stride: op.window.stride,
                dilation: op.window.dilation,
                top: op.window.pad[0],
                left: op.window.pad[1],
            },
            ..start(x.at, w.at, out, &extras, op.za, op.zb, op.epilogue)
        };
        let whole_chunks = group_channels % 16 == 0;
        let direct = !whole_chunks && groups > 1;
        let most = if whole_chunks || direct {
            MOST_ROWS
        } else {
            linear = self.packed_b(linear, 1, false);
            (UNFOLD_BYTES / linear.kp).clamp(positions, MOST_ROWS.max(positions))
        };
        if whole_chunks && linear.wants_bsum(false) {
            linear.bsum = Some(self.sums(w.at, filters, k));
        }
        let at_a_time = (most / positions).max(1);
        let unfolded: Option<At> = (!whole_chunks && !direct).then(|| {
            let bytes = at_a_time.min(samples) * positions * linear.kp;
            self.scratch(bytes).into()
        });
        let mut done = 0;
        while done < samples {
            let count = (samples - done).min(at_a_time);
            linear.m = count * positions;
            linear.a = x.at.plus(done * height * width * channels);
            linear.out = out.at.plus(done * positions * filters * out.width());
            done += count;
            if direct {
                let items = linear.m * filters;
                self.push(linear.params().items(Kernel::ConvDirect, items));
                continue;
            }
            if let Some(windows) = unfolded {
                let unfold = Linear {
                    out: windows,
                    ..linear
                };
                let words = linear.m * linear.kp / 4;
                self.push(unfold.params().items(Kernel::ConvUnfold, words));
                // An ordinary product from here on.
                let mut plain = Linear {
                    a: windows,
                    a_batch: linear.m * linear.kp,
                    ..linear
                };
                if plain.wants_asum() {
                    plain.asum = Some(self.sums(windows, plain.m, plain.kp));
                }
                self.tiles(plain, false);
                continue;
            }
            let mut part = linear;
            if part.wants_asum() {
                let to: At = self.scratch(4 * groups * part.m).into();
                let sums = Linear { out: to, ..part };
                let items = groups * part.m;
                self.push(sums.params().items(Kernel::ConvSums, items));
                part.asum = Some(to);
            }
            let tiles = |side: u64| groups * part.m.div_ceil(side) * part.n.div_ceil(side);
            let (kernel, blocks) = if tiles(128) >= self.options.many_tiles {
                (Kernel::ConvLarge, tiles(128))
            } else {
                (Kernel::ConvSmall, tiles(64))
            };
            self.push(part.params().launch(kernel, blocks, kernel.threads()));
        }
        Some(())
    }
}
