// Roots: BLAKE3 of a tensor's bytes. The specification's tree puts the largest power of two on the
// left; joining neighbours level by level, the last one going up alone where their number is odd,
// gives the same tree, so any aligned run of 2^j chunks can be joined by itself.
#include "element.cuh"

DEVICE u32 rotate(u32 x, u32 n) {
    return (x >> n) | (x << (32 - n));
}

constexpr u32 IV0 = 0x6A09E667, IV1 = 0xBB67AE85, IV2 = 0x3C6EF372, IV3 = 0xA54FF53A;
constexpr u32 IV4 = 0x510E527F, IV5 = 0x9B05688C, IV6 = 0x1F83D9AB, IV7 = 0x5BE0CD19;
constexpr u32 CHUNK_START = 1, CHUNK_END = 2, PARENT = 4, ROOT = 8;

DEVICE void mix(u32& a, u32& b, u32& c, u32& d, u32 x, u32 y) {
    a += b + x;
    d = rotate(d ^ a, 16);
    c += d;
    b = rotate(b ^ c, 12);
    a += b + y;
    d = rotate(d ^ a, 8);
    c += d;
    b = rotate(b ^ c, 7);
}

DEVICE void first_value(u32 (&cv)[8]) {
    cv[0] = IV0, cv[1] = IV1, cv[2] = IV2, cv[3] = IV3;
    cv[4] = IV4, cv[5] = IV5, cv[6] = IV6, cv[7] = IV7;
}

DEVICE void compress(u32 (&cv)[8], u32 (&m)[16], u64 counter, u32 length, u32 flags) {
    u32 v[16];
    UNROLL for (int i = 0; i < 8; i++) v[i] = cv[i];
    v[8] = IV0, v[9] = IV1, v[10] = IV2, v[11] = IV3;
    v[12] = static_cast<u32>(counter);
    v[13] = static_cast<u32>(counter >> 32);
    v[14] = length;
    v[15] = flags;
    UNROLL for (int round = 0; round < 7; round++) {
        mix(v[0], v[4], v[8], v[12], m[0], m[1]);
        mix(v[1], v[5], v[9], v[13], m[2], m[3]);
        mix(v[2], v[6], v[10], v[14], m[4], m[5]);
        mix(v[3], v[7], v[11], v[15], m[6], m[7]);
        mix(v[0], v[5], v[10], v[15], m[8], m[9]);
        mix(v[1], v[6], v[11], v[12], m[10], m[11]);
        mix(v[2], v[7], v[8], v[13], m[12], m[13]);
        mix(v[3], v[4], v[9], v[14], m[14], m[15]);
        u32 t[16] = {m[2], m[6],  m[3],  m[10], m[7], m[0],  m[4],  m[13],
                     m[1], m[11], m[12], m[5],  m[9], m[14], m[15], m[8]};
        UNROLL for (int i = 0; i < 16; i++) m[i] = t[i];
    }
    UNROLL for (int i = 0; i < 8; i++) cv[i] = v[i] ^ v[i + 8];
}

constexpr u32 CHUNK = 1024, BLOCK = 64, GROUP = 128;

// Joins the `count` chaining values of this block's threads to one, which thread 0 gets.
DEVICE void join(u32 (&cv)[8], u32 count, bool top) {
    __shared__ u32 values[GROUP][8];
    while (count > 1) {
        if (threadIdx.x < count) {
            UNROLL for (int i = 0; i < 8; i++) values[threadIdx.x][i] = cv[i];
        }
        __syncthreads();
        u32 left = 2 * threadIdx.x;
        if (left + 1 < count) {
            u32 m[16];
            UNROLL for (int i = 0; i < 8; i++) {
                m[i] = values[left][i];
                m[i + 8] = values[left + 1][i];
            }
            first_value(cv);
            compress(cv, m, 0, BLOCK, top && count == 2 ? PARENT | ROOT : PARENT);
        } else if (left < count) {
            UNROLL for (int i = 0; i < 8; i++) cv[i] = values[left][i];
        }
        __syncthreads();
        count = (count + 1) / 2;
    }
}

struct Hash {
    const u8* in;
    u32* out;
    u64 n;  // bytes, or chaining values
};

// One chaining value for every 128 chunks: the root itself if there are no more.
KERNEL(blake3_chunks, Hash, 128) {
    u64 chunks = p.n == 0 ? 1 : (p.n + CHUNK - 1) / CHUNK;
    u64 groups = (chunks + GROUP - 1) / GROUP;
    for (u64 group = blockIdx.x; group < groups; group += gridDim.x) {
        u64 chunk = group * GROUP + threadIdx.x;
        u32 cv[8];
        if (chunk < chunks) {
            const u8* at = p.in + chunk * CHUNK;
            u32 bytes = p.n - chunk * CHUNK < CHUNK ? static_cast<u32>(p.n - chunk * CHUNK) : CHUNK;
            u32 blocks = bytes == 0 ? 1 : (bytes + BLOCK - 1) / BLOCK;
            first_value(cv);
            for (u32 block = 0; block < blocks; block++) {
                u32 m[16];
                u32 length = bytes - block * BLOCK < BLOCK ? bytes - block * BLOCK : BLOCK;
                if (length == BLOCK) {
                    const uint4* words = reinterpret_cast<const uint4*>(at + block * BLOCK);
                    UNROLL for (int i = 0; i < 4; i++) {
                        uint4 w = words[i];
                        m[4 * i] = w.x, m[4 * i + 1] = w.y, m[4 * i + 2] = w.z, m[4 * i + 3] = w.w;
                    }
                } else {
                    UNROLL for (int i = 0; i < 16; i++) {
                        u32 word = 0;
                        UNROLL for (u32 j = 0; j < 4; j++) {
                            u32 byte = 4 * i + j;
                            if (byte < length)
                                word |= static_cast<u32>(at[block * BLOCK + byte]) << (8 * j);
                        }
                        m[i] = word;
                    }
                }
                u32 flags = (block == 0 ? CHUNK_START : 0) | (block + 1 == blocks ? CHUNK_END : 0);
                if (chunks == 1 && block + 1 == blocks) flags |= ROOT;
                compress(cv, m, chunk, length, flags);
            }
        }
        u64 left = chunks - group * GROUP;
        join(cv, left < GROUP ? static_cast<u32>(left) : GROUP, groups == 1);
        if (threadIdx.x == 0) {
            UNROLL for (int i = 0; i < 8; i++) p.out[8 * group + i] = cv[i];
        }
    }
}

// One chaining value for every 128 of the level below, of which there are at least two.
KERNEL(blake3_tree, Hash, 128) {
    u64 groups = (p.n + GROUP - 1) / GROUP;
    for (u64 group = blockIdx.x; group < groups; group += gridDim.x) {
        u64 index = group * GROUP + threadIdx.x;
        u32 cv[8];
        if (index < p.n) {
            const uint4* words = reinterpret_cast<const uint4*>(p.in) + 2 * index;
            uint4 low = words[0], high = words[1];
            cv[0] = low.x, cv[1] = low.y, cv[2] = low.z, cv[3] = low.w;
            cv[4] = high.x, cv[5] = high.y, cv[6] = high.z, cv[7] = high.w;
        }
        u64 left = p.n - group * GROUP;
        join(cv, left < GROUP ? static_cast<u32>(left) : GROUP, groups == 1);
        if (threadIdx.x == 0) {
            UNROLL for (int i = 0; i < 8; i++) p.out[8 * group + i] = cv[i];
        }
    }
}
