"""Sentences about a question-answering model, made from its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .question_answering import CATEGORY, SPAN, inside_sentence, tasks_of
from .tables import count, number, plain, setting

HEADLINE = ("exact", "f1", "category_accuracy", "joint_accuracy")
# Beyond every difference of logits: a threshold that training sets where answering always was best.
ALWAYS_ANSWERS = 1000.0
POOLINGS = {
    "cls": "the first token",
    "mean": "the mean over the tokens",
    "max": "the maximum over the tokens",
    "cls_mean_concat": "the first token and the mean over the tokens",
}


def what_it_does(facts: Mapping[str, Any]) -> str:
    """Return what the model is for, in a sentence or two."""
    tasks, names = tasks_of(facts), ", ".join(map(plain, facts["task"]["label_names"]))
    if tasks == [SPAN]:
        return (
            "Finds the answer to a question in a clinical note: the exact span of the note, or that there is none. It "
            "names no category."
        )
    if tasks == [CATEGORY]:
        reads = "question and note" if reads_context(facts) else "question alone"
        return f"Names the category of the answer to a question, from the {reads}: {names}. It finds no answer."
    return (
        "Finds the answer to a question in a clinical note, as the exact span of the note or as no answer, and names "
        f"the category that the answer is of: {names}."
    )


def reads_context(facts: Mapping[str, Any]) -> bool:
    """Whether the model reads the note, or the question alone."""
    return facts["model"].get("reads_context") is not False


def headline(facts: Mapping[str, Any], figure: Callable[[str], str]) -> str:
    """Return the main figures in half a sentence.

    Args:
        facts: what run.json holds.
        figure: a figure's value as a reader sees it.
    """
    mean = facts["summary"]["mean"]
    words = [f"{inside_sentence(key)} {figure(key)}" for key in HEADLINE if key in mean]
    return ", ".join(words)[:1].upper() + ", ".join(words)[1:]


def returned(facts: Mapping[str, Any]) -> str:
    """Return what the pipeline gives back, in a sentence or two."""
    tasks = tasks_of(facts)
    parts = []
    if SPAN in tasks:
        parts.append("`answer` with `start` and `end` (`context[start:end]` is the answer, exactly), its `score`")
    if CATEGORY in tasks:
        parts.append("`category` with `category_probabilities`")
    words = f"It gives {' and '.join(parts)}" if len(parts) == 1 else f"It gives {', '.join(parts)}"
    if SPAN not in tasks:
        return words + "."
    return (
        f"{words}, `no_answer` and `no_answer_probability`. Without an answer `answer` is empty and `start` and "
        "`end` are `None`; `handle_impossible_answer=False` always gives a span, `top_k=3` the best three."
    )


def lists(facts: Mapping[str, Any]) -> str:
    """Return how many questions are asked at once."""
    return "Lists of questions and contexts are answered together; one context serves many questions."


def layers(facts: Mapping[str, Any]) -> str:
    """Return how the tasks share the encoder, in a sentence."""
    model = facts["model"]
    total, shared = model.get("num_layers"), model.get("num_shared_layers")
    if len(tasks_of(facts)) == 1:
        return f"One task over {'one encoder' if not total else f'all {total} layers'}: nothing branches."
    if total is None or shared is None:
        return ""
    if shared >= total:
        return f"All {total} layers serve both tasks (hard sharing); only the heads differ."
    branch = "the upper one branches" if total - shared == 1 else f"the upper {total - shared} branch"
    split = (
        f"The lower {shared} of {total} layers serve both tasks, {branch}" if shared else f"All {total} layers branch"
    )
    return f"{split}: a copy for each task, begun from the pretrained weights."


def heads(facts: Mapping[str, Any]) -> str:
    """Return what the heads read and how the losses are combined."""
    model, tasks = facts["model"], tasks_of(facts)
    sentences = []
    if CATEGORY in tasks:
        pooled = POOLINGS.get(model.get("category_pooling"), "the pooled text")
        if model.get("category_from") == "span":
            sentences.append(
                "The category head reads the tokens of the answer (the gold answer in training, the predicted one "
                f"afterwards), and {pooled} where there is no answer."
            )
        else:
            text = "question and context" if reads_context(facts) else "question"
            sentences.append(f"The category head reads {pooled} of the {text}.")
        if model.get("category_targets"):
            soft = model["category_targets"] == "soft"
            kind = "soft labels (probabilities over the categories)" if soft else "hard labels (the likeliest category)"
            sentences.append(f"It learns from {kind}.")
    if len(tasks) == 2:
        weights = model.get("task_weights") or {}
        listed = ", ".join(f"{name} {weights[name]:g}" for name in (SPAN, CATEGORY) if name in weights)
        if model.get("task_weighting") == "uncertainty":
            at_last = f", at the end of a fold {listed}" if listed else ""
            sentences.append(
                f"The losses are summed with weights learned as uncertainty (Kendall et al., 2018){at_last}."
            )
        elif weights:
            sentences.append(f"The losses are summed with fixed weights: {listed}.")
    return " ".join(sentences)


def windows(facts: Mapping[str, Any]) -> str:
    """Return how long notes are read, in a sentence or two."""
    model = facts["model"]
    length, stride = model.get("max_length"), model.get("doc_stride")
    if not length:
        return ""
    if not reads_context(facts):
        return f"It reads the question, up to {length} tokens."
    sentences = [f"A window holds {length} tokens, the question's included."]
    if stride is not None:
        sentences = [
            f"A note of any length is read in windows of {length} tokens, the question's included; neighbours share "
            f"{stride}."
        ]
    if model.get("max_question_length"):
        sentences.append(f"A question is cut after {model['max_question_length']} tokens.")
    if SPAN in tasks_of(facts):
        longest = model.get("max_answer_length")
        most = f" of at most {longest} tokens" if longest else ""
        sentences.append(f"The answer is the best span{most} over all windows; offsets count characters of the note.")
    return " ".join(sentences)


def no_answer(facts: Mapping[str, Any]) -> str:
    """Return when the model gives no answer, and how that was decided."""
    if SPAN not in tasks_of(facts):
        return ""
    chosen = facts.get("no_answer") or {}
    threshold = chosen.get("threshold")
    odds = "the null odds (the score of *no answer* less that of the best span)"
    if threshold is None:
        return f"No answer is given where {odds} are above 0. No threshold was chosen for it."
    rows = f"{count(chosen['rows'])} " if chosen.get("rows") else ""
    where = rows + plain(chosen.get("chosen_on") or "rows").replace("_", " ")
    if threshold >= ALWAYS_ANSWERS:
        why = f": all {where} have one, so when to give none could not be learnt" if not chosen["unanswerable"] else ""
        return f"An answer is always given{why}."
    says = f"No answer is given where {odds} are above {threshold:.4g}"
    if not chosen.get("objective"):
        return f"{says}."
    says += f", chosen for the best {inside_sentence(chosen['objective'])} on {where}"
    values = (("value", "there"), ("value_always", "by always answering"), ("value_never", "by never answering"))
    reached = [f"{number(chosen[key])} {words}" for key, words in values if chosen.get(key) is not None]
    return f"{says}: {', '.join(reached)}." if reached else f"{says}."


def no_answer_calibration(facts: Mapping[str, Any]) -> str:
    """Return how far the probability of no answer can be taken at its word."""
    found = (facts.get("no_answer") or {}).get("calibration")
    if not found:
        return ""
    name = "`no_answer_probability`"
    if facts["no_answer"].get("scale") is not None:
        name += " is a logistic function of the null odds, fitted on the rows that chose the threshold. It"
    return (
        f"{name} has an expected calibration error of {number(found['ece'])} and a Brier score of "
        f"{number(found['brier'])} on {count(found['rows'])} held-out rows, {count(found['unanswerable'])} of them "
        "without an answer."
    )


def category_calibration(facts: Mapping[str, Any]) -> str:
    """Return how the category probabilities were calibrated, and on what that was measured."""
    found, sentences = facts["calibration"], []
    if found.get("temperature"):
        sentences.append(
            f"The category logits are divided by a temperature of {number(found['temperature'])} before the softmax; "
            "it is part of the model."
        )
    if found.get("cross_fitted"):
        sentences.append(
            "Each fold's temperature was fitted on validation rows of that fold; the figures are of held-out rows, "
            "which chose no temperature"
            + (f": {count(found['rows'])} rows with one likeliest category." if found.get("rows") else ".")
        )
    return " ".join(sentences)


def figure_notes(facts: Mapping[str, Any]) -> str:
    """Return how the figures are counted."""
    tasks, notes = tasks_of(facts), []
    if SPAN in tasks:
        notes.append(
            "Exact match and F1 compare answers as SQuAD's official script does (lower case, without punctuation and "
            "articles), the best over the gold answers; an unanswerable question counts as right where no answer is "
            "given."
        )
    if CATEGORY in tasks:
        notes.append(
            "A category is right where it is the most probable one of the label, or one of those that tie. Macro F1 is "
            "the mean over the categories that occur."
        )
    if len(tasks) == 2:
        notes.append("Joint accuracy counts the rows on which the answer is exact and the category right.")
    return " ".join(notes)


def row_counts(facts: Mapping[str, Any]) -> str:
    """Return how many rows have an answer, none, or take part in the category task alone."""
    dataset = facts["dataset"]
    rows, none, unlabelled = dataset["rows"], dataset.get("unanswerable"), dataset.get("span_unlabelled") or 0
    if none is None:
        return ""
    sentence = f"{count(rows - none - unlabelled)} questions have an answer in their note, {count(none)} have none"
    sentence += f" ({none / rows:.1%})" if none else ""
    if unlabelled:
        sentence += f"; of {count(unlabelled)} no span is known, and they take part in the category task alone"
    return sentence + "."


def soft_categories(facts: Mapping[str, Any]) -> str:
    """Return how many labels are spread over several categories."""
    soft = facts["dataset"].get("soft_categories")
    if not soft:
        return ""
    return f"A row counts for its most probable category; {count(soft)} rows are labelled with several."


def preparation(facts: Mapping[str, Any]) -> str:
    """Return the options that the rows were prepared with; only those that are single words or numbers."""
    options = (facts["dataset"].get("facts") or {}).get("options") or {}
    shown = [
        f"{name.replace('_', ' ')} {setting(value)}"
        for name, value in sorted(options.items())
        if name != "source" and (isinstance(value, int | float) or (isinstance(value, str) and value.isalpha()))
    ]
    return plain("; ".join(shown))


def split_kind(facts: Mapping[str, Any]) -> str | None:
    """Return what the groups of the folds are, `note` or `template`, where the data says so.

    >>> split_kind({"dataset": {"facts": {"options": {"split": "template"}}}})
    'template'
    """
    own = facts["dataset"].get("facts") or {}
    kind = own.get("split") or (own.get("options") or {}).get("split")
    return kind if kind in ("note", "template") else None


def split_sentence(facts: Mapping[str, Any]) -> str:
    """Return what the folds keep apart, in a sentence."""
    if facts["folds"]["strategy"] != "stratified_group":
        return "Folds keep nothing apart: rows were spread one by one."
    kept = {
        "note": "Folds keep notes apart: all questions about a note stand in one.",
        "template": "Folds keep question templates apart: all questions of a template stand in one.",
    }
    return kept.get(split_kind(facts), "Folds keep the groups of the data apart: a group stands in one.")
