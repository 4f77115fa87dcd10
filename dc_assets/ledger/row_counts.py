"""Counts the rows of partitions: the one place that says in SQL what landed and was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.core.load_state import RowCounts
from dc_assets.ledger.tables import batch, dead_letter

Place = tuple[str, str]
"""Load and partition key."""

_FLYING = [state.value for state in IN_FLIGHT]


def row_counts(connection: Connection, begun: Collection[Row[Any]]) -> Mapping[Place, RowCounts]:
    """Return the counts of some lines of `range_state`, by two statements however many they are."""
    load_ids = {row.load_id for row in begun}
    sent = {_place(row): row for row in connection.execute(_sent(load_ids))}
    refused: dict[Place, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_refused(load_ids)):
        refused[_place(row)][row.code] = row.rows
    return {
        _place(row): _counts(row.selected, sent.get(_place(row)), refused[_place(row)])
        for row in begun
    }


def _place(row: Row[Any]) -> Place:
    return row.load_id, row.partition_key


def _counts(selected: int | None, sent: Row[Any] | None, refused: Mapping[str, int]) -> RowCounts:
    if sent is None:
        return RowCounts(selected, refused_by_code=refused)
    return RowCounts(  # PostgreSQL's sums are decimals
        selected,
        landed=int(sent.landed),
        refused_by_code=refused,
        locked=int(sent.locked),
        retried=int(sent.retried),
        jobs=int(sent.jobs),
        in_flight=int(sent.in_flight),
    )


def _sent(load_ids: Collection[str]) -> sa.Select[Any]:
    flying = sa.case((batch.c.state.in_(_FLYING), 1), else_=0)
    columns = (
        sa.func.sum(batch.c.landed).label("landed"),
        sa.func.sum(batch.c.locked).label("locked"),
        sa.func.sum(batch.c.retried).label("retried"),
        sa.func.count(batch.c.uploaded_at).label("jobs"),
        sa.func.sum(flying).label("in_flight"),
    )
    return _grouped(batch, columns, load_ids)


def _refused(load_ids: Collection[str]) -> sa.Select[Any]:
    columns = (dead_letter.c.code, sa.func.count().label("rows"))
    query = _grouped(dead_letter, columns, load_ids)
    return query.group_by(dead_letter.c.code).order_by(sa.desc("rows"), dead_letter.c.code)


def _grouped(
    table: sa.Table, columns: tuple[sa.ColumnElement[Any], ...], load_ids: Collection[str]
) -> sa.Select[Any]:
    return (
        sa.select(table.c.load_id, table.c.partition_key, *columns)
        .where(table.c.load_id.in_(load_ids))
        .group_by(table.c.load_id, table.c.partition_key)
    )
