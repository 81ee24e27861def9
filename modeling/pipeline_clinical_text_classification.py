"""A pipeline that classifies clinical texts with the processor that the model was trained with."""

import inspect
import os
from collections.abc import Iterable
from typing import Any

import torch
from transformers import Pipeline

from .processed_text import ProcessedText, checked_texts
from .processing_clinical import ClinicalProcessor
from .sequence_limit import longest_sequence

TASK = "clinical-text-classification"
FUNCTIONS = ("softmax", "sigmoid", "none")


class ClinicalTextClassificationPipeline(Pipeline):
    """Classifies texts; model and processor come from one folder, so that the entity mask is built for the model.

    Answers have the form of transformers' `text-classification`, for every problem type:

    - single label: the best class and its probability;
    - multi-label: the best label and its probability (all of them with `top_k=None`);
    - groups of classes (`config.label_groups`): the best class of each group, in the order of the groups;
    - regression: each target and its value.

    ```python
    pipe = pipeline("clinical-text-classification", model=repo, trust_remote_code=True)
    pipe(note)  # [{"label": "malignant", "score": 0.91}]
    pipe([note, other], explain=True)  # with entities and measurements, in characters of each note
    ```

    Args:
        model: any sequence classifier.
        processor: a `ClinicalProcessor`; a tokenizer in its place stands for one with every step off.
        **kwargs: of `transformers.Pipeline`, and those of a call.
    """

    _load_processor = True
    _load_tokenizer = False
    _load_image_processor = False
    _load_feature_extractor = False

    def __init__(self, model: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(model, *args, **kwargs)
        given = self.processor if self.processor is not None else self.tokenizer
        if given is None:
            raise ValueError(f"{TASK} needs a processor; save it beside the model, or give processor=…")
        if not hasattr(given, "explain"):
            given = ClinicalProcessor(given, measurements=False, entities=False, global_attention=False)
        self.processor = given
        self.tokenizer = self.processor.tokenizer
        self.model.eval()

    def _sanitize_parameters(
        self,
        top_k: int | str | None = "",
        function_to_apply: str | None = None,
        explain: bool | None = None,
        truncation: bool | None = None,
        max_length: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        if top_k is not None and top_k != "" and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
            raise ValueError(f"top_k is {top_k!r}; expected a whole number of 1 or more, or None for all labels")
        if function_to_apply is not None and str(function_to_apply).lower() not in FUNCTIONS:
            raise ValueError(f"function_to_apply is {function_to_apply!r}; expected one of {', '.join(FUNCTIONS)}")
        before = {"truncation": truncation, "max_length": max_length, "explain": explain}
        after = {"function_to_apply": function_to_apply}
        given = [{name: value for name, value in part.items() if value is not None} for part in (before, after)]
        return given[0], {}, given[1] | ({} if top_k == "" else {"top_k": top_k})

    def __call__(self, inputs: str | Iterable[str], **kwargs: Any) -> list[Any]:
        """Classify one text or several.

        Args:
            inputs: a text, or texts; the answers are in the same order.
            **kwargs: `top_k`: so many labels, best first, None for all; `function_to_apply`: "softmax", "sigmoid" or
                "none" in place of what the problem type says; `explain`; `truncation` (on by default) at `max_length`
                tokens (by default what model and tokenizer hold); `batch_size`, `num_workers`.

        Returns:
            A list with an answer for each text: `{"label", "score"}`, or with `top_k`, several groups or several
            targets a list of such; for one text and `top_k` the list of its labels. With `explain` an answer is
            `{"prediction": that, "entities", "measurements", "truncated_share"}`; entities are `{"start", "end",
            "kind", "term", "global"}`, measurements `{"start", "end", "kind", "unit", "canonical"}`, in characters of
            the original text.

        Raises:
            ValueError: an input is no text, or a setting is of another form.
        """
        if not isinstance(inputs, str):
            inputs = list(inputs) if isinstance(inputs, Iterable) else inputs
            if inputs == []:
                return []
        texts = checked_texts(inputs)
        # Neighbours of like length share a batch, so that little padding is computed.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = super().__call__([texts[i] for i in order], **kwargs)
        answers = [answer for _, answer in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]
        return answers[0] if isinstance(inputs, str) and isinstance(answers[0], list) else answers

    def preprocess(
        self, text: str, truncation: bool = True, max_length: int | None = None, explain: bool = False
    ) -> dict[str, Any]:
        """Return the model's inputs for a text, (1, sequence) each, and the text where it is to be explained."""
        limit = max_length or longest_sequence(self.model.config, self.tokenizer)
        cut = {"truncation": True, "max_length": limit} if truncation and limit else {"truncation": False}
        reading = self.processor.read(text)
        inputs = dict(self.processor(reading, return_tensors="pt", **cut))
        if explain:
            inputs["explained"] = self.processor.explain(reading, limit if truncation else None)
        return inputs

    def _forward(self, inputs: dict[str, Any]) -> dict[str, Any]:
        explained = inputs.pop("explained", None)
        accepted = inspect.signature(self.model.forward).parameters
        output = self.model(**{name: value for name, value in inputs.items() if name in accepted})
        return {"logits": output.logits, **({} if explained is None else {"explained": explained})}

    def postprocess(
        self, outputs: dict[str, Any], top_k: int | str | None = "", function_to_apply: str | None = None
    ) -> Any:
        """Return the answer for a text."""
        prediction = self._prediction(outputs["logits"][0].float(), top_k, function_to_apply)
        if "explained" not in outputs:
            return prediction
        return {"prediction": prediction, **described(outputs["explained"])}

    def _prediction(self, logits: torch.Tensor, top_k: int | str | None, function: str | None) -> Any:
        config = self.model.config
        groups = getattr(config, "label_groups", None) or [len(logits)]
        regression = config.problem_type == "regression"
        if function is None:
            several = config.problem_type == "multi_label_classification" and len(groups) == 1
            function = "none" if regression else "sigmoid" if several or len(logits) == 1 else "softmax"
        parts = logits.split(groups)
        scores = torch.cat([applied(part, function.lower()) for part in parts])
        rows = [{"label": config.id2label[i], "score": score} for i, score in enumerate(scores.tolist())]
        if top_k != "":
            return sorted(rows, key=lambda row: -row["score"])[:top_k]
        if regression:
            return rows if len(rows) > 1 else rows[0]
        best, start = [], 0
        for part in parts:
            best.append(rows[start + int(part.argmax())])
            start += len(part)
        return best if len(best) > 1 else best[0]

    def save_pretrained(self, save_directory: str | os.PathLike, **kwargs: Any) -> None:
        """Write model, processor and the code of all into a folder that `pipeline` loads."""
        super().save_pretrained(save_directory, **kwargs)
        self.processor.save_pretrained(save_directory)


def applied(logits: torch.Tensor, function: str) -> torch.Tensor:
    """Return scores of logits: "softmax" over them, "sigmoid" of each, or themselves with "none"."""
    if function == "none":
        return logits
    return logits.softmax(dim=-1) if function == "softmax" else logits.sigmoid()


def described(text: ProcessedText) -> dict[str, Any]:
    """Return what was found in a text as plain data."""
    heard = set(text.global_entities)
    return {
        "entities": [one._asdict() | {"global": i in heard} for i, one in enumerate(text.entities)],
        "measurements": [
            {name: getattr(one, name) for name in ("start", "end", "kind", "unit", "canonical")}
            for one in text.measurements
        ],
        "truncated_share": text.truncated_share,
    }


__all__ = ["TASK", "ClinicalTextClassificationPipeline"]
