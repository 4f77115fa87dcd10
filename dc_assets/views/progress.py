"""How far a load is: its state now, the speed of the last minutes, and the time that is left.

A look is six statements of one read transaction, so that it may be taken every two seconds. Why the
time left is rows left by rows a second: `docs/adr/0024-time-left.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.batch_states import BatchState
from dc_assets.core.load_state import LoadState, PartitionState, RowCounts
from dc_assets.core.phases import Phase
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import (
    batch,
    epoch_now,
    load,
    org_allowance,
    plan,
    range_state,
)
from dc_assets.views.load_states import LoadStates, load_of

LATELY_S = 300.0
"""Rows a second are those of so long, or since the first job if that is less."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A load at one moment.

    Attributes:
        load: the load that is running, else the newest; None before any.
        rows: of all partitions that take part; None while that is not known.
        done_lately: rows that had their outcome in the last ``lately_s``, by partition.
        api_calls_left: of the org's day; None while nobody has asked.
        starts_later: whether a partition is launched at a later time.
        checking: partitions that are sent and not checked; none while another one reads or sends.
    """

    load: LoadState | None = None
    rows: int | None = None
    lately_s: float = 0.0
    done_lately: Mapping[str, int] = field(default_factory=dict[str, int])
    api_calls_left: int | None = None
    starts_later: bool = False
    checking: Sequence[str] = ()

    @property
    def counts(self) -> RowCounts:
        """What became of the rows of all partitions."""
        return RowCounts(selected=0) if self.load is None else self.load.rows

    @property
    def paused_why(self) -> str | None:
        """The sentence of a pause that a partition is in; a budget or hours pause all of them."""
        partitions = self.load.partitions.values() if self.load is not None else ()
        return next((one.paused_why for one in partitions if one.paused_why is not None), None)

    def rows_per_s(self, key: str | None = None) -> float:
        """Return the speed of a partition, or of the whole, in the last minutes."""
        done = sum(self.done_lately.values()) if key is None else self.done_lately.get(key, 0)
        return done / self.lately_s if self.lately_s > 0 else 0.0

    def seconds_left(self, key: str | None = None) -> float | None:
        """Return the rows left by the rows a second, of a partition or of the whole.

        None while nothing moves, nobody is running, a pause lasts, or partitions are launched
        later.
        """
        speed = self.rows_per_s(key)
        if self.load is None or not self.load.is_running or not speed or self.paused_why:
            return None
        if key is not None:
            return self.load.partitions[key].rows.pending / speed
        if self.rows is None or self.starts_later:
            return None
        return max(0, self.rows - self.counts.done) / speed


@dataclass(frozen=True, slots=True)
class JobBar:
    """A job as a picture shows it; moments are seconds since 1970.

    Attributes:
        ended_at: None in flight.
        locked: rows that met a lock.
        retried: rows that had to be sent again.
    """

    lane: int
    attempt: int
    rows: int
    began_at: float
    ended_at: float | None = None
    locked: int = 0
    retried: int = 0


class LedgerProgress:
    """Looks at the loads of one spec, in one org or, without an org id, in whatever org."""

    def __init__(self, database: Database, states: LoadStates) -> None:
        self._database = database
        self._states = states

    @one_transaction
    def look(
        self,
        keys: Sequence[str],
        *,
        were_launched: bool = False,
        starts_in_s: Mapping[str, float] | None = None,
    ) -> Snapshot:
        """Return how far the running load is, else the newest one.

        Args:
            keys: partitions that are looked at; others do not count.
            were_launched: all of them take part, even if an older load has done one of them.
                Without, those of the load and those that no load has begun do.
            starts_in_s: when some of them are launched.
        """
        with self._database.read() as connection:
            row = connection.execute(_running_first().where(self._states.is_ours())).first()
            if row is None:
                return Snapshot()
            begun = self._states.partitions(connection, row.load_id)
            lately = connection.execute(_lately(row.load_id)).all()
            ever = set(connection.execute(self._ever_begun()).scalars())
        partitions = {key: one for key, one in begun.items() if key in keys}
        known = begun.keys() if were_launched else begun.keys() | ever
        to_come = [key for key in keys if key not in known]
        all_done = all(one.is_done for one in partitions.values())
        since = min((one.first_at for one in lately if one.first_at is not None), default=None)
        return Snapshot(
            load=replace(load_of(row), partitions=partitions),
            rows=_rows_in_all(row, list(partitions.values()), len(to_come)),
            lately_s=0.0 if since is None else max(0.0, min(LATELY_S, row.seen_at - since)),
            done_lately={
                one.partition_key: int(one.done)
                for one in lately
                if one.partition_key in partitions
            },
            api_calls_left=row.api_calls_left,
            starts_later=bool(starts_in_s),
            checking=[k for k, one in partitions.items() if one.phase == Phase.SENT and all_done],
        )

    @one_transaction
    def jobs(self, load_id: str, partition_key: str) -> Sequence[JobBar]:
        """Return the jobs of a partition that the org has seen, the earliest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(batch)
                .where(batch.c.load_id == load_id, batch.c.partition_key == partition_key)
                .where(batch.c.opening_at.is_not(None), batch.c.job_id.is_not(None))
                .order_by(batch.c.opening_at, batch.c.batch_id)
            )
            return [
                JobBar(
                    *(r.lane, r.attempt, r.rows, r.opening_at, r.finished_at, r.locked, r.retried)
                )
                for r in rows
            ]

    def _ever_begun(self) -> sa.Select[*tuple[Any, ...]]:
        """Select the partitions that any load was about."""
        begun = sa.select(range_state.c.partition_key).join(load).distinct()
        return begun.where(self._states.is_ours())


def _running_first() -> sa.Select[*tuple[Any, ...]]:
    """Select a load with its plan: one that a run is working on first, else the newest."""
    return (
        sa.select(
            load,
            plan.c.rows.label("plan_rows"),
            org_allowance.c.api_calls_left,
            epoch_now().label("seen_at"),
        )
        .join(range_state, range_state.c.load_id == load.c.load_id)
        .outerjoin(plan, plan.c.load_id == load.c.load_id)
        .outerjoin(org_allowance, org_allowance.c.org_id == load.c.org_id)
        .order_by(
            sa.case((range_state.c.lease_until > epoch_now(), 0), else_=1),
            load.c.opened_at.desc(),
        )
        .limit(1)
    )


def _lately(load_id: str) -> sa.Select[*tuple[Any, ...]]:
    """Add up what became of rows lately, by partition."""
    is_late = (batch.c.state == BatchState.SETTLED.value) & (
        batch.c.finished_at > epoch_now() - LATELY_S
    )
    done = sa.case((is_late, batch.c.rows - batch.c.retried), else_=0)
    return (
        sa.select(
            batch.c.partition_key,
            sa.func.sum(done).label("done"),
            sa.func.min(batch.c.opening_at).label("first_at"),
        )
        .where(batch.c.load_id == load_id)
        .group_by(batch.c.partition_key)
    )


def _rows_in_all(row: Row[Any], begun: Sequence[PartitionState], to_come: int) -> int | None:
    """Return the rows of all partitions that take part; unread ones count as the plan expects."""
    read = [one.rows.selected for one in begun if one.rows.selected is not None]
    unread = len(begun) - len(read) + to_come
    if not unread:
        return sum(read)
    partitions = _partitions_of(row.spec_json) or len(begun) + to_come
    if row.mode == "full" and row.plan_rows is not None and partitions > len(read):
        expected = max(0.0, (row.plan_rows - sum(read)) / (partitions - len(read)))
        return sum(read) + round(unread * expected)
    return sum(read) + round(unread * fmean(read)) if read else None


def _partitions_of(spec_json: str | None) -> int | None:
    """Return how many partitions the spec of a load has; None for a load of an older version."""
    if spec_json is None:
        return None
    return len(json.loads(spec_json)["partitions"]["upper_bounds"]) + 1
