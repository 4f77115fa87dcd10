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

QUIET_S = 60.0
"""Runs of one launch begin one after another: a partial load that all of them left is over then."""

OTHERS_WAIT_S_MAX = 3_600.0
"""So long an ended load waits for unfinished runs of its asset, which evaluate its checks."""

PARTIAL_MODES = ("missing", "changed", "replay")
"""Modes in which not every partition takes part. A canary is watched by whoever starts it."""


@dataclass(frozen=True, slots=True)
class EndedLoad:
    """A load without unfinished partitions.

    Attributes:
        partitions_done: grows when further partitions join a partial load.
        seconds: from its opening until its last partition was done.
    """

    load_id: str
    spec_name: str
    org_id: str
    mode: str
    partitions_done: int
    opened_at: float
    seconds: float


class EndedLoads:
    """The loads of some specs in any org."""

    def __init__(self, database: Database, spec_names: Collection[str]) -> None:
        self._database = database
        self._spec_names = list(spec_names)

    @one_transaction
    def lately(self, busy: Collection[str]) -> Sequence[EndedLoad]:
        """Return the loads that ended in the last days, oldest first.

        A load of a ``busy`` spec is left for later: its checks are running. A partial load has no
        end of its own, so it counts whenever every partition that took part is done, unless it
        selected no row: nothing differed, nothing was missing, and nobody waits for that.
        """
        is_done = sa.case((range_state.c.phase == "done", 1), else_=0)
        last = sa.func.max(range_state.c.finished_at)
        query = (
            sa.select(
                load,
                sa.func.count().label("begun"),
                sa.func.sum(is_done).label("done"),
                sa.func.coalesce(sa.func.sum(range_state.c.selected), 0).label("selected"),
                last.label("last_at"),
                (epoch_now() - last).label("quiet_s"),
            )
            .join(range_state, range_state.c.load_id == load.c.load_id)
            .where(load.c.spec_name.in_(self._spec_names))
            .group_by(load.c.load_id)
            .having(last > epoch_now() - OFFERED_FOR_S)
            .order_by(last)
        )
        with self._database.read() as connection:
            return [_ended(row) for row in connection.execute(query) if _has_ended(row, busy)]

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


def _has_ended(row: Row[Any], busy: Collection[str]) -> bool:
    if row.spec_name in busy and row.quiet_s < OTHERS_WAIT_S_MAX:
        return False
    if row.mode == "full":
        return row.state == "done"
    all_done = row.begun == row.done and row.quiet_s >= QUIET_S
    return row.mode in PARTIAL_MODES and all_done and row.selected > 0


def _ended(row: Row[Any]) -> EndedLoad:
    return EndedLoad(
        load_id=row.load_id,
        spec_name=row.spec_name,
        org_id=row.org_id,
        mode=row.mode,
        partitions_done=int(row.done),
        opened_at=row.opened_at,
        seconds=max(0.0, row.last_at - row.opened_at),
    )
