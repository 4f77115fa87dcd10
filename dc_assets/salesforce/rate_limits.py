"""The rate limits that Data Cloud states in the headers of its answers.

``x-ratelimit-limit: 500, 500;w=1, 1000;w=86400``, ``x-ratelimit-remaining: 499`` and
``x-ratelimit-reset: 1``, in seconds, as recorded in Salesforce's Postman collection of the Data 360
APIs: 500 calls a second, 1,000 a day, 499 left in a window that begins anew after one second.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WAIT_S_MAX = 300.0
"""Seconds. A server that asks for more is asked again after these."""

CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a host said last of the calls that it takes.

    Attributes:
        left: calls until the window ends.
        reset_s: when the window ends, seconds from the answer on; None if it does not say.
        stated: all windows, as the host writes them; "" if it does not say.
    """

    left: int
    reset_s: float | None
    stated: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> RateLimit | None:
        """Read the headers of one answer; None when they state no limit."""
        left = headers.get("x-ratelimit-remaining", "").strip()
        if not (left.isascii() and left.isdecimal() and len(left) <= 12):  # noqa: PLR2004 - below a trillion
            return None
        stated = headers.get("x-ratelimit-limit", "").strip()[:CHARS_MAX]
        return cls(int(left), reset_s(headers), stated)


def reset_s(headers: Mapping[str, str]) -> float | None:
    """Return how long to wait for the next window, `WAIT_S_MAX` at most; None if it is not said."""
    return bounded_wait_s(headers.get("x-ratelimit-reset", ""))


def bounded_wait_s(text: str) -> float | None:
    """Read seconds that a server asks to wait; None when they cannot be waited.

    >>> bounded_wait_s("1"), bounded_wait_s("86400"), bounded_wait_s("-1"), bounded_wait_s("soon")
    (1.0, 300.0, None, None)
    """
    try:
        wait_s = float(text)
    except ValueError:
        return None
    return min(wait_s, WAIT_S_MAX) if math.isfinite(wait_s) and wait_s >= 0 else None


class RateWindow:
    """Until when a host that has no call left is not asked; all threads of a host share it."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._free_at_s = 0.0
        self.limit: RateLimit | None = None

    def note(self, headers: Mapping[str, str]) -> None:
        """Read the headers of a good answer; a refused call waits on its own ladder."""
        if (limit := RateLimit.of(headers)) is None:
            return
        wait_s = (limit.reset_s or 0.0) if limit.left == 0 else 0.0
        with self._lock:
            self.limit = limit
            self._free_at_s = self._monotonic_s() + wait_s

    def wait_s(self) -> float:
        """Return how long the next call has to wait."""
        with self._lock:
            return max(0.0, self._free_at_s - self._monotonic_s())
