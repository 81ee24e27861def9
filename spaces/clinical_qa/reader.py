"""The model of the page: what it finds in a note, with and without the right to say that there is nothing.

Needs transformers only: a model of this project brings its own code and pipeline along. Weights are safetensors;
nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from severity.readers import Published, fetch

TASK = "clinical-question-answering"
SPANS = 5


@dataclass(frozen=True)
class Span:
    """A place in a note.

    Attributes:
        start: its first character.
        end: the character after its last.
        score: probability among the note's best answers and none at all.
    """

    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Found:
    """What the model says of a question about a note; neither text is in it.

    Attributes:
        note: SHA-256 of the note, whose characters the spans count.
        spans: the best answers, best first.
        none: probability that the note holds no answer.
        silent: whether there is no answer by the model's own threshold.
        none_score: probability of no answer among the note's best answers.
        answered: category → probability if there is an answer; empty for a model without categories.
        unanswered: the same if there is none.
    """

    note: str
    spans: tuple[Span, ...]
    none: float
    silent: bool
    none_score: float
    answered: dict[str, float]
    unanswered: dict[str, float]


def note_id(note: str) -> str:
    """Return what tells one note from another without holding it."""
    return hashlib.sha256(note.encode("utf-8", "surrogatepass")).hexdigest()


class Reader:
    """A pipeline that answers questions, with its publisher's facts.

    Args:
        source: folder or Hub id.
        revision: branch, tag or commit on the Hub.
        trust_remote_code: whether code in the model's repository may run; a model of this project needs it where the
            package `secondopinion` is not installed.

    Raises:
        ValueError: the model finds no answers in notes.
    """

    def __init__(self, source: str, revision: str | None = None, trust_remote_code: bool = False) -> None:
        from transformers import AutoConfig, pipeline
        from transformers.pipelines import PIPELINE_REGISTRY

        fetch(source, "config.json", revision)
        hub = {"revision": revision, "trust_remote_code": trust_remote_code}
        config = AutoConfig.from_pretrained(source, **hub)
        if config.model_type != "multitask_qa":
            raise ValueError(
                f"{source} is a model of the type {config.model_type!r}, which answers no questions; make one with: "
                "secondopinion train --config recipes/clinical_qa_offline.yaml"
            )
        if "span" not in config.tasks:
            raise ValueError(
                f"{source} was trained for {', '.join(config.tasks)} alone and finds no places in a note; give a model "
                "whose tasks hold 'span'"
            )
        known = PIPELINE_REGISTRY.supported_tasks.get(TASK)
        own = {"pipeline_class": known["impl"]} if known else {}
        self.pipe = pipeline(TASK, model=source, **own, **hub)
        self.published = Published.read(source, revision)
        self.config = self.pipe.model.config
        self.categories = tuple(self.config.id2label.values()) if "category" in self.config.tasks else ()
        self.max_question = int(self.config.max_question_length)
        self._lock = threading.Lock()

    @property
    def start(self) -> float:
        """Probability of no answer, in percent, from which the model itself gives none."""
        record = self.config.no_answer_record or {}
        odds = record.get("scale", 1.0) * (self.config.no_answer_threshold or 0.0) + record.get("bias", 0.0)
        # Written so that no size of the odds overflows.
        return round(50 * (1 + math.tanh(odds / 2)), 1)

    def question_tokens(self, question: str) -> int:
        """Return how many tokens a question has."""
        with self._lock:
            return len(self.pipe.tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"])

    def read(self, note: str, question: str) -> Found:
        """Return what the model finds; the note is read once.

        Raises:
            ValueError: the pipeline refuses the note or the question; no text is in the message.
        """
        with self._lock:
            outputs = self.pipe.forward(self.pipe.preprocess({"questions": [question], "contexts": [note]}))
            [best] = self.pipe.postprocess(outputs, top_k=SPANS, handle_impossible_answer=False)
            [none] = self.pipe.postprocess(outputs, no_answer_threshold=-math.inf)
            [own] = self.pipe.postprocess(outputs)
        return Found(
            note=note_id(note),
            spans=tuple(Span(row["start"], row["end"], row["score"]) for row in best["n_best"]),
            none=best["no_answer_probability"],
            silent=own["no_answer"],
            none_score=none["score"],
            answered=best["category_probabilities"] or {},
            unanswered=none["category_probabilities"] or {},
        )

    def read_many(self, note: str, questions: Sequence[str]) -> list[dict[str, Any]]:
        """Return the pipeline's own answers to several questions, by the model's own threshold.

        Raises:
            ValueError: the pipeline refuses the note or a question; no text is in the message.
        """
        with self._lock:
            return self.pipe(question=list(questions), context=note)

    def silent(self, found: Found, percent: float) -> bool:
        """Return whether there is no answer where it is given up from a probability of no answer."""
        if abs(percent - self.start) < 1e-9:
            return found.silent
        return 100 * found.none > percent
