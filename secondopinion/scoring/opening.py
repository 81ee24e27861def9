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
from .backends.choice import backend_cache, open_backend
from .backends.tuning import Batching
from .batches import padding_multiple
from .classifier import model_folder, open_classifier
from .encoding import EncodedTexts, LongTexts
from .scorer import Scorer, Scores


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

    Raises:
        InputError: nothing is there, it does not score texts, or a setting does not fit it.
    """
    from ..modeling.sequence_limit import longest_sequence

    path = Path(model).expanduser()
    run = RunFolder.open(path) if (path / "run.json").exists() and not (path / "config.json").exists() else None
    system = run is not None and run.facts.get("deferral") and run.system_folder.is_dir()
    folder = run.system_folder if system and defer is not False else model_folder(model, revision, token)
    config = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    has_policy = isinstance(config, dict) and config.get("model_type") == "deferral"
    if defer and not has_policy:
        raise InputError(f"{model} has no deferral policy; make one with: secondopinion defer {model} …")
    deferring = has_policy and defer is not False
    if deferring and long_texts is not None and long_texts.how != "cut":
        raise InputError(
            "a policy was certified on texts as they were cut, and says nothing of windows; leave --long out, or score "
            "the classifier alone with --no-defer"
        )
    loaded, reader = open_classifier(folder, trust_remote_code=trust_remote_code, token=token, whole=deferring)
    if device:
        loaded = loaded.to(device)
    limit = longest_sequence(loaded.config, reader)
    if max_length is not None and limit is not None and max_length > limit:
        raise InputError(f"the model reads {limit} tokens at most, not {max_length}; give a smaller --max-length")
    cache = backend_cache(model, folder)
    computes = open_backend(
        loaded,
        reader,
        cache,
        backend=backend,
        precision=precision,
        deferring=deferring,
        certified=config.get("threshold_record") if deferring else None,
    )
    scorer = Scorer(
        computes,
        reader,
        max_length or limit,
        long_texts=long_texts,
        multiple=padding_multiple(loaded),
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
    return OpenModel(scorer, loaded.config, deferring, facts, own)


__all__ = ["OpenModel", "PlainScorer", "open_model"]
