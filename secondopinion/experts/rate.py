"""When the next request may go out: a steady rate, pauses the server asks for, back-off after failures."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime


def retry_after_seconds(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3: seconds or a date), or None.

    >>> retry_after_seconds("7"), retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT"), retry_after_seconds("soon")
    (7.0, 0.0, None)
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def backoff_seconds(attempt: int, base: float, limit: float) -> float:
    """Return a wait drawn from [0, min(limit, base·2^attempt)]: exponential back-off with full jitter.

    >>> 0 <= backoff_seconds(3, base=1.0, limit=60.0) <= 8
    True
    """
    return random.uniform(0.0, min(limit, base * 2.0 ** min(attempt, 60)))


class Pacer:
    """Lets requests out one after another at a steady rate, and none while the server wants a pause.

    Args:
        requests_per_minute: None for no limit of ours.
        sleep: how to wait, in seconds; returns early with True when the work is to stop.
    """

    def __init__(
        self, requests_per_minute: float | None, sleep: Callable[[float], Awaitable[bool | None]] = asyncio.sleep
    ) -> None:
        self._interval = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._sleep = sleep
        self._next = 0.0
        self._paused_until = 0.0

    async def turn(self) -> None:
        """Wait until the next request may go out."""
        slot = max(time.monotonic(), self._next)
        self._next = slot + self._interval
        while (wait := max(slot, self._paused_until) - time.monotonic()) > 0:
            if await self._sleep(wait):
                return

    def pause(self, seconds: float) -> None:
        """Hold back every request for so long."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
