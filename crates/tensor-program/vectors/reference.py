"""An independent implementation of tensor programs, for vectors and importers.

Pure Python, big integers, no dependency. It shares no code with the Rust crate: it
encodes programs, hashes, makes slices, computes cost, and runs every operator from
the formulas of docs/spec/tensor-program.md. Slow and obvious on purpose.
"""

import hashlib
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


def pack(t, values):
    return struct.pack("<%d%s" % (len(values), {"i8": "b", "i16": "h", "i32": "i"}[t]), *values)


def unpack(t, data):
    count = len(data) // WIDTH[t]
    return list(struct.unpack("<%d%s" % (count, {"i8": "b", "i16": "h", "i32": "i"}[t]), data))


# --- encoding -----------------------------------------------------------------


def compact(n):
    if n < 1 << 6:
        return bytes([n << 2])
    if n < 1 << 14:
        return struct.pack("<H", n << 2 | 1)
    assert n < 1 << 30
    return struct.pack("<I", n << 2 | 2)


def enc_list(items):
    return compact(len(items)) + b"".join(items)


def enc_type(t, shape):
    return bytes([DTYPE[t]]) + enc_list([struct.pack("<I", axis) for axis in shape])


def enc_scale(scale):
    return b"\1" if scale == "channel" else b"\0" + struct.pack("<HB", *scale)


def enc_epilogue(e):
    if e == "raw":
        return b"\0"
    return (
        b"\1"
        + enc_scale(e["scale"])
        + struct.pack("<iii", e["z"], e["lo"], e["hi"])
        + bytes([DTYPE[e["out"]], int(e.get("lut", False))])
    )


def enc_op(op):
    kind = op["op"]
    if kind == "MatMul":
        zb = b"\1" if op["zb"] == "channel" else b"\0" + struct.pack("<b", op["zb"])
        return (
            b"\0"
            + struct.pack("<b", op["za"])
            + zb
            + bytes([int(op["params"])])
            + enc_epilogue(op["epilogue"])
        )
    if kind == "Requantize":
        return (
            b"\4"
            + struct.pack("<i", op["zx"])
            + enc_scale(op["scale"])
            + struct.pack("<iii", op["z"], op["lo"], op["hi"])
            + bytes([DTYPE[op["out"]]])
        )
    if kind == "Clamp":
        return b"\7" + struct.pack("<ii", op["lo"], op["hi"])
    if kind == "Lut8":
        return b"\x0a"
    if kind == "ArgMax":
        return b"\x12"
    if kind == "Reshape":
        return b"\x14" + enc_list([struct.pack("<I", axis) for axis in op["shape"]])
    raise ValueError(kind)


def enc_operand(operand):
    kind, index = operand
    return bytes([{"input": 0, "const": 1, "node": 2}[kind]]) + struct.pack("<H", index)


class Program:
    """inputs: [(type, shape)]; constants: [(type, shape, inline bytes or None)];
    nodes: [(op, [(kind, index)])]; outputs: [node]."""

    def __init__(self, inputs, constants, nodes, outputs, max_batch, version=1):
        self.inputs, self.constants, self.nodes = inputs, constants, nodes
        self.outputs, self.max_batch, self.version = outputs, max_batch, version

    def encoded(self):
        def constant(c):
            t, shape, data = c
            if data is None:
                return b"\0" + enc_type(t, shape)
            return b"\1" + enc_type(t, shape) + compact(len(data)) + data

        return (
            struct.pack("<BI", self.version, self.max_batch)
            + enc_list([enc_type(*i) for i in self.inputs])
            + enc_list([constant(c) for c in self.constants])
            + enc_list([enc_op(op) + enc_list([enc_operand(o) for o in ops]) for op, ops in self.nodes])
            + enc_list([struct.pack("<H", o) for o in self.outputs])
        )

    def hash(self):
        return hashlib.blake2b(self.encoded(), digest_size=32).digest()

    def operand_type(self, types, operand):
        kind, index = operand
        if kind == "input":
            return self.inputs[index]
        if kind == "const":
            return self.constants[index][:2]
        return types[index]

    def types(self):
        """Inferred type and shape of every node."""
        types = []
        for op, operands in self.nodes:
            of = [self.operand_type(types, o) for o in operands]
            kind = op["op"]
            (t, shape) = of[0]
            if kind == "MatMul":
                e = op["epilogue"]
                out = "i32" if e == "raw" else of[-1][0] if e.get("lut") else e["out"]
                types.append((out, shape[:-1] + [of[1][1][0]]))
            elif kind == "Requantize":
                types.append((op["out"], shape))
            elif kind == "Clamp":
                types.append((t, shape))
            elif kind == "Lut8":
                types.append((of[1][0], shape))
            elif kind == "ArgMax":
                types.append(("i32", shape[:-1]))
            elif kind == "Reshape":
                types.append((t, op["shape"]))
        return types

    def cost(self, batch):
        """macs, ops, bytes, nodes, load."""
        types = self.types()
        macs = ops = moved = 0
        for (op, operands), (t, shape) in zip(self.nodes, types):
            kind = op["op"]
            if kind == "Reshape":
                continue
            out = product(shape)
            first_t, first_shape = self.operand_type(types, operands[0])
            if kind == "MatMul":
                macs += batch * out * first_shape[-1] * WIDTH[first_t]
            elif kind == "ArgMax":
                ops += batch * product(first_shape)
            else:
                ops += batch * out
            moved += 2 * batch * out * WIDTH[t]
            for operand in operands:
                ot, oshape = self.operand_type(types, operand)
                moved += product(oshape) * WIDTH[ot] * (1 if operand[0] == "const" else batch)
        load = sum(product(s) * WIDTH[t] for t, s, data in self.constants if data is None)
        load += batch * sum(product(s) * WIDTH[t] for t, s in self.inputs)
        load += batch * sum(product(types[o][1]) * WIDTH[types[o][0]] for o in self.outputs)
        return [macs, ops, moved, len(self.nodes), load]

    def memory(self, batch):
        types = self.types()
        total = sum(product(c[1]) * WIDTH[c[0]] for c in self.constants)
        total += batch * sum(product(s) * WIDTH[t] for t, s in self.inputs)
        for (op, _), (t, shape) in zip(self.nodes, types):
            if op["op"] != "Reshape":
                total += batch * product(shape) * WIDTH[t]
        return total

    def run(self, batch, input_blob, weights):
        """Bytes of every node's output."""
        values, at = {}, 0
        for i, (t, shape) in enumerate(self.inputs):
            size = batch * product(shape) * WIDTH[t]
            values["input", i] = unpack(t, input_blob[at : at + size])
            at += size
        assert at == len(input_blob)
        weights = list(weights)
        for i, (t, shape, data) in enumerate(self.constants):
            data = weights.pop(0) if data is None else data
            assert len(data) == product(shape) * WIDTH[t]
            values["const", i] = unpack(t, data)
        types, out = self.types(), []
        for i, (op, operands) in enumerate(self.nodes):
            args = [values[tuple(o)] for o in operands]
            of = [self.operand_type(types, o) for o in operands]
            values["node", i] = evaluate(op, args, of)
            out.append(pack(types[i][0], values["node", i]))
        return out


# --- operators ----------------------------------------------------------------


def requant(x, m, s, z, lo, hi):
    half = 0 if s == 0 else 2 ** (s - 1)
    return clip((x * m + half) // 2**s + z, lo, hi)


def channel_scale(word):
    word &= 0xFFFFFFFF
    return word % 65536, min(word // 65536 % 64, 62)


def evaluate(op, args, types):
    kind = op["op"]
    if kind == "MatMul":
        return matmul(op, args, types)
    x = args[0]
    if kind == "Requantize":
        if op["scale"] != "channel":
            m, s = op["scale"]
            return [requant(v - op["zx"], m, s, op["z"], op["lo"], op["hi"]) for v in x]
        n, out = types[0][1][-1], []
        for i, v in enumerate(x):
            bias, word = args[1][2 * (i % n)], args[1][2 * (i % n) + 1]
            m, s = channel_scale(word)
            out.append(requant(v - op["zx"] + bias, m, s, op["z"], op["lo"], op["hi"]))
        return out
    if kind == "Clamp":
        return [clip(v, op["lo"], op["hi"]) for v in x]
    if kind == "Lut8":
        return [args[1][v + 128] for v in x]
    if kind == "ArgMax":
        n = types[0][1][-1]
        rows = [x[i : i + n] for i in range(0, len(x), n)]
        return [row.index(max(row)) for row in rows]
    if kind == "Reshape":
        return x
    raise ValueError(kind)


def matmul(op, args, types):
    a, b, rest = args[0], args[1], args[2:]
    n, k = types[1][1]
    zb = rest.pop(0) if op["zb"] == "channel" else [op["zb"]] * n
    params = rest.pop(0) if op["params"] else None
    e = op["epilogue"]
    table = rest.pop(0) if e != "raw" and e.get("lut") else None
    assert not rest
    columns = [[w - zb[j] for w in b[j * k : (j + 1) * k]] for j in range(n)]
    out = []
    for i in range(0, len(a), k):
        row = [v - op["za"] for v in a[i : i + k]]
        for j in range(n):
            v = sum(p * q for p, q in zip(row, columns[j]))
            if params:
                v += params[2 * j]
            if e == "raw":
                out.append(clip(v, low("i32"), high("i32")))
                continue
            m, s = channel_scale(params[2 * j + 1]) if e["scale"] == "channel" else e["scale"]
            v = requant(v, m, s, e["z"], e["lo"], e["hi"])
            out.append(table[v + 128] if table else v)
    return out


# --- BLAKE3 -------------------------------------------------------------------

IV = [
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MIX = [
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
]


def compress(cv, block, counter, flags):
    m = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    v = cv + IV[:4] + [counter & 0xFFFFFFFF, counter >> 32, len(block), flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(MIX):
            for x, r, q in ((m[2 * i], 16, 12), (m[2 * i + 1], 8, 7)):
                v[a] = (v[a] + v[b] + x) & 0xFFFFFFFF
                w = v[d] ^ v[a]
                v[d] = (w >> r | w << (32 - r)) & 0xFFFFFFFF
                v[c] = (v[c] + v[d]) & 0xFFFFFFFF
                w = v[b] ^ v[c]
                v[b] = (w >> q | w << (32 - q)) & 0xFFFFFFFF
        m = [m[i] for i in ORDER]
    return [v[i] ^ v[i + 8] for i in range(8)]


def words(cv):
    return struct.pack("<8I", *cv)


def chunk_value(index, data, root):
    cv, at = IV, 0
    while True:
        block = data[at : at + 64]
        flags = CHUNK_START if at == 0 else 0
        last = at + 64 >= len(data)
        if last:
            flags |= CHUNK_END | (ROOT if root else 0)
        cv = compress(cv, block, index, flags)
        at += 64
        if last:
            return words(cv)


def left_chunks(count):
    """The largest power of two below count."""
    return 1 << ((count - 1).bit_length() - 1)


def tree_value(first, data, root):
    count = max(1, -(-len(data) // 1024))
    if count == 1:
        return chunk_value(first, data, root)
    cut = left_chunks(count)
    block = tree_value(first, data[: cut * 1024], False) + tree_value(first + cut, data[cut * 1024 :], False)
    return words(compress(IV, block, 0, PARENT | (ROOT if root else 0)))


def blake3(data):
    return tree_value(0, data, True)


def make_slice(data, ranges):
    """The proof of the chunks that hold these byte ranges."""
    wanted = set()
    for start, end in ranges:
        wanted.update(range(start // 1024, -(-end // 1024)))

    def part(first, data):
        count = max(1, -(-len(data) // 1024))
        if not wanted.intersection(range(first, first + count)):
            return tree_value(first, data, False)
        if count == 1:
            return data
        cut = left_chunks(count) * 1024
        return part(first, data[:cut]) + part(first + cut // 1024, data[cut:])

    return part(0, data) if wanted else b""


def output_root(outputs, roots):
    picked = [roots[o] for o in outputs]
    return picked[0] if len(picked) == 1 else blake3(b"".join(picked))
