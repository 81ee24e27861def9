"""A note as text and as lines, and where an annotation stands in it: a line and a token → exact characters.

The sub-datasets number differently: medication and relations count lines from 1 and tokens (between white space)
from 0; risk gives characters of the whole note, which its XML shifts by a few. Which of the readings holds in a note
is decided by its evidence lines: the reading under which most of them are where they say.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from .question_rows import Span

FROM_ONE, FROM_ZERO, CHARACTERS = "lines from 1", "lines from 0", "characters"
NUMBERINGS = (FROM_ONE, FROM_ZERO, CHARACTERS)
EXACT, CASE, WHITE_SPACE = "as written", "letter case differs", "white space differs"

NO_PLACE = "answers: no line is given"
OUTSIDE = "answers: its line is outside the note"
NOT_THERE = "answers: text is not in its line"
AMBIGUOUS = "answers: several places in its line and no token"
NO_EVIDENCE = "answers: no evidence line"
OTHER_EVIDENCE = "answers: evidence is not the text at its line"

_LONGEST_ANNOTATION = 3
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True)
class Found:
    """A place, and how the words there differ from those that were sought."""

    span: Span
    how: str = EXACT


class NoteLines:
    """The text of one note and its lines.

    Args:
        context: the text, or its lines, each with its line end or without.

    >>> note = NoteLines(["Meds:", "aspirin 81 mg , then aspirin 325 mg"])
    >>> note.text[slice(*note.find("Aspirin", 2, 5, FROM_ONE).span.__dict__.values())]
    'aspirin'
    >>> note.find("Aspirin", 2, 5, FROM_ONE).span.start
    27
    """

    def __init__(self, context: str | Sequence[str]) -> None:
        if isinstance(context, str):
            lines = context.split("\n")
            lines = [line + "\n" for line in lines[:-1]] + lines[-1:]
        else:
            lines = [line if line.endswith("\n") else line + "\n" for line in context[:-1]] + list(context[-1:])
        self.lines = lines
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line))
        self.text = "".join(lines)

    def numbering(self, evidence: Iterable[tuple[str, int]]) -> str:
        """Return the reading of line numbers that fits most (evidence, its start) pairs; the usual one when none does.

        Args:
            evidence: pairs from the note's answers; a few hundred are plenty.
        """
        fits = dict.fromkeys(NUMBERINGS, 0)
        for text, start in evidence:
            for name in NUMBERINGS:
                fits[name] += isinstance(self.evidence(text, start, name), Found)
        return max(NUMBERINGS, key=lambda name: (fits[name], -NUMBERINGS.index(name)))

    def evidence(self, text: str, start: int | None, numbering: str) -> Found | str:
        """Return where an evidence line stands, without the white space at its ends, or why it is not there.

        Args:
            text: the line, or several, as the source gives them.
            start: the number of its first line, or its first character.
            numbering: one of `NUMBERINGS`.
        """
        # A line of an annotation over several lines may come with the comma that joined them.
        pieces = [_words(piece) for piece in text.split("\n") if piece.strip()]
        if not pieces:
            return NO_EVIDENCE
        line = self._line(start, numbering)
        if line is None:
            return NO_PLACE if start is None else OUTSIDE
        if numbering == CHARACTERS and start != self.starts[line]:
            return OTHER_EVIDENCE
        if not self.lines[line].strip():
            return OTHER_EVIDENCE
        found = self._lines_from(line, pieces)
        if found == OTHER_EVIDENCE and len(pieces) > 1:
            # An annotation of several parts in one line comes with that line once for each.
            once = [pieces[0], *(b for a, b in pairwise(pieces) if b.removeprefix(",").strip() != a)]
            found = self._lines_from(line, once) if len(once) < len(pieces) else found
        return found

    def find(self, text: str, line: int | None, token: int | None, numbering: str) -> Found | str:
        """Return where an answer stands, or why it is not there.

        The answer must begin in the stated line and may run on into the next two. Case and white space may differ.
        Of several places in the line it is the one nearest to the stated token, never simply the first.

        Args:
            text: the answer as the source gives it.
            line: the number of its line; with `CHARACTERS` the first character of its line.
            token: its first token in the line; with `CHARACTERS` its first character in the note.
            numbering: one of `NUMBERINGS`.
        """
        place = self._line(line, numbering)
        if place is None:
            return NO_PLACE if line is None else OUTSIDE
        begin, end = self.starts[place], self.starts[place + 1]
        limit = self.starts[min(place + _LONGEST_ANNOTATION, len(self.lines))]
        found = list(_matches(_pattern(text), self.text, begin, end, limit))
        if not found:
            return NOT_THERE
        if len(found) > 1:
            if token is None:
                return AMBIGUOUS
            stated = token if numbering == CHARACTERS else begin + _token_start(self.lines[place], token)
            found.sort(key=lambda m: (abs(m.start() - stated), m.start()))
        span = Span(found[0].start(), found[0].end())
        there = self.text[span.start : span.end]
        if there == text:
            return Found(span)
        return Found(span, CASE if _words(there) != _words(text) else WHITE_SPACE)

    def _lines_from(self, line: int, pieces: Sequence[str]) -> Found | str:
        """Return the place of lines one after the other, blank ones passed over, if they are the pieces."""
        wanted, last = list(pieces), line
        for last in range(line, len(self.lines)):
            if there := _words(self.lines[last]):
                piece = wanted.pop(0)
                if there not in (piece, piece.removeprefix(",").strip()):
                    return OTHER_EVIDENCE
                if not wanted:
                    break
        if wanted:
            return OTHER_EVIDENCE
        whole = self.text[self.starts[line] : self.starts[last + 1]]
        begin = self.starts[line] + len(whole) - len(whole.lstrip())
        return Found(Span(begin, begin + len(whole.strip())))

    def _line(self, number: int | None, numbering: str) -> int | None:
        """Return the index of a line, or None where there is none of this number."""
        if number is None:
            return None
        if numbering == CHARACTERS:
            return bisect_right(self.starts, number, hi=len(self.lines)) - 1 if 0 <= number < len(self.text) else None
        index = number - (numbering == FROM_ONE)
        return index if 0 <= index < len(self.lines) else None


def _words(text: str) -> str:
    return " ".join(text.split())


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    """Return a pattern for whole words, whatever the case and the white space between them."""
    words = [re.escape(word) for word in text.split()]
    before = r"(?<!\w)" if words[0][0].isalnum() else ""
    after = r"(?!\w)" if words[-1][-1].isalnum() else ""
    return re.compile(before + r"\s+".join(words) + after, re.IGNORECASE)


def _matches(pattern: re.Pattern[str], text: str, begin: int, end: int, limit: int) -> Iterator[re.Match[str]]:
    """Yield matches that begin in `begin:end` and end by `limit`, overlapping ones too."""
    while begin < end and (match := pattern.search(text, begin, limit)) and match.start() < end:
        yield match
        begin = match.start() + 1


def _token_start(line: str, token: int) -> int:
    """Return the first character of a token of a line; the line's end where it has fewer.

    >>> _token_start("  aspirin 81 mg", 1)
    10
    """
    for number, match in enumerate(_TOKEN.finditer(line)):
        if number == token:
            return match.start()
    return len(line)
