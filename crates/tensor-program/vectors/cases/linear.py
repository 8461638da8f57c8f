"""MatMul, BatchMatMul, Conv2d."""

from cases.common import *  # noqa: F403
from operators import window_out


def matmul_cases():
    out = []

    def linear(op, k, n, more=(), t="i8", **kwargs):
        return one(op, [(t, [k])], [("i8", [n, k], None), *more], **kwargs)

    k, n, batch = 7, 5, 2
    for za in [-128, -1, 0, 127]:
        for zb in [-128, 0, 3, 127]:
            p = linear(matmul(za, zb), k, n)
            out.append(case(f"raw, zero points {za} and {zb}", p, batch, noise(1, k * batch), [noise(2, k * n)]))
        p = linear(matmul(za, "channel"), k, n, [("i8", [n], None)])
        out.append(case(f"raw, zero point {za} and one per channel", p, batch, noise(3, k * batch), [noise(4, k * n), i8(-128, 127, 0, 1, -1)]))
    for a in [0x80, 0x7F, 0]:
        for b in [0x80, 0x7F]:
            p = linear(matmul(0, 0), 33, 2)
            out.append(case(f"operands all {a:02x} and {b:02x}", p, 1, fill(a, 33), [fill(b, 66)]))

    for m, s in [(1, 0), (65535, 0), (0, 0), (65535, 62), (1, 1), (1, 2), (16384, 22), (32767, 24)]:
        for dst in ["i8", "i16"]:
            p = linear(matmul(5, -3, epilogue=req((m, s), out=dst)), k, n)
            out.append(case(f"{dst} output, m {m}, s {s}", p, batch, noise(5, k * batch), [noise(6, k * n)]))
    ties = one(matmul(epilogue=req((1, 1))), [("i8", [1])], [("i8", [1, 1], b"\1")], max_batch=16)
    out.append(case("ties of both signs", ties, 15, i8(*TIES)))
    for z, lo, hi in [(-128, -128, 127), (127, -128, 127), (0, 0, 127), (0, 5, 5), (-128, -128, -128), (10, -20, 20)]:
        p = linear(matmul(1, 1, epilogue=req((20000, 20), z, lo, hi)), k, n)
        out.append(case(f"z {z}, lo {lo}, hi {hi}", p, batch, noise(7, k * batch), [noise(8, k * n)]))

    words = [0, -1, 65535, 16384 | 22 << 16, 65535 | 63 << 16]
    biases = [0, 2**31 - 1, -(2**31), 1000, -1000]
    params = raw(pack("i32", [v for pair in zip(biases, words) for v in pair]))
    more = [("i32", [n, 2], None)]
    for label, op in [
        ("raw with bias, saturated", matmul(-128, 127, True)),
        ("bias, one scale", matmul(0, 0, True, req((16384, 22)))),
        ("bias and scale per channel", matmul(-5, 9, True, req("channel"))),
        ("bias and scale per channel, i16", matmul(-5, 9, True, req("channel", out="i16"))),
    ]:
        p = linear(op, k, n, more)
        out.append(case(label, p, batch, noise(9, k * batch), [noise(10, k * n), params]))
    for seed in range(20, 26):
        p = linear(matmul(-7, "channel", True, req("channel", z=3)), k, n, [("i8", [n], None), *more])
        out.append(case(f"garbage constants {seed}", p, batch, noise(seed, k * batch), [noise(seed + 50, k * n), noise(seed + 60, n), noise(seed + 70, 8 * n)]))

    for t in WIDTH:
        p = linear(matmul(2, "channel", True, req("channel", lut=True)), k, n, [("i8", [n], None), *more, (t, [256], None)])
        out.append(case(f"table of {t}", p, batch, noise(11, k * batch), [noise(12, k * n), noise(13, n), noise(14, 8 * n), noise(15, 256 * WIDTH[t])]))
    p = linear(matmul(2, 3, epilogue=req((30000, 20), 3, -20, 30, lut=True)), k, n, [("i8", [256], None)])
    out.append(case("table after clipping", p, batch, noise(11, k * batch), [noise(12, k * n), noise(15, 256)]))
    lut = one(matmul(epilogue=req((1, 0), lut=True)), [("i8", [1])], [("i8", [1, 1], b"\1"), ("i16", [256], None)], max_batch=256)
    out.append(case("every entry of a table", lut, 256, raw(bytes(range(256))), [noise(16, 512)]))

    for zb in [-128, 0, 127]:
        for label, data in [("noise", noise(17, 4 * k)), ("lowest", raw(pack("i16", [-32768] * 2 * k))), ("highest", raw(pack("i16", [32767] * 2 * k)))]:
            p = linear(matmul(0, zb, True, req((32767, 30), out="i16")), k, n, more, t="i16")
            out.append(case(f"i16 left side, zb {zb}, {label}", p, 2, data, [noise(18, k * n), params]))
    p = linear(matmul(0, "channel", True, req("channel", lut=True)), k, n, [("i8", [n], None), *more, ("i8", [256], None)], t="i16")
    out.append(case("i16 left side, everything", p, 2, noise(19, 4 * k), [noise(20, k * n), noise(21, n), noise(22, 8 * n), noise(23, 256)]))

    p = one(matmul(3, 4), [("i8", [2, 3, 4])], [("i8", [2, 4], None)])
    out.append(case("leading axes", p, 3, noise(24, 72), [noise(25, 8)]))
    p = Program([("i16", [2]), ("i8", [3])], [("i8", [2, 3], None)], [(matmul(1, 2), [("input", 1), ("const", 0)])], [0], 2)
    out.append(case("the second of two inputs", p, 2, noise(26, 14), [noise(27, 6)]))

    k = bound(-128, 127)
    for a, b in [(0x80, 0x80), (0x80, 0x7F), (0x7F, 0x80), (0x7F, 0x7F)]:
        p = linear(matmul(-128, 127), k, 1, max_batch=1)
        out.append(case(f"K at its bound, operands all {a:02x} and {b:02x}", p, 1, fill(a, k), [fill(b, k)]))
    p = linear(matmul(-128, 127, True), k, 1, [("i32", [1, 2], None)], max_batch=1)
    for bias in LIMITS["i32"]:
        out.append(case(f"K at its bound, bias {bias}", p, 1, fill(0x7F, k), [fill(0x80 if bias < 0 else 0x7F, k), i32(bias, 0)]))
    for za, zb in [(-128, 127), (127, -128)]:
        out.append(refused(f"K above its bound, zero points {za} and {zb}", linear(matmul(za, zb), bound(za, zb) + 1, 1), 25))
    for za, zb in [(0, 0), (-1, -1), (0, "channel"), (-128, 0)]:
        more = [("i8", [1], None)] if zb == "channel" else []
        out.append(refused(f"K at its bound but not judgeable, zero points {za} and {zb}", linear(matmul(za, zb), bound(za, zb), 1, more), 26))
        out.append(refused(f"K above its bound, zero points {za} and {zb}", linear(matmul(za, zb), bound(za, zb) + 1, 1, more), 25))
    wide = matmul(epilogue=req((1, 30), out="i8"))
    out.append(refused("i16 left side, K at its bound but not judgeable", linear(wide, 65024, 1, t="i16"), 26))
    out.append(refused("i16 left side, K above its bound", linear(wide, 65025, 1, t="i16"), 25))
    narrow = matmul(epilogue=req((1, 25)))
    for t, op, width in [("i8", narrow, 1), ("i16", wide, 2)]:
        k = longest_judgeable(width, 4)
        out.append(case(f"the longest judgeable K of {t}, {k}", linear(op, k, 1, t=t), 2, noise(28, 2 * k * width), [noise(29, k)]))
        out.append(refused(f"one above the longest judgeable K of {t}", linear(op, k + 1, 1, t=t), 26))

    def sized(n):
        return one(matmul(1, 2, epilogue=req((30000, 20))), [("i8", [n, 3])], [("i8", [1, 3], None)], 1), noise(n, 3 * n), [noise(n + 1, 3)]

    out += sizes(sized)
    x, b = [("i8", [4])], ("i8", [3, 4], None)
    out += [
        refused("za on an i16 left side", one(matmul(1, 0, epilogue=req((1, 0))), [("i16", [4])], [b]), 24),
        refused("raw with an i16 left side", one(matmul(), [("i16", [4])], [b]), 24),
        refused("an i32 left side", one(matmul(), [("i32", [4])], [b]), 22),
        refused("an i16 right side", one(matmul(), x, [("i16", [3, 4], None)]), 22),
        refused("a right side of another K", one(matmul(), x, [("i8", [3, 5], None)]), 23),
        refused("a right side of rank 3", one(matmul(), x, [("i8", [1, 3, 4], None)]), 23),
        refused("a right side that is an activation", one(matmul(), [("i8", [4]), ("i8", [3, 4])]), 20),
        refused("a left side that is a constant", Program([("i8", [4])], [b, ("i8", [4], None)], [(matmul(), [("const", 1), ("const", 0)])], [0], 1), 19),
        refused("a left side without an axis", one(matmul(), [("i8", [])], [("i8", [3, 1], None)]), 23),
        refused("a missing operand", one(matmul(params=True), x, [b]), 17),
        refused("an operand too many", one(matmul(), x, [b, b]), 17),
        refused("zero points of another length", one(matmul(0, "channel"), x, [b, ("i8", [4], None)]), 23),
        refused("zero points of another type", one(matmul(0, "channel"), x, [b, ("i32", [3], None)]), 22),
        refused("params of another length", one(matmul(params=True), x, [b, ("i32", [4, 2], None)]), 23),
        refused("a scale per channel without params", one(matmul(epilogue=req("channel")), x, [b]), 24),
        refused("i32 output", one(matmul(epilogue=req((1, 0), out="i32")), x, [b]), 24),
        refused("a table after i16", one(matmul(epilogue=req((1, 0), out="i16", lut=True)), x, [b, ("i8", [256], None)]), 24),
        refused("a table of 255 entries", one(matmul(epilogue=req((1, 0), lut=True)), x, [b, ("i8", [255], None)]), 23),
        refused("s of 63", one(matmul(epilogue=req((1, 63))), x, [b]), 24),
        refused("z outside the output type", one(matmul(epilogue=req((1, 0), z=200)), x, [b]), 24),
        refused("lo above hi", one(matmul(epilogue=req((1, 0), lo=4, hi=3)), x, [b]), 24),
    ]
    return out


def batchmatmul_cases():
    out = []

    def product_of(op, a, b, t="i8", constants=(), max_batch=4):
        return one(op, [(t, a), ("i8", b)], constants, max_batch)

    def data(seed, a, b, batch, width=1):
        return noise(seed, batch * (width * product(a) + product(b)))

    a, b, batch = [2, 3, 7], [2, 4, 7], 2
    for za in [-128, -1, 0, 127]:
        for zb in [-128, 0, 3, 127]:
            out.append(case(f"raw, zero points {za} and {zb}", product_of(batchmatmul(za, zb), a, b), batch, data(1, a, b, batch)))
    for x in [0x80, 0x7F, 0]:
        for y in [0x80, 0x7F]:
            p = product_of(batchmatmul(), [2, 33], [3, 33])
            out.append(case(f"operands all {x:02x} and {y:02x}", p, 1, join(fill(x, 66), fill(y, 99))))
    for t in ["i8", "i16"]:
        for m, s in [(1, 0), (65535, 0), (0, 0), (65535, 62), (1, 1), (1, 2), (16384, 22), (32767, 24)]:
            p = product_of(batchmatmul(5, -3, req((m, s), out=t)), a, b)
            out.append(case(f"{t} output, m {m}, s {s}", p, batch, data(5, a, b, batch)))
    ties = product_of(batchmatmul(epilogue=req((1, 1))), [15, 1], [1, 1])
    out.append(case("ties of both signs", ties, 1, i8(*TIES, 1)))
    for z, lo, hi in [(-128, -128, 127), (127, -128, 127), (0, 0, 127), (0, 5, 5), (10, -20, 20)]:
        p = product_of(batchmatmul(1, 1, req((20000, 20), z, lo, hi)), a, b)
        out.append(case(f"z {z}, lo {lo}, hi {hi}", p, batch, data(7, a, b, batch)))
    for name, a, b in [
        ("no leading axis", [3, 5], [4, 5]),
        ("one row", [1, 5], [1, 5]),
        ("three heads read each", [6, 2, 5], [2, 3, 5]),
        ("one head for all", [5, 2, 4], [1, 3, 4]),
        ("two leading axes", [2, 3, 2, 4], [2, 3, 5, 4]),
        ("two leading axes, grouped heads", [4, 3, 2, 4], [2, 3, 5, 4]),
        ("three leading axes, grouped heads", [4, 2, 1, 2, 3], [1, 2, 1, 2, 3]),
    ]:
        out.append(case(name, product_of(batchmatmul(-3, 8), a, b), 3, data(8, a, b, 3)))
    for t in WIDTH:
        p = product_of(batchmatmul(2, 9, req((30000, 20), lut=True)), [2, 3, 5], [1, 2, 5], constants=[(t, [256], None)])
        out.append(case(f"table of {t}", p, 2, data(9, [2, 3, 5], [1, 2, 5], 2), [noise(10, 256 * WIDTH[t])]))
    p = product_of(batchmatmul(2, 9, req((30000, 20), 3, -20, 30, lut=True)), [2, 3, 5], [1, 2, 5], constants=[("i8", [256], None)])
    out.append(case("table after clipping", p, 2, data(9, [2, 3, 5], [1, 2, 5], 2), [noise(10, 256)]))
    for zb in [-128, 0, 127]:
        for name, value in [("lowest", -32768), ("highest", 32767), ("noise", None)]:
            for t in ["i8", "i16"]:
                p = product_of(batchmatmul(0, zb, req((32767, 24), out=t)), [2, 9], [3, 9], "i16")
                left = noise(11, 36) if value is None else repeat(pack("i16", [value]), 18)
                out.append(case(f"i16 left side to {t}, zb {zb}, {name}", p, 1, join(left, noise(12, 27))))
    p = product_of(batchmatmul(0, 5, req((30000, 26), lut=True)), [2, 2, 5], [1, 2, 5], "i16", [("i32", [256], None)])
    out.append(case("i16 left side, table", p, 2, data(13, [2, 2, 5], [1, 2, 5], 2, 2), [noise(14, 1024)]))
    same = Program([("i8", [3, 4])], [], [(batchmatmul(1, -1), [("input", 0), ("input", 0)])], [0], 2)
    out.append(case("the same operand twice", same, 2, noise(15, 24)))

    k = bound(-128, 127)
    for x, y in [(0x80, 0x80), (0x80, 0x7F), (0x7F, 0x80), (0x7F, 0x7F)]:
        p = product_of(batchmatmul(-128, 127), [1, k], [1, k], max_batch=1)
        out.append(case(f"K at its bound, operands all {x:02x} and {y:02x}", p, 1, join(fill(x, k), fill(y, k))))
    for za, zb in [(-128, 127), (127, -128), (0, 0), (-128, 0)]:
        k = bound(za, zb) + 1
        out.append(refused(f"K above its bound, zero points {za} and {zb}", product_of(batchmatmul(za, zb), [1, k], [1, k]), 25))
    k = bound(0, 0)
    out.append(refused("K at its bound but not judgeable", product_of(batchmatmul(), [1, k], [1, k]), 26))
    wide = batchmatmul(epilogue=req((1, 30)))
    out.append(refused("i16 left side, K at its bound but not judgeable", product_of(wide, [1, 65024], [1, 65024], "i16"), 26))
    out.append(refused("i16 left side, K above its bound", product_of(wide, [1, 65025], [1, 65025], "i16"), 25))

    for t in ["i8", "i16"]:
        wide = batchmatmul(epilogue=req((20000, 34 if t == "i8" else 42)))
        out += border(
            f"K, {t} left side",
            lambda k: judgeable([(4 * k * (1 + WIDTH[t]), touched(k * WIDTH[t])), (4 * k * (1 + WIDTH[t]), touched(k)), (4, 1)]),  # noqa: B023
            lambda k: product_of(wide, [1, k], [1, k], t),  # noqa: B023
            lambda k: (data(k, [1, k], [1, k], 1, WIDTH[t]), []),  # noqa: B023
            1, 40000,
        )  # fmt: skip

    def sized(n):
        return product_of(batchmatmul(1, 2, req((30000, 20))), [n, 3], [1, 3], max_batch=1), data(n, [n, 3], [1, 3], 1), []

    out += sizes(sized)
    a, b = [2, 3, 4], [2, 5, 4]
    out += refused_last_steps(lambda q: product_of(batchmatmul(epilogue=req((q["m"], q["s"]), q["z"], q["lo"], q["hi"], q["out"])), a, b))
    out += [
        refused("za on an i16 left side", product_of(batchmatmul(1, 0, req((1, 0))), a, b, "i16"), 24),
        refused("raw with an i16 left side", product_of(batchmatmul(), a, b, "i16"), 24),
        refused("a scale per channel", product_of(batchmatmul(epilogue=req("channel")), a, b), 24),
        refused("a table after i16", product_of(batchmatmul(epilogue=req((1, 0), out="i16", lut=True)), a, b, constants=[("i8", [256], None)]), 24),
        refused("a table of 255 entries", product_of(batchmatmul(epilogue=req((1, 0), lut=True)), a, b, constants=[("i8", [255], None)]), 23),
        refused("a table that is an activation", one(batchmatmul(epilogue=req((1, 0), lut=True)), [("i8", a), ("i8", b), ("i8", [256])]), 20),
        refused("no table", product_of(batchmatmul(epilogue=req((1, 0), lut=True)), a, b), 17),
        refused("params", product_of(batchmatmul(), a, b, constants=[("i32", [5, 2], None)]), 17),
        refused("one operand", one(batchmatmul(), [("i8", a)]), 17),
        refused("an i32 left side", product_of(batchmatmul(), a, b, "i32"), 22),
        refused("an i16 right side", one(batchmatmul(), [("i16", b), ("i8", a)], operands=[("input", 1), ("input", 0)]), 22),
        refused("a constant right side", one(batchmatmul(), [("i8", a)], [("i8", b, None)]), 19),
        refused("a constant left side", one(batchmatmul(), [("i8", b)], [("i8", a, None)], operands=[("const", 0), ("input", 0)]), 19),
        refused("another K", product_of(batchmatmul(), a, [2, 5, 3]), 23),
        refused("fewer axes on the right", product_of(batchmatmul(), a, [5, 4]), 23),
        refused("more axes on the right", product_of(batchmatmul(), a, [1, 2, 5, 4]), 23),
        refused("no axis for the rows", product_of(batchmatmul(), [4], [4]), 23),
        refused("no axis at all", product_of(batchmatmul(), [], []), 23),
        refused("heads that do not divide", product_of(batchmatmul(), [4, 3, 4], [3, 5, 4]), 23),
        refused("more heads on the right", product_of(batchmatmul(), [2, 3, 4], [4, 5, 4]), 23),
        refused("another second leading axis", product_of(batchmatmul(), [2, 4, 3, 4], [2, 2, 5, 4]), 23),
    ]
    return out


BORDERS = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 1, 1), (2, 0, 1, 3)]


def conv2d_cases():
    out = []

    def over(op, x, w, more=(), t="i8", max_batch=4):
        return one(op, [(t, x)], [("i8", w, None), *more], max_batch)

    def run(name, op, x, w, batch=2, seed=1, more=(), weights=(), data=None, right=None):
        data = data or noise(seed, batch * product(x))
        right = right or noise(seed + 1, product(w))
        out.append(case(name, over(op, x, w, more), batch, data, [right, *weights]))

    x, w = [4, 5, 3], [2, 3, 2, 3]
    for za in [-128, -1, 0, 127]:
        for zb in [-128, 0, 3, 127]:
            run(f"raw, zero points {za} and {zb}", conv(window(pad=(1, 1, 1, 1)), za=za, zb=zb), x, w)
        more = [("i8", [2], None)]
        run(f"raw, zero point {za} and one per channel", conv(window(pad=(0, 1, 0, 0)), za=za, zb="channel"), x, w, more=more, weights=[i8(-128, 127)])
    for a in [0x80, 0x7F, 0]:
        for b in [0x80, 0x7F]:
            run(f"operands all {a:02x} and {b:02x}", conv(window(pad=(1, 0, 0, 1))), x, w, 1, data=fill(a, 60), right=fill(b, 36))
    for pad in BORDERS:
        run(f"padding {pad}", conv(window(pad=pad), za=-7, zb=2), x, w)
        run(f"padding {pad}, stride 2 and 3", conv(window((2, 3), pad=pad), za=9), x, w)
        run(f"padding {pad}, dilation 2 and 3", conv(window(dilation=(2, 3), pad=(pad[0] + 1, pad[1], pad[2], pad[3])), za=9), x, [2, 2, 2, 3])
    run("a window that lies in the padding alone", conv(window(pad=(3, 3, 2, 2)), za=5), [2, 2, 1], [2, 2, 2, 1])
    run("a stride that leaves columns out", conv(window((3, 4))), [8, 9, 2], [1, 2, 2, 2])
    run("a window as large as the input", conv(), [3, 4, 2], [3, 3, 4, 2])
    run("a window as large as the padded input", conv(window(pad=(1, 2, 0, 1)), za=-128), [3, 4, 2], [3, 4, 7, 2])
    run("one by one", conv(za=1, zb=1), [3, 3, 5], [4, 1, 1, 5])
    run("stride, dilation and padding at their top", conv(window((255, 255), (255, 255), (255, 255, 255, 255))), [1, 1, 3], [2, 2, 2, 3])
    run("a tap in each corner of the padding", conv(window((1, 1), (2, 2), (2, 2, 2, 2))), [1, 1, 2], [1, 2, 2, 2])
    run("two groups", conv(window(pad=(1, 1, 1, 1)), 2, 3, -2), [3, 3, 4], [6, 3, 3, 2])
    run("depthwise", conv(window(pad=(1, 0, 1, 0)), 4, -5, 6), [3, 4, 4], [4, 2, 3, 1])
    run("depthwise, two outputs each", conv(window((2, 1)), 3, -5, 6), [5, 4, 3], [6, 2, 2, 1])
    run("groups with dilation", conv(window(dilation=(1, 2), pad=(0, 1, 0, 1)), 2, -128, 127), [3, 5, 4], [2, 2, 2, 2])

    for t in ["i8", "i16"]:
        for m, s in [(1, 0), (65535, 0), (0, 0), (65535, 62), (1, 1), (1, 2), (16384, 22), (32767, 24)]:
            run(f"{t} output, m {m}, s {s}", conv(window(pad=(1, 0, 0, 1)), 1, 5, -3, epilogue=req((m, s), out=t)), x, w)
    ties = over(conv(epilogue=req((1, 1))), [3, 5, 1], [1, 1, 1, 1])
    out.append(case("ties of both signs", ties, 1, i8(*TIES), [i8(1)]))
    for z, lo, hi in [(-128, -128, 127), (127, -128, 127), (0, 0, 127), (0, 5, 5), (10, -20, 20)]:
        run(f"z {z}, lo {lo}, hi {hi}", conv(window(pad=(1, 1, 1, 1)), 1, 1, 1, epilogue=req((20000, 20), z, lo, hi)), x, w)
    more, channels = [("i32", [4, 2], None)], [4, 2, 2, 3]
    words = [0, -1, 16384 | 22 << 16, 65535 | 63 << 16]
    params = raw(pack("i32", [v for pair in zip([2**31 - 1, -(2**31), 1000, -1000], words) for v in pair]))
    for name, op in [
        ("raw with bias, saturated", conv(window(pad=(1, 1, 1, 1)), 1, -128, 127, True)),
        ("bias, one scale", conv(params=True, epilogue=req((16384, 22)))),
        ("bias and scale per channel", conv(window(pad=(0, 0, 1, 0)), 1, -5, 9, True, req("channel"))),
        ("bias and scale per channel, i16", conv(window((2, 1)), 1, -5, 9, True, req("channel", out="i16"))),
    ]:
        run(name, op, x, channels, seed=9, more=more, weights=[params])
    for t in WIDTH:
        op = conv(window(pad=(1, 1, 0, 0)), 1, 2, "channel", True, req("channel", lut=True))
        everything = [("i8", [4], None), *more, (t, [256], None)]
        run(f"table of {t}", op, x, channels, seed=11, more=everything, weights=[noise(13, 4), noise(14, 32), noise(15, 256 * WIDTH[t])])
    op = conv(epilogue=req((30000, 20), 3, -20, 30, lut=True))
    run("table after clipping", op, x, channels, seed=16, more=[("i8", [256], None)], weights=[noise(17, 256)])
    for seed in range(20, 25):
        op = conv(window(pad=(1, 1, 1, 1)), 1, -7, "channel", True, req("channel", z=3))
        run(f"garbage constants {seed}", op, x, channels, seed=seed, more=[("i8", [4], None), *more], weights=[noise(seed + 60, 4), noise(seed + 70, 32)])

    k = bound(-128, 127)
    for a, b in [(0x80, 0x80), (0x80, 0x7F), (0x7F, 0x80), (0x7F, 0x7F)]:
        p = over(conv(za=-128, zb=127), [1, 1, k], [1, 1, 1, k], max_batch=1)
        out.append(case(f"K at its bound, operands all {a:02x} and {b:02x}", p, 1, fill(a, k), [fill(b, k)]))
    for za, zb in [(-128, 127), (127, -128), (0, 0), (-128, 0), (0, "channel")]:
        more = [("i8", [1], None)] if zb == "channel" else []
        k = bound(za, zb) + 1
        out.append(refused(f"K above its bound, zero points {za} and {zb}", over(conv(za=za, zb=zb), [1, 1, k], [1, 1, 1, k], more), 25))
        k = -(-k // 4)
        out.append(refused(f"K of four taps above its bound, zero points {za} and {zb}", over(conv(za=za, zb=zb), [2, 2, k], [1, 2, 2, k], more), 25))
    plain = conv(epilogue=req((20000, 34)))
    out += border(
        "K",
        lambda k: judgeable([(4 * k, touched(k)), (k, touched(k)), (4, 1)]),
        lambda k: over(plain, [1, 1, k], [1, 1, 1, k]),
        lambda k: (noise(k, k), [noise(k + 1, k)]),
        1, 40000,
    )  # fmt: skip
    for dilation in [1, 2]:
        far = conv(window(dilation=(dilation, dilation), pad=(2, 2, 2, 2)), epilogue=req((20000, 34)))

        def fits(c):
            x = [3, 5, c]
            taps_ = [(4 * product(x), n) for n in window_runs("i8", x, (3, 3), far["window"], c)]
            size = 4 * product(window_out(x, (3, 3), far["window"]))
            return judgeable([*taps_, (9 * c, touched(9 * c)), (size, 1)])

        out += border(
            f"channels, nine taps at distance {dilation}",
            fits,
            lambda c: over(far, [3, 5, c], [1, 3, 3, c]),  # noqa: B023
            lambda c: (noise(c, 15 * c), [noise(c + 1, 9 * c)]),
            1, 4000,
        )  # fmt: skip
    tall = conv(groups=6, epilogue=req((20000, 30)))
    out += border(
        "kernel height, one channel of six",
        lambda h: judgeable([
            *[(4 * h * 60, n) for n in window_runs("i8", [h, 10, 6], (h, 10), tall["window"], 1)],
            (6 * h * 10, touched(h * 10)), (24, 1),
        ]),
        lambda h: over(tall, [h, 10, 6], [6, h, 10, 1]),
        lambda h: (noise(h, 60 * h), [noise(h + 1, 60 * h)]),
        1, 2000,
    )  # fmt: skip
    out.append(refused("K at its bound but not judgeable", over(conv(), [1, 1, bound(0, 0)], [1, 1, 1, bound(0, 0)]), 26))
    out.append(refused("nine taps of 2,048 channels, dilated", over(conv(window(dilation=(2, 2))), [5, 5, 2048], [1, 3, 3, 2048]), 26))
    run("nine taps of 512 channels", conv(window(pad=(1, 1, 1, 1)), epilogue=req((20000, 30))), [2, 3, 512], [1, 3, 3, 512])
    run("nine taps of 512 channels, dilated", conv(window(dilation=(2, 2), pad=(2, 2, 2, 2)), epilogue=req((20000, 30))), [2, 3, 512], [1, 3, 3, 512])

    def sized(n):
        return over(conv(epilogue=req((30000, 20))), [1, n, 2], [1, 1, 1, 2], max_batch=1), noise(n, 2 * n), [i8(50, -70)]

    out += sizes(sized)
    x, w = [4, 4, 4], [2, 3, 3, 4]
    out += refused_last_steps(lambda q: over(conv(epilogue=req((q["m"], q["s"]), q["z"], q["lo"], q["hi"], q["out"])), x, w))
    out += [
        refused("a stride of 0 down", over(conv(window((0, 1))), x, w), 24),
        refused("a stride of 0 across", over(conv(window((1, 0))), x, w), 24),
        refused("a dilation of 0 down", over(conv(window(dilation=(0, 1))), x, w), 24),
        refused("a dilation of 0 across", over(conv(window(dilation=(1, 0))), x, w), 24),
        refused("groups of 0", over(conv(groups=0), x, w), 24),
        refused("groups that do not divide the inputs", over(conv(groups=3), x, [3, 3, 3, 1]), 24),
        refused("groups that do not divide the outputs", over(conv(groups=2), x, [3, 3, 3, 2]), 24),
        refused("a right side of all channels with groups", over(conv(groups=2), x, w), 23),
        refused("a right side of other channels", over(conv(), x, [2, 3, 3, 3]), 23),
        refused("a right side of rank 3", over(conv(), x, [3, 3, 4]), 23),
        refused("a right side of rank 5", over(conv(), x, [2, 3, 3, 4, 1]), 23),
        refused("an input of rank 2", over(conv(), [4, 4], w), 23),
        refused("an input of rank 4", over(conv(), [1, 4, 4, 4], w), 23),
        refused("a window higher than the padded input", over(conv(window(pad=(1, 0, 0, 0))), x, [2, 6, 3, 4]), 24),
        refused("a window wider than the padded input", over(conv(window(pad=(0, 0, 0, 1))), x, [2, 3, 6, 4]), 24),
        refused("a dilated window higher than the input", over(conv(window(dilation=(2, 1))), x, w), 24),
        refused("an i16 input", over(conv(epilogue=req((1, 0))), x, w, t="i16"), 22),
        refused("an i32 input", over(conv(epilogue=req((1, 0))), x, w, t="i32"), 22),
        refused("an i16 right side", one(conv(), [("i8", x)], [("i16", w, None)]), 22),
        refused("a right side that is an activation", one(conv(), [("i8", x), ("i8", w)]), 20),
        refused("a constant input", Program([("i8", x)], [("i8", x, None), ("i8", w, None)], [(conv(), [("const", 0), ("const", 1)])], [0], 1), 19),
        refused("a missing operand", over(conv(params=True), x, w), 17),
        refused("an operand too many", over(conv(), x, w, [("i32", [2, 2], None)]), 17),
        refused("zero points of another length", over(conv(zb="channel"), x, w, [("i8", [3], None)]), 23),
        refused("zero points of another type", over(conv(zb="channel"), x, w, [("i32", [2], None)]), 22),
        refused("params of another length", over(conv(params=True), x, w, [("i32", [3, 2], None)]), 23),
        refused("params of another type", over(conv(params=True), x, w, [("i16", [2, 2], None)]), 22),
        refused("a scale per channel without params", over(conv(epilogue=req("channel")), x, w), 24),
        refused("a table after i16", over(conv(epilogue=req((1, 0), out="i16", lut=True)), x, w, [("i8", [256], None)]), 24),
        refused("a table of 257 entries", over(conv(epilogue=req((1, 0), lut=True)), x, w, [("i8", [257], None)]), 23),
        refused("an output axis above 2^24", over(conv(window(pad=(0, 1, 0, 1)), epilogue=req((1, 30))), [1, 1 << 24, 1], [1, 1, 1, 1], max_batch=1), 12),
    ]
    return out
