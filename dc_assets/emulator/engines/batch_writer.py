"""Apply one internal batch to the Core store: one transaction, results and journal with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

import polars as pl

from dc_assets.emulator.engines import statements
from dc_assets.emulator.engines.binding import QueryPlan
from dc_assets.emulator.engines.cells import echoed
from dc_assets.emulator.engines.job_faults import JobFaults
from dc_assets.emulator.engines.passing import Wait
from dc_assets.emulator.engines.staging import staged, to_frame, with_waits
from dc_assets.emulator.engines.upload import BATCH_ROWS
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.duck import Session, literal, quoted
from dc_assets.emulator.stores.jobs import DELIMITERS, JobStore


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of a batch by what became of them."""

    rows: int
    created: int
    updated: int
    failed: int


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """Rows of one job that are committed together.

    Args:
        number: of the commits of the job, from 0.
        first: number of the first row in the upload, from 0.
        rows: cells as uploaded.
        locked: rows, by their number in the upload, that waited too long for a lock.
    """

    number: int
    first: int
    rows: list[list[str]]
    locked: Mapping[int, Wait] = field(default_factory=dict[int, Wait])


class BatchWriter:
    """Writes the batches of one job, one after the other, in a session of its own."""

    def __init__(self, core: CoreStore, jobs: JobStore, plan: QueryPlan, faults: JobFaults) -> None:
        self._core = core
        self._faults = faults
        self._jobs = jobs
        self._plan = plan
        self._session = core.database.open_session()

    @property
    def job_id(self) -> str:
        """The job whose batches it writes."""
        return self._plan.job.id

    def close(self) -> None:
        """Free the session."""
        self._session.close()

    def write(self, batch: WrittenBatch, now: datetime) -> Tally:
        """Write the rows of one batch; `now` is the time of the commit."""
        plan = self._plan
        uploaded = to_frame(batch.rows, len(plan.columns), batch.first)
        frame = staged(plan, uploaded, self._first_id())
        frame = with_waits(self._faults.with_met(plan.job.id, frame), batch.locked)
        with self._core.writing, self._session.transaction():
            moment = now.astimezone(UTC).replace(tzinfo=None)
            # The stamps of records have whole seconds; the journal is exact.
            self._apply(frame, moment.replace(microsecond=0))
            outcome = self._session.frame("SELECT n, id, created, error FROM outcome")
            self._write_results(batch.number, uploaded, outcome)
            tally = _journal(self._session, plan, batch, moment)
        self._faults.count_met(plan.job.id, frame, outcome)
        return tally

    def _first_id(self) -> int:
        """The number of the first of as many ids as a batch can need."""
        sequence = literal(quoted("seq_" + self._plan.item.name))
        return int(self._session.one(f"SELECT nextval({sequence})")[0]) * BATCH_ROWS

    def _apply(self, frame: pl.DataFrame, now: datetime) -> None:
        session, plan = self._session, self._plan
        session.run(statements.OUTCOME)
        with session.given(statements.UPLOADED, frame):
            session.run(statements.staged_sql(plan))
        for wave in sorted(frame["wave"].unique().to_list()):
            session.run(statements.near_sql(plan, wave))
            session.run(statements.hit_sql(plan))
            session.run(statements.resolved_sql(plan, wave))
            new, old = session.one(
                "SELECT count(new_id), count(place) FILTER (final IS NULL) FROM resolved"
            )
            if new and plan.job.operation in {"insert", "upsert"}:
                session.run(statements.insert_sql(plan), now, now, now)
            if old and plan.key is not None:
                session.run(statements.update_sql(plan), now, now)
            session.run(statements.outcome_sql(plan))

    def _write_results(self, batch: int, uploaded: pl.DataFrame, outcome: pl.DataFrame) -> None:
        """Write the parts of the result files that this batch fills.

        Rows stand in an order that depends on the job and not on the upload: the real service
        promises none, and a client that joins by position must be caught.
        """
        job = self._plan.job
        rows = uploaded.join(outcome, on="n", how="inner", maintain_order="left")
        rows = rows.sample(fraction=1, shuffle=True, seed=crc32(f"{job.id}{batch}".encode()))
        cells = [echoed(column).alias(f"echo{column.number}") for column in self._plan.columns]
        for result, is_failed in (("successful", False), ("failed", True)):
            part = rows.filter(pl.col("error").is_not_null() == is_failed)
            told = pl.col("error") if is_failed else pl.col("created").cast(pl.String)
            shown = part.select(pl.col("id"), told.alias("told"), *cells)
            shown.fill_null("").write_csv(
                self._jobs.part_path(job.id, result, batch),
                include_header=False,
                separator=DELIMITERS[job.column_delimiter],
                quote_style="always",
            )


def _journal(session: Session, plan: QueryPlan, batch: WrittenBatch, now: datetime) -> Tally:
    counted = session.one(
        "SELECT count(*), count(*) FILTER (created AND error IS NULL), "
        "count(*) FILTER (NOT created AND error IS NULL), "
        "count(*) FILTER (error IS NOT NULL) FROM outcome"
    )
    tally = Tally(*(int(value) for value in counted))
    session.run(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(plan.job.id, plan.item.name, batch.number, now),
        *(tally.rows, tally.created, tally.updated, tally.failed, batch.first),
    )
    session.run(
        "INSERT INTO journal_keys SELECT ?, key, ?, ?, created FROM outcome WHERE error IS NULL",
        *(plan.item.name, plan.job.id, batch.number),
    )
    return tally
