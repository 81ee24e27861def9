"""`score`: what a trained model says of any corpus; `quantize`: the same in eight bits."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from .root import app, example

_WHERE = "Where the work is done"
_TEXTS = "Texts"
_SECOND = "A second opinion"


@app.command(
    epilog=example(
        "secondopinion score --model runs/maude_offline --input 'reports/*.parquet' --output scored/",
        "secondopinion score --model my-team/maude-severity --input reports.csv --text-column narrative "
        "--output said.csv",
        "secondopinion score --model runs/l2d --input reports/ --output scored/ --budget 0.1 "
        "--expert-url http://127.0.0.1:8000/v1 --expert-model Qwen/Qwen3-4B",
        "secondopinion score --model runs/dragon_offline --input nlp-test-dataset.json "
        "--output nlp-predictions-dataset.json",
    )
)
def score(
    model: Annotated[
        str,
        typer.Option(
            help="A run folder (its deferring system, or its selected fold), a model's folder, or a model on the Hub."
        ),
    ],
    input: Annotated[
        list[str],
        typer.Option(
            help="Parquet, JSON Lines, CSV or TSV (also .gz), texts, partitions of openFDA (.zip), folders or patterns "
            "of these, a data set on the Hub; or one DRAGON fold or JSON file of cases. May be repeated."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(help="A folder for parts and a manifest; a table: .parquet, .csv, .jsonl; or .json for DRAGON."),
    ],
    split: Annotated[
        str | None, typer.Option(help="Of a DRAGON folder: test (default), validation or training; of the Hub: train.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Configuration of a data set on the Hub.")] = None,
    id_column: Annotated[str, typer.Option(help="Column of the ids.")] = "id",
    text_column: Annotated[str, typer.Option(help="Column of the texts.")] = "text",
    keep: Annotated[
        list[str] | None, typer.Option(help="Column that is copied to the output (may be repeated).")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows.")] = None,
    skip_unreadable: Annotated[bool, typer.Option(help="Leave out files that cannot be read.")] = False,
    long: Annotated[
        str,
        typer.Option(
            help="Texts longer than the model reads: cut; or read in windows whose logits are pooled: mean, max.",
            rich_help_panel=_TEXTS,
        ),
    ] = "cut",
    stride: Annotated[int, typer.Option(help="Tokens that neighbouring windows share.", rich_help_panel=_TEXTS)] = 64,
    max_length: Annotated[
        int | None, typer.Option(help="Tokens read of a text or a window; the model's own.", rich_help_panel=_TEXTS)
    ] = None,
    defer: Annotated[
        bool | None,
        typer.Option(
            "--defer/--no-defer", help="Also say what to defer; where there is a policy.", rich_help_panel=_SECOND
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Largest share of texts deferred, at any moment.", rich_help_panel=_SECOND)
    ] = None,
    expert_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible server of a language model.", rich_help_panel=_SECOND)
    ] = None,
    expert_model: Annotated[
        str | None, typer.Option(help="The name that the server knows.", rich_help_panel=_SECOND)
    ] = None,
    expert_prompt: Annotated[
        str | None, typer.Option(help="A shipped prompt, or a YAML file.", rich_help_panel=_SECOND)
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.", rich_help_panel=_SECOND)
    ] = None,
    allow_remote: Annotated[
        list[str] | None,
        typer.Option(help="Host outside this machine that may be sent the texts.", rich_help_panel=_SECOND),
    ] = None,
    backend: Annotated[str, typer.Option(help="auto, openvino or torch.", rich_help_panel=_WHERE)] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto, float32, bfloat16, or int8 after `quantize`.", rich_help_panel=_WHERE)
    ] = "auto",
    engine: Annotated[
        str, typer.Option(help="local, or ray for a cluster (extra `ray`).", rich_help_panel=_WHERE)
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Of the ray engine; one a core or GPU by default.", rich_help_panel=_WHERE)
    ] = None,
    token_budget: Annotated[
        int | None, typer.Option(help="Tokens of a batch; measured by default.", rich_help_panel=_WHERE)
    ] = None,
    streams: Annotated[
        int | None, typer.Option(help="Batches computed at once; measured by default.", rich_help_panel=_WHERE)
    ] = None,
    rows_per_part: Annotated[
        int, typer.Option(help="Rows that are scored and written together.", rich_help_panel=_WHERE)
    ] = 4096,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda:1.", rich_help_panel=_WHERE)] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a model on the Hub.")] = None,
    trust_remote_code: Annotated[bool, typer.Option(help="Run code of the model's repository.")] = False,
    force: Annotated[bool, typer.Option(help="Replace an output that is there.")] = False,
) -> None:
    """Predict any corpus with a trained model, in order, in flat memory; a stopped run goes on where it was."""
    from ..scoring.cases import is_cases
    from ..scoring.corpus.output_folder import OutputFolder
    from ..scoring.corpus.shards import plan_shards
    from ..scoring.corpus.sources import open_sources
    from ..scoring.encoding import LongTexts
    from ..scoring.job import Columns
    from .live_expert import live_expert
    from .scoring import backend_of, batching_of, narratives_of, open_any, run_job
    from .show import quiet

    quiet()
    if output.suffix.lower() == ".json" or any(is_cases(one) for one in input):
        _score_cases(model, input, output, split, id_column, text_column, limit, revision, trust_remote_code, force)
        return
    # Before the model is loaded: a wrong path is told at once.
    OutputFolder(output.expanduser()).check(force=force)
    expert = live_expert(expert_url, expert_model, expert_prompt, api_key_env, allow_remote)
    columns = Columns(id_column, text_column, tuple(keep or ()))
    sources = open_sources(
        input,
        id_column=id_column,
        text_column=text_column,
        split=split or "train",
        config=config,
        narratives=narratives_of(model),
    )
    plan = plan_shards(sources, rows_per_shard=rows_per_part, limit=limit, skip_unreadable=skip_unreadable)
    opening = {
        **backend_of(OutputFolder(output.expanduser()), backend, precision, force),
        "defer": True if budget is not None or expert is not None else defer,
        "max_length": max_length,
        "long_texts": LongTexts(long, stride),
        "batching": batching_of(token_budget, streams),
        "revision": revision,
        "trust_remote_code": trust_remote_code,
        "device": device,
        "rows": plan.rows,
    }
    scored = run_job(
        functools.partial(open_any, model, **opening),
        plan,
        output.expanduser(),
        columns,
        budget=budget,
        expert=expert,
        engine=engine,
        workers=workers,
        force=force,
    )
    typer.echo(str(scored))
    if scored.failed:
        for number, reason in list(scored.failed.items())[:5]:
            typer.echo(f"  part {number}: {reason}", err=True)
        typer.echo(
            f"{len(scored.failed)} parts are missing. Mend their input and run the same command again: it scores what "
            "is missing or has changed",
            err=True,
        )
        raise typer.Exit(1)


def _score_cases(
    model: str,
    inputs: list[str],
    output: Path,
    split: str | None,
    id_column: str,
    text_column: str,
    limit: int | None,
    revision: str | None,
    trust_remote_code: bool,
    force: bool,
) -> None:
    from ..core.errors import InputError
    from ..scoring.cases import read_inputs
    from ..scoring.classifier import open_classifier
    from ..scoring.dragon_predictions import check_output, predict_cases, write_predictions

    if len(inputs) > 1:
        raise InputError(f"{len(inputs)} inputs; of cases in JSON, and for an output in JSON, give one --input")
    check_output(output, force=force)
    cases = read_inputs(inputs[0], split=split, id_column=id_column, text_column=text_column, limit=limit)
    loaded, tokenizer = open_classifier(model, revision=revision, trust_remote_code=trust_remote_code)
    predictions = predict_cases(loaded, tokenizer, cases)
    written = write_predictions(predictions, output, force=force)
    typer.echo(f"{predictions}\nwritten to {written}")


@app.command(
    epilog=example(
        "secondopinion quantize runs/maude_offline",
        "secondopinion score --model runs/maude_offline --precision int8 --input reports/ --output scored/",
    )
)
def quantize(
    run: Annotated[Path, typer.Argument(help="A finished run of an encoder that classifies or answers questions.")],
    data: Annotated[str | None, typer.Option(help="What it was trained on, if it was moved.")] = None,
    max_loss: Annotated[
        float,
        typer.Option(
            help="How much macro F1 (questions: span F1) may be lost on held-out rows; beyond it nothing is kept."
        ),
    ] = 0.002,
    rows: Annotated[int, typer.Option(help="Training texts to calibrate on.")] = 300,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Let code of others run that lies beside an adopted model.")
    ] = False,
) -> None:
    """Make a run's model quicker on CPUs: eight bits, calibrated, and measured before it is kept."""
    from ..core.run_folder import RunFolder
    from ..training import quantize_run
    from .show import quiet

    quiet()
    answers = RunFolder.open(run).facts["model"]["kind"] == "multitask_qa"
    said = quantize_run(run, data, max_loss=max_loss, calibration_rows=rows, trust_remote_code=trust_remote_code)
    typer.echo(
        f"{said['figure']} on {said['rows']:,} held-out rows: {said['float32']:.4f} in float32, {said['int8']:.4f} in "
        f"int8 (difference {said['int8'] - said['float32']:+.4f}, 95% {said['low']:+.4f} to {said['high']:+.4f}); "
        f"{said['same_label']:.2%} have the same {'answer' if answers else 'label'}\n"
        f"kept; use it with: secondopinion {f'extract {run}' if answers else f'score --model {run}'} --precision int8 …"
    )
