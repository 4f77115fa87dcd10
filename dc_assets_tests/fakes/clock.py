"""A clock that moves only when somebody waits."""

from __future__ import annotations

import threading


class SimClock:
    """Policy time without waiting: a sleep moves the clock and returns at once.

    A program that waits for nothing forever would never end on it, so sleeps that do not move the
    clock are counted and limited.
    """

    IDLE_SLEEPS_MAX = 2_000

    def __init__(self) -> None:
        self._now_s = 0.0
        self._lock = threading.Lock()
        self._idle_sleeps = 0

    def now_s(self) -> float:
        """Return seconds since the clock was made."""
        return self._now_s

    def sleep(self, wait_s: float) -> None:
        """Move the clock."""
        with self._lock:
            self._idle_sleeps = 0 if wait_s > 0 else self._idle_sleeps + 1
            assert self._idle_sleeps < self.IDLE_SLEEPS_MAX, "the program spins without waiting"
            self._now_s += max(0.0, wait_s)

    def wall_s(self, wait_s: float) -> float:
        """Return the wait itself: whoever waits for an effect waits on the wall."""
        return wait_s
