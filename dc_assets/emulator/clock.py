"""The one place that reads the wall clock or sleeps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall-clock time in UTC; an engine that models time takes its place by the same methods."""

    def __init__(self) -> None:
        self.skew_s = 0.0
        """Seconds by which the org's times are wrong."""

    def now(self) -> datetime:
        """Now as the org believes it to be, with the zone UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.skew_s)

    def true_s(self) -> float:
        """Seconds since 1970 by the machine's clock: waits are measured with it."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread; zero and less return at once."""
        if seconds > 0:
            time.sleep(seconds)

    async def pause(self, seconds: float) -> None:
        """Let other calls be answered for so long."""
        await asyncio.sleep(seconds)


def api_datetime(at: datetime) -> str:
    """Text of a moment as the REST API writes it: ``2026-01-02T21:57:03.000+0000``."""
    utc = at.astimezone(UTC) if at.tzinfo else at
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
