"""What a report says of the sending: attempts, lanes, days, time without a job. Pure figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from dc_assets.core.lanes import LaneMap
from dc_assets.views.load_history import SentJob


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """All jobs of one attempt; in flight are rows whose results were not read."""

    attempt: int
    jobs: int
    rows: int
    landed: int
    retried: int
    refused: int
    in_flight: int
    dropped: int
    locked: int


@dataclass(frozen=True, slots=True)
class HotLane:
    """A lane of hot parents, the biggest first; the rows of the lane are theirs."""

    parents: Sequence[str]
    lane: int
    jobs: int
    landed: int
    locked: int


@dataclass(frozen=True, slots=True)
class LanesFacts:
    """The lanes of a load."""

    shared: int
    hot: int
    window: int
    landed_in_shared: int
    hot_lanes: Sequence[HotLane]


@dataclass(frozen=True, slots=True)
class DayLine:
    """What a load sent on one day, UTC; API calls are None where nobody counted them."""

    day: str
    jobs: int
    rows: int
    landed: int
    api_calls: int | None


@dataclass(frozen=True, slots=True)
class Sending:
    """From the first create to the last settled job, or to now while one is in flight.

    Attributes:
        idle_s: seconds of it without a job in flight.
        most_at_once: jobs in flight at one time, at most.
        dropped: jobs whose results the org dropped; their rows were sent again.
    """

    jobs: int
    in_flight: int
    dropped: int
    seconds: float
    idle_s: float
    most_at_once: int


def sending_of(jobs: Sequence[SentJob], seen_at: float) -> Sending | None:
    """Add up the jobs of a load; None when it has sent none."""
    if not jobs:
        return None
    spans = sorted((job.began_at, end_of(job, seen_at)) for job in jobs)
    begin, end = spans[0][0], spans[0][0]
    idle_s = 0.0
    for began, ended in spans:
        idle_s += max(0.0, began - end)
        end = max(end, ended)
    return Sending(
        jobs=len(jobs),
        in_flight=sum(job.finished_at is None for job in jobs),
        dropped=sum(job.finished_at is not None and not job.is_settled for job in jobs),
        seconds=end - begin,
        idle_s=idle_s,
        most_at_once=_most_at_once(jobs),
    )


def end_of(job: SentJob, seen_at: float) -> float:
    """Return when a job left its lane; one in flight has not yet."""
    return seen_at if job.finished_at is None else job.finished_at


def _most_at_once(jobs: Sequence[SentJob]) -> int:
    steps: Counter[float] = Counter()
    for job in jobs:
        steps[job.began_at] += 1
        if job.finished_at is not None:
            steps[job.finished_at] -= 1
    return max(accumulate(steps[moment] for moment in sorted(steps)))


def attempts_of(jobs: Sequence[SentJob]) -> Sequence[AttemptLine]:
    """Return a line for each attempt."""
    lines: list[AttemptLine] = []
    for attempt in sorted({job.attempt for job in jobs}):
        of = [job for job in jobs if job.attempt == attempt]
        unread = [job for job in of if not job.is_settled]
        lines.append(
            AttemptLine(
                attempt=attempt,
                jobs=len(of),
                rows=sum(job.rows for job in of),
                landed=sum(job.landed for job in of),
                retried=sum(job.retried for job in of),
                refused=sum(job.refused for job in of),
                in_flight=sum(job.rows for job in unread if job.finished_at is None),
                dropped=sum(job.rows for job in unread if job.finished_at is not None),
                locked=sum(job.locked for job in of),
            )
        )
    return lines


def lanes_of(planned: tuple[LaneMap, int] | None, jobs: Sequence[SentJob]) -> LanesFacts | None:
    """Return the lanes of a load with what landed in them; None before it was planned."""
    if planned is None:
        return None
    lanes, window = planned
    sent, landed, locked = Counter[int](), Counter[int](), Counter[int]()
    for job in jobs:
        sent[job.lane] += 1
        landed[job.lane] += job.landed
        locked[job.lane] += job.locked
    hot = [
        HotLane(parents, lane, sent[lane], landed[lane], locked[lane])
        for lane, parents in enumerate(lanes.named, start=lanes.shared)
    ]
    in_shared = sum(rows for lane, rows in landed.items() if lane < lanes.shared)
    return LanesFacts(lanes.shared, len(hot), window, in_shared, hot)


def days_of(jobs: Sequence[SentJob], calls: Mapping[int, int]) -> Sequence[DayLine]:
    """Return what was sent day by day; rows land on the day on which their results were read."""
    jobs_of, rows, landed = Counter[str](), Counter[str](), Counter[str]()
    for job in jobs:
        jobs_of[_day(job.uploaded_at)] += 1
        rows[_day(job.uploaded_at)] += job.rows
        if job.finished_at is not None:
            landed[_day(job.finished_at)] += job.landed
    asked = Counter[str]()
    for hour, number in calls.items():
        asked[_day(hour * 3_600)] += number
    return [
        DayLine(day, jobs_of[day], rows[day], landed[day], asked[day] if calls else None)
        for day in sorted({*jobs_of, *landed, *asked})
    ]


def moment_text(seconds: float) -> str:
    """Write a moment for people, UTC.

    >>> moment_text(1_700_000_000.0)
    '2023-11-14 22:13:20'
    """
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M:%S}"


def _day(seconds: float) -> str:
    return moment_text(seconds)[:10]
