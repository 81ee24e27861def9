"""What a deferring system comes to: figures, curve, predictions and the `deferral` section of run.json."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.files import atomic_file
from ..core.run_folder import RunFolder, now
from .deferral_recipe import DeferralSpec
from .deferral_rows import vote_classes, vote_costs
from .joint_policy import TrainedPolicy
from .policy_fitting import DeferralRows
from .report import read_predictions

TITLES = {
    "selective": "Selective: asks where the classifier itself is unsure",
    "compare_confidence": "Compare-confidence: P(expert right | text) against the classifier's own confidence",
    "logistic": "L2D-Clinical: a logistic regression over uncertainty and traits of the text",
    "network": "Network: P(expert right) − P(classifier right), both from a small network",
    "two_stage": "Two-stage surrogate over the fixed classifier (Mao et al. 2023)",
    "ce": "Cross-entropy surrogate (Mozannar and Sontag 2020)",
    "rs": "Realizable surrogate (Mozannar et al. 2023)",
    "ova": "One-versus-all surrogate (Verma and Nalisnick 2022)",
    "asm": "Asymmetric-softmax surrogate (Cao et al. 2023)",
}
N_RESAMPLES = 2000


def write_deferral(
    run: RunFolder,
    rows: DeferralRows,
    spec: DeferralSpec,
    system: Any,
    asked: Mapping[str, Any],
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Any]:
    """Measure the cross-fitted system and write its section of run.json, its predictions and its plots.

    Args:
        run: the run.
        rows: out-of-fold rows with votes.
        spec: the recipe's section.
        system: a `DeferringSystem`.
        asked: expert → votes, with the facts of who gave them.
        n_resamples: of the bootstrap.

    Returns:
        The `deferral` section.
    """
    decisions = system.decisions
    vote = rows.votes[np.arange(len(rows)), decisions.expert]
    decided = (decisions.deferred, decisions.expert)
    figures = system_figures(rows, spec, decisions.ranks(), vote, *decided, system.losses, n_resamples)
    figures |= published_scores(rows, spec, system, vote, figures["curve"])
    threshold, certificate, gain = system.threshold, system.certificate, system.gain
    config, trained_along = system.policy.config, isinstance(system.policy, TrainedPolicy)
    deferral = {
        "made_at": now(),
        "policy": {
            "name": config.policy,
            "title": TITLES[config.policy],
            "trained_along": trained_along,
            "features": system.policy.weights(),
            "settings": {
                "signals": config.signals,
                "traits": config.traits,
                "token_weights": config.token_weights,
                "embedding": config.embedding,
                "network_size": config.network_size,
                "mc_dropout_samples": config.mc_dropout_samples,
                "regularization": None if trained_along else spec.regularization,
                "seed": spec.seed,
            },
            "forwards_per_text": config.forwards_per_text,
            "declared_by": {"figure": spec.declare_by, "rates": list(system.rates)},
            "candidates": system.candidates,
        },
        "experts": [expert_facts(name, j, rows, spec, asked[name]) for j, name in enumerate(rows.expert_names)],
        "agreement": experts_agreement(rows),
        "threshold": threshold.as_dict(),
        "certificate": None if certificate is None else certificate.as_dict(),
        "parts": system.parts.facts(),
        "fallback": {
            "used": system.alone is not None,
            "to": system.alone,
            "over": system.over,
            "reason": gain.statement,
            "gain": {key: gain.as_dict()[key] for key in ("figure", "difference", "low", "high")},
        },
        "losses": {
            "kind": spec.losses.kind,
            "missed": spec.losses.missed,
            "matrix": np.round(system.losses, 6).tolist(),
            "per_call": spec.losses.per_call,
        },
        "positive_label": spec.positive_label,
        "figures": figures,
    }
    write_system_predictions(run, rows, decisions)
    run.add_facts({"deferral": deferral}, plots=write_deferral_plots(run, figures))
    return deferral


def system_figures(
    rows: DeferralRows,
    spec: DeferralSpec,
    score: np.ndarray,
    vote: np.ndarray,
    deferred: np.ndarray,
    expert: np.ndarray,
    losses: np.ndarray,
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Any]:
    """Return what `metrics/deferral_rate` says of a system.

    Args:
        rows: the rows.
        spec: the recipe's section.
        score: (rows,) deferral scores.
        vote: (rows,) class of the vote that would be taken; −1 where it is unusable.
        deferred: (rows,) bool.
        expert: (rows,) number of the expert that would be asked.
        losses: (classes, classes); its costs are figures where mistakes differ.
        n_resamples: of the bootstrap.
    """
    from ..metrics.deferral_rate.deferral_rate import deferral_figures

    costs = rows.call_costs[np.arange(len(rows)), expert]
    return deferral_figures(
        rows.gold.tolist(),
        rows.classifier.tolist(),
        [None if said < 0 else said for said in vote.tolist()],
        deferral_scores=score,
        deferred=deferred,
        label_names=rows.label_names,
        positive_label=spec.positive_label,
        ids=rows.ids.tolist(),
        groups=rows.groups,
        call_costs=costs if costs.any() else None,
        loss_matrix=losses.tolist() if spec.losses.missed else None,
        n_resamples=n_resamples,
    )


def measure_system(
    deferral: Mapping[str, Any],
    data: Any,
    label_names: list[str],
    said: Mapping[str, np.ndarray],
    votes: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the figures of a published system on other data.

    Args:
        deferral: the section of run.json.
        data: the rows.
        label_names: (classes,).
        said: the system's `logits`, `deferral_score`, `deferred` and `expert`, (rows, …) each.
        votes: expert → votes for the rows, in the order of the system's experts.
    """
    from ..metrics.deferral_rate.deferral_rate import deferral_figures

    ids, rows = data.ids.tolist(), np.arange(len(data.ids))
    classes = np.stack([vote_classes(v.rows, ids, label_names) for v in votes.values()], axis=1)
    costs = np.stack([vote_costs(v.rows, ids) for v in votes.values()], axis=1)[rows, said["expert"]]
    place = [label_names.index(name) for name in data.label_names]
    return deferral_figures(
        np.array(place)[data.labels].tolist(),
        said["logits"].argmax(axis=1).tolist(),
        [None if vote < 0 else vote for vote in classes[rows, said["expert"]].tolist()],
        deferral_scores=said["deferral_score"],
        deferred=said["deferred"],
        label_names=label_names,
        positive_label=deferral["positive_label"],
        ids=ids,
        groups=data.groups,
        call_costs=costs if costs.any() else None,
        loss_matrix=deferral["losses"]["matrix"] if deferral["losses"]["missed"] else None,
        n_resamples=N_RESAMPLES,
    )


def experts_agreement(rows: DeferralRows) -> dict[str, Any] | None:
    """Return how far several experts agree: Krippendorff's α over the rows, None for one expert."""
    if len(rows.expert_names) < 2:
        return None
    from ..experts import Vote, krippendorff_alpha

    votes = [
        Vote(identifier, name, None if said < 0 else rows.label_names[said])
        for name, column in zip(rows.expert_names, rows.votes.T.tolist(), strict=True)
        for identifier, said in zip(rows.ids.tolist(), column, strict=True)
    ]
    return {"krippendorff_alpha": krippendorff_alpha(votes, rows.label_names)}


def published_scores(
    rows: DeferralRows, spec: DeferralSpec, system: Any, vote: np.ndarray, curve: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parts of the figures that are about the published policy's own scores, on rows that it did not see.

    Args:
        rows: out-of-fold rows.
        spec: the recipe's section.
        system: a `DeferringSystem`.
        vote: (rows,) class of the vote that would be taken.
        curve: of the cross-fitted system.

    Returns:
        `reliability`, and `curve` with the threshold at each of its rates.
    """
    own = np.flatnonzero(system.decisions.fold == system.published)
    part, score = rows.take(own), system.decisions.score[own]
    decided = (system.decisions.deferred[own], system.decisions.expert[own])
    figures = system_figures(part, spec, score, vote[own], *decided, system.losses, n_resamples=0)
    falling = np.sort(score.astype(np.float64))[::-1]
    thresholds: list[float | None] = []
    for rate in curve["rate"]:
        place = round(rate * len(falling))
        inside = 0 < place < len(falling)
        thresholds.append(float(falling[place - 1] + falling[place]) / 2 if inside else None)
    return {"reliability": figures["reliability"], "curve": {**curve, "threshold": {"policy": thresholds}}}


def expert_facts(name: str, place: int, rows: DeferralRows, spec: DeferralSpec, votes: Any) -> dict[str, Any]:
    """Return who an expert is, what it was asked and how right it is; no text, no path.

    Args:
        name: of the expert.
        place: its column in `rows.votes`.
        rows: the rows.
        spec: the recipe's section.
        votes: its votes with their facts.
    """
    from ..metrics.per_class_f1.per_class_f1 import per_class_figures

    column = rows.votes[:, place]
    usable = column >= 0
    facts = votes.facts
    figures = per_class_figures(
        rows.gold[usable].tolist(),
        column[usable].tolist(),
        range(len(rows.label_names)),
        rows.label_names,
        n_resamples=500,
        groups=None if rows.groups is None else rows.groups[usable].tolist(),
    )
    costs = rows.call_costs[:, place]
    return {
        "name": name,
        "kind": facts.get("kind", "recorded"),
        "model": public_name(facts.get("model")),
        "prompt_name": facts.get("prompt_name"),
        "prompt_version": facts.get("prompt_version"),
        "prompt_sha1": facts.get("prompt_sha1"),
        "prompt_texts": facts.get("prompt_texts"),
        "remote": bool(facts.get("remote", False)),
        "votes": {"asked": len(column), "usable": int(usable.sum()), "unusable": int((~usable).sum())},
        "votes_sha1": votes_sha1(votes),
        "cost_per_1000_usd": float(1000 * costs.mean()) if costs.any() else None,
        "alone": figures,
    }


def write_deferral_plots(run: RunFolder, figures: Mapping[str, Any]) -> list[str]:
    """Draw the deferral curve and, where the score predicts something, its reliability; return the files' names."""
    from ..metrics.deferral_rate.plots import plot_deferral_curve, plot_reliability

    run.plots.mkdir(parents=True, exist_ok=True)
    names = ["deferral_curve.png"]
    plot_deferral_curve(figures, run.plots / names[0])
    if any((figures.get("reliability") or {}).values()):
        names.append("deferral_reliability.png")
        plot_reliability(figures, run.plots / names[1])
    return names


def votes_sha1(votes: Any) -> str:
    """Return the SHA-1 of an expert's votes, whatever their order: of each row's id and label."""
    digest = hashlib.sha1()
    for vote in sorted(votes.rows, key=lambda vote: vote.id):
        digest.update(f"{vote.id}\t{vote.label}\n".encode())
    return digest.hexdigest()


def public_name(model: Any) -> str | None:
    """Return a model's name without the folders of this machine."""
    if model is None:
        return None
    name = str(model)
    return name.rstrip("/").rsplit("/", 1)[-1] if name.startswith(("/", "~", ".")) else name


def write_system_predictions(run: RunFolder, rows: DeferralRows, decisions: Any) -> None:
    """Add the system's columns to predictions.parquet; null where a row has no votes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = read_predictions(run).drop(
        columns=["deferral_score", "deferred", "expert", "expert_label", "final_label"], errors="ignore"
    )
    names = np.asarray(rows.label_names, dtype=object)
    vote = rows.votes[np.arange(len(rows)), decisions.expert]
    said = np.where(vote >= 0, names[vote], None)
    own = names[rows.classifier]
    final = np.where(decisions.deferred & (vote >= 0), said, own)
    place = {identifier: i for i, identifier in enumerate(rows.ids.tolist())}
    order = [place.get(identifier) for identifier in table["id"].astype(str)]

    def column(values: np.ndarray, kind: pa.DataType) -> pa.Array:
        plain = values.tolist()
        return pa.array([None if i is None else plain[i] for i in order], type=kind)

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for name, values, kind in (
        ("deferral_score", decisions.score, pa.float32()),
        ("deferred", decisions.deferred, pa.bool_()),
        ("expert", np.asarray(rows.expert_names, dtype=object)[decisions.expert], pa.string()),
        ("expert_label", said, pa.string()),
        ("final_label", final, pa.string()),
    ):
        arrow = arrow.append_column(name, column(values, kind))
    with atomic_file(run.predictions_file) as temporary:
        pq.write_table(arrow, temporary)
