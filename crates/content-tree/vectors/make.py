#!/usr/bin/env python3
"""Writes slices.txt: the frozen vectors of athanor-content-tree.

An independent second implementation: BLAKE3 after its specification (section 2 of the paper) and
slice proofs after this crate's module documentation, without any library. Byte i of every content
is i mod 251, as in BLAKE3's own test vectors, so the roots can be compared with those.

    python3 make.py > slices.txt
"""

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
START, END, PARENT, ROOT = 1, 2, 4, 8
M = 0xFFFFFFFF


def mix(s, a, b, c, d, x, y):
    s[a] = (s[a] + s[b] + x) & M
    s[d] ^= s[a]
    s[d] = (s[d] >> 16 | s[d] << 16) & M
    s[c] = (s[c] + s[d]) & M
    s[b] ^= s[c]
    s[b] = (s[b] >> 12 | s[b] << 20) & M
    s[a] = (s[a] + s[b] + y) & M
    s[d] ^= s[a]
    s[d] = (s[d] >> 8 | s[d] << 24) & M
    s[c] = (s[c] + s[d]) & M
    s[b] ^= s[c]
    s[b] = (s[b] >> 7 | s[b] << 25) & M


def compress(value, block, counter, flags):
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
    return [s[i] ^ s[i + 8] for i in range(8)]


def as_bytes(words):
    return b"".join(w.to_bytes(4, "little") for w in words)


def hash_chunk(chunk, index, root):
    blocks = [chunk[i:i + 64] for i in range(0, len(chunk), 64)] or [b""]
    value = IV
    for i, block in enumerate(blocks):
        flags = START if i == 0 else 0
        if i == len(blocks) - 1:
            flags |= END | (ROOT if root else 0)
        value = compress(value, block, index, flags)
    return as_bytes(value)


def hash_parent(left, right, root=False):
    return as_bytes(compress(IV, left + right, 0, PARENT | (ROOT if root else 0)))


def left_part(count):
    part = 1
    while part * 2 < count:
        part *= 2
    return part


class Content:
    def __init__(self, length):
        self.bytes = bytes(i % 251 for i in range(length))
        self.count = max(1, -(-length // 1024))
        self.values = {}

    def chunk(self, index):
        return self.bytes[index * 1024:(index + 1) * 1024]

    def value(self, start, count):
        if (start, count) not in self.values:
            if count == 1:
                value = hash_chunk(self.chunk(start), start, False)
            else:
                left = left_part(count)
                value = hash_parent(self.value(start, left), self.value(start + left, count - left))
            self.values[start, count] = value
        return self.values[start, count]

    def root(self):
        if self.count == 1:
            return hash_chunk(self.bytes, 0, True)
        left = left_part(self.count)
        return hash_parent(self.value(0, left), self.value(left, self.count - left), True)

    def proof(self, wanted, start=0, count=None):
        count = count or self.count
        if not any(start <= w < start + count for w in wanted):
            return [] if count == self.count else ["v" + self.value(start, count).hex()]
        if count == 1:
            return ["c%d" % start]
        left = left_part(count)
        return (self.proof(wanted, start, left)
                + self.proof(wanted, start + left, count - left))

    def outboard(self, group, start=0, count=None):
        count = count or self.count
        if count <= group:
            return b""
        left = left_part(count)
        return (self.value(start, left) + self.value(start + left, count - left)
                + self.outboard(group, start, left)
                + self.outboard(group, start + left, count - left))


def plain_hash(data):
    content = Content(0)
    content.bytes, content.count = data, max(1, -(-len(data) // 1024))
    return content.root().hex()


def main():
    lengths = [0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 3072, 3073]
    for j in range(2, 7):
        for chunks in (2 ** j - 1, 2 ** j, 2 ** j + 1):
            lengths += [chunks * 1024 - 1023, chunks * 1024]
    print("# Made by make.py. Byte i of a content is i mod 251.")
    print("# length: L root")
    print("# slice: wanted chunks (comma separated, - for none), then the proof in order: cI is")
    print("#   the bytes of chunk I, vHEX a chaining value")
    print("# outboard: base-2 logarithm of the group, BLAKE3 of the encoding")
    for length in sorted(set(lengths)):
        content = Content(length)
        last = content.count - 1
        print("length", length, content.root().hex())
        sets = [[], [0], [last], [last // 2], list(range(0, last + 1, 2)), [0, last],
                list(range(last + 1))]
        for wanted in sorted(set(tuple(sorted(set(s))) for s in sets)):
            name = ",".join(map(str, wanted)) or "-"
            print("slice", name, *content.proof(wanted))
        for log in (0, 1, 4):
            print("outboard", log, plain_hash(content.outboard(2 ** log)))


if __name__ == "__main__":
    main()
