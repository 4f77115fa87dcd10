"""What a look at the ledger makes of a load: which pace it goes at, and who is running."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dc_assets.core.pace import PastJob
from dc_assets.core.seen_load import SeenFlight, SeenLane, SeenLoad, SeenRange

NOW = 1_000_000.0

READ = SeenRange("r1-01", NOW - 100, selected=1_000, read_at=NOW - 80, is_held=True)
"""It was read in 20 s."""

LOAD = SeenLoad(
    now=NOW,
    rows=5_000,
    planned_at=NOW - 100,
    window=4,
    spec_partitions=5,
    ranges=[READ],
    to_come=["r1-02", "r1-03", "r1-04", "r1-05"],
    lanes=[SeenLane("r1-01", 0, waiting=400, batches=1, done=600, batch_rows=600)],
    jobs=[PastJob(600.0, 60.0)],
)


def seconds_left(load: SeenLoad) -> float:
    """Return the time left of a load of which enough was seen."""
    left = load.time_left()
    assert left is not None
    return left.seconds


def test_nothing_is_foretold_before_rows_are_read_and_a_job_is_back() -> None:
    """There is no pace yet; past loads may have told one."""
    assert replace(LOAD, jobs=[]).time_left() is None
    unread = replace(READ, selected=None, read_at=None)
    assert replace(LOAD, ranges=[unread]).time_left() is None
    assert replace(LOAD, ranges=[]).pace() is None


def test_partitions_that_were_not_read_share_the_rows_that_the_plan_has_more() -> None:
    """A load of some rows only has no such number: then they are like those that were read."""
    assert replace(LOAD, rows=9_000).expected_rows() == 2_000
    assert replace(LOAD, rows=9_000).rows_in_all() == 9_000
    assert replace(LOAD, rows=None).expected_rows() == 1_000
    assert replace(LOAD, rows=900).expected_rows() == 0
    assert replace(LOAD, rows=None, ranges=[]).rows_in_all() is None
    assert replace(LOAD, ranges=[]).rows_in_all() == 4_000


def test_the_first_partition_was_not_read_while_the_load_was_planned() -> None:
    """Its reading begins when the plan is there."""
    pace = replace(LOAD, planned_at=NOW - 90).pace()
    assert pace is not None
    assert math.isclose(pace.read_row_s, 10 / 1_000)


def spans(*moments: tuple[float, float | None]) -> Sequence[SeenRange]:
    """Return partitions that began and ended so many seconds ago; the last one is held."""
    return [
        SeenRange(
            f"r1-0{n}",
            NOW - began,
            selected=1_000,
            read_at=NOW - began + 20,
            ended_at=None if ended is None else NOW - ended,
            is_held=ended is None,
        )
        for n, (began, ended) in enumerate(moments, 1)
    ]


def turnover_s(load: SeenLoad) -> float:
    """Return the seconds between two partitions."""
    pace = load.pace()
    assert pace is not None
    return pace.turnover_s


def test_the_time_between_partitions_is_seen_or_that_of_an_earlier_load_or_of_reading() -> None:
    """The checks read the rows of both sides, twice what reading them once takes."""
    assert turnover_s(LOAD) == 40.0
    assert turnover_s(replace(LOAD, turnovers_before=[30.0])) == 30.0
    began = replace(LOAD, planned_at=0.0, ranges=spans((200, 110), (103, None)))
    assert turnover_s(began) == 7.0


def test_a_night_in_which_nobody_worked_is_no_time_between_partitions() -> None:
    """A load that was left and taken up again would be told to take days."""
    ranges = spans((90_100, 90_000), (100, None))
    assert turnover_s(replace(LOAD, planned_at=0.0, ranges=ranges)) == 40.0


def test_a_job_that_should_be_back_counts_before_it_is() -> None:
    """Else only the fast ones tell of the pace while the slow ones are under way."""
    flight = SeenFlight("r1-01", 1, 600, NOW - 180)
    slow = replace(LOAD, flights=[flight]).pace()
    assert slow is not None
    assert math.isclose(slow.flight_s(600), 120.0)
    early = replace(LOAD, flights=[replace(flight, since_at=NOW - 10)]).pace()
    assert early is not None
    assert math.isclose(early.flight_s(600), 60.0)


def test_a_load_that_nobody_is_at_work_on_has_no_time_left() -> None:
    """Between two partitions somebody is: the checks of the last one run."""
    left = replace(READ, is_held=False)
    assert replace(LOAD, ranges=[left]).time_left() is None
    just, long_ago = (spans((300, ended)) for ended in (90, 200))
    between = replace(LOAD, planned_at=0.0, ranges=just)
    assert between.time_left() is not None
    assert replace(between, ranges=long_ago).time_left() is None
    assert replace(between, ranges=long_ago, starts_in_s={"r1-02": 600.0}).time_left() is not None


def test_checks_that_have_begun_are_shorter_by_what_has_passed() -> None:
    """Of 40 s between two partitions 30 are over."""
    ended = [replace(one, read_at=one.began_at + 20) for one in spans((300, 30))]
    fresh = [replace(one, ended_at=NOW) for one in ended]
    load = replace(LOAD, planned_at=0.0, lanes=[], to_come=["r1-02"])
    whole_s = {False: 270.0, True: 300.0}
    told = [seconds_left(replace(load, ranges=r)) for r in (ended, fresh)]
    expected = [10.0 + whole_s[False], 40.0 + whole_s[True]]
    assert all(math.isclose(a, b) for a, b in zip(told, expected, strict=True))


def test_a_pause_of_all_runs_is_added() -> None:
    """The budget of the day is used up: nothing is sent for an hour."""
    paused = replace(READ, paused_until=NOW + 3_600)
    held = replace(LOAD, to_come=[], ranges=[paused])
    assert math.isclose(seconds_left(held), seconds_left(replace(LOAD, to_come=[])) + 3_600)


def test_rows_that_are_sent_again_make_the_rest_longer() -> None:
    """A quarter had to be sent again, so 300 rows that wait are 400 to send."""
    once = seconds_left(replace(LOAD, to_come=[]))
    again = seconds_left(replace(LOAD, to_come=[], sent=800, retried=200))
    assert math.isclose(again - once, 400 / 3 * 0.09)
