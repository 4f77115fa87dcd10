"""Batches that wait for their lane: which travel together, and which are cut."""

from __future__ import annotations

from dc_assets.core.batch_states import BatchState
from dc_assets.core.circuit_breaker import FIRST_ROWS
from dc_assets.core.parent_rounds import Outlook
from dc_assets.core.pauses import batch_rows_max
from dc_assets.core.schedule import Schedule, WaitingBatch
from dc_assets.load.parents import look_for_parents
from dc_assets.load.ports import RangeRun
from dc_assets.load.regroup import cut_off, fitting, merge, split
from dc_assets.load.store import BatchRecord, NewBatch


class SendQueue:
    """The waiting batches of one schedule."""

    def __init__(self, run: RangeRun, schedule: Schedule) -> None:
        self._run = run
        self._schedule = schedule
        self.is_left = False
        """Whether all that waits is left until other partitions of the load have landed."""

    def add(self, batch: BatchRecord | NewBatch) -> None:
        """Take in a planned batch."""
        self._schedule.wait_for_lane(self._waiting(batch))

    def _waiting(self, batch: BatchRecord | NewBatch) -> WaitingBatch:
        ready_at_s = self._run.ports.clock.now_s() + batch.ready_in_s
        return WaitingBatch(
            batch.batch_id, batch.lane, batch.attempt, batch.rows, ready_at_s, batch.waits
        )

    def scouts(self, now_s: float) -> list[str]:
        """Return batches of few rows to ask a slot for, while nobody knows if any row lands.

        Each time one is cut off from a bigger batch, of a lane that has none yet: the lane of the
        last one may be taken.
        """
        waiting, sendable = self._schedule.waiting, self._schedule.sendable(now_s)
        few = [one for one in sendable if waiting[one].rows <= FIRST_ROWS]
        lanes = {waiting[one].lane for one in few}
        big = [one for one in sendable if waiting[one].lane not in lanes]
        if not big:
            return few
        batch_id = big[int(self._run.ports.chance() * len(big))]
        parts = cut_off(self._run, waiting[batch_id], FIRST_ROWS)
        self._schedule.put_in_place(batch_id, [self._waiting(part) for part in parts])
        return [parts[0].batch_id, *few]

    def look_for_parents(self) -> None:
        """See what becomes of batches that wait for parents, once nothing else is under way."""
        waiting = self._schedule.waits_for_parents
        if not waiting:
            return
        outlook = look_for_parents(self._run, waiting)
        self.is_left = outlook is Outlook.LEAVE
        if outlook is Outlook.SEND:
            self._schedule.parents_landed()
        elif outlook is Outlook.GIVE_UP:
            self._schedule.waiting.clear()

    def merged_with_others(self, claimed: str, now_s: float) -> str:
        """Let other batches of the lane that fit travel in the same job; return its batch."""
        rows_max = self._rows_max
        others = self._schedule.fitting_batches(claimed, now_s, rows_max)
        left = self._run.ports.batches.rows_left() if others else None
        if left is not None and left < 0:  # the rows of the day do not suffice for a full batch
            room = batch_rows_max(self._run.spec) + left
            others = self._schedule.fitting_batches(claimed, now_s, min(rows_max, room))
        if not others:
            return claimed
        parts = fitting(self._run, [claimed, *others])
        if len(parts) <= 1:
            return claimed
        merged = self._schedule.merge(list(parts), self._run.ports.new_id())
        merge(self._run, parts, merged)
        return merged.batch_id

    def taken_off(self, claimed: str, now_s: float) -> BatchRecord:
        """Begin the flight of a batch that was claimed; return what the ledger says of it now."""
        batch, ticket = self._schedule.take_off(claimed, now_s), self._run.ticket
        return BatchRecord(
            batch.batch_id,
            ticket.load_id,
            ticket.partition_key,
            lane=batch.lane,
            attempt=batch.attempt,
            rows=batch.rows,
            state=BatchState.OPENING,
            job_id=None,
            ready_in_s=0.0,
        )

    def split_too_big(self) -> None:
        """Cut batches that the org could not end in half its batch time limit."""
        rows_max = self._rows_max
        for batch in self._schedule.too_big(rows_max):
            parts = split(self._run, batch, rows_max)
            del self._schedule.waiting[batch.batch_id]
            for part in parts:
                self.add(part)

    @property
    def _rows_max(self) -> int:
        return self._schedule.rows_max(batch_rows_max(self._run.spec))
