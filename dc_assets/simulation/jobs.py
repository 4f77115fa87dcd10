"""Jobs, internal batches and transactions of the modelled org."""

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
    """The org's own cut of a job: what one worker goes through, chunk by chunk.

    Attributes:
        done_rows: how many of its rows were looked at, whatever became of them.
        requeues: how often it ran into the time limit.
        started_s: when it got its worker, this time.
    """

    __slots__ = ("done_rows", "job", "requeues", "rows", "started_s")

    def __init__(self, job: SimulatedJob, rows: Sequence[int]) -> None:
        self.job = job
        self.rows = rows
        self.done_rows = 0
        self.requeues = 0
        self.started_s = nan


class Transaction:
    """One chunk on its way to the locks of its parents.

    Attributes:
        rows: row numbers, in the order of the file.
        wanted: parents to lock, each once, in the order in which they are asked for.
        asked: how many of those were had, or given up.
        held: parents that are locked by it.
        missing: parents that it continued without.
        is_patient: whether it waits for a lock that another holds.
        waits: grows with each wait that begins or ends, so that an old alarm can be told.
    """

    __slots__ = ("asked", "batch", "held", "is_patient", "missing", "rows", "waits", "wanted")

    def __init__(self, batch: InternalBatch, rows: Sequence[int], wanted: list[int]) -> None:
        self.batch = batch
        self.rows = rows
        self.wanted = wanted
        self.asked = 0
        self.held: list[int] = []
        self.missing: set[int] = set()
        self.is_patient = True
        self.waits = 0
