"""Logits of windows to the best answers of each row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .no_answer import choose_no_answer_threshold, fit_no_answer_scale, no_answer_probability
from .qa_windows import Windows

# Scores that are held at once (8 bytes each).
SCORES_AT_ONCE = 2**21


@dataclass(frozen=True)
class Answer:
    """An answer of a row.

    Attributes:
        start: its first character in the context.
        end: the character after its last.
        score: start logit + end logit.
        probability: softmax over the row's n best answers and the null answer.
        window: in which it was found.
    """

    start: int
    end: int
    score: float
    probability: float
    window: int


@dataclass(frozen=True)
class Answers:
    """The best answers of rows, as columns; `answers(row)` gives those of one as objects.

    Attributes:
        start: (rows, n_best) int32, first characters, best answer first; -1 where a row has fewer.
        end: (rows, n_best) int32, the characters after the last; -1 where a row has fewer.
        score: (rows, n_best) float64, start logit + end logit; -inf where a row has fewer.
        probability: (rows, n_best) float64, softmax over the row's answers and the null answer; 0 where a row has
            fewer.
        window: (rows, n_best) int64, where each was found; -1 where a row has fewer.
        null_score: (rows,) float64, the least null score of the row's windows: each of them must say that there is no
            answer in it.
        null_probability: (rows,) float64, of the null answer in the same softmax.
        threshold: there is no answer where `null_odds` is above it.
        best_category: (rows, categories) float64 or None, probabilities in the window of the best answer.
        mean_category: (rows, categories) float64 or None, the mean over the row's windows.
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    window: np.ndarray
    null_score: np.ndarray
    null_probability: np.ndarray
    threshold: float
    best_category: np.ndarray | None
    mean_category: np.ndarray | None

    def __len__(self) -> int:
        return len(self.null_score)

    def with_threshold(self, threshold: float | None) -> "Answers":
        """Return the same answers judged by another threshold; None is 0."""
        return replace(self, threshold=as_threshold(threshold))

    def answers(self, row: int) -> list[Answer]:
        """Return the answers of a row, best first, whatever the threshold."""
        columns = (self.start, self.end, self.score, self.probability, self.window)
        found = int((self.start[row] >= 0).sum())
        return [Answer(*values) for values in zip(*(column[row, :found].tolist() for column in columns), strict=True)]

    @property
    def null_odds(self) -> np.ndarray:
        """Null score − best score, (rows,) float64."""
        return self.null_score - self.score[:, 0]

    @property
    def no_answer(self) -> np.ndarray:
        """Whether a row has no answer, (rows,) bool."""
        return self.null_odds > self.threshold

    @property
    def prediction_start(self) -> np.ndarray:
        """First character of the answer given, (rows,) int32; -1 for no answer."""
        return np.where(self.no_answer, -1, self.start[:, 0])

    @property
    def prediction_end(self) -> np.ndarray:
        """The character after the last of the answer given, (rows,) int32; -1 for no answer."""
        return np.where(self.no_answer, -1, self.end[:, 0])

    @property
    def prediction_score(self) -> np.ndarray:
        """Probability of what is given, an answer or none, (rows,) float64."""
        return np.where(self.no_answer, self.null_probability, self.probability[:, 0])

    @property
    def span_probability(self) -> np.ndarray:
        """Probability of the best span, (rows,) float64."""
        return self.probability[:, 0]

    @property
    def n_best_margin(self) -> np.ndarray:
        """Probability of the best span over that of the second, (rows,) float64."""
        return self.probability[:, 0] - (self.probability[:, 1] if self.probability.shape[1] > 1 else 0.0)

    @property
    def no_answer_margin(self) -> np.ndarray:
        """How far the null odds are from the threshold, either side of it, (rows,) float64."""
        return np.abs(self.null_odds - self.threshold)

    @property
    def category_probabilities(self) -> np.ndarray | None:
        """Probabilities of the categories, (rows, categories) float64: the best answer's, the mean's without one."""
        if self.best_category is None or self.mean_category is None:
            return self.mean_category
        return np.where(self.no_answer[:, None], self.mean_category, self.best_category)

    @property
    def category_entropy(self) -> np.ndarray | None:
        """−Σ p ln p ÷ ln K of the categories, (rows,) float64 between 0 and 1."""
        if (shares := self.category_probabilities) is None:
            return None
        terms = shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny))
        return np.clip(-terms.sum(axis=1) / np.log(max(shares.shape[1], 2)), 0.0, 1.0)

    @property
    def category_max_probability(self) -> np.ndarray | None:
        """Probability of the likeliest category, (rows,) float64."""
        shares = self.category_probabilities
        return None if shares is None else shares.max(axis=1)


def decode(
    start_logits: np.ndarray | Sequence[np.ndarray] | None,
    end_logits: np.ndarray | Sequence[np.ndarray] | None,
    windows: Windows,
    *,
    n_best: int = 20,
    max_answer_length: int = 30,
    no_answer_threshold: float | None = None,
    category_logits: np.ndarray | None = None,
    padding_side: str = "right",
) -> Answers:
    """Return the best answers of every row over all its windows.

    In each window all spans of up to `max_answer_length` tokens of the context are scored, and the `n_best` kept; the
    windows of a row are then put together, of a span that several windows hold the best score. Of spans that score
    alike the one that comes first in the context is first. The null answer is each window's first token.

    Args:
        start_logits: (windows, sequence) padded, or (windows,) arrays as long as each window. None for a model that
            finds no spans: then no row has an answer, and only the categories are read.
        end_logits: as `start_logits`.
        windows: as `make_windows` made them.
        n_best: answers kept of a row.
        max_answer_length: tokens of the longest answer.
        no_answer_threshold: there is no answer where the null odds are above it; None is 0.
        category_logits: (windows, categories), or None.
        padding_side: on which side padded logits are padded.

    Raises:
        ValueError: logits are missing, of another shape than the windows or no numbers, or a setting is below 1.
    """
    for name, value in (("n_best", n_best), ("max_answer_length", max_answer_length)):
        if value < 1:
            raise ValueError(f"{name} is {value}; expected 1 or more")
    if (start_logits is None) != (end_logits is None):
        raise ValueError("start_logits or end_logits are missing; give both, or None for both")
    threshold = as_threshold(no_answer_threshold)
    shares = None if category_logits is None else _softmax(_category_array(category_logits, windows))
    rows = windows.num_rows
    null_score = np.full(rows, np.inf)
    if start_logits is None or not len(windows):
        found = tuple(np.zeros(0, dtype=kind) for kind in (np.int64, np.int64, np.int32, np.int32, np.float64))
    else:
        starts, ends = (
            _aligned(logits, windows, name, padding_side)
            for name, logits in (("start_logits", start_logits), ("end_logits", end_logits))
        )
        np.minimum.at(null_score, windows.row, starts[:, 0].astype(np.float64) + ends[:, 0])
        found = _spans(starts, ends, windows, n_best, max_answer_length)
    columns = _ranked(*found, rows=rows, n_best=n_best)
    spans = np.concatenate([columns["score"], null_score[:, None]], axis=1)
    # Without a span head nothing but the null answer is left.
    spans[np.isinf(null_score), -1] = 0.0
    probability = _softmax(spans)
    mean, best = None, None
    if shares is not None:
        counts = np.bincount(windows.row, minlength=rows)
        mean = np.stack([np.bincount(windows.row, column, minlength=rows) for column in shares.T], axis=1)
        mean /= np.maximum(counts, 1)[:, None]
        if start_logits is not None:
            best = np.where(columns["window"][:, :1] >= 0, shares[columns["window"][:, 0]], mean)
    return Answers(
        **columns,
        probability=probability[:, :-1],
        null_score=null_score,
        null_probability=probability[:, -1],
        threshold=threshold,
        best_category=best,
        mean_category=mean,
    )


def as_threshold(threshold: float | None) -> float:
    """Return a threshold as a number; None is 0.

    Raises:
        ValueError: it is NaN, above which nothing would be.
    """
    if threshold is not None and np.isnan(threshold):
        raise ValueError("the no-answer threshold is NaN; give a number, or None for 0")
    return 0.0 if threshold is None else float(threshold)


def _category_array(logits: np.ndarray, windows: Windows) -> np.ndarray:
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2 or len(logits) != len(windows):
        raise ValueError(
            f"category_logits have the shape {logits.shape}; expected (windows, categories) of {len(windows)} windows"
        )
    return logits


def _aligned(logits: np.ndarray | Sequence[np.ndarray], windows: Windows, name: str, padding_side: str) -> np.ndarray:
    """Return logits as (windows, longest) with each window's first token in the first column."""
    width, count = int(windows.lengths.max(initial=1)), len(windows)
    place = np.arange(width)
    inside = place < windows.lengths[:, None]
    if isinstance(logits, np.ndarray) and logits.ndim == 2:
        if len(logits) != count or logits.shape[1] < width:
            raise ValueError(
                f"{name} have the shape {logits.shape}; expected ({count}, {width} or more): a row for each window, a "
                "column for each token of the longest"
            )
        if padding_side not in ("left", "right"):
            raise ValueError(f"padding_side is {padding_side!r}; expected 'left' or 'right'")
        if padding_side == "right":
            aligned = logits[:, :width]
        else:
            columns = np.minimum(logits.shape[1] - windows.lengths[:, None] + place, logits.shape[1] - 1)
            aligned = np.take_along_axis(logits, columns, axis=1)
    else:
        given = np.array([len(part) for part in logits], dtype=np.int64)
        if not np.array_equal(given, windows.lengths):
            raise ValueError(
                f"{name} of {len(given)} windows came, and not all as long as the {count} windows; give (windows, "
                "sequence), or for each window as many logits as it has tokens"
            )
        aligned = np.zeros((count, width), dtype=np.float64)
        aligned[inside] = np.concatenate([np.asarray(part, dtype=np.float64) for part in logits])
    if np.isnan(aligned, where=inside, out=np.zeros(aligned.shape, dtype=bool)).any():
        raise ValueError(f"{name} hold NaN; the model's numbers have broken down: load it in float32 or bfloat16")
    return aligned


def _spans(
    starts: np.ndarray, ends: np.ndarray, windows: Windows, n_best: int, max_answer_length: int
) -> tuple[np.ndarray, ...]:
    """Return the best spans of each window as (spans,) columns: row, window, first and last character, score."""
    width = starts.shape[1]
    band = min(max_answer_length, width)
    kept = min(n_best, width)
    at_once = max(1, SCORES_AT_ONCE // (width + kept * band))
    parts = []
    for begin in range(0, len(windows), at_once):
        chosen = np.arange(begin, min(begin + at_once, len(windows)))
        first, last = windows.padded_offsets(chosen)
        size = first.shape[1]
        opens, closes = _edges(first, last)
        from_here = np.where(opens, starts[chosen, :size], -np.inf)
        to_here = np.full((len(chosen), size + band - 1), -np.inf)
        to_here[:, :size][closes] = ends[chosen, :size][closes]
        # The best spans begin at the tokens from which the best of all spans begin: only those are looked at further.
        reach = from_here + _sliding_max(to_here, band)
        token = _highest(reach, min(kept, size))[:, :, None] + np.zeros(band, dtype=np.int64)
        further = np.arange(band) + np.zeros_like(token)
        line = np.arange(len(chosen))[:, None, None]
        score = (from_here[line, token] + to_here[line, token + further]).reshape(len(chosen), -1)
        best = _highest(score, min(n_best, score.shape[1]))
        value = np.take_along_axis(score, best, axis=1)
        place, rank = np.nonzero(value > -np.inf)
        best = best[place, rank]
        token, further = token.reshape(len(chosen), -1)[place, best], best % band
        found = first[place, token], last[place, token + further], value[place, rank]
        parts.append((windows.row[chosen[place]], chosen[place], *found))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """Return where the `count` highest of each row stand, in ascending order; of equal ones the first are taken.

    >>> _highest(np.array([[1.0, 3.0, 1.0, 2.0, 1.0]]), 3).tolist()
    [[0, 1, 3]]
    """
    least = np.partition(values, -count, axis=1)[:, -count, None]
    above, equal = values > least, values == least
    spare = count - above.sum(axis=1, keepdims=True)
    return np.nonzero(above | (equal & (equal.cumsum(axis=1) <= spare)))[1].reshape(len(values), count)


def _sliding_max(values: np.ndarray, width: int) -> np.ndarray:
    """Return the highest of each `width` neighbours: (…, n) to (…, n − width + 1), in log2(width) steps.

    >>> _sliding_max(np.array([3.0, 1.0, 2.0, 0.0]), 3).tolist()
    [3.0, 2.0]
    """
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        values = np.maximum(values[..., :-step], values[..., step:])
        reached += step
    return values


def _edges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where spans may start and end, (windows, sequence) bool each.

    Several tokens may be bytes of one character: a span starts at the first of them and ends at the last, so that no
    two spans of a window are the same text.
    """
    reached = np.maximum.accumulate(first, axis=1)
    opens = (first >= 0) & (first > np.pad(reached, ((0, 0), (1, 0)), constant_values=-1)[:, :-1])
    beyond = np.iinfo(last.dtype).max
    ahead = np.where(last >= 0, last, beyond)[:, ::-1]
    ahead = np.minimum.accumulate(ahead, axis=1)[:, ::-1]
    closes = (last >= 0) & (last < np.pad(ahead, ((0, 0), (0, 1)), constant_values=beyond)[:, 1:])
    return opens, closes


def _ranked(
    row: np.ndarray, window: np.ndarray, start: np.ndarray, end: np.ndarray, score: np.ndarray, rows: int, n_best: int
) -> dict[str, np.ndarray]:
    """Return the spans of each row, once each and best first, as (rows, n_best) columns."""
    order = np.lexsort((window, -score, end, start, row))
    row, window, start, end, score = (column[order] for column in (row, window, start, end, score))
    again = np.zeros(len(row), dtype=bool)
    again[1:] = (row[1:] == row[:-1]) & (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    row, window, start, end, score = (column[~again] for column in (row, window, start, end, score))
    order = np.lexsort((end, start, -score, row))
    row, window, start, end, score = (column[order] for column in (row, window, start, end, score))
    counts = np.bincount(row, minlength=rows)
    rank = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    keep = rank < n_best
    place = (row[keep], rank[keep])
    shapes = {"start": (start, -1, np.int32), "end": (end, -1, np.int32), "score": (score, -np.inf, np.float64)}
    columns = {}
    for name, (column, empty, kind) in (shapes | {"window": (window, -1, np.int64)}).items():
        columns[name] = np.full((rows, n_best), empty, dtype=kind)
        columns[name][place] = column[keep]
    return columns


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


__all__ = [
    "Answer",
    "Answers",
    "choose_no_answer_threshold",
    "decode",
    "fit_no_answer_scale",
    "no_answer_probability",
]
