"""Scales of every stored tensor of the encoder, found from calibration sentences.

A *plan* says which sites have which type and how ranges are chosen; `sites` turns it
into the scales, the rounded weights and the smoothing factors that `graph.build`
writes as QDQ nodes and `emulate.run` rounds by.
"""

import numpy as np

import emulate
from graph import HEADS, INNER, LAYERS, TYPES, WIDTH

# What a plan may leave out.
DEFAULT = {
    "embedding": "i16", "norm": "i16", "out": "i16", "residual1": "i16", "norm1": "i16",
    "down": "i16", "residual2": "i16", "norm2": "i16", "pool": "i16", "vector": "i16",
    "table": "i8", "position": "i16",
    "attention.in": "u8", "up.in": "u8", "down.in": "u8", "query": "u8", "key": "u8", "value": "u8",
    "scores": "i16", "softmax": "u8", "context": "u8", "up": "i16", "gelu": "i16",
    # The largest errors come from the last products of the first layers.
    "0.down.in": "i16", "1.down.in": "i16",
    "attention.in.smooth": 0.75, "up.in.smooth": 0.75, "down.in.smooth": 0.4,
    "equalise": True, "correct": True, "range": "minmax",
}  # fmt: skip

# The products that read a tensor which may be smoothed.
PRODUCTS = {"attention.in": ("query", "key", "value"), "up.in": ("up",), "down.in": ("down",)}


def layer_of(site):
    """The layer of a site, or None, and its name without the layer."""
    head, _, tail = site.partition(".")
    return (int(head), tail) if head.isdigit() else (None, site)


def type_of(plan, site):
    """What the plan says of a site: `layer.name` goes before `name`."""
    _, name = layer_of(site)
    return plan[site] if site in plan else plan.get(name)


def affine(lo, hi, kind):
    """Scale and zero point whose codes cover [lo, hi]; symmetric for signed types."""
    _, _, least, most = TYPES[kind]
    if kind.startswith("i"):
        return max(abs(lo), abs(hi), 1e-12) / most, 0
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    scale = max(hi - lo, 1e-12) / (most - least)
    return scale, int(np.clip(round(-lo / scale), least, most))


def choose(x, kind, how):
    """Range of one tensor: the extremes, or the cut of them with the least squared error."""
    lo, hi = float(x.min()), float(x.max())
    if "16" in kind:
        # Room for sentences unlike the calibration's: 16 bits can spare it.
        scale, zero = affine(1.25 * lo, 1.25 * hi, kind)
    elif how == "minmax":
        scale, zero = affine(lo, hi, kind)
    else:
        best = None
        flat = x.ravel()
        sample = flat if x.size <= 200_000 else flat[np.random.default_rng(0).integers(0, x.size, 200_000)]
        for cut in np.linspace(0.4, 1, 25):
            spec = dict(zip(("scale", "zero"), affine(cut * lo, cut * hi, kind)), type=kind)
            error = float(((emulate.fake(spec, sample) - sample) ** 2).mean())
            if best is None or error < best[0]:
                best = (error, spec)
        scale, zero = best[1]["scale"], best[1]["zero"]
    return {"type": kind, "scale": float(np.float32(scale)), "zero": zero}


def rounded(w):
    """w [K, N] with one symmetric scale per column: codes, scales, values."""
    scale = (np.abs(w).max(0) / 127).astype(np.float32)
    scale[scale == 0] = 1
    q = np.rint(w / scale).astype(np.int8)
    return {"q": q, "scale": scale, "value": q * scale}


def table(w, kind):
    """w with one symmetric scale."""
    _, dtype, _, most = TYPES[kind]
    scale = np.float32(np.abs(w).max() / most)
    q = np.clip(np.rint(w / scale), -most, most).astype(dtype)
    return {"type": kind, "q": q, "scale": scale, "value": q * scale}


def rows_of(site, tensors):
    """All tensors of a site as rows of its channels; scores have none."""
    width = 1 if site.endswith(("scores", "softmax")) else tensors[0].shape[-1]
    return np.concatenate([x.reshape(-1, width) for x in tensors])


def observe(w, ids, mask):
    """Every tensor of the float model on the sentences, by site."""
    seen = {}

    def see(site, tensors):
        seen[site] = rows_of(site, tensors)

    emulate.together(w, ids, mask, {}, see)
    return seen


def equalise(w, seen):
    """Spreads the range of value and query/key channels evenly; changes nothing in exact arithmetic."""
    w = dict(w)
    for i in range(LAYERS):
        top = np.abs(seen[f"{i}.value"]).max(0)
        f = (top.max() / top).clip(1, 16)
        # The context is a mean of values, so a channel's factor carries over to it.
        w[f"{i}.value.weight"] = w[f"{i}.value.weight"] * f
        w[f"{i}.value.bias"] = w[f"{i}.value.bias"] * f
        w[f"{i}.out.weight"] = w[f"{i}.out.weight"] / f[:, None]
        q, k = (np.abs(seen[f"{i}.{n}"]).max(0) for n in ("query", "key"))
        # One factor per channel for both: q·k stays, the channels of each get closer.
        f = np.sqrt(k / q)
        f = f / np.exp(np.log(f).mean())
        w[f"{i}.query.weight"], w[f"{i}.query.bias"] = w[f"{i}.query.weight"] * f, w[f"{i}.query.bias"] * f
        w[f"{i}.key.weight"], w[f"{i}.key.bias"] = w[f"{i}.key.weight"] / f, w[f"{i}.key.bias"] / f
    return w


def sites(w, seen, plan):
    """(weights, sites) of a plan; `seen` are the float model's tensors, after equalising if the plan does."""
    plan = {**DEFAULT, **plan}
    w = dict(w)
    found = {}
    for site, x in seen.items():
        kind = type_of(plan, site)
        layer, name = layer_of(site)
        alpha = type_of(plan, f"{site}.smooth") if layer is not None else None
        if name in PRODUCTS:
            if kind == "i16":
                continue
            products = PRODUCTS[name]
            if alpha:
                # SmoothQuant (Xiao et al., arXiv 2211.10438): a share of each channel's range
                # moves from the activation into the weights, which have scales of their own.
                top = np.abs(x).max(0)
                f = np.maximum(top, 1e-3 * top.max()) ** alpha
                f = (f / np.exp(np.log(f).mean())).astype(np.float32)
                x = x / f
                found[f"{site}.smooth"] = {"factors": 1 / f}
                for p in products:
                    w[f"{layer}.{p}.weight"] = w[f"{layer}.{p}.weight"] * f[:, None]
        if kind:
            if name == "up" and kind == "u8":
                # GELU maps all that lies below to 0, within 0.004.
                x = np.maximum(x, -3)
            found[site] = choose(x, kind, plan["range"])
        if name == "softmax" and kind:
            # p lies in 0..1 whatever the sentences.
            found[site] = {"type": kind, "scale": {"u8": 1 / 255, "i8": 1 / 127, "i16": 1 / 32767, "u16": 1 / 65535}[kind], "zero": 0}
    found["vector"] = {"type": "i16", "scale": 1 / 32767, "zero": 0}
    for name in ("table", "position"):
        if plan[name]:
            found[name] = table(w[name], plan[name])
    for name in [n for n in w if n.endswith(".weight")]:
        found[name] = rounded(w[name])
    return w, found


def cost(plan, length):
    """Multiply-accumulates and bytes of one sentence, counted as the program's cost counts them.

    An i16 left side counts its products twice; a node's bytes are its operands' once and
    its output's twice, since the output is written and hashed. Constants are left out.
    """
    plan = {**DEFAULT, **plan}

    def bits(site):
        return 2 if "16" in (type_of(plan, site) or "") else 1

    macs = moved = 0
    rows, square = length * WIDTH, HEADS * length * length

    def node(inputs, output):
        nonlocal moved
        moved += sum(inputs) + 2 * output

    def product(k, n, left, out):
        nonlocal macs
        macs += length * k * n * bits(left)
        node([length * k * bits(left)], length * n * bits(out))

    node([4 * length], rows * bits("table"))
    node([rows * bits("table")], 2 * rows)
    node([2 * rows], 2 * rows)
    for i in range(LAYERS):
        at = lambda name: f"{i}.{name}"
        for name in ("attention.in", "up.in"):
            if bits(at(name)) == 1:
                node([2 * rows], rows)
        for name in ("query", "key", "value"):
            product(WIDTH, WIDTH, at("attention.in"), at(name))
            # Heads apart, and once more for the value, whose rows must be contiguous.
            node([rows * bits(at(name))], rows * bits(at(name)))
        macs += length * rows * (bits(at("query")) + bits(at("softmax")))
        node([rows * bits(at("query")), rows], square * bits(at("scores")))
        node([square * bits(at("scores"))], square * bits(at("softmax")))
        node([square * bits(at("softmax")), rows], rows * bits(at("context")))
        node([rows * bits(at("context"))], rows * bits(at("context")))
        product(WIDTH, WIDTH, at("context"), at("out"))
        product(WIDTH, INNER, at("up.in"), at("up"))
        inner = length * INNER
        if type_of(plan, at("gelu")):
            # Its own node; an 8-bit table would be part of the product.
            node([inner * bits(at("up"))], inner * bits(at("gelu")))
            if bits(at("down.in")) < bits(at("gelu")):
                node([2 * inner], inner)
        product(INNER, WIDTH, at("down.in"), at("down"))
        for name in ("out", "down"):
            node([2 * rows, rows * bits(at(name))], 2 * rows)
            node([2 * rows], 2 * rows)
    return {"macs": macs, "bytes": moved}


def correct(w, sites, seen, ids, mask):
    """Biases that give every product the channel means it has in the float model.

    Rounding what goes into a product moves the means of its channels; that much the bias
    can take back. Each product is corrected with all before it quantised and corrected.
    """
    w = dict(w)

    def see(site, tensors):
        if layer_of(site)[1] not in ("query", "key", "value", "out", "up", "down"):
            return None
        shift = (seen[site].mean(0) - rows_of(site, tensors).mean(0)).astype(np.float32)
        w[f"{site}.bias"] = w[f"{site}.bias"] + shift
        return shift

    emulate.together(w, ids, mask, sites, see)
    return w


def prepared(w, ids, mask, plan):
    """What a plan starts from: the weights, equalised or not, and their tensors on the calibration."""
    seen = observe(w, ids, mask)
    if {**DEFAULT, **plan}["equalise"]:
        w = equalise(w, seen)
        seen = observe(w, ids, mask)
    return w, seen


def quantised(w, seen, ids, mask, plan):
    """(weights, sites) of a plan from what `prepared` found on the same sentences."""
    w, found = sites(w, seen, plan)
    if {**DEFAULT, **plan}["correct"]:
        w = correct(w, found, seen, ids, mask)
    return w, found
