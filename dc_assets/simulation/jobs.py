"""Jobs and internal batches of the modelled org."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan


class SimulatedJob:
    """An ingest job. A row ends as landed, failed on a lock, or unprocessed.

    Attributes:
        rows: row numbers, in the order of the file.
        closed_s: when the upload was complete.
        started_s: when its first internal batch got a worker; NaN before.
        ended_s: when its last internal batch ended; NaN before.
        active_s: how long workers were busy with it, their waits for locks included.
        landed_rows: how many rows were written.
        failed: row numbers that failed on a lock.
        unprocessed: row numbers that were given back untouched.
    """

    __slots__ = (
        "active_s",
        "batches_left",
        "closed_s",
        "ended_s",
        "failed",
        "landed_rows",
        "on_end",
        "rows",
        "started_s",
        "unprocessed",
    )

    def __init__(
        self, rows: Sequence[int], closed_s: float, on_end: Callable[[SimulatedJob], None] | None
    ) -> None:
        self.rows = rows
        self.closed_s = closed_s
        self.on_end = on_end
        self.started_s = self.ended_s = nan
        self.active_s = 0.0
        self.landed_rows = 0
        self.failed: list[int] = []
        self.unprocessed: list[int] = []
        self.batches_left = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return not isnan(self.ended_s)


class InternalBatch:
    """The org's own cut of a job: what one worker goes through.

    Attributes:
        started_s: when it got its worker, this time.
    """

    __slots__ = ("job", "rows", "started_s")

    def __init__(self, job: SimulatedJob, rows: Sequence[int]) -> None:
        self.job = job
        self.rows = rows
        self.started_s = nan
