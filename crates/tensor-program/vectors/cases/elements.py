"""Operators that map elements."""

from cases.common import *  # noqa: F403


def requantize_cases():
    out = []
    edge32 = [low("i32"), low("i32") + 1, -32769, -129, -1, 0, 1, 128, 32768, high("i32") - 1, high("i32")]
    for t in WIDTH:
        values = edge32 if t == "i32" else [low(t), low(t) + 1, -2, -1, 0, 1, 2, high(t) - 1, high(t)]
        data = raw(pack(t, values))
        for dst in WIDTH:
            for m, s in [(1, 0), (65535, 0), (0, 0), (0, 62), (65535, 62), (16384, 14), (32767, 20), (1, 1)]:
                out.append(case(f"{t} to {dst}, m {m}, s {s}", one(requantise(dst, (m, s)), [(t, [len(values)])]), 1, data))
            for zx, z in [(low(t), low(dst)), (high(t), high(dst)), (low(t), high(dst)), (high(t), low(dst))]:
                out.append(case(f"{t} to {dst}, zero points {zx} and {z}", one(requantise(dst, (40000, 17), z, zx=zx), [(t, [len(values)])]), 1, data))
    for s in [1, 2, 3]:
        out.append(case(f"ties at shift {s}", one(requantise("i8", (1, s)), [("i8", [15])]), 1, i8(*TIES)))
        out.append(case(f"ties at shift {s}, odd multiplier", one(requantise("i16", (3, s)), [("i8", [15])]), 1, i8(*TIES)))
    for v in [-128, 0, 127]:
        out.append(case(f"lo = hi = {v}", one(requantise("i8", (1, 0), lo=v, hi=v), [("i16", [3])]), 1, i16(-300, 0, 300)))
    out.append(case("ReLU by lo", one(requantise("i8", (1, 0), z=-128, lo=-128), [("i16", [4])]), 1, i16(-300, 0, 200, 300)))
    channel = requantise("i8", "channel")
    words = [0, -1, 0x0001_0001, 16384 | 14 << 16, 65535 | 62 << 16, 65535 | 63 << 16, -(2**31), 2**31 - 1]
    biases = [0, -1, 2**31 - 1, -(2**31), 77, -77, 1, 0]
    params = pack("i32", [v for pair in zip(biases, words) for v in pair])
    for t in WIDTH:
        rows = pack(t, (list(LIMITS[t]) + [0, 1, -1, 5, -5, 100]) * 3)
        for kind, constant, weights in [("inline", ("i32", [8, 2], params), []), ("root", ("i32", [8, 2], None), [raw(params)])]:
            out.append(case(f"per channel, {t}, {kind}", one(channel, [(t, [8])], [constant]), 3, raw(rows), weights))
    for seed in range(1, 5):
        p = one(requantise("i16", "channel", z=100, zx=-7), [("i32", [2, 5])], [("i32", [5, 2], None)])
        out.append(case(f"garbage params {seed}", p, 2, noise(seed, 80), [noise(seed + 100, 40)]))
    out += sizes(lambda n: (one(requantise("i8", (3, 2)), [("i16", [n])], max_batch=1), noise(n, 2 * n), []))

    x = [("i8", [4])]
    out += [
        refused("s of 63", one(requantise("i8", (1, 63)), x), 24),
        refused("zx outside i8", one(requantise("i8", (1, 0), zx=128), x), 24),
        refused("z outside the output type", one(requantise("i8", (1, 0), z=128), x), 24),
        refused("lo outside the output type", one(requantise("i8", (1, 0), lo=-129), x), 24),
        refused("hi outside the output type", one(requantise("i16", (1, 0), hi=32768), x), 24),
        refused("lo above hi", one(requantise("i8", (1, 0), lo=1, hi=0), x), 24),
        refused("params where the scale is the tensor's", one(requantise("i8", (1, 0)), x, [("i32", [4, 2], None)]), 17),
        refused("no params where the scale is per channel", one(channel, x), 17),
        refused("params of another length", one(channel, x, [("i32", [3, 2], None)]), 23),
        refused("params of another type", one(channel, x, [("i16", [4, 2], None)]), 22),
        refused("per channel without an axis", one(channel, [("i8", [])], [("i32", [1, 2], None)]), 23),
        refused("params that are an activation", one(channel, [("i32", [4, 2]), ("i8", [4])]), 20),
    ]
    return out


def lut8_cases():
    out = []
    every = raw(bytes(range(256)))
    for t in WIDTH:
        table = noise(31, 256 * WIDTH[t])
        out.append(case(f"every value, {t}, root", one({"op": "Lut8"}, [("i8", [256])], [(t, [256], None)]), 1, every, [table]))
        out.append(case(f"every value, {t}, inline", one({"op": "Lut8"}, [("i8", [64])], [(t, [256], expand(table))]), 4, every))
    x, table = [("i8", [4])], ("i8", [256], None)
    out += sizes(lambda n: (one({"op": "Lut8"}, [("i8", [n])], [table], 1), noise(n, n), [noise(n + 1, 256)]))
    out += [
        refused("an i16 operand", one({"op": "Lut8"}, [("i16", [4])], [table]), 22),
        refused("a table of 257 entries", one({"op": "Lut8"}, x, [("i8", [257], None)]), 23),
        refused("a table of rank 2", one({"op": "Lut8"}, x, [("i8", [16, 16], None)]), 23),
        refused("no table", one({"op": "Lut8"}, x), 17),
        refused("a table that is an activation", one({"op": "Lut8"}, [("i8", [4]), ("i8", [256])]), 20),
    ]
    return out


def clamp_cases():
    out = []
    for t in WIDTH:
        least, most = LIMITS[t]
        values = [least, least + 1, -3, -1, 0, 1, 3, most - 1, most]
        for lo, hi in [(least, most), (0, 0), (least, least), (most, most), (-1, 1), (0, most), (least, 0)]:
            out.append(case(f"{t} to {lo}..{hi}", one(clamp(lo, hi), [(t, [9])]), 1, raw(pack(t, values))))
    out.append(case("no axis but the batch", one(clamp(-1, 1), [("i8", [])]), 3, i8(-5, 0, 5)))
    for lo, hi in [(-129, 0), (0, 128), (1, 0)]:
        out.append(refused(f"i8 to {lo}..{hi}", one(clamp(lo, hi), [("i8", [3])]), 24))
    for size in [1, 1023, 1024, 1025, 2047, 2048, 2049, 3 * 1024, 3 * 1024 + 1, 4 * 1024 + 1, 7 * 1024, 8 * 1024, 9 * 1024, 15 * 1024, 17 * 1024, 33 * 1024 + 1]:
        out.append(case(f"a tensor of {size} bytes", one(clamp(-100, 100), [("i8", [size])], max_batch=1), 1, noise(size, size)))
    out.append(case("samples across a chunk border", one(clamp(-100, 100), [("i8", [1023])]), 3, noise(41, 3 * 1023)))
    return out


def unary_refusals(op, t="i8"):
    return [
        refused("no operand", one(op, [(t, [4])], operands=[]), 17),
        refused("two operands", one(op, [(t, [4]), (t, [4])]), 17),
        refused("a constant", Program([(t, [4])], [(t, [4], None)], [(op, [("const", 0)])], [0], 1), 19),
    ]


def edges(t):
    """Least, greatest and small elements of a type."""
    least, most = LIMITS[t]
    return [least, least + 1, -3, -1, 0, 1, 3, most - 1, most]


def addbias_cases():
    op = {"op": "AddBias"}
    least, most = LIMITS["i32"]
    values = edges("i32")
    n = len(values)
    out = []
    for bias in [least, -1, 0, 1, most]:
        p = one(op, [("i32", [n])], [("i32", [n], None)])
        out.append(case(f"bias {bias}", p, 1, i32(*values), [i32(*[bias] * n)]))
    p = one(op, [("i32", [2, 3, 5])], [("i32", [5], pack("i32", [least, -7, 0, 7, most]))])
    out.append(case("inner rows, inline", p, 2, noise(1, 240)))
    for seed in range(2, 6):
        p = one(op, [("i32", [3, 4])], [("i32", [4], None)])
        out.append(case(f"garbage {seed}", p, 3, noise(seed, 144), [noise(seed + 90, 16)]))
    out.append(case("one element", one(op, [("i32", [1])], [("i32", [1], None)]), 4, i32(least, -1, 1, most), [i32(-1)]))

    def sized(n):
        return one(op, [("i32", [n])], [("i32", [n], None)], 1), noise(n, 4 * n), [noise(n + 1, 4 * n)]

    out += sizes(sized, 4)
    x, bias = [("i32", [4])], ("i32", [4], None)
    out += [
        refused("an i8 operand", one(op, [("i8", [4])], [bias]), 22),
        refused("an i16 operand", one(op, [("i16", [4])], [bias]), 22),
        refused("an i8 bias", one(op, x, [("i8", [4], None)]), 22),
        refused("a bias of another length", one(op, x, [("i32", [3], None)]), 23),
        refused("a bias of rank 2", one(op, x, [("i32", [1, 4], None)]), 23),
        refused("a bias that is an activation", one(op, [("i32", [4]), ("i32", [4])]), 20),
        refused("a constant operand", Program(x, [bias, bias], [(op, [("const", 0), ("const", 1)])], [0], 1), 19),
        refused("no axis but the batch", one(op, [("i32", [])], [("i32", [1], None)]), 23),
        refused("no bias", one(op, x), 17),
        refused("three operands", one(op, x, [bias, bias]), 17),
    ]
    return out


# Left shape, right shape, and whether left or right is a constant.
SPREADS = [
    ([2, 3], [3], "b"), ([2, 3], [1], "b"), ([2, 3], [], "b"), ([2, 3], [2, 1], "b"),
    ([3], [2, 3], "a"), ([], [2, 3], "a"), ([1, 3], [2, 1], "a"), ([2, 1], [1, 3], ""),
    ([2, 3, 1, 2], [1, 3, 4, 1], ""), ([1, 1], [2, 3], ""), ([1], [5], "b"), ([], [], "b"),
    ([2, 1, 3], [4, 1], "b"),
]  # fmt: skip


def spread_cases(make, ta, tb):
    """Broadcasting between activations, and with a constant on either side."""
    out = []
    for i, (a, b, constant) in enumerate(SPREADS):
        inputs, constants, operands = [], [], []
        for name, t, shape in [("a", ta, a), ("b", tb, b)]:
            if name == constant:
                operands.append(("const", 0))
                constants.append((t, shape, None))
            else:
                operands.append(("input", len(inputs)))
                inputs.append((t, shape))
        if len(inputs) == 2 and WIDTH[inputs[0][0]] < WIDTH[inputs[1][0]]:
            inputs.reverse()
            operands = [("input", 1), ("input", 0)]
        size = 3 * sum(product(s) * WIDTH[t] for t, s in inputs)
        weights = [noise(i + 40, product(s) * WIDTH[t]) for t, s, _ in constants]
        named = f"{a} and {b}" + (f", {constant} constant" if constant else "")
        out.append(case(f"shapes {named}", one(make, inputs, constants, operands=operands), 3, noise(i + 60, size), weights))
    return out


def spread_refusals(make, t):
    """Shapes that do not spread, and operands that are all constants."""
    out = []
    for a, b in [([2, 3], [2, 2]), ([3], [2]), ([2, 3], [3]), ([1, 1, 3], [3])]:
        out.append(refused(f"activations {a} and {b}", one(make, [(t, a), (t, b)]), 23))
    out += [
        refused("a constant of a rank above the activation's", one(make, [(t, [3])], [(t, [1, 3], None)]), 23),
        refused("a constant that does not spread", one(make, [(t, [2, 3])], [(t, [2], None)]), 23),
        refused("two constants", Program([(t, [3])], [(t, [3], None)], [(make, [("const", 0), ("const", 0)])], [0], 1), 19),
        refused("one operand", one(make, [(t, [3])]), 17),
        refused("three operands", one(make, [(t, [3])] * 3), 17),
    ]
    return out


def paired(make, ta, tb, a, b):
    """A program over every pair of two lists of elements."""
    inputs, data = [(ta, [len(a), 1]), (tb, [1, len(b)])], [pack(ta, a), pack(tb, b)]
    operands = [("input", 0), ("input", 1)]
    if WIDTH[ta] < WIDTH[tb]:
        inputs.reverse(), data.reverse(), operands.reverse()
    return one(make, inputs, operands=operands), 1, raw(b"".join(data))


def add_cases():
    out = []
    for ta in WIDTH:
        for tb in WIDTH:
            for t in WIDTH:
                p = paired(add(3, -5, 2, out=t), ta, tb, edges(ta), edges(tb))
                out.append(case(f"{ta} and {tb} to {t}", *p))
    most = 2**30
    for t in WIDTH:
        for ma, mb in [(most, most), (-most, most), (most, -most), (-most, -most), (0, 0), (most, 0), (0, -most)]:
            for s in [0, 62] if t == "i8" else [31]:
                p = paired(add(ma, mb, s, out=t), "i32", "i32", LIMITS["i32"], LIMITS["i32"])
                out.append(case(f"multipliers {ma} and {mb}, s {s}, {t}", *p))
    for t in ["i8", "i16"]:
        for za in LIMITS[t]:
            for zb in LIMITS[t]:
                p = paired(add(20000, 30000, 16, za, zb, out=t), t, t, edges(t), edges(t))
                out.append(case(f"{t}, zero points {za} and {zb}", *p))
    for s in [1, 2, 3]:
        out.append(case(f"ties at shift {s}", *paired(add(1, 1, s), "i8", "i8", TIES, [-1, 0, 1])))
        out.append(case(f"ties at shift {s}, negative multipliers", *paired(add(-1, -3, s), "i8", "i8", TIES, [-1, 0, 1])))
    for z in LIMITS["i8"]:
        out.append(case(f"z {z}", *paired(add(1, 1, 0, z=z), "i8", "i8", edges("i8"), edges("i8"))))
    for v in [-128, 0, 127]:
        out.append(case(f"lo = hi = {v}", *paired(add(1, 1, 0, lo=v, hi=v), "i8", "i8", edges("i8"), edges("i8"))))
    out.append(case("subtraction", *paired(add(1, -1, 0, out="i16"), "i8", "i8", edges("i8"), edges("i8"))))
    out.append(case("negation", one(add(-1, 0, 0), [("i8", [9])], [("i8", [], None)]), 1, i8(*edges("i8")), [i8(77)]))
    same = Program([("i8", [9])], [], [(add(1, 1, 1), [("input", 0), ("input", 0)])], [0], 1)
    out.append(case("the same operand twice", same, 1, i8(*edges("i8"))))
    out += spread_cases(add(3, 7, 3, out="i16"), "i16", "i8")
    for seed in range(20, 24):
        p = one(add(-(seed << 20), seed << 22, 30, out="i32"), [("i32", [3, 5])], [("i32", [5], None)])
        out.append(case(f"garbage {seed}", p, 2, noise(seed, 120), [noise(seed + 9, 20)]))

    def sized(n):
        return one(add(1, 1, 1), [("i8", [n])], [("i8", [n], None)], 1), noise(n, n), [noise(n + 1, n)]

    out += sizes(sized)
    x = [("i8", [4]), ("i8", [4])]
    out += refused_last_steps(lambda q: one(add(1, 1, q["s"], 0, 0, q["z"], q["lo"], q["hi"], q["out"]), x), i32=True)
    out += spread_refusals(add(1, 1, 0), "i8")
    wide = [("i32", [4]), ("i32", [4])]
    out += [
        refused("za outside i8", one(add(1, 1, 0, za=-129), x), 24),
        refused("zb outside i8", one(add(1, 1, 0, zb=128), x), 24),
        refused("za of an i32", one(add(1, 1, 0, za=1), wide), 24),
        refused("zb of an i32", one(add(1, 1, 0, zb=-1), wide), 24),
        refused("ma above 2^30", one(add(most + 1, 1, 0), x), 24),
        refused("ma below -2^30", one(add(-most - 1, 1, 0), x), 24),
        refused("mb above 2^30", one(add(1, most + 1, 0), x), 24),
        refused("mb of -2^31", one(add(1, -(2**31), 0), x), 24),
    ]
    return out


def mul_cases():
    out = []
    for ta in ["i8", "i16"]:
        for tb in ["i8", "i16"]:
            for t in ["i8", "i16"]:
                out.append(case(f"{ta} and {tb} to {t}", *paired(mul(rq(77, 12, out=t)), ta, tb, edges(ta), edges(tb))))
            for za in LIMITS[ta]:
                for zb in LIMITS[tb]:
                    p = paired(mul(rq(33333, 40, out="i16"), za, zb), ta, tb, edges(ta), edges(tb))
                    out.append(case(f"{ta} and {tb}, zero points {za} and {zb}", *p))
    for name, q in last_steps():
        out.append(case(name, *paired(mul(q, 1, -1), "i16", "i16", edges("i16"), edges("i16"))))
    for s in [1, 2, 3]:
        out.append(case(f"ties at shift {s}", *paired(mul(rq(1, s)), "i8", "i8", TIES, [-1, 1, 3])))
    most = paired(mul(rq(65535, 62, out="i16"), -32768, -32768), "i16", "i16", [32767], [32767])
    out.append(case("the largest product", *most))
    out += spread_cases(mul(rq(1, 6, out="i16"), 3, -4), "i16", "i8")

    def sized(n):
        return one(mul(rq(1, 7)), [("i8", [n])], [("i8", [n], None)], 1), noise(n, n), [noise(n + 1, n)]

    out += sizes(sized)
    x = [("i8", [4]), ("i8", [4])]
    out += refused_last_steps(lambda q: one(mul(q), x))
    out += spread_refusals(mul(rq(1, 0)), "i8")
    out += [
        refused("za outside i8", one(mul(rq(1, 0), za=128), x), 24),
        refused("zb outside i8", one(mul(rq(1, 0), zb=-129), x), 24),
        refused("an i32 on the left", one(mul(rq(1, 0)), [("i32", [4]), ("i8", [4])]), 22),
        refused("an i32 on the right", one(mul(rq(1, 0)), [("i8", [4])], [("i32", [4], None)]), 22),
    ]
    return out


def abs_cases():
    op = {"op": "Abs"}
    out = []
    for t in WIDTH:
        out.append(case(t, one(op, [(t, [9])]), 1, of_type(t, *edges(t))))
        out.append(case(f"{t}, noise", one(op, [(t, [2, 7])]), 3, noise(4, 42 * WIDTH[t])))
    out.append(case("no axis but the batch", one(op, [("i8", [])]), 3, i8(-128, -1, 127)))
    out += sizes(lambda n: (one(op, [("i8", [n])], max_batch=1), noise(n, n), []))
    return out + unary_refusals(op)


def select_cases():
    op = {"op": "Select"}
    out = []
    for t in WIDTH:
        inputs = [(t, [6]), (t, [6]), ("i8", [6])]
        p = one(op, inputs, operands=[("input", 2), ("input", 0), ("input", 1)])
        least, most = LIMITS[t]
        data = pack(t, [least] * 6) + pack(t, [most] * 6) + pack("i8", [-128, -1, 0, 1, 2, 127])
        out.append(case(f"{t}, every kind of condition", p, 1, raw(data)))
    for c, a, b in [([2, 1], [1, 3], [2, 3]), ([2, 3], [1, 1], [1, 3]), ([1, 1], [1, 1], [2, 3])]:
        inputs = [("i16", a), ("i16", b), ("i8", c)]
        p = one(op, inputs, operands=[("input", 2), ("input", 0), ("input", 1)])
        size = 2 * (2 * product(a) + 2 * product(b) + product(c))
        out.append(case(f"shapes {c}, {a} and {b}", p, 2, noise(5, size)))
    c, a, b = ("input", 0), ("const", 0), ("const", 1)
    p = one(op, [("i8", [2, 3])], [("i32", [3], None), ("i32", [], None)], operands=[c, a, b])
    out.append(case("two constants", p, 3, repeat(b"\0\1\2", 6), [noise(6, 12), i32(-5)]))
    p = one(op, [("i32", [2, 3])], [("i8", [2, 1], None), ("i32", [1], None)], operands=[a, ("input", 0), b])
    out.append(case("a constant condition", p, 3, noise(7, 72), [i8(0, -1), i32(9)]))
    p = one(op, [("i16", [1, 3])], [("i8", [4, 1], None)], operands=[a, ("input", 0), ("input", 0)])
    out.append(case("a condition that spreads the value", p, 2, noise(8, 12), [noise(9, 4)]))

    def sized(n):
        p = one(op, [("i8", [n])], [("i8", [1], None), ("i8", [n], None)], 1, operands=[("input", 0), a, b])
        return p, noise(n, n), [i8(3), noise(n + 1, n)]

    out += sizes(sized)
    x = [("i8", [4])] * 3
    out += [
        refused("a wide condition", one(op, [("i16", [4]), ("i8", [4]), ("i8", [4])]), 22),
        refused("two types", one(op, [("i16", [4]), ("i8", [4]), ("i8", [4])], operands=[("input", 1), ("input", 0), ("input", 2)]), 22),
        refused("shapes that do not spread", one(op, [("i8", [4]), ("i8", [4]), ("i8", [3])]), 23),
        refused("activations of two ranks", one(op, [("i8", [1, 4]), ("i8", [4]), ("i8", [1, 4])]), 23),
        refused("three constants", one(op, x[:1], [("i8", [4], None)] * 3, operands=[("const", i) for i in range(3)]), 19),
        refused("two operands", one(op, x[:2]), 17),
        refused("four operands", one(op, [("i8", [4])] * 4), 17),
    ]
    return out


def lut16_cases():
    op = {"op": "Lut16"}
    out = []
    table = ("i16", [513], None)
    ends = repeat(pack("i16", [-32768, 32767]), 256)
    tables = [
        ("noise", noise(32, 1026)),
        ("from end to end", join(ends, i16(-32768))),
        ("from end to end, the other way", join(i16(32767), ends)),
        ("rising", ramp("i16", -32768, 128, 513)),
        ("falling", ramp("i16", 32767, -128, 513)),
        ("steps of one", ramp("i16", -256, 1, 513)),
        ("lowest", repeat(pack("i16", [-32768]), 513)),
        ("highest", repeat(pack("i16", [32767]), 513)),
    ]
    for name, data in tables:
        out.append(case(f"every 19th value, {name}", one(op, [("i16", [3450])], [table]), 1, ramp("i16", -32768, 19, 3450), [data]))
    out.append(case("every value", one(op, [("i16", [65536])], [table], 1), 1, ramp("i16", -32768, 1, 65536), [noise(33, 1026)]))
    ties = [0, 1, 0, -1, 0, 3, 0, -3, 0] * 57
    values = [128 * j + f for j in range(8) for f in (0, 1, 21, 22, 63, 64, 65, 127)]
    data = raw(pack("i16", [v - 32768 for v in values]))
    out.append(case("ties of both signs", one(op, [("i16", [64])], [("i16", [513], pack("i16", ties))]), 1, data))
    edge = i16(-32768, -32767, -32641, -32640, -1, 0, 1, 32639, 32640, 32766, 32767)
    out.append(case("ends of the table", one(op, [("i16", [11])], [table]), 1, edge, [noise(34, 1026)]))
    out.append(case("inner axes", one(op, [("i16", [2, 3, 2])], [table]), 3, noise(35, 72), [noise(36, 1026)]))
    out += sizes(lambda n: (one(op, [("i16", [n])], [table], 1), noise(n, 2 * n), [noise(37, 1026)]), 2)
    x = [("i16", [4])]
    out += [
        refused("an i8 operand", one(op, [("i8", [4])], [table]), 22),
        refused("an i32 operand", one(op, [("i32", [4])], [table]), 22),
        refused("a table of i8", one(op, x, [("i8", [513], None)]), 22),
        refused("a table of i32", one(op, x, [("i32", [513], None)]), 22),
        refused("a table of 512 entries", one(op, x, [("i16", [512], None)]), 23),
        refused("a table of 514 entries", one(op, x, [("i16", [514], None)]), 23),
        refused("a table of rank 2", one(op, x, [("i16", [513, 1], None)]), 23),
        refused("no table", one(op, x), 17),
        refused("a table that is an activation", one(op, [("i16", [4]), ("i16", [513])]), 20),
        refused("a constant operand", Program(x, [table, ("i16", [4], None)], [(op, [("const", 1), ("const", 0)])], [0], 1), 19),
    ]
    return out
