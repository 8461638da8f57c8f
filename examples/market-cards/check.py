"""Validates the card of goods with MLCommons' own mlcroissant.

Usage: check.py CARD GOODS. CARD is what `athanor data card` wrote, GOODS the file x of
`athanor data pack`.
"""

import copy
import hashlib
import json
import logging
import sys

import mlcroissant


class Warnings(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


def load(card):
    """The metadata of a card; errors and warnings are errors."""
    warnings = Warnings()
    logger = logging.getLogger("absl")
    logger.addHandler(warnings)
    logger.propagate = False
    try:
        metadata = mlcroissant.Dataset(jsonld=card).metadata
    finally:
        logger.removeHandler(warnings)
    issues = list(metadata.ctx.issues.errors) + list(metadata.ctx.issues.warnings)
    if issues or warnings.texts:
        raise ValueError("; ".join(map(str, issues + warnings.texts)))
    return metadata


def main():
    card_path, goods_path = sys.argv[1:]
    with open(card_path, encoding="utf-8") as file:
        card = json.load(file)
    with open(goods_path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    metadata = load(card)
    assert metadata.ctx.is_v1_1(), "it is not of Croissant 1.1"
    (goods,) = metadata.file_objects
    assert goods.sha256 == sha256, "the card's sha256 is not that of the goods"
    for files in metadata.file_sets:
        assert files.contained_in == [goods.id], f"{files.id} is not contained in the goods"

    # The validator must be able to refuse.
    for change in (
        lambda bad: bad["distribution"][0].pop("sha256"),
        lambda bad: bad["distribution"][0].pop("contentUrl"),
        lambda bad: bad["distribution"][-1].update(containedIn={"@id": "nothing"}),
        lambda bad: bad.pop("license"),
    ):
        bad = copy.deepcopy(card)
        change(bad)
        try:
            load(bad)
        except Exception:  # noqa: BLE001, mlcroissant raises several kinds
            continue
        raise AssertionError("mlcroissant took a card that is wrong")

    sets = len(metadata.file_sets)
    print(f"{card_path}: Croissant 1.1 without errors or warnings, {sets} file sets")


if __name__ == "__main__":
    main()
