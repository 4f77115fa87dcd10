"""What questions to the ledger have in common: whose loads they mean, and which partition."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import IN_FLIGHT, TRANSITIONS
from dc_assets.core.errors import LedgerConflict
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import batch, epoch_now, load, range_state
from dc_assets.load.store import RangeTicket

IS_FLYING = batch.c.state.in_([state.value for state in IN_FLIGHT])
"""A batch between create and settle."""

IS_UNSETTLED = batch.c.state.in_([one.value for one, following in TRANSITIONS.items() if following])
"""A batch whose state is not final."""

IS_LEASED = (range_state.c.lease_until > epoch_now()).label("is_leased")
"""A partition whose owner spoke lately; it may be known to be dead all the same."""


class SpecRecords:
    """What the ledger has of one spec, in one org or, without an org id, in whatever org it was."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        self._database = database
        self._spec_name = spec_name
        self._org_id = org_id

    def now_s(self) -> float:
        """Return the time by the ledger's clock, which dates all that it has."""
        return self._database.time_s()

    def is_ours(self, table: sa.FromClause = load) -> sa.ColumnElement[bool]:
        """Return the condition that a line of a table is of the spec and the org."""
        return is_of_spec(self._spec_name, self._org_id, table)


def is_of_spec(
    spec_name: str, org_id: str | None, table: sa.FromClause = load
) -> sa.ColumnElement[bool]:
    """Return the condition that a line of a table is of a spec, and of an org unless it is None."""
    is_its = table.c.spec_name == spec_name
    return is_its if org_id is None else is_its & (table.c.org_id == org_id)


def is_of(ticket: RangeTicket) -> sa.ColumnElement[bool]:
    """Return the condition that a line of `range_state` is the partition of a ticket."""
    return is_range(ticket.load_id, ticket.partition_key)


def is_range(load_id: str, partition_key: str) -> sa.ColumnElement[bool]:
    """Return the condition that a line of `range_state` is a partition of a load."""
    return (range_state.c.load_id == load_id) & (range_state.c.partition_key == partition_key)


_FENCE = (
    sa.select(range_state.c.fence)
    .where(range_state.c.load_id == sa.bindparam("of_load"))
    .where(range_state.c.partition_key == sa.bindparam("of_key"))
    .with_for_update()
)


def check_fence(connection: Connection, ticket: RangeTicket) -> None:
    """Let nobody write for a partition that another run took over; lock it till the end.

    Raises:
        LedgerConflict: it was taken over.
    """
    place = {"of_load": ticket.load_id, "of_key": ticket.partition_key}
    if connection.execute(_FENCE, place).scalar() != ticket.fence:
        raise taken_over(ticket)


def taken_over(ticket: RangeTicket) -> LedgerConflict:
    """Return the error of a run whose partition is another's by now."""
    return LedgerConflict(
        f"Partition {ticket.partition_key} was taken over by another run; this one stops."
    )
