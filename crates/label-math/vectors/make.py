"""Vectors of aggregation from crowd-kit, choix and krippendorff.

Usage: make.py FILE [--check]

Writes FILE, or compares it with what the libraries say now, to 1e-8. Crowds come from a fixed
seed. tests/libraries.rs reads the file.
"""

import json
import math
import sys

import choix
import krippendorff
import numpy as np
import pandas as pd
from crowdkit.aggregation import DawidSkene, MajorityVote

PAGE = 4


def crowd(rng, pages, workers, panel, classes, skills, frequency=None):
    """Votes of panels over pages of four tasks; a negative skill answers the next class."""
    votes = []
    truth = rng.choice(classes, size=pages * PAGE, p=frequency)
    for page in range(pages):
        for worker in rng.choice(workers, size=panel, replace=False):
            skill = skills[worker % len(skills)]
            for task in range(page * PAGE, (page + 1) * PAGE):
                right = rng.random() < abs(skill)
                if right:
                    label = (truth[task] + (skill < 0)) % classes
                else:
                    label = rng.integers(classes)
                votes.append([task, int(worker), int(label)])
    return votes


def rounded(values):
    return [round(float(value), 12) for value in values]


def dawid_skene(rng, name, rounds, classes, **shape):
    votes = crowd(rng, classes=classes, **shape)
    table = pd.DataFrame(votes, columns=["task", "worker", "label"])
    # Without the tolerance it does exactly the rounds it is told.
    model = DawidSkene(n_iter=rounds, tol=-math.inf).fit(table)
    labels = sorted(int(label) for label in model.probas_.columns)
    posteriors = model.probas_.sort_index()[labels]
    return {
        "name": name,
        "rounds": rounds,
        "votes": votes,
        "labels": labels,
        "posteriors": [rounded(row) for row in posteriors.to_numpy()],
        "priors": rounded(model.priors_[labels]),
    }


def majority(rng, name, classes, **shape):
    votes = crowd(rng, classes=classes, **shape)
    table = pd.DataFrame(votes, columns=["task", "worker", "label"])
    weights = {int(worker): int(rng.integers(1, 400_000)) for worker in sorted(set(table.worker))}
    skills = pd.Series(weights).rename_axis("worker").astype(float)
    tasks = sorted(set(table.task))
    plain = MajorityVote().fit(table).labels_
    weighted = MajorityVote().fit(table, skills).labels_
    return {
        "name": name,
        "classes": classes,
        "votes": votes,
        "weights": sorted(weights.items()),
        "plain": [int(plain[task]) for task in tasks],
        "weighted": [int(weighted[task]) for task in tasks],
    }


def bradley_terry(rng, name, items, games, ties):
    strength = rng.normal(size=items) * 1.2
    comparisons = []
    # A ring of wins in both directions: otherwise strengths may have no bound.
    for item in range(items):
        comparisons += [[item, (item + 1) % items, 1], [(item + 1) % items, item, 1]]
    for _ in range(games):
        first, second = (int(item) for item in rng.choice(items, size=2, replace=False))
        if rng.random() < ties:
            outcome = 0
        else:
            chance = 1 / (1 + math.exp(strength[second] - strength[first]))
            outcome = 1 if rng.random() < chance else 2
        comparisons.append([first, second, outcome])
    wins = []
    for first, second, outcome in comparisons:
        # Half wins: a tie is one for each.
        wins += [(first, second)] * (1, 2, 0)[outcome]
        wins += [(second, first)] * (1, 0, 2)[outcome]
    params = choix.ilsr_pairwise(items, wins, max_iter=10_000, tol=1e-12)
    return {"name": name, "comparisons": comparisons, "strengths": rounded(params - params.mean())}


def alpha(rng, name, classes, **shape):
    votes = crowd(rng, classes=classes, **shape)
    keep = rng.random(len(votes)) < 0.8
    votes = [vote for vote, kept in zip(votes, keep) if kept]
    table = pd.DataFrame(votes, columns=["task", "worker", "label"])
    matrix = table.pivot(index="worker", columns="task", values="label").to_numpy(dtype=float)
    levels = ["nominal", "ordinal", "interval"]
    return {
        "name": name,
        "votes": votes,
        "alpha": {
            level: round(
                float(krippendorff.alpha(reliability_data=matrix, level_of_measurement=level)), 12
            )
            for level in levels
        },
    }


def build():
    rng = np.random.default_rng(20_260_929)
    mixed = [0.95, 0.9, 0.8, 0.6, 0.3, 0.0]
    return {
        "dawid_skene": [
            dawid_skene(rng, "two classes", 30, 2, pages=25, workers=12, panel=5, skills=mixed),
            dawid_skene(
                rng, "rare class, with liars", 50, 2, pages=25, workers=9, panel=5,
                skills=[0.9, 0.9, 0.8, -0.9], frequency=[0.9, 0.1],
            ),
            dawid_skene(rng, "four classes", 100, 4, pages=25, workers=15, panel=5, skills=mixed),
            dawid_skene(rng, "a thin panel", 20, 3, pages=20, workers=6, panel=2, skills=[0.8, 0.5]),
            dawid_skene(rng, "one round", 1, 5, pages=12, workers=10, panel=4, skills=mixed),
        ],
        "majority": [
            majority(rng, "two classes", 2, pages=20, workers=10, panel=4, skills=mixed),
            majority(rng, "six classes", 6, pages=20, workers=12, panel=5, skills=[0.6, 0.2]),
            majority(rng, "sixteen classes", 16, pages=20, workers=12, panel=9, skills=[0.2, 0.1]),
        ],
        "bradley_terry": [
            bradley_terry(rng, "without ties", 8, 300, 0.0),
            bradley_terry(rng, "with ties", 12, 500, 0.3),
            bradley_terry(rng, "few games", 20, 40, 0.1),
            bradley_terry(rng, "two items", 2, 25, 0.2),
        ],
        "alpha": [
            alpha(rng, "two classes", 2, pages=15, workers=8, panel=3, skills=mixed),
            alpha(rng, "five steps", 5, pages=20, workers=10, panel=5, skills=mixed),
            alpha(rng, "noise", 4, pages=15, workers=6, panel=4, skills=[0.0]),
            alpha(rng, "nine voices", 7, pages=8, workers=12, panel=9, skills=[0.9, 0.7]),
        ],
    }


def close(mine, theirs):
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(close(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, (list, tuple)):
        return len(mine) == len(theirs) and all(map(close, mine, theirs))
    if isinstance(mine, float):
        return abs(mine - theirs) < 1e-8
    return mine == theirs


def main():
    path = sys.argv[1]
    vectors = json.loads(json.dumps(build()))
    if "--check" in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            if not close(vectors, json.load(file)):
                sys.exit(f"{path} is not what the libraries say")
        return
    with open(path, "w", encoding="utf-8") as file:
        sections = (
            f"{json.dumps(name)}:[\n"
            + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
            + "\n]"
            for name, entries in vectors.items()
        )
        file.write("{\n" + ",\n".join(sections) + "\n}\n")


if __name__ == "__main__":
    main()
