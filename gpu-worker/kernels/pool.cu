// Windows over images x[H,W,C].
#include "element.cuh"

struct Pool {
    const void* x;
    void* out;
    u64 n;
    u32 height, width, channels;
    u32 rows, columns;  // of the output
    u32 kh, kw, sh, sw, dh, dw, top, left;
    u32 in;
    i32 zx;
    u32 count_pad;
    Requant r;
    u32 pad;
};

// Calls f(index of the element of x) for every position of the window that lies inside.
template <class F>
DEVICE void window(const Pool& p, u64 index, F f) {
    u64 c, q, row;
    u64 sample = divide(divide(divide(index, p.channels, c), p.columns, q), p.rows, row);
    i64 h0 = static_cast<i64>(row * p.sh) - p.top, w0 = static_cast<i64>(q * p.sw) - p.left;
    for (u32 i = 0; i < p.kh; i++) {
        i64 h = h0 + static_cast<i64>(i) * p.dh;
        if (h < 0 || h >= p.height) continue;
        for (u32 j = 0; j < p.kw; j++) {
            i64 w = w0 + static_cast<i64>(j) * p.dw;
            if (w < 0 || w >= p.width) continue;
            f(((sample * p.height + h) * p.width + w) * p.channels + c);
        }
    }
}

KERNEL(pool_max, Pool, 256) {
    for (u64 i = first_item(); i < p.n; i += item_step()) {
        i32 best = least(p.in);
        window(p, i, [&](u64 at) {
            i32 x = load(p.x, p.in, at);
            best = x > best ? x : best;
        });
        store(p.out, p.in, i, best);
    }
}

KERNEL(pool_average, Pool, 256) {
    for (u64 i = first_item(); i < p.n; i += item_step()) {
        i64 sum = 0, count = 0;
        window(p, i, [&](u64 at) {
            sum += load(p.x, p.in, at) - p.zx;
            count++;
        });
        if (p.count_pad) count = static_cast<i64>(p.kh) * p.kw;
        store(p.out, p.r.out, i, requant(mean8(sum, count), p.r));
    }
}
