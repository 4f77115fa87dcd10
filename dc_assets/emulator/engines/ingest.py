"""The one entrance for jobs that are to be processed: at once, or by an org that takes time.

This is the whole of what decides when a job moves: the wire only asks the job store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from dc_assets.emulator.clock import OrgClock
from dc_assets.emulator.engines.binding import BatchError, QueryPlan, plan_of
from dc_assets.emulator.engines.day import BatchesOfTheDay
from dc_assets.emulator.engines.job_faults import QUOTA_MESSAGE, Cut, JobFaults
from dc_assets.emulator.engines.lock_keys import LockKeys, lock_keys
from dc_assets.emulator.engines.runner import JobRunner
from dc_assets.emulator.engines.spans import Span, first_rows, gaps
from dc_assets.emulator.engines.timed import COMPLETE, TimedJob, TimedRunner
from dc_assets.emulator.engines.upload import read_upload
from dc_assets.emulator.org.background import Population
from dc_assets.emulator.org.settings import OrgSettings, SettingError, changed
from dc_assets.emulator.org.work import JobWork
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import IN_FLIGHT, JobStore, StoredJob
from dc_assets.emulator.stores.options import Options

KEPT_BYTES_MAX = 8_000_000
"""Of the rows of a job that stay in memory until it is over."""
NOTHING = LockKeys(0, 1, (), frozenset())


class Ingest:
    """Takes jobs that are UploadComplete to their end.

    Args:
        core: where records go.
        jobs: where jobs are.
        clock: the org's time.
        options: the batches of a day, and a delay of jobs without processing time.
        population: the parents of the org.
    """

    def __init__(
        self,
        core: CoreStore,
        jobs: JobStore,
        clock: OrgClock,
        options: Options,
        population: Callable[[], Population],
    ) -> None:
        self._core = core
        self._jobs = jobs
        self._clock = clock
        self._day = BatchesOfTheDay(core, options)
        self._first = self.settings = OrgSettings(preset="instant")
        self.faults = JobFaults()
        self._at_once = JobRunner(core, jobs, clock, options, self._day, self.faults)
        self.timed = TimedRunner(core, jobs, clock, self.faults, population)

    def start(self, settings: OrgSettings) -> None:
        """Begin as such an org, and take up what an earlier process left, in the order of ids."""
        self._first = self.settings = settings
        self.timed.begin(settings)
        for job in sorted(self._jobs.all("ingest"), key=lambda job: job.id):
            if job.state in IN_FLIGHT:
                self.submit(job.id)

    def change(self, values: Mapping[str, object]) -> None:
        """Set some of the settings; the org begins anew with them.

        Raises:
            SettingError: a name or a value is wrong, or jobs are at work.
        """
        settings = changed(self.settings, values)
        if self._jobs.in_flight:
            raise SettingError("The org can be changed only while no job is at work.")
        self.settings = settings
        self.timed.begin(settings)

    def prepare(self, job: StoredJob) -> TimedJob | None:
        """Read the upload of a job that is about to be closed; None for an org that is instant."""
        return None if self.settings.is_instant else self._read(job)

    def submit(self, job_id: str, prepared: TimedJob | None = None) -> None:
        """Queue a job; `prepared` is what `prepare` gave when it was closed."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        prepared = prepared or self.prepare(job)
        if prepared is None:
            self._at_once.submit(job_id)
            return
        prepared.commits = len(self._core.journal(job_id))
        now_s = self._clock.org_s()
        # A job that an earlier process closed knows that one's seconds.
        closed_s = now_s if job.closed_s is None else min(job.closed_s, now_s)
        self.timed.submit(prepared, closed_s)

    def abort(self, job_id: str) -> dict[str, object]:
        """Stop a job that is to be aborted or deleted; what its record shall say of its times."""
        times: dict[str, object] = {"ended_s": self._clock.org_s()}
        return times if self.settings.is_instant else times | self.timed.abort(job_id)

    def drain(self) -> None:
        """Drop all jobs, wait for the batches at work, be the org of the start; new jobs follow."""
        self._at_once.drain()
        self.settings = self._first
        self.timed.begin(self.settings)
        self._day.begin()

    def stop(self) -> None:
        """End after the batches at work; what is left is resumed by the next start."""
        self._at_once.stop()
        self.timed.stop()

    def _read(self, job: StoredJob) -> TimedJob:
        """What a job locks, and how it will end."""
        cut = self.faults.cut(job.id)
        try:
            read = self._locks(job, cut.rows if cut else None)
        except BatchError as error:
            return _unusable(job, str(error))
        except Exception as error:  # noqa: BLE001  whatever happened, a job must come to an end
            return _unusable(job, f"InternalServerError : {error!r}")
        spans, locks = read.spans, read.locks
        wanted = sum(-(-(stop - first) // self.settings.batch_rows) for first, stop in spans)
        taken = self._day.take(wanted)
        if taken < wanted:
            spans = first_rows(spans, taken * self.settings.batch_rows)
            cut = Cut(0, "Failed", QUOTA_MESSAGE)
        work = JobWork(job.id, locks.keys, locks.per_row, spans)
        return TimedJob(work, read.plan, locks.parents, cut or COMPLETE, read.rows)

    def _locks(self, job: StoredJob, rows_max: int | None) -> _Read:
        path = self._jobs.upload_path(job.id)
        if not job.has_content or path.stat().st_size == 0:
            return _Read(None, NOTHING, [], None)
        upload = read_upload(path, job)
        plan, rows = plan_of(job, upload.header, self._core.schema), upload.rows
        stop = rows.height if rows_max is None else min(rows_max, rows.height)
        spans = gaps(self._core.committed_spans(job.id), stop)
        left = [rows.clear(), *(rows.slice(first, end - first) for first, end in spans)]
        kept = rows if rows.estimated_size() <= KEPT_BYTES_MAX else None
        return _Read(plan, lock_keys(plan, pl.concat(left), self._core), spans, kept)


@dataclass(frozen=True, slots=True)
class _Read:
    """An upload that was read: what it does, what it locks, its rows to do, and all its rows."""

    plan: QueryPlan | None
    locks: LockKeys
    spans: list[Span]
    rows: pl.DataFrame | None


def _unusable(job: StoredJob, message: str) -> TimedJob:
    work = JobWork(job.id, (), 1, ())
    return TimedJob(work, None, frozenset(), Cut(0, "Failed", message))
