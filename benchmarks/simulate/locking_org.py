"""The modelled org with its locks, its time limit, and the work of others.

A worker goes through the chunks of an internal batch. A chunk locks the parents of its rows one by
one and keeps them while it waits for the next; after `lock_wait_s` it fails. So two jobs that meet
parents in unlike orders block each other, and everybody behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from benchmarks.simulate.background import Background, BackgroundActivity
from benchmarks.simulate.locks import LockTable, Transaction
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.jobs import InternalBatch
from dc_assets.simulation.org_model import OrgModel


@dataclass(frozen=True, slots=True)
class LockingModel(OrgModel):
    """How the org treats chunks that meet locks, and batches that take long.

    Attributes:
        lock_wait_s: how long a transaction waits for one lock before it fails (documented).
        batch_limit_s: how long an internal batch may keep its worker (documented).
        requeues_max: how often a batch is queued again before its rest stays unprocessed
            (documented).
        requeue_delay_s: wait of a batch before it queues again (assumed).
        fail_scope: what fails when a lock is not had in time: all rows of the chunk, or the rows of
            the parents that were not had (fitted).
        lock_order: parents are locked in the order of the rows, or sorted (fitted).
    """

    lock_wait_s: float = 10.0
    batch_limit_s: float = 300.0
    requeues_max: int = 20
    requeue_delay_s: float = 30.0
    fail_scope: Literal["chunk", "rows"] = "chunk"
    lock_order: Literal["row", "sorted"] = "row"


class LockingOrg(SimulatedOrg):
    """An org in which chunks wait for the locks of each other and of other people.

    Attributes:
        lock_failures: chunks that failed on a lock.
        requeues: how often an internal batch ran into the time limit.
    """

    def __init__(
        self, model: LockingModel, background: Background, parents: Sequence[int], seed: int
    ) -> None:
        super().__init__(model, parents, seed)
        self.lock_failures = 0
        self.requeues = 0
        self._limits = model
        self._locks = LockTable()
        self._requeued: Counter[InternalBatch] = Counter()
        self._background = BackgroundActivity(
            background, self._time, self._locks, self.chance, parents, self._release
        )
        self._has_begun = False

    @property
    def users_tried(self) -> int:
        """Saves of users so far."""
        return self._background.users_tried

    @property
    def users_blocked(self) -> int:
        """Saves of users that met a locked parent."""
        return self._background.users_blocked

    @property
    def locked_by_jobs(self) -> set[int]:
        """Parents that chunks hold now."""
        return self._locks.held - self._background.held

    def run_until_idle(self, limit_s: float) -> bool:
        """Let time pass as in every org; others begin their work with the first call."""
        if not self._has_begun:
            self._has_begun = True
            self._background.begin()
        return super().run_until_idle(limit_s)

    def _work(self, batch: InternalBatch) -> None:
        self._next_chunk(batch, batch.rows)

    def _next_chunk(self, batch: InternalBatch, rest: Sequence[int]) -> None:
        if not rest:
            self._end(batch)
        elif self.now_s - batch.started_s > self._limits.batch_limit_s:
            self._out_of_time(batch, rest)
        else:
            rows, rest = rest[: self.model.chunk_rows], rest[self.model.chunk_rows :]
            self._acquire(Transaction(batch, rows, rest, self._parents_of(rows)))

    def _parents_of(self, rows: Sequence[int]) -> list[int]:
        """Return the parents to lock for rows, in the order of the locks."""
        if isinstance(rows, range):
            met = dict.fromkeys(self.parents[rows.start : rows.stop : rows.step])
        else:
            met = dict.fromkeys(map(self.parents.__getitem__, rows))
        if min(met) < 0:
            met = {parent: None for parent in met if parent >= 0}
        return sorted(met) if self._limits.lock_order == "sorted" else list(met)

    def _out_of_time(self, batch: InternalBatch, rest: Sequence[int]) -> None:
        self._requeued[batch] += 1
        self.requeues += 1
        if self._requeued[batch] > self._limits.requeues_max:
            batch.job.unprocessed.extend(rest)
            self._end(batch)
            return
        batch.rows = rest
        again_s = self.now_s + self._limits.requeue_delay_s
        self._time.aside_at(again_s, partial(self._enter_again, batch))
        self._free_worker(batch)

    def _enter_again(self, batch: InternalBatch) -> None:
        self._queue.append(batch)
        self._dispatch()

    def _acquire(self, one: Transaction) -> None:
        """Take locks until all are had; while one is not, wait at most `lock_wait_s` for it."""
        if not self._locks.take(one):
            alarm = partial(self._waited_long, one, one.waits)
            self._time.aside_at(self.now_s + self._limits.lock_wait_s, alarm)
            return
        if one.missing:
            self._leave_out_missing(one)
        if one.rows:
            busy_s = self.model.chunk_overhead_s + len(one.rows) * self.model.row_s
            self._time.aside_at(self.now_s + busy_s, partial(self._commit, one))
        else:
            self._release(one.held)
            self._time.aside_at(self.now_s, partial(self._next_chunk, one.batch, one.rest))

    def _leave_out_missing(self, one: Transaction) -> None:
        parents, missing = self.parents, one.missing
        one.batch.job.failed.extend(row for row in one.rows if parents[row] in missing)
        one.rows = [row for row in one.rows if parents[row] not in missing]

    def _waited_long(self, one: Transaction, waits: int) -> None:
        if one.waits != waits:
            return  # it got that lock in time
        self.lock_failures += 1
        self._locks.stop_waiting(one)
        if self._limits.fail_scope == "rows":
            one.is_patient = False
            self._acquire(one)
            return
        one.batch.job.failed.extend(one.rows)
        self._release(one.held)
        self._next_chunk(one.batch, one.rest)

    def _commit(self, one: Transaction) -> None:
        one.batch.job.landed_rows += len(one.rows)
        self._release(one.held)
        self._next_chunk(one.batch, one.rest)

    def _release(self, parents: Sequence[int]) -> None:
        for heir in self._locks.release(parents):
            self._acquire(heir)
