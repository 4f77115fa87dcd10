"""What a partition needs of the ledger when its rows are read once more."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import BatchState
from dc_assets.core.errors import LedgerConflict, SpoolLost
from dc_assets.ledger.receipts import DoubtfulReceipt, rows_of
from dc_assets.ledger.row_counts import row_counts
from dc_assets.ledger.spec_records import is_of
from dc_assets.ledger.tables import batch, dead_letter, load, range_state
from dc_assets.load.store import RangeTicket

_PLANNED = BatchState.PLANNED.value
_FINAL = (BatchState.SETTLED.value, BatchState.ABANDONED.value)


def settled_keys(connection: Connection, ticket: RangeTicket) -> pl.Series:
    """Return the external ids of a partition's rows that landed or were refused.

    Raises:
        SpoolLost: a receipt is gone, so nobody can tell.
    """
    landed = connection.execute(
        sa.select(batch.c.batch_id).where(
            _is_in(batch, ticket),
            batch.c.state == BatchState.SETTLED.value,
            batch.c.landed > 0,
        )
    ).scalars()
    refused = connection.execute(
        sa.select(dead_letter.c.external_id).where(_is_in(dead_letter, ticket))
    ).scalars()
    found = [pl.Series("external_id", list(refused), dtype=pl.String)]
    try:
        for batch_id in landed.all():
            rows = rows_of(connection, batch_id)
            found.append(rows.filter(pl.col("outcome") == "landed").get_column("external_id"))
    except DoubtfulReceipt as doubt:
        raise SpoolLost(
            f"Rows of partition {ticket.partition_key} are on no disk, and which of its others "
            f"landed is not known: {doubt}. Put the file back, or send all rows of the load "
            "again: dc-assets run --new-load"
        ) from doubt
    return pl.concat(found)


def replayed(connection: Connection, ticket: RangeTicket) -> Sequence[str]:
    """Return the external ids that a replay was planned for; none for other loads."""
    is_replay = sa.select(load.c.mode).where(load.c.load_id == ticket.load_id)
    if connection.execute(is_replay).scalar() != "replay":
        return []
    ids = sa.select(dead_letter.c.external_id).where(
        dead_letter.c.replayed_by == ticket.load_id,
        dead_letter.c.partition_key == ticket.partition_key,
    )
    return connection.execute(ids.distinct()).scalars().all()


def refuse_flights(connection: Connection, ticket: RangeTicket) -> list[str]:
    """Return the batches of a partition that were not sent, and let nobody send them meanwhile.

    Raises:
        LedgerConflict: another one is in flight; its rows may be landing.
    """
    rows = connection.execute(
        sa.select(batch.c.batch_id, batch.c.state)
        .where(_is_in(batch, ticket), batch.c.state.not_in(_FINAL))
        .order_by(batch.c.batch_id)
        .with_for_update()
    ).all()
    if any(row.state != _PLANNED for row in rows):
        raise LedgerConflict(
            f"Partition {ticket.partition_key} has batches in flight: it is not planned anew."
        )
    return [row.batch_id for row in rows]


def select_what_is_there(connection: Connection, ticket: RangeTicket) -> None:
    """Count as selected what has an outcome and what waits in a batch."""
    begun = connection.execute(sa.select(range_state).where(is_of(ticket))).all()
    counts = row_counts(connection, begun)[ticket.load_id, ticket.partition_key]
    waiting = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(batch.c.rows), 0)).where(
            _is_in(batch, ticket), batch.c.state == _PLANNED
        )
    ).scalar_one()
    selected = counts.landed + counts.refused + int(waiting)
    connection.execute(range_state.update().where(is_of(ticket)).values(selected=selected))


def _is_in(table: sa.Table, ticket: RangeTicket) -> sa.ColumnElement[bool]:
    is_load = table.c.load_id == ticket.load_id
    return is_load & (table.c.partition_key == ticket.partition_key)
