"""Asking experts about the questions that a model defers, and putting their answers in the place of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .configuration_multitask_qa import CATEGORIES

Expert = Callable[[list[dict[str, str]]], Sequence[Any]] | Sequence[Any]
Experts = Expert | Mapping[str, Expert]
MODEL = "model"
KEPT = ("answer", "start", "end", "score", "no_answer", "category")


def check_experts(expert: Experts | None, policy: Any) -> dict[str, Expert] | None:
    """Return each expert by its name in the policy, or None where there is none to ask.

    Args:
        expert: for a policy of one expert a callable or recorded answers; for several {name: either}.
        policy: the model's `AnswerDeferral`, or None.

    Raises:
        ValueError: the model defers nothing, the experts are not those of its policy, or one is neither.
    """
    if expert is None:
        return None
    if policy is None:
        raise ValueError(
            "an expert was given, but the model has no deferral policy and would never ask it; make one of a run and "
            "votes with: secondopinion defer RUN --votes FILE"
        )
    names = policy.expert_names
    if not isinstance(expert, Mapping):
        if len(names) > 1:
            raise ValueError(
                f"one expert was given, but the model defers to {', '.join(names)}; give {{{names[0]!r}: …}} with each"
            )
        expert = {names[0]: expert}
    if set(expert) != set(names):
        raise ValueError(
            f"the experts given are named {sorted(map(str, expert))}, but the model defers to {sorted(names)}; name "
            "each of those and no other"
        )
    for name, one in expert.items():
        if not callable(one) and (isinstance(one, str | bytes) or not isinstance(one, Sequence)):
            raise ValueError(
                f"expert {name!r} is a {type(one).__name__}; expected a callable from questions to answers, or a list "
                "of recorded answers, one for each question"
            )
    return dict(expert)


def answer_of_experts(
    rows: list[dict[str, Any]],
    questions: Sequence[str],
    contexts: Sequence[str] | None,
    experts: Mapping[str, Expert],
    task: str,
) -> None:
    """Put the experts' answers into the rows that are deferred.

    An expert is a callable from a list of {"question", "context"} to as many answers, asked once about its deferred
    questions alone; or a list of recorded answers, one for each question, of which only those of deferred questions
    are read. An answer is a text ("" for none), or a mapping with `answer` and, where known, `answer_start` and
    `category`; of a model without a span head a mapping with `category`. None, or a mapping whose answer is None
    (`error` says why), is unusable: the model's own answer stands. What an expert raises is not caught.

    Args:
        rows: the pipeline's answers; changed in place.
        questions: one for each row.
        contexts: one for each row, or None.
        experts: as `check_experts` returns them.
        task: what an expert answers: `span`, or `category` for a model without spans.

    Raises:
        ValueError: an expert answers with another number of rows, or with something else.
    """
    notes = [""] * len(questions) if contexts is None else contexts
    for name, expert in experts.items():
        places = [i for i, row in enumerate(rows) if row["deferred"] and row["expert"] == name]
        about = places if callable(expert) else range(len(rows))
        given = expert
        if callable(expert):
            given = list(expert([{"question": questions[i], "context": notes[i]} for i in places])) if places else []
        if len(given) != len(about):
            raise ValueError(
                f"expert {name!r} gave {len(given)} answers for {len(about)} questions; expected one for each, in "
                "order, with None where it has no usable answer"
            )
        votes = dict(zip(about, given, strict=True))
        for place in places:
            _put(rows[place], read_vote(votes[place], name, task), name, notes[place])


def read_vote(vote: Any, name: str, task: str) -> dict[str, Any]:
    """Return an expert's answer as a mapping of `answer`, `answer_start`, `category` and `error`.

    Raises:
        ValueError: it is something else. The message holds nothing of what was said.

    >>> read_vote("aspirin", "panel", "span")["answer"]
    'aspirin'
    """
    key = "answer" if task == "span" else "category"
    row = {key: vote} if isinstance(vote, str) or vote is None else vote
    if not isinstance(row, Mapping) or key not in row:
        raise ValueError(
            f"expert {name!r} gave a {type(vote).__name__} without {key!r}; expected a text, or {{{key!r}: …}}"
        )
    if row[key] is not None and not isinstance(row[key], str):
        raise ValueError(
            f"expert {name!r} gave an answer that is a {type(row[key]).__name__}; expected a text, or None where it "
            "has no usable answer"
        )
    known = {name: row.get(name) for name in ("answer", "answer_start", "category", "error")}
    if known["category"] is not None and known["category"] not in CATEGORIES:
        known["category"] = None
        if key == "category":
            known["error"] = "category outside the five"
    if known[key] is None:
        known["error"] = str(known["error"] or "no usable answer")
    else:
        known["error"] = None
    return known


def _put(row: dict[str, Any], vote: Mapping[str, Any], name: str, context: str) -> None:
    if vote["error"] is not None:
        row["expert_error"] = vote["error"]
        return
    row["model_answer"] = {key: row[key] for key in KEPT}
    row["answered_by"] = name
    row["score"] = None
    if vote["answer"] is not None:
        start = _place(vote["answer"], vote["answer_start"], context)
        end = None if start is None else start + len(vote["answer"])
        row |= {"answer": vote["answer"], "start": start, "end": end, "no_answer": not vote["answer"]}
    if vote["category"] is not None:
        row["category"] = vote["category"]


def _place(answer: str, start: Any, context: str) -> int | None:
    """Return where an answer begins in its note: where it says, or where it stands alone; else None."""
    if not answer:
        return None
    if isinstance(start, int) and start >= 0 and context[start : start + len(answer)] == answer:
        return start
    return context.index(answer) if context.count(answer) == 1 else None


__all__ = ["MODEL", "Expert", "Experts", "answer_of_experts", "check_experts"]
