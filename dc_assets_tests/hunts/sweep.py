"""Short stories in which a run dies at a chosen call, and what must be true after them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

import polars as pl

from dc_assets.core.errors import DcError
from dc_assets.core.ingest_job import JobState
from dc_assets.ledger.owners import Owner
from dc_assets.ledger.tables import metadata
from dc_assets.load.partition import load_partition
from dc_assets.load.store import Mode
from dc_assets_tests.fakes.crash import Crash, CrashPoint, NamedPoint, crashing
from dc_assets_tests.fakes.disk import lose
from dc_assets_tests.fakes.family import FAMILY, FamilyOrg
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.specs import EXTERNAL_ID, small_spec
from dc_assets_tests.fakes.update import NUMBERED, UpdatedOrg
from dc_assets_tests.fakes.world import World, dead_owner


@dataclass(slots=True)
class Stage:
    """A world of few rows, and where runs die in it."""

    world: World
    seen: set[str] = field(default_factory=set[str])

    def dies(self, key: str, point: CrashPoint, *, mode: Mode = "full") -> bool:
        """Run a partition until the point; tell whether the run died there."""
        try:
            self._run(key, point, dead_owner("killed"), mode)
        except Crash:
            return True
        finally:
            self.seen |= set(point.seen) | point.reads
        return False

    def dies_in(self, key: str, name: str) -> None:
        """Run a partition until it dies after the first call of a name."""
        rehearsal = NamedPoint(name)
        assert self.dies(key, rehearsal), f"there is no call {name}"

    def lives(self, key: str, mode: Mode = "full") -> None:
        """Run a partition that lives, unless it is done: then it would begin a new load."""
        if any(r.partition_key == key and r.is_done for r in self.world.partitions):
            return
        point = CrashPoint()
        self._run(key, point, None, mode)
        self.seen |= set(point.seen) | point.reads

    def _run(self, key: str, point: CrashPoint, owner: Owner | None, mode: Mode) -> None:
        ports = crashing(self.world.ports(owner, mode), point)
        choose = None if mode == "full" else _chosen
        try:
            load_partition(self.world.spec, key, ports, choose)
        finally:
            self.look()

    def outlives_a_run(self) -> object:
        """Return all that a run which dies leaves to the next: ledger, org and spool."""
        world = self.world
        with world.database.read() as connection:
            tables = [table for table in metadata.sorted_tables if table.name not in COUNTED]
            lines = [connection.execute(table.select()).all() for table in tables]
        org = [getattr(world.org, one.name) for one in fields(world.org) if one.name not in COUNTED]
        files = [(file, file.stat().st_size) for file in sorted(world.folder.rglob("*.*"))]
        return lines, repr(org), files

    def look(self) -> None:
        """Check that each partition adds up, whoever died where."""
        for status in self.world.partitions:
            assert status.rows.pending >= 0, f"{status} has too many outcomes"
        assert self.world.org.collisions == []
        assert self.world.org.most_in_flight <= self.world.spec.profile.window


COUNTED = {"commit_mark", "calls", "_told_calls", "most_in_flight", "_lock"}
"""Tables and attributes of the org on which no run depends."""


def _chosen() -> pl.Series:
    return pl.Series(EXTERNAL_ID, ["b", "d"], dtype=pl.String)


def troubled_world(folder: Path, database: SimDatabase, story: Story) -> World:
    """Open a world of few rows in two lanes where each kind of trouble happens once."""
    database.empty()
    if story.is_family:
        return _family_world(folder, database)
    org = (UpdatedOrg if story.only_updates else FakeOrg)(
        row_s=story.row_s,
        locked=Counter({"b": 1}),
        untouched=Counter({"c": 1}),
        refused={"d": "STRING_TOO_LONG:too long:Title__c --"},
        lost_answers={"create": True, "upload": False, "close": True, "results": True},
        endings=deque([(JobState.JOB_COMPLETE, ""), (JobState.FAILED, "TooManyLockFailure : x")]),
        cut_files=1,
    )
    rows = [thing("a", "p1"), thing("b", "p1"), thing("c", "p2"), thing("d", "p2")]
    world = World(folder, database, FakeSource(rows, page_rows=2, early_ends=1), org)
    bounds = ["b"] if story.partitions == 2 else []
    target = {"object": "Thing__c", "external_id": EXTERNAL_ID}
    if isinstance(org, UpdatedOrg):
        org.held, world.described = "abd", NUMBERED
        target["operation"] = "update"
    world.spec = small_spec(
        target=target,
        profile={"exclusive_user": True, "window": story.window},
        partitions={"scheme": 1, "upper_bounds": bounds},
    )
    world.io_threads = 1
    database.now_s = world.clock.now_s
    return world


def _family_world(folder: Path, database: SimDatabase) -> World:
    """Open a world of two rows that hang on each other, and one whose parent nobody brings."""
    rows = [thing("a", None), thing("b", "a"), thing("d", "nobody")]
    world = World(folder, database, FakeSource(rows), FamilyOrg(), described=FAMILY)
    world.spec = small_spec(profile={"exclusive_user": True, "window": 2})
    world.io_threads = 1
    database.now_s = world.clock.now_s
    return world


@dataclass(frozen=True, slots=True)
class Story:
    """What happens before, in and after the run that is swept.

    Attributes:
        is_family: whether the parents of the rows are rows of the load.
        only_updates: whether the load creates no record; the org lacks that of the row "c".
        since: the call before which the swept run is like one of another story.
        until: the call after which it is.
        rows: ids that land.
        row_s: seconds that the org works on a row; a slow org has its batches cut smaller.
    """

    name: str
    partitions: int
    swept: Callable[[Stage, CrashPoint], bool]
    after: Callable[[Stage], None]
    since: str | None = None
    until: str | None = None
    rows: str = "abc"
    refused: str = "d"
    row_s: float = 0.0
    window: int = 2
    is_family: bool = False
    only_updates: bool = False


def _rescuer(dead_after: str) -> Callable[[Stage, CrashPoint], bool]:
    def swept(stage: Stage, point: CrashPoint) -> bool:
        stage.dies_in("r1-01", dead_after)
        return stage.dies("r1-01", point)

    return swept


def _other_first(stage: Stage) -> None:
    stage.lives("r1-02")
    stage.lives("r1-01")


def _partial(mode: Mode) -> Story:
    return Story(
        f"a partial load: {mode}",
        1,
        lambda stage, point: stage.dies("r1-01", point, mode=mode),
        lambda stage: stage.lives("r1-01", mode),
        until="BatchStore.plan_batches",
        rows="b",
    )


def _adopter(stage: Stage, point: CrashPoint) -> bool:
    stage.dies_in("r1-01", "IngestJobs.close")
    return stage.dies("r1-02", point)


def _with_batches_of(stage: Stage, rows: int) -> None:
    profile = {"exclusive_user": True, "window": 2, "batch_rows_max": rows}
    stage.world.spec = small_spec(profile=profile)


def _merger(stage: Stage, point: CrashPoint) -> bool:
    _with_batches_of(stage, 1)
    stage.dies_in("r1-01", "BatchStore.plan_batches")
    _with_batches_of(stage, 10)
    return stage.dies("r1-01", point)


def _after_its_disk(dead_after: str) -> Callable[[Stage, CrashPoint], bool]:
    def swept(stage: Stage, point: CrashPoint) -> bool:
        stage.dies_in("r1-01", dead_after)
        lose(stage.world.folder)
        return stage.dies("r1-01", point)

    return swept


FULL_LOAD = Story(
    "a full load",
    1,
    lambda stage, point: stage.dies("r1-01", point),
    lambda stage: stage.lives("r1-01"),
)
STORIES = [
    *(
        Story(
            f"the disk is lost, after {name}",
            1,
            _after_its_disk(name),
            lambda stage: stage.lives("r1-01"),
            until="BatchStore.plan_anew",
        )
        for name in ("BatchStore.plan_batches", "IngestJobs.close", "BatchStore.settled")
    ),
    Story(
        "small batches travel together",
        1,
        _merger,
        lambda stage: stage.lives("r1-01"),
        until="IngestJobs.create",
    ),
    FULL_LOAD,
    Story(
        "a load that only updates",
        1,
        lambda stage, point: stage.dies("r1-01", point),
        lambda stage: stage.lives("r1-01"),
        since="LoadStore.keep_plan",
        until="IngestJobs.close",
        rows="ab",
        only_updates=True,
    ),
    Story(
        "a slow org",
        1,
        lambda stage, point: stage.dies("r1-01", point),
        lambda stage: stage.lives("r1-01"),
        since="IngestJobs.close",
        until="BatchStore.split",
        row_s=20_000.0,
        window=1,
    ),
    Story(
        "parents in the same load",
        1,
        lambda stage, point: stage.dies("r1-01", point),
        lambda stage: stage.lives("r1-01"),
        since="BatchStore.settled",
        until="BatchStore.give_up",
        rows="ab",
        is_family=True,
    ),
    _partial("missing"),
    _partial("replay"),
    Story(
        "another partition adopts",
        2,
        lambda stage, point: stage.dies("r1-01", point),
        _other_first,
        until="BatchStore.settled",
    ),
    Story("the adopter dies", 2, _adopter, _other_first, until="BatchStore.settled"),
    *(
        Story(
            f"a rescuer dies, after {name}",
            1,
            _rescuer(name),
            lambda stage: stage.lives("r1-01"),
            until=until,
        )
        for name, until in {
            "IngestJobs.create": "IngestJobs.create",
            "IngestJobs.upload": "IngestJobs.create",
            "IngestJobs.close": "BatchStore.settled",
        }.items()
    ),
]


def check_end(stage: Stage, story: Story) -> None:
    """Check both sides after the last run."""
    world = stage.world
    org = world.org
    assert set(org.rows) == set(story.rows)
    code = "INVALID_FIELD" if story.is_family else "STRING_TOO_LONG"
    refused = dict.fromkeys(story.refused, code)
    assert world.codes() == (refused | {"c": "NOT_FOUND"} if story.only_updates else refused)
    assert org.states()[JobState.OPEN] == 0, "a job is left Open"
    assert not any(job.is_in_flight for job in org.jobs), "a job is left in flight"
    for status in world.partitions:
        assert (status.phase, status.rows.pending, status.rows.in_flight) == ("sent", 0, 0), str(
            status
        )
        assert not status.is_held, "a partition is left leased"
    assert org.sent_again == set(), "a success was sent again"


def problems(stage: Stage, story: Story, point: CrashPoint) -> str | None:
    """Play a story with a crash at a point; return what went wrong, or None."""
    try:
        died = story.swept(stage, point)
        assert died == (point.call > 0), "nobody died"
        story.after(stage)
        check_end(stage, story)
    except (AssertionError, DcError) as error:
        where = f"{'after' if point.after else 'before'} call {point.call}"
        return f"{where} ({point.seen[-1]}): {type(error).__name__}: {error}"
    return None
