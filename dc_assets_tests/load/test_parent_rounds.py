"""Rows that wait for parents of the same load: rounds, ends, crashes, other partitions."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.errors import RejectedRequest, RowsPending
from dc_assets.load.partition import load_partition
from dc_assets.load.store import LoadRequest
from dc_assets_tests.fakes.family import FAMILY, FamilyOrg
from dc_assets_tests.fakes.source import FakeSource, SourceRow, thing
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world

DEEP = [thing(f"id{n}", f"id{n + 1}") for n in range(4)] + [thing("id4", None)]
TWO_PARTITIONS = small_spec(partitions={"scheme": 1, "upper_bounds": ["id2"]})


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world with a chain of five rows."""
    with small_world(tmp_path, FakeSource(list(DEEP)), FamilyOrg()) as opened:
        opened.described = FAMILY
        yield opened


def jobs_of(world: World, external_id: str) -> int:
    """Count the jobs that held a row."""
    rows = [row["External_ID__c"] for job in world.org.jobs for row in job.rows]
    return rows.count(external_id)


def test_a_parent_that_nobody_has_costs_one_round(world: World) -> None:
    """Its row and those below it are dead letters with the org's own words; the others land."""
    world.source.rows = [*DEEP, thing("x1", "nobody"), thing("x2", "x1")]
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused, loaded.totals.pending) == (5, 2, 0)
    assert world.codes() == {"x1": "INVALID_FIELD", "x2": "INVALID_FIELD"}
    letters = {one.external_id: one for one in world.views.refusals(10)}
    assert "nobody not found" in letters["x1"].message
    assert json.loads(letters["x1"].row_json)["Parent__r.External_ID__c"] == "nobody"
    assert "2 rows name parents that neither the org has nor the load brings" in "".join(
        world.notes
    )
    assert jobs_of(world, "x1") <= 6


def test_a_load_of_orphans_alone_ends_at_once(world: World) -> None:
    """Nothing landed, so nothing can have brought their parents."""
    world.source.rows = [thing("x1", "nobody"), thing("x2", "x3")]
    loaded = world.run()
    assert (loaded.totals.refused, world.org.calls["create"]) == (2, len(world.org.jobs))
    assert jobs_of(world, "x1") == 1


def test_a_parent_of_another_object_is_not_waited_for(world: World) -> None:
    """No row of the load can become it."""
    world.described = type(FAMILY)(FAMILY.object)
    loaded = world.run()
    assert loaded.totals.refused + loaded.totals.landed == 5
    assert jobs_of(world, "id0") == 1
    assert world.codes()["id0"] == "INVALID_FIELD"


def test_rows_that_wait_survive_the_end_of_their_run(world: World) -> None:
    """What waits stands in the ledger and the spool: the next run goes on with it."""
    world.org.rejections["close"] = "the org is down"
    with pytest.raises(RejectedRequest):
        world.run()
    world.org.rejections.clear()
    world.spec = small_spec(profile={"window": 1})
    assert isinstance(world.org, FamilyOrg)
    world.org.stops_after = 5
    with pytest.raises(RejectedRequest):
        world.run()
    world.org.stops_after = None
    loaded = world.run()
    assert (loaded.totals.landed, loaded.totals.refused) == (5, 0)
    assert world.org.sent_again == set()


def test_parents_of_a_partition_that_comes_later_are_left_to_it(world: World) -> None:
    """The first partition keeps its rows pending, says why, and lands them when it is run again."""
    world.spec = TWO_PARTITIONS
    request = LoadRequest(partition_keys=["r1-01", "r1-02"])
    with pytest.raises(RowsPending, match="3 of 3 rows"):
        load_partition(world.spec, "r1-01", world.ports(), request=request)
    assert "another partition may bring" in "".join(world.notes)
    assert world.codes() == {}
    load_partition(world.spec, "r1-02", world.ports(), request=request)
    loaded = load_partition(world.spec, "r1-01", world.ports(), request=request)
    assert (loaded.totals.landed, loaded.totals.refused) == (3, 0)
    assert len(world.org.rows) == 5


def test_orphans_are_given_up_when_every_other_partition_is_done(world: World) -> None:
    """Two partitions that wait for nobody do not wait for each other."""
    world.spec = TWO_PARTITIONS
    orphans: list[SourceRow] = [thing("id0", "nobody"), thing("id9", "nobody")]
    world.source.rows = orphans
    request = LoadRequest(partition_keys=["r1-01", "r1-02"])
    with pytest.raises(RowsPending):
        load_partition(world.spec, "r1-01", world.ports(), request=request)
    load_partition(world.spec, "r1-02", world.ports(), request=request)
    loaded = load_partition(world.spec, "r1-01", world.ports(), request=request)
    assert (loaded.totals.refused, loaded.totals.pending) == (1, 0)
    assert set(world.codes()) == {"id0", "id9"}
