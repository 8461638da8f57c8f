"""Runs imported models in the worker, as for a paid job."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

TYPES = {"i8": "<i1", "i16": "<i2", "i32": "<i4"}


def card(model):
    """The importer's report on the model in the folder."""
    return json.loads((model / "model.json").read_text())


def quantise(x, port):
    """Reals as the program's integers; integers, which have no scale, as they are."""
    t = np.dtype(TYPES[port["type"]])
    q = x if port["scale"] is None else np.floor(x / port["scale"] + 0.5) + port["zero_point"]
    return np.clip(q, np.iinfo(t).min, np.iinfo(t).max).astype(t)


def outputs(data, ports, n):
    """The arrays of an output blob by name."""
    found, at = {}, 0
    for port in ports:
        t = np.dtype(TYPES[port["type"]])
        size = n * int(np.prod(port["shape"], dtype=int)) * t.itemsize
        found[port["name"]] = np.frombuffer(data[at : at + size], t).reshape(n, *port["shape"])
        at += size
    if at != len(data):
        sys.exit(f"the output has {len(data)} bytes and not {at}")
    return found


def run(worker, model, blob, batch):
    """Output bytes of the program in the folder, and the worker's report."""
    weights = sorted((model / "weights").glob("*.bin"), key=lambda p: int(p.stem))
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder) / "input.bin", pathlib.Path(folder) / "output.bin"
        source.write_bytes(blob)
        command = [worker, "run", model / "program.bin", "--weights", *weights, "--input", source,
                   "--batch", str(batch), "--output", target, "--format", "json"]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"gpu-worker ended with {done.returncode}")
        return target.read_bytes(), json.loads(done.stdout)
