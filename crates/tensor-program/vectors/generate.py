"""The frozen vectors next to this file.

    python3 generate.py           writes them
    python3 generate.py --check   says whether writing them would change anything
    python3 generate.py NAME…     writes (or checks) only these files

Expected values come from `reference.py` and `operators.py`, never from the Rust crate;
no package is needed. Changing a vector is a new semantic version.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
from cases import elements, linear, programs, proofs, rows, shapes  # noqa: E402
from cases.common import lean  # noqa: E402

HERE = pathlib.Path(__file__).parent
FILES = {
    "matmul": linear.matmul_cases,
    "batchmatmul": linear.batchmatmul_cases,
    "conv2d": linear.conv2d_cases,
    "addbias": elements.addbias_cases,
    "requantize": elements.requantize_cases,
    "add": elements.add_cases,
    "mul": elements.mul_cases,
    "clamp": elements.clamp_cases,
    "abs": elements.abs_cases,
    "select": elements.select_cases,
    "lut8": elements.lut8_cases,
    "lut16": elements.lut16_cases,
    "rowsum": rows.rowsum_cases,
    "rowmax": rows.rowmax_cases,
    "rowmean": rows.rowmean_cases,
    "softmax": rows.softmax_cases,
    "layernorm": rows.layernorm_cases,
    "rmsnorm": rows.rmsnorm_cases,
    "argmax": rows.argmax_cases,
    "topk": rows.topk_cases,
    "reshape": shapes.reshape_cases,
    "transpose": shapes.transpose_cases,
    "slice": shapes.slice_cases,
    "concat": shapes.concat_cases,
    "pad": shapes.pad_cases,
    "gather": shapes.gather_cases,
    "rope": shapes.rope_cases,
    "maxpool2d": shapes.maxpool2d_cases,
    "avgpool2d": shapes.avgpool2d_cases,
    "program": programs.program_cases,
    "proofs": proofs.proof_cases,
}
# These also freeze how programs are named and roots are joined.
FULL = ["matmul", "requantize", "clamp", "lut8", "argmax", "reshape", "program", "proofs"]


def text(cases):
    names = [c["name"] for c in cases]
    assert len(set(names)) == len(names), [n for n in names if names.count(n) > 1]
    lines = ",\n".join(json.dumps(c) for c in cases)
    return f"[\n{lines}\n]\n"


def main(arguments):
    check = "--check" in arguments
    wanted = [a for a in arguments if a != "--check"] or list(FILES)
    wrong = []
    for name in wanted:
        cases = FILES[name]() if name in FULL else lean(FILES[name]())
        path, made = HERE / f"{name}.json", text(cases)
        if not check:
            path.write_text(made)
            print(f"{name}: {len(cases)} cases, {len(made)} bytes")
        elif not path.exists() or path.read_text() != made:
            wrong.append(f"{name}.json would change")
    for path in HERE.glob("*.json"):
        if path.stem not in FILES:
            wrong.append(f"{path.name} is written by nothing here")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
