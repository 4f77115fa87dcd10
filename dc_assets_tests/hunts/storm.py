"""An org and a source in bad weather, until the storm is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import polars as pl

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import RejectedRequest, TooManyAtOnce, TransientRemoteError
from dc_assets.core.ingest_job import JobState
from dc_assets.core.ranges import IdRange
from dc_assets.load.ports import ResultKind
from dc_assets_tests.fakes.org import LOCKED, FakeJob, FakeOrg, ids_in
from dc_assets_tests.fakes.source import COLUMNS, FakeSource, thing
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, text_frame
from dc_assets_tests.fakes.turns import Turns
from dc_assets_tests.hunts.scenario import Scenario

STORAGE = "STORAGE_LIMIT_EXCEEDED:storage limit exceeded --"
BAD_ENDS = (
    (JobState.FAILED, "TooManyLockFailure : Too many lock failure"),
    (JobState.FAILED, "InternalServerError : try again"),
    (JobState.FAILED, "ExceededQuota : Number of batches exceeded"),
    (JobState.FAILED, "InvalidBatch : Field name not found"),
    (JobState.ABORTED, ""),
)
LADDERED = {"job", "results", "open_jobs", "abort", "allowance"}
T = TypeVar("T")


@dataclass(slots=True)
class Storm:
    """Says which call meets which trouble; nothing does after it is over."""

    scenario: Scenario
    turns: Turns
    chance: Random
    met: Counter[str] = field(default_factory=Counter[str])

    @property
    def is_on(self) -> bool:
        """Whether there is trouble at all."""
        return self.turns.now_s < self.scenario.storm_s

    def hits(self, trouble: str) -> bool:
        """Tell whether a call meets a trouble."""
        rate = self.scenario.rates.get(trouble, 0.0)
        hit = rate > 0 and self.is_on and self.chance.random() < rate
        self.met[trouble] += hit
        return hit

    def lasts(self, trouble: str) -> bool:
        """Tell whether a trouble that lasts is continuing."""
        now_s = self.turns.now_s
        phases = self.scenario.phases.get(trouble, [])
        hit = self.is_on and any(begin <= now_s < end for begin, end in phases)
        self.met[trouble] += hit
        return hit

    def lost(self, what: str) -> TransientRemoteError:
        """Return the error of a lost answer; a call that may be repeated was repeated."""
        retry_after_s = self.chance.choice([None, None, None, 3.0])
        error = TransientRemoteError(f"the answer of {what} was lost", retry_after_s=retry_after_s)
        error.after_ladder = what in LADDERED
        return error


@dataclass(slots=True)
class StormyOrg(FakeOrg):
    """An org that works in virtual time and meets the storm.

    Attributes:
        costs: how often each id was in a job whose end costs it an attempt.
        ready_at: when each closed job is done.
    """

    storm: Storm | None = None
    costs: Counter[str] = field(default_factory=Counter[str])
    ready_at: dict[str, float] = field(default_factory=dict[str, float])
    results_gone: set[str] = field(default_factory=set[str])

    @property
    def _weather(self) -> Storm:
        assert self.storm is not None
        return self.storm

    def allowance(self) -> Allowance:
        """Tell what is left of the day."""
        left = Allowance(100, 100) if self._weather.lasts("low") else Allowance(50_000, 10_000)
        return self._call("allowance", lambda: left)

    def new_load(self) -> None:
        """Forget what was reported: a new load sends all its rows again."""
        self._reported.clear()

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Return one result file, shuffled, cut, or not at all."""
        job = self._jobs[job_id]
        body = self._call("results", lambda: self._body(job, kind))
        if len(body) > 40 and self._weather.hits("cut"):
            if kind == "successful" and job.state is JobState.FAILED:
                self.costs.update(ids_in(body))  # a cut may look whole: then they have not landed
            return body[: self._weather.chance.randrange(len(body))]
        if kind == "successful":
            self._reported |= ids_in(body)
        return body

    def _body(self, job: FakeJob, kind: ResultKind) -> bytes:
        assert not job.is_in_flight
        if job.job_id in self.gone | self.results_gone or self._weather.hits("results_gone"):
            self.results_gone.add(job.job_id)
            self._forget(job)
            raise _not_found()
        self._weather.chance.shuffle(job.landed)
        return self._file(job, kind)

    def _forget(self, job: FakeJob) -> None:
        """Nobody can read any more what this job landed, so nobody can be blamed for a resend."""
        self._reported -= {row[EXTERNAL_ID] for row in job.landed}

    def _job(self, job_id: str) -> FakeJob:
        job = self._jobs[job_id]
        if not job.is_in_flight and job_id not in self.gone and self._weather.hits("job_gone"):
            self.gone.add(job_id)
            job.state = JobState.ABORTED if job.state is JobState.OPEN else job.state
            self._forget(job)
        if job_id in self.gone:
            raise _not_found()
        if self._weather.hits("meddle"):
            self._abort(job)
        return job

    def _abort(self, job: FakeJob) -> None:
        """Abort a job that is not finished; some of its rows may have landed."""
        if job.is_in_flight:
            self._part(job, JobState.ABORTED)
            job.state = JobState.ABORTED
        elif job.state is JobState.OPEN:
            job.state = JobState.ABORTED

    def _is_ready(self, job: FakeJob) -> bool:
        ready_at_s = self.ready_at.get(job.job_id)
        weather = self._weather
        if ready_at_s is None:
            took_s = 1e9 if weather.hits("stuck") else weather.chance.choice([0.2, 2.0, 8.0])
            ready_at_s = self.ready_at[job.job_id] = weather.turns.now_s + took_s
        is_stuck = ready_at_s > 1e8 and weather.is_on
        return not is_stuck and (ready_at_s > 1e8 or weather.turns.now_s >= ready_at_s)

    def _finish(self, job: FakeJob) -> None:
        if self._weather.hits("ends_badly"):
            state, message = self._weather.chance.choice(BAD_ENDS)
            self._part(job, state, costs=not message.startswith("ExceededQuota"))
            job.state, job.error_message = state, message
            return
        full = self._weather.lasts("storage")
        for row in job.rows:
            self._try(job, row, full=full)
        if not any(error == STORAGE for _, error in job.failed):
            again = [row for row, error in job.failed if error == LOCKED] + job.untouched
            self.costs.update(row[EXTERNAL_ID] for row in again)
        job.state = JobState.JOB_COMPLETE

    def _try(self, job: FakeJob, row: dict[str, str], *, full: bool) -> None:
        external_id = row[EXTERNAL_ID]
        for trouble, where in ((self.untouched, None), (self.locked, LOCKED)):
            if trouble[external_id] > 0:
                trouble[external_id] -= 1
                job.untouched.append(row) if where is None else job.failed.append((row, where))
                return
        if external_id in self.refused:
            job.failed.append((row, self.refused[external_id]))
        elif full:
            job.failed.append((row, STORAGE))
        else:
            self._land(job, row)

    def _part(self, job: FakeJob, state: JobState, *, costs: bool = True) -> None:
        """Land some rows of a job that ends badly."""
        share = self._weather.chance.choice([0.0, 0.5, 1.0])
        for row in sorted(job.rows, key=lambda row: row[EXTERNAL_ID]):
            if self._weather.chance.random() < share and row[EXTERNAL_ID] not in self.refused:
                self._land(job, row)
            else:
                job.untouched.append(row)
                self.costs[row[EXTERNAL_ID]] += costs and state is JobState.FAILED

    def _call(self, name: str, act: Callable[[], T]) -> T:
        weather = self._weather
        self.calls[name] += 1
        if weather.lasts("silence"):
            raise weather.lost(name)
        if weather.lasts("limit"):
            raise TooManyAtOnce("the org is over its limit of the moment")
        if weather.lasts("no_access"):
            raise RejectedRequest("no access", code="INSUFFICIENT_ACCESS", status=403)
        if weather.hits("lost"):
            if weather.chance.random() < 0.5:
                act()
            raise weather.lost(name)
        return act()


def _not_found() -> RejectedRequest:
    return RejectedRequest("The resource does not exist", code="NOT_FOUND", status=404)


@dataclass(slots=True)
class StormySource(FakeSource):
    """A source that breaks, ends early, and changes while it is read.

    Attributes:
        counted: what was answered for each range.
        versions: every title that a row ever had.
    """

    storm: Storm | None = None
    counted: dict[IdRange, list[int]] = field(default_factory=dict[IdRange, list[int]])
    versions: dict[str, set[str | None]] = field(default_factory=dict[str, set[str | None]])
    changed: set[str] = field(default_factory=set[str])

    @property
    def _weather(self) -> Storm:
        assert self.storm is not None
        return self.storm

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range, or break."""
        if self._weather.hits("source_lost"):
            raise self._weather.lost("count")
        counted = FakeSource.count(self, id_range)
        self.counted.setdefault(id_range, []).append(counted)
        return counted

    def rows_total(self) -> tuple[int, int]:
        """Count all rows; sometimes there seem to be none."""
        if self._weather.hits("source_lost"):
            raise self._weather.lost("count")
        return (0, 0) if self._weather.hits("blank") else FakeSource.rows_total(self)

    def parents_above(self, rows: int) -> Sequence[tuple[str, int]]:
        """Return parents with more rows than given, or break."""
        if self._weather.hits("source_lost"):
            raise self._weather.lost("parents")
        return FakeSource.parents_above(self, rows)

    def pages(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield pages until something happens."""
        weather = self._weather
        if weather.hits("blank"):
            return
        ends_early = weather.hits("early_end")
        for page in FakeSource.pages(self, id_range):
            if weather.hits("break"):
                raise weather.lost("page")
            if weather.hits("empty_page"):
                yield text_frame([], COLUMNS)
            yield page
            if weather.hits("change"):
                self._change()
            if ends_early:
                return

    def _change(self) -> None:
        """Insert, update or delete a row."""
        weather = self._weather
        what = weather.chance.choice(["insert", "update", "delete"])
        rows = [row for row in self.rows if row[KEY] in weather.scenario.loose]
        if what == "insert" or not rows:
            key = f"id{weather.chance.randrange(len(self.rows)):04}x{len(self.versions)}"
            weather.scenario.loose.add(key)
            self.rows.append(thing(key, "p0", "v0"))
        elif what == "update":
            row = weather.chance.choice(rows)
            key = row[KEY] or ""
            self.rows[self.rows.index(row)] = {**row, "Title__c": f"v{len(self.changed) + 1}"}
        else:
            row = weather.chance.choice(rows)
            key = row[KEY] or ""
            self.rows.remove(row)
        self.changed.add(key)
        self._note(key)

    def _note(self, key: str) -> None:
        titles = {row["Title__c"] for row in self.rows if row[KEY] == key}
        self.versions.setdefault(key, {"v0"}).update(titles)
