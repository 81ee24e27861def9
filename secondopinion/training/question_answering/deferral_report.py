"""What a deferring model of questions comes to: predictions, plot and the `deferral` section of run.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.files import atomic_file
from ...core.run_folder import RunFolder, now
from ..qa_deferral_recipe import AnswerDeferralSpec
from ..report import read_predictions
from .deferral_figures import answer_deferral_figures
from .deferral_plot import CURVE, write_curve
from .deferral_rows import AnswerDeferralRows
from .deferral_votes import ExpertScores

KIND = "qa"
TITLES = {
    "selective": "Selective: asks where the model itself is unsure",
    "compare_confidence": "Compare-confidence: P(expert right) against P(model right), both from the answer's signals",
    "logistic": "L2D-Clinical: a logistic regression over the answer's signals",
    "network": "Network: P(expert right) − P(model right), both from a small network",
}
COLUMNS = ("deferral_score", "deferred", "expert")


def write_answer_deferral(
    run: RunFolder,
    rows: AnswerDeferralRows,
    spec: AnswerDeferralSpec,
    system: Any,
    experts: Mapping[str, ExpertScores],
    n_resamples: int,
) -> dict[str, Any]:
    """Measure the cross-fitted system and write its section of run.json, its predictions and its plot.

    Args:
        run: the run.
        rows: out-of-fold rows with experts' answers.
        spec: the recipe's section.
        system: an `AnswerDeferringSystem`.
        experts: by name.
        n_resamples: of the bootstrap.

    Returns:
        The `deferral` section.
    """
    decisions, gain, settings = system.decisions, system.gain, system.policy.settings
    figures = answer_deferral_figures(
        rows, decisions.ranks(), decisions.expert, decisions.deferred, n_resamples=n_resamples
    )
    deferral = {
        "kind": KIND,
        "made_at": now(),
        "right_by": rows.right_by,
        "policy": {
            "name": settings["policy"],
            "title": TITLES[settings["policy"]],
            "signals": settings["signals"],
            "features": system.policy.weights(),
            "settings": {
                "network_size": settings["network_size"],
                "call_cost": settings["call_cost"],
                "regularization": spec.regularization,
                "seed": spec.seed,
            },
            "declared_by": {"figure": rows.right_by, "rates": list(system.rates)},
            "candidates": system.candidates,
        },
        "experts": [expert_facts(expert, rows, place) for place, expert in enumerate(experts.values())],
        "threshold": system.threshold.as_dict(),
        "parts": system.rows,
        "fallback": {
            "used": system.alone is not None,
            "to": system.alone,
            "over": system.over,
            "reason": gain.statement,
            "gain": {key: gain.as_dict()[key] for key in ("figure", "difference", "low", "high")},
        },
        "figures": figures,
    }
    add_decisions(run, rows, decisions)
    write_curve(run.plots, figures)
    run.add_facts({"deferral": deferral}, plots=[CURVE])
    return deferral


def expert_facts(expert: ExpertScores, rows: AnswerDeferralRows, place: int) -> dict[str, Any]:
    """Return who an expert is, how much it was asked and how right its usable answers are; no text, no path.

    Args:
        expert: with all its answers.
        rows: those that count.
        place: the expert's column in them.
    """
    usable, costs = rows.usable[:, place], rows.call_costs[:, place]
    right = {name: asked[usable, place] for name, (_, asked) in rows.figures.items()}
    return {
        "name": expert.name,
        **expert.facts,
        "votes": {"asked": len(usable), "usable": int(usable.sum()), "unusable": int((~usable).sum())},
        "votes_sha1": expert.sha1,
        "cost_per_1000_usd": float(1000 * costs.mean()) if costs.any() else None,
        "alone": {name: float(values.mean()) for name, values in right.items()} if usable.any() else None,
    }


def add_decisions(run: RunFolder, rows: AnswerDeferralRows, decisions: Any) -> None:
    """Add `deferral_score`, `deferred` and `expert` to predictions.parquet; null where a row has no vote."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = {field.name for field in pq.read_schema(run.predictions_file)}
    table = pq.read_table(run.predictions_file).drop_columns([name for name in COLUMNS if name in known])
    place = {identifier: i for i, identifier in enumerate(rows.ids.tolist())}
    order = [place.get(str(identifier)) for identifier in read_predictions(run)["id"]]
    experts = np.asarray(rows.expert_names, dtype=object)[decisions.expert]
    columns = (decisions.score, decisions.deferred, experts)
    for name, values, kind in zip(COLUMNS, columns, (pa.float32(), pa.bool_(), pa.string()), strict=True):
        plain = values.tolist()
        table = table.append_column(name, pa.array([None if i is None else plain[i] for i in order], type=kind))
    with atomic_file(run.predictions_file) as temporary:
        pq.write_table(table, temporary)
