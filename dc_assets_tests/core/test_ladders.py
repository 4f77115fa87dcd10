"""Waits between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.ladders import CALL_LADDER_S, ROW_LADDER_S, jittered, row_wait_s


def test_a_row_has_eight_attempts() -> None:
    """Seven waits lie between eight attempts, and after the last one there is none."""
    waits = [row_wait_s(ROW_LADDER_S, attempt) for attempt in range(1, 9)]
    assert waits == [5.0, 15.0, 30.0, 60.0, 120.0, 120.0, 120.0, None]


def test_a_call_has_six_attempts() -> None:
    """Five waits of together 15.5 seconds lie between six attempts of one GET."""
    assert len(CALL_LADDER_S) == 5
    assert sum(CALL_LADDER_S) == 15.5


def test_attempts_are_counted_from_one() -> None:
    """Attempt 0 is a fault of the caller."""
    with pytest.raises(AssertionError):
        row_wait_s(ROW_LADDER_S, 0)


@given(wait_s=st.floats(0, 1e6), unit=st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_quarter(wait_s: float, unit: float) -> None:
    """A wait is never shorter than three quarters or longer than five quarters of its rung."""
    assert wait_s * 0.75 <= jittered(wait_s, unit) <= wait_s * 1.25
