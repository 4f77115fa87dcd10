"""Deletes records of the org by id, one job after another, and reads what became of each."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import polars as pl

from dc_assets.core.deletions import DeletionObservation
from dc_assets.core.durations import duration_text
from dc_assets.core.errors import RemoteError, UnsettledJob
from dc_assets.core.ingest_job import JobState
from dc_assets.core.row_outcomes import BARE_CODE_PATTERN, UNPROCESSED
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.core.write_policy import first_poll_wait_s, next_poll_wait_s
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.differences import at_target
from dc_assets.load.ports import Clock, DeleteJobs
from dc_assets.load.reconcile import Audit

JOB_ROWS_MAX = 10_000
"""One internal batch of Salesforce: its rows are worked on one after another."""

ABORTS_MAX = 2
"""The second is for a first one that was lost; then the job is left to a person."""

TELL_AFTER_S = 60.0
"""How long a job runs before that is told; then after twice that time, and so on."""

ALREADY_GONE = frozenset({"ENTITY_IS_DELETED"})
NEVER_HEARD_OF = frozenset({"INVALID_CROSS_REFERENCE_KEY"})
"""A record that left the recycle bin too is answered so; whether it did is asked."""

ID = "Id"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of some records: gone from the org, or kept, with the code of the refusal."""

    job_id: str
    gone: Sequence[str]
    refused: Mapping[str, str]


def delete_records(
    ids: Sequence[str], jobs: DeleteJobs, clock: Clock, note: Note, *, job_wait_s_max: float
) -> Deletion:
    """Delete records with one job; doing it again for the same ids is safe.

    A job that does not end in time is aborted, and awaited once more as long. An error before the
    close leaves no job behind, if the org still answers.

    Raises:
        RemoteError: a call gave no usable answer.
        UnsettledJob: a result file is cut off, or the job neither ends nor can be aborted.
    """
    assert 0 < len(ids) <= JOB_ROWS_MAX
    job_id = jobs.create()
    try:
        jobs.upload(job_id, _payload(ids))
        jobs.close(job_id)
    except BaseException:
        with suppress(RemoteError):
            jobs.abort(job_id)
        raise
    _Running(job_id, len(ids), jobs, clock, note, clock.now_s()).await_end(job_wait_s_max)
    landed = _column(decode(jobs.results(job_id, "successful")), job_id)
    failed = decode(jobs.results(job_id, "failed"))
    codes = _codes(failed, job_id)
    refused = {one: codes.get(one, UNPROCESSED) for one in ids if one not in landed}
    unheard = [one for one, code in refused.items() if code in NEVER_HEARD_OF]
    there = jobs.still_there(unheard) if unheard else frozenset[str]()
    kept = {
        one: code
        for one, code in refused.items()
        if code not in ALREADY_GONE and (code not in NEVER_HEARD_OF or one in there)
    }
    return Deletion(job_id, [one for one in ids if one not in kept], kept)


def _payload(ids: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({ID: list(ids)}).write_csv(sink, line_terminator="\n")
    return sink.getvalue()


@dataclass(slots=True)
class _Running:
    """A closed job until its end, and how long it has run when that is told next."""

    job_id: str
    rows: int
    jobs: DeleteJobs
    clock: Clock
    note: Note
    since_s: float
    tell_after_s: float = TELL_AFTER_S

    def await_end(self, wait_s_max: float) -> None:
        """Poll the job until it has ended, and abort it when its time is over."""
        self.clock.sleep(first_poll_wait_s(None))
        for _ in range(ABORTS_MAX):
            if self._ends_by(self.clock.now_s() + wait_s_max):
                return
            self._abort()
        if not self._is_over():
            raise UnsettledJob(
                f"Job {self.job_id}, which deletes {self.rows:,} records, still runs after "
                f"{duration_text(self._runs_s())}, and the org does not abort it. Which records "
                "are gone is not known. Look at it in Setup, Bulk Data Load Jobs; when it has "
                "ended, give the same command again: what is gone then counts as gone."
            )

    def _ends_by(self, deadline_s: float) -> bool:
        polls = 0
        while not (is_over := self._is_over()) and self.clock.now_s() < deadline_s:
            polls += 1
            self.clock.sleep(next_poll_wait_s(polls))
            self._tell()
        return is_over

    def _is_over(self) -> bool:
        return self.jobs.job(self.job_id).is_terminal

    def _runs_s(self) -> float:
        return self.clock.now_s() - self.since_s

    def _tell(self) -> None:
        if self._runs_s() >= self.tell_after_s:
            self.tell_after_s *= 2
            fields = {"job_id": self.job_id, "rows": self.rows, "runs_s": self._runs_s()}
            self.note(RunEvent("deletion_runs", fields))

    def _abort(self) -> None:
        try:
            self.jobs.abort(self.job_id)
        except RemoteError as error:
            if not self._is_over():  # it may have ended in this moment
                fields = {"job_id": self.job_id, "runs_s": self._runs_s(), "cause": str(error)}
                self.note(RunEvent("deletion_not_aborted", fields))
        else:
            fields = {"job_id": self.job_id, "state": JobState.ABORTED.value}
            self.note(RunEvent("job_given_up", fields))


def _column(file: pl.DataFrame, job_id: str) -> set[str]:
    """Return the ids that a result file names."""
    if file.is_empty():
        return set()
    if ID not in file.columns:
        raise UnsettledJob(f"A result file of job {job_id} has no column {ID}.")
    return set(file.get_column(ID).to_list())


def _codes(failed: pl.DataFrame, job_id: str) -> dict[str, str]:
    """Return the code of each refused id."""
    if not _column(failed, job_id):
        return {}
    error = pl.col("sf__Error")
    code = pl.coalesce(error.str.extract(BARE_CODE_PATTERN, 1), error.str.slice(0, 80))
    return dict(failed.select(ID, code).iter_rows())


def observe(audit: Audit) -> DeletionObservation | None:
    """Return what an audit saw gone; None when the source does not count what it gave."""
    keys = gone_keys(audit)
    read = audit.sides.source_digests.height
    if keys and _counted(audit) != read:
        return None
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    return DeletionObservation(source_rows=read, rows=len(keys), keys_sha256=digest)


def _counted(audit: Audit) -> int | None:
    """Count the source, None if it does not answer: what the checks said stands without it."""
    try:
        return audit.sides.count_source()
    except RemoteError:
        return None


def gone_keys(audit: Audit) -> list[str]:
    """Return the external ids that are gone from the source, in order."""
    key = audit.sides.spec.target.external_id
    return audit.gone.get_column(key).unique().sort().to_list()


def rows_before_deletion(audit: Audit, record_ids: Mapping[str, str]) -> pl.DataFrame:
    """Return the records of gone rows as the target holds them, with their ids."""
    spec = audit.sides.spec
    key = spec.target.external_id
    rows = audit.sides.whole_rows_of(pl.Series(sorted(record_ids), dtype=pl.String))
    fields = [column.target for column in spec.columns if column.target != key]
    return rows.select(
        pl.col(key),
        pl.col(key).replace_strict(dict(record_ids), return_dtype=pl.String).alias(ID),
        *(pl.col(at_target(field)).alias(field) for field in fields),
    )
