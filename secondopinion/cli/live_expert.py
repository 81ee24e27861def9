"""A language model that a Space asks while somebody waits: one text at a time, and nothing is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.policy import PUBLIC_UNKNOWN, CorpusPolicy

if TYPE_CHECKING:
    from pathlib import Path

    from ..experts import LlmExpert, Vote

WAIT_S = 60.0


@dataclass(frozen=True)
class LiveExpert:
    """Whom to ask, as the command line names it.

    Attributes:
        base_url: of an OpenAI-compatible server.
        model: the name that the server knows.
        prompt: a shipped prompt or a file; by default the one that the run's expert was asked with.
        api_key_env: the environment variable that holds the server's key.
        allow_remote: hosts outside this machine that may be sent texts.
    """

    base_url: str
    model: str
    prompt: str | None = None
    api_key_env: str | None = None
    allow_remote: tuple[str, ...] = ()

    def connect(self, facts: Mapping[str, Any]) -> Asker:
        """Return the expert for the classes and under the policy of a run, for somebody who waits.

        Args:
            facts: the run's run.json.

        Raises:
            InputError: there are no facts, an argument is wrong, or text may not go there.
        """
        from ..experts import LlmExpert

        hasty = {"concurrency": 1, "timeout_s": WAIT_S, "max_retries": 1, "give_up_after": 1}
        return Asker(LlmExpert, self.model, *self._settings(facts, hasty))

    def collector(self, facts: Mapping[str, Any], store: Path, concurrency: int = 8) -> LlmExpert:
        """Return the expert for many texts, whose answers are kept so that none is paid twice.

        Args:
            facts: the run's run.json.
            store: the file for the answers.
            concurrency: requests under way at once.

        Raises:
            InputError: as `connect`.
        """
        from ..experts import LlmExpert

        names, settings = self._settings(facts, {"concurrency": concurrency, "store": store})
        return LlmExpert(self.model, names, **settings)

    def _settings(self, facts: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
        from ..experts import Redactor, find_prompt, is_remote, shipped_prompts

        label_names = (facts.get("task") or {}).get("label_names")
        if not label_names:
            raise InputError(
                "a live expert needs the run.json of the model, which names its classes; push the run again"
            )
        policy = (facts.get("dataset") or {}).get("policy")
        experts = (facts.get("deferral") or {}).get("experts") or [{}]
        asked_with = experts[0].get("prompt_name")
        return tuple(label_names), {
            "base_url": self.base_url,
            "prompt": find_prompt(self.prompt or (asked_with if asked_with in shipped_prompts() else None)),
            "api_key_env": self.api_key_env,
            "allow_remote": list(self.allow_remote),
            "policy": CorpusPolicy.from_dict(policy) if policy else PUBLIC_UNKNOWN,
            "redactor": Redactor() if is_remote(self.base_url) else None,
            **own,
        }


def live_expert(
    base_url: str | None,
    model: str | None,
    prompt: str | None = None,
    api_key_env: str | None = None,
    allow_remote: Sequence[str] | None = None,
) -> LiveExpert | None:
    """Return the expert that the command line names, or None where it names none.

    Raises:
        InputError: only a part of it is named.
    """
    if base_url and model:
        return LiveExpert(base_url, model, prompt, api_key_env, tuple(allow_remote or ()))
    if base_url or model or prompt or api_key_env or allow_remote:
        raise InputError("a live expert needs both --expert-url http://127.0.0.1:8000/v1 and --expert-model NAME")
    return None


class Asker:
    """Asks about texts and forgets them.

    Args:
        kind: `LlmExpert`.
        model: the name that the server knows.
        label_names: the classes.
        settings: of the expert.

    Raises:
        InputError: a setting is wrong, or text may not go there.
    """

    def __init__(self, kind: type, model: str, label_names: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        self._kind, self._model, self._label_names, self._settings = kind, model, label_names, settings
        self.name = self._expert().name

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return one vote a text."""
        # A new expert each time: its answers live as long as it does.
        return self._expert()(texts, ids)

    def _expert(self) -> Any:
        return self._kind(self._model, self._label_names, **self._settings)
