"""The CPU backend of gpu-worker beside onnxruntime, oneDNN and torch, taken in turns: see scripts/bench."""

import argparse
import ctypes
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SHAPES = [(m, n, k) for m in (1, 16, 128, 1024, 8192) for n, k in ((384, 384), (1536, 384), (384, 1536))]
SHAPES += [(m, n, k) for m in (1, 128, 1024) for n, k in ((768, 768), (3072, 768), (768, 3072), (4096, 4096))]
MODELS, BATCHES = ("minilm", "digits_cnn"), (1, 8, 64)
QUICK = [(1, 384, 384), (128, 384, 384), (1024, 1536, 384), (1024, 384, 1536)]


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("--table", help="where the Markdown table goes")
    parser.add_argument("--rounds", type=int, default=5, help="how often each figure is taken")
    parser.add_argument("--quick", action="store_true", help="a few shapes only")
    parser.add_argument("--only", choices=["products", "jobs"], help="one part of it")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--models", help="folder of the example models, for jobs unless --job is given")
    parser.add_argument("--commit", default="unknown", help="what is measured, for the table")
    parser.add_argument(
        "--job",
        action="append",
        default=[],
        metavar="NAME=PROGRAM,ONNX,BATCH[,WEIGHT...]",
        help="a program with the quantised model it was imported from",
    )
    args = parser.parse_args()
    if args.models and not args.job:
        args.job = [job for name in MODELS for job in model_jobs(args.models, name)]
    return args


def model_jobs(folder, name):
    """The jobs of an example model that `make models` has prepared."""
    program, model = f"{folder}/{name}/program.bin", f"{folder}/{name}.onnx"
    if not (os.path.exists(program) and os.path.exists(model)):
        print(f"without {name}: run make models", file=sys.stderr)
        return []
    number = lambda path: int("".join(filter(str.isdigit, os.path.basename(path))) or 0)
    weights = sorted(glob.glob(f"{folder}/{name}/weights/*"), key=number)
    return [f"{name}=" + ",".join([program, model, str(batch), *weights]) for batch in BATCHES]


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


class OneDnn:
    """u8·s8 products by oneDNN's matmul primitive, the weights in the order it asks for.

    By the C interface of version 3, whose numbers are frozen: the wheel brings no Python module.
    """

    S32, S8, U8, F32 = 4, 5, 6, 3
    ANY, A, AB = 1, 2, 3
    SOURCE, TARGET, WEIGHTS, SCALES = 1, 17, 33, 4096

    def __init__(self):
        found = sorted(glob.glob(os.path.join(sys.prefix, "lib", "libdnnl.so.3*")))
        self.library = ctypes.CDLL(found[0] if found else "libdnnl.so.3")
        self.openmp = ctypes.CDLL("libgomp.so.1")
        self.library.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self.engine = self.make("engine_create", 1, ctypes.c_size_t(0))
        self.stream = self.make("stream_create", self.engine, 1)
        version = (ctypes.c_int * 3).from_address(self.address("version"))
        self.name = "oneDNN " + ".".join(str(part) for part in version)

    def address(self, function):
        call = getattr(self.library, f"dnnl_{function}")
        call.restype = ctypes.c_void_p
        return call()

    def call(self, function, *arguments):
        status = getattr(self.library, f"dnnl_{function}")(*arguments)
        if status != 0:
            raise RuntimeError(f"dnnl_{function}: status {status}")

    def make(self, function, *arguments):
        made = ctypes.c_void_p()
        self.call(function, ctypes.byref(made), *arguments)
        return made

    def layout(self, dims, kind, tag):
        dims = (ctypes.c_int64 * 12)(*dims)
        return self.make("memory_desc_create_with_tag", sum(1 for axis in dims if axis), dims, kind, tag)

    def memory(self, layout):
        return self.make("memory_create", layout, self.engine, ctypes.c_void_p(2**64 - 1))

    def product(self, m, n, k, threads, requantise):
        source, weights = self.layout([m, k], self.U8, self.AB), self.layout([k, n], self.S8, self.ANY)
        target = self.layout([m, n], self.U8 if requantise else self.S32, self.AB)
        attributes = self.make("primitive_attr_create")
        if requantise:
            self.call("primitive_attr_set_scales_mask", attributes, self.WEIGHTS, 2)
        made = self.make("matmul_primitive_desc_create", self.engine, source, weights, None, target, attributes)
        packed = ctypes.c_void_p(self.library.dnnl_primitive_desc_query_md(made, 131, 0))
        primitive = self.make("primitive_create", made)
        operands = [(self.SOURCE, source), (self.WEIGHTS, packed), (self.TARGET, target)]
        if requantise:
            operands.append((self.SCALES | self.WEIGHTS, self.layout([n], self.F32, self.A)))

        class Operand(ctypes.Structure):
            _fields_ = [("place", ctypes.c_int), ("memory", ctypes.c_void_p)]

        operands = (Operand * len(operands))(*[Operand(place, self.memory(layout)) for place, layout in operands])

        def run():
            self.openmp.omp_set_num_threads(threads)
            self.call("primitive_execute", primitive, self.stream, len(operands), operands)
            self.call("stream_wait", self.stream)

        return run


class Torch:
    """s8·s8 to s32 by `torch._int_mm`."""

    def __init__(self):
        import torch

        self.torch = torch
        self.name = f"torch {torch.__version__}"

    def product(self, m, n, k, threads):
        torch = self.torch
        a = torch.randint(-128, 128, (m, k), dtype=torch.int8)
        b = torch.randint(-127, 128, (n, k), dtype=torch.int8).t()

        def run():
            torch.set_num_threads(threads)
            torch._int_mm(a, b)

        return run


def optional(kind):
    """A library to compare with, or a line that says why not."""
    try:
        return kind()
    except (ImportError, OSError, AttributeError, ValueError) as error:
        print(f"without {kind.__name__}: {error}", file=sys.stderr)
        return None


def worker_figures(args, *extra):
    made = subprocess.run([args.worker, "bench", "--json", *extra], check=True, capture_output=True, text=True)
    return {figure["name"]: figure for figure in json.loads(made.stdout)}


def products(args, libraries, threads, figures):
    shapes = QUICK if args.quick else SHAPES
    dnn, torch = libraries
    for shape in shapes:
        m, n, k = shape
        a = numpy.random.default_rng(2).integers(0, 256, (m, k), dtype=numpy.uint8)
        theirs = {}
        for kind in ("MatMulInteger", "QLinearMatMul"):
            ready = session(product(kind, *shape), threads)
            theirs["onnxruntime", kind == "MatMulInteger"] = lambda ready=ready: ready.run(None, {"a": a})
        if dnn:
            theirs["oneDNN", True] = dnn.product(*shape, threads, False)
            theirs["oneDNN", False] = dnn.product(*shape, threads, True)
        if torch:
            theirs["torch._int_mm", True] = torch.product(*shape, threads)
        size = f"{m}x{n}x{k}"
        names = {False: f"gemm_i8_{size}_{threads}t", True: f"gemm_i8_{size}_sums_{threads}t"}
        ours, others = {sums: [] for sums in names}, {kind: [] for kind in theirs}
        for _ in range(args.rounds):
            products_of = ["--backend", "cpu", "--gemm", size, f"{size}:sums", "--threads", str(threads)]
            made = worker_figures(args, *products_of, "--runs", "5", "--seconds", "0.15")
            for sums, name in names.items():
                ours[sums].append(made[name]["value"])
            for kind, run in theirs.items():
                others[kind].append(m * n * k / median_seconds(run, 0.15) / 1e9)
        for (library, sums), values in others.items():
            report(figures, f"{names[sums]}/{library}", statistics.median(ours[sums]), "GMAC/s", statistics.median(values))


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
            extra += ["--backend", "cpu", "--program", program, "--batch", batch, "--threads", str(threads), "--runs", "3", "--seconds", "0.5"]
            made.append(worker_figures(args, *extra))
            seconds.append(median_seconds(lambda: theirs.run(None, inputs), 0.5))
        key = f"b{batch}_{threads}t"
        middle = lambda what, of: statistics.median(figure[f"{what}_{key}"][of] for figure in made)
        report(figures, f"{name}_{key}", middle("job", "value"), "samples/s", int(batch) / statistics.median(seconds))
        for what, unit in (("job_hashed", "ms"), ("job_first", "ms"), ("job_memory", "MiB")):
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
    libraries = [optional(kind) for kind in (OneDnn, Torch)]
    for threads in args.threads:
        if args.only != "jobs":
            products(args, libraries, threads, figures)
        if args.only != "products":
            jobs(args, threads, figures)
    if args.table:
        with open(args.table, "w", encoding="utf-8") as file:
            others = "".join(f", {library.name}" for library in libraries if library)
            file.write("# The worker's CPU backend\n\n")
            file.write("Written by `make bench-worker`; what it means is in [benchmarks](benchmarks.md).\n\n")
            file.write(f"Commit {args.commit}, {time.strftime('%Y-%m-%d', time.gmtime())}, ")
            file.write(f"{processor()}, {os.cpu_count()} cores; onnxruntime {onnxruntime.__version__}{others}; ")
            file.write(f"medians of {args.rounds} rounds, taken in turns. ")
            file.write("The baseline of a product is the library named behind it, of `sums` its product to 32 bits, ")
            file.write("of the others its requantised one, ")
            file.write("that of a job the quantised model, of `hashed` the same run without roots, ")
            file.write("of `first` the same run with the weights of an earlier one, of `memory` what was planned.\n\n")
            file.write("| figure | value | unit | baseline | ratio |\n|---|--:|---|--:|--:|\n")
            for name, value, unit, baseline in figures:
                file.write(f"| {name} | {value:.1f} | {unit} | {baseline:.1f} | {value / baseline:.2f} |\n")


if __name__ == "__main__":
    main()
