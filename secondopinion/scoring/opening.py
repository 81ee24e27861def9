"""A model opened for scoring: what computes it, what reads its texts, and what names it in a record."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.files import read_json
from ..core.run_folder import RunFolder
from .backends.choice import backend_cache, checked_precision, open_backend, ready_backend
from .backends.tuning import Batching
from .batches import padding_multiple
from .classifier import model_folder, open_classifier
from .encoding import EncodedTexts, LongTexts
from .engine import load_config
from .scorer import Scorer, Scores

# Fewer are scored before a conversion to another backend would pay.
MANY_ROWS = 1000


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready to score.

    Attributes:
        scorer: computes logits of texts.
        config: tells their kind: `id2label`, `num_labels`, `problem_type`, `label_groups`; and of a deferring model
            `expert_names`.
        deferring: whether there are deferral scores and decisions too.
        facts: what names model, backend and settings; plain data, no path.
        run_facts: run.json of the model, where there is one.
    """

    scorer: Any
    config: Any
    deferring: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    run_facts: dict[str, Any] | None = None

    @property
    def computed_by(self) -> dict[str, Any]:
        """What a record says of how rows were computed: backend and batches."""
        return self.scorer.facts()

    @property
    def chosen(self) -> dict[str, str]:
        """Backend and precision as settings of `open_model`, so that another process computes the same."""
        return backend_settings(self.facts)


def backend_settings(facts: dict[str, Any]) -> dict[str, str]:
    """Return backend and precision of a model's facts as settings of `open_model`; none of a model without a choice.

    >>> backend_settings({"backend": {"name": "torch", "precision": "float32"}})
    {'backend': 'torch', 'precision': 'float32'}
    """
    own = facts.get("backend") or {}
    return {"backend": own["name"], "precision": own["precision"]} if "precision" in own else {}


class PlainScorer:
    """A scorer over a function from texts to logits, for models that are no encoders.

    Args:
        logits: (rows, classes) of texts.
    """

    def __init__(self, logits: Callable[[Sequence[str]], np.ndarray]) -> None:
        self._logits = logits

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Return the texts as they are."""
        found = np.array([len(text) for text in texts])
        return EncodedTexts({"texts": list(texts)}, found, np.zeros(len(texts), dtype=bool), None, len(texts))

    def score_encoded(self, encoded: EncodedTexts, advance: Any = None) -> Scores:
        """Return the logits of the texts; `tokens` counts their words."""
        texts = encoded.columns["texts"]
        logits = np.asarray(self._logits(texts), dtype=np.float64)
        if advance is not None:
            advance(len(texts))
        return Scores({"logits": logits}, sum(len(text.split()) for text in texts))

    def facts(self) -> dict[str, Any]:
        """Return what a record says of how rows were computed."""
        return {"computed_by": {"name": "scikit-learn"}, "batching": None}

    def close(self) -> None:
        """Do nothing: there are no threads."""


def open_model(
    model: str | os.PathLike,
    *,
    backend: str = "auto",
    precision: str = "auto",
    defer: bool | None = None,
    max_length: int | None = None,
    long_texts: LongTexts | None = None,
    batching: Batching | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    token: str | bool | None = None,
    device: str | None = None,
    rows: int | None = None,
) -> OpenModel:
    """Open a classifier, a regressor or a deferring system.

    Args:
        model: a finished run (its system, where `defer` made one, otherwise its selected fold), a model's folder, or a
            model on the Hub.
        backend: auto, openvino or torch; see `open_backend`.
        precision: auto, float32, bfloat16 or int8.
        defer: whether deferral scores and decisions are wanted; by default where the model has a policy.
        max_length: tokens read of each text, at most what the model holds, which is the default.
        long_texts: what is done with longer texts.
        batching: in place of a measured one.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the repository may run.
        token: for models that are gated.
        device: such as `cuda:1`; by default the GPU where there is one.
        rows: how many are to be scored, where that is known: for few, `auto` converts and measures nothing.

    Raises:
        InputError: nothing is there, it does not score texts, or a setting does not fit it.
    """
    import torch

    from ..modeling.sequence_limit import longest_sequence

    path = Path(model).expanduser()
    run = RunFolder.open(path) if (path / "run.json").exists() and not (path / "config.json").exists() else None
    system = run is not None and run.facts.get("deferral") and run.system_folder.is_dir()
    folder = run.system_folder if system and defer is not False else model_folder(model, revision, token)
    stored = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    has_policy = isinstance(stored, dict) and stored.get("model_type") == "deferral"
    if defer and not has_policy:
        raise InputError(f"{model} has no deferral policy; make one with: secondopinion defer {model} …")
    deferring = has_policy and defer is not False
    if deferring and long_texts is not None and long_texts.how != "cut":
        raise InputError(
            "a policy was certified on texts as they were cut, and says nothing of windows; leave --long out, or score "
            "the classifier alone with --no-defer"
        )
    cache = backend_cache(model, folder)
    chosen = checked_precision(backend, precision)
    # Weights are not read into torch where a converted form computes.
    ready = None
    if not has_policy and device in (None, "cpu") and not torch.cuda.is_available():
        ready = ready_backend(cache, backend, chosen)
    if ready is not None:
        config, reader = load_config(folder, trust_remote_code)
        computes, multiple = ready, ready.multiple
    else:
        loaded, reader = open_classifier(folder, trust_remote_code=trust_remote_code, token=token, whole=deferring)
        loaded = loaded.to(device) if device else loaded
        config, multiple = loaded.config, padding_multiple(loaded)
        computes = open_backend(
            loaded,
            reader,
            cache,
            backend=backend,
            precision=precision,
            deferring=deferring,
            certified=stored.get("threshold_record") if deferring else None,
            few=rows is not None and rows < MANY_ROWS,
        )
    limit = longest_sequence(config, reader)
    if max_length is not None and limit is not None and max_length > limit:
        raise InputError(f"the model reads {limit} tokens at most, not {max_length}; give a smaller --max-length")
    scorer = Scorer(
        computes,
        reader,
        max_length or limit,
        long_texts=long_texts,
        multiple=multiple,
        cache=cache,
        batching=batching,
    )
    stated = scorer.encode.long_texts
    facts = {
        "model": path.name if path.is_dir() else str(model),
        "revision": revision,
        "weights": cache.name,
        "backend": {name: value for name, value in computes.facts().items() if name in ("name", "precision")},
        "max_length": max_length or limit,
        "long_texts": {"how": stated.how, **({"stride": stated.stride} if stated.how != "cut" else {})},
        "deferring": deferring,
    }
    own = run.facts if run is not None else (read_json(folder / "run.json") if (folder / "run.json").exists() else None)
    return OpenModel(scorer, config, deferring, facts, own)


__all__ = ["OpenModel", "PlainScorer", "open_model"]
