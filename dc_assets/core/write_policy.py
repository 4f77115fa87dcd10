"""What the writer does next, decided from its state and the time alone.

The same rules drive a real org, the emulator over HTTP and a forecast in virtual time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

LEASE_S = 120.0
"""So long a silent run keeps its partitions."""

HEARTBEAT_S = 25.0
"""It speaks so often: one late heartbeat must not cost it a partition."""

POLL_UNKNOWN_S = 0.5
"""First poll when nothing is known about the org's speed."""

POLL_EARLY = 0.9
"""First poll at this share of the expected time: most jobs are done at the second one."""

POLL_WAIT_MAX_S = 5.0
POLL_UNKNOWN_SHARE = 0.15
"""A poll waits this share of the time that a job has taken beyond what was expected of it."""

CLAIM_AGAIN_S = 2.0
"""A process that found no free lane or slot asks again after this time, or when its job ends."""

ALLOWANCE_EVERY_S = 60.0
"""One call a minute and process tells what is left of the org's day."""

QUEUE_WEIGHT = 0.2

HALF_LIFE_ROWS = 10_000
"""After so many rows a new speed counts as much as all that was seen before."""

BELIEVED_TIMES = 4
"""A speed is believed for a job of so many times the rows that it was seen of."""

CHUNK_ROWS = 200
"""Salesforce works in transactions of so many rows: a job of fewer says little of one row."""

INTERNAL_BATCH_S_MAX = 300.0
"""Salesforce takes an internal batch off its worker after 5 minutes and queues the rest again
(Bulk API 2.0 Developer Guide, how ingest jobs are processed)."""

BATCH_S_MAX = INTERNAL_BATCH_S_MAX / 2

WINDOW_LOOKS_BACK_S = 120.0
"""So long, too, the window stays halved."""

LOCKED_SHARE_MAX = 0.10
LOCKED_AFTER_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Speed:
    """What one row has needed in this org so far; None while nothing is known.

    Attributes:
        active_row_s: seconds that the org worked on a row, by rows.
        queue_s: seconds that a job waited in the org's queue, by jobs.
        rows: that were seen. All count alike while they are few: a first job of one row must not
            outweigh what follows.
    """

    active_row_s: float | None = None
    queue_s: float = 0.0
    rows: float = field(default=math.inf, compare=False, repr=False)

    def after(self, *, rows: int, total_s: float, active_s: float) -> Speed:
        """Return the speed after one more job, by its rows; a job without work tells none.

        A queue that was seen by a job of few rows is forgotten when a large one meets a shorter.

        >>> Speed().after(rows=1_000, total_s=20.0, active_s=12.0)
        Speed(active_row_s=0.012, queue_s=8.0)
        >>> Speed(0.01, 600.0, rows=500).after(rows=9_000, total_s=91.0, active_s=90.0)
        Speed(active_row_s=0.01, queue_s=1.0)
        """
        if min(total_s, active_s) <= 0:
            return self
        seen_row_s, seen_queue_s = active_s / max(CHUNK_ROWS, rows), max(0.0, total_s - active_s)
        if self.active_row_s is None:
            return Speed(seen_row_s, seen_queue_s, rows)
        weight = max(1 - 0.5 ** (rows / HALF_LIFE_ROWS), rows / (self.rows + max(1, rows)))
        queue_s = blended(self.queue_s, seen_queue_s, weight=QUEUE_WEIGHT)
        if not self.is_of_enough(rows):
            queue_s = min(queue_s, seen_queue_s)
        return Speed(
            blended(self.active_row_s, seen_row_s, weight=weight), queue_s, self.rows + rows
        )

    def of_another_hour(self) -> Speed:
        """Return what is left of it later: the speed until a whole chunk was seen, and no queue.

        >>> was = Speed(active_row_s=0.006, queue_s=600.0).of_another_hour()
        >>> one_row = was.after(rows=1, total_s=60.0, active_s=60.0)
        >>> was, one_row.rows_max(10_000)
        (Speed(active_row_s=0.006, queue_s=0.0), 10000)
        """
        return Speed(self.active_row_s, rows=CHUNK_ROWS)

    def rows_max(self, batch_rows_max: int) -> int:
        """Return how many rows a batch may have to stay below half the org's batch time limit.

        >>> Speed(active_row_s=0.025).rows_max(10_000), Speed().rows_max(10_000)
        (6000, 10000)
        """
        if not self.active_row_s:
            return batch_rows_max
        return max(1, min(batch_rows_max, int(BATCH_S_MAX / self.active_row_s)))

    def is_of_enough(self, rows: int) -> bool:
        """Tell whether it was seen of enough rows to be believed for a job of so many.

        An org that was busy for the first 500 rows may be done with 10,000 in no time.

        >>> [Speed(0.01, 0.0, rows=500).is_of_enough(rows) for rows in (2_000, 2_001)]
        [True, False]
        """
        return rows <= BELIEVED_TIMES * self.rows

    def expected_s(self, rows: int) -> float | None:
        """Return how long a job of so many rows is expected to take from its close."""
        return None if self.active_row_s is None else self.queue_s + rows * self.active_row_s


def blended(previous: float, seen: float, *, weight: float) -> float:
    """Return a moving average after one more value."""
    return (1 - weight) * previous + weight * seen


def first_poll_wait_s(expected_s: float | None) -> float:
    """Return the wait between the close of a job and the first poll.

    >>> first_poll_wait_s(None), first_poll_wait_s(100.0)
    (0.5, 90.0)
    """
    return POLL_UNKNOWN_S if expected_s is None else max(0.05, POLL_EARLY * expected_s)


def next_poll_wait_s(
    polls: int, *, elapsed_s: float = 0.0, expected_s: float | None = None
) -> float:
    """Return the wait after the n-th poll that found a job unfinished (n from 1).

    The second poll comes when the expected time is over; from then on the waits double, up to 5 s
    or a part of the time that has gone by since. What other jobs have shown meanwhile counts:
    before 90 % of the time that is expected by now nothing is to be seen.

    >>> [next_poll_wait_s(n) for n in range(1, 6)]
    [0.5, 1.0, 2.0, 4.0, 5.0]
    >>> [next_poll_wait_s(n, elapsed_s=18.0, expected_s=20.0) for n in range(1, 4)]
    [2.0, 4.0, 5.0]
    >>> next_poll_wait_s(3, elapsed_s=3.5, expected_s=100.0)
    86.5
    >>> next_poll_wait_s(9, elapsed_s=60.0), next_poll_wait_s(9, elapsed_s=160.0, expected_s=100.0)
    (9.0, 9.0)
    """
    assert polls >= 1
    least_s = POLL_UNKNOWN_S
    if expected_s is not None:
        least_s = max(least_s, (1 - POLL_EARLY) * expected_s)
    wait_s = min(POLL_WAIT_MAX_S, round(least_s * 2 ** min(polls - 1, 10), 3))
    overdue_s = elapsed_s - (expected_s or 0.0)
    early_s = POLL_EARLY * (expected_s or 0.0) - elapsed_s
    return max(wait_s, POLL_UNKNOWN_SHARE * overdue_s, early_s)


def first_to_send(
    lanes: Mapping[str, int],
    *,
    remaining_rows: Mapping[int, int],
    busy_lanes: AbstractSet[int],
    slots: int,
) -> str | None:
    """Return the batch whose lane is free and has the most rows left over all partitions.

    The longest lane bounds the whole load, so it must never idle: the last slot is not given to
    others while it is free, if it has more rows than a slot's share of what is left. ``lanes`` are
    the lanes of the batches that could be sent, in the order in which batches of one lane are to
    go; ``slots`` is how many jobs may be in flight.

    >>> first_to_send({"a": 1, "b": 2}, remaining_rows={1: 10, 2: 20}, busy_lanes=set(), slots=2)
    'b'
    >>> first_to_send({"a": 1}, remaining_rows={1: 10, 2: 20}, busy_lanes={3}, slots=2) is None
    True
    """
    free = [batch_id for batch_id, lane in lanes.items() if lane not in busy_lanes]
    first = min(free, key=lambda one: (-remaining_rows.get(lanes[one], 0), lanes[one]), default="")
    if len(busy_lanes) == slots - 1 > 0 and first:
        others = (rows for lane, rows in remaining_rows.items() if lane not in busy_lanes)
        longest, all_rows = max(others, default=0), sum(remaining_rows.values())
        if longest > max(remaining_rows.get(lanes[first], 0), all_rows / slots):
            return None
    return first or None


@dataclass(frozen=True, slots=True)
class RecentRows:
    """Rows of jobs that ended in the last `WINDOW_LOOKS_BACK_S`, and those that met a lock."""

    rows: int
    locked: int

    @property
    def is_too_locked(self) -> bool:
        """Whether so many met locks that fewer jobs at once are better for the org."""
        return self.rows >= LOCKED_AFTER_ROWS and self.locked > LOCKED_SHARE_MAX * self.rows


def halved(window: int) -> int:
    """Return the window while it is cut.

    >>> halved(16), halved(1)
    (8, 1)
    """
    return max(1, window // 2)
