"""Runs the ingest jobs of an org whose work takes time.

An `Engine` decides in virtual seconds which chunk of which job ends when and how; a thread keeps
it at the org's clock, and another writes what is done. No job waits here for another but by locks
and workers of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from threading import Event, RLock, Thread

import polars as pl

from dc_assets.emulator.clock import OrgClock, api_datetime
from dc_assets.emulator.engines.batch_writer import BatchWriter, Tally, WrittenBatch
from dc_assets.emulator.engines.binding import QueryPlan
from dc_assets.emulator.engines.job_faults import Cut, JobFaults
from dc_assets.emulator.engines.lock_keys import ids_of
from dc_assets.emulator.engines.passing import Wait, inner_form
from dc_assets.emulator.engines.upload import read_upload
from dc_assets.emulator.org.background import Background, Population
from dc_assets.emulator.org.engine import Engine
from dc_assets.emulator.org.held_parents import HeldParents
from dc_assets.emulator.org.settings import OrgSettings
from dc_assets.emulator.org.work import (
    Ended,
    Foreseen,
    JobWork,
    LockedRows,
    Piece,
    Report,
    Started,
)
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import IN_FLIGHT, JobStore

LEAST_WAIT_S = 0.002
"""Events of a shorter time are done together."""

COMPLETE = Cut(0, "JobComplete", "")


@dataclass(slots=True, eq=False)
class TimedJob:
    """One closed job as it was read, and how it is to end.

    ``plan`` is None when the upload cannot be processed; then ``work`` has no rows.
    """

    work: JobWork
    plan: QueryPlan | None
    parents: frozenset[str]
    end: Cut
    rows: pl.DataFrame | None = None
    """Of the upload, unless they are so many that they are read again for each piece."""
    closed_s: float = 0.0
    commits: int = 0
    tallies: dict[int, Tally] = field(default_factory=dict[int, Tally])
    """What was written and is not shown yet, by the first row."""
    is_broken: bool = False
    """A write failed: nothing more of it is written."""


class TimedRunner:
    """Takes jobs through an engine and writes what it tells.

    Args:
        core: where records go.
        jobs: where jobs are.
        clock: the org's time.
        faults: what shall befall single jobs.
        population: the parents of the org, asked for when the first job comes.
    """

    def __init__(
        self,
        core: CoreStore,
        jobs: JobStore,
        clock: OrgClock,
        faults: JobFaults,
        population: Callable[[], Population],
    ) -> None:
        self._core = core
        self._jobs = jobs
        self._clock = clock
        self._faults = faults
        self._population = population
        self._engine = Engine(OrgSettings())
        self._background: Background | None = None
        self._at_work: dict[str, TimedJob] = {}
        self._lock = RLock()
        self._poke = Event()
        self._stopping = Event()
        self._ticker: Thread | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self.held = HeldParents()

    def begin(self, settings: OrgSettings) -> None:
        """Begin with an org that has nothing to do; what the old one did is dropped."""
        with self._lock:
            self._at_work.clear()
            self._engine = Engine(settings, self._clock.org_s())
            self._background = None
            self.held.clear()
        # The batch that is being written now ends first.
        self._settle()

    def users(self) -> dict[str, int]:
        """Saves of users while jobs were at work, and those that met a locked record."""
        with self._lock:
            background = self._background
            if background is None:
                return {"tried": 0, "blocked": 0}
            return {"tried": background.tried, "blocked": background.blocked}

    def timeouts(self) -> int:
        """Waits for a lock that were too long."""
        return self._engine.timeouts

    def submit(self, job: TimedJob, at_s: float) -> None:
        """Take a job that was closed at this second of the org."""
        job.closed_s = at_s
        job_id = job.work.id
        with self._lock:
            if self._stopping.is_set() or not self._is_in_flight(job_id):
                return
            self._advance()
            self._at_work[job_id] = job
            self.held.begin(job_id, job.parents, at_s)
            if self._faults.holds(job_id):
                self._start(job_id, at_s)
                return
            if self._background is None and self._engine.settings.background != "none":
                self._background = Background(self._engine, self._population())
            self._engine.submit(job.work, at_s + self._faults.wait_s(job_id))
            if self._ticker is None:
                self._ticker = Thread(target=self._tick, name="org", daemon=True)
                self._ticker.start()
        self.poke()

    def abort(self, job_id: str) -> dict[str, object]:
        """Take a job off its workers and write what it committed; its times, for its record.

        A job that ended meanwhile is terminal when this returns.
        """
        with self._lock:
            self._advance()
            job = self._at_work.get(job_id)
            reports = self._engine.abort(job_id)
            self._handle([report for report in reports if not isinstance(report, Ended)])
        self._settle()
        self.poke()
        if job is None:
            return {}
        with self._lock:
            self._at_work.pop(job_id, None)
            self.held.end(job_id)
        return self._times(job, self._clock.org_s())

    def poke(self) -> None:
        """Look at the clock again: it changed, or there is more to do."""
        self._poke.set()

    def catch_up(self) -> None:
        """Do and write all that is due by the org's clock."""
        with self._lock:
            self._advance()
        self._settle()

    def stop(self) -> None:
        """End after the write at work; what is left is resumed by the next start."""
        self._stopping.set()
        self.poke()
        if self._ticker is not None:
            self._ticker.join()
        self._writer.shutdown(wait=True, cancel_futures=True)

    def _settle(self) -> None:
        """Wait until all that the engine told is written."""
        if not self._stopping.is_set():
            self._writer.submit(_nothing).result()

    def _tick(self) -> None:
        while not self._stopping.is_set():
            with self._lock:
                self._advance()
                # Without a job nobody sees what happens: it is made up for with the next one.
                next_s = self._engine.next_event_s() if self._engine.jobs else None
            wait_s = None if next_s is None else self._clock.wall_s_until(next_s)
            self._poke.wait(None if wait_s is None else max(wait_s, LEAST_WAIT_S))
            # Cleared before all is looked at again, the stop too: no poke is lost.
            self._poke.clear()

    def _advance(self) -> None:
        self._handle(self._engine.advance(self._clock.org_s()))

    def _handle(self, reports: list[Report]) -> None:
        for report in reports:
            job = self._at_work.get(report.job_id)
            if job is None or self._stopping.is_set():
                continue
            if isinstance(report, Started):
                self._start(report.job_id, report.at_s)
            elif isinstance(report, Foreseen):
                self._writer.submit(self._write, job, report.piece)
            elif isinstance(report, Piece):
                self._writer.submit(self._write, job, report)
                self._writer.submit(self._show, job, report)
            else:
                self._writer.submit(self._end, job, report.at_s)

    def _is_in_flight(self, job_id: str) -> bool:
        """Whether the job is still there and not over: a caller may abort it at any moment."""
        record = self._jobs.get(job_id)
        return record is not None and record.state in IN_FLIGHT

    def _start(self, job_id: str, at_s: float) -> None:
        self._jobs.change_if(
            job_id,
            lambda job: job.state == "UploadComplete",
            state="InProgress",
            system_modstamp=api_datetime(self._clock.moment(at_s)),
        )

    # On the thread that writes

    def _write(self, job: TimedJob, piece: Piece) -> None:
        """Commit the rows of a piece, unless that was done, or the job is there no more."""
        if piece.first in job.tallies:
            return
        if self._stopping.is_set() or self._at_work.get(piece.job_id) is not job:
            return
        if job.plan is None or job.is_broken or not self._is_in_flight(piece.job_id):
            return
        try:
            self._commit(job, job.plan, piece)
        except Exception as error:  # noqa: BLE001  whatever happened, a job must come to an end
            job.end, job.is_broken = Cut(0, "Failed", f"InternalServerError : {error!r}"), True

    def _commit(self, job: TimedJob, plan: QueryPlan, piece: Piece) -> None:
        rows = job.rows
        if rows is None:
            rows = read_upload(self._jobs.upload_path(piece.job_id), plan.job).rows
        rows = rows.slice(piece.first, piece.rows)
        batch = WrittenBatch(job.commits, piece.first, rows, self._waits(job, piece.locked))
        writer = BatchWriter(self._core, self._jobs, plan, self._faults)
        tally = writer.write(batch, self._clock.moment(piece.at_s))
        job.commits += 1
        job.tallies[piece.first] = tally

    def _show(self, job: TimedJob, piece: Piece) -> None:
        """Count rows that are written in the record of their job."""
        tally, record = job.tallies.pop(piece.first, None), self._jobs.get(piece.job_id)
        if tally is not None and record is not None:
            self._jobs.change(
                piece.job_id,
                rows_processed=record.rows_processed + tally.rows,
                rows_failed=record.rows_failed + tally.failed,
                retries=job.work.requeues,
                processing_ms=round(job.work.active_s * 1000),
            )

    def _waits(self, job: TimedJob, locked: tuple[LockedRows, ...]) -> dict[int, Wait]:
        """Each row that failed, with the record whose lock it waited for."""
        if not locked:
            return {}
        keys = {str(rows.key) for rows in locked}
        ids, settings = ids_of(keys, self._core), self._engine.settings
        # A row's own lock is no roll-up's.
        forms = {key: roll_up(settings, key) if key in job.parents else "plain" for key in keys}
        return {
            number: Wait(ids.get(str(rows.key)), forms[str(rows.key)])
            for rows in locked
            for number in range(rows.first, rows.first + rows.rows)
        }

    def _end(self, job: TimedJob, at_s: float) -> None:
        """Show a job as ended, all its rows being written."""
        job_id = job.work.id
        if self._stopping.is_set() or self._at_work.get(job_id) is not job:
            return
        with self._lock:
            del self._at_work[job_id]
            self.held.end(job_id)
        end = job.end
        if end is COMPLETE and job.work.rows_unprocessed:
            tries = self._engine.settings.batch_max_requeue
            end = Cut(0, "Failed", f"InternalServerError : Retried more than {tries} times")
        self._jobs.change_if(
            job_id,
            lambda record: record.state == "InProgress",
            state=end.state,
            error_message=end.message,
            gone=self._faults.gone(job_id),
            system_modstamp=api_datetime(self._clock.moment(at_s)),
            **self._times(job, at_s),
        )

    def _times(self, job: TimedJob, at_s: float) -> dict[str, object]:
        return {
            "processing_ms": round(job.work.active_s * 1000),
            "total_ms": round((at_s - job.closed_s) * 1000),
            "retries": job.work.requeues,
            "ended_s": at_s,
        }


def roll_up(settings: OrgSettings, key: str) -> str:
    """The form in which a lock of this parent is met; the same each time."""
    text = f"roll-up of {key}, {settings.seed}"
    chance = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64
    return inner_form(chance, settings.roll_up_share)


def _nothing() -> None:
    """Done by the writer when all before it is written."""
