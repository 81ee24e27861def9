"""The limits of a model, derived from the facts of its run: what was measured decides what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import question_answering_limits
from .deferral_limits import deferral_limits
from .licences import forbids_commerce
from .long_context_words import training_limits
from .problem_words import gives_numbers
from .question_answering import answers_questions
from .tables import count, figure_name, number, plain

FEW_ROWS = 1000
FEW_ROWS_OF_A_CLASS = 100
NOTABLE_TRUNCATION = 0.01


def derive_limits(facts: dict[str, Any]) -> list[str]:
    """Return one sentence or two for each limit that the facts show, the gravest kinds first.

    Args:
        facts: what run.json holds.
    """
    rules = QUESTION_RULES if answers_questions(facts) else RULES
    return [sentence for rule in rules for sentence in rule(facts)]


def _synthetic(facts: dict[str, Any]) -> Iterator[str]:
    if facts["dataset"].get("synthetic"):
        yield (
            "**Synthetic data.** Every training text was written by a generator. The figures say nothing about "
            "real reports; this model shows how the parts work together and nothing more."
        )


def _elsewhere(facts: dict[str, Any]) -> Iterator[str]:
    origin = facts.get("origin")
    if not origin:
        return
    told = "**Trained elsewhere.** Its training was not seen here; which texts it learned from is its owner's word"
    if trained_on := origin.get("trained_on"):
        found = trained_on["overlap"]
        told += (
            f". The held-out rows were compared with the {count(trained_on['rows'])} that it is said to have learned "
            f"from: {count(found['left_out'])} of {count(found['compared'])} occur there too, or nearly so, and were "
            "left out."
        )
    else:
        told += ", and nothing could be compared with it: had it seen the rows that it was measured on, the figures "
        told += "would flatter it."
    yield told


def _missed(facts: dict[str, Any]) -> Iterator[str]:
    missed = facts.get("missed")
    if missed and missed["missed"]:
        share = missed["missed"] / missed["total"]
        yield (
            f"**Missed {plain(missed['label'])}.** {count(missed['missed'])} of {count(missed['total'])} rows of "
            f"class {plain(missed['label'])} ({share:.1%}) were given another class when they were held out."
        )


def _weakest_class(facts: dict[str, Any]) -> Iterator[str]:
    mean = facts["summary"]["mean"]
    scores = {label: mean[f"f1_{label}"] for label in facts["task"]["label_names"] if f"f1_{label}" in mean}
    if len(scores) < 2:
        return
    weakest = min(sorted(scores), key=scores.__getitem__)
    yield (
        f"**Weakest class.** {plain(weakest)}, with a mean F1 of {number(scores[weakest])}; "
        f"macro F1 is {number(mean['macro_f1'])}."
    )


def _no_lift(facts: dict[str, Any]) -> Iterator[str]:
    baseline = facts.get("baseline")
    if not baseline:
        return
    unclear = [
        figure_name(key)
        for key, lift in sorted(baseline["lift"].items())
        if key in facts["summary"]["mean"] and lift["low"] <= 0 <= lift["high"]
    ]
    worse = [figure_name(key) for key, lift in sorted(baseline["lift"].items()) if lift["high"] < 0]
    if worse:
        yield f"**Below the baseline** ({plain(baseline['name'])}) in: {'; '.join(worse)}."
    if unclear:
        yield f"**Not clearly different from the baseline** ({plain(baseline['name'])}) in: {'; '.join(unclear)}."


def _epoch_cap(facts: dict[str, Any]) -> Iterator[str]:
    results = [result for result in facts["fold_results"] if result.get("peaked_at_cap") is not None]
    peaked = [result for result in results if result["peaked_at_cap"]]
    if peaked:
        cap = peaked[0]["epoch_cap"]
        yield (
            f"**Trained briefly.** {len(peaked)} of {len(results)} trained folds were at their best in the last "
            f"epoch allowed (epoch {cap}): longer training might have been better."
        )


def _folds_not_trained(facts: dict[str, Any]) -> Iterator[str]:
    folds = facts["folds"]
    trained = len(folds["trained"])
    if trained < folds["n_splits"]:
        which = ", ".join(map(str, folds["trained"]))
        yield (
            f"**Incomplete cross-validation.** {trained} of {folds['n_splits']} folds "
            f"{'was' if trained == 1 else 'were'} trained (fold {which}): the figures rest on "
            f"{'that part' if trained == 1 else 'those parts'} of the data alone"
            + (", and there is no spread over folds." if trained == 1 else ".")
        )


def _ungrouped(facts: dict[str, Any]) -> Iterator[str]:
    if facts.get("origin"):
        return
    if facts["folds"]["strategy"] == "given":
        yield (
            "**Given folds.** The data itself says which rows are held out; nothing here kept near-duplicate texts "
            "together, and those on both sides would flatter the figures."
        )
    elif facts["folds"]["strategy"] != "stratified_group":
        yield (
            "**Ungrouped folds.** Near-duplicate texts may stand in training and held-out rows at once, "
            "which flatters the figures."
        )


def _span(facts: dict[str, Any]) -> Iterator[str]:
    span = facts["dataset"].get("date_range")
    if facts["dataset"].get("synthetic"):
        return
    if facts.get("origin"):
        measured = f"from {span[0]} to {span[1]}" if span and all(span) else "of no stated date"
        yield f"**Time.** It was measured on texts {measured}; what it learned from is not known here."
        return
    if span and all(span):
        yield (f"**Time.** The training data runs from {span[0]} to {span[1]}; what came later may read differently.")
    else:
        yield "**Time.** The training data states no dates, so its span is not known."


def _few_rows(facts: dict[str, Any]) -> Iterator[str]:
    rows = facts["dataset"]["rows"]
    if rows < FEW_ROWS:
        yield f"**Few rows.** {count(rows)} rows in all: expect figures to move with the sample."
    small = {k: n for k, n in facts["dataset"].get("class_counts", {}).items() if n < FEW_ROWS_OF_A_CLASS}
    if small:
        counts = ", ".join(f"{label} {count(n)}" for label, n in sorted(small.items()))
        yield f"**Small classes.** Fewer than {FEW_ROWS_OF_A_CLASS} rows: {counts}."


def _truncation(facts: dict[str, Any]) -> Iterator[str]:
    model = facts["model"]
    length, end = model.get("max_length"), "last" if model.get("truncation_side") == "left" else "first"
    shares = [result.get("truncated_share") for result in facts["fold_results"]]
    shares = [share for share in shares if share is not None]
    if length and shares and max(shares) >= NOTABLE_TRUNCATION:
        yield (
            f"**Long texts.** Only the {end} {count(length)} tokens are read; {max(shares):.1%} of the training "
            "texts reach that length."
        )


def _label_noise(facts: dict[str, Any]) -> Iterator[str]:
    dataset = facts["dataset"]
    if dataset.get("facts", {}).get("label_noise") and not dataset.get("synthetic"):
        yield (
            "**Labels.** They are what the source filed, not what a reviewer decided; the label-noise counts "
            "under *Data* show how often other evidence disagrees with them."
        )


def _calibration(facts: dict[str, Any]) -> Iterator[str]:
    calibration = facts.get("calibration")
    if gives_numbers(facts):
        yield "**No uncertainty.** The model gives a number and does not say how far off it may be."
        return
    if not calibration:
        yield "**Uncalibrated.** The probabilities are not calibrated: read them as a ranking, not as shares."
        return
    ece, advised = calibration["ece"], calibration.get("advised")
    if advised:
        yield (
            f"**Uncalibrated.** The probabilities are as the model came, expected calibration error "
            f"{number(ece['before'])}: read them as a ranking rather than as shares."
        )
        return
    if ece["after"] >= ece["before"]:
        yield (
            f"**Calibration.** Temperature scaling did not lower the expected calibration error "
            f"({number(ece['before'])} before, {number(ece['after'])} after)."
        )
    if calibration.get("cross_fitted") is False:
        yield (
            "**Calibration.** The temperature was fitted on the rows it is measured on, so the error after "
            "calibration is a little too low."
        )


def _non_commercial(facts: dict[str, Any]) -> Iterator[str]:
    licences = {"encoder": facts["model"].get("base_license"), "data": facts["dataset"]["policy"].get("licence")}
    found = [f"{whose} ({own})" for whose, own in licences.items() if forbids_commerce(str(own).lower())]
    if found:
        yield f"**Not for commercial use**, by the licence of the {' and of the '.join(found)}."


RULES: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    _synthetic,
    _elsewhere,
    deferral_limits,
    _missed,
    _weakest_class,
    _no_lift,
    _folds_not_trained,
    _epoch_cap,
    _ungrouped,
    _span,
    _few_rows,
    _truncation,
    training_limits,
    _label_noise,
    _calibration,
    _non_commercial,
)
QUESTION_RULES: tuple[Callable[[dict[str, Any]], Iterator[str]], ...] = (
    *question_answering_limits.FIRST,
    _folds_not_trained,
    _epoch_cap,
    _span,
    *question_answering_limits.LAST,
    _non_commercial,
)
