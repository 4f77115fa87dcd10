"""Loads, plans and partitions in the ledger database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from dc_assets.core.errors import ConfigError, LedgerConflict
from dc_assets.core.lanes import LaneMap
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.claims import lane_scope, live_ranges, take_parents
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import Owner, beating, living_owner
from dc_assets.ledger.spec_records import IS_LEASED, SpecRecords, check_fence, is_of, is_range
from dc_assets.ledger.stop_orders import StopOrders, refuse_stopped
from dc_assets.ledger.tables import epoch_now, load, range_state
from dc_assets.ledger.tables import plan as plan_table
from dc_assets.load.store import Mode, Plan, RangeTicket

LEASE_S = 120.0
HEARTBEAT_S = 25.0
_NOT_PAUSED: dict[str, Any] = {"paused_until": None, "paused_why": None}


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a silent owner keeps its partitions, and how often a live one speaks."""

    lease_s: float = LEASE_S
    heartbeat_s: float = HEARTBEAT_S


class SqlLoadStore(SpecRecords):
    """The loads of one spec and mode in one org, written by one owner."""

    def __init__(  # noqa: PLR0913 - what is loaded where, and who does it
        self,
        database: Database,
        spec: LoadSpec,
        *,
        org_id: str,
        owner: Owner,
        mode: Mode = "full",
        lease: Lease | None = None,
        parent_object: str = "",
        versions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(database, spec.name, org_id)
        self._spec = spec
        self._owner = owner
        self._mode = mode
        self._lease = lease or Lease()
        self._versions = versions or {}
        self._lane_scope = lane_scope(org_id, parent_object or spec.target.object)

    def join_load(self, partition_key: str, *, resume: bool = False) -> str:
        """Join the unfinished load of this spec and org, or open one; return its id.

        A partition that is done in it is joined only to ``resume``; else it begins a new load.

        Raises:
            ConfigError: the spec changed since the unfinished load began.
            LedgerConflict: a new load is due, and the last one still has active runs.
        """
        try:
            return self._join_load(partition_key, resume=resume)
        except IntegrityError:  # another run opened the load between our look and our insert
            return self._join_load(partition_key, resume=resume)

    def _join_load(self, partition_key: str, *, resume: bool) -> str:
        with self._database.begin() as connection:
            current = self._unfinished(connection)
            if current is None:
                return self._open_load(connection)
            if self._is_over_but_for_others(connection, current):
                self._supersede(connection, str(current.load_id))
                return self._open_load(connection)
            self._refuse_changed_spec(current)
            refuse_stopped(current)
            if resume or self._phase(connection, current.load_id, partition_key) != "done":
                return str(current.load_id)
            self._supersede(connection, str(current.load_id))
            return self._open_load(connection)

    def give_up_load(self) -> str | None:
        """Supersede the unfinished load, so that the next run opens a new one; return its id.

        Raises:
            LedgerConflict: runs are active in it.
        """
        with self._database.begin() as connection:
            unfinished = self._unfinished(connection)
            if unfinished is None:
                return None
            self._supersede(connection, str(unfinished.load_id))
            return str(unfinished.load_id)

    def next_stage(self) -> None:
        """Give the unfinished stage of a canary up, unless an operator ordered it to stop.

        Raises:
            StoppedByOperator: somebody did; also when all its rows have an outcome.
            LedgerConflict: runs are active in it.
        """
        with self._database.begin() as connection:
            stage = self._unfinished(connection)
            if stage is not None:
                refuse_stopped(stage)
                self._supersede(connection, str(stage.load_id))

    def go_on(self, *, given_before: float | None = None) -> bool:
        """Take back an order to stop in this org, as `StopOrders.go_on` does."""
        orders = StopOrders(self._database, self._spec_name, self._org_id)
        return orders.go_on(given_before=given_before)

    def _unfinished(self, connection: Connection) -> Row[Any] | None:
        """Return the unfinished load of the mode, locked till the end of the transaction."""
        return connection.execute(
            sa.select(load)
            .where(self.is_ours(), load.c.mode == self._mode, load.c.state == "open")
            .with_for_update()
        ).first()

    def _is_over_but_for_others(self, connection: Connection, current: Row[Any]) -> bool:
        """Tell whether a partial load of an older spec has nothing left to do.

        It counts as open, because not every partition has to take part in a partial load. A replay
        may be given up at any time: the dead letters that it did not answer are open again. So
        may a stage of a canary: the next one sends what did not land.
        """
        if self._mode == "full" or current.spec_hash == self._spec.spec_hash:
            return False
        if self._mode in {"replay", "canary"}:
            return True
        unfinished = connection.execute(
            sa.select(sa.func.count())
            .select_from(range_state)
            .where(range_state.c.load_id == current.load_id, range_state.c.phase != "done")
        ).scalar_one()
        return unfinished == 0

    def _refuse_changed_spec(self, current: Row[Any]) -> None:
        if current.spec_hash != self._spec.spec_hash:
            raise ConfigError(
                f"The spec {self._spec.name} changed since its unfinished load "
                f"{current.load_id[:8]} began. Put the old spec back and run again to finish it, "
                f"or give it up: dc-assets run {self._spec.name} --new-load"
            )

    def _open_load(self, connection: Connection) -> str:
        """Open a load, unless one of another mode was ordered to stop: the order is for all.

        Raises:
            StoppedByOperator: there is such an order.
        """
        stopped = connection.execute(
            sa.select(load).where(
                self.is_ours(), load.c.state == "open", load.c.stopped_at.is_not(None)
            )
        ).first()
        if stopped is not None:
            refuse_stopped(stopped)
        load_id = uuid.uuid4().hex
        connection.execute(
            load.insert().values(
                load_id=load_id,
                spec_name=self._spec.name,
                spec_hash=self._spec.spec_hash,
                org_id=self._org_id,
                mode=self._mode,
                lane_scope=self._lane_scope,
                state="open",
                opened_at=epoch_now(),
                spec_json=self._spec.model_dump_json(),
                versions=json.dumps(dict(self._versions)),
            )
        )
        return load_id

    def _supersede(self, connection: Connection, load_id: str) -> None:
        busy = live_ranges(connection, load_id)
        if busy:
            raise LedgerConflict(
                f"Load {load_id[:8]} of {self._spec.name} is still working on {', '.join(busy)}: "
                "a new load of the same object starts when it is done."
            )
        connection.execute(
            load.update()
            .where(load.c.load_id == load_id)
            .values(state="superseded", finished_at=epoch_now())
        )

    def _phase(self, connection: Connection, load_id: str, partition_key: str) -> str | None:
        return connection.execute(
            sa.select(range_state.c.phase).where(is_range(load_id, partition_key))
        ).scalar()

    def take_range(self, load_id: str, partition_key: str) -> RangeTicket:
        """Become the owner of a partition, at once if its last owner released it or is dead.

        Raises:
            LedgerConflict: a live run owns it.
            ParentsTaken: another load writes children of the same parents.
        """
        where = is_range(load_id, partition_key)
        assert self._org_id is not None, "a run works in one org"
        with self._database.begin() as connection:
            take_parents(connection, self._org_id, load_id, self._spec.name, self._lane_scope)
            held = connection.execute(
                sa.select(range_state, IS_LEASED).where(where).with_for_update()
            ).first()
            if held is None:
                connection.execute(
                    range_state.insert().values(
                        load_id=load_id,
                        partition_key=partition_key,
                        phase="new",
                        fence=1,
                        started_at=epoch_now(),
                        **self._lease_values(),
                    )
                )
                return RangeTicket(load_id, partition_key, fence=1, phase="new")
            self._refuse_live_owner(held)
            connection.execute(
                range_state.update()
                .where(where)
                .values(fence=held.fence + 1, **_NOT_PAUSED, **self._lease_values())
            )
            return RangeTicket(load_id, partition_key, fence=held.fence + 1, phase=held.phase)

    def _refuse_live_owner(self, held: Row[Any]) -> None:
        owner = living_owner(held)
        if owner is not None:
            raise LedgerConflict(
                f"Partition {held.partition_key} of {self._spec.name} is being loaded by run "
                f"{owner.run_id} (process {owner.pid} on {owner.host}). "
                "Wait for it, or stop that run first."
            )

    def _lease_values(self) -> dict[str, Any]:
        return {
            "owner": self._owner.as_text(),
            "lease_until": epoch_now() + self._lease.lease_s,
        }

    def plan(self, load_id: str) -> Plan | None:
        """Return the plan of a load, if it was made."""
        with self._database.begin() as connection:
            row = connection.execute(
                sa.select(plan_table).where(plan_table.c.load_id == load_id)
            ).first()
        if row is None:
            return None
        return Plan(
            lanes=LaneMap(row.lanes_shared, tuple(json.loads(row.hot_parents))),
            window=row.window_jobs,
            rows=row.rows,
            ambiguous_keys=frozenset(json.loads(row.ambiguous_keys)),
        )

    def take_planning(self, load_id: str) -> bool:
        """Become the one that plans the load; False while another live run is at it."""
        with self._database.begin() as connection:
            row = connection.execute(
                sa.select(
                    load.c.planner.label("owner"),
                    (load.c.planner_until > epoch_now()).label("is_leased"),
                )
                .where(load.c.load_id == load_id)
                .with_for_update()
            ).one()
            if living_owner(row) is not None:
                return False
            connection.execute(
                load.update()
                .where(load.c.load_id == load_id)
                .values(
                    planner=self._owner.as_text(),
                    planner_until=epoch_now() + self._lease.lease_s,
                )
            )
            return True

    def keep_plan(self, load_id: str, plan: Plan) -> None:
        """Store the plan; the first one stays, so a slow planner cannot replace it."""
        with self._database.begin() as connection:
            taken = connection.execute(
                sa.select(plan_table.c.load_id).where(plan_table.c.load_id == load_id)
            ).first()
            if taken is None:
                connection.execute(
                    plan_table.insert().values(
                        load_id=load_id,
                        lanes_shared=plan.lanes.shared,
                        hot_parents=json.dumps(plan.lanes.hot),
                        window_jobs=plan.window,
                        rows=plan.rows,
                        ambiguous_keys=json.dumps(sorted(plan.ambiguous_keys)),
                        made_at=epoch_now(),
                    )
                )

    def saw_source(self, ticket: RangeTicket, state: str) -> None:
        """Keep what the source looked like before the first row was read; the first word stays.

        A run that resumes the pages of a dead one has rows from before its own look.
        """
        first = sa.func.coalesce(range_state.c.source_state, state)
        with self._database.begin() as connection:
            self._update_own_range(connection, ticket, {"source_state": first})

    def finish_range(self, ticket: RangeTicket) -> None:
        """Mark the partition done and release it; the last one finishes the load."""
        with self._database.begin() as connection:
            connection.execute(  # two last ones stand in line: one of them counts both
                sa.select(load.c.load_id).where(load.c.load_id == ticket.load_id).with_for_update()
            )
            self._update_own_range(
                connection,
                ticket,
                {"phase": "done", "lease_until": 0.0, "finished_at": epoch_now()},
            )
            done = connection.execute(
                sa.select(sa.func.count())
                .select_from(range_state)
                .where(range_state.c.load_id == ticket.load_id, range_state.c.phase == "done")
            ).scalar_one()
            # A stage of a canary stays open while it is checked: an order to stop must find it.
            if done == len(self._spec.ranges) and self._mode != "canary":
                connection.execute(
                    load.update()
                    .where(load.c.load_id == ticket.load_id, load.c.state == "open")
                    .values(state="done", finished_at=epoch_now())
                )

    def _update_own_range(
        self, connection: Connection, ticket: RangeTicket, values: dict[str, Any]
    ) -> None:
        check_fence(connection, ticket)
        connection.execute(range_state.update().where(is_of(ticket)).values(**values))

    @contextmanager
    def heartbeat(self, ticket: RangeTicket) -> Generator[None]:
        """Keep the partition ours while the block runs; release it when the block ends."""

        def heartbeat() -> None:
            with self._database.begin() as connection:
                self._update_own_range(connection, ticket, self._lease_values())

        try:
            with beating(heartbeat, self._lease.heartbeat_s):
                yield
        finally:
            self._release(ticket)

    def _release(self, ticket: RangeTicket) -> None:
        with self._database.begin() as connection:
            connection.execute(
                range_state.update()
                .where(is_of(ticket), range_state.c.fence == ticket.fence)
                .values(lease_until=0.0, **_NOT_PAUSED)
            )
