"""A partial load chooses its rows after what is in flight has settled, and after a look."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import polars as pl
import pytest

from dc_assets.ledger.tables import range_state
from dc_assets.load.partition import load_partition
from dc_assets_tests.fakes.crash import Crash, CrashPoint, crashing
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.world import World, dead_owner, small_world

KEY = "r1-01"


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 40 rows that hang on 7 parents."""
    with small_world(tmp_path, FakeSource(things(40, parents=7))) as opened:
        yield opened


def test_the_source_is_looked_at_before_rows_are_chosen(world: World) -> None:
    """What changes while rows are chosen is not proved by this load."""
    before = world.source.state(world.spec.ranges[KEY])

    def choose() -> pl.Series:
        world.source.rows[0]["Title__c"] = "changed meanwhile"
        return pl.Series(["id0001"])

    loaded = load_partition(world.spec, KEY, world.ports(mode="changed"), choose)
    with world.database.begin() as connection:
        rows = connection.execute(
            range_state.select().where(range_state.c.load_id == loaded.load_id)
        ).all()
    assert [row.source_state for row in rows] == [before]
    assert world.source.state(world.spec.ranges[KEY]) != before


def test_rows_of_a_killed_load_are_settled_before_rows_are_chosen(world: World) -> None:
    """Else a row whose job is running would be missing, and would be sent once more."""
    died = crashing(world.ports(dead_owner("killed")), CrashPoint(call=45))
    with pytest.raises(Crash):
        load_partition(world.spec, KEY, died)
    in_flight = world.partitions[0].rows.in_flight
    assert in_flight > 0

    def missing() -> pl.Series:
        assert world.partitions[0].rows.in_flight == 0
        landed = set(world.org.rows)
        keys = [row["Key__c"] for row in world.source.rows if row["Key__c"] not in landed]
        return pl.Series(keys, dtype=pl.String)

    load_partition(world.spec, KEY, world.ports(mode="missing"), missing)
    assert len(world.org.rows) == 40
    assert set(world.org.landings.values()) == {1}
