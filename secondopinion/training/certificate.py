"""Risk certified against the truth: a statement about new rows that fails in at most a share δ of all samples.

Learn then test (Angelopoulos, Bates, Candès, Jordan & Lei 2021, "Learn then Test: calibrating predictive algorithms to
achieve risk control"): "the system's risk is above the level" is a hypothesis, and rows that chose nothing test it.
The system's error rises and falls with the threshold, so conformal risk control, which needs a monotone risk, does not
apply. The p-value is exact for errors (binomial tail) and Hoeffding–Bentkus for losses in [0, 1]. Several thresholds
are tested in a sequence fixed on the choosing rows, each at the full δ up to the first that fails (Bauer 1991).

Where rows come in groups (sentences of one abstract, near-duplicates of one report) they are not independent draws, but
the groups are. Then the mean loss of a group is one observation in [0, 1], n is the number of groups, and the risk that
is certified is the mean over groups, each counting once whatever its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ..core.errors import InputError
from .choice_rows import ChoiceRows
from .gain import Gain, better_single, gain_holds
from .tail_bounds import (
    binomial_p_value,
    clopper_pearson_upper,
    hoeffding_bentkus_p_value,
    hoeffding_bentkus_upper,
    mapie,
)
from .threshold import Threshold, threshold_at, within_caps
from .threshold_rule import ThresholdRule

__all__ = ["Certificate", "Gain", "better_single", "certify", "certify_sequence", "gain_holds"]


@dataclass(frozen=True)
class Certificate:
    """What is certified about a system's risk, or that nothing is at this level.

    Attributes:
        kind: `learn_then_test`.
        test: `exact binomial` or `Hoeffding-Bentkus`.
        risk: what is bounded, in words.
        level: the bound asked for.
        delta: how often the statement may fail.
        measured: mean loss on the certifying rows (over groups where there are any).
        p_value: of "the risk is above the level".
        upper_bound: the smallest level that this test would certify at delta.
        rows: certifying rows.
        units: independent observations: rows, or groups.
        rate: share of the certifying rows that the threshold defers.
        unanswered: deferred rows without a usable vote, where the classifier's class stands.
        backend: what computed the scores; the certificate is void for another.
        dtype: in which they were computed.
        holds: whether the level is certified.
        statement: one or two sentences with the numbers.
    """

    kind: str
    test: str
    risk: str
    level: float
    delta: float
    measured: float
    p_value: float
    upper_bound: float
    rows: int
    units: int
    rate: float
    unanswered: int
    backend: str
    dtype: str
    holds: bool
    statement: str

    def as_dict(self) -> dict[str, Any]:
        """Return what run.json records."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Certificate:
        """Return the certificate that `as_dict` wrote.

        Raises:
            InputError: something is missing or does not belong there.
        """
        wrong = sorted(set(stored) ^ {field.name for field in fields(cls)})
        if wrong:
            raise InputError(f"certificate: {', '.join(wrong)} missing or unknown; certify anew with this version")
        return cls(**stored)

    def require_same(self, backend: str, dtype: str) -> None:
        """Refuse to speak for scores that were computed in another way.

        Raises:
            InputError: backend or dtype differ.
        """
        if (backend, dtype) != (self.backend, self.dtype):
            raise InputError(
                f"the certificate is for scores of {self.backend} in {self.dtype}, these come from {backend} in "
                f"{dtype}; certify anew on scores of {backend} in {dtype}, or run {self.backend} in {self.dtype}"
            )


def certify(
    threshold: Threshold,
    rows: ChoiceRows,
    *,
    level: float,
    delta: float = 0.1,
    loss: str | np.ndarray | None = None,
    groups: Sequence[Any] | None = None,
) -> Certificate:
    """Test whether the system with this threshold keeps its risk at or below the level.

    Args:
        threshold: chosen on other rows.
        rows: the certifying part; nothing about the classifier, the policy or the threshold may come from it.
        level: of the risk, between 0 and 1.
        delta: how often the statement may fail.
        loss: `error`, or a (K, K) cost matrix, scaled by its largest entry; the rows' own matrix when left out (errors
            where they have none).
        groups: (rows,) what makes rows depend on one another.

    Raises:
        InputError: level or delta is out of range, or the groups do not fit.

    >>> from secondopinion.training.threshold import choose_threshold
    >>> rows = ChoiceRows(np.arange(40), list(map(str, range(40))), [1] * 40, [1] * 40, [1] * 40)
    >>> chosen = choose_threshold(ThresholdRule(budget=0.2), rows)
    >>> certify(chosen, rows, level=0.1).holds, certify(chosen, rows, level=0.01).holds
    (True, False)
    """
    _require_share("level", level)
    _require_share("delta", delta)
    rows = _with_loss(rows, loss)
    deferred = threshold.decide(rows.scores)
    total, n, exact = _evidence(threshold, rows, groups)
    p_value = _p_value(total, n, exact, level)
    upper = clopper_pearson_upper(round(total), n, delta) if exact else hoeffding_bentkus_upper(total, n, delta)
    risk = "the system's error" if rows.loss_matrix is None else "the system's mean cost as a share of the costliest"
    if groups is not None:
        risk += ", averaged over groups"
    holds, measured, what = bool(p_value <= delta), total / n, f"{n:,} {'rows' if groups is None else 'groups'}"
    asked, there = f"{100 * level:.4g}%", f"there {100 * measured:.2f}%"
    if holds:
        statement = (
            f"With probability {1 - delta:.4g} {risk} is at most {asked} on rows like the {what} that tested it "
            f"({there}, upper bound {_percent_up(upper)})"
        )
    else:
        statement = (
            f"No certificate at this level: {asked} as {risk} is not shown with probability {1 - delta:.4g}; the "
            f"smallest level that the {what} support is {_percent_up(upper)} ({there})"
        )
    return Certificate(
        kind="learn_then_test",
        test="exact binomial" if exact else "Hoeffding-Bentkus",
        risk=risk,
        level=level,
        delta=delta,
        measured=measured,
        p_value=p_value,
        upper_bound=upper,
        rows=len(rows),
        units=n,
        rate=float(deferred.mean()),
        unanswered=int((deferred & (rows.expert < 0)).sum()),
        backend=threshold.backend,
        dtype=threshold.dtype,
        holds=holds,
        statement=f"{statement}, for scores of {threshold.backend} in {threshold.dtype}.",
    )


def certify_sequence(
    rule: ThresholdRule,
    choosing: ChoiceRows,
    certifying: ChoiceRows,
    *,
    groups: Sequence[Any] | None = None,
    backend: str = "torch",
    dtype: str = "float32",
    grid: int = 50,
) -> tuple[Threshold, Certificate]:
    """Find the threshold that defers the fewest rows and still has its risk certified.

    The choosing rows fix the sequence: from the threshold with the lowest risk among those the rule's budgets allow
    down to never deferring. The certifying rows test one after the other at the rule's delta and stop at the first that
    fails; every threshold before it is certified, and the last of them defers the fewest rows.

    Args:
        rule: `target_risk`, whose target is the level and whose delta may fail; a budget in it is a cap.
        choosing: rows that order the thresholds.
        certifying: rows that test them.
        groups: (certifying rows,) what makes rows depend on one another.
        backend: what computed the scores.
        dtype: in which they were computed.
        grid: the most thresholds in the sequence.

    Returns:
        The threshold with its certificate; where the first threshold fails that one, with a certificate that does not
        hold and names the level that would.

    Raises:
        InputError: the rule is of another kind, or the target is 0 or 1.
    """
    if rule.kind != "target_risk":
        raise InputError(f"certificate: rule kind is {rule.kind!r}; a sequence needs target_risk: 0.05 say")
    _require_share("level", rule.target_risk)
    if grid < 1:
        raise InputError(f"certificate: grid is {grid}; at least 1 threshold is tested, 50 say")
    control_fwer = mapie("fwer_control").control_fwer

    allowed, most = within_caps(rule, choosing, rule.delta)
    start = int(np.where(allowed, np.round(choosing.risks(), 12), np.inf).argmin())
    places = np.unique(np.linspace(0, start, min(grid, start + 1)).round().astype(int))[::-1]

    def at(place: int, why: str = "") -> Threshold:
        return threshold_at(place, rule, choosing, most, rule.delta, backend=backend, dtype=dtype, why=why)

    p_values = [_p_value(*_evidence(at(int(place)), certifying, groups), rule.target_risk) for place in places]
    passed = control_fwer(np.array(p_values), rule.delta, "fixed_sequence")
    last = int(passed[-1]) if len(passed) else 0
    why = (
        f", the fewest of {len(places)} thresholds that are certified"
        if len(passed)
        else ", where the risk is lowest, but not certified"
    )
    chosen = at(int(places[last]), why)
    return chosen, certify(chosen, certifying, level=rule.target_risk, delta=rule.delta, groups=groups)


def _with_loss(rows: ChoiceRows, loss: str | np.ndarray | None) -> ChoiceRows:
    """Return the rows with the loss that is to be certified."""
    if loss is None:
        return rows
    if isinstance(loss, str) and loss != "error":
        raise InputError(f"certificate: loss is {loss!r}; give 'error', a (K, K) cost matrix, or leave it out")
    return replace(rows, loss_matrix=None if isinstance(loss, str) else loss)


def _require_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"certificate: {name} is {value}; it lies between 0 and 1, {name}: 0.05 say")


def _evidence(threshold: Threshold, rows: ChoiceRows, groups: Sequence[Any] | None) -> tuple[float, int, bool]:
    """Return the sum of the independent losses in [0, 1], their number, and whether each of them is 0 or 1."""
    losses = rows.losses(rows.answers(threshold.decide(rows.scores)))
    if groups is not None:
        losses = _group_means(losses, groups)
    # Summed in ascending order the total is the same whatever the rows' order.
    return float(np.sort(losses).sum()), len(losses), rows.loss_matrix is None and len(losses) == len(rows)


def _p_value(total: float, n: int, exact: bool, level: float) -> float:
    if exact:
        return binomial_p_value(round(total), n, level)
    return float(hoeffding_bentkus_p_value(total, n, level)[0])


def _group_means(losses: np.ndarray, groups: Sequence[Any]) -> np.ndarray:
    """Return (groups,) the mean of each group's losses."""
    groups = np.asarray(groups)
    if len(groups) != len(losses):
        raise InputError(f"certificate: {len(losses)} rows but {len(groups)} groups; give one group a row")
    group = np.unique(groups, return_inverse=True)[1]
    ascending = np.argsort(losses, kind="stable")
    return np.bincount(group[ascending], weights=losses[ascending]) / np.bincount(group)


def _percent_up(share: float) -> str:
    """Return a share in percent, rounded up so that the level it states is one that holds."""
    return f"{math.ceil(1e4 * share) / 100:.2f}%"
