"""One text with what a processor finds in it."""

from collections.abc import Callable, Sequence
from functools import cached_property

from .aligned_text import AlignedText
from .clinical_entities import Entity, merge_entities
from .measurements import Measurement, find_measurements
from .text_normalization import TextNormalizer


class TextReading:
    """A text with what is found in it: each once, when it is first asked for.

    Args:
        text: as it came.
        normalizer: gives it its normal form; None leaves it as it is.
        find: (text, its measurements) → entities of it.
        measured: whether `find` reads the measurements; where it does not, none are sought for it.
        written_out: whether entities are sought in the normal form as well.

    >>> reading = TextReading("an 18mm nodule", TextNormalizer(), lambda text, found: [], False, False)
    >>> reading.aligned.text, [one.canonical for one in reading.measurements]
    ('an 18 mm nodule', ['18 mm'])
    """

    def __init__(
        self,
        text: str,
        normalizer: TextNormalizer | None,
        find: Callable[[str, Sequence[Measurement]], list[Entity]],
        measured: bool,
        written_out: bool,
    ) -> None:
        self.text = text
        self._normalizer, self._find = normalizer, find
        self._measured, self._written_out = measured, written_out

    @property
    def aligned(self) -> AlignedText:
        """The text as the tokenizer will read it, aligned with the original."""
        return self._normal[0]

    @cached_property
    def measurements(self) -> list[Measurement]:
        """The measurements of the text as it came."""
        found = self._normal[1]
        return find_measurements(self.text) if found is None else found

    @cached_property
    def entities(self) -> list[Entity]:
        """The entities of the text as it came, in its order, none overlapping."""
        found = self._find(self.text, self.measurements if self._measured else ())
        if not self._written_out or not self.aligned.changes:
            return found
        normal = self.aligned.text
        further = self._find(normal, find_measurements(normal) if self._measured else ())
        places = self.aligned.to_original_spans([(one.start, one.end) for one in further]).tolist()
        moved = [
            one._replace(start=start, end=end) for one, (start, end) in zip(further, places, strict=True) if end > start
        ]
        return merge_entities(found, moved)

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Where the entities are in the text as the tokenizer will read it."""
        spans = [(one.start, one.end) for one in self.entities]
        if not spans or not self.aligned.changes:
            return spans
        return list(map(tuple, self.aligned.from_original_spans(spans).tolist()))

    @cached_property
    def _normal(self) -> tuple[AlignedText, list[Measurement] | None]:
        """The normal form, and the measurements where they were found for it."""
        if self._normalizer is None:
            return AlignedText(self.text, self.text), None
        aligned, found = self._normalizer.with_measurements(self.text)
        return aligned, found if self._normalizer.measurements else None


__all__ = ["TextReading"]
