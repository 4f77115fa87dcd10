"""Runs the ingest jobs of an org without processing time, a batch at a time, as fast as it can."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Timer

from dc_assets.emulator.clock import OrgClock, api_datetime
from dc_assets.emulator.engines.batch_writer import BatchWriter, WrittenBatch
from dc_assets.emulator.engines.binding import BatchError, plan_of
from dc_assets.emulator.engines.day import BatchesOfTheDay
from dc_assets.emulator.engines.job_faults import QUOTA_MESSAGE, Cut, JobFaults
from dc_assets.emulator.engines.spans import gaps, in_batches
from dc_assets.emulator.engines.upload import BATCH_ROWS, read_upload
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import JobStore, StoredJob
from dc_assets.emulator.stores.options import Options

WORKERS = 2


class JobRunner:
    """Takes jobs that are UploadComplete through InProgress to their end, first come first served.

    Args:
        core: where records go.
        jobs: where jobs are.
        clock: the time of commits.
        options: the least time a job stays InProgress.
        day: the batches of the day.
        faults: what shall befall single jobs.
    """

    def __init__(  # noqa: PLR0913, PLR0917  the parts of an org
        self,
        core: CoreStore,
        jobs: JobStore,
        clock: OrgClock,
        options: Options,
        day: BatchesOfTheDay,
        faults: JobFaults,
    ) -> None:
        self._core = core
        self._jobs = jobs
        self._clock = clock
        self._options = options
        self._stopping = Event()
        self._pool: ThreadPoolExecutor | None = None
        self._timers: list[Timer] = []
        self._lock = Lock()
        self._day = day
        self.faults = faults

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

    def drain(self) -> None:
        """Drop what is queued and wait for the batches at work; new jobs can follow."""
        self._cancel_waits()
        if self._pool is not None:
            for job in self._jobs.all("ingest"):
                if not job.is_terminal:
                    self._jobs.change(job.id, state="Aborted")
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

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
        took_ms = int((self._clock.monotonic_s() - started_s) * 1000)
        self._jobs.change_if(
            job_id,
            lambda job: job.state == "InProgress",
            state=end.state,
            error_message=end.message,
            gone=self.faults.gone(job_id),
            complete_at_s=complete_at_s,
            processing_ms=took_ms,
            total_ms=took_ms,
            ended_s=self._clock.org_s(),
            system_modstamp=api_datetime(self._clock.now()),
        )

    def _attempt(self, job: StoredJob) -> Cut:
        """Write the rows of a job, or those up to its early end; how it ended."""
        cut = self.faults.cut(job.id)
        try:
            self._write_batches(job, cut.rows if cut else None)
        except BatchError as error:
            return Cut(0, "Failed", str(error))
        except Exception as error:  # noqa: BLE001  whatever happened, a job must come to an end
            return Cut(0, "Failed", f"InternalServerError : {error!r}")
        return cut or Cut(0, "JobComplete", "")

    def _write_batches(self, job: StoredJob, rows_max: int | None) -> None:
        path = self._jobs.upload_path(job.id)
        if not job.has_content or path.stat().st_size == 0:
            return
        upload = read_upload(path, job)
        plan = plan_of(job, upload.header, self._core.schema)
        done = self._core.journal(job.id)
        if done:
            self._jobs.change(
                job.id,
                rows_processed=sum(commit.rows for commit in done),
                rows_failed=sum(commit.failed for commit in done),
            )
        stop = upload.rows.height if rows_max is None else min(rows_max, upload.rows.height)
        left = in_batches(gaps(self._core.committed_spans(job.id), stop), BATCH_ROWS)
        writer = BatchWriter(self._core, self._jobs, plan, self.faults)
        for number, (first, end) in enumerate(left, start=len(done)):
            rows = upload.rows.slice(first, end - first)
            if not self._write_batch(writer, WrittenBatch(number, first, rows)):
                return

    def _write_batch(self, writer: BatchWriter, batch: WrittenBatch) -> bool:
        """Write one batch, unless the job was aborted or deleted or we stop.

        Raises:
            BatchError: the batches of the day are used up.
        """
        job = self._jobs.get(writer.job_id)
        if self._stopping.is_set() or job is None or job.state != "InProgress":
            return False
        if not self._day.take():
            raise BatchError(QUOTA_MESSAGE)
        tally = writer.write(batch, self._clock.now())
        self._jobs.change(
            job.id,
            rows_processed=job.rows_processed + tally.rows,
            rows_failed=job.rows_failed + tally.failed,
        )
        return True
