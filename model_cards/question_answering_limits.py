"""The limits of a question-answering model, derived from the facts of its run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .question_answering import CATEGORY, SPAN, UNLABELLED, inside_sentence, tasks_of
from .question_answering_gains import SUBJECTS, difference, verdict, without_the_note
from .question_answering_tables import source_name
from .question_answering_words import reads_context, split_kind
from .tables import count, number, plain

FEW_ROWS = 1000
FEW_ROWS_OF_A_CATEGORY = 100
FEW_CHOOSING = 200
NOTABLE_SHARE = 0.01
ADJECTIVES = {"span_only": "span-only", "category_only": "category-only"}


def synthetic(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield that the rows are made up, where they are."""
    if facts["dataset"].get("synthetic"):
        yield (
            "**Synthetic data.** Every note and question was written by a generator. The figures say nothing about "
            "real notes; this model shows how the parts work together and nothing more."
        )


def question_alone(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield that the category needs no note, or that this was not measured."""
    if CATEGORY not in tasks_of(facts) or not reads_context(facts):
        return
    theirs, ours, found = without_the_note(facts)
    if theirs is None or ours is None:
        yield (
            "**What the question gives away is not known.** The category is nearly a function of the question's "
            "template, and no baseline that reads the question alone was trained beside this model."
        )
        return
    if verdict(found) == "higher" or (verdict(found) is None and ours > theirs):
        return
    shown = f"category accuracy {number(theirs)} without the note, {number(ours)} with it"
    shown += f"; difference {difference(found)}" if verdict(found) else "; no interval was computed"
    if verdict(found) == "lower":
        yield f"**The question alone does better at the category** ({shown})."
    else:
        yield (
            f"**The question alone does as well at the category**, as far as these rows show ({shown}). Nothing shows "
            "that the note was used for it."
        )


def no_gain(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield where learning both tasks was no help, or harm; or that nothing was compared."""
    if len(tasks_of(facts)) < 2:
        return
    single, compared = facts.get("single_task") or {}, False
    for name, keys in SUBJECTS.items():
        found = (single.get(name) or {}).get("difference") or {}
        told = {key: verdict(found.get(key)) for key in keys}
        compared |= any(told.values())
        for kind, words in (
            ("lower", f"**Worse than the {ADJECTIVES[name]} model** in"),
            ("unclear", f"**No gain over the {ADJECTIVES[name]} model was shown** in"),
        ):
            named = [f"{inside_sentence(key)} ({difference(found[key])})" for key in keys if told[key] == kind]
            if named:
                yield f"{words} {' and '.join(named)}."
    if not compared:
        yield "**Multi-task gain not measured.** No single-task model was compared with this one, with intervals."


def splits(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the folds let through from training to held-out rows."""
    if facts["folds"]["strategy"] != "stratified_group":
        yield (
            "**Ungrouped folds.** Questions about one note, and questions of one template, stand in training and "
            "held-out rows at once, which flatters every figure."
        )
        return
    kind = split_kind(facts)
    if kind == "note":
        yield (
            "**Templates leak.** Folds keep notes apart, not question templates: nearly every held-out question has "
            "the form of a training question. A split that holds templates out is harder, above all for the category."
        )
    elif kind == "template":
        yield (
            "**Notes leak.** Folds keep question templates apart, not notes: held-out questions are of new forms, but "
            "about notes whose other questions were trained on."
        )
    else:
        yield (
            "**Templates may leak.** Folds keep the groups of the data apart; whether held-out questions have forms "
            "that training did not see is not on record."
        )


def weakest(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the weakest category, and categories with few rows."""
    dataset = facts["dataset"]
    own = facts["summary"]["out_of_fold"].get("per_category") or {}
    scores = {label: own[label]["f1"] for label in facts["task"]["label_names"] if own.get(label, {}).get("support")}
    if len(scores) > 1:
        label = min(sorted(scores), key=scores.__getitem__)
        yield f"**Weakest category.** {plain(label)}, with an F1 of {number(scores[label])} on all held-out rows."
    if CATEGORY not in tasks_of(facts):
        return
    few = {
        label: n
        for label in facts["task"]["label_names"]
        if (n := dataset["class_counts"].get(label, 0)) < FEW_ROWS_OF_A_CATEGORY
    }
    if few:
        listed = ", ".join(f"{plain(label)} {count(n)}" for label, n in few.items())
        yield f"**Small categories.** Fewer than {FEW_ROWS_OF_A_CATEGORY} rows: {listed}."


def labels(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the categories come from, and how many rows have none."""
    dataset = facts["dataset"]
    sources = dataset.get("category_sources") or {}
    made = sorted({part for source in sources for part in source.split("+")} - {"given"})
    if made and CATEGORY in tasks_of(facts):
        yield (
            f"**Categories by rule.** They come from {source_name('+'.join(made))}. No clinician assigned them: the "
            "category figures are agreement with those rules."
        )
    without = dataset["class_counts"].get(UNLABELLED, 0)
    if without and CATEGORY in tasks_of(facts):
        yield (
            f"**Unlabelled rows.** {count(without)} of {count(dataset['rows'])} rows ({without / dataset['rows']:.1%}) "
            "have no category; the category figures say nothing about questions of their kind."
        )


def unanswered(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield how the model does where there is no answer, and on what its threshold rests."""
    if SPAN not in tasks_of(facts):
        return
    pooled, none = facts["summary"]["out_of_fold"], facts["dataset"].get("unanswerable")
    if none == 0:
        yield (
            "**Untested on questions without an answer.** Every row has one, so what the model says where the note "
            "holds none was neither learned nor measured."
        )
    elif pooled.get("NoAns_exact") is not None:
        yield (
            f"**Questions without an answer.** Of {count(pooled['NoAns_total'])} held-out rows without an answer "
            f"{1 - pooled['NoAns_exact']:.1%} were given one all the same."
        )
    chosen = facts.get("no_answer") or {}
    if none and chosen.get("threshold") is None:
        yield "**No threshold for no answer was chosen**: none is given where that scores higher than the best span."
    elif chosen.get("rows") and chosen["rows"] < FEW_CHOOSING:
        yield f"**Few rows behind the no-answer threshold.** It was chosen on {count(chosen['rows'])} rows."


def long_answers(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield which answers the model cannot give, and what training left out for their sake."""
    if SPAN not in tasks_of(facts):
        return
    longest = facts["model"].get("max_answer_length")
    if longest:
        yield (
            f"**One span, {longest} tokens at most.** A longer answer, or one made of several parts of the note, is "
            "never given whole."
        )
    lost, cut = window_counts(facts, "lost_answers"), window_counts(facts, "cut_questions")
    if lost:
        yield (
            f"**Answers left out of training.** {count(lost)} rows have an answer that no window holds whole, so they "
            "taught no span."
        )
    if cut:
        longest = facts["model"].get("max_question_length")
        yield f"**Cut questions.** {count(cut)} rows have a question longer than {longest} tokens; its end is not read."


def window_counts(facts: Mapping[str, Any], key: str) -> int:
    """Return the largest count of any fold: folds share most of their training rows, so counts do not add up."""
    counts = [(result.get("windows") or {}).get(key) or 0 for result in facts["fold_results"]]
    return max(counts, default=0)


def few_rows(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield that there are few rows, or few notes behind them."""
    rows, groups = facts["dataset"]["rows"], facts["dataset"].get("groups")
    if rows < FEW_ROWS:
        yield f"**Few rows.** {count(rows)} questions in all: expect figures to move with the sample."
    if groups and groups < rows:
        yield (
            f"**Dependent rows.** {count(rows)} questions come in {count(groups)} groups; the intervals resample "
            "groups, and are as wide as so many groups make them."
        )


def calibration(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield whether the category probabilities can be read as shares."""
    if CATEGORY not in tasks_of(facts):
        return
    found = facts.get("calibration")
    if not found:
        yield "**Uncalibrated.** Read the category probabilities as a ranking, not as shares."
    elif found.get("ece") and found["ece"]["after"] >= found["ece"]["before"]:
        yield (
            f"**Calibration.** Temperature scaling did not lower the expected calibration error of the categories "
            f"({number(found['ece']['before'])} before, {number(found['ece']['after'])} after)."
        )
    if SPAN in tasks_of(facts):
        yield (
            "**Scores of answers.** `score` is a share among the spans considered, not the probability that the answer "
            "is right."
        )


FIRST = (synthetic, question_alone, no_gain, splits, weakest, unanswered, long_answers, labels)
LAST = (few_rows, calibration)
