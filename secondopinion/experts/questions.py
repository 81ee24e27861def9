"""A text on its way to a language model and back, and the checks on what was given to be asked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import InputError
from .answers import Answer, logprob_probabilities, read_answer
from .endpoint import Reply

if TYPE_CHECKING:
    from .llm import LlmExpert


class Question:
    """One text on its way: masked before it is sent, read with its names put back."""

    __slots__ = ("_expert", "_mapping", "_text", "key")

    def __init__(self, expert: LlmExpert, key: str, text: str) -> None:
        self._expert, self.key, self._text, self._mapping = expert, key, text, None

    def messages(self) -> list[dict[str, str]]:
        """Return what is sent."""
        text = self._text
        if self._expert.redactor is not None:
            text, self._mapping = self._expert.redactor.mask(text)
        return self._expert.prompt.messages(text)

    def read(self, reply: Reply) -> tuple[Answer, str | None]:
        """Return the answer read, and the answer as it came."""
        expert, raw = self._expert, reply.content
        answer = read_answer(
            raw,
            expert.label_names,
            letters=expert.prompt.lettered,
            verbalised=expert.probabilities == "verbalised",
            finish_reason=reply.finish_reason,
        )
        if expert.probabilities == "logprobs" and answer.label is not None:
            shares = logprob_probabilities(reply.tokens, answer.label, expert.label_names)
            answer = Answer(answer.label, answer.error, shares)
        if self._mapping is not None and raw is not None:
            raw = expert.redactor.restore(raw, self._mapping)
        return answer, raw


def request_key(identity: str, text: str) -> str:
    """Return the name of a request: SHA-1 of everything that decides its answer; nothing can be read from it."""
    return hashlib.sha1(identity.encode() + b"\n" + text.encode("utf-8", "surrogatepass")).hexdigest()


def checked_classes(label_names: Sequence[str]) -> list[str]:
    """Return the classes as a list.

    Raises:
        InputError: there are fewer than two, one stands twice, or one is not a name.
    """
    names = [] if isinstance(label_names, str) else list(label_names)
    if len(names) < 2 or len(set(names)) < len(names) or not all(isinstance(n, str) and n.strip() for n in names):
        raise InputError(f"label_names are two or more different, non-empty names of classes; got {label_names!r}")
    return names


def checked_rows(texts: Sequence[str], ids: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Return texts and ids as lists; ids default to the texts' numbers.

    Raises:
        InputError: a text is no string, or the numbers differ.
    """
    if isinstance(texts, str):
        raise InputError("texts is one text; give a list of texts: expert([text])")
    texts = list(texts)
    wrong = next((row for row, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise InputError(f"text number {wrong} is {type(texts[wrong]).__name__}, not a string")
    names = [str(n) for n in range(len(texts))] if ids is None else [str(item) for item in ids]
    if len(names) != len(texts):
        raise InputError(f"{len(texts)} texts came with {len(names)} ids; give one id a text, or none")
    return texts, names
