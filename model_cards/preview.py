"""A card as a page of one file: Markdown as the Hub shows it, plots inside, the metadata as its box of tags.

Nothing is fetched and nothing runs: raw HTML in a card is shown as text, and the page's own policy allows its styles
and the pictures that are in it.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from secondopinion.core.card import Card, template_environment

from .tables import count, slug

TEMPLATE = "preview.html.jinja"
PICTURES = {".gif": "gif", ".jpeg": "jpeg", ".jpg": "jpeg", ".png": "png", ".webp": "webp"}
LIGHT, DARK = "xcode", "github-dark"


def preview_html(text: str, folder: Path, name: str) -> str:
    """Return a card as a page; the same card and pictures give the same bytes.

    Args:
        text: the whole README.md.
        folder: what its pictures are named from.
        name: of the repository, over the page.

    Raises:
        InputError: the metadata cannot be read.
    """
    card = Card.parse(text)
    body = _markdown().render("\n\n".join(map(str, card.sections)), {"folder": folder.resolve()})
    environment = _environment()
    return environment.get_template(TEMPLATE).render(
        name=name,
        kind=kind_of(card.metadata),
        metadata=card.metadata,
        pills=list(_pills(card.metadata)),
        results=list(_results(card.metadata)),
        examples=[example for example in card.metadata.get("widget") or [] if isinstance(example, Mapping)],
        columns=list(_columns(card.metadata)),
        sizes=list(_sizes(card.metadata)),
        body=body,
        code_styles=_code_styles(),
    )


def kind_of(metadata: Mapping[str, Any]) -> str:
    """Return of which kind of repository a card is, by what its metadata says.

    >>> kind_of({"sdk": "gradio"}), kind_of({"configs": []}), kind_of({"library_name": "transformers"})
    ('space', 'dataset', 'model')
    """
    if "sdk" in metadata:
        return "space"
    return "dataset" if "configs" in metadata or "dataset_info" in metadata else "model"


def _pills(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (what it is, word) of everything that the Hub shows as a tag."""
    named = {
        "pipeline_tag": "Task",
        "task_categories": "Task",
        "library_name": "Library",
        "sdk": "SDK",
        "datasets": "Data set",
        "models": "Model",
        "language": "Language",
        "size_categories": "Size",
        "license": "Licence",
        "base_model": "Base model",
        "tags": "",
    }
    for key, what in named.items():
        values = metadata.get(key) or []
        for value in values if isinstance(values, list) else [values]:
            if key == "license" and value == "other" and metadata.get("license_name"):
                value = metadata["license_name"]
            yield what, str(value)


def _results(metadata: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield (data set, its figures) of each result of the model index."""
    for model in metadata.get("model-index") or []:
        for result in model.get("results") or []:
            figures = [
                (str(one.get("name") or one.get("type")), one.get("value")) for one in result.get("metrics") or []
            ]
            shown = [(name, f"{value:.4f}" if isinstance(value, float) else str(value)) for name, value in figures]
            yield str((result.get("dataset") or {}).get("name") or "unnamed data"), shown


def _infos(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    infos = metadata.get("dataset_info") or []
    return [info for info in (infos if isinstance(infos, list) else [infos]) if isinstance(info, Mapping)]


def _columns(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (column, type) of a data set."""
    for info in _infos(metadata)[:1]:
        for feature in info.get("features") or []:
            kind = feature.get("dtype") or next((key for key in ("list", "sequence", "struct") if key in feature), "")
            yield str(feature.get("name")), kind if isinstance(kind, str) else next(iter(kind), "")


def _sizes(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (split, rows) of a data set."""
    for info in _infos(metadata):
        for split in info.get("splits") or []:
            yield str(split.get("name")), count(int(split.get("num_examples") or 0))


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.add_render_rule("image", _image)
    reader.add_render_rule("fence", _code)
    reader.add_render_rule("heading_open", _heading)
    reader.add_render_rule("table_open", lambda *_: '<div class="scroll" tabindex="0"><table>\n')
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return reader


def _image(_: Any, tokens: Sequence[Any], index: int, options: Any, env: Mapping[str, Any]) -> str:
    token = tokens[index]
    source, words = str(token.attrs.get("src", "")), html.escape(token.content)
    path = (env["folder"] / source).resolve() if "://" not in source else None
    if path is None or not path.is_relative_to(env["folder"]) or path.suffix not in PICTURES or not path.is_file():
        return f'<span class="absent">picture {html.escape(source)}: {words}</span>'
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img src="data:image/{PICTURES[path.suffix]};base64,{data}" alt="{words}">'


def _code(_: Any, tokens: Sequence[Any], index: int, options: Any, env: Mapping[str, Any]) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    token = tokens[index]
    language = token.info.split()[0] if token.info.split() else "text"
    try:
        shown = highlight(token.content, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    except ClassNotFound:
        shown = html.escape(token.content)
    return f'<pre class="code" tabindex="0"><code>{shown}</code></pre>\n'


def _heading(_: Any, tokens: Sequence[Any], index: int, options: Any, env: Mapping[str, Any]) -> str:
    return f'<{tokens[index].tag} id="{slug(tokens[index + 1].content)}">'


@cache
def _code_styles() -> dict[str, str]:
    from pygments.formatters import HtmlFormatter

    return {name: HtmlFormatter(style=name).get_style_defs(".code") for name in (LIGHT, DARK)}


@cache
def _environment() -> Any:
    from jinja2 import FileSystemLoader

    return template_environment(FileSystemLoader(Path(__file__).parent / "templates")).overlay(autoescape=True)
