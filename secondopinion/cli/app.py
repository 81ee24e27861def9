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
        "secondopinion prepare ade_corpus_v2 --source ADE-Corpus-V2 --output data/ade",
        "secondopinion prepare mimic_iv_outcome --source discharge.csv.gz --votes votes/ -o min_votes=2",
    )
)
def prepare(
    corpus: Annotated[str, typer.Argument(help="Which corpus: ade_corpus_v2, maude or mimic_iv_outcome.")],
    source: Annotated[
        str,
        typer.Option(
            help="A folder or file of raw data. MAUDE: openFDA partitions, saved API pages or FDA's pipe-delimited "
            "files; 'api' or 'bulk' for openFDA itself; 'synthetic' for authored demo reports. ADE: the folder or zip "
            "of its three files. MIMIC-IV: discharge.csv.gz."
        ),
    ],
    output: Annotated[Path | None, typer.Option(help="Folder to write; data/<corpus> by default.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", help="Any option of the corpus's builder, as name=value (may be repeated)."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Stop after so many reports or notes.")] = None,
    near_duplicates: Annotated[
        float | None, typer.Option(help="Similarity from which texts share a group, above 0 and at most 1.")
    ] = None,
    max_characters: Annotated[int | None, typer.Option(help="Longer texts are cut there.")] = None,
    skip_damaged: Annotated[bool, typer.Option(help="Keep what can be read of a damaged file and go on.")] = False,
    force: Annotated[bool, typer.Option(help="Write the output anew even if it is there.")] = False,
    votes: Annotated[
        list[str] | None,
        typer.Option(
            help="Votes that make the labels: a file or a folder of files (may be repeated).",
            rich_help_panel="Options of mimic_iv_outcome",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Force the kind of source: bulk, api, pages or raw.", rich_help_panel="Options of maude"),
    ] = None,
    search: Annotated[
        str | None, typer.Option(help="openFDA query, for the API.", rich_help_panel="Options of maude")
    ] = None,
    partitions: Annotated[
        str | None,
        typer.Option(help="Only partitions whose name holds this, for 'bulk'.", rich_help_panel="Options of maude"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="openFDA key: a higher daily limit. Without it: the environment's OPENFDA_API_KEY.",
            rich_help_panel="Options of maude",
        ),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Another address of the API.", rich_help_panel="Options of maude")
    ] = None,
    narratives: Annotated[
        str | None,
        typer.Option(
            help="Which narratives to join, with commas: description,evaluation,additional.",
            rich_help_panel="Options of maude",
        ),
    ] = None,
    redaction: Annotated[
        str | None,
        typer.Option(help="Redaction marks such as (B)(6): mark, drop or keep.", rich_help_panel="Options of maude"),
    ] = None,
    names: Annotated[
        str | None, typer.Option(help="Makers' and brand names: mask or keep.", rich_help_panel="Options of maude")
    ] = None,
    boilerplate: Annotated[
        str | None,
        typer.Option(help="Sentences of makers' templates: drop or keep.", rich_help_panel="Options of maude"),
    ] = None,
    casing: Annotated[
        str | None, typer.Option(help="Letter case: lower or keep.", rich_help_panel="Options of maude")
    ] = None,
    reports: Annotated[
        int | None, typer.Option(help="How many authored reports, for 'synthetic'.", rich_help_panel="Options of maude")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the authored reports.", rich_help_panel="Options of maude")
    ] = None,
) -> None:
    """Turn raw files of a corpus into a data set: Parquet, groups that stay together, a card that counts everything."""
    from ..dataset_scripts import parse_options
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
        "votes": votes,
        "reports": reports,
        "seed": seed,
        "skip_damaged": skip_damaged or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    options |= parse_options(corpus, option or [], taken=options)
    output = output or Path("data") / corpus
    facts = run(corpus, source, output, force=force, **options)
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
        "secondopinion ask runs/l2d_ade_offline",
        "secondopinion ask runs/l2d_ade_offline --model Qwen/Qwen3-4B --base-url http://127.0.0.1:8000/v1 --limit 50",
        "secondopinion ask runs/l2d_ade_offline --expert reviewer --deferred",
    )
)
def ask(
    run: Annotated[Path, typer.Argument(help="A finished run folder.")],
    expert: Annotated[
        list[str] | None, typer.Option(help="Name of an expert in the recipe (may be repeated); all by default.")
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="Recipe whose experts are asked; the run's own by default.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="What the run was trained on, if it was moved.")] = None,
    limit: Annotated[int | None, typer.Option(help="Ask about so many rows only, always the same ones.")] = None,
    deferred: Annotated[bool, typer.Option(help="Ask only about rows that the deferring system defers.")] = False,
    model: Annotated[str | None, typer.Option(help="A language model that is not in the recipe.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Its OpenAI-compatible endpoint.")] = None,
    provider: Annotated[str | None, typer.Option(help="Or a hosted provider of the Hub.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    prompt: Annotated[str | None, typer.Option(help="A shipped prompt, or a YAML file.")] = None,
    api_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds the key.")] = None,
    concurrency: Annotated[int, typer.Option(help="Requests under way at once.")] = 8,
    requests_per_minute: Annotated[float | None, typer.Option(help="At most.")] = None,
    probabilities: Annotated[str, typer.Option(help="none, logprobs or verbalised.")] = "none",
    price_input: Annotated[float | None, typer.Option(help="US dollars for a million tokens of input.")] = None,
    price_output: Annotated[float | None, typer.Option(help="US dollars for a million tokens of output.")] = None,
    spending_cap: Annotated[float | None, typer.Option(help="Stop before this many US dollars are passed.")] = None,
    allow_remote: Annotated[
        list[str] | None, typer.Option(help="Host outside this machine that may be sent the texts.")
    ] = None,
    redact: Annotated[bool, typer.Option(help="Mask names, dates and other identifiers before sending.")] = False,
) -> None:
    """Collect experts' answers for a run's rows. Run it again to continue: no answer is paid twice."""
    from ..training import ask as run_ask
    from .show import asked_summary, quiet

    quiet()
    specs = None
    options = {"base-url": base_url, "provider": provider, "prompt": prompt, "api-key-env": api_key_env}
    options |= {
        "spending-cap": spending_cap,
        "allow-remote": allow_remote,
        "redact": redact,
        "price-input": price_input,
    }
    given = [name for name, value in options.items() if value]
    if model is None and given:
        raise typer.BadParameter(
            f"--{given[0]} belongs to --model; what the recipe's experts are asked with stands in the recipe"
        )
    if model is not None:
        from ..training.recipe import read_expert

        given = {
            "name": name or model.rstrip("/").rsplit("/", 1)[-1],
            "model": model,
            "base_url": base_url,
            "provider": provider,
            "prompt": prompt,
            "api_key_env": api_key_env,
            "concurrency": concurrency,
            "requests_per_minute": requests_per_minute,
            "probabilities": probabilities,
            "spending_cap_usd": spending_cap,
            "allow_remote": allow_remote or False,
            "redact": redact,
        }
        if price_input is not None or price_output is not None:
            given["prices"] = {"input_per_million": price_input or 0.0, "output_per_million": price_output or 0.0}
        specs = [read_expert(given)]
    typer.echo(
        asked_summary(run_ask(run, expert, data=data, recipe=config, specs=specs, limit=limit, only_deferred=deferred))
    )


@app.command(
    epilog=_example(
        "secondopinion defer runs/l2d_ade_offline --budget 0.07",
        "secondopinion defer runs/l2d_ade_offline --budget 0.07 --certify-risk 0.10 --policy compare_confidence",
        "secondopinion defer runs/maude_offline --votes votes/panel.csv --missed Death=10 --budget 0.05",
    )
)
def defer(
    run: Annotated[Path, typer.Argument(help="A finished run folder with votes.")],
    budget: Annotated[float | None, typer.Option(help="Largest share of texts deferred: 0.07 for 7%.")] = None,
    mode: Annotated[
        str | None, typer.Option(help="How the budget holds: high_probability, or expected (on average).")
    ] = None,
    delta: Annotated[float | None, typer.Option(help="How often a high-probability statement may fail.")] = None,
    cost_per_1000: Annotated[
        float | None, typer.Option(help="Choose by cost: US dollars of calls for 1,000 texts at most.")
    ] = None,
    best_f1: Annotated[bool, typer.Option(help="Choose the threshold with the best F1 (within --budget).")] = False,
    target_risk: Annotated[
        float | None, typer.Option(help="Choose the fewest rows at which this error is certified.")
    ] = None,
    certify_risk: Annotated[
        float | None, typer.Option(help="Certify that the system's error is at most this, or say that it is not.")
    ] = None,
    policy: Annotated[
        list[str] | None, typer.Option(help="Candidate policy (may be repeated); the best on validation rows is used.")
    ] = None,
    positive_label: Annotated[str | None, typer.Option(help="The class whose F1 counts; macro F1 without.")] = None,
    missed: Annotated[
        list[str] | None, typer.Option(help="CLASS=K: a missed row of it costs K times any other mistake.")
    ] = None,
    votes: Annotated[list[Path] | None, typer.Option(help="File of votes (may be repeated); by default ask's.")] = None,
    config: Annotated[str | None, typer.Option(help="Recipe with a deferral section; the run's by default.")] = None,
    data: Annotated[str | None, typer.Option(help="What the run was trained on, if it was moved.")] = None,
    fallback: Annotated[
        bool | None, typer.Option("--fallback/--no-fallback", help="Never defer where no gain holds up.")
    ] = None,
) -> None:
    """Make a run a deferring system: fit a policy, choose its threshold, certify it, measure everything."""
    from ..training import defer as run_defer
    from ..training.deferral_table import deferral_table
    from ..training.recipe import changed_deferral, load_recipe
    from .show import quiet

    quiet()
    kinds = [cost_per_1000 is not None, best_f1, target_risk is not None]
    if sum(kinds) > 1:
        raise typer.BadParameter("give one of --cost-per-1000, --best-f1 and --target-risk")
    kind = next((k for k, wanted in zip(("cost", "best_f1", "target_risk"), kinds, strict=True) if wanted), None)
    threshold = {
        "kind": kind or ("budget" if budget is not None else None),
        "budget": budget,
        "mode": mode,
        "delta": delta,
        "cost_budget_usd_per_1000": cost_per_1000,
        "target_risk": target_risk,
        "positive_label": positive_label if best_f1 else None,
    }
    wrong = [item for item in missed or () if not item.partition("=")[2]]
    if wrong:
        raise typer.BadParameter(f"--missed is {wrong[0]!r}; give CLASS=K, Death=10 say")
    changes = {
        "threshold": threshold,
        "risk": None if certify_risk is None else {"level": certify_risk, "delta": delta},
        "policies": policy,
        "positive_label": positive_label,
        "losses": {"missed": dict(item.split("=", 1) for item in missed)} if missed else None,
        "fallback": fallback,
    }
    stated = load_recipe(config) if config else None
    spec = changed_deferral(stated or run, changes)
    typer.echo(deferral_table(run_defer(run, votes=votes, data=data, recipe=stated, spec=spec)))
    typer.echo(f"\nrun folder: {run}")


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
    votes: Annotated[
        list[Path] | None, typer.Option(help="Votes for that data: what does the deferring system do on it?")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print a run's figures with intervals, or measure its selected model on other data."""
    import json as json_module

    from ..training import evaluate_run
    from .show import quiet, results_of

    quiet()
    facts = evaluate_run(run, data, split=split, votes=votes)
    if json:
        typer.echo(json_module.dumps(facts, indent=2, sort_keys=True))
    else:
        typer.echo(results_of(run, *(compare or []), measured=None if data is None else facts))
        if facts.get("deferral"):
            from ..training.deferral_table import deferral_table

            typer.echo("\n" + deferral_table(facts["deferral"]))


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
        "secondopinion space deferral_console --model runs/l2d_ade_offline --queue reviews",
        "secondopinion space deferral_console --model ./published --expert-url http://127.0.0.1:8000/v1 "
        "--expert-model NAME",
    )
)
def space(
    name: Annotated[str, typer.Argument(help="Which Space: maude_severity or deferral_console.")] = "maude_severity",
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
