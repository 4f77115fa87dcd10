"""Ranges hold every id once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.ranges import IdRange, partition_ranges

IDS = st.text(max_size=8)


@given(bounds=st.sets(IDS, max_size=6), external_id=IDS)
def test_every_id_lies_in_exactly_one_partition(bounds: set[str], external_id: str) -> None:
    """The partitions of any bounds cover all ids and overlap nowhere."""
    ranges = partition_ranges(1, sorted(bounds))
    assert sum(r.contains(external_id) for r in ranges.values()) == 1


@given(ids=st.lists(IDS, min_size=2, unique=True))
def test_ids_compare_as_their_bytes_do(ids: list[str]) -> None:
    """The order of a range is the order of UTF-8 bytes, not of any locale."""
    low, high = sorted(ids, key=str.encode)[:2]
    assert IdRange(after=low, upto=high).contains(high)
    assert not IdRange(after=low, upto=high).contains(low)


def test_the_first_and_the_last_partition_are_open() -> None:
    """No id is too small for the first or too big for the last partition."""
    ranges = partition_ranges(3, ["g", "p"])
    assert list(ranges) == ["r3-01", "r3-02", "r3-03"]
    assert ranges["r3-01"].after is None
    assert ranges["r3-03"].upto is None


def test_a_bound_belongs_to_the_partition_below_it() -> None:
    """The bound itself is the last id of its partition and not the first of the next."""
    ranges = partition_ranges(1, ["g"])
    assert ranges["r1-01"].contains("g")
    assert not ranges["r1-02"].contains("g")


def test_no_bounds_make_one_partition_of_everything() -> None:
    """A load without bounds has one partition."""
    assert dict(partition_ranges(1, [])) == {"r1-01": IdRange(after=None, upto=None)}


def test_the_rest_of_a_range_begins_behind_the_last_read_id() -> None:
    """A resumed range leaves out what was read and keeps its end."""
    assert IdRange(after="a", upto="p").beyond("g") == IdRange(after="g", upto="p")


def test_a_range_is_not_resumed_outside_itself() -> None:
    """An id that the range does not hold cannot be the last one read."""
    with pytest.raises(AssertionError, match="inside itself"):
        IdRange(after="g", upto="p").beyond("g")


def test_bounds_that_do_not_ascend_are_a_fault_of_the_caller() -> None:
    """Equal bounds would make a partition that holds nothing."""
    with pytest.raises(AssertionError):
        partition_ranges(1, ["g", "g"])
