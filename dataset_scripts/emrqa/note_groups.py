"""Which notes stay together on one side of a split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass
class NoteGroups:
    """Names of notes that stay together: those with the same text but for white space, and those of one name.

    Attributes:
        shared: how often a text came again under another name.
    """

    names: dict[str, str] = field(default_factory=dict)
    shared: int = 0

    def name(self, own: str, text: str) -> str:
        """Return the group of a note; a text that was met before keeps its group, or else the name does.

        Args:
            own: the note's name, its group unless its text is that of another.
            text: of the note.

        >>> groups = NoteGroups()
        >>> groups.name("a", "Fever."), groups.name("b", "Fever. "), groups.name("b", "Cough."), groups.shared
        ('a', 'a', 'a', 1)
        """
        digest = hashlib.sha1(" ".join(text.split()).encode("utf-8", "surrogatepass")).hexdigest()
        group = self.names.get(digest) or self.names.get(own) or own
        self.shared += self.names.get(digest, own) != own
        self.names.setdefault(digest, group)
        self.names.setdefault(own, group)
        return group
