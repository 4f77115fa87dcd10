"""A load ends complete, and sends nothing twice, whatever its disk loses."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from dc_assets.core.errors import BreakerOpened, SpoolLost
from dc_assets.core.ingest_job import JobState
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.ledger.tables import batch, dead_letter
from dc_assets.load.partition import load_partition
from dc_assets.load.read_range import Chosen
from dc_assets.load.store import LoadRequest, Mode
from dc_assets.views.receipts import CreatedRecords
from dc_assets_tests.fakes.crash import Crash, CrashPoint, NamedPoint, crashing
from dc_assets_tests.fakes.disk import DAMAGES, CutSpool, DamagingPoint, lose, spool_files
from dc_assets_tests.fakes.source import FakeSource, thing, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner, small_world

ROWS = 24
KEY = "r1-01"
REFUSED = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world of 24 rows that hang on 7 parents; four jobs at a time."""
    with small_world(tmp_path, FakeSource(things(ROWS, parents=7))) as opened:
        opened.spec = small_spec(profile={"window": 4, "batch_rows_max": 2})
        yield opened


def kill(world: World, point: CrashPoint, choose: Chosen = None, mode: Mode = "full") -> None:
    """Let a run die at a point."""
    ports = crashing(world.ports(dead_owner("killed"), mode), point)
    with pytest.raises(Crash):
        load_partition(world.spec, KEY, ports, choose)


def assert_complete(world: World, *, refused: int = 0, rows: int = ROWS) -> None:
    """Check that each row landed once or was refused once, and that the ledger knows all."""
    counts = world.partitions[0].rows
    assert (counts.selected, counts.landed, counts.refused) == (rows, rows - refused, refused)
    assert set(world.org.landings.values()) == {1}
    records = CreatedRecords(world.database, world.spec.name)
    known = [one for receipt in records.receipts() for one in records.created_ids(receipt)]
    assert len(known) == rows - refused
    with world.database.read() as connection:
        left = connection.execute(
            sa.select(batch.c.batch_id).where(batch.c.state.not_in(("settled", "abandoned")))
        ).all()
    assert left == []


@pytest.mark.parametrize("call", [6, 20, 40])
def test_what_the_ledger_says_outlives_a_power_cut(world: World, call: int) -> None:
    """Each file and each name is flushed to the disk before a batch of it is in the ledger."""
    spool = CutSpool(world.folder)
    ports = replace(world.ports(dead_owner("killed")), spool=spool)
    with pytest.raises(Crash):
        load_partition(world.spec, KEY, crashing(ports, CrashPoint(call)))
    spool.cut()
    world.run()
    assert_complete(world)
    assert "rows_lost" not in {event.name for event in world.events}


@pytest.mark.parametrize("state", ["Spool.add_page", "BatchStore.opened", "BatchStore.settled"])
def test_a_load_outlives_its_disk(world: World, state: str) -> None:
    """The host that was killed takes its folder along; another one ends the same load."""
    kill(world, NamedPoint(state))
    lose(world.folder)
    begun = world.partitions[0].load_id
    assert world.run().load_id == begun
    assert_complete(world)


def test_a_new_load_begins_without_the_disk_of_the_old(world: World) -> None:
    """Whatever was lost: it reads all rows anew, and no job of the old one is left open."""
    world.spec = small_spec(profile={"window": 4, "batch_rows_max": 2, "exclusive_user": True})
    kill(world, NamedPoint("IngestJobs.close"))
    begun = world.partitions[0].load_id
    lose(world.folder)
    ports = world.ports()
    assert isinstance(ports.loads, SqlLoadStore)
    ports.loads.give_up_loads()
    loaded = load_partition(world.spec, KEY, ports, request=LoadRequest(is_new=True))
    assert loaded.load_id != begun
    assert (loaded.totals.selected, loaded.totals.landed, loaded.totals.pending) == (ROWS, ROWS, 0)
    assert len(world.org.rows) == ROWS
    states = {job.state for job in world.org.jobs}
    assert states <= {JobState.JOB_COMPLETE, JobState.ABORTED}


def test_finished_jobs_are_settled_without_a_disk(world: World) -> None:
    """Their result files repeat the rows: for retries and dead letters too, and nulls are nulls."""
    world.source.rows = things(ROWS, parents=1)
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": ROWS})
    world.source.rows[4]["Title__c"] = None
    world.org.locked = Counter({"id0004": 1})
    world.org.untouched = Counter({"id0005": 1})
    world.org.refused = {"id0006": REFUSED}
    kill(world, NamedPoint("BatchStore.uploaded"))
    assert world.partitions[0].rows.in_flight == 1
    lose(world.folder)
    world.run()
    assert_complete(world, refused=1)
    assert "rows_read_again" not in {event.name for event in world.events}
    assert world.org.rows["id0004"]["Title__c"] == "#N/A"
    with world.database.read() as connection:
        letters = connection.execute(sa.select(dead_letter.c.row_json)).scalars().all()
    assert ['"Title__c":"a title"' in one for one in letters] == [True]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named_and_read_again(
    world: World, damage: Callable[[Path], None]
) -> None:
    """Under a run that goes on; never a traceback. What is in flight and lands needs no file."""

    def damage_all() -> None:
        for file in spool_files(world.folder):
            damage(file)

    point = DamagingPoint(24, damage_all)
    load_partition(world.spec, KEY, crashing(world.ports(), point))
    assert_complete(world)
    assert "rows_lost" in {event.name for event in world.events}


def test_a_job_that_the_org_dropped_costs_no_row_without_a_disk(world: World) -> None:
    """What it landed nobody can say: its rows, and only those, are sent again."""
    kill(world, NamedPoint("IngestJobs.close"))
    lose(world.folder)
    world.org.gone = {job.job_id for job in world.org.jobs}
    world.run()
    counts = world.partitions[0].rows
    assert (counts.selected, counts.landed, counts.pending) == (ROWS, ROWS, 0)


def test_a_failed_job_is_settled_without_a_disk(world: World) -> None:
    """Its rows stand in the unprocessed file; they are tried again as those of any failed job."""
    world.org.endings = deque([(JobState.FAILED, "InternalServerError : oops")] * 3)
    kill(world, NamedPoint("IngestJobs.close"))
    lose(world.folder)
    world.run()
    assert_complete(world)


def test_selected_stays_true_when_the_source_changed(world: World) -> None:
    """Rows that are gone are not waited for, and those that came are sent."""
    kill(world, CrashPoint(36))
    landed = set(world.org.rows)
    lose(world.folder)
    gone = next(row for row in reversed(world.source.rows) if row["Key__c"] not in landed)
    world.source.rows.remove(gone)
    world.source.rows += [thing("id9001"), thing("id9002")]
    world.run()
    assert_complete(world, rows=ROWS + 1)


def test_a_replay_keeps_to_the_rows_it_was_planned_for(world: World) -> None:
    """Its dead letters are answered already: nobody could choose them a second time."""
    world.org.refused = dict.fromkeys(("id0001", "id0002", "id0003"), REFUSED)
    world.run()
    world.org.refused = {}
    wanted = pl.Series(["id0001", "id0002"])
    kill(world, NamedPoint("BatchStore.plan_batches"), lambda: wanted, "replay")
    lose(world.folder)

    def nothing_left() -> pl.Series:
        return pl.Series([], dtype=pl.String)

    loaded = load_partition(world.spec, KEY, world.ports(mode="replay"), nothing_left)
    assert (loaded.totals.selected, loaded.totals.landed) == (2, 2)
    assert "id0003" not in world.org.rows


def test_rows_that_no_snapshot_saved_are_not_sent(world: World) -> None:
    """A load with snapshot is begun anew when its lost rows are others by now."""
    kill(world, CrashPoint(36))
    lose(world.folder)
    world.source.rows.append(thing("id9001"))
    with world.database.begin() as connection:
        connection.execute(sa.text("UPDATE load SET with_snapshot = 1"))
    with pytest.raises(SpoolLost, match="--new-load --snapshot"):
        world.run()
    assert "id9001" not in world.org.rows


def test_rows_that_an_older_version_gave_up_are_read_again(world: World) -> None:
    """Version 8 abandoned batches without another one; their rows were pending for ever."""
    kill(world, CrashPoint(36))
    with world.database.begin() as connection:
        connection.execute(
            sa.update(batch).where(batch.c.state == "planned").values(state="abandoned")
        )
    world.run()
    assert_complete(world)


def test_a_load_that_a_breaker_stopped_goes_on_without_its_disk(world: World) -> None:
    """The batches that it had planned are read again."""
    world.spec = small_spec(profile={"window": 1, "batch_rows_max": 2})
    world.org.endings = deque([(JobState.FAILED, "InvalidBatch : Field name not found : No__c")])
    with pytest.raises(BreakerOpened):
        world.run()
    lose(world.folder)
    world.run()
    assert_complete(world)


def test_a_disk_that_keeps_nothing_ends_the_run_with_a_word(world: World) -> None:
    """After three readings; the ledger still knows every row."""
    forgetful = ForgetfulDisk(world.folder)
    with pytest.raises(SpoolLost, match="read again from the source"):
        load_partition(world.spec, KEY, replace(crashing(world.ports(), forgetful)))
    counts = world.partitions[0].rows
    assert (counts.selected, counts.pending, counts.in_flight) == (ROWS, ROWS, 0)
    world.run()
    assert_complete(world)


class ForgetfulDisk(CrashPoint):
    """Loses all batches each time they were planned."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def run(self, name: str, call: object) -> object:
        """Make one call; lose the spool after those that plan."""
        answer = super().run(name, call)  # type: ignore[arg-type]
        if name in {"BatchStore.plan_batches", "BatchStore.plan_anew"}:
            lose(self._folder)
        return answer
