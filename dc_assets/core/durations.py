"""Durations as people write them: 90s, 15m, 1h30m."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dc_assets.core.errors import ConfigError

DAY_S = 86_400.0
"""Limits of a day count a rolling 24 hours (Salesforce Limits Quick Reference)."""

HOUR_S = 3_600.0
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_CHARS_MAX = 20
SECONDS_MAX = 366 * 86_400
"""Nothing waits longer, and a clock can add it."""


def seconds_of(text: str) -> int:
    """Return a duration in seconds; days, hours, minutes and seconds, in this order, once each.

    Raises:
        ConfigError: it is not written so, it is zero, or longer than a year.

    >>> seconds_of("1h30m"), seconds_of("90s"), seconds_of("1d")
    (5400, 90, 86400)
    """
    match = _PARTS.fullmatch(text.strip().lower())
    numbers = match.groups() if match and len(text) <= _CHARS_MAX else ()
    seconds = sum(
        int(number) * unit
        for number, unit in zip(numbers, _SECONDS.values(), strict=False)
        if number
    )
    if not seconds:
        raise ConfigError(f"{text[:60]!r} is no duration. Write it as 90s, 15m or 1h30m.")
    if seconds > SECONDS_MAX:
        raise ConfigError(f"{text!r} is longer than a year. Write it as 90s, 15m or 1h30m.")
    return seconds


def duration_text(seconds: float) -> str:
    """Write a duration as `seconds_of` reads it, in whole seconds.

    >>> duration_text(5400), duration_text(59.6), duration_text(0)
    ('1h30m', '1m', '0s')
    """
    left = round(seconds)
    said = ""
    for unit, length in _SECONDS.items():
        number, left = divmod(left, length)
        said += f"{number}{unit}" if number else ""
    return said or "0s"


def duration(seconds: float) -> str:
    """Write a duration for people.

    >>> duration(0.2), duration(42), duration(754), duration(9_000)
    ('1 s', '42 s', '13 min', '2 h 30 min')
    """
    minutes = round(seconds / 60)
    if seconds < 100:  # noqa: PLR2004 - seconds read better up to there
        return f"{max(1, seconds):.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"  # noqa: PLR2004


def utc_text(seconds: float) -> str:
    """Write a moment to the minute.

    >>> utc_text(1_700_000_000.0)
    '2023-11-14 22:13 UTC'
    """
    return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M} UTC"
