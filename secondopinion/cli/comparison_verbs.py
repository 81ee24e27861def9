"""`compare`: what sets two runs apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion compare runs/maude_tfidf runs/maude_offline",
        "secondopinion compare runs/maude_tfidf runs/maude_offline --by year --by device_group --output gain",
        "secondopinion compare runs/before runs/after --record",
    )
)
def compare(
    first: Annotated[Path, typer.Argument(help="A run folder.")],
    second: Annotated[Path, typer.Argument(help="Another one on the same rows; differences are second minus first.")],
    data: Annotated[
        str | None, typer.Option(help="The rows, for slices and groups; where the runs found them by default.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Slices: class, length, year, or a column or field of meta (may be repeated)."),
    ] = None,
    system: Annotated[
        bool, typer.Option(help="Compare what deferring systems say, experts' answers included.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the page, the plot, the facts and which rows changed.")
    ] = None,
    record: Annotated[bool, typer.Option(help="Put it into the second run, so that its card tells of it.")] = False,
    most: Annotated[int, typer.Option(min=2, help="Values of a property at most; the others are one slice.")] = 8,
    least: Annotated[int, typer.Option(min=1, help="Rows of a slice at least.")] = 20,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Compare two runs on the rows that both predicted: paired tests, slices, and what changed for whom."""
    import json as json_module

    from ..training.comparison import compare_runs, comparison_markdown
    from .show import quiet

    quiet()
    facts = compare_runs(
        first,
        second,
        data,
        by=by,
        system=system,
        output=output,
        record=record,
        n_resamples=resamples,
        most=most,
        least=least,
    )
    typer.echo(json_module.dumps(facts, indent=2, sort_keys=True) if json else comparison_markdown(facts), nl=json)
