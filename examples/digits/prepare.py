"""Trains, quantises and writes the digits model: see README.md.

    python3 -m venv .venv && .venv/bin/pip install -r requirements.txt
    .venv/bin/python prepare.py
"""

import json
import math
import pathlib
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "crates" / "tensor-program" / "vectors"))
from reference import Program, blake3, output_root  # noqa: E402

SEED = 7
HIDDEN = (64, 32)
MAX_BATCH = 4096


def fixed_point(f):
    """Multiplier and shift with m in [2^14, 2^15) and m / 2^s nearest to f."""
    shift = 14 - math.floor(math.log2(f))
    m = round(f * 2.0**shift)
    if m == 1 << 15:
        m, shift = m >> 1, shift - 1
    assert 1 << 14 <= m < 1 << 15 and 0 <= shift <= 62
    return m, shift


def float_layers(model, x):
    """Input and output of every layer, the last without softmax."""
    values = [x]
    for i, (w, b) in enumerate(zip(model.coefs_, model.intercepts_)):
        y = values[-1] @ w + b
        values.append(y if i == len(model.coefs_) - 1 else np.maximum(y, 0))
    return values


def main():
    digits = load_digits()
    pixels, labels = digits.data, digits.target
    train, held_out = train_test_split(
        np.arange(len(labels)), test_size=0.3, random_state=SEED, stratify=labels
    )
    model = MLPClassifier(
        HIDDEN, alpha=1e-2, batch_size=64, max_iter=400, random_state=SEED, tol=1e-5
    )
    # Scaled to 0..1 for training; the scale is folded into the first layer below.
    model.fit(pixels[train] / 16, labels[train])
    float_classes = model.predict(pixels / 16)

    calibration = float_layers(model, pixels[train] / 16)
    constants, nodes, weights, layers = [], [], [], []
    scale_in, operand, zero = 1 / 16, ("input", 0), -128
    for i, (w, b) in enumerate(zip(model.coefs_, model.intercepts_)):
        last = i == len(model.coefs_) - 1
        w = w.T
        scale_w = np.abs(w).max(axis=1) / 127
        scale_w[scale_w == 0] = 1.0
        q = np.clip(np.rint(w / scale_w[:, None]), -127, 127).astype(np.int8)
        # Hidden values are at least 0: all 256 codes from zero point -128 up. The
        # scores keep 16 bits, so that rounding makes no two of them equal.
        scale_out = np.abs(calibration[i + 1]).max() / (16_000 if last else 255)
        params = np.zeros((len(b), 2), "<i4")
        params[:, 0] = np.rint(b / (scale_in * scale_w))
        for channel, f in enumerate(scale_in * scale_w / scale_out):
            m, shift = fixed_point(f)
            params[channel, 1] = shift << 16 | m
        out = "i16" if last else "i8"
        epilogue = {
            "scale": "channel", "out": out,
            "z": 0 if last else -128,
            "lo": -32768 if last else -128,
            "hi": 32767 if last else 127,
        }  # fmt: skip
        op = {"op": "MatMul", "za": zero, "zb": 0, "params": True, "epilogue": epilogue}
        nodes.append((op, [operand, ("const", 2 * i), ("const", 2 * i + 1)]))
        constants += [("i8", list(q.shape), None), ("i32", [len(b), 2], None)]
        weights += [q.tobytes(), params.tobytes()]
        layers.append({"shape": list(q.shape), "output": out})
        scale_in, operand = scale_out, ("node", i)
    nodes.append(({"op": "ArgMax"}, [operand]))
    program = Program([("i8", [64])], constants, nodes, [len(nodes) - 1], MAX_BATCH)

    # Unsigned data is stored with its top bit flipped.
    blob = (pixels.astype(np.int16) - 128).astype(np.int8).tobytes()
    batch = len(labels)
    values = program.run(batch, blob, weights)
    roots = [blake3(v) for v in values]
    classes = np.frombuffer(values[-1], "<i4")

    def accuracy(found):
        right = found == labels
        return {
            "all": {"right": int(right.sum()), "of": batch},
            "held_out": {"right": int(right[held_out].sum()), "of": len(held_out)},
        }

    accuracies = {"float": accuracy(float_classes), "integer": accuracy(classes)}
    lost = (
        accuracies["float"]["held_out"]["right"] - accuracies["integer"]["held_out"]["right"]
    ) / len(held_out)
    assert lost <= 0.01, f"quantising lost {lost:.2%}"

    (HERE / "weights").mkdir(exist_ok=True)
    (HERE / "program.bin").write_bytes(program.encoded())
    (HERE / "digits.bin").write_bytes(blob)
    (HERE / "labels.bin").write_bytes(labels.astype(np.uint8).tobytes())
    files = []
    for i, data in enumerate(weights):
        name = f"weights/{i}.bin"
        (HERE / name).write_bytes(data)
        t, shape, _ = constants[i]
        files.append({"file": name, "type": t, "shape": shape, "bytes": len(data), "root": blake3(data).hex()})
    cost = dict(zip(["macs", "ops", "bytes", "nodes", "load"], program.cost(batch)))
    report = {
        "program": {"file": "program.bin", "bytes": len(program.encoded()), "hash": program.hash().hex(), "max_batch": MAX_BATCH},
        "input": {"file": "digits.bin", "type": "i8", "shape": [64], "samples": batch, "root": blake3(blob).hex()},
        "labels": {"file": "labels.bin", "root": blake3(labels.astype(np.uint8).tobytes()).hex()},
        "weights": files,
        "layers": layers,
        "output": {"type": "i32", "shape": [], "root": output_root(program.outputs, roots).hex(), "bytes": len(values[-1])},
        "trace": [r.hex() for r in roots],
        "trace_root": blake3(b"".join(roots)).hex(),
        "cost": cost,
        "accuracy": accuracies,
        "held_out": sorted(int(i) for i in held_out),
        "agreement_with_float": int((classes == float_classes).sum()),
    }
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in report.items())
    (HERE / "model.json").write_text("{\n" + lines + "\n}\n")
    print(json.dumps(accuracies))


if __name__ == "__main__":
    main()
