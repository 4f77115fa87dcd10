"""What is refused as a cron line, no scheduler takes."""

from __future__ import annotations

import pytest
from dagster._utils.schedules import is_valid_cron_string
from hypothesis import given, settings
from hypothesis import strategies as st

from dc_assets.core.cron import flaw

GOOD = [
    "0 2 * * *",
    "*/15 22-6 * * mon-fri",
    "0 0 L * *",
    "0 0 * * mon#2",
    "@daily",
    "0  2 1,15 * ?",
]
BAD = [
    ("at two", "is no cron line"),
    ("", "is no cron line"),
    ("0 2 * * * *", "is no cron line"),
    ("0 24 * * *", "no hour 24"),
    ("60 2 * * *", "no minute 60"),
    ("0 2 0 * *", "no day of the month 0"),
    ("0 2 * 13 *", "no month 13"),
    ("0 2 * * 1,8", "no day of the week 8"),
    ("0 2:30 * * *", "'2:30' is no hour"),
    (f"{'9' * 5_000} 2 * * *", "no minute 999"),
    ("@reboot", "is no cron line"),
]


@pytest.mark.parametrize("line", GOOD)
def test_a_cron_line_is_taken(line: str) -> None:
    """In all the forms that Dagster knows."""
    assert flaw(line) is None
    assert is_valid_cron_string(line)


@pytest.mark.parametrize(("line", "says"), BAD)
def test_a_wrong_cron_line_is_refused(line: str, says: str) -> None:
    """With the field, and what to write instead."""
    said = flaw(line) or ""
    assert says in said
    assert 'such as "0 2 * * *"' in said
    assert len(said) < 200


WORDS = [
    "*",
    "0",
    "5",
    "07",
    "23",
    "31",
    "61",
    "L",
    "?",
    "mon",
    "jan",
    "1-5",
    "22-6",
    "*/70",
    "2#3",
]
FIELDS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(",".join)


@settings(max_examples=200, derandomize=True)
@given(st.lists(FIELDS, min_size=4, max_size=6).map(" ".join))
def test_nothing_is_refused_that_dagster_takes(line: str) -> None:
    """Dagster has the latest result: a line that it runs must not be refused before."""
    assert flaw(line) is None or not is_valid_cron_string(line)
