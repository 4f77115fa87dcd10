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

JOB_ROWS = 9_300
"""Rows that a job is to have: chance fills lanes unevenly, and a row too many is a job more."""

LANES_A_SLOT = 3
"""At most about so many lanes for each slot of the window."""

NAMED_SHARE = 100
"""Parents with more than this part of a lane are placed by name; chance evens out the others."""


@dataclass(frozen=True, slots=True)
class LaneMap:
    """The agreed way from a parent to its lane; one per load, never recomputed while it runs.

    Attributes:
        shared: lanes 0 .. shared - 1 hold parents by hash.
        named: parents that are placed by name: those of the n-th group have lane shared + n.
    """

    shared: int
    named: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of_kept(cls, shared: int, named: Sequence[str | Sequence[str]]) -> LaneMap:
        """Return the map that a ledger keeps; a load of before has one name, not a list, a lane."""
        groups = ((one,) if isinstance(one, str) else tuple(one) for one in named)
        return cls(shared, tuple(groups))

    @property
    def total(self) -> int:
        """Number of lanes."""
        return self.shared + len(self.named)

    def lanes_of(self, parents: Iterable[str]) -> list[int]:
        """Return the lane of each parent, in order.

        CRC-32 because every process must agree: Python's `hash` is salted per process. Upper and
        lower case are one parent, because the org finds a parent by its external id without case.

        >>> LaneMap(shared=4, named=(("big",),)).lanes_of(["big", "acc1", "acc1"])
        [4, 1, 1]
        """
        return self._lanes(_folded([*parents]))

    def lanes_of_joined(self, parents: str) -> list[int]:
        r"""Return the same of parents in one text, with a NUL between each two.

        >>> LaneMap(shared=4, named=(("big",),)).lanes_of_joined("big\0acc1")
        [4, 1]
        """
        return self._lanes(_split(parents))

    def _lanes(self, folded: Sequence[bytes]) -> list[int]:
        placed = enumerate(self.named, start=self.shared)
        own = {parent: lane for lane, group in placed for parent in _folded(group)}
        hashes = map(zlib.crc32, folded)
        if not own:
            return [crc % self.shared for crc in hashes]
        return [own.get(p, crc % self.shared) for p, crc in zip(folded, hashes, strict=True)]


def _folded(parents: Sequence[str]) -> list[bytes]:
    """Return names without case; all at once is three times as fast as one by one."""
    folded = _split("\0".join(parents))
    if len(folded) == len(parents):
        return folded
    return [parent.casefold().encode() for parent in parents]  # none, or a NUL within one


def _split(parents: str) -> list[bytes]:
    return parents.casefold().encode().split(b"\0")


@dataclass(frozen=True, slots=True)
class LoadSize:
    """What decides how many lanes a load has: its rows, its partitions, its jobs in flight."""

    rows: int
    partitions: int
    window: int

    @property
    def lane_rows(self) -> int:
        """Rows of a lane over all partitions: whole jobs of each, or less to fill the window.

        >>> LoadSize(rows=2_000_000, partitions=5, window=16).lane_rows
        46500
        """
        jobs = max(1, -(-self.rows // (LANES_A_SLOT * self.window * self._job_rows)))
        return max(1, min(self.rows // self.window, jobs * self._job_rows))

    @property
    def named_above(self) -> int:
        """The row count above which a parent is placed by name."""
        return max(1, self.lane_rows // NAMED_SHARE)

    @property
    def _job_rows(self) -> int:
        """Rows of one job of a lane in each partition, together."""
        return self.partitions * JOB_ROWS

    def lane_map(self, big: Sequence[tuple[str, int]]) -> LaneMap:
        """Place each big parent in the first lane with room, and count lanes for the other rows.

        A parent that is longer than a lane fills its last job with others, unless it is the
        biggest: that one bounds the load. A lane that stays more than half empty is dissolved.

        Args:
            big: (parent, rows) of each with more than `named_above` rows, biggest first.
        """
        groups: list[list[str]] = []
        held, rooms = list[int](), list[int]()
        for parent, rows in big:
            lane = next((n for n, room in enumerate(rooms) if room >= rows), len(rooms))
            if lane == len(rooms):
                groups.append([])
                held.append(0)
                rooms.append(self._room_for(rows, is_first=lane == 0))
            groups[lane].append(parent)
            held[lane] += rows
            rooms[lane] -= rows
        kept = [n for n, rows in enumerate(held) if 2 * rows >= self.lane_rows]
        others = self.rows - sum(held[n] for n in kept)
        shared = max(1, -(-others // self.lane_rows), self.window - len(kept))
        return LaneMap(shared, tuple(tuple(groups[n]) for n in kept))

    def _room_for(self, rows: int, *, is_first: bool) -> int:
        if is_first or rows <= self.lane_rows:
            return max(rows, self.lane_rows)
        unit = min(self.lane_rows, self._job_rows)
        return -(-rows // unit) * unit
