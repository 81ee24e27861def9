"""Dictionaries of terms as plain text: a term a line, and behind a tab its kind."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

KIND = "entity"


def read_terms(terms: Any) -> tuple[list[str], list[str], bytearray | list[int]]:
    """Return terms, the kinds there are, and for each term its kind's place among those.

    Args:
        terms: a list (their kind is `entity`), a mapping from kinds to lists, or the path of a UTF-8 text file of
            lines `term` or `term<tab>kind`. Empty lines are left out.

    Raises:
        ValueError: it is none of those, a term is no text or empty, the file cannot be read, or no term is left.

    >>> read_terms({"drug": ["aspirin", "ibuprofen"], "problem": ["gout"]})
    (['aspirin', 'ibuprofen', 'gout'], ['drug', 'problem'], [0, 0, 1])
    """
    if isinstance(terms, str | os.PathLike):
        found = _read_file(Path(terms).expanduser())
    elif isinstance(terms, Mapping):
        found = [], list(terms), []
        for place, (kind, given) in enumerate(terms.items()):
            if not isinstance(kind, str) or not kind.strip() or any(mark in kind for mark in "\t\r\n"):
                raise ValueError(f"kind {place} of the terms is {kind!r}; expected a short text such as 'drug'")
            listed = _listed(given, f"the terms of kind {kind!r}")
            found[0].extend(listed)
            found[2].extend([place] * len(listed))
    else:
        listed = _listed(terms, "terms")
        found = listed, [KIND], [0] * len(listed)
    if not found[0]:
        raise ValueError("the dictionary holds no term; give at least one, or entities=False for none")
    return found


def write_terms(path: Path, terms: Iterable[str], kinds: list[str], places: Iterable[int]) -> None:
    """Write terms so that `read_terms` gives them back, with blanks for line breaks and tabs within them."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as handle:
            for term, place in zip(terms, places, strict=True):
                handle.write(f"{' '.join(term.split())}\t{kinds[place]}\n")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _listed(terms: Any, name: str) -> list[str]:
    if isinstance(terms, str | bytes | Mapping) or not isinstance(terms, Iterable):
        raise ValueError(
            f"{name}: a {type(terms).__name__} came; expected a list of terms, a mapping from kinds to lists, or the "
            "path of a text file with a term a line"
        )
    listed = list(terms)
    for place, term in enumerate(listed):
        if not isinstance(term, str) or not term.strip():
            what = "is empty" if isinstance(term, str) else f"is a {type(term).__name__}"
            raise ValueError(f"{name}: term {place} {what}; expected a text such as 'chest pain'")
    return listed


def _read_file(path: Path) -> tuple[list[str], list[str], list[int]]:
    if not path.is_file():
        raise ValueError(f"no file at {str(path)!r}; give a UTF-8 text file of lines `term` or `term<tab>kind`")
    terms, kinds, places = [], {}, []
    try:
        with open(path, encoding="utf-8-sig") as handle:
            for number, line in enumerate(handle, 1):
                term, *kind = line.strip("\r\n").split("\t")
                if len(kind) > 1:
                    raise ValueError(f"{path.name}, line {number}: {len(kind)} tabs; expected one, before the kind")
                if term.strip():
                    terms.append(term.strip())
                    places.append(kinds.setdefault((kind[0].strip() if kind else "") or KIND, len(kinds)))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    return terms, list(kinds), places


__all__ = ["KIND", "read_terms", "write_terms"]
