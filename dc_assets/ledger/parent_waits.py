"""Batches whose rows wait for parents of the same load, as the ledger knows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets.core.parent_rounds import Outlook, Prospect, outlook
from dc_assets.core.phases import Phase
from dc_assets.ledger.claims import live_ranges
from dc_assets.ledger.spec_records import IS_UNSETTLED
from dc_assets.ledger.tables import batch, range_state
from dc_assets.load.store import RangeTicket

_FLYING = {state.value for state in IN_FLIGHT}
_ASKED = ("partition_key", "state", "waits", "ready_at")
_UNREAD = {Phase.NEW.value, Phase.READING.value}


def parents_outlook(connection: Connection, ticket: RangeTicket) -> Outlook:
    """Return what becomes of the batches of a partition that wait, when it has no others."""
    live = set(live_ranges(connection, ticket.load_id))
    landed_at = connection.execute(
        sa.select(sa.func.max(batch.c.finished_at))
        .where(batch.c.load_id == ticket.load_id)
        .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
    ).scalar()
    unsettled: dict[str, list[Row[Any]]] = defaultdict(list)
    batches: sa.Select[Any] = sa.select(*(batch.c[name] for name in _ASKED))
    for row in connection.execute(batches.where(batch.c.load_id == ticket.load_id, IS_UNSETTLED)):
        unsettled[row.partition_key].append(row)
    ranges = connection.execute(
        sa.select(range_state.c.partition_key, range_state.c.phase).where(
            range_state.c.load_id == ticket.load_id
        )
    )
    return outlook(
        [
            Prospect(
                is_ours=row.partition_key == ticket.partition_key,
                is_live=row.partition_key in live,
                is_under_way=row.phase in _UNREAD or _is_under_way(unsettled[row.partition_key]),
                is_hopeful=_is_hopeful(unsettled[row.partition_key], landed_at),
            )
            for row in ranges
        ]
    )


def _is_under_way(batches: Sequence[Row[Any]]) -> bool:
    return any(not one.waits or one.state in _FLYING for one in batches)


def _is_hopeful(batches: Sequence[Row[Any]], landed_at: float | None) -> bool:
    """Tell whether a row landed since the rows of a batch that waits were handed over."""
    waiting = [one for one in batches if one.waits and one.state not in _FLYING]
    return landed_at is not None and any(landed_at >= one.ready_at for one in waiting)
