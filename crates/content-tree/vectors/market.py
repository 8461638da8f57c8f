#!/usr/bin/env python3
"""Writes market.txt: the frozen vectors of athanor-content-tree's `market`.

An independent second implementation: BLAKE3 after its specification, with its keyed, key derivation
and output modes, X25519 after RFC 7748, and the formats after docs/spec/data-market.md, without any
library. Byte i of the goods is i mod 251.

    python3 market.py > market.txt
"""

import json
import sys

from make import IV, ORDER, M, mix

START, END, PARENT, ROOT, KEYED, CONTEXT, MATERIAL = 1, 2, 4, 8, 16, 32, 64
GROUP = 16384


def compress(value, block, counter, flags):
    """All sixteen words of the output."""
    size = len(block)
    block = block + bytes(64 - size)
    m = [int.from_bytes(block[i:i + 4], "little") for i in range(0, 64, 4)]
    s = value + IV[:4] + [counter & M, counter >> 32, size, flags]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate([(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14),
                                          (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12),
                                          (2, 7, 8, 13), (3, 4, 9, 14)]):
            mix(s, a, b, c, d, m[2 * i], m[2 * i + 1])
        m = [m[i] for i in ORDER]
    return [s[i] ^ s[i + 8] for i in range(8)] + [s[i + 8] ^ value[i] for i in range(8)]


def as_bytes(words):
    return b"".join(w.to_bytes(4, "little") for w in words)


def as_words(data):
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


def left_part(count):
    part = 1
    while part * 2 < count:
        part *= 2
    return part


class Node:
    """The last compression of a subtree, not done yet."""

    def __init__(self, value, block, counter, flags):
        self.args = value, block, counter, flags

    def value(self):
        return as_bytes(compress(*self.args)[:8])

    def output(self, size):
        value, block, _, flags = self.args
        out = b"".join(as_bytes(compress(value, block, i, flags | ROOT))
                       for i in range(-(-size // 64)))
        return out[:size]


def chunk_node(chunk, index, key, flags):
    blocks = [chunk[i:i + 64] for i in range(0, len(chunk), 64)] or [b""]
    value = key
    for i, block in enumerate(blocks[:-1]):
        value = compress(value, block, index, flags | (START if i == 0 else 0))[:8]
    last = END | (START if len(blocks) == 1 else 0)
    return Node(value, blocks[-1], index, flags | last)


def parent_node(left, right, key=IV, flags=0):
    return Node(key, left + right, 0, flags | PARENT)


def tree_node(data, first=0, key=IV, flags=0):
    count = max(1, -(-len(data) // 1024))
    if count == 1:
        return chunk_node(data, first, key, flags)
    middle = left_part(count)
    left = tree_node(data[:middle * 1024], first, key, flags)
    right = tree_node(data[middle * 1024:], first + middle, key, flags)
    return parent_node(left.value(), right.value(), key, flags)


def blake3(data, size=32):
    return tree_node(data).output(size)


def keyed(key, data, size=32):
    return tree_node(data, 0, as_words(key), KEYED).output(size)


def derive_key(context, material):
    key = tree_node(context, 0, IV, CONTEXT).output(32)
    return tree_node(material, 0, as_words(key), MATERIAL).output(32)


def D(label, *parts):
    return derive_key(b"athanor/data-market/v1/" + label.encode(), b"".join(parts))


P = 2 ** 255 - 19


def x25519(scalar, point):
    """RFC 7748, section 5."""
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    u = int.from_bytes(point, "little") & (2 ** 255 - 1)
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        da, cb = (x3 - z3) * a, (x3 + z3) * b
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, x3, z2, z3 = x3, x2, z3, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


NINE = (9).to_bytes(32, "little")


def u64(number):
    return number.to_bytes(8, "little")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Tree:
    """The tree of groups: values, nodes in pre-order, paths."""

    def __init__(self, data):
        self.count = -(-len(data) // GROUP)
        self.groups = [data[i * GROUP:(i + 1) * GROUP] for i in range(self.count)]
        self.leaves = [tree_node(g, 16 * i) for i, g in enumerate(self.groups)]
        if self.count == 1:
            self.cvs, self.root = [blake3(data)], blake3(data)
        else:
            self.cvs = [leaf.value() for leaf in self.leaves]
            self.root = self.node(0, self.count).output(32)

    def node(self, start, count):
        left = left_part(count)
        return parent_node(self.value(start, left), self.value(start + left, count - left))

    def value(self, start, count):
        return self.cvs[start] if count == 1 else self.node(start, count).value()

    def outboard(self, start=0, count=None):
        count = count or self.count
        if count == 1:
            return b""
        left = left_part(count)
        return (self.value(start, left) + self.value(start + left, count - left)
                + self.outboard(start, left) + self.outboard(start + left, count - left))

    def path(self, index, start=0, count=None):
        count = count or self.count
        if count == 1:
            return []
        left = left_part(count)
        if index < start + left:
            return self.path(index, start, left) + [self.value(start + left, count - left)]
        return self.path(index, start + left, count - left) + [self.value(start, left)]


def compact(number):
    """SCALE's compact integer."""
    if number < 1 << 6:
        return bytes([number << 2])
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    return (number << 2 | 2).to_bytes(4, "little")


def evidence(b, index=None, z=None, x=None):
    if index is None:
        return b + b"\0"
    paths = [compact(len(t.path(index))) + b"".join(t.path(index)) for t in (z, x)]
    group = z.groups[index]
    return (b + b"\1" + u64(index) + compact(len(group)) + group + paths[0]
            + x.cvs[index] + paths[1])


def filled(byte, size=32):
    return bytes([byte]) * size


def say(name, *values):
    print(name, *(v.hex() if isinstance(v, bytes) else v for v in values))


GENESIS, SELLER, SEED, BUYER_SEED = filled(1), filled(2), filled(3), filled(4)
NONCE, BUYER_NONCE, LISTING, ORDER_ID = filled(5, 16), filled(6, 16), 7, 0x0102030405060708


def sale(length, garbled):
    """One sale; `garbled` is the group whose first byte the seller has flipped in z."""
    x_tree = Tree(goods(length))
    ctx = D("seal", GENESIS, SELLER, x_tree.root, u64(length), NONCE)
    k = D("seal-key", SEED, ctx)
    commitment = D("commit", ctx, k)
    cipher = D("cipher", ctx, k)
    z = [xor(g, keyed(cipher, u64(i), len(g))) for i, g in enumerate(x_tree.groups)]
    z[garbled] = bytes([z[garbled][0] ^ 1]) + z[garbled][1:]
    z_tree = Tree(b"".join(z))
    b = D("buyer-key", BUYER_SEED, GENESIS, u64(LISTING), BUYER_NONCE)
    public_b = x25519(b, NINE)
    e = D("wrap-key", SEED, ctx, u64(ORDER_ID), public_b)
    public_e = x25519(e, NINE)
    shared = x25519(e, public_b)
    assert shared == x25519(b, public_e)
    c = xor(k, D("wrap", ctx, u64(ORDER_ID), public_b, public_e, shared))
    say("sale", length, garbled)
    say("x_root", x_tree.root)
    say("x_outboard", len(x_tree.outboard()), blake3(x_tree.outboard()))
    say("ctx", ctx)
    say("k", k)
    say("h_k", commitment)
    say("keystream", *(blake3(keyed(cipher, u64(i), len(g)))
                       for i, g in enumerate(x_tree.groups)))
    say("z_root", z_tree.root)
    say("z_outboard", len(z_tree.outboard()), blake3(z_tree.outboard()))
    say("seal_id", D("seal-id", ctx, z_tree.root, commitment))
    say("b", b)
    say("B", public_b)
    say("e", e)
    say("E", public_e)
    say("c", c)
    proof = evidence(b, garbled, z_tree, x_tree)
    say("evidence", len(proof), blake3(proof))
    if len(proof) < 1000:
        say("whole", proof)
    say("key_evidence", evidence(b))


def container(payload):
    x = salted(goods(payload))
    say("container", payload, len(x), blake3(x))


def octal(number, size):
    return f"{number:0{size - 1}o}".encode() + b"\0"


def tar_header(name, size, kind):
    """ustar with mode 0644, ids and times 0, and the sum of its bytes with its own field as blanks."""
    start = name.encode().ljust(100, b"\0") + octal(0o644, 8) + 2 * octal(0, 8)
    start += octal(size, 12) + octal(0, 12)
    end = kind + bytes(100) + b"ustar\x0000" + bytes(64) + bytes(16) + bytes(167)
    header = start + octal(sum(start + b" " * 8 + end), 8) + end
    assert len(header) == 512
    return header


def padded(data):
    return data + bytes(-len(data) % 512)


def tar_entry(path, data):
    if path.isascii() and len(path) <= 100:
        return tar_header(path, len(data), b"0") + padded(data)
    rest = f" path={path}\n".encode()
    size = next(n for n in range(len(rest), 9999) if len(str(n)) + len(rest) == n)
    record = str(size).encode() + rest
    head = tar_header("PaxHeader", len(record), b"x") + padded(record)
    return head + tar_header("pax", len(data), b"0") + padded(data)


def goods(length):
    return bytes(i % 251 for i in range(length))


def salted(payload):
    room = GROUP - 32
    groups = [payload[i:i + room] for i in range(0, len(payload), room)]
    return b"".join(keyed(filled(8), u64(i)) + g for i, g in enumerate(groups))


def packed(files):
    files = sorted(files, key=lambda file: file[0].encode())
    entries = [{"path": path, "length": length, "blake3": blake3(goods(length)).hex()}
               for path, length in files]
    manifest = json.dumps({"athanor": 1, "files": entries}, separators=(",", ":"),
                          ensure_ascii=False).encode()
    tar = tar_entry("athanor.json", manifest)
    tar += b"".join(tar_entry(path, goods(length)) for path, length in files) + bytes(1024)
    header = b"ATHDATA1" + bytes([1, 0, 0, 0]) + len(files).to_bytes(4, "little")
    x = salted(header + u64(len(tar)) + u64(0) + tar)
    say("packed", len(x), blake3(x), *(f"{path}:{length}" for path, length in files))


def sample_seed(root):
    return D("sample", *(filled(0x10 + i) for i in range(8)), root)


def draw(seed, count, wanted):
    limit = (2 ** 64 - 1) // count * count
    size, drawn = 64, []
    while len(drawn) < min(wanted, count):
        out, drawn = keyed(seed, b"", size), []
        for i in range(0, size, 8):
            number = int.from_bytes(out[i:i + 8], "little")
            if number < limit and number % count not in drawn:
                drawn.append(number % count)
        drawn, size = drawn[:wanted], size * 2
    return sorted(drawn)


def sample(length, wanted):
    seed = sample_seed(filled(9))
    drawn = draw(seed, -(-length // GROUP), wanted)
    say("sample", length, wanted, seed, ",".join(map(str, drawn)))


def sample_file(length, wanted):
    tree = Tree(goods(length))
    drawn = draw(sample_seed(tree.root), tree.count, wanted)
    file = b"".join(u64(i) + tree.groups[i] + b"".join(tree.path(i)) for i in drawn)
    say("sample_file", length, wanted, len(file), blake3(file))


def main():
    assert keyed(b"whats the Elvish word for friend", b"").hex().startswith("92b2b75604ed3c76")
    print("# Made by market.py, from docs/spec/data-market.md. Byte i of the goods is i mod 251.")
    print("# sale: L, then the group whose first byte is flipped in z; keystream, evidence and the")
    print("#   outboards as BLAKE3 of their bytes, the latter two after their length; whole: SCALE")
    print("# container: bytes of payload, bytes of the container, its root")
    print("# sample: L, groups wanted, seed, groups drawn")
    print("# sample_file: L, groups wanted, bytes of the file, its root")
    print("# packed: bytes of the container, its root, then path:length of each file")
    print("# header: files, bytes of the tar, encoding")
    for length, garbled in [(1, 0), (16383, 0), (16384, 0), (16385, 0), (16385, 1), (32768, 1),
                            (4 * GROUP + 100, 4), (7 * GROUP, 2), (9 * GROUP + 1, 8)]:
        sale(length, garbled)
    for payload in (1, 16351, 16352, 16353, 32704, 50000):
        container(payload)
    header = b"ATHDATA1" + bytes([1, 0, 0, 0]) + (3).to_bytes(4, "little") + u64(10240) + u64(0)
    say("header", 3, 10240, header)
    for length, wanted in [(1, 5), (3 * GROUP, 2), (3 * GROUP, 3), (2 ** 40, 12), (999 * GROUP + 1, 59)]:
        sample(length, wanted)
    for length, wanted in [(1, 1), (GROUP + 1, 1), (9 * GROUP + 1, 3)]:
        sample_file(length, wanted)
    packed([("one.csv", 1)])
    packed([("z.bin", 40000), ("a/" + "n" * 120 + "/b.txt", 513), ("\u00e9/empty", 0)])


sys.setrecursionlimit(10000)
if __name__ == "__main__":
    main()
