"""HTTP that does not give up at the first hiccup: back-off on 429, 5xx and broken connections."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import InputError

RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpError(InputError):
    """An answer that trying again will not mend, or that stayed bad after every try.

    `status` is the HTTP status, or None when no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def retry_delay(attempt: int, retry_after: str | None, base: float, limit: float) -> float:
    """Return the seconds to wait before try `attempt + 1`: the server's wish, else base·2^attempt with jitter.

    >>> retry_delay(0, "7", base=1.0, limit=60.0)
    7.0
    >>> 4.0 <= retry_delay(3, None, base=1.0, limit=60.0) <= 8.0
    True
    """
    if retry_after:
        try:
            return min(max(float(retry_after), 0.0), limit)
        except ValueError:
            try:
                wanted = parsedate_to_datetime(retry_after).timestamp() - time.time()
            except (TypeError, ValueError):
                pass
            else:
                return min(max(wanted, 0.0), limit)
    return min(base * 2**attempt, limit) * random.uniform(0.5, 1.0)


class HttpClient:
    """A client with retries, for reading from public services.

    Args:
        retries: how often a request is tried again after the first try.
        backoff: seconds before the first retry; doubled each time, with jitter.
        max_delay: longest wait in seconds, also for a server's `Retry-After`.
        timeout: seconds for each request.
        headers: sent with every request.
    """

    def __init__(
        self,
        retries: int = 6,
        backoff: float = 1.0,
        max_delay: float = 120.0,
        timeout: float = 60.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        import httpx2

        self.retries, self.backoff, self.max_delay = retries, backoff, max_delay
        self._errors = (httpx2.TransportError,)
        self._client = httpx2.Client(timeout=timeout, headers=dict(headers or {}), follow_redirects=True)

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, url: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the response to a GET, body read; 4xx other than 408/425/429 raise at once.

        Raises:
            HttpError: the final status was 4xx/5xx, or no answer came after every try.
        """
        with self._open(url, params, stream=False) as response:
            return response

    @contextmanager
    def stream(self, url: str) -> Iterator[Any]:
        """Yield the response to a GET with its body unread (use `iter_bytes()`)."""
        with self._open(url, None, stream=True) as response:
            yield response

    @contextmanager
    def _open(self, url: str, params: Mapping[str, Any] | None, stream: bool) -> Iterator[Any]:
        for attempt in range(self.retries + 1):
            retry_after = None
            try:
                request = self._client.build_request("GET", url, params=params)
                response = self._client.send(request, stream=stream)
            except self._errors as error:
                status, reason = None, f"no answer ({type(error).__name__})"
            else:
                if response.status_code < 400:
                    try:
                        yield response
                    finally:
                        response.close()
                    return
                status, reason = response.status_code, f"HTTP {response.status_code}"
                retry_after = response.headers.get("Retry-After")
                response.close()
                if status not in RETRY_STATUS:
                    break
            if attempt < self.retries:
                time.sleep(retry_delay(attempt, retry_after, self.backoff, self.max_delay))
        where = url.split("?")[0]
        advice = {
            401: "the key was refused: check it",
            403: "the key has no right to this: check it",
            404: "nothing is there: check the address and the query",
            429: "the service's limit is reached: wait, or use an API key",
        }.get(status or 0, "check the connection and run the same command again")
        raise HttpError(f"{where}: {reason} after {attempt + 1} tries; {advice}", status)
