"""The events of an org in virtual seconds: no thread, no clock, and the same for each seed."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from dc_assets.emulator.org.locks import Locks
from dc_assets.emulator.org.settings import OrgSettings
from dc_assets.emulator.org.work import (
    BatchWork,
    Ended,
    Foreseen,
    JobWork,
    Key,
    LockedRows,
    Piece,
    Report,
    Started,
    Transaction,
)

LATENCY_SHAPE = 4.0
"""Of the Gamma distribution of the queue latency."""


class Engine:
    """Takes jobs through queue, workers and locks.

    Args:
        settings: those of an org that is not instant.
        start_s: the virtual second it begins at.
    """

    def __init__(self, settings: OrgSettings, start_s: float = 0.0) -> None:
        self.settings = settings
        self.now_s = start_s
        self.locks = Locks()
        self.jobs: dict[str, JobWork] = {}
        self.timeouts = 0
        self._random = Random(settings.seed)  # noqa: S311  no secret
        self._events: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._number = 0
        self._ready: deque[BatchWork] = deque()
        self._idle = settings.workers
        self._reports: list[Report] = []

    def submit(self, job: JobWork, at_s: float) -> None:
        """Take a job that is UploadComplete at this second, which may be one to come."""
        self.jobs[job.id] = job
        mean_s = self.settings.queue_latency_s
        latency_s = (
            self._random.gammavariate(LATENCY_SHAPE, mean_s / LATENCY_SHAPE) if mean_s else 0
        )
        self.at(max(at_s + latency_s, self.now_s), self._queue, job)

    def advance(self, to_s: float) -> list[Report]:
        """Let everything happen that is due up to this second, and tell of it in order."""
        events = self._events
        while events and events[0][0] <= to_s:
            self.now_s, _, happen, subject = heapq.heappop(events)
            happen(subject)
        self.now_s = max(self.now_s, to_s)
        reports, self._reports = self._reports, []
        return reports

    def next_event_s(self) -> float | None:
        """The second of the next event; None when nothing is to come."""
        return self._events[0][0] if self._events else None

    def abort(self, job_id: str) -> list[Report]:
        """End a job now: its running chunks are undone, its locks free, the others go on.

        A chunk that was foreseen as done is done.

        Returns:
            The chunks that were committed and not yet told of, and the end.
        """
        job = self.jobs.get(job_id)
        if job is None:
            return []
        job.is_over = True
        self._ready = deque(batch for batch in self._ready if batch.job is not job)
        for batch in list(job.at_work):
            transaction, batch.transaction = batch.transaction, None
            if transaction is not None and batch.is_foreseen:
                self._count(transaction)
            self._leave(batch)
            if transaction is not None:
                transaction.turn += 1
                self.release(transaction.held())
        del self.jobs[job_id]
        job.rows_unprocessed = job.rows - job.rows_ok - job.rows_failed
        self._reports.append(Ended(job_id, self.now_s, job))
        self._dispatch()
        reports, self._reports = self._reports, []
        return reports

    def at(self, at_s: float, happen: Callable[[Any], None], subject: object) -> None:
        """Let something happen at a second; what is due at the same one goes in order of asking."""
        self._number += 1
        heapq.heappush(self._events, (at_s, self._number, happen, subject))

    def _count(self, transaction: Transaction) -> None:
        job = transaction.batch.job
        job.rows_failed += transaction.failed
        job.rows_ok += transaction.rows - transaction.failed
        transaction.batch.next += transaction.rows

    def release(self, keys: Sequence[Key]) -> None:
        """Free locks; whoever got one of them goes on."""
        for heir in self.locks.release(keys):
            self._acquire(heir)

    # Queue and workers

    def _queue(self, job: JobWork) -> None:
        """Cut a job into internal batches and queue them."""
        if job.is_over:
            return
        offset, size = 0, self.settings.batch_rows
        for first, stop in job.spans:
            # Batches are cut by the rows of the upload, whatever of it was done before.
            edge = first
            while edge < stop:
                end = min(stop, (edge // size + 1) * size)
                self._ready.append(BatchWork(job, edge, end, offset, edge))
                job.batches_left += 1
                offset += end - edge
                edge = end
        if not job.batches_left:
            self._end(job)
        self._dispatch()

    def _queue_again(self, batch: BatchWork) -> None:
        if not batch.job.is_over:
            self._ready.append(batch)
            self._dispatch()

    def _dispatch(self) -> None:
        while self._idle and self._ready:
            batch = self._ready.popleft()
            self._idle -= 1
            batch.begun, batch.begun_s, batch.is_foreseen = batch.next, self.now_s, False
            job = batch.job
            job.at_work.append(batch)
            if not job.is_started:
                job.is_started = True
                self._reports.append(Started(job.id, self.now_s))
            self.at(self.now_s + self.settings.batch_overhead_s, self._next_chunk, batch)

    def _leave(self, batch: BatchWork) -> None:
        """Free the worker, and tell of the rows that are done."""
        job = batch.job
        job.active_s += self.now_s - batch.begun_s
        job.at_work.remove(batch)
        self._idle += 1
        if batch.next > batch.begun:
            # A chunk that is cut off by an abort may have failed some of its rows already.
            locked = tuple(rows for rows in batch.locked if rows.first < batch.next)
            rows = batch.next - batch.begun
            self._reports.append(Piece(job.id, self.now_s, batch.begun, rows, locked))
        batch.locked.clear()

    def _next_chunk(self, batch: BatchWork) -> None:
        """Begin the next chunk, or let the batch leave: it is through, or over its time."""
        job, settings = batch.job, self.settings
        if job.is_over:
            return
        if batch.next >= batch.stop:
            self._leave(batch)
            self._finish(batch)
        elif self.now_s - batch.begun_s > settings.batch_limit_s:
            self._leave(batch)
            self._requeue(batch)
        else:
            first = batch.next
            rows = min(settings.chunk_rows, batch.stop - first)
            start = (first - batch.first + batch.offset) * job.keys_per_row
            distinct = dict.fromkeys(job.keys[start : start + rows * job.keys_per_row])
            distinct.pop(None, None)
            keys: list[Any] = sorted(distinct) if settings.lock_order == "sorted" else [*distinct]
            batch.transaction = Transaction(batch, first, rows, keys)
            self._acquire(batch.transaction)
            return
        self._dispatch()

    def _requeue(self, batch: BatchWork) -> None:
        job = batch.job
        if batch.requeues >= self.settings.batch_max_requeue:
            job.rows_unprocessed += batch.stop - batch.next
            self._finish(batch)
            return
        batch.requeues += 1
        job.requeues += 1
        self.at(self.now_s + self.settings.requeue_delay_s, self._queue_again, batch)

    def _finish(self, batch: BatchWork) -> None:
        batch.job.batches_left -= 1
        if not batch.job.batches_left:
            self._end(batch.job)

    def _end(self, job: JobWork) -> None:
        job.is_over = True
        del self.jobs[job.id]
        if not job.is_started:
            job.is_started = True
            self._reports.append(Started(job.id, self.now_s))
        self._reports.append(Ended(job.id, self.now_s, job))

    # Locks

    def _acquire(self, transaction: Transaction) -> None:
        """Take what is free; wait for what is not; with all locks the rows are processed."""
        if not self.locks.take(transaction):
            wait = (transaction, transaction.turn)
            self.at(self.now_s + self.settings.lock_wait_s, self._give_up, wait)
            return
        if transaction.missing:
            self._drop_rows(transaction)
        rows = transaction.rows - transaction.failed
        if not rows:
            self._close(transaction)
            return
        busy_s = self.settings.chunk_overhead_s + rows * self.settings.row_ms / 1000
        end_s = self.now_s + busy_s
        self.at(end_s, self._commit, (transaction, transaction.turn))
        self._foresee(transaction, end_s)

    def _foresee(self, transaction: Transaction, end_s: float) -> None:
        """Tell of the rows of this run if its last chunk has begun."""
        batch = transaction.batch
        stop = transaction.first + transaction.rows
        if stop < batch.stop and end_s - batch.begun_s <= self.settings.batch_limit_s:
            return
        batch.is_foreseen = True
        rows = stop - batch.begun
        piece = Piece(batch.job.id, end_s, batch.begun, rows, tuple(batch.locked))
        self._reports.append(Foreseen(batch.job.id, piece))

    def _drop_rows(self, transaction: Transaction) -> None:
        """Fail the rows that need a lock which was not had."""
        batch = transaction.batch
        job, missing = batch.job, set(transaction.missing)
        width = job.keys_per_row
        start = (transaction.first - batch.first + batch.offset) * width
        for row in range(transaction.rows):
            place = start + row * width
            key = next((k for k in job.keys[place : place + width] if k in missing), None)
            if key is not None:
                batch.locked.append(LockedRows(transaction.first + row, 1, key))
                transaction.failed += 1

    def _give_up(self, wait: tuple[Transaction, int]) -> None:
        """A wait was too long: the chunk fails, or it goes on without the rows of that parent."""
        transaction, turn = wait
        if transaction.turn != turn:
            return
        transaction.turn += 1
        self.timeouts += 1
        key = transaction.keys[transaction.place]
        if self.settings.fail_scope == "chunk":
            rows = LockedRows(transaction.first, transaction.rows, key)
            transaction.batch.locked.append(rows)
            transaction.failed = transaction.rows
            self._close(transaction)
            return
        transaction.missing.append(key)
        transaction.waits_no_more = True
        transaction.place += 1
        self._acquire(transaction)

    def _commit(self, commit: tuple[Transaction, int]) -> None:
        transaction, turn = commit
        if transaction.turn == turn:
            self._close(transaction)

    def _close(self, transaction: Transaction) -> None:
        """Count the rows of a chunk, free its locks, go on with the batch."""
        batch = transaction.batch
        self._count(transaction)
        batch.transaction = None
        self.release(transaction.held())
        self._next_chunk(batch)
