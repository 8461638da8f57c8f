"""What `athanor bench chain` measured, as Markdown tables and a plot: see scripts/bench-chain."""

import argparse
import json
import os
import statistics
import sys

# Most growth of the validator's own memory (heap and stacks, no mapped files) over the second half of a soak of ten minutes or more.
MOST_MIB_PER_MINUTE = 1.0
# The share of a block that ordinary transactions may fill.
NORMAL = 0.75


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", help="where all figures go")
    parser.add_argument("--plot", help="where the soak's plot goes")
    parser.add_argument("files", nargs="+", help="what was printed, the soak's in soak.json")
    return parser.parse_args()


def at(run, *path):
    for name in path:
        if run is None:
            return None
        run = run.get(name)
    return run


def shown(value, digits=0, factor=1.0):
    return "" if value is None else f"{value * factor:,.{digits}f}"


def room(run):
    """How many of this kind a block has room for, by what each adds to a block's weight.

    Medians: a block that begins a session counts as full, and says nothing.
    """
    blocks = at(run, "series", "blocks") or []
    most = max((block["included"] for block in blocks), default=0)
    without = [block["ref_time_share"] for block in blocks if not block["included"]]
    loaded = [block for block in blocks if block["included"] and 2 * block["included"] >= most]
    if not without or not loaded:
        return None
    empty = statistics.median(without)
    each = statistics.median((block["ref_time_share"] - empty) / block["included"] for block in loaded)
    return (NORMAL - empty) / each if each > 0 else None


def rows(run):
    delays = at(run, "propagation") or []
    delay = at(delays[0], "later_by") if delays else None
    yield "sent, included, failed", f"{run['sent']:,}, {run['included']:,}, {run['failed']:,}"
    yield "included a second", shown(run["included_per_second"])
    yield "final a second", shown(run["finalised_per_second"])
    yield "room in a block, by weight", shown(room(run))
    yield "most in a block", shown(run["most_in_a_block"])
    yield "fullest block, of its time, %", shown(at(run, "blocks", "fullest_ref_time_share"), 0, 100)
    yield "blocks with any, of their time, %", shown(at(run, "blocks", "ref_time_share"), 0, 100)
    yield "between blocks, median, s", shown(at(run, "blocks", "interval", "median_ms"), 2, 1e-3)
    yield "constructing a block, mean, ms", shown(at(run, "times", "construction", "mean_ms"))
    yield "importing a block, mean, ms", shown(at(run, "times", "verification_and_import", "mean_ms"))
    yield "a block at the other node, later by, median, ms", shown(at(delay, "median_ms"))
    yield "the same, 95 %, ms", shown(at(delay, "p95_ms"))
    for part, name in (("own", "memory of its own"), ("resident", "with mapped files")):
        yield f"{name}, first, MiB", shown(at(run, "memory", part, "first_mib"))
        yield f"{name}, last, MiB", shown(at(run, "memory", part, "last_mib"))
        growth = shown(at(run, "memory", part, "mib_per_minute"), 2)
        yield f"{name}, growth in the second half, MiB a minute", growth
    yield "database, MiB a million", shown(at(run, "database", "mib_per_million"))


def table(runs):
    names = list(runs)
    print("| | " + " | ".join(names) + " |")
    print("|---|" + "--:|" * len(names))
    columns = [list(rows(run)) for run in runs.values()]
    for cells in zip(*columns):
        if any(value for _, value in cells):
            print(f"| {cells[0][0]} | " + " | ".join(value for _, value in cells) + " |")
    print()


def complaints(runs):
    for name, run in runs.items():
        if run["refused"]:
            yield f"{name}: {run['refused']} were refused: {run['refusal']}"
        if run["failed"]:
            yield f"{name}: {run['failed']} failed"
        if run["missing"]:
            yield f"{name}: {run['missing']} were never included"
        if not run["included"]:
            yield f"{name}: none was included"
    growth = at(runs.get("soak"), "memory", "own", "mib_per_minute")
    long = (at(runs.get("soak"), "memory", "over_seconds") or 0) >= 600
    if long and growth is not None and growth > MOST_MIB_PER_MINUTE:
        yield f"soak: the validator's own memory grows by {growth} MiB a minute, more than {MOST_MIB_PER_MINUTE}"


def panel(top, title, unit, lines, most, seconds):
    """One diagram: lines of points over the seconds by their names, with the scale."""
    left, right, height = 70, 840, 170
    x = lambda second: left + (right - left) * second / seconds
    y = lambda value: top + height * (1 - value / most)
    yield f'<text x="{left}" y="{top - 10}" font-size="14">{title}</text>'
    for part in range(5):
        value = most * part / 4
        yield (
            f'<line x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
            f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}{unit}</text>'
        )
    for minute in range(0, int(seconds // 60) + 1, max(1, int(seconds // 60) // 10)):
        yield (
            f'<text x="{x(60 * minute):.1f}" y="{top + height + 16}" text-anchor="middle">{minute} min</text>'
        )
    for (name, points), colour in zip(lines.items(), ("#2060a0", "#a06020")):
        line = " ".join(f"{x(second):.1f},{y(value):.1f}" for second, value in points)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.2"/>'
        if len(lines) > 1:
            yield (
                f'<text x="{right}" y="{y(points[-1][1]) + 16:.1f}" text-anchor="end"'
                f' fill="{colour}">{name}</text>'
            )


def plot(path, run):
    course = run["series"]["memory"]
    memory = {
        name: [(point["second"], point[part]) for point in course]
        for name, part in (("its own", "own_mib"), ("with mapped files", "resident_mib"))
    }
    blocks = [(block["second"], 100 * block["ref_time_share"]) for block in run["series"]["blocks"]]
    blocks = [(second, share) for second, share in blocks if second > 0]
    points = [point for part in memory.values() for point in part]
    seconds = max(second for second, _ in points + blocks)
    most = 100 * -(-max(mib for _, mib in points) // 100)
    title = f"Memory of the validator, {run['included_per_second']:.0f} transfers a second"
    lines = [
        '<svg width="860" height="470" viewBox="0 0 860 470" xmlns="http://www.w3.org/2000/svg"'
        ' font-family="sans-serif" font-size="11">',
        '<rect width="860" height="470" fill="#fff"/>',
        *panel(35, title, " MiB", memory, most, seconds),
        *panel(270, "Time of each block that is used, by weight", " %", {"": blocks}, 100, seconds),
        "</svg>",
    ]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def main():
    options = arguments()
    runs = {}
    for path in options.files:
        with open(path) as file:
            (run,) = json.load(file)["runs"]
        runs[os.path.basename(path).removesuffix(".json")] = run
    kinds = {name: run for name, run in runs.items() if name != "soak"}
    for part in (kinds, {"soak": runs["soak"]} if "soak" in runs else {}):
        if part:
            table(part)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(runs, file, indent=1)
            file.write("\n")
    if options.plot and "soak" in runs:
        plot(options.plot, runs["soak"])
    wrong = list(complaints(runs))
    for line in wrong:
        print(f"bench-chain: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
