"""An org in memory: ingest jobs that can fail in every way we know, rows, and checkers."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import polars as pl

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import RejectedRequest, TransientRemoteError
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.ranges import IdRange
from dc_assets.load.ports import ResultKind
from dc_assets_tests.fakes.specs import EXTERNAL_ID, PARENT

LOCKED = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
Cells = dict[str, str]
T = TypeVar("T")


@dataclass(slots=True)
class FakeJob:
    """One ingest job, with what became of its rows."""

    job_id: str
    state: JobState = JobState.OPEN
    error_message: str = ""
    rows: list[Cells] = field(default_factory=list[Cells])
    polls_left: int = 0
    landed: list[Cells] = field(default_factory=list[Cells])
    failed: list[tuple[Cells, str]] = field(default_factory=list[tuple[Cells, str]])
    untouched: list[Cells] = field(default_factory=list[Cells])

    @property
    def is_in_flight(self) -> bool:
        """Whether the org may be writing its rows."""
        return self.state in {JobState.UPLOAD_COMPLETE, JobState.IN_PROGRESS}

    @property
    def parents(self) -> set[str]:
        """The parents that its rows lock, in lower case."""
        return {row[PARENT].lower() for row in self.rows if row[PARENT] != "#N/A"}


@dataclass(slots=True)
class FakeOrg:
    """Ingest jobs of one object, and the rows that landed.

    Attributes:
        polls: polls that find a closed job unfinished.
        locked: how often each external id still meets a lock.
        untouched: how often a job still leaves each external id unprocessed.
        refused: error text of each external id that is never accepted.
        endings: state and message of the next jobs that are closed, instead of JobComplete.
        lost_answers: call names whose next answer is lost, with whether the org acted.
        left: what is left of the day.
        row_s: seconds that the org says it worked on each row.
        cut_files: result files still to be answered cut off in the middle.
        gone: jobs that the org forgot.
        forgets_results: whether a finished job is forgotten as its results are asked for.
        rows: what landed, by external id.
        landings: how often each external id landed.
        sent_again: ids that were sent after their success had been read.
        collisions: pairs of jobs in flight that shared a parent.
        most_in_flight: the most jobs that were in flight at once.
    """

    polls: int = 0
    locked: Counter[str] = field(default_factory=Counter[str])
    untouched: Counter[str] = field(default_factory=Counter[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])
    endings: deque[tuple[JobState, str]] = field(default_factory=deque[tuple[JobState, str]])
    lost_answers: dict[str, bool] = field(default_factory=dict[str, bool])
    rejections: dict[str, str] = field(default_factory=dict[str, str])
    cut_files: int = 0
    row_s: float = 0.0
    left: Allowance = field(default_factory=Allowance)
    gone: set[str] = field(default_factory=set[str])
    forgets_results: bool = False
    rows: dict[str, Cells] = field(default_factory=dict[str, Cells])
    landings: Counter[str] = field(default_factory=Counter[str])
    sent_again: set[str] = field(default_factory=set[str])
    collisions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    most_in_flight: int = 0
    calls: Counter[str] = field(default_factory=Counter[str])
    org_id: str = "00D000000000001AAA"
    _told_calls: int = 0
    _jobs: dict[str, FakeJob] = field(default_factory=dict[str, FakeJob])
    _reported: set[str] = field(default_factory=set[str])
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self) -> str:
        """Open a job."""

        def act() -> str:
            job_id = f"750{len(self._jobs) + 1:012}AAA"
            self._jobs[job_id] = FakeJob(job_id, polls_left=self.polls)
            return job_id

        return self._call("create", act)

    def upload(self, job_id: str, payload: bytes) -> None:
        """Take the rows of an open job."""

        def act() -> None:
            job = self._job(job_id)
            self._refuse_unless(job, JobState.OPEN)
            text = io.StringIO(payload.decode(), newline="")
            job.rows = list(csv.DictReader(text, strict=True))

        self._call("upload", act)

    def close(self, job_id: str) -> None:
        """Begin to work on the rows of a job."""

        def act() -> None:
            job = self._job(job_id)
            self._refuse_unless(job, JobState.OPEN)
            flying = [other for other in self._jobs.values() if other.is_in_flight]
            self.collisions += [
                (other.job_id, job_id) for other in flying if other.parents & job.parents
            ]
            self.most_in_flight = max(self.most_in_flight, len(flying) + 1)
            self.sent_again |= {row[EXTERNAL_ID] for row in job.rows} & self._reported
            job.state = JobState.UPLOAD_COMPLETE

        self._call("close", act)

    def abort(self, job_id: str) -> None:
        """Stop a job that is not finished."""

        def act() -> None:
            job = self._job(job_id)
            self._refuse_unless(job, JobState.OPEN, JobState.UPLOAD_COMPLETE, JobState.IN_PROGRESS)
            self._abort(job)

        self._call("abort", act)

    def job(self, job_id: str) -> IngestJob:
        """Tell how far a job is; its rows land at the poll that finds it finished."""

        def act() -> IngestJob:
            job = self._job(job_id)
            if job.is_in_flight:
                if self._is_ready(job):
                    self._finish(job)
                else:
                    job.state = JobState.IN_PROGRESS
            return self._shown(job)

        return self._call("job", act)

    def results(self, job_id: str, kind: ResultKind) -> bytes:
        """Return one result file, rows and columns in an order of its own."""

        def act() -> bytes:
            if self.forgets_results:
                self.gone.add(job_id)
            job = self._job(job_id)
            assert job.state in {JobState.JOB_COMPLETE, JobState.FAILED, JobState.ABORTED}
            body = self._file(job, kind)
            if self.cut_files and len(body) > 40:
                self.cut_files -= 1
                return body[: len(body) * 2 // 3]
            return body

        body = self._call("results", act)
        if kind == "successful":
            self._reported |= ids_in(body)
        return body

    def open_jobs(self) -> Sequence[IngestJob]:
        """List the jobs in state Open."""

        def act() -> list[IngestJob]:
            return [self._shown(j) for j in self._jobs.values() if j.state is JobState.OPEN]

        return self._call("open_jobs", act)

    def allowance(self) -> Allowance:
        """Tell what is left of the day."""
        return self._call("allowance", lambda: self.left)

    def new_calls(self) -> int:
        """Return how many calls came since this was asked last."""
        with self._lock:
            before, self._told_calls = self._told_calls, self.calls.total()
            return self._told_calls - before

    def count(self, id_range: IdRange) -> int:
        """Count the rows of a range."""
        return sum(id_range.contains(external_id) for external_id in self.rows)

    def value_counts(self, field_name: str, id_range: IdRange) -> Mapping[str | None, int]:
        """Count the rows of a range by value."""
        return Counter(row[field_name] for i, row in self.rows.items() if id_range.contains(i))

    def records(self, id_range: IdRange) -> Iterator[pl.DataFrame]:
        """Yield the rows of a range as text."""
        found = [row for i, row in self.rows.items() if id_range.contains(i)]
        if found:
            yield pl.DataFrame(found)

    def states(self) -> Counter[JobState]:
        """Count the jobs by state."""
        return Counter(job.state for job in self._jobs.values())

    def _call(self, name: str, act: Callable[[], T]) -> T:
        with self._lock:
            self.calls[name] += 1
            if name in self.rejections:
                raise RejectedRequest(self.rejections[name], code="NO", status=400)
            if name in self.lost_answers:
                if self.lost_answers.pop(name):
                    act()
                raise TransientRemoteError(f"the answer of {name} was lost")
            return act()

    def _job(self, job_id: str) -> FakeJob:
        if job_id in self.gone:
            raise RejectedRequest(
                "The requested resource does not exist", code="NOT_FOUND", status=404
            )
        return self._jobs[job_id]

    def _refuse_unless(self, job: FakeJob, *states: JobState) -> None:
        if job.state not in states:
            raise RejectedRequest(
                f"the job is {job.state.value}", code="INVALIDJOBSTATE", status=400
            )

    def _is_ready(self, job: FakeJob) -> bool:
        """Tell whether a poll finds a closed job finished."""
        is_ready = job.polls_left == 0
        job.polls_left = max(0, job.polls_left - 1)
        return is_ready

    def _abort(self, job: FakeJob) -> None:
        job.state = JobState.ABORTED

    def _land(self, job: FakeJob, row: Cells) -> None:
        job.landed.append(row)
        self.rows[row[EXTERNAL_ID]] = row
        self.landings[row[EXTERNAL_ID]] += 1

    def _file(self, job: FakeJob, kind: ResultKind) -> bytes:
        return _files(job)[kind]

    @property
    def jobs(self) -> list[FakeJob]:
        """Every job that was ever made."""
        return list(self._jobs.values())

    def open_ids(self) -> list[str]:
        """Return the jobs in state Open, without a call."""
        return [job.job_id for job in self._jobs.values() if job.state is JobState.OPEN]

    def _finish(self, job: FakeJob) -> None:
        state, message = self.endings.popleft() if self.endings else (JobState.JOB_COMPLETE, "")
        for row in job.rows:
            external_id = row[EXTERNAL_ID]
            if state is not JobState.JOB_COMPLETE:
                job.untouched.append(row)
            elif self.untouched[external_id] > 0:
                self.untouched[external_id] -= 1
                job.untouched.append(row)
            elif self.locked[external_id] > 0:
                self.locked[external_id] -= 1
                job.failed.append((row, LOCKED))
            elif external_id in self.refused:
                job.failed.append((row, self.refused[external_id]))
            else:
                self._land(job, row)
        job.state, job.error_message = state, message

    def _shown(self, job: FakeJob) -> IngestJob:
        return IngestJob(
            job.job_id,
            job.state,
            failed_rows=len(job.failed),
            active_s=0.01 + self.row_s * len(job.rows),
            total_s=0.02 + self.row_s * len(job.rows),
            error_message=job.error_message,
        )


def ids_in(body: bytes) -> set[str]:
    """Return the external ids that a result file names; a file that was cut names none."""
    if not body.endswith(b"\n"):
        return set()
    text = io.StringIO(body.decode(), newline="")
    return {row[EXTERNAL_ID] for row in csv.DictReader(text, strict=True)}


def _files(job: FakeJob) -> dict[ResultKind, bytes]:
    return {
        "successful": _csv(
            [
                {"sf__Id": f"006{n:012}AAA", "sf__Created": "true", **row}
                for n, row in enumerate(job.landed)
            ]
        ),
        "failed": _csv([{"sf__Id": "", "sf__Error": error, **row} for row, error in job.failed]),
        "unprocessed": _csv(job.untouched),
    }


def _csv(rows: list[Cells]) -> bytes:
    if not rows:
        return b""
    sink = io.StringIO(newline="")
    names = sorted(rows[0], reverse=True)
    writer = csv.DictWriter(sink, names, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(reversed(rows))
    return sink.getvalue().encode()
