"""What a snapshot holds, and what a restore does with records that are not where they were."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.core.run_events import unheard
from dc_assets.ledger.snapshots import SnapshotRecords
from dc_assets.load.store import LoadRequest
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.wiring.restore import open_restore, overwritten
from dc_assets_tests.acceptance.stage import Org, emulated_org
from dc_assets_tests.proof.test_keys import content, serve
from dc_assets_tests.proof.world import World, data_folder_is

DELETED, MOVED, CHANGED, NOT_SENT, OUTSIDE = "axb", "a_b", "%", "123", "Straße"
"""External ids of what befell records: before the load the last two, after it the others."""

KEYS = [DELETED, MOVED, CHANGED, NOT_SENT, OUTSIDE, "O'Brien", "ab", "AC", "b"]
"""Ids that an org without regard to case sorts otherwise than by their bytes."""

FIELDS = ("Id", "External_ID__c", "Name", "StageName", "AccountId", "Amount", "Description")


@pytest.fixture(scope="module")
def org(module_folder: Path) -> Generator[Org]:
    """An org with three accounts."""
    with emulated_org(module_folder, "--accounts", "3", "--opportunities", "1") as running:
        yield running


def set_name(world: World, key: str, **values: str) -> None:
    """Change a record behind the product's back; values are SQL."""
    said = ", ".join(f'"{name}" = {value}' for name, value in values.items())
    world.org.sql(f"""UPDATE "Opportunity" SET {said} WHERE "External_ID__c" = '{key}'""")


def test_records_are_found_by_their_ids_and_nothing_is_created(org: Org, tmp_path: Path) -> None:
    """Ids of any order and case; outside the scope, moved, changed, deleted, not to be sent."""
    serve(org, tmp_path, KEYS)
    made = content(["AD"])
    made["target"]["scope"] = "StageName != 'Closed Lost'"
    world = World.of(org, tmp_path, made)
    world.load()
    world.org.sql("""UPDATE "Opportunity" SET "Name" = 'Old ' || "Name", "Amount" = NULL""")
    set_name(world, NOT_SENT, Name="'#N/A'")
    set_name(world, OUTSIDE, StageName="'Closed Lost'")
    before = {row[1]: row for row in world.rows_of_core(*FIELDS)}
    with world.opened() as opened:
        opened.loads.give_up_loads()
        for key in world.spec.ranges:
            opened.load(key, LoadRequest(snapshot=True, partition_keys=list(world.spec.ranges)))
    assert not {"Old", "#N/A"} & {row[2][:3] for row in world.rows_of_core(*FIELDS)}
    set_name(world, MOVED, External_ID__c="'zzz'")
    set_name(world, CHANGED, Name="'by somebody'")
    world.org.sql(f"""DELETE FROM "Opportunity" WHERE "External_ID__c" = '{DELETED}'""")
    gone, refused, failed = restored(world)
    after = {row[1]: row for row in world.rows_of_core(*FIELDS)}
    assert gone == 1
    assert refused == {"NOT_REPRESENTABLE": 1}
    assert failed == {"row_count_matches", "stage_name_distribution_matches", "no_coverage_gaps"}
    same = before.keys() - {DELETED, NOT_SENT}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after.keys() == before.keys() - {DELETED}


def test_a_snapshot_with_a_refused_row_stays_due(org: Org, tmp_path: Path) -> None:
    """The checks know why it differs; the same command tries it again, and no older snapshot."""
    serve(org, tmp_path, KEYS)
    world = World.of(org, tmp_path, content([]))
    world.load()
    set_name(world, NOT_SENT, Name="'#N/A'")
    with world.opened() as opened:
        opened.loads.give_up_loads()
        for key in world.spec.ranges:
            opened.load(key, LoadRequest(snapshot=True, partition_keys=list(world.spec.ranges)))
    assert restored(world) == (0, {"NOT_REPRESENTABLE": 1}, set())
    with world.opened() as opened:
        [kept] = SnapshotRecords(opened.database, world.spec.name).all()
    assert kept.restored_at is None


def test_a_record_whose_id_is_spelt_otherwise_is_restored(org: Org, tmp_path: Path) -> None:
    """By its own id it lies in another partition than the row that overwrote it."""
    serve(org, tmp_path, ["XY"])
    world = World.of(org, tmp_path, content(["Z"]))
    world.load()
    set_name(world, "XY", External_ID__c="'xy'", Name="'Old'")
    before = world.rows_of_core(*FIELDS)
    with world.opened() as opened:
        opened.loads.give_up_loads()
        for key in world.spec.ranges:
            opened.load(key, LoadRequest(snapshot=True, partition_keys=list(world.spec.ranges)))
    assert world.rows_of_core(*FIELDS) != before
    assert restored(world, 1) == (0, {}, set())
    assert world.rows_of_core(*FIELDS) == before
    world.org.sql("""DELETE FROM "Opportunity" WHERE "External_ID__c" = 'xy'""")


def restored(world: World, rows: int = len(KEYS)) -> tuple[int, dict[str, int], set[str]]:
    """Restore all partitions; return records gone, rows refused by code, checks that failed."""
    names = ("base_url", "client_id", "client_secret")
    login = Login(ClientCredentials(*(world.org.ready[name] for name in names)))
    gone, refused, failed = 0, dict[str, int](), set[str]()
    with world.opened() as opened:
        kept = SnapshotRecords(opened.database, world.spec.name).all()
        found = overwritten(opened.database, world.spec, kept)
    assert sum(found.rows.values()) == rows
    with (
        data_folder_is(world.folder / "data"),
        open_restore(found, login, run_id="restore", note=unheard) as restore,
    ):
        request = LoadRequest(partition_keys=list(found.rows))
        for key, some in found.rows.items():
            if some:
                gone += restore.look(key).gone
                loaded = restore.send(key, request)
                refused |= loaded.totals.refused_by_code
                outcomes = restore.checked(loaded)
                failed |= {one.check for one in outcomes if not one.severity.is_good}
    return gone, refused, failed
