"""Loads, plans and partitions in the ledger database."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from dc_assets.core.errors import LedgerAway, LedgerConflict
from dc_assets.core.lanes import LaneMap
from dc_assets.core.phases import Phase, is_sent
from dc_assets.core.spec import LoadSpec
from dc_assets.core.write_policy import HEARTBEAT_S, LEASE_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.bounds import refuse_other_bounds
from dc_assets.ledger.claims import lane_scope, take_parents
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import beating
from dc_assets.ledger.joining import (
    OVER_WHEN_SENT,
    LoadsOfMode,
    end_if_over,
    lock_load,
    may_become,
)
from dc_assets.ledger.owners import Owner, living_owner
from dc_assets.ledger.spec_records import IS_LEASED, SpecRecords, is_of, is_range, taken_over
from dc_assets.ledger.stop_orders import StopOrders, refuse_stopped
from dc_assets.ledger.tables import epoch_now, load, range_state
from dc_assets.ledger.tables import plan as plan_table
from dc_assets.load.store import RESUMED, LoadRequest, Mode, Plan, RangeTicket

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
        self._lane_scope = lane_scope(org_id, parent_object or spec.target.object)
        self._loads = LoadsOfMode(spec, org_id, mode, self._lane_scope, versions or {})

    def join_load(self, partition_key: str, request: LoadRequest = RESUMED) -> str:
        """Return the id of the load that a run of a partition takes part in."""
        try:
            return self._join(partition_key, request)
        except IntegrityError:  # another run began the partition between our look and our insert
            return self._join(partition_key, request)

    @one_transaction
    def _join(self, partition_key: str, request: LoadRequest) -> str:
        with self._database.begin() as connection:
            return self._loads.join(connection, partition_key, request)

    @one_transaction
    def refuse_other_bounds(self) -> None:
        """Let nobody ask or send under a key that meant other rows.

        Raises:
            OtherBounds: the ledger knows other bounds under the scheme of the spec.
        """
        with self._database.read() as connection:
            refuse_other_bounds(connection, self._spec)

    @one_transaction
    def sends_unasked(self, request: LoadRequest) -> bool:
        """Tell whether a load of which nobody spoke of production would send what is asked for."""
        with self._database.begin() as connection:
            return self._loads.sends_unasked(connection, request)

    @one_transaction
    def give_up_loads(self) -> list[str]:
        """Supersede the unfinished loads, so that the next run opens a new one; return their ids.

        Raises:
            LedgerConflict: runs are active in one of them.
        """
        with self._database.begin() as connection:
            given_up = [str(row.load_id) for row in self._loads.open_loads(connection)]
            for load_id in given_up:
                self._loads.give_up(connection, load_id)
            return given_up

    @one_transaction
    def give_up_others(self) -> list[str]:
        """Supersede the unfinished loads of all other modes; return their ids.

        Raises:
            LedgerConflict: runs are active in one of them.
        """
        others = sa.select(load.c.load_id).where(
            self.is_ours(), load.c.mode != self._mode, load.c.state == "open"
        )
        with self._database.begin() as connection:
            ids = [str(one) for one in connection.execute(others.with_for_update()).scalars()]
            for load_id in ids:
                self._loads.give_up(connection, load_id)
            return ids

    @one_transaction
    def next_stage(self) -> None:
        """Give the unfinished stage of a canary up, unless an operator ordered it to stop.

        Raises:
            StoppedByOperator: somebody did; also when all its rows have an outcome.
            LedgerConflict: runs are active in it.
        """
        with self._database.begin() as connection:
            for stage in self._loads.open_loads(connection):
                refuse_stopped(stage)
                self._loads.give_up(connection, str(stage.load_id))

    def go_on(self, *, given_before: float | None = None) -> bool:
        """Take back an order to stop in this org, as `StopOrders.go_on` does."""
        orders = StopOrders(self._database, self._spec_name, self._org_id)
        return orders.go_on(given_before=given_before)

    @one_transaction
    def take_range(self, load_id: str, partition_key: str) -> RangeTicket:
        """Become the owner of a partition, at once if its last owner released it or is dead."""
        where = is_range(load_id, partition_key)
        held = sa.select(range_state, IS_LEASED).where(where)
        assert self._org_id is not None, "a run works in one org"
        with self._database.begin() as connection:
            seen = connection.execute(held).one()
            if is_sent(seen.phase):  # it needs no parents: nobody waits to have it checked
                return RangeTicket(load_id, partition_key, seen.fence, Phase(seen.phase))
            take_parents(connection, self._org_id, load_id, self._spec.name, self._lane_scope)
            row = connection.execute(held.with_for_update()).one()
            phase = Phase(row.phase)
            self._refuse_live_owner(row)
            phase = Phase.READING if phase is Phase.NEW else phase
            connection.execute(
                range_state.update()
                .where(where)
                .values(
                    phase=phase.value,
                    fence=row.fence + 1,
                    started_at=sa.func.coalesce(range_state.c.started_at, epoch_now()),
                    **_NOT_PAUSED,
                    **self._lease_values(),
                )
            )
            before = self._loads.sent_before(connection, load_id, partition_key)
            asked = sa.select(load.c.with_snapshot).where(load.c.load_id == load_id)
            with_snapshot = bool(connection.execute(asked).scalar())
            return RangeTicket(load_id, partition_key, row.fence + 1, phase, before, with_snapshot)

    def _refuse_live_owner(self, held: Row[Any]) -> None:
        owner = living_owner(held)
        # a step that lost the ledger is begun again in its process: what is its own, it may take
        if owner is not None and owner != self._owner:
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

    @one_transaction
    def plan(self, load_id: str) -> Plan | None:
        """Return the plan of a load, if it was made."""
        with self._database.begin() as connection:
            row = connection.execute(
                sa.select(plan_table).where(plan_table.c.load_id == load_id)
            ).first()
        if row is None:
            return None
        return Plan(
            lanes=LaneMap.of_kept(row.lanes_shared, json.loads(row.hot_parents)),
            window=row.window_jobs,
            rows=row.rows,
            ambiguous_keys=frozenset(json.loads(row.ambiguous_keys)),
        )

    @one_transaction
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

    @one_transaction
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
                        hot_parents=json.dumps(plan.lanes.named),
                        window_jobs=plan.window,
                        rows=plan.rows,
                        ambiguous_keys=json.dumps(sorted(plan.ambiguous_keys)),
                        made_at=epoch_now(),
                    )
                )

    @one_transaction
    def saw_source(self, ticket: RangeTicket, state: str) -> None:
        """Keep what the source looked like before the first row was read; the first word stays.

        A run that resumes the pages of a dead one has rows from before its own look. Of a restore
        nothing is kept: its source is a snapshot.
        """
        if self._mode == "restore":
            return
        first = sa.func.coalesce(range_state.c.source_state, state)
        with self._database.begin() as connection:
            self._update_own_range(connection, ticket, {"source_state": first})

    @one_transaction
    def finish_range(self, ticket: RangeTicket) -> None:
        """Mark the partition sent and release it."""
        values: dict[str, Any] = {
            "phase": Phase.SENT.value,
            "lease_until": 0.0,
            "finished_at": epoch_now(),
        }
        if self._mode in OVER_WHEN_SENT:
            values["open_as"] = None
        with self._database.begin() as connection:
            lock_load(connection, ticket.load_id)
            self._update_own_range(connection, ticket, values, may_become(Phase.SENT))
            end_if_over(connection, ticket.load_id)

    def _update_own_range(
        self,
        connection: Connection,
        ticket: RangeTicket,
        values: dict[str, Any],
        condition: sa.ColumnElement[bool] | None = None,
    ) -> None:
        result = connection.execute(
            range_state.update()
            .where(is_of(ticket), range_state.c.fence == ticket.fence)
            .where(sa.true() if condition is None else condition)
            .values(**values)
        )
        if result.rowcount != 1:
            raise taken_over(ticket)

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
            with suppress(LedgerAway):  # then the lease ends by itself
                self._release(ticket)

    def _release(self, ticket: RangeTicket) -> None:
        with self._database.begin() as connection:
            connection.execute(
                range_state.update()
                .where(is_of(ticket), range_state.c.fence == ticket.fence)
                .values(lease_until=0.0, **_NOT_PAUSED)
            )
