"""Quantises all-MiniLM-L6-v2 and writes it as QDQ ONNX: see README.md.

    .venv/bin/python prepare.py OUT [--length 64] [--float] [--samples 256]

Into the folder OUT: minilm.onnx; minilm.samples.npz (held-out sentences: ids, mask,
and the float model's embeddings); minilm.calib.npz; minilm.sentences.txt (the texts
of the samples). With --float also minilm.float.onnx.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
import onnx

sys.dont_write_bytecode = True
import data  # noqa: E402
import emulate  # noqa: E402
import graph  # noqa: E402
import quantise  # noqa: E402

# How many sentences find the scales. The next ones chose the plan; held out are those from HELD_OUT on.
CALIBRATION, CHOICE, HELD_OUT = 256, 1024, 2048


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--length", type=int, default=64, help="tokens of a sentence, padding included")
    parser.add_argument("--samples", type=int, default=256, help="held-out sentences in the samples")
    parser.add_argument("--float", action="store_true", help="write the float model as well")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    w = graph.fold(data.weights())
    if args.float:
        onnx.save(graph.build(w, args.length), args.out / "minilm.float.onnx")

    texts = data.sentences()
    tokens = data.tokenizer(args.length)
    held_out = texts[HELD_OUT:][: args.samples]
    ids, mask = data.encode(tokens, held_out)
    np.savez(args.out / "minilm.samples.npz", ids=ids, mask=mask, embeddings=emulate.embed(w, ids, mask))
    (args.out / "minilm.sentences.txt").write_text("\n".join(held_out) + "\n", "utf-8")

    ids, mask = data.encode(tokens, texts[:CALIBRATION])
    np.savez(args.out / "minilm.calib.npz", ids=ids, mask=mask)
    plan = {}
    w, seen = quantise.prepared(w, ids, mask, plan)
    w, sites = quantise.quantised(w, seen, ids, mask, plan)
    model = graph.build(w, args.length, sites)
    onnx.save(model, args.out / "minilm.onnx")
    print(json.dumps({"model": "minilm", "length": args.length, "nodes": len(model.graph.node), "bytes": model.ByteSize()}))


if __name__ == "__main__":
    main()
