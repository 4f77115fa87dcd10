"""Lanes: two jobs in flight never hold rows of one parent.

Writers that share a parent record block each other (`UNABLE_TO_LOCK_ROW`). A lane owns its parents,
and at most one job of a lane is in flight, so our own jobs cannot collide. The numbers below were
measured on a model of an org: see `docs/adr/0004-lanes-by-parent.md`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WINDOW_DEFAULT = 16
"""Jobs in flight over all partitions and hosts."""

BATCH_ROWS_MAX = 10_000
"""Salesforce cuts a job into internal batches of 10,000 and runs those beside each other."""

NEVER_LOCKED = frozenset({"Owner", "RecordType"})
"""Lookups of every object that hold no rows up (assumed)."""

HOT_LANES_A_SHARED_ONE = 2
"""At most so many hot parents for each shared lane."""


def lane_count(*, rows: int, partitions: int, window: int) -> int:
    """Return L = clamp(ceil(rows / (partitions x 10,000)), window, 2 x window).

    >>> lane_count(rows=2_000_000, partitions=5, window=16)
    32
    """
    assert partitions >= 1
    assert window >= 1
    wanted = -(-rows // (partitions * BATCH_ROWS_MAX))
    return max(window, min(wanted, 2 * window))


def hot_threshold(*, rows: int, lanes: int) -> int:
    """Return the row count above which a parent gets a lane of its own: rows / (4 x lanes)."""
    return max(1, rows // (4 * lanes))


@dataclass(frozen=True, slots=True)
class LaneMap:
    """The agreed way from a parent to its lane; one per load, never recomputed while it runs.

    Attributes:
        shared: lanes 0 .. shared - 1 hold parents by hash.
        hot: parents with a lane of their own: the n-th one has lane shared + n.
    """

    shared: int
    hot: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Number of lanes."""
        return self.shared + len(self.hot)

    def lanes_of(self, parents: Iterable[str]) -> list[int]:
        """Return the lane of each parent, in order.

        CRC-32 because every process must agree: Python's `hash` is salted per process. Upper and
        lower case are one parent, because the org finds a parent by its external id without case.

        >>> LaneMap(shared=4, hot=("big",)).lanes_of(["big", "acc1", "acc1"])
        [4, 1, 1]
        """
        own = {parent: self.shared + n for n, parent in enumerate(_folded(self.hot))}
        folded = _folded([*parents])
        hashes = map(zlib.crc32, folded)
        return [own.get(p, crc % self.shared) for p, crc in zip(folded, hashes, strict=True)]


def _folded(parents: Sequence[str]) -> list[bytes]:
    """Return names without case; all at once is three times as fast as one by one."""
    folded = "\0".join(parents).casefold().encode().split(b"\0")
    if len(folded) == len(parents):
        return folded
    return [parent.casefold().encode() for parent in parents]  # none, or a NUL within one
