"""Sentences about what the two tasks gain from each other, and what a question gives away without its note."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .question_answering import inside_sentence
from .tables import number

SUBJECTS = {"span_only": ("exact", "f1"), "category_only": ("category_accuracy", "category_macro_f1")}
GAINS = {
    "higher": "over {other} there is a gain in {figures}: the {intervals} of the difference lie{s} above zero.",
    "unclear": "over {other} no gain was shown in {figures}: the {intervals} of the difference hold{s} zero.",
    "lower": "{other} is better in {figures}: the {intervals} of the difference lie{s} below zero.",
}


def difference(found: Mapping[str, float]) -> str:
    """Return a paired difference with its interval, for a bracket.

    >>> difference({"difference": 0.012, "low": -0.004, "high": 0.03})
    '+0.0120, 95% interval -0.0040 to +0.0300'
    """
    words = f"{found['difference']:+.4f}"
    if "low" in found:
        words += f", 95% interval {found['low']:+.4f} to {found['high']:+.4f}"
    return words


def verdict(found: Mapping[str, float] | None) -> str | None:
    """Return `higher`, `lower` or `unclear` for a paired difference; None where it has no interval.

    >>> verdict({"difference": 0.012, "low": -0.004, "high": 0.03})
    'unclear'
    """
    if not found or "low" not in found:
        return None
    return "higher" if found["low"] > 0 else "lower" if found["high"] < 0 else "unclear"


def verdicts(facts: Mapping[str, Any]) -> dict[tuple[str, str], str | None]:
    """Return {(single-task model, figure): verdict} of the figures that the two share a task in."""
    single = facts.get("single_task") or {}
    return {
        (name, key): verdict(((single.get(name) or {}).get("difference") or {}).get(key))
        for name, keys in SUBJECTS.items()
        for key in keys
    }


def opening_caveats(facts: Mapping[str, Any]) -> list[str]:
    """Return what must stand beside the main figures: how well a question without its note does, and no gain."""
    theirs, _, _ = without_the_note(facts)
    sentences = []
    if theirs is not None:
        sentences.append(f"From the question alone, without the note, category accuracy is {number(theirs)}.")
    told = [told for told in verdicts(facts).values() if told]
    if told and "higher" not in told:
        sentences.append("No gain over single-task models was shown in any figure (see *Against single-task models*).")
    return sentences


def gains(facts: Mapping[str, Any]) -> list[str]:
    """Return what learning both tasks together did to each of them, a sentence a verdict."""
    sentences = []
    told = verdicts(facts)
    for name, keys in SUBJECTS.items():
        other = f"the model of the {name.removesuffix('_only')} alone"
        for kind, words in GAINS.items():
            named = [inside_sentence(key) for key in keys if told[name, key] == kind]
            if named:
                ends = ("intervals", "") if len(named) > 1 else ("interval", "s")
                sentence = words.format(other=other, figures=" and ".join(named), intervals=ends[0], s=ends[1])
                sentences.append(sentence[0].upper() + sentence[1:])
    return sentences


def without_the_note(facts: Mapping[str, Any]) -> tuple[float | None, float | None, Mapping[str, float]]:
    """Return category accuracy from the question alone, this model's, and their paired difference (may be empty)."""
    own = (facts.get("single_task") or {}).get("question_only") or {}
    found = (own.get("difference") or {}).get("category_accuracy") or {}
    theirs = found.get("b", (own.get("figures") or {}).get("category_accuracy"))
    return theirs, found.get("a", facts["summary"]["out_of_fold"].get("category_accuracy")), found


def question_alone(facts: Mapping[str, Any]) -> str:
    """Return what the question-only baseline means for the category figures, in a paragraph."""
    theirs, ours, found = without_the_note(facts)
    if theirs is None or ours is None:
        return ""
    paragraph = (
        "The category is nearly a function of the question's template, so what counts is what the note adds. From the "
        f"question alone category accuracy is {number(theirs)}; this model, which reads the note too, has "
        f"{number(ours)}."
    )
    conclusion = {
        "higher": "The note adds {} to it.",
        "unclear": (
            "That the note adds anything was not shown ({}; the interval holds zero): read the category figures as "
            "what the questions give away."
        ),
        "lower": "The question alone does better ({}): read the category figures as what the questions give away.",
    }.get(verdict(found))
    return f"{paragraph} {conclusion.format(difference(found))}" if conclusion else paragraph
