"""`score`: what a trained model says of cases, in the benchmark's form or as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion score --model runs/dragon_offline --input nlp-test-dataset.json "
        "--output nlp-predictions-dataset.json",
        "secondopinion score --model runs/dragon_offline --input Task101_Example_sl_bin_clf-fold0 --split validation "
        "--output said.csv",
        "secondopinion score --model my-team/long-cases --input notes.parquet --output said.parquet",
    )
)
def score(
    model: Annotated[
        str, typer.Option(help="A run folder (its selected fold), a model's folder, or a model on the Hub.")
    ],
    input: Annotated[
        str,
        typer.Option(
            help="The folder of a DRAGON fold or one of its files, a JSON file of cases, JSON Lines, CSV, Parquet, a "
            "folder of these, or a data set on the Hub."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(help="File to write: .json (the benchmark's form), or a table: .csv, .jsonl, .parquet."),
    ],
    split: Annotated[
        str | None, typer.Option(help="Of a DRAGON folder: test (default), validation or training; of the Hub: train.")
    ] = None,
    id_column: Annotated[str, typer.Option(help="Column of the ids.")] = "id",
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    limit: Annotated[int | None, typer.Option(help="Only the first so many.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the Hub.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Run code of the model's repository.")] = False,
    force: Annotated[bool, typer.Option(help="Replace an output that is there.")] = False,
) -> None:
    """Predict cases with a trained model. The output is written whole or not at all."""
    from ..scoring.cases import read_inputs
    from ..scoring.classifier import open_classifier
    from ..scoring.dragon_predictions import check_output, predict_cases, write_predictions
    from .show import quiet

    quiet()
    # Before the model is loaded: a wrong path is told at once.
    check_output(output, force=force)
    cases = read_inputs(input, split=split, id_column=id_column, text_column=text_column, limit=limit)
    loaded, tokenizer = open_classifier(model, revision=revision, trust_remote_code=trust_remote_code)
    predictions = predict_cases(loaded, tokenizer, cases)
    written = write_predictions(predictions, output, force=force)
    typer.echo(f"{predictions}\nwritten to {written}")
