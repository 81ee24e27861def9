"""One request to an OpenAI-compatible chat endpoint, and what every way of failing means for the row and the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx2
from huggingface_hub import AsyncInferenceClient

from .access import is_remote
from .rate import retry_after_seconds

RETRY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_PERHAPS_CHARGED = frozenset({408, 504, 524})
_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_CODES = _QUOTA | {
    "content_filter",
    "content_policy_violation",
    "context_length_exceeded",
    "invalid_api_key",
    "invalid_prompt",
    "invalid_request_error",
    "invalid_value",
    "model_not_found",
    "overloaded_error",
    "rate_limit_exceeded",
    "server_error",
    "string_above_max_length",
    "unsupported_parameter",
    "unsupported_value",
}
_STOP = {
    401: "the key was refused (HTTP 401); check it: {key}",
    402: "the account has no credit left (HTTP 402); top it up",
    403: "the key has no right to this model (HTTP 403); check it: {key}",
    404: "nothing is there (HTTP 404); check base_url, which usually ends in /v1, and the model's name {model!r}",
    405: "the address takes no questions (HTTP 405); check base_url, which usually ends in /v1",
}


@dataclass(frozen=True)
class Reply:
    """An answer as it came, with its tokens counted by the server and its latency in seconds."""

    content: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    tokens: Sequence[Any] | None
    latency_s: float


@dataclass(frozen=True)
class Failure:
    """A request without an answer.

    Attributes:
        error: in one word, for the vote.
        retry: whether trying again may help.
        perhaps_charged: whether the server may have done, and charged, the work.
        refused_form: whether the server may have refused the request because of its JSON schema.
        retry_after: seconds the server asks to wait.
        stop: why the whole run must end, if it must.
    """

    error: str
    retry: bool = False
    perhaps_charged: bool = False
    refused_form: bool = False
    retry_after: float | None = None
    stop: str | None = None


_SENT: ContextVar[bool] = ContextVar("sent", default=False)


class _HttpStatus(Exception):
    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class _ChatClient(AsyncInferenceClient):
    """The hub's client with connections of ours: no redirects, no proxy on the way to this machine, no saved token.

    The hub's own connections follow redirects, which may lead to a host that was never allowed, and refuse to talk at
    all, even to this machine, while HF_HUB_OFFLINE is set.
    """

    def __init__(self, connections: httpx2.AsyncClient, **options: Any) -> None:
        super().__init__(**options)
        self.connections = connections

    async def _inner_post(self, request_parameters: Any, *, stream: bool = False) -> bytes:
        payload = request_parameters.json
        schema = payload.get("response_format", {})
        if "value" in schema:
            # For any base_url the hub's client rewrites a JSON schema into the form of one old server.
            schema = {"name": "answer", "strict": True, "schema": schema["value"]}
            payload = {**payload, "response_format": {"type": "json_schema", "json_schema": schema}}
        _SENT.set(True)
        response = await self.connections.post(
            request_parameters.url, json=payload, headers=request_parameters.headers, timeout=self.timeout
        )
        if response.status_code != 200:
            raise _HttpStatus(response)
        return response.content


class Endpoint:
    """A chat endpoint; use it with `async with`, inside one event loop.

    Args:
        model: the name the server knows.
        base_url: of the server; None for a hosted provider.
        provider: of the hub's hosted providers.
        api_key: sent as bearer token; without one, none is sent to a `base_url`, not even the hub's saved token.
        key_hint: where the key comes from, for messages.
        timeout_s: seconds for one request from first to last byte.
        options: fields of every request, such as `temperature`.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None,
        provider: str | None,
        api_key: str | None,
        key_hint: str,
        timeout_s: float,
        options: Mapping[str, Any],
    ) -> None:
        self._model, self._options, self._timeout = model, dict(options), timeout_s
        self._words = {"key": key_hint, "model": model}
        where = {"base_url": base_url} if base_url is not None else {"provider": provider or "auto"}
        headers = {"authorization": None} if base_url is not None and api_key is None else {}
        self._settings = {"api_key": api_key, "timeout": timeout_s, "headers": headers, **where}
        self._proxied = is_remote(base_url, provider)
        # Certificates take longer to load than a server on this machine to answer.
        plain = base_url is not None and base_url.lower().startswith("http:")
        self._certificates = False if plain else httpx2.create_ssl_context()
        self._idle: list[_ChatClient] = []
        self._all: list[_ChatClient] = []

    async def __aenter__(self) -> Endpoint:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._all:
            await client.connections.aclose()

    def _client(self) -> _ChatClient:
        """Return a client that nobody uses; each holds one connection, since a pool looks at all of them every time."""
        if self._idle:
            return self._idle.pop()
        connections = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=1),
            follow_redirects=False,
            trust_env=self._proxied,
            verify=self._certificates,
        )
        self._all.append(_ChatClient(connections, **self._settings))
        return self._all[-1]

    async def ask(
        self, messages: Sequence[Mapping[str, str]], response_format: Mapping[str, Any] | None
    ) -> Reply | Failure:
        """Return the answer, or why there is none; no exception carries anything of the request or the answer."""
        began, client = time.perf_counter(), self._client()
        _SENT.set(False)
        try:
            async with asyncio.timeout(self._timeout):
                output = await client.chat_completion(
                    list(messages), model=self._model, response_format=response_format, extra_body=self._options
                )
            return _reply(output, time.perf_counter() - began)
        except _HttpStatus as status:
            return self._refused(status.response, response_format is not None)
        except (TimeoutError, httpx2.TimeoutException) as error:
            unsent = isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout)
            return Failure("timeout", retry=True, perhaps_charged=not unsent)
        except httpx2.ConnectError:
            return Failure("no_connection", retry=True)
        except httpx2.RequestError:
            return Failure("broken_connection", retry=True, perhaps_charged=True)
        except Exception as error:
            if _SENT.get():
                return Failure("malformed_response", retry=True, perhaps_charged=True)
            reason = str(error).strip().splitlines()[:1]
            told = "".join(reason) if not any(m["content"] in str(error) for m in messages) else ""
            return Failure("not_sent", stop=f"no question could be sent ({type(error).__name__}: {told})")
        finally:
            self._idle.append(client)

    def _refused(self, response: httpx2.Response, with_form: bool) -> Failure:
        status = response.status_code
        code = _error_code(response)
        error = f"http_{status}" + (f" {code}" if code else "")
        if status in _STOP:
            return Failure(error, stop=_STOP[status].format(**self._words))
        if 200 <= status < 400:
            return Failure(
                error,
                stop=f"the server answered with HTTP {status}, which is no answer to a question, and redirects are not "
                "followed, since they may lead to a host that is not allowed; check base_url (http or https?)",
            )
        if code in _QUOTA:
            return Failure(error, stop=f"the account's quota is used up (HTTP {status}, {code}); raise it")
        return Failure(
            error,
            retry=status in RETRY,
            perhaps_charged=status in _PERHAPS_CHARGED,
            refused_form=with_form and status in (400, 415, 422, 501),
            retry_after=retry_after_seconds(response.headers.get("Retry-After")),
        )


def _reply(output: Any, seconds: float) -> Reply:
    choice = output.choices[0]
    content = choice.message.content
    if content is not None and not isinstance(content, str):
        raise TypeError("the content of an answer is not a text")
    tokens = getattr(getattr(choice, "logprobs", None), "content", None)
    usage = getattr(output, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    counted = [n if isinstance(n, int) and not isinstance(n, bool) and n >= 0 else None for n in counts]
    return Reply(content, getattr(choice, "finish_reason", None), *counted, tokens, seconds)


def _error_code(response: httpx2.Response) -> str | None:
    """Return the server's word for an error where it is a known one; anything else may repeat the request."""
    try:
        error = response.json()["error"]
        code = error.get("code") or error.get("type")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return code if isinstance(code, str) and code in _CODES else None
