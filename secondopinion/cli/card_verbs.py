"""`card`: what a repository's page will say, before anything is published."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from .root import app, example


@app.command(
    epilog=example(
        "secondopinion card runs/maude_offline --preview",
        "secondopinion card runs/maude_offline --output card.md",
        "secondopinion card data/maude --preview --output maude.html",
    )
)
def card(
    folder: Annotated[
        Path, typer.Argument(help="A run folder; or a folder with a README.md: prepared data, a metric, a Space.")
    ],
    preview: Annotated[bool, typer.Option("--preview", help="As a page, as the Hub shows it, in the browser.")] = False,
    output: Annotated[Path | None, typer.Option(help="File to write.")] = None,
    license: Annotated[str | None, typer.Option(help="Licence of the model, as the Hub spells it.")] = None,
    dataset_id: Annotated[str | None, typer.Option(help="The data set's name on the Hub.")] = None,
) -> None:
    """Show the card of a run or a folder, checked as `push` checks it; with --preview, rendered."""
    from ..core.files import atomic_file

    text, flags = _card(folder, license, dataset_id)
    for flag in flags:
        typer.echo(f"licence: {flag}", err=True)
    if preview:
        from ..model_cards.preview import preview_html

        name = folder.expanduser().resolve().name
        text = preview_html(text, folder.expanduser(), name)
        output = output or Path(tempfile.mkdtemp(prefix="secondopinion-card-")) / f"{name}.html"
    if output is None:
        typer.echo(text, nl=False)
        return
    with atomic_file(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
    typer.echo(output)
    if preview and sys.stdout.isatty() and _has_screen():
        typer.launch(output.resolve().as_uri())


def _card(folder: Path, licence: str | None, dataset_id: str | None) -> tuple[str, list[str]]:
    """Return the card of a run, or the one that is in a folder, and what must be known of licences."""
    from ..core.card import front_matter
    from ..core.errors import InputError
    from ..core.run_folder import RunFolder
    from ..model_cards import card_data, checked_card, validate_card
    from ..model_cards.preview import kind_of

    page = folder.expanduser() / "README.md"
    if not page.is_file():
        data = card_data(RunFolder.open(folder), license=licence, dataset_id=dataset_id)
        return checked_card(data), data.licence_flags
    if licence or dataset_id:
        raise InputError(f"--license and --dataset-id are for the card of a run, but {page} is written already")
    text = page.read_text(encoding="utf-8")
    validate_card(text, kind_of(front_matter(text)))
    return text, []


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
