"""What our loads use of the org's day, and what the org says is left of it."""

from __future__ import annotations

from collections.abc import Callable

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.durations import HOUR_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database, now_s
from dc_assets.ledger.tables import epoch_now, org_allowance, org_use
from dc_assets.ledger.upsert import insert_or_update


class SqlOrgUse:
    """The API calls of one process, counted for the load that it works on.

    ``new_calls`` returns how many the process made since it was asked last.
    """

    def __init__(self, database: Database, org_id: str, new_calls: Callable[[], int]) -> None:
        self._database = database
        self._org_id = org_id
        self._new_calls = new_calls
        self._load_id: str | None = None

    def count_calls(self, load_id: str) -> None:
        """Add the calls since the last time to what a load used in this hour."""
        self._load_id = load_id
        if calls := self._new_calls():
            self._add(load_id, calls)

    @one_transaction
    def _add(self, load_id: str, calls: int) -> None:
        with self._database.begin() as connection:
            hour = int(now_s(connection) // HOUR_S)
            used = {"load_id": load_id, "hour": hour, "api_calls": calls}
            added = {"api_calls": org_use.c.api_calls + calls}
            insert_or_update(connection, org_use, used, added)

    def count_the_rest(self) -> None:
        """Add what was called since then, by checks, to the load that was worked on last."""
        if self._load_id is not None:
            self.count_calls(self._load_id)

    @one_transaction
    def keep_allowance(self, left: Allowance) -> None:
        """Keep what the org says is left of its day."""
        values = {
            "api_calls_left": left.api_calls_left,
            "daily_batches_left": left.daily_batches_left,
            "asked_at": epoch_now(),
        }
        with self._database.begin() as connection:
            insert_or_update(connection, org_allowance, {"org_id": self._org_id, **values}, values)
