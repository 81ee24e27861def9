"""The dataset card: front matter that `load_dataset` reads, and what is in the data, from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets

from secondopinion.core.files import atomic_file

TEMPLATE = Path(__file__).with_name("README.md")


def write_card(path: Path, facts: Mapping[str, Any], info: datasets.DatasetInfo) -> None:
    """Write README.md of a prepared data set."""
    with atomic_file(path) as temporary:
        temporary.write_text(render_card(facts, info), encoding="utf-8")


def render_card(facts: Mapping[str, Any], info: datasets.DatasetInfo) -> str:
    """Return the card's text; the same facts give the same bytes."""
    import jinja2
    import yaml

    front = {
        "license": facts["policy"]["licence"],
        "language": ["en"],
        "task_categories": ["text-classification"],
        "pretty_name": "MAUDE device-report severity" + (" (synthetic)" if facts["synthetic"] else ""),
        "tags": sorted(
            ["medical", "medical-devices", "maude", "openfda", *(["synthetic"] if facts["synthetic"] else [])]
        ),
        "size_categories": [size_category(facts["rows"])],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*.parquet"}]}],
        "dataset_info": info._to_yaml_dict(),
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
    body = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(facts=facts)
    head = yaml.safe_dump(front, sort_keys=True, allow_unicode=True)
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
