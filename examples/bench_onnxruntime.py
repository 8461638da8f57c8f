"""Throughput of quantised ONNX models in onnxruntime's CPU provider: what the worker is compared with.

    .venv/bin/python bench_onnxruntime.py OUT [MODEL…] [--threads 1 2] [--batches 1 8 64] [--seconds 5]

OUT is the folder `scripts/models` fills. Prints one line per model, batch and number of
threads: the median over all runs of at least SECONDS seconds, in samples per second.
"""

import argparse
import pathlib
import statistics
import time

import numpy as np
import onnxruntime as ort

MODELS = ("minilm", "digits_mlp", "digits_cnn")


def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def measure(run, seconds):
    """Seconds of each call, for at least `seconds` in all and at least 3 calls, after one to warm up."""
    run()
    times = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=5)
    args = parser.parse_args()
    print(f"onnxruntime {ort.__version__}, numpy {np.__version__}")
    print(f"{'model':<12} {'threads':>7} {'batch':>5} {'runs':>6} {'ms':>10} {'samples/s':>10}")
    for model in args.models:
        samples = np.load(args.out / f"{model}.samples.npz")
        for threads in args.threads:
            s = session(args.out / f"{model}.onnx", threads)
            names = [i.name for i in s.get_inputs()]
            for batch in args.batches:
                feed = {n: np.resize(samples[n], (batch, *samples[n].shape[1:])) for n in names}
                times = measure(lambda: s.run(None, feed), args.seconds)
                median = statistics.median(times)
                print(f"{model:<12} {threads:>7} {batch:>5} {len(times):>6} {median * 1e3:>10.2f} {batch / median:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
