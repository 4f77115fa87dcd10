"""Jobs and internal batches of the modelled org."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan, nan


@dataclass(slots=True, eq=False)
class SimulatedJob:
    """An ingest job. A row ends as landed, or in an org with locks as failed or unprocessed.

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

    rows: Sequence[int]
    closed_s: float
    on_end: Callable[[SimulatedJob], None] | None
    started_s: float = nan
    ended_s: float = nan
    active_s: float = 0.0
    landed_rows: int = 0
    failed: list[int] = field(default_factory=list[int])
    unprocessed: list[int] = field(default_factory=list[int])
    batches_left: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return not isnan(self.ended_s)


@dataclass(slots=True, eq=False)
class InternalBatch:
    """The org's own cut of a job: what one worker goes through, since ``started_s``."""

    job: SimulatedJob
    rows: Sequence[int]
    started_s: float = nan
