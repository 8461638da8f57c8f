// Convolutions whose channels do not come in whole 16-byte chunks, and sums of windows.
#include "linear.cuh"

// The element of window `m` at kernel position k, za where that lies outside.
DEVICE i32 tap(const Linear& p, u32 z, u32 m, u32 k) {
    u32 q = m % p.columns, rest = m / p.columns;
    u32 row = rest % p.rows, sample = rest / p.rows;
    u32 c = k % p.group_channels, at = k / p.group_channels;
    i32 h = static_cast<i32>(row * p.sh + at / p.kw * p.dh) - static_cast<i32>(p.top);
    i32 w = static_cast<i32>(q * p.sw + at % p.kw * p.dw) - static_cast<i32>(p.left);
    if (h < 0 || h >= static_cast<i32>(p.height) || w < 0 || w >= static_cast<i32>(p.width))
        return p.za;
    u64 pixel = (static_cast<u64>(sample) * p.height + h) * p.width + w;
    return p.a[pixel * p.image_channels + z * p.group_channels + c];
}

// Every window as a row [kp] of its own: the product is an ordinary one then.
KERNEL(conv_unfold, Linear, 256) {
    u64 words = p.kp / 4;
    for (u64 i = first_item(); i < p.m * words; i += item_step()) {
        u64 word;
        u32 m = static_cast<u32>(divide(i, words, word));
        i32 x[4];
        UNROLL for (u32 j = 0; j < 4; j++) {
            u32 k = static_cast<u32>(4 * word) + j;
            x[j] = k < p.k ? tap(p, 0, m, k) : 0;
        }
        *reinterpret_cast<char4*>(static_cast<i8*>(p.out) + 4 * i) =
            make_char4(static_cast<i8>(x[0]), static_cast<i8>(x[1]), static_cast<i8>(x[2]),
                       static_cast<i8>(x[3]));
    }
}

// Sum of the raw elements of every window of every group: i32[groups][m].
KERNEL(conv_sums, Linear, 256) {
    for (u64 i = first_item(); i < static_cast<u64>(p.m) * p.batches; i += item_step()) {
        u64 m;
        u32 z = static_cast<u32>(divide(i, p.m, m));
        i32 sum = 0;
        for (u32 k = 0; k < p.k; k++) sum += tap(p, z, static_cast<u32>(m), k);
        static_cast<i32*>(p.out)[i] = sum;
    }
}

// Many small groups: one thread an output element.
KERNEL(conv_direct, Linear, 256) {
    u64 channels = static_cast<u64>(p.n) * p.batches;
    for (u64 i = first_item(); i < p.m * channels; i += item_step()) {
        u64 channel;
        u32 m = static_cast<u32>(divide(i, channels, channel));
        u32 z = static_cast<u32>(channel) / p.n, n = static_cast<u32>(channel) % p.n;
        Column c = column_of<false>(p, z, z, n);
        const i8* b = p.b + channel * p.k;
        u32 sum = 0;
        for (u32 k = 0; k < p.k; k++) {
            i32 x = tap(p, z, m, k) - p.za;
            sum += static_cast<u32>(x * (b[k] - c.zb));
        }
        store(p.out, p.out_dtype, i, finish(p, c, static_cast<i32>(sum)));
    }
}
