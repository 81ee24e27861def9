"""The code blocks of a documentation page: what each is, and how what it printed is compared with what the page shows.

A block is one of four kinds. `bash` and `python` run; `yaml title="FILE"` (any language with a title) is written to
that file; `{ .text .output }` shows what the block before it printed; `{ .bash .no-run data-reason="…" }` cannot run
here.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RUN, FILE, OUTPUT, NOT_RUN = "run", "file", "output", "not run"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<head>[^`\n]+)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
_AFTER = re.compile(r"^runs_after: (\S+)$", re.MULTILINE)
_NUMBER = re.compile(r"\b[0-9a-f]{7,}\b|\d+(?:[.,]\d+)*(?:e-?\d+)?")
LIKENESS = 0.7


@dataclass(frozen=True)
class Block:
    """One block: where it begins, its language, its classes and attributes, its text, and its span in the page."""

    page: Path
    line: int
    language: str
    classes: frozenset[str]
    attributes: dict[str, str]
    code: str
    span: tuple[int, int]

    @property
    def kind(self) -> str:
        """What is done with it.

        Raises:
            ValueError: nothing; it is written in no known form.
        """
        if "no-run" in self.classes:
            return NOT_RUN
        if "output" in self.classes:
            return OUTPUT
        if "title" in self.attributes:
            return FILE
        if self.language in ("bash", "python"):
            return RUN
        raise ValueError(f"{self.where}: a block of {self.language!r} is neither run, written, shown nor marked no-run")

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        head, indent = found["head"].strip(), found["indent"]
        attributes = dict(_ATTRIBUTE.findall(head))
        words = _ATTRIBUTE.sub("", head).strip("{} ").split()
        yield Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            words[0].lstrip("."),
            frozenset(word[1:] for word in words[1:] if word.startswith(".")),
            attributes,
            re.sub(f"^{indent}", "", found["code"], flags=re.MULTILINE),
            found.span("code"),
        )


def page_before(page: Path) -> Path | None:
    """Return the page in whose folder this one goes on, as its front matter says."""
    named = _AFTER.search(page.read_text(encoding="utf-8").partition("\n---\n")[0])
    return (page.parent / named[1]).resolve() if named else None


def chains(folder: Path) -> list[list[Path]]:
    """Return the pages of a folder with blocks that run, each chain in the order in which it must be read."""
    pages = [page for page in sorted(folder.rglob("*.md")) if any(block.kind != OUTPUT for block in blocks(page))]
    after = {page: page_before(page) for page in pages}
    found = [[page] for page in pages if after[page] is None]
    for chain in found:
        for page in chain:
            chain.extend(next_page for next_page in pages if after[next_page] == page.resolve())
    return found


def masked(text: str) -> list[str]:
    """Return the lines of an output without what another machine prints otherwise: numbers, hashes, widths.

    >>> masked("macro F1   0.458 [0.392, 0.578]")
    ['macro F# # [#, #]']
    """
    text = re.sub(r"[-─]{3,}", "-", _NUMBER.sub("#", text))
    text = re.sub(r"[+−-]#", "#", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def missing_lines(shown: str, printed: str) -> list[str]:
    """Return shown lines that nothing in the output is like; a line of `…` stands for what a page leaves out."""
    have = masked(printed)
    return [
        line
        for line in masked(shown)
        if line != "…" and not difflib.get_close_matches(line, have, n=1, cutoff=LIKENESS)
    ]
