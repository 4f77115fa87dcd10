"""What the loads of a spec used in 24 hours, and whether a claim has to wait for that.

The database's clock decides, in the time zone of the spec: all hosts agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets.core.circuit_breaker import DAY_S
from dc_assets.core.pauses import (
    Pause,
    Use,
    affordable,
    batch_rows_max,
    is_limited,
    pause,
    rows_left,
)
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.tables import batch, epoch_now, load, org_use, range_state
from dc_assets.load.store import RangeTicket

HOUR_S = 3_600
_IN_FLIGHT = [state.value for state in IN_FLIGHT]


class ZonedTime:
    """A moment in a time zone."""

    def __init__(self, now_s: float, zone: str) -> None:
        self.zone = zone
        self._now_s = now_s
        self._zone = ZoneInfo(zone)
        self._today = datetime.fromtimestamp(now_s, self._zone).date()

    def until_s(self, day: int, minute: int) -> float:
        """Return the seconds from now until a minute of a local day; day 0 is today."""
        clock = time(*divmod(minute, 60))
        then = datetime.combine(self._today + timedelta(days=day), clock, tzinfo=self._zone)
        return then.timestamp() - self._now_s

    def shown(self, in_s: float) -> str:
        """Return what clocks show so many seconds from now, to the nearest minute."""
        then = datetime.fromtimestamp(self._now_s + in_s + 30, self._zone)
        days = (then.date() - self._today).days
        when = "" if days == 0 else " tomorrow" if days == 1 else f" on {then:%Y-%m-%d}"
        return f"{then:%H:%M}{when}"


class Budgets:
    """The budgets and hours of one spec in one org, asked in the transaction of a claim."""

    def __init__(self, spec: LoadSpec, org_id: str) -> None:
        self._spec = spec
        self._org_id = org_id

    def affordable(
        self, connection: Connection, ticket: RangeTicket, wanted: Sequence[str]
    ) -> Sequence[str] | Pause:
        """Return the wanted batches that may be sent now, or the pause of the partition.

        A pause is kept until it is over: it ends when a good part of a budget is free again, not
        with the first row.
        """
        if not is_limited(self._spec.limits) or not wanted:
            return wanted
        now_s = _now_s(connection)
        kept = connection.execute(
            sa.select(range_state.c.paused_until, range_state.c.paused_why).where(_is_of(ticket))
        ).one()
        if kept.paused_until is not None and kept.paused_until > now_s:
            return Pause(kept.paused_until - now_s, kept.paused_why)
        uses = list(self._uses(connection, now_s))
        rows_of = _rows_of(connection, wanted)
        local = ZonedTime(now_s, self._spec.time_zone)
        found = pause(self._spec.limits, uses, local, rows=min(rows_of.values()))
        if found is not None:
            _keep(connection, ticket, now_s + found.for_s, found.why)
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
        uses = list(self._uses(connection, _now_s(connection)))
        left = rows_left(self._spec.limits, uses)
        return None if left is None else left - self._growth(connection)

    def _uses(self, connection: Connection, now_s: float) -> Iterator[Use]:
        """Yield what counts now: batches from their claim on, calls by the hour.

        A batch that was claimed may be closed at any moment, so its 24 hours have not begun.
        """
        limits = self._spec.limits
        if limits.rows_a_day_max is not None or limits.batches_a_day_max is not None:
            at = sa.func.coalesce(batch.c.uploaded_at, now_s).label("at")
            sent = batch.c.state.in_(_IN_FLIGHT) | batch.c.uploaded_at.is_not(None)
            batches = self._of_spec(sa.select(batch.c.rows, at), batch.c.load_id)
            for row in connection.execute(batches.where(sent, at > now_s - DAY_S)):
                yield Use(row.at + DAY_S - now_s, rows=row.rows, batches=1)
        if limits.api_calls_a_day_max is not None:
            calls = self._of_spec(sa.select(org_use.c.hour, org_use.c.api_calls), org_use.c.load_id)
            oldest = (now_s - DAY_S) / HOUR_S - 1
            for row in connection.execute(calls.where(org_use.c.hour > oldest)):
                yield Use((row.hour + 1) * HOUR_S + DAY_S - now_s, api_calls=row.api_calls)

    def _growth(self, connection: Connection) -> int:
        """Return how many rows may still be merged into batches that are being opened."""
        most = batch_rows_max(self._spec)
        query = sa.select(batch.c.rows).where(
            batch.c.state == BatchState.OPENING.value, batch.c.rows < most
        )
        opening = connection.execute(self._of_spec(query, batch.c.load_id)).scalars()
        return sum(most - rows for rows in opening)

    def _of_spec(
        self, query: sa.Select[*tuple[Any, ...]], load_id: sa.Column[str]
    ) -> sa.Select[*tuple[Any, ...]]:
        joined = query.join(load, load.c.load_id == load_id)
        return joined.where(load.c.org_id == self._org_id, load.c.spec_name == self._spec.name)


def _now_s(connection: Connection) -> float:
    return float(connection.execute(sa.select(epoch_now())).scalar_one())


def _is_of(ticket: RangeTicket) -> sa.ColumnElement[bool]:
    return (range_state.c.load_id == ticket.load_id) & (
        range_state.c.partition_key == ticket.partition_key
    )


def _keep(
    connection: Connection, ticket: RangeTicket, until_s: float | None, why: str | None
) -> None:
    connection.execute(
        range_state.update().where(_is_of(ticket)).values(paused_until=until_s, paused_why=why)
    )


def _rows_of(connection: Connection, wanted: Sequence[str]) -> dict[str, int]:
    """Return the rows of each wanted batch, in the order in which they are wanted."""
    rows = connection.execute(
        sa.select(batch.c.batch_id, batch.c.rows).where(batch.c.batch_id.in_(wanted))
    )
    found: dict[str, int] = {row.batch_id: row.rows for row in rows}
    return {batch_id: found[batch_id] for batch_id in wanted}
