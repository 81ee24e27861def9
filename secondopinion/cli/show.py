"""What the verbs print."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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
    if facts.get("groups") is not None:
        lines.append(f"  {facts['groups']:,} groups of near-duplicates and shared events")
    return "\n".join(lines)


def results_of(
    run: RunFolder | str | os.PathLike, *others: str | os.PathLike, measured: dict[str, Any] | None = None
) -> str:
    """Return the table of a run's figures, other runs beside it, or figures `measured` on other data."""
    from ..training.summary import results_table

    first = run if isinstance(run, RunFolder) else RunFolder.open(run)
    facts = [measured or first.facts, *(RunFolder.open(other).facts for other in others)]
    return results_table(facts if len(facts) > 1 else facts[0])
