"""Loads that came to their end lately, and their figures, for notifications."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.events import EARLIER_LOADS_MAX, OFFERED_FOR_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import batch, epoch_now, load, range_state


@dataclass(frozen=True, slots=True)
class EndedLoad:
    """A load without unfinished partitions.

    Attributes:
        seconds: from its opening until its last row had an outcome.
    """

    load_id: str
    spec_name: str
    org_id: str
    mode: str
    opened_at: float
    seconds: float


class EndedLoads:
    """The loads of some specs in any org."""

    def __init__(self, database: Database, spec_names: Collection[str]) -> None:
        self._database = database
        self._spec_names = list(spec_names)

    @one_transaction
    def lately(self) -> Sequence[EndedLoad]:
        """Return the loads that ended in the last days, oldest first.

        A partial load that selected no row is left out: nothing differed, nothing was missing, and
        nobody waits for that.
        """
        last = sa.func.max(range_state.c.finished_at)
        selected = sa.func.coalesce(sa.func.sum(range_state.c.selected), 0)
        query = (
            sa.select(load, last.label("last_at"))
            .join(range_state, range_state.c.load_id == load.c.load_id)
            .where(load.c.spec_name.in_(self._spec_names), load.c.state == "done")
            .where(load.c.finished_at > epoch_now() - OFFERED_FOR_S)
            .group_by(load.c.load_id)
            .having((load.c.mode == "full") | (selected > 0))
            .order_by(load.c.finished_at)
        )
        with self._database.read() as connection:
            return [_ended(row) for row in connection.execute(query)]

    @one_transaction
    def earlier_shares(self, ended: EndedLoad) -> Sequence[float]:
        """Return the shares of landed rows of the done loads before a full one, newest first."""
        selected = sa.func.sum(range_state.c.selected)
        landed = (
            sa.select(sa.func.coalesce(sa.func.sum(batch.c.landed), 0))
            .where(batch.c.load_id == load.c.load_id)
            .scalar_subquery()
        )
        with self._database.read() as connection:
            earlier = connection.execute(
                sa.select(load.c.load_id, selected.label("selected"), landed.label("landed"))
                .join(range_state, range_state.c.load_id == load.c.load_id)
                .where(load.c.spec_name == ended.spec_name, load.c.org_id == ended.org_id)
                .where(load.c.mode == "full", load.c.state == "done")
                .where(load.c.opened_at < ended.opened_at)
                .group_by(load.c.load_id)
                .having(selected > 0)
                .order_by(load.c.opened_at.desc())
                .limit(EARLIER_LOADS_MAX)
            ).all()
            return [float(row.landed / row.selected) for row in earlier]


def _ended(row: Row[Any]) -> EndedLoad:
    return EndedLoad(
        load_id=row.load_id,
        spec_name=row.spec_name,
        org_id=row.org_id,
        mode=row.mode,
        opened_at=row.opened_at,
        seconds=max(0.0, row.last_at - row.opened_at),
    )
