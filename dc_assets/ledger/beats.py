"""The lease of a run: says that its process lives, also while it holds no partition.

Why a run has one beside its partitions: `docs/adr/0011-runs-beat-and-a-reaper-listens.md`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from dc_assets.core.errors import DcError, LedgerConflict
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import epoch_now, run_beat


@contextmanager
def beating(beat: Callable[[], None], every_s: float) -> Generator[None]:
    """Beat from a thread of its own while the block runs, so that no long step keeps it silent.

    A conflict ends the thread: the next write of the run meets the same fence and ends the run.
    Another failure is tried again: a lease outlives several missed beats.
    """
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(every_s):
            try:
                beat()
            except LedgerConflict:
                return
            except (SQLAlchemyError, DcError):
                continue

    thread = threading.Thread(target=follow, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class RunBeats:
    """Leases of runs, by run id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, owner: Owner, lease_s: float) -> None:
        """Say that a run lives; its lease begins anew."""
        values = {"owner": owner.as_text(), "lease_until": epoch_now() + lease_s}
        with self._database.begin() as connection:
            known = connection.execute(
                run_beat.update().where(run_beat.c.run_id == owner.run_id).values(**values)
            )
            if known.rowcount == 0:
                connection.execute(run_beat.insert().values(run_id=owner.run_id, **values))

    def now_s(self) -> float:
        """Return seconds since 1970 by the ledger's clock, which measures all leases."""
        with self._database.begin() as connection:
            return float(connection.execute(sa.select(epoch_now())).scalar_one())

    def dead(self, run_ids: Iterable[str]) -> dict[str, bool]:
        """Tell of each run that ever beat whether it is dead: silent for a lease, or known gone."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(
                    run_beat.c.run_id,
                    run_beat.c.owner,
                    (run_beat.c.lease_until <= epoch_now()).label("expired"),
                ).where(run_beat.c.run_id.in_(list(run_ids)))
            ).all()
        return {
            row.run_id: bool(row.expired) or Owner.from_text(row.owner).is_known_dead()
            for row in rows
        }
