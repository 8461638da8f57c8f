"""Accuracy of the imported program against the float model on held-out sentences: see README.md.

    .venv/bin/python accuracy.py OUT [--worker gpu-worker]

Runs the program on the samples and prints one line; ends with 1 below the goals.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
import emulate  # noqa: E402
import search  # noqa: E402

# Mean cosine to the float model; same nearest neighbour among all queries, and among those
# whose two nearest are more than 0.02 apart.
GOALS = {"cosine": 0.995, "nearest": 0.90, "nearest_clear": 0.99}
BATCH = 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--worker", default="gpu-worker", help="the gpu-worker binary")
    args = parser.parse_args()
    samples = np.load(args.out / "minilm.samples.npz")
    found, seconds = [], 0.0
    for i in range(0, len(samples["ids"]), BATCH):
        v, report = search.embed(args.worker, args.out / "minilm", samples["ids"][i : i + BATCH], samples["mask"][i : i + BATCH])
        found.append(v.astype(np.float32))
        seconds += report["seconds"]
    result = emulate.compare(samples["embeddings"], np.concatenate(found))
    print(
        f"{'minilm':<11} cosine {result['cosine']:.4f} (goal {GOALS['cosine']}), "
        f"nearest {result['nearest']:.1%} ({GOALS['nearest']:.0%}), "
        f"clear {result['nearest_clear']:.1%} ({GOALS['nearest_clear']:.0%}) "
        f"of {len(samples['ids'])} sentences, {seconds:.2f} s"
    )
    missed = {k: result[k] for k, goal in GOALS.items() if result[k] < goal}
    if missed:
        sys.exit(f"below the goals: {missed}")


if __name__ == "__main__":
    main()
