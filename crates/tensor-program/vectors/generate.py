"""Writes the frozen vectors next to this file: `python3 generate.py`.

Expected values come from reference.py, never from the Rust crate. Changing a vector
is a new semantic version.
"""

import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
from reference import (  # noqa: E402
    Program, blake3, high, low, make_slice, output_root, pack, product, WIDTH,
)

HERE = pathlib.Path(__file__).parent
MAX_SUM = 2**30 - 2**23


# --- bytes --------------------------------------------------------------------


def fill(byte, count):
    return {"fill": byte, "len": count}


def noise(seed, count):
    """The upper bytes of a linear congruential generator."""
    return {"lcg": seed, "len": count}


def expand(spec):
    if "hex" in spec:
        return bytes.fromhex(spec["hex"])
    if "fill" in spec:
        return bytes([spec["fill"]]) * spec["len"]
    x, out = spec["lcg"], bytearray()
    for _ in range(spec["len"]):
        x = (x * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(x >> 56)
    return bytes(out)


def raw(data):
    return {"hex": data.hex()}


def i8(*values):
    return raw(pack("i8", values))


def i16(*values):
    return raw(pack("i16", values))


def i32(*values):
    return raw(pack("i32", values))


# --- cases --------------------------------------------------------------------


def case(name, program, batch, data, weights=()):
    weights = list(weights)
    blob, loaded = expand(data), [expand(w) for w in weights]
    nodes = program.run(batch, blob, loaded)
    roots = [blake3(n) for n in nodes]
    return {
        "name": name,
        "program": program.encoded().hex(),
        "program_hash": program.hash().hex(),
        "batch": batch,
        "input": data,
        "weights": weights,
        "nodes": [n.hex() if len(n) <= 512 else None for n in nodes],
        "roots": [r.hex() for r in roots],
        "trace_root": blake3(b"".join(roots)).hex(),
        "output_root": output_root(program.outputs, roots).hex(),
        "cost": program.cost(batch),
        "memory": program.memory(batch),
    }


def refused(name, program, code):
    data = program if isinstance(program, bytes) else program.encoded()
    return {"name": name, "program": data.hex(), "invalid": code}


def one(op, inputs, constants=(), max_batch=4, extra=()):
    """A program of one node that reads all inputs, then all constants."""
    operands = [("input", i) for i in range(len(inputs))]
    operands += [("const", i) for i in range(len(constants))]
    return Program(list(inputs), list(constants), [(op, operands), *extra], [0], max_batch)


LIMITS = {t: (low(t), high(t)) for t in WIDTH}
TIES = [-7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7]


def requantise(out, scale, z=0, lo=None, hi=None, zx=0):
    return {
        "op": "Requantize", "zx": zx, "scale": scale, "z": z, "out": out,
        "lo": low(out) if lo is None else lo, "hi": high(out) if hi is None else hi,
    }  # fmt: skip


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


def matmul(za=0, zb=0, params=False, epilogue="raw"):
    return {"op": "MatMul", "za": za, "zb": zb, "params": params, "epilogue": epilogue}


def req(scale, z=0, lo=None, hi=None, out="i8", lut=False):
    lo, hi = low(out) if lo is None else lo, high(out) if hi is None else hi
    return {"scale": scale, "z": z, "lo": lo, "hi": hi, "out": out, "lut": lut}


def reach(z):
    return 255 if z == "channel" else max(127 - z, z + 128)


def bound(za, zb):
    return MAX_SUM // (reach(za) * reach(zb))


def slice_bytes(tensor, chunks):
    depth = (max(1, -(-tensor // 1024)) - 1).bit_length()
    return 1024 * chunks + 32 * depth * min(chunks, 2)


def touched(length):
    return (length + 1022) // 1024 + 1


def longest_judgeable(width, batch):
    """The largest K with i8 output, N = 1, one row a sample and no other operand."""
    k = 1
    while True:
        step = k + 1
        total = slice_bytes(step * width * batch, touched(step * width)) + slice_bytes(step, touched(step))
        if total + slice_bytes(batch, 1) > 47 * 1024:
            return k
        k = step


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


def lut8_cases():
    out = []
    every = raw(bytes(range(256)))
    for t in WIDTH:
        table = noise(31, 256 * WIDTH[t])
        out.append(case(f"every value, {t}, root", one({"op": "Lut8"}, [("i8", [256])], [(t, [256], None)]), 1, every, [table]))
        out.append(case(f"every value, {t}, inline", one({"op": "Lut8"}, [("i8", [64])], [(t, [256], expand(table))]), 4, every))
    x, table = [("i8", [4])], ("i8", [256], None)
    out += [
        refused("an i16 operand", one({"op": "Lut8"}, [("i16", [4])], [table]), 22),
        refused("a table of 257 entries", one({"op": "Lut8"}, x, [("i8", [257], None)]), 23),
        refused("a table of rank 2", one({"op": "Lut8"}, x, [("i8", [16, 16], None)]), 23),
        refused("no table", one({"op": "Lut8"}, x), 17),
        refused("a table that is an activation", one({"op": "Lut8"}, [("i8", [4]), ("i8", [256])]), 20),
    ]
    return out


def clamp(lo, hi):
    return {"op": "Clamp", "lo": lo, "hi": hi}


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
    out += [
        refused("no axis but the batch", one(op, [("i8", [])]), 23),
        refused("two operands", one(op, [("i8", [4]), ("i8", [4])]), 17),
        refused("a constant", Program([("i8", [4])], [("i8", [4], None)], [(op, [("const", 0)])], [0], 1), 19),
    ]
    return out


def reshape(*shape):
    return {"op": "Reshape", "shape": list(shape)}


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


def program_cases():
    """Rules of the whole program, and of its encoding."""
    out = []
    x = [("i8", [4])]
    keep = clamp(-128, 127)
    good = one(keep, x).encoded()

    def nodes(count):
        ops = [(keep, [("input", 0)])] + [(keep, [("node", i)]) for i in range(count - 1)]
        return Program(x, [], ops, [count - 1], 4)

    many = Program([("i32", [1]), ("i32", [2]), ("i16", [3]), ("i8", [1])] + [("i8", [1])] * 12, [], [(keep | {"lo": 0}, [("input", 2)]), (keep, [("input", 3)]), (keep, [("input", 0)])], [2, 0, 1], 2)
    out.append(case("sixteen inputs, three outputs", many, 2, noise(71, 2 * (12 + 6 + 13))))
    out.append(case("1024 nodes", nodes(1024), 1, i8(-128, 0, 1, 127)))
    constants = [("i8", [], b"\0")] * 1023 + [("i8", [2], None)]
    unread = Program(x, constants, [(keep, [("input", 0)])], [0], 1)
    out.append(case("1024 constants that nobody reads", unread, 1, i8(1, 2, 3, 4), [i8(5, 6)]))
    every = Program(x, [], [(keep, [("input", 0)])] * 8, list(range(8)), 1)
    out.append(case("eight outputs", every, 1, i8(1, 2, 3, 4)))

    def sized(**kw):
        base = dict(inputs=x, constants=[], nodes=[(keep, [("input", 0)])], outputs=[0], max_batch=4)
        return Program(**(base | kw))

    big = 1 << 24
    out += [
        refused("no bytes", b"", 2),
        refused("cut short", good[:-1], 2),
        refused("a byte too many", good + b"\0", 3),
        refused("another operator", good.replace(b"\x07\x80\xff\xff\xff", b"\x63\x80\xff\xff\xff"), 2),
        refused("an element type that does not exist", good.replace(b"\x04\0\4\4\0\0\0", b"\x04\3\4\4\0\0\0"), 2),
        refused("a length in more bytes than it takes", good.replace(b"\x04\0\4\4\0\0\0", b"\x05\0\0\4\4\0\0\0"), 2),
        refused("a list longer than the bytes", struct.pack("<BI", 1, 1) + b"\xfe\xff\xff\xff", 2),
        refused("version 0", sized(version=0), 5),
        refused("version 2", sized(version=2), 5),
        refused("max_batch 0", sized(max_batch=0), 6),
        refused("max_batch above 2^24", sized(max_batch=big + 1), 6),
        refused("17 inputs", sized(inputs=x * 17), 2),
        refused("1025 constants", sized(constants=[("i8", [], None)] * 1025), 2),
        refused("1025 nodes", nodes(1025), 2),
        refused("no output", sized(outputs=[]), 10),
        refused("9 outputs", sized(outputs=[0] * 9), 2),
        refused("no node", sized(nodes=[]), 28),
        refused("an output that does not exist", sized(outputs=[1]), 28),
        refused("an output twice", sized(outputs=[0, 0]), 29),
        refused("a dead node", Program(x, [], [(keep, [("input", 0)])] * 2, [1], 1), 30),
        refused("a node that reads itself", sized(nodes=[(keep, [("node", 0)])]), 18),
        refused("a node that reads a later one", sized(nodes=[(keep, [("node", 1)]), (keep, [("input", 0)])]), 18),
        refused("an input that does not exist", sized(nodes=[(keep, [("input", 1)])]), 18),
        refused("a constant that does not exist", sized(nodes=[(keep, [("const", 0)])]), 18),
        refused("17 operands", sized(nodes=[(keep, [("input", 0)] * 17)]), 2),
        refused("no operand", sized(nodes=[(keep, [])]), 17),
        refused("an axis of 0", sized(inputs=[("i8", [4, 0])]), 12),
        refused("an axis above 2^24", sized(inputs=[("i8", [big + 1])], max_batch=1), 12),
        refused("six axes besides the batch", sized(inputs=[("i8", [1] * 6)]), 11),
        refused("seven axes", sized(inputs=[("i8", [1] * 7)]), 2),
        refused("a constant of more than 2^31 bytes", sized(constants=[("i8", [big, 129], None)]), 13),
        refused("a sample of more than 2^31 bytes", sized(inputs=[("i8", [big, 129])], max_batch=1), 13),
        refused("more than 2^35 bytes at max_batch", sized(inputs=[("i8", [big, 128])], max_batch=17), 13),
        refused("joined inputs of more than 2^35 bytes", sized(inputs=[("i8", [big, 64])] * 3, max_batch=16), 14),
        refused("more than 2^42 bytes in all", Program([("i8", [big, 128])], [], [(keep, [("input", 0)])] + [(keep, [("node", i)]) for i in range(128)], [128], 16), 31),
        refused("inputs from narrow to wide", sized(inputs=[("i8", [1]), ("i16", [1])]), 15),
        refused("an inline constant cut short", sized(constants=[("i16", [2], b"\0\0\0")]), 16),
        refused("an inline constant too long", sized(constants=[("i8", [2], b"\0\0\0")]), 16),
        refused("more than 64 KiB", sized(constants=[("i8", [65536], bytes(65536))]), 1),
    ]
    filler = 65536 - len(sized(constants=[("i8", [60000], bytes(60000))]).encoded()) + 60000
    full = sized(constants=[("i8", [filler], bytes(filler))])
    assert len(full.encoded()) == 65536
    return out


# --- proofs -------------------------------------------------------------------


def compact(n):
    return bytes([n << 2]) if n < 64 else struct.pack("<H", n << 2 | 1) if n < 1 << 14 else struct.pack("<I", n << 2 | 2)


def fraud_proof(node, element, witness, claimed, operands):
    enc = lambda data: compact(len(data)) + data  # noqa: E731
    return (
        struct.pack("<HQ", node, element)
        + (b"\0" if witness is None else b"\1" + struct.pack("<Q", witness))
        + enc(claimed)
        + compact(len(operands))
        + b"".join(enc(o) for o in operands)
    )


def proof_cases():
    """Claims of a two-layer model with one wrong element, and of a true one."""
    table = expand(noise(80, 512))
    k, n, batch = 3000, 40, 3
    p = Program(
        [("i16", [10]), ("i8", [k])],
        [("i8", [n, k], None), ("i8", [n], None), ("i32", [n, 2], None), ("i16", [256], table)],
        [
            (matmul(3, "channel", True, req("channel", lut=True)), [("input", 1), ("const", 0), ("const", 1), ("const", 2), ("const", 3)]),
            (requantise("i8", (9000, 20), 4), [("node", 0)]),
            (reshape(2, 20), [("node", 1)]),
            ({"op": "ArgMax"}, [("node", 2)]),
        ],
        [3, 1],
        4,
    )  # fmt: skip
    data = expand(noise(81, batch * (20 + k)))
    channels = pack("i32", [v for i in range(n) for v in (1000 * i - 20000, (16384 + i) | 21 << 16)])
    weights = [expand(noise(82, n * k)), expand(noise(83, n)), channels]
    truth = p.run(batch, data, weights)
    out = []

    def add(name, nodes, proof, verdict):
        out.append({
            "name": name, "program": p.encoded().hex(), "batch": batch,
            "input_root": blake3(data).hex(), "weights": [blake3(w).hex() for w in weights],
            "trace": [blake3(v).hex() for v in nodes], "proof": proof.hex(), "verdict": verdict,
        })  # fmt: skip

    def changed(node, at, delta=1):
        nodes = list(truth)
        wrong = bytearray(nodes[node])
        wrong[at] = (wrong[at] + delta) % 256
        nodes[node] = bytes(wrong)
        if node == 1:
            nodes[2] = nodes[1]
        return nodes

    def of_matmul(nodes, e, table_entry=b""):
        row, col = divmod(e, n)
        base = batch * 20
        return fraud_proof(0, e, None, make_slice(nodes[0], [(2 * e, 2 * e + 2)]), [
            make_slice(data, [(base + row * k, base + (row + 1) * k)]),
            make_slice(weights[0], [(col * k, (col + 1) * k)]),
            make_slice(weights[1], [(col, col + 1)]),
            make_slice(weights[2], [(8 * col, 8 * col + 8)]),
            table_entry,
        ])  # fmt: skip

    for e in [0, 39, 40, 77, 119]:
        wrong = changed(0, 2 * e)
        add(f"MatMul, wrong element {e}", wrong, of_matmul(wrong, e), "convicted")
        add(f"MatMul, true element {e}", truth, of_matmul(truth, e), "upheld")
    wrong = changed(0, 3)
    add("MatMul, an element that is true beside a wrong one", wrong, of_matmul(wrong, 0), "upheld")
    add("MatMul, a slice of another tensor", wrong, of_matmul(truth, 1), "upheld" if wrong[0] == truth[0] else "refused")
    add("MatMul, bytes sent for an inline constant", wrong, of_matmul(wrong, 1, table[:2]), "refused")

    def of_requantize(nodes, e):
        return fraud_proof(1, e, None, make_slice(nodes[1], [(e, e + 1)]), [make_slice(nodes[0], [(2 * e, 2 * e + 2)])])

    for e in [0, 119]:
        wrong = changed(1, e)
        add(f"Requantize, wrong element {e}", wrong, of_requantize(wrong, e), "convicted")
        add(f"Requantize, true element {e}", truth, of_requantize(truth, e), "upheld")

    wrong = list(truth)
    wrong[2] = bytes(120)
    equal = fraud_proof(2, 0, None, b"", [b""])
    add("Reshape, another root", wrong, equal, "convicted")
    add("Reshape, the same root", truth, equal, "upheld")
    add("Reshape, another element", wrong, fraud_proof(2, 1, None, b"", [b""]), "refused")

    def of_argmax(nodes, e, witness):
        claimed = int.from_bytes(nodes[3][4 * e : 4 * e + 4], "little", signed=True)
        inside = 0 <= claimed < 20
        ranges = [(20 * e + i, 20 * e + i + 1) for i in ([claimed, witness] if inside and witness is not None else [])]
        return fraud_proof(3, e, witness, make_slice(nodes[3], [(4 * e, 4 * e + 4)]), [make_slice(nodes[2], ranges)])

    indices = [int.from_bytes(truth[3][4 * e : 4 * e + 4], "little") for e in range(6)]
    for e in [0, 5]:
        wrong = changed(3, 4 * e, 1 if indices[e] < 19 else -1)
        add(f"ArgMax, wrong index of row {e}", wrong, of_argmax(wrong, e, indices[e]), "convicted")
        add(f"ArgMax, wrong index of row {e}, a witness that does not beat it", wrong, of_argmax(wrong, e, (indices[e] + 1) if indices[e] < 19 else indices[e] - 1), "upheld")
        add(f"ArgMax, true index of row {e}", truth, of_argmax(truth, e, (indices[e] + 7) % 20), "upheld")
        far = changed(3, 4 * e + 3, 128)
        add(f"ArgMax, negative index of row {e}", far, of_argmax(far, e, None), "convicted")
        add(f"ArgMax, negative index of row {e} with a witness", far, of_argmax(far, e, 3), "refused")
    add("ArgMax, no witness", truth, of_argmax(truth, 0, None), "refused")
    add("ArgMax, a witness outside the row", truth, of_argmax(truth, 0, 20), "refused")
    return out


def write(name, cases):
    names = [c["name"] for c in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    lines = ",\n".join(json.dumps(c) for c in cases)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(cases)} cases")


if __name__ == "__main__":
    write("matmul", matmul_cases())
    write("requantize", requantize_cases())
    write("lut8", lut8_cases())
    write("clamp", clamp_cases())
    write("argmax", argmax_cases())
    write("reshape", reshape_cases())
    write("program", program_cases())
    write("proofs", proof_cases())
