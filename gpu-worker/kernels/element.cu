// Operators that map each element by itself.
#include "element.cuh"

struct Map {
    const void* x;
    void* out;
    const void* extra;  // a table, the bias, or params i32[channels,2]
    u64 n;
    u64 channels;
    u32 in;
    i32 zx;
    Requant r;
};

// Calls f(value, index) for every element, four at a time.
template <class F>
DEVICE void map(const Map& p, F f) {
    u64 quads = p.n / 4;
    for (u64 i = first_item(); i <= quads; i += item_step()) {
        if (i < quads) {
            Quad q = load_quad(p.x, p.in, 4 * i);
            UNROLL for (int j = 0; j < 4; j++) q.v[j] = f(q.v[j], 4 * i + j);
            store_quad(p.out, p.r.out, 4 * i, q);
        } else {
            for (u64 e = 4 * i; e < p.n; e++) store(p.out, p.r.out, e, f(load(p.x, p.in, e), e));
        }
    }
}

KERNEL(map_requantize, Map, 256) {
    map(p, [&](i32 x, u64) { return requant(static_cast<i64>(x) - p.zx, p.r); });
}

KERNEL(map_requantize_channel, Map, 256) {
    map(p, [&](i32 x, u64 index) {
        u64 channel;
        divide(index, p.channels, channel);
        const i32* row = static_cast<const i32*>(p.extra) + 2 * channel;
        return requant_packed(static_cast<i64>(x) - p.zx + row[0], row[1], p.r);
    });
}

KERNEL(map_clamp, Map, 256) {
    map(p, [&](i32 x, u64) { return clip(x, p.r.lo, p.r.hi); });
}

KERNEL(map_abs, Map, 256) {
    map(p, [&](i32 x, u64) {
        i64 wide = x;
        return clip(wide < 0 ? -wide : wide, 0, most(p.in));
    });
}

KERNEL(map_add_bias, Map, 256) {
    map(p, [&](i32 x, u64 index) {
        u64 channel;
        divide(index, p.channels, channel);
        i64 sum = static_cast<i64>(x) + static_cast<const i32*>(p.extra)[channel];
        return clip(sum, least(I32), most(I32));
    });
}

KERNEL(map_lut8, Map, 256) {
    map(p, [&](i32 x, u64) { return load(p.extra, p.r.out, static_cast<u64>(x + 128)); });
}

KERNEL(map_lut16, Map, 256) {
    map(p, [&](i32 x, u64) {
        i32 u = x + 32768, f = u & 127;
        const i16* t = static_cast<const i16*>(p.extra) + (u >> 7);
        i32 low = t[0], high = t[1];
        return low + ((f * (high - low) + 64) >> 7);
    });
}

// Up to three operands, each broadcast by strides of 0. Axes that lie side by side for all of them
// come merged.
struct Broadcast {
    const void* a;
    const void* b;
    const void* c;
    void* out;
    u64 n;
    u64 dims[6];
    u64 sa[6];
    u64 sb[6];
    u64 sc[6];
    u32 rank;
    u32 ta;
    u32 tb;
    i32 za;
    i32 zb;
    i32 ma;
    i32 mb;
    Requant r;
};

struct Offsets {
    u64 a, b, c, left;
};

// Where output element `index` finds its operands, and how many follow it on the last axis.
DEVICE Offsets locate(const Broadcast& p, u64 index) {
    Offsets at = {0, 0, 0, 1};
    for (int axis = static_cast<int>(p.rank) - 1; axis >= 0; axis--) {
        u64 coordinate;
        index = divide(index, p.dims[axis], coordinate);
        at.a += coordinate * p.sa[axis];
        at.b += coordinate * p.sb[axis];
        at.c += coordinate * p.sc[axis];
        if (axis == static_cast<int>(p.rank) - 1) at.left = p.dims[axis] - coordinate;
    }
    return at;
}

template <class F>
DEVICE void combine(const Broadcast& p, F f) {
    u64 quads = (p.n + 3) / 4;
    u32 last = p.rank - 1;
    for (u64 i = first_item(); i < quads; i += item_step()) {
        Offsets at = locate(p, 4 * i);
        Quad q;
        _Pragma("unroll 1") for (int j = 0; j < 4; j++) {
            if (4 * i + j < p.n) {
                q.v[j] = f(at);
                at.a += p.sa[last];
                at.b += p.sb[last];
                at.c += p.sc[last];
                at.left--;
                if (at.left == 0 && j < 3 && 4 * i + j + 1 < p.n) at = locate(p, 4 * i + j + 1);
            }
        }
        if (4 * i + 3 < p.n) {
            store_quad(p.out, p.r.out, 4 * i, q);
        } else {
            for (int j = 0; 4 * i + j < p.n; j++) store(p.out, p.r.out, 4 * i + j, q.v[j]);
        }
    }
}

KERNEL(combine_add, Broadcast, 256) {
    combine(p, [&](const Offsets& at) {
        i64 a = static_cast<i64>(load(p.a, p.ta, at.a)) - p.za;
        i64 b = static_cast<i64>(load(p.b, p.tb, at.b)) - p.zb;
        return clip(round_shift(a * p.ma + b * p.mb, p.r.s) + p.r.z, p.r.lo, p.r.hi);
    });
}

KERNEL(combine_mul, Broadcast, 256) {
    combine(p, [&](const Offsets& at) {
        i64 a = static_cast<i64>(load(p.a, p.ta, at.a)) - p.za;
        i64 b = static_cast<i64>(load(p.b, p.tb, at.b)) - p.zb;
        return requant(a * b, p.r);
    });
}

KERNEL(combine_select, Broadcast, 256) {
    combine(p, [&](const Offsets& at) {
        return static_cast<const i8*>(p.c)[at.c] != 0 ? load(p.a, p.ta, at.a)
                                                      : load(p.b, p.tb, at.b);
    });
}
