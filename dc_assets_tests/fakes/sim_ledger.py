"""The real ledger on a clock of ours: leases and ready times pass in virtual time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from dc_assets.core.errors import LedgerConflict
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.load_store import Lease, SqlLoadStore
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import load, metadata, range_state
from dc_assets.load.store import RangeTicket
from dc_assets_tests.fakes.turns import BEAT_EVERY_S, Turns

JULIAN_DAY_OF_1970 = 2440587.5
BEGAN_S = 1_700_000_000.0
DAY_S = 86_400.0
LEASE = Lease(lease_s=30.0, heartbeat_s=BEAT_EVERY_S)


class SimDatabase(Database):
    """A SQLite ledger that asks us what time it is and does not wait for the disk."""

    def __init__(self, file: Path) -> None:
        self.now_s: Callable[[], float] = lambda: 0.0
        super().__init__(f"sqlite:///{file}")
        self._engine.dispose()  # the connection that made the schema has the clock of the machine
        event.listen(self._engine, "connect", self._set_up)

    def _set_up(self, connection: sqlite3.Connection, _: object) -> None:
        connection.create_function("julianday", 1, self._julian_day)
        connection.execute("PRAGMA synchronous=OFF")

    def _julian_day(self, _: str) -> float:
        return JULIAN_DAY_OF_1970 + (BEGAN_S + self.now_s()) / DAY_S

    def empty(self) -> None:
        """Forget everything, so that the next history begins anew; statements stay compiled."""
        with self.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "ledger_version":
                    connection.execute(table.delete())

    def declare_dead(self, owner: Owner) -> None:
        """Let everybody on this host know that a process is gone."""
        dead = replace(owner, started="before").as_text()
        with self.begin() as connection:
            for table, column in ((range_state, "owner"), (load, "planner")):
                connection.execute(
                    sa.update(table)
                    .where(table.c[column] == owner.as_text())
                    .values({column: dead})
                )


class SimLoadStore(SqlLoadStore):
    """A load book whose leases are kept in virtual time, as long as its process lives."""

    def __init__(
        self,
        database: Database,
        spec: LoadSpec,
        *,
        org_id: str,
        owner: Owner,
        turns: Turns,
        actor: str,
        is_dead: Callable[[], bool],
    ) -> None:
        super().__init__(database, spec, org_id=org_id, owner=owner, lease=LEASE)
        self._turns = turns
        self._actor = actor
        self._is_dead = is_dead

    @contextmanager
    def heartbeat(self, ticket: RangeTicket) -> Generator[None]:
        """Beat while the block runs; a dead process releases nothing."""

        def heartbeat() -> None:
            try:
                with self._database.begin() as connection:
                    self._update_own_range(connection, ticket, self._lease_values())
            except LedgerConflict:
                self._turns.keep_beating(self._actor, None)

        self._turns.keep_beating(self._actor, heartbeat)
        try:
            yield
        finally:
            self._turns.keep_beating(self._actor, None)
            if not self._is_dead():
                self._release(ticket)
