"""Another model as expert: any sequence classifier of the Hub, run on this machine, or a plain function."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np

from ..core.errors import InputError, closest
from .votes import Vote

CPU_TOKENS, GPU_TOKENS = 2048, 32768
# Tokenizers without a limit of their own name one near 1e30.
NO_LIMIT = 1_000_000
DEFAULT_LENGTH = 512
NOT_A_NUMBER = "the model's answer is not a number"
NO_CLASS = "the function gave no class"
UNKNOWN_CLASS = "the function's answer is outside the classes"


class ModelExpert:
    """Answers with the class that a classifier finds most probable; the text stays on this machine.

    Args:
        model: name on the Hub or folder of a sequence classifier; or a function from a list of texts to a list of
            answers: a class, a mapping with `label` (and `score`, or `probabilities` in order of `label_names`), or a
            list of `{label, score}` over all classes, as a text-classification pipeline gives with `top_k=None`.
        label_names: the K classes.
        label_map: the model's class → one of ours. Without it the names must be the same but for case, `_`, `-` and
            spaces, one to one. Several of the model's classes may map to one of ours: their probabilities add up.
        name: of the expert; by default the last part of the model's name.
        revision: commit, tag or branch on the Hub.
        token: for a private or gated repository.
        trust_remote_code: whether the repository's own code may run.
        max_length: tokens a text is cut to; by default what the model can take.
        token_budget: tokens a batch, padding included; by default 2,048 on CPU and 32,768 on a GPU.

    Raises:
        InputError: the model cannot be loaded, is no single-label classifier, or its classes do not fit.

    >>> expert = ModelExpert(lambda texts: ["Yes" if "fever" in text else "no" for text in texts], ["no", "yes"])
    >>> [vote.label for vote in expert(["fever since Monday", "well"])]
    ['yes', 'no']
    """

    def __init__(
        self,
        model: str | os.PathLike | Callable[[list[str]], Sequence[Any]],
        label_names: Sequence[str],
        label_map: Mapping[str, str] | None = None,
        *,
        name: str | None = None,
        revision: str | None = None,
        token: str | None = None,
        trust_remote_code: bool = False,
        max_length: int | None = None,
        token_budget: int | None = None,
    ) -> None:
        self.label_names = list(label_names)
        if len(self.label_names) < 2 or len(set(self.label_names)) < len(self.label_names):
            raise InputError(f"label_names are at least two different classes; got {self.label_names}")
        wrong = sorted({ours for ours in (label_map or {}).values() if ours not in self.label_names})
        if wrong:
            raise InputError(
                f"label_map leads to {wrong[0]!r}, which is no class; {closest(wrong[0], self.label_names)}"
            )
        self.label_map = dict(label_map or {})
        self.token_budget = token_budget
        self._function = model if callable(model) else None
        if self._function is None:
            path = os.fspath(model)
            self.name = name or path.rstrip("/").rsplit("/", 1)[-1]
            # A folder's place is nobody's business; its name tells which model it is.
            self._source = os.path.basename(path.rstrip("/")) if os.path.isdir(path) else path
            self._revision = revision
            options = {"revision": revision or "main", "token": token, "trust_remote_code": trust_remote_code}
            self._model, self._tokenizer = _load(path, options)
            self._columns = self._place_classes(self._model.config)
            self.max_length = max_length or _longest(self._model.config, self._tokenizer)
        else:
            named = getattr(model, "name", None) or getattr(model, "__name__", None)
            self.name = name or (named if isinstance(named, str) and named != "<lambda>" else type(model).__name__)

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return one vote a text, with probabilities where the model gives them, in the order given.

        Raises:
            InputError: not one id a text; the function did not give one answer a text.
        """
        texts = list(texts)
        ids = [str(row) for row in (range(len(texts)) if ids is None else ids)]
        if len(ids) != len(texts):
            raise InputError(f"each text needs one id; got {len(texts)} texts and {len(ids)} ids")
        if not texts:
            return []
        start = time.perf_counter()
        answers = self._ask_model(texts) if self._function is None else self._ask_function(texts)
        seconds = (time.perf_counter() - start) / len(texts)
        return [
            Vote(row, self.name, label, probabilities, latency_s=seconds, error=error)
            for row, (label, probabilities, error) in zip(ids, answers, strict=True)
        ]

    def facts(self) -> dict[str, Any]:
        """Return plain data for run.json: which model answered and how its classes were read; no path."""
        facts: dict[str, Any] = {"name": self.name, "kind": "model", "remote": False, "label_names": self.label_names}
        if self._function is not None:
            return {**facts, "model": self.name, "label_map": self.label_map or None}
        commit = getattr(self._model.config, "_commit_hash", None)
        return {
            **facts,
            "model": self._source,
            "revision": commit or self._revision,
            "label_map": self.label_map or None,
            "max_length": self.max_length,
        }

    def _place_classes(self, config: Any) -> np.ndarray:
        """Return (model's classes,) int64: which of ours each of the model's classes is."""
        theirs = [str(config.id2label[i]) for i in range(config.num_labels)]
        places = [self._place(label) for label in theirs]
        unplaced = [label for label, place in zip(theirs, places, strict=True) if place is None]
        unmet = [name for i, name in enumerate(self.label_names) if i not in places]
        shared = not self.label_map and len(set(places)) < len(places)
        if unplaced or (not self.label_map and unmet) or shared:
            pairs = zip(theirs, cycle(self.label_names), strict=False)
            lines = ", ".join(f"{label!r}: {self.label_map.get(label, name)!r}" for label, name in pairs)
            alone = unplaced if self.label_map else [*unplaced, *unmet]
            raise InputError(
                f"the classes of {self.name!r} are {theirs} and do not fit {self.label_names}"
                f" (without counterpart: {alone or theirs}). Say which is which, for example label_map={{{lines}}}"
            )
        return np.array(places)

    def _place(self, label: Any) -> int | None:
        """Return the number of our class that a label stands for, None for none."""
        if isinstance(label, str) and label in self.label_map:
            return self.label_names.index(self.label_map[label])
        if self.label_map and self._function is None:
            return None
        if label in self.label_names:
            return self.label_names.index(label)
        alike = [i for i, name in enumerate(self.label_names) if _plain(name) == _plain(label)]
        return alike[0] if len(alike) == 1 else None

    def _answer(self, probabilities: Sequence[float]) -> tuple[str | None, list[float] | None, str | None]:
        """Return (label, probabilities, error) for one number a class."""
        values = [float(value) for value in probabilities]
        total = sum(values)
        if not all(math.isfinite(value) and value >= 0 for value in values) or total <= 0:
            return None, None, NOT_A_NUMBER
        return self.label_names[int(np.argmax(values))], [value / total for value in values], None

    def _ask_model(self, texts: list[str]) -> list[tuple[str | None, list[float] | None, str | None]]:
        import torch

        encoded = self._tokenizer(texts, truncation=True, max_length=self.max_length)
        names = [name for name in self._tokenizer.model_input_names if name in encoded]
        lengths = [len(tokens) for tokens in encoded["input_ids"]]
        device = next(self._model.parameters()).device
        budget = self.token_budget or (CPU_TOKENS if device.type == "cpu" else GPU_TOKENS)
        answers: list[Any] = [None] * len(texts)
        with torch.inference_mode():
            for rows in _batches(lengths, budget if self._tokenizer.pad_token is not None else 1):
                features = {name: [encoded[name][row] for row in rows] for name in names}
                batch = (
                    self._tokenizer.pad(features, return_tensors="pt")
                    if len(rows) > 1
                    else {name: torch.tensor(values) for name, values in features.items()}
                )
                logits = self._model(**{name: value.to(device) for name, value in batch.items()}).logits
                shares = logits.double().softmax(dim=-1).cpu().numpy()
                for row, theirs in zip(rows, shares, strict=True):
                    ours = np.bincount(self._columns, weights=theirs, minlength=len(self.label_names))
                    answers[row] = self._answer(ours)
        return answers

    def _ask_function(self, texts: list[str]) -> list[tuple[str | None, list[float] | None, str | None]]:
        answers = self._function(texts)
        if isinstance(answers, (str, Mapping)) or not hasattr(answers, "__len__") or len(answers) != len(texts):
            size = f"{len(answers)} of them" if hasattr(answers, "__len__") else type(answers).__name__
            raise InputError(
                f"{self.name!r} must give a list with one answer a text; it got {len(texts)} and gave {size}"
            )
        return [self._read(answer) for answer in answers]

    def _read(self, answer: Any) -> tuple[str | None, list[float] | None, str | None]:
        """Return (label, probabilities, error) for one answer of a function."""
        if isinstance(answer, (list, tuple)) and answer and all(isinstance(item, Mapping) for item in answer):
            scores = np.zeros(len(self.label_names))
            for item in answer:
                place = self._place(item.get("label"))
                if place is None:
                    return None, None, UNKNOWN_CLASS
                scores[place] += item["score"]
            return self._answer(scores)
        said, given = answer, None
        if isinstance(answer, Mapping):
            said, given = answer.get("label"), answer.get("probabilities")
        elif hasattr(answer, "label"):
            said, given = answer.label, getattr(answer, "probabilities", None)
        if said is None:
            return None, None, NO_CLASS
        place = self._place(said)
        if place is None:
            return None, None, UNKNOWN_CLASS
        fits = given is not None and len(given) == len(self.label_names)
        return self.label_names[place], self._answer(given)[1] if fits else None, None


def _plain(label: Any) -> str:
    return re.sub(r"[\s_-]+", " ", str(label)).strip().casefold()


def _load(name: str, options: dict[str, Any]) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from .. import modeling  # noqa: F401  (our own kinds of model register themselves)

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            name, dtype=torch.float32, output_loading_info=True, **options
        )
    except (OSError, ValueError) as error:
        raise InputError(f"the classifier {name!r} could not be loaded: {error}") from error
    if loading["missing_keys"]:
        raise InputError(
            f"{name!r} holds no weights for {', '.join(sorted(loading['missing_keys'])[:3])}, so its answers would be "
            "random: it is an encoder that was never trained to classify. Name a fine-tuned classifier"
        )
    config = model.config
    if config.num_labels < 2 or config.problem_type in ("regression", "multi_label_classification"):
        kind = config.problem_type or "a single number"
        raise InputError(
            f"{name!r} is no classifier of one class a text ({kind}, {config.num_labels} outputs); "
            "wrap it in a function from texts to classes and pass that instead"
        )
    model = model.cuda() if torch.cuda.is_available() else model
    return model.eval(), tokenizer


def _longest(config: Any, tokenizer: Any) -> int:
    """Return the tokens that a model can take."""
    inner = getattr(config, "encoder_config", config)
    positions = getattr(inner, "max_position_embeddings", None)
    positions = positions if isinstance(positions, int) and positions > 2 else None
    if tokenizer.model_max_length < NO_LIMIT:
        return min(int(tokenizer.model_max_length), positions or NO_LIMIT)
    # Two positions less: RoBERTa and its kin count from pad_token_id + 1.
    return positions - 2 if positions else DEFAULT_LENGTH


def _batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return rows in batches of similar length, longest first, each at most `budget` tokens with its padding.

    >>> _batches([3, 9, 4], budget=8)
    [[1], [2, 0]]
    """
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
