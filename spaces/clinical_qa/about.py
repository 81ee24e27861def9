"""What was published of the model: its figures beside those of single-task models, and its limits."""

from __future__ import annotations

from typing import Any

import look
from severity.readers import Published

FIGURES = {
    "f1": "Answer F1",
    "exact": "Answer, exact match",
    "HasAns_f1": "F1 where there is an answer",
    "NoAns_f1": "Right where there is none",
    "category_accuracy": "Category accuracy",
    "category_macro_f1": "Category macro F1",
    "joint_accuracy": "Answer and category right",
}
ALONE = {"span_only": "span alone", "category_only": "category alone", "question_only": "question alone"}


def about(published: Published) -> str:
    """Return figures and limits of the published model, from its run.json and its card."""
    warning = ""
    if published.synthetic:
        warning = look.notice(
            "calm",
            "Trained on synthetic notes.",
            "They were written by a generator; these figures say nothing about real notes.",
        )
    limits = published.limits or ("The card of this model states no limits: take every answer as unverified.",)
    items = "".join(f"<li>{look.strong(item)}</li>" for item in limits)
    return (
        f'<div class="so qa-about">{warning}'
        f'<section class="so-card"><h2>How well it does</h2>{figures(published.facts)}</section>'
        f'<section class="so-card"><h2>Limits</h2><ul class="so-list qa-limits">{items}</ul></section></div>'
    )


def figures(facts: dict[str, Any]) -> str:
    """Return the out-of-fold figures as a table, with those of single-task models on the same rows.

    Args:
        facts: run.json.
    """
    ours = (facts.get("summary") or {}).get("out_of_fold") or {}
    names = {name: title for name, title in FIGURES.items() if ours.get(name) is not None}
    if not names:
        return '<p class="so-note">No figures were published with this model: it has no run.json.</p>'
    alone = {
        title: (facts.get("single_task") or {}).get(name, {}).get("figures", {})
        for name, title in ALONE.items()
        if (facts.get("single_task") or {}).get(name)
    }
    heads = "".join(f'<th scope="col">{title.capitalize()}</th>' for title in alone)
    rows = "".join(
        f'<tr><th scope="row">{title}</th><td>{_cell(ours, name)}</td>'
        f"{''.join(f'<td>{_cell(theirs, name, interval=False)}</td>' for theirs in alone.values())}</tr>"
        for name, title in names.items()
    )
    said = "Out of fold; 95% intervals."
    if alone:
        said += " The other columns are models that were trained for one task, on the same rows."
    return (
        f'<table class="so-figures"><thead><tr><th scope="col">Figure</th><th scope="col">This model</th>{heads}</tr>'
        f'</thead><tbody>{rows}</tbody></table><p class="so-note">{said}</p>'
    )


def _cell(figures: dict[str, Any], name: str, interval: bool = True) -> str:
    value = figures.get(name)
    if value is None:
        return "–"
    low_high = (figures.get("intervals") or {}).get(name)
    shown = f" <small>{low_high[0]:.3f}–{low_high[1]:.3f}</small>" if interval and low_high else ""
    return f"{value:.3f}{shown}"
