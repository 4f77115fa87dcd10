"""A canary: growing samples of a load, each with a bar that it must reach before the next one.

A sample is the first rows of each partition, so each sample holds the one before it
(`docs/adr/0027-a-canary-is-a-prefix.md`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dc_assets.core.errors import ConfigError

BAR_PERCENT = Fraction(99)
"""Share of a sample's rows that must land, where a stage names no other."""

STAGES_MAX = 20
_STAGE = re.compile(r"(?P<rows>[0-9]{1,12})(?::(?P<percent>[0-9]{1,3}(?:\.[0-9]{1,6})?))?")
_EXAMPLE = "Write it such as 1000,10000:99.5,100000."


@dataclass(frozen=True, slots=True)
class Stage:
    """One sample: how many rows it has over all partitions, and how many percent must land."""

    rows: int
    percent: Fraction = BAR_PERCENT

    def reaches_bar(self, *, landed: int, rows: int) -> bool:
        """Tell whether enough of a sample's rows landed.

        >>> Stage(1000).reaches_bar(landed=990, rows=1000)
        True
        """
        return 100 * landed >= self.percent * rows

    @property
    def bar(self) -> str:
        """The bar, for people."""
        return f"{float(self.percent):g} %"


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Read stages such as ``1000:95,10000,100000``: rows, and percent that must land.

    >>> [(stage.rows, stage.bar) for stage in parse_stages("1000:95,10000")]
    [(1000, '95 %'), (10000, '99 %')]

    Raises:
        ConfigError: a stage is no such number, the stages do not ascend, or there are too many.
    """
    stages = tuple(_stage(part.strip()) for part in text.split(","))
    if len(stages) > STAGES_MAX:
        raise ConfigError(f"--canary has {len(stages)} stages; it takes at most {STAGES_MAX}.")
    for smaller, bigger in itertools.pairwise(stages):
        if smaller.rows >= bigger.rows:
            raise ConfigError(
                f"The stages of --canary must grow, but {smaller.rows} stands before "
                f"{bigger.rows}. {_EXAMPLE}"
            )
    return stages


def _stage(text: str) -> Stage:
    found = _STAGE.fullmatch(text)
    if found is None or int(found["rows"]) == 0:
        raise ConfigError(
            f"{text[:60]!r} is no stage of --canary: it is ROWS or ROWS:PERCENT. {_EXAMPLE}"
        )
    percent = BAR_PERCENT if found["percent"] is None else Fraction(found["percent"])
    if not 0 < percent <= 100:  # noqa: PLR2004 - percent
        raise ConfigError(
            f"{text!r} is no stage of --canary: its bar is above 0 and at most 100 percent. "
            f"{_EXAMPLE}"
        )
    return Stage(int(found["rows"]), percent)


def shares_of(rows: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """Share the rows of a sample out over partitions of some sizes, in their order.

    Each has as many as the others, or all that it has; of what is left the first ones have one row
    more. A bigger sample never gives a partition fewer rows.

    >>> shares_of(11, {"a": 100, "b": 2, "c": 100})
    {'a': 5, 'b': 2, 'c': 4}
    """
    shares = dict.fromkeys(sizes, 0)
    left = min(rows, sum(sizes.values()))
    while left:
        open_keys = [key for key, size in sizes.items() if shares[key] < size]
        even = min(left // len(open_keys), *(sizes[key] - shares[key] for key in open_keys))
        given = open_keys if even else open_keys[:left]
        for key in given:
            shares[key] += max(1, even)
        left -= max(1, even) * len(given)
    return shares


@dataclass(frozen=True, slots=True)
class SampleFigures:
    """What became of a sample.

    Attributes:
        rows: rows that the source has in it.
        landed: those of them whose latest outcome is a success.
        refused: those of them whose latest outcome is a dead letter.
        sent: rows that this stage chose; the others had an outcome before.
        seconds: until all of it had an outcome; the checks come on top.
    """

    rows: int = 0
    landed: int = 0
    refused: int = 0
    sent: int = 0
    seconds: float = 0.0

    def __add__(self, other: SampleFigures) -> SampleFigures:
        """Add the figures of another part of the same sample."""
        return SampleFigures(
            self.rows + other.rows,
            self.landed + other.landed,
            self.refused + other.refused,
            self.sent + other.sent,
            self.seconds + other.seconds,
        )

    @property
    def share(self) -> str:
        """The landed share, never rounded up: 98.999 % must not read as 99 %."""
        hundredths = 10_000 * self.landed // max(1, self.rows)
        return f"{hundredths // 100}.{hundredths % 100:02d} %"


def why_below(stage: Stage, figures: SampleFigures, failed_checks: Sequence[str]) -> list[str]:
    """Return what keeps a stage under its bar, one sentence each; nothing when it is reached.

    A check that found unexplained rows is below any bar.
    """
    reasons: list[str] = []
    if not stage.reaches_bar(landed=figures.landed, rows=figures.rows):
        reasons.append(f"{figures.share} of its rows landed, and its bar is {stage.bar}")
    if failed_checks:
        named = ", ".join(dict.fromkeys(failed_checks))
        reasons.append(f"rows are unexplained, which no bar allows: {named}")
    return reasons
