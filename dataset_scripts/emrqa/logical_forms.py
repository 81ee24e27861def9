"""emrQA's logical forms → the events that hold the answer, and the categories that they stand for.

A form is an expression over events: `[{LabEvent (|test|) [date=x]} reveals {ConditionEvent (x) OR SymptomEvent (x)}]`.
The variable `x` is the answer. The grammar, read off emrQA's public templates:

    expression := clause {("OR" | "AND") (clause | relation)}
    clause     := term {relation}
    relation   := word {"/" word} term                    given, reveals, conducted/reveals, improves/worsens/causes
    term       := event | "{" expression "}" | "[" expression "]"
    event      := name "(" argument ")" {"[" attributes "]" | helper "(" … ")"}
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .soft_labels import CATEGORIES

EVENT_CATEGORIES = {
    "ConditionEvent": "Diagnosis",
    "MedicationEvent": "Medication",
    "SymptomEvent": "Symptoms",
    "ProcedureEvent": "Procedure",
    "LabEvent": "Lab Reports",
    "VitalEvent": "Lab Reports",
}

ABSENT = "logical form: none given"
BRACKETS = "logical form: brackets or bars do not match"
GRAMMAR = "logical form: not an expression over events"
TOO_DEEP = "logical form: nested too deep"
OUTSIDE = "logical form: only events outside the five categories"

_MAX_DEPTH = 40
_TOKEN = re.compile(r"\|[^|]*\||[()\[\]{}]|[<>!=]=|[=<>,;|]|[^\s()\[\]{}|=<>!,;]+|!")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS = frozenset(_PAIRS.values())
_EVENT = re.compile(r"[A-Za-z]+Event")
_RELATION = re.compile(r"[A-Za-z]+(?:/[A-Za-z]+)*")
_COMPARISONS = frozenset({"=", "==", "<", ">", "<=", ">=", "!="})


@dataclass(frozen=True)
class Event:
    """One event of a form.

    Attributes:
        name: such as `MedicationEvent`.
        holds: `x` is its argument, or the value of one of its attributes: an attribute belongs to its event.
    """

    name: str
    holds: bool


@dataclass(frozen=True)
class Relation:
    """`subject name object`, such as `{MedicationEvent (x)} given {ConditionEvent (|problem|)}`."""

    subject: Node
    name: str
    object: Node


@dataclass(frozen=True)
class Alternatives:
    """Parts joined by OR or AND; both name what an answer may be."""

    parts: tuple[Node, ...]


Node = Event | Relation | Alternatives


@dataclass(frozen=True)
class CategoryPrior:
    """What a logical form says of its answer's category.

    Attributes:
        weights: over `CATEGORIES`, summing to 1; None where the form says nothing.
        events: names of the events that the weights come from, each once, in the order of the form.
        answers_event: True where the form holds no `x` (yes/no), so that the event asked about is taken.
        unlabelled: share of those events that stand for no category; it is dropped and the rest scaled up.
        reason: why there are no weights.
    """

    weights: tuple[float, ...] | None
    events: tuple[str, ...] = ()
    answers_event: bool = False
    unlabelled: float = 0.0
    reason: str | None = None


class FormError(ValueError):
    """A form that is none; its only argument is one of the reasons above, never the form's own words."""


def category_prior(form: object) -> CategoryPrior:
    """Return the weights over the five categories that a logical form gives; a damaged form gives a reason instead.

    Each distinct event name that holds `x` is one alternative, and all weigh the same: `LabEvent (|t|) [date=x] OR
    LabEvent (|t|) [result=x] OR ProcedureEvent (|t|) [date=x]` is Lab Reports 1/2, Procedure 1/2. Events outside the
    categories (family history, smoking, alcohol, …) are dropped. Without any `x` the event asked about counts: the
    subject of a relation, so that `MedicationEvent (|m|) given {ConditionEvent (|p|)}` is Medication.

    >>> category_prior("ConditionEvent (x) OR SymptomEvent (x)").weights
    (0.5, 0.0, 0.5, 0.0, 0.0)
    >>> category_prior("MedicationEvent (|drug|) [dosage=x]").events
    ('MedicationEvent',)
    >>> category_prior("{LabEvent (|test|) [date=x}]").reason
    'logical form: brackets or bars do not match'
    """
    try:
        node = parse_logical_form(form)
    except FormError as error:
        return CategoryPrior(None, reason=error.args[0])
    names = tuple(dict.fromkeys(event.name for event in events_of(node) if event.holds))
    answers_event = not names
    if answers_event:
        names = tuple(dict.fromkeys(event.name for event in _subjects(node)))
    labelled = [EVENT_CATEGORIES[name] for name in names if name in EVENT_CATEGORIES]
    unlabelled = 1 - len(labelled) / len(names)
    if not labelled:
        return CategoryPrior(None, names, answers_event, unlabelled, OUTSIDE)
    weights = tuple(labelled.count(category) / len(labelled) for category in CATEGORIES)
    return CategoryPrior(weights, names, answers_event, unlabelled)


def events_of(node: Node) -> Iterator[Event]:
    """Yield every event of a form, in its order.

    >>> [event.holds for event in events_of(parse_logical_form("LabEvent (|t|) reveals {ConditionEvent (x)}"))]
    [False, True]
    """
    if isinstance(node, Event):
        yield node
    elif isinstance(node, Relation):
        yield from events_of(node.subject)
        yield from events_of(node.object)
    else:
        for part in node.parts:
            yield from events_of(part)


def _subjects(node: Node) -> Iterator[Event]:
    if isinstance(node, Event):
        yield node
    elif isinstance(node, Relation):
        yield from _subjects(node.subject)
    else:
        for part in node.parts:
            yield from _subjects(part)


def parse_logical_form(form: object) -> Node:
    """Return the tree of a logical form.

    Entities may be filled in, between bars (`|x-ray|` is no variable) or bare. Events that stand inside an attribute
    (`[(date=x)>={ConditionEvent (|p|) [diagnosisdate=x]}]`) only bound its value, so they are part of the attribute.

    Raises:
        FormError: it is empty, its brackets do not match, it is nested too deep, or it is no expression over events.

    >>> parse_logical_form("MedicationEvent (x) given ConditionEvent (|problem|)").name
    'given'
    """
    if not isinstance(form, str) or not form.strip():
        raise FormError(ABSENT)
    tokens = _TOKEN.findall(form)
    _check_brackets(tokens)
    return _Reader(tokens).whole()


def _check_brackets(tokens: list[str]) -> None:
    awaited = []
    for token in tokens:
        if token in _PAIRS:
            awaited.append(_PAIRS[token])
            if len(awaited) > _MAX_DEPTH:
                raise FormError(TOO_DEEP)
        elif token == "|" or (token in _CLOSERS and (not awaited or awaited.pop() != token)):
            raise FormError(BRACKETS)
    if awaited:
        raise FormError(BRACKETS)


class _Reader:
    """Recursive descent over tokens whose brackets match."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def whole(self) -> Node:
        node = self.expression()
        if self.at < len(self.tokens):
            raise FormError(GRAMMAR)
        return node

    def expression(self) -> Node:
        parts = [self.clause()]
        while self.peek() in ("OR", "AND"):
            self.at += 1
            # "… given {A} AND causes {B}": the second relation has the subject of the first.
            parts.append(self.relation(_subject(parts[-1])) if self.at_relation() else self.clause())
        return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))

    def clause(self) -> Node:
        node = self.term()
        while self.at_relation():
            node = self.relation(node)
        return node

    def relation(self, subject: Node) -> Node:
        self.at += 1
        return Relation(subject, self.tokens[self.at - 1], self.term())

    def term(self) -> Node:
        token = self.peek()
        if token in ("{", "["):
            self.at += 1
            node = self.expression()
            if self.peek() != _PAIRS[token]:
                raise FormError(GRAMMAR)
            self.at += 1
            return node
        if token is None or not _EVENT.fullmatch(token):
            raise FormError(GRAMMAR)
        self.at += 1
        return self.event(token)

    def event(self, name: str) -> Event:
        if self.peek() != "(":
            raise FormError(GRAMMAR)
        holds = self.inside() == ["x"]
        while True:
            if self.peek() == "[":
                inside = self.inside()
                # Only as a value, so that a bare "chest x ray" is no variable.
                holds |= any(a in _COMPARISONS and b == "x" for a, b in pairwise(inside))
            elif self.peek(1) == "(" and _RELATION.fullmatch(self.peek() or "") and not _EVENT.fullmatch(self.peek()):
                self.at += 1
                self.inside()
            else:
                return Event(name, holds)

    def inside(self) -> list[str]:
        """Step over a bracket and all it holds; return what stands between."""
        start, depth = self.at + 1, 0
        while True:
            token = self.tokens[self.at]
            depth += (token in _PAIRS) - (token in _CLOSERS)
            self.at += 1
            if not depth:
                return self.tokens[start : self.at - 1]

    def peek(self, ahead: int = 0) -> str | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def at_relation(self) -> bool:
        token = self.peek() or ""
        return token not in ("OR", "AND") and bool(_RELATION.fullmatch(token)) and not _EVENT.fullmatch(token)


def _subject(node: Node) -> Node:
    while isinstance(node, Relation):
        node = node.subject
    return node
