"""Terms found in a folded text as whole words: by an Aho-Corasick automaton, or by a table of words."""

from array import array
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from .term_folding import fold_term

try:
    import ahocorasick
except ImportError:
    ahocorasick = None

# An automaton reads two to three times as fast as the table; above this many terms it costs half a gigabyte and
# more of memory, where the table needs a quarter of that.
MOST_IN_AUTOMATON = 200_000
SHORTEST_STEM = 3


class TermMatcher:
    """Finds every place where a term stands as whole words, overlapping ones too.

    A term that begins with `*` stands for any single word with that ending and at least 3 characters before it.

    Args:
        terms: in any case and spelling that `fold_term` makes equal; of equal ones the first counts. Those without a
            letter or digit are left out.
        automaton: whether to read by an automaton (pyahocorasick); by default where it is installed and the terms are
            no more than 200,000. What is found is the same.

    Raises:
        ValueError: an automaton is asked for and pyahocorasick is not installed.

    >>> from .term_folding import fold
    >>> matcher = TermMatcher(["chest pain", "pain", "*cillin"])
    >>> sorted(matcher.find(fold("Amoxicillin for chest pain")[0]))
    [(1, 12, 2), (17, 27, 0), (23, 27, 1)]
    """

    def __init__(self, terms: Iterable[str], automaton: bool | None = None) -> None:
        self._ranks: dict[str, int] = {}
        self._endings: dict[str, int] = {}
        self.count = 0
        for rank, term in enumerate(terms):
            folded = fold_term(term)
            if folded:
                place = self._endings if term.lstrip().startswith("*") and " " not in folded else self._ranks
                # Where the spelling is the folded one already, one string serves both.
                place.setdefault(term if term == folded else folded, rank)
            self.count = rank + 1
        if automaton and ahocorasick is None:
            raise ValueError("an automaton needs pyahocorasick, which is not installed: pip install pyahocorasick")
        small = len(self) <= MOST_IN_AUTOMATON
        self.uses_automaton = ahocorasick is not None and small if automaton is None else automaton
        self._made: tuple[Any, ...] | None = None

    def __len__(self) -> int:
        return len(self._ranks) + len(self._endings)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_made": None, "uses_automaton": None if self.uses_automaton else False}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.uses_automaton is None:
            self.uses_automaton = ahocorasick is not None

    def find(self, folded: str) -> list[tuple[int, int, int]]:
        """Return (start, end, the term's place among those given) of each match, in no particular order.

        Args:
            folded: as `fold` gives it.
        """
        if not len(self):
            return []
        return self._by_automaton(folded) if self.uses_automaton else self._by_words(folded)

    def _by_automaton(self, folded: str) -> list[tuple[int, int, int]]:
        if self._made is None:
            automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
            lengths = array("i", [0]) * self.count
            for term, rank in self._ranks.items():
                automaton.add_word(f" {term} ", rank)
                lengths[rank] = len(term)
            for ending, rank in self._endings.items():
                automaton.add_word(f"{ending} ", rank)
                lengths[rank] = -len(ending)
            automaton.make_automaton()
            self._made = automaton, lengths
        automaton, lengths = self._made
        found = []
        for end, rank in automaton.iter(folded):
            length = lengths[rank]
            if length > 0:
                found.append((end - length, end, rank))
            else:
                start = folded.rfind(" ", 0, end) + 1
                if end + length - start >= SHORTEST_STEM:
                    found.append((start, end, rank))
        return found

    def _by_words(self, folded: str) -> list[tuple[int, int, int]]:
        if self._made is None:
            longest: dict[str, int] = {}
            for term in self._ranks:
                first, _, rest = term.partition(" ")
                words = rest.count(" ") + 2 if rest else 1
                if longest.get(first, 0) < words:
                    longest[first] = words
            self._made = (longest, tuple(self._endings))
        longest, endings = self._made
        words = folded[1:-1].split(" ")
        starts = list(accumulate((len(word) + 1 for word in words), initial=1))
        found = []
        for i in [i for i, word in enumerate(words) if word in longest]:
            for after in range(i + 1, min(i + longest[words[i]], len(words)) + 1):
                start, end = starts[i], starts[after] - 1
                rank = self._ranks.get(folded[start:end])
                if rank is not None:
                    found.append((start, end, rank))
        if endings:
            for i in [i for i, word in enumerate(words) if word.endswith(endings)]:
                for ending in endings:
                    if words[i].endswith(ending) and len(words[i]) >= len(ending) + SHORTEST_STEM:
                        found.append((starts[i], starts[i + 1] - 1, self._endings[ending]))
        return found


__all__ = ["TermMatcher"]
