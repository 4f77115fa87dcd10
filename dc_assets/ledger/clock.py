"""The only place of the product that reads a clock or sleeps."""

from __future__ import annotations

import time


class SystemClock:
    """Policy time of a real run: monotonic seconds."""

    def now_s(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def sleep(self, wait_s: float) -> None:
        """Wait; a wait that is not positive returns at once."""
        if wait_s > 0:
            time.sleep(wait_s)
