"""Batches in the ledger database: intent first, then effect, each step behind the fence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from dc_assets.core.batch_states import BatchState
from dc_assets.core.errors import LedgerConflict
from dc_assets.core.parent_rounds import Outlook
from dc_assets.core.pauses import Pause
from dc_assets.core.phases import Phase
from dc_assets.core.spec import LoadSpec
from dc_assets.core.write_policy import WINDOW_LOOKS_BACK_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.batch_queries import BatchQueries, as_record, held_records, is_orphan, records
from dc_assets.ledger.batch_steps import (
    ABANDONED,
    ADD_RECEIPT,
    CLAIMED,
    OPENED,
    SETTLED,
    UPLOADED,
    held,
    holder,
    take,
)
from dc_assets.ledger.budgets import Budgets
from dc_assets.ledger.claims import granted, lane_scope
from dc_assets.ledger.database import Database
from dc_assets.ledger.dead_letters import DeadLetterWriter
from dc_assets.ledger.joining import may_become
from dc_assets.ledger.parent_waits import parents_outlook
from dc_assets.ledger.receipts import packed
from dc_assets.ledger.rows_again import refuse_flights, select_what_is_there
from dc_assets.ledger.spec_records import IS_FLYING, IS_UNSETTLED, check_fence, is_of
from dc_assets.ledger.stop_orders import refuse_stopped
from dc_assets.ledger.tables import batch, epoch_now, load, range_state
from dc_assets.load.store import (
    BatchRecord,
    DeadLetter,
    NewBatch,
    RangeTicket,
    Settlement,
)

_OPEN_LOADS = (
    sa.select(load)
    .where(load.c.org_id == sa.bindparam("of_org"), load.c.state == "open")
    .order_by(load.c.load_id)
    .with_for_update()
)


class SqlBatchStore(BatchQueries):
    """The batches of one spec in one org."""

    def __init__(
        self,
        database: Database,
        spec: LoadSpec,
        *,
        org_id: str,
        run_id: str = "",
        parent_object: str = "",
    ) -> None:
        super().__init__(database, spec.name, org_id)
        self._dead_letters = DeadLetterWriter(spec.name, org_id, run_id)
        self._budgets = Budgets(database, spec, org_id)
        self._lane_scope = lane_scope(org_id, parent_object or spec.target.object)

    @one_transaction
    def plan_batches(
        self,
        ticket: RangeTicket,
        *,
        selected: int,
        batches: Sequence[NewBatch],
        dead_letters: Sequence[DeadLetter],
        replayed: Sequence[str] = (),
    ) -> None:
        """Store all batches of a freshly extracted partition, in one transaction."""
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            self._dead_letters.replayed(connection, ticket.load_id, replayed)
            for new in batches:
                self._insert(connection, ticket.load_id, ticket.partition_key, new)
            self._dead_letters.add(connection, ticket.load_id, ticket.partition_key, dead_letters)
            connection.execute(
                range_state.update()
                .where(is_of(ticket), may_become(Phase.SENDING))
                .values(phase=Phase.SENDING.value, selected=selected)
            )

    @one_transaction
    def unsettled(self, ticket: RangeTicket) -> Sequence[BatchRecord]:
        """Return the batches of a partition that are not final, oldest attempt first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                records()
                .where(batch.c.load_id == ticket.load_id)
                .where(batch.c.partition_key == ticket.partition_key)
                .where(IS_UNSETTLED)
                .order_by(batch.c.lane, batch.c.attempt, batch.c.batch_id)
            )
            return [as_record(row) for row in rows]

    @one_transaction
    def adopt_orphans(self, ticket: RangeTicket) -> Sequence[BatchRecord]:
        """Take over batches in flight in this org that no live run drives, and return them."""
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            rows = connection.execute(
                held_records()
                .join(load, load.c.load_id == batch.c.load_id)
                .where(self.is_ours(), IS_FLYING)
                .order_by(batch.c.batch_id)
                .with_for_update(of=batch)  # not the holders: two adopters would wait in a ring
            ).all()
            orphans = [row for row in rows if is_orphan(row)]
            for row in orphans:
                self._update(connection, row.batch_id, {**holder(ticket), "opening_at": None})
            return [as_record(row) for row in orphans]

    @one_transaction
    def claim(
        self,
        ticket: RangeTicket,
        batch_ids: Sequence[str],
        window: int,
        *,
        looks_back_s: float = WINDOW_LOOKS_BACK_S,
    ) -> str | Pause | None:
        """Move the batch whose lane is free and has most rows left to `opening`, if there is room.

        Claims of one org stand in line, so budgets are exact; loads are locked before ranges. The
        window is halved for ``looks_back_s`` when too many rows that ended in that time had met
        locks.
        """
        with self._database.begin() as connection:
            loads = connection.execute(_OPEN_LOADS, {"of_org": self._org_id}).all()
            ours = next((row for row in loads if row.load_id == ticket.load_id), None)
            if ours is not None:
                refuse_stopped(ours)
            check_fence(connection, ticket)
            if ours is None:
                return None
            affordable = self._budgets.affordable(connection, ticket, batch_ids)
            if isinstance(affordable, Pause):
                return affordable
            batch_id = granted(
                connection,
                ours,
                affordable,
                lane_scope=self._lane_scope,
                window=window,
                looks_back_s=looks_back_s,
            )
            if batch_id is not None:
                self._take_over(connection, ticket, batch_id)
            return batch_id

    @one_transaction
    def rows_left(self) -> int | None:
        """Return how many rows of the day's budget are left to travel with a claimed batch."""
        with self._database.begin() as connection:
            return self._budgets.rows_left(connection)

    @one_transaction
    def merge(
        self, ticket: RangeTicket, claimed_id: str, others: Sequence[str], merged: NewBatch
    ) -> None:
        """Put a batch that was just claimed and planned ones of its lane into one, in its place."""
        with self._database.begin() as connection:
            claimed = held(connection, ticket, claimed_id)
            assert claimed.state == BatchState.OPENING.value
            for other in self._rows_of(connection, others):
                assert (other.state, other.lane) == (BatchState.PLANNED.value, claimed.lane)
            self._replace(connection, [claimed_id, *others], [merged])
            self._take_over(connection, ticket, merged.batch_id)

    @one_transaction
    def split(self, ticket: RangeTicket, batch_id: str, parts: Sequence[NewBatch]) -> None:
        """Plan the rows of a batch that was not sent as several smaller ones."""
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            [row] = self._rows_of(connection, [batch_id])
            assert row.state == BatchState.PLANNED.value
            self._replace(connection, [batch_id], parts)

    @one_transaction
    def parents_outlook(self, ticket: RangeTicket) -> Outlook:
        """Tell what becomes of rows that wait for parents, when the partition has no others."""
        with self._database.begin() as connection:
            return parents_outlook(connection, ticket)

    @one_transaction
    def give_up(
        self, ticket: RangeTicket, batch_id: str, dead_letters: Sequence[DeadLetter]
    ) -> None:
        """Refuse all rows of a batch that waits, in one transaction."""
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            [row] = self._rows_of(connection, [batch_id])
            assert row.state == BatchState.PLANNED.value
            self._replace(connection, [batch_id], [], dead_letters)

    @one_transaction
    def opened(self, ticket: RangeTicket, batch_id: str, job_id: str) -> None:
        """Store the job id of an opening batch."""
        with self._database.begin() as connection:
            take(connection, OPENED, batch_id, ticket, job_id=job_id)

    @one_transaction
    def uploaded(self, ticket: RangeTicket, batch_id: str) -> None:
        """Note that the org acknowledged the close."""
        with self._database.begin() as connection:
            take(connection, UPLOADED, batch_id, ticket)

    @one_transaction
    def settled(self, ticket: RangeTicket, settlement: Settlement) -> None:
        """Finish a batch, keep its receipt and plan the retry, in one transaction."""
        content = packed(settlement.receipt)  # nobody waits for us meanwhile
        with self._database.begin() as connection:
            row = held(connection, ticket, settlement.batch_id)
            retried = settlement.rows_again
            assert settlement.landed + len(settlement.dead_letters) + retried == row.rows
            take(
                connection,
                SETTLED,
                settlement.batch_id,
                ticket,
                landed=settlement.landed,
                retried=retried,
                locked=settlement.locked,
                ended_at=settlement.job.ended_at_s or None,
                active_s=settlement.job.active_s,
                total_s=settlement.job.total_s,
            )
            self._dead_letters.add(
                connection, row.load_id, row.partition_key, settlement.dead_letters
            )
            key = {"batch_id": settlement.batch_id, "load_id": row.load_id}
            connection.execute(ADD_RECEIPT, {**key, **content})
            for again in settlement.again:
                self._insert(connection, row.load_id, row.partition_key, again, row.uploaded_at)

    @one_transaction
    def abandoned(self, ticket: RangeTicket, batch_id: str, again: NewBatch) -> None:
        """Give a batch up for good and plan its rows as a new one, in one transaction."""
        with self._database.begin() as connection:
            held(connection, ticket, batch_id)
            self._replace(connection, [batch_id], [again])

    @one_transaction
    def plan_anew(
        self,
        ticket: RangeTicket,
        *,
        batches: Sequence[NewBatch],
        dead_letters: Sequence[DeadLetter],
    ) -> None:
        """Put batches in the place of all that were not sent, in one transaction."""
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            unsent = refuse_flights(connection, ticket)
            new = self._dead_letters.those_not_kept(connection, ticket, dead_letters)
            self._replace(connection, unsent, batches, new, of=ticket)
            select_what_is_there(connection, ticket)

    def _rows_of(self, connection: Connection, batch_ids: Sequence[str]) -> Sequence[Row[Any]]:
        return connection.execute(records().where(batch.c.batch_id.in_(batch_ids))).all()

    def _replace(
        self,
        connection: Connection,
        gone: Sequence[str],
        batches: Sequence[NewBatch],
        dead_letters: Sequence[DeadLetter] = (),
        *,
        of: RangeTicket | None = None,
    ) -> None:
        """Abandon batches of one partition for others and dead letters: the one way to do so.

        They have as many rows as the new ones, so none is ever in no batch. Only a partition that
        was read once more (``of``) may have others, and counts its selected rows anew.
        """
        if of is None:
            rows = self._rows_of(connection, gone)
            before, after = sum(row.rows for row in rows), sum(one.rows for one in batches)
            if before != after + len(dead_letters):
                raise LedgerConflict(
                    f"{before:,} rows of batch {gone[0][:8]} cannot become {after:,} rows and "
                    f"{len(dead_letters):,} dead letters: it is left as it is."
                )
            place = rows[0].load_id, rows[0].partition_key
        else:
            place = of.load_id, of.partition_key
        for batch_id in gone:
            take(connection, ABANDONED, batch_id)
        for one in batches:
            self._insert(connection, *place, one)
        self._dead_letters.add(connection, *place, dead_letters)

    def _insert(
        self,
        connection: Connection,
        load_id: str,
        partition_key: str,
        new: NewBatch,
        tried_at: float | None = None,
    ) -> None:
        """Plan a batch; one that waits for parents is ready since its rows were handed over."""
        ready_at = epoch_now() + new.ready_in_s
        connection.execute(
            batch.insert().values(
                batch_id=new.batch_id,
                load_id=load_id,
                partition_key=partition_key,
                lane_scope=self._lane_scope,
                lane=new.lane,
                attempt=new.attempt,
                rows=new.rows,
                state=BatchState.PLANNED.value,
                ready_at=tried_at if new.waits and tried_at is not None else ready_at,
                waits=int(new.waits),
            )
        )

    def _take_over(self, connection: Connection, ticket: RangeTicket, batch_id: str) -> None:
        """Let a batch be driven by a run whose create call comes next."""
        scope = self._lane_scope
        take(connection, CLAIMED, batch_id, lane_scope=scope, **holder(ticket))

    def _update(self, connection: Connection, batch_id: str, values: dict[str, Any]) -> None:
        connection.execute(batch.update().where(batch.c.batch_id == batch_id).values(**values))
