"""The encoder in numpy, with every stored tensor rounded as the integer program rounds it.

Sentences are grouped by their number of tokens, so there is no padding: nothing
depends on it, masked positions have weight 0 in the softmax and in the mean.
Products, norms and softmax are computed in floats from the rounded values: their own
rounding (tensor-ops: 12 and 15 fraction bits) is far below a step of the tensors.
"""

import numpy as np
from scipy.special import erf

from graph import EPSILON, HEAD, HEADS, LAYERS, TYPES, WIDTH


def fake(spec, x):
    """x rounded to the codes of the site and back."""
    _, _, lo, hi = TYPES[spec["type"]]
    scale, zero = np.float32(spec["scale"]), np.float32(spec["zero"])
    y = x / scale
    # Half towards plus infinity, as Requantize rounds.
    y += 0.5
    np.floor(y, out=y)
    np.clip(y, lo - zero, hi - zero, out=y)
    y *= scale
    return y


def norm(x, gamma, beta):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * gamma + beta


def gelu(x):
    return (0.5 * x * (1 + erf(x * np.float32(np.sqrt(0.5))))).astype(np.float32)


def steps(w, ids, sites):
    """Computes the vectors [n, 384] of sentences of one length, ids [n, tokens].

    Yields (site, x) for every stored tensor before it is rounded; what is sent back, if
    anything, is added to x.
    """

    def store(site, x):
        shift = yield site, x
        if shift is not None:
            x = x + shift
        return fake(sites[site], x) if site in sites else x

    def weight(site):
        return sites[site]["value"] if site in sites else w[site]

    def smooth(name, x):
        f = sites.get(f"{name}.smooth")
        return x * f["factors"] if f else x

    def linear(name, x):
        y = x.reshape(-1, x.shape[-1]) @ weight(f"{name}.weight") + w[f"{name}.bias"]
        return y.reshape(*x.shape[:-1], -1)

    n, tokens = ids.shape
    x = yield from store("embedding", weight("table")[ids] + weight("position")[:tokens])
    h = yield from store("norm", norm(x, w["norm.gamma"], w["norm.beta"]))

    def heads(name, x):
        y = yield from store(name, linear(name, x))
        return y.reshape(n, tokens, HEADS, HEAD).transpose(0, 2, 1, 3)

    for i in range(LAYERS):
        x = yield from store(f"{i}.attention.in", smooth(f"{i}.attention.in", h))
        q = yield from heads(f"{i}.query", x)
        k = yield from heads(f"{i}.key", x)
        v = yield from heads(f"{i}.value", x)
        s = yield from store(f"{i}.scores", q @ k.transpose(0, 1, 3, 2))
        p = np.exp(s - s.max(-1, keepdims=True))
        p = yield from store(f"{i}.softmax", p / p.sum(-1, keepdims=True))
        c = yield from store(f"{i}.context", p @ v)
        c = c.transpose(0, 2, 1, 3).reshape(n, tokens, WIDTH)
        o = yield from store(f"{i}.out", linear(f"{i}.out", c))
        r = yield from store(f"{i}.residual1", h + o)
        h = yield from store(f"{i}.norm1", norm(r, w[f"{i}.norm1.gamma"], w[f"{i}.norm1.beta"]))
        x = yield from store(f"{i}.up.in", smooth(f"{i}.up.in", h))
        u = yield from store(f"{i}.up", linear(f"{i}.up", x))
        u = yield from store(f"{i}.gelu", gelu(u))
        u = yield from store(f"{i}.down.in", smooth(f"{i}.down.in", u))
        d = yield from store(f"{i}.down", linear(f"{i}.down", u))
        r = yield from store(f"{i}.residual2", h + d)
        h = yield from store(f"{i}.norm2", norm(r, w[f"{i}.norm2.gamma"], w[f"{i}.norm2.beta"]))
    x = yield from store("pool", h.mean(1))
    return (yield from store("vector", x / np.linalg.norm(x, axis=-1, keepdims=True)))


def groups(ids, mask, chunk=64):
    """Rows of sentences of one length each, and their token ids."""
    lengths = mask.sum(1)
    for tokens in np.unique(lengths):
        rows = np.flatnonzero(lengths == tokens)
        for part in np.array_split(rows, -(-len(rows) // chunk)):
            yield part, ids[part, :tokens]


def embed(w, ids, mask, sites=None):
    """Vectors of all sentences in order."""
    out = np.empty((len(ids), WIDTH), np.float32)
    for rows, tokens in groups(ids, mask):
        work = steps(w, tokens, sites or {})
        try:
            while True:
                next(work)
        except StopIteration as end:
            out[rows] = end.value
    return out


def together(w, ids, mask, sites, see):
    """Takes all sentences through the model in step: see(site, tensors) may give a shift for all."""
    works = [steps(w, tokens, sites) for _, tokens in groups(ids, mask)]
    shift = None
    while True:
        try:
            found = [work.send(shift) for work in works]
        except StopIteration:
            return
        shift = see(found[0][0], [x for _, x in found])


def compare(reference, found):
    """Agreement of two sets of unit vectors: cosines, and each sentence's nearest other one.

    `error` is the spread of the similarities to a sentence's five nearest, what may change
    their order: of variants, it tells better than the counts which is nearer to the float model.
    """
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosine = (reference * found).sum(1)

    def nearest(v):
        s = v @ v.T
        np.fill_diagonal(s, -2)
        return s

    a, b = nearest(reference), nearest(found)
    top = np.sort(np.partition(a, -2, axis=1)[:, -2:], axis=1)
    clear = top[:, 1] - top[:, 0] > 0.02
    same = a.argmax(1) == b.argmax(1)
    rows = np.arange(len(a))[:, None]
    close = np.argpartition(-a, 5, axis=1)[:, :5]
    error = b[rows, close] - a[rows, close]
    error -= error.mean(1, keepdims=True)
    return {
        "cosine": float(cosine.mean()),
        "cosine_least": float(cosine.min()),
        "nearest": float(same.mean()),
        "nearest_clear": float(same[clear].mean()),
        "clear": float(clear.mean()),
        "error": float(np.sqrt((error**2).mean() * 5 / 4)),
    }
