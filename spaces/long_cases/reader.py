"""The model of the page: what it makes of a case, and which words carried that.

Needs transformers and captum: a model of this project brings its own code and processor along. Weights are
safetensors; nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from dataclasses import dataclass
from typing import Any

import torch
from severity.readers import Published, fetch

STEPS = 8
PROBLEM = "single_label_classification"


@dataclass(frozen=True)
class Reading:
    """What the model says of a case; the case itself is not in it.

    Attributes:
        case: SHA-256 of the case, whose characters the spans count.
        probabilities: class → probability.
        entities: (start, end, kind, whether it attends to the whole text) of each entity.
        measurements: (start, end, as the model reads it) of each measurement.
        tokens: that were read; `all_tokens`: of the case.
        read: characters of the case up to which it was read.
    """

    case: str
    probabilities: dict[str, float]
    entities: tuple[tuple[int, int, str, bool], ...]
    measurements: tuple[tuple[int, int, str], ...]
    tokens: int
    all_tokens: int
    read: int

    @property
    def label(self) -> str:
        """The most probable class."""
        return max(self.probabilities, key=self.probabilities.__getitem__)


@dataclass(frozen=True)
class Weights:
    """How far each word moved the logit of a class.

    Attributes:
        case: as in `Reading`.
        label: the class.
        words: (start, end, weight) of each word that was read; positive ones speak for the class.
        gap: share of the logit's change, from an empty text to this one, that the weights leave unexplained.
    """

    case: str
    label: str
    words: tuple[tuple[int, int, float], ...]
    gap: float


def case_id(case: str) -> str:
    """Return what tells one case from another without holding it."""
    return hashlib.sha256(case.encode("utf-8", "surrogatepass")).hexdigest()


class Reader:
    """A classifier with its processor, and its publisher's facts.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the model's repository may run; a model of this project needs it where the
            package `secondopinion` is not installed.

    Raises:
        ValueError: the model does not name one of several classes or has no processor, or captum is not installed.
    """

    def __init__(self, source: str, revision: str | None = None, trust_remote_code: bool = False) -> None:
        from transformers import AutoModelForSequenceClassification, AutoProcessor

        if importlib.util.find_spec("captum") is None:
            raise ValueError("this page weighs words with captum: pip install 'secondopinion[spaces]'")
        fetch(source, "config.json", revision)
        if fetch(source, "processor_config.json", revision) is None:
            raise ValueError(
                f"{source} has no processor, so it marks no entities; train one with a recipe that has "
                "model.processor, such as dragon_offline, or show this model with the Space maude_severity"
            )
        hub = {"revision": revision, "trust_remote_code": trust_remote_code}
        self.model = AutoModelForSequenceClassification.from_pretrained(source, **hub).eval()
        problem = self.model.config.problem_type or PROBLEM
        if problem != PROBLEM:
            raise ValueError(
                f"{source} is a model of {problem}; this page shows models that name one of several classes"
            )
        self.processor = AutoProcessor.from_pretrained(source, **hub)
        self.published = Published.read(source, revision)
        self.labels = tuple(self.model.config.id2label[i] for i in range(self.model.config.num_labels))
        config = getattr(self.model.config, "encoder_config", self.model.config)
        limits = (
            self.published.facts.get("model", {}).get("max_length"),
            getattr(config, "max_position_embeddings", None),
            self.processor.model_max_length,
        )
        self.max_tokens = int(min(value for value in limits if value))
        self._lock = threading.Lock()

    def read(self, case: str) -> Reading:
        """Return what the model says of a case."""
        with self._lock:
            seen = self.processor.explain(case, max_length=self.max_tokens)
            with torch.inference_mode():
                shares = self.model(**self._inputs(case)[0]).logits[0].float().softmax(-1).tolist()
        heard = set(seen.global_entities)
        kept = sum(end > start for start, end in seen.offsets)
        rest = seen.truncated_share
        return Reading(
            case=case_id(case),
            probabilities=dict(zip(self.labels, shares, strict=True)),
            entities=tuple((one.start, one.end, one.kind, i in heard) for i, one in enumerate(seen.entities)),
            measurements=tuple((one.start, one.end, one.canonical) for one in seen.measurements),
            tokens=len(seen.tokens),
            all_tokens=len(seen.tokens) + round(kept * rest / (1 - rest)),
            read=max((end for _, end in seen.offsets), default=0) if rest else len(case),
        )

    def weigh(self, case: str, label: str) -> Weights:
        """Return which words carried a class.

        Integrated gradients (Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks") of the class's
        logit over the token embeddings, from a text of mask tokens to the case, in 8 steps; tokens of a word are
        summed.
        """
        from captum.attr import LayerIntegratedGradients

        with self._lock:
            inputs, offsets = self._inputs(case)
            ids = inputs.pop("input_ids")
            names = list(inputs)
            special = torch.isin(ids, torch.tensor(self.processor.all_special_ids))
            tokenizer = self.processor.tokenizer
            blank = tokenizer.pad_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id

            def logits(ids: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
                return self.model(input_ids=ids, **dict(zip(names, others, strict=True))).logits

            gradients = LayerIntegratedGradients(logits, self.model.get_input_embeddings())
            target = self.labels.index(label)
            empty = torch.where(special, ids, torch.full_like(ids, blank))
            found, left = gradients.attribute(
                ids,
                baselines=empty,
                target=target,
                additional_forward_args=tuple(inputs[name] for name in names),
                n_steps=STEPS,
                internal_batch_size=1,
                return_convergence_delta=True,
            )
        weights = found[0].sum(dim=-1)[: len(offsets)].tolist()
        # What the weights leave is their sum less the change of the logit itself.
        moved = float(found.sum() - left)
        gap = abs(float(left)) / max(abs(moved), 1e-6)
        return Weights(case_id(case), label, tuple(words(case, offsets, weights)), gap)

    def _inputs(self, case: str) -> tuple[dict[str, Any], list[tuple[int, int]]]:
        """Return what the model is given, and each token's characters of the case."""
        encoded = self.processor(
            [case], truncation=True, max_length=self.max_tokens, return_tensors="pt", return_offsets_mapping=True
        )
        (offsets,) = encoded["offset_mapping"].tolist()
        return {name: encoded[name] for name in self.processor.model_input_names if name in encoded}, offsets


def words(text: str, offsets: list[tuple[int, int]], weights: list[float]) -> list[tuple[int, int, float]]:
    """Return (start, end, summed weight) of the stretches between blanks that tokens belong to, in order.

    >>> words("an 18mm node", [(0, 2), (3, 5), (5, 7), (8, 12)], [0.0, 1.0, 0.5, 2.0])
    [(0, 2, 0.0), (3, 7, 1.5), (8, 12, 2.0)]
    """
    found: list[tuple[int, int, float]] = []
    for (start, end), weight in zip(offsets, weights, strict=True):
        if end <= start:
            continue
        if found and start < found[-1][1]:
            start = found[-1][1]
        if found and not text[found[-1][1] : start].strip() and found[-1][1] == start:
            first, _, before = found.pop()
            found.append((first, max(end, start), before + weight))
        elif end > start:
            found.append((start, end, weight))
    return found
