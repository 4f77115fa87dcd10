"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dc_assets.core.canary import parse_stages
from dc_assets.core.durations import SECONDS_MAX, duration_text, seconds_of
from dc_assets.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5_400),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1d2h3m4s", 93_784),
        (" 1H30M ", 5_400),
    ],
)
def test_a_duration_is_days_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    """Each at most once, the longest first."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "s",
        "0s",
        "0h0m",
        "1.5h",
        "-5m",
        "30m1h",
        "1h 30m",
        "1w",
        "\u0661s",
        "9" * 40 + "s",
    ],
)
def test_anything_else_is_one_sentence_with_examples(text: str) -> None:
    """A number without a unit is refused too: minutes and seconds are both likely."""
    with pytest.raises(ConfigError, match=r"is no duration\. Write it as 90s, 15m or 1h30m"):
        seconds_of(text)


@pytest.mark.parametrize("text", ["367d", "99999999d", "8785h", "9999999999999999s"])
def test_a_duration_is_at_most_a_year(text: str) -> None:
    """Nothing waits longer, and a clock has to add it."""
    with pytest.raises(ConfigError, match="longer than a year"):
        seconds_of(text)


@settings(max_examples=300, derandomize=True)
@given(st.text(alphabet="0123456789dhms.-+ e\u0661n", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_positive_duration_or_refused(text: str) -> None:
    """Never zero, negative, infinite, or another error."""
    try:
        seconds = seconds_of(text)
    except ConfigError:
        return
    assert 0 < seconds <= SECONDS_MAX


@settings(max_examples=300, derandomize=True)
@given(st.text(alphabet="0123456789:,. -e", max_size=40) | st.text(max_size=30))
def test_any_text_is_growing_stages_or_refused(text: str) -> None:
    """A bar lies above 0 and is at most 100 percent."""
    try:
        stages = parse_stages(text)
    except ConfigError:
        return
    assert all(0 < stage.percent <= 100 for stage in stages)
    assert [stage.rows for stage in stages] == sorted({stage.rows for stage in stages})


@pytest.mark.parametrize("text", ["1h30m", "45s", "1d", "2h1s"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    """So a command that is printed can be given."""
    assert duration_text(seconds_of(text)) == text
