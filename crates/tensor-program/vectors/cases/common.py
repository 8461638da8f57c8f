"""What all cases are made of: data, programs of one node, sweeps."""

from reference import Program, blake3, high, low, output_root, pack, product, WIDTH  # noqa: F401

MAX_SUM = 2**30 - 2**23
MAX_JUDGE_BYTES = 47 * 1024


# --- bytes --------------------------------------------------------------------


def fill(byte, count):
    return {"fill": byte, "len": count}


def noise(seed, count):
    """The upper bytes of a linear congruential generator."""
    return {"lcg": seed, "len": count}


def ramp(t, start, step, count):
    """Elements start, start + step, …, wrapped to their width."""
    return {"ramp": start, "step": step, "width": WIDTH[t], "count": count}


def repeat(data, times):
    return {"repeat": data.hex(), "times": times}


def join(*parts):
    return {"join": list(parts)}


def expand(spec):
    if "hex" in spec:
        return bytes.fromhex(spec["hex"])
    if "fill" in spec:
        return bytes([spec["fill"]]) * spec["len"]
    if "repeat" in spec:
        return bytes.fromhex(spec["repeat"]) * spec["times"]
    if "join" in spec:
        return b"".join(map(expand, spec["join"]))
    if "ramp" in spec:
        bits = 8 * spec["width"]
        values = (spec["ramp"] + i * spec["step"] for i in range(spec["count"]))
        return b"".join((v % 2**bits).to_bytes(spec["width"], "little") for v in values)
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


def lean(cases):
    """Without what follows from the rest: the program's hash, and the two roots that
    are made of the others."""
    made = ["program_hash", "trace_root", "output_root"]
    return [{k: v for k, v in c.items() if k not in made} for c in cases]


def refused(name, program, code):
    data = program if isinstance(program, bytes) else program.encoded()
    return {"name": name, "program": data.hex(), "invalid": code}


def one(op, inputs, constants=(), max_batch=4, extra=(), operands=None):
    """A program of one node that reads all inputs, then all constants."""
    if operands is None:
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


def runs(length, width, repeats):
    """Chunks of each run of a window's taps: one of `length` bytes, repeated (count,
    distance) along the width and then along the height."""
    found, whole = [length], length == width
    for count, distance in repeats:
        if count > 1 and distance <= found[0] + 1023:
            found, whole = [(count - 1) * distance + run for run in found], False
        else:
            found = found * count
    return [1 if whole else touched(run) for run in found]


def window_runs(t, shape, kernel, w, per_tap):
    dh, dw = w["dilation"]
    width = WIDTH[t]
    return runs(per_tap * width, width, [(kernel[1], dw * shape[2] * width), (kernel[0], dh * shape[1] * shape[2] * width)])


def judgeable(parts):
    """Whether ranges, as (bytes of the content, chunks), fit one proof."""
    return sum(slice_bytes(content, chunks) for content, chunks in parts) <= MAX_JUDGE_BYTES


def border(name, fits, make, data, low_end, high_end):
    """The last of low_end..high_end that fits, run, and the next, refused. `fits` must
    change once."""
    while high_end - low_end > 1:
        middle = (low_end + high_end) // 2
        low_end, high_end = (middle, high_end) if fits(middle) else (low_end, middle)
    assert fits(low_end) and not fits(high_end)
    return [
        case(f"{name} of {low_end}, the last judgeable", make(low_end), 1, *data(low_end)),
        refused(f"{name} of {high_end}, not judgeable", make(high_end), 26),
    ]


def longest_judgeable(width, batch):
    """The largest K with i8 output, N = 1, one row a sample and no other operand."""
    k = 1
    while True:
        step = k + 1
        total = slice_bytes(step * width * batch, touched(step * width)) + slice_bytes(step, touched(step))
        if total + slice_bytes(batch, 1) > MAX_JUDGE_BYTES:
            return k
        k = step


def clamp(lo, hi):
    return {"op": "Clamp", "lo": lo, "hi": hi}


def reshape(*shape):
    return {"op": "Reshape", "shape": list(shape)}


def matmul(za=0, zb=0, params=False, epilogue="raw"):
    return {"op": "MatMul", "za": za, "zb": zb, "params": params, "epilogue": epilogue}


def rq(m, s, z=0, lo=None, hi=None, out="i8"):
    """The last step of the operators with one scale."""
    lo, hi = low(out) if lo is None else lo, high(out) if hi is None else hi
    return {"m": m, "s": s, "z": z, "lo": lo, "hi": hi, "out": out}


def window(stride=(1, 1), dilation=(1, 1), pad=(0, 0, 0, 0)):
    return {"stride": list(stride), "dilation": list(dilation), "pad": list(pad)}


def batchmatmul(za=0, zb=0, epilogue="raw"):
    return {"op": "BatchMatMul", "za": za, "zb": zb, "epilogue": epilogue}


def conv(w=None, groups=1, za=0, zb=0, params=False, epilogue="raw"):
    return {
        "op": "Conv2d", "window": w or window(), "groups": groups, "za": za, "zb": zb,
        "params": params, "epilogue": epilogue,
    }  # fmt: skip


def add(ma, mb, s, za=0, zb=0, z=0, lo=None, hi=None, out="i8"):
    return {
        "op": "Add", "za": za, "zb": zb, "ma": ma, "mb": mb, "s": s, "z": z, "out": out,
        "lo": low(out) if lo is None else lo, "hi": high(out) if hi is None else hi,
    }  # fmt: skip


def mul(requant, za=0, zb=0):
    return {"op": "Mul", "za": za, "zb": zb, "requant": requant}


def rowsum(zx=0):
    return {"op": "RowSum", "zx": zx}


def rowmean(requant, zx=0, mask=False):
    return {"op": "RowMean", "zx": zx, "mask": mask, "requant": requant}


def masked(op, t, shape, max_batch=4):
    """A row operator with a mask: inputs the rows and then the mask, or, if that is the
    wider, the other way round in the blob only."""
    return one(op, [(t, shape), ("i8", shape[-1:])], max_batch=max_batch)


def decay(numerator, shift):
    """32,768·(numerator / 2^shift)^i, rounded down each time."""
    table = [32768]
    while len(table) < 256:
        table.append(table[-1] * numerator >> shift)
    return table


GENTLE, STEEP = decay(1011, 10), decay(3, 2)


def softmax(requant, fine=GENTLE, coarse=None, mask=False, causal=False):
    return {"op": "Softmax", "mask": mask, "causal": causal, "fine": fine, "coarse": coarse, "requant": requant}


def layernorm(requant, e=1, params=False):
    return {"op": "LayerNorm", "params": params, "e": e, "requant": requant}


def rmsnorm(requant, e=1, params=False, zx=0):
    return {"op": "RmsNorm", "zx": zx, "params": params, "e": e, "requant": requant}


def topk(k):
    return {"op": "TopK", "k": k}


def transpose(*perm):
    return {"op": "Transpose", "perm": list(perm)}


def cut(axis, start, length, step=1):
    return {"op": "Slice", "axis": axis, "start": start, "len": length, "step": step}


def concat(axis):
    return {"op": "Concat", "axis": axis}


def pad(before, after, value=0):
    return {"op": "Pad", "before": list(before), "after": list(after), "value": value}


def rope(requant, pairs="halves", offset=0, zx=0):
    return {"op": "Rope", "pairs": pairs, "offset": offset, "zx": zx, "requant": requant}


def maxpool(kernel, w=None):
    return {"op": "MaxPool2d", "kernel": list(kernel), "window": w or window()}


def avgpool(kernel, w=None, requant=None, count_pad=False, zx=0):
    return {
        "op": "AvgPool2d", "kernel": list(kernel), "window": w or window(), "count_pad": count_pad, "zx": zx,
        "requant": requant or rq(1, 8, out="i16"),
    }  # fmt: skip


SCALES = [(1, 0), (65535, 0), (0, 0), (0, 62), (65535, 62), (16384, 14), (40000, 17), (1, 1), (1, 2)]


def last_steps():
    """Requantisations whose every part stands at an end once, by name."""
    out = []
    for t in ["i8", "i16"]:
        for m, s in SCALES:
            out.append((f"{t}, m {m}, s {s}", rq(m, s, out=t)))
        for z in [low(t), high(t)]:
            out.append((f"{t}, z {z}", rq(20000, 15, z, out=t)))
        for v in [low(t), -1, high(t)]:
            out.append((f"{t}, lo = hi = {v}", rq(1, 0, lo=v, hi=v, out=t)))
        out.append((f"{t}, ReLU", rq(1, 3, -5, lo=-5, out=t)))
    return out


def refused_last_steps(make, i32=False):
    """Every way a requantisation can be out of range. `make` takes one."""
    out = [
        refused("s of 63", make(rq(1, 63)), 24),
        refused("s of 255", make(rq(1, 255)), 24),
        refused("z above the output type", make(rq(1, 0, z=128)), 24),
        refused("z below the output type", make(rq(1, 0, z=-32769, out="i16")), 24),
        refused("lo outside the output type", make(rq(1, 0, lo=-129)), 24),
        refused("hi outside the output type", make(rq(1, 0, hi=32768, out="i16")), 24),
        refused("lo above hi", make(rq(1, 0, lo=1, hi=0)), 24),
    ]
    if not i32:
        out.append(refused("i32 output", make(rq(1, 0, out="i32")), 24))
    return out


def sizes(make, width=1):
    """Outputs of 1, 1,023, 1,024 and 1,025 bytes (of wider elements: nearest to that)
    and of 2^j ± 1 chunks. `make(n)` gives (program, data, weights) of n elements."""
    out = []
    for length in [1, 1023, 1024, 1025, 3 * 1024, 4 * 1024 + 1, 7 * 1024 - 1, 9 * 1024]:
        n = max(1, -(-length // width) if length > 1024 else length // width)
        program, data, weights = make(n)
        out.append(case(f"an output of {n * width} bytes", program, 1, data, weights))
    return out


def of_type(t, *values):
    return raw(pack(t, values))
