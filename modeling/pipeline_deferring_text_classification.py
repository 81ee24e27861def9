"""A pipeline that classifies texts and asks an expert for those it defers."""

import inspect
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import torch
from transformers import Pipeline

from .sequence_limit import longest_sequence
from .streaming_budget import StreamingBudget

TASK = "deferring-text-classification"
CLASSIFIER = "classifier"

Expert = Callable[[list[str]], Sequence[Any]]
Experts = Expert | Sequence[Expert] | Mapping[str, Expert]


class DeferringTextClassificationPipeline(Pipeline):
    """Classifies texts with a deferring model; the texts it defers are answered by an expert.

    An expert is any callable from a list of texts to as many rows with `label` (mappings or objects; `error` is read
    too). It is asked for the deferred texts alone, in one call for the whole input. A row whose `label` is null or no
    class of the model is unusable: the classifier's own class stands, and `expert_error` says why. What an expert
    raises is not caught: a wrong key or an end of budget should stop the work.

    ```python
    pipe = pipeline("deferring-text-classification", model=repo, expert=ask, trust_remote_code=True)
    pipe(["the pump alarmed", "patient died"], budget=0.07)
    ```

    Args:
        model: gives `logits`, `deferral_score`, `deferred` and `expert`, as `DeferralForSequenceClassification`.
        expert: a callable; for a model of several experts a list in the order of `config.expert_names`, or a mapping
            by those names. None decides without asking.
        budget: largest share of texts deferred, as a number or a `StreamingBudget`; it counts over all calls.
        **kwargs: of `transformers.Pipeline`, and those of a call.
    """

    _load_tokenizer = True
    _load_processor = False
    _load_image_processor = False
    _load_feature_extractor = False

    def __init__(
        self,
        model: Any,
        *args: Any,
        expert: Experts | None = None,
        budget: StreamingBudget | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, *args, **kwargs)
        if self.tokenizer is None:
            raise ValueError(f"{TASK} needs a tokenizer; save it beside the model, or give tokenizer=…")
        self.model.eval()
        self.expert_names = list(getattr(self.model.config, "expert_names", None) or ["expert"])
        self.experts = by_name(expert, self.expert_names)
        self.budget = as_budget(budget)
        self.reads_truncation = "truncated" in inspect.signature(self.model.forward).parameters

    def _sanitize_parameters(
        self,
        truncation: bool | None = None,
        max_length: int | None = None,
        return_probabilities: bool | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        before = {"truncation": truncation, "max_length": max_length}
        after = {"return_probabilities": return_probabilities}
        given = ({name: value for name, value in part.items() if value is not None} for part in (before, after))
        return next(given), {}, next(given)

    def __call__(
        self,
        inputs: str | Iterable[str],
        *,
        expert: Experts | None = None,
        budget: StreamingBudget | float | None = None,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        """Classify one text or several.

        Args:
            inputs: a text, or texts; the answers are in the same order.
            expert: in place of the pipeline's own.
            budget: in place of the pipeline's own; a number counts over this call alone.
            **kwargs: `batch_size`, `num_workers`; `truncation` (on by default) at `max_length` tokens (by default
                what tokenizer and model hold); `return_probabilities`.

        Returns:
            A row for each text:

            - `label`: the final answer; `score`: the classifier's probability of it.
            - `deferred`: whether the text was deferred; `deferral_score`: higher = rather ask.
            - `answered_by`: "classifier", or the name of the expert whose label is the answer.
            - `classifier_label`; `expert_label`, null unless a usable one was given.
            - `expert_error`: null, or why a deferred text has the classifier's answer although an expert was asked.
            - `probabilities`: {class: the classifier's probability}, where asked for.

        Raises:
            ValueError: an input is no text, an expert is missing, or it answers with another number of rows.
        """
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(
                    f"input {i} is of type {type(text).__name__}; expected a text (str), or a list of texts"
                )
        experts = self.experts if expert is None else by_name(expert, self.expert_names)
        budget = self.budget if budget is None else as_budget(budget)
        if not texts:
            return []
        # Neighbours of like length share a batch, so that little padding is computed.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = super().__call__([texts[i] for i in order], **kwargs)
        rows = [row for _, row in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]
        if budget is not None:
            wanted = [row["deferred"] for row in rows]
            admitted = budget.admit(wanted, [row["deferral_score"] for row in rows])
            for row, deferred in zip(rows, admitted, strict=True):
                row["deferred"] = deferred
        if experts is not None:
            self._ask(texts, rows, experts)
        return [self._finish(row) for row in rows]

    def preprocess(self, text: str, truncation: bool = True, max_length: int | None = None) -> dict[str, torch.Tensor]:
        """Return the model's inputs for a text, (1, sequence) each, and whether it was cut, (1,)."""
        limit = max_length or self.longest()
        cut = {"truncation": True, "max_length": limit} if truncation and limit else {}
        encoded = self.tokenizer(text, return_tensors="pt", **cut)
        inputs = dict(encoded)
        if self.reads_truncation:
            inputs["truncated"] = torch.tensor([bool(cut) and self._was_cut(text, encoded, limit)])
        return inputs

    def _was_cut(self, text: str, encoded: Any, limit: int) -> bool:
        if encoded["input_ids"].shape[1] < limit:
            return False
        if encoded.encodings:
            return bool(encoded.encodings[0].overflowing)
        return len(self.tokenizer(text, truncation=False)["input_ids"]) > limit

    def longest(self) -> int | None:
        """Return how many tokens tokenizer and model hold, or None where neither says."""
        return longest_sequence(self.model.config, self.tokenizer)

    def _forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        output = self.model(**inputs)
        if getattr(output, "deferral_score", None) is None:
            raise ValueError(
                f"{type(self.model).__name__} gives no deferral score. Put a policy on it with "
                "DeferralForSequenceClassification.from_classifier(model, tokenizer), or use text-classification"
            )
        return {name: output[name] for name in ("logits", "deferral_score", "deferred", "expert")}

    def postprocess(self, outputs: dict[str, torch.Tensor], return_probabilities: bool = False) -> dict[str, Any]:
        """Return the classifier's answer to a text and the decision."""
        probabilities = torch.softmax(outputs["logits"][0].float(), dim=-1).tolist()
        classes = [self.model.config.id2label[i] for i in range(len(probabilities))]
        return {
            "probabilities": dict(zip(classes, probabilities, strict=True)),
            "return_probabilities": return_probabilities,
            "deferred": bool(outputs["deferred"][0]),
            "deferral_score": float(outputs["deferral_score"][0]),
            "expert": self.expert_names[int(outputs["expert"][0])],
            "classifier_label": classes[int(outputs["logits"][0].argmax())],
            "expert_label": None,
            "expert_error": None,
        }

    def _ask(self, texts: list[str], rows: list[dict[str, Any]], experts: dict[str, Expert]) -> None:
        for name in self.expert_names:
            places = [i for i, row in enumerate(rows) if row["deferred"] and row["expert"] == name]
            if not places:
                continue
            votes = experts[name]([texts[i] for i in places])
            told = read_votes(votes, name, len(places), rows[places[0]]["probabilities"])
            for i, (label, error) in zip(places, told, strict=True):
                rows[i] |= {"expert_label": label, "expert_error": error}

    @staticmethod
    def _finish(row: dict[str, Any]) -> dict[str, Any]:
        answered = row["expert_label"] is not None
        label = row["expert_label"] if answered else row["classifier_label"]
        finished = {
            "label": label,
            "score": row["probabilities"][label],
            "deferred": row["deferred"],
            "deferral_score": row["deferral_score"],
            "answered_by": row["expert"] if answered else CLASSIFIER,
            "classifier_label": row["classifier_label"],
            "expert_label": row["expert_label"],
            "expert_error": row["expert_error"],
        }
        return finished | ({"probabilities": row["probabilities"]} if row["return_probabilities"] else {})


def by_name(expert: Experts | None, names: list[str]) -> dict[str, Expert] | None:
    """Return each expert by its name in the model, or None where there is none to ask.

    Raises:
        ValueError: the experts are not those of the model, or one cannot be called.
    """
    if expert is None:
        return None
    if isinstance(expert, Mapping):
        experts = dict(expert)
    else:
        given = list(expert) if isinstance(expert, Sequence) and not isinstance(expert, str) else [expert]
        if len(given) != len(names):
            raise ValueError(
                f"{len(given)} experts were given, but the model defers to {len(names)}: {', '.join(names)}; "
                f"give a list in that order, or a mapping: expert={{{names[0]!r}: …}}"
            )
        experts = dict(zip(names, given, strict=True))
    if set(experts) != set(names):
        raise ValueError(
            f"the experts given are named {sorted(map(str, experts))}, but the model defers to {sorted(names)}; "
            "name each of those and no other"
        )
    for name, one in experts.items():
        if not callable(one):
            raise ValueError(
                f"expert {name!r} is a {type(one).__name__}; expected a callable from texts to rows with a label"
            )
    return experts


def as_budget(budget: StreamingBudget | float | None) -> StreamingBudget | None:
    """Return a budget as given, or a fresh one of that rate."""
    return budget if budget is None or isinstance(budget, StreamingBudget) else StreamingBudget(budget)


def read_votes(
    votes: Iterable[Any], name: str, texts: int, classes: Container[str]
) -> list[tuple[str | None, str | None]]:
    """Return (label, None) of each usable vote of an expert, (None, why) of each other.

    Args:
        votes: what the expert gave.
        name: of the expert.
        texts: how many it was asked about.
        classes: of the model.

    Raises:
        ValueError: there is not one row for each text, or a row has no `label` at all.
    """
    votes = list(votes)
    if len(votes) != texts:
        raise ValueError(
            f"expert {name!r} gave {len(votes)} rows for {texts} texts; "
            "expected a row for each text, in order, with a null label where it has no answer"
        )
    return [read_vote(vote, name, classes) for vote in votes]


def read_vote(vote: Any, name: str, classes: Container[str]) -> tuple[str | None, str | None]:
    """Return (label, None) of a usable vote, (None, why) of another.

    Raises:
        ValueError: the row has no `label` at all.
    """
    if isinstance(vote, Mapping):
        missing, label, error = "label" not in vote, vote.get("label"), vote.get("error")
    else:
        missing, label, error = not hasattr(vote, "label"), getattr(vote, "label", None), getattr(vote, "error", None)
    if missing:
        raise ValueError(
            f"expert {name!r} gave a {type(vote).__name__} without `label`; expected rows such as {{'label': 'class'}}"
        )
    if label is None:
        return None, str(error or "no usable answer")
    # The label itself may quote the text, so it stays out of the reason.
    if not isinstance(label, str) or label not in classes:
        return None, "label outside the classes"
    return label, None


__all__ = ["TASK", "DeferringTextClassificationPipeline"]
