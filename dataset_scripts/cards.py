"""A dataset card: front matter that `load_dataset` reads, and what is in the data, from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.card import Card, template_environment
from secondopinion.core.card_edits import signed
from secondopinion.core.files import atomic_file


def write_card(
    path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo, *, template: Path, front: Mapping[str, Any]
) -> None:
    """Write a card, whole or not at all; the same facts give the same bytes.

    Args:
        path: of README.md.
        facts: as in prepare.json.
        info: what `datasets` knows of the data.
        template: the corpus's README.md, a Jinja template over `facts`.
        front: metadata of the corpus: `pretty_name`, `tags`, …; the rest is filled here.

    Raises:
        DiskFullError: no room was left.
    """
    metadata = {
        "license": facts["policy"]["licence"],
        "language": ["en"],
        "task_categories": ["text-classification"],
        "size_categories": [size_category(facts["rows"])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}],
        "dataset_info": info._to_yaml_dict(),
        **front,
        "tags": sorted(front["tags"]),
    }
    environment = template_environment()
    environment.filters["share"] = lambda part, whole: f"{part / whole:.1%}" if whole else "none"
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["rate"] = lambda value: "none" if value is None else f"{value:.3f}"
    body = environment.from_string(template.read_text(encoding="utf-8")).render(facts=facts)
    with atomic_file(path) as temporary:
        temporary.write_text(signed(Card.from_template(dict(sorted(metadata.items())), body)), encoding="utf-8")


def size_category(rows: int) -> str:
    """Return the Hub's word for a number of rows.

    >>> size_category(30_540)
    '10K<n<100K'
    """
    steps = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    for power, word in enumerate(steps, start=3):
        if rows < 10**power:
            return "n<1K" if power == 3 else f"{steps[power - 4]}<n<{word}"
    return "n>1T"
