"""all-MiniLM-L6-v2 as an ONNX graph, in floats or with QDQ nodes, from one description.

Every tensor that the quantised model stores goes through `Graph.store`: a no-op in
the float graph, a QuantizeLinear/DequantizeLinear pair in the quantised one.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LAYERS, HEADS, HEAD, WIDTH, INNER = 6, 12, 32, 384, 1536
EPSILON = 1e-12
OPSET = 21
# Added to the scores of padding, as exporters of BERT write it.
MASKED = -1e9

TYPES = {
    "u8": (TensorProto.UINT8, np.uint8, 0, 255),
    "i8": (TensorProto.INT8, np.int8, -128, 127),
    "u16": (TensorProto.UINT16, np.uint16, 0, 65535),
    "i16": (TensorProto.INT16, np.int16, -32768, 32767),
}


class Graph:
    """Collects nodes and initializers; names are those of the sites."""

    def __init__(self, sites=None):
        self.sites = sites
        self.nodes, self.constants = [], {}

    def const(self, name, value):
        value = np.asarray(value)
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, op, name, *operands, **attributes):
        self.nodes.append(helper.make_node(op, list(operands), [name], name=name, **attributes))
        return name

    def store(self, site, x):
        """Quantises x to the type, scale and zero point of the site, and back."""
        spec = self.sites and self.sites.get(site)
        if not spec:
            return x
        _, dtype, _, _ = TYPES[spec["type"]]
        scale = self.const(f"{site}.scale", np.float32(spec["scale"]))
        zero = self.const(f"{site}.zero", dtype(spec["zero"]))
        q = self.node("QuantizeLinear", f"{site}.q", x, scale, zero)
        return self.node("DequantizeLinear", f"{site}.dq", q, scale, zero)

    def weight(self, site, w):
        """The right side [K, N] of a product: 8 bits with one scale per column when quantised."""
        spec = self.sites and self.sites.get(site)
        if not spec:
            return self.const(site, w.astype(np.float32))
        q = self.const(f"{site}.q", spec["q"])
        scale = self.const(f"{site}.scale", spec["scale"].astype(np.float32))
        zero = self.const(f"{site}.zero", np.zeros(len(spec["scale"]), np.int8))
        return self.node("DequantizeLinear", f"{site}.dq", q, scale, zero, axis=1)

    def linear(self, name, x, w, b):
        y = self.node("MatMul", f"{name}.matmul", x, self.weight(f"{name}.weight", w))
        return self.node("Add", f"{name}.bias.add", y, self.const(f"{name}.bias", b.astype(np.float32)))

    def norm(self, name, x, gamma, beta):
        return self.node(
            "LayerNormalization", name, x,
            self.const(f"{name}.gamma", gamma.astype(np.float32)),
            self.const(f"{name}.beta", beta.astype(np.float32)),
            axis=-1, epsilon=EPSILON,
        )  # fmt: skip

    def smooth(self, name, x):
        """x divided by the site's channel factors; the next weight is multiplied by them."""
        spec = self.sites and self.sites.get(f"{name}.smooth")
        if not spec:
            return x
        return self.node("Mul", f"{name}.smooth", x, self.const(f"{name}.smooth.factors", spec["factors"].astype(np.float32)))

    def gelu(self, name, x):
        y = self.node("Div", f"{name}.div", x, self.const("sqrt2", np.float32(np.sqrt(2))))
        y = self.node("Erf", f"{name}.erf", y)
        y = self.node("Add", f"{name}.add", y, self.const("one", np.float32(1)))
        y = self.node("Mul", f"{name}.mul", x, y)
        return self.node("Mul", f"{name}.half", y, self.const("half", np.float32(0.5)))


def fold(weights):
    """The checkpoint's tensors by site, weights as [K, N]; 1/√d of attention goes into the query."""
    w = {
        "table": weights["embeddings.word_embeddings.weight"],
        "position": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "norm.gamma": weights["embeddings.LayerNorm.weight"],
        "norm.beta": weights["embeddings.LayerNorm.bias"],
    }
    names = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "out": "attention.output.dense",
        "up": "intermediate.dense",
        "down": "output.dense",
    }
    for i in range(LAYERS):
        source, to = f"encoder.layer.{i}.", f"{i}."
        for name, path in names.items():
            w[f"{to}{name}.weight"] = weights[f"{source}{path}.weight"].T
            w[f"{to}{name}.bias"] = weights[f"{source}{path}.bias"]
        for part in ("weight", "bias"):
            w[f"{to}query.{part}"] = w[f"{to}query.{part}"] / np.float32(np.sqrt(HEAD))
        for name, path in {"norm1": "attention.output", "norm2": "output"}.items():
            w[f"{to}{name}.gamma"] = weights[f"{source}{path}.LayerNorm.weight"]
            w[f"{to}{name}.beta"] = weights[f"{source}{path}.LayerNorm.bias"]
    return w


def build(w, length, sites=None):
    """The model of token ids and mask, both int64 [batch, length], to unit vectors [batch, 384]."""
    g = Graph(sites)
    quantised = sites is not None

    if quantised and "table" in sites:
        rows = g.node("Gather", "words.q", g.const("table.q", sites["table"]["q"]), "ids", axis=0)
        x = g.node("DequantizeLinear", "words", rows, g.const("table.scale", np.float32(sites["table"]["scale"])), g.const("table.zero", sites["table"]["q"].dtype.type(0)))  # fmt: skip
    else:
        x = g.node("Gather", "words", g.const("table", w["table"]), "ids", axis=0)
    position = w["position"][:length]
    if quantised and "position" in sites:
        spec = sites["position"]
        p = g.node("DequantizeLinear", "position.dq", g.const("position.q", spec["q"][:length]), g.const("position.scale", np.float32(spec["scale"])), g.const("position.zero", spec["q"].dtype.type(0)))  # fmt: skip
    else:
        p = g.const("position", position)
    x = g.store("embedding", g.node("Add", "embedding", x, p))
    h = g.store("norm", g.norm("norm", x, w["norm.gamma"], w["norm.beta"]))

    kept = g.node("Cast", "mask.float", "mask", to=TensorProto.FLOAT)
    hidden = g.node("Sub", "mask.inverse", g.const("one", np.float32(1)), kept)
    bias = g.node("Mul", "mask.scores", hidden, g.const("masked", np.float32(MASKED)))
    bias = g.node("Unsqueeze", "mask.bias", bias, g.const("axes12", np.array([1, 2])))
    split = g.const("split", np.array([0, length, HEADS, HEAD]))
    joined = g.const("joined", np.array([0, length, WIDTH]))

    for i in range(LAYERS):
        def parts(name):
            return w[f"{i}.{name}.weight"], w[f"{i}.{name}.bias"]

        def heads(name, x, perm):
            y = g.linear(f"{i}.{name}", x, *parts(name))
            y = g.store(f"{i}.{name}", y)
            y = g.node("Reshape", f"{i}.{name}.split", y, split)
            return g.node("Transpose", f"{i}.{name}.heads", y, perm=perm)

        x = g.store(f"{i}.attention.in", g.smooth(f"{i}.attention.in", h))
        q = heads("query", x, [0, 2, 1, 3])
        k = heads("key", x, [0, 2, 3, 1])
        v = heads("value", x, [0, 2, 1, 3])
        s = g.store(f"{i}.scores", g.node("MatMul", f"{i}.scores", q, k))
        s = g.node("Add", f"{i}.scores.masked", s, bias)
        p = g.store(f"{i}.softmax", g.node("Softmax", f"{i}.softmax", s, axis=-1))
        c = g.store(f"{i}.context", g.node("MatMul", f"{i}.context", p, v))
        c = g.node("Transpose", f"{i}.context.rows", c, perm=[0, 2, 1, 3])
        c = g.node("Reshape", f"{i}.context.joined", c, joined)
        o = g.store(f"{i}.out", g.linear(f"{i}.out", c, *parts("out")))
        r = g.store(f"{i}.residual1", g.node("Add", f"{i}.residual1", h, o))
        h = g.store(f"{i}.norm1", g.norm(f"{i}.norm1", r, w[f"{i}.norm1.gamma"], w[f"{i}.norm1.beta"]))
        x = g.store(f"{i}.up.in", g.smooth(f"{i}.up.in", h))
        u = g.store(f"{i}.up", g.linear(f"{i}.up", x, *parts("up")))
        u = g.store(f"{i}.gelu", g.gelu(f"{i}.gelu", u))
        u = g.store(f"{i}.down.in", g.smooth(f"{i}.down.in", u))
        d = g.store(f"{i}.down", g.linear(f"{i}.down", u, *parts("down")))
        r = g.store(f"{i}.residual2", g.node("Add", f"{i}.residual2", h, d))
        h = g.store(f"{i}.norm2", g.norm(f"{i}.norm2", r, w[f"{i}.norm2.gamma"], w[f"{i}.norm2.beta"]))

    m = g.node("Unsqueeze", "pool.mask", kept, g.const("axes2", np.array([2])))
    x = g.node("Mul", "pool.kept", h, m)
    x = g.node("ReduceSum", "pool.sum", x, g.const("axes1", np.array([1])), keepdims=0)
    n = g.node("ReduceSum", "pool.count", m, g.const("axes1", np.array([1])), keepdims=0)
    x = g.store("pool", g.node("Div", "pool", x, n))
    x = g.store("vector", g.node("LpNormalization", "vector", x, axis=-1, p=2))
    g.node("Identity", "embeddings", x)

    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", length]) for n in ("ids", "mask")]
    outputs = [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", WIDTH])]
    graph = helper.make_graph(g.nodes, "all-MiniLM-L6-v2", inputs, outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model
