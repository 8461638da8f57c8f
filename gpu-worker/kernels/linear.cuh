// What the linear operators share: from sums of raw products to output elements.
#pragma once

#include "element.cuh"

struct Linear {
    const i8* a;         // [planes][batches of a][m, kp]
    const i8* b;         // [batches of b][n, kp]
    void* out;           // rows of `ldc` elements
    const i32* asum;     // [planes][batches][m]: sums of the rows of a, if zb is not 0
    const i32* bsum;     // [batches of b][n]: sums of the rows of b, if za is not 0 or a is wide
    const i8* zbs;       // [channels], or nothing
    const i32* params;   // i32[channels,2], or nothing
    const void* lut;     // or nothing
    const u8* fill;      // 16 bytes of za, for what lies outside an image
    u64 plane;           // from the high bytes of a to the low ones
    u64 asum_plane;
    u64 a_batch;
    u64 b_batch;
    u64 out_batch;
    u64 ldc;
    u32 batches;
    u32 m;
    u32 n;
    u32 k;
    u32 kp;  // k up to a multiple of 16; what lies between is 0 in b
    u32 channel_batch;   // channels from one batch to the next
    u32 a_heads;
    u32 b_heads;
    u32 inner;           // batches in a head
    i32 za;
    i32 zb;
    u32 raw;
    u32 channel;
    Requant r;           // before the table
    u32 out_dtype;       // after it
    // Convolution only: a is x[H,W,C], row m is the window of output position m.
    u32 height, width, image_channels, group_channels;
    u32 rows, columns, kw, sh, sw, dh, dw, top, left;
    u32 pad;
};

// The batch of b that belongs to batch z of a: heads may be grouped.
DEVICE u32 batch_of_b(const Linear& p, u32 z) {
    if (p.a_heads == p.b_heads) return z;
    u32 inner = z % p.inner, head = z / p.inner;
    u32 sample = head / p.a_heads;
    head %= p.a_heads;
    return (sample * p.b_heads + head * p.b_heads / p.a_heads) * p.inner + inner;
}

// What all rows of one column share.
struct Column {
    u32 term;   // for narrow a: K za zb - za sum(b)
    i32 zb;
    i64 wide;   // for wide a: 128 sum(b - zb)
    i64 bias;
    i32 word;
};

template <bool WIDE>
DEVICE Column column_of(const Linear& p, u32 z, u32 bz, u32 n) {
    Column c;
    u32 channel = z * p.channel_batch + n;
    c.zb = p.zbs ? p.zbs[channel] : p.zb;
    i32 sum = p.bsum ? p.bsum[static_cast<u64>(bz) * p.n + n] : 0;
    c.term = static_cast<u32>(p.za) * (p.k * static_cast<u32>(c.zb) - static_cast<u32>(sum));
    c.wide = WIDE ? 128 * (static_cast<i64>(sum) - static_cast<i64>(p.k) * c.zb) : 0;
    c.bias = p.params ? p.params[2 * static_cast<u64>(channel)] : 0;
    c.word = p.params ? p.params[2 * static_cast<u64>(channel) + 1] : 0;
    return c;
}

// Bias, requantisation and table.
DEVICE i32 finish(const Linear& p, const Column& c, i64 v) {
    v += c.bias;
    if (p.raw) return clip(v, least(I32), most(I32));
    i32 q = p.channel ? requant_packed(v, c.word, p.r) : requant(v, p.r);
    return p.lut ? load(p.lut, p.out_dtype, static_cast<u64>(q + 128)) : q;
}

// An output element from the sum of raw products. Everything before the bias fits 32 bits, so it may
// wrap on the way.
DEVICE i32 narrow_element(const Linear& p, const Column& c, i32 sum, i32 asum) {
    u32 v = static_cast<u32>(sum) + c.term - static_cast<u32>(c.zb) * static_cast<u32>(asum);
    return finish(p, c, static_cast<i32>(v));
}

// The same for 16-bit a = 256 high + low + 128, low in -128..127.
DEVICE i32 wide_element(const Linear& p, const Column& c, i32 high, i32 low, i32 high_sum,
                        i32 low_sum) {
    u32 zb = static_cast<u32>(c.zb);
    i32 h = static_cast<i32>(static_cast<u32>(high) - zb * static_cast<u32>(high_sum));
    i32 l = static_cast<i32>(static_cast<u32>(low) - zb * static_cast<u32>(low_sum));
    return finish(p, c, 256 * static_cast<i64>(h) + l + c.wide);
}

DEVICE i32 row_sum_of(const Linear& p, u32 plane, u32 z, u32 m) {
    return p.asum ? p.asum[plane * p.asum_plane + static_cast<u64>(z) * p.m + m] : 0;
}
