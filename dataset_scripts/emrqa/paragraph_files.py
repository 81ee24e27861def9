"""Files of the shape data → paragraphs → qas (SQuAD, emrQA), read one paragraph at a time whatever their size.

They are read twice: once for the titles (a title may stand after its paragraphs) and the numbers of paragraphs and
questions, which a sample without replacement needs, and once for the paragraphs themselves.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ijson

from secondopinion.core.errors import InputError
from secondopinion.core.progress import progress

_PIECE = 1 << 16
_SHAPE = '{"data": [{"title": …, "paragraphs": [{"context": …, "qas": […]}]}]}'
_KINDS = {
    "start_map": "an object",
    "start_array": "a list",
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


@dataclass
class Section:
    """One element of `data`.

    Attributes:
        path: where it stands, such as `data[0]`.
        title: its title; None where it has none.
        paragraphs: how many it holds.
        questions: how many elements its `qas` have in all.
    """

    path: str
    title: str | None = None
    paragraphs: int = 0
    questions: int = 0


@dataclass
class ParagraphFile:
    """A file and what its first reading tells.

    Attributes:
        path: the file.
        sections: the elements of `data`, or the file itself where it is a single one.
        notes: its `bytes` and `sha256`.
        whole: whether the sections stand in a list `data`.
    """

    path: Path
    sections: list[Section] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    whole: bool = True

    @classmethod
    def open(cls, path: Path) -> ParagraphFile:
        """Read the outline of a file.

        Raises:
            InputError: the file is empty, is no JSON, ends early, or is nested otherwise; names the place.
        """
        file = cls(path)
        with _Reading(path, f"looking through {path.name}") as stream:
            try:
                file._outline(stream)
            except (ijson.JSONError, UnicodeDecodeError) as error:
                raise file._damaged(error, stream) from None
            stream.finish()
            file.notes = {"bytes": stream.count, "sha256": stream.hexdigest()}
        if not any(section.paragraphs for section in file.sections):
            raise InputError(f"{path.name}: data holds no paragraphs; expected {_SHAPE}")
        return file

    def paragraphs(self, chosen: set[int] | None = None) -> Iterator[tuple[Section, str, Any]]:
        """Yield (section, path such as `data[0].paragraphs[3]`, the paragraph) in the order of the file.

        Args:
            chosen: the places of sections that are wanted; all when left out.

        Raises:
            InputError: the file has become unreadable since it was opened.
        """
        prefix = "data.item.paragraphs.item" if self.whole else "paragraphs.item"
        with open(self.path, "rb") as stream:
            if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
                stream.seek(0)
            try:
                found = ijson.items(stream, prefix, use_float=True, buf_size=_PIECE)
                for place, section in enumerate(self.sections):
                    for number in range(section.paragraphs):
                        paragraph = next(found)
                        if chosen is None or place in chosen:
                            yield section, f"{section.path}.paragraphs[{number}]".lstrip("."), paragraph
            except (ijson.JSONError, UnicodeDecodeError, StopIteration) as error:
                raise InputError(f"{self.path.name} changed while it was read ({type(error).__name__})") from None

    def _outline(self, stream: _Reading) -> None:
        events = ijson.parse(stream, use_float=True, buf_size=_PIECE)
        _, kind, _ = next(events)
        if kind != "start_map":
            raise self._nested("the file", kind, "an object")
        top, longest, title = "", -1, None
        for prefix, kind, value in events:
            if longest >= 0:
                # All that stands inside a question has a longer prefix: nearly everything, passed over here.
                if len(prefix) <= longest and kind != "map_key":
                    self._note(top, prefix, kind, value)
            elif kind == "map_key" and prefix == "" and value in ("data", "paragraphs"):
                self.whole = value == "data"
                top = "data.item" if self.whole else ""
                longest = len(f"{top}.paragraphs.item.qas.item".lstrip("."))
                if not self.whole:
                    self.sections.append(Section(path="", title=title))
            elif prefix == "title" and kind == "string":
                title = value.strip()
        if longest < 0:
            raise InputError(f"{self.path.name} has no list 'data'; expected {_SHAPE}")

    def _note(self, top: str, prefix: str, kind: str, value: Any) -> None:
        """Take note of one event that belongs to the outline."""
        inside = prefix[len(top) :].lstrip(".") if prefix.startswith(top) else None
        path = self.sections[-1].path if self.sections else ""
        if self.whole and prefix == "data":
            if kind not in ("start_array", "end_array"):
                raise self._nested("data", kind, "a list")
        elif self.whole and prefix == top:
            if kind == "start_map":
                self.sections.append(Section(path=f"data[{len(self.sections)}]"))
            elif kind != "end_map":
                raise self._nested(f"data[{len(self.sections)}]", kind, "an object")
        elif inside == "title" and kind in _KINDS:
            if kind not in ("string", "number", "null"):
                raise self._nested(f"{path}.title".lstrip("."), kind, "text")
            self.sections[-1].title = None if value is None else str(value).strip()
        elif inside == "paragraphs" and kind != "end_array":
            if kind != "start_array":
                raise self._nested(f"{path}.paragraphs".lstrip("."), kind, "a list")
        elif inside == "paragraphs.item" and kind in _KINDS:
            self.sections[-1].paragraphs += 1
        elif inside == "paragraphs.item.qas.item" and kind in _KINDS:
            self.sections[-1].questions += 1

    def _nested(self, place: str, kind: str, wanted: str) -> InputError:
        came = _KINDS.get(kind, "closed")
        return InputError(f"{self.path.name}: {place} is {came}, expected {wanted}. The shape is {_SHAPE}")

    def _damaged(self, error: Exception, stream: _Reading) -> InputError:
        if stream.blank:
            return InputError(f"{self.path.name} is empty; expected {_SHAPE}")
        words = str(error).lower()
        how = "is not JSON"
        if "premature" in words or "incomplete" in words:
            how = "ends early"
        elif isinstance(error, UnicodeDecodeError) or "utf8" in words:
            how = "is not UTF-8"
        last = self.sections[-1] if self.sections else Section("")
        where = f"{last.path or 'the file'}, paragraph {last.paragraphs}" if last.paragraphs else "before any paragraph"
        return InputError(f"{self.path.name} {how} ({where}; {stream.count:,} bytes were read). Get the file again")


class _Reading:
    """A file whose bytes are hashed and counted, with a bar, as they are read; a mark of UTF-8 is passed over."""

    def __init__(self, path: Path, label: str) -> None:
        self._path, self._label, self.count, self.blank = path, label, 0, True
        self._digest = hashlib.sha256()

    def __enter__(self) -> _Reading:
        self._handle = open(self._path, "rb")
        self._bar = progress(total=self._path.stat().st_size, label=self._label, unit="byte")
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()
        self._handle.close()

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        first = not self.count
        self._digest.update(data)
        self.count += len(data)
        self._bar.update(len(data))
        data = data.removeprefix(codecs.BOM_UTF8) if first else data
        self.blank = self.blank and not data.strip()
        return data

    def finish(self) -> None:
        """Read what the parser left: white space at the end."""
        while self.read(_PIECE):
            pass

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def kind_of(value: Any) -> str:
    """Return in words what a JSON value is, never its content.

    >>> kind_of([]), kind_of("secret"), kind_of(None)
    ('a list', 'text', 'null')
    """
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def require_object(value: Any, path: str) -> None:
    """Check that a JSON value is an object.

    Raises:
        InputError: it is something else; `path` is where in the file.
    """
    if not isinstance(value, dict):
        raise InputError(f"{path} is {kind_of(value)}, expected an object")


def wrong_field(value: Mapping[str, Any], name: str, path: str, wanted: str) -> InputError:
    """Return the error for a field that is missing, or of the wrong kind.

    >>> wrong_field({"text": 3}, "text", "data[0]", "text")
    InputError('data[0].text is a number, expected text')
    """
    came = f"is {kind_of(value[name])}" if name in value else "is missing"
    return InputError(f"{path}.{name} {came}, expected {wanted}")


def find_json(source: str | Path, wanted: str, name: str | None = None) -> list[Path]:
    """Return the files that a source means: itself, or the `.json` files of a folder (at any depth), sorted.

    Args:
        source: a file or a folder.
        wanted: what to give instead, for the message.
        name: of several files in a folder take the one of this name.

    Raises:
        InputError: nothing is there.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(f"source '{source}' does not exist. {wanted}")
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*.json") if p.is_file() and not p.name.startswith("."))
    chosen = [p for p in found if p.name == name] or found
    if not chosen:
        raise InputError(f"'{source}' holds no .json file. {wanted}")
    return chosen
