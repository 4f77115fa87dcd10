"""The one place that reads the wall clock or sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Wall-clock time in UTC; an engine that models time takes its place by the same methods."""

    def now(self) -> datetime:
        """Now, with the zone UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread; zero and less return at once."""
        if seconds > 0:
            time.sleep(seconds)


def api_datetime(at: datetime) -> str:
    """Text of a moment as the REST API writes it: ``2026-01-02T21:57:03.000+0000``."""
    utc = at.astimezone(UTC) if at.tzinfo else at
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
