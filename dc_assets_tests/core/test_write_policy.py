"""What the writer does next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.write_policy import (
    POLL_WAIT_MAX_S,
    WaitingBatch,
    blended_row_s,
    claim_order,
    first_poll_wait_s,
    next_poll_wait_s,
)


def test_the_lane_with_most_rows_left_comes_first() -> None:
    """The longest lane bounds the load, so it is asked for first."""
    waiting = [
        WaitingBatch("a", lane=0, rows=10, ready_at_s=0),
        WaitingBatch("b", lane=1, rows=6, ready_at_s=0),
        WaitingBatch("c", lane=1, rows=6, ready_at_s=0),
    ]
    order = claim_order(waiting, busy_lanes=set(), now_s=0)
    assert [batch.batch_id for batch in order] == ["b", "a"]


def test_a_busy_lane_is_not_asked_for() -> None:
    """A lane with a job of ours in flight waits, however many rows it has."""
    waiting = [
        WaitingBatch("a", lane=0, rows=99, ready_at_s=0),
        WaitingBatch("b", lane=1, rows=1, ready_at_s=0),
    ]
    assert [b.batch_id for b in claim_order(waiting, busy_lanes={0}, now_s=0)] == ["b"]


def test_a_batch_that_backs_off_lets_the_next_of_its_lane_go() -> None:
    """A wait belongs to a batch and not to its lane."""
    waiting = [
        WaitingBatch("later", lane=0, rows=9, ready_at_s=5),
        WaitingBatch("now", lane=0, rows=1, ready_at_s=0),
    ]
    assert [b.batch_id for b in claim_order(waiting, busy_lanes=set(), now_s=4)] == ["now"]
    assert claim_order(waiting, busy_lanes=set(), now_s=5)[0].batch_id == "later"


BATCHES = st.builds(
    WaitingBatch,
    batch_id=st.text(min_size=1),
    lane=st.integers(0, 5),
    rows=st.integers(1, 100),
    ready_at_s=st.floats(0, 10),
)


@given(waiting=st.lists(BATCHES), busy=st.sets(st.integers(0, 5)), now_s=st.floats(0, 10))
def test_the_order_holds_one_ready_batch_of_each_free_lane(
    waiting: list[WaitingBatch], busy: set[int], now_s: float
) -> None:
    """No lane stands twice, none is busy, and no free lane with a ready batch is forgotten."""
    order = claim_order(waiting, busy_lanes=busy, now_s=now_s)
    lanes = [batch.lane for batch in order]
    assert len(lanes) == len(set(lanes))
    assert set(lanes) == {b.lane for b in waiting if b.ready_at_s <= now_s} - busy


def test_the_first_poll_comes_when_most_jobs_are_nearly_done() -> None:
    """Without experience it comes at once, with experience at nine tenths of the expected time."""
    assert first_poll_wait_s(rows=10_000, row_s=None) == 0.5
    assert first_poll_wait_s(rows=1_000, row_s=0.01) == 9.0
    assert first_poll_wait_s(rows=1, row_s=0.0) == 0.05


@given(polls=st.integers(1, 10_000))
def test_poll_waits_grow_to_a_limit(polls: int) -> None:
    """A later poll never waits less, and none longer than the limit."""
    assert next_poll_wait_s(polls) <= next_poll_wait_s(polls + 1) <= POLL_WAIT_MAX_S


def test_the_speed_of_the_org_is_a_moving_average() -> None:
    """The first job sets it and each later one moves it by three tenths."""
    first = blended_row_s(None, rows=100, seconds=2.0)
    assert first == 0.02
    assert abs(blended_row_s(first, rows=100, seconds=1.0) - 0.017) < 1e-12
