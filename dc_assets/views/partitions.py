"""What the ledger tells people and checks: the newest state of every partition."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import BatchState
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import batch, dead_letter, load, range_state
from dc_assets.views.load_states import LoadStates
from dc_assets.views.progress import LedgerProgress


@dataclass(frozen=True, slots=True)
class Refusal:
    """A dead letter as people read it."""

    partition_key: str
    external_id: str
    code: str
    message: str
    fields: str = ""
    row_json: str = ""


class LedgerViews(SpecRecords):
    """Read-only views of one spec, in one org or, without an org id, in whatever org it was."""

    @property
    def database(self) -> Database:
        """The ledger that is looked at."""
        return self._database

    @property
    def states(self) -> LoadStates:
        """How loads and partitions stand."""
        return LoadStates(self._database, self._spec_name, self._org_id)

    @property
    def progress(self) -> LedgerProgress:
        """What tells how far the running load is."""
        return LedgerProgress(self._database, self.states)

    @one_transaction
    def dead_letters(self, partition_key: str) -> Sequence[tuple[str, float]]:
        """Return external id and time of the dead letters since the last full load began."""
        with self._database.read() as connection:
            began = connection.execute(
                self._loads(sa.func.max(load.c.opened_at), partition_key).where(
                    load.c.mode == "full"
                )
            ).scalar()
            rows = connection.execute(
                sa.select(dead_letter.c.external_id, dead_letter.c.refused_at)
                .join(load, load.c.load_id == dead_letter.c.load_id)
                .where(dead_letter.c.partition_key == partition_key)
                .where(dead_letter.c.load_id.in_(self._loads(load.c.load_id, partition_key)))
                .where(load.c.opened_at >= (began or 0.0), load.c.mode != "restore")
            )
            return [(row.external_id, row.refused_at) for row in rows]

    @one_transaction
    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        query = (
            sa.select(range_state.c.partition_key, range_state.c.selected)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.mode == "full", range_state.c.selected.is_not(None))
            .order_by(load.c.opened_at)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.where(self.is_ours()))
            return {row.partition_key: int(row.selected) for row in rows}

    @one_transaction
    def receipts(self, after: float = 0.0) -> Sequence[tuple[str, float]]:
        """Return batch id and time of the receipts of the spec that are newer than a moment."""
        with self._database.read() as connection:
            rows = connection.execute(
                self._batches(batch.c.batch_id, batch.c.finished_at)
                .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
                .where(batch.c.finished_at > after)
                .order_by(batch.c.finished_at)
            )
            return [(row.batch_id, row.finished_at) for row in rows]

    @one_transaction
    def settled_at(self, partition_key: str | None = None) -> float:
        """Return when a batch of a partition, or of any, was settled last; 0 if none was."""
        query = self._batches(sa.func.max(batch.c.finished_at))
        if partition_key is not None:
            query = query.where(batch.c.partition_key == partition_key)
        with self._database.read() as connection:
            return float(connection.execute(query).scalar() or 0.0)

    def _loads(
        self, column: sa.ColumnElement[Any], partition_key: str
    ) -> sa.Select[*tuple[Any, ...]]:
        """Select a column of the loads that touched a partition."""
        query = (
            sa.select(column)
            .select_from(range_state)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(range_state.c.partition_key == partition_key)
        )
        return query.where(self.is_ours())

    def _batches(self, *columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        query = sa.select(*columns).select_from(batch)
        return query.join(load, load.c.load_id == batch.c.load_id).where(self.is_ours())

    @one_transaction
    def refusals(self, limit: int, keys: Container[str] | None = None) -> Sequence[Refusal]:
        """Return dead letters of the newest loads, by partition and external id.

        ``keys`` are the partitions that are meant; None for all.
        """
        with self._database.read() as connection:
            loads = self._newest(connection).items()
            newest = [(load_id, key) for key, load_id in loads if keys is None or key in keys]
            rows = connection.execute(
                sa.select(dead_letter)
                .where(sa.tuple_(dead_letter.c.load_id, dead_letter.c.partition_key).in_(newest))
                .order_by(dead_letter.c.partition_key, dead_letter.c.external_id)
                .limit(limit)
            )
            return [
                Refusal(r.partition_key, r.external_id, r.code, r.message, r.fields, r.row_json)
                for r in rows
            ]

    def _newest(self, connection: Connection) -> dict[str, str]:
        """Return the newest load of each partition key."""
        query = (
            sa.select(range_state.c.partition_key, range_state.c.load_id)
            .join(load, load.c.load_id == range_state.c.load_id)
            .order_by(load.c.opened_at)
        )
        rows = connection.execute(query.where(self.is_ours()))
        return {row.partition_key: row.load_id for row in rows}
