"""Text as terms are compared in: one spelling a character, one blank between words, each character's place kept."""

import unicodedata
from functools import lru_cache

import numpy as np

GAP, DROPPED = ord(" "), 0
PLANE = 0x10000
SURROGATES = range(0xD800, 0xE000)
# Points of Hebrew and Arabic are written or not; accents of Latin, Greek and Cyrillic are often left out in notes.
OPTIONAL_MARKS = (range(0x0300, 0x0370), range(0x0591, 0x05C8), range(0x064B, 0x0660), range(0x0670, 0x0671))


def fold(text: str) -> tuple[str, np.ndarray]:
    """Return the text folded, and where each of its characters comes from.

    Letters and digits become lower case without accents, each of them one character (`İ` is `i`, `ẞ` is `ß`, a
    full-width letter the plain one); zero-width characters and optional marks are dropped; anything else is one blank
    together with what of it follows. A blank begins and ends the result, so that a whole word is one between blanks.

    Args:
        text: any text; half of a surrogate pair counts as a blank.

    Returns:
        The folded text, and an array of as many positions in `text`: -1 for the blank before it, the first of what
        it stands for where a blank is several characters, the text's length for one behind it.

    >>> folded, places = fold("Ménière's  (İ)")
    >>> folded, places.tolist()
    (' meniere s i ', [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13])
    """
    if text.isascii():
        letters = _ascii_table()[np.frombuffer(text.encode("ascii"), np.uint8)]
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        letters = _table()[np.minimum(codes, PLANE - 1)]
        for code in np.unique(codes[codes >= PLANE]).tolist():
            letters[codes == code] = _fold_character(code)
    places = np.flatnonzero(letters)
    letters = np.concatenate([[GAP], letters[places], [GAP]]).astype(letters.dtype)
    places = np.concatenate([[-1], places, [len(text)]])
    gaps = letters == GAP
    kept = np.append(True, ~(gaps[1:] & gaps[:-1]))
    letters, places = letters[kept], places[kept]
    return letters.tobytes().decode("ascii" if letters.dtype == np.uint8 else "utf-32-le"), places


def fold_term(term: str) -> str:
    """Return a term as `fold` would write it, without the blanks around it; "" where it has no letter or digit.

    >>> fold_term("  Non-small  cell ")
    'non small cell'
    """
    if term.isascii():
        return " ".join(term.lower().translate(_ascii_gaps()).split())
    return fold(term)[0].strip()


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """Return the folded character of each one of the basic plane."""
    return np.array([_fold_character(code) for code in range(PLANE)], np.uint32)


@lru_cache(maxsize=1)
def _ascii_table() -> np.ndarray:
    return np.array([_fold_character(code) for code in range(128)], np.uint8)


@lru_cache(maxsize=1)
def _ascii_gaps() -> dict[int, str]:
    return {code: " " for code in range(128) if not chr(code).isalnum()}


def _fold_character(code: int) -> int:
    if code in SURROGATES:
        return GAP
    character = chr(code)
    category = unicodedata.category(character)
    # Format characters have no width (soft hyphen, joiners, marks of direction); they hide no word.
    if category == "Cf" or any(code in marks for marks in OPTIONAL_MARKS):
        return DROPPED
    if not (character.isalnum() or category[0] == "M"):
        return GAP
    base, *marks = unicodedata.normalize("NFKD", character)
    if any(ord(mark) not in OPTIONAL_MARKS[0] for mark in marks):
        base = character
    lower = base.lower()
    return ord(lower) if len(lower) == 1 and (lower.isalnum() or category[0] == "M") else code


__all__ = ["fold", "fold_term"]
