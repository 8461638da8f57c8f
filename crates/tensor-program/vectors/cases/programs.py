"""Rules of the whole program, and of its encoding."""

import struct

from cases.common import *  # noqa: F403


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

    out += [transformer_case(), network_case()]

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


class Builder:
    """Appends constants and nodes and hands out what reads them."""

    def __init__(self, inputs, max_batch):
        self.inputs, self.max_batch = inputs, max_batch
        self.constants, self.nodes, self.weights, self.seed = [], [], [], 900

    def weight(self, t, *shape, data=None):
        self.seed += 1
        self.weights.append(data or noise(self.seed, product(shape) * WIDTH[t]))
        self.constants.append((t, list(shape), None))
        return "const", len(self.constants) - 1

    def params(self, n, m, s):
        """Small biases, and scales around m / 2^s."""
        pairs = [v for i in range(n) for v in (37 * i - 90, (m + i) | s << 16)]
        return self.weight("i32", n, 2, data=raw(pack("i32", pairs)))

    def norm_params(self, n):
        pairs = [v for i in range(n) for v in (200 + i, 5000 * i - 9000)]
        return self.weight("i32", n, 2, data=raw(pack("i32", pairs)))

    def node(self, op, *operands):
        self.nodes.append((op, list(operands)))
        return "node", len(self.nodes) - 1

    def program(self, *outputs):
        return Program(self.inputs, self.constants, self.nodes, [i for _, i in outputs], self.max_batch)


def transformer():
    """A decoder layer with grouped heads, and every operator that is not of images."""
    b = Builder([("i32", [6]), ("i8", [6])], 3)
    ids, mask = ("input", 0), ("input", 1)
    tokens = b.node({"op": "Gather"}, b.weight("i16", 20, 8), ids)
    normed = b.node(rmsnorm(rq(20000, 28), 1 << 20, True), tokens, b.norm_params(8))

    def project(x, n, k, out="i8", m=20000, s=21):
        return b.node(matmul(0, 0, True, req("channel", out=out)), x, b.weight("i8", n, k), b.params(n, m, s))

    def turn(x, pairs):
        return b.node(rope(rq(32000, 30), pairs, 1), x, b.weight("i16", 8, 2, 2))

    q = b.node(transpose(1, 0, 2), b.node(reshape(6, 2, 4), project(normed, 8, 8)))
    k = b.node(transpose(1, 0, 2), b.node(reshape(6, 1, 4), project(normed, 4, 8)))
    v = b.node(transpose(1, 2, 0), b.node(reshape(6, 1, 4), project(normed, 4, 8)))
    scores = b.node(batchmatmul(0, 0, req((20000, 20), out="i16")), turn(q, "halves"), turn(k, "neighbours"))
    p = b.node(softmax(rq(1, 7, -128), GENTLE, STEEP, True, True), scores, mask)
    mixed = b.node(batchmatmul(-128, 0, req((20000, 22))), p, v)
    joined = b.node(reshape(6, 8), b.node(transpose(1, 0, 2), mixed))
    residual = b.node(add(1 << 14, 5000, 14, out="i16"), tokens, project(joined, 8, 8, "i16", 30000, 18))
    normed = b.node(layernorm(rq(20000, 28), 1 << 20, True), residual, b.norm_params(8))
    wide = b.node(matmul(0, 0, True, req("channel", lut=True)), normed, b.weight("i8", 16, 8), b.params(16, 20000, 21), b.weight("i8", 256))
    residual = b.node(add(1 << 14, -5000, 14, out="i16"), residual, project(wide, 8, 16, "i16", 30000, 18))
    last = b.node({"op": "Lut16"}, residual, b.weight("i16", 513))
    pooled = b.node(rowmean(rq(1, 8, out="i16"), 3, True), b.node(transpose(1, 0), last), mask)
    most = b.node({"op": "RowMax"}, last)
    sums = b.node({"op": "AddBias"}, b.node(rowsum(-5), last), b.weight("i32", 6, data=i32(9000, -9000, 5, -5, 1, 0)))
    sums = b.node(requantise("i8", (20000, 24), 1), sums)
    sizes_ = b.node({"op": "Abs"}, sums)
    longer = b.node(pad([1], [3], -9), b.node(concat(0), sums, sizes_))
    best = b.node(topk(3), b.node(cut(0, 1, 7, 2), longer))
    chosen = b.node({"op": "Select"}, mask, sums, sizes_)
    squares = b.node(clamp(-50, 50), b.node(mul(rq(20000, 36)), pooled, pooled))
    first = b.node({"op": "ArgMax"}, pooled)
    data = join(i32(0, 19, 7, 7, 25, -1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14), i8(1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    return b.program(best, chosen, squares, first, most), 3, data, b.weights


def network():
    """A small convolutional network."""
    b = Builder([("i8", [8, 8, 3])], 4)
    first = conv(window(pad=(1, 1, 1, 1)), 1, -5, "channel", True, req("channel", lut=True))
    x = b.node(first, ("input", 0), b.weight("i8", 8, 3, 3, 3), b.weight("i8", 8), b.params(8, 20000, 22), b.weight("i8", 256))
    x = b.node(maxpool((3, 3), window((2, 2), pad=(1, 1, 0, 0))), x)
    x = b.node(conv(window(pad=(1, 0, 1, 0)), 8, 4, 0, False, req((20000, 21), -128, -128)), x, b.weight("i8", 8, 3, 1, 1))
    x = b.node(avgpool((2, 2), window((2, 2)), rq(1, 8), False, -128), x)
    x = b.node(conv(za=3, zb=-2), x, b.weight("i8", 16, 1, 1, 8))
    x = b.node({"op": "AddBias"}, x, b.weight("i32", 16, data=ramp("i32", -8000, 1000, 16)))
    x = b.node(requantise("i8", "channel", 5, 5), x, b.params(16, 20000, 22))
    x = b.node(reshape(64), x)
    x = b.node(matmul(5, 0), x, b.weight("i8", 10, 64))
    return b.program(b.node({"op": "ArgMax"}, x), x), 3, noise(77, 576), b.weights


def transformer_case():
    return case("a transformer layer", *transformer())


def network_case():
    return case("a convolutional network", *network())
