"""Prompts of language models: a template with the classes filled in, hashed over what is sent.

A template is plain text with four places; nothing in it is ever executed, and other braces stay as they are:

    {text}      the text to be judged (needed, in the user part)
    {labels}    one class a line, with its description
    {options}   the same with a letter before each class; then a letter is an answer, too
    {answer}    how to answer, as one JSON object

Prompts that ship lie as YAML beside this module, in `prompts/`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import InputError, closest

FOLDER = Path(__file__).parent / "prompts"
PLACES = ("text", "labels", "options", "answer")

_PLACE = re.compile(r"\{([a-z_]+)\}")
_TEXT_MARK = "\x00text\x00"


@dataclass(frozen=True)
class Prompt:
    """What a language model is asked.

    Attributes:
        name: of the prompt, for the card.
        version: of its wording.
        user: the template of the question; holds `{text}`.
        system: the template of the instruction before it; may be empty.
        descriptions: what each class means; several names for a class may stand here.
        label_names: the classes asked for, in this order; filled by `for_classes`.
        verbalised: whether the model is also asked for a probability a class; filled by `for_classes`.

    Raises:
        InputError: the template lacks `{text}`, or names a place that does not exist.

    >>> prompt = Prompt("short", "1", "Is it a fever? {labels} {text}").for_classes(["yes", "no"])
    >>> prompt.messages("39.5 C")
    [{'role': 'user', 'content': 'Is it a fever? - yes\\n- no 39.5 C'}]
    """

    name: str
    version: str
    user: str
    system: str = ""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    label_names: tuple[str, ...] = ()
    verbalised: bool = False

    def __post_init__(self) -> None:
        for part in ("user", "system"):
            places = _PLACE.findall(getattr(self, part))
            for place in places:
                if place not in PLACES:
                    hint = closest(place, PLACES)
                    raise InputError(f"prompt {self.name!r}: the {part} template has a place {{{place}}}; {hint}")
        if "{text}" not in self.user:
            raise InputError(
                f"prompt {self.name!r}: the user template lacks {{text}}, the place of the text to be judged. "
                "Add a line such as: Text: {text}"
            )
        if "{text}" in self.system:
            raise InputError(f"prompt {self.name!r}: {{text}} belongs in the user template, not in the system template")

    @property
    def lettered(self) -> bool:
        """Whether the classes are listed with letters, so that a letter is an answer."""
        return "{options}" in self.user + self.system

    def for_classes(self, label_names: Sequence[str], verbalised: bool = False) -> Prompt:
        """Return the prompt that asks for these classes.

        Raises:
            InputError: the prompt describes classes, but not all of these; or probabilities are wanted and the
                template has no place `{answer}` to ask for them.
        """
        wanted = {_plain(name): name for name in label_names}
        described = {_plain(name): text for name, text in self.descriptions.items()}
        lacking = [name for key, name in wanted.items() if key not in described]
        if described and lacking:
            raise InputError(
                f"prompt {self.name!r} does not describe the class {lacking[0]!r}; "
                f"it describes {', '.join(self.descriptions)}. "
                f'Say what it means in the recipe: prompt: {{name: {self.name}, descriptions: {{"{lacking[0]}": …}}}}'
            )
        if verbalised and "{answer}" not in self.user + self.system:
            raise InputError(
                f"prompt {self.name!r} has no place {{answer}}, so the model is not asked for probabilities. "
                "Add {answer} to the template, or set probabilities to none or logprobs"
            )
        kept = {name: described[key] for key, name in wanted.items()} if described else {}
        return replace(self, descriptions=kept, label_names=tuple(label_names), verbalised=verbalised)

    def messages(self, text: str) -> list[dict[str, str]]:
        """Return the chat messages that ask about one text.

        Raises:
            InputError: `for_classes` was not called.
        """
        if not self.label_names:
            raise InputError(f"prompt {self.name!r} has no classes yet; call for_classes(label_names) first")
        fillings = {"text": text, "labels": self._lines(False), "options": self._lines(True), "answer": self._answer()}
        filled = {
            role: _PLACE.sub(lambda match: fillings[match[1]], template).strip()
            for role, template in (("system", self.system), ("user", self.user))
        }
        return [{"role": role, "content": content} for role, content in filled.items() if content]

    @cached_property
    def sha1(self) -> str:
        """SHA-1 of what is sent, with a mark in the place of the text: equal prompts have equal hashes."""
        sent = json.dumps(self.messages(_TEXT_MARK), ensure_ascii=False, sort_keys=True)
        return hashlib.sha1(sent.encode("utf-8", "surrogatepass")).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for run.json and the card."""
        return {
            "name": self.name,
            "version": self.version,
            "system": self.system,
            "user": self.user,
            "descriptions": dict(self.descriptions),
            "label_names": list(self.label_names),
            "sha1": self.sha1 if self.label_names else None,
        }

    def _lines(self, letters: bool) -> str:
        lines = []
        for number, name in enumerate(self.label_names):
            start = f"{chr(65 + number)}) " if letters else "- "
            described = f": {self.descriptions[name]}" if name in self.descriptions else ""
            lines.append(f"{start}{name}{described}")
        return "\n".join(lines)

    def _answer(self) -> str:
        names = ", ".join(json.dumps(name, ensure_ascii=False) for name in self.label_names)
        if not self.verbalised:
            return f'Answer with one JSON object and nothing else: {{"label": …}}, where the label is one of {names}.'
        shares = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: …" for name in self.label_names)
        return (
            f'Answer with one JSON object and nothing else: {{"label": …, "probabilities": {{{shares}}}}}, where the '
            f"label is one of {names}, and the probabilities say how sure you are of each class and add up to 1."
        )


def shipped_prompts() -> list[str]:
    """Return the names of the prompts that come with the package.

    >>> shipped_prompts()
    ['ade', 'dragon_binary', 'generic', 'maude_severity', 'mimic_outcome']
    """
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find_prompt(prompt: Prompt | str | Path | Mapping[str, Any] | None = None) -> Prompt:
    """Return a prompt by its name, from a file, or from a recipe's words.

    Args:
        prompt: a shipped name; a `.yaml` or `.json` file; a `.txt` or `.md` file that holds the user template; a
            mapping of fields, which change the shipped prompt that `name` names, if it does; None for `generic`.

    Raises:
        InputError: nothing has that name, a field is not known, or the template is wrong.

    >>> find_prompt("maude_severity").version
    '1'
    >>> find_prompt({"name": "ade", "user": "{labels} {text}"}).system == find_prompt("ade").system
    True
    """
    if isinstance(prompt, Prompt):
        return prompt
    if isinstance(prompt, Mapping):
        return _from_mapping(prompt)
    name = "generic" if prompt is None else str(prompt)
    if name in shipped_prompts():
        return _from_mapping(_read_yaml(FOLDER / f"{name}.yaml"), own=True)
    path = Path(name).expanduser()
    if not path.is_file():
        raise InputError(
            f"no prompt is named {name!r}, and no such file is there; {closest(name, shipped_prompts())}. "
            "A file ends in .yaml or .json (fields name, version, system, user, descriptions) or in .txt (the question)"
        )
    if path.suffix.lower() in (".txt", ".md"):
        return Prompt(path.stem, "1", path.read_text(encoding="utf-8"))
    return _from_mapping({"name": path.stem, **_read_yaml(path)}, own=True)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        raise InputError(
            f"{path.name} is not a prompt: it must hold the fields name, version, system, user, descriptions"
        )
    return value


def _from_mapping(value: Mapping[str, Any], own: bool = False) -> Prompt:
    known = [item.name for item in fields(Prompt) if item.name not in ("label_names", "verbalised")]
    for key in value:
        if key not in known:
            raise InputError(f"unknown key {key!r} in a prompt; {closest(str(key), known)}")
    given = dict(value)
    if not own and given.get("name", "generic") in shipped_prompts():
        base = find_prompt(given.pop("name", "generic"))
        changed = [key for key in given if given[key] != getattr(base, key)]
        version = base.version + ("+" if changed and "version" not in given else "")
        descriptions = {**base.descriptions, **_descriptions(given.pop("descriptions", None))}
        return replace(base, **{"version": version, **given, "descriptions": descriptions})
    if not isinstance(given.get("user"), str):
        raise InputError(
            f"prompt {given.get('name', 'of the recipe')!r} lacks the template user, a text with {{text}} in it"
        )
    return Prompt(
        name=str(given.get("name", "custom")),
        version=str(given.get("version", "1")),
        user=given["user"],
        system=str(given.get("system") or ""),
        descriptions=_descriptions(given.get("descriptions")),
    )


def _descriptions(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"descriptions is a mapping from a class to what it means, not {type(value).__name__}")
    return {str(name): str(text) for name, text in value.items()}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
