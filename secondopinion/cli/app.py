"""The verbs. Each imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .. import __version__

app = typer.Typer(
    help="Clinical text, end to end: prepare data, train with cross-validation, check, publish, demonstrate.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


def _example(*lines: str) -> str:
    return "Example:\n\n\b\n" + "\n".join(f"  {line}" for line in lines)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(
    epilog=_example(
        "secondopinion prepare maude --source device-event-0001-of-0003.json.zip --output data/maude",
        "secondopinion prepare maude --source api --search 'date_received:[20240101 TO 20240131]' --limit 5000",
    )
)
def prepare(
    corpus: Annotated[str, typer.Argument(help="Which corpus: maude.")],
    source: Annotated[
        str,
        typer.Option(
            help="A folder or file of raw data (openFDA partitions, saved API pages, FDA's pipe-delimited files); "
            "'api' or 'bulk' for openFDA itself; 'synthetic' for authored demo reports."
        ),
    ],
    output: Annotated[Path | None, typer.Option(help="Folder to write; data/<corpus> by default.")] = None,
    kind: Annotated[str | None, typer.Option(help="Force the kind of source: bulk, api, pages or raw.")] = None,
    search: Annotated[str | None, typer.Option(help="openFDA query, for the API.")] = None,
    limit: Annotated[int | None, typer.Option(help="Stop after so many reports.")] = None,
    partitions: Annotated[str | None, typer.Option(help="Only partitions whose name holds this, for 'bulk'.")] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="OPENFDA_API_KEY", help="openFDA key: a higher daily limit.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Another address of the API.")] = None,
    narratives: Annotated[
        str | None,
        typer.Option(help="Which narratives to join, with commas: description,evaluation,additional."),
    ] = None,
    redaction: Annotated[str | None, typer.Option(help="Redaction marks such as (B)(6): mark, drop or keep.")] = None,
    names: Annotated[str | None, typer.Option(help="Makers' and brand names: mask or keep.")] = None,
    boilerplate: Annotated[str | None, typer.Option(help="Sentences of makers' templates: drop or keep.")] = None,
    casing: Annotated[str | None, typer.Option(help="Letter case: lower or keep.")] = None,
    near_duplicates: Annotated[
        float | None, typer.Option(help="Similarity from which texts share a group, above 0 and at most 1.")
    ] = None,
    max_characters: Annotated[int | None, typer.Option(help="Longer narratives are cut there.")] = None,
    skip_damaged: Annotated[bool, typer.Option(help="Keep what can be read of a damaged file and go on.")] = False,
    reports: Annotated[int | None, typer.Option(help="How many authored reports, for 'synthetic'.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the authored reports.")] = None,
    force: Annotated[bool, typer.Option(help="Write the output anew even if it is there.")] = False,
) -> None:
    """Turn raw reports into a data set: Parquet, groups of near-duplicates, and a card that counts everything."""
    from ..dataset_scripts import prepare as run
    from .show import prepared_summary

    given = {
        "kind": kind,
        "search": search,
        "limit": limit,
        "partitions": partitions,
        "api_key": api_key,
        "base_url": base_url,
        "narratives": narratives.split(",") if narratives else None,
        "redaction": redaction,
        "names": names,
        "boilerplate": boilerplate,
        "casing": casing,
        "near_duplicates": near_duplicates,
        "max_characters": max_characters,
        "reports": reports,
        "seed": seed,
    }
    options = {name: value for name, value in given.items() if value is not None}
    output = output or Path("data") / corpus
    facts = run(corpus, source, output, skip_damaged=skip_damaged, force=force, **options)
    typer.echo(prepared_summary(facts, output))


@app.command(
    epilog=_example(
        "secondopinion train --config recipes/maude_tfidf.yaml --data data/maude",
        "secondopinion train --config recipes/maude_offline.yaml --data data/maude --baseline runs/maude_tfidf",
        "accelerate launch --multi_gpu --num_processes 2 -m secondopinion train --config …",
    )
)
def train(
    config: Annotated[str, typer.Option(help="Recipe: a YAML file, or the name of a shipped one.")],
    data: Annotated[str | None, typer.Option(help="Prepared folder, or a data set on the Hub.")] = None,
    output: Annotated[Path | None, typer.Option(help="Run folder; runs/<name of the recipe> by default.")] = None,
    fold: Annotated[list[int] | None, typer.Option(help="Train this fold only (may be repeated).")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="Run folder of phase 1 on the same folds, to compare with.")
    ] = None,
) -> None:
    """Train a recipe with cross-validation and write the run folder. Run it again to continue a killed one."""
    from ..training import train as run
    from .show import quiet, results_of

    quiet()
    done = run(config, data, output, folds=fold, baseline=baseline)
    if done.facts_file.exists():
        typer.echo(results_of(done))
        typer.echo(f"\nrun folder: {done.path}")


@app.command(
    epilog=_example(
        "secondopinion evaluate runs/maude_offline",
        "secondopinion evaluate runs/maude_offline --compare runs/maude_tfidf",
        "secondopinion evaluate runs/maude_offline --data data/other_reports",
    )
)
def evaluate(
    run: Annotated[Path, typer.Argument(help="A run folder.")],
    data: Annotated[
        str | None,
        typer.Option(help="Other data: predict it with the selected fold. Without it: the out-of-fold figures."),
    ] = None,
    split: Annotated[str, typer.Option(help="Its split.")] = "train",
    compare: Annotated[list[Path] | None, typer.Option(help="Run folders to put beside it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print a run's figures with intervals, or measure its selected model on other data."""
    import json as json_module

    from ..training import evaluate_run
    from .show import quiet, results_of

    quiet()
    facts = evaluate_run(run, data, split=split)
    if json:
        typer.echo(json_module.dumps(facts, indent=2, sort_keys=True))
    else:
        typer.echo(results_of(run, *(compare or []), measured=None if data is None else facts))


@app.command(
    epilog=_example(
        "secondopinion push runs/maude_offline --to ./published",
        "secondopinion push runs/maude_offline --to my-team/maude-severity --private",
    )
)
def push(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    to: Annotated[str, typer.Option(help="namespace/name on the Hub, or a folder (./published).")],
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to commit to; main by default.")] = None,
    create_pr: Annotated[bool, typer.Option(help="Open a pull request instead of committing.")] = False,
    agreement: Annotated[str | None, typer.Option(help="Name of the agreement that lets you publish.")] = None,
    license: Annotated[str | None, typer.Option(help="Licence of the model, as the Hub spells it.")] = None,
    dataset_id: Annotated[str | None, typer.Option(help="The data set's name on the Hub, for the card.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Build and check everything, send nothing.")] = False,
) -> None:
    """Publish a run: weights, code, tokenizer, card, plots and run.json in one commit."""
    from ..model_cards import push_run
    from .show import quiet

    quiet()
    result = push_run(
        run,
        to,
        private=private,
        revision=revision,
        create_pr=create_pr,
        agreement=agreement,
        license=license,
        dataset_id=dataset_id,
        dry_run=dry_run,
    )
    typer.echo(result.message)


@app.command(
    epilog=_example(
        "secondopinion space maude_severity --model ./published/encoder --baseline ./published/baseline",
        "secondopinion space maude_severity --model my-team/maude-severity --trust-remote-code",
    )
)
def space(
    name: Annotated[str, typer.Argument(help="Which Space: maude_severity.")] = "maude_severity",
    model: Annotated[
        str | None, typer.Option(help="The published model: a folder, a run folder, or a name on the Hub.")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="The published phase-1 model, likewise.")] = None,
    revision: Annotated[str | None, typer.Option(help="The model's branch, tag or commit on the Hub.")] = None,
    baseline_revision: Annotated[str | None, typer.Option(help="The phase-1 model's.")] = None,
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; a free one by default.")] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    trust_remote_code: Annotated[
        bool,
        typer.Option(help="Let code from the model's repository run. Not needed with this package installed."),
    ] = False,
    open_browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = False,
) -> None:
    """Serve a Space on this machine. Nothing that is typed into it is stored."""
    from .space import launch_space

    launch_space(
        name,
        model=model,
        baseline=baseline,
        revision=revision,
        baseline_revision=baseline_revision,
        host=host,
        port=port,
        trust_remote_code=trust_remote_code,
        open_browser=open_browser,
    )


@app.command(epilog=_example("secondopinion demo --output demo", "secondopinion demo --no-launch"))
def demo(
    output: Annotated[Path, typer.Option(help="Folder for data, runs and published models.")] = Path("demo-output"),
    launch: Annotated[bool, typer.Option(help="Open the Space at the end.")] = True,
    port: Annotated[int | None, typer.Option(help="Port of the Space.")] = None,
) -> None:
    """Walk the whole line on authored reports: prepare, train both phases, evaluate, publish, open the Space."""
    from .demo import run_demo
    from .show import quiet

    quiet()
    run_demo(output, launch=launch, port=port)
