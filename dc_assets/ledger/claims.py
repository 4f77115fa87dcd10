"""Who may send next: the window over all hosts, free lanes, and the lane with most rows left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.batch_states import BatchState
from dc_assets.core.errors import ParentsTaken
from dc_assets.core.write_policy import RecentRows, first_to_send, halved
from dc_assets.ledger.owners import living_owner
from dc_assets.ledger.spec_records import IS_FLYING, IS_LEASED
from dc_assets.ledger.tables import batch, epoch_now, load, range_state

_FLYING = (
    sa.select(batch.c.lane, batch.c.lane_scope, batch.c.load_id)
    .join(load, load.c.load_id == batch.c.load_id)
    .where(load.c.org_id == sa.bindparam("of_org"), IS_FLYING)
)
_LANES = sa.select(batch.c.batch_id, batch.c.lane).where(
    batch.c.batch_id.in_(sa.bindparam("wanted", expanding=True))
)
_OF_LOAD = batch.c.load_id == sa.bindparam("of_load")
_WAITING = (
    sa.select(batch.c.lane, sa.func.sum(batch.c.rows).label("waiting"))
    .where(_OF_LOAD, batch.c.state == BatchState.PLANNED.value)
    .where(batch.c.waits == 0, batch.c.ready_at <= epoch_now())
    .group_by(batch.c.lane)
)
_ENDED = (
    sa.select(
        epoch_now().label("at_s"),
        sa.func.coalesce(sa.func.sum(batch.c.rows), 0).label("rows"),
        sa.func.coalesce(sa.func.sum(batch.c.locked), 0).label("locked"),
    )
    .where(_OF_LOAD, batch.c.state == BatchState.SETTLED.value)
    .where(batch.c.finished_at > epoch_now() - sa.bindparam("looks_back_s", type_=sa.Float))
)


def granted(  # noqa: PLR0913 - whose claim, for what, by which rules
    connection: Connection,
    ours: Row[Any],
    wanted: Sequence[str],
    *,
    lane_scope: str,
    window: int,
    looks_back_s: float,
) -> str | None:
    """Return the wanted batch that may be sent now, or None.

    Batches in flight of another load in the same lanes block all of ours: its lane map is another
    one. ``ours`` is the row of our load; it and the others of the org are locked by the caller.
    """
    flying = connection.execute(_FLYING, {"of_org": ours.org_id}).all()
    neighbours = [
        row for row in flying if row.lane_scope == lane_scope or row.load_id == ours.load_id
    ]
    if any(row.load_id != ours.load_id for row in neighbours):
        return None
    slots = _window_now(connection, ours, window, looks_back_s) - len(flying) + len(neighbours)
    if len(neighbours) >= slots:
        return None
    lanes = connection.execute(_LANES, {"wanted": list(wanted)})
    lane_of: dict[str, int] = {row.batch_id: row.lane for row in lanes}
    return first_to_send(
        {batch_id: lane_of[batch_id] for batch_id in wanted},
        remaining_rows=_remaining_rows(connection, ours.load_id),
        busy_lanes={row.lane for row in neighbours},
        slots=slots,
    )


def _remaining_rows(connection: Connection, load_id: str) -> dict[int, int]:
    """Return the rows of each lane that may go now, over all partitions of a load."""
    rows = connection.execute(_WAITING, {"of_load": load_id})
    return {row.lane: int(row.waiting) for row in rows}


def _window_now(connection: Connection, ours: Row[Any], window: int, looks_back_s: float) -> int:
    """Return the window, halved for a time when too many rows have just met locks."""
    given = {"of_load": ours.load_id, "looks_back_s": looks_back_s}
    ended = connection.execute(_ENDED, given).one()
    if ours.window_cut_at is not None and ended.at_s < ours.window_cut_at + looks_back_s:
        return halved(window)
    if not RecentRows(int(ended.rows), int(ended.locked)).is_too_locked:
        return window
    connection.execute(
        load.update().where(load.c.load_id == ours.load_id).values(window_cut_at=ended.at_s)
    )
    return halved(window)


def lane_scope(org_id: str, parent_object: str) -> str:
    """Return what a load takes: no other one writes children of these parents meanwhile."""
    return f"{org_id}/{parent_object}"


def take_parents(
    connection: Connection, org_id: str, load_id: str, spec_name: str, scope: str
) -> None:
    """Refuse to work while another load holds the parents; two at once stand in line here.

    Raises:
        ParentsTaken: another load has a live run, or a batch in flight that we cannot bring home.
    """
    loads = connection.execute(
        sa.select(load)
        .where(load.c.org_id == org_id)
        .where((load.c.state == "open") | (load.c.load_id == load_id))
        .order_by(load.c.load_id)
        .with_for_update()
    ).all()
    for other in loads:
        if other.load_id == load_id or other.lane_scope != scope:
            continue
        held = live_ranges(connection, other.load_id)
        if other.spec_name != spec_name:  # we cannot bring its batches home
            held += _ranges_in_flight(connection, other.load_id)
        if held:
            raise ParentsTaken(
                f"Load {other.load_id[:8]} ({other.spec_name}, {other.mode}) holds the parents "
                f"that {spec_name} writes children of: it is working on "
                f"{', '.join(sorted(set(held)))}. Two loads at once would lock each other's "
                f"rows. If it was killed: dc-assets run {other.spec_name}"
            )
    connection.execute(load.update().where(load.c.load_id == load_id).values(lane_scope=scope))


def live_ranges(connection: Connection, load_id: str) -> list[str]:
    """Return the partitions of a load that a live run holds."""
    rows = connection.execute(
        sa.select(range_state.c.partition_key, range_state.c.owner, IS_LEASED)
        .where(range_state.c.load_id == load_id)
        .order_by(range_state.c.partition_key)
    )
    return [row.partition_key for row in rows if living_owner(row)]


def _ranges_in_flight(connection: Connection, load_id: str) -> list[str]:
    rows = connection.execute(
        sa.select(batch.c.partition_key).where(batch.c.load_id == load_id, IS_FLYING)
    )
    return [row.partition_key for row in rows]
