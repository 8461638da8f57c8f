"""Accuracy of an imported digits program on the held-out images: see README.md.

    .venv/bin/python accuracy.py OUT digits_mlp|digits_cnn [--worker gpu-worker]

Prints one line; ends with 1 if the program is more than one point below the
float model.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import worker  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("model", choices=("digits_mlp", "digits_cnn"))
    parser.add_argument("--worker", default="gpu-worker", help="the gpu-worker binary")
    args = parser.parse_args()
    samples = np.load(args.out / f"{args.model}.samples.npz")
    report = worker.card(args.out / args.model)
    (port,) = report["inputs"]
    n = len(samples["label"])
    blob = worker.quantise(samples["pixels"], port).tobytes()
    data, done = worker.run(args.worker, args.out / args.model, blob, n)
    digits = worker.outputs(data, report["outputs"], n)["digit"]
    right = {
        "float": int((samples["digit"] == samples["label"]).sum()),
        "program": int((digits == samples["label"]).sum()),
    }
    same = int((digits == samples["digit"]).sum())
    print(
        f"{args.model:<11} right {right['program']} of {n} (float {right['float']}, goal at most one point less), "
        f"same answer {same}, {done['seconds']:.2f} s"
    )
    if right["program"] < right["float"] - n / 100:
        sys.exit("more than one point below the float model")


if __name__ == "__main__":
    main()
