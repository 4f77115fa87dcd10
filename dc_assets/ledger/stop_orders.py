"""An operator's order to stop, and what is running when it is given.

Why it stands in the ledger: `docs/adr/0012-stop-is-an-order-in-the-ledger.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import batch, epoch_now, load, range_state


@dataclass(frozen=True, slots=True)
class OpenLoadState:
    """An unfinished load; `stopped_at` is None while nobody ordered it to stop."""

    load_id: str
    org_id: str
    mode: str
    stopped_at: float | None


@dataclass(frozen=True, slots=True)
class RunAtWork:
    """A live run that holds a partition."""

    partition_key: str
    run_id: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class FlyingBatch:
    """A batch between create and settle; its job id is None while the create call is under way."""

    batch_id: str
    org_id: str
    partition_key: str
    state: str
    rows: int
    job_id: str | None


class StopOrders:
    """Orders to stop the loads of one spec, in whatever org they are."""

    def __init__(self, database: Database, spec_name: str) -> None:
        self._database = database
        self._spec_name = spec_name

    @one_transaction
    def stop(self) -> Sequence[OpenLoadState]:
        """Order every unfinished load to stop; return them, oldest first."""
        with self._database.begin() as connection:
            connection.execute(
                load.update()
                .where(load.c.spec_name == self._spec_name, load.c.state == "open")
                .where(load.c.stopped_at.is_(None))
                .values(stopped_at=epoch_now())
            )
        return self.open_loads()

    @one_transaction
    def go_on(self) -> bool:
        """Take back every order to stop; tell whether there was one."""
        with self._database.begin() as connection:
            taken_back = connection.execute(
                load.update()
                .where(load.c.spec_name == self._spec_name, load.c.state == "open")
                .where(load.c.stopped_at.is_not(None))
                .values(stopped_at=None)
            )
            return taken_back.rowcount > 0

    @one_transaction
    def open_loads(self) -> Sequence[OpenLoadState]:
        """Return the unfinished loads, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(load)
                .where(load.c.spec_name == self._spec_name, load.c.state == "open")
                .order_by(load.c.opened_at)
            )
            return [OpenLoadState(r.load_id, r.org_id, r.mode, r.stopped_at) for r in rows]

    @one_transaction
    def runs_at_work(self) -> Sequence[RunAtWork]:
        """Return the live runs that hold a partition of any load of the spec."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(range_state.c.partition_key, range_state.c.owner)
                .join(load, load.c.load_id == range_state.c.load_id)
                .where(load.c.spec_name == self._spec_name)
                .where(range_state.c.lease_until > epoch_now())
                .order_by(range_state.c.partition_key)
            ).all()
        owners = [(row.partition_key, Owner.from_text(row.owner)) for row in rows]
        return [
            RunAtWork(key, owner.run_id, owner.host, owner.pid)
            for key, owner in owners
            if not owner.is_known_dead()
        ]

    @one_transaction
    def in_flight(self) -> Sequence[FlyingBatch]:
        """Return the batches in flight of any load of the spec, by partition."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(batch, load.c.org_id)
                .join(load, load.c.load_id == batch.c.load_id)
                .where(load.c.spec_name == self._spec_name)
                .where(batch.c.state.in_([state.value for state in IN_FLIGHT]))
                .order_by(batch.c.partition_key, batch.c.batch_id)
            )
            return [
                FlyingBatch(r.batch_id, r.org_id, r.partition_key, r.state, r.rows, r.job_id)
                for r in rows
            ]
