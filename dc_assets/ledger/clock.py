"""The only place of the product that reads a clock or sleeps."""

from __future__ import annotations

import time


class SystemClock:
    """Policy time of a real run: monotonic seconds, faster than the wall by a scale.

    Leases are not policy: they are measured by the database's clock, which nothing scales.
    """

    def __init__(self, scale: float = 1.0) -> None:
        assert scale > 0
        self._scale = scale

    def now_s(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic() * self._scale

    def sleep(self, wait_s: float) -> None:
        """Wait; a wait that is not positive returns at once."""
        if wait_s > 0:
            time.sleep(self.wall_s(wait_s))

    def wall_s(self, wait_s: float) -> float:
        """Return how long a wait lasts on the wall."""
        return wait_s / self._scale
