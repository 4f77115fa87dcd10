"""Axes of plots: their ends, and where they are marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log, log10

UNITS = (("hours", 3_600.0), ("minutes", 60.0), ("seconds", 1.0))
UNITS_MIN = 3
"""A time axis takes the biggest unit of which it shows so many."""

ROUND = tuple(digit * 10**power for power in range(16) for digit in (1, 2, 5))
"""Marks of a logarithmic axis."""

LEAST = 1e-9
"""What is smaller is drawn as nothing."""

TENS_MIN = 3
"""A logarithmic axis with fewer powers of ten is marked at 2 and 5 as well."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis from ``low`` to ``high``; turned around where ``low`` is the greater one.

    Attributes:
        is_whole: marked at whole numbers only.
        is_log: logarithmic; the ends are above zero.
        names: marks with names instead of numbers.
    """

    label: str
    low: float
    high: float
    is_whole: bool = False
    is_log: bool = False
    names: Sequence[tuple[float, str]] = ()

    def share(self, value: float) -> float:
        """Return where a value lies, 0 at ``low`` and 1 at ``high``."""
        if self.is_log:
            return log(value / self.low) / log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: float) -> Sequence[tuple[float, str]]:
        """Return about as many marks as are asked for, at round numbers.

        >>> [words for _, words in Axis("hours", 0, 1.1).ticks(6)]
        ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0']
        >>> [words for _, words in Axis("rows", 500, 20_000, is_log=True).ticks(6)]
        ['500', '1,000', '2,000', '5,000', '10,000', '20,000']
        """
        if self.names:
            return self.names
        low, high = sorted((self.low, self.high))
        if self.is_log:
            inside = [n for n in ROUND if low <= n <= high]
            tens = [n for n in inside if str(n).startswith("1")]
            return [(n, f"{n:,}") for n in (tens if len(tens) >= TENS_MIN else inside)]
        step = _step((high - low) / max(1, most))
        step = max(1.0, step) if self.is_whole else step
        digits = max(0, -floor(log10(step)))
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        return [(n * step, f"{n * step:,.{digits}f}") for n in range(first, last + 1)]


def _step(least: float) -> float:
    """Return the first of 1, 2 and 5 times a power of ten that is not below ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= least * (1 - 1e-9))


def from_zero(label: str, values: Sequence[float], *, room: float = 1.05) -> Axis:
    """Return an axis from zero to a little above the greatest value."""
    highest = max(values, default=0.0)
    high = room * highest if highest > LEAST else 1.0
    return Axis(label, 0.0, high, is_whole=highest > UNITS_MIN)


def logarithmic(label: str, values: Sequence[int]) -> Axis:
    """Return a logarithmic axis between the round numbers around the values, all at least 1."""
    low = max(n for n in ROUND if n <= min(values))
    return Axis(label, low, min(n for n in ROUND if n > max(values)), is_log=True)


def time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit of a time axis, and its seconds.

    >>> time_unit(60.0), time_unit(1_800.0), time_unit(90_000.0)
    (('seconds', 1.0), ('minutes', 60.0), ('hours', 3600.0))
    """
    return next((u for u in UNITS if seconds >= UNITS_MIN * u[1]), UNITS[-1])
