"""The way from a parent to its lane."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.lanes import BATCH_ROWS_MAX, LaneMap, LoadSize


@pytest.mark.parametrize(
    ("rows", "partitions", "lanes", "jobs"),
    [
        (2_000_000, 1, 44, 5),
        (2_000_000, 5, 44, 1),
        (2_000_000, 10, 22, 1),
        (2_000_000, 20, 16, 1),
        (5_000_000, 5, 36, 3),
        (400_000, 5, 16, 1),
        (0, 1, 16, 0),
    ],
)
def test_lanes_hold_whole_jobs_of_each_partition(
    rows: int, partitions: int, lanes: int, jobs: int
) -> None:
    """As many lanes as make full jobs, few enough for the window, never fewer than its slots."""
    made = LoadSize(rows, partitions, window=16).lane_map(())
    assert (made.shared, made.named) == (lanes, ())
    assert -(-rows // (lanes * partitions * BATCH_ROWS_MAX)) == jobs


@st.composite
def loads(draw: st.DrawFn) -> tuple[LoadSize, list[tuple[str, int]]]:
    """Return the size of a load, and those of its parents that may be named."""
    counts = sorted(draw(st.lists(st.integers(1, 10**6), max_size=60)), reverse=True)
    rows = sum(counts) + draw(st.integers(0, 10**7))
    size = LoadSize(rows, draw(st.integers(1, 50)), draw(st.integers(1, 40)))
    return size, [(f"p{n}", rows) for n, rows in enumerate(counts) if rows > size.named_above]


@given(load=loads())
def test_lanes_fill_the_window_and_their_jobs(
    load: tuple[LoadSize, list[tuple[str, int]]],
) -> None:
    """Fewer lanes than slots would starve them; a lane that is half empty makes small jobs."""
    size, big = load
    lanes, rows_of = size.lane_map(big), dict(big)
    assert lanes.total >= size.window
    named = [name for group in lanes.named for name in group]
    assert len(named) == len(set(named))
    for group in lanes.named:
        rows = sum(rows_of[name] for name in group)
        assert 2 * rows >= size.lane_rows
        assert len(group) == 1 or rows <= max(2 * size.lane_rows, 2 * rows_of[group[0]])
    in_shared = size.rows - sum(rows_of[name] for name in named)
    if lanes.total > size.window and lanes.shared > 1:
        assert in_shared > (lanes.shared - 1) * size.lane_rows


def test_big_parents_share_lanes_that_are_full() -> None:
    """The first lane with room takes them; the biggest is alone, since it bounds the load."""
    size = LoadSize(rows=2_000_000, partitions=5, window=16)
    big = [("huge", 156_000), ("big", 78_000), ("mid", 30_000), ("low", 16_000), ("less", 15_000)]
    assert size.named_above == 465
    lanes = size.lane_map(big)
    assert lanes.named == (("huge",), ("big", "less"), ("mid", "low"))
    assert lanes.shared == -(-(2_000_000 - 295_000) // size.lane_rows)


def test_a_lane_that_stays_half_empty_is_dissolved() -> None:
    """A few rows would cost a job in each partition; by hash they go with others."""
    size = LoadSize(rows=2_000_000, partitions=5, window=16)
    assert size.lane_map([("small", 600), ("smaller", 500)]) == LaneMap(44)


def test_a_plan_of_before_keeps_its_lanes() -> None:
    """It names one parent for each lane, and a load under way goes on with it."""
    assert LaneMap.of_kept(4, ["a", "b"]) == LaneMap(4, (("a",), ("b",)))
    assert LaneMap.of_kept(4, [["a", "b"], ["c"]]) == LaneMap(4, (("a", "b"), ("c",)))


@given(parents=st.lists(st.text(max_size=12)), shared=st.integers(1, 64), hot=st.sets(st.text()))
def test_every_parent_has_a_lane(parents: list[str], shared: int, hot: set[str]) -> None:
    """Any text has a lane, and no lane lies outside the map."""
    lanes = LaneMap(shared, tuple((one,) for one in sorted(hot)))
    numbers = lanes.lanes_of(parents)
    assert len(numbers) == len(parents)
    assert all(0 <= number < lanes.total for number in numbers)


def test_another_process_finds_the_same_lanes() -> None:
    """The lane does not depend on the hash seed of a process."""
    program = (
        "from dc_assets.core.lanes import LaneMap;"
        "print(LaneMap(16).lanes_of(f'acc{n}' for n in range(200)))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert answers == {str(LaneMap(16).lanes_of(f"acc{n}" for n in range(200)))}


def test_named_parents_have_a_lane_without_others() -> None:
    """Nobody else is hashed into the lane of a named parent."""
    lanes = LaneMap(shared=4, named=(("big",), ("bigger", "mid")))
    assert lanes.lanes_of(["big", "bigger", "mid"]) == [4, 5, 5]
    assert max(lanes.lanes_of(f"acc{n}" for n in range(500))) == 3


def test_a_parent_written_in_two_cases_has_one_lane() -> None:
    """The org finds a parent without regard to case, so ACC1 and acc1 are one record."""
    lanes = LaneMap(shared=16, named=(("Big",),))
    assert len(set(lanes.lanes_of(["Acc1", "ACC1", "acc1"]))) == 1
    assert lanes.lanes_of(["BIG", "big"]) == [16, 16]
