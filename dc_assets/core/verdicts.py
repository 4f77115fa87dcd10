"""Verdicts of the asset checks, from counts of the two sides; the ledger only labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import median

from dc_assets.core.lanes import BATCH_ROWS_MAX


class Severity(Enum):
    """How a check ends."""

    PASSED = "passed"
    WARN = "warn"
    """The sides differ, and dead letters explain every missing row."""
    ERROR = "error"
    """The sides differ and at least one row is unexplained."""
    NOT_ASKED = "not asked"
    """A side did not answer, so nothing is known; it never counts as passed."""

    @property
    def is_asked(self) -> bool:
        """Whether both sides answered."""
        return self is not Severity.NOT_ASKED

    @property
    def is_good(self) -> bool:
        """Whether the check was asked and found nothing unexplained."""
        return self in {Severity.PASSED, Severity.WARN}


@dataclass(frozen=True, slots=True)
class CountVerdict:
    """Row counts of both sides, and what is known to make them differ.

    Attributes:
        refused: rows that are missing, or that still have an old value, because the org refused
            them. For one value of a distribution it may be negative: the old values.
        deleted: rows that we landed and that the source no longer has.
        unexplained: rows by which the sides differ beyond that.
    """

    source_rows: int
    target_rows: int
    refused: int
    deleted: int = 0

    @property
    def unexplained(self) -> int:
        """Rows missing or too many that nothing explains."""
        return abs(self.source_rows - self.target_rows - self.refused + self.deleted)

    @property
    def severity(self) -> Severity:
        """The verdict."""
        return severity_of(explained=self.refused or self.deleted, unexplained=self.unexplained)

    @property
    def sentence(self) -> str:
        """One line for people."""
        deleted = f"{self.deleted:,} deleted in source, " if self.deleted else ""
        return (
            f"source {self.source_rows:,}, target {self.target_rows:,}: "
            f"{self.refused:,} refused, {deleted}{self.unexplained:,} unexplained"
        )


def severity_of(*, explained: int, unexplained: int) -> Severity:
    """Turn what was found into a verdict: explained differences warn, others are errors."""
    if unexplained:
        return Severity.ERROR
    return Severity.WARN if explained else Severity.PASSED


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
        table: what the check found, as lines of a table with the same columns; not all of it.
        evidence: path of a Parquet file with all of it, "" if nothing was found.
        repair: the command that fixes what was found, "" if nothing is to fix.
        refused: rows that the org refused, as far as the check knows of them.
        rewritten: values of the source that the canonical form changes, by field and way, from the
            check that reads the source.
    """

    check: str
    partition_key: str
    severity: Severity
    summary: str
    unexplained: int
    values: tuple[ValueCount, ...] = ()
    table: tuple[Mapping[str, str | int], ...] = ()
    evidence: str = ""
    repair: str = ""
    refused: int = 0
    rewritten: Mapping[str, int] = field(default_factory=dict[str, int])


def rewritten_in(outcomes: Iterable[CheckOutcome]) -> Mapping[str, int]:
    """Add up the values that the canonical form changed, the most frequent first."""
    total: Counter[str] = Counter()
    for one in outcomes:
        total.update(one.rewritten)
    return dict(total.most_common())


def not_asked(check: str, partition_key: str, why: str, *, ask_again: str) -> CheckOutcome:
    """Return the outcome of a check that a side did not answer, with the command that asks again.

    >>> not_asked("counts", "r1-01", "the org is over a limit.", ask_again="").summary
    'not asked: the org is over a limit'
    """
    summary = f"not asked: {why.rstrip('.')}"
    return CheckOutcome(check, partition_key, Severity.NOT_ASKED, summary, 0, repair=ask_again)


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


def middle_of(rows: Mapping[str, int]) -> int:
    """Return the rows of the middle partition, 0 without any.

    >>> middle_of({"a": 1, "b": 5, "c": 9})
    5
    """
    return int(median(rows.values())) if rows else 0


def is_outgrown(rows: Mapping[str, int], key: str, factor: float) -> bool:
    """Tell whether a partition has many times the rows of the middle one; a small one never has.

    >>> rows = {"a": 400_000, "b": 400_000, "c": 900_000}
    >>> [is_outgrown(rows, key, 2.0) for key in rows]
    [False, False, True]
    """
    own = rows.get(key, 0)
    return own > BATCH_ROWS_MAX and own > factor * middle_of(rows)
