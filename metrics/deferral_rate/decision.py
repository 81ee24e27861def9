"""Figures of one decision about which rows to defer: the system's, and those it is to be held against.

Every figure depends on the rows only through how many of them share (true class, classifier's class, expert's class,
deferred), so resampled figures are had from resampled counts of these cells (see `intervals`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import bdtr

from .confusion import figure_names, nested_figures, table_figures
from .intervals import Resampler, bootstrap_test
from .rows import UNUSABLE, Rows

SYSTEMS = ("system", "classifier", "expert", "random", "oracle")
PARTS = ("classifier_on_kept", "classifier_on_deferred", "expert_on_deferred")
OPPONENTS = ("classifier", "expert", "random")
# Tables of what would happen on average: their counts are no whole numbers.
EXPECTED = ("random", "oracle")
_NOISE = 1e-12
Key = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Cells:
    """The kinds of rows that occur, and which cell each row is in."""

    n_classes: int
    of_row: np.ndarray
    gold: np.ndarray
    classifier: np.ndarray
    expert: np.ndarray
    deferred: np.ndarray

    @classmethod
    def of(cls, rows: Rows, deferred: np.ndarray) -> Cells:
        """Sort rows into cells."""
        k = len(rows.names)
        code = ((rows.gold * k + rows.classifier) * (k + 1) + rows.expert + 1) * 2 + deferred
        kinds, of_row = np.unique(code, return_inverse=True)
        rest, deferred = np.divmod(kinds, 2)
        rest, expert = np.divmod(rest, k + 1)
        gold, classifier = np.divmod(rest, k)
        return cls(k, of_row, gold, classifier, expert - 1, deferred.astype(bool))

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def answer(self) -> np.ndarray:
        """(cells,) what the system says if it defers."""
        return np.where(self.expert == UNUSABLE, self.classifier, self.expert)

    @property
    def system(self) -> np.ndarray:
        """(cells,) what the system says."""
        return np.where(self.deferred, self.answer, self.classifier)

    def tables(self) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        """Return what turns (draws, cells) counts into {who: (draws, classes, classes + 1) tables}.

        The last column counts rows without an answer. `random` is the expected table of deferring as many rows drawn
        by lot; `oracle` that of deferring as many, first those where only the expert is right, then those where it
        makes no difference to accuracy, last those where only the classifier is right; by lot within each of these.
        """
        k = self.n_classes
        by = {
            "classifier": self._spread(self.classifier),
            "expert": self._spread(np.where(self.expert == UNUSABLE, k, self.expert)),
            "answer": self._spread(self.answer),
            "system": self._spread(self.system),
        }
        gain = (self.answer == self.gold).astype(int) - (self.classifier == self.gold)

        def tabulate(counts: np.ndarray) -> dict[str, np.ndarray]:
            def table(who: str, mask: np.ndarray | None = None) -> np.ndarray:
                return (counts if mask is None else counts * mask) @ by[who]

            asked = (counts @ self.deferred)[:, None]
            total = counts.sum(axis=1, keepdims=True)
            classifier = table("classifier")
            share = asked / total
            oracle, before = classifier, 0.0
            for tier in (gain == value for value in (1, 0, -1)):
                size = (counts @ tier)[:, None]
                taken = np.clip(asked - before, 0, size) / np.maximum(size, 1)
                oracle = oracle + taken * (table("answer", tier) - table("classifier", tier))
                before = before + size
            found = {
                "system": table("system"),
                "classifier": classifier,
                "expert": table("expert"),
                "random": (1 - share) * classifier + share * table("answer"),
                "oracle": oracle,
                "classifier_on_kept": table("classifier", ~self.deferred),
                "classifier_on_deferred": table("classifier", self.deferred),
                "expert_on_deferred": table("expert", self.deferred),
            }
            return {name: flat.reshape(-1, k, k + 1) for name, flat in found.items()}

        return tabulate

    def _spread(self, said: np.ndarray) -> csr_array:
        """Return (cells, classes · (classes + 1)) that puts each cell's rows where they belong in a table."""
        width = self.n_classes * (self.n_classes + 1)
        columns = self.gold * (self.n_classes + 1) + said
        return csr_array((np.ones(len(self)), (np.arange(len(self)), columns)), shape=(len(self), width))


class Decision:
    """Figures, intervals and paired tests of the rows that were deferred.

    Args:
        rows: what is measured.
        deferred: (rows,) bool.
    """

    def __init__(self, rows: Rows, deferred: np.ndarray) -> None:
        self.rows, self.deferred = rows, deferred
        self.cells = Cells.of(rows, deferred)
        self._tabulate = self.cells.tables()
        self._counts = np.bincount(self.cells.of_row, minlength=len(self.cells))
        self._losses = self._cell_losses()
        columns = {name: at for at, name in enumerate(figure_names(rows.names))}
        self._f1 = columns["macro_f1" if rows.positive is None else f"f1_{rows.names[rows.positive]}"]
        self._columns = {"f1": self._f1} | columns
        compared = ["accuracy", "f1", "macro_f1", "weighted_f1", *(f"f1_{name}" for name in rows.names)]
        self._compared = {name: self._columns[name] for name in compared}
        self._sizes = {"classifier_on_kept": ~self.cells.deferred} | dict.fromkeys(PARTS[1:], self.cells.deferred)

    def figures(self) -> dict[str, Any]:
        """Return the figures as plain data; None for the parts of the rows that hold none."""
        asked, n = int(self.deferred.sum()), len(self.rows)
        found: dict[str, Any] = {
            "rows": n,
            "deferred_rows": asked,
            "deferral_rate": asked / n,
            "coverage": 1 - asked / n,
            "unanswered": int((self.deferred & ~self.rows.usable).sum()),
        }
        tables = self._tabulate(self._counts[None])
        for name in (*SYSTEMS, *PARTS):
            found[name] = self._nested(tables[name][0], name) if tables[name].sum() else None
        if self._losses:
            losses = (self._counts @ np.stack(list(self._losses.values()), axis=1)) / n
            found["loss"] = dict(zip(self._losses, losses.tolist(), strict=True))
            share = asked / n
            found["loss"]["random"] = (1 - share) * found["loss"]["classifier"] + share * found["loss"].pop("answer")
        return found

    def intervals(self, n_resamples: int, confidence_level: float, random_state: int | None) -> tuple[dict, dict]:
        """Return {figure: [low, high]} and {"system - opponent": {figure: {difference, low, high, p_value}}}.

        With no resamples the intervals are empty and each difference stands alone.
        """
        names, observed, low, high, p_value = self._bootstrap(n_resamples, confidence_level, random_state)
        intervals: dict[str, list[float]] = {}
        differences: dict[str, dict[str, dict[str, float]]] = {f"system - {name}": {} for name in OPPONENTS}
        for at, (owner, figure) in enumerate(names):
            if owner not in differences:
                if n_resamples:
                    intervals[f"{owner}.{figure}" if owner else figure] = [float(low[at]), float(high[at])]
            else:
                entry = {"difference": float(observed[at])}
                if n_resamples:
                    entry |= {"low": float(low[at]), "high": float(high[at]), "p_value": float(p_value[at])}
                differences[owner][figure] = entry
        return intervals, differences

    def mcnemar(self) -> dict[str, dict[str, float]]:
        """Return {"system - opponent": {only_system_right, only_opponent_right, p_value}} of accuracy."""
        right = {"system": self.cells.system == self.cells.gold}
        right["classifier"] = self.cells.classifier == self.cells.gold
        right["expert"] = self.cells.expert == self.cells.gold
        return {
            f"system - {other}": mcnemar(
                int(self._counts @ (right["system"] & ~right[other])),
                int(self._counts @ (right[other] & ~right["system"])),
                "system",
                other,
            )
            for other in ("classifier", "expert")
        }

    def _nested(self, table: np.ndarray, name: str) -> dict[str, Any]:
        names, positive = self.rows.names, self.rows.positive
        figures = nested_figures(table if name.startswith("expert") else table[:, :-1], names)
        if name in EXPECTED:
            figures.pop("confusion_matrix")
        f1 = figures["macro_f1"] if positive is None else figures["per_class"][names[positive]]["f1"]
        return {"accuracy": figures.pop("accuracy"), "f1": f1, **figures}

    def _cell_losses(self) -> dict[str, np.ndarray]:
        """Return {who: (cells,) cost of a row}; no answer costs as much as the row's worst answer."""
        if self.rows.losses is None:
            return {}
        losses, cells = self.rows.losses, self.cells
        return {
            "system": losses[cells.gold, cells.system],
            "classifier": losses[cells.gold, cells.classifier],
            "expert": np.where(
                cells.expert == UNUSABLE, losses.max(axis=1)[cells.gold], losses[cells.gold, cells.expert]
            ),
            "answer": losses[cells.gold, cells.answer],
        }

    def _bootstrap(self, n_resamples: int, level: float, seed: int | None) -> tuple[list[Key], Any, Any, Any, Any]:
        """Return the names, observed values, lower and upper ends and p-values of all resampled figures."""
        whole = self._statistic(self._counts[None])
        names = list(whole)
        blank = {name: values[0] for name, values in whole.items()}
        observed = np.array(list(blank.values()))
        if not n_resamples:
            return names, observed, observed, observed, observed

        def statistic(counts: np.ndarray) -> np.ndarray:
            return np.stack(list(self._statistic(counts, blank).values()), axis=1)

        resampler = Resampler(self.cells.of_row, len(self.cells), self.rows.groups)
        return names, *bootstrap_test(resampler, statistic, n_resamples, level, seed)

    def _statistic(self, counts: np.ndarray, blank: Mapping[Key, float] | None = None) -> dict[Key, np.ndarray]:
        """Return {(whose, figure): (draws,)}; where a draw holds no row of a part, its figures are `blank`'s."""
        total = counts.sum(axis=1)
        rate = (counts @ self.cells.deferred) / total
        tables = self._tabulate(counts)
        flat = {name: table_figures(table) for name, table in tables.items()}
        found = {("", "deferral_rate"): rate, ("", "coverage"): 1 - rate}
        for name in (*SYSTEMS, *PARTS):
            size = counts @ self._sizes[name] if name in PARTS else total
            if not (size.any() if blank is None else (name, "f1") in blank):
                continue
            for figure, at in self._columns.items():
                values, key = flat[name][:, at], (name, figure)
                found[key] = values if blank is None else np.where(size > 0, values, blank[key])
        losses = {name: counts @ loss / total for name, loss in self._losses.items()}
        if losses:
            losses["random"] = (1 - rate) * losses["classifier"] + rate * losses.pop("answer")
            found |= {("loss", name): values for name, values in losses.items()}
        for other in OPPONENTS:
            pairs = {figure: flat["system"][:, at] - flat[other][:, at] for figure, at in self._compared.items()}
            if losses:
                pairs["loss"] = losses["system"] - losses[other]
            for figure, values in pairs.items():
                found[f"system - {other}", figure] = np.where(np.abs(values) < _NOISE, 0.0, values)
        return found


def mcnemar(only_first: int, only_second: int, first: str, second: str) -> dict[str, Any]:
    """Return the discordant counts and the exact two-sided binomial p-value of McNemar's test (1947).

    >>> mcnemar(6, 0, "system", "expert")
    {'only_system_right': 6, 'only_expert_right': 0, 'p_value': 0.03125}
    """
    rows = only_first + only_second
    p_value = min(1.0, 2 * float(bdtr(min(only_first, only_second), rows, 0.5))) if rows else 1.0
    return {f"only_{first}_right": only_first, f"only_{second}_right": only_second, "p_value": p_value}
