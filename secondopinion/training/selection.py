"""Which fold's model is published: a rule declared before training, and the reason, written down at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from secondopinion.metrics.confusion import PER_CLASS, flatten

from ..core.errors import InputError, closest
from ..core.run_folder import now

MAIN = "main"
LOWER_IS_BETTER = ("mae", "rmse")
# Figures of the whole; which of them there are is for the kind of problem, see `problems`.
FIGURE_TITLES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "micro_f1": "micro F1",
    "auc": "AUC",
    "linear_kappa": "linear kappa",
    "unweighted_kappa": "unweighted kappa",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "pearson": "Pearson correlation",
    "r_smape": "R-SMAPE",
}
_WORDS = {"f1": "F1", "precision": "precision", "recall": "recall"}
_DECIMALS = 12


@dataclass(frozen=True)
class SelectionRule:
    """What decides between the folds.

    Attributes:
        metric: a figure of one class (`f1`, `precision`, `recall`, with `label`) or of all (`macro_f1`,
            `weighted_f1`, `micro_f1`, `accuracy`, and what the kind of problem has besides: `auc`, `linear_kappa`,
            `unweighted_kappa`; `mae`, `rmse`, `r2`, `pearson`, `r_smape` of a regression). `main` is the figure that
            the prepared data names as its own, else the kind of problem's first.
        label: the class that a figure of one class is about. Beside a figure of all classes it decides
            nothing, but its recall and its missed rows are reported with the choice.
        mode: `max` or `min`.

    Raises:
        InputError: the metric is unknown, or lacks its label.

    >>> SelectionRule().figure, SelectionRule(metric="macro_f1", label=None).title
    ('f1_Death', 'macro F1')
    """

    metric: str = "f1"
    label: str | None = "Death"
    mode: Literal["max", "min"] = "max"

    def __post_init__(self) -> None:
        if self.mode not in ("max", "min"):
            raise InputError(f"selection: mode is {self.mode!r}; give max or min")
        if self.metric not in (*PER_CLASS, *FIGURE_TITLES, MAIN):
            hint = closest(self.metric, (*PER_CLASS, *FIGURE_TITLES, MAIN))
            raise InputError(f"selection: unknown metric {self.metric!r}; {hint}")
        if self.metric in PER_CLASS and not self.label:
            raise InputError(f"selection: metric {self.metric!r} is of one class; name it, label: Death say")

    @property
    def figure(self) -> str:
        """The flat name of the figure, as in `flatten`."""
        return f"{self.metric}_{self.label}" if self.metric in PER_CLASS else self.metric

    @property
    def title(self) -> str:
        """The figure in words."""
        return (
            f"{self.label} {_WORDS[self.metric]}"
            if self.metric in PER_CLASS
            else FIGURE_TITLES.get(self.metric, self.metric)
        )

    def require(self, label_names: Sequence[str]) -> None:
        """Check that the label is one of the data's, before anything is trained.

        Raises:
            InputError: it is not.
        """
        if self.label is not None and self.label not in label_names:
            raise InputError(f"selection: no class is called {self.label!r}; {closest(self.label, label_names)}")

    def value(self, figures: Mapping[str, Any]) -> float:
        """Return the figure that the rule looks at.

        Args:
            figures: what `per_class_figures` returned, or its flat form.

        Raises:
            InputError: the figures do not hold it (another label, say), or it is not a number.
        """
        flat = flatten(figures)
        if self.figure not in flat:
            known = [name.removeprefix("f1_") for name in flat if name.startswith("f1_")]
            if self.metric in PER_CLASS and self.label not in known:
                raise InputError(f"selection: no class is called {self.label!r}; {closest(str(self.label), known)}")
            raise InputError(f"selection: the figures lack {self.figure!r}; {closest(self.figure, flat)}")
        if not math.isfinite(flat[self.figure]):
            raise InputError(f"selection: {self.figure} is {flat[self.figure]}; the fold was not measured properly")
        return flat[self.figure]


def select(rule: SelectionRule, fold_results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Apply the rule and say why.

    The fold with the best value wins. Values equal to twelve decimals are a tie, which goes to the fold with the
    higher recall of the rule's label, then with the higher macro F1, then with the lower number.

    Args:
        rule: the declared rule.
        fold_results: one `{fold, figures}` for each trained fold, figures nested or flat; other keys are
            ignored.

    Returns:
        `selection` of run.json: `{rule, fold, value, runner_up, reason, decided_at, ranking}`.

    Raises:
        InputError: there is no fold, a fold repeats, or a fold lacks the rule's figure.

    >>> folds = [{"fold": 1, "figures": {"macro_f1": 0.7}}, {"fold": 2, "figures": {"macro_f1": 0.8}}]
    >>> chosen = select(SelectionRule(metric="macro_f1", label=None), folds)
    >>> chosen["fold"], chosen["runner_up"]
    (2, {'fold': 1, 'value': 0.7})
    >>> chosen["reason"]
    'Fold 2 has the highest macro F1 of 2 folds, 0.8000, ahead of fold 1 with 0.7000.'
    """
    if not fold_results:
        raise InputError("selection: no fold is trained yet, so there is nothing to choose from")
    numbers = [int(result["fold"]) for result in fold_results]
    if len(set(numbers)) != len(numbers):
        raise InputError(f"selection: folds {sorted(numbers)} repeat; give each fold once")
    figures = {int(result["fold"]): result["figures"] for result in fold_results}
    values = {fold: rule.value(figures[fold]) for fold in figures}
    sign = 1 if rule.mode == "max" else -1

    def order(fold: int) -> tuple[float, float, float, int]:
        flat = flatten(figures[fold])
        recall, macro = flat.get(f"recall_{rule.label}", 0.0), flat.get("macro_f1", 0.0)
        return (-round(sign * values[fold], _DECIMALS), -recall, -macro, fold)

    ranking = sorted(figures, key=order)
    best, second = ranking[0], ranking[1] if len(ranking) > 1 else None
    return {
        "rule": asdict(rule),
        "fold": best,
        "value": values[best],
        "runner_up": None if second is None else {"fold": second, "value": values[second]},
        "reason": _reason(rule, best, second, values, figures),
        "decided_at": now(),
        "ranking": [{"fold": fold, "value": values[fold]} for fold in ranking],
    }


def _reason(
    rule: SelectionRule,
    best: int,
    second: int | None,
    values: Mapping[int, float],
    figures: Mapping[int, Mapping[str, Any]],
) -> str:
    """Return one sentence with the numbers that decided, and those that stand beside them."""
    if second is None:
        sentence = f"Fold {best} is the only fold trained; its {rule.title} is {values[best]:.4f}"
    else:
        extreme = "highest" if rule.mode == "max" else "lowest"
        tied = round(values[best], _DECIMALS) == round(values[second], _DECIMALS)
        sentence = f"Fold {best} has the {extreme} {rule.title} of {len(values)} folds, {values[best]:.4f}, "
        sentence += (
            f"a tie with fold {second} that recall, then macro F1, then the fold's number decided"
            if tied
            else f"ahead of fold {second} with {values[second]:.4f}"
        )
    beside = _beside(rule, figures[best])
    leader = _macro_leader(rule, best, figures)
    return sentence + (f"; {beside}" if beside else "") + (f"; {leader}" if leader else "") + "."


def _beside(rule: SelectionRule, figures: Mapping[str, Any]) -> str:
    """Return what happened to the rule's class in the chosen fold, where the figures tell."""
    recall = flatten(figures).get(f"recall_{rule.label}")
    if recall is None:
        return ""
    text = f"its {rule.label} recall is {recall:.4f}"
    matrix = figures.get("confusion_matrix")
    if matrix and rule.label in matrix["labels"]:
        place = matrix["labels"].index(rule.label)
        row = matrix["counts"][place]
        text += f" ({sum(row) - row[place]} of {sum(row)} missed)"
    return text


def _macro_leader(rule: SelectionRule, best: int, figures: Mapping[int, Mapping[str, Any]]) -> str:
    """Return which fold leads on macro F1 where that is another one, so that the choice is seen to be one."""
    macro = {fold: flatten(value).get("macro_f1") for fold, value in figures.items()}
    if rule.metric == "macro_f1" or None in macro.values():
        return ""
    leader = max(sorted(macro), key=lambda fold: macro[fold])
    if round(macro[leader], _DECIMALS) == round(macro[best], _DECIMALS):
        return ""
    return f"fold {leader} leads on macro F1 ({macro[leader]:.4f} against {macro[best]:.4f})"
