"""Pages read back lane by lane."""

from __future__ import annotations

import polars as pl
import pytest

from dc_assets.frames.canon import LANE
from dc_assets.load.regroup import lanes_together

ROWS = 600
LANES = 7
EMPTY = {2, 6}


def pages() -> pl.DataFrame:
    """Return rows of lanes of several sizes; two lanes have none."""
    filled = [lane for lane in range(LANES) if lane not in EMPTY]
    lanes = [filled[(n * n) % len(filled)] for n in range(ROWS)]
    return pl.DataFrame(
        {"Key__c": [f"k{n:04d}" for n in range(ROWS)], LANE: pl.Series(lanes, dtype=pl.UInt16)}
    )


@pytest.mark.parametrize(
    ("bytes_max", "readings"), [(1, LANES - len(EMPTY)), (10**9, 2)], ids=["one by one", "at once"]
)
def test_each_lane_comes_once_with_its_rows(bytes_max: int, readings: int) -> None:
    """In order, also those without a row, and together only where there is room."""
    rows = pages()
    found = list(lanes_together(rows.lazy(), LANES, bytes_max))
    assert [lane for lanes, _ in found for lane in lanes] == list(range(LANES))
    for lanes, part in found:
        assert part.equals(rows.filter(pl.col(LANE).is_in(list(lanes))))
    assert len(found) == readings
