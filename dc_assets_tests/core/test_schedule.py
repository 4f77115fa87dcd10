"""What is due when in one partition run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.schedule import Schedule, WaitingBatch
from dc_assets.core.write_policy import CLAIM_AGAIN_S, Speed


def schedule(*batches: WaitingBatch, speed: Speed | None = None) -> Schedule:
    """Return a schedule with some waiting batches."""
    made = Schedule(speed or Speed())
    for batch in batches:
        made.wait_for_lane(batch)
    return made


def batch(name: str, lane: int, *, attempt: int = 1, ready_at_s: float = 0.0) -> WaitingBatch:
    """Return a waiting batch of a thousand rows."""
    return WaitingBatch(name, lane, attempt, 1_000, ready_at_s)


def test_a_lane_in_flight_is_not_asked_for() -> None:
    """One job a lane: the next batch of it waits until the first has landed."""
    one = schedule(batch("a", 0), batch("b", 0), batch("c", 1))
    one.take_off("a", 0.0)
    assert one.sendable(0.0) == ["c"]
    one.landed("a")
    assert set(one.sendable(0.0)) == {"b", "c"}


def test_a_batch_that_backs_off_lets_the_next_of_its_lane_go() -> None:
    """A wait belongs to a batch and not to its lane."""
    one = schedule(batch("later", 0, attempt=2, ready_at_s=5.0), batch("now", 0))
    assert one.sendable(4.0) == ["now"]
    assert one.sendable(5.0) == ["later"]


def test_after_no_grant_the_ledger_is_asked_later_or_when_a_flight_ends() -> None:
    """Asking costs the others time, so it is done when something may have changed."""
    one = schedule(batch("a", 0), batch("b", 1))
    one.take_off("a", 0.0)
    one.not_granted(0.0)
    assert one.sendable(CLAIM_AGAIN_S - 0.01) == []
    assert one.sendable(CLAIM_AGAIN_S) == ["b"]
    one.not_granted(10.0)
    one.landed("a")
    assert one.sendable(10.0) == ["b"]


def test_a_job_is_looked_at_when_most_of_its_time_is_over() -> None:
    """Nine tenths of what its rows took so far; then again after growing waits."""
    one = schedule(batch("a", 0), speed=Speed(active_row_s=0.01))
    one.take_off("a", 0.0)
    assert one.wake_at_s(may_claim_at_s=0.0) is None
    one.closed("a", 2.0)
    assert one.wake_at_s(may_claim_at_s=0.0) == 11.0
    assert one.due(10.9) == []
    assert one.due(11.0) == ["a"]
    assert one.begin_call("a") == 2.0
    assert one.due(11.0) == []
    one.unfinished("a", 11.0)
    assert one.due(12.0) == ["a"]


def test_a_speed_of_few_rows_is_tried_by_one_job_and_keeps_none_waiting() -> None:
    """The org was slow for a hundred rows: a thousand would be awaited for 90 s."""
    one = schedule(batch("a", 0), batch("b", 1), batch("c", 2), speed=Speed(0.1, 0.0, rows=100))
    for name in ("a", "b", "c"):
        one.take_off(name, 0.0)
        one.closed(name, 0.0)
    one.look_at("c", 50.0)
    assert one.due(0.5) == ["a"]
    one.begin_call("a")
    one.unfinished("a", 0.5)
    assert one.due(1.0) == ["a"]
    assert one.due(89.0) == ["a", "c"]
    one.learn(rows=1_000, total_s=1.0, active_s=1.0)
    one.landed("a")
    assert one.due(10.0) == ["b"]
    one.begin_call("b")
    one.unfinished("b", 10.0)
    one.learn(rows=1_000, total_s=1.0, active_s=1.0)
    assert one.due(10.0) == []


def test_what_a_job_shows_moves_those_that_were_looked_at_once() -> None:
    """They are held to the time of a slow small job only until a large one ends.

    One was looked at as soon as this run took it over.
    """
    one = schedule(batch("a", 0), batch("b", 1))
    one.take_over("c", lane=2, rows=1_000, now_s=0.0)
    for name in ("a", "b"):
        one.take_off(name, 0.0)
        one.closed(name, 0.0)
    one.learn(rows=200, total_s=20.0, active_s=20.0)
    for name in ("a", "b", "c"):
        one.begin_call(name)
        one.unfinished(name, 0.5)
    assert one.due(89.0) == []
    one.learn(rows=1_000, total_s=1.0, active_s=1.0)
    one.landed("a")
    assert one.due(20.0) == ["c", "b"]


def test_a_job_that_was_aborted_is_looked_at_soon() -> None:
    """Its rows were expected to take a hundred seconds; now it ends at once."""
    one = schedule(batch("a", 0), speed=Speed(0.1))
    one.take_off("a", 0.0)
    one.closed("a", 0.0)
    assert one.begin_call("a") == 0.0
    one.aborted("a", 200.0)
    assert one.due(205.0) == ["a"]
    assert one.begin_call("a") == 200.0


def test_rows_to_try_again_travel_with_others_of_their_lane() -> None:
    """As many ready batches of the lane as fit, and the attempt of the one tried least."""
    one = schedule(
        batch("again", 0, attempt=2),
        batch("first", 0),
        batch("later", 0, ready_at_s=9.0),
        batch("elsewhere", 1),
    )
    assert one.fitting_batches("again", 0.0, 1_999) == []
    assert one.fitting_batches("again", 0.0, 2_000) == ["first"]
    merged = one.merge(["again", "first"], "both")
    assert (merged.attempt, merged.rows, merged.lane) == (1, 2_000, 0)
    assert set(one.waiting) == {"both", "later", "elsewhere"}


def test_a_batch_is_too_big_with_a_fifth_more_than_the_org_can_end_in_time() -> None:
    """A speed that wavers must not cut every batch anew."""
    one = schedule(batch("a", 0))
    assert one.too_big(900) == []
    assert [b.batch_id for b in one.too_big(800)] == ["a"]


BATCHES = st.builds(
    WaitingBatch,
    batch_id=st.uuids().map(str),
    lane=st.integers(0, 5),
    attempt=st.integers(1, 3),
    rows=st.integers(1, 100),
    ready_at_s=st.floats(0, 10),
)


@given(waiting=st.lists(BATCHES), busy=st.sets(st.integers(0, 5)), now_s=st.floats(0, 10))
def test_one_ready_batch_of_each_free_lane_is_asked_for(
    waiting: list[WaitingBatch], busy: set[int], now_s: float
) -> None:
    """No lane stands twice, none is busy, and no free lane with a ready batch is forgotten."""
    one = schedule(*waiting)
    for lane in busy:
        one.take_over(f"flight {lane}", lane=lane, rows=1, now_s=now_s)
    lanes = [one.waiting[name].lane for name in one.sendable(now_s)]
    assert len(lanes) == len(set(lanes))
    assert set(lanes) == {b.lane for b in waiting if b.ready_at_s <= now_s} - busy
