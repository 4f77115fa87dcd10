"""What the ledger knows of differences between the sides: labels, never decisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

NO_VALUES = pl.DataFrame(
    schema=dict.fromkeys(("external_id", "field", "source", "target"), pl.String)
)


class Explanations(Protocol):
    """What the ledger knows; it explains a difference, it never decides one."""

    def refused_keys(self, partition_key: str, /) -> Collection[str]:
        """Return the external ids with a dead letter in the partition's newest load."""
        ...

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:
        """Return those of some external ids that a receipt of ours says landed."""
        ...

    def pending(self, partition_key: str, /) -> int:
        """Count the rows of the partition's newest load that have no outcome."""
        ...

    def selected(self, partition_key: str, /) -> int:
        """Return how many rows a partition has, as its loads selected them.

        0 where refused rows are not to be held against them.
        """
        ...

    def resent_values(self, partition_key: str, /) -> pl.DataFrame:
        """Return the values that differed when they were compared last, and were sent since.

        They have the columns of `NO_VALUES`.
        """
        ...

    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionsTogether:
    """The labels of some partitions, for an audit of another name: of a whole object, or a sample.

    Nothing but a partition is repaired.
    """

    explanations: Explanations
    partition_keys: Sequence[str]

    def refused_keys(self, _: str) -> Collection[str]:
        """Return the external ids with a dead letter in any of them."""
        return {key for part in self.partition_keys for key in self.explanations.refused_keys(part)}

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:
        """Return those of some external ids that a receipt of ours says landed."""
        return self.explanations.landed_keys(keys)

    def pending(self, _: str) -> int:
        """Count their rows without an outcome."""
        return sum(self.explanations.pending(part) for part in self.partition_keys)

    def selected(self, _: str) -> int:
        """Return how many rows they have, as their loads selected them."""
        return sum(self.explanations.selected(part) for part in self.partition_keys)

    def resent_values(self, _: str) -> pl.DataFrame:
        """Return none."""
        return NO_VALUES

    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        return self.explanations.partition_rows()
