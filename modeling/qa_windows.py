"""Questions and contexts of any length as windows that an encoder holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .qa_rows import RowNames, check_room, check_rows
from .qa_targets import AnswerTokens, answer_spans, category_targets
from .qa_tokens import PairTemplate, TokenizedTexts, pair_template, tokenize
from .window_collator import WindowCollator

IGNORED = -100


@dataclass
class Windows:
    """Windows over the contexts of rows. Tokens are kept once a distinct text; a window is cut when it is read.

    The windows of a row follow one another in the order of its context. As a dataset, `windows[i]` is what a model
    takes for one window, and `WindowCollator` makes a batch of several; `padded` makes one at once.

    Attributes:
        row: (windows,) int64, the input row of each window.
        first: (windows,) int64, its first token of the context.
        stop: (windows,) int64, the token of the context after its last.
        num_rows: input rows.
        carries_category: (windows,) int8: 1 where the window stands for the row's category.
        start_positions: (windows,) int64 or None: the token of the window in which the answer starts; 0 (the first
            token) where the window holds no answer, -100 where nothing is known.
        end_positions: (windows,) int64 or None: the token in which it ends.
        category_probs: (windows, categories) float32 or None: the row's target where it is carried, else zeros.
        cut_questions: how many rows have a question that was cut.
        lost_answers: the rows with answers of which no window holds one whole.
    """

    row: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    num_rows: int
    carries_category: np.ndarray
    start_positions: np.ndarray | None
    end_positions: np.ndarray | None
    category_probs: np.ndarray | None
    cut_questions: int
    lost_answers: tuple[int, ...]
    template: PairTemplate = field(repr=False)
    questions: TokenizedTexts = field(repr=False)
    contexts: TokenizedTexts = field(repr=False)
    question_of: np.ndarray = field(repr=False)
    context_of: np.ndarray = field(repr=False)
    question_lengths: np.ndarray = field(repr=False)
    has_token_types: bool = field(repr=False)

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return what a model takes for one window: lists over its tokens, and its labels where there are any."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} windows, but window {index} was asked for")
        features: dict[str, Any] = {name: part[0].tolist() for name, part in self.padded([index]).items()}
        labels = {name: getattr(self, name) for name in ("start_positions", "end_positions", "category_probs")}
        return features | {name: column[index].tolist() for name, column in labels.items() if column is not None}

    @cached_property
    def heads(self) -> np.ndarray:
        """Tokens ahead of the context in each window: the question and its special tokens, (windows,) int64."""
        return len(self.template.before) + self.question_lengths[self.row] + len(self.template.between)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, (windows,) int64."""
        return self.heads + (self.stop - self.first) + len(self.template.after)

    def take(self, indices: Sequence[int] | np.ndarray) -> "Windows":
        """Return some of the windows, in the order given. They share the tokens; rows keep their numbers."""
        indices = np.asarray(indices, dtype=np.int64)
        names = ("row", "first", "stop", "carries_category", "start_positions", "end_positions", "category_probs")
        columns = {name: getattr(self, name) for name in names}
        return replace(self, **{name: column[indices] for name, column in columns.items() if column is not None})

    def padded(
        self,
        indices: Sequence[int] | np.ndarray | None = None,
        *,
        padding_side: str = "right",
        pad_token_id: int = 0,
        pad_token_type_id: int = 0,
    ) -> dict[str, np.ndarray]:
        """Return what a model takes for a batch of windows.

        Args:
            indices: (batch,) which windows; all of them by default.
            padding_side: "right" or "left".
            pad_token_id: of the tokenizer.
            pad_token_type_id: of the tokenizer.

        Returns:
            `input_ids`, `attention_mask`, `span_mask` (1 where an answer may start or end, and on the window's first
            token, which stands for no answer) and, for a tokenizer that has them, `token_type_ids`; each
            (batch, sequence) int64.
        """
        indices, place, at_context, tokens = self._layout(indices, padding_side)
        ids = np.full(place.shape, pad_token_id, dtype=np.int64)
        types = np.full(place.shape, pad_token_type_id, dtype=np.int64)
        rows, before = self.row[indices], len(self.template.before)
        question_ends = before + self.question_lengths[rows][:, None]
        ends = self.lengths[indices][:, None]
        questions = self.questions.bounds[self.question_of[rows]][:, None] - before + place
        special = (self.template.before, self.template.between, self.template.after)
        begins = (np.zeros_like(ends), question_ends, ends - len(self.template.after))
        for part, (tokens_of, begin) in enumerate(zip(special, begins, strict=True)):
            where = (place >= begin) & (place < begin + len(tokens_of))
            inside = (place - begin)[where]
            ids[where], types[where] = tokens_of[inside], self.template.types[2 * part][inside]
        at_question = (place >= before) & (place < question_ends)
        ids[at_question], types[at_question] = self.questions.ids[questions[at_question]], self.template.types[1]
        ids[at_context], types[at_context] = self.contexts.ids[tokens], self.template.types[3]
        spans = (place == 0).astype(np.int64)
        spans[at_context] = self.contexts.holds_text[tokens]
        mask = ((place >= 0) & (place < ends)).astype(np.int64)
        batch = {"input_ids": ids, "attention_mask": mask, "span_mask": spans}
        return batch | ({"token_type_ids": types} if self.has_token_types else {})

    def padded_offsets(
        self, indices: Sequence[int] | np.ndarray | None = None, *, padding_side: str = "right"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the characters of the context that an answer from or to each token has.

        Args:
            indices: (batch,) which windows; all of them by default.
            padding_side: "right" or "left".

        Returns:
            The first character and the one after the last, (batch, sequence) int32 each; -1 where no answer starts
            or ends: outside the context, and on tokens of spaces alone.
        """
        _, place, at_context, tokens = self._layout(indices, padding_side)
        holds = self.contexts.holds_text[tokens]
        starts, ends = (np.full(place.shape, -1, dtype=np.int32) for _ in range(2))
        starts[at_context] = np.where(holds, self.contexts.starts[tokens], -1)
        ends[at_context] = np.where(holds, self.contexts.ends[tokens], -1)
        return starts, ends

    def _layout(
        self, indices: Sequence[int] | np.ndarray | None, padding_side: str
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the windows, the token of each in each column (below 0: padding), and where which context token is."""
        if padding_side not in ("left", "right"):
            raise ValueError(f"padding_side is {padding_side!r}; expected 'left' or 'right'")
        indices = np.arange(len(self)) if indices is None else np.asarray(indices, dtype=np.int64)
        lengths = self.lengths[indices][:, None]
        width = int(lengths.max(initial=0))
        place = np.arange(width) - (width - lengths if padding_side == "left" else np.zeros_like(lengths))
        heads, first = self.heads[indices][:, None], self.first[indices][:, None]
        at_context = (place >= heads) & (place < heads + self.stop[indices][:, None] - first)
        begins = self.contexts.bounds[self.context_of[self.row[indices]]][:, None]
        return indices, place, at_context, (begins + first - heads + place)[at_context]

    def _lists(self, name: str) -> list[np.ndarray]:
        return [tokens[:length] for tokens, length in zip(self.padded()[name], self.lengths, strict=True)]

    @cached_property
    def input_ids(self) -> list[np.ndarray]:
        """Token ids of each window."""
        return self._lists("input_ids")

    @cached_property
    def attention_mask(self) -> list[np.ndarray]:
        """Ones over each window."""
        return self._lists("attention_mask")

    @cached_property
    def span_mask(self) -> list[np.ndarray]:
        """1 where an answer may start or end, and on each window's first token."""
        return self._lists("span_mask")

    @cached_property
    def token_type_ids(self) -> list[np.ndarray] | None:
        """Token types of each window; None for a tokenizer that has none."""
        return self._lists("token_type_ids") if self.has_token_types else None

    @cached_property
    def offsets(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each window the offsets of its tokens, see `padded_offsets`."""
        return [(start[:n], end[:n]) for start, end, n in zip(*self.padded_offsets(), self.lengths, strict=True)]


def make_windows(
    tokenizer: Any,
    questions: Sequence[str],
    contexts: Sequence[str] | None,
    *,
    max_length: int = 384,
    doc_stride: int = 128,
    max_question_length: int = 64,
    answers: Sequence[Mapping[str, Any] | None] | None = None,
    category_probs: Sequence[Sequence[float]] | np.ndarray | None = None,
    reads_context: bool = True,
    ids: Sequence[str] | None = None,
) -> Windows:
    """Cut the contexts of questions into windows that overlap.

    Each distinct question and context is tokenised once, so that many questions about one note cost one reading of
    it. Windows are those of the tokenizer's own `return_overflowing_tokens` with `truncation="only_second"` and
    `stride=doc_stride`.

    The targets of a window: of the row's answers that it holds whole, the one that comes first in the context;
    the first token, which stands for no answer, where it holds none. A row whose answers fit no window, being longer
    than a window has room for, is not trained on a span (-100 in all its windows). The windows that hold an answer
    stand for the row's category; where none does, its first window.

    Args:
        tokenizer: a fast one, for pairs of texts.
        questions: (rows,) texts.
        contexts: (rows,) texts of any length; not read with `reads_context=False`.
        max_length: tokens of a window, question and special tokens included.
        doc_stride: tokens of the context that neighbouring windows share.
        max_question_length: tokens after which a question is cut.
        answers: (rows,) of {"text": [...], "answer_start": [...]}, in characters of the context; empty lists where it
            holds no answer, None where nothing is known.
        category_probs: (rows, categories) targets; zeros for a row without one.
        reads_context: False makes one window a row, of the question alone; its answers are not read.
        ids: (rows,) by which messages call the rows.

    Raises:
        ValueError: a text is empty, an answer is not in its context, or a window has no room.

    >>> from tokenizers import Tokenizer, models, pre_tokenizers, processors
    >>> from transformers import PreTrainedTokenizerFast
    >>> words = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "?": 2}, unk_token="?"))
    >>> words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    >>> words.post_processor = processors.BertProcessing(("[SEP]", 1), ("[CLS]", 0))
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="?")
    >>> windows = make_windows(tokenizer, ["which drug"], ["fever gone on ibuprofen now"], max_length=8, doc_stride=1,
    ...                        answers=[{"text": ["ibuprofen"], "answer_start": [14]}])
    >>> windows.lengths.tolist(), windows.start_positions.tolist()
    ([8, 8], [0, 5])
    >>> windows.offsets[1][0].tolist()
    [-1, -1, -1, -1, 11, 14, 24, -1]
    """
    names = check_rows(questions, contexts if reads_context else None, reads_context, ids)
    sizes = {
        "max_length": (max_length, 1),
        "doc_stride": (doc_stride, 0),
        "max_question_length": (max_question_length, 1),
    }
    for name, (value, least) in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name} is {value!r}; expected a whole number of {least} or more")
    for name, given in (("answers", answers), ("category_probs", category_probs)):
        if given is not None and len(given) != len(questions):
            raise ValueError(f"{len(given)} {name} came for {len(questions)} rows; expected one a row")
    targets = None if category_probs is None else category_targets(category_probs, names)
    asked, question_of = _tokenized(tokenizer, questions, names, "question")
    read, context_of = _tokenized(tokenizer, contexts if reads_context else [], names, "context")
    template = pair_template(tokenizer, questions[0], reads_context)
    full = asked.counts()[question_of]
    room = max_length - len(template)
    lengths = np.minimum(full, max_question_length if reads_context else min(max_question_length, room))
    if reads_context:
        room = room - lengths
        sizes = read.counts()[context_of]
        check_room(room, lengths, len(template), max_length, doc_stride, names)
        step = room - doc_stride
        count = 1 + -(-np.maximum(sizes - room, 0) // step)
    else:
        if room < 1:
            raise ValueError(
                f"max_length {max_length} has no room for a question beside {len(template)} special tokens"
            )
        context_of = np.zeros(len(questions), dtype=np.int64)
        sizes, room, step, count = (np.full(len(questions), n, dtype=np.int64) for n in (0, 0, 0, 1))
    row = np.repeat(np.arange(len(questions)), count)
    begins = np.cumsum(count) - count
    first = (np.arange(len(row)) - begins[row]) * step[row]
    windows = Windows(
        row=row,
        first=first,
        stop=np.minimum(first + room[row], sizes[row]),
        num_rows=len(questions),
        carries_category=np.zeros(len(row), dtype=np.int8),
        start_positions=None,
        end_positions=None,
        category_probs=None,
        cut_questions=int((lengths < full).sum()),
        lost_answers=(),
        template=template,
        questions=asked,
        contexts=read,
        question_of=question_of,
        context_of=context_of,
        question_lengths=lengths,
        has_token_types="token_type_ids" in tokenizer.model_input_names,
    )
    if answers is not None and reads_context:
        _place_answers(windows, answers, contexts, names, begins, count)
    holds = np.zeros(len(row), dtype=bool) if windows.start_positions is None else windows.start_positions > 0
    windows.carries_category[holds] = 1
    none_holds = np.bincount(row[holds], minlength=len(questions)) == 0
    windows.carries_category[begins[none_holds]] = 1
    if targets is not None:
        windows.category_probs = targets[row] * windows.carries_category[:, None].astype(np.float32)
    return windows


def _tokenized(tokenizer: Any, texts: Sequence[str], names: RowNames, kind: str) -> tuple[TokenizedTexts, np.ndarray]:
    """Return the tokens of the distinct texts, and which of them each row has."""
    places: dict[str, int] = {}
    which = np.array([places.setdefault(text, len(places)) for text in texts], dtype=np.int64)
    rows = np.unique(which, return_index=True)[1]
    return tokenize(tokenizer, list(places), lambda i: f"the {kind} of {names[int(rows[i])]}"), which


def _place_answers(
    windows: Windows,
    answers: Sequence[Mapping[str, Any] | None],
    contexts: Sequence[str],
    names: RowNames,
    begins: np.ndarray,
    count: np.ndarray,
) -> None:
    """Set the positions of every window and the rows whose answers were lost."""
    find = AnswerTokens(windows.contexts)
    starts, ends = (np.full(len(windows), IGNORED, dtype=np.int64) for _ in range(2))
    lost = []
    for row, given in enumerate(answers):
        if given is None:
            continue
        own = slice(begins[row], begins[row] + count[row])
        spans = answer_spans(given, contexts[row], names[row])
        first, stop = windows.first[own], windows.stop[own]
        row_starts, row_ends = np.zeros((2, count[row]), dtype=np.int64)
        # The first answer is placed last, so that it is the one that stands.
        for start, end in reversed(spans):
            tokens = find(int(windows.context_of[row]), start, end)
            if tokens is not None:
                held = (first <= tokens[0]) & (tokens[1] < stop)
                head = windows.heads[own][held] - first[held]
                row_starts[held], row_ends[held] = head + tokens[0], head + tokens[1]
        if spans and not row_starts.any():
            lost.append(row)
        else:
            starts[own], ends[own] = row_starts, row_ends
    windows.start_positions, windows.end_positions, windows.lost_answers = starts, ends, tuple(lost)


__all__ = ["IGNORED", "WindowCollator", "Windows", "make_windows"]
