"""Texts as tokens with their places, and how a tokenizer frames a question and a context."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

TEXTS_AT_ONCE = 64
LAST_SPACE = 0x3000
# What str.isspace calls a space; no code point above U+3000 is one.
IS_SPACE = np.array([chr(code).isspace() for code in range(LAST_SPACE + 1)] + [False])


@dataclass(frozen=True)
class TokenizedTexts:
    """Tokens of several texts, one text after another.

    Attributes:
        ids: (tokens,) int32.
        starts: (tokens,) int32, first character of each token in its own text; spaces at its rim are left out.
        ends: (tokens,) int32, the character after its last.
        holds_text: (tokens,) bool, False for a token without a character other than spaces.
        bounds: (texts + 1,) int64; text `i` has the tokens `bounds[i]` to `bounds[i + 1]`.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    holds_text: np.ndarray
    bounds: np.ndarray

    def counts(self) -> np.ndarray:
        """Return the number of tokens of each text, (texts,) int64."""
        return np.diff(self.bounds)


@dataclass(frozen=True)
class PairTemplate:
    """The special tokens around a question, or around a question and a context, with all token types.

    Attributes:
        before: special tokens ahead of the question, as (tokens,) int64.
        between: between question and context.
        after: at the end.
        types: token types of the five parts: before, question, between, context, after.
    """

    before: np.ndarray
    between: np.ndarray
    after: np.ndarray
    types: tuple[np.ndarray, int, np.ndarray, int, np.ndarray]

    def __len__(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)


def check_tokenizer(tokenizer: Any) -> None:
    """Refuse a tokenizer that cannot say where its tokens stand in the text.

    Raises:
        ValueError: it is not a fast one.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ValueError(
            f"{type(tokenizer).__name__} gives no character offsets, so an answer could not be found in the text; "
            "give a fast tokenizer, as AutoTokenizer.from_pretrained(…) loads it"
        )


def tokenize(tokenizer: Any, texts: Sequence[str], name: Callable[[int], str] = "text {}".format) -> TokenizedTexts:
    """Return the tokens of texts without special tokens, in time linear in their length.

    Args:
        tokenizer: a fast one.
        texts: of any length; nothing is cut, and offsets count characters of the text as it is.
        name: how a message calls the text at a place.

    Raises:
        ValueError: a text is no valid Unicode, or no token of it holds a character other than spaces.
    """
    check_tokenizer(tokenizer)
    spaces = [_is_space(text, name(i)) for i, text in enumerate(texts)]
    ids, starts, ends, holds = [], [], [], []
    for begin in range(0, len(texts), TEXTS_AT_ONCE):
        part = list(texts[begin : begin + TEXTS_AT_ONCE])
        encoded = tokenizer(
            part,
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for i, (tokens, offsets) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)):
            flat = np.fromiter(chain.from_iterable(offsets), dtype=np.int32, count=2 * len(tokens))
            first, last, held = _trimmed(flat[::2], flat[1::2], spaces[begin + i])
            if not held.any():
                raise ValueError(
                    f"{name(begin + i)} ({len(part[i])} characters) has no token for the model to read; "
                    "leave the row out, or give a text with letters or digits"
                )
            ids.append(np.array(tokens, dtype=np.int32))
            starts.append(first)
            ends.append(last)
            holds.append(held)
    bounds = np.concatenate([[0], np.cumsum([len(part) for part in ids], dtype=np.int64)]).astype(np.int64)
    return TokenizedTexts(_joined(ids, np.int32), _joined(starts, np.int32), _joined(ends, np.int32),
                          _joined(holds, bool), bounds)  # fmt: skip


def pair_template(tokenizer: Any, question: str, with_context: bool = True) -> PairTemplate:
    """Return a tokenizer's own frame of a question and a context, read off what it does with a pair.

    Args:
        tokenizer: a fast one, of any form of pair: one separator, two of them, with token types or without.
        question: any text that has a token.
        with_context: False for the frame of a question alone.

    Raises:
        ValueError: the tokenizer puts no special token ahead of the question, or none after it.
    """
    check_tokenizer(tokenizer)
    pair = (question, question) if with_context else (question,)
    encoded = tokenizer(*pair, return_token_type_ids=True, verbose=False)
    ids = np.array(encoded["input_ids"], dtype=np.int64)
    types = np.array(encoded["token_type_ids"], dtype=np.int64)
    parts = np.array([-1 if part is None else part for part in encoded.sequence_ids(0)])
    of_question = np.flatnonzero(parts == 0)
    of_context = np.flatnonzero(parts == 1) if with_context else of_question
    before = slice(0, of_question[0])
    between = slice(of_question[-1] + 1, of_context[0] if with_context else of_question[-1] + 1)
    after = slice(of_context[-1] + 1, len(ids))
    wanting = not ids[before].size or (with_context and not ids[between].size)
    if wanting:
        raise ValueError(
            f"{type(tokenizer).__name__} frames a {'pair of texts' if with_context else 'text'} with "
            f"{ids[before].size} special tokens ahead of the question and {ids[between].size} between question and "
            "context; the null answer needs the first and the model the other. Set its post-processor, such as "
            'TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", …)'
        )
    return PairTemplate(
        before=ids[before],
        between=ids[between],
        after=ids[after],
        types=(types[before], int(types[of_question[0]]), types[between], int(types[of_context[0]]), types[after]),
    )


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def _is_space(text: str, name: str) -> np.ndarray:
    try:
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} holds half a surrogate pair at character {error.start}, which is no Unicode text; decode the "
            'source again, with errors="replace"'
        ) from None
    return IS_SPACE[np.minimum(codes, LAST_SPACE + 1)]


def _trimmed(starts: np.ndarray, ends: np.ndarray, is_space: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leave out spaces at the rims of tokens: some tokenizers count the space ahead of a word as the word's."""
    places = np.arange(len(is_space), dtype=np.int32)
    # One more entry each, so that an empty token at the end of the text has something to read.
    next_letter = np.append(np.where(is_space, len(is_space), places), np.int32(len(is_space)))
    next_letter = np.minimum.accumulate(next_letter[::-1])[::-1]
    letters_end = np.maximum.accumulate(np.append(np.int32(0), np.where(is_space, 0, places + 1)))
    first, last = next_letter[starts], letters_end[ends]
    held = first < last
    return (
        np.where(held, first, starts).astype(np.int32),
        np.where(held, last, ends).astype(np.int32),
        held & (starts < ends),
    )


__all__ = ["PairTemplate", "TokenizedTexts", "check_tokenizer", "pair_template", "tokenize"]
