"""The digits perceptron as float ONNX and, by onnxruntime, as quantised ONNX: see README.md.

    .venv/bin/python export.py OUT

Writes digits_mlp.onnx, digits_mlp.float.onnx and digits_mlp.samples.npz into the folder OUT.
"""

import json
import pathlib
import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save
from onnxruntime import InferenceSession
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 7
HIDDEN = (64, 32)
# int16 tensors are in ONNX itself, not an extension, from here on.
OPSET = 21


class Batches(CalibrationDataReader):
    """Feeds the calibration images one batch at a time."""

    def __init__(self, name, x, size=64):
        self.batches = iter([{name: x[i : i + size]} for i in range(0, len(x), size)])

    def get_next(self):
        return next(self.batches, None)


def split():
    """Images of 8×8 pixels 0…1, classes, and the indices trained on and held out."""
    digits = load_digits()
    train, held_out = train_test_split(
        np.arange(len(digits.target)), test_size=0.3, random_state=SEED, stratify=digits.target
    )
    return (digits.data / 16).astype(np.float32), digits.target, train, held_out


def perceptron(x, labels):
    """Weights and biases of the trained layers."""
    model = MLPClassifier(HIDDEN, alpha=1e-2, batch_size=64, max_iter=400, random_state=SEED, tol=1e-5)
    model.fit(x, labels)
    return [(w.astype(np.float32), b.astype(np.float32)) for w, b in zip(model.coefs_, model.intercepts_)]


def graph(layers):
    """pixels [batch, 64] → Gemm, Relu, Gemm, Relu, Gemm → scores [batch, 10] → digit [batch]."""
    nodes, constants, x = [], [], "pixels"
    for i, (w, b) in enumerate(layers):
        constants += [numpy_helper.from_array(w, f"{i}.weight"), numpy_helper.from_array(b, f"{i}.bias")]
        last = i == len(layers) - 1
        y = "scores" if last else f"{i}.sum"
        nodes.append(helper.make_node("Gemm", [x, f"{i}.weight", f"{i}.bias"], [y], name=f"{i}.gemm"))
        if not last:
            nodes.append(helper.make_node("Relu", [y], [f"{i}.relu"], name=f"{i}.relu"))
        x = f"{i}.relu"
    nodes.append(helper.make_node("ArgMax", ["scores"], ["digit"], name="digit", axis=-1, keepdims=0))
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 64])]
    outputs = [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10]),
        helper.make_tensor_value_info("digit", TensorProto.INT64, ["batch"]),
    ]
    made = helper.make_graph(nodes, "digits-mlp", inputs, outputs, constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def quantise(source, target, x):
    """8-bit weights with one scale per channel, unsigned 8-bit activations, 16-bit scores."""
    quantize_static(
        source, target, Batches("pixels", x),
        quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        # Scores of 8 bits are often equal, and then the lowest class wins.
        extra_options={"TensorQuantOverrides": {"scores": [{"quant_type": QuantType.QInt16, "symmetric": True}]}},
    )  # fmt: skip


def finish(out, name, x, labels, train, held_out):
    """Quantises OUT/NAME.float.onnx, writes the samples, and returns the accuracies on held-out images."""
    quantise(out / f"{name}.float.onnx", out / f"{name}.onnx", x[train])
    answers = {}
    for kind, path in {"float": f"{name}.float.onnx", "quantised": f"{name}.onnx"}.items():
        session = InferenceSession(out / path, providers=["CPUExecutionProvider"])
        answers[kind] = session.run(["scores", "digit"], {"pixels": x[held_out]})
    np.savez(
        out / f"{name}.samples.npz", pixels=x[held_out],
        scores=answers["float"][0], digit=answers["float"][1], label=labels[held_out],
    )  # fmt: skip
    np.savez(out / f"{name}.calib.npz", pixels=x[train])
    right = {kind: int((digit == labels[held_out]).sum()) for kind, (_, digit) in answers.items()}
    return {"model": name, "of": len(held_out), "right": right}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    x, labels, train, held_out = split()
    save(graph(perceptron(x[train], labels[train])), out / "digits_mlp.float.onnx")
    print(json.dumps(finish(out, "digits_mlp", x, labels, train, held_out)))


if __name__ == "__main__":
    main()
