"""What the loads of a spec used in 24 hours, and whether a claim has to wait for that.

The database's clock decides, in the time zone of the spec: all hosts agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import BatchState
from dc_assets.core.durations import DAY_S, HOUR_S
from dc_assets.core.pauses import (
    Pause,
    Use,
    ZonedTime,
    affordable,
    batch_rows_max,
    is_limited,
    pause,
    rows_left,
)
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database, now_s
from dc_assets.ledger.spec_records import IS_FLYING, SpecRecords, is_of
from dc_assets.ledger.tables import batch, load, org_use, range_state
from dc_assets.load.store import RangeTicket


class Budgets(SpecRecords):
    """The budgets and hours of one spec in one org, asked in the transaction of a claim."""

    def __init__(self, database: Database, spec: LoadSpec, org_id: str) -> None:
        super().__init__(database, spec.name, org_id)
        self._spec = spec

    def affordable(
        self, connection: Connection, ticket: RangeTicket, wanted: Sequence[str]
    ) -> Sequence[str] | Pause:
        """Return the wanted batches that may be sent now, or the pause of the partition.

        A pause is kept until it is over: it ends when a good part of a budget is free again, not
        with the first row.
        """
        if not is_limited(self._spec.limits) or not wanted:
            return wanted
        at_s = now_s(connection)
        kept = connection.execute(
            sa.select(range_state.c.paused_until, range_state.c.paused_why).where(is_of(ticket))
        ).one()
        if kept.paused_until is not None and kept.paused_until > at_s:
            return Pause(kept.paused_until - at_s, kept.paused_why)
        uses = list(self._uses(connection, at_s))
        rows_of = _rows_of(connection, wanted)
        local = ZonedTime(at_s, self._spec.time_zone)
        found = pause(self._spec.limits, uses, local, rows=min(rows_of.values()))
        if found is not None:
            _keep(connection, ticket, at_s + found.for_s, found.why)
            return found
        if kept.paused_until is not None:
            _keep(connection, ticket, None, None)
        growth = self._growth(connection)
        return affordable(self._spec.limits, uses, rows_of, growth=growth)

    def rows_left(self, connection: Connection) -> int | None:
        """Return how many rows more may travel with a batch that was just claimed.

        None if there is no such budget. Negative when the others may take up so many of those that
        the batch has room for.
        """
        if self._spec.limits.rows_a_day_max is None:
            return None
        uses = list(self._uses(connection, now_s(connection)))
        left = rows_left(self._spec.limits, uses)
        return None if left is None else left - self._growth(connection)

    def _uses(self, connection: Connection, now_s: float) -> Iterator[Use]:
        """Yield what counts now: batches from their claim on, calls by the hour.

        A batch that was claimed may be closed at any moment, so its 24 hours have not begun.
        """
        limits = self._spec.limits
        if limits.rows_a_day_max is not None or limits.batches_a_day_max is not None:
            at = sa.func.coalesce(batch.c.uploaded_at, now_s).label("at")
            sent = IS_FLYING | batch.c.uploaded_at.is_not(None)
            batches = _of_loads(sa.select(batch.c.rows, at), batch).where(self.is_ours(), sent)
            for row in connection.execute(batches.where(at > now_s - DAY_S)):
                yield Use(row.at + DAY_S - now_s, rows=row.rows, batches=1)
        if limits.api_calls_a_day_max is not None:
            calls = _of_loads(sa.select(org_use.c.hour, org_use.c.api_calls), org_use)
            recent = org_use.c.hour > (now_s - DAY_S) / HOUR_S - 1
            for row in connection.execute(calls.where(self.is_ours(), recent)):
                yield Use((row.hour + 1) * HOUR_S + DAY_S - now_s, api_calls=row.api_calls)

    def _growth(self, connection: Connection) -> int:
        """Return how many rows may still be merged into batches that are being opened."""
        most = batch_rows_max(self._spec)
        query = _of_loads(sa.select(batch.c.rows), batch).where(
            self.is_ours(), batch.c.state == BatchState.OPENING.value, batch.c.rows < most
        )
        return sum(most - rows for rows in connection.execute(query).scalars())


def _of_loads(query: sa.Select[*tuple[Any, ...]], table: sa.Table) -> sa.Select[*tuple[Any, ...]]:
    return query.join(load, load.c.load_id == table.c.load_id)


def _keep(
    connection: Connection, ticket: RangeTicket, until_s: float | None, why: str | None
) -> None:
    connection.execute(
        range_state.update().where(is_of(ticket)).values(paused_until=until_s, paused_why=why)
    )


def _rows_of(connection: Connection, wanted: Sequence[str]) -> dict[str, int]:
    """Return the rows of each wanted batch, in the order in which they are wanted."""
    rows = connection.execute(
        sa.select(batch.c.batch_id, batch.c.rows).where(batch.c.batch_id.in_(wanted))
    )
    found: dict[str, int] = {row.batch_id: row.rows for row in rows}
    return {batch_id: found[batch_id] for batch_id in wanted}
