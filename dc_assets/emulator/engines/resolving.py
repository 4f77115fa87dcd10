"""What the store says of the rows of an upload: their records, their parents, their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.engines.cells import not_writable, with_first_error
from dc_assets.emulator.engines.id_rules import Error, given
from dc_assets.emulator.engines.passing import passing_errors
from dc_assets.emulator.schema import NULL_MARK, Field, ObjectType
from dc_assets.emulator.stores.core import CoreStore
from dc_assets.emulator.stores.record_index import RecordIndex, fold

GONE = "ENTITY_IS_DELETED:entity is deleted:--"
MANY = "more than one record found for external id field: ["
NO_RECORD = "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
NOT_INSERTED = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
NO_ACCESS = "INSUFFICIENT_ACCESS_OR_READONLY:insufficient access rights on object id:--"

Found = tuple[pl.Series, pl.Series | None, pl.Series | None]
"""By row: the number of the first record; how many there are and their ids, if ever two."""


def resolved(plan: QueryPlan, core: CoreStore, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their records and all errors; the caller holds the lock of the writers.

    Args:
        plan: the columns of the job.
        core: asked for records.
        rows: what `staged` and `with_waits` gave; no key stands in two rows without an error.

    Returns:
        Besides: ``good``, if there is no error; ``number`` of the record, a new one if ``created``,
        null without one; its ``id``, empty without one; ``p0``… with the ids of parents.
    """
    index = core.index(plan.item)
    rows = _with_record(plan, index, rows)
    for column in _with_parent(plan):
        rows = _with_parents(column, core, rows)
    for column in plan.unique:
        number, _, _ = _found(index, column.field, _folded(column.field, rows[column.cell]))
        rows = rows.hstack([number.alias(f"u{column.number}")])
    rows = with_first_error(rows, list(_store_errors(plan, index, rows)))
    # Last: a row that is wrong never comes to a lock.
    if "met" in rows.columns:
        rows = with_first_error(rows, _passing_errors(plan, index, rows))
    return _with_new(index, rows)


def _with_new(index: RecordIndex, rows: pl.DataFrame) -> pl.DataFrame:
    is_new = pl.col("error").is_null() & pl.col("place").is_null()
    number = pl.when(is_new).then(is_new.cum_sum() - 1 + index.next_number)
    number = pl.coalesce("place", number.cast(pl.Int64))
    rows = rows.with_columns(good=pl.col("error").is_null(), created=is_new, number=number)
    return rows.with_columns(id=index.ids(rows["number"]).fill_null(""))


def _with_record(plan: QueryPlan, index: RecordIndex, rows: pl.DataFrame) -> pl.DataFrame:
    """The records the keys find; a row that is wrong already looks for none."""
    if plan.key is None:
        return rows.with_columns(place=pl.lit(None, dtype=pl.Int64))
    text = pl.col(plan.key.cell if plan.key.field.type == "id" else "folded")
    cell = rows.select(pl.when(pl.col("error").is_null()).then(text)).to_series()
    # A record in the bin is found by its id, to be told of; an external id does not find it.
    place, hits, ids = _found(index, plan.key.field, cell)
    return _beside(rows, {"place": place, "hits": hits, "ids": ids})


def _with_parents(column: BoundColumn, core: CoreStore, rows: pl.DataFrame) -> pl.DataFrame:
    field, name = column.parent_field, f"p{column.number}"
    assert field is not None  # noqa: S101  it is there where parents are
    cell = rows[column.cell]
    if field.type != "id":
        index = core.index(column.parents[0])
        number, hits, ids = _found(index, field, _folded(field, cell))
        own = {name: index.ids(number), f"{name}_hits": hits, f"{name}_ids": ids}
        return _beside(rows, own)
    is_there = [_are_there(core.index(parent), cell) for parent in column.parents]
    met = pl.any_horizontal(*(pl.lit(mask) for mask in is_there))
    return rows.with_columns(pl.when(met).then(pl.col(column.cell)).alias(name))


def _beside(rows: pl.DataFrame, columns: Mapping[str, pl.Series | None]) -> pl.DataFrame:
    return rows.hstack([each.alias(name) for name, each in columns.items() if each is not None])


def _are_there(index: RecordIndex, ids: pl.Series) -> pl.Series:
    numbers = index.of_ids(ids)
    return numbers.is_not_null() & ~index.are_gone(numbers)


def _folded(field: Field, cell: pl.Series) -> pl.Series:
    return pl.select(fold(field, pl.lit(cell))).to_series()


def _found(index: RecordIndex, field: Field, folded: pl.Series) -> Found:
    if field.type == "id":
        return index.of_ids(folded), None, None
    alone = index.alone(field, folded)
    if alone is not None:
        return alone, None, None
    lines = index.find(field, folded).sort("at", "number")
    lines = lines.with_columns(id=index.ids(lines["number"]))
    lines = lines.group_by("at", maintain_order=True).agg(
        pl.col("number").first(), hits=pl.len(), ids=pl.col("id").str.join(", ")
    )
    at = pl.int_range(folded.len(), dtype=pl.get_index_type(), eager=True)
    found = at.alias("at").to_frame().join(lines, on="at", how="left", maintain_order="left")
    return found["number"], found["hits"], found["ids"]


def _with_parent(plan: QueryPlan) -> list[BoundColumn]:
    return [c for c in plan.written if c.parents]


def _store_errors(plan: QueryPlan, index: RecordIndex, rows: pl.DataFrame) -> Iterator[Error]:
    place = pl.col("place")
    if plan.key is not None and plan.key.field.type == "id":
        yield pl.lit(index.are_gone(rows["place"])), pl.lit(GONE)
        yield place.is_null() & given(pl.col(plan.key.cell)), pl.lit(NO_RECORD)
    elif plan.key is not None and "hits" in rows.columns:
        head = f"DUPLICATE_EXTERNAL_ID:{plan.key.field.label}: {MANY}"
        yield pl.col("hits") > 1, pl.concat_str(pl.lit(head), "ids", pl.lit("]:--"))
    if plan.job.operation == "delete":
        return
    yield from _denied_errors(plan.item)
    for column in plan.written:
        yield from _access_errors(column)
    for column in _with_parent(plan):
        yield from _parent_errors(column, rows)
    for column in plan.unique:
        yield _unique_error(index, column, rows)
    yield from _required_errors(plan)


def _denied_errors(item: ObjectType) -> Iterator[Error]:
    """Rows that would make or change records which the user may not."""
    if not item.may("create"):
        text = f"{NOT_INSERTED}:entity type cannot be inserted: {item.label}:--"
        yield pl.col("place").is_null(), pl.lit(text)
    if not item.may("edit"):
        yield pl.col("place").is_not_null(), pl.lit(NO_ACCESS)


def _access_errors(column: BoundColumn) -> Iterator[Error]:
    """A field that can be set only when the record is made, or only later."""
    field, place = column.field, pl.col("place")
    if field.createable != field.updateable:
        occasion = place.is_not_null() if field.createable else place.is_null()
        yield given(pl.col(column.cell)) & occasion, pl.lit(not_writable(field))


def _parent_errors(column: BoundColumn, rows: pl.DataFrame) -> Iterator[Error]:
    field, cell, name = column.parent_field, pl.col(column.cell), f"p{column.number}"
    assert field is not None  # noqa: S101  it is there where parents are
    missing = given(cell) & pl.col(name).is_null()
    if field.type == "id":
        yield missing, pl.lit(NO_RECORD)
        return
    tail = f" not found for field {field.name} in entity {column.parents[0].name}:--"
    head = "INVALID_FIELD:Foreign key external ID: "
    yield missing, pl.concat_str(pl.lit(head), cell, pl.lit(tail))
    if f"{name}_hits" in rows.columns:
        several = f"DUPLICATE_EXTERNAL_ID:{column.field.label}: {MANY}"
        text = pl.concat_str(pl.lit(several), f"{name}_ids", pl.lit("]:--"))
        yield pl.col(f"{name}_hits") > 1, text


def _unique_error(index: RecordIndex, column: BoundColumn, rows: pl.DataFrame) -> Error:
    owner = pl.col(f"u{column.number}")
    name = column.field.name
    head = f"DUPLICATE_VALUE:duplicate value found: {name} duplicates value on record with id: "
    is_taken = owner.is_not_null() & (owner != pl.col("place")).fill_null(value=True)
    ids = pl.lit(index.ids(rows[f"u{column.number}"]))
    return is_taken, pl.concat_str(pl.lit(head), ids, pl.lit(":--"))


def _required_errors(plan: QueryPlan) -> Iterator[Error]:
    by_name = {c.field.name: c for c in plan.columns}
    missing: dict[str, pl.Expr] = {}
    for field in plan.item.fields:
        if not (field.required and field.writable):
            continue
        column = by_name.get(field.name)
        absent = pl.lit(value=False) if field.is_defaulted else pl.col("place").is_null()
        if column is None:
            missing[field.name] = absent
            continue
        cell = pl.col(column.cell)
        missing[field.name] = (cell == NULL_MARK) | (absent & (cell == ""))
    if missing:
        names = [pl.when(mask).then(pl.lit(name)) for name, mask in missing.items()]
        spaced = pl.concat_str(names, separator=", ", ignore_nulls=True)
        listed = pl.concat_str(names, separator=",", ignore_nulls=True)
        head, middle = "REQUIRED_FIELD_MISSING:Required fields are missing: [", "]:"
        text = pl.concat_str(pl.lit(head), spaced, pl.lit(middle), listed, pl.lit(" --"))
        yield pl.any_horizontal(missing.values()), text


def _passing_errors(plan: QueryPlan, index: RecordIndex, rows: pl.DataFrame) -> list[Error]:
    """What befalls rows at a lock: it names the record that was waited for."""
    fresh = index.ids(pl.int_range(rows.height, eager=True) + index.next_number)
    parents = [f"p{column.number}" for column in _with_parent(plan)]
    locked = ["locked_id"] if "locked_id" in rows.columns else []
    own = index.ids(rows["place"])
    return passing_errors(pl.coalesce(*locked, *parents, pl.lit(own), pl.lit(fresh)))
