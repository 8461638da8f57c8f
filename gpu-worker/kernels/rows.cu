// Operators over the last axis: one block a row. A row is at most 32 KiB where it is read more than
// once, so what comes after the first pass is served by the cache.
#include "element.cuh"

struct Row {
    const void* x;
    void* out;
    const i8* mask;     // [samples, n], or nothing
    const i32* params;  // i32[n,2], or nothing
    const u16* fine;
    const u16* coarse;  // or nothing
    u64 rows;
    u64 rows_per_sample;
    u64 e;
    u32 n;
    u32 queries;  // length of the axis before the last if causal, else 0
    u32 in;
    i32 zx;
    u32 k;
    Requant r;
};

// f over all threads of a block of at most 1,024, in every thread.
template <class T, class F>
DEVICE T reduce(T value, T none, F f) {
    __shared__ T parts[32];
    UNROLL for (int mask = 16; mask > 0; mask /= 2) value = f(value, lane_xor(value, mask));
    u32 warps = blockDim.x / 32;
    if (warps == 1) return value;
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x % 32 < warps ? parts[threadIdx.x % 32] : none;
    UNROLL for (int mask = 16; mask > 0; mask /= 2) value = f(value, lane_xor(value, mask));
    return value;
}

DEVICE i64 total(i64 value) {
    return reduce<i64>(value, 0, [](i64 a, i64 b) { return a + b; });
}

DEVICE i32 largest(i32 value) {
    return reduce<i32>(value, least(I32), [](i32 a, i32 b) { return a > b ? a : b; });
}

DEVICE u64 greatest(u64 value) {
    return reduce<u64>(value, 0, [](u64 a, u64 b) { return a > b ? a : b; });
}

KERNEL(row_sum, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        i64 sum = 0;
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x)
            sum += load(p.x, p.in, row * p.n + i) - p.zx;
        sum = total(sum);
        if (threadIdx.x == 0) store(p.out, I32, row, static_cast<i32>(sum));
    }
}

KERNEL(row_max, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        i32 best = least(I32);
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            i32 x = load(p.x, p.in, row * p.n + i);
            best = x > best ? x : best;
        }
        best = largest(best);
        if (threadIdx.x == 0) store(p.out, p.in, row, best);
    }
}

KERNEL(row_mean, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        u64 rest;
        const i8* mask = p.mask ? p.mask + divide(row, p.rows_per_sample, rest) * p.n : nullptr;
        i64 sum = 0, count = 0;
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            if (mask && mask[i] == 0) continue;
            sum += load(p.x, p.in, row * p.n + i) - p.zx;
            count++;
        }
        sum = total(sum);
        count = total(count);
        if (threadIdx.x == 0) store(p.out, p.r.out, row, requant(mean8(sum, count), p.r));
    }
}

KERNEL(row_softmax, Row, 256) {
    __shared__ u16 fine[256];
    __shared__ u16 coarse[256];
    for (u32 i = threadIdx.x; i < 256; i += blockDim.x) {
        fine[i] = p.fine[i];
        coarse[i] = p.coarse ? p.coarse[i] : 0;
    }
    __syncthreads();
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        u64 rest, query;
        const i8* mask = p.mask ? p.mask + divide(row, p.rows_per_sample, rest) * p.n : nullptr;
        u32 visible = p.n;
        if (p.queries) {
            divide(row, p.queries, query);
            visible = static_cast<u32>(query) + p.n - p.queries + 1;
        }
        u64 base = row * p.n;
        i32 best = least(I32);
        for (u32 i = threadIdx.x; i < visible; i += blockDim.x) {
            if (mask && mask[i] == 0) continue;
            i32 x = load(p.x, p.in, base + i);
            best = x > best ? x : best;
        }
        best = largest(best);
        auto weight = [&](u32 i) -> u32 {
            if (i >= visible || (mask && mask[i] == 0)) return 0;
            u32 d = static_cast<u32>(best - load(p.x, p.in, base + i));
            d = d > 65535 ? 65535 : d;
            if (!p.coarse) return fine[d & 255];
            return (static_cast<u32>(coarse[d >> 8]) * fine[d & 255] + (1u << 14)) >> 15;
        };
        i64 sum64 = 0;
        for (u32 i = threadIdx.x; i < visible; i += blockDim.x) sum64 += weight(i);
        u32 sum = static_cast<u32>(total(sum64));
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            u32 probability = sum == 0 ? 0 : ((weight(i) << 15) + sum / 2) / sum;
            store(p.out, p.r.out, base + i, requant(probability, p.r));
        }
    }
}

DEVICE u64 floor_sqrt(u64 x) {
    u64 q = static_cast<u64>(square_root(static_cast<double>(x)));
    while (q * q > x) q--;
    while ((q + 1) * (q + 1) <= x) q++;
    return q;
}

// 1 / sqrt(d) as a multiplier and a shift: y = (c rho + 2^(h-1)) >> h.
struct Norm {
    i64 rho;
    u32 h;
};

DEVICE Norm normaliser(u64 d) {
    u32 bits = 64 - static_cast<u32>(__clzll(static_cast<i64>(d)));
    u32 t = (62 - bits) / 2;
    u64 q = floor_sqrt(d << (2 * t));
    return {static_cast<i64>((1ULL << 61) / q), 49 - t};
}

DEVICE i32 normalised(const Row& p, u32 column, i64 centred, Norm norm) {
    i64 y = round_shift(centred * norm.rho, norm.h);
    if (p.params) {
        i64 gamma = clip(p.params[2 * column], -32768, 32767);
        y = y * gamma + p.params[2 * column + 1];
    }
    return requant(y, p.r);
}

KERNEL(row_layer_norm, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        i64 sum = 0, squares = 0;
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            i64 x = load(p.x, p.in, row * p.n + i);
            sum += x;
            squares += x * x;
        }
        sum = total(sum);
        squares = total(squares);
        Norm norm = normaliser(static_cast<u64>(p.n * squares - sum * sum) + p.e);
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            i64 centred = static_cast<i64>(p.n) * load(p.x, p.in, row * p.n + i) - sum;
            store(p.out, p.r.out, row * p.n + i, normalised(p, i, centred, norm));
        }
    }
}

KERNEL(row_rms_norm, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        i64 squares = 0;
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            i64 x = static_cast<i64>(load(p.x, p.in, row * p.n + i)) - p.zx;
            squares += x * x;
        }
        squares = total(squares);
        Norm norm = normaliser(static_cast<u64>(p.n * squares) + p.e);
        for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
            i64 x = static_cast<i64>(load(p.x, p.in, row * p.n + i)) - p.zx;
            store(p.out, p.r.out, row * p.n + i, normalised(p, i, p.n * x, norm));
        }
    }
}

// The k largest, by value descending, then by index ascending: each round finds the greatest key below
// the one before. A key is the value, top bit flipped, over the index, all bits flipped.
KERNEL(row_top, Row, 256) {
    for (u64 row = blockIdx.x; row < p.rows; row += gridDim.x) {
        u64 below = 0;
        for (u32 j = 0; j < p.k; j++) {
            u64 best = 0;
            for (u32 i = threadIdx.x; i < p.n; i += blockDim.x) {
                u32 value = static_cast<u32>(load(p.x, p.in, row * p.n + i)) ^ 0x80000000u;
                u64 key = (static_cast<u64>(value) << 32) | static_cast<u32>(~i);
                if ((j == 0 || key < below) && key > best) best = key;
            }
            below = greatest(best);
            if (threadIdx.x == 0)
                store(p.out, I32, row * p.k + j, static_cast<i32>(~static_cast<u32>(below)));
        }
    }
}
