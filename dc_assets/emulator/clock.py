"""The one place that reads the wall clock or sleeps, and the time of the org.

The org's time is that of the machine, or runs N times as fast, or stands still until it is
advanced by hand. It never goes back while a process lives.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from threading import Lock

SCALE_MAX = 10_000.0


class OrgClock:
    """Time of the org in UTC, and time of the machine.

    Args:
        scale: org seconds in one second of the machine.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.skew_s = 0.0
        """Seconds by which the org's times are wrong."""
        self.scale = scale
        self.is_stepped = False
        self._lock = Lock()
        self._start = datetime.now(UTC)
        self._reached_s = 0.0
        self._since_s = time.monotonic()

    @property
    def mode(self) -> str:
        """``real``, ``scaled`` or ``stepped``."""
        if self.is_stepped:
            return "stepped"
        return "real" if self.scale == 1 else "scaled"

    def now(self) -> datetime:
        """Now as the org believes it to be, with the zone UTC."""
        return self.moment(self.org_s())

    def now_s(self) -> float:
        """That moment in seconds since 1970."""
        return self.now().timestamp()

    def moment(self, org_s: float) -> datetime:
        """What the org's clock shows at that second of the org."""
        return self._start + timedelta(seconds=org_s + self.skew_s)

    def org_s(self) -> float:
        """Seconds of the org since this process began."""
        with self._lock:
            return self._org_s()

    def wall_s_until(self, org_s: float) -> float | None:
        """Seconds of the machine until then, 0 when it is past; None while time stands still."""
        if self.is_stepped:
            return None
        return max(0.0, (org_s - self.org_s()) / self.scale)

    def run(self, scale: float) -> None:
        """Let time go on from where it is, so many times as fast as the machine's."""
        with self._lock:
            self._hold()
            self.scale, self.is_stepped = scale, False

    def advance(self, seconds: float) -> None:
        """Go on by so much, and then stand still."""
        with self._lock:
            self._hold()
            self._reached_s += seconds
            self.is_stepped = True

    def _org_s(self) -> float:
        if self.is_stepped:
            return self._reached_s
        return self._reached_s + (time.monotonic() - self._since_s) * self.scale

    def _hold(self) -> None:
        self._reached_s, self._since_s = self._org_s(), time.monotonic()

    def true_s(self) -> float:
        """Seconds since 1970 by the machine's clock: waits are measured with it."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    async def pause(self, seconds: float) -> None:
        """Let other calls be answered for so long."""
        await asyncio.sleep(seconds)


def api_datetime(at: datetime) -> str:
    """Text of a moment as an org writes it, in whole seconds: ``2026-01-02T21:57:03.000+0000``."""
    return exact_datetime(at.replace(microsecond=0))


def exact_datetime(at: datetime) -> str:
    """Text of a moment in that form to the millisecond, for those who watch the org."""
    utc = at.astimezone(UTC) if at.tzinfo else at
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
