"""What the steps of a load have taken so far, in seconds of the ledger's clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

WORK_SHARE = 0.9
"""Share of a job's time that is taken as by row where the org does not tell how long it worked."""

GAPS_MIN = 3
"""Fewer times between jobs tell nothing."""


@dataclass(frozen=True, slots=True)
class PastJob:
    """A settled job.

    Attributes:
        seconds: from its slot until it was settled.
        work_s: in which the org worked on it; None where that is not known.
        ended_at: when it was settled; None for one that is late.
    """

    rows: float
    seconds: float
    work_s: float | None = None
    ended_at: float | None = None

    @property
    def by_row_s(self) -> float:
        """What of its time grows with its rows."""
        work_s = WORK_SHARE * self.seconds if self.work_s is None else self.work_s
        return min(work_s, self.seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """What the steps of a load take.

    Attributes:
        read_row_s: from the start of a partition until its batches are planned, for each row.
        job_s: of each job, whatever its rows, from its slot until it is settled.
        row_s: of each row of a job.
        turnover_s: from the end of a partition to the start of the next one in its place.
        sent_per_row: how often a row is sent until it has an outcome, at least 1.
        landing_s: between two jobs that come back, at least: they share workers and our threads.
        unevenness: what single jobs took, as shares of what the line through all of them says.
        whole_row_s: of a whole partition that is alone running, from its start to its end, for each
            row; None while none has ended.
    """

    read_row_s: float
    job_s: float
    row_s: float
    turnover_s: float = 0.0
    sent_per_row: float = 1.0
    landing_s: float = 0.0
    unevenness: tuple[float, ...] = (1.0,)
    whole_row_s: float | None = None

    def flight_s(self, rows: float, jobs: float = 1.0) -> float:
        """Return how long jobs with so many rows in all take, one after another."""
        return jobs * self.job_s + rows * self.row_s


def flight_line(jobs: Sequence[PastJob]) -> tuple[float, float]:
    """Return seconds of a job and of each of its rows: its work is by row, all else is not.

    A line through rows and seconds would be a guess: most jobs of a load have about one size.

    >>> flight_line([PastJob(100.0, 5.0, work_s=2.0), PastJob(300.0, 9.0, work_s=6.0)])
    (3.0, 0.02)
    """
    rows = max(1.0, sum(job.rows for job in jobs))
    row_s = sum(job.by_row_s for job in jobs) / rows
    return sum(job.seconds for job in jobs) / len(jobs) - row_s * rows / len(jobs), row_s


def unevenness(jobs: Sequence[PastJob], line: tuple[float, float]) -> tuple[float, ...]:
    """Return what jobs took, as shares of what the line says, ascending.

    >>> unevenness([PastJob(100.0, 3.0), PastJob(200.0, 4.0)], (1.0, 0.02))
    (0.8, 1.0)
    """
    job_s, row_s = line
    told = [job_s + job.rows * row_s for job in jobs]
    ratios = [job.seconds / s for job, s in zip(jobs, told, strict=True) if s > 0]
    return tuple(sorted(ratios)) or (1.0,)


def landing_s(jobs: Sequence[PastJob]) -> float:
    """Return the usual time between two jobs that come back one after the other.

    The middle one of all: the long ones are those in which no job was on its way.

    >>> landing_s([PastJob(1.0, 1.0, ended_at=at) for at in (1.0, 2.0, 4.0, 70.0)])
    2.0
    >>> landing_s([])
    0.0
    """
    ends = sorted(job.ended_at for job in jobs if job.ended_at is not None)
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    return median(gaps) if len(gaps) >= GAPS_MIN else 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """When a partition began and ended; without an end it is running, or was left."""

    began_at: float
    ended_at: float | None
    is_held: bool = False


def turnovers(spans: Sequence[Span]) -> tuple[list[float], list[float]]:
    """Return the seconds between two partitions in one place, and when places became free since.

    The place that was free first is taken first.

    >>> turnovers([Span(0.0, 10.0), Span(1.0, 12.0), Span(11.0, 20.0), Span(15.0, None)])
    ([1.0, 3.0], [20.0])
    """
    ends = deque(sorted(span.ended_at for span in spans if span.ended_at is not None))
    began = sorted(span.began_at for span in spans)
    return [at - ends.popleft() for at in began if ends and ends[0] <= at], list(ends)


def crew_of(spans: Sequence[Span]) -> int:
    """Return how many partitions are running at once, at least 1.

    Just after one has ended, fewer are: so those count, too, that were running when the last one
    began.

    >>> crew_of([Span(0.0, 10.0), Span(1.0, 12.0), Span(11.0, None, is_held=True)])
    2
    """
    held = sum(span.is_held for span in spans)
    newest = max((span.began_at for span in spans), default=0.0)
    then = sum(
        span.is_held or (span.ended_at is not None and span.ended_at > newest)
        for span in spans
        if span.began_at <= newest
    )
    return max(1, held, then)
