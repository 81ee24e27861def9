"""Identifiers masked before a text is sent, and put back into what comes back.

This is a safety net under the rule that text may leave the machine at all, and no de-identification in the sense of
HIPAA: names without a title, rare identifiers, spelled-out numbers and what a reader can infer stay in the text. A
corpus whose policy keeps its text on this machine stays here, masked or not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import InputError, closest
from .identifiers import KINDS, find_identifiers

VERSION = 1
_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")


class Redactor:
    """Replaces identifiers by placeholders such as `[DATE_1]`, and placeholders by what they stood for.

    Kinds: `DATE` (with day or month; a year alone stays), `AGE` (over 89), `NAME` (after a title, a form field or
    before a degree), `RECORD` (record, account, serial numbers; any 7 digits or more), `PHONE`, `EMAIL`, `URL`,
    `ADDRESS`, `ZIP`, `SSN`. Doses, pressures, laboratory values and ranges stay, and so do the FDA's `(B)(6)`.

    Args:
        kinds: the kinds to mask; all by default.

    Raises:
        InputError: a kind is unknown.

    >>> redactor = Redactor()
    >>> masked, mapping = redactor.mask("Mrs. Roe, 91 y/o, seen 3/14/2019: BP 120/80, given 5/325 mg.")
    >>> masked
    'Mrs. [NAME_1], [AGE_1] y/o, seen [DATE_1]: BP 120/80, given 5/325 mg.'
    >>> redactor.restore("On [DATE_1] [NAME_1] was well.", mapping)
    'On 3/14/2019 Roe was well.'
    """

    def __init__(self, kinds: Sequence[str] = KINDS) -> None:
        for kind in kinds:
            if kind not in KINDS:
                raise InputError(f"no kind of identifier {kind!r}; {closest(kind, KINDS)}")
        self.kinds = tuple(kind for kind in KINDS if kind in kinds)

    def facts(self) -> dict[str, Any]:
        """Return plain data that tells whether two redactors mask alike."""
        return {"kinds": list(self.kinds), "version": VERSION}

    def mask(self, text: str) -> tuple[str, dict[str, str]]:
        """Return the text with placeholders, and what each stands for.

        The same identifier gets the same placeholder; a placeholder that the text already holds is not used. What
        overlaps is masked as one.
        """
        taken = set(_PLACEHOLDER.findall(text))
        placeholders: dict[tuple[str, str], str] = {}
        counts: dict[str, int] = {}
        pieces, end = [], 0
        for start, stop, kind in _merged(find_identifiers(text, self.kinds)):
            value = text[start:stop]
            if (kind, value) not in placeholders:
                placeholders[kind, value] = _fresh(kind, counts, taken)
            pieces += [text[end:start], placeholders[kind, value]]
            end = stop
        mapping = {placeholder: value for (_, value), placeholder in placeholders.items()}
        return "".join([*pieces, text[end:]]), mapping

    def restore(self, text: str, mapping: Mapping[str, str]) -> str:
        """Return the text with every placeholder of `mapping` replaced by what it stands for; others stay."""
        return _PLACEHOLDER.sub(lambda match: mapping.get(match[0], match[0]), text)


def _fresh(kind: str, counts: dict[str, int], taken: set[str]) -> str:
    while True:
        counts[kind] = counts.get(kind, 0) + 1
        placeholder = f"[{kind}_{counts[kind]}]"
        if placeholder not in taken:
            return placeholder


def _merged(found: Any) -> list[tuple[int, int, str]]:
    """Return spans in order, those that overlap as one, under the kind of the longest."""
    merged: list[tuple[int, int, str, int]] = []
    for start, stop, kind in sorted(found, key=lambda span: (span[0], -span[1], KINDS.index(span[2]))):
        if merged and start < merged[-1][1]:
            first, last, named, longest = merged[-1]
            named, longest = (kind, stop - start) if stop - start > longest else (named, longest)
            merged[-1] = (first, max(last, stop), named, longest)
        else:
            merged.append((start, stop, kind, stop - start))
    return [span[:3] for span in merged]
