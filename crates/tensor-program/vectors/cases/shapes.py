"""Operators that move elements, and pools."""

import itertools

from cases.common import *  # noqa: F403


def reshape_cases():
    first = (clamp(-100, 100), [("input", 0)])

    def chain(inputs, *ops, outputs=None):
        nodes = [first] + [(op, [("node", i)]) for i, op in enumerate(ops)]
        return Program(inputs, [], nodes, outputs or [len(ops)], 4)

    x = [("i16", [2, 6])]
    out = [
        case("another rank", chain(x, reshape(3, 4)), 2, noise(61, 48)),
        case("a reshape of a reshape", chain(x, reshape(12), reshape(2, 2, 3, 1)), 2, noise(62, 48)),
        case("both are outputs", chain(x, reshape(12), outputs=[1, 0]), 2, noise(63, 48)),
        case("read by another node", chain(x, reshape(3, 4), {"op": "ArgMax"}), 2, noise(64, 48)),
        case("to no axis", chain([("i8", [1])], reshape()), 3, noise(65, 3)),
        refused("another number of elements", chain(x, reshape(3, 5)), 27),
        refused("an axis of 0", chain(x, reshape(0, 12)), 27),
        refused("six axes", chain(x, reshape(2, 1, 1, 1, 1, 6)), 11),
        refused("of an input", one(reshape(12), x), 21),
        refused("of a constant", Program(x, [("i8", [12], None)], [(reshape(12), [("const", 0)])], [0], 1), 19),
        refused("two operands", Program(x, [], [first, (reshape(12), [("node", 0)] * 2)], [1], 1), 17),
    ]
    return out


def transpose_cases():
    out = []
    for perm in itertools.permutations(range(3)):
        out.append(case(f"axes {perm}", one(transpose(*perm), [("i8", [2, 3, 4])]), 2, noise(1, 48)))
    for t in WIDTH:
        out.append(case(f"{t}, two axes", one(transpose(1, 0), [(t, [3, 5])]), 3, noise(2, 45 * WIDTH[t])))
        out.append(case(f"{t}, five axes reversed", one(transpose(4, 3, 2, 1, 0), [(t, [2, 1, 3, 2, 2])]), 2, noise(3, 48 * WIDTH[t])))
    out.append(case("five axes, one step round", one(transpose(1, 2, 3, 4, 0), [("i8", [2, 3, 1, 2, 4])]), 1, noise(4, 48)))
    out.append(case("heads to the front", one(transpose(1, 0, 2), [("i8", [5, 3, 4])]), 2, noise(5, 120)))
    out.append(case("one axis", one(transpose(0), [("i8", [5])]), 2, noise(6, 10)))
    out.append(case("no axis but the batch", one(transpose(), [("i8", [])]), 3, noise(7, 3)))
    out += sizes(lambda n: (one(transpose(1, 0), [("i8", [n, 1])], max_batch=1), noise(n, n), []))
    out.append(case("across chunks", one(transpose(1, 0), [("i16", [33, 70])]), 1, noise(8, 4620)))
    x = [("i8", [2, 3])]
    out += [
        refused("an axis twice", one(transpose(0, 0), x), 24),
        refused("an axis too few", one(transpose(0), x), 24),
        refused("an axis too many", one(transpose(0, 1, 2), x), 24),
        refused("an axis that does not exist", one(transpose(0, 2), x), 24),
        refused("an axis of 255", one(transpose(255, 0), x), 24),
        refused("no axes", one(transpose(), x), 24),
        refused("two operands", one(transpose(1, 0), x * 2), 17),
        refused("a constant", Program(x, [("i8", [2, 3], None)], [(transpose(1, 0), [("const", 0)])], [0], 1), 19),
    ]
    return out


def slice_cases():
    out = []
    for axis, start, length, step in [
        (0, 0, 4, 1), (0, 1, 2, 1), (0, 3, 1, 1), (0, 0, 2, 3), (1, 0, 6, 1), (1, 5, 1, 1), (1, 1, 3, 2),
        (1, 0, 2, 5), (2, 2, 1, 1), (2, 0, 2, 2), (1, 2, 1, 2**32 - 1),
    ]:  # fmt: skip
        for t in ["i8", "i32"]:
            out.append(case(f"{t}, axis {axis} from {start}, {length} by {step}", one(cut(axis, start, length, step), [(t, [4, 6, 3])]), 2, noise(1, 144 * WIDTH[t])))
    out.append(case("i16, the last axis of one", one(cut(0, 4, 1), [("i16", [5])]), 3, noise(2, 30)))
    out += sizes(lambda n: (one(cut(0, 1, n, 2), [("i8", [2 * n])], max_batch=1), noise(n, 2 * n), []))
    x = [("i8", [4, 6])]
    out += [
        refused("an axis that does not exist", one(cut(2, 0, 1), x), 24),
        refused("no axis but the batch", one(cut(0, 0, 1), [("i8", [])]), 24),
        refused("a length of 0", one(cut(1, 0, 0), x), 24),
        refused("a step of 0", one(cut(1, 0, 1, 0), x), 24),
        refused("one beyond the end", one(cut(1, 0, 7), x), 24),
        refused("one beyond the end by its start", one(cut(1, 6, 1), x), 24),
        refused("one beyond the end by its step", one(cut(1, 0, 3, 3), x), 24),
        refused("a start of 2^32 - 1", one(cut(1, 2**32 - 1, 2), x), 24),
        refused("a length and a step of 2^32 - 1", one(cut(1, 0, 2**32 - 1, 2**32 - 1), x), 24),
        refused("two operands", one(cut(1, 0, 1), x * 2), 17),
        refused("a constant", Program(x, [("i8", [4], None)], [(cut(0, 0, 1), [("const", 0)])], [0], 1), 19),
    ]
    return out


def concat_cases():
    out = []
    for t in WIDTH:
        out.append(case(f"{t}, last axis", one(concat(1), [(t, [2, 3]), (t, [2, 1])]), 3, noise(1, 24 * WIDTH[t])))
        out.append(case(f"{t}, first axis", one(concat(0), [(t, [2, 3]), (t, [1, 3])]), 3, noise(2, 27 * WIDTH[t])))
    out.append(case("middle axis, three operands", one(concat(1), [("i8", [2, n, 2]) for n in [1, 3, 2]]), 2, noise(3, 48)))
    out.append(case("sixteen operands", one(concat(0), [("i8", [n]) for n in range(1, 17)]), 2, noise(4, 272)))
    p = one(concat(0), [("i8", [2])], [("i8", [3], None)])
    out.append(case("a constant behind, repeated for every sample", p, 3, noise(5, 6), [noise(6, 3)]))
    p = one(concat(1), [("i16", [2, 2])], [("i16", [2, 1], None), ("i16", [2, 3], pack("i16", range(6)))], operands=[("const", 0), ("input", 0), ("const", 1)])
    out.append(case("constants before and behind", p, 2, noise(7, 16), [noise(8, 4)]))
    p = one(concat(0), [("i8", [2, 2])], operands=[("input", 0)] * 3)
    out.append(case("the same operand three times", p, 2, noise(9, 8)))

    def sized(n):
        return one(concat(0), [("i8", [n - n // 3])], [("i8", [n // 3], None)], 1), noise(n, n - n // 3), [noise(n + 1, n // 3)]

    out += sizes(sized)[1:]
    x = ("i8", [2, 3])
    out += [
        refused("one operand", one(concat(0), [x]), 17),
        refused("no operand", one(concat(0), [x], operands=[]), 17),
        refused("seventeen operands", one(concat(0), [x], operands=[("input", 0)] * 17), 2),
        refused("an axis that does not exist", one(concat(2), [x, x]), 24),
        refused("no axis but the batch", one(concat(0), [("i8", [])] * 2), 24),
        refused("two types", one(concat(0), [("i16", [2, 3]), x]), 22),
        refused("another length beside the axis", one(concat(0), [x, ("i8", [2, 2])]), 23),
        refused("another rank", one(concat(1), [x, ("i8", [2])]), 23),
        refused("a constant of another rank", one(concat(0), [x], [("i8", [3], None)]), 23),
        refused("constants alone", one(concat(0), [x], [("i8", [2, 3], None)], operands=[("const", 0)] * 2), 19),
        refused("an axis above 2^24", one(concat(0), [("i8", [1 << 23]), ("i8", [1 + (1 << 23)])], max_batch=1), 12),
    ]
    return out


def pad_cases():
    out = []
    for before, after in [([0, 0], [0, 0]), ([1, 0], [0, 0]), ([0, 1], [0, 0]), ([0, 0], [1, 0]), ([0, 0], [0, 1]), ([2, 1], [1, 3])]:
        for t in WIDTH:
            out.append(case(f"{t}, {before} before, {after} behind", one(pad(before, after, LIMITS[t][0]), [(t, [2, 3])]), 2, noise(1, 12 * WIDTH[t])))
    for t in WIDTH:
        out.append(case(f"{t}, the greatest value", one(pad([1], [1], LIMITS[t][1]), [(t, [2])]), 2, noise(2, 4 * WIDTH[t])))
    out.append(case("three axes", one(pad([1, 0, 2], [0, 1, 1], -1), [("i8", [2, 1, 2])]), 2, noise(3, 8)))
    out.append(case("no axis but the batch", one(pad([], [], 5), [("i8", [])]), 3, noise(4, 3)))
    out += sizes(lambda n: (one(pad([n // 2], [n - n // 2 - 1], 9), [("i8", [1])], max_batch=1), i8(-7), []))
    x = [("i8", [2, 3])]
    out += [
        refused("a value outside i8", one(pad([0, 0], [0, 1], 128), x), 24),
        refused("a value outside i16", one(pad([0], [1], -32769), [("i16", [2])]), 24),
        refused("a list too short before", one(pad([0], [0, 0]), x), 24),
        refused("a list too short behind", one(pad([0, 0], [0]), x), 24),
        refused("lists too long", one(pad([0, 0, 0], [0, 0, 0]), x), 24),
        refused("an axis above 2^24", one(pad([0, 1 << 24], [0, 0]), x), 12),
        refused("an axis above 2^32", one(pad([0, 2**32 - 1], [0, 2**32 - 1]), x), 12),
        refused("two operands", one(pad([0, 0], [0, 0]), x * 2), 17),
        refused("a constant", Program(x, [("i8", [2], None)], [(pad([0], [1]), [("const", 0)])], [0], 1), 19),
    ]
    return out


TABLE_FIRST = [("const", 0), ("input", 0)]


def gather_cases():
    op = {"op": "Gather"}
    out = []

    def from_table(table, indices, max_batch=4):
        return one(op, [indices], [table], max_batch, operands=TABLE_FIRST)

    for t in ["i8", "i16"]:
        for it in WIDTH:
            least, most = LIMITS[it]
            table = (t, [5, 3], None)
            indices = of_type(it, least, -1, 0, 1, 3, 4, 5, 6, most)
            out.append(case(f"{t} by {it}, indices inside and outside", from_table(table, (it, [9])), 1, indices, [noise(1, 15 * WIDTH[t])]))
            out.append(case(f"{t} by {it}, any indices", from_table((t, [100, 2], None), (it, [2, 3])), 3, noise(2, 18 * WIDTH[it]), [noise(3, 200 * WIDTH[t])]))
        out.append(case(f"{t}, a table of one row", from_table((t, [1, 4], None), ("i8", [3])), 1, i8(-128, 0, 127), [noise(4, 4 * WIDTH[t])]))
        out.append(case(f"{t}, a table of one axis", from_table((t, [7], None), ("i32", [2, 2])), 2, i32(0, 6, 7, -1, 3, 2, 1, 0), [noise(5, 7 * WIDTH[t])]))
        out.append(case(f"{t}, a table of three axes", from_table((t, [4, 2, 3], None), ("i16", [3])), 2, i16(0, 3, 2, 1, 9, -9), [noise(6, 24 * WIDTH[t])]))
    out.append(case("an inline table", from_table(("i8", [3, 2], bytes(range(6))), ("i8", [4])), 2, i8(2, 1, 0, 3, -1, 0, 2, 2)))
    out.append(case("one index a sample", from_table(("i16", [6, 2], None), ("i32", [])), 4, i32(0, 5, -1, 6), [noise(7, 24)]))
    out.append(case("rows of several chunks", from_table(("i8", [3, 3000], None), ("i8", [2])), 2, i8(2, 0, 1, 9), [noise(8, 9000)]))
    out += sizes(lambda n: (from_table(("i8", [256, 1], None), ("i8", [n]), 1), noise(n, n), [noise(9, 256)]))
    idx, table = ("i32", [2]), ("i8", [5, 3], None)
    out += [
        refused("an i32 table", from_table(("i32", [5, 3], None), idx), 22),
        refused("a table without axes", from_table(("i8", [], None), idx), 23),
        refused("a table that is an activation", one(op, [idx, ("i8", [5, 3])], operands=[("input", 1), ("input", 0)]), 20),
        refused("constant indices", one(op, [idx], [table, ("i8", [2], None)], operands=[("const", 0), ("const", 1)]), 19),
        refused("more axes than allowed", from_table(("i8", [2, 1, 1], None), ("i8", [1, 1, 1, 1])), 11),
        refused("one operand", one(op, [idx], [table], operands=[("const", 0)]), 17),
        refused("three operands", one(op, [idx], [table], operands=[*TABLE_FIRST, ("input", 0)]), 17),
    ]
    return out


def rope_cases():
    out = []

    def turned(op, t, shape, rows, max_batch=4):
        return one(op, [(t, shape)], [("i16", [rows, shape[-1] // 2, 2], None)], max_batch)

    for pairs in ["halves", "neighbours"]:
        for t in ["i8", "i16"]:
            for dst in ["i8", "i16"]:
                p = turned(rope(rq(16384, 28 if t == "i8" else 29, out=dst), pairs), t, [2, 3, 6], 3)
                out.append(case(f"{pairs}, {t} to {dst}", p, 2, noise(1, 72 * WIDTH[t]), [noise(2, 36)]))
            for zx in LIMITS[t]:
                p = turned(rope(rq(20000, 30, 5, out="i16"), pairs, zx=zx), t, [2, 4], 2)
                out.append(case(f"{pairs}, {t}, zero point {zx}", p, 2, noise(3, 16 * WIDTH[t]), [noise(4, 16)]))
        for offset in [1, 4]:
            p = turned(rope(rq(20000, 29, out="i16"), pairs, offset), "i16", [3, 4], 7)
            out.append(case(f"{pairs}, offset {offset}", p, 2, noise(5, 48), [noise(6, 56)]))
        p = turned(rope(rq(1, 14, out="i16"), pairs), "i16", [2, 2, 3, 2], 5)
        out.append(case(f"{pairs}, one pair, more rows than needed", p, 2, noise(7, 96), [noise(8, 20)]))
        out.append(case(f"{pairs}, garbage table", turned(rope(rq(65535, 33), pairs), "i8", [2, 8], 2), 2, noise(9, 32), [noise(10, 32)]))
    # 65,535 and −32,768 in both products: ±2^32 but for one part in 65,536.
    for zx, v in [(-32768, 32767), (32767, -32768)]:
        for c, n in [(-32768, -32768), (-32768, 32767), (32767, -32768), (32767, 32767)]:
            p = turned(rope(rq(32768, 32, out="i16"), zx=zx), "i16", [1, 2], 1)
            out.append(case(f"all {v} at zero point {zx}, table {c} and {n}", p, 1, i16(v, v), [i16(c, n)]))
    for name, q in last_steps():
        out.append(case(name, turned(rope(q, zx=3), "i16", [2, 4], 2), 2, noise(11, 32), [noise(12, 16)]))
    for s in [1, 2, 3]:
        p = turned(rope(rq(1, s)), "i8", [15, 2], 15)
        data = i8(*[v for x in TIES for v in (x, 0)])
        out.append(case(f"ties at shift {s}", p, 1, data, [repeat(pack("i16", [1, -1]), 15)]))

    def sized(n):
        p = one(rope(rq(1, 8, out="i8")), [("i8", [n, 2])], [("i16", [n, 1, 2], None)], 1)
        return p, noise(n, 2 * n), [noise(n + 1, 4 * n)]

    out += sizes(sized, 2)
    x, tab, op = [("i8", [3, 4])], ("i16", [3, 2, 2], None), rope(rq(1, 14))
    out += refused_last_steps(lambda q: one(rope(q), x, [tab]))
    out += [
        refused("an odd last axis", one(op, [("i8", [3, 5])], [tab]), 23),
        refused("no axis for the position", one(op, [("i8", [4])], [tab]), 23),
        refused("no axis but the batch", one(op, [("i8", [])], [tab]), 23),
        refused("a table of other pairs", one(op, x, [("i16", [3, 3, 2], None)]), 23),
        refused("a table of other rank", one(op, x, [("i16", [3, 4], None)]), 23),
        refused("a table of triples", one(op, x, [("i16", [3, 2, 3], None)]), 23),
        refused("a table too short", one(op, x, [("i16", [2, 2, 2], None)]), 23),
        refused("a table too short for the offset", one(rope(rq(1, 14), offset=1), x, [tab]), 23),
        refused("an offset of 2^32 - 1", one(rope(rq(1, 14), offset=2**32 - 1), x, [tab]), 23),
        refused("a table of i8", one(op, x, [("i8", [3, 2, 2], None)]), 22),
        refused("a table that is an activation", one(op, [("i16", [3, 2, 2]), ("i8", [3, 4])], operands=[("input", 1), ("input", 0)]), 20),
        refused("an i32 operand", one(op, [("i32", [3, 4])], [tab]), 22),
        refused("a constant operand", Program(x, [tab, ("i8", [3, 4], None)], [(op, [("const", 1), ("const", 0)])], [0], 1), 19),
        refused("zx outside i8", one(rope(rq(1, 14), zx=-129), x, [tab]), 24),
        refused("zx outside i16", one(rope(rq(1, 14), zx=32768), [("i16", [3, 4])], [tab]), 24),
        refused("no table", one(op, x), 17),
        refused("three operands", one(op, x, [tab, tab]), 17),
    ]
    return out


WINDOWS = [
    ((1, 1), window()),
    ((2, 2), window((2, 2))),
    ((2, 3), window((3, 2))),
    ((3, 3), window((1, 2), (1, 2), (1, 2, 1, 2))),
    ((3, 2), window((1, 1), (2, 3), (2, 1, 2, 1))),
    ((2, 2), window(pad=(1, 0, 0, 0))),
    ((2, 2), window(pad=(0, 1, 0, 0))),
    ((2, 2), window(pad=(0, 0, 1, 0))),
    ((2, 2), window(pad=(0, 0, 0, 1))),
    ((5, 6), window()),
    ((7, 8), window(pad=(1, 1, 1, 1))),
    ((2, 2), window((255, 255))),
]


def pool_cases(make, types=("i8", "i16")):
    """What both pools share. `make(kernel, window)`."""
    out = []
    for t in types:
        for i, (kernel, w) in enumerate(WINDOWS):
            out.append(case(f"{t}, kernel {kernel}, window {i}", one(make(kernel, w), [(t, [5, 6, 3])]), 2, noise(i, 180 * WIDTH[t])))
        least, most = LIMITS[t]
        for name, values in [("lowest", [least] * 18), ("highest", [most] * 18), ("both", [least, most] * 9)]:
            p = one(make((2, 2), window(pad=(1, 1, 1, 1))), [(t, [3, 3, 2])])
            out.append(case(f"{t}, all {name}, padded", p, 1, of_type(t, *values)))
    out.append(case("a corner of the input in each window", one(make((2, 2), window((2, 2), (2, 2), (2, 2, 2, 2))), [("i8", [2, 2, 1])]), 1, noise(20, 4)))
    p = one(make((2, 2), window((255, 255), (255, 255), (255, 255, 0, 0))), [("i8", [1, 1, 5])])
    out.append(case("stride, dilation and padding at their top", p, 1, noise(21, 5)))
    out.append(case("dilation beyond the input", one(make((2, 2), window((2, 2), (3, 3), (2, 2, 2, 2))), [("i8", [2, 2, 2])]), 1, noise(22, 8)))
    out.append(case("channels of more than a chunk, five by five", one(make((5, 5), window((5, 5))), [("i8", [5, 5, 1500])]), 1, noise(23, 37500)))
    def fits(t, shape, kernel, most):
        blob = most * product(shape) * WIDTH[t]
        taps_ = [(blob, n) for n in window_runs(t, shape, kernel, window(), 1)]
        result = WIDTH[make(kernel, window())["requant"]["out"] if "requant" in make(kernel, window()) else t]
        return judgeable([*taps_, (most * shape[2] * result, 1)])

    for t in types:
        w = WIDTH[t]
        out += border(
            f"{t}, rows of 40",
            lambda k: fits(t, [k, 40, 14 // w], (k, 40), 4),  # noqa: B023
            lambda k: one(make((k, 40), window()), [(t, [k, 40, 14 // w])]),  # noqa: B023
            lambda k: (noise(k, k * 560), []),  # noqa: B023
            1, 103,
        )  # fmt: skip
        for c in [1024 // w, 1024 // w + 1]:
            out += [] if fits(t, [6, 6, c], (6, 6), 1 << 20) else border(
                f"{t}, {c} channels, six by six, max_batch",
                lambda most: fits(t, [6, 6, c], (6, 6), most),  # noqa: B023
                lambda most: one(make((6, 6), window()), [(t, [6, 6, c])], max_batch=most),  # noqa: B023
                lambda most: (noise(c, 36 * c * w), []),  # noqa: B023
                1, 1 << 20,
            )  # fmt: skip
    out += sizes(lambda n: (one(make((1, 2), window()), [("i8", [1, n + 1, 1])], max_batch=1), noise(n, n + 1), []))
    x = [("i8", [4, 4, 2])]
    out += [
        refused("a kernel of 0 down", one(make((0, 1), window()), x), 24),
        refused("a kernel of 0 across", one(make((1, 0), window()), x), 24),
        refused("a kernel of 4,160 positions", one(make((64, 65), window()), [("i8", [70, 70, 1])]), 24),
        refused("a kernel of 65,535 by 65,535", one(make((65535, 65535), window()), [("i8", [70, 70, 1])]), 24),
        refused("a stride of 0", one(make((2, 2), window((0, 1))), x), 24),
        refused("a dilation of 0", one(make((2, 2), window(dilation=(1, 0))), x), 24),
        refused("a window higher than the padded input", one(make((6, 2), window(pad=(1, 0, 0, 0))), x), 24),
        refused("a window wider than the padded input", one(make((2, 6), window(pad=(0, 0, 0, 1))), x), 24),
        refused("a first window without input, down", one(make((2, 2), window(pad=(2, 0, 0, 0))), x), 24),
        refused("a first window without input, across", one(make((2, 2), window(pad=(0, 2, 0, 0))), x), 24),
        refused("a last window without input, down", one(make((2, 2), window(pad=(0, 0, 2, 0))), x), 24),
        refused("a last window without input, across", one(make((2, 2), window(pad=(0, 0, 0, 2))), x), 24),
        refused("a middle window without input, down", one(make((2, 1), window((1, 1), (2, 1), (2, 0, 2, 0))), [("i8", [1, 3, 1])]), 24),
        refused("a middle window without input, across", one(make((1, 2), window((1, 1), (1, 2), (0, 2, 0, 2))), [("i8", [3, 1, 1])]), 24),
        refused("seven by seven over 2,048 channels", one(make((7, 7), window()), [("i8", [7, 7, 2048])]), 26),
        refused("an input of rank 2", one(make((1, 1), window()), [("i8", [4, 4])]), 23),
        refused("an input of rank 4", one(make((1, 1), window()), [("i8", [1, 4, 4, 2])]), 23),
        refused("an i32 input", one(make((2, 2), window()), [("i32", [4, 4, 2])]), 22),
        refused("two operands", one(make((2, 2), window()), x * 2), 17),
        refused("a constant", Program(x, [("i8", [4, 4, 2], None)], [(make((2, 2), window()), [("const", 0)])], [0], 1), 19),
    ]
    return out


def maxpool2d_cases():
    return pool_cases(maxpool)


def avgpool2d_cases():
    out = pool_cases(lambda kernel, w: avgpool(kernel, w, rq(1, 9)))
    for t in ["i8", "i16"]:
        for count_pad in [False, True]:
            for i, (kernel, w) in enumerate(WINDOWS):
                if w["pad"] != [0, 0, 0, 0]:
                    p = one(avgpool(kernel, w, None, count_pad, -5), [(t, [5, 6, 2])])
                    out.append(case(f"{t}, window {i}, {'padding counts' if count_pad else 'padding does not count'}", p, 2, noise(i, 120 * WIDTH[t])))
        for zx in LIMITS[t]:
            p = one(avgpool((3, 3), window((2, 2), pad=(1, 1, 1, 1)), rq(1, 9, out="i16"), True, zx), [(t, [4, 4, 2])])
            out.append(case(f"{t}, zero point {zx}", p, 2, noise(31, 64 * WIDTH[t])))
        least, most = LIMITS[t]
        for zx, v in [(least, most), (most, least)]:
            p = one(avgpool((6, 6), window(), rq(65535, 24, out="i16"), False, zx), [(t, [6, 6, 1])], max_batch=1)
            out.append(case(f"{t}, all {v} at zero point {zx}", p, 1, of_type(t, *[v] * 36)))
    for name, q in last_steps():
        out.append(case(name, one(avgpool((2, 2), window(pad=(1, 0, 0, 1)), q, False, 3), [("i16", [3, 3, 2])]), 2, noise(32, 72)))
    # 512 positions are counted and one lies inside: the last fraction bit is half of it.
    p = one(avgpool((16, 32), window(pad=(15, 31, 0, 0)), rq(1, 0), True), [("i8", [1, 1, 15])], max_batch=1)
    out.append(case("ties of the mean, both signs", p, 1, i8(*TIES)))
    out.append(case("ties of the requantisation", one(avgpool((1, 1), window(), rq(1, 9)), [("i8", [1, 1, 15])]), 1, i8(*TIES)))
    x = [("i8", [4, 4, 2])]
    out += refused_last_steps(lambda q: one(avgpool((2, 2), window(), q), x))
    out += [
        refused("zx outside i8", one(avgpool((2, 2), window(), zx=128), x), 24),
        refused("zx outside i16", one(avgpool((2, 2), window(), zx=-32769), [("i16", [4, 4, 2])]), 24),
    ]
    return out
