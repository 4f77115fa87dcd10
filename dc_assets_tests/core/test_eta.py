"""The time that a load still takes: exact where everything is even, never below the bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.eta import Flying, Part, Rest, Waiting, time_left
from dc_assets.core.pace import Pace

PACE = Pace(read_row_s=0.001, job_s=2.0, row_s=0.01, turnover_s=5.0)

lanes_of_rows = st.dictionaries(
    st.integers(0, 30), st.lists(st.integers(1, 5_000), min_size=1, max_size=5), max_size=20
)
paces = st.builds(
    Pace,
    read_row_s=st.floats(0, 0.1),
    job_s=st.floats(0, 10),
    row_s=st.floats(0, 0.1),
    turnover_s=st.floats(0, 100),
    sent_per_row=st.floats(1, 2),
    unevenness=st.lists(st.floats(0.1, 5), min_size=1, max_size=8).map(sorted).map(tuple),
)
flights = st.builds(Flying, st.integers(0, 30), st.integers(1, 5_000), st.floats(0, 1_000))


def part(
    waiting: Mapping[int, Sequence[int]], flying: Sequence[Flying] = (), key: str = "r1-01"
) -> Part:
    """Return a partition that a run writes."""
    lanes = {lane: Waiting(sum(rows), len(rows)) for lane, rows in waiting.items()}
    return Part(key, since_s=0.0, is_read=True, waiting=lanes, flying=flying)


@given(lanes_of_rows, st.lists(flights, max_size=8, unique_by=lambda f: f.lane), paces)
def test_no_time_left_is_negative_or_without_end(
    waiting: Mapping[int, Sequence[int]], flying: Sequence[Flying], pace: Pace
) -> None:
    """Whatever is left, whatever the pace, also where jobs are long overdue."""
    parts = [part(waiting, flying), Part("r1-02", rows=700.0), Part("r1-03", starts_in_s=7.0)]
    left = time_left(Rest(parts, window=4), pace)
    assert 0 <= left.seconds < math.inf
    assert set(left.by_partition) == {"r1-01", "r1-02", "r1-03"}
    assert max(left.by_partition.values()) == left.seconds


@given(lanes_of_rows, st.integers(1, 16))
def test_the_rest_takes_its_longest_lane_and_its_work_by_the_window(
    waiting: Mapping[int, Sequence[int]], window: int
) -> None:
    """Not less than either of both, and not more than both together."""
    lanes = [PACE.flight_s(sum(rows), len(rows)) for rows in waiting.values()]
    longest_s, work_s = max(lanes, default=0.0), sum(lanes) / window
    seconds = time_left(Rest([part(waiting)], window), PACE).seconds
    assert max(longest_s, work_s) <= seconds + 1e-6
    assert seconds <= longest_s + work_s + 1e-6


@given(lanes_of_rows, st.integers(0, 30), st.integers(1, 5_000))
def test_with_a_slot_for_each_lane_more_rows_never_take_less_time(
    waiting: Mapping[int, Sequence[int]], lane: int, more: int
) -> None:
    """One more batch in a lane makes it longer, and no other one."""
    fewer = time_left(Rest([part(waiting)], window=31), PACE).seconds
    longer = {**waiting, lane: [*waiting.get(lane, []), more]}
    assert time_left(Rest([part(longer)], window=31), PACE).seconds >= fewer - 1e-6


@given(st.integers(0, 6), st.integers(1, 7))
def test_more_partitions_to_come_never_take_less_time(to_come: int, crew: int) -> None:
    """And with one place each takes its whole time: turnover, reading, jobs one after another."""
    whole_s = PACE.turnover_s + 1_000 * PACE.read_row_s + PACE.flight_s(1_000)

    def seconds(parts: int, places: int) -> float:
        rest = [part({0: [1_000]}), *(Part(f"r1-{n}", rows=1_000.0) for n in range(parts))]
        return time_left(Rest(rest, window=4, crew=places), PACE).seconds

    assert seconds(to_come + 1, crew) >= seconds(to_come, crew) - 1e-6
    assert math.isclose(seconds(to_come, 1), PACE.flight_s(1_000) + to_come * whole_s)


def test_a_load_of_constant_speed_is_told_exactly_at_every_moment() -> None:
    """Four lanes of ten even jobs, one slot each: what is left falls as time goes by."""
    jobs, rows = 10, 1_000
    flight_s = PACE.flight_s(rows)
    for passed_s in range(0, int(jobs * flight_s), 3):
        done, since_s = divmod(passed_s, flight_s)
        left = jobs - int(done) - 1
        flying = [Flying(lane, rows, since_s) for lane in range(4)]
        waiting = {lane: [rows] * left for lane in range(4)} if left else {}
        seconds = time_left(Rest([part(waiting, flying)], window=4), PACE).seconds
        assert math.isclose(seconds, jobs * flight_s - passed_s, abs_tol=1e-6)


def test_a_few_long_lanes_take_longer_than_the_rows_say() -> None:
    """At the end of a Zipf load one hot lane is left: other slots do not make it shorter."""
    hot = {0: [10_000] * 3, **{lane: [100] for lane in range(1, 16)}}
    even = {lane: [10_000 * 3 // 16 + 94] for lane in range(16)}
    seconds = [time_left(Rest([part(one)], window=16), PACE).seconds for one in (hot, even)]
    assert seconds == [PACE.flight_s(30_000, 3), PACE.flight_s(1_969)]


def test_an_overdue_job_is_one_of_those_that_take_longer() -> None:
    """Among jobs seen to take 1, 2 or 4 times the line, one that has taken 3 takes 4."""
    pace = Pace(0.0, job_s=10.0, row_s=0.0, unevenness=(1.0, 2.0, 4.0))
    rest = [time_left(Rest([part({}, [Flying(0, 1, s)])], 1), pace).seconds for s in (30.0, 50.0)]
    assert rest == [10.0, 1.0]


def test_jobs_to_come_are_as_uneven_as_those_that_were_seen() -> None:
    """Of two jobs at once one takes half of the line, the other three halves: that one counts."""
    pace = Pace(0.0, job_s=10.0, row_s=0.0, unevenness=(0.5, 1.5))
    assert time_left(Rest([part({0: [1], 1: [1]})], window=2), pace).seconds == 15.0


def test_jobs_come_back_no_faster_than_they_were_seen_to() -> None:
    """They share the org's workers and our threads: the last of four lands three gaps later."""
    pace = Pace(0.0, job_s=10.0, row_s=0.0, landing_s=2.0)
    waiting = {lane: [1] for lane in range(4)}
    assert time_left(Rest([part(waiting)], window=4), pace).seconds == 16.0


def test_one_place_repeats_the_whole_time_that_partitions_took() -> None:
    """What has ended tells more than single jobs; several places share the org, so there not."""
    pace = Pace(0.0, 0.0, 0.01, turnover_s=5.0, whole_row_s=0.1)
    parts = [part({}), Part("r1-02", rows=1_000.0)]
    alone, shared = (time_left(Rest(parts, 4, crew=crew), pace).seconds for crew in (1, 2))
    assert alone == 5.0 + 100.0
    assert shared == 10.0


def test_rows_that_back_off_are_waited_for() -> None:
    """Their lane begins when the first of them is ready; the others do not wait."""
    lanes = {0: Waiting(1_000.0, 1), 1: Waiting(100.0, 1, ready_in_s=60.0)}
    rest = Rest([Part("r1-01", since_s=0.0, is_read=True, waiting=lanes)], window=1)
    assert time_left(rest, PACE).seconds == 60.0 + PACE.flight_s(100)


def test_nothing_is_sent_while_all_runs_pause() -> None:
    """A pause comes before the rest, and a partition that was left waits for its place."""
    waiting = part({0: [1_000]})
    left = Part("r1-02", is_read=True, waiting={0: Waiting(1_000.0, 1)})
    rest = Rest([waiting, left], window=4, paused_s=100.0)
    told = time_left(rest, PACE)
    first_s = 100.0 + PACE.flight_s(1_000)
    again_s = first_s + PACE.turnover_s + PACE.flight_s(1_000)
    assert told.by_partition == {"r1-01": first_s, "r1-02": again_s}


def test_the_longest_lane_of_a_partition_that_is_read_later_goes_first() -> None:
    """All its lanes are ready in one moment: the small ones that are named first must not win."""
    rest = Rest(
        [Part("r1-02", rows=1_200.0)], window=2, lane_shares={0: 1 / 12, 1: 1 / 12, 2: 10 / 12}
    )
    assert time_left(rest, Pace(0.0, job_s=0.0, row_s=0.01)).seconds == pytest.approx(10.0)
