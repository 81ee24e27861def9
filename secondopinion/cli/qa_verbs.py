"""`extract`: what a model of clinical question answering finds in many notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion extract runs/clinical_qa_offline --questions Q.yaml --notes notes/ --output answers.parquet",
        "secondopinion extract ns/clinical-qa --questions Q.yaml --notes n.jsonl --output doses.csv -c Medication",
    )
)
def extract(
    model: Annotated[str, typer.Argument(help="A run folder, a model's folder, or a model on the Hub.")],
    questions: Annotated[Path, typer.Option(help="YAML list of questions, or a text file with one a line.")],
    notes: Annotated[
        str, typer.Option(help="A file (JSON Lines, CSV, Parquet, .txt), a folder of them, or a data set on the Hub.")
    ],
    output: Annotated[Path, typer.Option(help="Table to write: .parquet, .csv or .jsonl.")],
    category: Annotated[
        list[str] | None, typer.Option("--category", "-c", help="Keep answers of this category (may be repeated).")
    ] = None,
    answered_only: Annotated[bool, typer.Option(help="Leave out questions that a note does not answer.")] = False,
    id_column: Annotated[str, typer.Option(help="Column of the notes' ids.")] = "id",
    text_column: Annotated[str, typer.Option(help="Column of the notes' texts.")] = "text",
    split: Annotated[str, typer.Option(help="Split of a data set on the Hub.")] = "train",
    limit: Annotated[int | None, typer.Option(help="Only the first so many notes.")] = None,
    no_answer_threshold: Annotated[
        float | None, typer.Option(help="In place of the model's own; lower means more often no answer.")
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            help="torch (default), openvino (extra `openvino`; default of int8), or auto for the quicker of the two."
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option("--precision", "--dtype", help="float32, bfloat16, float16, or int8 after `quantize`.")
    ] = "float32",
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the Hub.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Run code of the model's repository.")] = False,
    force: Annotated[bool, typer.Option(help="Replace an output that is there.")] = False,
) -> None:
    """Ask many questions of many notes and write a table that filters by category. Run it again to continue."""
    from ..scoring.questions.answerer import load_answerer
    from ..scoring.questions.extraction import extract as run
    from ..scoring.questions.question_file import read_questions
    from .show import quiet

    quiet()
    # Before the model is loaded; once it is, their categories are compared with its own.
    read_questions(questions)
    if output.exists() and not force:
        raise typer.BadParameter(f"{output} is there already; give another --output, or --force to replace it")
    answerer, identity = load_answerer(
        model,
        backend=backend or ("openvino" if precision == "int8" else "torch"),
        precision=precision,
        revision=revision,
        trust_remote_code=trust_remote_code,
    )
    found = run(
        answerer,
        questions,
        _first(notes, limit, id_column=id_column, text_column=text_column, split=split),
        output,
        identity={**identity, "notes": notes, "limit": limit},
        categories=category,
        answered_only=answered_only,
        force=force,
        **({} if no_answer_threshold is None else {"no_answer_threshold": no_answer_threshold}),
    )
    typer.echo(str(found))


def _first(source: str, limit: int | None, **columns: str):
    from itertools import islice

    from ..scoring.corpus.files import read_corpus

    return islice(read_corpus(source, **columns), limit)
