"""`ask` and `defer`: a second opinion for a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
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
    epilog=example(
        "secondopinion defer runs/l2d_ade_offline --budget 0.07",
        "secondopinion defer runs/l2d_ade_offline --budget 0.07 --certify-risk 0.10 --policy compare_confidence",
        "secondopinion defer runs/maude_offline --votes votes/panel.csv --missed Death=10 --budget 0.05",
        "secondopinion defer runs/clinical_qa --votes answers/panel.jsonl --budget 0.1",
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
    expert_run: Annotated[
        list[Path] | None, typer.Option(help="For questions: another run whose answers are the expert's.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="Recipe with a deferral section; the run's by default.")] = None,
    data: Annotated[str | None, typer.Option(help="What the run was trained on, if it was moved.")] = None,
    fallback: Annotated[
        bool | None, typer.Option("--fallback/--no-fallback", help="Never defer where no gain holds up.")
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option(help="Let code of others run that lies beside an adopted model.")
    ] = False,
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
    made = run_defer(
        run,
        votes=votes,
        expert_runs=expert_run,
        data=data,
        recipe=stated,
        spec=spec,
        trust_remote_code=trust_remote_code,
    )
    typer.echo(deferral_table(made))
    typer.echo(f"\nrun folder: {run}")
