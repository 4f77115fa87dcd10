"""The modelled org: jobs in, rows out, in virtual time. It has no locks.

Lanes share no parent and keep one job in flight each, so a load by lanes meets no lock of its own;
its jobs are one internal batch each, and are cut to stay below half the time limit of one.
`benchmarks.simulate` has an org with locks, limits and other people's work, and gives the same
figures for such a load.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from random import Random

from dc_assets.simulation.jobs import InternalBatch, SimulatedJob
from dc_assets.simulation.org_model import OrgModel
from dc_assets.simulation.timeline import Timeline

QUEUE_SHAPE = 4.0
"""Shape of the Gamma distribution of the time in the org's queue: neither constant nor wild."""


class SimulatedOrg:
    """An org that is given jobs and works them off. The same seed gives the same history.

    Attributes:
        model: what the org is like.
        parents: the parent of each row, by row number; negative for a row without one.
        chance: the random numbers of this history, for clients too.
    """

    def __init__(self, model: OrgModel, parents: Sequence[int], seed: int) -> None:
        self.model = model
        self.parents = parents
        self.chance = Random(seed)  # noqa: S311 - chance of a model, not a secret
        self._time = Timeline()
        self._queue: deque[InternalBatch] = deque()
        self._idle_workers = model.workers

    @property
    def now_s(self) -> float:
        """Virtual time, seconds from the start."""
        return self._time.now_s

    def call_at(self, at_s: float, action: Callable[[], None]) -> None:
        """Call a client back at a time; a time that is over counts as now."""
        self._time.at(at_s, action)

    def stop(self) -> None:
        """End `run_until_idle` after the event that is under way."""
        self._time.stop()

    def run_until_idle(self, limit_s: float) -> bool:
        """Let time pass until `stop` is called, or no job and no client's timer is left.

        Returns:
            False when ``limit_s`` of virtual time was not enough.
        """
        return self._time.run(limit_s)

    def submit(
        self, rows: Sequence[int], on_end: Callable[[SimulatedJob], None] | None
    ) -> SimulatedJob:
        """Close a job now. ``on_end`` is called when it ends: its client does not see that yet.

        Args:
            rows: row numbers in the order of the file; at least one, and not changed afterwards.
            on_end: what to call, in the event.

        Raises:
            ValueError: there is no row.
        """
        if not rows:
            raise ValueError("A job has at least one row.")
        job = SimulatedJob(rows, self.now_s, on_end)
        self._time.expect()
        latency_s = self.chance.gammavariate(QUEUE_SHAPE, self.model.queue_latency_s / QUEUE_SHAPE)
        self._time.aside_at(self.now_s + latency_s, partial(self._enter, job))
        return job

    def _enter(self, job: SimulatedJob) -> None:
        size = self.model.internal_batch_rows
        starts = range(0, len(job.rows), size)
        job.batches_left = len(starts)
        self._queue.extend(InternalBatch(job, job.rows[at : at + size]) for at in starts)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._idle_workers and self._queue:
            batch = self._queue.popleft()
            self._idle_workers -= 1
            batch.started_s = self.now_s
            if isnan(batch.job.started_s):
                batch.job.started_s = self.now_s
            self._time.aside_at(
                self.now_s + self.model.batch_overhead_s, partial(self._work, batch)
            )

    def _work(self, batch: InternalBatch) -> None:
        """Give a worker a batch whose overhead is over."""
        chunks = -(-len(batch.rows) // self.model.chunk_rows)
        busy_s = chunks * self.model.chunk_overhead_s + len(batch.rows) * self.model.row_s
        self._time.aside_at(self.now_s + busy_s, partial(self._written, batch))

    def _written(self, batch: InternalBatch) -> None:
        batch.job.landed_rows += len(batch.rows)
        self._end(batch)

    def _end(self, batch: InternalBatch) -> None:
        job = batch.job
        self._free_worker(batch)
        job.batches_left -= 1
        if not job.batches_left:
            job.ended_s = self.now_s
            self._time.met()
            if job.on_end is not None:
                job.on_end(job)

    def _free_worker(self, batch: InternalBatch) -> None:
        batch.job.active_s += self.now_s - batch.started_s
        self._idle_workers += 1
        self._dispatch()
