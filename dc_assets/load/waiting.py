"""The batches of a partition run that wait, cut and merged to the size that they are sent in.

Why: `docs/adr/0016-batches-are-cut-and-merged-before-they-are-sent.md`.
"""

from __future__ import annotations

from dc_assets.core.pauses import batch_rows_max
from dc_assets.core.schedule import Schedule, WaitingBatch
from dc_assets.load.books import BatchRecord, NewBatch
from dc_assets.load.regroup import merge, recut
from dc_assets.load.run import RangeRun


class Waiting:
    """The waiting batches of one schedule."""

    def __init__(self, run: RangeRun, schedule: Schedule) -> None:
        self._run = run
        self._schedule = schedule

    def add(self, batch: BatchRecord | NewBatch) -> None:
        """Take in a planned batch."""
        ready_at_s = self._run.ports.clock.now_s() + batch.ready_in_s
        self._schedule.wait_for_lane(
            WaitingBatch(batch.batch_id, batch.lane, batch.attempt, batch.rows, ready_at_s)
        )

    def with_companions(self, claimed: str, now_s: float) -> str:
        """Let other batches of the lane that fit travel in the same job; return its batch."""
        rows_max = self._rows_max
        others = self._schedule.companions(claimed, now_s, rows_max)
        left = self._run.ports.batches.rows_left() if others else None
        if left is not None and left < 0:  # the rows of the day do not suffice for a full batch
            room = batch_rows_max(self._run.spec) + left
            others = self._schedule.companions(claimed, now_s, min(rows_max, room))
        if not others:
            return claimed
        parts = [claimed, *others]
        merged = self._schedule.merge(parts, self._run.ports.new_id())
        merge(self._run, parts, merged)
        return merged.batch_id

    def recut_too_big(self) -> None:
        """Cut batches that the org could not end in half its batch time limit."""
        rows_max = self._rows_max
        for batch in self._schedule.too_big(rows_max):
            parts = recut(self._run, batch, rows_max)
            del self._schedule.waiting[batch.batch_id]
            for part in parts:
                self.add(part)

    @property
    def _rows_max(self) -> int:
        return self._schedule.rows_max(batch_rows_max(self._run.spec))
