"""Runs ingest jobs in the background, a batch at a time.

This class is the whole of what decides when a job moves: the wire only asks the job store.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from dc_assets.emulator.clock import Clock, api_datetime
from dc_assets.emulator.engines.batch_writer import BatchWriter
from dc_assets.emulator.engines.binding import BatchError, Plan, bind
from dc_assets.emulator.engines.upload import check_line_ending, in_batches, read_rows
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import Job, JobStore

WORKERS = 2


class JobRunner:
    """Takes jobs that are UploadComplete through InProgress to their end, first come first served.

    Args:
        core: where records go.
        jobs: where jobs are.
        clock: the time of commits.
        delay_s: gives the least time a job stays InProgress, seconds.
    """

    def __init__(
        self, core: CoreStore, jobs: JobStore, clock: Clock, delay_s: Callable[[], float]
    ) -> None:
        self._core = core
        self._jobs = jobs
        self._clock = clock
        self._delay_s = delay_s
        self._stopping = Event()
        self._pool: ThreadPoolExecutor | None = None

    def submit(self, job_id: str) -> None:
        """Queue a job; the threads start with the first one."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="ingest")
        self._pool.submit(self._run, job_id)

    def resume(self) -> None:
        """Queue what a stop left unfinished, in the order of the ids."""
        for job in sorted(self._jobs.all("ingest"), key=lambda job: job.id):
            if job.state in {"UploadComplete", "InProgress"}:
                self.submit(job.id)

    def drain(self) -> None:
        """Drop what is queued and wait for the batches at work; new jobs can follow."""
        if self._pool is not None:
            for job in self._jobs.all("ingest"):
                if not job.is_terminal:
                    self._jobs.change(job.id, state="Aborted")
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def stop(self) -> None:
        """End after the batches at work; what is left is resumed by the next start."""
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job_id: str) -> None:
        job = self._jobs.change_if(
            job_id,
            lambda job: (
                job.state in {"UploadComplete", "InProgress"} and not self._stopping.is_set()
            ),
            state="InProgress",
            system_modstamp=api_datetime(self._clock.now()),
        )
        if job is None:
            return
        started_s = self._clock.monotonic_s()
        complete_at_s = self._clock.now().timestamp() + self._delay_s()
        message = self._attempt(job)
        if self._stopping.is_set():
            return
        self._jobs.change_if(
            job_id,
            lambda job: job.state == "InProgress",
            state="Failed" if message else "JobComplete",
            error_message=message,
            complete_at_s=complete_at_s,
            processing_ms=int((self._clock.monotonic_s() - started_s) * 1000),
            system_modstamp=api_datetime(self._clock.now()),
        )

    def _attempt(self, job: Job) -> str:
        try:
            self._write_batches(job)
        except BatchError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  whatever happened, a job must come to an end
            return f"InternalServerError : {error!r}"
        return ""

    def _write_batches(self, job: Job) -> None:
        path = self._jobs.upload_path(job.id)
        if not job.has_content or path.stat().st_size == 0:
            return
        check_line_ending(path, job)
        rows = read_rows(path, job)
        plan = self._plan(job, next(rows, list[str]()))
        done = self._core.committed_batches(job.id)
        self._jobs.change(
            job.id,
            rows_processed=sum(commit.rows for commit in done),
            rows_failed=sum(commit.failed for commit in done),
        )
        writer = BatchWriter(self._core, self._jobs, plan)
        try:
            first = 0
            for number, batch in enumerate(in_batches(rows)):
                if number >= len(done) and not self._write_batch(writer, number, first, batch):
                    return
                first += len(batch)
        finally:
            writer.close()

    def _plan(self, job: Job, header: list[str]) -> Plan:
        item = self._core.schema.find(job.object)
        if item is None:
            raise BatchError(f"InvalidJob : Unable to find object: {job.object}")
        return bind(job, item, header, self._core.schema)

    def _write_batch(
        self, writer: BatchWriter, number: int, first: int, rows: list[list[str]]
    ) -> bool:
        """Write one batch, unless the job was aborted or deleted or we stop."""
        job = self._jobs.get(writer.job_id)
        if self._stopping.is_set() or job is None or job.state != "InProgress":
            return False
        tally = writer.write(number, first, rows, self._clock.now())
        self._jobs.change(
            job.id,
            rows_processed=job.rows_processed + tally.rows,
            rows_failed=job.rows_failed + tally.failed,
        )
        return True
