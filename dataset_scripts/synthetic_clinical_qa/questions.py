"""Which questions are asked of a note: templates drawn so that no category prevails, slots filled, answers known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ..emrqa.logical_forms import category_prior
from .asks import ABSENT, ASKS, BYSTANDERS, NAMING, Answer, Filling
from .drawing import Draw
from .notes import Note
from .synonyms import reworded
from .templates import Template

ANSWERED = "answered"
NOT_TOLD = "the note does not tell"
NOT_THERE = "what is asked about is not in the note"
BYSTANDER = "the note names it and tells nothing of it"

_MIXED, _OUTSIDE = 0.5, 0.04
_TRIES = 12


@dataclass(frozen=True)
class Asked:
    """One question asked of a note.

    Attributes:
        template: its paraphrases and logical form.
        words: for each slot, as the question has them.
        answers: each one mention, or several that belong together; none for an unanswerable question.
        kind: `ANSWERED`, or why there is no answer.
    """

    template: Template
    words: dict[str, str]
    answers: tuple[Answer, ...]
    kind: str


class QuestionDrawer:
    """Draws questions for notes.

    Templates are drawn by what their logical form says of the category: the forms of one category share nearly half
    of the questions evenly between the five, forms that leave several open get 50%, those outside the five 4%.

    Args:
        templates: what is asked.
        unanswerable: share of questions without an answer, from 0 to 1.
        synonyms: share of questions that name what they ask about in other words than the note, from 0 to 1.
    """

    def __init__(self, templates: Sequence[Template], unanswerable: float, synonyms: float) -> None:
        self.unanswerable, self.synonyms = unanswerable, synonyms
        groups: dict[tuple[float, ...], list[Template]] = {}
        for template in templates:
            groups.setdefault(category_prior(template.logical_form).weights or (), []).append(template)
        self._groups = list(groups.values())
        sizes = [_share_name(weights) for weights in groups]
        # Of several groups of a kind the larger ones are drawn more often, though less than in proportion.
        roots = [len(group) ** 0.5 if size == _MIXED else 1.0 for group, size in zip(self._groups, sizes, strict=True)]
        totals = {size: sum(r for r, s in zip(roots, sizes, strict=True) if s == size) for size in set(sizes)}
        shares = [size * root / totals[size] for root, size in zip(roots, sizes, strict=True)]
        self._upto = [upto / sum(shares) for upto in accumulate(shares)]

    def draw(self, draw: Draw, note: Note, count: int) -> list[Asked]:
        """Return up to `count` different questions; fewer where a short note does not allow so many."""
        asked: list[Asked] = []
        seen: set[tuple[str, ...]] = set()
        filled: dict[str, list[Filling]] = {}
        for _ in range(count * _TRIES):
            if len(asked) == count:
                break
            template = self._template(draw)
            if template.ask not in filled:
                filled[template.ask] = list(ASKS[template.ask](note.patient))
            found = self._fill(draw, note, template, filled[template.ask])
            if found is None:
                continue
            words, answers, kind = found
            key = (template.logical_form, *words.values())
            if key not in seen:
                seen.add(key)
                if draw.chance(self.synonyms):
                    words = {slot: reworded(text) for slot, text in words.items()}
                asked.append(Asked(template, words, tuple(answers), kind))
        return asked

    def _template(self, draw: Draw) -> Template:
        point = draw.uniform(0, 1)
        place = next((place for place, upto in enumerate(self._upto) if point < upto), len(self._upto) - 1)
        return draw.one(self._groups[place])

    def _fill(
        self, draw: Draw, note: Note, template: Template, fillings: list[Filling]
    ) -> tuple[dict[str, str], list[Answer], str] | None:
        if not draw.chance(self.unanswerable):
            answered = [filling for filling in fillings if filling[1]]
            return (*draw.one(answered), ANSWERED) if answered else None
        empty = [slots for slots, answers in fillings if not answers and self._may_be_empty(note, template, slots)]
        if empty and draw.chance(0.5):
            return draw.one(empty), [], NOT_TOLD
        return self._exchanged(draw, note, template, fillings)

    def _may_be_empty(self, note: Note, template: Template, slots: dict[str, str]) -> bool:
        return template.ask not in NAMING or not any(text.lower() in note.text.lower() for text in slots.values())

    def _exchanged(
        self, draw: Draw, note: Note, template: Template, fillings: list[Filling]
    ) -> tuple[dict[str, str], list[Answer], str] | None:
        """Return a filling whose slot holds something else, of which the note tells nothing."""
        slots = [slot for slot in sorted(template.slots) if slot in ABSENT]
        if not slots or not fillings:
            return None
        words, slot, text = dict(draw.one(fillings)[0]), draw.one(slots), note.text.lower()
        if template.ask not in NAMING and draw.chance(0.5):
            there = [
                name
                for kind in BYSTANDERS.get(slot, ())
                for name in note.patient.bystanders[kind]
                if name.lower() in text
            ]
            if there:
                return {**words, slot: draw.one(there)}, [], BYSTANDER
        for _ in range(_TRIES):
            name = draw.one(ABSENT[slot])
            if name.lower() not in text:
                return {**words, slot: name}, [], NOT_THERE
        return None


def _share_name(weights: tuple[float, ...]) -> float:
    if not weights:
        return _OUTSIDE
    return _MIXED if max(weights) < 1 else 1 - _MIXED - _OUTSIDE
