//! Every kernel, at every level of this machine, against its formula written plainly.
//!
//! `ATHANOR_FUZZ_CASES` sets the number of random cases a test draws (default 150).

use athanor_exact_kernels::{
    conv::{self, Depthwise, Geometry},
    element::{self, Channels, Requant, Side, Sum, Table16},
    gemm::{multiply, Epilogue, Finish, Offsets, Packed, Rows, Scales, Width},
    layout::Permutation,
    rows::{self, Norm, Scratch, Softmax},
    Level,
};

/// xorshift64*, from a fixed seed: a failure can be repeated.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    /// Random bytes, or nothing but extremes.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        match self.below(5) {
            0 => vec![0x80; len],
            1 => vec![0x7F; len],
            2 => (0..len).map(|_| self.of(&[0x80, 0x7F, 0, 0xFF])).collect(),
            _ => (0..len).map(|_| self.next() as u8).collect(),
        }
    }

    fn i8(&mut self) -> i8 {
        let any = self.next() as i8;
        self.of(&[0, 0, -128, 127, any])
    }

    fn width(&mut self) -> Width {
        self.of(&[Width::I8, Width::I16, Width::I32])
    }

    fn value(&mut self, width: Width) -> i32 {
        let (low, high) = range(width);
        let any = self.next() as i32;
        let any = match width {
            Width::I8 => i32::from(any as i8),
            Width::I16 => i32::from(any as i16),
            Width::I32 => any,
        };
        self.of(&[0, low, high, any, any])
    }

    fn requant(&mut self, out: Width) -> Requant {
        let (one, other) = (self.value(out), self.value(out));
        let (low, high) = range(out);
        let (lo, hi) = match self.coin() {
            true => (low, high),
            false => (one.min(other), one.max(other)),
        };
        let any = self.next() as u16;
        let s = self.below(63) as u8;
        Requant {
            m: self.of(&[0, 1, 65_535, any, any, 16_384 + any % 16_384]),
            s: self.of(&[0, 1, 16, 17, 31, 32, 33, 62, s, s]),
            z: self.value(out),
            lo,
            hi,
            out,
        }
    }
}

fn range(width: Width) -> (i32, i32) {
    match width {
        Width::I8 => (-128, 127),
        Width::I16 => (-32_768, 32_767),
        Width::I32 => (i32::MIN, i32::MAX),
    }
}

fn cases() -> usize {
    let asked = std::env::var("ATHANOR_FUZZ_CASES").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(150)
}

fn get(bytes: &[u8], width: Width, index: usize) -> i128 {
    let b = &bytes[index * width.bytes()..];
    match width {
        Width::I8 => (b[0] as i8).into(),
        Width::I16 => i16::from_le_bytes([b[0], b[1]]).into(),
        Width::I32 => i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into(),
    }
}

fn put(value: i128, width: Width, out: &mut Vec<u8>) {
    out.extend_from_slice(&(value as i32).to_le_bytes()[..width.bytes()]);
}

fn formula(x: i128, m: i128, s: u32, z: i32, lo: i32, hi: i32) -> i128 {
    let half = if s == 0 { 0 } else { 1i128 << (s - 1) };
    (((x * m + half) >> s) + i128::from(z)).clamp(lo.into(), hi.into())
}

fn r(x: i128, r: Requant) -> i128 {
    formula(x, r.m.into(), r.s.into(), r.z, r.lo, r.hi)
}

/// The second word of a pair of parameters.
fn scale(word: u32) -> (i128, u32) {
    ((word & 0xFFFF).into(), ((word >> 16) & 63).min(62))
}

fn word(bytes: &[u8], index: usize) -> u32 {
    get(bytes, Width::I32, index) as u32
}

/// Everything about a linear operator but its left side.
struct Linear {
    n: usize,
    k: usize,
    b: Vec<u8>,
    za: i8,
    zb: Vec<i8>,
    params: Option<Vec<u8>>,
    end: Option<(Option<(u16, u8)>, Requant)>,
    table: Option<(Vec<u8>, Width)>,
}

impl Linear {
    fn draw(draw: &mut Draw, n: usize, k: usize, wide: bool) -> Linear {
        let za = if wide { 0 } else { draw.i8() };
        let one = draw.i8();
        let mut zb: Vec<i8> = match draw.coin() {
            true => vec![one; n],
            false => (0..n).map(|_| draw.i8()).collect(),
        };
        // What validation asks of the reduction.
        let reach = |z: i8| (127 - i64::from(z)).max(i64::from(z) + 128);
        let most = zb.iter().map(|z| reach(*z)).max().unwrap_or(0);
        if !wide && k as i64 * reach(za) * most > (1 << 30) - (1 << 23) {
            zb = vec![0; n];
        }
        let params = draw.coin().then(|| draw.bytes(n * 8));
        let params = params.map(|mut params| {
            if draw.coin() {
                // Scales as an importer writes them.
                for pair in params.chunks_exact_mut(8) {
                    let word =
                        (16_384 + draw.below(16_384) as u32) | ((20 + draw.below(20) as u32) << 16);
                    pair[4..].copy_from_slice(&word.to_le_bytes());
                    pair[..4].copy_from_slice(&((draw.next() as i32) >> 8).to_le_bytes());
                }
            }
            params
        });
        let raw = !wide && draw.below(4) == 0;
        let out = draw.of(&[Width::I8, Width::I16]);
        let requant = draw.requant(out);
        let one = (params.is_none() || draw.coin()).then_some((requant.m, requant.s));
        let end = (!raw).then_some((one, requant));
        let width = draw.width();
        let table = (!raw && out == Width::I8 && draw.coin())
            .then(|| (draw.bytes(256 * width.bytes()), width));
        Linear {
            n,
            k,
            b: draw.bytes(n * k),
            za,
            zb,
            params,
            end,
            table,
        }
    }

    fn finish(&self) -> Finish<'_> {
        match self.end {
            None => Finish::Raw,
            Some((one, r)) => Finish::Requant {
                scales: match one {
                    Some((m, s)) => Scales::Tensor { m, s },
                    None => Scales::Channel,
                },
                z: r.z,
                lo: r.lo,
                hi: r.hi,
                out: r.out,
                table: self
                    .table
                    .as_ref()
                    .map(|(bytes, width)| (&bytes[..], *width)),
            },
        }
    }

    fn out(&self) -> Width {
        match (&self.table, self.end) {
            (Some((_, width)), _) => *width,
            (None, Some((_, r))) => r.out,
            (None, None) => Width::I32,
        }
    }

    /// Appends the output for the exact sum of a column.
    fn push(&self, sum: i128, column: usize, out: &mut Vec<u8>) {
        let params = self.params.as_deref();
        let v = sum + params.map_or(0, |p| get(p, Width::I32, 2 * column));
        let value = match self.end {
            None => v.clamp(i32::MIN.into(), i32::MAX.into()),
            Some((one, r)) => {
                let (m, s) = match one {
                    Some((m, s)) => (m.into(), s.into()),
                    None => scale(word(params.unwrap(), 2 * column + 1)),
                };
                formula(v, m, s, r.z, r.lo, r.hi)
            }
        };
        match &self.table {
            None => put(value, self.out(), out),
            Some((table, width)) => put(get(table, *width, (value + 128) as usize), *width, out),
        }
    }

    fn offsets<'a>(&self, bytes: &'a [u8]) -> Offsets<'a> {
        match self.zb.iter().all(|z| *z == self.zb[0]) {
            true => Offsets::One(self.zb[0]),
            false => Offsets::Each(bytes),
        }
    }

    fn product(&self, a: &[u8], width: Width) -> Vec<u8> {
        let mut out = Vec::new();
        for row in 0..a.len() / width.bytes() / self.k {
            for column in 0..self.n {
                let mut sum = 0i128;
                for k in 0..self.k {
                    let x = get(a, width, row * self.k + k) - i128::from(self.za);
                    let w = get(&self.b, Width::I8, column * self.k + k);
                    sum += x * (w - i128::from(self.zb[column]));
                }
                self.push(sum, column, &mut out);
            }
        }
        out
    }

    fn check(&self, draw: &mut Draw, m: usize, width: Width) {
        let wide = width == Width::I16;
        let a = draw.bytes(m * self.k * width.bytes());
        let expected = self.product(&a, width);
        let zb: Vec<u8> = self.zb.iter().map(|z| *z as u8).collect();
        for level in Level::available() {
            let mut packed = Packed::default();
            // Room of an earlier, larger matrix must not show through.
            packed.pack(level, &[0x55; 70 * 9], 70, 9);
            packed.pack(level, &self.b, self.n, self.k);
            let epilogue = Epilogue::new(
                &packed,
                self.za,
                wide,
                self.offsets(&zb),
                self.params.as_deref(),
                self.finish(),
            );
            let mut left = Rows::default();
            left.narrow(level, &[0x55; 600], 300);
            match wide {
                true => left.wide(level, &a, self.k),
                false => left.narrow(level, &a, self.k),
            }
            let mut out = vec![0xAA; expected.len()];
            let w = self.out().bytes();
            let cut = draw.below(packed.panels()).max(1).min(packed.panels());
            for panels in [0..cut, cut..packed.panels()] {
                let columns = packed.columns(panels.clone());
                let mut lines: Vec<&mut [u8]> = out
                    .chunks_mut(self.n * w)
                    .map(|line| &mut line[columns.start * w..columns.end * w])
                    .collect();
                multiply(level, &left, &packed, panels, &epilogue, &mut lines);
            }
            assert!(
                out == expected,
                "{level}: {m}×{}×{} {width:?} za {} zb {:?} end {:?} table {:?}",
                self.n,
                self.k,
                self.za,
                &self.zb[..self.zb.len().min(4)],
                self.end,
                self.table.as_ref().map(|(_, width)| width),
            );
        }
    }
}

#[test]
fn products_around_the_borders_of_every_tile() {
    let mut draw = Draw(1);
    for m in [1, 2, 5, 6, 7, 12, 13, 25] {
        for n in [1, 15, 16, 17, 33, 48, 49, 63, 64, 65, 81, 128, 130] {
            let k = draw.of(&[1, 2, 3, 4, 5, 7, 8, 31, 64, 65, 100]);
            for width in [Width::I8, Width::I16] {
                Linear::draw(&mut draw, n, k, width == Width::I16).check(&mut draw, m, width);
            }
        }
    }
}

#[test]
fn random_products() {
    let mut draw = Draw(2);
    for _ in 0..cases() {
        let (m, n, k) = (1 + draw.below(14), 1 + draw.below(90), 1 + draw.below(150));
        let width = draw.of(&[Width::I8, Width::I16]);
        Linear::draw(&mut draw, n, k, width == Width::I16).check(&mut draw, m, width);
    }
}

/// The sums that saturate VPMADDUBSW, and those nearest to 2^31 before the left
/// side's offset of 128 is taken out again.
#[test]
fn products_of_extremes_at_the_bound() {
    for (k, za, zb) in [
        (65_024, 0, 0),
        (16_383, -128, 127),
        (16_383, 127, -128),
        (32_000, 127, 0),
    ] {
        for (a, b) in [(0x80, 0x80), (0x7F, 0x7F), (0x7F, 0x80), (0x80, 0x7F)] {
            for raw in [false, true] {
                let r = Requant {
                    m: 32_767,
                    s: 31,
                    z: 5,
                    lo: -32_768,
                    hi: 32_767,
                    out: Width::I16,
                };
                let linear = Linear {
                    n: 2,
                    k,
                    b: vec![b; 2 * k],
                    za,
                    zb: vec![zb; 2],
                    params: None,
                    end: (!raw).then_some((Some((r.m, r.s)), r)),
                    table: None,
                };
                linear.check_of(&vec![a; k], Width::I8);
                if za == 0 && !raw {
                    let wide = [vec![a; 2 * k], [0x00, a].repeat(k), [0xFF, 0x7F].repeat(k)];
                    for a in wide {
                        linear.check_of(&a, Width::I16);
                    }
                }
            }
        }
    }
}

impl Linear {
    fn check_of(&self, a: &[u8], width: Width) {
        let expected = self.product(a, width);
        for level in Level::available() {
            let mut packed = Packed::default();
            packed.pack(level, &self.b, self.n, self.k);
            let wide = width == Width::I16;
            let zb = self.zb[0];
            let epilogue = |b: &Packed| {
                let offsets = Offsets::One(zb);
                Epilogue::new(b, self.za, wide, offsets, None, self.finish())
            };
            let mut other = Packed::default();
            other.pack(level, &vec![0x55; self.n * self.k], self.n, self.k);
            let mut renewed = epilogue(&other);
            renewed.renew(&packed, self.za, zb);
            let mut left = Rows::default();
            match wide {
                true => left.wide(level, a, self.k),
                false => left.narrow(level, a, self.k),
            }
            for epilogue in [epilogue(&packed), renewed] {
                let mut out = vec![0; expected.len()];
                let mut lines: Vec<&mut [u8]> = out.chunks_mut(expected.len()).collect();
                multiply(level, &left, &packed, 0..1, &epilogue, &mut lines);
                assert_eq!(
                    out, expected,
                    "{level} {width:?} k {} za {} zb {zb}",
                    self.k, self.za
                );
            }
        }
    }
}

/// An image, and what lies under each tap, `None` outside.
fn under(g: &Geometry, position: usize) -> Vec<Option<usize>> {
    let (p, q) = (position / g.out[1], position % g.out[1]);
    let mut taps = Vec::new();
    for i in 0..g.kernel[0] {
        for j in 0..g.kernel[1] {
            let row = (p * g.stride[0] + i * g.dilation[0]) as i64 - g.pad[0] as i64;
            let column = (q * g.stride[1] + j * g.dilation[1]) as i64 - g.pad[1] as i64;
            let inside =
                (0..g.height as i64).contains(&row) && (0..g.width as i64).contains(&column);
            taps.push(inside.then_some((row as usize * g.width + column as usize) * g.channels));
        }
    }
    taps
}

fn geometry(draw: &mut Draw, channels: usize) -> Geometry {
    loop {
        let pick = |draw: &mut Draw, most| [1 + draw.below(most), 1 + draw.below(most)];
        let [height, mut width] = pick(draw, 9);
        // Rows of images as wide as this are laid out in parts.
        if draw.below(30) == 0 {
            width += 270;
        }
        let (kernel, stride, dilation) = (pick(draw, 4), pick(draw, 3), pick(draw, 2));
        let pad = [draw.below(4), draw.below(4)];
        let after = [draw.below(4), draw.below(4)];
        let span = |axis: usize| dilation[axis] * (kernel[axis] - 1) + 1;
        let (Some(rows), Some(columns)) = (
            (height + pad[0] + after[0]).checked_sub(span(0)),
            (width + pad[1] + after[1]).checked_sub(span(1)),
        ) else {
            continue;
        };
        return Geometry {
            height,
            width,
            channels,
            kernel,
            stride,
            dilation,
            pad,
            out: [rows / stride[0] + 1, columns / stride[1] + 1],
        };
    }
}

#[test]
fn convolutions_pad_with_the_zero_point() {
    let mut draw = Draw(4);
    for _ in 0..cases() {
        let few = 1 + draw.below(5);
        let (groups, c) = (1 + draw.below(2), draw.of(&[few, few, 16, 33]));
        let g = geometry(&mut draw, groups * c);
        let k = g.kernel[0] * g.kernel[1] * c;
        let n = 1 + draw.below(20);
        let mut linear = Linear::draw(&mut draw, n, k, false);
        linear.za = draw.i8();
        let images = 1 + draw.below(2);
        let size = g.height * g.width * g.channels;
        let x = draw.bytes(images * size);
        let group = draw.below(groups);
        let mut expected = Vec::new();
        for image in x.chunks(size) {
            for position in 0..g.positions() {
                let taps = under(&g, position);
                for column in 0..n {
                    let mut sum = 0;
                    for (tap, at) in taps.iter().enumerate() {
                        for channel in 0..c {
                            let Some(at) = at else { continue };
                            let x = get(image, Width::I8, at + group * c + channel);
                            let w = get(&linear.b, Width::I8, column * k + tap * c + channel);
                            sum +=
                                (x - i128::from(linear.za)) * (w - i128::from(linear.zb[column]));
                        }
                    }
                    linear.push(sum, column, &mut expected);
                }
            }
        }
        let zb: Vec<u8> = linear.zb.iter().map(|z| *z as u8).collect();
        let plain = linear.zb.iter().all(|z| *z == 0);
        let mut windows = conv::Lines::default();
        for level in Level::available() {
            let mut packed = Packed::default();
            packed.pack(level, &linear.b, n, k);
            let (offsets, params) = (linear.offsets(&zb), linear.params.as_deref());
            let epilogue =
                Epilogue::new(&packed, linear.za, false, offsets, params, linear.finish());
            let mut out = vec![0; expected.len()];
            let mut left = Rows::default();
            let (block, line) = (1 + draw.below(40), n * linear.out().bytes());
            for (index, out) in out.chunks_mut(block * line).enumerate() {
                let mut lines: Vec<&mut [u8]> = out.chunks_mut(line).collect();
                let channels = group * c..(group + 1) * c;
                let (first, count) = (index * block, lines.len());
                conv::patches(level, &g, &mut left, &x, first, count, channels, linear.za);
                multiply(
                    level,
                    &left,
                    &packed,
                    0..packed.panels(),
                    &epilogue,
                    &mut lines,
                );
            }
            assert!(out == expected, "{level} {g:?} za {}", linear.za);
            let Some(k) = conv::direct_k(&g).filter(|_| groups == 1 && plain) else {
                continue;
            };
            packed.pack(level, &conv::direct_weights(&g, &linear.b), n, k);
            let (offsets, end) = (Offsets::One(0), linear.finish());
            let epilogue = Epilogue::new(&packed, linear.za, false, offsets, params, end);
            let mut found = vec![0; expected.len()];
            for (index, out) in found.chunks_mut(block * line).enumerate() {
                let (by, first) = ((&packed, &epilogue), index * block);
                conv::direct(level, &g, &mut windows, &x, first, linear.za, by, out);
            }
            assert!(found == expected, "direct: {level} {g:?} za {}", linear.za);
        }
    }
}

#[test]
fn depthwise_convolutions_pad_with_the_zero_point() {
    let mut draw = Draw(5);
    for _ in 0..cases() {
        let channels = draw.of(&[1, 3, 16, 63, 64, 65, 130]);
        let g = geometry(&mut draw, channels);
        let taps = g.kernel[0] * g.kernel[1];
        let mut linear = Linear::draw(&mut draw, channels, taps, false);
        linear.za = draw.i8();
        let x = draw.bytes(g.height * g.width * channels);
        let mut expected = Vec::new();
        for position in 0..g.positions() {
            let under = under(&g, position);
            for channel in 0..channels {
                let mut sum = 0;
                for (tap, at) in under.iter().enumerate() {
                    let Some(at) = at else { continue };
                    let x = get(&x, Width::I8, at + channel) - i128::from(linear.za);
                    let w = get(&linear.b, Width::I8, channel * taps + tap);
                    sum += x * (w - i128::from(linear.zb[channel]));
                }
                linear.push(sum, channel, &mut expected);
            }
        }
        let zb: Vec<u8> = linear.zb.iter().map(|z| *z as u8).collect();
        let (offsets, params) = (linear.offsets(&zb), linear.params.as_deref());
        let kernel = Depthwise::new(
            &linear.b,
            channels,
            taps,
            linear.za,
            offsets,
            params,
            linear.finish(),
        );
        for level in Level::available() {
            let mut out = vec![0; expected.len()];
            let at = draw.below(g.positions());
            let (low, high) = out.split_at_mut(at * channels * linear.out().bytes());
            kernel.run(level, &g, linear.za, &x, 0, low);
            kernel.run(level, &g, linear.za, &x, at, high);
            assert!(out == expected, "{level} {g:?} za {}", linear.za);
        }
    }
}

#[test]
fn maxima_under_windows() {
    let mut draw = Draw(6);
    for _ in 0..cases() {
        let channels = draw.of(&[1, 5, 64, 70]);
        let g = geometry(&mut draw, channels);
        let width = draw.of(&[Width::I8, Width::I16]);
        let x = draw.bytes(g.height * g.width * channels * width.bytes());
        let position = draw.below(g.positions());
        let inside: Vec<usize> = under(&g, position).into_iter().flatten().collect();
        if inside.is_empty() {
            continue;
        }
        let mut expected = Vec::new();
        for channel in 0..channels {
            let top = inside.iter().map(|at| get(&x, width, at + channel)).max();
            put(top.unwrap(), width, &mut expected);
        }
        for level in Level::available() {
            let mut out = vec![0; expected.len()];
            conv::max(level, &g, &x, width, position, &mut out);
            assert_eq!(out, expected, "{level} {g:?}");
        }
    }
}

#[test]
fn means_under_windows() {
    let mut draw = Draw(14);
    for _ in 0..cases() {
        let channels = draw.of(&[1, 5, 64, 70]);
        let g = geometry(&mut draw, channels);
        let (width, all) = (draw.of(&[Width::I8, Width::I16]), draw.coin());
        let out = draw.of(&[Width::I8, Width::I16]);
        let (zx, requant) = (draw.value(width), draw.requant(out));
        let x = draw.bytes(g.height * g.width * channels * width.bytes());
        let position = draw.below(g.positions());
        let taps = under(&g, position);
        let inside: Vec<usize> = taps.iter().copied().flatten().collect();
        if inside.is_empty() {
            continue;
        }
        let count = if all { taps.len() } else { inside.len() } as i128;
        let expected = collect(channels, out, |channel| {
            let each = inside.iter().map(|at| get(&x, width, at + channel));
            let sum: i128 = each.map(|x| x - i128::from(zx)).sum();
            r((512 * sum + count).div_euclid(2 * count), requant)
        });
        for level in Level::available() {
            let mut made = vec![0; expected.len()];
            conv::average(
                level,
                &g,
                &x,
                width,
                position,
                (zx, all),
                requant,
                &mut made,
            );
            assert_eq!(made, expected, "{level} {g:?} zx {zx} {all} {requant:?}");
        }
    }
}

#[test]
fn elements() {
    let mut draw = Draw(7);
    for _ in 0..cases() {
        let n = draw.of(&[1, 2, 15, 16, 17, 255, 256, 257, 600]);
        let (wa, wb, out) = (draw.width(), draw.width(), draw.width());
        let (a, b) = (draw.bytes(n * wa.bytes()), draw.bytes(n * wb.bytes()));
        let (one_a, one_b) = (draw.below(4) == 0, draw.below(4) == 0);
        let at = |bytes: &[u8], width, one, i| get(bytes, width, if one { 0 } else { i });
        let requant = draw.requant(out);
        let zx = draw.value(wa);
        let made: Vec<u8> = collect(n, out, |i| r(get(&a, wa, i) - i128::from(zx), requant));
        let (lo, hi) = (draw.value(wa), draw.value(wa));
        let (lo, hi) = (lo.min(hi), lo.max(hi));
        let clipped = collect(n, wa, |i| get(&a, wa, i).clamp(lo.into(), hi.into()));
        let magnitudes = collect(n, wa, |i| get(&a, wa, i).abs().min(range(wa).1.into()));

        let multiplier = |draw: &mut Draw| {
            let any = (draw.next() as i32) >> 2;
            draw.of(&[0, 1, -1, 1 << 30, -(1 << 30), any, any >> 14])
        };
        let zero = |draw: &mut Draw, width| {
            if width == Width::I32 {
                0
            } else {
                draw.value(width)
            }
        };
        let sum = Sum {
            za: zero(&mut draw, wa),
            zb: zero(&mut draw, wb),
            ma: multiplier(&mut draw),
            mb: multiplier(&mut draw),
            s: requant.s,
            z: requant.z,
            lo: requant.lo,
            hi: requant.hi,
            out,
        };
        let added = collect(n, out, |i| {
            let left = (at(&a, wa, one_a, i) - i128::from(sum.za)) * i128::from(sum.ma);
            let right = (at(&b, wb, one_b, i) - i128::from(sum.zb)) * i128::from(sum.mb);
            formula(left + right, 1, sum.s.into(), sum.z, sum.lo, sum.hi)
        });

        // Products take 16 bits at most.
        let (na, nb) = (
            draw.of(&[Width::I8, Width::I16]),
            draw.of(&[Width::I8, Width::I16]),
        );
        let (pa, pb) = (draw.bytes(n * na.bytes()), draw.bytes(n * nb.bytes()));
        let (za, zb) = (draw.value(na), draw.value(nb));
        let multiplied = collect(n, out, |i| {
            let left = at(&pa, na, one_a, i) - i128::from(za);
            r(left * (at(&pb, nb, one_b, i) - i128::from(zb)), requant)
        });
        let c = draw.bytes(n);
        let d = draw.bytes(n * wa.bytes());
        let chosen = collect(n, wa, |i| match get(&c, Width::I8, i) {
            0 => at(&d, wa, one_b, i),
            _ => at(&a, wa, one_a, i),
        });
        for level in Level::available() {
            let run = |len: usize, f: &dyn Fn(&mut [u8])| {
                let mut out = vec![0x33; len];
                f(&mut out);
                out
            };
            let side = |bytes, width, one| Side { bytes, width, one };
            assert_eq!(
                run(made.len(), &|out| element::requantize(
                    level, &a, wa, zx, requant, out
                )),
                made,
                "{level} requantize {wa:?} {zx} {requant:?}"
            );
            assert_eq!(
                run(clipped.len(), &|out| element::clamp(
                    level, &a, wa, lo, hi, out
                )),
                clipped
            );
            assert_eq!(
                run(magnitudes.len(), &|out| element::abs(level, &a, wa, out)),
                magnitudes
            );
            let (left, right) = (side(&a, wa, one_a), side(&b, wb, one_b));
            assert_eq!(
                run(added.len(), &|out| element::add(
                    level, left, right, sum, out
                )),
                added,
                "{level} {sum:?}"
            );
            let (left, right) = (side(&pa, na, one_a), side(&pb, nb, one_b));
            assert_eq!(
                run(multiplied.len(), &|out| element::mul(
                    level, left, right, za, zb, requant, out
                )),
                multiplied,
                "{level} mul {requant:?}"
            );
            let (left, right) = (side(&a, wa, one_a), side(&d, wa, one_b));
            let condition = side(&c, Width::I8, false);
            assert_eq!(
                run(chosen.len(), &|out| element::select(
                    level, condition, left, right, out
                )),
                chosen
            );
        }
    }
}

fn collect(n: usize, width: Width, f: impl Fn(usize) -> i128) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..n {
        put(f(i), width, &mut out);
    }
    out
}

#[test]
fn scales_and_biases_per_channel() {
    let mut draw = Draw(8);
    for _ in 0..cases() {
        let (n, rows) = (1 + draw.below(300), 1 + draw.below(4));
        let (from, out) = (draw.width(), draw.width());
        let (x, params) = (draw.bytes(n * rows * from.bytes()), draw.bytes(n * 8));
        let (zx, requant) = (draw.value(from), draw.requant(out));
        let expected = collect(n * rows, out, |i| {
            let (m, s) = scale(word(&params, 2 * (i % n) + 1));
            let v = get(&x, from, i) - i128::from(zx) + get(&params, Width::I32, 2 * (i % n));
            formula(v, m, s, requant.z, requant.lo, requant.hi)
        });
        let x32 = draw.bytes(n * rows * 4);
        let bias = draw.bytes(n * 4);
        let biased = collect(n * rows, Width::I32, |i| {
            let v = get(&x32, Width::I32, i) + get(&bias, Width::I32, i % n);
            v.clamp(i32::MIN.into(), i32::MAX.into())
        });
        let channels = Channels::new(&params, zx);
        for level in Level::available() {
            let mut made = vec![0; expected.len()];
            element::requantize_rows(level, &x, from, &channels, requant, &mut made);
            assert_eq!(made, expected, "{level} {from:?} {requant:?}");
            let mut made = vec![0; biased.len()];
            element::add_bias(level, &x32, &bias, &mut made);
            assert_eq!(made, biased);
        }
    }
}

#[test]
fn tables() {
    let mut draw = Draw(9);
    for _ in 0..cases() {
        let n = 1 + draw.below(700);
        let width = draw.width();
        let (x, table) = (draw.bytes(n), draw.bytes(256 * width.bytes()));
        let expected = collect(n, width, |i| {
            get(&table, width, (get(&x, Width::I8, i) + 128) as usize)
        });
        let mut made = vec![0; expected.len()];
        element::lut8(&x, &table, width, &mut made);
        assert_eq!(made, expected);

        let (x, table) = (draw.bytes(2 * n), draw.bytes(513 * 2));
        let expected = collect(n, Width::I16, |i| {
            let u = get(&x, Width::I16, i) + 32_768;
            let (j, f) = ((u >> 7) as usize, u & 127);
            let (low, high) = (get(&table, Width::I16, j), get(&table, Width::I16, j + 1));
            low + ((f * (high - low) + 64) >> 7)
        });
        for level in Level::available() {
            let table = Table16::new(&table);
            for many in [0, 1 << 20] {
                table.expect(level, many);
                let mut made = vec![0; expected.len()];
                element::lut16(level, &x, &table, &mut made);
                assert_eq!(made, expected, "{level} {many}");
            }
        }
    }
}

#[test]
fn softmax() {
    let mut draw = Draw(10);
    for _ in 0..4 * cases() {
        let n = draw.of(&[1, 2, 7, 64, 100, 257]);
        let width = draw.of(&[Width::I8, Width::I16]);
        let x = draw.bytes(n * width.bytes());
        let mask = draw.coin().then(|| match draw.below(4) {
            0 => vec![0; n],
            _ => (0..n).map(|_| draw.of(&[0, 1, 0x80])).collect(),
        });
        let limit = if draw.coin() { n } else { 1 + draw.below(n) };
        let mut entries = || {
            let steep = draw.of(&[0.0, 0.02, 0.3, 9.0]);
            let mut table: [u16; 256] =
                std::array::from_fn(|i| (32_768.0 * (-(i as f64) * steep).exp()).round() as u16);
            if draw.below(3) == 0 {
                table[1..].fill_with(|| (draw.next() % 32_769) as u16);
            }
            table
        };
        let (fine, coarse) = (entries(), entries());
        let coarse = (width == Width::I16).then_some(&coarse);
        let out = draw.of(&[Width::I8, Width::I16]);
        let requant = draw.requant(out);
        let kept = |i: &usize| *i < limit && mask.as_ref().is_none_or(|mask| mask[*i] != 0);
        let top = (0..n).filter(kept).map(|i| get(&x, width, i)).max();
        let e = |i: usize| -> i128 {
            if !kept(&i) {
                return 0;
            }
            let d = (top.unwrap() - get(&x, width, i)).min(65_535) as usize;
            match coarse {
                None => fine[d].into(),
                Some(coarse) => {
                    (i128::from(coarse[d >> 8]) * i128::from(fine[d & 255]) + (1 << 14)) >> 15
                }
            }
        };
        let sum: i128 = (0..n).map(e).sum();
        let expected = collect(n, out, |i| match top {
            None => r(0, requant),
            Some(_) => r((e(i) * 32_768 + sum / 2) / sum, requant),
        });
        for level in Level::available() {
            let mut made = vec![0; expected.len()];
            let op = Softmax {
                fine: &fine,
                coarse,
                requant,
            };
            let mask = mask.as_deref();
            rows::softmax(
                level,
                &mut Scratch::default(),
                &x,
                width,
                mask,
                limit,
                op,
                &mut made,
            );
            assert_eq!(made, expected, "{level} {width:?} {requant:?}");
        }
    }
}

fn root(d: u128) -> u128 {
    let mut low = 0u128;
    for bit in (0..40).rev() {
        let next = low | 1 << bit;
        if next * next <= d {
            low = next;
        }
    }
    low
}

#[test]
fn norms() {
    let mut draw = Draw(11);
    for _ in 0..4 * cases() {
        let n = draw.of(&[1, 2, 7, 64, 100, 384]);
        let width = draw.of(&[Width::I8, Width::I16]);
        let mut x = draw.bytes(n * width.bytes());
        if draw.below(4) == 0 {
            let first = x[..width.bytes()].to_vec();
            x = first.repeat(n);
        }
        let zero = draw.coin().then(|| draw.value(width));
        let any = draw.next() >> (6 + draw.below(57));
        let e = draw.of(&[1, 1 << 58, any.max(1), any.max(1)]);
        let params = draw.coin().then(|| draw.bytes(n * 8));
        let out = draw.of(&[Width::I8, Width::I16]);
        let requant = draw.requant(out);
        let shifted = |i: usize| get(&x, width, i) - i128::from(zero.unwrap_or(0));
        let s1: i128 = (0..n).map(shifted).sum();
        let s2: i128 = (0..n).map(|i| shifted(i) * shifted(i)).sum();
        let count = n as i128;
        let d = match zero {
            None => count * s2 - s1 * s1 + i128::from(e),
            Some(_) => count * s2 + i128::from(e),
        };
        let bits = 128 - d.leading_zeros();
        let t = (62 - bits) / 2;
        let q = root((d as u128) << (2 * t));
        let rho = ((1u128 << 61) / q) as i128;
        let h = 49 - t;
        let expected = collect(n, out, |i| {
            let c = count * shifted(i) - if zero.is_none() { s1 } else { 0 };
            let y = (c * rho + (1i128 << (h - 1))) >> h;
            let v = match &params {
                None => y,
                Some(p) => {
                    let gamma = get(p, Width::I32, 2 * i).clamp(-32_768, 32_767);
                    y * gamma + get(p, Width::I32, 2 * i + 1)
                }
            };
            r(v, requant)
        });
        let op = Norm::new(zero, e, params.as_deref(), requant);
        for level in Level::available() {
            let mut made = vec![0; expected.len()];
            rows::norm(level, &mut Scratch::default(), &x, width, &op, &mut made);
            assert_eq!(
                made, expected,
                "{level} {width:?} zero {zero:?} e {e} {requant:?}"
            );
        }
    }
}

#[test]
fn sums_maxima_and_means_of_rows() {
    let mut draw = Draw(12);
    for _ in 0..cases() {
        let (n, count) = (1 + draw.below(300), 1 + draw.below(5));
        let width = draw.of(&[Width::I8, Width::I16]);
        let x = draw.bytes(n * count * width.bytes());
        let zx = draw.value(width);
        let row = |at: usize| (0..n).map(move |i| at * n + i);
        let sums = collect(count, Width::I32, |at| {
            row(at).map(|i| get(&x, width, i) - i128::from(zx)).sum()
        });
        let any = draw.width();
        let y = draw.bytes(n * count * any.bytes());
        let tops = collect(count, any, |at| {
            row(at).map(|i| get(&y, any, i)).max().unwrap()
        });
        let mask = draw.coin().then(|| match draw.below(3) {
            0 => vec![0; n],
            _ => draw.bytes(n),
        });
        let out = draw.of(&[Width::I8, Width::I16]);
        let requant = draw.requant(out);
        let kept = |i: &usize| mask.as_ref().is_none_or(|mask| mask[*i % n] != 0);
        let means = collect(count, out, |at| {
            let c = row(at).filter(kept).count() as i128;
            let s: i128 = row(at)
                .filter(kept)
                .map(|i| get(&x, width, i) - i128::from(zx))
                .sum();
            r(
                if c == 0 {
                    0
                } else {
                    (512 * s + c).div_euclid(2 * c)
                },
                requant,
            )
        });
        for level in Level::available() {
            let mut made = vec![0; sums.len()];
            rows::row_sum(level, &x, width, n, zx, &mut made);
            assert_eq!(made, sums, "{level}");
            let mut made = vec![0; tops.len()];
            rows::row_max(level, &y, any, n, &mut made);
            assert_eq!(made, tops, "{level}");
            let mut made = vec![0; means.len()];
            rows::row_mean(level, &x, width, n, zx, mask.as_deref(), requant, &mut made);
            assert_eq!(made, means, "{level}");
        }
    }
}

#[test]
fn permutations_of_axes() {
    let mut draw = Draw(13);
    for _ in 0..4 * cases() {
        let rank = 1 + draw.below(5);
        let shape: Vec<usize> = (0..rank).map(|_| draw.of(&[1, 2, 3, 7, 33])).collect();
        let total: usize = shape.iter().product();
        if total > 40_000 {
            continue;
        }
        let mut perm: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev() {
            perm.swap(i, draw.below(i + 1));
        }
        let width = draw.width();
        let x: Vec<u8> = (0..total * width.bytes())
            .map(|_| draw.next() as u8)
            .collect();
        let mut strides = vec![1; rank];
        for axis in (1..rank).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        let expected = collect(total, width, |i| {
            let (mut rest, mut from) = (i, 0);
            for axis in perm.iter().rev() {
                from += rest % shape[*axis] * strides[*axis];
                rest /= shape[*axis];
            }
            get(&x, width, from)
        });
        let mut made = vec![0; x.len()];
        Permutation::new(&shape, &perm, width)
            .unwrap()
            .apply(&x, &mut made);
        assert!(made == expected, "{shape:?} {perm:?} {width:?}");
    }
    assert!(Permutation::new(&[2, 2], &[0, 0], Width::I8).is_none());
    assert!(Permutation::new(&[2, 2], &[0], Width::I8).is_none());
}
