"""The questions of one look at a load; each is answered by an index over its batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import IN_FLIGHT, BatchState
from dc_assets.core.pace import PastJob
from dc_assets.ledger.tables import batch, epoch_now, load, plan, range_state

LATELY_S = 300.0
"""Rows a second are told of so long, or since the first job if that is less."""

REMEMBERED_JOBS = 40

_FLYING = [state.value for state in IN_FLIGHT]
_SETTLED, _PLANNED = BatchState.SETTLED.value, BatchState.PLANNED.value


def loads() -> sa.Select[*tuple[Any, ...]]:
    """Select loads with their plans: one that a run is working on first, else the newest."""
    return (
        sa.select(
            load,
            plan.c.rows.label("plan_rows"),
            plan.c.window_jobs,
            plan.c.made_at,
            epoch_now().label("now"),
        )
        .join(range_state, range_state.c.load_id == load.c.load_id)
        .outerjoin(plan, plan.c.load_id == load.c.load_id)
        .order_by(
            sa.case((range_state.c.lease_until > epoch_now(), 0), else_=1),
            load.c.opened_at.desc(),
        )
    )


def ranges_of(load_id: str) -> sa.Select[*tuple[Any, ...]]:
    """Select the partitions of a load, and whether each is leased."""
    return (
        sa.select(range_state, (range_state.c.lease_until > epoch_now()).label("leased"))
        .where(range_state.c.load_id == load_id)
        .order_by(range_state.c.partition_key)
    )


def lanes_of(load_id: str, now: float) -> sa.Select[*tuple[Any, ...]]:
    """Sum up the batches of a load by partition and lane."""
    state = batch.c.state
    done = batch.c.rows - batch.c.retried
    is_late = (state == _SETTLED) & (batch.c.finished_at > now - LATELY_S)

    return (
        sa.select(
            batch.c.partition_key,
            batch.c.lane,
            _total(state == _PLANNED, batch.c.rows).label("waiting"),
            _total(state == _PLANNED, sa.literal(1)).label("batches"),
            _total(state == _SETTLED, batch.c.rows).label("sent"),
            _total(state == _SETTLED, done).label("done"),
            _total(state.in_(_FLYING), sa.literal(1)).label("in_flight"),
            _total(is_late, done).label("done_lately"),
            sa.func.sum(batch.c.landed).label("landed"),
            sa.func.sum(batch.c.locked).label("locked"),
            sa.func.sum(batch.c.retried).label("retried"),
            sa.func.max(batch.c.rows).label("batch_rows"),
            sa.func.min(batch.c.opening_at).label("first_at"),
            sa.func.max(batch.c.finished_at).label("last_at"),
            sa.func.min(sa.case((state == _PLANNED, batch.c.ready_at))).label("ready_at"),
            sa.func.min(sa.case((batch.c.attempt == 1, batch.c.ready_at))).label("read_at"),
        )
        .where(batch.c.load_id == load_id)
        .group_by(batch.c.partition_key, batch.c.lane)
        .order_by(batch.c.partition_key, batch.c.lane)
    )


def flights_of(load_id: str) -> sa.Select[*tuple[Any, ...]]:
    """Select the jobs of a load that are in flight."""
    return (
        sa.select(batch.c.partition_key, batch.c.lane, batch.c.rows, batch.c.opening_at)
        .where(batch.c.load_id == load_id, batch.c.state.in_(_FLYING))
        .order_by(batch.c.batch_id)
    )


@dataclass(frozen=True, slots=True)
class LastJobs:
    """The last settled jobs of a load, in seconds of the ledger's clock.

    Attributes:
        rate: how many times faster than the ledger's clock policy time goes; 1 in a real org.
    """

    jobs: Sequence[PastJob] = ()
    rate: float = 1.0


def last_jobs(connection: Connection, load_id: str) -> LastJobs:
    """Return the last settled jobs of a load.

    No job of ours was settled before it ended: that shows a clock of the org that goes faster.
    """
    rows = connection.execute(
        sa.select(
            batch.c.rows,
            batch.c.active_s,
            batch.c.total_s,
            batch.c.finished_at,
            (batch.c.finished_at - batch.c.opening_at).label("seconds"),
            (batch.c.finished_at - batch.c.uploaded_at).label("in_org_s"),
        )
        .where(batch.c.load_id == load_id, batch.c.state == _SETTLED)
        .where(batch.c.opening_at.is_not(None))
        .order_by(batch.c.finished_at.desc())
        .limit(REMEMBERED_JOBS)
    ).all()
    rates = [row.total_s / row.in_org_s for row in rows if row.total_s and row.in_org_s]
    rate = max([1.0, *rates])
    jobs = [
        PastJob(
            row.rows,
            float(row.seconds),
            row.active_s / rate if row.active_s else None,
            row.finished_at,
        )
        for row in rows
    ]
    return LastJobs(jobs, rate)


def _total(
    condition: sa.ColumnElement[bool], value: sa.ColumnElement[int]
) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, value), else_=0))
