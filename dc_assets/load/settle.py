"""Step 5: give every row of a finished job its outcome, and tell the ledger with its receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from dc_assets.core.circuit_breaker import JobRows, met_quota
from dc_assets.core.errors import UnsettledJob
from dc_assets.core.ingest_job import IngestJob, JobState
from dc_assets.core.ladders import jittered, row_wait_s
from dc_assets.core.remedies import FirstRefusal
from dc_assets.core.row_outcomes import EXHAUSTED_CODE, STOPPING_CODES
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.settle import Outcomes, ResultFiles, name_the_unnamed, settle
from dc_assets.load.parents import part_waiting, plan_waiting
from dc_assets.load.ports import RangeRun
from dc_assets.load.settled_rows import dead_letters_of, sent_fields
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


def settle_batch(run: RangeRun, batch: BatchRecord, job: IngestJob) -> SettledBatch:
    """Settle one batch whose job is terminal, and return what became of its rows.

    Raises:
        UnsettledJob: three readings of the result files leave rows without an outcome.
    """
    spool = run.ports.spool
    kept = spool.read_batch(batch.load_id, batch.batch_id)
    sent = kept.select(sent_fields(kept))
    outcomes = _outcomes(run, sent, job, batch.attempt)
    stopping = _stopping(outcomes.retryable)
    costs = not stopping and job.state is not JobState.ABORTED and not met_quota(job)
    retry, exhausted = _next_attempt(run, batch, outcomes.retryable, costs_attempt=costs)
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
    spool.drop_batch(batch.load_id, batch.batch_id)
    return SettledBatch(settlement, stopping)


def _stopping(retryable: pl.DataFrame) -> Mapping[str, int]:
    if retryable.is_empty():
        return {}
    codes = retryable.get_column("__code").value_counts().iter_rows()
    return {code: rows for code, rows in codes if code in STOPPING_CODES}


def _outcomes(run: RangeRun, sent: pl.DataFrame, job: IngestJob, attempt: int) -> Outcomes:
    external_id = run.spec.target.external_id
    for reading in range(1, READS_MAX + 1):
        try:
            files = _read_files(run, sent, job)
            if job.state is not JobState.JOB_COMPLETE:
                files = name_the_unnamed(sent, files, external_id)
            return settle(sent, files, external_id, attempt=attempt)
        except UnsettledJob as error:
            if reading == READS_MAX:
                raise UnsettledJob(f"Job {job.job_id}: {error}, {READS_MAX} times over.") from error
    raise AssertionError("the loop returns or raises")


def _read_files(run: RangeRun, sent: pl.DataFrame, job: IngestJob) -> ResultFiles:
    """Read successfulResults always, then the others until every sent row can be named.

    Whether each row is named once is checked by its key afterwards; numbers alone prove nothing.
    """
    jobs = run.ports.jobs
    successful = decode(jobs.results(job.job_id, "successful"), is_lossy=True)
    if successful.height == sent.height and job.failed_rows == 0:
        return ResultFiles(successful, failed=pl.DataFrame(), unprocessed=pl.DataFrame())
    failed = decode(jobs.results(job.job_id, "failed"), is_lossy=True)
    if successful.height + failed.height == sent.height:
        return ResultFiles(successful, failed, unprocessed=pl.DataFrame())
    unprocessed = decode(jobs.results(job.job_id, "unprocessed"), is_lossy=True)
    return ResultFiles(successful, failed, unprocessed)


def _next_attempt(
    run: RangeRun, batch: BatchRecord, retryable: pl.DataFrame, *, costs_attempt: bool
) -> tuple[NewBatch | None, pl.DataFrame]:
    """Put retryable rows into a new batch of the same lane, or give them up after the last rung.

    What befell the whole job, or would befall every row, is no fault of these rows and costs them
    no attempt: the circuit breaker counts it instead.
    """
    if retryable.is_empty():
        return None, retryable
    wait_s = row_wait_s(run.spec.profile.row_ladder_s, batch.attempt) if costs_attempt else 0.0
    if wait_s is None:
        return None, retryable
    again = NewBatch(
        run.ports.new_id(),
        lane=batch.lane,
        attempt=batch.attempt + costs_attempt,
        rows=retryable.height,
        ready_in_s=jittered(wait_s, run.ports.chance()),
    )
    rows = retryable.drop("__code", "__message", "__fields")
    run.ports.spool.write_batch(batch.load_id, again.batch_id, rows)
    return again, retryable.clear()
