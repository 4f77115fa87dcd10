"""Rows that Data Cloud processes: what a look, a day and a load cost."""

from __future__ import annotations

import pytest

from dc_assets.core.source_costs import ROWS_A_DAY_DEAR, source_costs
from dc_assets_tests.fakes.specs import KEY, small_spec

TWO_MILLION = 2_000_000


@pytest.mark.parametrize(
    ("refresh", "looks_a_day", "is_dear", "every_s"),
    [
        ({"modified": "M__c"}, 96, True, 3_600),
        ({"modified": "M__c", "look_every_s": 3_600}, 24, False, 3_600),
        ({}, 1, False, 3_600),
        ({"look_every_s": 200_000}, 1, False, 3_600),
    ],
)
def test_a_look_each_quarter_of_an_hour_is_dear(
    refresh: dict[str, object], looks_a_day: int, every_s: int, *, is_dear: bool
) -> None:
    """Two million rows each 15 minutes are 192 million a day; once an hour they are 48."""
    costs = source_costs(small_spec(refresh=refresh), TWO_MILLION)
    assert costs is not None
    assert (costs.rows_a_look, costs.looks_a_day) == (TWO_MILLION, looks_a_day)
    assert costs.rows_a_day == TWO_MILLION * looks_a_day
    assert (costs.is_dear, costs.look_every_s_min) == (is_dear, every_s)


@pytest.mark.parametrize("rows", [10**6, 10**7, 123_456_789, 10**9])
def test_the_interval_that_is_told_is_not_dear(rows: int) -> None:
    """As far as looks are not rarer than once a day: then nothing is dearer than the object."""
    costs = source_costs(small_spec(refresh={"look_every_s": 1}), rows)
    assert costs is not None
    slower = source_costs(small_spec(refresh={"look_every_s": costs.look_every_s_min}), rows)
    assert slower is not None
    assert not slower.is_dear or rows > ROWS_A_DAY_DEAR


def test_files_cost_nothing() -> None:
    """They are read on this machine."""
    assert source_costs(small_spec(source={"files": "x.csv", "key": KEY}), 10) is None
