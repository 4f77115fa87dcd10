"""An operator's order to stop, and what is running when it is given.

Why it stands in the ledger: `docs/adr/0012-stop-is-an-order-in-the-ledger.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.errors import StoppedByOperator
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.owners import living_owner
from dc_assets.ledger.spec_records import IS_FLYING, IS_LEASED, SpecRecords
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


def refuse_stopped(row: Row[Any]) -> None:
    """Let nobody resume a load that was ordered to stop.

    Raises:
        StoppedByOperator: it was.
    """
    if row.stopped_at is not None:
        raise StoppedByOperator(
            f"Load {row.load_id[:8]} of {row.spec_name} was stopped by an operator. "
            f"To resume: dc-assets run {row.spec_name} (in the UI: run config after_stop: true)."
        )


class StopOrders(SpecRecords):
    """Orders to stop the loads of one spec."""

    @one_transaction
    def stop(self) -> Sequence[OpenLoadState]:
        """Order every unfinished load to stop; return them, oldest first."""
        with self._database.begin() as connection:
            connection.execute(
                load.update()
                .where(self.is_ours(), load.c.state == "open")
                .where(load.c.stopped_at.is_(None))
                .values(stopped_at=epoch_now())
            )
        return self.open_loads()

    @one_transaction
    def go_on(self, *, given_before: float | None = None) -> bool:
        """Take back every order to stop; tell whether there was one.

        ``given_before`` leaves later orders alone; it is in seconds since 1970.
        """
        with self._database.begin() as connection:
            taken_back = connection.execute(
                load.update()
                .where(self.is_ours(), load.c.state == "open", load.c.stopped_at.is_not(None))
                .where(sa.true() if given_before is None else load.c.stopped_at < given_before)
                .values(stopped_at=None)
            )
            return taken_back.rowcount > 0

    @one_transaction
    def open_loads(self) -> Sequence[OpenLoadState]:
        """Return the unfinished loads, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(load.c.load_id, load.c.org_id, load.c.mode, load.c.stopped_at)
                .where(self.is_ours(), load.c.state == "open")
                .order_by(load.c.opened_at)
            )
            return [OpenLoadState(*row) for row in rows]

    @one_transaction
    def runs_at_work(self) -> Sequence[RunAtWork]:
        """Return the live runs that hold a partition of any load of the spec."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(range_state.c.partition_key, range_state.c.owner, IS_LEASED)
                .join(load, load.c.load_id == range_state.c.load_id)
                .where(self.is_ours())
                .order_by(range_state.c.partition_key)
            ).all()
        owners = [(row.partition_key, living_owner(row)) for row in rows]
        return [RunAtWork(key, one.run_id, one.host, one.pid) for key, one in owners if one]

    @one_transaction
    def in_flight(self) -> Sequence[FlyingBatch]:
        """Return the batches in flight of any load of the spec, by partition."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(batch, load.c.org_id)
                .join(load, load.c.load_id == batch.c.load_id)
                .where(self.is_ours(), IS_FLYING)
                .order_by(batch.c.partition_key, batch.c.batch_id)
            )
            return [
                FlyingBatch(r.batch_id, r.org_id, r.partition_key, r.state, r.rows, r.job_id)
                for r in rows
            ]
