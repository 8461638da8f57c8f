// What the kernels need of a compiler: NVRTC for a device, or g++ with shim/shim.h, which runs every
// thread of a block on the CPU. No kernel says anything else about where it runs.
#pragma once

typedef signed char i8;
typedef short i16;
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef ATHANOR_SHIM

#include "shim/shim.h"

#else

#define DEVICE __device__ __forceinline__
#define UNROLL _Pragma("unroll")

// Every kernel takes one struct by value. The launcher sends its bytes.
#define KERNEL(name, Params, threads) \
    extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ Params p)

#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) u8 name[]

#if __CUDA_ARCH__ >= 800
#define ATHANOR_MMA 1
#else
#define ATHANOR_MMA 0
#endif

DEVICE u32 shared_address(const void* pointer) {
    return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

// Copies 16 bytes to shared memory, or 16 zeros. Both addresses are multiples of 16.
DEVICE void cp_async16(void* shared, const void* global, bool valid) {
#if ATHANOR_MMA
    u32 bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(shared)),
                 "l"(__cvta_generic_to_global(global)), "r"(bytes)
                 : "memory");
#else
    uint4 value = make_uint4(0, 0, 0, 0);
    if (valid) value = *static_cast<const uint4*>(global);
    *static_cast<uint4*>(shared) = value;
#endif
}

DEVICE void cp_async_commit() {
#if ATHANOR_MMA
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Waits until at most N committed groups are under way.
template <int N>
DEVICE void cp_async_wait() {
#if ATHANOR_MMA
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
#endif
}

#if ATHANOR_MMA
// Four 8x8 matrices of 16-bit words, as 8 rows of 16 bytes each: lane l gives the row l % 8 of matrix
// l / 8, and gets 4 bytes of row l / 4 of each, from byte 4 (l % 4) on. PTX ISA, "ldmatrix".
DEVICE void ldmatrix_x4(u32 (&r)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
}

// c[16,8] += a[16,32] b[8,32]^T on signed bytes, wrapping. Fragments as PTX ISA, "mma.m16n8k32".
DEVICE void mma_s8(i32 (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};\n"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

DEVICE i32 dp4a(u32 a, u32 b, i32 c) {
    return __dp4a(static_cast<int>(a), static_cast<int>(b), c);
}

// Value of the lane whose number differs from this one's by `mask`. All 32 lanes take part.
template <class T>
DEVICE T lane_xor(T value, int mask) {
    return __shfl_xor_sync(0xffffffffu, value, mask);
}

DEVICE double square_root(double x) {
    return __dsqrt_rn(x);
}

#endif  // ATHANOR_SHIM
