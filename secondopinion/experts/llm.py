"""A language model as expert: any OpenAI-compatible chat endpoint, resumable, with a spending cap."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..core.errors import InputError
from ..core.policy import PUBLIC_UNKNOWN, CorpusPolicy
from ..core.progress import progress
from .access import is_remote, require_allowed
from .answers import answer_format
from .asking import AskingRun
from .endpoint import Endpoint
from .prices import Price
from .prompts import Prompt, find_prompt
from .questions import Question, checked_classes, checked_rows, request_key
from .store import VoteStore, open_store
from .votes import Vote

if TYPE_CHECKING:
    from .redaction import Redactor

Probabilities = Literal["none", "logprobs", "verbalised"]
Structured = Literal["auto", "json_schema", "none"]

_OURS = ("messages", "model", "n", "response_format", "stream", "tools")
_LEAST = {
    "concurrency": 1,
    "requests_per_minute": 1e-6,
    "timeout_s": 1e-3,
    "max_retries": 0,
    "backoff_s": 0,
    "max_wait_s": 0,
    "give_up_after": 1,
    "stop_after_unusable": 1,
    "max_tokens": 1,
    "spending_cap_usd": 0,
}


@dataclass(eq=False, repr=False)
class LlmExpert:
    """Asks a chat model for the class of each text.

    Every finished answer is in the store before the next decision rests on it, so that a run that is killed and started
    again asks only what is missing. A row whose request fails for good gets a vote without a label, and a rerun asks
    again; an answer that names no class is kept, with a word in `error`.

    Args:
        model: the name that the server knows.
        label_names: the classes, two or more.
        name: of the expert; also the account its spending is counted under. The model's name by default.
        base_url: of an OpenAI-compatible server, such as `http://127.0.0.1:8000/v1`.
        provider: one of the hub's hosted providers, instead of `base_url`.
        api_key: of the server; better `api_key_env`. Never stored, shown or logged.
        api_key_env: the environment variable that holds the key, read when asking.
        prompt: see `find_prompt`.
        concurrency: requests under way at once.
        requests_per_minute: None for no limit of ours.
        timeout_s: for one request.
        max_retries: after the first try, on 429, 5xx, time-outs, broken connections and half answers.
        backoff_s: the first wait is drawn from [0, this], then doubled (full jitter); `Retry-After` goes first.
        max_wait_s: the longest wait; a server that asks for more ends the run.
        give_up_after: rows in a row that may fail for good before the run ends.
        stop_after_unusable: answers in a row that may be unusable before the run ends; None for no limit.
        ask_unusable_again: whether to ask, and pay, once more for texts whose stored answer is unusable.
        temperature: None to leave it to the server.
        max_tokens: longest answer.
        max_tokens_name: what the server calls it: `max_tokens`, or `max_completion_tokens` for newer models.
        seed: for servers that sample reproducibly.
        probabilities: `none`; `logprobs` of the label's tokens; `verbalised`, said by the model.
        structured: `json_schema` always asks for it; `none` never; `auto` leaves it away once the server refused it.
        prices: dollars for a million tokens, as a `Price` or a table; needed for a cap.
        spending_cap_usd: what this expert may spend through this store in all its runs, whatever the prompt.
        store: an SQLite file; None keeps answers for as long as this object lives.
        allow_remote: True, or hosts that text may be sent to; this machine is always allowed.
        policy: of the corpus; without one, text may not leave the machine.
        redactor: masks identifiers before sending and puts them back into the answer.
        extra_body: further fields of each request, such as `{"reasoning_effort": "minimal"}`.

    Raises:
        InputError: an argument is wrong, text may not go there, or there is a cap and no price.
    """

    model: str
    label_names: Sequence[str]
    _: KW_ONLY
    name: str | None = None
    base_url: str | None = None
    provider: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    prompt: Prompt | str | Path | Mapping[str, Any] | None = None
    concurrency: int = 8
    requests_per_minute: float | None = None
    timeout_s: float = 60.0
    max_retries: int = 6
    backoff_s: float = 1.0
    max_wait_s: float = 300.0
    give_up_after: int = 5
    stop_after_unusable: int | None = 25
    ask_unusable_again: bool = False
    temperature: float | None = 0.0
    max_tokens: int | None = 256
    max_tokens_name: str = "max_tokens"
    seed: int | None = None
    probabilities: Probabilities = "none"
    structured: Structured = "auto"
    prices: Price | Mapping[str, Any] | None = None
    spending_cap_usd: float | None = None
    store: str | os.PathLike | None = None
    allow_remote: Sequence[str] | bool = ()
    policy: CorpusPolicy | None = None
    redactor: Redactor | None = None
    extra_body: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.label_names = checked_classes(self.label_names)
        self.name = self.name or self.model.rstrip("/").rsplit("/", 1)[-1]
        self._check()
        self.remote = is_remote(self.base_url, self.provider)
        self.prices = Price.read(self.prices, self.model)
        if self.spending_cap_usd is not None and (self.prices is None or self.max_tokens is None):
            raise InputError(
                f"expert {self.name!r}: a spending cap needs a price and max_tokens, or nobody knows when it is "
                "reached. Add to the recipe: prices: {input_per_million: …, output_per_million: …} (0 and 0 for a "
                "server of yours)"
            )
        self.prompt = find_prompt(self.prompt).for_classes(self.label_names, self.probabilities == "verbalised")
        self.summary: dict[str, Any] = {}
        self._memory: VoteStore | None = None

    def _check(self) -> None:
        who = f"expert {self.name!r}"
        if (self.base_url is None) == (self.provider is None):
            raise InputError(
                f"{who}: give base_url (a server, such as http://127.0.0.1:8000/v1) or provider (a hosted one, such as "
                "auto), one of the two"
            )
        require_allowed(
            self.base_url,
            provider=self.provider,
            allow_remote=self.allow_remote,
            policy=self.policy or PUBLIC_UNKNOWN,
        )
        for name, known in (("probabilities", get_args(Probabilities)), ("structured", get_args(Structured))):
            if getattr(self, name) not in known:
                raise InputError(f"{who}: {name} is one of {', '.join(known)}, not {getattr(self, name)!r}")
        optional = {item.name for item in fields(self) if "None" in str(item.type)}
        for name, least in _LEAST.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool) and value >= least
            if not number and not (value is None and name in optional):
                raise InputError(f"{who}: {name} is {value!r}, but must be a number of at least {least:g}")
        for key in self.extra_body or ():
            if key in _OURS:
                raise InputError(f"{who}: extra_body may not set {key!r}")

    def __repr__(self) -> str:
        return f"LlmExpert({self.model!r}, name={self.name!r}, prompt={self.prompt.name!r})"

    def __call__(self, texts: Sequence[str], ids: Sequence[str] | None = None) -> list[Vote]:
        """Return one vote a text, in the order given; equal texts are asked once.

        What happened is in `summary` afterwards. Works inside a running event loop, too.

        Raises:
            ExpertStopped: the key was refused, the endpoint is down, answers turned unusable, or the spending cap is
                reached; what was answered is kept, and the message says how to go on.
            InputError: texts and ids do not match, or the store cannot be used.
        """
        texts, ids = checked_rows(texts, ids)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._answer(texts, ids))
        with ThreadPoolExecutor(1, "expert") as pool:
            return pool.submit(asyncio.run, self._answer(texts, ids)).result()

    def facts(self) -> dict[str, Any]:
        """Return plain data for run.json: who was asked and how; no key, no address, no path of this machine."""
        model = Path(self.model).name if Path(self.model).is_absolute() else self.model
        return {
            "name": self.name,
            "kind": "llm",
            "model": model,
            "provider": self.provider,
            "remote": self.remote,
            "label_names": list(self.label_names),
            "prompt_name": self.prompt.name,
            "prompt_version": self.prompt.version,
            "prompt_sha1": self.prompt.sha1,
            "prompt_texts": {"system": self.prompt.system, "user": self.prompt.user},
            "settings": {
                **self._options(),
                "probabilities": self.probabilities,
                "structured": self.structured,
                "redacted": self.redactor is not None,
            },
            "price": asdict(self.prices) if self.prices else None,
        }

    def _options(self) -> dict[str, Any]:
        """Return the fields of each request beside model, messages and schema."""
        options = {"temperature": self.temperature, self.max_tokens_name: self.max_tokens, "seed": self.seed}
        if self.probabilities == "logprobs":
            options |= {"logprobs": True, "top_logprobs": 20}
        return {key: value for key, value in {**options, **(self.extra_body or {})}.items() if value is not None}

    def _identity(self) -> str:
        """Return the SHA-1 of everything but the text that decides an answer."""
        identity = {
            "model": self.model,
            "at": self.base_url.rstrip("/") if self.base_url else f"provider {self.provider}",
            "prompt": self.prompt.sha1,
            "classes": self.label_names,
            "options": self._options(),
            "probabilities": self.probabilities,
            "structured": self.structured,
            "redactor": self.redactor.facts() if self.redactor is not None else None,
        }
        return hashlib.sha1(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()

    def _key(self) -> str | None:
        if self.api_key_env is None:
            key = self.api_key
        else:
            key = os.environ.get(self.api_key_env)
            if not key:
                raise InputError(
                    f"expert {self.name!r}: the environment variable {self.api_key_env} is not set; "
                    f"set it to the key: export {self.api_key_env}=…"
                )
        if key is not None and not (key.strip().isascii() and key.strip().isprintable()):
            raise InputError(f"expert {self.name!r}: the key holds characters that no key has; copy it again")
        return key.strip() if key is not None else None

    def _opened(self) -> AbstractContextManager[VoteStore]:
        if self.store is not None:
            return open_store(self.store)
        self._memory = self._memory or VoteStore()
        return nullcontext(self._memory)

    async def _answer(self, texts: list[str], ids: list[str]) -> list[Vote]:
        began, identity = time.perf_counter(), self._identity()
        keys = [request_key(identity, text) if text.strip() else "" for text in texts]
        with self._opened() as store:
            missing = {key: row for row, key in enumerate(keys) if key}
            distinct = len(missing)
            for answer in store.each(list(missing)):
                if answer.label is not None or not self.ask_unusable_again:
                    del missing[answer.key]
            counts = {"rows": len(texts), "texts": distinct, "from_store": distinct - len(missing)}
            run = await self._ask(store, identity, missing, texts) if missing else None
            votes = list(self._votes(store, keys, ids, run.failed if run else {}))
            self.summary = {**counts, **self._summary(run, votes, store)}
            self.summary["seconds"] = round(time.perf_counter() - began, 3)
        if run is not None and run.stopped is not None:
            stopped = type(run.stopped)(f"{run.stopped}. {self._kept()}")
            stopped.votes = [vote for vote in votes if vote.answered_at is not None]
            raise stopped
        return votes

    async def _ask(self, store: VoteStore, identity: str, missing: dict[str, int], texts: list[str]) -> AskingRun:
        note = f"no schema {identity}"
        with_form = self.structured == "json_schema" or (self.structured == "auto" and store.note(note) is None)
        endpoint = Endpoint(
            self.model,
            base_url=self.base_url,
            provider=self.provider,
            api_key=self._key(),
            key_hint=f"the environment variable {self.api_key_env}" if self.api_key_env else "api_key",
            timeout_s=self.timeout_s,
            options=self._options(),
        )
        form = answer_format(self.label_names, self.probabilities == "verbalised") if with_form else None
        questions = (Question(self, key, texts[row]) for key, row in missing.items())
        shown = len(missing) >= 20
        with progress(total=len(missing), label=f"asking {self.name}", unit="text") if shown else nullcontext() as bar:
            run = AskingRun(self, endpoint, store, form, bar)
            try:
                async with endpoint:
                    await run.run(questions, len(missing))
            finally:
                if with_form and run.response_format is None:
                    store.write_note(note, "1")
        return run

    def _votes(self, store: VoteStore, keys: list[str], ids: list[str], failed: Mapping[str, str]) -> Iterator[Vote]:
        common = ("label", "probabilities", "prompt_sha1", "input_tokens", "output_tokens", "cost_usd")
        common += ("latency_s", "error", "raw", "answered_at")
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            answers = {answer.key: answer for answer in store.each(list(dict.fromkeys(part)))}
            for key, row_id in zip(part, ids[start : start + 500], strict=True):
                if answer := answers.get(key):
                    yield Vote(row_id, self.name, **{name: getattr(answer, name) for name in common})
                else:
                    reason = failed.get(key, "not_asked") if key else "empty_text"
                    yield Vote(row_id, self.name, None, prompt_sha1=self.prompt.sha1, error=reason)

    def _summary(self, run: AskingRun | None, votes: list[Vote], store: VoteStore) -> dict[str, Any]:
        unusable = Counter(vote.error or "unknown" for vote in votes if vote.label is None)
        return {
            "asked": run.answered if run else 0,
            "usable": len(votes) - unusable.total(),
            "unusable": dict(sorted(unusable.items())),
            "retries": run.retries if run else 0,
            "cost_usd": run.cost_usd if run else 0.0,
            "spent_usd": store.spent_usd(self.name),
        }

    def _kept(self) -> str:
        if self.store is None:
            return (
                "The answers so far are kept only as long as this expert lives, for no store was given: "
                "pass store=FILE to keep them"
            )
        number = self.summary["asked"] + self.summary["from_store"]
        return f"{number} answers are kept in {self.store}; the same command goes on from there and pays for none again"
