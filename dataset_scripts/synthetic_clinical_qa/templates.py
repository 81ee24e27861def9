"""Templates of questions: our own, and emrQA's public `templates-all.csv`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from secondopinion.core.errors import InputError

from .asks import ASKS
from .authored_templates import AUTHORED
from .drawing import Draw
from .patients import draw_patient
from .public_templates import ask_of

NO_FACT = "templates: the generator has no such fact"
OTHER_SLOTS = "templates: its slots cannot be filled"
NO_PARAPHRASE = "templates: no question in it"
AGAIN = "templates: the same logical form and questions again"
_SLOT = re.compile(r"\|([^|]*)\|")
_COLUMNS = ("dataset", "Question", "Logical Forms")


@dataclass(frozen=True)
class Template:
    """Paraphrases of one question, with `|slots|`, the logical form that they share, and the kind of fact asked for."""

    paraphrases: tuple[str, ...]
    logical_form: str
    ask: str

    @property
    def slots(self) -> frozenset[str]:
        """The names between bars in its questions."""
        return frozenset(name for question in self.paraphrases for name in _SLOT.findall(question))

    def fill(self, words: dict[str, str]) -> list[tuple[str, str]]:
        """Return (question, template) pairs with the slots filled."""
        return [(_SLOT.sub(lambda match: words[match.group(1)], text), text) for text in self.paraphrases]


def authored_templates() -> list[Template]:
    """Return our own templates."""
    return [Template(tuple(questions.split("##")), form, name) for name, form, questions in AUTHORED]


def read_templates(path: str | Path) -> tuple[list[Template], Counter[str]]:
    """Read a file of emrQA's public templates.

    Args:
        path: `templates-all.csv`: columns dataset, Input, Question (paraphrases between ##), Logical Forms, Answer
            Concepts.

    Returns:
        The templates that a note can answer, each logical form once with all its paraphrases; and how many lines were
        left out, by reason.

    Raises:
        InputError: the file is missing, is not such a CSV, or no template of it can be answered.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"templates '{path}' is no file; give emrQA's templates-all.csv, or leave templates out")
    try:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            lines = list(csv.DictReader(handle))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is not a CSV in UTF-8 ({type(error).__name__})") from None
    missing = [name for name in _COLUMNS if not lines or name not in lines[0]]
    if missing:
        raise InputError(
            f"{path.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}; "
            f"its first line must name {', '.join(_COLUMNS)}, as emrQA's templates-all.csv does"
        )
    found: dict[str, Template] = {}
    left_out: Counter[str] = Counter()
    for line in lines:
        template = _template(line)
        if isinstance(template, str):
            left_out[template] += 1
            continue
        before = found.get(template.logical_form)
        paraphrases = tuple(dict.fromkeys((*(before.paraphrases if before else ()), *template.paraphrases)))
        if before and paraphrases == before.paraphrases:
            left_out[AGAIN] += 1
        found[template.logical_form] = Template(paraphrases, template.logical_form, template.ask)
    if not found:
        raise InputError(f"{path.name} holds no template that a generated note can answer")
    return list(found.values()), left_out


def _template(line: dict[str, str | None]) -> Template | str:
    """Return the template of a line, or why there is none."""
    form = " ".join((line["Logical Forms"] or "").split())
    texts = [_tidy(text) for text in (line["Question"] or "").split("##")]
    texts = list(dict.fromkeys(text for text in texts if text))
    if not texts or not form:
        return NO_PARAPHRASE
    name = ask_of(form)
    if name is None:
        return NO_FACT
    slots = slots_of(name)
    texts = [text for text in texts if set(_SLOT.findall(text)) == slots]
    return Template(tuple(texts), form, name) if texts else OTHER_SLOTS


def _tidy(text: str) -> str:
    """Return a question with the repetitions undone that emrQA's own scripts undo."""
    text = " ".join(text.split())
    for slot in ("medication", "problem", "test"):
        text = text.replace(f"|{slot}| or |{slot}|", f"|{slot}|")
    return text.replace("|test| |test| |test|", "|test|")


@cache
def slots_of(name: str) -> set[str]:
    """Return the slots that a kind of question fills.

    >>> sorted(slots_of("medication_given"))
    ['medication', 'problem']
    """
    for seed in range(50):
        for slots, _ in ASKS[name](draw_patient(Draw(f"slots {seed}"))):
            return set(slots)
    return set()


def check(templates: Sequence[Template]) -> None:
    """Raise unless each template asks for a known fact with that fact's slots.

    Raises:
        ValueError: one does not.
    """
    for template in templates:
        if template.ask not in ASKS:
            raise ValueError(f"template {template.logical_form!r} asks for the unknown fact {template.ask!r}")
        for text in template.paraphrases:
            if set(_SLOT.findall(text)) != slots_of(template.ask):
                raise ValueError(f"template {text!r} does not have the slots of {template.ask!r}")
