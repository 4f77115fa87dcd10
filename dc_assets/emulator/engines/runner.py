"""Runs ingest jobs in the background, a batch at a time.

This class is the whole of what decides when a job moves: the wire only asks the job store.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Event, Lock, Timer

from dc_assets.emulator.clock import Clock, api_datetime
from dc_assets.emulator.engines.batch_writer import BatchWriter
from dc_assets.emulator.engines.binding import BatchError, Plan, bind
from dc_assets.emulator.engines.job_faults import QUOTA_MESSAGE, Cut, JobFaults
from dc_assets.emulator.engines.upload import check_line_ending, in_batches, read_rows
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import Job, JobStore
from dc_assets.emulator.stores.options import Options

WORKERS = 2


class JobRunner:
    """Takes jobs that are UploadComplete through InProgress to their end, first come first served.

    Args:
        core: where records go.
        jobs: where jobs are.
        clock: the time of commits.
        options: the least time a job stays InProgress, and the batches of a day.
    """

    def __init__(self, core: CoreStore, jobs: JobStore, clock: Clock, options: Options) -> None:
        self._core = core
        self._jobs = jobs
        self._clock = clock
        self._options = options
        self._stopping = Event()
        self._pool: ThreadPoolExecutor | None = None
        self._timers: list[Timer] = []
        self._batches_used: int | None = None
        self._lock = Lock()
        self.faults = JobFaults()

    def submit(self, job_id: str) -> None:
        """Queue a job, at once or when its wait is over."""
        wait_s = self.faults.wait_s(job_id)
        if not wait_s:
            self._queue(job_id)
            return
        timer = Timer(wait_s, self._queue, (job_id,))
        timer.daemon = True
        with self._lock:
            self._timers = [*(t for t in self._timers if t.is_alive()), timer]
        timer.start()

    def _queue(self, job_id: str) -> None:
        """Hand a job to the threads; they start with the first one."""
        with self._lock:
            if self._stopping.is_set():
                return
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
        self._cancel_waits()
        if self._pool is not None:
            for job in self._jobs.all("ingest"):
                if not job.is_terminal:
                    self._jobs.change(job.id, state="Aborted")
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._batches_used = None

    def _cancel_waits(self) -> None:
        with self._lock:
            timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()

    def stop(self) -> None:
        """End after the batches at work; what is left is resumed by the next start."""
        self._stopping.set()
        self._cancel_waits()
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
        if job is None or self.faults.holds(job_id):
            return
        started_s = self._clock.monotonic_s()
        complete_at_s = self._clock.true_s() + self._options.job_delay_s
        end = self._attempt(job)
        if self._stopping.is_set():
            return
        self._jobs.change_if(
            job_id,
            lambda job: job.state == "InProgress",
            state=end.state,
            error_message=end.message,
            gone=self.faults.gone(job_id),
            complete_at_s=complete_at_s,
            processing_ms=int((self._clock.monotonic_s() - started_s) * 1000),
            system_modstamp=api_datetime(self._clock.now()),
        )

    def _attempt(self, job: Job) -> Cut:
        """Write the rows of a job, or those up to its early end; how it ended."""
        cut = self.faults.cut(job.id)
        try:
            self._write_batches(job, cut.rows if cut else None)
        except BatchError as error:
            return Cut(0, "Failed", str(error))
        except Exception as error:  # noqa: BLE001  whatever happened, a job must come to an end
            return Cut(0, "Failed", f"InternalServerError : {error!r}")
        return cut or Cut(0, "JobComplete", "")

    def _write_batches(self, job: Job, rows_max: int | None) -> None:
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
        writer = BatchWriter(self._core, self._jobs, plan, self.faults)
        try:
            # Rows that were committed before a stop are skipped by their number.
            first = sum(commit.rows for commit in done)
            left = islice(rows, first, rows_max if rows_max is None else max(first, rows_max))
            for number, batch in enumerate(in_batches(left), start=len(done)):
                if not self._write_batch(writer, number, first, batch):
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
        self._take_batch()
        tally = writer.write(number, first, rows, self._clock.now())
        self._jobs.change(
            job.id,
            rows_processed=job.rows_processed + tally.rows,
            rows_failed=job.rows_failed + tally.failed,
        )
        return True

    def _take_batch(self) -> None:
        """Take one of the batches of the day.

        Raises:
            BatchError: none is left.
        """
        with self._lock:
            if self._batches_used is None:
                self._batches_used = self._core.commit_count()
            if self._batches_used >= self._options.daily_batches_max:
                raise BatchError(QUOTA_MESSAGE)
            self._batches_used += 1
