"""What every kind of problem can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ...core.errors import InputError, closest
from ..selection import LOWER_IS_BETTER, MAIN, SelectionRule
from .statistics import RowStatistic, paired_lift


class Problem(ABC):
    """A kind of problem, with the names of its outputs.

    Labels and logits are arrays with one entry a row; labels are as `TrainingData.labels` holds them, logits are
    (rows, outputs), uncalibrated.

    Attributes:
        kind: its name in run.json.
        title: what an error calls it.
        problem_type: as transformers names it.
        main: the figure that `metric: main` stands for, unless the prepared data names another.
        shown: figures that a line about a fold names.
        known: figures of all outputs together.
        known_of_label: figures of one output.
        label_names: (outputs,) in the order of the logits.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    problem_type: ClassVar[str]
    main: ClassVar[str]
    shown: ClassVar[tuple[str, ...]] = ("macro_f1", "weighted_f1")
    known: ClassVar[tuple[str, ...]]
    known_of_label: ClassVar[tuple[str, ...]] = ()

    def __init__(self, label_names: Sequence[str]) -> None:
        self.label_names = [str(name) for name in label_names]

    def task(self) -> dict[str, Any]:
        """Return `task` of run.json; `problem_of_task` makes the same problem of it again."""
        return {"problem_type": self.problem_type, "kind": self.kind, "label_names": self.label_names}

    @abstractmethod
    def describe(self, labels: np.ndarray) -> dict[str, Any]:
        """Return counts of the labels, for `dataset` of run.json."""

    @abstractmethod
    def words(self, labels: np.ndarray) -> list[Any]:
        """Return (rows,) the labels as plain data, for a fingerprint."""

    @abstractmethod
    def strata(self, labels: np.ndarray, groups: Sequence[Any] | None, least: int) -> np.ndarray:
        """Return (rows,) what is to be spread evenly over folds, with `least` rows or groups of each."""

    def inner_strata(self, labels: np.ndarray, groups: Sequence[Any] | None, share: float) -> np.ndarray:
        """Return (rows,) what is to be on both sides when `share` of the rows is set aside."""
        return self.strata(labels, groups, 2 * max(round(1 / share), 2))

    @abstractmethod
    def head(self, labels: np.ndarray, weighted: bool) -> dict[str, Any]:
        """Return fields of `PooledEncoderConfig` from the labels of training rows.

        Args:
            labels: of the training rows.
            weighted: whether the recipe asks for inverse-frequency weights.
        """

    def targets(self, labels: np.ndarray) -> list[Any]:
        """Return (rows,) the labels as the loss reads them (see `classification_loss`)."""
        return labels.tolist()

    def measuring(self, *metrics: str) -> Problem:
        """Return the problem with further figures measured, as far as they are not anyhow."""
        return self

    @abstractmethod
    def statistic(self, labels: np.ndarray, logits: np.ndarray) -> RowStatistic:
        """Return the figures of rows as a function of row weights."""

    @abstractmethod
    def figures(self, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """Return `figures` as in run.json, without intervals."""

    def out_of_fold(
        self, labels: np.ndarray, logits: np.ndarray, groups: np.ndarray | None, n_resamples: int = 2000
    ) -> dict[str, Any]:
        """Return the figures of all held-out rows together, with bootstrap intervals over rows or groups."""
        figures = self.figures(labels, logits)
        if n_resamples:
            figures["intervals"] = self.statistic(labels, logits).intervals(groups, n_resamples)
        return figures

    def lift(
        self,
        labels: np.ndarray,
        logits: np.ndarray,
        baseline_logits: np.ndarray,
        groups: np.ndarray | None,
        n_resamples: int = 2000,
    ) -> dict[str, dict[str, float]]:
        """Return what a system gains over a baseline on the same rows; see `summary.lift`."""
        ours, theirs = self.statistic(labels, logits), self.statistic(labels, baseline_logits)
        found = paired_lift(ours, theirs, groups, n_resamples)
        return {name: gain for name, gain in found.items() if name in self.known or name.startswith("f1_")}

    def missed(self, label: str | None, labels: np.ndarray, logits: np.ndarray) -> dict[str, Any] | None:
        """Return what happened to one output, as `summary.missed`; None where there is no such thing."""
        return None

    @abstractmethod
    def calibrate(self, labels: np.ndarray, logits: np.ndarray, fold: np.ndarray) -> dict[str, Any] | None:
        """Return `calibration` of run.json, or None where nothing is to be calibrated."""

    @abstractmethod
    def probabilities(self, logits: np.ndarray, temperature: float) -> np.ndarray | None:
        """Return (rows, outputs) calibrated probabilities of logits, or None where outputs are numbers."""

    @abstractmethod
    def prediction_columns(self, labels: np.ndarray, logits: np.ndarray, temperature: float) -> dict[str, Any]:
        """Return the columns of predictions.parquet that follow `id` and `fold`, as lists."""

    @abstractmethod
    def fit_linear(self, features: Any, labels: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
        """Fit the baseline's linear model: `{coef (outputs, terms), intercept (outputs,), facts}`.

        Args:
            features: (rows, terms) sparse.
            labels: of the rows.
            settings: `regularization`, `class_weights` and `max_iter` of the recipe.
        """

    def align(self, other: Problem, labels: np.ndarray, name: str) -> np.ndarray:
        """Return labels of another data set in this problem's numbers.

        Args:
            other: the problem of that data.
            labels: its labels.
            name: of the data.

        Raises:
            InputError: the problems differ.
        """
        if (other.kind, other.label_names) != (self.kind, self.label_names):
            raise InputError(
                f"{name} is data of a {other.title} with {', '.join(other.label_names)}, but the model was trained for "
                f"a {self.title} with {', '.join(self.label_names)}"
            )
        return labels

    def settle(self, rule: SelectionRule, where: str, main: str | None = None) -> SelectionRule:
        """Return a rule with what this problem decides filled in, after checking that it has the figure.

        Args:
            rule: `selection` or `monitor` of a recipe.
            where: which of them.
            main: the figure that the prepared data calls its main one.

        Raises:
            InputError: the problem has no such figure, no such label, or the rule prefers the larger error.
        """
        wanted = main or self.main
        if rule.metric == MAIN:
            return self.settle(SelectionRule(wanted, None, "min" if wanted in LOWER_IS_BETTER else "max"), where)
        if rule.metric not in (*self.known, *self.known_of_label):
            paste = (
                f"{where}: {{metric: {self.main}, label: null{', mode: min' if self.main in LOWER_IS_BETTER else ''}}}"
            )
            raise InputError(
                f"{where}: a {self.title} has no figure {rule.metric!r}; it has "
                f"{', '.join((*self.known, *self.known_of_label))}. In the recipe, say: {paste}"
            )
        if (rule.mode == "min") != (rule.metric in LOWER_IS_BETTER) and rule.metric in LOWER_IS_BETTER:
            raise InputError(f"{where}: {rule.metric} is an error, the smaller the better; add mode: min")
        if rule.metric not in self.known_of_label:
            return SelectionRule(rule.metric, None, rule.mode)
        if rule.label not in self.label_names:
            hint = closest(str(rule.label), self.label_names)
            raise InputError(f"{where}: no label is called {rule.label!r}; {hint}")
        return rule
