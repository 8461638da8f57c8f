"""Every operator of semantic version 1, one sample at a time.

Written from the formulas alone, over Python's integers. An operator is a class with

- `index`: its codec index; `encode(op)`: its attributes;
- `infer(op, of)`: type and shape of its output, `of` those of its operands;
- `run(op, of, args)`: the output of one sample, `args` the elements of the operands
  (of one sample, or of the whole constant);
- `needs(op, of, args, r, claim)`: for each operand the elements that judging output
  element r reads, as (start, end) pairs; only what `needs` itself names is used;
- `macs(op, of, out)` and `ops(op, of, out)`: the cost of a sample.
"""

import math
import struct

WIDTH = {"i8": 1, "i16": 2, "i32": 4}
DTYPE = {"i8": 0, "i16": 1, "i32": 2}


def low(t):
    return -(1 << (8 * WIDTH[t] - 1))


def high(t):
    return (1 << (8 * WIDTH[t] - 1)) - 1


def clip(v, lo, hi):
    return lo if v < lo else hi if v > hi else v


def product(axes):
    n = 1
    for axis in axes:
        n *= axis
    return n


def unravel(index, shape):
    at = []
    for axis in reversed(shape):
        at.append(index % axis)
        index //= axis
    return at[::-1]


def ravel(at, shape):
    index = 0
    for i, axis in zip(at, shape):
        index = index * axis + i
    return index


def requant(x, m, s, z, lo, hi):
    half = 0 if s == 0 else 2 ** (s - 1)
    return clip((x * m + half) // 2**s + z, lo, hi)


def requant_by(q, x):
    return requant(x, q["m"], q["s"], q["z"], q["lo"], q["hi"])


def channel_scale(word):
    word &= 0xFFFFFFFF
    return word % 65536, min(word // 65536 % 64, 62)


def mean(total, count):
    """With 8 fraction bits, half up."""
    return (512 * total + count) // (2 * count) if count else 0


# --- encoding of attributes ---------------------------------------------------


def compact(n):
    if n < 1 << 6:
        return bytes([n << 2])
    if n < 1 << 14:
        return struct.pack("<H", n << 2 | 1)
    assert n < 1 << 30
    return struct.pack("<I", n << 2 | 2)


def enc_list(items):
    return compact(len(items)) + b"".join(items)


def u8(n):
    return struct.pack("<B", n)


def u16(n):
    return struct.pack("<H", n)


def u32(n):
    return struct.pack("<I", n)


def s8(n):
    return struct.pack("<b", n)


def s32(*values):
    return struct.pack("<%di" % len(values), *values)


def flag(b):
    return u8(int(b))


def enc_scale(scale):
    return b"\1" if scale == "channel" else b"\0" + struct.pack("<HB", *scale)


def enc_zero_point(z):
    return b"\1" if z == "channel" else b"\0" + s8(z)


def enc_epilogue(e):
    if e == "raw":
        return b"\0"
    return (
        b"\1" + enc_scale(e["scale"]) + s32(e["z"], e["lo"], e["hi"]) + u8(DTYPE[e["out"]]) + flag(e.get("lut", False))
    )


def enc_requant(q):
    return struct.pack("<HB", q["m"], q["s"]) + s32(q["z"], q["lo"], q["hi"]) + u8(DTYPE[q["out"]])


def enc_window(w):
    return bytes(w["stride"] + w["dilation"] + w["pad"])


def enc_table(entries):
    assert len(entries) == 256
    return b"".join(u16(v) for v in entries)


# --- linear -------------------------------------------------------------------


def dot(xs, ws, zx, zw):
    return sum((x - zx) * (w - zw) for x, w in zip(xs, ws))


def finish(e, v, bias, word, table):
    """The epilogue; gives the value and, with a table, the entry read."""
    v += bias
    if e == "raw":
        return clip(v, low("i32"), high("i32")), None
    m, s = channel_scale(word) if e["scale"] == "channel" else e["scale"]
    v = requant(v, m, s, e["z"], e["lo"], e["hi"])
    if e.get("lut"):
        return (table[v + 128] if table else None), v + 128
    return v, None


def linear_type(e, of):
    return "i32" if e == "raw" else of[-1][0] if e.get("lut") else e["out"]


class Linear:
    """What MatMul, BatchMatMul and Conv2d share: optional operands in order."""

    @classmethod
    def slots(cls, op):
        names = []
        if op["zb"] == "channel":
            names.append("zb")
        if op.get("params"):
            names.append("params")
        if op["epilogue"] != "raw" and op["epilogue"].get("lut"):
            names.append("lut")
        return {name: 2 + i for i, name in enumerate(names)}

    @classmethod
    def value(cls, op, args, n, xs, ws):
        at = cls.slots(op)
        zb = args[at["zb"]][n] if "zb" in at else op["zb"]
        bias, word = args[at["params"]][2 * n : 2 * n + 2] if "params" in at else (0, 0)
        table = args[at["lut"]] if "lut" in at else None
        return finish(op["epilogue"], cls.sum(op, xs, ws, zb), bias, word, table)

    @classmethod
    def sum(cls, op, xs, ws, zb):
        return dot(xs, ws, op["za"], zb)

    @classmethod
    def rest(cls, op, args, n, xs, ws):
        at, out = cls.slots(op), []
        if "zb" in at:
            out.append([(n, n + 1)])
        if "params" in at:
            out.append([(2 * n, 2 * n + 2)])
        if "lut" in at:
            entry = cls.value(op, args, n, xs, ws)[1]
            out.append([(entry, entry + 1)])
        return out

    @classmethod
    def ops(cls, op, of, out):
        return 0


class MatMul(Linear):
    index = 0

    @classmethod
    def encode(cls, op):
        return s8(op["za"]) + enc_zero_point(op["zb"]) + flag(op["params"]) + enc_epilogue(op["epilogue"])

    @classmethod
    def infer(cls, op, of):
        (t, a), (_, b) = of[:2]
        assert len(b) == 2 and b[1] == a[-1]
        return linear_type(op["epilogue"], of), a[:-1] + [b[0]]

    @classmethod
    def run(cls, op, of, args):
        a, b = args[:2]
        n, k = of[1][1]
        return [
            cls.value(op, args, j, a[i : i + k], b[j * k : (j + 1) * k])[0]
            for i in range(0, len(a), k)
            for j in range(n)
        ]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        n, k = of[1][1]
        row, j = divmod(r, n)
        xs, ws = args[0][row * k : (row + 1) * k], args[1][j * k : (j + 1) * k]
        return [[(row * k, (row + 1) * k)], [(j * k, (j + 1) * k)]] + cls.rest(op, args, j, xs, ws)

    @classmethod
    def macs(cls, op, of, out):
        return product(out[1]) * of[0][1][-1] * WIDTH[of[0][0]]


class BatchMatMul(Linear):
    index = 1

    @classmethod
    def encode(cls, op):
        return s8(op["za"]) + s8(op["zb"]) + enc_epilogue(op["epilogue"])

    @classmethod
    def infer(cls, op, of):
        (_, a), (_, b) = of[:2]
        assert len(a) == len(b) >= 2 and a[-1] == b[-1]
        assert a[1:-2] == b[1:-2] and (len(a) == 2 or a[0] % b[0] == 0)
        return linear_type(op["epilogue"], of), a[:-1] + [b[-2]]

    @classmethod
    def rows(cls, of, r):
        """Start of the row of a and of the row of b behind output element r."""
        a, b = of[0][1], of[1][1]
        at = unravel(r, a[:-1] + [b[-2]])
        heads, m, n = at[:-2], at[-2], at[-1]
        shared = list(heads)
        if heads:
            shared[0] = heads[0] * b[0] // a[0]
        return ravel(heads + [m, 0], a), ravel(shared + [n, 0], b)

    @classmethod
    def operands(cls, of, args, r):
        k = of[0][1][-1]
        i, j = cls.rows(of, r)
        return args[0][i : i + k], args[1][j : j + k]

    @classmethod
    def run(cls, op, of, args):
        count = product(of[0][1][:-1]) * of[1][1][-2]
        return [cls.value(op, args, 0, *cls.operands(of, args, r))[0] for r in range(count)]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        k = of[0][1][-1]
        i, j = cls.rows(of, r)
        return [[(i, i + k)], [(j, j + k)]] + cls.rest(op, args, 0, *cls.operands(of, args, r))

    macs = MatMul.macs


def window_out(shape, kernel, w):
    """Length of both output axes."""
    t, left, b, r = w["pad"]
    out = []
    for length, before, after, k, stride, dilation in [
        (shape[0], t, b, kernel[0], w["stride"][0], w["dilation"][0]),
        (shape[1], left, r, kernel[1], w["stride"][1], w["dilation"][1]),
    ]:
        room = length + before + after - dilation * (k - 1) - 1
        assert room >= 0
        out.append(room // stride + 1)
    return out


def taps(shape, kernel, w, p, q):
    """The (i, j, row, column) of a window that lie inside the input."""
    out = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            row = p * w["stride"][0] - w["pad"][0] + i * w["dilation"][0]
            column = q * w["stride"][1] - w["pad"][1] + j * w["dilation"][1]
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                out.append((i, j, row, column))
    return out


class Conv2d(Linear):
    index = 2

    @classmethod
    def encode(cls, op):
        return (
            enc_window(op["window"])
            + u32(op["groups"])
            + s8(op["za"])
            + enc_zero_point(op["zb"])
            + flag(op["params"])
            + enc_epilogue(op["epilogue"])
        )

    @classmethod
    def infer(cls, op, of):
        (_, x), (_, w) = of[:2]
        g = op["groups"]
        assert len(x) == 3 and len(w) == 4 and x[2] % g == 0 and w[0] % g == 0 and w[3] * g == x[2]
        return linear_type(op["epilogue"], of), window_out(x, w[1:3], op["window"]) + [w[0]]

    @classmethod
    def starts(cls, op, of, r):
        """Output channel, and for each tap inside the input where its channels start."""
        x, w = of[0][1], of[1][1]
        p, q, o = unravel(r, cls.infer(op, of)[1])
        first = o * op["groups"] // w[0] * w[3]
        return o, [
            (ravel([row, column, first], x), ravel([o, i, j, 0], w))
            for i, j, row, column in taps(x, w[1:3], op["window"], p, q)
        ]

    @classmethod
    def pairs(cls, op, of, args, r):
        o, starts = cls.starts(op, of, r)
        c, xs, ws = of[1][1][3], [], []
        for x, w in starts:
            xs += args[0][x : x + c]
            ws += args[1][w : w + c]
        return o, xs, ws

    @classmethod
    def run(cls, op, of, args):
        count = product(cls.infer(op, of)[1])
        return [cls.value(op, args, *cls.pairs(op, of, args, r))[0] for r in range(count)]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        o, starts = cls.starts(op, of, r)
        c, k = of[1][1][3], product(of[1][1][1:])
        tap = [(x, x + c) for x, _ in starts]
        return [tap, [(o * k, (o + 1) * k)]] + cls.rest(op, args, *cls.pairs(op, of, args, r))

    @classmethod
    def macs(cls, op, of, out):
        return product(out[1]) * product(of[1][1][1:])


# --- element ------------------------------------------------------------------


class Elementwise:
    """Output element r depends on one element of each operand."""

    factor = 1

    @classmethod
    def encode(cls, op):
        return b""

    @classmethod
    def infer(cls, op, of):
        return of[0]

    @classmethod
    def sources(cls, op, of, r):
        return [r]

    @classmethod
    def run(cls, op, of, args):
        count = product(cls.infer(op, of)[1])
        return [cls.one(op, of, *[arg[i] for arg, i in zip(args, cls.sources(op, of, r))]) for r in range(count)]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        return [[(i, i + 1)] for i in cls.sources(op, of, r)]

    @classmethod
    def macs(cls, op, of, out):
        return 0

    @classmethod
    def ops(cls, op, of, out):
        return cls.factor * product(out[1])


class AddBias(Elementwise):
    index = 3

    @classmethod
    def infer(cls, op, of):
        assert of[1][1] == of[0][1][-1:]
        return of[0]

    @classmethod
    def sources(cls, op, of, r):
        return [r, r % of[0][1][-1]]

    @classmethod
    def one(cls, op, of, x, bias):
        return clip(x + bias, low("i32"), high("i32"))


class Requantize(Elementwise):
    index = 4

    @classmethod
    def encode(cls, op):
        return s32(op["zx"]) + enc_scale(op["scale"]) + s32(op["z"], op["lo"], op["hi"]) + u8(DTYPE[op["out"]])

    @classmethod
    def infer(cls, op, of):
        return op["out"], of[0][1]

    @classmethod
    def run(cls, op, of, args):
        out = []
        for r, x in enumerate(args[0]):
            bias, (m, s) = 0, op["scale"] if op["scale"] != "channel" else (0, 0)
            if op["scale"] == "channel":
                n = r % of[0][1][-1]
                bias, (m, s) = args[1][2 * n], channel_scale(args[1][2 * n + 1])
            out.append(requant(x - op["zx"] + bias, m, s, op["z"], op["lo"], op["hi"]))
        return out

    @classmethod
    def needs(cls, op, of, args, r, claim):
        if op["scale"] != "channel":
            return [[(r, r + 1)]]
        n = r % of[0][1][-1]
        return [[(r, r + 1)], [(2 * n, 2 * n + 2)]]


def broadcast(shapes):
    """The common shape, and each shape filled with leading ones."""
    rank = max(map(len, shapes))
    filled = [[1] * (rank - len(s)) + s for s in shapes]
    out = [max(axes) for axes in zip(*filled)]
    assert all(axis in (1, most) for s in filled for axis, most in zip(s, out))
    return out, filled


class Broadcast(Elementwise):
    @classmethod
    def sources(cls, op, of, r):
        out, filled = broadcast([shape for _, shape in of])
        at = unravel(r, out)
        return [ravel([0 if n == 1 else i for i, n in zip(at, shape)], shape) for shape in filled]


class Add(Broadcast):
    index, factor = 5, 2

    @classmethod
    def encode(cls, op):
        return (
            s32(op["za"], op["zb"], op["ma"], op["mb"])
            + u8(op["s"])
            + s32(op["z"], op["lo"], op["hi"])
            + u8(DTYPE[op["out"]])
        )

    @classmethod
    def infer(cls, op, of):
        return op["out"], broadcast([shape for _, shape in of])[0]

    @classmethod
    def one(cls, op, of, a, b):
        half = 0 if op["s"] == 0 else 2 ** (op["s"] - 1)
        v = (a - op["za"]) * op["ma"] + (b - op["zb"]) * op["mb"] + half
        return clip(v // 2 ** op["s"] + op["z"], op["lo"], op["hi"])


class Mul(Broadcast):
    index, factor = 6, 2

    @classmethod
    def encode(cls, op):
        return s32(op["za"], op["zb"]) + enc_requant(op["requant"])

    @classmethod
    def infer(cls, op, of):
        return op["requant"]["out"], broadcast([shape for _, shape in of])[0]

    @classmethod
    def one(cls, op, of, a, b):
        return requant_by(op["requant"], (a - op["za"]) * (b - op["zb"]))


class Clamp(Elementwise):
    index = 7

    @classmethod
    def encode(cls, op):
        return s32(op["lo"], op["hi"])

    @classmethod
    def one(cls, op, of, x):
        return clip(x, op["lo"], op["hi"])


class Abs(Elementwise):
    index = 8

    @classmethod
    def one(cls, op, of, x):
        return min(abs(x), high(of[0][0]))


class Select(Broadcast):
    index = 9

    @classmethod
    def infer(cls, op, of):
        assert of[0][0] == "i8" and of[1][0] == of[2][0]
        return of[1][0], broadcast([shape for _, shape in of])[0]

    @classmethod
    def one(cls, op, of, c, a, b):
        return a if c != 0 else b


class Lut8(Elementwise):
    index = 10

    @classmethod
    def infer(cls, op, of):
        return of[1][0], of[0][1]

    @classmethod
    def run(cls, op, of, args):
        return [args[1][x + 128] for x in args[0]]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        entry = args[0][r] + 128
        return [[(r, r + 1)], [(entry, entry + 1)]]


class Lut16(Elementwise):
    index, factor = 11, 4

    @classmethod
    def run(cls, op, of, args):
        table, out = args[1], []
        for x in args[0]:
            j, f = divmod(x + 32768, 128)
            out.append(table[j] + (f * (table[j + 1] - table[j]) + 64) // 128)
        return out

    @classmethod
    def needs(cls, op, of, args, r, claim):
        j = (args[0][r] + 32768) // 128
        return [[(r, r + 1)], [(j, j + 2)]]


# --- rows ---------------------------------------------------------------------


class Rows:
    """Over the last axis; operand 1 may be a mask, `params` one pair for each element."""

    factor = 1
    keeps = False  # whether the output still has the last axis

    @classmethod
    def out_type(cls, op, of):
        return op["requant"]["out"]

    @classmethod
    def infer(cls, op, of):
        shape = of[0][1]
        assert not op.get("mask") or of[1] == ("i8", shape[-1:])
        return cls.out_type(op, of), shape if cls.keeps else shape[:-1]

    @classmethod
    def run(cls, op, of, args):
        n, out = of[0][1][-1], []
        for i in range(0, len(args[0]), n):
            done = cls.row(op, of, i // n, args[0][i : i + n], args[1:])
            out += done if cls.keeps else [done]
        return out

    @classmethod
    def needs(cls, op, of, args, r, claim):
        n = of[0][1][-1]
        row, i = divmod(r, n) if cls.keeps else (r, None)
        out = [[(row * n, (row + 1) * n)]]
        if op.get("mask"):
            out.append([(0, n)])
        if op.get("params"):
            out.append([(2 * i, 2 * i + 2)])
        return out

    @classmethod
    def macs(cls, op, of, out):
        return 0

    @classmethod
    def ops(cls, op, of, out):
        return cls.factor * product(of[0][1])


class RowSum(Rows):
    index = 12

    @classmethod
    def encode(cls, op):
        return s32(op["zx"])

    @classmethod
    def out_type(cls, op, of):
        return "i32"

    @classmethod
    def row(cls, op, of, _, x, more):
        return sum(v - op["zx"] for v in x)


class RowMax(Rows):
    index = 13

    @classmethod
    def encode(cls, op):
        return b""

    @classmethod
    def out_type(cls, op, of):
        return of[0][0]

    @classmethod
    def row(cls, op, of, _, x, more):
        return max(x)


class RowMean(Rows):
    index = 14

    @classmethod
    def encode(cls, op):
        return s32(op["zx"]) + flag(op["mask"]) + enc_requant(op["requant"])

    @classmethod
    def row(cls, op, of, _, x, more):
        kept = [v - op["zx"] for i, v in enumerate(x) if not op["mask"] or more[0][i] != 0]
        return requant_by(op["requant"], mean(sum(kept), len(kept)))


class Softmax(Rows):
    index, factor, keeps = 15, 12, True

    @classmethod
    def encode(cls, op):
        coarse = b"\0" if op["coarse"] is None else b"\1" + enc_table(op["coarse"])
        return flag(op["mask"]) + flag(op["causal"]) + enc_table(op["fine"]) + coarse + enc_requant(op["requant"])

    @classmethod
    def row(cls, op, of, index, x, more):
        n = len(x)
        kept = [not op["mask"] or more[0][i] != 0 for i in range(n)]
        if op["causal"]:
            m = of[0][1][-2]
            kept = [keep and i <= index % m + n - m for i, keep in enumerate(kept)]
        if not any(kept):
            return [requant_by(op["requant"], 0)] * n
        most = max(v for v, keep in zip(x, kept) if keep)
        e = []
        for v, keep in zip(x, kept):
            d = min(most - v, 65535)
            if not keep:
                e.append(0)
            elif op["coarse"] is None:
                e.append(op["fine"][d])
            else:
                e.append((op["coarse"][d // 256] * op["fine"][d % 256] + 2**14) // 2**15)
        total = sum(e)
        return [requant_by(op["requant"], (v * 2**15 + total // 2) // total) for v in e]


def normalised(op, centred, spread, more):
    """The common part of both norms: y with 12 fraction bits, γ, β, requantised."""
    length = spread.bit_length()
    t = (62 - length) // 2
    root = math.isqrt(spread * 4**t)
    assert 2**30 <= root < 2**31
    inverse = 2**61 // root
    h = 49 - t
    out = []
    for i, c in enumerate(centred):
        v = (c * inverse + 2 ** (h - 1)) // 2**h
        if op["params"]:
            v = v * clip(more[0][2 * i], -(2**15), 2**15 - 1) + more[0][2 * i + 1]
        assert abs(v) < 2**36
        out.append(requant_by(op["requant"], v))
    return out


class LayerNorm(Rows):
    index, factor, keeps = 16, 8, True

    @classmethod
    def encode(cls, op):
        return flag(op["params"]) + struct.pack("<Q", op["e"]) + enc_requant(op["requant"])

    @classmethod
    def row(cls, op, of, _, x, more):
        n, s1, s2 = len(x), sum(x), sum(v * v for v in x)
        return normalised(op, [n * v - s1 for v in x], n * s2 - s1 * s1 + op["e"], more)


class RmsNorm(Rows):
    index, factor, keeps = 17, 8, True

    @classmethod
    def encode(cls, op):
        return s32(op["zx"]) + flag(op["params"]) + struct.pack("<Q", op["e"]) + enc_requant(op["requant"])

    @classmethod
    def row(cls, op, of, _, x, more):
        n, moved = len(x), [v - op["zx"] for v in x]
        return normalised(op, [n * v for v in moved], n * sum(v * v for v in moved) + op["e"], more)


class ArgMax(Rows):
    index = 18

    @classmethod
    def encode(cls, op):
        return b""

    @classmethod
    def out_type(cls, op, of):
        return "i32"

    @classmethod
    def row(cls, op, of, _, x, more):
        return x.index(max(x))

    @classmethod
    def needs(cls, op, of, args, r, claim):
        """`claim`: the claimed elements of the sample, and the witness."""
        claimed, witness = claim
        n = of[0][1][-1]
        if not 0 <= claimed[r] < n:
            return [[]]
        return [[(r * n + i, r * n + i + 1) for i in (claimed[r], witness)]]

    @classmethod
    def convicts(cls, op, of, args, r, claim):
        """Verdict on an element: True, False, or None where the witness is refused."""
        claimed, witness = claim
        n = of[0][1][-1]
        row, c = args[0][r * n : (r + 1) * n], claimed[r]
        if not 0 <= c < n:
            return True if witness is None else None
        if witness is None or witness >= n:
            return None
        return row[witness] > row[c] or (row[witness] == row[c] and witness < c)


class TopK(Rows):
    index, factor = 19, 4

    @classmethod
    def encode(cls, op):
        return u8(op["k"])

    @classmethod
    def infer(cls, op, of):
        return "i32", of[0][1][:-1] + [op["k"]]

    @classmethod
    def run(cls, op, of, args):
        n, out = of[0][1][-1], []
        for i in range(0, len(args[0]), n):
            row = args[0][i : i + n]
            out += sorted(range(n), key=lambda j: (-row[j], j))[: op["k"]]
        return out

    @classmethod
    def read(cls, op, of, r, claim):
        """The two elements of the row that are compared, or none."""
        claimed, witness = claim
        n, k = of[0][1][-1], op["k"]
        row, j = divmod(r, k)
        mine = claimed[row * k : (row + 1) * k]
        inside = [0 <= i < n for i in mine]
        if witness is not None:
            return [mine[j], witness] if inside[j] else []
        if j == 0 or not inside[j] or not inside[j - 1]:
            return []
        return [mine[j - 1], mine[j]]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        n = of[0][1][-1]
        row = r // op["k"]
        return [[(row * n + i, row * n + i + 1) for i in cls.read(op, of, r, claim)]]

    @classmethod
    def convicts(cls, op, of, args, r, claim):
        claimed, witness = claim
        n, k = of[0][1][-1], op["k"]
        row, j = divmod(r, k)
        x, mine = args[0][row * n : (row + 1) * n], claimed[row * k : (row + 1) * k]
        before = lambda a, b: x[a] > x[b] or (x[a] == x[b] and a < b)  # noqa: E731
        if witness is not None:
            if j != k - 1 or witness >= n or not 0 <= mine[j] < n:
                return None
            return witness not in mine and before(witness, mine[j])
        if not 0 <= mine[j] < n:
            return True
        return j > 0 and 0 <= mine[j - 1] < n and not before(mine[j - 1], mine[j])


# --- shape --------------------------------------------------------------------


class Reshape(Elementwise):
    index, factor = 20, 0

    @classmethod
    def encode(cls, op):
        return enc_list([u32(axis) for axis in op["shape"]])

    @classmethod
    def infer(cls, op, of):
        return of[0][0], op["shape"]

    @classmethod
    def one(cls, op, of, x):
        return x

    @classmethod
    def needs(cls, op, of, args, r, claim):
        return [[]]


class Moved(Elementwise):
    """Every output element is one operand's element, or a fixed value."""

    @classmethod
    def run(cls, op, of, args):
        out = []
        for r in range(product(cls.infer(op, of)[1])):
            source = cls.source(op, of, r)
            out.append(op["value"] if source is None else args[source[0]][source[1]])
        return out

    @classmethod
    def needs(cls, op, of, args, r, claim):
        out, source = [[] for _ in of], cls.source(op, of, r)
        if source is not None:
            out[source[0]] = [(source[1], source[1] + 1)]
        return out


class Transpose(Moved):
    index = 21

    @classmethod
    def encode(cls, op):
        return enc_list([u8(axis) for axis in op["perm"]])

    @classmethod
    def infer(cls, op, of):
        return of[0][0], [of[0][1][axis] for axis in op["perm"]]

    @classmethod
    def source(cls, op, of, r):
        at, back = unravel(r, cls.infer(op, of)[1]), [0] * len(op["perm"])
        for i, axis in zip(at, op["perm"]):
            back[axis] = i
        return 0, ravel(back, of[0][1])


class Slice(Moved):
    index = 22

    @classmethod
    def encode(cls, op):
        return u8(op["axis"]) + u32(op["start"]) + u32(op["len"]) + u32(op["step"])

    @classmethod
    def infer(cls, op, of):
        shape = list(of[0][1])
        assert 0 < op["len"] and op["start"] + (op["len"] - 1) * op["step"] < shape[op["axis"]]
        shape[op["axis"]] = op["len"]
        return of[0][0], shape

    @classmethod
    def source(cls, op, of, r):
        at = unravel(r, cls.infer(op, of)[1])
        at[op["axis"]] = op["start"] + at[op["axis"]] * op["step"]
        return 0, ravel(at, of[0][1])


class Concat(Moved):
    index = 23

    @classmethod
    def encode(cls, op):
        return u8(op["axis"])

    @classmethod
    def infer(cls, op, of):
        axis, shape = op["axis"], list(of[0][1])
        for t, s in of:
            assert t == of[0][0] and s[:axis] + s[axis + 1 :] == shape[:axis] + shape[axis + 1 :]
        shape[axis] = sum(s[axis] for _, s in of)
        return of[0][0], shape

    @classmethod
    def source(cls, op, of, r):
        at = unravel(r, cls.infer(op, of)[1])
        for operand, (_, shape) in enumerate(of):
            if at[op["axis"]] < shape[op["axis"]]:
                return operand, ravel(at, shape)
            at[op["axis"]] -= shape[op["axis"]]


class Pad(Moved):
    index = 24

    @classmethod
    def encode(cls, op):
        return enc_list([u32(n) for n in op["before"]]) + enc_list([u32(n) for n in op["after"]]) + s32(op["value"])

    @classmethod
    def infer(cls, op, of):
        assert len(op["before"]) == len(op["after"]) == len(of[0][1])
        return of[0][0], [b + n + a for b, n, a in zip(op["before"], of[0][1], op["after"])]

    @classmethod
    def source(cls, op, of, r):
        at = [i - b for i, b in zip(unravel(r, cls.infer(op, of)[1]), op["before"])]
        if all(0 <= i < n for i, n in zip(at, of[0][1])):
            return 0, ravel(at, of[0][1])
        return None


class Gather(Elementwise):
    """Operands: the table, then the indices."""

    index = 25

    @classmethod
    def infer(cls, op, of):
        return of[0][0], of[1][1] + of[0][1][1:]

    @classmethod
    def entry(cls, of, args, r):
        row = product(of[0][1][1:])
        i, within = divmod(r, row)
        return i, clip(args[1][i], 0, of[0][1][0] - 1) * row + within

    @classmethod
    def run(cls, op, of, args):
        count = product(cls.infer(op, of)[1])
        return [args[0][cls.entry(of, args, r)[1]] for r in range(count)]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        i, entry = cls.entry(of, args, r)
        return [[(entry, entry + 1)], [(i, i + 1)]]


class Rope(Elementwise):
    index, factor = 26, 4

    @classmethod
    def encode(cls, op):
        pairs = {"halves": 0, "neighbours": 1}[op["pairs"]]
        return u8(pairs) + u32(op["offset"]) + s32(op["zx"]) + enc_requant(op["requant"])

    @classmethod
    def infer(cls, op, of):
        (s, d), tab = of[0][1][-2:], of[1][1]
        assert d % 2 == 0 and tab[1:] == [d // 2, 2] and op["offset"] + s <= tab[0]
        return op["requant"]["out"], of[0][1]

    @classmethod
    def where(cls, op, of, r):
        """Both elements of the pair, which of them r is, and the table's row."""
        s, d = of[0][1][-2:]
        start, i = r - r % d, r % d
        position = r // d % s + op["offset"]
        if op["pairs"] == "halves":
            pair, second = i % (d // 2), i >= d // 2
            u, v = start + pair, start + pair + d // 2
        else:
            pair, second = i // 2, i % 2 == 1
            u, v = start + 2 * pair, start + 2 * pair + 1
        return u, v, second, 2 * (position * (d // 2) + pair)

    @classmethod
    def run(cls, op, of, args):
        x, tab, out = args[0], args[1], []
        for r in range(len(x)):
            u, v, second, at = cls.where(op, of, r)
            a, b, c, n = x[u] - op["zx"], x[v] - op["zx"], tab[at], tab[at + 1]
            out.append(requant_by(op["requant"], a * n + b * c if second else a * c - b * n))
        return out

    @classmethod
    def needs(cls, op, of, args, r, claim):
        u, v, _, at = cls.where(op, of, r)
        return [[(u, u + 1), (v, v + 1)], [(at, at + 2)]]


# --- pool ---------------------------------------------------------------------


class Pool(Elementwise):
    @classmethod
    def infer(cls, op, of):
        return cls.out_type(op, of), window_out(of[0][1], op["kernel"], op["window"]) + of[0][1][2:]

    @classmethod
    def inside(cls, op, of, r):
        p, q, c = unravel(r, cls.infer(op, of)[1])
        found = taps(of[0][1], op["kernel"], op["window"], p, q)
        assert found
        return [ravel([row, column, c], of[0][1]) for _, _, row, column in found]

    @classmethod
    def run(cls, op, of, args):
        count = product(cls.infer(op, of)[1])
        return [cls.pool(op, [args[0][i] for i in cls.inside(op, of, r)]) for r in range(count)]

    @classmethod
    def needs(cls, op, of, args, r, claim):
        return [[(i, i + 1) for i in cls.inside(op, of, r)]]

    @classmethod
    def ops(cls, op, of, out):
        return product(op["kernel"]) * product(out[1])


class MaxPool2d(Pool):
    index = 27

    @classmethod
    def encode(cls, op):
        return struct.pack("<HH", *op["kernel"]) + enc_window(op["window"])

    @classmethod
    def out_type(cls, op, of):
        return of[0][0]

    @classmethod
    def pool(cls, op, values):
        return max(values)


class AvgPool2d(Pool):
    index = 28

    @classmethod
    def encode(cls, op):
        return (
            struct.pack("<HH", *op["kernel"])
            + enc_window(op["window"])
            + flag(op["count_pad"])
            + s32(op["zx"])
            + enc_requant(op["requant"])
        )

    @classmethod
    def out_type(cls, op, of):
        return op["requant"]["out"]

    @classmethod
    def pool(cls, op, values):
        count = product(op["kernel"]) if op["count_pad"] else len(values)
        return requant_by(op["requant"], mean(sum(v - op["zx"] for v in values), count))


OPERATORS = {
    cls.__name__: cls
    for cls in [
        MatMul, BatchMatMul, Conv2d, AddBias, Requantize, Add, Mul, Clamp, Abs, Select, Lut8,
        Lut16, RowSum, RowMax, RowMean, Softmax, LayerNorm, RmsNorm, ArgMax, TopK, Reshape,
        Transpose, Slice, Concat, Pad, Gather, Rope, MaxPool2d, AvgPool2d,
    ]
}  # fmt: skip
