// Elements, indices, and the one rounding: tensor-program.md, "Requant".
#pragma once

#include "platform.cuh"

// Element types, by their codec index.
enum DType : u32 { I8 = 0, I16 = 1, I32 = 2 };

DEVICE u32 width(u32 dtype) {
    return 1u << dtype;
}

DEVICE i32 load(const void* base, u32 dtype, u64 index) {
    switch (dtype) {
        case I8: return static_cast<const i8*>(base)[index];
        case I16: return static_cast<const i16*>(base)[index];
        default: return static_cast<const i32*>(base)[index];
    }
}

DEVICE void store(void* base, u32 dtype, u64 index, i32 value) {
    switch (dtype) {
        case I8: static_cast<i8*>(base)[index] = static_cast<i8>(value); break;
        case I16: static_cast<i16*>(base)[index] = static_cast<i16>(value); break;
        default: static_cast<i32*>(base)[index] = value; break;
    }
}

// Four consecutive elements. `index` is a multiple of 4, and so is the base's alignment in elements.
struct Quad {
    i32 v[4];
};

DEVICE Quad load_quad(const void* base, u32 dtype, u64 index) {
    switch (dtype) {
        case I8: {
            char4 q = *reinterpret_cast<const char4*>(static_cast<const i8*>(base) + index);
            return {{q.x, q.y, q.z, q.w}};
        }
        case I16: {
            short4 q = *reinterpret_cast<const short4*>(static_cast<const i16*>(base) + index);
            return {{q.x, q.y, q.z, q.w}};
        }
        default: {
            int4 q = *reinterpret_cast<const int4*>(static_cast<const i32*>(base) + index);
            return {{q.x, q.y, q.z, q.w}};
        }
    }
}

DEVICE void store_quad(void* base, u32 dtype, u64 index, const Quad& q) {
    switch (dtype) {
        case I8:
            *reinterpret_cast<char4*>(static_cast<i8*>(base) + index) =
                make_char4(static_cast<i8>(q.v[0]), static_cast<i8>(q.v[1]),
                           static_cast<i8>(q.v[2]), static_cast<i8>(q.v[3]));
            break;
        case I16:
            *reinterpret_cast<short4*>(static_cast<i16*>(base) + index) =
                make_short4(static_cast<i16>(q.v[0]), static_cast<i16>(q.v[1]),
                            static_cast<i16>(q.v[2]), static_cast<i16>(q.v[3]));
            break;
        default:
            *reinterpret_cast<int4*>(static_cast<i32*>(base) + index) =
                make_int4(q.v[0], q.v[1], q.v[2], q.v[3]);
    }
}

// n / d, and the rest in `rest`. 64-bit division is slow on a device, and almost never needed.
DEVICE u64 divide(u64 n, u64 d, u64& rest) {
    if (((n | d) >> 32) == 0) {
        u32 q = static_cast<u32>(n) / static_cast<u32>(d);
        rest = static_cast<u32>(n) - q * static_cast<u32>(d);
        return q;
    }
    u64 q = n / d;
    rest = n - q * d;
    return q;
}

DEVICE u64 first_item() {
    return static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x;
}

DEVICE u64 item_step() {
    return static_cast<u64>(gridDim.x) * blockDim.x;
}

DEVICE i32 clip(i64 v, i32 lo, i32 hi) {
    return static_cast<i32>(v < lo ? lo : v > hi ? hi : v);
}

DEVICE i32 least(u32 dtype) {
    return dtype == I8 ? -128 : dtype == I16 ? -32768 : -2147483647 - 1;
}

DEVICE i32 most(u32 dtype) {
    return dtype == I8 ? 127 : dtype == I16 ? 32767 : 2147483647;
}

// (v + half) >> s: half towards plus infinity, and nothing at all for s = 0.
DEVICE i64 round_shift(i64 v, u32 s) {
    return s == 0 ? v : (v + (1LL << (s - 1))) >> s;
}

struct Requant {
    i32 m;
    u32 s;
    i32 z;
    i32 lo;
    i32 hi;
    u32 out;
};

// R(x; m, s, z, lo, hi) for |x| <= 2^46.
DEVICE i32 requant(i64 x, const Requant& r) {
    return clip(round_shift(x * r.m, r.s) + r.z, r.lo, r.hi);
}

// R with a multiplier and a shift packed into a word: any word has a meaning.
DEVICE i32 requant_packed(i64 x, i32 word, const Requant& r) {
    u32 s = (static_cast<u32>(word) >> 16) & 63;
    s = s > 62 ? 62 : s;
    return clip(round_shift(x * (word & 0xffff), s) + r.z, r.lo, r.hi);
}

// floor(n / d) for d > 0.
DEVICE i64 floor_div(i64 n, i64 d) {
    i64 q = n / d;
    return q * d > n ? q - 1 : q;
}

// The mean with 8 fraction bits, half up.
DEVICE i64 mean8(i64 sum, i64 count) {
    return count == 0 ? 0 : floor_div(512 * sum + count, 2 * count);
}
