"""A partition that has outgrown the others is warned of: new ids land in the last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.checks import OUTGROWN
from dc_assets.core.verdicts import Severity
from dc_assets.load.archive import DiskArchive
from dc_assets.load.both_sides import BothSides
from dc_assets.load.explanations import NO_VALUES
from dc_assets.load.reconcile import Audit
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import small_world

LAST = "r1-03"


@dataclass(frozen=True)
class OnlySizes:
    """Labels of partitions of which nothing is known but their rows."""

    rows: Mapping[str, int]

    def refused_keys(self, _: str) -> Collection[str]:
        """Return nothing."""
        return ()

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:
        """Return none of them."""
        return set(keys).difference(keys)

    def pending(self, _: str) -> int:
        """Return nothing."""
        return 0

    def selected(self, _: str) -> int:
        """Return nothing."""
        return 0

    def resent_values(self, _: str) -> pl.DataFrame:
        """Return nothing."""
        return NO_VALUES

    def partition_rows(self) -> Mapping[str, int]:
        """Return the rows of each partition."""
        return self.rows


@pytest.mark.parametrize(
    ("others", "severity"),
    [
        ({"r1-01": 5_000, "r1-02": 5_000}, Severity.WARN),
        ({"r1-01": 6_000, "r1-02": 6_000}, Severity.PASSED),
        ({}, Severity.PASSED),
        ({"r1-01": 6_000, "r1-02": 6_000, "r9-01": 1, "r9-02": 1, "r9-03": 1}, Severity.PASSED),
    ],
)
def test_a_last_partition_of_11000_rows_is_held_against_the_others(
    tmp_path: Path, others: Mapping[str, int], severity: Severity
) -> None:
    """More than twice the middle one warns; partitions of an older cut do not count."""
    rows = [thing(f"q{number:05}") for number in range(11_000)]
    spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["g", "p"]})
    with small_world(tmp_path, FakeSource(rows, page_rows=11_000)) as world:
        archive = DiskArchive(tmp_path / "audit")
        sides = BothSides(spec, spec.ranges[LAST], world.ports(), archive, archive.alone)
        [said] = Audit(LAST, sides, OnlySizes({**others, LAST: 1})).outcomes([OUTGROWN])
        archive.close()
    assert said.severity is severity
    assert said.unexplained == 0
    assert said.repair == (
        "dc-assets plan things --write-ranges 3" if severity is Severity.WARN else ""
    )
