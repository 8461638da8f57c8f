// Compiles the kernels as C++ and runs every thread of a block as a fiber on one CPU thread, so that
// index logic, barriers and warp-wide instructions can be tried without a device.
//
// A fiber runs until a barrier or until it ends. Fibers without barriers therefore cost nothing.
// Asynchronous copies are carried out as late as the waits allow, shared memory starts as garbage, and
// a kernel that reads outside a buffer meets a guard page: see main.cpp.
#pragma once

#include <csetjmp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#define DEVICE inline
#define UNROLL
#define __noinline__
#define __shared__ static
#define DYNAMIC_SHARED(name) u8* name = shim::dynamic_shared

#ifdef ATHANOR_DP4A
#define ATHANOR_MMA 0
#else
#define ATHANOR_MMA 1
#endif

#define SHIM_VECTOR(name, type, bytes)        \
    struct alignas(bytes) name {              \
        type x, y, z, w;                      \
    };                                        \
    inline name make_##name(type x, type y, type z, type w) { return {x, y, z, w}; }
SHIM_VECTOR(char4, signed char, 4)
SHIM_VECTOR(short4, short, 8)
SHIM_VECTOR(int4, int, 16)
SHIM_VECTOR(uint4, unsigned, 16)
struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(8) int2 {
    int x, y;
};
inline int2 make_int2(int x, int y) { return {x, y}; }

struct Dim {
    unsigned x;
};
extern Dim threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

extern u8* dynamic_shared;

// A kernel with the size of its parameters.
struct Kernel {
    const char* name;
    size_t size;
    unsigned threads;
    void (*call)(const void*);
};
std::vector<Kernel>& kernels();
struct Register {
    Register(const char* name, size_t size, unsigned threads, void (*call)(const void*)) {
        kernels().push_back({name, size, threads, call});
    }
};

// Waits for all threads of the block, or of the warp.
void block_barrier();
void warp_barrier();

// 64 bytes for each lane of this warp. Two sets, used in turn.
struct Slot {
    alignas(16) unsigned char bytes[64];
};
Slot* exchange(const void* value, size_t size);

void copy_later(void* to, const void* from);
void commit_copies();
void wait_for_copies(size_t left);

}  // namespace shim

#define KERNEL(name, Params, threads)                                               \
    static void name(const Params& p);                                              \
    static shim::Register register_##name(#name, sizeof(Params), threads,           \
                                          [](const void* bytes) {                   \
                                              Params p;                             \
                                              memcpy(&p, bytes, sizeof p);          \
                                              name(p);                              \
                                          });                                       \
    static void name(const Params& p)

inline void __syncthreads() { shim::block_barrier(); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(static_cast<u64>(x)); }
inline double square_root(double x) { return std::sqrt(x); }

inline i32 dp4a(u32 a, u32 b, i32 c) {
    u32 sum = static_cast<u32>(c);
    for (int i = 0; i < 4; i++)
        sum += static_cast<u32>(static_cast<i8>(a >> (8 * i)) * static_cast<i8>(b >> (8 * i)));
    return static_cast<i32>(sum);
}

template <class T>
T lane_xor(T value, int mask) {
    shim::Slot* slots = shim::exchange(&value, sizeof value);
    T other;
    memcpy(&other, slots[(threadIdx.x % 32) ^ static_cast<unsigned>(mask)].bytes, sizeof other);
    return other;
}

inline void cp_async16(void* shared, const void* global, bool valid) {
    if (reinterpret_cast<uintptr_t>(shared) % 16 != 0 || reinterpret_cast<uintptr_t>(global) % 16 != 0) {
        fprintf(stderr, "cp.async on an address that is no multiple of 16\n");
        abort();
    }
    shim::copy_later(shared, valid ? global : nullptr);
}
inline void cp_async_commit() { shim::commit_copies(); }
template <int N>
void cp_async_wait() { shim::wait_for_copies(N); }

inline void ldmatrix_x4(u32 (&r)[4], const void* row) {
    shim::Slot* slots = shim::exchange(&row, sizeof row);
    unsigned lane = threadIdx.x % 32;
    for (unsigned j = 0; j < 4; j++) {
        const unsigned char* at;
        memcpy(&at, slots[8 * j + lane / 4].bytes, sizeof at);
        memcpy(&r[j], at + 4 * (lane % 4), 4);
    }
}

inline void mma_s8(i32 (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    u32 mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
    shim::Slot* slots = shim::exchange(mine, sizeof mine);
    unsigned lane = threadIdx.x % 32;
    for (unsigned e = 0; e < 4; e++) {
        unsigned row = lane / 4 + e / 2 * 8, column = lane % 4 * 2 + e % 2;
        for (unsigned half = 0; half < 2; half++) {
            for (unsigned part = 0; part < 4; part++) {
                u32 left, right;
                memcpy(&left, slots[row % 8 * 4 + part].bytes + 4 * (2 * half + row / 8), 4);
                memcpy(&right, slots[column * 4 + part].bytes + 16 + 4 * half, 4);
                c[e] = dp4a(left, right, c[e]);
            }
        }
    }
}
