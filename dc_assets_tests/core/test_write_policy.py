"""What the writer does next."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.write_policy import (
    BATCH_S_MAX,
    POLL_WAIT_MAX_S,
    RecentRows,
    Speed,
    first_poll_wait_s,
    first_to_send,
    halved,
    next_poll_wait_s,
)


def test_the_lane_with_most_rows_left_comes_first() -> None:
    """The longest lane bounds the load, whichever partition holds its rows."""
    rows = {0: 10, 1: 6, 2: 12}
    lanes = {"a": 0, "b": 1, "c": 2}
    assert first_to_send(lanes, remaining_rows=rows, busy_lanes=set(), slots=9) == "c"
    assert first_to_send(lanes, remaining_rows=rows, busy_lanes={2}, slots=9) == "a"


def test_nothing_is_sent_while_every_lane_is_busy() -> None:
    """A lane holds one job at a time."""
    assert first_to_send({"a": 0}, remaining_rows={0: 1}, busy_lanes={0}, slots=9) is None


@given(
    lanes=st.dictionaries(st.text(min_size=1), st.integers(0, 5)),
    rows=st.dictionaries(st.integers(0, 5), st.integers(1, 100)),
    busy=st.sets(st.integers(0, 5)),
)
def test_no_free_lane_has_more_rows_left_than_the_chosen_one(
    lanes: dict[str, int], rows: dict[int, int], busy: set[int]
) -> None:
    """The choice is free, and there is one whenever a lane is free."""
    chosen = first_to_send(lanes, remaining_rows=rows, busy_lanes=busy, slots=99)
    free = {lane for lane in lanes.values() if lane not in busy}
    assert (chosen is None) == (not free)
    if chosen is not None:
        assert lanes[chosen] in free
        assert rows.get(lanes[chosen], 0) == max(rows.get(lane, 0) for lane in free)


def test_the_last_slot_waits_for_the_lane_that_bounds_the_load() -> None:
    """Another process holds its rows and asks within seconds; a job of others takes minutes."""
    rows = {0: 10, 1: 6, 2: 100}
    asked = partial(first_to_send, {"a": 0}, remaining_rows=rows)
    assert asked(busy_lanes={1}, slots=2) is None
    assert asked(busy_lanes={1}, slots=3) == "a", "two slots are free"
    assert asked(busy_lanes={1, 2}, slots=3) == "a", "it is in flight itself"
    assert asked(busy_lanes=set(), slots=1) == "a", "nothing is in flight: nobody may be there"


def test_the_last_slot_is_given_while_no_lane_bounds_the_load() -> None:
    """A lane with less than its share of the rows has time enough."""
    rows = {0: 10, 1: 30, 2: 12}
    assert first_to_send({"a": 0}, remaining_rows=rows, busy_lanes={1}, slots=2) == "a"


def test_the_first_poll_comes_when_most_jobs_are_nearly_done() -> None:
    """Without experience it comes at once, with experience at nine tenths of the expected time."""
    assert first_poll_wait_s(None) == 0.5
    assert first_poll_wait_s(10.0) == 9.0
    assert first_poll_wait_s(0.0) == 0.05


@given(polls=st.integers(1, 10_000))
def test_poll_waits_grow_to_a_limit(polls: int) -> None:
    """A later poll never waits less, and none longer than the limit."""
    assert next_poll_wait_s(polls) <= next_poll_wait_s(polls + 1) <= POLL_WAIT_MAX_S


def test_a_poll_that_expects_nothing_waits_a_part_of_the_time_gone_by() -> None:
    """A job of unknown length is asked for less and less often."""
    assert next_poll_wait_s(9, elapsed_s=10.0) == POLL_WAIT_MAX_S
    assert next_poll_wait_s(20, elapsed_s=200.0) == 30.0


def test_a_poll_waits_for_what_other_jobs_have_shown() -> None:
    """A job that was polled blindly is left alone once another one shows how long it takes."""
    assert next_poll_wait_s(2, elapsed_s=10.0, expected_s=100.0) == 80.0
    assert next_poll_wait_s(5, elapsed_s=95.0, expected_s=100.0) == POLL_WAIT_MAX_S


def test_the_speed_of_the_org_is_a_moving_average_by_rows() -> None:
    """Ten thousand rows count as much as all before them, two hundred hardly at all."""
    first = Speed().after(rows=10_000, total_s=200.0, active_s=100.0)
    assert first == Speed(active_row_s=0.01, queue_s=100.0)
    assert first.after(rows=10_000, total_s=200.0, active_s=200.0).active_row_s == 0.015
    retry = first.after(rows=200, total_s=6.0, active_s=5.0)
    assert retry.active_row_s is not None
    assert 0.01 < retry.active_row_s < 0.0103


def test_what_a_job_takes_is_its_rows_and_its_wait_in_the_queue() -> None:
    """A few rows to try again wait as long in the queue as ten thousand."""
    assert Speed(active_row_s=0.01, queue_s=2.0).expected_s(200) == 4.0
    assert Speed().expected_s(200) is None


def test_a_job_of_one_row_says_little_of_a_large_one() -> None:
    """A replay of one row that took 5 s: the next load polls its first job within seconds."""
    after_a_replay = Speed().after(rows=1, total_s=5.0, active_s=5.0)
    assert first_poll_wait_s(after_a_replay.expected_s(500)) < 15
    assert after_a_replay.rows_max(10_000) > 1_000


def test_the_first_job_that_is_remembered_weighs_by_its_rows() -> None:
    """Jobs of 250 rows in 2 s each: they are believed at once, whatever stands before them."""
    speed = Speed().after(rows=1, total_s=60.0, active_s=60.0)
    for _ in range(4):
        speed = speed.after(rows=250, total_s=2.0, active_s=2.0)
    assert speed.expected_s(250) == pytest.approx(2.0, rel=0.05)


def test_a_job_without_time_teaches_nothing() -> None:
    """An org that tells no processing time leaves the speed unknown."""
    assert Speed().after(rows=100, total_s=0.0, active_s=0.0) == Speed()


@given(active_row_s=st.floats(1e-6, 10.0), most=st.integers(1, 10_000))
def test_a_batch_stays_below_half_the_time_limit_of_an_internal_batch(
    active_row_s: float, most: int
) -> None:
    """The org takes a batch of more than five minutes off its worker; one row is always sent."""
    rows = Speed(active_row_s=active_row_s).rows_max(most)
    assert 1 <= rows <= most
    assert rows == 1 or rows * active_row_s <= BATCH_S_MAX


def test_the_window_is_halved_for_more_than_a_tenth_of_twenty_thousand_rows() -> None:
    """A few locks are other people's work; fewer rows prove nothing."""
    assert RecentRows(20_000, 2_001).is_too_locked
    assert not RecentRows(20_000, 2_000).is_too_locked
    assert not RecentRows(19_999, 19_999).is_too_locked
    assert [halved(window) for window in (16, 3, 1)] == [8, 1, 1]
