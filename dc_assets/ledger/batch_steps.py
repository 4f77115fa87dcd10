"""The steps of one batch as statements that are built once: each acts for its holder alone.

To build and hash a statement takes SQLAlchemy longer than SQLite needs to carry it out, and a load
takes these steps for every job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from dc_assets.core.batch_states import TRANSITIONS, BatchState
from dc_assets.core.errors import LedgerConflict
from dc_assets.ledger.tables import batch, epoch_now, receipt
from dc_assets.load.store import RangeTicket


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a batch, and the statement that makes it if its state allows it."""

    to: BatchState
    statement: sa.Update


_HOLDER = ("holder_load", "holder_key", "holder_fence")
_IS_HELD = sa.and_(*(batch.c[name] == sa.bindparam(f"by_{name}") for name in _HOLDER))
_OF_BATCH = sa.select(batch).where(batch.c.batch_id == sa.bindparam("of_batch")).with_for_update()


def _step(to: BatchState, *given: str, is_held: bool = False, now: str | None = None) -> Step:
    """Build a step to a state: what it is given, what is set to now, and who may take it."""
    allowed = [before.value for before, following in TRANSITIONS.items() if to in following]
    may = (batch.c.batch_id == sa.bindparam("of_batch")) & batch.c.state.in_(allowed)
    values = {name: sa.bindparam(f"new_{name}", type_=batch.c[name].type) for name in given}
    times = {} if now is None else {now: epoch_now()}
    statement = batch.update().where(may & _IS_HELD if is_held else may)
    return Step(to, statement.values(state=to.value, **times, **values))


CLAIMED = _step(BatchState.OPENING, "lane_scope", *_HOLDER, now="opening_at")
OPENED = _step(BatchState.OPEN, "job_id", is_held=True)
UPLOADED = _step(BatchState.UPLOADED, is_held=True, now="uploaded_at")
SETTLED = _step(
    BatchState.SETTLED,
    *("landed", "retried", "locked", "ended_at", "active_s", "total_s"),
    is_held=True,
    now="finished_at",
)
ABANDONED = _step(BatchState.ABANDONED, now="finished_at")
ADD_RECEIPT = receipt.insert()


def holder(ticket: RangeTicket) -> dict[str, Any]:
    """Return who drives a batch, by column."""
    return dict(zip(_HOLDER, (ticket.load_id, ticket.partition_key, ticket.fence), strict=True))


def held(connection: Connection, ticket: RangeTicket, batch_id: str) -> Row[Any]:
    """Return a batch, locked until the transaction ends.

    Raises:
        LedgerConflict: another run drives it.
    """
    row = connection.execute(_OF_BATCH, {"of_batch": batch_id}).one()
    if (row.holder_load, row.holder_key, row.holder_fence) != tuple(holder(ticket).values()):
        raise LedgerConflict(f"Batch {batch_id} was taken over by another run; this one stops.")
    return row


def take(
    connection: Connection,
    step: Step,
    batch_id: str,
    ticket: RangeTicket | None = None,
    **given: object,
) -> None:
    """Take one step of a batch; with a ticket one that only its holder may take.

    Raises:
        LedgerConflict: another run drives it, its state allows no such step, or its lane is taken.
    """
    values = {"of_batch": batch_id, **{f"new_{name}": value for name, value in given.items()}}
    if ticket is not None:
        values |= {f"by_{name}": value for name, value in holder(ticket).items()}
    try:
        result = connection.execute(step.statement, values)
    except IntegrityError as error:
        raise LedgerConflict(f"The lane of batch {batch_id} is in flight already.") from error
    if result.rowcount != 1:
        if ticket is not None:
            held(connection, ticket, batch_id)
        raise LedgerConflict(f"Batch {batch_id} cannot become {step.to.value}: it is elsewhere.")
