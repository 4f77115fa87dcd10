"""Rows whose parent is another row of the same load, five deep."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest

from dc_assets_tests.fakes.family import FAMILY, FamilyOrg
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.world import World, small_world

CASE = Path(__file__).parent / "15-parents-in-the-same-load"


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world with the rows of the case."""
    rows = pl.read_csv(CASE / "source.csv").iter_rows(named=True)
    source = FakeSource([thing(row["K"], row["B"], row["N"]) for row in rows])
    with small_world(tmp_path, source, FamilyOrg()) as opened:
        opened.described = FAMILY
        yield opened


def test_all_five_land_by_one_command(world: World) -> None:
    """Each round lands one level more, no row is a dead letter, none is sent after it landed."""
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused, loaded.totals.pending) == (5, 0, 0)
    assert sorted(world.org.rows) == ["a1", "a2", "a3", "a4", "a5"]
    assert set(world.org.landings.values()) == {1}
    assert "go again" in " ".join(world.notes)
