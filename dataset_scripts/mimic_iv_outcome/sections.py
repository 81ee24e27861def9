"""Sections of a discharge summary of MIMIC-IV, found by their headers.

A summary follows a template: its headers stand at the start of a line, end with a colon and come in one order. The
same words also stand inside sections ("Allergies:" in a list of problems, an older summary that was pasted in). So a
header counts only where it fits the order: of all headers that were met, the longest series in the template's order
is taken, the earliest one where several are equally long.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

HEADERS = (
    "Name",
    "Admission Date",
    "Date of Birth",
    "Service",
    "Allergies",
    "Attending",
    "Chief Complaint",
    "Major Surgical or Invasive Procedure",
    "History of Present Illness",
    "Review of Systems",
    "Past Medical History",
    "Social History",
    "Family History",
    "Physical Exam",
    "Pertinent Results",
    "Brief Hospital Course",
    "Medications on Admission",
    "Discharge Medications",
    "Discharge Disposition",
    "Facility",
    "Discharge Diagnosis",
    "Discharge Condition",
    "Discharge Instructions",
    "Followup Instructions",
)
_BLANKS = re.compile(r"\s+")


class SectionFinder:
    """Finds sections by name.

    Args:
        names: of the sections that are wanted, in the order in which they are to be joined; letter case does not
            matter. A name that the template does not have may stand anywhere.

    >>> note = "Allergies:\\nNone\\nBrief Hospital Course:\\nFever fell.\\nAllergies: asked again.\\nFacility:\\n___"
    >>> SectionFinder(["brief hospital course"]).find(note)
    {'brief hospital course': 'Fever fell. Allergies: asked again.'}
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        order = {_plain(header): number for number, header in enumerate(HEADERS)}
        self._order = order | {_plain(name): None for name in names if _plain(name) not in order}
        known = sorted(self._order, key=lambda name: (-len(name), name))
        spelled = "|".join(r"[ \t]+".join(map(re.escape, name.split(" "))) for name in known)
        self._pattern = re.compile(rf"^[ \t]*({spelled})[ \t]*:", re.IGNORECASE | re.MULTILINE)

    def find(self, note: str) -> dict[str, str]:
        """Return the sections that are there and not empty, by the names they were asked for, in their order.

        White space inside a section becomes one blank. Of a section whose header is met again, all parts are joined.
        """
        met = [(match.start(), match.end(), _plain(match[1])) for match in self._pattern.finditer(note)]
        kept = _in_order([self._order[name] for _, _, name in met])
        starts = [met[place] for place in kept]
        parts: dict[str, list[str]] = {}
        for (_, begin, name), (end, *_) in pairwise([*starts, (len(note),)]):
            if words := _BLANKS.sub(" ", note[begin:end]).strip():
                parts.setdefault(name, []).append(words)
        return {name: " ".join(parts[_plain(name)]) for name in self.names if _plain(name) in parts}


def _plain(name: str) -> str:
    return _BLANKS.sub(" ", name.strip().rstrip(":").strip()).casefold()


def _in_order(numbers: Sequence[int | None]) -> list[int]:
    """Return the places of the longest strictly rising series, the earliest of several, and of every None.

    >>> _in_order([3, 9, 4, None, 5])
    [0, 2, 3, 4]
    """
    placed = [place for place, number in enumerate(numbers) if number is not None]
    length: dict[int, int] = {}
    following: dict[int, int | None] = {}
    for at in range(len(placed) - 1, -1, -1):
        here = placed[at]
        later = [place for place in placed[at + 1 :] if numbers[place] > numbers[here]]
        best = max(later, key=lambda place: length[place], default=None)
        following[here], length[here] = best, 1 + (length[best] if best is not None else 0)
    series, place = set(), max(placed, key=lambda place: length[place], default=None)
    while place is not None:
        series.add(place)
        place = following[place]
    return [place for place, number in enumerate(numbers) if number is None or place in series]
