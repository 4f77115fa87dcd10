"""One load at a time writes children of the records of one object, in one org.

Why: `docs/adr/0017-a-load-takes-org-and-parent-object.md`.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.core.errors import ParentsTaken
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import batch, epoch_now, load, range_state


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
                f"that {spec_name} writes children of: it is at work on "
                f"{', '.join(sorted(set(held)))}. Two loads at once would lock each other's "
                f"rows. If it was killed: dc-assets run {other.spec_name}"
            )
    connection.execute(load.update().where(load.c.load_id == load_id).values(lane_scope=scope))


def live_ranges(connection: Connection, load_id: str) -> list[str]:
    """Return the partitions of a load that a live run holds."""
    rows = connection.execute(
        sa.select(range_state.c.partition_key, range_state.c.owner)
        .where(range_state.c.load_id == load_id, range_state.c.lease_until > epoch_now())
        .order_by(range_state.c.partition_key)
    )
    return [row.partition_key for row in rows if not Owner.from_text(row.owner).is_known_dead()]


def _ranges_in_flight(connection: Connection, load_id: str) -> list[str]:
    rows = connection.execute(
        sa.select(batch.c.partition_key)
        .where(batch.c.load_id == load_id)
        .where(batch.c.state.in_([state.value for state in IN_FLIGHT]))
    )
    return [row.partition_key for row in rows]
