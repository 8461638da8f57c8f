"""Operators over rows."""

from cases.common import *  # noqa: F403


def argmax_cases():
    out = []
    op = {"op": "ArgMax"}
    for t in WIDTH:
        least, most = LIMITS[t]
        rows = [
            [least] * 6, [most] * 6, [0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0],
            [least, most, least, most, 0, 0], [0, 0, 0, 0, 0, most], [-1, -1, -2, -1, -1, -1],
            [least, least, least, least, least, least + 1],
        ]  # fmt: skip
        out.append(case(f"{t} rows", one(op, [(t, [6])], max_batch=8), 8, raw(pack(t, sum(rows, [])))))
        out.append(case(f"{t}, one element a row", one(op, [(t, [1])]), 3, noise(51, 3 * WIDTH[t])))
        out.append(case(f"{t}, inner rows", one(op, [(t, [3, 5])]), 2, noise(52, 30 * WIDTH[t])))
        out.append(case(f"{t}, a long row", one(op, [(t, [5000])]), 1, noise(53, 5000 * WIDTH[t])))
    out += sizes(lambda n: (one(op, [("i8", [n, 2])], max_batch=1), noise(n, 2 * n), []), 4)
    out += [
        refused("no axis but the batch", one(op, [("i8", [])]), 23),
        refused("two operands", one(op, [("i8", [4]), ("i8", [4])]), 17),
        refused("a constant", Program([("i8", [4])], [("i8", [4], None)], [(op, [("const", 0)])], [0], 1), 19),
    ]
    return out


def row_refusals(op, types, t="i8", extra=()):
    """What the operators that read a whole row refuse; `extra` are further operands."""
    out = [
        refused("no axis but the batch", one(op, [(t, [])], extra), 23),
        refused("no operand", one(op, [(t, [4])], operands=[]), 17),
        refused("a constant operand", Program([(t, [4])], [*extra, (t, [4], None)], [(op, [("const", len(extra))] + [("const", i) for i in range(len(extra))])], [0], 1), 19),
    ]
    for other in WIDTH:
        if other not in types:
            out.append(refused(f"{other} elements", one(op, [(other, [4])], extra), 22))
    return out


LONG = 16384


def too_long(op, types, n=LONG + 1, extra=lambda n: ()):
    return [refused(f"a row of {n} {t}", one(op, [(t, [n])], extra(n), 1), 25) for t in types]


def ends_of(t, n):
    """Rows of n elements: all lowest, all highest, both in turns."""
    least, most = LIMITS[t]
    return [
        ("lowest", repeat(pack(t, [least]), n)),
        ("highest", repeat(pack(t, [most]), n)),
        ("lowest and highest", repeat(pack(t, [least, most]), n // 2)),
    ]


def rowsum_cases():
    out = []
    for t in ["i8", "i16"]:
        for zx in [*LIMITS[t], 0, -1]:
            out.append(case(f"{t}, zero point {zx}", one(rowsum(zx), [(t, [3, 8])]), 2, noise(1, 48 * WIDTH[t])))
            for name, data in ends_of(t, LONG):
                out.append(case(f"{t}, the longest row, {name}, zero point {zx}", one(rowsum(zx), [(t, [LONG])], max_batch=1), 1, data))
        out.append(case(f"{t}, one element a row", one(rowsum(7), [(t, [1])]), 4, noise(2, 4 * WIDTH[t])))
        out.append(case(f"{t}, inner rows", one(rowsum(-7), [(t, [2, 3, 2, 5])]), 2, noise(3, 120 * WIDTH[t])))
    out += sizes(lambda n: (one(rowsum(), [("i8", [n, 2])], max_batch=1), noise(n, 2 * n), []), 4)
    out += row_refusals(rowsum(), ["i8", "i16"]) + too_long(rowsum(), ["i8", "i16"])
    out += [
        refused("zx outside i8", one(rowsum(128), [("i8", [4])]), 24),
        refused("zx outside i16", one(rowsum(-32769), [("i16", [4])]), 24),
        refused("two operands", one(rowsum(), [("i8", [4])] * 2), 17),
    ]
    return out


def rowmax_cases():
    op = {"op": "RowMax"}
    out = []
    for t in ["i8", "i16"]:
        least, most = LIMITS[t]
        rows = [[least] * 4, [most] * 4, [least, most, least, most], [-1, 0, 1, 0], [-3, -2, -1, -1], [least, least, least + 1, least]]
        out.append(case(f"{t} rows", one(op, [(t, [4])], max_batch=6), 6, raw(pack(t, sum(rows, [])))))
        out.append(case(f"{t}, one element a row", one(op, [(t, [1])]), 4, noise(2, 4 * WIDTH[t])))
        out.append(case(f"{t}, inner rows", one(op, [(t, [2, 3, 2, 5])]), 2, noise(3, 120 * WIDTH[t])))
        for name, data in ends_of(t, LONG):
            out.append(case(f"{t}, the longest row, {name}", one(op, [(t, [LONG])], max_batch=1), 1, data))
    out += sizes(lambda n: (one(op, [("i8", [n, 3])], max_batch=1), noise(n, 3 * n), []))
    out += row_refusals(op, ["i8", "i16"]) + too_long(op, ["i8", "i16"])
    out.append(refused("two operands", one(op, [("i8", [4])] * 2), 17))
    return out


def longest_masked(t, kept=False):
    """The longest row with a mask that is judgeable at batch 1. The output is one
    element, or as many bytes as the row has elements."""
    for n in range(LONG, 0, -1):
        blob = n * WIDTH[t] + n
        total = slice_bytes(blob, touched(n * WIDTH[t])) + slice_bytes(blob, touched(n))
        if total + slice_bytes(n if kept else 1, 1) <= MAX_JUDGE_BYTES:
            return n


def rowmean_cases():
    out = []
    exact = rq(1, 8, out="i16")
    for t in ["i8", "i16"]:
        for zx in [*LIMITS[t], 0, -1]:
            out.append(case(f"{t}, zero point {zx}", one(rowmean(rq(1, 3, out="i16"), zx), [(t, [3, 7])]), 2, noise(1, 42 * WIDTH[t])))
            for name, data in ends_of(t, LONG):
                op = rowmean(rq(32767, 24, out="i16"), zx)
                out.append(case(f"{t}, the longest row, {name}, zero point {zx}", one(op, [(t, [LONG])], max_batch=1), 1, data))
        out.append(case(f"{t}, one element a row", one(rowmean(exact, 7), [(t, [1])]), 4, noise(2, 4 * WIDTH[t])))
        out.append(case(f"{t}, inner rows", one(rowmean(exact), [(t, [2, 2, 3])]), 2, noise(3, 24 * WIDTH[t])))
    for name, q in last_steps():
        out.append(case(name, one(rowmean(q, 3), [("i16", [4, 3])]), 2, noise(4, 48)))
    # 512 elements: a sum of 1 is 2^-1 of the last fraction bit.
    rows = b"".join(pack("i8", [v] + [0] * 511) for v in TIES)
    out.append(case("ties of the mean, both signs", one(rowmean(rq(1, 0)), [("i8", [15, 512])]), 1, raw(rows)))
    out.append(case("ties of the mean, a count of three", one(rowmean(rq(1, 0, out="i16")), [("i8", [9, 3])]), 1, ramp("i8", -13, 1, 27)))
    out.append(case("ties of the requantisation", one(rowmean(rq(1, 9)), [("i8", [15, 1])]), 1, i8(*TIES)))
    masks = [
        ("empty", [0] * 5), ("full", [1] * 5), ("one kept", [0, 0, -128, 0, 0]), ("any sign keeps", [-1, 0, 127, 2, 0]),
    ]  # fmt: skip
    for name, mask in masks:
        for t in ["i8", "i16"]:
            p = masked(rowmean(rq(1, 4, 9, out="i16"), -100, True), t, [2, 5])
            out.append(case(f"{t}, mask: {name}", p, 2, join(noise(5, 20 * WIDTH[t]), i8(*mask * 2))))
    p = masked(rowmean(exact, 0, True), "i16", [3, 4])
    out.append(case("another mask for each sample", p, 3, join(noise(6, 72), i8(1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1))))
    p = masked(rowmean(rq(1, 0, 50, 40, 60), 3, True), "i8", [4])
    out.append(case("empty mask, z and lo", p, 1, i8(1, 2, 3, 4, 0, 0, 0, 0)))
    n = longest_masked("i16")
    out.append(case(f"the longest judgeable masked row of i16, {n}", masked(rowmean(exact, 0, True), "i16", [n], 1), 1, noise(7, 3 * n)))
    out.append(refused("one above the longest judgeable masked row", masked(rowmean(exact, 0, True), "i16", [n + 1], 1), 26))
    out.append(case("the longest masked row of i8", masked(rowmean(exact, 0, True), "i8", [LONG], 1), 1, noise(8, 2 * LONG)))
    out += sizes(lambda n: (one(rowmean(exact), [("i8", [n, 3])], max_batch=1), noise(n, 3 * n), []), 2)
    out += row_refusals(rowmean(exact), ["i8", "i16"]) + too_long(rowmean(exact), ["i8", "i16"])
    out += refused_last_steps(lambda q: one(rowmean(q), [("i8", [4])]))
    out += mask_refusals(rowmean(exact, 0, True)) + [
        refused("zx outside i8", one(rowmean(exact, -129), [("i8", [4])]), 24),
        refused("zx outside i16", one(rowmean(exact, 32768), [("i16", [4])]), 24),
        refused("a mask where none is declared", masked(rowmean(exact), "i8", [2, 4]), 17),
    ]
    return out


def mask_refusals(op):
    x = ("i8", [2, 4])
    return [
        refused("no mask", one(op, [x]), 17),
        refused("a mask of another length", one(op, [x, ("i8", [3])]), 23),
        refused("a mask for each row", one(op, [x, ("i8", [2, 4])]), 23),
        refused("a wide mask", one(op, [("i16", [4]), ("i8", [2, 4])], operands=[("input", 1), ("input", 0)]), 22),
        refused("a constant mask", one(op, [x], [("i8", [4], None)]), 19),
    ]


def any_table(seed):
    data = expand(noise(seed, 512))
    return [32768] + [v % 32769 for v in (data[2 * i] | data[2 * i + 1] << 8 for i in range(1, 256))]


def softmax_cases():
    out = []
    whole, byte = rq(1, 0, -32768, out="i16"), rq(1, 7, -128)
    for name, fine in [("gentle", GENTLE), ("steep", STEEP), ("all ones", [32768] * 256), ("one and zeros", [32768] + [0] * 255), ("any", any_table(1))]:
        for n in [1, 7, 64]:
            out.append(case(f"i8, {name} table, rows of {n}", one(softmax(whole, fine), [("i8", [3, n])]), 2, noise(n, 6 * n)))
    for name, fine, coarse in [
        ("gentle", GENTLE, STEEP), ("all ones", [32768] * 256, [32768] * 256), ("any", any_table(2), any_table(3)),
        ("one and zeros", [32768] + [0] * 255, [32768] * 256), ("ones over zeros", [32768] * 256, [32768] + [0] * 255),
    ]:  # fmt: skip
        for n in [2, 64]:
            out.append(case(f"i16, {name} tables, rows of {n}", one(softmax(whole, fine, coarse), [("i16", [3, n])]), 2, noise(n + 70, 12 * n)))
    close = [0, -1, -127, -128, -255, -256, -257, -511, -512, -513, -1000]
    out.append(case("i16, differences around a step of the coarse table", one(softmax(whole, GENTLE, STEEP), [("i16", [11])]), 1, i16(*close)))
    out.append(case("i16, rounding of the two tables", one(softmax(whole, any_table(4), any_table(5)), [("i16", [512])]), 1, ramp("i16", 32767, -127, 512)))
    out.append(case("i16, the largest difference", one(softmax(whole, [32768] * 256, [32768] * 256), [("i16", [3])]), 1, i16(32767, -32768, -32767)))
    out.append(case("i8, every difference", one(softmax(whole, any_table(6)), [("i8", [256])]), 1, ramp("i8", -128, 1, 256)))
    for t in ["i8", "i16"]:
        coarse = STEEP if t == "i16" else None
        for name, data in ends_of(t, LONG):
            out.append(case(f"{t}, the longest row, {name}", one(softmax(whole, GENTLE, coarse), [(t, [LONG])], max_batch=1), 1, data))
        out.append(case(f"{t}, a long row of noise", one(softmax(whole, GENTLE, coarse), [(t, [4096])], max_batch=1), 1, noise(9, 4096 * WIDTH[t])))
        equal = of_type(t, *[5] * 6, *[LIMITS[t][0]] * 6)
        out.append(case(f"{t}, equal values", one(softmax(whole, STEEP, coarse), [(t, [2, 6])]), 1, equal))
    # Σe = 2^16 exactly: e = 1 and e = 32,767 stand half between two probabilities.
    half = [32768, 32767, 1] + [0] * 253
    out.append(case("ties of the division", one(softmax(whole, half), [("i8", [3])]), 1, i8(10, 9, 8)))
    odd = [32768, 3, 2, 1] + [0] * 252
    out.append(case("an odd sum", one(softmax(whole, odd), [("i8", [5])]), 1, i8(4, 3, 2, 1, 4)))
    # Σe = 33,099, and 50·2^15 + ⌊Σe/2⌋ is one short of a multiple of it.
    short = [32768, 50, 281] + [0] * 253
    out.append(case("an odd sum, half of it rounded down", one(softmax(whole, short), [("i8", [3])]), 1, i8(4, 3, 2)))
    for name, q in last_steps():
        out.append(case(name, one(softmax(q, STEEP), [("i8", [2, 5])]), 1, noise(10, 10)))
    out.append(case("ties of the requantisation", one(softmax(rq(1, 1, out="i16"), odd), [("i8", [1, 9])]), 1, i8(4, 3, 2, 1, 4, 4, 4, 4, 4)))

    masks = [
        ("empty", [0] * 5), ("full", [1] * 5), ("one kept", [0, 0, -128, 0, 0]), ("any sign keeps", [-1, 0, 127, 2, 0]),
    ]  # fmt: skip
    for t in ["i8", "i16"]:
        coarse = STEEP if t == "i16" else None
        for name, mask in masks:
            p = masked(softmax(whole, GENTLE, coarse, True), t, [2, 5])
            out.append(case(f"{t}, mask: {name}", p, 2, join(noise(11, 20 * WIDTH[t]), i8(*mask * 2))))
        p = masked(softmax(whole, STEEP, coarse, True), t, [4])
        least, most = LIMITS[t]
        out.append(case(f"{t}, the largest is masked", p, 1, join(of_type(t, most, least, least + 1, least), i8(0, 1, 1, 1))))
        for m, n in [(1, 1), (1, 5), (3, 5), (5, 5), (4, 5)]:
            p = one(softmax(whole, GENTLE, coarse, causal=True), [(t, [2, m, n])])
            out.append(case(f"{t}, causal, {m} of {n}", p, 2, noise(12, 4 * m * n * WIDTH[t])))
        p = masked(softmax(whole, GENTLE, coarse, True, True), t, [2, 4, 4])
        out.append(case(f"{t}, causal and a mask that leaves the first rows empty", p, 1, join(noise(13, 32 * WIDTH[t]), i8(0, 0, 1, 1))))
        p = masked(softmax(whole, GENTLE, coarse, True, True), t, [3, 5])
        out.append(case(f"{t}, causal with M < n and a mask", p, 2, join(noise(14, 30 * WIDTH[t]), i8(0, 1, 0, 1, 1, 1, 0, 0, 0, 0))))
        out.append(case(f"{t}, causal without leading axes", one(softmax(byte, GENTLE, coarse, causal=True), [(t, [4, 6])]), 2, noise(15, 48 * WIDTH[t])))
    p = masked(softmax(rq(3, 2, 50, 40, 60), mask=True), "i8", [4])
    out.append(case("empty mask, z and lo", p, 1, i8(1, 2, 3, 4, 0, 0, 0, 0)))
    n = longest_masked("i16", True)
    long = softmax(byte, GENTLE, STEEP, True)
    out.append(case(f"the longest judgeable masked row of i16, {n}", masked(long, "i16", [n], 1), 1, noise(16, 3 * n)))
    out.append(refused("one above the longest judgeable masked row", masked(long, "i16", [n + 1], 1), 26))
    out += sizes(lambda n: (one(softmax(byte, STEEP), [("i8", [1, n])], max_batch=1), noise(n, n), []))

    out += [
        refused("no axis but the batch", one(softmax(byte), [("i8", [])]), 23),
        refused("no operand", one(softmax(byte), [("i8", [4])], operands=[]), 17),
        refused("a constant operand", Program([("i8", [4])], [("i8", [4], None)], [(softmax(byte), [("const", 0)])], [0], 1), 19),
        refused("i32 elements", one(softmax(byte, coarse=STEEP), [("i32", [4])]), 22),
    ]
    out += too_long(softmax(byte), ["i8"]) + too_long(softmax(byte, coarse=STEEP), ["i16"])
    out += refused_last_steps(lambda q: one(softmax(q), [("i8", [4])]))
    out += mask_refusals(softmax(byte, mask=True))
    x, wide = [("i8", [2, 4])], [("i16", [2, 4])]
    low_start, high_entry = [32767] + GENTLE[1:], GENTLE[:5] + [32769] + GENTLE[6:]
    out += [
        refused("a fine table that starts below 32,768", one(softmax(byte, low_start), x), 24),
        refused("a fine table that starts above 32,768", one(softmax(byte, [32769] + GENTLE[1:]), x), 24),
        refused("a fine table with an entry above 32,768", one(softmax(byte, high_entry), x), 24),
        refused("a fine table with a last entry above 32,768", one(softmax(byte, GENTLE[:255] + [65535]), x), 24),
        refused("a coarse table that starts below 32,768", one(softmax(byte, GENTLE, low_start), wide), 24),
        refused("a coarse table with an entry above 32,768", one(softmax(byte, GENTLE, high_entry), wide), 24),
        refused("a coarse table for i8", one(softmax(byte, GENTLE, STEEP), x), 24),
        refused("no coarse table for i16", one(softmax(byte), wide), 24),
        refused("causal with M > n", one(softmax(byte, causal=True), [("i8", [5, 4])]), 23),
        refused("causal without an axis for the rows", one(softmax(byte, causal=True), [("i8", [4])]), 23),
        refused("a mask where none is declared", masked(softmax(byte), "i8", [2, 4]), 17),
    ]
    return out


MOST_E = 2**58
PAIRS = [
    (0, 0), (1, 0), (-1, 5), (2**31 - 1, 2**31 - 1), (-(2**31), -(2**31)), (32767, -7), (32768, 7), (-32768, 1), (-32769, 1),
]  # fmt: skip


def norm_cases(make):
    """What both norms share. `make(requant, e, params)`."""
    out = []
    whole = rq(1, 0, out="i16")
    for t in ["i8", "i16"]:
        for n in [1, 2, 3, 7, 64, 384]:
            for e in [1, 1000, MOST_E]:
                out.append(case(f"{t}, rows of {n}, E {e}", one(make(whole, e), [(t, [2, n])]), 2, noise(n, 4 * n * WIDTH[t])))
        for name, data in ends_of(t, LONG):
            for e in [1, MOST_E]:
                out.append(case(f"{t}, the longest row, {name}, E {e}", one(make(whole, e), [(t, [LONG])], max_batch=1), 1, data))
        out.append(case(f"{t}, all zero, D = 1", one(make(whole), [(t, [2, 6])]), 1, fill(0, 12 * WIDTH[t])))
        spike = join(of_type(t, LIMITS[t][1]), repeat(pack(t, [0]), LONG - 1))
        out.append(case(f"{t}, one element of the longest row", one(make(rq(1, 3, out="i16")), [(t, [LONG])], max_batch=1), 1, spike))
    for name, q in last_steps():
        out.append(case(name, one(make(q, 77), [("i16", [2, 5])]), 1, noise(4, 20)))
    params = raw(pack("i32", [v for pair in PAIRS for v in pair]))
    for m, s in [(1, 0), (32767, 30), (20000, 40)]:
        p = one(make(rq(m, s, out="i16"), 9, True), [("i16", [2, 9])], [("i32", [9, 2], None)])
        out.append(case(f"γ and β at their ends, m {m}, s {s}", p, 2, noise(5, 72), [params]))
    # y is 3 at most, so that v tells one step of γ.
    for gamma, beta in [(32767, -98000), (32768, -98000), (32769, -98000), (-32768, 98000), (-32769, 98000)]:
        p = one(make(whole, 2**26 - 9, True), [("i8", [2])], [("i32", [2, 2], pack("i32", [gamma, beta] * 2))])
        out.append(case(f"γ {gamma} clipped to 16 bits", p, 2, i8(0, 3, 3, 0)))
    for seed in range(10, 16):
        p = one(make(rq(30000, 44, 3), seed * 1000, True), [("i8", [3, 5])], [("i32", [5, 2], None)])
        out.append(case(f"garbage params {seed}", p, 2, noise(seed, 30), [noise(seed + 50, 40)]))
    p = one(make(rq(30000, 30), 5, True), [("i16", [4])], [("i32", [4, 2], pack("i32", [300, -5, 0, 9, -300, 0, 1, 1 << 20]))])
    out.append(case("inline params", p, 3, noise(6, 24)))
    out += sizes(lambda n: (one(make(rq(1, 6), 7), [("i8", [1, n])], max_batch=1), noise(n, n), []))

    out += row_refusals(make(whole, 1), ["i8", "i16"]) + too_long(make(whole, 1), ["i8", "i16"])
    out += refused_last_steps(lambda q: one(make(q, 1), [("i8", [4])]))
    x, pairs = [("i8", [4])], ("i32", [4, 2], None)
    out += [
        refused("E of 0", one(make(whole, 0), x), 24),
        refused("E above 2^58", one(make(whole, MOST_E + 1), x), 24),
        refused("E of 2^64 - 1", one(make(whole, 2**64 - 1), x), 24),
        refused("no params", one(make(whole, 1, True), x), 17),
        refused("params where none are declared", one(make(whole, 1), x, [pairs]), 17),
        refused("params of another length", one(make(whole, 1, True), x, [("i32", [3, 2], None)]), 23),
        refused("params of rank 1", one(make(whole, 1, True), x, [("i32", [8], None)]), 23),
        refused("params of another type", one(make(whole, 1, True), x, [("i16", [4, 2], None)]), 22),
        refused("params that are an activation", one(make(whole, 1, True), [("i32", [4, 2]), ("i8", [4])], operands=[("input", 1), ("input", 0)]), 20),
    ]
    return out


def around(d):
    return [d - 1, d, d + 1]


def spikes(make, pairs):
    """Rows of one element v and 63 zeros, with E such that y of it changes if the
    quotient 2^61/Q is taken up or in floats: it is just below an integer."""
    out = []
    for v, e in pairs:
        p = one(make(rq(1, 0, out="i16"), e), [("i16", [64])], max_batch=1)
        out.append(case(f"a quotient just below an integer, {v} and E {e}", p, 1, join(i16(v), repeat(b"\0\0", 63))))
    return out


def layernorm_cases():
    whole = rq(1, 0, out="i16")
    out = norm_cases(lambda q, e=1, params=False: layernorm(q, e, params))
    for t in ["i8", "i16"]:
        for v in [*LIMITS[t], -1, 1]:
            out.append(case(f"{t}, V = 0, all {v}", one(layernorm(whole), [(t, [5])]), 1, of_type(t, *[v] * 5)))
    p = one(layernorm(rq(1, 1), 1, True), [("i8", [3])], [("i32", [3, 2], None)])
    out.append(case("V = 0, β alone, ties of both signs", p, 1, i8(7, 7, 7), [i32(1000, -3, -1000, 1, 0, 3)]))
    # [−32768, 32767]: V = 65,535², c = ±65,535; D around each power of two.
    v = 65535**2
    for k in [33, 34, 39, 40, 45, 46, 51, 52, 57, 58]:
        for d in around(2**k):
            p = one(layernorm(whole, d - v), [("i16", [2])], max_batch=1)
            out.append(case(f"D = 2^{k}{d - 2**k:+}", p, 1, i16(-32768, 32767)))
    for root in [92682, 100003, 2**20 + 1, 3 * 2**20 - 1, 2**24 + 3, 2**29 - 1, 2**29 - 12345]:
        for d in [root * root - 1, root * root, root * root + 2 * root]:
            if v < d <= v + MOST_E:
                p = one(layernorm(rq(30000, 16, out="i16"), d - v), [("i16", [2])], max_batch=1)
                out.append(case(f"D = {root}²{d - root * root:+}", p, 1, i16(-32768, 32767)))
    out += spikes(layernorm, [
        (31005, 1047248960975), (20313, 43704818273), (23824, 271019787056), (5956, 16938736691), (14515, 7024089361), (29941, 25660427278),
    ])  # fmt: skip
    # [0, 1]: V = 1, c = ∓1; with D = 2^26 both stand half between two values.
    out.append(case("ties of both signs", one(layernorm(whole, 2**26 - 1), [("i8", [2])]), 1, i8(0, 1)))
    out.append(case("ties of both signs, ±3/2", one(layernorm(whole, 2**26 - 9), [("i8", [2])]), 1, i8(0, 3)))
    return out


def rmsnorm_cases():
    whole = rq(1, 0, out="i16")
    out = norm_cases(lambda q, e=1, params=False: rmsnorm(q, e, params, -3 if q["z"] else 0))
    for t in ["i8", "i16"]:
        for zx in LIMITS[t]:
            out.append(case(f"{t}, zero point {zx}", one(rmsnorm(whole, 5, zx=zx), [(t, [2, 5])]), 2, noise(7, 20 * WIDTH[t])))
            out.append(case(f"{t}, all zero at zero point {zx}, D = 1", one(rmsnorm(whole, zx=zx), [(t, [5])]), 1, of_type(t, *[zx] * 5)))
        least, most = LIMITS[t]
        for e in [1, MOST_E]:
            for zx, v in [(least, most), (most, least)]:
                p = one(rmsnorm(whole, e, zx=zx), [(t, [LONG])], max_batch=1)
                out.append(case(f"{t}, the longest row, all {v} at zero point {zx}, E {e}", p, 1, repeat(pack(t, [v]), LONG)))
    # A row of equal 65,535: D = (16,384·65,535)² + E, up to its top.
    least = LONG * 65535
    for root in [least + 1, least + 12345, 2**30 + 2**26, 1200000000]:
        for d in [root * root - 1, root * root, root * root + 2 * root]:
            if 0 < d - least * least <= MOST_E:
                p = one(rmsnorm(rq(65535, 13, out="i16"), d - least * least, zx=-32768), [("i16", [LONG])], max_batch=1)
                out.append(case(f"D = {root}²{d - root * root:+}", p, 1, repeat(pack("i16", [32767]), LONG)))
    for k in [1, 2, 3, 6, 11, 12, 13, 14, 20, 28, 29]:
        for d in around(2 ** (2 * k)) + [2 ** (2 * k - 1)]:
            if d <= MOST_E:
                p = one(rmsnorm(whole, d - 1), [("i8", [1])], max_batch=1)
                out.append(case(f"D = {d}, x' = 1", p, 1, i8(1)))
    out += spikes(rmsnorm, [
        (16385, 257763057601), (26711, 24037188976), (31067, 233224752440), (17919, 287781773127), (12831, 9997794742), (16911, 314846864004),
    ])  # fmt: skip
    out.append(case("ties of both signs, one element", one(rmsnorm(whole, 2**26 - 1), [("i8", [1])]), 2, i8(1, -1)))
    out.append(case("ties of both signs", one(rmsnorm(whole, 2**28 - 4), [("i8", [2])]), 1, i8(1, -1)))
    out.append(case("ties of both signs, ±3/2", one(rmsnorm(whole, 2**28 - 36), [("i8", [2])]), 1, i8(3, -3)))
    out += [
        refused("zx outside i8", one(rmsnorm(whole, zx=128), [("i8", [4])]), 24),
        refused("zx outside i16", one(rmsnorm(whole, zx=-32769), [("i16", [4])]), 24),
    ]
    return out


def topk_cases():
    out = []
    for t in WIDTH:
        least, most = LIMITS[t]
        rows = [
            [least] * 6, [most] * 6, [0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0],
            [least, most, least, most, 0, 0], [0, 0, 0, 0, 0, most], [-1, -1, -2, -1, -1, -1],
            [least, least, least, least, least, least + 1],
        ]  # fmt: skip
        for k in [1, 2, 5, 6]:
            out.append(case(f"{t} rows, k {k}", one(topk(k), [(t, [6])], max_batch=8), 8, raw(pack(t, sum(rows, [])))))
        out.append(case(f"{t}, one element a row", one(topk(1), [(t, [1])]), 3, noise(51, 3 * WIDTH[t])))
        out.append(case(f"{t}, inner rows", one(topk(3), [(t, [2, 3, 5])]), 2, noise(52, 60 * WIDTH[t])))
        out.append(case(f"{t}, k 64 of 64", one(topk(64), [(t, [64])]), 2, noise(53, 128 * WIDTH[t])))
        out.append(case(f"{t}, k 64 of 5000", one(topk(64), [(t, [5000])], max_batch=1), 1, noise(54, 5000 * WIDTH[t])))
    out.append(case("k 64 of 5000 equal values", one(topk(64), [("i8", [5000])], max_batch=1), 1, fill(7, 5000)))
    out.append(case("a row longer than the row operators take", one(topk(2), [("i8", [40000])], max_batch=1), 1, noise(55, 40000)))
    out += sizes(lambda n: (one(topk(1), [("i8", [n, 2])], max_batch=1), noise(n, 2 * n), []), 4)
    x = [("i8", [100])]
    out += [
        refused("k of 0", one(topk(0), x), 24),
        refused("k of 65", one(topk(65), x), 24),
        refused("k of 255", one(topk(255), [("i8", [300])]), 24),
        refused("k above the row", one(topk(5), [("i8", [4])]), 24),
        refused("no axis but the batch", one(topk(1), [("i8", [])]), 23),
        refused("two operands", one(topk(1), [("i8", [4])] * 2), 17),
        refused("a constant operand", Program(x, [("i8", [4], None)], [(topk(1), [("const", 0)])], [0], 1), 19),
    ]
    return out
