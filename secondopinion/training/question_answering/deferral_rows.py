"""From a run's out-of-fold answers and experts' to the rows that a policy is fitted on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...core.run_folder import RunFolder
from ...modeling.qa_signals import CATEGORY_SIGNALS, SPAN_SIGNALS, known_signals, stack_signals
from ..choice_rows import ChoiceRows
from ..deferral_parts import require_out_of_fold
from ..folds import Folds
from ..report import read_predictions
from .data import QuestionAnsweringData
from .deferral_votes import STORED, ExpertScores, figures_of


@dataclass(frozen=True)
class AnswerDeferralRows:
    """Out-of-fold answers beside experts', with what a policy reads of each row.

    Attributes:
        ids: (rows,) strings.
        fold: (rows,) the fold each row was held out in.
        groups: (rows,) what must not straddle parts.
        features: (rows, features) float32, columns named by `feature_names`.
        figures: {figure: ((rows,) of the model's answer, (rows, experts) of the system's after asking)}, 0 to 1.
        right_by: the figure that policies are fitted to.
        usable: (rows, experts) whether the expert's answer is; the model's stands where it is not.
        call_costs: (rows, experts) US dollars.
        expert_names: (experts,).
        feature_names: (features,) of `qa_signals.ANSWER_SIGNALS`.
    """

    ids: np.ndarray
    fold: np.ndarray
    groups: np.ndarray
    features: np.ndarray
    figures: dict[str, tuple[np.ndarray, np.ndarray]]
    right_by: str
    usable: np.ndarray
    call_costs: np.ndarray
    expert_names: list[str]
    feature_names: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def right(self) -> np.ndarray:
        """(rows,) how right the model is."""
        return self.figures[self.right_by][0]

    @property
    def asked(self) -> np.ndarray:
        """(rows, experts) how right the system is after asking."""
        return self.figures[self.right_by][1]

    def take(self, rows: np.ndarray) -> AnswerDeferralRows:
        """Return some of the rows."""
        columns = ("ids", "fold", "groups", "features", "usable", "call_costs")
        return dataclasses.replace(
            self,
            **{name: getattr(self, name)[rows] for name in columns},
            figures={name: (own[rows], asked[rows]) for name, (own, asked) in self.figures.items()},
        )

    def choice_rows(self, score: np.ndarray, expert: np.ndarray) -> AnswerChoiceRows:
        """Return the rows as a threshold reads them.

        Args:
            score: (rows,) deferral scores.
            expert: (rows,) number of the expert that would be asked.
        """
        rows = np.arange(len(self))
        return AnswerChoiceRows(score, self.ids, self.right, self.asked[rows, expert], self.call_costs[rows, expert])


class AnswerChoiceRows(ChoiceRows):
    """Rows on which a threshold is chosen, whose answers are right to a degree: the risk is 1 − the mean of it.

    Args:
        scores: (rows,) deferral scores.
        ids: (rows,) unique ids.
        right: (rows,) how right the model is, 0 to 1.
        asked: (rows,) how right the system is after asking.
        call_costs: (rows,) US dollars.

    >>> rows = AnswerChoiceRows(np.array([0.9, 0.1]), ["a", "b"], np.zeros(2), np.ones(2), np.zeros(2))
    >>> rows.risks().tolist()
    [1.0, 0.5, 0.0]
    """

    def __init__(
        self, scores: np.ndarray, ids: np.ndarray, right: np.ndarray, asked: np.ndarray, call_costs: np.ndarray
    ) -> None:
        no_class = np.zeros(len(scores), dtype=np.int64)
        super().__init__(scores, list(ids), no_class, no_class, no_class, call_costs=call_costs)
        object.__setattr__(self, "right", right)
        object.__setattr__(self, "asked", asked)

    def risks(self) -> np.ndarray:
        """Return (blocks + 1,) one less the mean rightness of the system at each of `counts`."""
        ordered = self.right[self.order].sum() + self.running(self.asked - self.right)
        return 1.0 - ordered / len(self)


def gather_answers(
    run: RunFolder, data: QuestionAnsweringData, experts: Mapping[str, ExpertScores], right_by: str
) -> AnswerDeferralRows:
    """Return the labelled out-of-fold rows of a run that every expert was asked about.

    Args:
        run: a finished run of a model that answers questions.
        data: what it was trained on.
        experts: by name.
        right_by: `f1` or `exact`; a model without spans goes by its category.

    Raises:
        InputError: a prediction is not out of fold, or there is no row that every expert was asked about.
    """
    tasks = run.facts["task"]["tasks"]
    figures = figures_of(tasks)
    table = read_predictions(run)
    require_out_of_fold(table["id"].astype(str).tolist(), table["fold"].tolist(), Folds.load(run.folds_file))
    asked = set.intersection(*(set(expert.ids.tolist()) for expert in experts.values()))
    table = table[table[STORED[figures[0]]].notna() & table["id"].astype(str).isin(asked)]
    if not len(table):
        raise InputError(
            f"no labelled out-of-fold row of {run.path} has an answer of every expert ({', '.join(experts)}); ask them "
            "about the rows of predictions.parquet"
        )
    ids = table["id"].astype(str).to_numpy(dtype=object)
    places = [expert.places(ids.tolist()) for expert in experts.values()]
    usable = np.stack([e.usable[p] for e, p in zip(experts.values(), places, strict=True)], axis=1)
    scores = {}
    for figure in figures:
        own = table[STORED[figure]].astype(float).to_numpy()
        theirs = np.stack([e.right[figure][p] for e, p in zip(experts.values(), places, strict=True)], axis=1)
        scores[figure] = (own, np.where(usable, theirs, own[:, None]))
    row = {identifier: place for place, identifier in enumerate(data.ids.tolist())}
    names = known_signals(tasks)
    return AnswerDeferralRows(
        ids=ids,
        fold=table["fold"].to_numpy(),
        groups=data.groups[[row[identifier] for identifier in ids.tolist()]],
        features=stack_signals(signals_of(table, tasks), names),
        figures=scores,
        right_by=right_by if right_by in figures else figures[0],
        usable=usable,
        call_costs=np.stack([e.costs[p] for e, p in zip(experts.values(), places, strict=True)], axis=1),
        expert_names=list(experts),
        feature_names=list(names),
    )


def signals_of(table: Any, tasks: list[str]) -> dict[str, np.ndarray]:
    """Return the signals of predictions.parquet by the names that a policy knows them by.

    Args:
        table: as `read_predictions` returns it.
        tasks: of the model.
    """
    columns: dict[str, np.ndarray] = {}
    if "span" in tasks:
        columns["answer_probability"] = table["score"].to_numpy()
        columns["no_answer"] = table["prediction_start"].to_numpy() < 0
        columns |= {name: table[name].to_numpy() for name in SPAN_SIGNALS if name not in columns}
    if "category" in tasks:
        shares = np.stack(table["category_probabilities"].to_numpy())
        columns |= dict(zip(CATEGORY_SIGNALS, (table["category_entropy"].to_numpy(), shares.max(axis=1)), strict=True))
    return columns
