"""Nearest sentences to a query, by the integer program that a worker runs and a chain can judge.

    .venv/bin/python search.py OUT "a question or sentence" [--worker gpu-worker] [--sentences FILE]

OUT is the folder `scripts/models` fills. The first call embeds all sentences and keeps
the vectors beside them; every call embeds the query. Both are runs of `gpu-worker run`, as
for a paid job: the output root printed is the one that a receipt carries.
"""

import argparse
import hashlib
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import data  # noqa: E402
import worker  # noqa: E402

WIDTH = 384


def embed(binary, model, ids, mask):
    """Vectors i16 [n, 384] of the program, and the worker's report."""
    ports = worker.card(model)["inputs"]
    given = {"ids": ids, "mask": mask}
    blob = b"".join(worker.quantise(given[port["name"]], port).tobytes() for port in ports)
    output, report = worker.run(binary, model, blob, len(ids))
    return np.frombuffer(output, "<i2").reshape(len(ids), WIDTH), report


def cosines(vectors, query):
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    return v @ q / np.linalg.norm(v, axis=1) / np.linalg.norm(q)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("query")
    parser.add_argument("--worker", default="gpu-worker", help="the gpu-worker binary")
    parser.add_argument("--sentences", type=pathlib.Path, help="a file with one sentence a line")
    parser.add_argument("--top", type=int, default=5)
    args = parser.parse_args()

    model = args.out / "minilm"
    length = worker.card(model)["inputs"][0]["shape"][0]
    path = args.sentences or args.out / "minilm.sentences.txt"
    texts = path.read_text("utf-8").splitlines()
    tokens = data.tokenizer(length)

    # Vectors belong to these sentences and this program.
    key = hashlib.sha256(path.read_bytes() + (model / "program.bin").read_bytes()).hexdigest()[:16]
    kept = args.out / f"minilm.vectors.{key}.npy"
    if not kept.exists():
        print(f"embedding {len(texts)} sentences …", file=sys.stderr)
        vectors = [embed(args.worker, model, *data.encode(tokens, texts[i : i + 64]))[0] for i in range(0, len(texts), 64)]
        np.save(kept, np.concatenate(vectors))
    vectors = np.load(kept)

    query, report = embed(args.worker, model, *data.encode(tokens, [args.query]))
    found = cosines(vectors, query[0])
    for i in np.argsort(-found)[: args.top]:
        print(f"{found[i]:.3f}  {texts[i]}")
    print(f"output root {report['output_root']}")


if __name__ == "__main__":
    main()
