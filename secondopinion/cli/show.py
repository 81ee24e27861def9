"""What the verbs print."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.run_folder import RunFolder


def quiet() -> None:
    """Keep the libraries' own bars and advice off the terminal; ours say what is going on."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()


def prepared_summary(facts: dict[str, Any], output: Path) -> str:
    """Return counts of a prepared data set as text."""
    rows = facts["rows"]
    lines = [f"{rows:,} rows from {facts['read']:,} records in {output} (fingerprint {facts['fingerprint']})"]
    for label, count in facts["class_counts"].items():
        lines.append(f"  {label:<14}{count:>10,}  {count / max(rows, 1):6.1%}")
    for reason, count in sorted(facts["dropped"].items()):
        lines.append(f"  dropped: {reason}: {count:,}")
    for reason, count in sorted(facts.get("merged", {}).items()):
        lines.append(f"  in another row: {reason}: {count:,}")
    if votes := facts.get("votes"):
        alpha = votes["krippendorff_alpha"]["value"]
        lines.append(
            f"  {votes['read']:,} votes on {votes['notes']:,} notes by {len(votes['experts'])} experts; "
            f"Krippendorff's alpha {'not defined' if alpha is None else format(alpha, '.3f')}"
        )
        if votes["notes_not_in_source"]:
            lines.append(f"  voted on but not in the source: {votes['notes_not_in_source']:,} notes")
    if facts.get("groups") is not None:
        lines.append(f"  {facts['groups']:,} groups; rows of one group belong on one side of a split")
    return "\n".join(lines)


def asked_summary(asked: dict[str, dict[str, Any]]) -> str:
    """Return what experts were asked, as text."""
    lines = []
    for name, counts in asked.items():
        cost = "" if counts["cost_usd"] is None else f", ${counts['cost_usd']:.4f}"
        lines.append(f"{name}: {counts['asked']:,} votes, {counts['usable']:,} of them usable{cost} · {counts['path']}")
    return "\n".join(lines)


def results_of(
    run: RunFolder | str | os.PathLike, *others: str | os.PathLike, measured: dict[str, Any] | None = None
) -> str:
    """Return the table of a run's figures, other runs beside it, or figures `measured` on other data."""
    from ..training.question_answering.table import answers_table
    from ..training.summary import results_table

    first = run if isinstance(run, RunFolder) else RunFolder.open(run)
    facts = [measured or first.facts, *(RunFolder.open(other).facts for other in others)]
    kinds = {each["task"]["problem_type"] == "multitask_qa" for each in facts}
    if len(kinds) > 1:
        raise InputError("runs of questions and runs of classes have no figure in common; show each by itself")
    if kinds == {True}:
        return answers_table(facts)
    return results_table(facts if len(facts) > 1 else facts[0])
