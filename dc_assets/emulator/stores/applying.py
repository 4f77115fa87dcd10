"""The SQL that brings committed rows into the tables, many commits in one statement."""
# ruff: noqa: S608  names come from the schema file or are numbers, values are bound or literals

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

import polars as pl

from dc_assets.emulator.schema import BLANKS, NULL_MARK, Field, ObjectType, Schema
from dc_assets.emulator.stores.duck import Session, quoted
from dc_assets.emulator.stores.pending import Commit, Segment
from dc_assets.emulator.stores.record_index import NUMBER

COMMITTED = "committed"
"""The name under which rows are given to the session."""
STAMPS = ("CreatedDate", "LastModifiedDate", "SystemModstamp")
IS_NEW, KEY, ID, AT = "_is_new", "_key", "_id", "_at"
"""Columns of the rows of a segment, beside the number and the texts of its fields."""

LINES = {
    "job_id": pl.String,
    "object": pl.String,
    "batch": pl.Int64,
    "at": pl.Datetime("us"),
    **dict.fromkeys(("rows", "created", "updated", "failed", "first_row"), pl.Int64),
}
"""The columns of the journal."""

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
    commits = [
        (segment.commit, own)
        for (segment, _), (_, own) in zip(segments, rows, strict=True)
        if segment.commit is not None
    ]
    _journal(session, commits)


def _shape(segment: Segment) -> Shape:
    return segment.object, segment.fields, segment.is_deletion


def _stamped(segment: Segment, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(segment.at).cast(pl.Datetime("us")).alias(AT))


def _apply_to(
    session: Session, item: ObjectType, segments: Sequence[tuple[Shape, pl.DataFrame]]
) -> None:
    is_new = pl.col(IS_NEW)
    for shape in dict.fromkeys(shape for shape, _ in segments):
        new = pl.concat([rows for own, rows in segments if own == shape]).filter(is_new)
        _run(session, insert_sql(item, shape[1]), new)
    # One record may change many times, so these stay in order; a record is made before.
    for (_, fields, is_deletion), group in groupby(segments, key=lambda pair: pair[0]):
        old = pl.concat([rows for _, rows in group]).filter(~is_new)
        _run(session, update_sql(item, fields, is_deletion=is_deletion), _once(old, fields))


def _run(session: Session, sql: str, rows: pl.DataFrame) -> None:
    if rows.height:
        with session.given(COMMITTED, rows):
            session.run(sql)


def _once(rows: pl.DataFrame, fields: Sequence[str]) -> pl.DataFrame:
    """Each record once: of each field the last text that changes it."""
    if not rows[NUMBER].is_duplicated().any():
        return rows
    texts = [pl.col(name).filter(pl.col(name) != "").last().fill_null("") for name in fields]
    return rows.group_by(NUMBER, maintain_order=True).agg(*texts, pl.col(AT).last())


def _journal(session: Session, commits: Sequence[tuple[Commit, pl.DataFrame]]) -> None:
    if not commits:
        return
    lines = pl.DataFrame([asdict(commit) for commit, _ in commits], schema=LINES)
    keys = [
        rows.select(KEY, IS_NEW, n=pl.lit(number, dtype=pl.Int64))
        for number, (_, rows) in enumerate(commits)
    ]
    with session.given("lines", lines.with_row_index("n")):
        session.run("INSERT INTO journal SELECT * EXCLUDE n FROM lines ORDER BY n")
        sql = (
            f"INSERT INTO journal_keys SELECT l.object, r.{KEY}, l.job_id, l.batch, r.{IS_NEW} "
            f"FROM {COMMITTED} r JOIN lines l ON l.n = r.n"
        )
        _run(session, sql, pl.concat(keys))


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
