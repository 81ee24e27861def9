"""A card (README.md on the Hub) as plain data: metadata and sections, from text and to text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import InputError

COMMENT = re.compile(r"^<!-- secondopinion wrote this card\b[^\n]*-->[ \t]*\n?", re.MULTILINE)
"""The line by which the next push tells what a person edited; see `card_edits`."""

_OPENING = re.compile(r"\s*---[ \t]*\n")
_BLOCK = re.compile(_OPENING.pattern + r"(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"(#{1,2}) +(\S.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


@dataclass(frozen=True)
class Section:
    """A heading of the first or second level with what stands under it, headings below included.

    Attributes:
        heading: its words; empty for what stands before the first heading.
        text: Markdown, without blank lines around it.
        level: 1 for the title, 2 for the others.
    """

    heading: str
    text: str
    level: int = 2

    def __str__(self) -> str:
        """Return the Markdown.

        >>> str(Section("Limits", "Few rows."))
        '## Limits\\n\\nFew rows.'
        """
        head = f"{'#' * self.level} {self.heading}" if self.heading else ""
        return "\n\n".join(part for part in (head, self.text) if part)


@dataclass(frozen=True)
class Card:
    """A card of any kind: model, data set, metric or Space.

    Attributes:
        metadata: the front matter as plain data, keys in the order they are written.
        sections: what the page shows, in order.
    """

    metadata: Mapping[str, Any] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Card:
        """Read a card; line ends of any system are taken, a card without metadata has none.

        Raises:
            InputError: its metadata cannot be read.

        >>> card = Card.parse("---\\nlicense: mit\\n---\\n# Pumps\\n\\nA model.\\n\\n## Limits\\n\\nFew rows.\\n")
        >>> card.metadata, [section.heading for section in card.sections]
        ({'license': 'mit'}, ['Pumps', 'Limits'])
        """
        text = _lines_of_here(text)
        if not _OPENING.match(text):
            return cls({}, tuple(_sections(COMMENT.sub("", text))))
        return cls(front_matter(text), tuple(_sections(COMMENT.sub("", _BLOCK.sub("", text, count=1)))))

    @classmethod
    def from_template(cls, metadata: Mapping[str, Any], body: str) -> Card:
        """Make a card of what a template gave: no trailing blanks, one blank line where it left several."""
        lines = [line.rstrip() for line in body.splitlines()]
        kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
        return cls(metadata, tuple(_sections("\n".join(kept) + "\n")))

    def __str__(self) -> str:
        """Return the text; equal cards give equal bytes.

        >>> print(Card({"license": "mit"}, (Section("Pumps", "A model.", level=1),)), end="")
        ---
        license: mit
        ---
        <BLANKLINE>
        # Pumps
        <BLANKLINE>
        A model.
        """
        import yaml

        front = yaml.safe_dump(
            dict(self.metadata), sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False
        )
        parts = [f"---\n{front}---"] if self.metadata else []
        return "\n\n".join([*parts, *map(str, self.sections)]) + "\n"


def front_matter(text: str) -> dict[str, Any]:
    """Return the metadata of a card as plain data.

    Raises:
        InputError: there is none, or it is not a YAML mapping of plain values.
    """
    import yaml

    text = _lines_of_here(text)
    block = _BLOCK.match(text)
    if block is None:
        raise InputError("the card has no metadata: it must begin with a YAML block between two lines of ---")
    try:
        metadata = yaml.safe_load(block[1])
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {text.count(chr(10), 0, block.start(1)) + where.line + 1}" if where else ""
        raise InputError(
            f"the card's metadata is not plain YAML{line}: {getattr(error, 'problem', None) or error}. Expected "
            "`key: value` lines of strings, numbers and lists; Python or NumPy objects are not allowed there"
        ) from None
    if not isinstance(metadata, dict | None):
        raise InputError(f"the card's metadata is a {type(metadata).__name__}, expected `key: value` lines")
    return metadata or {}


def template_environment(loader: Any = None) -> Any:
    """Return the Jinja environment of every card: a name that is missing is an error, not an empty line.

    Args:
        loader: of the templates; none for a template that is given as text.
    """
    from jinja2 import Environment, StrictUndefined

    return Environment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _lines_of_here(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _sections(body: str) -> Iterator[Section]:
    """Yield the sections of Markdown; what looks like a heading inside a block of code is none."""
    heading, level, lines, fence = "", 0, [], ""
    for line in body.split("\n"):
        mark = _FENCE.fullmatch(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
        found = None if fence else _HEADING.fullmatch(line)
        if found is None:
            lines.append(line)
            continue
        if heading or any(map(str.strip, lines)):
            yield Section(heading, _unframed(lines), level)
        heading, level, lines = found[2].strip(), len(found[1]), []
    if heading or any(map(str.strip, lines)):
        yield Section(heading, _unframed(lines), level)


def _unframed(lines: list[str]) -> str:
    """Return lines without the blank ones around them."""
    full = [i for i, line in enumerate(lines) if line.strip()]
    return "\n".join(lines[full[0] : full[-1] + 1]) if full else ""
