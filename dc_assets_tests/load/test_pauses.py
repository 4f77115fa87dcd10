"""Loads that take days: they pause, settle, and resume by themselves. In virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.errors import BudgetReached, StoppedByOperator
from dc_assets.ledger.tables import org_use
from dc_assets_tests.fakes.crash import Crash, CrashPoint
from dc_assets_tests.fakes.days import DAY_S, Days
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec

ROWS = 90
HOUR_S = 3_600.0
Opened = Callable[..., Days]


@pytest.fixture
def days(tmp_path: Path) -> Generator[Opened]:
    """Open worlds of 90 rows that hang on 7 parents, in two partitions."""
    database = SimDatabase(tmp_path / "ledger.db")
    numbers = itertools.count()

    def opened(*, seed: int = 0, partitions: int = 2, **limits: object) -> Days:
        database.empty()
        bounds = ["id0039"] if partitions == 2 else []
        spec = small_spec(
            partitions={"scheme": 1, "upper_bounds": bounds},
            profile={"window": 2, "batch_rows_max": 4, "row_ladder_s": [5.0, 30.0]},
            limits=limits,
            time_zone="Europe/Vienna",
        )
        folder = tmp_path / str(next(numbers))
        return Days(folder, database, FakeSource(things(ROWS, parents=7)), spec, seed)

    yield opened
    database.close()


def assert_all_landed_once(days: Days) -> None:
    """Check that the load ended, and that no row was lost or sent again."""
    assert days.is_done()
    assert days.landings() == {1: ROWS}
    assert days.org.collisions == []
    assert all(status.rows.pending == 0 for status in days.ranges().values())


def pauses_told(days: Days) -> list[str]:
    """Return the notes that tell of pauses, in order."""
    return [note for _, note in days.notes if "pauses: " in note or "resumes after" in note]


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.hunt)])
def test_no_24_hours_see_more_rows_than_the_budget(days: Opened, seed: int) -> None:
    """Two runs share it; rows that met locks are sent again and count again."""
    load = days(seed=seed, rows_a_day_max=25)
    load.org.locked.update({f"id{n:04}": 1 for n in range(0, ROWS, 9)})
    load.play()
    assert_all_landed_once(load)
    rows, _ = load.org.most_in_a_day()
    assert 20 <= rows <= 25
    assert 3 * DAY_S < load.turns.now_s < 5 * DAY_S
    assert len(pauses_told(load)) < 40


def test_no_24_hours_see_more_batches_than_the_budget(days: Opened) -> None:
    """Each is granted in the ledger, so two runs cannot both take the last one."""
    load = days(batches_a_day_max=9)
    load.play()
    assert_all_landed_once(load)
    assert load.org.most_in_a_day()[1] == 9


def test_what_is_in_flight_settles_in_the_pause_and_the_pause_is_shown(days: Opened) -> None:
    """Nobody waits for tomorrow to hear what became of the rows of today."""
    load = days(rows_a_day_max=30)
    load.org.job_s = 1_000.0
    shown: list[tuple[float, str]] = []

    def look() -> bool:
        for status in load.ranges().values():
            if status.paused_until is not None:
                assert status.is_held
                shown.append((load.turns.now_s, status.paused_why or ""))
                since_s = load.turns.now_s - max(at_s for at_s, _ in load.org.closes)
                assert status.rows.in_flight == 0 or since_s < load.org.job_s + HOUR_S
        return load.is_done()

    load.play(looker=load.looks("looker", HOUR_S, look))
    assert_all_landed_once(load)
    assert len(shown) > 40
    assert {why.partition(";")[0] for _, why in shown} >= {
        "limits.rows_a_day_max: 30 of 30 rows sent in 24 hours"
    }
    assert all(status.paused_until is None for status in load.ranges().values())


def test_a_pause_is_told_when_it_begins_and_when_it_ends(days: Opened) -> None:
    """Once each, with figures and the time of day, although it is looked at many times."""
    load = days(partitions=1, rows_a_day_max=50)
    load.play()
    told = pauses_told(load)
    assert len(told) == 2
    assert told[0].startswith(
        "r1-01: pauses: limits.rows_a_day_max: 50 of 50 rows sent in 24 hours; resumes about 23:1"
    )
    assert told[0].endswith(" tomorrow")
    assert told[1] == "r1-01: resumes after the pause"


@pytest.mark.parametrize(
    "hours", ["22:00-06:00", pytest.param("08:30-12:00", marks=pytest.mark.hunt)]
)
def test_rows_are_sent_within_the_hours_only(days: Opened, hours: str) -> None:
    """Night after night, by the clocks of the zone; a job that began before the end settles."""
    load = days(hours=hours)
    load.org.job_s = 2 * HOUR_S - 600
    load.play()
    assert_all_landed_once(load)
    begin, end = hours.split("-")
    for at_s, _ in load.org.closes:
        shown = f"{load.wall(at_s):%H:%M}"
        assert begin <= shown < end if begin < end else shown >= begin or shown < end
    first, last = load.org.closes[0][0], load.org.closes[-1][0]
    assert last - first > 2 * DAY_S


def test_a_long_pause_asks_the_org_nothing_until_its_end(days: Opened) -> None:
    """A call a minute and run would be thousands; before it continues, it asks what is left."""
    load = days(partitions=1, hours="22:00-22:30")
    load.org.job_s = 600.0
    load.play()
    assert_all_landed_once(load)
    closes = [at_s for at_s, _ in load.org.closes]
    dark = [(a, b) for a, b in itertools.pairwise(closes) if b - a > 20 * HOUR_S]
    assert dark
    for before_s, after_s in dark:
        asked = [at_s for at_s in load.org.asked if before_s + HOUR_S < at_s <= after_s]
        assert 1 <= len(asked) <= 3
        assert after_s - asked[0] <= 600


def test_the_reserve_of_the_org_stops_a_run_at_the_end_of_its_pause(days: Opened) -> None:
    """Others used up the org's day meanwhile; nothing is sent before that is seen."""
    load = days(partitions=1, rows_a_day_max=50)
    load.io_threads = 4  # with one, nothing could be sent while the org is asked
    sent: list[int] = []

    def use_up() -> bool:
        sent.append(len(load.org.closes))
        load.org.left = Allowance(daily_batches_left=100)
        return True

    load.play(others=load.looks("others", 12 * HOUR_S, use_up))
    end = load.ends["r1-01"]
    assert isinstance(end, BudgetReached)
    assert "limits.daily_batches_reserve keeps 200" in str(end)
    assert [len(load.org.closes)] == sent


def test_an_org_that_was_not_asked_was_not_silent(days: Opened) -> None:
    """The first lost answer after a pause of a day is like any other."""
    load = days(partitions=1, rows_a_day_max=50, silence_s_max=3_600.0)

    def lose() -> bool:
        load.org.lost_answers["create"] = False
        return True

    load.play(others=load.looks("others", 12 * HOUR_S, lose))
    assert_all_landed_once(load)
    assert any("the answer of create was lost" in note for _, note in load.notes)


def test_an_order_to_stop_ends_a_pause_at_once(days: Opened) -> None:
    """The run does not sleep until tomorrow to hear of it."""
    load = days(partitions=1, rows_a_day_max=50)
    load.play(op=load.looks("op", 6 * HOUR_S, lambda: bool(load.orders.stop())))
    assert isinstance(load.ends["r1-01"], StoppedByOperator)
    assert 6 * HOUR_S <= load.turns.now_s < 6.2 * HOUR_S
    (status,) = load.ranges().values()
    assert (status.rows.in_flight, status.paused_until, status.is_held) == (0, None, False)


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_a_run_with_a_higher_budget_need_not_wait(days: Opened, way: str) -> None:
    """The pause of the run before is not its own: limits may change while a load is unfinished."""
    load = days(partitions=1, rows_a_day_max=50)
    point = CrashPoint()

    def end() -> bool:
        point.is_down = way == "killed"
        return point.is_down or bool(load.orders.stop())

    runs = {"r1-01": load.run_of("r1-01", point)}
    load.play(**runs, op=load.looks("op", HOUR_S, end))
    load.orders.go_on()
    limits = load.spec.limits.model_copy(update={"rows_a_day_max": 200})
    load.spec = load.spec.model_copy(update={"limits": limits})
    load.play()
    assert_all_landed_once(load)
    assert load.turns.now_s < 2 * HOUR_S


@pytest.mark.parametrize("killed_h", [1, 12])
def test_a_run_that_is_killed_in_its_pause_goes_on_when_it_is_run_again(
    days: Opened, killed_h: int
) -> None:
    """What was sent before still counts: the pause ends when it would have ended."""
    load = days(partitions=1, rows_a_day_max=50)
    point = CrashPoint()

    def kill() -> bool:
        point.is_down = True
        return True

    runs = {"r1-01": load.run_of("r1-01", point)}
    load.play(**runs, killer=load.looks("killer", killed_h * HOUR_S, kill))
    assert isinstance(load.ends["r1-01"], Crash)
    assert load.ranges()["r1-01"].paused_until is None
    load.play()
    assert_all_landed_once(load)
    assert load.org.most_in_a_day()[0] <= 50
    assert DAY_S < load.turns.now_s < 1.2 * DAY_S


def test_calls_are_counted_for_the_load_and_pause_it(days: Opened) -> None:
    """All of them, also those after the last minute; the budget is passed by little."""
    load = days(partitions=1, api_calls_a_day_max=80)
    load.org.job_s = 300.0
    load.play()
    assert_all_landed_once(load)
    with load.database.begin() as connection:
        rows = connection.execute(sa.select(org_use.c.hour, org_use.c.api_calls))
        hours = {row.hour: row.api_calls for row in rows}
    assert sum(hours.values()) == load.org.calls.total()
    assert max(sum(n for h, n in hours.items() if 0 <= last - h < 24) for last in hours) < 110
    assert any("api_calls_a_day_max" in note for note in pauses_told(load))
