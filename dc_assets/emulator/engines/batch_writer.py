"""Apply one internal batch to the Core store: one transaction, results and journal with it."""
# ruff: noqa: S608  names are fixed or from the schema file

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from dc_assets.emulator.engines import statements
from dc_assets.emulator.engines.binding import Plan
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.duck import Session
from dc_assets.emulator.stores.jobs import DELIMITERS, JobStore

CHUNK_ROWS = 200
"""Records of one transaction chunk of an org: the scope in which a key may stand once."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Rows of a batch by what became of them."""

    rows: int
    created: int
    updated: int
    failed: int


class BatchWriter:
    """Writes the batches of one job, one after the other, in a session of its own."""

    def __init__(self, core: CoreStore, jobs: JobStore, plan: Plan) -> None:
        self._core = core
        self._jobs = jobs
        self._plan = plan
        self._session = core.writer()

    @property
    def job_id(self) -> str:
        """The job whose batches it writes."""
        return self._plan.job.id

    def close(self) -> None:
        """Free the session."""
        self._session.close()

    def write(self, batch: int, first: int, rows: list[list[str]], now: datetime) -> Tally:
        """Write the rows of one batch.

        Args:
            batch: number of the batch in its job, from 0.
            first: number of its first row in the upload, from 0.
            rows: cells as uploaded.
            now: time of the commit.
        """
        job_id = self._plan.job.id
        path = self._jobs.folder(job_id) / f"batch-{batch:06d}.parquet"
        to_frame(rows, len(self._plan.columns), first).write_parquet(path, compression="lz4")
        try:
            with self._core.writing, self._session.transaction():
                return self._apply(batch, path, now.astimezone(UTC).replace(tzinfo=None))
        finally:
            path.unlink(missing_ok=True)

    def _apply(self, batch: int, path: Path, now: datetime) -> Tally:
        session, plan = self._session, self._plan
        session.run(statements.OUTCOME)
        session.run(statements.staged_sql(plan, str(path)))
        waves = int(session.one("SELECT coalesce(max(wave), 0) FROM staged")[0])
        for wave in range(1, waves + 1):
            session.run(statements.hit_sql(plan, wave))
            session.run(statements.resolved_sql(plan, wave))
            if plan.job.operation in {"insert", "upsert"}:
                session.run(statements.insert_sql(plan), now, now, now)
            if plan.key is not None:
                session.run(statements.update_sql(plan), now, now)
            session.run(statements.outcome_sql(plan))
        self._write_results(batch)
        return _journal(session, plan, batch, now)

    def _write_results(self, batch: int) -> None:
        job = self._plan.job
        delimiter = DELIMITERS[job.column_delimiter]
        for result in ("successful", "failed"):
            path = self._jobs.part_path(job.id, result, batch)
            sql = statements.result_sql(self._plan, result, str(path), delimiter)
            self._session.run(sql)


def _journal(session: Session, plan: Plan, batch: int, now: datetime) -> Tally:
    counted = session.one(
        "SELECT count(*), count(*) FILTER (created AND error IS NULL), "
        "count(*) FILTER (NOT created AND error IS NULL), "
        "count(*) FILTER (error IS NOT NULL) FROM outcome"
    )
    tally = Tally(*(int(value) for value in counted))
    session.run(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        *(plan.job.id, plan.item.name, batch, now),
        *(tally.rows, tally.created, tally.updated, tally.failed),
    )
    session.run(
        "INSERT INTO journal_keys SELECT ?, key, ?, ?, created FROM outcome WHERE error IS NULL",
        *(plan.item.name, plan.job.id, batch),
    )
    return tally


def to_frame(rows: list[list[str]], width: int, first: int) -> pl.DataFrame:
    """Rows as columns ``c0…``, with their number, their chunk, and an error for a ragged row."""
    ragged = [
        None if len(row) == width else f"INVALID_FIELD:Row has {len(row)} of {width} columns:--"
        for row in rows
    ]
    if any(ragged):
        rows = [(row + [""] * width)[:width] for row in rows]
    cells = {f"c{n}": column for n, column in enumerate(zip(*rows, strict=True))}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String), strict=True)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    return frame.with_columns(
        pl.Series("ragged", ragged, dtype=pl.String),
        n=number + first,
        chunk=number // CHUNK_ROWS,
    )
