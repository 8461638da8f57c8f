"""An independent implementation of tensor programs, for vectors and importers.

Pure Python, big integers, no dependency. It shares no code with the Rust crate: it
encodes programs, hashes, makes slices and fraud proofs, computes cost, and runs every
operator of `operators.py` from the formulas of docs/spec/tensor-program.md. Slow and
obvious on purpose.
"""

import hashlib
import struct

from operators import DTYPE, OPERATORS, WIDTH, clip, compact, enc_list, high, low, product  # noqa: F401


def pack(t, values):
    return struct.pack("<%d%s" % (len(values), {"i8": "b", "i16": "h", "i32": "i"}[t]), *values)


def unpack(t, data):
    count = len(data) // WIDTH[t]
    return list(struct.unpack("<%d%s" % (count, {"i8": "b", "i16": "h", "i32": "i"}[t]), data))


# --- encoding -----------------------------------------------------------------


def enc_type(t, shape):
    return bytes([DTYPE[t]]) + enc_list([struct.pack("<I", axis) for axis in shape])


def enc_op(op):
    kind = OPERATORS[op["op"]]
    return bytes([kind.index]) + kind.encode(op)


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
            types.append(OPERATORS[op["op"]].infer(op, of))
        return types

    def cost(self, batch):
        """macs, ops, bytes, nodes, load."""
        types = self.types()
        macs = ops = moved = 0
        for (op, operands), (t, shape) in zip(self.nodes, types):
            if op["op"] == "Reshape":
                continue
            of = [self.operand_type(types, o) for o in operands]
            macs += batch * OPERATORS[op["op"]].macs(op, of, (t, shape))
            ops += batch * OPERATORS[op["op"]].ops(op, of, (t, shape))
            moved += 2 * batch * product(shape) * WIDTH[t]
            for operand, (ot, oshape) in zip(operands, of):
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

    def values(self, batch, input_blob, weights):
        """Elements of every input and constant, all samples in one list."""
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
        assert not weights
        return values

    def sample(self, node, types, values, b):
        """Types and elements of a node's operands in sample b."""
        operands = self.nodes[node][1]
        of, args = [self.operand_type(types, o) for o in operands], []
        for operand, (_, shape) in zip(operands, of):
            size = product(shape)
            start = 0 if operand[0] == "const" else b * size
            args.append(values[tuple(operand)][start : start + size])
        return of, args

    def run(self, batch, input_blob, weights):
        """Bytes of every node's output."""
        values, types, out = self.values(batch, input_blob, weights), self.types(), []
        for i, (op, _) in enumerate(self.nodes):
            done = []
            for b in range(batch):
                done += OPERATORS[op["op"]].run(op, *self.sample(i, types, values, b))
            values["node", i] = done
            out.append(pack(types[i][0], done))
        return out

    def prove(self, batch, input_blob, weights, nodes, node, element, witness=None):
        """The proof of one element of a claim, whose bytes are `nodes`, and its verdict:
        convicted, upheld, or refused if the witness is none."""
        op, operands = self.nodes[node]
        kind = OPERATORS[op["op"]]
        if op["op"] == "Reshape":
            wrong = nodes[node] != nodes[operands[0][1]]
            return fraud_proof(node, 0, None, b"", [b""]), "convicted" if wrong else "upheld"
        types, values = self.types(), self.values(batch, input_blob, weights)
        for i, (t, _) in enumerate(types):
            values["node", i] = unpack(t, nodes[i])
        t, shape = types[node]
        size = product(shape)
        b, r = divmod(element, size)
        of, args = self.sample(node, types, values, b)
        claimed = values["node", node][b * size : (b + 1) * size]

        opened = [(element * WIDTH[t], (element + 1) * WIDTH[t])]
        if op["op"] == "TopK":
            first = element - element % op["k"]
            opened = [(first * WIDTH[t], (first + op["k"]) * WIDTH[t])]
        if hasattr(kind, "convicts"):
            wrong = kind.convicts(op, of, args, r, (claimed, witness))
        else:
            wrong = None if witness is not None else kind.run(op, of, args)[r] != claimed[r]
        verdict = {True: "convicted", False: "upheld", None: "refused"}[wrong]

        roots = [i for i, c in enumerate(self.constants) if c[2] is None]
        slices = []
        needed = kind.needs(op, of, args, r, (claimed, witness))
        assert len(needed) == len(operands)
        for (source, index), (ot, oshape), ranges in zip(operands, of, needed):
            if source == "const":
                content, offset = (weights[roots.index(index)] if index in roots else None), 0
            elif source == "node":
                content, offset = nodes[index], b * product(oshape) * WIDTH[ot]
            else:
                before = sum(product(s) * WIDTH[w] for w, s in self.inputs[:index])
                content, offset = input_blob, batch * before + b * product(oshape) * WIDTH[ot]
            spans = [(offset + start * WIDTH[ot], offset + end * WIDTH[ot]) for start, end in ranges]
            slices.append(b"" if content is None else make_slice(content, spans))
        proof = fraud_proof(node, element, witness, make_slice(nodes[node], opened), slices)
        assert len(proof) <= 48 * 1024
        return proof, verdict


def fraud_proof(node, element, witness, claimed, operands):
    def enc(data):
        return compact(len(data)) + data

    return (
        struct.pack("<HQ", node, element)
        + (b"\0" if witness is None else b"\1" + struct.pack("<Q", witness))
        + enc(claimed)
        + enc_list([enc(o) for o in operands])
    )


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
