"""Step 5: give every row of a finished job its outcome, and tell the ledger with its receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial

import polars as pl

from dc_assets.core.circuit_breaker import JobRows, met_quota
from dc_assets.core.errors import SpoolLost, UnsettledJob
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.ladders import jittered, row_wait_s
from dc_assets.core.remedies import FirstRefusal
from dc_assets.core.row_outcomes import EXHAUSTED_CODE, STOPPING_CODES
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.settle import (
    LANDED_COLUMNS,
    Outcomes,
    ResultFiles,
    all_landed,
    name_the_unnamed,
    rows_named_by,
    settle,
)
from dc_assets.load.parents import part_waiting, plan_waiting
from dc_assets.load.ports import RangeRun
from dc_assets.load.settled_rows import dead_letters_of, rows_kept
from dc_assets.load.store import BatchRecord, NewBatch, Settlement

READS_MAX = 3
"""How often the result files of one job are read before a hole in them is an error."""


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """What became of a batch; `stopping` counts rows by a code after which no row can land."""

    settlement: Settlement
    stopping: Mapping[str, int]

    @property
    def job_rows(self) -> JobRows:
        """What the circuit breaker counts of it."""
        letters = self.settlement.dead_letters
        first = letters[0] if letters else None
        return JobRows(
            landed=self.settlement.landed,
            again=self.settlement.rows_again,
            refused_by_code=Counter(letter.code for letter in letters),
            example=first
            and FirstRefusal(first.external_id, first.code, first.fields, first.message),
        )


def settle_batch(
    run: RangeRun, batch: BatchRecord, job: IngestJob, keys: pl.Series | None
) -> SettledBatch:
    """Settle one batch whose job is terminal, and return what became of its rows.

    ``keys`` are the external ids that were sent, if this run knows them: the rows themselves are
    read only for what did not land.

    Raises:
        UnsettledJob: three readings of the result files leave rows without an outcome.
        SpoolLost: the rows are on no disk, and the result files do not have their external ids.
    """
    outcomes, lacking = _outcomes(run, batch, job, keys)
    stopping = _stopping(outcomes.retryable)
    costs = not stopping and job.state is not JobState.ABORTED and not met_quota(job)
    retry, exhausted = _next_attempt(
        run, batch, outcomes.retryable, costs_attempt=costs, lacking=lacking
    )
    attempts = batch.attempt
    waiting, refused = part_waiting(run, outcomes.refused)
    dead_letters = dead_letters_of(refused, run.spec, attempts=attempts)
    dead_letters += dead_letters_of(exhausted, run.spec, attempts=attempts, code=EXHAUSTED_CODE)
    settlement = Settlement(
        batch_id=batch.batch_id,
        landed=outcomes.landed,
        dead_letters=dead_letters,
        retry=retry,
        receipt=outcomes.receipt,
        job=job,
        locked=outcomes.locked,
        waiting=plan_waiting(run, batch, waiting),
    )
    run.ports.batches.settled(run.ticket, settlement)
    run.ports.spool.drop_batch(batch.load_id, batch.batch_id)
    return SettledBatch(settlement, stopping)


def _stopping(retryable: pl.DataFrame) -> Mapping[str, int]:
    if retryable.is_empty():
        return {}
    codes = retryable.get_column("__code").value_counts().iter_rows()
    return {code: rows for code, rows in codes if code in STOPPING_CODES}


def _outcomes(
    run: RangeRun, batch: BatchRecord, job: IngestJob, keys: pl.Series | None
) -> tuple[Outcomes, int]:
    """Give each row of a batch its outcome, and count those that nobody can name any more.

    Rows that are on no disk of ours are taken from the result files, which repeat them. Only a job
    that did not complete may leave some out.
    """
    kept = cache(partial(rows_kept, run, batch))
    for reading in range(1, READS_MAX + 1):
        try:
            files = _read_files(run, batch.rows, job)
            if keys is not None and job.state is JobState.JOB_COMPLETE:
                outcomes = all_landed(keys, files, run.spec.target.external_id)
                if outcomes is not None:
                    return outcomes, 0
            return _named_rows(run, batch, kept(), job, files)
        except UnsettledJob as error:
            if reading == READS_MAX:
                raise UnsettledJob(f"Job {job.job_id}: {error}, {READS_MAX} times over.") from error
    raise AssertionError("the loop returns or raises")


def _named_rows(
    run: RangeRun,
    batch: BatchRecord,
    kept: pl.DataFrame | None,
    job: IngestJob,
    files: ResultFiles,
) -> tuple[Outcomes, int]:
    external_id = run.spec.target.external_id
    sent = rows_named_by(files) if kept is None else kept
    if sent.width and external_id not in sent.columns:
        raise SpoolLost(
            f"The rows of batch {batch.batch_id[:8]} are on no disk, and the result files of job "
            f"{job.job_id} name them by record id alone: they are sent again."
        )
    lacking = batch.rows - sent.height
    if lacking < 0 or (lacking and job.state is JobState.JOB_COMPLETE):
        raise UnsettledJob(
            f"{batch.rows:,} rows were sent, the result files hold {sent.height:,}, and the rows "
            "are on no disk"
        )
    if sent.is_empty():
        sent = pl.DataFrame(schema={external_id: pl.String})
    if job.state is not JobState.JOB_COMPLETE:
        files = name_the_unnamed(sent, files, external_id)
    return settle(sent, files, external_id, attempt=batch.attempt), lacking


def _read_files(run: RangeRun, rows_sent: int, job: IngestJob) -> ResultFiles:
    """Read successfulResults always, then the others until every sent row can be named.

    Whether each row is named once is checked by its key afterwards; numbers alone prove nothing.
    Of a row that landed nothing is needed but its names: it is never sent again.
    """
    jobs, names = run.ports.jobs, {run.spec.target.external_id, *LANDED_COLUMNS}
    successful = decode(jobs.results(job.job_id, "successful"), is_lossy=True, only=names)
    if successful.height == rows_sent and job.failed_rows == 0:
        return ResultFiles(successful, failed=pl.DataFrame(), unprocessed=pl.DataFrame())
    failed = decode(jobs.results(job.job_id, "failed"), is_lossy=True)
    if successful.height + failed.height == rows_sent:
        return ResultFiles(successful, failed, unprocessed=pl.DataFrame())
    unprocessed = decode(jobs.results(job.job_id, "unprocessed"), is_lossy=True)
    return ResultFiles(successful, failed, unprocessed)


def _next_attempt(
    run: RangeRun, batch: BatchRecord, retryable: pl.DataFrame, *, costs_attempt: bool, lacking: int
) -> tuple[NewBatch | None, pl.DataFrame]:
    """Put retryable rows into a new batch of the same lane, or give them up after the last rung.

    What befell the whole job, or would befall every row, is no fault of these rows and costs them
    no attempt: the circuit breaker counts it instead. Of rows that nobody can name the new batch
    has no file: that has them read again.
    """
    wait_s = row_wait_s(run.spec.profile.row_ladder_s, batch.attempt) if costs_attempt else 0.0
    given_up = retryable if wait_s is None else retryable.clear()
    rows = lacking + retryable.height - given_up.height
    if not rows:
        return None, given_up
    again = NewBatch(
        run.ports.new_id(),
        lane=batch.lane,
        attempt=batch.attempt + (costs_attempt and wait_s is not None),
        rows=rows,
        ready_in_s=jittered(wait_s or 0.0, run.ports.chance()),
    )
    if not lacking:
        known = retryable.drop("__code", "__message", "__fields")
        run.ports.spool.write_batch(batch.load_id, again.batch_id, known)
    return again, given_up
