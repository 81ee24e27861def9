"""A class → a letter: sections of all kinds, the finding that decides somewhere among them, and look-alikes."""

from __future__ import annotations

from dataclasses import dataclass

from ..maude.synthetic import units
from ..synthetic_clinical_qa.drawing import Draw
from .findings import SPECIALTIES, Finding
from .phrases import CLOSINGS, HEADINGS, OPENINGS, POOLS, phrase
from .statements import state

DISCLAIMER = "SYNTHETIC LETTER (authored text, no such patient exists)"
# In `units`, an estimate of wordpieces: by BERT's uncased vocabulary a letter has 0.98 to 1.19 times as many.
SHORT, LONG = (190, 430), (640, 1180)
EARLY, LATE = 300, (460, 800)
_RESTATED = 0.8
_TOLD = 0.9


@dataclass(frozen=True)
class Letter:
    """A case.

    Attributes:
        text: the letter.
        label: its class.
        specialty: of the clinic.
        finding: the first name of what decides.
        name: how this letter calls it.
        value: of the finding, in `unit`.
        unit: of value and threshold.
        threshold: of the rule.
        evidence: (start, end) characters of the first sentence that states it.
        sentences: how many state it.
        long: whether it was to be a long one.
    """

    text: str
    label: str
    specialty: str
    finding: str
    name: str
    value: float
    unit: str
    threshold: float
    evidence: tuple[int, int]
    sentences: int
    long: bool


def write_letter(draw: Draw, number: int, label: str, *, long: bool, late: bool, distraction: float = 0.3) -> Letter:
    """Write one letter.

    The value of the deciding finding depends on `label`, and so do the words for how it goes. Everything else (length,
    sections, place, names, spelling, the values of look-alikes) is drawn without regard to it.

    Args:
        draw: choices; the same seed gives the same letter.
        number: of the case, in its reference.
        label: a name in `findings.LABELS`.
        long: whether it has more than 512 wordpieces.
        late: whether a long one states the finding beyond wordpiece 512 alone.
        distraction: share of the look-alikes' sentences that say how things go, as nine in ten of the finding's do.

    >>> letter = write_letter(Draw("13 0"), 0, "routine", long=False, late=False)
    >>> letter.name.lower() in letter.text[slice(*letter.evidence)].lower(), letter.long
    (True, False)
    """
    specialty = draw.one(list(SPECIALTIES))
    finding = draw.one(SPECIALTIES[specialty])
    urgent = label == "urgent_review"
    name, size = draw.one(finding.names), draw.between(*(LONG if long else SHORT))
    stated = 2 if draw.chance(_RESTATED) else 1
    values = draw_value(draw, finding, urgent=urgent), draw_value(draw, finding, urgent=draw.chance(0.5))
    names = name, draw.one(finding.names)
    telling = _sentences(draw, finding, names, values, high=urgent, told=_TOLD, stated=stated)
    decoys = draw.several(finding.decoys, len(finding.decoys))
    near = _look_alike(draw, finding, decoys[0], distraction, stated)
    beside = _look_alike(draw, finding, decoys[1], distraction) if draw.chance(0.5) else []
    apart = [_look_alike(draw, finding, decoy, distraction)[0] for decoy in decoys[2:4]] if long else []

    results = draw.several([telling[0], near[0], *beside], 3)
    summary = draw.several([*telling[1:], *near[1:]], 2)
    body = _Body(draw, number, specialty)
    room = size - units(" ".join([*results, *summary, *apart])) - 90
    before = draw.between(*LATE) if late else draw.between(0, min(EARLY, max(room, 1)))
    if apart:
        body.section("results", apart[:1])
    body.fill(before if long else before // 2)
    if apart[1:]:
        body.section("results", apart[1:])
    body.section("results", results)
    body.fill(room)
    if summary:
        body.section("summary", summary)
    body.close()
    text = body.text()
    start = text.index(telling[0])
    return Letter(
        text,
        label,
        specialty,
        finding.names[0],
        name,
        values[0],
        finding.unit,
        finding.threshold,
        (start, start + len(telling[0])),
        len(telling),
        long,
    )


def draw_value(draw: Draw, finding: Finding, *, urgent: bool) -> float:
    """Return a value of a finding on one side of its threshold, rounded as it is written."""
    return round(draw.uniform(*(finding.urgent if urgent else finding.routine)), finding.digits)


def _look_alike(draw: Draw, finding: Finding, decoy: str, told: float, stated: int = 1) -> list[str]:
    high = draw.chance(0.5)
    values = draw_value(draw, finding, urgent=high), draw_value(draw, finding, urgent=draw.chance(0.5))
    return _sentences(draw, finding, (decoy, decoy), values, high=high, told=told, stated=stated)


def _sentences(
    draw: Draw,
    finding: Finding,
    names: tuple[str, str],
    values: tuple[float, float],
    *,
    high: bool,
    told: float,
    stated: int,
) -> list[str]:
    return [
        state(draw, names[time], values, finding.unit, finding.digits, high=high, told=told, again=time > 0)
        for time in range(stated)
    ]


class _Body:
    """A letter that is being written: its sections in order, and how long it has become."""

    def __init__(self, draw: Draw, number: int, specialty: str) -> None:
        self._draw = draw
        self._lines = [f"{DISCLAIMER}", f"{specialty} clinic, ref. {number:05d}, {draw.date(0, 400)}"]
        self._lines.append(phrase(draw, draw.one(OPENINGS)))
        self._left = {kind: draw.several(pool, len(pool)) for kind, pool in POOLS.items()}
        self._kinds: list[str] = []
        self._filled = 0

    def section(self, kind: str, sentences: list[str]) -> None:
        heading = self._draw.one(HEADINGS[kind])
        joint = "; " if kind == "medications" else " "
        self._lines.append(f"{heading}: {joint.join(sentences)}")

    def fill(self, until: int) -> None:
        """Write sections of other matters until there are about so many units of them."""
        while self._filled < until and any(self._left.values()):
            if not self._kinds:
                self._kinds = self._draw.several([kind for kind, left in self._left.items() if left], len(POOLS))
            kind = self._kinds.pop()
            sentences = []
            for _ in range(self._draw.between(2, 6)):
                if not self._left[kind] or self._filled >= until:
                    break
                sentences.append(phrase(self._draw, self._left[kind].pop()))
                self._filled += units(sentences[-1])
            if sentences:
                self.section(kind, sentences)

    def close(self) -> None:
        self._lines += [phrase(self._draw, line) for line in self._draw.several(CLOSINGS, self._draw.between(1, 2))]

    def text(self) -> str:
        return "\n".join(self._lines)
