"""Claims, proofs and verdicts."""

import struct

from cases.common import *  # noqa: F403
from cases.programs import network, transformer
from reference import fraud_proof, make_slice, unpack


def first_proofs():
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


def parts(proof):
    """A proof without its frame: witness, claimed slice, operand slices."""

    def take(at):
        mode = proof[at] & 3
        size = [1, 2, 4][mode]
        return int.from_bytes(proof[at : at + size], "little") >> 2, at + size

    node, element = struct.unpack("<HQ", proof[:10])
    witness, at = (None, 11) if proof[10] == 0 else (struct.unpack("<Q", proof[11:19])[0], 19)
    lists, (length, at) = [], take(at)
    lists.append(proof[at : at + length])
    count, at = take(at + length)
    for _ in range(count):
        length, at = take(at)
        lists.append(proof[at : at + length])
        at += length
    assert at == len(proof)
    return node, element, witness, lists[0], lists[1:]


def flipped(data, at=0):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class Claims:
    """Proofs against true and false claims of one program's run."""

    def __init__(self, name, program, batch, data, weights=()):
        self.name, self.program, self.batch = name, program, batch
        self.data, self.weights = expand(data), [expand(w) for w in weights]
        self.truth = program.run(batch, self.data, self.weights)
        self.out = []

    def wrong(self, node, element, value=None, delta=1):
        """The claim whose one element is another."""
        t = self.program.types()[node][0]
        nodes, elements = list(self.truth), unpack(t, self.truth[node])
        changed = elements[element] + delta if value is None else value
        if not low(t) <= changed <= high(t):
            changed = elements[element] - delta
        elements[element] = changed
        nodes[node] = pack(t, elements)
        for i, (op, operands) in enumerate(self.program.nodes):
            if op["op"] == "Reshape" and operands[0][0] == "node":
                nodes[i] = nodes[operands[0][1]]
        return nodes

    def prove(self, nodes, node, element, witness=None):
        return self.program.prove(self.batch, self.data, self.weights, nodes, node, element, witness)

    def add(self, name, nodes, proof, verdict):
        self.out.append({
            "name": f"{self.name}, {name}", "program": self.program.encoded().hex(), "batch": self.batch,
            "input_root": blake3(self.data).hex(), "weights": [blake3(w).hex() for w in self.weights],
            "trace": [blake3(v).hex() for v in nodes], "proof": proof.hex(), "verdict": verdict,
        })  # fmt: skip

    def judged(self, name, nodes, node, element, expected, witness=None):
        proof, verdict = self.prove(nodes, node, element, witness)
        assert verdict == expected, (self.name, name, verdict)
        self.add(name, nodes, proof, verdict)

    def element(self, node, element, delta=1):
        """One element, wrong and true."""
        wrong = self.wrong(node, element, delta=delta)
        self.judged(f"wrong element {element}", wrong, node, element, "convicted")
        self.judged(f"true element {element}", self.truth, node, element, "upheld")

    def refusals(self, node, element, frame=False):
        """A proof that would convict, with one thing wrong at a time; `frame`: also what
        no operator decides."""
        wrong = self.wrong(node, element)
        _, _, _, claimed, operands = parts(self.prove(wrong, node, element)[0])

        def add(name, *proof):
            self.add(name, wrong, fraud_proof(*proof), "refused")

        add("a witness that nobody asks for", node, element, 0, claimed, operands)
        add("a claimed slice with another byte", node, element, None, flipped(claimed), operands)
        for i, data in enumerate(operands):
            changed = list(operands)
            changed[i] = flipped(data, len(data) - 1) if data else b"\0"
            add(f"operand {i} with {'another byte' if data else 'a slice that nothing reads'}", node, element, None, claimed, changed)
            if frame and data:
                changed[i] = b""
                add(f"operand {i} without its slice", node, element, None, claimed, changed)
        count = product(self.program.types()[node][1]) * self.batch
        add("an element that does not exist", node, count, None, claimed, operands)
        if frame:
            add("no claimed slice", node, element, None, b"", operands)
            add("a slice too few", node, element, None, claimed, operands[:-1])
            add("a slice too many", node, element, None, claimed, [*operands, b""])
            add("a node that does not exist", len(self.truth), element, None, claimed, operands)


def beside(t, op, shape, more=(), constants=(), operands=None, max_batch=4):
    """A node that reads input 1 and not the first byte of the blob: input 0 is the
    operand of a node beside it."""
    inputs = [("i32", [3]), (t, shape), *more]
    if operands is None:
        operands = [("input", i) for i in range(1, len(inputs))] + [("const", i) for i in range(len(constants))]
    return Program(inputs, list(constants), [(op, operands), (clamp(-5, 5), [("input", 0)])], [0, 1], max_batch)


def blob(program, batch, seed):
    return noise(seed, batch * sum(product(s) * WIDTH[t] for t, s in program.inputs))


def loads(program, seed):
    return [noise(seed + i, product(s) * WIDTH[t]) for i, (t, s, data) in enumerate(program.constants) if data is None]


def operator_proofs():
    every = req("channel", lut=True)
    linear = [("i8", [4], None), ("i32", [4, 2], None), ("i16", [256], None)]
    mask = [("i8", [6])]
    programs = [
        ("BatchMatMul", beside("i8", batchmatmul(3, -4, req((20000, 19), lut=True)), [2, 3, 5], [("i8", [1, 4, 5])], [("i16", [256], None)])),
        ("Conv2d", beside("i8", conv(window((2, 1), (1, 2), (1, 2, 0, 1)), 2, 5, "channel", True, every), [4, 5, 4], (), [("i8", [4, 3, 2, 2], None), *linear])),
        ("AddBias", beside("i32", {"op": "AddBias"}, [3, 5], (), [("i32", [5], None)])),
        ("Requantize per channel", beside("i16", requantise("i8", "channel", 3, zx=-9), [3, 5], (), [("i32", [5, 2], None)])),
        ("Add", beside("i16", add(3 << 12, -5 << 9, 14, 5, -7, 2), [3, 1, 4], [("i8", [1, 5, 1])])),
        ("Mul", beside("i16", mul(rq(30000, 26), 100, -3), [2, 3], (), [("i8", [3], None)])),
        ("Clamp", beside("i8", clamp(-40, 60), [7])),
        ("Abs", beside("i16", {"op": "Abs"}, [7])),
        ("Select", beside("i16", {"op": "Select"}, [2, 3], [("i8", [1, 3])], [("i16", [3], None)], [("input", 2), ("input", 1), ("const", 0)])),
        ("Lut8", beside("i8", {"op": "Lut8"}, [7], (), [("i32", [256], None)])),
        ("Lut16", beside("i16", {"op": "Lut16"}, [7], (), [("i16", [513], None)])),
        ("RowSum", beside("i8", rowsum(5), [3, 7])),
        ("RowMax", beside("i16", {"op": "RowMax"}, [3, 7])),
        ("RowMean", beside("i16", rowmean(rq(20000, 20), 9, True), [3, 6], mask)),
        ("Softmax of i8", beside("i8", softmax(rq(1, 7, -128), STEEP, None, True, True), [3, 6], mask)),
        ("Softmax of i16", beside("i16", softmax(rq(3, 3, out="i16"), GENTLE, STEEP), [2, 6])),
        ("LayerNorm", beside("i16", layernorm(rq(20000, 40), 12345, True), [3, 6], (), [("i32", [6, 2], None)])),
        ("RmsNorm", beside("i8", rmsnorm(rq(30000, 20), 99, False, 3), [3, 6])),
        ("Transpose", beside("i16", transpose(2, 0, 1), [2, 3, 4])),
        ("Slice", beside("i8", cut(1, 2, 3, 2), [2, 7])),
        ("Concat", beside("i8", concat(1), [2, 3], [("i8", [2, 2])], [("i8", [2, 4], None)])),
        ("Pad", beside("i16", pad([1, 0], [0, 2], -300), [2, 3])),
        ("Gather", beside("i16", {"op": "Gather"}, [4], (), [("i8", [9, 3], None)], [("const", 0), ("input", 1)])),
        ("Gather from an inline table", beside("i8", {"op": "Gather"}, [4], (), [("i16", [3, 2], bytes(range(12)))], [("const", 0), ("input", 1)])),
        ("Rope of halves", beside("i8", rope(rq(20000, 29), "halves", 2, 5), [2, 3, 4], (), [("i16", [5, 2, 2], None)])),
        ("Rope of neighbours", beside("i16", rope(rq(20000, 29, out="i16"), "neighbours"), [3, 4], (), [("i16", [3, 2, 2], None)])),
        ("MaxPool2d", beside("i8", maxpool((2, 3), window((1, 2), (2, 1), (1, 1, 2, 0))), [4, 5, 3])),
        ("AvgPool2d", beside("i16", avgpool((2, 2), window((2, 1), pad=(1, 0, 0, 1)), rq(1, 8, out="i16"), True, 3), [3, 3, 2])),
    ]  # fmt: skip
    out = []
    for i, (name, p) in enumerate(programs):
        batch = 2
        claims = Claims(name, p, batch, blob(p, batch, 500 + i), loads(p, 600 + i))
        count = product(p.types()[0][1]) * batch
        claims.element(0, 0, delta=100)
        claims.element(0, count - 1)
        claims.judged("a true element beside a wrong one", claims.wrong(0, 1), 0, 0, "upheld")
        claims.refusals(0, count - 1, frame=name in ("Conv2d", "Concat", "Pad"))
        out += claims.out
    return out


def long_row_proofs():
    """Rows, tensors and witnesses that stretch over many chunks."""
    out = []
    for name, p, elements in [
        ("BatchMatMul of long rows", beside("i16", batchmatmul(0, 7, req((20000, 35), out="i16")), [2, 2, 900], [("i8", [2, 3, 900])]), [11]),
        ("Conv2d of many channels", beside("i8", conv(window(pad=(1, 1, 1, 1)), 1, -9, 3, epilogue=req((20000, 28))), [2, 2, 300], (), [("i8", [2, 3, 3, 300], None)]), [15]),
        ("Add with a constant", beside("i32", add(1 << 30, -(1 << 20), 31, out="i32"), [2, 300], (), [("i32", [300], None)]), [1199]),
        ("RowMean of a long row", masked(rowmean(rq(20000, 20), 9, True), "i16", [2, 3000], 2), [3]),
        ("Softmax of a long row", masked(softmax(rq(20000, 10), GENTLE, STEEP, True), "i16", [2, 2000], 1), [3999]),
        ("LayerNorm of a long row", one(layernorm(rq(20000, 25), 7), [("i8", [2, 4000])], max_batch=2), [4001]),
        ("Transpose across chunks", one(transpose(1, 0), [("i16", [64, 65])], max_batch=2), [4160]),
        ("Gather from many chunks", one({"op": "Gather"}, [("i32", [3])], [("i16", [5000, 2], None)], 4, operands=[("const", 0), ("input", 0)]), [5]),
    ]:
        batch = p.max_batch
        claims = Claims(name, p, batch, blob(p, batch, 700), loads(p, 710))
        for e in elements:
            claims.element(0, e)
        out += claims.out
    return out


def far_proofs():
    """A wrong element in another chunk than the first, for the operators whose proofs
    above stay inside one."""
    image = ("i8", [8, 8, 70])
    programs = [
        ("AddBias", one({"op": "AddBias"}, [("i32", [2, 600])], [("i32", [600], None)])),
        ("Requantize", one(requantise("i8", "channel"), [("i16", [700])], [("i32", [700, 2], None)])),
        ("Mul", one(mul(rq(30000, 20)), [("i8", [2, 1100])], [("i8", [1100], None)])),
        ("Select", one({"op": "Select"}, [("i8", [2, 1]), ("i8", [1, 1300]), ("i8", [2, 1300])])),
        ("RowSum", one(rowsum(3), [("i8", [2, 1500])])),
        ("RowMax", one({"op": "RowMax"}, [("i16", [2, 800])])),
        ("RmsNorm", one(rmsnorm(rq(20000, 24), 9, True), [("i8", [2, 700])], [("i32", [700, 2], None)])),
        ("Slice", one(cut(0, 1, 2, 2), [("i16", [4, 700])])),
        ("Concat", one(concat(0), [("i8", [1, 900])], [("i8", [2, 900], None)])),
        ("Pad", one(pad([1, 3], [0, 0], -1), [("i8", [2, 900])])),
        ("Rope", one(rope(rq(20000, 29), "halves", 3), [("i8", [2, 3, 400])], [("i16", [6, 200, 2], None)])),
        ("Rope of neighbours", one(rope(rq(20000, 29), "neighbours", 3), [("i8", [2, 3, 400])], [("i16", [6, 200, 2], None)])),
        ("MaxPool2d", one(maxpool((2, 2), window((1, 1), (3, 4))), [image])),
        ("AvgPool2d", one(avgpool((2, 1), window((2, 1), (2, 1), (1, 0, 1, 0)), rq(1, 8)), [image])),
        ("Conv2d", one(conv(window((2, 1), (2, 3), (1, 0, 0, 2)), 2, 3, -1, epilogue=req((20000, 22))), [image], [("i8", [4, 2, 2, 35], None)])),
    ]  # fmt: skip
    out = []
    for i, (name, p) in enumerate(programs):
        claims = Claims(f"{name} far into the operands", p, 2, blob(p, 2, 850 + i), loads(p, 870 + i))
        size = product(p.types()[0][1])
        for e in [2 * size - 1, size + size // 2 - 1][: 1 if i % 2 else 2]:
            claims.judged(f"wrong element {e}", claims.wrong(0, e), 0, e, "convicted")
        out += claims.out
    return out


def topk_proofs():
    """Row 1 of two holds the claim; k is 3 of 10."""
    rows = [[5, 5, 5, 5, 5, 5, 5, 5, 5, 5], [3, 9, 9, 1, -4, 9, 7, 3, 0, 7]]
    p = one(topk(3), [("i16", [10])], max_batch=2)
    claims = Claims("TopK", p, 2, i16(*rows[0], *rows[1]))
    true = claims.truth
    assert unpack("i32", true[0]) == [0, 1, 2, 1, 2, 5]

    def of(*indices):
        return [pack("i32", [0, 1, 2, *indices])]

    for e in range(6):
        claims.judged(f"true element {e}", true, 0, e, "upheld")
    claims.judged("true row, a witness that is claimed", true, 0, 5, "upheld", 2)
    claims.judged("true row, a witness that does not beat the last", true, 0, 5, "upheld", 6)
    claims.judged("true row of equal values, a later witness", true, 0, 2, "upheld", 3)
    claims.judged("two indices the wrong way round", of(2, 1, 5), 0, 4, "convicted")
    claims.judged("two indices the wrong way round, at the first", of(2, 1, 5), 0, 3, "upheld")
    claims.judged("an index twice", of(1, 1, 2), 0, 4, "convicted")
    claims.judged("a value out of order", of(1, 6, 2), 0, 5, "convicted")
    claims.judged("a missing index", of(1, 2, 6), 0, 5, "convicted", 5)
    claims.judged("a missing index, without the witness", of(1, 2, 6), 0, 5, "upheld")
    claims.judged("a missing index, a witness that does not beat it", of(1, 2, 6), 0, 5, "upheld", 9)
    claims.judged("a later one of equal values", of(1, 2, 9), 0, 5, "convicted", 5)
    claims.judged("the first is missing, all in order", of(2, 5, 6), 0, 5, "convicted", 1)
    claims.judged("an earlier one of equal values is missing", [pack("i32", [0, 1, 3, 1, 2, 5])], 0, 2, "convicted", 2)
    for j in range(3):
        for bad in [-1, 10, 2**31 - 1, -(2**31)]:
            row = [1, 2, 5]
            row[j] = bad
            claims.judged(f"index {bad} at {j}", of(*row), 0, 3 + j, "convicted")
    claims.judged("an index outside before this one", of(-1, 2, 5), 0, 4, "upheld")
    claims.judged("a witness for a row that ends outside", of(1, 2, 10), 0, 5, "refused", 5)
    claims.judged("a witness at another element than the last", of(1, 6, 2), 0, 4, "refused", 2)
    claims.judged("a witness outside the row", true, 0, 5, "refused", 10)
    claims.judged("a witness far outside the row", true, 0, 5, "refused", 2**64 - 1)
    _, _, _, claimed, operands = parts(claims.prove(of(2, 1, 5), 0, 4)[0])
    claims.add("a claimed slice with another byte", of(2, 1, 5), fraud_proof(0, 4, None, flipped(claimed), operands), "refused")
    claims.add("an operand with another byte", of(2, 1, 5), fraud_proof(0, 4, None, claimed, [flipped(operands[0])]), "refused")

    p = one(topk(64), [("i8", [3, 3000])], max_batch=2)
    long = Claims("TopK of long rows", p, 2, noise(820, 18000))
    last = 64 * 4 + 63
    long.judged("true element", long.truth, 0, last, "upheld")
    long.judged("wrong element", long.wrong(0, last, 2999), 0, last, "convicted", unpack("i32", long.truth[0])[last])
    return claims.out + long.out


def model_proofs():
    """Proofs inside a model, where operands are other nodes' outputs."""
    out = []
    for name, make, kinds in [
        ("a transformer layer", transformer, ["Gather", "Rope", "BatchMatMul", "Softmax", "RowMean", "AddBias"]),
        ("a convolutional network", network, ["MaxPool2d", "Conv2d", "AvgPool2d"]),
    ]:
        p, batch, data, weights = make()
        claims = Claims(name, p, batch, data, weights)
        last = {op["op"]: i for i, (op, _) in enumerate(p.nodes)}
        for kind in kinds:
            node = last[kind]
            e = batch * product(p.types()[node][1]) - 1
            wrong = claims.wrong(node, e)
            claims.judged(f"{kind}, wrong element {e}", wrong, node, e, "convicted")
            claims.judged(f"{kind}, true element {e}", claims.truth, node, e, "upheld")
        out += claims.out
    return out


def proof_cases():
    return first_proofs() + operator_proofs() + far_proofs() + topk_proofs() + long_row_proofs() + model_proofs()
