"""`space`: a page on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion space second_opinion --model runs/l2d_maude --also runs/clinical_qa_offline",
        "secondopinion space maude_severity --model ./published/encoder --baseline ./published/baseline",
        "secondopinion space maude_severity --model my-team/maude-severity --trust-remote-code",
        "secondopinion space deferral_console --model runs/l2d_ade_offline --queue reviews",
        "secondopinion space deferral_console --model ./published --expert-url http://127.0.0.1:8000/v1 "
        "--expert-model NAME",
        "secondopinion space clinical_qa --model runs/clinical_qa_offline",
        "secondopinion space long_cases --model runs/dragon_offline",
        "secondopinion space clinical_qa --model runs/clinical_qa_offline --host 0.0.0.0 --password-file logins "
        "--rate 20/minute",
    )
)
def space(
    name: Annotated[
        str,
        typer.Argument(
            help="Which Space: second_opinion, maude_severity, deferral_console, clinical_qa or long_cases."
        ),
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
    password_file: Annotated[
        Path | None,
        typer.Option(
            help="Let in only who is in this file: a line name:password each, readable by its owner alone.",
            rich_help_panel="Who may use it",
        ),
    ] = None,
    password_env: Annotated[
        str | None,
        typer.Option(help="Environment variable that holds such lines instead.", rich_help_panel="Who may use it"),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help="How many answers each person may ask for, such as 20/minute; by login, else by address. Each row of "
            "a table counts: one with more rows is refused.",
            rich_help_panel="Who may use it",
        ),
    ] = None,
    api_docs: Annotated[
        bool,
        typer.Option(help="Offer the page's API, with a page about it.", rich_help_panel="Who may use it"),
    ] = False,
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
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="Another model, shown by its own Space and linked (may be repeated).",
            rich_help_panel="Options of second_opinion",
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
        password_file=password_file,
        password_env=password_env,
        rate=rate,
        api_docs=api_docs,
        also=also or (),
    )
