"""The two models of the page, loaded from a folder or the Hub, and what their publishers say of them.

Needs transformers and skops only: a model of this project brings its own code along. Weights are
safetensors and skops; nothing is unpickled.
"""

from __future__ import annotations

import html
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from cleaning.text import clean_narrative

CLEANING = ("redaction", "names", "boilerplate", "casing")


def fetch(source: str, name: str, revision: str | None = None) -> Path | None:
    """Return the path of one published file, from a local folder or the Hub; None where it does not exist.

    Raises:
        ValueError: `source` looks like a folder, and no folder is there.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    if folder.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1:
        raise ValueError(f"no folder {source}; give a folder that `secondopinion push --to` wrote, or a Hub id")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(source, name, revision=revision))
    except EntryNotFoundError:
        return None


@dataclass(frozen=True)
class Published:
    """What stands beside a model: its card and the facts of its run.

    Attributes:
        source: Hub id; for a folder the name of its run, or its own (never its path).
        revision: commit on the Hub, or a word that says that there is none.
        licence: as the card states it.
        facts: run.json; empty where none was published.
        limits: the items of the card's section on limits; `**strong**` is kept.
    """

    source: str
    revision: str
    licence: str
    facts: dict[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ()

    @classmethod
    def read(cls, source: str, revision: str | None = None) -> Published:
        """Read `run.json` and `README.md` of a model."""
        local = Path(source).expanduser().is_dir()
        card = fetch(source, "README.md", revision)
        run = fetch(source, "run.json", revision)
        facts = json.loads(run.read_text(encoding="utf-8")) if run else {}
        readme = card.read_text(encoding="utf-8") if card else ""
        if local:
            commit = "local folder, not on the Hub"
        else:
            found = card or run
            parts = found.parts if found else ()
            commit = parts[parts.index("snapshots") + 1][:12] if "snapshots" in parts else revision or "main"
        return cls(
            source=facts.get("name") or Path(source).expanduser().resolve().name if local else source,
            revision=commit,
            licence=front_matter(readme).get("license") or "not stated",
            facts=facts,
            limits=limits(readme),
        )

    @property
    def cleaning(self) -> dict[str, str]:
        """How the training data was cleaned; a report is cleaned in the same way before it is read."""
        options = self.facts.get("dataset", {}).get("facts", {}).get("options", {})
        return {name: options[name] for name in CLEANING if name in options}

    @property
    def synthetic(self) -> bool:
        """Whether the model was trained on the demo data."""
        return bool(self.facts.get("dataset", {}).get("synthetic"))

    def prepare(self, report: str) -> str:
        """Return a report as the training data would hold it."""
        return clean_narrative(report, **self.cleaning) if self.cleaning else report


def front_matter(readme: str) -> dict[str, Any]:
    """Return the metadata of a card; empty where it has none."""
    from huggingface_hub.repocard import RepoCard

    return RepoCard(readme, ignore_metadata_errors=True).data.to_dict() if readme else {}


def limits(readme: str) -> tuple[str, ...]:
    """Return the list items of the card's section on limits.

    >>> limits("# Card\\n## Limits\\n- Other is a catch-all.\\n- Old data\\n  only.\\n## Use\\n- x")
    ('Other is a catch-all.', 'Old data only.')
    """
    section = re.search(r"^##+ [^\n]*\blimit[^\n]*\n(.*?)(?=^## |\Z)", readme, re.IGNORECASE | re.MULTILINE | re.DOTALL)
    if not section:
        return ()
    items = re.findall(r"^[-*] (.*(?:\n[ \t]+\S.*)*)", section.group(1), re.MULTILINE)
    return tuple(_unescaped(" ".join(item.split())) for item in items)


def _unescaped(markdown: str) -> str:
    """Return a line of a card without its escapes and marks, but for `**strong**`."""
    return html.unescape(re.sub(r"\\([|\\*_])|`|(?<!\*)\*(?!\*)", r"\1", markdown))


class Encoder:
    """Phase 2: a sequence classifier with its tokenizer.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the model's repository may run; a model of this project needs it
            where the package `secondopinion` is not installed.
    """

    def __init__(self, source: str, revision: str | None = None, trust_remote_code: bool = False) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        fetch(source, "config.json", revision)
        hub = {"revision": revision, "trust_remote_code": trust_remote_code}
        self.tokenizer = AutoTokenizer.from_pretrained(source, **hub)
        self.model = AutoModelForSequenceClassification.from_pretrained(source, **hub).eval()
        self.published = Published.read(source, revision)
        self.labels = tuple(self.model.config.id2label[i] for i in range(self.model.config.num_labels))
        self.max_tokens = self._max_tokens()
        # A tokenizer that truncates on one thread and counts on another fails.
        self._lock = threading.Lock()

    def _max_tokens(self) -> int:
        config = self.model.config
        inner = getattr(config, "encoder_config", config)
        known = (
            self.published.facts.get("model", {}).get("max_length"),
            getattr(inner, "max_position_embeddings", None),
            self.tokenizer.model_max_length,
        )
        return int(min(value for value in known if value))

    def count(self, report: str) -> int:
        """Return how many tokens a report has."""
        with self._lock:
            return len(self.tokenizer(self.published.prepare(report), truncation=False, verbose=False)["input_ids"])

    def probabilities(self, report: str) -> dict[str, float]:
        """Return label → probability for the part of a report that fits."""
        import torch

        with self._lock:
            inputs = self.tokenizer(
                self.published.prepare(report), truncation=True, max_length=self.max_tokens, return_tensors="pt"
            )
        with torch.inference_mode():
            logits = self.model(**inputs).logits[0].float()
        return dict(zip(self.labels, logits.softmax(-1).tolist(), strict=True))


class Baseline:
    """Phase 1: a scikit-learn pipeline in `model.skops`, its labels and temperature in `config.json`.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.

    Raises:
        ValueError: a file is missing, or the model holds types that skops does not know to be harmless.
    """

    def __init__(self, source: str, revision: str | None = None) -> None:
        import skops.io

        files = {name: fetch(source, name, revision) for name in ("model.skops", "config.json")}
        missing = [name for name, path in files.items() if path is None]
        if missing:
            raise ValueError(f"{source} holds no {', '.join(missing)}; is it a phase-1 model of this project?")
        unknown = skops.io.get_untrusted_types(file=files["model.skops"])
        if unknown:
            raise ValueError(f"{source} holds types that are not trusted: {', '.join(unknown)}; it was not loaded")
        self.model = skops.io.load(files["model.skops"], trusted=[])
        config = json.loads(files["config.json"].read_text(encoding="utf-8"))
        self.labels = tuple(config["label_names"])
        self.temperature = float(config.get("temperature") or 1.0)
        self.published = Published.read(source, revision)

    def probabilities(self, report: str) -> dict[str, float]:
        """Return label → probability; a class without training rows gets 0."""
        raw = self.model.predict_proba([self.published.prepare(report)])[0]
        # softmax(log p / T) equals softmax(logits / T): logits and log p differ by a constant.
        scaled = np.log(np.clip(raw, 1e-300, None)) / self.temperature
        shares = np.exp(scaled - scaled.max())
        found = {str(c) if isinstance(c, str) else self.labels[int(c)]: i for i, c in enumerate(self.model.classes_)}
        return {label: float(shares[found[label]] / shares.sum()) if label in found else 0.0 for label in self.labels}
