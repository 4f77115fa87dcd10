"""The product's lanes in an org with locks: rows that met one are tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.simulate.locking_org import LockingOrg
from dc_assets.core.ladders import ROW_LADDER_S, jittered, row_wait_s
from dc_assets.core.write_policy import WINDOW_LOOKS_BACK_S, RecentRows, halved
from dc_assets.simulation.jobs import SimulatedJob
from dc_assets.simulation.lanes import run_lanes
from dc_assets.simulation.partition_run import Book, LanesFigures, SimulatedBatch, Way


@dataclass(slots=True)
class LockedFigures(LanesFigures):
    """What came of a load, and of its rows that met a lock.

    Attributes:
        first_pass_rows: rows that landed with their first attempt.
    """

    first_pass_rows: int = 0
    refused_rows: int = 0
    locked_rows: int = 0


def run_locked_lanes(org: LockingOrg, way: Way | None = None) -> LockedFigures:
    """Write all rows of an org's parents in lanes; return what came of it."""
    way, figures = way or Way(), LockedFigures()
    book = LockedBook(org, way.window, figures)
    run_lanes(org, way, book)
    figures.first_pass_rows = len(org.parents) - len(book.tried_again)
    return figures


class LockedBook(Book):
    """Waits and tries again as the writer does, and halves the window while many rows meet locks.

    Attributes:
        tried_again: rows that did not land with their first attempt.
    """

    def __init__(self, org: LockingOrg, window: int, figures: LockedFigures) -> None:
        super().__init__(org, window, figures)
        self.tried_again: set[int] = set()
        self._told = figures
        self._ended: list[tuple[float, int, int]] = []
        self._cut_until_s = 0.0

    def files_to_read(self, job: SimulatedJob) -> int:
        """Count them until every row is named, the successful ones first."""
        if job.unprocessed:
            return 3
        return 2 if job.failed else 1

    def sent_again(
        self, batch: SimulatedBatch, job: SimulatedJob
    ) -> Sequence[tuple[SimulatedBatch, float]]:
        """Return the rows that met a lock, in their old order; the ladder may be used up."""
        self._ended.append((self._org.now_s, len(batch.rows), len(job.failed)))
        self._told.locked_rows += len(job.failed)
        rows = {*job.failed, *job.unprocessed}
        self.tried_again |= rows
        if not rows:
            return ()
        wait_s = row_wait_s(ROW_LADDER_S, batch.attempt)
        if wait_s is None:
            self._told.refused_rows += len(rows)
            return ()
        again = SimulatedBatch(
            batch.lane, batch.attempt + 1, [row for row in batch.rows if row in rows]
        )
        return [(again, jittered(wait_s, self._org.chance.random()))]

    def window_now(self) -> int:
        """Return half the window for a while after too many rows met a lock."""
        now_s = self._org.now_s
        if now_s < self._cut_until_s:
            return halved(self._window)
        self._ended = [one for one in self._ended if one[0] > now_s - WINDOW_LOOKS_BACK_S]
        rows = sum(rows for _, rows, _ in self._ended)
        if not RecentRows(rows, sum(locked for *_, locked in self._ended)).is_too_locked:
            return self._window
        self._cut_until_s = now_s + WINDOW_LOOKS_BACK_S
        return halved(self._window)
