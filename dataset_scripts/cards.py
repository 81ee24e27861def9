"""A dataset card: front matter that `load_dataset` reads, and what is in the data, from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets


def render_card(template: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo, front: Mapping[str, Any]) -> str:
    """Return the text of a card; the same facts give the same bytes.

    Args:
        template: the corpus's README.md, a Jinja template over `facts`.
        facts: as in prepare.json.
        info: what `datasets` knows of the data.
        front: metadata of the corpus: `pretty_name`, `tags`, …; the rest is filled here.
    """
    import jinja2
    import yaml

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
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["share"] = lambda part, whole: f"{part / whole:.1%}" if whole else "none"
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["rate"] = lambda value: "none" if value is None else f"{value:.3f}"
    body = environment.from_string(template.read_text(encoding="utf-8")).render(facts=facts)
    head = yaml.safe_dump(metadata, sort_keys=True, allow_unicode=True)
    return f"---\n{head}---\n\n{body}"


def size_category(rows: int) -> str:
    """Return the Hub's word for a number of rows.

    >>> size_category(30_540)
    '10K<n<100K'
    """
    steps = ("1K", "10K", "100K", "1M", "10M", "100M")
    for power, word in enumerate(steps, start=3):
        if rows < 10**power:
            return "n<1K" if power == 3 else f"{steps[power - 4]}<n<{word}"
    return "n>100M"
