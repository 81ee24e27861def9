"""How often one user may ask."""

from __future__ import annotations

import math
import threading
import time
from collections import deque


class RateLimit:
    """How many answers one user may ask for within a while; without a number nobody is held up.

    Args:
        most: answers.
        seconds: the while.

    >>> limit = RateLimit(2, 60)
    >>> [limit.wait("ann", at) for at in (0, 10, 30, 59, 61)], limit.wait("bob", 30)
    ([0.0, 0.0, 30.0, 1.0, 0.0], 0.0)
    >>> [limit.wait("eve", 0, answers) for answers in (3, 2, 1)]
    [inf, 0.0, 60.0]
    """

    def __init__(self, most: int | None = None, seconds: float = 60.0) -> None:
        self.most, self.seconds = most, seconds
        self._begun: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, user: str, now: float | None = None, answers: int = 1) -> float:
        """Return how many seconds a user has to wait; where there are none, the answers count as asked for.

        Args:
            user: who asks.
            now: seconds of a clock that only goes on.
            answers: that are asked for at once; for more than `most` the wait never ends.
        """
        if self.most is None or not answers:
            return 0.0
        if answers > self.most:
            return math.inf
        now = time.monotonic() if now is None else now
        with self._lock:
            past = {name: times for name, times in self._begun.items() if times[-1] > now - self.seconds}
            times = past.setdefault(user, deque(maxlen=self.most))
            self._begun = past
            while times and times[0] <= now - self.seconds:
                times.popleft()
            over = len(times) + answers - self.most
            if over > 0:
                return float(times[over - 1] + self.seconds - now)
            times.extend([now] * answers)
        return 0.0
