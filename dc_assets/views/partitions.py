"""What the ledger tells people and checks: the newest state of every partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.batch_states import IN_FLIGHT
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import batch, dead_letter, epoch_now, load, range_state
from dc_assets.views.progress import LedgerProgress


@dataclass(frozen=True, slots=True)
class RangeStatus:
    """One partition in the newest load that touched it.

    Attributes:
        phase: new (reading), writing or done.
        selected: rows of the range; None until they are read.
        in_flight: jobs between create and settle.
        is_held: whether a live run is working on it.
        seconds: from its first start until its end, or until now.
        paused_until: seconds since 1970 until which its run sends nothing by itself; None when it
            is not paused.
        paused_why: the sentence of the pause.
    """

    partition_key: str
    load_id: str
    mode: str
    phase: str
    selected: int | None
    landed: int
    refused: int
    in_flight: int
    is_held: bool
    seconds: float
    paused_until: float | None = None
    paused_why: str | None = None

    @property
    def pending(self) -> int:
        """Rows that have no outcome yet."""
        return max(0, (self.selected or 0) - self.landed - self.refused)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A dead letter as people read it."""

    partition_key: str
    external_id: str
    code: str
    message: str
    fields: str = ""
    row_json: str = ""


class LedgerViews:
    """Read-only views of one spec, in one org or, without an org id, in whatever org it was."""

    def __init__(self, database: Database, spec_name: str, org_id: str | None = None) -> None:
        self._database = database
        self._spec_name = spec_name
        self._org_id = org_id

    @property
    def progress(self) -> LedgerProgress:
        """What tells how far the running load is."""
        return LedgerProgress(self._database, self._spec_name, self._org_id)

    def ranges(self) -> Sequence[RangeStatus]:
        """Return the newest state of every partition that was ever begun, by partition key."""
        with self._database.begin() as connection:
            return [
                self._range(connection, load_id, key)
                for key, load_id in sorted(self._newest(connection).items())
            ]

    def dead_letters(self, partition_key: str) -> Sequence[tuple[str, float]]:
        """Return external id and time of the dead letters since the last full load began."""
        with self._database.begin() as connection:
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
                .where(load.c.opened_at >= (began or 0.0))
            )
            return [(row.external_id, row.refused_at) for row in rows]

    def pending_rows(self, partition_key: str) -> int:
        """Count the rows of the partition's newest load that have no outcome."""
        with self._database.begin() as connection:
            load_id = self._newest(connection).get(partition_key)
            if load_id is None:
                return 0
            return self._range(connection, load_id, partition_key).pending

    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        query = (
            sa.select(range_state.c.partition_key, range_state.c.selected)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.mode == "full", range_state.c.selected.is_not(None))
            .order_by(load.c.opened_at)
        )
        with self._database.begin() as connection:
            rows = connection.execute(self._of_spec(query))
            return {row.partition_key: int(row.selected) for row in rows}

    def receipts(self, after: float = 0.0) -> Sequence[tuple[str, float]]:
        """Return path and time of the receipts of the spec that are newer than a moment."""
        with self._database.begin() as connection:
            rows = connection.execute(
                self._batches(batch.c.receipt_path, batch.c.finished_at)
                .where(batch.c.receipt_path.is_not(None), batch.c.finished_at > after)
                .order_by(batch.c.finished_at)
            )
            return [(row.receipt_path, row.finished_at) for row in rows]

    def settled_mark(self) -> str:
        """Return a text that changes whenever a batch of the spec is settled."""
        with self._database.begin() as connection:
            row = connection.execute(
                self._batches(
                    sa.func.count().label("settled"), sa.func.max(batch.c.finished_at).label("last")
                )
            ).one()
        return f"{row.settled}-{row.last or 0:.6f}"

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
        return self._of_spec(query)

    def _batches(self, *columns: sa.ColumnElement[Any]) -> sa.Select[*tuple[Any, ...]]:
        query = sa.select(*columns).select_from(batch)
        return self._of_spec(query.join(load, load.c.load_id == batch.c.load_id))

    def _of_spec(self, query: sa.Select[*tuple[Any, ...]]) -> sa.Select[*tuple[Any, ...]]:
        query = query.where(load.c.spec_name == self._spec_name)
        return query if self._org_id is None else query.where(load.c.org_id == self._org_id)

    def refusals(self, limit: int) -> Sequence[Refusal]:
        """Return dead letters of the newest loads, by partition and external id."""
        with self._database.begin() as connection:
            newest = [(load_id, key) for key, load_id in self._newest(connection).items()]
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

    def refusals_by_code(self) -> Mapping[str, int]:
        """Count dead letters of the newest loads by code, the most frequent first."""
        with self._database.begin() as connection:
            newest = [(load_id, key) for key, load_id in self._newest(connection).items()]
            rows = connection.execute(
                sa.select(dead_letter.c.code, sa.func.count().label("n"))
                .where(sa.tuple_(dead_letter.c.load_id, dead_letter.c.partition_key).in_(newest))
                .group_by(dead_letter.c.code)
                .order_by(sa.desc("n"), dead_letter.c.code)
            )
            return {row.code: row.n for row in rows}

    def _newest(self, connection: Connection) -> dict[str, str]:
        """Return the newest load of each partition key."""
        query = (
            sa.select(range_state.c.partition_key, range_state.c.load_id)
            .join(load, load.c.load_id == range_state.c.load_id)
            .order_by(load.c.opened_at)
        )
        rows = connection.execute(self._of_spec(query))
        return {row.partition_key: row.load_id for row in rows}

    def _range(self, connection: Connection, load_id: str, partition_key: str) -> RangeStatus:
        state = connection.execute(
            sa.select(
                range_state,
                load.c.mode,
                (range_state.c.lease_until > epoch_now()).label("leased"),
                (range_state.c.paused_until > epoch_now()).label("paused"),
                (
                    sa.func.coalesce(range_state.c.finished_at, epoch_now())
                    - range_state.c.started_at
                ).label("seconds"),
            )
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(range_state.c.load_id == load_id, range_state.c.partition_key == partition_key)
        ).one()
        in_flight = sa.case((batch.c.state.in_([s.value for s in IN_FLIGHT]), 1), else_=0)
        landed, flying = connection.execute(
            sa.select(
                sa.func.coalesce(sa.func.sum(batch.c.landed), 0),
                sa.func.coalesce(sa.func.sum(in_flight), 0),
            ).where(batch.c.load_id == load_id, batch.c.partition_key == partition_key)
        ).one()
        refused = connection.execute(
            sa.select(sa.func.count())
            .select_from(dead_letter)
            .where(dead_letter.c.load_id == load_id, dead_letter.c.partition_key == partition_key)
        ).scalar_one()
        is_held = bool(state.leased) and not Owner.from_text(state.owner).is_known_dead()
        is_paused = is_held and bool(state.paused)
        return RangeStatus(
            partition_key=partition_key,
            load_id=load_id,
            mode=state.mode,
            phase=state.phase,
            selected=state.selected,
            landed=int(landed),
            refused=refused,
            in_flight=int(flying),
            is_held=is_held,
            seconds=float(state.seconds or 0.0),
            paused_until=state.paused_until if is_paused else None,
            paused_why=state.paused_why if is_paused else None,
        )
