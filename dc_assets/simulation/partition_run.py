"""One partition run in virtual time: its schedule, and threads that talk to a modelled org.

The decisions are those of a real run: `core.schedule` and `core.write_policy`. A call takes a
fixed time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate

from dc_assets.core.lanes import BATCH_ROWS_MAX, WINDOW_DEFAULT
from dc_assets.core.schedule import Schedule, WaitingBatch
from dc_assets.core.write_policy import Speed, first_to_send
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.jobs import SimulatedJob

IO_THREADS = 4
REQUEST_S = 0.3
SUBMIT_REQUESTS = 3
"""Create, upload, close."""


@dataclass(frozen=True, slots=True)
class Way:
    """How the rows are written.

    Attributes:
        partitions: id ranges of equal size, each with a process of its own.
        partition_rows: the rows of each id range instead, when they are not equal.
        window: jobs in flight over all of them.
        request_s: how long one call takes.
        batch_rows_max: rows of one job.
        speed: what is known of the org's speed before the first job.
    """

    partitions: int = 5
    partition_rows: tuple[int, ...] = ()
    window: int = WINDOW_DEFAULT
    request_s: float = REQUEST_S
    batch_rows_max: int = BATCH_ROWS_MAX
    speed: Speed = field(default_factory=Speed)

    def ends(self, rows: int) -> list[int]:
        """Return the number of the row behind each partition."""
        if self.partition_rows:
            return list(accumulate(self.partition_rows))
        return [rows * n // self.partitions for n in range(1, self.partitions + 1)]


@dataclass(slots=True)
class LanesFigures:
    """What came of a load.

    Attributes:
        ended_s: when the last batch was settled; the first create is at 0.
        in_flight: (moment, jobs in flight) whenever that number changed.
        landings: (moment, rows that landed) of each settled batch.
    """

    requests: int = 0
    jobs: int = 0
    landed_rows: int = 0
    ended_s: float = 0.0
    in_flight: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    landings: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])


@dataclass(frozen=True, slots=True)
class SimulatedBatch:
    """Rows of one lane and partition that travel in one job."""

    lane: int
    attempt: int
    rows: Sequence[int]


class Book:
    """What all partitions share: lanes, window, and the rows that wait in each lane.

    Every row lands at once. Who plays an org with locks tells here what becomes of the others.
    """

    def __init__(self, org: SimulatedOrg, window: int, figures: LanesFigures | None = None) -> None:
        self.figures = figures or LanesFigures()
        self.runs: list[PartitionRun] = []
        self.waiting_rows: Counter[int] = Counter()
        self._org = org
        self._window = window
        self._busy: set[int] = set()
        self._last = 0

    def new_id(self) -> str:
        """Return an id that no batch of the load has."""
        self._last += 1
        return str(self._last)

    def claim(self, lanes: Mapping[str, int]) -> str | None:
        """Grant a slot to the batch whose lane is free and has the most rows left."""
        slots = self.window_now()
        if len(self._busy) >= slots:
            return None
        granted = first_to_send(
            lanes, remaining_rows=self.waiting_rows, busy_lanes=self._busy, slots=slots
        )
        if granted is not None:
            self._busy.add(lanes[granted])
            self._note()
        return granted

    def release(self, batch: SimulatedBatch) -> None:
        """Free the lane and the slot of a settled batch."""
        self._busy.remove(batch.lane)
        self._note()
        if all(run.is_over for run in self.runs):
            self._org.stop()

    def _note(self) -> None:
        self.figures.in_flight.append((self._org.now_s, len(self._busy)))

    def window_now(self) -> int:
        """Return how many jobs may be in flight now."""
        return self._window

    def files_to_read(self, job: SimulatedJob) -> int:  # noqa: ARG002 - all rows of it landed
        """Count the result files that are read of a job."""
        return 1

    def sent_again(
        self,
        batch: SimulatedBatch,  # noqa: ARG002 - for those that meet locks
        job: SimulatedJob,  # noqa: ARG002
    ) -> Sequence[tuple[SimulatedBatch, float]]:
        """Return what of a batch is tried again, and after how many seconds."""
        return ()


class PartitionRun:
    """One process: its schedule, and the threads that talk to the org."""

    def __init__(
        self, org: SimulatedOrg, way: Way, book: Book, batches: Sequence[SimulatedBatch]
    ) -> None:
        self.ended_s = 0.0
        self._org = org
        self._way = way
        self._book = book
        self._schedule = Schedule(way.speed)
        self._batches: dict[str, SimulatedBatch] = {}
        self._jobs: dict[str, SimulatedJob] = {}
        self._idle_threads = IO_THREADS
        self._wake_s: float | None = None
        for batch in batches:
            self._plan(batch, 0.0)

    @property
    def is_over(self) -> bool:
        """Whether every row has its outcome."""
        return not self._schedule.waiting and not self._schedule.flights

    def act(self) -> None:
        """Do what is due now, and come back when the next thing is."""
        now_s = self._org.now_s
        for batch_id in self._schedule.due(now_s)[: self._idle_threads]:
            self._schedule.begin_call(batch_id)
            self._busy_for(self._way.request_s, partial(self._polled, batch_id))
        self._claim(now_s)
        if self._idle_threads:
            self._sleep()

    def _claim(self, now_s: float) -> None:
        while self._idle_threads:
            wanted = self._schedule.sendable(now_s)
            if not wanted:
                return
            granted = self._book.claim({one: self._batches[one].lane for one in wanted})
            if granted is None:
                self._schedule.not_granted(now_s)
                return
            granted = self._with_companions(granted, now_s)
            self._schedule.take_off(granted, now_s)
            self._book.waiting_rows[self._batches[granted].lane] -= len(self._batches[granted].rows)
            self._book.figures.requests += SUBMIT_REQUESTS
            self._book.figures.jobs += 1
            self._busy_for(SUBMIT_REQUESTS * self._way.request_s, partial(self._closed, granted))

    def _with_companions(self, batch_id: str, now_s: float) -> str:
        rows_max = self._schedule.rows_max(self._way.batch_rows_max)
        others = self._schedule.fitting_batches(batch_id, now_s, rows_max)
        if not others:
            return batch_id
        merged_id = self._book.new_id()
        merged = self._schedule.merge([batch_id, *others], merged_id)
        parts = [self._batches.pop(one) for one in (batch_id, *others)]
        parents = self._org.parents
        rows = sorted((r for part in parts for r in part.rows), key=lambda r: (parents[r], r))
        self._batches[merged_id] = SimulatedBatch(merged.lane, merged.attempt, rows)
        return merged_id

    def _sleep(self) -> None:
        at_s = self._schedule.wake_at_s(may_claim_at_s=0.0)
        if at_s is None or (self._wake_s is not None and self._wake_s <= at_s):
            return
        self._wake_s = at_s
        self._org.call_at(at_s, partial(self._woken, at_s))

    def _woken(self, at_s: float) -> None:
        if self._wake_s == at_s:
            self._wake_s = None
            self.act()

    def _busy_for(self, seconds: float, then: partial[None]) -> None:
        self._idle_threads -= 1

        def end() -> None:
            self._idle_threads += 1
            then()
            self.act()

        self._org.call_at(self._org.now_s + seconds, end)

    def _closed(self, batch_id: str) -> None:
        self._jobs[batch_id] = self._org.submit(self._batches[batch_id].rows, None)
        self._schedule.closed(batch_id, self._org.now_s)

    def _polled(self, batch_id: str) -> None:
        self._book.figures.requests += 1
        job = self._jobs[batch_id]
        if not job.has_ended:
            self._schedule.unfinished(batch_id, self._org.now_s)
            return
        files = self._book.files_to_read(job)
        self._book.figures.requests += files
        self._busy_for(files * self._way.request_s, partial(self._settled, batch_id))

    def _settled(self, batch_id: str) -> None:
        job, batch = self._jobs.pop(batch_id), self._batches.pop(batch_id)
        self._schedule.learn(
            rows=len(batch.rows), total_s=job.ended_s - job.closed_s, active_s=job.active_s
        )
        self._schedule.landed(batch_id)
        for again, wait_s in self._book.sent_again(batch, job):
            self._plan(again, self._org.now_s + wait_s)
        figures = self._book.figures
        figures.landed_rows += job.landed_rows
        figures.landings.append((self._org.now_s, job.landed_rows))
        self._recut_too_big()
        self.ended_s = self._org.now_s
        self._book.release(batch)

    def _plan(self, batch: SimulatedBatch, ready_at_s: float) -> None:
        batch_id = self._book.new_id()
        self._batches[batch_id] = batch
        self._book.waiting_rows[batch.lane] += len(batch.rows)
        self._schedule.wait_for_lane(
            WaitingBatch(batch_id, batch.lane, batch.attempt, len(batch.rows), ready_at_s)
        )

    def _recut_too_big(self) -> None:
        rows_max = self._schedule.rows_max(self._way.batch_rows_max)
        for waiting in self._schedule.too_big(rows_max):
            batch = self._batches.pop(waiting.batch_id)
            del self._schedule.waiting[waiting.batch_id]
            self._book.waiting_rows[batch.lane] -= len(batch.rows)
            for rows in cut_evenly(batch.rows, rows_max):
                self._plan(SimulatedBatch(batch.lane, batch.attempt, rows), waiting.ready_at_s)


def cut_evenly(rows: Sequence[int], rows_max: int) -> list[Sequence[int]]:
    """Cut rows into pieces of nearly equal size."""
    count = -(-len(rows) // rows_max)
    return [rows[len(rows) * n // count : len(rows) * (n + 1) // count] for n in range(count)]
