"""How far a run came in the partition that it held, for notices."""

from __future__ import annotations

import sqlalchemy as sa

from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import batch, dead_letter, load, range_state

NOTHING: dict[str, int | str | None] = {
    "load_id": None,
    "selected": None,
    "landed": None,
    "refused": None,
    "pending": None,
}


def range_of_run(
    database: Database, spec_name: str, partition_key: str, run_id: str
) -> dict[str, int | str | None]:
    """Return load and row counts of the partition that a run held last, None each if it held none.

    Counts are of the load, so what earlier runs of it sent is among them.
    """
    with database.begin() as connection:
        held = connection.execute(
            sa.select(range_state)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.spec_name == spec_name, range_state.c.partition_key == partition_key)
            .where(range_state.c.owner.is_not(None))
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).first()
        if held is None or held.selected is None or Owner.from_text(held.owner).run_id != run_id:
            return dict(NOTHING)
        landed = connection.execute(
            sa.select(sa.func.coalesce(sa.func.sum(batch.c.landed), 0))
            .where(batch.c.load_id == held.load_id)
            .where(batch.c.partition_key == partition_key)
        ).scalar_one()
        refused = connection.execute(
            sa.select(sa.func.count())
            .select_from(dead_letter)
            .where(dead_letter.c.load_id == held.load_id)
            .where(dead_letter.c.partition_key == partition_key)
        ).scalar_one()
    return {
        "load_id": held.load_id,
        "selected": held.selected,
        "landed": int(landed),
        "refused": refused,
        "pending": max(0, held.selected - int(landed) - refused),
    }
