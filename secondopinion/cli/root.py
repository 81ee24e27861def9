"""The command line's root, to which each file of verbs adds its own."""

from __future__ import annotations

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


def example(*lines: str) -> str:
    """Return the text under a verb's help: lines that can be pasted."""
    return "Example:\n\n\b\n" + "\n".join(f"  {line}" for line in lines)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
