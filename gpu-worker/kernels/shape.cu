// Operators that move elements.
#include "element.cuh"

DEVICE void move_unit(void* out, u64 to, const void* in, u64 from, u32 unit) {
    switch (unit) {
        case 1: static_cast<u8*>(out)[to] = static_cast<const u8*>(in)[from]; break;
        case 2: static_cast<u16*>(out)[to] = static_cast<const u16*>(in)[from]; break;
        case 4: static_cast<u32*>(out)[to] = static_cast<const u32*>(in)[from]; break;
        case 8: static_cast<uint2*>(out)[to] = static_cast<const uint2*>(in)[from]; break;
        default: static_cast<uint4*>(out)[to] = static_cast<const uint4*>(in)[from];
    }
}

// Copies units of 1 to 16 bytes from one strided layout to another. Offsets and strides in units.
struct Copy {
    const void* in;
    void* out;
    u64 n;
    u64 from;
    u64 to;
    u64 dims[6];
    u64 sin[6];
    u64 sout[6];
    u32 rank;
    u32 unit;
};

KERNEL(copy_strided, Copy, 256) {
    for (u64 i = first_item(); i < p.n; i += item_step()) {
        u64 rest = i, from = p.from, to = p.to;
        for (int axis = static_cast<int>(p.rank) - 1; axis >= 0; axis--) {
            u64 coordinate;
            rest = divide(rest, p.dims[axis], coordinate);
            from += coordinate * p.sin[axis];
            to += coordinate * p.sout[axis];
        }
        move_unit(p.out, to, p.in, from, p.unit);
    }
}

// out[h,c,r] = in[h,r,c] for elements of 1, 2 or 4 bytes: through shared memory, so that both sides
// are read and written along their rows. Heads are located by strides.
struct Swap {
    const void* in;
    void* out;
    u64 heads;
    u64 rows;
    u64 columns;
    u64 in_row;
    u64 out_row;
    u64 dims[4];
    u64 sin[4];
    u64 sout[4];
    u32 rank;
    u32 unit;
};

constexpr u32 SIDE = 32;

KERNEL(copy_swapped, Swap, 256) {
    __shared__ u32 tile[SIDE][SIDE + 1];
    u64 across = (p.columns + SIDE - 1) / SIDE, down = (p.rows + SIDE - 1) / SIDE;
    u32 x = threadIdx.x % SIDE, y = threadIdx.x / SIDE;
    for (u64 t = blockIdx.x; t < p.heads * across * down; t += gridDim.x) {
        u64 column, row, from = 0, to = 0;
        u64 head = divide(divide(t, across, column), down, row);
        column *= SIDE;
        row *= SIDE;
        for (int axis = static_cast<int>(p.rank) - 1; axis >= 0; axis--) {
            u64 coordinate;
            head = divide(head, p.dims[axis], coordinate);
            from += coordinate * p.sin[axis];
            to += coordinate * p.sout[axis];
        }
        for (u32 i = y; i < SIDE; i += 8) {
            if (row + i < p.rows && column + x < p.columns)
                tile[i][x] = static_cast<u32>(
                    load(p.in, p.unit >> 1, from + (row + i) * p.in_row + column + x));
        }
        __syncthreads();
        for (u32 i = y; i < SIDE; i += 8) {
            if (column + i < p.columns && row + x < p.rows)
                store(p.out, p.unit >> 1, to + (column + i) * p.out_row + row + x,
                      static_cast<i32>(tile[x][i]));
        }
        __syncthreads();
    }
}

struct Fill {
    void* out;
    u64 n;
    i32 value;
    u32 dtype;
};

KERNEL(fill, Fill, 256) {
    u64 quads = p.n / 4;
    Quad q = {{p.value, p.value, p.value, p.value}};
    for (u64 i = first_item(); i <= quads; i += item_step()) {
        if (i < quads) {
            store_quad(p.out, p.dtype, 4 * i, q);
        } else {
            for (u64 e = 4 * i; e < p.n; e++) store(p.out, p.dtype, e, p.value);
        }
    }
}

struct Gather {
    const void* table;
    const void* index;
    void* out;
    u64 n;    // units of the output
    u64 row;  // units of a row
    u32 rows;
    u32 index_dtype;
    u32 unit;
    u32 pad;
};

KERNEL(gather, Gather, 256) {
    for (u64 i = first_item(); i < p.n; i += item_step()) {
        u64 column;
        u64 row = divide(i, p.row, column);
        u64 entry = static_cast<u64>(
            clip(load(p.index, p.index_dtype, row), 0, static_cast<i32>(p.rows - 1)));
        move_unit(p.out, i, p.table, entry * p.row + column, p.unit);
    }
}

struct Rope {
    const void* x;
    const i16* table;  // i16[positions, half, 2]
    void* out;
    u64 pairs;
    u32 steps;  // length of the axis before the last
    u32 half;
    u32 offset;
    u32 neighbours;
    u32 in;
    i32 zx;
    Requant r;
};

KERNEL(rope, Rope, 256) {
    for (u64 i = first_item(); i < p.pairs; i += item_step()) {
        u64 j, step;
        u64 row = divide(i, p.half, j);
        divide(row, p.steps, step);
        u64 base = row * 2 * p.half;
        u64 first = base + (p.neighbours ? 2 * j : j);
        u64 second = p.neighbours ? first + 1 : first + p.half;
        const i16* t = p.table + 2 * ((step + p.offset) * p.half + j);
        i64 c = t[0], s = t[1];
        i64 u = load(p.x, p.in, first) - p.zx, v = load(p.x, p.in, second) - p.zx;
        store(p.out, p.r.out, first, requant(u * c - v * s, p.r));
        store(p.out, p.r.out, second, requant(u * s + v * c, p.r));
    }
}
