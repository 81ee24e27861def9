"""A pipeline that answers questions about notes of any length with a span, its category, or that there is none."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from transformers import Pipeline

from .no_answer import no_answer_probability
from .qa_answers import Answer, decode
from .qa_experts import MODEL, Experts, answer_of_experts, check_experts
from .qa_prediction import BatchRun, predict_windows
from .qa_signals import answer_signals
from .qa_windows import make_windows
from .sequence_limit import longest_sequence

TASK = "clinical-question-answering"
WINDOW_SIZES = {"max_length": 384, "doc_stride": 128, "max_question_length": 64}
NOT_ASKED = ("start", "end", "score", "no_answer", "no_answer_probability", "category", "category_probabilities")
ANSWER_SIZES = {"max_answer_length": 30, "n_best": 20}


class ClinicalQuestionAnsweringPipeline(Pipeline):
    """Answers questions with a span of a note and the answer's category, or says that the note holds no answer.

    A note is read in windows that overlap; each distinct note and question is tokenised once. The windows of all
    inputs are sorted by length and run in batches under a token budget.

    ```python
    pipe = pipeline("clinical-question-answering", model=repo, trust_remote_code=True)
    pipe(question="Which antibiotic was given?", context=note)
    # {"answer": "amoxicillin", "start": 1041, "end": 1052, "score": 0.93, "no_answer": False, …}
    pipe(question=["Which antibiotic was given?", "Was there fever?"], context=note)
    ```

    A model with a deferral policy says of which questions a second opinion is worth asking, and with an `expert` asks
    it. The question and its note then go where the expert takes them, of deferred questions alone; without an expert
    they go nowhere.

    Args:
        model: gives `start_logits`, `end_logits` and `category_logits`, as `MultiTaskQAForQuestionAnswering`; a model
            without one of the heads answers without that part. Where it has a policy, as its `deferral`.
        expert: who answers deferred questions; see `qa_experts.answer_of_experts`. None decides without asking.
        run: computes windows in place of the model; see `predict_windows`.
        **kwargs: of `transformers.Pipeline`, and those of a call.
    """

    _load_tokenizer = True
    _load_processor = False
    _load_image_processor = False
    _load_feature_extractor = False

    def __init__(
        self, model: Any, *args: Any, expert: Experts | None = None, run: BatchRun | None = None, **kwargs: Any
    ) -> None:
        super().__init__(model, *args, **kwargs)
        if self.tokenizer is None:
            raise ValueError(f"{TASK} needs a tokenizer; save it beside the model, or give tokenizer=…")
        self.model.eval()
        self.expert = check_experts(expert, getattr(self.model, "deferral", None))
        self.run = run
        self.reads_context = getattr(self.model.config, "reads_context", True)

    def _sanitize_parameters(
        self,
        top_k: int | None = None,
        handle_impossible_answer: bool | None = None,
        no_answer_threshold: float | None = None,
        max_length: int | None = None,
        doc_stride: int | None = None,
        max_question_length: int | None = None,
        max_answer_length: int | None = None,
        token_budget: int | None = None,
        windows_at_once: int | None = None,
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        parts = (
            {"max_length": max_length, "doc_stride": doc_stride, "max_question_length": max_question_length},
            {"token_budget": token_budget, "windows_at_once": windows_at_once},
            {
                "top_k": top_k,
                "handle_impossible_answer": handle_impossible_answer,
                "no_answer_threshold": no_answer_threshold,
                "max_answer_length": max_answer_length,
            },
        )
        for part in parts:
            for name, value in part.items():
                if name not in ("handle_impossible_answer", "no_answer_threshold"):
                    _whole("batch_size" if name == "windows_at_once" else name, value, 0 if name == "doc_stride" else 1)
        if no_answer_threshold is not None and (
            isinstance(no_answer_threshold, bool)
            or not isinstance(no_answer_threshold, Real)
            or np.isnan(no_answer_threshold)
        ):
            raise ValueError(
                f"no_answer_threshold is {no_answer_threshold!r}; expected a number, which the null odds are compared "
                "with, or None for the model's own"
            )
        if handle_impossible_answer not in (None, True, False):
            raise ValueError(f"handle_impossible_answer is {handle_impossible_answer!r}; expected True or False")
        given = ({name: value for name, value in part.items() if value is not None} for part in parts)
        return next(given), next(given), next(given)

    def __call__(
        self,
        inputs: Mapping[str, str] | Iterable[Mapping[str, str]] | None = None,
        *,
        question: str | Sequence[str] | None = None,
        context: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        expert: Experts | None = None,
        **kwargs: Any,
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Answer one question or several.

        Args:
            inputs: {"question": …, "context": …}, or several of them, in place of the two below.
            question: a question, or several.
            context: a note, or one for each question. Several questions are asked of one note, and one question of
                several notes. Not needed by a model of the question alone.
            batch_size: windows of a batch, at most.
            expert: in place of the pipeline's own.
            **kwargs: `top_k` (1): so many answers in `n_best`; `handle_impossible_answer` (True): whether there may be
                no answer; `no_answer_threshold`, `max_length`, `doc_stride`, `max_question_length`,
                `max_answer_length`: in place of the model's own; `token_budget`: tokens of a batch, padding included
                (2,048 on CPU, 32,768 on a GPU).

        Returns:
            For each question:

            - `answer`: the text, "" where there is none; `start`, `end`: its characters in the note, or None.
            - `score`: probability of what is given, among the model's best answers and none at all.
            - `no_answer`; `no_answer_probability`: calibrated where the model was.
            - `category`; `category_probabilities`: {category: probability}. None without a category head.
            - `n_best`, with `top_k` above 1: rows of `answer`, `start`, `end`, `score`, best first.

            With a deferral policy also:

            - `deferral_score`: higher = rather ask; `deferred`: whether it is above the policy's threshold.
            - `expert`: who is to be asked; `answered_by`: "model", or that name where the expert's answer stands.
            - `model_answer`: what the model itself said, where an expert's answer stands; else None.
            - `expert_error`: None, or why a deferred question has the model's answer although an expert was asked.

            A model without a span head gives None for `start`, `end`, `score`, `no_answer` and
            `no_answer_probability`. One question of one note gives one mapping, everything else a list of them.

        Raises:
            ValueError: a question or a note is missing, empty or no text, or a setting leaves a window no room.
        """
        questions, contexts, single = _pairs(inputs, question, context, self.reads_context)
        policy = getattr(self.model, "deferral", None)
        expert = self.expert if expert is None else check_experts(expert, policy)
        if not questions:
            return []
        batch_size = self._batch_size if batch_size is None else batch_size
        if batch_size is not None:
            kwargs["windows_at_once"] = batch_size
        rows = super().__call__({"questions": questions, "contexts": contexts}, **kwargs)
        if expert is not None:
            answer_of_experts(rows, questions, contexts, expert, "span" if self._finds_spans else "category")
        return rows[0] if single else rows

    def preprocess(
        self,
        inputs: Mapping[str, Any],
        max_length: int | None = None,
        doc_stride: int | None = None,
        max_question_length: int | None = None,
    ) -> dict[str, Any]:
        """Return the windows of all rows."""
        given = {"max_length": max_length, "doc_stride": doc_stride, "max_question_length": max_question_length}
        sizes = {
            name: value or self._setting(name, WINDOW_SIZES) for name, value in given.items() if name != "doc_stride"
        }
        sizes["doc_stride"] = self._setting("doc_stride", WINDOW_SIZES) if doc_stride is None else doc_stride
        longest = self.longest()
        if longest is not None and sizes["max_length"] > longest:
            raise ValueError(
                f"max_length is {sizes['max_length']}, but the model holds {longest} tokens; give max_length={longest} "
                "or less: notes of any length are read in windows of it"
            )
        windows = make_windows(
            self.tokenizer, inputs["questions"], inputs["contexts"], reads_context=self.reads_context, **sizes
        )
        return {"windows": windows, "contexts": inputs["contexts"]}

    def longest(self) -> int | None:
        """Return how many tokens a window can have, or None where the model sets no limit."""
        config = getattr(self.model.config, "encoder_config", None) or self.model.config
        return longest_sequence(config, self.tokenizer)

    @property
    def _finds_spans(self) -> bool:
        return "span" in (getattr(self.model.config, "tasks", None) or ["span"])

    def _setting(self, name: str, fallback: Mapping[str, int]) -> int:
        value = getattr(self.model.config, name, None)
        return fallback[name] if value is None else value

    def _forward(
        self, inputs: dict[str, Any], token_budget: int | None = None, windows_at_once: int | None = None
    ) -> dict[str, Any]:
        settings = {"token_budget": token_budget, "batch_size": windows_at_once, "run": self.run}
        logits = predict_windows(self.model, inputs["windows"], self.tokenizer, **settings)
        return inputs | {"logits": logits}

    def postprocess(
        self,
        outputs: dict[str, Any],
        top_k: int = 1,
        handle_impossible_answer: bool = True,
        no_answer_threshold: float | None = None,
        max_answer_length: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return an answer a row."""
        config, logits = self.model.config, outputs["logits"]
        threshold = getattr(config, "no_answer_threshold", None) if no_answer_threshold is None else no_answer_threshold
        answers = decode(
            logits.start,
            logits.end,
            outputs["windows"],
            n_best=max(top_k, self._setting("n_best", ANSWER_SIZES)),
            max_answer_length=max_answer_length or self._setting("max_answer_length", ANSWER_SIZES),
            no_answer_threshold=threshold if handle_impossible_answer else np.inf,
            category_logits=logits.category,
        )
        classes = [] if logits.category is None else [config.id2label[i] for i in range(logits.category.shape[1])]
        rows = [{"answer": "", **dict.fromkeys(NOT_ASKED)} for _ in range(len(answers))]
        if logits.start is not None:
            probability = no_answer_probability(answers.null_odds, getattr(config, "no_answer_record", None))
            columns = (answers.no_answer, answers.prediction_score, probability)
            for i, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
                rows[i] |= dict(zip(("no_answer", "score", "no_answer_probability"), values, strict=True))
                best = [_as_row(outputs["contexts"][i], answer) for answer in answers.answers(i)[:top_k]]
                rows[i] |= {} if values[0] else {name: best[0][name] for name in ("answer", "start", "end")}
                rows[i] |= {"n_best": best} if top_k > 1 else {}
        shares = answers.category_probabilities
        if shares is not None:
            for row, values in zip(rows, shares.tolist(), strict=True):
                row["category"] = classes[int(np.argmax(values))]
                row["category_probabilities"] = dict(zip(classes, values, strict=True))
        policy = getattr(self.model, "deferral", None)
        if policy is not None:
            own = getattr(config, "no_answer_threshold", None)
            scores = policy.scores(answer_signals(answers, policy.signals, 0.0 if own is None else own))
            for row, score, place, deferred in zip(rows, *(c.tolist() for c in policy.decide(scores)), strict=True):
                row |= {"deferral_score": score, "deferred": deferred, "expert": policy.expert_names[place]}
                row |= {"answered_by": MODEL, "model_answer": None, "expert_error": None}
        return rows


def _as_row(context: str, answer: Answer) -> dict[str, Any]:
    text = context[answer.start : answer.end]
    return {"answer": text, "start": answer.start, "end": answer.end, "score": answer.probability}


def _whole(name: str, value: Any, least: int) -> None:
    if value is not None and (not isinstance(value, Integral) or isinstance(value, bool) or value < least):
        raise ValueError(f"{name} is {value!r}; expected a whole number of {least} or more")


def _texts(name: str, given: Any) -> list[Any]:
    """Return one text or several as a list; what its items are is for `make_windows` to check.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(given, str):
        return [given]
    if isinstance(given, bytes | Mapping) or not isinstance(given, Iterable):
        hint = "; decode it first" if isinstance(given, bytes) else ""
        raise ValueError(f"{name}=… is a {type(given).__name__}; expected a text (str) or a list of texts{hint}")
    return list(given)


def _pairs(inputs: Any, question: Any, context: Any, reads_context: bool) -> tuple[list[str], list[str] | None, bool]:
    """Return questions, their contexts (None where the model reads none), and whether it is one question alone.

    Raises:
        ValueError: both forms of input are given or none, a part is missing, or there are not as many of each.
    """
    wanted = ("question", "context") if reads_context else ("question",)
    if (inputs is None) == (question is None and context is None):
        raise ValueError(
            "give question=… and context=…, or {'question': …, 'context': …}, or a list of those; "
            f"{'both forms' if inputs is not None else 'nothing'} came"
        )
    single = isinstance(inputs, Mapping)
    if inputs is not None:
        rows = [inputs] if single else inputs
        if isinstance(rows, str | bytes) or not isinstance(rows, Iterable):
            raise ValueError(
                f"a {type(rows).__name__} came; expected {{'question': …, 'context': …}}, or a list of those"
            )
        rows = list(rows)
        for number, row in enumerate(rows):
            lacking = [name for name in wanted if name not in row] if isinstance(row, Mapping) else wanted
            if lacking:
                given = f"keys {sorted(map(str, row))}" if isinstance(row, Mapping) else f"a {type(row).__name__}"
                raise ValueError(
                    f"input {number} has no {lacking[0]} ({given}); expected {{'question': …, 'context': …}}"
                )
        columns = {name: [row[name] for row in rows] for name in wanted}
    else:
        given = {"question": question, "context": context if reads_context else None}
        for name in wanted:
            if given[name] is None:
                raise ValueError(f"{name}=… is missing; give question=… and context=…")
        single = all(isinstance(given[name], str) for name in wanted)
        columns = {name: _texts(name, given[name]) for name in wanted}
        counts = {name: len(column) for name, column in columns.items()}
        for name in wanted:
            # Of one text for many, whichever it is; never of a list that happens to hold one.
            if isinstance(given[name], str):
                columns[name] *= max(
                    (counts[other] for other in wanted if not isinstance(given[other], str)), default=1
                )
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError(
                f"{counts['question']} questions and {counts['context']} contexts came; expected as many of each, or "
                "one text (str) of either"
            )
    return columns["question"], columns.get("context"), single


__all__ = ["TASK", "ClinicalQuestionAnsweringPipeline"]
