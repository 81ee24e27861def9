"""`train`, `evaluate`, `push`, `verify`, `demo`: a run from its recipe to the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion train --config recipes/maude_tfidf.yaml --data data/maude",
        "secondopinion train --config recipes/maude_offline.yaml --data data/maude --baseline runs/maude_tfidf",
        "secondopinion train --config recipes/l2d_ade_joint.yaml --data data/ade",
        "secondopinion train --config recipes/clinical_qa_offline.yaml --data data/emrqa --fold 1",
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
    votes: Annotated[
        list[Path] | None,
        typer.Option(help="Experts' votes on the rows, for a recipe with a joint section (may be repeated)."),
    ] = None,
) -> None:
    """Train a recipe with cross-validation and write the run folder. Run it again to continue a killed one."""
    from ..training import train as run
    from .show import quiet, results_of

    quiet()
    done = run(config, data, output, folds=fold, baseline=baseline, votes=votes)
    if done.facts_file.exists():
        typer.echo(results_of(done))
        typer.echo(f"\nrun folder: {done.path}")


@app.command(
    epilog=example(
        "secondopinion evaluate runs/maude_offline",
        "secondopinion evaluate runs/maude_offline --compare runs/maude_tfidf",
        "secondopinion evaluate runs/maude_offline --data data/other_reports",
        "secondopinion evaluate runs/clinical_qa_offline --data data/other_questions --dtype bfloat16",
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
    votes: Annotated[
        list[Path] | None, typer.Option(help="Votes for that data: what does the deferring system do on it?")
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="For a run of questions on other data: float32, or bfloat16 for speed.")
    ] = "float32",
    trust_remote_code: Annotated[
        bool, typer.Option(help="Let code of others run that lies beside an adopted model.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print a run's figures with intervals, or measure its selected model on other data."""
    import json as json_module

    from ..training import evaluate_run
    from .show import quiet, results_of

    quiet()
    facts = evaluate_run(run, data, split=split, votes=votes, dtype=dtype, trust_remote_code=trust_remote_code)
    if json:
        typer.echo(json_module.dumps(facts, indent=2, sort_keys=True))
    else:
        typer.echo(results_of(run, *(compare or []), measured=None if data is None else facts))
        if facts.get("deferral"):
            from ..training.deferral_table import deferral_table

            typer.echo("\n" + deferral_table(facts["deferral"]))


@app.command(
    epilog=example(
        "secondopinion push runs/maude_offline --to ./published",
        "secondopinion push runs/maude_offline --to my-team/maude-severity --private",
        "secondopinion push runs/maude_offline --to my-team/maude-severity --folds --dtype bfloat16",
        "secondopinion push dataset data/ade --to my-team/ade",
        "secondopinion push metric per_class_f1 --to my-team/per_class_f1",
        "secondopinion push space maude_severity --to my-team/severity --model my-team/maude-severity",
        "secondopinion push space second_opinion --to my-team/second-opinion --model my-team/maude-severity "
        "--link clinical_qa=my-team/notes",
        "secondopinion push all runs/maude_offline --to my-team/maude-severity",
        "secondopinion push all runs/maude_offline --to my-team/maude-severity --link clinical_qa=my-team/notes",
    )
)
def push(
    what: Annotated[
        str, typer.Argument(help="model, dataset, metric, space or all; or a run folder, which is its model.")
    ],
    source: Annotated[
        str | None, typer.Argument(help="A run folder, a prepared data set, or the name of a metric or Space.")
    ] = None,
    to: Annotated[str, typer.Option(help="namespace/name on the Hub, or a folder (./published).")] = "",
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to commit to; main by default.")] = None,
    create_pr: Annotated[bool, typer.Option(help="Open a pull request instead of committing.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Build and check everything, send nothing.")] = False,
    force_card: Annotated[
        bool, typer.Option("--force-card", help="Overwrite what was edited by hand in the published card.")
    ] = False,
    agreement: Annotated[
        str | None, typer.Option(help="Name of the agreement that lets you publish.", rich_help_panel="Of a model")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="Licence, as the Hub spells it.", rich_help_panel="Of a model")
    ] = None,
    dataset_id: Annotated[
        str | None, typer.Option(help="The data set's name on the Hub, for the card.", rich_help_panel="Of a model")
    ] = None,
    benchmark_task: Annotated[
        str | None,
        typer.Option(help="Task of the benchmark --dataset-id that was measured.", rich_help_panel="Of a model"),
    ] = None,
    folds: Annotated[
        bool, typer.Option(help="Every trained fold too, on branches fold-1, fold-2, …", rich_help_panel="Of a model")
    ] = False,
    dtype: Annotated[
        list[str] | None,
        typer.Option(
            help="Also a copy in bfloat16 or float16, on a branch of that name.", rich_help_panel="Of a model"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model that it shows, on the Hub.", rich_help_panel="Of a Space")
    ] = None,
    model_revision: Annotated[
        str | None, typer.Option(help="The model's branch, tag or commit.", rich_help_panel="Of a Space")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="The phase-1 model (maude_severity).", rich_help_panel="Of a Space")
    ] = None,
    baseline_revision: Annotated[
        str | None, typer.Option(help="The phase-1 model's.", rich_help_panel="Of a Space")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Let the Space run the model repository's code.", rich_help_panel="Of a Space")
    ] = False,
    link: Annotated[
        list[str] | None,
        typer.Option(
            help="Another Space that second_opinion leads to: NAME=namespace/name, or NAME=http://… (may be repeated).",
            rich_help_panel="Of a Space",
        ),
    ] = None,
) -> None:
    """Publish a model, a data set, a metric, a Space, or a run whole: one commit each, checked for what must stay."""
    from .pushing import push_kind
    from .show import quiet

    quiet()
    result = push_kind(
        what,
        source,
        to,
        common={
            "private": private,
            "revision": revision,
            "create_pr": create_pr,
            "dry_run": dry_run,
            "force_card": force_card,
        },
        of_model={
            "agreement": agreement,
            "license": license,
            "dataset_id": dataset_id,
            "benchmark_task": benchmark_task,
            "folds": folds,
            "dtype": dtype or [],
        },
        of_space={
            "model": model,
            "model_revision": model_revision,
            "baseline": baseline,
            "baseline_revision": baseline_revision,
            "trust_remote_code": trust_remote_code,
            "link": link or [],
        },
    )
    for one in result if isinstance(result, list) else [result]:
        typer.echo(one if isinstance(one, str) else one.message)


@app.command(
    epilog=example(
        "secondopinion verify my-team/maude-severity",
        "secondopinion verify my-team/maude-severity --data data/maude",
        "secondopinion verify ./published --data data/maude",
    )
)
def verify(
    model: Annotated[str, typer.Argument(help="A published model: namespace/name on the Hub, or a folder.")],
    data: Annotated[
        str | None, typer.Option(help="The prepared data: compute its fingerprint, folds and figures again.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the Hub.")] = None,
    tolerance: Annotated[float, typer.Option(min=0, help="How far a figure may be off.")] = 0.002,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Let code of others run that lies beside an adopted model.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Download a published model and say which claims of its card hold. Ends with 1 where one does not."""
    import dataclasses
    import json as json_module

    from ..publishing import verify as run
    from .show import quiet

    quiet()
    claims = run(model, data, revision=revision, tolerance=tolerance, trust_remote_code=trust_remote_code)
    if json:
        typer.echo(json_module.dumps([dataclasses.asdict(claim) for claim in claims], indent=2))
    else:
        words = {True: "holds", False: "DOES NOT HOLD", None: "not looked at"}
        for claim in claims:
            typer.echo(f"{claim.name}: {words[claim.holds]}: {claim.told}")
    if any(claim.holds is False for claim in claims):
        raise typer.Exit(1)


@app.command(epilog=example("secondopinion demo --output demo", "secondopinion demo --no-launch"))
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
