"""`adopt`: a model that was trained elsewhere becomes a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example

_TOLD = "What is told of it"


@app.command(
    epilog=example(
        "secondopinion adopt out/severity --data data/held_out",
        "secondopinion adopt out/severity --data data/maude --rows test_ids.txt --run runs/severity",
        "secondopinion adopt out/severity --data data/split --trained-on data/split --base-model my-team/encoder",
        "secondopinion adopt my-team/severity --revision v2 --data data/held_out --labels Death,Injury,Other",
    )
)
def adopt(
    checkpoint: Annotated[
        str, typer.Argument(help="Folder that Trainer.save_model or save_pretrained wrote, or a model on the Hub.")
    ],
    data: Annotated[
        str, typer.Option(help="Prepared folder, or a data set on the Hub, with rows it was never trained on.")
    ],
    run: Annotated[
        Path | None,
        typer.Option("--run", "--output", "-o", help="Run folder; runs/<its name> by default."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data; test, or the only one, by default.")] = None,
    config: Annotated[str | None, typer.Option(help="Configuration of the data, where it has several.")] = None,
    rows: Annotated[
        Path | None, typer.Option(help="File with the ids of the rows it was never trained on, one a line.")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="In place of it: the number in the data's column 'fold' that marks them.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="What its outputs are, in their order, with commas; where it does not name them.")
    ] = None,
    trained_on: Annotated[
        str | None, typer.Option(help="What it was trained on, if at hand: rows that occur there are left out.")
    ] = None,
    trained_split: Annotated[str | None, typer.Option(help="Its split; train, or the only one, by default.")] = None,
    metric: Annotated[str, typer.Option(help="Main figure, such as macro_f1 or auc.")] = "main",
    label: Annotated[str | None, typer.Option(help="A class whose missed rows are told of.")] = None,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens a text is cut to; what model and tokenizer hold by default.")
    ] = None,
    base_model: Annotated[
        str | None, typer.Option(help="The encoder's name on the Hub.", rich_help_panel=_TOLD)
    ] = None,
    base_license: Annotated[
        str | None, typer.Option(help="The encoder's licence, as the Hub spells it.", rich_help_panel=_TOLD)
    ] = None,
    license: Annotated[str | None, typer.Option(help="Licence, as the Hub spells it.", rich_help_panel=_TOLD)] = None,
    description: Annotated[str, typer.Option(help="One sentence for the card.", rich_help_panel=_TOLD)] = "",
    training_notes: Annotated[
        Path | None, typer.Option(help="YAML file with what you say of the training.", rich_help_panel=_TOLD)
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the Hub.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that lies beside the model.")] = False,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples for intervals.")] = 2000,
) -> None:
    """Measure a classifier that was trained elsewhere, and make it a run: with a card, published, compared."""
    from ..training.adoption import adopt as measure
    from .show import quiet, results_of

    quiet()
    done = measure(
        checkpoint,
        data,
        run,
        split=split,
        config=config,
        rows=rows,
        fold=fold,
        labels=None if labels is None else labels.split(","),
        metric=metric,
        label=label,
        max_length=max_length,
        trained_on=trained_on,
        trained_split=trained_split,
        training_notes=training_notes,
        base_model=base_model,
        base_license=base_license,
        license=license,
        description=description,
        revision=revision,
        trust_remote_code=trust_remote_code,
        resamples=resamples,
    )
    typer.echo(results_of(done))
    typer.echo(f"\nrun folder: {done.path}\npublish it: secondopinion push {done.path} --to namespace/name")
