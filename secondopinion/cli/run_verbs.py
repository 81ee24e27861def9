"""`train`, `evaluate`, `push`, `space`, `demo`: a run from its recipe to its page."""

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
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print a run's figures with intervals, or measure its selected model on other data."""
    import json as json_module

    from ..training import evaluate_run
    from .show import quiet, results_of

    quiet()
    facts = evaluate_run(run, data, split=split, votes=votes, dtype=dtype)
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
        "secondopinion push dataset data/ade --to my-team/ade",
        "secondopinion push metric per_class_f1 --to my-team/per_class_f1",
        "secondopinion push space maude_severity --to my-team/severity --model my-team/maude-severity",
        "secondopinion push all runs/maude_offline --to my-team/maude-severity",
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
    agreement: Annotated[
        str | None, typer.Option(help="Name of the agreement that lets you publish.", rich_help_panel="Of a model")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="Licence, as the Hub spells it.", rich_help_panel="Of a model")
    ] = None,
    dataset_id: Annotated[
        str | None, typer.Option(help="The data set's name on the Hub, for the card.", rich_help_panel="Of a model")
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
) -> None:
    """Publish a model, a data set, a metric, a Space, or a run whole: one commit each, checked for what must stay."""
    from .publishing import push_kind
    from .show import quiet

    quiet()
    result = push_kind(
        what,
        source,
        to,
        common={"private": private, "revision": revision, "create_pr": create_pr, "dry_run": dry_run},
        of_model={"agreement": agreement, "license": license, "dataset_id": dataset_id},
        of_space={
            "model": model,
            "model_revision": model_revision,
            "baseline": baseline,
            "baseline_revision": baseline_revision,
            "trust_remote_code": trust_remote_code,
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
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Download a published model and say which claims of its card hold. Ends with 1 where one does not."""
    import dataclasses
    import json as json_module

    from ..publishing import verify as run
    from .show import quiet

    quiet()
    claims = run(model, data, revision=revision, tolerance=tolerance)
    if json:
        typer.echo(json_module.dumps([dataclasses.asdict(claim) for claim in claims], indent=2))
    else:
        words = {True: "holds", False: "DOES NOT HOLD", None: "not looked at"}
        for claim in claims:
            typer.echo(f"{claim.name}: {words[claim.holds]}: {claim.told}")
    if any(claim.holds is False for claim in claims):
        raise typer.Exit(1)


@app.command(
    epilog=example(
        "secondopinion space maude_severity --model ./published/encoder --baseline ./published/baseline",
        "secondopinion space maude_severity --model my-team/maude-severity --trust-remote-code",
        "secondopinion space deferral_console --model runs/l2d_ade_offline --queue reviews",
        "secondopinion space deferral_console --model ./published --expert-url http://127.0.0.1:8000/v1 "
        "--expert-model NAME",
        "secondopinion space clinical_qa --model runs/clinical_qa_offline",
        "secondopinion space long_cases --model runs/dragon_offline",
    )
)
def space(
    name: Annotated[
        str, typer.Argument(help="Which Space: maude_severity, deferral_console, clinical_qa or long_cases.")
    ] = "maude_severity",
    model: Annotated[
        str | None, typer.Option(help="The published model: a folder, a run folder, or a name on the Hub.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(help="The published phase-1 model, likewise.", rich_help_panel="Options of maude_severity"),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="The model's branch, tag or commit on the Hub.")] = None,
    baseline_revision: Annotated[
        str | None, typer.Option(help="The phase-1 model's.", rich_help_panel="Options of maude_severity")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; a free one by default.")] = None,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    trust_remote_code: Annotated[
        bool,
        typer.Option(help="Let code from the model's repository run. Not needed with this package installed."),
    ] = False,
    open_browser: Annotated[bool, typer.Option(help="Open it in a browser.")] = False,
    expert_url: Annotated[
        str | None,
        typer.Option(
            help="OpenAI-compatible endpoint of a language model that is asked about texts that are deferred.",
            rich_help_panel="Options of deferral_console",
        ),
    ] = None,
    expert_model: Annotated[
        str | None, typer.Option(help="Its name there.", rich_help_panel="Options of deferral_console")
    ] = None,
    expert_prompt: Annotated[
        str | None,
        typer.Option(
            help="A shipped prompt, or a file; by default the one that the run's expert was asked with.",
            rich_help_panel="Options of deferral_console",
        ),
    ] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option(
            help="Environment variable that holds the endpoint's key.", rich_help_panel="Options of deferral_console"
        ),
    ] = None,
    allow_remote: Annotated[
        list[str] | None,
        typer.Option(
            help="Host outside this machine that may be sent the texts (may be repeated).",
            rich_help_panel="Options of deferral_console",
        ),
    ] = None,
    queue: Annotated[
        Path | None,
        typer.Option(
            help="File or folder of the review queue, where people answer.",
            rich_help_panel="Options of deferral_console",
        ),
    ] = None,
) -> None:
    """Serve a Space on this machine. Nothing that is typed into it is stored, but for what is sent to a queue."""
    from .live_expert import live_expert
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
        expert=live_expert(expert_url, expert_model, expert_prompt, api_key_env, allow_remote),
        queue=queue,
    )


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
