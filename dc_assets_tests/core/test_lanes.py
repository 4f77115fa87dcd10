"""The way from a parent to its lane."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.lanes import LaneMap, hot_threshold, lane_count


@pytest.mark.parametrize(
    ("rows", "partitions", "lanes"),
    [
        (2_000_000, 1, 32),
        (2_000_000, 2, 32),
        (2_000_000, 5, 32),
        (2_000_000, 10, 20),
        (2_000_000, 20, 16),
        (5_000_000, 5, 32),
        (400_000, 5, 16),
        (0, 1, 16),
    ],
)
def test_the_lane_count_is_the_measured_one(rows: int, partitions: int, lanes: int) -> None:
    """The rule gives the lane counts that did best in the model of an org."""
    assert lane_count(rows=rows, partitions=partitions, window=16) == lanes


@given(
    rows=st.integers(0, 10**8),
    partitions=st.integers(1, 200),
    window=st.integers(1, 100),
)
def test_lanes_fill_the_window_and_never_twice_over(
    rows: int, partitions: int, window: int
) -> None:
    """Fewer lanes than slots would starve them, more than two a slot make small jobs."""
    assert window <= lane_count(rows=rows, partitions=partitions, window=window) <= 2 * window


@given(parents=st.lists(st.text(max_size=12)), shared=st.integers(1, 64), hot=st.sets(st.text()))
def test_every_parent_has_a_lane(parents: list[str], shared: int, hot: set[str]) -> None:
    """Any text has a lane, and no lane lies outside the map."""
    lanes = LaneMap(shared, tuple(sorted(hot)))
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


def test_a_hot_parent_has_a_lane_of_its_own() -> None:
    """Nobody else is hashed into the lane of a hot parent."""
    lanes = LaneMap(shared=4, hot=("big", "bigger"))
    assert lanes.lanes_of(["big", "bigger"]) == [4, 5]
    assert max(lanes.lanes_of(f"acc{n}" for n in range(500))) == 3


def test_a_parent_written_in_two_cases_has_one_lane() -> None:
    """The org finds a parent without regard to case, so ACC1 and acc1 are one record."""
    lanes = LaneMap(shared=16, hot=("Big",))
    assert len(set(lanes.lanes_of(["Acc1", "ACC1", "acc1"]))) == 1
    assert lanes.lanes_of(["BIG", "big"]) == [16, 16]


def test_a_parent_is_hot_above_a_quarter_of_a_lane() -> None:
    """The threshold is rows / (4 x lanes) and never 0."""
    assert hot_threshold(rows=2_000_000, lanes=32) == 15_625
    assert hot_threshold(rows=3, lanes=32) == 1
