"""What a language model said, read as a class: strictly where it can be, tolerantly where it must be, never guessed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LABEL_KEYS = ("label", "answer", "class", "category", "classification", "prediction")

_QUOTES = "\"'`*“”‘’«»()[]<>"
_ENDINGS = ".,;:!?…"
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
_LOOSE_KEY = re.compile(rf"""["']?\b(?:{"|".join(LABEL_KEYS)})["']?\s*:\s*(["'])(?P<value>[^"'\n]+)\1""", re.IGNORECASE)
_MARKER = re.compile(
    rf"\b(?:{'|'.join(LABEL_KEYS)})\**\s*(?:\s(?:is|would be|should be)\b|:|=)\s*(?P<value>[^\n]+)", re.IGNORECASE
)
_NEGATION = re.compile(
    r"\b(?:not|no|none|never|neither|nor|cannot|unclear|unsure|either|instead|rather|without)\b|n[’']t\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Answer:
    """One answer, read.

    Attributes:
        label: a class, or None.
        error: why there is none: `empty`, `cut_off`, `refused`, `no_label`, `off_list` or `contradictory`.
        probabilities: in the order of the classes, adding up to 1, where the answer gives them.
    """

    label: str | None
    error: str | None = None
    probabilities: list[float] | None = None


def answer_format(label_names: Sequence[str], verbalised: bool = False) -> dict[str, Any]:
    """Return the `response_format` of a request: a JSON schema that allows the classes and nothing else.

    >>> answer_format(["yes", "no"])["json_schema"]["schema"]["properties"]
    {'label': {'type': 'string', 'enum': ['yes', 'no']}}
    """
    properties: dict[str, Any] = {"label": {"type": "string", "enum": list(label_names)}}
    if verbalised:
        properties["probabilities"] = {
            "type": "object",
            "properties": {name: {"type": "number"} for name in label_names},
            "required": list(label_names),
            "additionalProperties": False,
        }
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def read_answer(
    raw: str | None,
    label_names: Sequence[str],
    *,
    letters: bool = False,
    verbalised: bool = False,
    finish_reason: str | None = None,
) -> Answer:
    """Return the class that an answer names.

    A JSON object counts first, wherever it stands; then `label: …` and `the answer is …`; then an answer that is a
    class alone, begins with one and a full stop, or is one short sentence that ends in the only class it names. Quotes,
    case, fences and what stands between thinking tags do not matter. Two classes at once are a contradiction.

    Args:
        raw: the answer as it came.
        label_names: the classes.
        letters: whether A, B, … stand for the classes, because the prompt listed them so.
        verbalised: whether to read probabilities from the JSON object.
        finish_reason: what the server said about the end of the answer.

    >>> read_answer('Sure! ```json\\n{"label": "DEATH"}\\n```', ["Death", "Injury"]).label
    'Death'
    >>> read_answer("It could be Death or Injury.", ["Death", "Injury"]).error
    'no_label'
    >>> read_answer("Maybe", ["Death", "Injury"])
    Answer(label=None, error='off_list', probabilities=None)
    """
    names = _Names(label_names, letters)
    text = _THOUGHT.sub("", raw or "").strip()
    if finish_reason == "content_filter":
        return Answer(None, "refused")
    if not text:
        return Answer(None, "cut_off" if finish_reason == "length" else "empty")
    found, given, objects = _from_json(text, names)
    if not found and not given and not objects:
        found, given = _from_prose(text, names)
    if len(found) > 1 or (found and given):
        return Answer(None, "contradictory")
    if not found:
        return Answer(None, "cut_off" if finish_reason == "length" else "off_list" if given else "no_label")
    (label,) = found
    shares = next((o["probabilities"] for o in objects if "probabilities" in o), None) if verbalised else None
    return Answer(label, None, _verbalised(shares, label, names))


def logprob_probabilities(tokens: Sequence[Any] | None, label: str, label_names: Sequence[str]) -> list[float] | None:
    """Return a probability a class from the alternatives that the server lists for each token of the label.

    At the token where the label parts from another class, the alternatives' probabilities are shared among the classes
    they begin; what follows a token that still fits several classes decides between these. Scaled to add up to 1.

    Args:
        tokens: of the answer; each has `token`, `logprob` and `top_logprobs` (each `token` and `logprob`).
        label: the class that the answer named.
        label_names: the classes.

    Returns:
        (classes,) or None, when an alternative fits two other classes, or half of the probability lies elsewhere.
    """
    tokens = list(tokens or ())
    content = "".join(str(item.token) for item in tokens).casefold()
    start = content.rfind(label.casefold())
    if start < 0:
        return None
    names = [name.casefold() for name in label_names]
    target, mass, path = label.casefold(), [0.0] * len(names), 1.0
    alive, position = set(range(len(names))), 0
    for item in tokens:
        token = str(item.token).casefold()
        begin, position = position, position + len(token)
        if position <= start or len(alive) == 1:
            continue
        if begin >= start + len(target):
            break
        lead, prefix = max(start - begin, 0), target[: max(begin - start, 0)]
        alternatives = {str(top.token).casefold(): float(top.logprob) for top in item.top_logprobs or ()}
        alternatives.setdefault(token, float(item.logprob))
        fits = {text: _fitting(text, token[:lead], prefix, names, alive) for text in alternatives}
        stay = fits[token]
        for text, some in fits.items():
            if text == token or not some or some & stay:
                continue
            if len(some) > 1:
                return None
            mass[some.pop()] += path * math.exp(min(alternatives[text], 0.0))
        path *= math.exp(min(alternatives[token], 0.0))
        alive = stay
    if label not in label_names or label_names.index(label) not in alive:
        return None
    mass[label_names.index(label)] += path
    total = sum(mass)
    return [value / total for value in mass] if 0.5 <= total <= 1.01 else None


def _fitting(text: str, lead: str, prefix: str, names: Sequence[str], alive: set[int]) -> set[int]:
    """Return the classes among `alive` that go on with the token `text` after `prefix`."""
    rest = text[len(lead) :] if text.startswith(lead) else text.lstrip(" \"'")
    if not prefix:
        rest = rest.lstrip(" \"'")
    if not rest:
        return set()
    fits = set()
    for index in alive:
        end = names[index][len(prefix) :]
        whole = rest.startswith(end) and not rest[len(end) :].strip(" \"'}.\n")
        if names[index].startswith(prefix) and end and (end.startswith(rest) or whole):
            fits.add(index)
    return fits


class _Names:
    """The classes, looked up without regard to case, quotes and punctuation where that leaves them apart."""

    def __init__(self, label_names: Sequence[str], letters: bool) -> None:
        self.names = list(label_names)
        plain = [_plain(name) for name in self.names]
        self.loose = dict(zip(plain, self.names, strict=True)) if len(set(plain)) == len(plain) else {}
        self.letters = {}
        if letters:
            options = {chr(97 + index): name for index, name in enumerate(self.names)}
            self.letters = {key: name for key, name in options.items() if key not in self.loose}

    def find(self, value: Any) -> str | None:
        """Return the class that `value` is, or None."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            value = str(value).lower() if isinstance(value, bool) else ""
        value = str(value)
        if value.strip() in self.names:
            return value.strip()
        plain = _plain(value)
        if name := self.loose.get(plain) or self.letters.get(plain):
            return name
        option = re.match(r"\(?([a-z])[).:]\s*(.+)", value.strip().strip("\"'`*").casefold(), re.DOTALL)
        if option and option[1] in self.letters and self.letters[option[1]] == self.loose.get(_plain(option[2])):
            return self.letters[option[1]]
        return None

    def mentioned(self, text: str) -> list[tuple[str, int]]:
        """Return the classes named in a text and where each mention ends, longer names first to claim their words."""
        found, taken = [], [False] * len(text)
        for name in sorted(self.names, key=len, reverse=True):
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE):
                if not any(taken[match.start() : match.end()]):
                    taken[match.start() : match.end()] = [True] * (match.end() - match.start())
                    found.append((name, match.end()))
        return found


def _plain(value: str) -> str:
    value = re.sub(r"[\s_-]+", " ", value.casefold()).strip()
    while value and (value[0] in _QUOTES + " " or value[-1] in _QUOTES + _ENDINGS + " "):
        value = value.lstrip(_QUOTES + " ").rstrip(_QUOTES + _ENDINGS + " ")
    return value


class _Object(dict):
    """A JSON object that remembers every value of a key that stands twice."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__((key.casefold(), value) for key, value in pairs)
        self.labels: list[Any] = []
        for key, value in pairs:
            if key.casefold() in LABEL_KEYS and value is not None:
                self.labels += value.labels if isinstance(value, _Object) else [value]


def _objects(text: str) -> list[_Object]:
    decoder, found, place = json.JSONDecoder(object_pairs_hook=_Object), [], 0
    while (place := text.find("{", place)) >= 0:
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
        else:
            found.append(value)
    return found


def _from_json(text: str, names: _Names) -> tuple[set[str], list[Any], list[_Object]]:
    """Return the classes in JSON objects, the label values that are no class, and the objects."""
    objects = _objects(text)
    values: list[Any] = []
    for item in objects:
        for label in item.labels:
            values += label if isinstance(label, list) else [label]
    if not objects and "{" in text:
        values = [match["value"] for match in _LOOSE_KEY.finditer(text)]
    found = {name for value in values if (name := names.find(value))}
    return found, [value for value in values if names.find(value) is None], objects


def _from_prose(text: str, names: _Names) -> tuple[set[str], list[str]]:
    """Return the classes that an answer without JSON states, and what it states that is no class."""
    blocks = [block.strip() for block in _FENCE.findall(text) if block.strip()]
    body = blocks[0] if len(blocks) == 1 else text
    if label := names.find(body):
        return {label}, []
    found: set[str] = set()
    given: list[str] = []
    for match in _MARKER.finditer(body):
        value = match["value"]
        first = re.split(r"(?<=\w)[\"'`*)]*[.,;:!?]\s|\s[-–—(]", value, maxsplit=1)[0]
        if label := names.find(value) or names.find(first):
            found.add(label)
        elif len({name for name, _ in names.mentioned(value)}) != 1 or _NEGATION.search(value):
            given.append(value)
    lines = [line for line in body.splitlines() if line.strip()]
    for line in (lines[0], lines[-1]):
        start = re.match(r"[\s\"'`*(]*(.+?)[\"'`*)]*\s*([.,;:!–—]|\s-)\s", line + " ")
        label = names.find(line) or (names.find(start[1]) if start else None)
        listed = start and start[2] not in ".:!" and len({name for name, _ in names.mentioned(line)}) > 1
        if label and not listed:
            found.add(label)
    if not found and not given:
        mentioned = names.mentioned(body)
        at_end = mentioned and not body[mentioned[0][1] :].strip(_QUOTES + _ENDINGS + " ")
        others = body
        for name in names.names:
            others = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", others, flags=re.IGNORECASE)
        if len(mentioned) == 1 and at_end and len(body.split()) <= 12 and not _NEGATION.search(others):
            return {mentioned[0][0]}, []
        if not mentioned and len(body.split()) <= 5:
            given.append(body)
    return found, given


def _verbalised(shares: Any, label: str, names: _Names) -> list[float] | None:
    """Return verbalised probabilities scaled to 1, or None unless there is one number a class and `label` leads."""
    if not isinstance(shares, Mapping):
        return None
    values: dict[str, float] = {}
    for key, value in shares.items():
        name = names.find(key)
        if isinstance(value, str) and re.fullmatch(r"\s*[\d.]+\s*%?\s*", value):
            value = value.strip(" %")
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        if name is None or name in values or not 0 <= number < math.inf:
            return None
        values[name] = number
    total = sum(values.values())
    whole = 100.0 if total > 2 else 1.0
    if set(values) != set(names.names) or not 0.5 <= total / whole <= 1.5 or values[label] < max(values.values()):
        return None
    return [values[name] / total for name in names.names]
