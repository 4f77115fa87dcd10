"""Apply one internal batch to the Core store, with its part of the result files and the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.engines.cells import echoed
from dc_assets.emulator.engines.id_rules import given
from dc_assets.emulator.engines.job_faults import JobFaults
from dc_assets.emulator.engines.passing import Wait
from dc_assets.emulator.engines.resolving import resolved
from dc_assets.emulator.engines.staging import staged, with_waits
from dc_assets.emulator.schema import NULL_MARK, Field
from dc_assets.emulator.stores.applying import ID
from dc_assets.emulator.stores.core import Change, CoreStore
from dc_assets.emulator.stores.jobs import DELIMITERS, JobStore
from dc_assets.emulator.stores.journal import IS_NEW, KEY
from dc_assets.emulator.stores.pending import Commit
from dc_assets.emulator.stores.record_index import NUMBER, fold


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
        rows: of an `Upload`.
        locked: rows, by their number in the upload, that waited too long for a lock.
    """

    number: int
    first: int
    rows: pl.DataFrame
    locked: Mapping[int, Wait] = field(default_factory=dict[int, Wait])


class BatchWriter:
    """Writes the batches of one job, one after the other."""

    def __init__(self, core: CoreStore, jobs: JobStore, plan: QueryPlan, faults: JobFaults) -> None:
        self._core = core
        self._faults = faults
        self._jobs = jobs
        self._plan = plan

    @property
    def job_id(self) -> str:
        """The job whose batches it writes."""
        return self._plan.job.id

    def write(self, batch: WrittenBatch, now: datetime) -> Tally:
        """Write the rows of one batch; `now` is the time of the commit."""
        moment = now.astimezone(UTC).replace(tzinfo=None)
        rows = self._staged(batch.rows, batch.locked)
        with self._core.writing:
            try:
                outcome = self._apply(rows)
                self._write_results(batch, outcome)
                tally = _tally(outcome)
                # The stamps of records have whole seconds; the journal is exact.
                commit = self._commit(batch, moment, tally)
                self._keep(outcome, moment.replace(microsecond=0), commit)
            except BaseException:
                self._core.forget_indexes()
                raise
        self._faults.count_met(self.job_id, rows, outcome)
        return tally

    def _staged(self, rows: pl.DataFrame, locked: Mapping[int, Wait]) -> pl.DataFrame:
        return with_waits(self._faults.with_met(self.job_id, staged(self._plan, rows)), locked)

    def _apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows as `resolved` gives them, the index being changed; the caller keeps them.

        They stay in their order.
        """
        parts: list[pl.DataFrame] = []
        # A row of a wave stands behind one of the wave before.
        for wave in rows.partition_by("wave") if "wave" in rows.columns else [rows]:
            part = resolved(self._plan, self._core, wave)
            self._index(_parted(part, "good")[0])
            parts.append(part)
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal").sort("n")

    def _index(self, good: pl.DataFrame) -> None:
        plan = self._plan
        index = self._core.index(plan.item)
        new, old = _parted(good, "created")
        # With no key "folded" is that of the first column no second record may have.
        key = plan.key or next(iter(plan.unique), None)
        index.insert(
            new["number"],
            lambda field: (
                new["folded"]
                if key is not None and key.field.name == field.name
                else _folded(plan, field, new)
            ),
        )
        if plan.job.operation == "delete":
            index.remove(old["number"])
            return
        for column in plan.written:
            if column.field.has_key and column is not plan.key and column.field.updateable:
                named = old.filter(pl.col(column.cell) != "")
                index.move(column.field, named["number"], _folded(plan, column.field, named))

    def _keep(self, outcome: pl.DataFrame, now: datetime, commit: Commit | None) -> None:
        plan = self._plan
        fields = _stored_cells(plan)
        rows = _parted(outcome, "good")[0].select(
            pl.col("number").alias(NUMBER),
            pl.col("created").alias(IS_NEW),
            pl.col(plan.key.cell if plan.key else "id").alias(KEY),
            pl.when("created").then("id").alias(ID),
            **fields,
        )
        is_deletion = plan.job.operation == "delete"
        self._core.commit(Change(plan.item.name, now, tuple(fields), is_deletion, rows, commit))

    def _commit(self, batch: WrittenBatch, moment: datetime, tally: Tally) -> Commit:
        return Commit(
            job_id=self.job_id,
            object=self._plan.item.name,
            batch=batch.number,
            at=moment,
            rows=tally.rows,
            created=tally.created,
            updated=tally.updated,
            failed=tally.failed,
            first_row=batch.first,
        )

    def _write_results(self, batch: WrittenBatch, outcome: pl.DataFrame) -> None:
        """Write the parts of the result files that this batch fills.

        Rows stand in an order that depends on the job and not on the upload: the real service
        promises none, and a client that joins by position must be caught.
        """
        job = self._plan.job
        cells = batch.rows.select(echoed(column) for column in self._plan.columns)
        told = pl.coalesce("error", pl.col("created").cast(pl.String))
        rows = outcome.select("id", "good", told.alias("told")).hstack(cells)
        seed = crc32(f"{job.id}{batch.number}".encode())
        parts = _parted(rows.sample(fraction=1, shuffle=True, seed=seed), "good")
        for result, part in zip(("successful", "failed"), parts, strict=True):
            path = self._jobs.part_path(job.id, result, batch.number)
            if not part.height:
                # An earlier attempt, whose commit a stop prevented, may have left one.
                path.unlink(missing_ok=True)
                continue
            part.select(pl.exclude("good")).write_csv(
                path,
                include_header=False,
                separator=DELIMITERS[job.column_delimiter],
                quote_style="always",
            )


def _parted(rows: pl.DataFrame, column: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of which something is true, and the others; mostly one of them are all."""
    count = int(rows[column].sum())
    if count == rows.height:
        return rows, rows.clear()
    if not count:
        return rows.clear(), rows
    return rows.filter(column), rows.filter(~pl.col(column))


def _stored_cells(plan: QueryPlan) -> dict[str, pl.Expr]:
    """The texts that are stored, by field: an empty one leaves the field as it is."""
    cells: dict[str, pl.Expr] = {}
    for column in plan.written:
        text = _stored_cell(column)
        field, is_new, none = column.field, pl.col("created"), pl.lit("")
        if not field.createable:
            text = pl.when(is_new).then(none).otherwise(text)
        if not field.updateable or column is plan.key:
            text = pl.when(is_new).then(text).otherwise(none)
        other = cells.get(field.name)
        if other is not None:
            # Two columns may name one parent: a row fills one of them at most.
            fills = given(text) | (~is_new & (text != ""))
            text = pl.when(fills).then(text).otherwise(other)
        cells[field.name] = text
    return cells


def _stored_cell(column: BoundColumn) -> pl.Expr:
    cell = pl.col(column.cell)
    if not column.parents:
        return cell
    return pl.when(given(cell)).then(pl.col(f"p{column.number}")).otherwise(cell)


def _folded(plan: QueryPlan, field: Field, rows: pl.DataFrame) -> pl.Series:
    """What records are found by after these rows are written."""
    column = next((c for c in plan.written if c.field.name == field.name), None)
    cell = pl.lit("") if column is None else _stored_cell(column)
    text = pl.when(given(cell)).then(cell).otherwise(pl.lit(field.default or ""))
    is_null = pl.col("created").not_() & (cell == NULL_MARK)
    return rows.select(fold(field, pl.when(~is_null).then(text))).to_series()


def _tally(outcome: pl.DataFrame) -> Tally:
    created, good = int(outcome["created"].sum()), int(outcome["good"].sum())
    return Tally(outcome.height, created, good - created, outcome.height - good)
