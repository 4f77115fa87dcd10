"""Leases of whole runs, and the thread that keeps a lease alive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import DcError, LedgerConflict
from dc_assets.ledger.absence import LOOK_AGAIN_S_MAX, one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import epoch_now, range_state, run_heartbeat
from dc_assets.ledger.upsert import insert_or_update


@contextmanager
def beating(heartbeat: Callable[[], None], every_s: float) -> Generator[None]:
    """Beat from a thread of its own while the block runs, so that no long step keeps it silent.

    A conflict ends the thread: the next write of the run meets the same fence and ends the run.
    Another failure is tried again soon: a lease outlives several missed heartbeats.
    """
    stop = threading.Event()

    def follow() -> None:
        wait_s = every_s
        while not stop.wait(wait_s):
            wait_s = every_s
            try:
                heartbeat()
            except LedgerConflict:
                return
            except (SQLAlchemyError, DcError):
                wait_s = min(every_s, LOOK_AGAIN_S_MAX)

    thread = threading.Thread(target=follow, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class LastHeartbeat:
    """What the last heartbeat of a run tells.

    Attributes:
        is_silent: a lease has passed since.
        is_gone: the process that it came from is known to be gone.
    """

    is_silent: bool
    is_gone: bool


class RunHeartbeats:
    """Leases of runs, by run id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def heartbeat(self, owner: Owner, lease_s: float) -> None:
        """Say that a run lives; its lease begins anew."""
        values = {"owner": owner.as_text(), "lease_until": epoch_now() + lease_s}
        with self._database.begin() as connection:
            insert_or_update(connection, run_heartbeat, {"run_id": owner.run_id, **values}, values)

    def now_s(self) -> float:
        """Return seconds since 1970 by the ledger's clock, which measures all leases."""
        return self._database.time_s()

    @one_transaction
    def holders(self) -> set[str]:
        """Return the runs that hold a partition of an unfinished load, or held it last."""
        held = sa.select(range_state.c.owner).where(
            range_state.c.open_as.is_not(None), range_state.c.owner.is_not(None)
        )
        with self._database.begin() as connection:
            return {Owner.from_text(owner).run_id for owner in connection.execute(held).scalars()}

    @one_transaction
    def last(self, run_ids: Iterable[str]) -> dict[str, LastHeartbeat]:
        """Return the last heartbeat of each run that ever had one."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(
                    run_heartbeat.c.run_id,
                    run_heartbeat.c.owner,
                    (run_heartbeat.c.lease_until > epoch_now()).label("is_leased"),
                ).where(run_heartbeat.c.run_id.in_(list(run_ids)))
            ).all()
        return {
            row.run_id: LastHeartbeat(
                is_silent=not row.is_leased, is_gone=Owner.from_text(row.owner).is_known_dead()
            )
            for row in rows
        }
