"""The facts of one load and of those before it, as a report tells them; nothing is changed here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.batch_states import BatchState
from dc_assets.core.durations import DAY_S
from dc_assets.core.lanes import LaneMap
from dc_assets.core.load_state import LoadState, RowCounts, sum_of
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.row_counts import row_counts
from dc_assets.ledger.tables import (
    batch,
    epoch_now,
    load,
    org_allowance,
    org_use,
    plan,
    range_state,
)
from dc_assets.views.load_states import load_of


@dataclass(frozen=True, slots=True)
class SentJob:
    """A batch whose rows the org took.

    Attributes:
        began_at: when its lane was taken, or when the org took the rows if that is not known.
        finished_at: None while it is in flight.
        is_settled: whether its results were read; False for one in flight, and for one whose
            results the org dropped.
        locked: rows that met a lock.
    """

    lane: int
    attempt: int
    rows: int
    began_at: float
    uploaded_at: float
    finished_at: float | None
    is_settled: bool
    landed: int
    retried: int
    locked: int

    @property
    def refused(self) -> int:
        """Rows that became dead letters."""
        return self.rows - self.landed - self.retried if self.is_settled else 0


@dataclass(frozen=True, slots=True)
class AllowanceSeen:
    """What the org said is left of its day; None where it does not say."""

    api_calls_left: int | None
    daily_batches_left: int | None
    asked_at: float


@dataclass(frozen=True, slots=True)
class PastLoad:
    """One load among those of its spec.

    Attributes:
        selected: rows of the partitions that were read.
        api_calls: None where nobody counted them.
    """

    load_id: str
    mode: str
    state: str
    opened_at: float
    finished_at: float | None
    selected: int
    landed: int
    refused: int
    jobs: int
    api_calls: int | None


class LoadHistory:
    """Questions about loads of any spec and org, by the id of the load."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @one_transaction
    def loads_named(self, spec_name: str | None, prefix: str, limit: int) -> Sequence[LoadState]:
        """Return loads whose id begins with a text, of one spec or of all, the newest first."""
        query = (
            sa.select(load, epoch_now().label("seen_at"))
            .where(load.c.load_id.startswith(prefix, autoescape=True))
            .order_by(load.c.opened_at.desc(), load.c.load_id)
            .limit(limit)
        )
        if spec_name is not None:
            query = query.where(load.c.spec_name == spec_name)
        with self._database.read() as connection:
            return [load_of(row) for row in connection.execute(query)]

    @one_transaction
    def jobs(self, load_id: str) -> Sequence[SentJob]:
        """Return the batches of a load whose rows the org took, in the order it took them."""
        began = sa.func.coalesce(batch.c.opening_at, batch.c.uploaded_at).label("began_at")
        columns = (
            *(batch.c.lane, batch.c.attempt, batch.c.rows, began, batch.c.uploaded_at),
            *(batch.c.finished_at, (batch.c.state == BatchState.SETTLED.value).label("is_settled")),
            *(batch.c.landed, batch.c.retried, batch.c.locked),
        )
        query = (
            sa.select(*columns)
            .where(batch.c.load_id == load_id, batch.c.uploaded_at.is_not(None))
            .order_by(batch.c.uploaded_at, batch.c.batch_id)
        )
        with self._database.read() as connection:
            return [SentJob(**row) for row in connection.execute(query).mappings()]

    @one_transaction
    def lanes(self, load_id: str) -> tuple[LaneMap, int] | None:
        """Return the lanes of a load and its window, if it was planned."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(plan).where(plan.c.load_id == load_id)).first()
        if row is None:
            return None
        return LaneMap.of_kept(row.lanes_shared, json.loads(row.hot_parents)), row.window_jobs

    @one_transaction
    def api_calls(self, load_id: str) -> Mapping[int, int]:
        """Return the API calls of a load by hour since 1970; empty where nobody counted them."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(org_use.c.hour, org_use.c.api_calls)
                .where(org_use.c.load_id == load_id)
                .order_by(org_use.c.hour)
            )
            return {row.hour: row.api_calls for row in rows}

    @one_transaction
    def allowance(self, org_id: str) -> AllowanceSeen | None:
        """Return what the org last said is left of its day."""
        with self._database.read() as connection:
            row = connection.execute(
                sa.select(org_allowance).where(org_allowance.c.org_id == org_id)
            ).first()
        if row is None:
            return None
        return AllowanceSeen(row.api_calls_left, row.daily_batches_left, row.asked_at)

    @one_transaction
    def jobs_of_a_day(self, org_id: str, until: float) -> int:
        """Count the jobs of all our loads in an org in the 24 hours before a moment."""
        with self._database.read() as connection:
            return connection.execute(
                sa.select(sa.func.count())
                .select_from(batch)
                .join(load, load.c.load_id == batch.c.load_id)
                .where(load.c.org_id == org_id)
                .where(batch.c.uploaded_at > until - DAY_S, batch.c.uploaded_at <= until)
            ).scalar_one()

    @one_transaction
    def past(self, newest: LoadState, limit: int) -> Sequence[PastLoad]:
        """Return a load and those of its spec and org before it, the newest first."""
        with self._database.read() as connection:
            loads = connection.execute(
                sa.select(load)
                .where(load.c.spec_name == newest.spec_name, load.c.org_id == newest.org_id)
                .where(load.c.opened_at <= newest.opened_at)
                .order_by(load.c.opened_at.desc())
                .limit(limit)
            ).all()
            ids = [row.load_id for row in loads]
            begun = connection.execute(
                sa.select(range_state).where(range_state.c.load_id.in_(ids))
            ).all()
            counts = row_counts(connection, begun)
            calls = _calls_by_load(connection, ids)
        return [_past(row, counts, calls) for row in loads]


def _past(
    row: Row[Any], counts: Mapping[tuple[str, str], RowCounts], calls: Mapping[str, int]
) -> PastLoad:
    rows = sum_of(rows for (load_id, _), rows in counts.items() if load_id == row.load_id)
    return PastLoad(
        load_id=row.load_id,
        mode=row.mode,
        state=row.state,
        opened_at=row.opened_at,
        finished_at=row.finished_at,
        selected=rows.selected or 0,
        landed=rows.landed,
        refused=rows.refused,
        jobs=rows.jobs,
        api_calls=calls.get(row.load_id),
    )


def _calls_by_load(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    rows = connection.execute(
        sa.select(org_use.c.load_id, sa.func.sum(org_use.c.api_calls).label("total"))
        .where(org_use.c.load_id.in_(ids))
        .group_by(org_use.c.load_id)
    )
    return {row.load_id: int(row.total or 0) for row in rows}
