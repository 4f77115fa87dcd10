"""The modelled org: jobs in, rows out, in virtual time.

A worker goes through the chunks of an internal batch. A chunk locks the parents of its rows one by
one and keeps them while it waits for the next; after `lock_wait_s` it fails. So two jobs that meet
parents in unlike orders block each other, and everybody behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from random import Random

from dc_assets.simulation.background import BackgroundActivity
from dc_assets.simulation.jobs import InternalBatch, SimulatedJob, Transaction
from dc_assets.simulation.locks import LockTable
from dc_assets.simulation.org_model import Background, OrgModel
from dc_assets.simulation.timeline import Timeline

QUEUE_SHAPE = 4.0
"""Shape of the Gamma distribution of the time in the org's queue: neither constant nor wild."""


class SimulatedOrg:
    """An org that is given jobs and works them off. The same seed gives the same history.

    Attributes:
        model: what the org is like.
        parents: the parent of each row, by row number; negative for a row without one.
        chance: the random numbers of this history, for clients too.
        lock_failures: chunks that failed on a lock.
        requeues: how often an internal batch ran into the time limit.
    """

    def __init__(
        self, model: OrgModel, background: Background, parents: Sequence[int], seed: int
    ) -> None:
        self.model = model
        self.parents = parents
        self.chance = Random(seed)  # noqa: S311 - chance of a model, not a secret
        self.lock_failures = 0
        self.requeues = 0
        self._time = Timeline()
        self._locks = LockTable()
        self._queue: deque[InternalBatch] = deque()
        self._idle_workers = model.workers
        self._background = BackgroundActivity(
            background, self._time, self._locks, self.chance, parents, self._release
        )
        self._has_begun = False

    @property
    def now_s(self) -> float:
        """Virtual time, seconds from the start."""
        return self._time.now_s

    @property
    def users_tried(self) -> int:
        """Saves of users so far."""
        return self._background.users_tried

    @property
    def users_blocked(self) -> int:
        """Saves of users that met a locked parent."""
        return self._background.users_blocked

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
        if not self._has_begun:
            self._has_begun = True
            self._background.begin()
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

    def _enter_again(self, batch: InternalBatch) -> None:
        self._queue.append(batch)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._idle_workers and self._queue:
            batch = self._queue.popleft()
            self._idle_workers -= 1
            batch.started_s = self.now_s
            if isnan(batch.job.started_s):
                batch.job.started_s = self.now_s
            self._time.aside_at(
                self.now_s + self.model.batch_overhead_s, partial(self._next_chunk, batch)
            )

    def _next_chunk(self, batch: InternalBatch) -> None:
        if batch.done_rows >= len(batch.rows):
            self._end(batch)
        elif self.now_s - batch.started_s > self.model.batch_limit_s:
            self._out_of_time(batch)
        else:
            at, batch.done_rows = batch.done_rows, batch.done_rows + self.model.chunk_rows
            rows = batch.rows[at : batch.done_rows]
            self._acquire(Transaction(batch, rows, self._parents_of(rows)))

    def _parents_of(self, rows: Sequence[int]) -> list[int]:
        """Return the parents to lock for rows, in the order of the locks."""
        if isinstance(rows, range):
            met = dict.fromkeys(self.parents[rows.start : rows.stop : rows.step])
        else:
            met = dict.fromkeys(map(self.parents.__getitem__, rows))
        if min(met) < 0:
            met = {parent: None for parent in met if parent >= 0}
        return sorted(met) if self.model.lock_order == "sorted" else list(met)

    def _out_of_time(self, batch: InternalBatch) -> None:
        batch.requeues += 1
        self.requeues += 1
        if batch.requeues > self.model.requeues_max:
            batch.job.unprocessed.extend(batch.rows[batch.done_rows :])
            self._end(batch)
            return
        again_s = self.now_s + self.model.requeue_delay_s
        self._time.aside_at(again_s, partial(self._enter_again, batch))
        self._free_worker(batch)

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

    def _acquire(self, one: Transaction) -> None:
        """Take locks until all are had; while one is not, wait at most `lock_wait_s` for it."""
        if not self._locks.take(one):
            alarm = partial(self._waited_long, one, one.waits)
            self._time.aside_at(self.now_s + self.model.lock_wait_s, alarm)
            return
        if one.missing:
            self._leave_out_missing(one)
        if one.rows:
            busy_s = self.model.chunk_overhead_s + len(one.rows) * self.model.row_s
            self._time.aside_at(self.now_s + busy_s, partial(self._commit, one))
        else:
            self._release(one.held)
            self._time.aside_at(self.now_s, partial(self._next_chunk, one.batch))

    def _leave_out_missing(self, one: Transaction) -> None:
        parents, missing = self.parents, one.missing
        one.batch.job.failed.extend(row for row in one.rows if parents[row] in missing)
        one.rows = [row for row in one.rows if parents[row] not in missing]

    def _waited_long(self, one: Transaction, waits: int) -> None:
        if one.waits != waits:
            return  # it got that lock in time
        self.lock_failures += 1
        self._locks.stop_waiting(one)
        if self.model.fail_scope == "rows":
            one.is_patient = False
            self._acquire(one)
            return
        one.batch.job.failed.extend(one.rows)
        self._release(one.held)
        self._next_chunk(one.batch)

    def _commit(self, one: Transaction) -> None:
        one.batch.job.landed_rows += len(one.rows)
        self._release(one.held)
        self._next_chunk(one.batch)

    def _release(self, parents: Sequence[int]) -> None:
        for heir in self._locks.release(parents):
            self._acquire(heir)
