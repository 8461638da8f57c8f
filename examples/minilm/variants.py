"""Accuracy and cost of ways to quantise the model: the table and the plot of README.md.

    .venv/bin/python variants.py [--sentences 1024] [--plot accuracy.svg]

Emulated (see emulate.py), on the sentences that also chose the plan, not on the held-out
ones. The plot needs matplotlib.
"""

import argparse
import json
import sys

sys.dont_write_bytecode = True
import data  # noqa: E402
import emulate  # noqa: E402
import graph  # noqa: E402
import quantise  # noqa: E402
from prepare import CALIBRATION, CHOICE  # noqa: E402

LENGTH = 64
UNSMOOTHED = {f"{n}.smooth": None for n in quantise.PRODUCTS}
NARROW = {"0.down.in": "u8", "1.down.in": "u8"}
# GELU as a table inside the product: 8 bits before and after it.
FUSED = {**NARROW, "up": "u8", "gelu": None, "down.in.smooth": None}
PLAIN = {"equalise": False, "correct": False, **UNSMOOTHED}
WIDE = {n: "i16" for n in ("attention.in", "up.in", "down.in", "query", "softmax", "context", "table")}
VARIANTS = {
    "plain W8A8, GELU in a table": {**PLAIN, **FUSED},
    "plain W8A8, GELU from 16 bits": {**PLAIN, **NARROW},
    "smoothed, GELU in a table": FUSED,
    "smoothed, all products 8-bit": NARROW,
    "… and scores in 8 bits": {**NARROW, "scores": "u8"},
    "chosen: i16 into the last product of layers 0 and 1": {},
    "chosen, not corrected": {"correct": False},
    "chosen, not equalised": {"equalise": False},
    "chosen, ranges of least squared error": {"range": "mse"},
    "chosen, embeddings in 16 bits": {"table": "i16"},
    "i16 into the last product of all layers": {"down.in": "i16"},
    "i16 left sides everywhere": WIDE,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=CHOICE)
    parser.add_argument("--plot")
    parser.add_argument("--only", nargs="+", help="names of variants")
    args = parser.parse_args()
    float_weights = graph.fold(data.weights())
    tokens, texts = data.tokenizer(LENGTH), data.sentences()
    calibration = data.encode(tokens, texts[:CALIBRATION])
    ids, mask = data.encode(tokens, texts[CALIBRATION:][: args.sentences])
    reference = emulate.embed(float_weights, ids, mask)
    started = {e: quantise.prepared(float_weights, *calibration, {"equalise": e}) for e in (False, True)}
    rows = []
    print("| variant | mean cosine | error | same nearest | of clear ones | M mac | MB moved |\n|---|---|---|---|---|---|---|")
    for name, plan in VARIANTS.items():
        if args.only and name not in args.only:
            continue
        equalise = {**quantise.DEFAULT, **plan}["equalise"]
        w, sites = quantise.quantised(*started[equalise], *calibration, plan)
        found = emulate.compare(reference, emulate.embed(w, ids, mask, sites))
        spent = quantise.cost(plan, LENGTH)
        rows.append((name, found, spent))
        print(
            f"| {name} | {found['cosine']:.4f} | {found['error']:.4f} | {found['nearest']:.1%} | {found['nearest_clear']:.1%} "
            f"| {spent['macs'] / 1e6:.0f} | {spent['bytes'] / 1e6:.1f} |", flush=True,
        )  # fmt: skip
    if args.plot:
        plot(rows, args.plot)


def plot(rows, path):
    """Same nearest neighbours of every variant, with what a sentence costs."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "athanor", "svg.fonttype": "none", "font.size": 8})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.34 * len(rows) + 0.9))
    for at, (name, found, spent) in enumerate(rows):
        share = 100 * found["nearest"]
        chosen = name.startswith("chosen:")
        axes.barh(at, share, color="tab:red" if chosen else "tab:blue", alpha=0.75)
        axes.text(75.3, at, f"{spent['macs'] / 1e6:.0f} M mac, {spent['bytes'] / 1e6:.1f} MB", va="center", color="white")
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(75, 100)
    axes.axvline(90, color="black", linewidth=1, linestyle="--")
    axes.set_xlabel("same nearest sentence as the float model, % (goal: 90)")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
