// Products of 8-bit matrices, a[m,k] b[n,k]^T, with everything up to the output element fused.
#include "linear.cuh"

constexpr int STAGES = 4, BK = 64, ROUNDS = 8;

// Byte offset of chunk `chunk` of 16 bytes in row `row` of a tile of 64-byte rows. Any 8 rows that
// follow each other lie in different banks.
DEVICE u32 tile_offset(u32 row, u32 chunk) {
    return row * BK + ((chunk ^ ((row >> 1) & 3)) << 4);
}

// Finds 16-byte chunks of a matrix in memory.
struct PlainRows {
    const i8* row[4];
    DEVICE void set(const Linear& p, int i, const i8* a, u32 m) {
        row[i] = a + static_cast<u64>(m) * p.kp;
    }
    DEVICE const void* chunk(const Linear&, int i, u32 k) const { return row[i] + k; }
};

// The same for the windows of an image, without writing them anywhere.
struct WindowRows {
    const i8* image[4];
    i32 h[4], w[4];
    DEVICE void set(const Linear& p, int i, const i8* a, u32 m) {
        u32 q = m % p.columns, rest = m / p.columns;
        u32 row = rest % p.rows, sample = rest / p.rows;
        image[i] = a + static_cast<u64>(sample) * p.height * p.width * p.image_channels;
        h[i] = static_cast<i32>(row * p.sh) - static_cast<i32>(p.top);
        w[i] = static_cast<i32>(q * p.sw) - static_cast<i32>(p.left);
    }
    DEVICE const void* chunk(const Linear& p, int i, u32 k) const {
        u32 c = k % p.group_channels, tap = k / p.group_channels;
        i32 y = h[i] + static_cast<i32>(tap / p.kw * p.dh);
        i32 x = w[i] + static_cast<i32>(tap % p.kw * p.dw);
        if (y < 0 || y >= static_cast<i32>(p.height) || x < 0 || x >= static_cast<i32>(p.width))
            return p.fill;
        return image[i] + (static_cast<u64>(y) * p.width + x) * p.image_channels + c;
    }
};

// BM x BN output elements a block, WM x WN a warp. A wide a has its high bytes in the upper half of
// the rows of its tile, and its low bytes in the lower half: BM / 2 output rows then.
template <int BM, int BN, int WM, int WN, bool WIDE, class Rows>
DEVICE void gemm(const Linear& p) {
    constexpr int THREADS = 32 * (BM / WM) * (BN / WN);
    constexpr int OUT_ROWS = WIDE ? BM / 2 : BM;
    constexpr int MI = WM / 16, NI = WN / 8;
    constexpr int STAGE = (BM + BN) * BK;
    constexpr int A_LOADS = BM * 4 / THREADS, B_LOADS = BN * 4 / THREADS;
    static_assert(A_LOADS <= 4 && B_LOADS <= 4 && MI % 2 == 0 && NI % 2 == 0, "tile");
    DYNAMIC_SHARED(shared);

    u32 thread = threadIdx.x, lane = thread % 32, warp = thread / 32;
    // A warp of a wide product holds both halves of its rows: fragments 0..MI/2 high, the rest low.
    u32 warp_m = warp / (BN / WN), warp_n = warp % (BN / WN) * WN;
    auto fragment_row = [&](int mi) -> u32 {
        if (!WIDE) return warp_m * WM + mi * 16;
        return (mi < MI / 2 ? 0 : BM / 2) + warp_m * (WM / 2) + mi % (MI / 2) * 16;
    };
    u32 steps = (p.kp + BK - 1) / BK;
    u32 tiles_m = (p.m + OUT_ROWS - 1) / OUT_ROWS, tiles_n = (p.n + BN - 1) / BN;
    u64 per_batch = static_cast<u64>(tiles_m) * tiles_n;

    for (u64 tile = blockIdx.x; tile < per_batch * p.batches; tile += gridDim.x) {
        // Tiles that run at a time share rows of a and of b.
        u64 in_batch;
        u32 z = static_cast<u32>(divide(tile, per_batch, in_batch));
        u32 bz = batch_of_b(p, z);
        u64 in_round;
        u32 round = static_cast<u32>(divide(in_batch, static_cast<u64>(ROUNDS) * tiles_n, in_round));
        u32 tall = tiles_m - round * ROUNDS < ROUNDS ? tiles_m - round * ROUNDS : ROUNDS;
        u32 m0 = (round * ROUNDS + static_cast<u32>(in_round) % tall) * OUT_ROWS;
        u32 n0 = static_cast<u32>(in_round) / tall * BN;

        const i8* a = p.a + z * p.a_batch;
        const i8* b = p.b + bz * p.b_batch;
        Rows rows;
        bool row_valid[A_LOADS];
        const i8* columns[B_LOADS];
        bool column_valid[B_LOADS];
        u32 chunk = thread % 4;
        UNROLL for (int i = 0; i < A_LOADS; i++) {
            u32 r = thread / 4 + i * (THREADS / 4);
            u32 m = m0 + (WIDE ? r % (BM / 2) : r);
            row_valid[i] = m < p.m;
            rows.set(p, i, WIDE && r >= BM / 2 ? a + p.plane : a, row_valid[i] ? m : m0);
        }
        UNROLL for (int i = 0; i < B_LOADS; i++) {
            u32 n = n0 + thread / 4 + i * (THREADS / 4);
            column_valid[i] = n < p.n;
            columns[i] = b + static_cast<u64>(column_valid[i] ? n : n0) * p.kp;
        }
        auto fetch = [&](u32 step) {
            u8* stage = shared + step % STAGES * STAGE;
            u32 k = step * BK + chunk * 16;
            bool inside = k < p.kp;
            UNROLL for (int i = 0; i < A_LOADS; i++) {
                u32 r = thread / 4 + i * (THREADS / 4);
                bool valid = inside && row_valid[i];
                cp_async16(stage + tile_offset(r, chunk), rows.chunk(p, i, valid ? k : 0), valid);
            }
            UNROLL for (int i = 0; i < B_LOADS; i++) {
                u32 r = thread / 4 + i * (THREADS / 4);
                bool valid = inside && column_valid[i];
                cp_async16(stage + BM * BK + tile_offset(r, chunk), columns[i] + (valid ? k : 0),
                           valid);
            }
        };

        i32 acc[MI][NI][4];
        UNROLL for (int mi = 0; mi < MI; mi++) {
            UNROLL for (int ni = 0; ni < NI; ni++) {
                UNROLL for (int j = 0; j < 4; j++) acc[mi][ni][j] = 0;
            }
        }
        UNROLL for (u32 step = 0; step < STAGES - 1; step++) {
            if (step < steps) fetch(step);
            cp_async_commit();
        }
        for (u32 step = 0; step < steps; step++) {
            cp_async_wait<STAGES - 2>();
            __syncthreads();
            if (step + STAGES - 1 < steps) fetch(step + STAGES - 1);
            cp_async_commit();
            const u8* tile_a = shared + step % STAGES * STAGE;
            const u8* tile_b = tile_a + BM * BK;
#if ATHANOR_MMA
            UNROLL for (u32 half = 0; half < 2; half++) {
                u32 fa[MI][4], fb[NI / 2][4];
                UNROLL for (int mi = 0; mi < MI; mi++) {
                    u32 row = fragment_row(mi) + lane % 16;
                    ldmatrix_x4(fa[mi], tile_a + tile_offset(row, 2 * half + lane / 16));
                }
                UNROLL for (int ni = 0; ni < NI / 2; ni++) {
                    u32 row = warp_n + ni * 16 + lane / 16 * 8 + lane % 8;
                    ldmatrix_x4(fb[ni], tile_b + tile_offset(row, 2 * half + lane / 8 % 2));
                }
                UNROLL for (int mi = 0; mi < MI; mi++) {
                    UNROLL for (int ni = 0; ni < NI; ni++)
                        mma_s8(acc[mi][ni], fa[mi], fb[ni / 2][ni % 2 * 2], fb[ni / 2][ni % 2 * 2 + 1]);
                }
            }
#else
            for (u32 word = 0; word < BK / 4; word++) {
                u32 at = word / 4, byte = word % 4 * 4;
                auto word_of = [&](const u8* base, u32 row) {
                    return *reinterpret_cast<const u32*>(base + tile_offset(row, at) + byte);
                };
                UNROLL for (int ni = 0; ni < NI; ni++) {
                    u32 column = warp_n + ni * 8 + lane % 4 * 2;
                    u32 b0 = word_of(tile_b, column), b1 = word_of(tile_b, column + 1);
                    UNROLL for (int mi = 0; mi < MI; mi++) {
                        u32 row = fragment_row(mi) + lane / 4;
                        u32 a0 = word_of(tile_a, row), a1 = word_of(tile_a, row + 8);
                        acc[mi][ni][0] = dp4a(a0, b0, acc[mi][ni][0]);
                        acc[mi][ni][1] = dp4a(a0, b1, acc[mi][ni][1]);
                        acc[mi][ni][2] = dp4a(a1, b0, acc[mi][ni][2]);
                        acc[mi][ni][3] = dp4a(a1, b1, acc[mi][ni][3]);
                    }
                }
            }
#endif
        }
        cp_async_wait<0>();
        __syncthreads();

        // Sums go through shared memory, so that every thread has four columns of its own and rows are
        // written along memory. The pitch keeps a warp's writes in different banks.
        constexpr u32 PITCH = BN + 8, LANES = BN / 4;
        i32* sums = reinterpret_cast<i32*>(shared);
        UNROLL for (int mi = 0; mi < MI; mi++) {
            UNROLL for (int ni = 0; ni < NI; ni++) {
                u32 row = fragment_row(mi) + lane / 4, column = warp_n + ni * 8 + lane % 4 * 2;
                UNROLL for (u32 half = 0; half < 2; half++)
                    *reinterpret_cast<int2*>(sums + (row + 8 * half) * PITCH + column) =
                        make_int2(acc[mi][ni][2 * half], acc[mi][ni][2 * half + 1]);
            }
        }
        __syncthreads();
        u32 n = n0 + thread % LANES * 4;
        if (n < p.n) {
            Column column[4];
            UNROLL for (u32 j = 0; j < 4; j++)
                column[j] = column_of<WIDE>(p, z, bz, n + j < p.n ? n + j : n);
            bool aligned = n + 3 < p.n && ((p.ldc | p.out_batch) & 3) == 0;
            _Pragma("unroll 1") for (u32 row = thread / LANES; row < OUT_ROWS && m0 + row < p.m;
                                     row += THREADS / LANES) {
                u32 m = m0 + row;
                Quad q = load_quad(sums, I32, row * PITCH + thread % LANES * 4);
                if constexpr (WIDE) {
                    Quad low = load_quad(sums, I32, (row + BM / 2) * PITCH + thread % LANES * 4);
                    i32 high_sum = row_sum_of(p, 0, z, m), low_sum = row_sum_of(p, 1, z, m);
                    UNROLL for (int j = 0; j < 4; j++)
                        q.v[j] = wide_element(p, column[j], q.v[j], low.v[j], high_sum, low_sum);
                } else {
                    i32 sum = row_sum_of(p, 0, z, m);
                    UNROLL for (int j = 0; j < 4; j++)
                        q.v[j] = narrow_element(p, column[j], q.v[j], sum);
                }
                u64 at = z * p.out_batch + m * p.ldc + n;
                if (aligned) {
                    store_quad(p.out, p.out_dtype, at, q);
                } else {
                    UNROLL for (u32 j = 0; j < 4; j++)
                        if (n + j < p.n) store(p.out, p.out_dtype, at + j, q.v[j]);
                }
            }
        }
        __syncthreads();
    }
}

KERNEL(gemm_large, Linear, 256) { gemm<128, 128, 64, 32, false, PlainRows>(p); }
KERNEL(gemm_small, Linear, 128) { gemm<64, 64, 32, 32, false, PlainRows>(p); }
KERNEL(gemm_wide_large, Linear, 256) { gemm<128, 128, 64, 32, true, PlainRows>(p); }
KERNEL(gemm_wide_small, Linear, 128) { gemm<64, 64, 32, 32, true, PlainRows>(p); }
KERNEL(conv_large, Linear, 256) { gemm<128, 128, 64, 32, false, WindowRows>(p); }
KERNEL(conv_small, Linear, 128) { gemm<64, 64, 32, 32, false, WindowRows>(p); }

// Few rows of a: every warp takes one column at a time, and b is read once.
template <int ROWS, bool WIDE>
DEVICE void gemv(const Linear& p) {
    u32 lane = threadIdx.x % 32;
    u64 warp = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    u64 warps = static_cast<u64>(gridDim.x) * blockDim.x / 32;
    constexpr int PLANES = WIDE ? 2 : 1;
    for (u64 t = warp; t < static_cast<u64>(p.batches) * p.n; t += warps) {
        u64 n64;
        u32 z = static_cast<u32>(divide(t, p.n, n64));
        u32 n = static_cast<u32>(n64), bz = batch_of_b(p, z);
        const i8* a = p.a + z * p.a_batch;
        const i8* b = p.b + bz * p.b_batch + static_cast<u64>(n) * p.kp;
        i32 acc[PLANES][ROWS];
        UNROLL for (int plane = 0; plane < PLANES; plane++) {
            UNROLL for (int r = 0; r < ROWS; r++) acc[plane][r] = 0;
        }
        for (u32 k = lane * 16; k < p.kp; k += 512) {
            uint4 right = *reinterpret_cast<const uint4*>(b + k);
            UNROLL for (int plane = 0; plane < PLANES; plane++) {
                UNROLL for (int r = 0; r < ROWS; r++) {
                    if (r < static_cast<int>(p.m)) {
                        uint4 left = *reinterpret_cast<const uint4*>(
                            a + plane * p.plane + static_cast<u64>(r) * p.kp + k);
                        i32 sum = dp4a(left.x, right.x, acc[plane][r]);
                        sum = dp4a(left.y, right.y, sum);
                        sum = dp4a(left.z, right.z, sum);
                        acc[plane][r] = dp4a(left.w, right.w, sum);
                    }
                }
            }
        }
        UNROLL for (int plane = 0; plane < PLANES; plane++) {
            UNROLL for (int r = 0; r < ROWS; r++) {
                UNROLL for (int mask = 16; mask > 0; mask /= 2)
                    acc[plane][r] += lane_xor(acc[plane][r], mask);
            }
        }
        Column c = column_of<WIDE>(p, z, bz, n);
        UNROLL for (int r = 0; r < ROWS; r++) {
            if (static_cast<int>(lane) == r && r < static_cast<int>(p.m)) {
                i32 value;
                if constexpr (WIDE) {
                    value = wide_element(p, c, acc[0][r], acc[1][r], row_sum_of(p, 0, z, r),
                                         row_sum_of(p, 1, z, r));
                } else {
                    value = narrow_element(p, c, acc[0][r], row_sum_of(p, 0, z, r));
                }
                store(p.out, p.out_dtype, z * p.out_batch + r * p.ldc + n, value);
            }
        }
    }
}

KERNEL(gemv_one, Linear, 256) { gemv<1, false>(p); }
KERNEL(gemv_few, Linear, 256) { gemv<8, false>(p); }
KERNEL(gemv_wide_one, Linear, 256) { gemv<1, true>(p); }
KERNEL(gemv_wide_few, Linear, 256) { gemv<8, true>(p); }

// Sums of raw products that another library left in i32[planes][batches][m, n] become output elements.
KERNEL(gemm_finish, Linear, 256) {
    const i32* sums = reinterpret_cast<const i32*>(p.a);
    u64 plane = p.plane / sizeof(i32), ld = p.kp;
    u64 elements = static_cast<u64>(p.batches) * p.m * p.n;
    for (u64 i = first_item(); i < elements; i += item_step()) {
        u64 n, m;
        u32 z = static_cast<u32>(divide(divide(i, p.n, n), p.m, m));
        u64 at = (static_cast<u64>(z) * p.m + m) * ld + n;
        u32 row = static_cast<u32>(m);
        i32 value;
        if (plane != 0) {
            Column c = column_of<true>(p, z, batch_of_b(p, z), static_cast<u32>(n));
            value = wide_element(p, c, sums[at], sums[plane + at], row_sum_of(p, 0, z, row),
                                 row_sum_of(p, 1, z, row));
        } else {
            Column c = column_of<false>(p, z, batch_of_b(p, z), static_cast<u32>(n));
            value = narrow_element(p, c, sums[at], row_sum_of(p, 0, z, row));
        }
        store(p.out, p.out_dtype, z * p.out_batch + m * p.ldc + n, value);
    }
}

struct Pack {
    const void* in;  // [rows, k]
    i8* out;         // [planes][rows, kp]
    u64 rows;
    u64 plane;
    u32 k;
    u32 kp;
    u32 wide;
    u32 pad;
};

// Rows of whole 16-byte chunks, with zeros behind them; 16-bit elements as a plane of high bytes and a
// plane of low bytes less 128.
KERNEL(gemm_pack, Pack, 256) {
    u64 words = p.kp / 4;
    for (u64 i = first_item(); i < p.rows * words; i += item_step()) {
        u64 word;
        u64 row = divide(i, words, word);
        char4 high = make_char4(0, 0, 0, 0), low = high;
        i8* h = reinterpret_cast<i8*>(&high);
        i8* l = reinterpret_cast<i8*>(&low);
        UNROLL for (u32 j = 0; j < 4; j++) {
            u32 k = static_cast<u32>(4 * word) + j;
            if (k < p.k) {
                i32 x = load(p.in, p.wide ? I16 : I8, row * p.k + k);
                h[j] = static_cast<i8>(p.wide ? x >> 8 : x);
                l[j] = static_cast<i8>((x & 255) - 128);
            }
        }
        *reinterpret_cast<char4*>(p.out + row * p.kp + 4 * word) = high;
        if (p.wide) *reinterpret_cast<char4*>(p.out + p.plane + row * p.kp + 4 * word) = low;
    }
}

struct Sums {
    const i8* in;  // [rows, kp]
    i32* out;      // [rows]
    u64 rows;
    u32 kp;
    u32 pad;
};

KERNEL(gemm_sums, Sums, 256) {
    u32 lane = threadIdx.x % 32;
    u64 warp = (static_cast<u64>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    u64 warps = static_cast<u64>(gridDim.x) * blockDim.x / 32;
    for (u64 row = warp; row < p.rows; row += warps) {
        i32 sum = 0;
        for (u32 k = lane * 16; k < p.kp; k += 512) {
            uint4 x = *reinterpret_cast<const uint4*>(p.in + row * p.kp + k);
            sum = dp4a(x.x, 0x01010101u, sum);
            sum = dp4a(x.y, 0x01010101u, sum);
            sum = dp4a(x.z, 0x01010101u, sum);
            sum = dp4a(x.w, 0x01010101u, sum);
        }
        UNROLL for (int mask = 16; mask > 0; mask /= 2) sum += lane_xor(sum, mask);
        if (lane == 0) p.out[row] = sum;
    }
}
