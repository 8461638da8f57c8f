#!/usr/bin/env python3
"""Makes the small models of the importer's tests, and what onnxruntime computes with them.

Usage: pip install -r requirements.txt; python make.py
Writes <name>.onnx and <name>.npz (inputs and onnxruntime's outputs, graph optimisations off)
beside itself, and onnx_node.json: ONNX's own test cases of the integer operators, copied from
the onnx package (Apache-2.0) as hexadecimal text.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

HERE = Path(__file__).parent
OPSET = 17


class Model:
    """A graph under construction, with weights drawn from one generator."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def const(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def normal(self, *shape, scale=1.0):
        return self.const(self.rng.normal(0, scale, shape))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"t{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, list(inputs), names, name=f"{kind}{len(self.nodes)}", **attributes)
        )
        return names[0] if outputs == 1 else names

    def linear(self, x, k, n):
        y = self.op("MatMul", x, self.normal(k, n, scale=k**-0.5))
        return self.op("Add", y, self.normal(n, scale=0.3))

    def gemm(self, x, k, n):
        """A product whose bias is quantised with it, not added behind a quantisation."""
        return self.op("Gemm", x, self.normal(k, n, scale=k**-0.5), self.normal(n, scale=0.3))

    def conv(self, x, c, o, k=3, group=1, **attributes):
        w = self.normal(o, c // group, k, k, scale=(c // group * k * k) ** -0.5)
        return self.op("Conv", x, w, self.normal(o, scale=0.3), group=group, kernel_shape=[k, k], **attributes)

    def rounded(self, x, scale, zero, dtype=np.uint8):
        """Quantised and back."""
        scale, zero = self.const(scale), self.const(zero, dtype)
        return self.op("DequantizeLinear", self.op("QuantizeLinear", x, scale, zero), scale, zero)

    def build(self, inputs, outputs, opset=OPSET, kind=np.float32):
        kinds = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64}
        rename = {v: k for k, v in outputs.items()}
        for node in self.nodes:
            node.output[:] = [rename.get(o, o) for o in node.output]
            node.input[:] = [rename.get(i, i) for i in node.input]
        graph = helper.make_graph(
            self.nodes,
            "test",
            [helper.make_tensor_value_info(n, kinds[d], ["batch", *s]) for n, (d, s) in inputs.items()],
            [helper.make_tensor_value_info(n, kinds[d], None) for n, d in ((o, kind) for o in outputs)],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 9
        return onnx.shape_inference.infer_shapes(model)


class Reader(CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def run(model, feed):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))


def save(name, model, feed, reference=None):
    for key in ("producer_version", "doc_string"):
        model.ClearField(key)
    onnx.save(model, HERE / f"{name}.onnx")
    outputs = run(model, feed)
    arrays = {**feed, **outputs}
    if reference:
        arrays.update({f"float.{k}": v for k, v in reference.items()})
    np.savez_compressed(HERE / f"{name}.npz", **arrays)
    print(name, (HERE / f"{name}.onnx").stat().st_size, {k: v.shape for k, v in arrays.items()})


def quantised(name, model, calibration, feed, activation=QuantType.QUInt8, weight=QuantType.QInt8,
              form=QuantFormat.QDQ, per_channel=False, ops=None, extra=None):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "a.onnx"), os.path.join(folder, "b.onnx")
        onnx.save(model, source)
        feeds = [{k: v[i : i + 1] for k, v in calibration.items()} for i in range(len(next(iter(calibration.values()))))]
        quantize_static(source, target, Reader(feeds), quant_format=form, op_types_to_quantize=ops,
                        per_channel=per_channel, activation_type=activation, weight_type=weight,
                        extra_options=extra or {})
        save(name, onnx.load(target), feed, run(model, feed))


def floats(seed, *shape):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


def convolutions():
    forms = {
        "conv_u8s8": {},
        "conv_u8s8_channel": {"per_channel": True},
        "conv_s8s8": {"activation": QuantType.QInt8},
        "conv_u8u8": {"weight": QuantType.QUInt8},
        "conv_qlinear": {"form": QuantFormat.QOperator, "per_channel": True},
    }
    for name, form in forms.items():
        m = Model(1)
        y = m.op("Relu", m.conv("x", 4, 8, pads=[1, 0, 1, 2], strides=[2, 1]))
        model = m.build({"x": (np.float32, [4, 9, 8])}, {"y": y})
        quantised(name, model, {"x": floats(2, 32, 4, 9, 8)}, {"x": floats(3, 16, 4, 9, 8)}, **form)


def matmuls():
    for name, form in {
        "matmul_u8": {},
        "matmul_s8_channel": {"activation": QuantType.QInt8, "per_channel": True},
        "matmul_i16": {"activation": QuantType.QInt16, "per_channel": True},
        "matmul_u16": {"activation": QuantType.QUInt16},
        "matmul_qlinear": {"form": QuantFormat.QOperator},
    }.items():
        m = Model(4)
        if "qlinear" in name:
            y = m.op("MatMul", "x", m.normal(48, 20, scale=0.15))
        else:
            y = m.gemm("x", 48, 20)
        model = m.build({"x": (np.float32, [48])}, {"y": y})
        extra = {"UseQDQContribOps": True} if "16" in name else None
        quantised(name, model, {"x": floats(5, 128, 48)}, {"x": floats(6, 128, 48)}, extra=extra, **form)
    m = Model(28)
    model = m.build({"x": (np.float32, [6, 48])}, {"y": m.linear("x", 48, 20)})
    quantised("bias_add", model, {"x": floats(29, 32, 6, 48)}, {"x": floats(30, 24, 6, 48)}, per_channel=True)
    m = Model(7)
    y = m.op("Gemm", "x", m.normal(12, 30, scale=0.2), m.normal(12), transB=1)
    y = m.op("Clip", y, m.const(-1.0), m.const(2.0))
    model = m.build({"x": (np.float32, [30])}, {"y": y})
    quantised("gemm_clip", model, {"x": floats(8, 64, 30)}, {"x": floats(9, 64, 30)}, per_channel=True)


def tables():
    """Element operators on a product, and on the input, at 8 and 16 bits."""
    chains = {
        "sigmoid": lambda m, x: m.op("Sigmoid", x),
        "leaky": lambda m, x: m.op("LeakyRelu", x, alpha=0.1),
        "silu": lambda m, x: m.op("Mul", x, m.op("Sigmoid", x)),
        "gelu": lambda m, x: m.op(
            "Mul",
            m.op("Mul", x, m.op("Add", m.op("Erf", m.op("Div", x, m.const(2**0.5))), m.const(1.0))),
            m.const(0.5),
        ),
    }
    for name, chain in chains.items():
        m = Model(10)
        y = chain(m, m.gemm("x", 16, 24))
        model = m.build({"x": (np.float32, [16])}, {"y": y})
        feeds = {"x": floats(11, 64, 16)}, {"x": floats(12, 64, 16)}
        quantised(f"table_{name}", model, *feeds, per_channel=True)
    m = Model(13)
    model = m.build({"x": (np.float32, [64])}, {"y": chains["gelu"](m, m.op("Identity", "x"))})
    quantised("table_gelu_i16", model, {"x": floats(14, 64, 64)}, {"x": floats(15, 32, 64)},
              activation=QuantType.QInt16, extra={"UseQDQContribOps": True})


def shapes():
    m = Model(16)
    a, b = m.op("Split", "x", m.ints(4, 8), outputs=2, axis=2)
    a = m.op("Transpose", a, perm=[0, 2, 1])
    b = m.op("Slice", b, m.ints(1), m.ints(8), m.ints(2), m.ints(2))
    b = m.op("Reshape", b, m.ints(0, 4, 6))
    y = m.op("Concat", a, b, axis=2)
    y = m.op("Pad", y, m.ints(0, 1, 0, 0, 0, 2), m.const(0.0))
    y = m.op("Gather", y, m.const(3, np.int64), axis=1)
    model = m.build({"x": (np.float32, [6, 12])}, {"y": y})
    quantised("shapes", model, {"x": floats(17, 32, 6, 12)}, {"x": floats(18, 8, 6, 12)})


def elements():
    for name, kind in (("add", "Add"), ("mul", "Mul")):
        m = Model(19)
        a = m.op("MaxPool", "x", kernel_shape=[2, 2], strides=[1, 1])
        b = m.op("AveragePool", "x", kernel_shape=[2, 2], strides=[1, 1])
        model = m.build({"x": (np.float32, [3, 6, 6])}, {"y": m.op(kind, a, b)})
        quantised(f"pools_{name}", model, {"x": floats(20, 32, 3, 6, 6)}, {"x": floats(21, 16, 3, 6, 6)})


def selections():
    """Indices of the largest, and choices between two tensors."""
    m = Model(31)
    _, y = m.op("TopK", m.gemm("x", 24, 40), m.ints(5), outputs=2, axis=-1)
    model = m.build({"x": (np.float32, [24])}, {"y": y}, kind=np.int64)
    quantised("top_k", model, {"x": floats(32, 64, 24)}, {"x": floats(33, 48, 24)}, per_channel=True)

    def feed(seed, n):
        rng = np.random.default_rng(seed)
        return {"x": floats(seed, n, 6, 8), "mask": rng.integers(0, 2, (n, 6)).astype(np.int64)}

    m = Model(34)
    x = m.rounded("x", 0.03, 125)
    absent = m.op("Equal", m.op("Unsqueeze", "mask", m.ints(2)), m.const(0, np.int64))
    y = m.rounded(m.op("Where", absent, m.const(0.5), x), 0.02, 120)
    checks = m.const(np.arange(48).reshape(6, 8) % 3 == 0, np.bool_)
    y = m.rounded(m.op("Where", checks, y, x), 0.03, 125)
    model = m.build({"x": (np.float32, [6, 8]), "mask": (np.int64, [6])}, {"y": y})
    save("where", model, feed(36, 32))


def causal():
    """Attention that sees only what came before, the mask added or chosen by."""
    for name, added in (("causal_add", True), ("causal_where", False)):
        m, S, D, H = Model(37), 10, 16, 2
        heads = lambda t, perm: m.op(
            "Transpose", m.op("Reshape", m.linear(t, D, D), m.ints(0, S, H, D // H)), perm=perm
        )
        q, k, v = heads("x", [0, 2, 1, 3]), heads("x", [0, 2, 3, 1]), heads("x", [0, 2, 1, 3])
        scores = m.op("MatMul", q, k)
        earlier = np.tril(np.ones((S, S))) > 0
        if added:
            scores = m.op("Add", scores, m.const(np.where(earlier, 0.0, -1e9)[None, None]))
        else:
            scores = m.op("Where", m.const(earlier[None, None], np.bool_), scores, m.const(-1e9))
        y = m.op("MatMul", m.op("Softmax", scores, axis=-1), v)
        y = m.op("Reshape", m.op("Transpose", y, perm=[0, 2, 1, 3]), m.ints(0, S, D))
        model = m.build({"x": (np.float32, [S, D])}, {"y": y})
        feeds = {"x": floats(38, 64, S, D)}, {"x": floats(39, 24, S, D)}
        quantised(name, model, *feeds, per_channel=True, ops=["MatMul"])


def zero_points():
    """Weights with a zero point of their own in every channel."""
    for name, conv in (("conv_u8_channel_zero", True), ("matmul_u8_channel_zero", False)):
        m = Model(40)
        inner = [4, 7, 6] if conv else [24]
        w = m.rng.normal(0, 0.2, (8, 4, 3, 3) if conv else (24, 12))
        shift = m.rng.normal(0, 0.3, 8 if conv else 12)
        w = w + (shift.reshape(8, 1, 1, 1) if conv else shift)
        axis = 0 if conv else 1
        flat = np.moveaxis(w, axis, 0).reshape(w.shape[axis], -1)
        low, high = np.minimum(flat.min(1), 0), np.maximum(flat.max(1), 0)
        scale = ((high - low) / 255).astype(np.float32)
        zero = np.rint(-low / scale).astype(np.uint8)
        spread = [-1 if i == axis else 1 for i in range(w.ndim)]
        stored = np.clip(np.rint(w / scale.reshape(spread)) + zero.reshape(spread), 0, 255)
        stored, zero = m.const(stored, np.uint8), m.const(zero, np.uint8)
        weights = m.op("DequantizeLinear", stored, m.const(scale), zero, axis=axis)
        x = m.rounded("x", 0.03, 120)
        y = m.op("Conv", x, weights, kernel_shape=[3, 3]) if conv else m.op("MatMul", x, weights)
        model = m.build({"x": (np.float32, inner)}, {"y": m.rounded(y, 0.05, 110)})
        save(name, model, {"x": floats(41, 32, *inner)})


def batch_norms():
    """A normalisation that no convolution took in, with factors of both signs or one."""
    wide = "batch_norm_i16"
    for name, shape, signs in (
        ("batch_norm", [6, 8, 8], (-1, 1)), (wide, [6, 8, 8], (1,)), ("batch_norm_row", [24], (-1, 1)),
    ):
        m, c = Model(42), shape[0]
        gamma = m.rng.uniform(0.3, 1.5, c) * m.rng.choice(signs, c)
        if name == "batch_norm":
            gamma[2] = 0
        parts = [gamma, m.rng.normal(0, 0.5, c), m.rng.normal(0, 0.5, c), m.rng.uniform(0.5, 2, c)]
        x = m.rounded("x", 2e-4, 0, np.int16) if name == wide else m.rounded("x", 0.03, 125)
        y = m.op("BatchNormalization", x, *[m.const(p) for p in parts], epsilon=1e-3)
        model = m.build({"x": (np.float32, shape)}, {"y": m.rounded(y, 0.04, 130)}, opset=21)
        save(name, model, {"x": floats(43, 32, *shape)})


def network():
    m = Model(22)
    x = m.op("Relu", m.conv("x", 1, 8, pads=[1, 1, 1, 1]))
    x = m.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    y = m.op("Relu", m.conv(x, 8, 8, group=8, pads=[1, 1, 1, 1]))
    y = m.conv(y, 8, 8, k=1)
    x = m.op("Relu", m.op("Add", x, y))
    f = m.op("Flatten", x)
    a = m.op("Gemm", f, m.normal(128, 10, scale=0.1), m.normal(10))
    g = m.op("Flatten", m.op("GlobalAveragePool", x))
    b = m.op("Gemm", g, m.normal(8, 10, scale=0.5), m.normal(10))
    s = m.op("Add", a, b)
    model = m.build({"x": (np.float32, [1, 8, 8])}, {"scores": s})
    quantised("network", model, {"x": floats(23, 64, 1, 8, 8)}, {"x": floats(24, 32, 1, 8, 8)}, per_channel=True)


def layer_norm(m, x, n, chain):
    gamma, beta = m.const(m.rng.normal(1, 0.2, n)), m.normal(n, scale=0.2)
    if not chain:
        return m.op("LayerNormalization", x, gamma, beta, axis=-1, epsilon=1e-5)
    centred = m.op("Sub", x, m.op("ReduceMean", x, axes=[-1]))
    variance = m.op("ReduceMean", m.op("Pow", centred, m.const(2.0)), axes=[-1])
    deviation = m.op("Sqrt", m.op("Add", variance, m.const(1e-5)))
    return m.op("Add", m.op("Mul", m.op("Div", centred, deviation), gamma), beta)


def transformer(name, chain, where, opset, activation, quantise):
    """An encoder layer on token ids with everything an embedding model needs."""
    m, S, D, H, V = Model(25), 12, 16, 2, 40
    x = m.op("Add", m.op("Gather", m.normal(V, D), "ids"), m.normal(S, D, scale=0.3))
    x = layer_norm(m, x, D, chain)
    maskf = m.op("Cast", "mask", to=TensorProto.FLOAT)
    heads = lambda t, perm: m.op(
        "Transpose", m.op("Reshape", m.linear(t, D, D), m.ints(0, S, H, D // H)), perm=perm
    )
    q, k, v = heads(x, [0, 2, 1, 3]), heads(x, [0, 2, 3, 1]), heads(x, [0, 2, 1, 3])
    scores = m.op("Div", m.op("MatMul", q, k), m.const((D // H) ** 0.5))
    wide = m.op("Unsqueeze", "mask", m.ints(1, 2))
    if where:
        keep = m.op("Equal", wide, m.const(0, np.int64))
        scores = m.op("Add", scores, m.op("Where", keep, m.const(-1e9), m.const(0.0)))
    else:
        far = m.op("Mul", m.op("Sub", m.const(1.0), m.op("Cast", wide, to=TensorProto.FLOAT)), m.const(-1e4))
        scores = m.op("Add", scores, far)
    p = m.op("Softmax", scores, axis=-1)
    y = m.op("Reshape", m.op("Transpose", m.op("MatMul", p, v), perm=[0, 2, 1, 3]), m.ints(0, S, D))
    x = layer_norm(m, m.op("Add", x, m.linear(y, D, D)), D, chain)
    u = m.linear(x, D, 2 * D)
    erf = m.op("Erf", m.op("Div", u, m.const(2**0.5)))
    u = m.op("Mul", m.op("Mul", u, m.op("Add", erf, m.const(1.0))), m.const(0.5))
    x = layer_norm(m, m.op("Add", x, m.linear(u, 2 * D, D)), D, chain)
    axes = (m.ints(1),)
    mask3 = m.op("Expand", m.op("Unsqueeze", maskf, m.ints(2)), m.ints(1, S, D))
    above = m.op("ReduceSum", m.op("Mul", x, mask3), *axes, keepdims=0)
    below = m.op("Clip", m.op("ReduceSum", mask3, *axes, keepdims=0), m.const(1e-9))
    pooled = m.op("Div", above, below)
    norm = m.op("Clip", m.op("ReduceL2", pooled, axes=[-1]), m.const(1e-12))
    y = m.op("Div", pooled, m.op("Expand", norm, m.ints(1, D)))
    model = m.build({"ids": (np.int64, [S]), "mask": (np.int64, [S])}, {"y": y}, opset)

    def feed(seed, n):
        rng = np.random.default_rng(seed)
        lengths = rng.integers(3, S + 1, n)
        mask = (np.arange(S)[None] < lengths[:, None]).astype(np.int64)
        return {"ids": rng.integers(0, V, (n, S)) * mask, "mask": mask}

    quantised(name, model, feed(26, 64), feed(27, 24), activation=activation, per_channel=True,
              ops=quantise, extra={"UseQDQContribOps": True})


def onnx_node():
    """ONNX's backend tests of the integer operators."""
    source = Path(onnx.__file__).parent / "backend/test/data/node"
    cases = {}
    for folder in sorted(source.iterdir()):
        if not any(word in folder.name for word in ("integer", "qlinear", "quantizelinear")):
            continue
        data = folder / "test_data_set_0"
        files = lambda kind: [
            (data / f"{kind}_{i}.pb").read_bytes().hex() for i in range(len(list(data.glob(f"{kind}_*.pb"))))
        ]
        model = onnx.load(folder / "model.onnx")
        cases[folder.name] = {
            "names": [i.name for i in model.graph.input],
            "model": (folder / "model.onnx").read_bytes().hex(),
            "inputs": files("input"),
            "outputs": files("output"),
        }
    text = json.dumps({"source": f"onnx {onnx.__version__}, Apache-2.0", "cases": cases}, indent=0)
    (HERE / "onnx_node.json").write_text(text + "\n")
    print("onnx_node.json", len(cases), "cases", len(text))


if __name__ == "__main__":
    convolutions()
    matmuls()
    tables()
    shapes()
    elements()
    selections()
    causal()
    zero_points()
    batch_norms()
    network()
    linear = ["MatMul", "Gemm"]
    transformer("encoder", False, False, 17, QuantType.QUInt8, linear)
    transformer("encoder_chain", True, True, 13, QuantType.QInt8, linear)
    transformer("encoder_i16", True, False, 13, QuantType.QInt16, linear)
    transformer("encoder_all", True, False, 13, QuantType.QInt16, None)
    onnx_node()
