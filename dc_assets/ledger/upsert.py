"""Inserts that may meet a line with their key; SQLite and PostgreSQL write them alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_or_update(
    connection: Connection, table: sa.Table, values: Mapping[str, Any], update: Mapping[str, Any]
) -> bool:
    """Insert a line, or update the one that has its key; tell whether there was anything to do.

    With nothing to ``update`` the line that is there stays as it is.
    """
    insert = insert_into(connection, table).values(**values)
    if not update:
        return connection.execute(insert.on_conflict_do_nothing()).rowcount > 0
    keys = list(table.primary_key)
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=dict(update)))
    return True


def insert_into(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an insert that can be an update; only the dialect of the connection is imported."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql as dialect  # noqa: PLC0415
    else:
        from sqlalchemy.dialects import sqlite as dialect  # noqa: PLC0415
    return dialect.insert(table)
