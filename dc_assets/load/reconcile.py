"""Step 6: ask both sides, and believe neither the writer nor the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from dc_assets.core.spec import ColumnSpec, LoadSpec, check_name
from dc_assets.core.verdicts import (
    CheckOutcome,
    CountVerdict,
    ValueCount,
    compare_distributions,
    worst,
)
from dc_assets.frames.canon import canonical_text
from dc_assets.load.ports import Source, Target

ROW_COUNT = "row_count_matches"
"""Name of the check that compares the row counts of both sides."""


class Labels(Protocol):
    """What the ledger knows of refused rows; it explains a difference, it never decides one."""

    def refused(self, partition_key: str) -> int:
        """Count the dead letters of a partition in its newest load."""
        ...

    def refused_by_value(self, partition_key: str, field: str) -> Mapping[str | None, int]:
        """Count them by the value of a target field."""
        ...


@dataclass(frozen=True, slots=True)
class BothSides:
    """Where a check asks."""

    spec: LoadSpec
    source: Source
    target: Target
    labels: Labels

    def outcomes(
        self, partition_key: str, wanted: Collection[str] | None = None
    ) -> Iterator[CheckOutcome]:
        """Evaluate the checks of one partition, all of them or the wanted ones."""
        if wanted is None or ROW_COUNT in wanted:
            counts = self.row_count(partition_key)
            yield CheckOutcome(
                ROW_COUNT,
                partition_key,
                counts.severity,
                counts.sentence,
                counts.unexplained,
                (ValueCount("rows", counts),),
            )
        for field in self.spec.checks.distributions:
            if wanted is None or check_name(field) in wanted:
                values = self.distribution(partition_key, field)
                unequal = sum(1 for value in values if value.counts.unexplained)
                yield CheckOutcome(
                    check_name(field),
                    partition_key,
                    worst(values),
                    f"{len(values)} values, {unequal} with unexplained rows",
                    sum(value.counts.unexplained for value in values),
                    tuple(values),
                )

    def row_count(self, partition_key: str) -> CountVerdict:
        """Compare the number of rows of a partition."""
        id_range = self.spec.ranges[partition_key]
        return CountVerdict(
            source_rows=self.source.count(id_range),
            target_rows=self.target.count(id_range),
            refused=self.labels.refused(partition_key),
        )

    def distribution(self, partition_key: str, field: str) -> list[ValueCount]:
        """Compare how many rows of a partition have each value of a target field."""
        id_range = self.spec.ranges[partition_key]
        column = self.spec.column(source=self.spec.source_of(field))
        return compare_distributions(
            _canonical_counts(self.source.value_counts(column.source, id_range), column),
            _canonical_counts(self.target.value_counts(field, id_range), column),
            self.labels.refused_by_value(partition_key, field),
        )


def _canonical_counts(
    counts: Mapping[str | None, int], column: ColumnSpec
) -> Mapping[str | None, int]:
    """Merge the counts of values that mean the same, such as 1.50 and 1.5."""
    raw = pl.Series("value", list(counts), dtype=pl.String)
    values = pl.DataFrame(raw).select(canonical_text(pl.col("value"), column)).to_series()
    merged: Counter[str | None] = Counter()
    for value, rows in zip(values.to_list(), counts.values(), strict=True):
        merged[value] += rows
    return merged
