"""Questions about batches in the ledger database, and how a batch is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.engine import Row

from dc_assets.core.batch_states import BatchState
from dc_assets.core.durations import DAY_S
from dc_assets.core.load_state import RowCounts, sum_of
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.owners import Owner, living_owner
from dc_assets.ledger.row_counts import row_counts
from dc_assets.ledger.rows_again import replayed, settled_keys
from dc_assets.ledger.spec_records import IS_FLYING, SpecRecords
from dc_assets.ledger.tables import batch, epoch_now, load, range_state
from dc_assets.load.store import BatchRecord, JobFigures, RangeTicket


class BatchQueries(SpecRecords):
    """Questions about the batches of one spec in one org."""

    @one_transaction
    def last_jobs(self, count: int) -> Sequence[JobFigures]:
        """Return what the org told of our last settled jobs, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(batch)
                .join(load, load.c.load_id == batch.c.load_id)
                .where(
                    self.is_ours(), batch.c.state == BatchState.SETTLED.value, batch.c.total_s > 0
                )
                .order_by(batch.c.finished_at.desc())
                .limit(count)
            ).all()
        return [
            JobFigures(row.rows, row.active_s, row.total_s, row.ended_at) for row in reversed(rows)
        ]

    @one_transaction
    def settled_keys(self, ticket: RangeTicket) -> pl.Series:
        """Return the external ids of a partition's rows that landed or were refused."""
        with self._database.read() as connection:
            return settled_keys(connection, ticket)

    @one_transaction
    def replayed(self, ticket: RangeTicket) -> Sequence[str]:
        """Return the external ids that a replay was planned for; none for other loads."""
        with self._database.read() as connection:
            return replayed(connection, ticket)

    @one_transaction
    def record(self, batch_id: str) -> BatchRecord:
        """Return one batch as the ledger knows it now."""
        with self._database.begin() as connection:
            return as_record(
                connection.execute(records().where(batch.c.batch_id == batch_id)).one()
            )

    @one_transaction
    def opening(self) -> AbstractSet[str]:
        """Return the batches of this org whose create call may be under way in a live run.

        The call of a batch that was adopted is over: its ``opening_at`` is null.
        """
        with self._database.begin() as connection:
            rows = connection.execute(
                held_records()
                .join(load, load.c.load_id == batch.c.load_id)
                .where(load.c.org_id == self._org_id)
                .where(batch.c.state == BatchState.OPENING.value)
                .where(batch.c.opening_at.is_not(None))
            ).all()
        return {row.batch_id for row in rows if not is_orphan(row)}

    @one_transaction
    def others_in_flight(self, ticket: RangeTicket) -> Sequence[str]:
        """Return who drives batches in flight in this org, besides the run of a partition."""
        with self._database.read() as connection:
            rows = connection.execute(
                held_records()
                .add_columns(load.c.spec_name, batch.c.holder_load, batch.c.holder_key)
                .join(load, load.c.load_id == batch.c.holder_load)
                .where(load.c.org_id == self._org_id, IS_FLYING)
            ).all()
        own = (ticket.load_id, ticket.partition_key)
        counts = Counter(
            (row.spec_name, row.holder_key, Owner.from_text(row.owner).run_id if row.owner else "")
            for row in rows
            if (row.holder_load, row.holder_key) != own
        )
        return [
            f"{spec_name} {key}, run {run_id:.8}, {number} {'batch' if number == 1 else 'batches'}"
            for (spec_name, key, run_id), number in sorted(counts.items())
        ]

    @one_transaction
    def free_in_s(self) -> float | None:
        """Return when the oldest of our batches of the last 24 hours stops counting, if any."""
        with self._database.begin() as connection:
            return connection.execute(
                sa.select(sa.func.min(batch.c.uploaded_at) + DAY_S - epoch_now())
                .join(load, load.c.load_id == batch.c.load_id)
                .where(load.c.org_id == self._org_id)
                .where(batch.c.uploaded_at > epoch_now() - DAY_S)
            ).scalar()

    @one_transaction
    def unknown_jobs(self, job_ids: Sequence[str]) -> Sequence[str]:
        """Return those of the listed jobs that no batch of any load has."""
        with self._database.begin() as connection:
            known = set(
                connection.execute(
                    sa.select(batch.c.job_id).where(batch.c.job_id.in_(job_ids))
                ).scalars()
            )
        return [job_id for job_id in job_ids if job_id not in known]

    @one_transaction
    def totals(self, load_id: str, partition_key: str | None = None) -> RowCounts:
        """Return the row counts of a partition, or of all that were begun in the load."""
        begun = sa.select(range_state).where(range_state.c.load_id == load_id)
        if partition_key is not None:
            begun = begun.where(range_state.c.partition_key == partition_key)
        with self._database.read() as connection:
            counts = row_counts(connection, connection.execute(begun).all())
        return sum_of(counts.values()) if partition_key is None else counts[load_id, partition_key]


def is_orphan(row: Row[Any]) -> bool:
    """A batch whose holder was succeeded, released its partition, or is dead or silent."""
    return row.holder_fence != row.fence or living_owner(row) is None


_RECORDED = (
    "batch_id",
    "load_id",
    "partition_key",
    "lane",
    "attempt",
    "rows",
    "state",
    "job_id",
    "waits",
)


def records(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select what a batch record holds, and more columns."""
    ready_in_s = (batch.c.ready_at - epoch_now()).label("ready_in_s")
    return sa.select(*(batch.c[name] for name in _RECORDED), ready_in_s, *more)


def held_records() -> sa.Select[Any]:
    """Select batches with the present holder of the partition whose run drives them."""
    holder = range_state.alias("holder")
    return records(
        batch.c.holder_fence,
        holder.c.fence,
        holder.c.owner,
        (holder.c.lease_until > epoch_now()).label("is_leased"),
    ).join(
        holder,
        (holder.c.load_id == batch.c.holder_load) & (holder.c.partition_key == batch.c.holder_key),
    )


def as_record(row: Row[Any]) -> BatchRecord:
    """Return a selected row as a batch record; a ready time that is over is 0."""
    return BatchRecord(
        batch_id=row.batch_id,
        load_id=row.load_id,
        partition_key=row.partition_key,
        lane=row.lane,
        attempt=row.attempt,
        rows=row.rows,
        state=BatchState(row.state),
        job_id=row.job_id,
        ready_in_s=max(0.0, row.ready_in_s),
        waits=bool(row.waits),
    )
