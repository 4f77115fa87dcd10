"""What the ledger has seen of a load that is running, and the time left that it makes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from dc_assets.core.eta import Flying, Part, Rest, TimeLeft, Waiting, time_left
from dc_assets.core.lanes import BATCH_ROWS_MAX
from dc_assets.core.pace import (
    Pace,
    PastJob,
    Span,
    crew_of,
    flight_line,
    landing_s,
    turnovers,
    unevenness,
)

CHECKS_TO_READING = 2.0
"""The checks read the rows of both sides: assumed until the first partition was checked."""

LAST_READ = 3
"""So many partitions that were read last tell how fast rows are read."""

EMPTY_S, EMPTY_READINGS = 60.0, 10.0
"""A place that stayed empty for longer than both together was not waited for."""

GONE_S = 60.0
"""When nobody has been running for so long, or thrice the usual time, nothing is foretold."""


@dataclass(frozen=True, slots=True)
class SeenRange:
    """A partition that has begun; moments are seconds since 1970.

    Attributes:
        read_at: when its batches were planned.
        paused_until: until when its run sends nothing by itself.
    """

    key: str
    began_at: float
    selected: int | None = None
    read_at: float | None = None
    ended_at: float | None = None
    is_held: bool = False
    paused_until: float | None = None

    @property
    def span(self) -> Span:
        """When it was running."""
        return Span(self.began_at, self.ended_at, self.is_held)


@dataclass(frozen=True, slots=True)
class SeenLane:
    """Rows of one partition in one lane.

    Attributes:
        waiting, batches: rows that were not sent, and their batches.
        done: rows with an outcome.
        batch_rows: of the biggest batch.
        ready_in_s: the first batch waits so long before it is tried again.
    """

    key: str
    lane: int
    waiting: int = 0
    batches: int = 0
    done: int = 0
    batch_rows: int = 0
    ready_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SeenFlight:
    """A job in flight since a moment; None when that is not known."""

    key: str
    lane: int
    rows: int
    since_at: float | None


@dataclass(frozen=True, slots=True)
class SeenLoad:
    """A load at one moment.

    Attributes:
        rows: of all partitions of the spec, by the plan; None when a load sends only some of them.
        planned_at: when the plan was made.
        spec_partitions: how many the spec has.
        to_come: keys that have not begun, in order.
        starts_in_s: when those of them are launched for which that is known.
        jobs: the last ones that were settled.
        sent, retried: rows of settled jobs, and those among them that had to be sent again.
        turnovers_before: seconds between partitions, in an earlier load.
    """

    now: float
    rows: int | None
    planned_at: float
    window: int
    spec_partitions: int
    ranges: Sequence[SeenRange]
    to_come: Sequence[str] = ()
    starts_in_s: Mapping[str, float] = field(default_factory=dict[str, float])
    lanes: Sequence[SeenLane] = ()
    flights: Sequence[SeenFlight] = ()
    jobs: Sequence[PastJob] = ()
    sent: int = 0
    retried: int = 0
    turnovers_before: Sequence[float] = field(default_factory=list[float])

    def time_left(self) -> TimeLeft | None:
        """Return the seconds until the last row has an outcome.

        None while nothing was read or no job is back, and when nobody is running.
        """
        pace = self.pace()
        if pace is None or not self._is_at_work(pace):
            return None
        return time_left(self._rest(), pace)

    def rows_in_all(self) -> int | None:
        """Return the rows of all partitions that take part; None before the first was read."""
        unread = sum(one.selected is None for one in self.ranges) + len(self.to_come)
        expected = self.expected_rows()
        if unread and expected is None:
            return None
        read = sum(one.selected or 0 for one in self.ranges)
        return read + round(unread * (expected or 0.0))

    def expected_rows(self) -> float | None:
        """Return the rows of a partition that was not read."""
        read = [one.selected for one in self.ranges if one.selected is not None]
        unread = self.spec_partitions - len(read)
        if self.rows is not None and unread > 0:
            return max(0.0, (self.rows - sum(read)) / unread)
        return fmean(read) if read else None

    def pace(self) -> Pace | None:
        """Return what the steps took; None while too little was seen."""
        read = sorted((r for r in self.ranges if r.read_at is not None), key=lambda r: r.began_at)
        if not read or not self.jobs:
            return None
        per_row = [self._reading_s(r) / max(1, r.selected or 0) for r in read[-LAST_READ:]]
        jobs = self._jobs_with_late_ones()
        line = flight_line(jobs)
        return Pace(
            read_row_s=median(per_row),
            job_s=line[0],
            row_s=line[1],
            turnover_s=self._turnover_s(fmean(self._reading_s(r) for r in read)),
            sent_per_row=self.sent / max(1, self.sent - self.retried) if self.sent else 1.0,
            landing_s=landing_s(self.jobs),
            unevenness=unevenness(jobs, line),
            whole_row_s=self._whole_row_s(),
        )

    def _whole_row_s(self) -> float | None:
        """Return what the last partitions took from their start to their end, for each row."""
        ended = sorted((r for r in self.ranges if r.ended_at is not None), key=lambda r: r.began_at)
        took = [
            (r.ended_at - max(r.began_at, self.planned_at)) / r.selected
            for r in ended[-LAST_READ:]
            if r.selected and r.ended_at is not None
        ]
        return median(took) if took else None

    def _reading_s(self, one: SeenRange) -> float:
        """Return how long a partition was read; the first one waited for the plan, too."""
        assert one.read_at is not None
        return max(0.0, one.read_at - max(one.began_at, self.planned_at))

    def _turnover_s(self, reading_s: float) -> float:
        """Return how long a place stays empty between two partitions.

        A load that was left and taken up again later tells nothing of it.
        """
        seen, _ = turnovers([one.span for one in self.ranges])
        longest_s = EMPTY_S + EMPTY_READINGS * reading_s
        usual = [s for s in seen if s <= longest_s] or [
            s for s in self.turnovers_before if s <= longest_s
        ]
        return median(usual) if usual else CHECKS_TO_READING * reading_s

    def _jobs_with_late_ones(self) -> Sequence[PastJob]:
        """Return the jobs that are back, and those that should be: else only fast ones count."""
        job_s, row_s = flight_line(self.jobs)
        flying = [
            PastJob(f.rows, self._since_s(f.since_at), work_s=f.rows * row_s) for f in self.flights
        ]
        late = [job for job in flying if job.seconds > job_s + job.by_row_s]
        return [*self.jobs, *late]

    def _since_s(self, at: float | None) -> float:
        return 0.0 if at is None else max(0.0, self.now - at)

    def _is_at_work(self, pace: Pace) -> bool:
        if self.starts_in_s or any(one.is_held for one in self.ranges):
            return True
        last = max((one.ended_at or 0.0 for one in self.ranges), default=0.0)
        return self.now - last < max(GONE_S, 3 * pace.turnover_s)

    def _rest(self) -> Rest:
        spans = [one.span for one in self.ranges]
        crew = crew_of(spans)
        _, free_since = turnovers(spans)
        return Rest(
            parts=[*self._begun(), *self._parts_to_come()],
            window=self.window,
            crew=crew,
            ended_ago_s=[self._since_s(at) for at in free_since],
            lane_shares=self._lane_shares(),
            batch_rows_max=max((s.batch_rows for s in self.lanes), default=BATCH_ROWS_MAX),
            paused_s=self._paused_s(),
        )

    def _begun(self) -> list[Part]:
        waiting: dict[str, dict[int, Waiting]] = defaultdict(dict)
        flying: dict[str, list[Flying]] = defaultdict(list)
        for seen in self.lanes:
            if seen.batches:
                lane = Waiting(seen.waiting, seen.batches, seen.ready_in_s)
                waiting[seen.key][seen.lane] = lane
        for flight in self.flights:
            job = Flying(flight.lane, flight.rows, self._since_s(flight.since_at))
            flying[flight.key].append(job)
        expected = self.expected_rows() or 0.0
        return [
            Part(
                one.key,
                rows=expected,
                since_s=self._since_s(max(one.began_at, self.planned_at)) if one.is_held else None,
                is_read=one.selected is not None,
                waiting=waiting[one.key],
                flying=flying[one.key],
            )
            for one in self.ranges
            if one.ended_at is None
        ]

    def _parts_to_come(self) -> list[Part]:
        rows, starts = self.expected_rows() or 0.0, self.starts_in_s
        return [Part(key, rows=rows, starts_in_s=starts.get(key)) for key in self.to_come]

    def _lane_shares(self) -> Mapping[int, float]:
        """Return the share of each lane in the rows that were read."""
        rows: dict[int, float] = defaultdict(float)
        for seen in self.lanes:
            rows[seen.lane] += seen.waiting + seen.done
        for flight in self.flights:
            rows[flight.lane] += flight.rows
        total = sum(rows.values())
        return {lane: n / total for lane, n in rows.items()} if total else {0: 1.0}

    def _paused_s(self) -> float:
        """Return how long nothing is sent: every run that is running pauses."""
        held = [one.paused_until or 0.0 for one in self.ranges if one.is_held]
        return max(0.0, min(held) - self.now) if held else 0.0
