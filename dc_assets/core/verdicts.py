"""Verdicts of the asset checks, from counts of the two sides; the ledger only labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How a check ends."""

    PASSED = "passed"
    WARN = "warn"
    """The sides differ, and dead letters explain every missing row."""
    ERROR = "error"
    """The sides differ and at least one row is unexplained."""


@dataclass(frozen=True, slots=True)
class CountVerdict:
    """Row counts of one range on both sides.

    Attributes:
        refused: dead letters of the range in the ledger.
        unexplained: absolute number of rows that the dead letters do not explain.
    """

    source_rows: int
    target_rows: int
    refused: int

    @property
    def unexplained(self) -> int:
        """Rows missing beyond the refused ones, or rows too many."""
        missing = self.source_rows - self.target_rows
        return abs(missing - self.refused) if missing >= 0 else -missing + self.refused

    @property
    def severity(self) -> Severity:
        """The verdict."""
        if self.unexplained:
            return Severity.ERROR
        return Severity.WARN if self.refused else Severity.PASSED

    @property
    def sentence(self) -> str:
        """One line for people."""
        return (
            f"source {self.source_rows:,}, target {self.target_rows:,}: "
            f"{self.refused:,} refused, {self.unexplained:,} unexplained"
        )


@dataclass(frozen=True, slots=True)
class ValueCount:
    """One value of a distribution on both sides; a row count is the value "rows"."""

    value: str | None
    counts: CountVerdict


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What one check said of one partition.

    Attributes:
        values: the compared counts: one for each value of a distribution, one for a row count.
    """

    check: str
    partition_key: str
    severity: Severity
    summary: str
    unexplained: int
    values: tuple[ValueCount, ...]


def compare_distributions(
    source: Mapping[str | None, int],
    target: Mapping[str | None, int],
    refused: Mapping[str | None, int],
) -> list[ValueCount]:
    """Put the value counts of both sides beside each other, the most frequent value first."""
    values = sorted(
        set(source) | set(target) | set(refused),
        key=lambda value: (-source.get(value, 0), value or ""),
    )
    return [
        ValueCount(v, CountVerdict(source.get(v, 0), target.get(v, 0), refused.get(v, 0)))
        for v in values
    ]


def worst(counts: Sequence[ValueCount]) -> Severity:
    """Return the worst verdict over all values."""
    seen = {count.counts.severity for count in counts}
    for severity in (Severity.ERROR, Severity.WARN):
        if severity in seen:
            return severity
    return Severity.PASSED
