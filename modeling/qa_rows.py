"""Rows of questions and contexts: what they must be, and how messages call them."""

from collections.abc import Mapping, Sequence

import numpy as np


class RowNames(Sequence[str]):
    """How messages call the rows: by number, and by id where they have one.

    >>> RowNames(2, ["note-7", "note-8"])[1]
    'row 1 (id note-8)'
    """

    def __init__(self, rows: int, ids: Sequence[str] | None) -> None:
        self.rows, self.ids = rows, ids

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> str:
        return f"row {row}" if self.ids is None else f"row {row} (id {self.ids[row]})"


def check_rows(
    questions: Sequence[str], contexts: Sequence[str] | None, reads_context: bool, ids: Sequence[str] | None
) -> RowNames:
    """Return the rows' names.

    Args:
        questions: (rows,) texts.
        contexts: (rows,) texts.
        reads_context: whether contexts are looked at.
        ids: (rows,) or None.

    Raises:
        ValueError: there are no rows, the columns differ in length, or a text is empty or no text.
    """
    texts = {"questions": questions} | ({"contexts": contexts} if reads_context else {})
    for name, column in texts.items():
        if column is None or isinstance(column, str | Mapping) or not hasattr(column, "__len__"):
            raise ValueError(f"{name} is a {type(column).__name__}; expected a list of texts, one a row")
    rows = len(questions)
    if not rows:
        raise ValueError("there are no questions; give one row or more")
    for name, column in (texts | ({} if ids is None else {"ids": ids})).items():
        if len(column) != rows:
            raise ValueError(f"{len(column)} {name} came for {rows} questions; expected one a row")
    names = RowNames(rows, ids)
    for name, column in texts.items():
        for row, text in enumerate(column):
            if not isinstance(text, str):
                raise ValueError(f"the {name[:-1]} of {names[row]} is a {type(text).__name__}; expected a text (str)")
            if not text or text.isspace():
                raise ValueError(
                    f"the {name[:-1]} of {names[row]} is empty; leave the row out, or give the text it is to have"
                )
    return names


def check_room(
    room: np.ndarray, lengths: np.ndarray, special: int, max_length: int, doc_stride: int, names: RowNames
) -> None:
    """Refuse sizes that leave a window no way forward.

    Args:
        room: (rows,) tokens of the context that a window of each row has room for.
        lengths: (rows,) tokens of each question.
        special: special tokens of a window.
        max_length: tokens of a window.
        doc_stride: tokens that neighbouring windows share.
        names: of the rows.

    Raises:
        ValueError: a window has room for no more than it shares.
    """
    row = int(room.argmin())
    if room[row] <= doc_stride:
        raise ValueError(
            f"max_length {max_length} leaves {max(int(room[row]), 0)} tokens for the context beside {special} special "
            f"tokens and the question of {names[row]} ({lengths[row]} tokens), but windows that share doc_stride "
            f"{doc_stride} tokens must have room for more than those; raise max_length above "
            f"{special + int(lengths[row]) + doc_stride}, or lower doc_stride or max_question_length"
        )


__all__ = ["RowNames", "check_room", "check_rows"]
