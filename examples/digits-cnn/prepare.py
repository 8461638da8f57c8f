"""Trains a small convolutional network on handwritten digits and quantises it: see README.md.

    .venv/bin/python prepare.py OUT

Writes digits_cnn.onnx, digits_cnn.float.onnx and digits_cnn.samples.npz into the folder OUT.
"""

import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "digits"))
from export import OPSET, SEED, finish, split  # noqa: E402

CHANNELS = (16, 32)
EPOCHS, BATCH, RATE, DECAY = 20, 64, 4e-3, 1e-4


def patches(x):
    """The 3×3 neighbourhoods of x [n, h, w, c] as [n, h, w, 9c], zeros outside."""
    n, h, w, c = x.shape
    p = np.zeros((n, h + 2, w + 2, c), x.dtype)
    p[:, 1:-1, 1:-1] = x
    return np.concatenate([p[:, i : i + h, j : j + w] for i in range(3) for j in range(3)], axis=-1)


def unpatches(g, c):
    """The gradient of `patches`: sums each neighbourhood back to where it came from."""
    n, h, w, _ = g.shape
    p = np.zeros((n, h + 2, w + 2, c), g.dtype)
    for k in range(9):
        i, j = divmod(k, 3)
        p[:, i : i + h, j : j + w] += g[..., k * c : (k + 1) * c]
    return p[:, 1:-1, 1:-1]


def initial(rng):
    """He initialisation; convolutions as [9·in, out]."""
    a, b = CHANNELS
    shapes = {"first": (9, a), "second": (9 * a, b), "third": (9 * b, b), "dense": (4 * b, 10)}
    w = {k: (rng.standard_normal(s) * np.sqrt(2 / s[0])).astype(np.float32) for k, s in shapes.items()}
    return w | {f"{k}.bias": np.zeros(s[1], np.float32) for k, s in shapes.items()}


def gradients(w, x, labels):
    """Mean cross-entropy over the batch and its gradients.

    conv 3×3, ReLU, conv 3×3, ReLU, 2×2 maximum, conv 3×3 added to its own input, ReLU,
    2×2 mean, dense.
    """
    n = len(x)
    p1 = patches(x)
    r1 = np.maximum(p1 @ w["first"] + w["first.bias"], 0)
    p2 = patches(r1)
    r2 = np.maximum(p2 @ w["second"] + w["second.bias"], 0)
    quads = r2.reshape(n, 4, 2, 4, 2, -1).transpose(0, 1, 3, 5, 2, 4).reshape(n, 4, 4, -1, 4)
    pool = quads.max(-1)
    p3 = patches(pool)
    r3 = np.maximum(p3 @ w["third"] + w["third.bias"] + pool, 0)
    mean = r3.reshape(n, 2, 2, 2, 2, -1).mean((2, 4)).reshape(n, -1)
    scores = mean @ w["dense"] + w["dense.bias"]
    scores -= scores.max(1, keepdims=True)
    chance = np.exp(scores)
    chance /= chance.sum(1, keepdims=True)
    loss = -np.log(chance[np.arange(n), labels] + 1e-12).mean()

    g = {}
    d = chance
    d[np.arange(n), labels] -= 1
    d /= n
    g["dense"], g["dense.bias"] = mean.T @ d, d.sum(0)
    d = (d @ w["dense"].T).reshape(n, 2, 2, -1).repeat(2, 1).repeat(2, 2) / 4 * (r3 > 0)
    flat = lambda v: v.reshape(-1, v.shape[-1])
    g["third"], g["third.bias"] = flat(p3).T @ flat(d), d.sum((0, 1, 2))
    d = d + unpatches(d @ w["third"].T, CHANNELS[1])
    first = np.zeros_like(quads)
    np.put_along_axis(first, quads.argmax(-1)[..., None], 1, -1)
    d = (d[..., None] * first).reshape(n, 4, 4, -1, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(r2.shape)
    d = d * (r2 > 0)
    g["second"], g["second.bias"] = flat(p2).T @ flat(d), d.sum((0, 1, 2))
    d = unpatches(d @ w["second"].T, CHANNELS[0]) * (r1 > 0)
    g["first"], g["first.bias"] = flat(p1).T @ flat(d), d.sum((0, 1, 2))
    return loss, g


def shifted(x, rng):
    """Every image moved by at most one pixel in each direction."""
    p = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = rng.integers(0, 3, (len(x), 2))
    return np.stack([image[i : i + 8, j : j + 8] for image, (i, j) in zip(p, moves)])


def train(x, labels):
    """Adam with a cosine schedule over shifted images."""
    rng = np.random.default_rng(SEED)
    w = initial(rng)
    m = {k: np.zeros_like(v) for k, v in w.items()}
    v = {k: np.zeros_like(u) for k, u in w.items()}
    steps = EPOCHS * -(-len(x) // BATCH)
    step = 0
    for epoch in range(EPOCHS):
        order = rng.permutation(len(x))
        for rows in np.array_split(order, -(-len(x) // BATCH)):
            step += 1
            loss, g = gradients(w, shifted(x[rows], rng), labels[rows])
            rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2
            for k in w:
                m[k] = 0.9 * m[k] + 0.1 * g[k]
                v[k] = 0.99 * v[k] + 0.01 * g[k] ** 2
                update = m[k] / (1 - 0.9**step) / (np.sqrt(v[k] / (1 - 0.99**step)) + 1e-8)
                w[k] -= (rate * (update + DECAY * w[k])).astype(np.float32)
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {loss:.4f}", file=sys.stderr)
    return w


def graph(w):
    """pixels [batch, 1, 8, 8] → scores [batch, 10] → digit [batch], layout NCHW as ONNX has it."""
    nodes, constants = [], []

    def node(op, name, *operands, **attributes):
        nodes.append(helper.make_node(op, list(operands), [name], name=name, **attributes))
        return name

    def const(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def conv(name, x):
        k = w[name]
        kernel = k.reshape(3, 3, -1, k.shape[1]).transpose(3, 2, 0, 1)
        return node(
            "Conv", f"{name}.conv", x, const(f"{name}.weight", kernel), const(f"{name}.bias", w[f"{name}.bias"]),
            kernel_shape=[3, 3], pads=[1, 1, 1, 1],
        )  # fmt: skip

    x = node("Relu", "first", conv("first", "pixels"))
    x = node("Relu", "second", conv("second", x))
    pool = node("MaxPool", "pool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = node("Relu", "third", node("Add", "skip", conv("third", pool), pool))
    x = node("Flatten", "flat", node("AveragePool", "mean", x, kernel_shape=[2, 2], strides=[2, 2]))
    # Flatten sees channels first, the training above has them last.
    dense = w["dense"].reshape(4, -1, 10).transpose(1, 0, 2).reshape(-1, 10)
    node("Gemm", "scores", x, const("dense.weight", dense), const("dense.bias", w["dense.bias"]))
    node("ArgMax", "digit", "scores", axis=-1, keepdims=0)
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 8, 8])]
    outputs = [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10]),
        helper.make_tensor_value_info("digit", TensorProto.INT64, ["batch"]),
    ]
    made = helper.make_graph(nodes, "digits-cnn", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    x, labels, trained_on, held_out = split()
    w = train(x[trained_on].reshape(-1, 8, 8, 1), labels[trained_on])
    save(graph(w), out / "digits_cnn.float.onnx")
    print(json.dumps(finish(out, "digits_cnn", x.reshape(-1, 1, 8, 8), labels, trained_on, held_out)))


if __name__ == "__main__":
    main()
