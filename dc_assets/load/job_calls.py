"""The three effects on a batch: submit it, follow its job, resolve a doubt.

They run on threads of their own and keep no state; each returns what the writer folds in.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import polars as pl

from dc_assets.core.errors import LedgerConflict, RejectedRequest, RemoteError, SpoolLost
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.frames.csv_codec import encode
from dc_assets.frames.settle import answered_by
from dc_assets.load.ports import RangeRun
from dc_assets.load.rescue import NOT_FOUND, abort, rescue, resend
from dc_assets.load.settle import SettledBatch, settle_batch
from dc_assets.load.store import BatchRecord, NewBatch


@dataclass(frozen=True, slots=True)
class Submitted:
    """The close of a job was acknowledged.

    Attributes:
        keys: the external ids of its rows, by which its results name them; None if by record ids.
    """

    job_id: str
    keys: pl.Series | None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A poll found the job running.

    Attributes:
        was_aborted: by us, because it did not end in the time that the spec gives it.
    """

    was_aborted: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """The job ended, and every row of the batch has an outcome."""

    job: IngestJob
    settled: SettledBatch


@dataclass(frozen=True, slots=True)
class Resolved:
    """A batch in doubt is known again; `instead` carries its rows, or its job continues."""

    instead: NewBatch | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The rows of the batch are on no disk, so nothing was sent; `instead` stands for them."""

    reason: SpoolLost
    instead: NewBatch


Outcome = Submitted | Unfinished | Finished | Resolved | Lost


def submit(run: RangeRun, batch: BatchRecord) -> Submitted | Lost:
    """Create, upload, close: the ledger hears of each step before the next one begins."""
    jobs, batches = run.ports.jobs, run.ports.batches
    try:
        rows = run.ports.spool.read_batch(batch.load_id, batch.batch_id)
    except SpoolLost as lost:
        return Lost(lost, resend(run, batch))
    payload = encode(rows, run.spec, with_keys=run.writes_keys)
    job_id = jobs.create()
    try:
        batches.opened(run.ticket, batch.batch_id, job_id)
    except LedgerConflict:
        with suppress(RemoteError):  # taken over while the call was under way: leave no orphan job
            jobs.abort(job_id)
        raise
    jobs.upload(job_id, payload)
    jobs.close(job_id)
    batches.uploaded(run.ticket, batch.batch_id)
    key = run.spec.target.external_id
    return Submitted(job_id, rows.get_column(key) if answered_by(rows, key) == key else None)


def follow(
    run: RangeRun, batch: BatchRecord, keys: pl.Series | None
) -> Unfinished | Finished | Resolved:
    """Ask for the job of a batch, and settle the batch if the job is finished.

    ``keys`` are the external ids that this run sent; None if another run sent them.

    A job that the org dropped, or whose results it dropped (after 7 days), says nothing of its
    rows any more: they are sent again, and the upsert makes that safe.
    """
    job_id = batch.job_id
    assert job_id is not None, "an uploaded batch has a job"
    try:
        job = run.ports.jobs.job(job_id)
        if not job.is_terminal:
            return Unfinished()
        return Finished(job, settle_batch(run, batch, job, keys))
    except SpoolLost as lost:
        run.note("rows_lost", cause=str(lost))
        return Resolved(resend(run, batch))
    except RejectedRequest as error:
        if error.status != NOT_FOUND:
            raise
    run.note("job_gone", job_id=job_id, rows=batch.rows)
    return Resolved(resend(run, batch))


def give_up_job(
    run: RangeRun, batch: BatchRecord, keys: pl.Series | None
) -> Unfinished | Finished | Resolved:
    """Abort a job that has not ended; what it committed is read from its results.

    It is asked for once more before: its expected time may be longer than the time it is given.
    """
    seen = follow(run, batch, keys)
    if not isinstance(seen, Unfinished):
        return seen
    job_id = batch.job_id
    assert job_id is not None, "an uploaded batch has a job"
    at_work = frozenset({JobState.UPLOAD_COMPLETE, JobState.IN_PROGRESS})
    state = abort(run, job_id, at_work)
    run.note("job_given_up", job_id=job_id, state=state.value)
    return Unfinished(was_aborted=True)


def resolve(run: RangeRun, batch: BatchRecord) -> Resolved:
    """Find out what became of a batch in doubt."""
    return Resolved(rescue(run, batch))


class WorkerPool:
    """A small thread pool that hands finished effects back to the thread that decides."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="org")
        self._running: dict[Future[Any], str] = {}

    @property
    def idle_threads(self) -> int:
        """Threads that would take an effect at once."""
        return self._threads - len(self._running)

    def start(self, name: str, effect: Callable[..., Any], *args: object) -> None:
        """Run an effect; `name` comes back with its outcome."""
        self._running[self._pool.submit(effect, *args)] = name

    def finished(self, wait_s: float) -> list[tuple[str, Future[Any]]]:
        """Wait until an effect ends, but not longer than ``wait_s``; return those that ended."""
        done = wait(self._running, timeout=wait_s, return_when=FIRST_COMPLETED).done
        return [(self._running.pop(future), future) for future in done]

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
