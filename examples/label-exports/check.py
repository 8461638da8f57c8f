"""Loads every export with Hugging Face datasets and puts it through TRL's own format checks.

Usage: check.py FOLDER, or check.py FORMAT FILE for one file. Ends with an error at the first row
that is not of its format. Needs no model and no PyTorch.
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ.setdefault("HF_HOME", tempfile.mkdtemp())
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from datasets import Value, disable_progress_bars, load_dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from trl.data_utils import (
    apply_chat_template,
    extract_prompt,
    is_conversational,
    maybe_unpair_preference_dataset,
)

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def tokenizer():
    inner = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", chat_template=TEMPLATE
    )


TOKENIZER = tokenizer()
disable_progress_bars()


def load(path):
    kind = "csv" if path.suffix == ".csv" else "json"
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=tempfile.mkdtemp())


def text(value):
    return isinstance(value, str) and value.strip() != ""


def through_trl(row):
    """TRL refuses sets of columns it does not know, and templates those it does."""
    assert not is_conversational(row), row
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant", "completion": "assistant"}
    chat = {
        key: [{"role": roles[key], "content": value}] if key in roles else value
        for key, value in row.items()
    }
    assert is_conversational(chat), chat
    made = apply_chat_template(chat, TOKENIZER)
    assert all(made[key] for key in roles if key in row), made


def preference(rows):
    assert sorted(rows.column_names) == ["chosen", "prompt", "rejected"], rows.column_names
    for row in rows:
        assert all(text(row[key]) for key in row), row
        assert row["chosen"] != row["rejected"], row
        through_trl(row)
    unpaired(maybe_unpair_preference_dataset(rows))


def unpaired(rows):
    assert sorted(rows.column_names) == ["completion", "label", "prompt"], rows.column_names
    assert rows.features["label"] == Value("bool"), rows.features
    for row in rows:
        assert text(row["prompt"]) and text(row["completion"]), row
        through_trl(row)


def stepwise(rows):
    assert sorted(rows.column_names) == ["completions", "labels", "prompt"], rows.column_names
    for row in rows:
        assert len(row["completions"]) == len(row["labels"]) > 0, row
        assert all(text(step) for step in row["completions"]), row
        assert all(isinstance(label, bool) for label in row["labels"]), row


def hh(rows):
    assert sorted(rows.column_names) == ["chosen", "rejected"], rows.column_names
    for row in rows:
        for key in ("chosen", "rejected"):
            assert row[key].startswith("\n\nHuman: "), row
            assert "\n\nAssistant: " in row[key], row
        made = extract_prompt(row)
        assert made["prompt"].startswith("\n\nHuman: "), made
        assert made["chosen"] != made["rejected"], made


def table(rows):
    assert rows.column_names == ["task", "worker", "label", "round", "gold"], rows.column_names
    pairs = [(row["task"], row["worker"]) for row in rows]
    assert len(set(pairs)) == len(pairs), "a worker's second answer to a task"


FORMATS = {
    "preference.jsonl": preference,
    "preference-from-ranking.jsonl": preference,
    "unpaired.jsonl": unpaired,
    "unpaired-from-pairs.jsonl": unpaired,
    "stepwise.jsonl": stepwise,
    "hh.jsonl": hh,
    "table.csv": table,
}
BY_NAME = {
    "trl-preference": preference,
    "trl-unpaired": unpaired,
    "trl-stepwise": stepwise,
    "hh": hh,
    "table": table,
}


def main():
    if len(sys.argv) == 3:
        jobs = [(BY_NAME[sys.argv[1]], Path(sys.argv[2]))]
    else:
        folder = Path(sys.argv[1])
        jobs = [(check, folder / name) for name, check in FORMATS.items()]
    for check, path in jobs:
        rows = load(path)
        assert len(rows) > 0, f"{path} is empty"
        check(rows)
        print(f"{path.name}: {len(rows)} rows")


main()
