"""Ranges of external ids, and the Dagster partitions that name them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class IdRange:
    """The ids ``after < id <= upto``, compared by UTF-8 bytes, which is Python's `str` order.

    ``after is None`` means "from the very first id", ``upto is None`` "to the very last". A lower
    bound that is itself an id loses that row: the earlier system lost one row in two million so.

    >>> IdRange(after=None, upto="b").contains("a")
    True
    >>> IdRange(after="a", upto="b").contains("a")
    False
    """

    after: str | None
    upto: str | None

    def contains(self, external_id: str) -> bool:
        """Tell whether an id lies in the range."""
        above = self.after is None or external_id > self.after
        return above and (self.upto is None or external_id <= self.upto)

    def beyond(self, external_id: str) -> IdRange:
        """Return the rest of the range behind an id that was read already."""
        assert self.contains(external_id), "a resumed range starts inside itself"
        return IdRange(after=external_id, upto=self.upto)

    def __str__(self) -> str:
        lower = "first" if self.after is None else repr(self.after)
        upper = "last" if self.upto is None else repr(self.upto)
        return f"({lower} .. {upper}]"


EVERYTHING = IdRange(after=None, upto=None)


def partition_ranges(scheme: int, upper_bounds: Sequence[str]) -> Mapping[str, IdRange]:
    """Name the ranges that the bounds cut, in order; together they hold every possible id.

    The keys stay short because Dagster's UI truncates long ones; the scheme is part of the key
    because a partition of an older cut is another partition. ``upper_bounds`` is strictly
    ascending and may be empty: then one partition holds everything.

    >>> {key: str(r) for key, r in partition_ranges(1, ["b"]).items()}
    {'r1-01': "(first .. 'b']", 'r1-02': "('b' .. last]"}
    """
    assert all(a < b for a, b in itertools.pairwise(upper_bounds))
    lowers: list[str | None] = [None, *upper_bounds]
    uppers: list[str | None] = [*upper_bounds, None]
    ranges = {
        f"r{scheme}-{number:02d}": IdRange(after=after, upto=upto)
        for number, (after, upto) in enumerate(zip(lowers, uppers, strict=True), start=1)
    }
    return MappingProxyType(ranges)
