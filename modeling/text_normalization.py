"""Clinical text in one spelling: measurements, and by choice abbreviations, each step aligned with the original."""

from bisect import bisect_right
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from .abbreviations import AbbreviationTable, find_abbreviations
from .aligned_text import AlignedText, Edit, apply_edits, shortest_edit
from .measurements import Measurement, find_measurements

# Value buckets have three bounds a decade: 1, 2, 5, 10, 20, 50 …
_FIRST_DECADE, _LAST_DECADE = -3, 6
_MARK = "[VALUE_"


def _bucket_bounds() -> tuple[tuple[float, ...], tuple[str, ...]]:
    spelled = [f"{step}e{power}" for power in range(_FIRST_DECADE, _LAST_DECADE) for step in (1, 2, 5)]
    bounds = [float(number) for number in [*spelled, f"1e{_LAST_DECADE}"]]
    shown = [f"{bound:g}" if bound < 1 else f"{bound:.0f}" for bound in bounds]
    between = [f"{_MARK}{low}-{high}]" for low, high in pairwise(shown)]
    return tuple(bounds), (
        f"{_MARK}BELOW_0]",
        f"{_MARK}0]",
        f"{_MARK}0-{shown[0]}]",
        *between,
        f"{_MARK}FROM_{shown[-1]}]",
    )


BUCKET_BOUNDS, BUCKET_TOKENS = _bucket_bounds()


def bucket_token(value: float) -> str:
    """Return the token of a value, whatever its unit: which of three steps a decade it lies in, lower bound included.

    >>> bucket_token(18.0), bucket_token(0.5), bucket_token(0.0), bucket_token(-2.5)
    ('[VALUE_10-20]', '[VALUE_0.5-1]', '[VALUE_0]', '[VALUE_BELOW_0]')
    """
    if value <= 0:
        return BUCKET_TOKENS[0 if value < 0 else 1]
    return BUCKET_TOKENS[2 + bisect_right(BUCKET_BOUNDS, value)]


class TextNormalizer:
    """Brings clinical text into one spelling, and keeps where every character comes from.

    Normalising what is normalised already changes nothing.

    Args:
        measurements: write measurements in their canonical form (`find_measurements`), in the text's own unit.
        value_buckets: after each measurement, a token for the size of each of its values (`bucket_tokens`). The scheme
            is fixed, the same for every unit: bounds at 1, 2 and 5 of each decade from 0.001 to 1,000,000. The number
            itself stays.
        abbreviations: expand abbreviations: True for the authored table, a mapping or the path of a JSON or CSV file
            for one's own (`AbbreviationTable`), False for none.

    Raises:
        ValueError: value buckets are asked for without measurements, or the table cannot be read.

    >>> normalizer = TextNormalizer(abbreviations=True)
    >>> aligned = normalizer("HTN, BP 120 over 80. An 18mm nodule.")
    >>> aligned.text
    'hypertension, blood pressure 120/80. An 18 mm nodule.'
    >>> aligned.original[slice(*aligned.to_original(29, 35))]
    '120 over 80'
    >>> TextNormalizer(value_buckets=True)("18mm").text
    '18 mm [VALUE_10-20]'
    """

    def __init__(
        self,
        measurements: bool = True,
        value_buckets: bool = False,
        abbreviations: Any = False,
    ) -> None:
        if value_buckets and not measurements:
            raise ValueError("value_buckets come after measurements, which are switched off; set measurements=True")
        self.measurements = measurements
        self.value_buckets = value_buckets
        self.abbreviations = abbreviations
        self._table = None
        if isinstance(abbreviations, AbbreviationTable):
            self._table = abbreviations
        elif abbreviations is True:
            self._table = AbbreviationTable.builtin()
        elif isinstance(abbreviations, Mapping):
            self._table = AbbreviationTable(abbreviations)
        elif abbreviations is not False and abbreviations is not None:
            self._table = AbbreviationTable.from_file(abbreviations)

    def __call__(self, text: str) -> AlignedText:
        """Return the text in its normal form, aligned with the original.

        Raises:
            TypeError: `text` is no string.
        """
        return self.with_measurements(text)[0]

    @property
    def bucket_tokens(self) -> tuple[str, ...]:
        """The tokens that value buckets use, to be added to a tokenizer; none where they are switched off."""
        return BUCKET_TOKENS if self.value_buckets else ()

    def with_measurements(self, text: str) -> tuple[AlignedText, list[Measurement]]:
        """Return the normal form and the measurements, whose spans are in the original; none where switched off.

        Raises:
            TypeError: `text` is no string.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is of type {type(text).__name__}; expected a string")
        found = find_measurements(text) if self.measurements else []
        edits: list[Edit] = []
        for measurement in found:
            start, end, form = measurement.start, measurement.end, measurement.canonical
            if self.value_buckets and not text.startswith(f" {_MARK}", end):
                form = " ".join([form, *map(bucket_token, measurement.values)])
            if edit := shortest_edit(text, start, end, form):
                edits.append(edit)
        aligned = apply_edits(text, edits)
        if self._table is None:
            return aligned, found
        # An expansion can make an ambiguous neighbour sure, so that the pass is repeated until it finds none.
        while edits := find_abbreviations(aligned.text, self._table):
            aligned = aligned.compose(apply_edits(aligned.text, edits))
        return aligned, found


__all__ = ["BUCKET_TOKENS", "TextNormalizer", "bucket_token"]
