"""Writes of one record: the rules of an upload's row, without a job, a journal or result files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from dc_assets.emulator.engines.batch_writer import BatchWriter
from dc_assets.emulator.engines.binding import BatchError, plan_of
from dc_assets.emulator.engines.job_faults import JobFaults
from dc_assets.emulator.schema import ObjectType
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.jobs import JobStore, StoredJob

FIELD_UNKNOWN = "InvalidBatch : Field name not found : "


class UnknownField(Exception):
    """The record names a field that its object has not; the text is the name."""


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """What shall be done.

    Args:
        item: the object.
        operation: insert, update, upsert or delete.
        key: the field that finds the record; empty for an insert.
        cells: texts by column, as an upload would hold them.
    """

    item: ObjectType
    operation: str
    key: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """What became of it; ``error`` is in the form of a result file, empty when all is well."""

    id: str
    created: bool
    error: str


class RecordWriter(BatchWriter):
    """Applies a batch of one row."""

    def write_record(self, cells: list[str], now: datetime) -> WrittenRecord:
        """Write the row; `now` is the time of the commit."""
        texts = {f"c{number}": [cell] for number, cell in enumerate(cells)}
        row = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))
        row = row.with_columns(error=pl.lit(None, dtype=pl.String), n=pl.lit(0, dtype=pl.Int64))
        staged = self._staged(row, {})
        with self._core.writing:
            try:
                outcome = self._apply(staged)
                self._keep(outcome, now.astimezone(UTC).replace(tzinfo=None), None)
            except BaseException:
                self._core.forget_indexes()
                raise
        found = outcome.row(0, named=True)
        return WrittenRecord(str(found["id"]), bool(found["created"]), str(found["error"] or ""))


def write_record(
    core: CoreStore, jobs: JobStore, wanted: RecordWrite, now: datetime
) -> WrittenRecord:
    """Write one record.

    Raises:
        UnknownField: the object has no such field.
    """
    stamp = now.isoformat()
    job = StoredJob(
        id="",
        kind="record",
        operation=wanted.operation,
        object=wanted.item.name,
        created_date=stamp,
        system_modstamp=stamp,
        state="InProgress",
        api_version=0.0,
        external_id_field=wanted.key,
    )
    # A row has at least one cell: an empty one leaves its field as it is.
    cells = dict(wanted.cells) or {_first_own_field(wanted.item): ""}
    try:
        plan = plan_of(job, list(cells), core.schema)
    except BatchError as error:
        raise UnknownField(str(error).removeprefix(FIELD_UNKNOWN)) from error
    writer = RecordWriter(core, jobs, plan, JobFaults())
    return writer.write_record(list(cells.values()), now)


def _first_own_field(item: ObjectType) -> str:
    return next(field.name for field in item.fields if field.writable)
