"""A reserve on long queries: an org takes few at once, so ours leave some to other users.

"25 concurrent requests of 20 seconds or longer; Developer Edition and trial orgs: 5" (Salesforce
Developer Limits, API Request Limits). A slot is a line that one of our processes holds, on any
host. It is free again when the process gives it back, is known to be gone, or is silent for a
lease.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from dc_assets.core.run_events import Note, RunEvent
from dc_assets.core.write_policy import HEARTBEAT_S, LEASE_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import beating
from dc_assets.ledger.owners import Owner, living_owner
from dc_assets.ledger.tables import epoch_now, long_query
from dc_assets.ledger.upsert import insert_or_update

LONG_QUERY_ROWS = 100_000
"""A count or GROUP BY of so many records may take an org 20 seconds, which makes it a long request:
a filter of more is not selective ("Query Optimizer" in Salesforce's "Best Practices for Deployments
with Large Data Volumes")."""

LOOKS_AGAIN_S = 2.0
"""Policy time between two looks for a free slot; what holds one may take 20 s or more."""


@dataclass(frozen=True, slots=True)
class LongQuerySlots:
    """The slots of one org, as one owner takes them.

    Attributes:
        most: long queries of ours at once, over all runs and hosts.
        lease_s: how long a silent owner keeps a slot.
        heartbeat_s: how often a live one speaks.
    """

    database: Database
    org_id: str
    owner: Owner
    most: int
    sleep: Callable[[float], None]
    note: Note
    lease_s: float = LEASE_S
    heartbeat_s: float = HEARTBEAT_S

    @contextmanager
    def slot(self, rows: int) -> Generator[None]:
        """Hold a slot while the block asks about so many rows; wait for one first, and tell it.

        A query about few rows is no long one and needs no slot.
        """
        if rows < LONG_QUERY_ROWS:
            yield
            return
        token = uuid.uuid4().hex
        if not self._take(token):
            self.note(RunEvent("long_query_waits", {"most": self.most}))
            while not self._take(token):
                self.sleep(LOOKS_AGAIN_S)
        try:
            with beating(partial(self._renew, token), self.heartbeat_s):
                yield
        finally:
            self._give_back(token)

    @one_transaction
    def _take(self, token: str) -> bool:
        """Take a free slot, if there is one.

        Whoever looks at a slot that is held locks it: two never take it over together.
        """
        with self.database.begin() as connection:
            is_leased = (long_query.c.lease_until > epoch_now()).label("is_leased")
            held = connection.execute(
                sa.select(long_query, is_leased)
                .where(long_query.c.org_id == self.org_id)
                .order_by(long_query.c.slot)
                .with_for_update()
            ).all()
            living = {row.slot for row in held if living_owner(row) is not None}
            if len(living) >= self.most:
                return False
            values = {
                "token": token,
                "owner": self.owner.as_text(),
                "lease_until": epoch_now() + self.lease_s,
            }
            left_behind = {row.slot for row in held} - living
            for slot in sorted(set(range(1, self.most + 1)) - living):
                line = {"org_id": self.org_id, "slot": slot, **values}
                update = values if slot in left_behind else {}
                if insert_or_update(connection, long_query, line, update):
                    return True
            return False

    @one_transaction
    def _renew(self, token: str) -> None:
        with self.database.begin() as connection:
            connection.execute(
                long_query.update()
                .where(long_query.c.token == token)
                .values(lease_until=epoch_now() + self.lease_s)
            )

    @one_transaction
    def _give_back(self, token: str) -> None:
        with self.database.begin() as connection:
            connection.execute(long_query.delete().where(long_query.c.token == token))
