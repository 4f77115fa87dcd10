"""A load goes on at another host, whose data folder has nothing of the first one's."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import RunHeartbeats
from dc_assets.ledger.owners import current_owner
from dc_assets.load.partition import load_partition
from dc_assets.views.receipts import CreatedRecords
from dc_assets_tests.fakes.crash import Crash, NamedPoint, crashing
from dc_assets_tests.fakes.disk import lose
from dc_assets_tests.fakes.ledgers import OpenLedger
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner

ROWS = 12
KEY = "r1-01"


@pytest.fixture
def first(ledger: OpenLedger, tmp_path: Path) -> World:
    """A host with a data folder of its own, and a spec of this test."""
    org = FakeOrg(org_id=ledger.org_id)
    world = World(tmp_path / "first", ledger.database, FakeSource(things(ROWS, parents=3)), org)
    world.spec = small_spec(name=f"t{ledger.org_id[3:].lower()}", profile={"batch_rows_max": 2})
    return world


def dies_after(world: World, name: str) -> None:
    """Let the run of a host die after the first call of a name."""
    ports = crashing(world.ports(dead_owner("killed")), NamedPoint(name))
    with pytest.raises(Crash):
        load_partition(world.spec, KEY, ports)


@pytest.mark.parametrize(
    ("state", "is_kept"),
    [("BatchStore.uploaded", True), ("BatchStore.uploaded", False), ("BatchStore.settled", False)],
)
def test_another_host_ends_the_same_load(
    first: World, tmp_path: Path, state: str, *, is_kept: bool
) -> None:
    """Whether the folder of the first is gone or cannot be reached; each row lands once."""
    dies_after(first, state)
    begun = first.partitions[0].load_id
    if not is_kept:
        lose(first.folder)
    second = replace(first, folder=tmp_path / "second")
    loaded = second.run()
    assert (loaded.load_id, loaded.totals.landed, loaded.totals.pending) == (begun, ROWS, 0)
    assert set(first.org.landings.values()) == {1}
    records = CreatedRecords(first.database, first.spec.name)
    assert sum(len(records.created_ids(one)) for one in records.receipts()) == ROWS


def test_pages_of_before_are_not_believed_when_the_first_host_returns(
    first: World, tmp_path: Path
) -> None:
    """It had read pages, another one sent rows of them since: those are not sent again."""
    dies_after(first, "Spool.add_page")
    dies_after(replace(first, folder=tmp_path / "second"), "BatchStore.settled")
    assert first.run().totals.landed == ROWS
    assert set(first.org.landings.values()) == {1}


@pytest.mark.postgres
def test_postgresql_is_opened_by_many_hosts(postgres_url: str) -> None:
    """A SQLite file would be refused while a run of another host beats in it."""
    away = replace(current_owner("theirs"), host="away", machine="another", boot="another")
    with closing(Database(postgres_url)) as database:
        RunHeartbeats(database).heartbeat(away, lease_s=60)
    Database(postgres_url).close()
