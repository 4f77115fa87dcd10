"""What the writer does next, decided from its state and the time alone.

The same rules drive a real org, the emulator over HTTP and a forecast in virtual time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

POLL_UNKNOWN_S = 0.5
"""First poll when nothing is known about the org's speed."""

POLL_EARLY = 0.9
"""First poll at this share of the expected time: most jobs are done at the second one."""

POLL_WAIT_MAX_S = 5.0
CLAIM_AGAIN_S = 2.0
"""A process that found no free lane or slot asks again after this time, or when its job ends."""

EWMA_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A planned batch of this partition; `ready_at_s` is later than now while it backs off."""

    batch_id: str
    lane: int
    rows: int
    ready_at_s: float


def claim_order(
    waiting: Iterable[WaitingBatch], *, busy_lanes: AbstractSet[int], now_s: float
) -> list[WaitingBatch]:
    """Return the batches to ask a slot for: one a lane, the lane with most rows left first.

    The longest lane bounds the whole load, so it must never idle. Lanes that this process has in
    flight are left out; lanes of other processes are known to the ledger only.
    """
    remaining_rows: dict[int, int] = defaultdict(int)
    first: dict[int, WaitingBatch] = {}
    for batch in waiting:
        remaining_rows[batch.lane] += batch.rows
        if batch.lane not in busy_lanes and batch.ready_at_s <= now_s:
            first.setdefault(batch.lane, batch)
    return sorted(first.values(), key=lambda b: (-remaining_rows[b.lane], b.lane))


def first_poll_wait_s(*, rows: int, row_s: float | None) -> float:
    """Return the wait between the close of a job and the first poll.

    >>> first_poll_wait_s(rows=10_000, row_s=None), first_poll_wait_s(rows=10_000, row_s=0.01)
    (0.5, 90.0)
    """
    if row_s is None:
        return POLL_UNKNOWN_S
    return max(0.05, POLL_EARLY * rows * row_s)


def next_poll_wait_s(polls: int) -> float:
    """Return the wait after the n-th poll that found a job unfinished (n from 1).

    >>> [next_poll_wait_s(n) for n in range(1, 6)]
    [0.5, 1.0, 2.0, 4.0, 5.0]
    """
    assert polls >= 1
    return min(POLL_WAIT_MAX_S, POLL_UNKNOWN_S * 2 ** min(polls - 1, 10))


def blended_row_s(previous: float | None, *, rows: int, seconds: float) -> float:
    """Return the moving average of seconds a row after one more job."""
    seen = seconds / max(1, rows)
    return seen if previous is None else (1 - EWMA_WEIGHT) * previous + EWMA_WEIGHT * seen
