"""When nothing may be sent, why, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dc_assets.core.pauses import (
    Pause,
    Use,
    ZonedTime,
    affordable,
    batch_rows_max,
    goes_on_at,
    is_limited,
    minutes_of,
    opens_in_s,
    pause,
    rows_left,
    seconds_a_day,
)
from dc_assets.core.spec import LimitsSpec
from dc_assets_tests.fakes.specs import small_spec

VIENNA = "Europe/Vienna"
HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
ZONES = st.sampled_from(
    [VIENNA, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "UTC"]
)
MOMENTS = st.floats(1_577_836_800, 1_893_456_000)  # 2020 until 2030
CLOCKS = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds("{}-{}".format, CLOCKS, CLOCKS)


def local(text: str, zone: str = VIENNA) -> ZonedTime:
    """Return a moment by what clocks show there; of two that show it, the first."""
    return ZonedTime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp(), zone)


def at_utc(text: str, zone: str = VIENNA) -> ZonedTime:
    """Return a moment by what clocks in Greenwich show."""
    return ZonedTime(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp(), zone)


@pytest.mark.parametrize(
    ("now", "hours", "opens_h"),
    [
        ("2026-01-10T21:00", "22:00-06:00", 1.0),
        ("2026-01-10T22:00", "22:00-06:00", 0.0),
        ("2026-01-11T00:00", "22:00-06:00", 0.0),
        ("2026-01-11T05:59", "22:00-06:00", 0.0),
        ("2026-01-11T06:00", "22:00-06:00", 16.0),
        ("2026-01-11T06:00", "06:00-06:00", 0.0),
        ("2026-01-11T05:00", "08:00-17:30", 3.0),
        ("2026-01-11T17:30", "08:00-17:30", 14.5),
        # 29 March 2026: clocks go from 02:00 to 03:00
        ("2026-03-28T21:00", "22:00-06:00", 1.0),
        ("2026-03-29T01:30", "04:00-06:00", 1.5),
        ("2026-03-29T06:00", "22:00-06:00", 16.0),
        ("2026-03-29T01:00", "02:30-05:00", 1.5),
        # 25 October 2026: clocks go from 03:00 back to 02:00
        ("2026-10-25T01:30", "04:00-06:00", 3.5),
        ("2026-10-25T05:59", "22:00-06:00", 0.0),
        ("2026-10-25T06:00", "22:00-06:00", 16.0),
    ],
)
def test_hours_begin_when_clocks_of_the_zone_say_so(now: str, hours: str, opens_h: float) -> None:
    """Over midnight, and on days that have 23 or 25 hours."""
    assert opens_in_s(hours, local(now)) == opens_h * HOUR_S


@pytest.mark.parametrize("now", ["2026-10-25T00:30", "2026-10-25T01:10", "2026-10-25T03:30"])
def test_hours_that_clocks_show_twice_are_open_all_the_time(now: str) -> None:
    """02:30 comes twice in that night: from the first one on, the hours are open until 05:00."""
    opens_s = opens_in_s("02:30-05:00", at_utc(now))
    assert opens_s == 0.0


def test_hours_that_a_day_does_not_have_wait_for_the_next_day() -> None:
    """02:50 of the day on which clocks jump to 03:00 is 03:50 for us, behind the end."""
    assert opens_in_s("02:50-03:10", local("2026-03-29T00:00")) == 25.0 * HOUR_S + 50 * 60


@given(MOMENTS, ZONES, HOURS)
@example(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp(), VIENNA, "02:30-02:10")
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp(), VIENNA, "02:30-02:10")
def test_the_hours_are_open_when_they_are_said_to_open(now_s: float, zone: str, hours: str) -> None:
    """There is nothing to wait for then, and at no moment before."""
    opens_s = opens_in_s(hours, ZonedTime(now_s, zone))
    assert 0 <= opens_s < 2 * DAY_S
    assert opens_in_s(hours, ZonedTime(now_s + opens_s, zone)) == pytest.approx(0, abs=1e-3)
    for share in (0.25, 0.5, 0.9):
        earlier = ZonedTime(now_s + share * opens_s, zone)
        assert opens_in_s(hours, earlier) == pytest.approx((1 - share) * opens_s, abs=1e-3)


@given(MOMENTS, ZONES, HOURS)
def test_far_from_a_change_of_clocks_the_hours_are_what_clocks_show(
    now_s: float, zone: str, hours: str
) -> None:
    """The time of day alone decides, as anybody would read it from a clock on the wall."""
    now = datetime.fromtimestamp(now_s, ZoneInfo(zone))
    days = [now + timedelta(days=n) for n in (-2, 2)]
    if days[0].utcoffset() != days[1].utcoffset():
        return
    begin, end = minutes_of(hours)
    minute = now.hour * 60 + now.minute
    inside = begin <= minute < end if begin < end else minute >= begin or minute < end
    assert (opens_in_s(hours, ZonedTime(now_s, zone)) == 0) is inside


def test_a_length_of_hours_counts_over_midnight() -> None:
    """The plan divides the work by it."""
    assert [seconds_a_day(h) for h in ("22:00-06:00", "08:00-09:30")] == [28_800, 5_400]


USES = st.lists(
    st.builds(Use, st.floats(1, DAY_S), st.integers(0, 9), st.integers(0, 1), st.integers(0, 30)),
    max_size=30,
)


def left_over(uses: list[Use], after_s: float) -> list[Use]:
    """Return the uses that still count some time later."""
    return [
        Use(u.counts_for_s - after_s, u.rows, u.batches, u.api_calls)
        for u in uses
        if u.counts_for_s > after_s
    ]


@given(USES, st.integers(1, 40), st.integers(1, 10), st.integers(1, 100), st.integers(1, 9))
def test_a_pause_lasts_until_the_budget_suffices(
    uses: list[Use], rows_max: int, batches_max: int, calls_max: int, rows: int
) -> None:
    """Not at once, and at its end a batch of so many rows may be sent, if nothing else was."""
    limits = LimitsSpec(
        rows_a_day_max=rows_max, batches_a_day_max=batches_max, api_calls_a_day_max=calls_max
    )
    now = local("2026-01-10T12:00")
    found = pause(limits, uses, now, rows=rows)
    used_rows = sum(use.rows for use in uses)
    fits = (
        (used_rows == 0 or used_rows + rows <= rows_max)
        and sum(use.batches for use in uses) < batches_max
        and sum(use.api_calls for use in uses) < calls_max
    )
    assert (found is None) is fits
    if found is not None:
        assert found.for_s > 0
        assert pause(limits, left_over(uses, found.for_s), now, rows=rows) is None


@given(USES, st.integers(1, 40), st.lists(st.integers(1, 9), max_size=6), st.integers(0, 20))
def test_what_is_affordable_never_passes_the_rows_of_the_day(
    uses: list[Use], rows_max: int, wanted: list[int], growth: int
) -> None:
    """Whatever others still add to theirs; but a batch bigger than the budget may go alone."""
    limits = LimitsSpec(rows_a_day_max=rows_max)
    rows_of = {str(n): rows for n, rows in enumerate(wanted)}
    granted = affordable(limits, uses, rows_of, growth=growth)
    used = sum(use.rows for use in uses)
    assert granted == [
        one for one in rows_of if used + growth + rows_of[one] <= rows_max or not used
    ]
    left = rows_left(limits, uses)
    assert left == rows_max - used


def test_a_used_up_budget_is_waited_for_until_a_tenth_of_it_is_free() -> None:
    """Else a run would continue and pause again for each batch of the day before."""
    uses = [Use(1_000.0 + n, rows=10) for n in range(100)]
    found = pause(LimitsSpec(rows_a_day_max=1_000), uses, local("2026-01-10T12:00"), rows=10)
    assert found is not None
    assert found.for_s == 1_009.0


def test_a_pause_says_figures_and_when_it_ends() -> None:
    """One sentence for each cause; a budget that is free outside of the hours waits for them."""
    now = local("2026-01-10T22:50")
    limits = LimitsSpec(rows_a_day_max=1_000_000, batches_a_day_max=5, hours="22:00-06:00")
    uses = [Use(23 * HOUR_S, rows=1_000_000, batches=1)]
    rows = "limits.rows_a_day_max: 1,000,000 of 1,000,000 rows sent in 24 hours"
    hours = "limits.hours: rows are sent 22:00-06:00 Europe/Vienna"
    assert pause(limits, uses, now, rows=1) == Pause(
        23.0 * HOUR_S + 600, f"{rows}; {hours}; resumes about 22:00 tomorrow"
    )
    found = pause(limits.model_copy(update={"hours": None}), uses, now, rows=1)
    assert found is not None
    assert found.why == f"{rows}; resumes about 21:50 tomorrow"
    assert goes_on_at(found.why) == "21:50 tomorrow"
    batches = pause(limits, [Use(60.0, batches=5)], now, rows=1)
    assert batches is not None
    assert batches.why.startswith("limits.batches_a_day_max: 5 of 5 batches sent in 24 hours;")
    calls = LimitsSpec(api_calls_a_day_max=1_000)
    found = pause(calls, [Use(90.0, api_calls=1_020)], now, rows=1)
    assert found is not None
    assert "limits.api_calls_a_day_max: 1,020 of 1,000 API calls made in 24 hours" in found.why


def test_a_spec_without_budgets_never_pauses() -> None:
    """The default: everything is sent as fast as the org takes it."""
    assert not is_limited(LimitsSpec())
    assert pause(LimitsSpec(), [Use(9.0, 10**9, 10**6, 10**9)], local("2026-01-10"), rows=1) is None
    assert is_limited(LimitsSpec(hours="22:00-06:00"))
    assert is_limited(LimitsSpec(api_calls_a_day_max=1))


def test_no_batch_is_cut_bigger_than_the_budget_of_a_day() -> None:
    """It could be sent on no day."""
    assert batch_rows_max(small_spec(limits={"rows_a_day_max": 400})) == 400
    assert batch_rows_max(small_spec(profile={"batch_rows_max": 30})) == 30


@pytest.mark.parametrize(
    ("in_h", "said"),
    [(0, "22:50"), (1, "23:50"), (2, "00:50 tomorrow"), (26, "00:50 on 2026-01-12")],
)
def test_a_time_of_another_day_says_so(in_h: int, said: str) -> None:
    """22:14 alone is the next 22:14 today."""
    assert local("2026-01-10T22:50").shown(in_h * HOUR_S) == said


def test_a_time_is_rounded_to_the_nearest_minute() -> None:
    """A pause until 22:00 must not read 21:59."""
    assert local("2026-01-10T21:00").shown(HOUR_S - 0.01) == "22:00"
