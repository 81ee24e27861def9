"""What the site takes from the code: the package as it is installed, for mkdocstrings, and the verbs."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import mkdocs.plugins

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("modeling", "dataset_scripts", "metrics", "model_cards", "recipes")
VERBS = "<!-- verbs -->"
_ITEM = re.compile(r"^(\* `.*?`)(.*)$", re.MULTILINE)
_made: list[str] = []


@mkdocs.plugins.event_priority(100)
def on_config(config: Any) -> Any:
    """Lay the rooms out as they are installed (`secondopinion.modeling` is `modeling/`), to be read there."""
    folder = tempfile.mkdtemp(prefix="secondopinion-docs-")
    _made.append(folder)
    package = Path(folder) / "secondopinion"
    sources = shutil.ignore_patterns("__pycache__", "*.yaml", "*.txt", "*.jinja")
    shutil.copytree(ROOT / "secondopinion", package, ignore=sources)
    for room in ROOMS:
        shutil.copytree(ROOT / room, package / room, ignore=sources)
    config.plugins["mkdocstrings"].config["handlers"]["python"]["paths"] = [folder]
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the verbs where a page asks for them."""
    return markdown.replace(VERBS, verbs()) if VERBS in markdown else markdown


def on_post_build(**_: Any) -> None:
    """Remove the copy."""
    while _made:
        shutil.rmtree(_made.pop(), ignore_errors=True)


def verbs() -> str:
    """Return every verb as Markdown, by typer's own writer, the examples as code."""
    import typer
    from typer.cli import get_docs_for_click

    from secondopinion.cli.app import app

    group = typer.main.get_command(app)
    context = typer.Context(group, info_name="secondopinion")
    parts = []
    for name, command in group.commands.items():
        examples, command.epilog = command.epilog, None
        text = get_docs_for_click(obj=command, ctx=context, indent=1, name=f"secondopinion {name}", title=name)
        command.epilog = examples
        lines = [line.strip() for line in (examples or "").split("\b\n")[-1].splitlines()]
        code = "\n".join(line for line in lines if line)
        text = _ITEM.sub(lambda item: item[1] + item[2].replace("<", "&lt;"), text)
        parts.append(re.sub(r"```console\n\$ ", "```bash\n", text) + f"**Examples**:\n\n```bash\n{code}\n```\n")
    return "\n".join(parts)
