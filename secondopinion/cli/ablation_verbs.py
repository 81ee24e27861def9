"""`ablate`: what each piece of a recipe brings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion ablate --config recipes/dragon_offline.yaml --data data/long_cases --seed 13 --seed 14",
        "secondopinion ablate --config recipes/dragon_offline.yaml --data data/long_cases --variant first-experiments",
        "secondopinion ablate --config R.yaml --data D --variant single --variant leave-one-out --baseline B.yaml",
        "secondopinion ablate --config R.yaml --data D --factor context=model.max_length:512->1024",
    )
)
def ablate(
    config: Annotated[str, typer.Option(help="Recipe with all factors on: a YAML file, or a shipped one's name.")],
    data: Annotated[str | None, typer.Option(help="Prepared folder, or a data set on the Hub.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder; runs/<name of the recipe>-ablation by default.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Recipe with all factors off; the published baseline's settings by default.")
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(help="name=model.max_length:1024, or :512->1024 with the baseline's value (may be repeated)."),
    ] = None,
    factors: Annotated[Path | None, typer.Option(help="YAML file of factors: name: {key: [without, with]}.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="Which to train (may be repeated): single (baseline, each factor alone, all together; the default), "
            "leave-one-out, first-experiments, or names such as context-only, full, overfit-15-epochs."
        ),
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of the trainings (may be repeated).")] = None,
    fold: Annotated[list[int] | None, typer.Option(help="Train this fold only (may be repeated).")] = None,
    positive: Annotated[
        str | None, typer.Option(help="Class that precision, recall, F1 and false positives are about.")
    ] = None,
    length_split: Annotated[int, typer.Option(help="Texts up to so many tokens, and above, by themselves.")] = 400,
) -> None:
    """Train variants of a recipe on the same folds and say what each of its pieces brings. Run it again to continue."""
    from ..core.errors import InputError
    from ..training.ablation import ablate as run
    from ..training.ablation import ablation_markdown
    from ..training.ablation.factors import parse_factors, read_factors
    from .show import quiet

    quiet()
    given = read_factors(factors) if factors else {}
    for name, settings in parse_factors(factor or []).items():
        if name in given:
            raise InputError(f"factor {name!r} is in {factors} and on the command line; keep one")
        given[name] = settings
    facts = run(
        config,
        data,
        output,
        baseline=baseline,
        factors=given,
        variants=variant or ("single",),
        seeds=seed,
        folds=fold,
        positive=positive,
        length_split=length_split,
    )
    typer.echo(ablation_markdown(facts), nl=False)
