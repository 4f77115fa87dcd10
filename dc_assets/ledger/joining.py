"""Which load a run takes part in: an unfinished one, the one that sent its rows, or a new one.

The rules and their reasons: `docs/adr/0044-the-life-of-a-load.md`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.errors import ConfigError, LedgerConflict
from dc_assets.core.phases import AFTER, SENT, Phase, is_sent
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.bounds import keep_bounds
from dc_assets.ledger.claims import live_ranges
from dc_assets.ledger.pinned_org import consented, keep_consent
from dc_assets.ledger.spec_records import is_of_spec, is_range
from dc_assets.ledger.stop_orders import refuse_stopped
from dc_assets.ledger.tables import epoch_now, load, range_state
from dc_assets.load.store import LoadRequest, Mode

OVER_WHEN_SENT = ("replay", "canary", "restore")
"""Modes whose rows are chosen one by one: a second load never takes those of the first."""


@dataclass(frozen=True, slots=True)
class LoadsOfMode:
    """The loads of one spec and mode in one org, within a transaction of the caller.

    Attributes:
        lane_scope: org and parent object whose children a new load writes.
        versions: of the programs that begin a new load.
    """

    spec: LoadSpec
    org_id: str
    mode: Mode
    lane_scope: str
    versions: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def _are_ours(self) -> sa.ColumnElement[bool]:
        return is_of_spec(self.spec.name, self.org_id)

    def join(self, connection: Connection, partition_key: str, request: LoadRequest) -> str:
        """Return the id of the load that a run of a partition takes part in.

        Raises:
            ConfigError: the spec changed since an unfinished load began, or its bounds did.
            StoppedByOperator: an unfinished load was ordered to stop.
            ProductionUnasked: it writes to a production org, and nobody said that it may.
        """
        self._stand_in_line(connection)
        keep_bounds(connection, self.spec)
        newest = self._newest(connection)
        row = newest.get(partition_key)
        if row is not None and not self._begins_anew(connection, row, request):
            if row.open_as is not None:
                keep_consent(connection, row.load_id, production=request.production)
            self._took_part(connection, row, request.launch)
            self._refuse_late_snapshot(connection, row.load_id, request)
            _keep_reason(connection, row.load_id, request.anyway)
            return str(row.load_id)
        load_id = self._open_to(connection, partition_key)
        if load_id is None:
            load_id = self._open(connection, with_snapshot=request.snapshot)
            others = [
                key
                for key in dict.fromkeys(request.partition_keys)
                if key != partition_key and self._is_due(newest.get(key), request)
            ]
            self._about(connection, load_id, others, None)
        self._refuse_late_snapshot(connection, load_id, request)
        self._about(connection, load_id, [partition_key], request.launch)
        keep_consent(connection, load_id, production=request.production)
        _keep_reason(connection, load_id, request.anyway)
        return load_id

    def sends_unasked(self, connection: Connection, request: LoadRequest) -> bool:
        """Tell whether a partition would join a load of which nobody spoke of production."""
        said = consented(connection, [one.load_id for one in self.open_loads(connection)])
        newest = self._newest(connection)
        for key in request.partition_keys:
            row = newest.get(key)
            if row is not None and row.open_as is not None:
                if row.load_id not in said:
                    return True
            elif self._is_due(row, request) and not said:
                return True
        return False

    def _begins_anew(self, connection: Connection, row: Row[Any], request: LoadRequest) -> bool:
        """Tell whether a partition leaves the newest load that it took part in behind."""
        if row.open_as is None:
            is_retry = request.launch in json.loads(row.launches or "[]")
            return not is_retry and self._is_due(row, request)
        if self._is_stale(connection, row):
            self.give_up(connection, str(row.load_id))
            return True
        self._refuse_changed_spec(row)
        refuse_stopped(row)
        return False

    def _is_due(self, row: Row[Any] | None, request: LoadRequest) -> bool:
        """Tell whether a load that begins now takes a partition, by the newest one that it had.

        A partial load chooses its rows by what the sides hold, so it may always look again.
        """
        if row is None:
            return True
        return row.open_as is None and (request.is_new or self.mode != "full")

    def _newest(self, connection: Connection) -> Mapping[str, Row[Any]]:
        """Return each partition in its unfinished load, else in the newest not given up."""
        unfinished_first = sa.case((range_state.c.open_as.is_(None), 1), else_=0)
        place = sa.func.row_number().over(
            partition_by=range_state.c.partition_key,
            order_by=(unfinished_first, load.c.opened_at.desc()),
        )
        ranked = (
            sa.select(
                *(range_state.c[name] for name in ("partition_key", "load_id", "open_as")),
                *(load.c[name] for name in ("spec_name", "spec_hash", "stopped_at")),
                range_state.c.launches,
                place.label("place"),
            )
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(self._are_ours, load.c.mode == self.mode, load.c.state != "superseded")
            .where(range_state.c.partition_key.in_(list(self.spec.ranges)))
            .subquery()
        )
        rows = connection.execute(sa.select(ranked).where(ranked.c.place == 1))
        return {row.partition_key: row for row in rows}

    def _took_part(self, connection: Connection, row: Row[Any], launch: str) -> None:
        launches = json.loads(row.launches or "[]")
        if launch and launch not in launches:
            connection.execute(
                range_state.update()
                .where(is_range(row.load_id, row.partition_key))
                .values(launches=json.dumps([*launches, launch]))
            )

    def _open_to(self, connection: Connection, partition_key: str) -> str | None:
        """Return an open load that the partition had no part in yet, if there is one.

        Raises:
            ConfigError: the spec changed since it began.
            StoppedByOperator: it was ordered to stop.
        """
        for row in self.open_loads(connection):
            if self._is_stale(connection, row):
                self.give_up(connection, str(row.load_id))
                continue
            self._refuse_changed_spec(row)
            refuse_stopped(row)
            taken = connection.execute(
                sa.select(range_state.c.phase).where(is_range(row.load_id, partition_key))
            ).first()
            if taken is None:
                return str(row.load_id)
        return None

    def sent_before(self, connection: Connection, load_id: str, partition_key: str) -> str | None:
        """Return the newest other load of the mode that sent all rows of a partition."""
        return connection.execute(
            sa.select(load.c.load_id)
            .join(range_state, range_state.c.load_id == load.c.load_id)
            .where(self._are_ours, load.c.mode == self.mode, load.c.load_id != load_id)
            .where(range_state.c.partition_key == partition_key)
            .where(range_state.c.phase.in_([phase.value for phase in SENT]))
            .order_by(load.c.opened_at.desc())
            .limit(1)
        ).scalar()

    def open_loads(self, connection: Connection) -> list[Row[Any]]:
        """Return the unfinished loads, oldest first, and let nobody else change them."""
        query = sa.select(load).where(
            self._are_ours, load.c.mode == self.mode, load.c.state == "open"
        )
        return list(connection.execute(query.order_by(load.c.opened_at).with_for_update()))

    def give_up(self, connection: Connection, load_id: str) -> None:
        """Supersede an unfinished load.

        Raises:
            LedgerConflict: runs are active in it.
        """
        busy = live_ranges(connection, load_id)
        if busy:
            raise LedgerConflict(
                f"Load {load_id[:8]} of {self.spec.name} is still working on {', '.join(busy)}: "
                "a new load of the same object starts when it is done."
            )
        connection.execute(
            load.update()
            .where(load.c.load_id == load_id)
            .values(state="superseded", finished_at=epoch_now())
        )
        connection.execute(
            range_state.update().where(range_state.c.load_id == load_id).values(open_as=None)
        )

    def _is_stale(self, connection: Connection, row: Row[Any]) -> bool:
        """Tell whether an open load of an older spec may be given up without a person's word.

        A replay may: the dead letters that it did not answer are open again. So may a stage of a
        canary: the next one sends what did not land. Another partial load may when it only waits
        for its checks.
        """
        if self.mode == "full" or row.spec_hash == self.spec.spec_hash:
            return False
        if self.mode in OVER_WHEN_SENT:
            return True
        phases = connection.execute(
            sa.select(range_state.c.phase).where(range_state.c.load_id == row.load_id)
        ).scalars()
        return all(is_sent(phase) or phase == Phase.NEW for phase in phases)

    def _refuse_changed_spec(self, row: Row[Any]) -> None:
        if row.spec_hash != self.spec.spec_hash:
            raise ConfigError(
                f"The spec {self.spec.name} changed since its unfinished load "
                f"{row.load_id[:8]} began. Put the old spec back and run again to finish it, "
                f"or give it up: dc-assets run {self.spec.name} --new-load"
            )

    def _refuse_late_snapshot(
        self, connection: Connection, load_id: str, request: LoadRequest
    ) -> None:
        """Save nothing as what was there before, when rows may be overwritten already.

        Raises:
            ConfigError: a snapshot is asked for, and the load began without.
        """
        begun = sa.select(load.c.with_snapshot).where(load.c.load_id == load_id)
        if request.snapshot and not connection.execute(begun).scalar():
            raise ConfigError(
                f"Load {load_id[:8]} of {self.spec.name} began without a snapshot and may have "
                "overwritten records already. Go on without --snapshot, or begin a load whose "
                "snapshot is what the org has now: "
                f"dc-assets run {self.spec.name} --new-load --snapshot"
            )

    def _open(self, connection: Connection, *, with_snapshot: bool) -> str:
        """Open a load, unless one of another mode was ordered to stop: the order is for all.

        Raises:
            StoppedByOperator: there is such an order.
        """
        stopped = connection.execute(
            sa.select(load).where(
                self._are_ours, load.c.state == "open", load.c.stopped_at.is_not(None)
            )
        ).first()
        if stopped is not None:
            refuse_stopped(stopped)
        load_id = uuid.uuid4().hex
        connection.execute(
            load.insert().values(
                load_id=load_id,
                spec_name=self.spec.name,
                spec_hash=self.spec.spec_hash,
                org_id=self.org_id,
                mode=self.mode,
                lane_scope=self.lane_scope,
                with_snapshot=int(with_snapshot),
                state="open",
                opened_at=epoch_now(),
                spec_json=self.spec.model_dump_json(),
                versions=json.dumps(dict(self.versions)),
            )
        )
        return load_id

    def _about(
        self, connection: Connection, load_id: str, keys: Iterable[str], launch: str | None
    ) -> None:
        """Write down which partitions a load is about; no run has taken them."""
        for key in keys:
            connection.execute(
                range_state.insert().values(
                    load_id=load_id,
                    partition_key=key,
                    phase=Phase.NEW.value,
                    fence=0,
                    lease_until=0.0,
                    open_as=f"{self.org_id}/{self.spec.name}/{self.mode}/{key}",
                    launches=json.dumps([launch] if launch else []),
                )
            )

    def _stand_in_line(self, connection: Connection) -> None:
        """Let runs that join at once do so one after another; SQLite has one writer anyway."""
        if connection.dialect.name == "postgresql":
            line = sa.func.hashtext(f"{self.org_id}/{self.spec.name}/{self.mode}")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LINE, line)))


def _keep_reason(connection: Connection, load_id: str, anyway: str) -> None:
    """Keep why a load was sent although the spec did not fit; the last word stays."""
    if anyway:
        connection.execute(load.update().where(load.c.load_id == load_id).values(anyway=anyway))


_LINE = 0x0DC_A55E
"""Our kind of advisory locks, beside that of migrations."""


def lock_load(connection: Connection, load_id: str) -> None:
    """Let nobody else end or begin a partition of a load meanwhile; before any row of its own."""
    connection.execute(sa.select(load.c.load_id).where(load.c.load_id == load_id).with_for_update())


def may_become(phase: Phase) -> sa.ColumnElement[bool]:
    """Tell in SQL whether a partition may come to a phase now."""
    return range_state.c.phase.in_([before.value for before in AFTER[phase]])


def end_if_over(connection: Connection, load_id: str) -> None:
    """Mark a load done when none of its partitions is unfinished; the caller locked it.

    A stage of a canary stays open while it is checked: an order to stop must find it.
    """
    unfinished = connection.execute(
        sa.select(range_state.c.partition_key)
        .where(range_state.c.load_id == load_id, range_state.c.open_as.is_not(None))
        .limit(1)
    ).first()
    if unfinished is None:
        connection.execute(
            load.update()
            .where(load.c.load_id == load_id, load.c.state == "open", load.c.mode != "canary")
            .values(state="done", finished_at=epoch_now())
        )
