"""What the page shows of one question: the answer, its category, and the note with the place marked."""

from __future__ import annotations

import look
from marking import TONES, label, marked
from reader import Found, Reader, note_id

MAX_CHARACTERS = 200_000
MAX_QUESTION = 1_000
SHOWN = 90


class Panels:
    """Turns what a model found into HTML.

    Args:
        reader: the model.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader, self.categories = reader, reader.categories

    def facts(self) -> list[tuple[str, str]]:
        """Return what the head of the page says of the model."""
        published = self.reader.published
        base = published.facts.get("model", {}).get("base_model")
        facts = [("Model", published.source), ("Revision", published.revision), ("Licence", published.licence)]
        return facts + ([("Encoder", str(base).rsplit("/", 1)[-1])] if base else [])

    def length(self, note: str) -> str:
        """Return how long a note is."""
        line = f"{len(note):,} character{'' if len(note) == 1 else 's'}"
        if len(note) > MAX_CHARACTERS:
            line += f" · this page reads up to {MAX_CHARACTERS:,}"
        return f'<div class="so so-note">{look.text(line)}</div>'

    def problem(self, note: str, question: str) -> str:
        """Return a notice on what keeps a question from being asked, or nothing."""
        if not note.strip():
            return look.notice("stop", "There is no note.", "Write or paste one, or choose an example.")
        if not question.strip():
            return look.notice("stop", "There is no question.", "Ask what the note may answer, such as: Which dose?")
        for what, text, most in (("note", note, MAX_CHARACTERS), ("question", question, MAX_QUESTION)):
            if len(text) > most:
                return look.notice(
                    "stop",
                    f"This {what} is too long.",
                    f"It has {len(text):,} characters; this page reads up to {most:,}.",
                )
        return ""

    def cut(self, question: str) -> str:
        """Return a notice where the model does not read all of a question, or nothing."""
        tokens, most = self.reader.question_tokens(question), self.reader.max_question
        if tokens <= most:
            return ""
        return look.notice("warn", f"The model read the first {most:,} of {tokens:,} tokens of the question.")

    def choices(self, found: Found | None, note: str) -> list[tuple[str, int]]:
        """Return (what a person reads, number) of each span to pick from."""
        spans = found.spans if found and found.note == note_id(note) else ()
        return [(f"{shortened(note[span.start : span.end])} · {span.score:.0%}", i) for i, span in enumerate(spans)]

    def answer(self, found: Found | None, note: str, percent: float, pick: int | None, notice: str = "") -> str:
        """Return the cards: the answer with its place, whether there is one, and its category."""
        if found is None:
            said = card("Answer", "with its place", '<p class="so-verdict none">No question yet</p>')
            return f'<div class="so">{notice}<div class="so-pair">{said}{self._bars({}, "No question yet")}</div></div>'
        if found.note != note_id(note):
            notice = look.notice("warn", "The note has changed since the question was asked.", "Press Ask again.")
            return self.answer(None, note, percent, None, notice)
        silent = self.reader.silent(found, percent)
        span = found.spans[_picked(found, pick)]
        shares = found.unanswered if silent else found.answered
        category = max(shares, key=shares.__getitem__) if shares else None
        if silent:
            verdict = '<p class="so-verdict none">No answer in this note</p>'
            score = found.none_score
        else:
            verdict = (
                f'<blockquote class="qa-answer">{look.text(shortened(note[span.start : span.end], 600))}</blockquote>'
            )
            verdict += f'<p class="qa-labelled">{label(category, self.categories)}</p>' if category else ""
            score = span.score
        rows = [
            ("Characters", "–" if silent else f"{span.start:,} to {span.end:,}"),
            ("Score", f"{score:.1%}"),
            ("Probability of no answer", f"{found.none:.1%}"),
            ("“No answer” above", f"{percent:.1f}%"),
        ]
        facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
        under = ""
        if pick and not silent:
            under = '<p class="so-note">You picked another span; the category is that of the best one.</p>'
        said = card("Answer", "with its place", f'{verdict}<dl class="qa-facts">{facts}</dl>{under}')
        about = "mean over the note" if silent else "of the answer"
        return f'<div class="so">{notice}<div class="so-pair">{said}{self._bars(shares, about)}</div></div>'

    def note(self, found: Found | None, note: str, percent: float, pick: int | None) -> str:
        """Return the note with its spans marked; nothing where it was not asked about."""
        if found is None or found.note != note_id(note):
            return ""
        silent = self.reader.silent(found, percent)
        shares = found.answered
        category = max(shares, key=shares.__getitem__) if shares else None
        spans = [(span.start, span.end) for span in found.spans]
        chosen = None if silent else _picked(found, pick)
        line = "The answer is marked" if chosen is not None else "No answer is marked"
        line += "; other spans that the model considered are dotted." if len(spans) > 1 else "."
        body = marked(note, spans, chosen, category, self.categories)
        head = f'<h2>The note</h2><p class="so-note">{line}</p>'
        return f'<div class="so"><section class="so-card">{head}{body}</section></div>'

    def _bars(self, shares: dict[str, float], about: str) -> str:
        if not self.categories:
            return card("Category", "none", '<p class="so-note">This model was not trained to name categories.</p>')
        rows = [(name, shares.get(name)) for name in self.categories]
        return look.bars("Category", about, rows, (*TONES, "grey"), empty="No question yet")


def card(title: str, subtitle: str, body: str) -> str:
    """Return a card, named for a screen reader."""
    name = look.text(title)
    return f'<section class="so-card" aria-label="{name}"><h3>{name} · {look.text(subtitle)}</h3>{body}</section>'


def shortened(text: str, most: int = SHOWN) -> str:
    """Return a text on one line, its middle left out where it is long.

    >>> shortened("one  two\\nthree"), shortened("abcdefghij", 5)
    ('one two three', 'ab…ij')
    """
    line = " ".join(text.split())
    half = (most - 1) // 2
    return line if len(line) <= most else f"{line[:half]}…{line[-half:]}"


def _picked(found: Found, pick: int | None) -> int:
    return pick if pick is not None and 0 <= pick < len(found.spans) else 0
