"""A note that is being written: text, with the places of the mentions in it."""

from __future__ import annotations

import re

from .facts import Mention

WIDTH = 96
_SPACE = re.compile(" ")


class NoteText:
    """Collects lines; each part is text or a `Mention`, whose place is filled in.

    A mention may be written once. None is passed over, so that `("since ", None)` writes nothing of that mention.

    >>> note, dose = NoteText(), Mention("5 mg")
    >>> note.line("Takes ", dose, " daily.")
    >>> note.text[dose.start : dose.end], note.lines()
    ('5 mg', ['Takes 5 mg daily.\\n'])
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """The note so far."""
        return "".join(self._parts)

    def write(self, *parts: str | Mention | None) -> None:
        """Write parts on the line that is open.

        Raises:
            ValueError: a mention is in the note already.
        """
        for part in parts:
            if isinstance(part, Mention):
                if part.written:
                    raise ValueError("a mention can stand in a note only once")
                part.start, part.end = self._length, self._length + len(part.text)
            words = part.text if isinstance(part, Mention) else part or ""
            self._parts.append(words)
            self._length += len(words)

    def line(self, *parts: str | Mention | None) -> None:
        """Write parts and end the line."""
        self.write(*parts, "\n")

    def lines(self) -> list[str]:
        """Return the lines, each with its end. Long ones are broken at blanks, so that no character moves."""
        broken: list[str] = []
        for line in self.text.splitlines(keepends=True):
            start = 0
            while len(line) - start > WIDTH + 1:
                blank = line.rfind(" ", start, start + WIDTH)
                if blank <= start:
                    break
                broken.append(line[start:blank] + "\n")
                start = blank + 1
            broken.append(line[start:])
        return broken
