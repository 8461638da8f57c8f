"""The CPU backend of gpu-worker beside onnxruntime, taken in turns: see scripts/bench."""

import argparse
import json
import platform
import statistics
import subprocess
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SHAPES = [(m, n, k) for m in (1, 16, 128, 1024, 8192) for n, k in ((384, 384), (1536, 384), (384, 1536))]
SHAPES += [(m, n, k) for m in (1, 128, 1024) for n, k in ((768, 768), (3072, 768), (768, 3072), (4096, 4096))]
QUICK = [(1, 384, 384), (128, 384, 384), (1024, 1536, 384), (1024, 384, 1536)]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("--table", help="where the Markdown table goes")
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is taken")
    parser.add_argument("--quick", action="store_true", help="a few shapes only")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--job",
        action="append",
        default=[],
        metavar="NAME=PROGRAM,ONNX,BATCH[,WEIGHT...]",
        help="a program with the quantised model it was imported from",
    )
    return parser.parse_args()


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def product(kind, m, n, k):
    """MatMulInteger gives i32; QLinearMatMul requantises per channel, as our epilogue does."""
    weights = numpy.random.default_rng(1).integers(-127, 128, (k, n), dtype=numpy.int8)
    constants = {"b": weights}
    if kind == "MatMulInteger":
        inputs, out = ["a", "b", "za"], TensorProto.INT32
        constants["za"] = numpy.array(128, numpy.uint8)
    else:
        inputs, out = ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"], TensorProto.UINT8
        constants.update(
            sa=numpy.float32(0.02), za=numpy.uint8(128), sb=numpy.full(n, 0.01, numpy.float32),
            zb=numpy.zeros(n, numpy.int8), sy=numpy.float32(0.5), zy=numpy.uint8(128),
        )
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["y"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [m, k])],
        [helper.make_tensor_value_info("y", out, [m, n])],
        [numpy_helper.from_array(numpy.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


def median_seconds(run, least=0.15):
    run()
    times = []
    until = time.perf_counter() + least
    while time.perf_counter() < until or len(times) < 5:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def worker_figures(args, *extra):
    made = subprocess.run([args.worker, "bench", "--json", *extra], check=True, capture_output=True, text=True)
    return {figure["name"]: figure for figure in json.loads(made.stdout)}


def products(args, threads, figures):
    shapes = QUICK if args.quick else SHAPES
    a = {shape: numpy.random.default_rng(2).integers(0, 256, (shape[0], shape[2]), dtype=numpy.uint8) for shape in shapes}
    for shape in shapes:
        m, n, k = shape
        theirs = {kind: session(product(kind, *shape), threads) for kind in ("MatMulInteger", "QLinearMatMul")}
        ours, best = [], {kind: [] for kind in theirs}
        for _ in range(args.rounds):
            name = f"gemm_i8_{m}x{n}x{k}_{threads}t"
            # A few timings of milliseconds a round: rounds, not repetitions, even out the machine.
            made = worker_figures(args, "--gemm", f"{m}x{n}x{k}", "--threads", str(threads), "--runs", "5")
            ours.append(made[name]["value"])
            for kind, run in theirs.items():
                seconds = median_seconds(lambda: run.run(None, {"a": a[shape]}), 0.05)
                best[kind].append(m * n * k / seconds / 1e9)
        fastest = max(statistics.median(values) for values in best.values())
        report(figures, name, statistics.median(ours), "GMAC/s", fastest)


def feeds(model, batch):
    """Inputs of a model: small numbers for ids, ones for masks, noise for the rest."""
    made = {}
    for value in model.get_inputs():
        shape = [axis if isinstance(axis, int) else 128 for axis in value.shape]
        shape[0] = batch
        if value.type == "tensor(float)":
            made[value.name] = numpy.random.default_rng(3).standard_normal(shape).astype(numpy.float32)
        elif "mask" in value.name:
            made[value.name] = numpy.ones(shape, numpy.int64)
        elif "type" in value.name:
            made[value.name] = numpy.zeros(shape, numpy.int64)
        else:
            made[value.name] = numpy.random.default_rng(3).integers(1, 1000, shape, dtype=numpy.int64)
    return made


def jobs(args, threads, figures):
    for job in args.job:
        name, rest = job.split("=", 1)
        program, model, batch, *weights = rest.split(",")
        theirs = session(model, threads)
        inputs = feeds(theirs, int(batch))
        made, seconds = [], []
        for _ in range(args.rounds):
            extra = ["--weights", *weights] if weights else []
            extra += ["--program", program, "--batch", batch, "--threads", str(threads), "--runs", "3"]
            made.append(worker_figures(args, *extra))
            seconds.append(median_seconds(lambda: theirs.run(None, inputs), 0.5))
        key = f"b{batch}_{threads}t"
        middle = lambda what, of: statistics.median(figure[f"{what}_{key}"][of] for figure in made)
        report(figures, f"{name}_{key}", middle("job", "value"), "samples/s", int(batch) / statistics.median(seconds))
        for what, unit in (("job_hashed", "ms"), ("job_memory", "MiB")):
            if f"{what}_{key}" in made[0]:
                value, base = middle(what, "value"), middle(what, "baseline")
                report(figures, f"{name}_{what[4:]}_{key}", value, unit, base)


def report(figures, name, value, unit, baseline):
    figures.append((name, value, unit, baseline))
    print(f"{name:<44} {value:>12.3f} {unit:<10} {baseline:>12.3f} {value / baseline:>8.3f}", flush=True)


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def main():
    args = arguments()
    figures = []
    for threads in args.threads:
        products(args, threads, figures)
        jobs(args, threads, figures)
    if args.table:
        with open(args.table, "w", encoding="utf-8") as file:
            file.write(f"{processor()}; onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}; ")
            file.write(f"medians of {args.rounds} rounds, taken in turns. ")
            file.write("The baseline of a product is the faster of MatMulInteger and QLinearMatMul, ")
            file.write("that of a job the quantised model, of `hashed` the same run without roots, ")
            file.write("of `memory` what was planned.\n\n")
            file.write("| figure | value | unit | baseline | ratio |\n|---|--:|---|--:|--:|\n")
            for name, value, unit, baseline in figures:
                file.write(f"| {name} | {value:.1f} | {unit} | {baseline:.1f} | {value / baseline:.2f} |\n")


if __name__ == "__main__":
    main()
