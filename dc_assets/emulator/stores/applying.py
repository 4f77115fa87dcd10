"""The SQL that brings committed rows into the tables, many commits in one statement."""
# ruff: noqa: S608  names come from the schema file or are numbers, values are bound or literals

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import polars as pl

from dc_assets.emulator.schema import BLANKS, NULL_MARK, Field, ObjectType, Schema
from dc_assets.emulator.stores import journal
from dc_assets.emulator.stores.duck import Session, quoted
from dc_assets.emulator.stores.journal import IS_NEW
from dc_assets.emulator.stores.pending import Segment
from dc_assets.emulator.stores.record_index import NUMBER

COMMITTED = "committed"
"""The name under which rows are given to the session."""
STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
ID, AT = "_id", "_at"
"""Columns of the rows of a segment, beside the number and the texts of its fields."""

Shape = tuple[str, tuple[str, ...], bool]


def apply(
    session: Session, schema: Schema, segments: Sequence[tuple[Segment, pl.DataFrame]]
) -> None:
    """Make the records, then change them in the order of the commits, and fill the journal."""
    rows = [(_shape(segment), _stamped(segment, own)) for segment, own in segments]
    for name in dict.fromkeys(segment.object for segment, _ in segments):
        item = schema.whole(name)
        assert item is not None  # noqa: S101  it was found when the rows were written
        _apply_to(session, item, [(shape, own) for shape, own in rows if shape[0] == name])
    journal.fill(session, segments)


def _shape(segment: Segment) -> Shape:
    return segment.object, segment.fields, segment.is_deletion


def _stamped(segment: Segment, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(segment.at).cast(pl.Datetime("us")).alias(AT))


def _apply_to(
    session: Session, item: ObjectType, segments: Sequence[tuple[Shape, pl.DataFrame]]
) -> None:
    for shape in dict.fromkeys(shape for shape, _ in segments):
        new = _those([rows for own, rows in segments if own == shape], are_new=True)
        _run(session, insert_sql(item, shape[1]), new)
    # One record may change many times, so these stay in order; a record is made before.
    for (_, fields, is_deletion), group in groupby(segments, key=lambda pair: pair[0]):
        old = _once(_those([rows for _, rows in group], are_new=False), fields)
        # To set a field to what it has is as much work as to change it.
        changed = [name for name in fields if (old[name] != "").any()]
        _run(session, update_sql(item, changed, is_deletion=is_deletion), old)


def _those(parts: Sequence[pl.DataFrame], *, are_new: bool) -> pl.DataFrame:
    """The rows of all parts that make a record, or those that change one."""
    wanted = pl.col(IS_NEW) == are_new
    wholes = [rows[IS_NEW].sum() == (rows.height if are_new else 0) for rows in parts]
    pairs = zip(parts, wholes, strict=True)
    return pl.concat([rows if is_whole else rows.filter(wanted) for rows, is_whole in pairs])


def _run(session: Session, sql: str, rows: pl.DataFrame) -> None:
    if rows.height:
        with session.given(COMMITTED, rows):
            session.run(sql)


def _once(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Each record once: of each field the last text that changes it."""
    if rows[NUMBER].n_unique() == rows.height:
        return rows
    texts = [pl.col(name).filter(pl.col(name) != "").last().fill_null("") for name in fields]
    return rows.group_by(NUMBER, maintain_order=True).agg(*texts, pl.col(AT).last())


def _value(field: Field, cell: str) -> str:
    """The text as a value of its field; it is neither empty nor the null mark, and valid."""
    if field.type == "datetime":
        # The offset +0000 becomes +00:00, the only form the cast reads.
        moment = f"regexp_replace({cell}, '([+-][0-9][0-9])([0-9][0-9])$', '\\1:\\2')"
        # A moment keeps its whole seconds: the fraction is dropped and not rounded.
        return f"date_trunc('second', CAST(TRY_CAST({moment} AS TIMESTAMPTZ) AS TIMESTAMP))"
    kind = field.sql_type()
    if kind != "VARCHAR":
        return f"TRY_CAST({cell} AS {kind})"
    return f"nullif(trim({cell}, {BLANKS}), '')" if field.trims else cell


def insert_sql(item: ObjectType, fields: Sequence[str]) -> str:
    """Write the new records."""
    values = {'"Id"': f"r.{ID}", '"IsDeleted"': "false", NUMBER: f"r.{NUMBER}"}
    for field in _fields(item, fields):
        if field.createable:
            cell = f"r.{quoted(field.name)}"
            is_given = f"({cell} <> '' AND {cell} <> '{NULL_MARK}')"
            values[quoted(field.name)] = (
                f"CASE WHEN {is_given} THEN {_value(field, cell)} ELSE {field.default_sql()} END"
            )
    values |= dict.fromkeys(map(quoted, STAMPS), f"r.{AT}")
    return (
        f"INSERT INTO {quoted(item.name)} ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())} FROM {COMMITTED} r"
    )


def update_sql(item: ObjectType, fields: Sequence[str], *, is_deletion: bool) -> str:
    """Change the records that were there."""
    changes = {'"IsDeleted"': "true"} if is_deletion else {}
    for field in _fields(item, fields):
        if field.updateable:
            name = quoted(field.name)
            null = "false" if field.type == "boolean" else "NULL"
            changes[name] = (
                f"CASE r.{name} WHEN '' THEN t.{name} WHEN '{NULL_MARK}' THEN {null} "
                f"ELSE {_value(field, f'r.{name}')} END"
            )
    changes |= dict.fromkeys(map(quoted, STAMPS[1:]), f"r.{AT}")
    listed = ", ".join(f"{name} = {value}" for name, value in changes.items())
    return (
        f"UPDATE {quoted(item.name)} AS t SET {listed} FROM {COMMITTED} r "
        f"WHERE t.{NUMBER} = r.{NUMBER}"
    )


def _fields(item: ObjectType, names: Sequence[str]) -> list[Field]:
    return [field for field in item.fields if field.name in names]
