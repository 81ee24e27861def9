"""The threshold on the deferral score: one object that holds it and says how it was chosen.

A row is deferred where its score is above the threshold, both in float32. Thresholds lie at the midpoint between
neighbouring scores of the choosing rows, so that rounding cannot flip a row; rows with one score are deferred together
or not at all.

**Budgets.** With n choosing rows and S a new row's score, let the threshold defer at most m of the n.

- *Expected*: by exchangeability a new score is above the (m + 1)-th highest of n others with a probability of at most
  (m + 1)/(n + 1), so m = ⌊b·(n + 1)⌋ − 1 gives an expected rate of at most b. (One row fewer than ⌊b·n⌋, or as many:
  with ⌊b·n⌋ the budget would be passed on average by half a row in n.) A cost cap is the same with each row weighing
  what its call costs: (Σ costs of deferred rows + the most a call can cost)/(n + 1) ≤ cap, which is conformal risk
  control of a loss that only grows as the threshold falls (Angelopoulos et al. 2022, theorem 1).
- *High probability*: m is the largest with P(Binomial(n, b) ≤ m) ≤ δ. Let t* be the lowest threshold whose true rate
  P(S > t*) is at most b. A chosen threshold t passes the budget only where t < t*; then every choosing row with a
  score of t* or more is deferred, so those are at most m, though each row is one of them with a probability of at
  least b: that happens with a probability of at most P(Binomial(n, b) ≤ m) ≤ δ. No assumption on the scores is made,
  ties included, and it holds for whichever threshold is chosen among those that defer at most m. For scores
  without ties it says that the rate above the k-th highest of n is Beta(k, n − k + 1) (David & Nagaraja, "Order
  Statistics", 2003, section 2.5; Vovk 2012 for conformal prediction), and it is the Clopper–Pearson bound. Costs that
  differ take the Hoeffding–Bentkus bound in place of the binomial one (Bates et al. 2021).

What an expected or high-probability statement is about: rows drawn like the choosing rows, independent of one another.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from ..core.errors import InputError
from .choice_rows import ALWAYS, ChoiceRows, finite_scores
from .tail_bounds import clopper_pearson_upper, hits_within, hoeffding_bentkus_p_value, uniform_upper
from .threshold_rule import Mode, ThresholdRule

__all__ = ["ALWAYS", "ChoiceRows", "Threshold", "ThresholdRule", "choose_threshold", "top_k"]

_DECIMALS = 12


@dataclass(frozen=True)
class Threshold:
    """A threshold and how it was chosen.

    Attributes:
        value: rows with a score above it are deferred; None defers none, `ALWAYS` (the lowest float32) all.
        rule: what it was chosen by.
        rate: share of the choosing rows that it defers.
        rate_bound: upper bound for the rate on rows of the same kind, with a probability of 1 − delta.
        rows: number of choosing rows.
        backend: what computed the scores (`torch`, `onnx`, …).
        dtype: in which they were computed.
        reason: one sentence with the numbers.
    """

    value: float | None
    rule: ThresholdRule
    rate: float
    rate_bound: float
    rows: int
    backend: str
    dtype: str
    reason: str

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Return (n,) bool: whether each row is deferred.

        Args:
            scores: (n,) deferral scores.

        Raises:
            InputError: a score is not a finite number.
        """
        scores = finite_scores(scores)
        return np.zeros(len(scores), dtype=bool) if self.value is None else scores > np.float32(self.value)

    def require_same(self, backend: str, dtype: str) -> None:
        """Refuse scores that were computed in another way than those that the threshold was chosen on.

        Raises:
            InputError: backend or dtype differ.
        """
        if (backend, dtype) != (self.backend, self.dtype):
            raise InputError(
                f"the threshold was chosen on scores of {self.backend} in {self.dtype}, these come from {backend} in "
                f"{dtype}: scores near the threshold can fall on its other side. Choose and certify it anew on scores "
                f"of {backend} in {dtype}, or run {self.backend} in {self.dtype}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return what run.json records."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Threshold:
        """Return the threshold that `as_dict` wrote.

        Raises:
            InputError: something is missing or does not belong there.
        """
        names = {field.name for field in fields(cls)}
        if set(stored) != names:
            wrong = sorted(set(stored) ^ names)
            raise InputError(f"threshold: {', '.join(wrong)} missing or unknown; expected {', '.join(sorted(names))}")
        try:
            return cls(**{**stored, "rule": ThresholdRule(**stored["rule"])})
        except TypeError as error:
            raise InputError(f"threshold: its rule does not fit this version ({error})") from None


def choose_threshold(
    rule: ThresholdRule,
    rows: ChoiceRows,
    *,
    backend: str = "torch",
    dtype: str = "float32",
    candidates: int = 1,
) -> Threshold:
    """Apply the rule to the choosing rows.

    Args:
        rule: the declared rule.
        rows: the choosing part: rows that fitted neither the classifier nor the policy.
        backend: what computed the scores.
        dtype: in which they were computed.
        candidates: how many policies are tried on these rows with a high-probability budget, of which one is kept
            by what the rows say: each then gets delta/candidates (Bonferroni).

    Raises:
        InputError: the rule does not fit the rows, or its risk is out of reach.

    >>> scores = np.arange(19) / 19
    >>> rows = ChoiceRows(scores, list("abcdefghijklmnopqrs"), [0] * 19, [0] * 19, [0] * 19)
    >>> chosen = choose_threshold(ThresholdRule(budget=0.2), rows)
    >>> int(chosen.decide(scores).sum())
    3
    """
    if candidates < 1:
        raise InputError(f"threshold: candidates is {candidates}; it counts the policies tried, at least 1")
    delta = rule.delta / candidates
    allowed, most = within_caps(rule, rows, delta)
    place, why = _choose(rule, rows, allowed)
    return threshold_at(place, rule, rows, most, delta, backend=backend, dtype=dtype, why=why)


def within_caps(rule: ThresholdRule, rows: ChoiceRows, delta: float) -> tuple[np.ndarray, int | None]:
    """Return (blocks + 1,) which of `rows.counts` the rule's budgets allow, and how many rows that is at most.

    The number is None where nothing but the rows themselves limits it.
    """
    n = len(rows)
    most = None if rule.budget is None or rule.budget >= 1 else rows_within(rule.budget, n, rule.mode, delta)
    allowed = rows.counts <= (n if most is None else most)
    if rule.cost_budget_usd_per_1000 is not None:
        affordable, constant = _affordable(rule, rows, delta)
        allowed &= affordable
        most = min((number for number in (most, constant) if number is not None), default=None)
    return allowed, most


def threshold_at(
    place: int,
    rule: ThresholdRule,
    rows: ChoiceRows,
    most: int | None,
    delta: float,
    *,
    backend: str,
    dtype: str,
    why: str = "",
) -> Threshold:
    """Return the threshold that defers `rows.counts[place]` rows, at most `most`, both from `within_caps`."""
    n, count, value = len(rows), int(rows.counts[place]), rows.value_at(int(rows.counts[place]))
    if value is None:
        bound = 0.0
    else:  # a number of rows fixed beforehand has the sharper bound
        bound = uniform_upper(count / n, n, delta) if most is None else clopper_pearson_upper(most, n, delta)
    title = rule.title[0].upper() + rule.title[1:]
    reason = f"{title}: of {n:,} rows {count:,} ({100 * count / n:.2f}%) are deferred{why}"
    if rows.call_costs.any():
        reason += f", at ${1000 * rows.running(rows.call_costs)[place] / n:.4g} per 1,000 texts"
    if 0 < bound < 1:
        reason += f"; the true rate is at most {100 * bound:.2f}% with probability {1 - delta:.4g}"
    return Threshold(value, rule, count / n, bound, n, backend, dtype, reason + ".")


def rows_within(budget: float, n: int, mode: Mode, delta: float) -> int:
    """Return the most of n choosing rows that a threshold may defer, derived at the top of this file.

    >>> rows_within(0.1, 1000, "expected", 0.1), rows_within(0.1, 1000, "high_probability", 0.1)
    (99, 87)
    >>> rows_within(0.1, 20, "high_probability", 0.1)
    0
    """
    if budget >= 1:
        return n
    if mode == "expected":
        return max(0, int(np.floor(round(budget * (n + 1), 9))) - 1)
    return max(0, hits_within(budget, n, delta))


def top_k(scores: np.ndarray, ids: Sequence[str], k: int) -> np.ndarray:
    """Return (n,) bool that marks exactly the k highest scores.

    Of tied rows those whose id has the lower SHA-1 come first, so the choice depends on neither row order nor luck.

    Args:
        scores: (n,) deferral scores.
        ids: (n,) unique ids.
        k: how many rows, 0 to n.

    Raises:
        InputError: k is out of range, or a score is not finite.

    >>> top_k(np.array([0.5, 0.9, 0.5]), ["a", "b", "c"], 2).tolist()
    [False, True, True]
    """
    scores = finite_scores(scores)
    if len(ids) != len(scores):
        raise InputError(f"threshold: {len(scores)} scores but {len(ids)} ids; give one a row")
    if not 0 <= k <= len(scores):
        raise InputError(f"threshold: {k} of {len(scores)} rows cannot be chosen; give 0 to {len(scores)}")
    digests = np.array(
        [hashlib.sha1(str(identifier).encode("utf-8", "surrogatepass")).hexdigest() for identifier in ids]
    )
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[np.lexsort((digests, -scores))[:k]] = True
    return chosen


def _affordable(rule: ThresholdRule, rows: ChoiceRows, delta: float) -> tuple[np.ndarray, int | None]:
    """Return (blocks + 1,) which of `rows.counts` keep the cost cap, and for one constant cost the most rows."""
    n, cap, spend = len(rows), rule.cost_budget_usd_per_1000 / 1000, rows.running(rows.call_costs)
    seen = float(rows.call_costs.max())
    bound = seen if rule.call_cost_bound_usd is None else rule.call_cost_bound_usd
    if seen > bound:
        raise InputError(
            f"threshold: a call cost ${seen:.6g}, more than call_cost_bound_usd {bound:.6g}; give a bound that every "
            "call keeps (price × the most tokens of a call)"
        )
    if bound <= cap:
        return np.ones(len(rows.counts), dtype=bool), None
    if (rows.call_costs == bound).all():
        most = rows_within(cap / bound, n, rule.mode, delta)
        return rows.counts <= most, most
    if rule.mode == "expected":
        return (rows.counts == 0) | ((spend + bound) / (n + 1) <= cap * (1 + 1e-12)), None
    if cap == 0:
        return spend == 0, None
    return (rows.counts == 0) | (hoeffding_bentkus_p_value(spend / bound, n, cap / bound) <= delta), None


def _choose(rule: ThresholdRule, rows: ChoiceRows, allowed: np.ndarray) -> tuple[int, str]:
    """Return the place in `rows.counts` that the rule chooses, and what it reached there, in words."""
    if rule.kind in ("budget", "cost"):
        return int(np.flatnonzero(allowed)[-1]), ""
    risks = rows.risks()
    if rule.kind == "target_risk":
        # Sums of float losses differ from the exact risk by rounding; an error that is the target meets it.
        reached = allowed & (risks <= rule.target_risk + 1e-12)
        if not reached.any():
            best = int(np.flatnonzero(allowed)[risks[allowed].argmin()])
            lowest, share = math.ceil(1e4 * risks[best]) / 1e4, rows.counts[best] / len(rows)
            raise InputError(
                f"threshold: no threshold reaches a risk of {rule.target_risk:.4g} on {len(rows):,} rows; the lowest "
                f"is {lowest:.4f}, with {100 * share:.2f}% of them deferred. Ask for a higher target_risk, allow a "
                "larger budget, or use a better expert"
            )
        place = int(np.flatnonzero(reached)[0])
        return place, f", where the risk is {risks[place]:.4f} (never deferring: {risks[0]:.4f})"
    if rule.objective == "expected_cost":
        scale = 1.0 if rows.loss_matrix is None else rows.loss_matrix.max()
        shown = risks * scale + rule.call_price * rows.counts / len(rows)
        gain, name = -shown, "the mean cost of an answer"
    else:
        positive = None if rule.positive_label is None else rows.class_index(rule.positive_label)
        gain = shown = rows.f1(positive)
        name = "the F1"
    # argmax takes the first of equals, which defers the fewest rows.
    place = int(np.where(allowed, np.round(gain, _DECIMALS), -np.inf).argmax())
    return place, f", where {name} is {shown[place]:.4f} (never deferring: {shown[0]:.4f})"
