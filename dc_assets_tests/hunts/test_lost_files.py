"""Every file of the spool is lost, one at a time, in each way, at each state of a load."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import batch, range_state
from dc_assets.load.partition import load_partition
from dc_assets_tests.fakes.crash import Crash, CrashPoint, crashing
from dc_assets_tests.fakes.disk import DAMAGES, DamagingPoint, spool_files
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner

KEY = "r1-01"
ROWS = 6
STATES = (
    "page reading",
    "page sending",
    "batch planned",
    "batch opening",
    "batch open",
    "batch uploaded",
    "batch settled",
    "batch unknown",
)
EACH_WAY = {state: set(DAMAGES) for state in STATES}

pytestmark = [pytest.mark.hunt, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Generator[SimDatabase]:
    """Open one ledger for all worlds; each of them begins with an empty one."""
    opened = SimDatabase(tmp_path_factory.mktemp("ledger") / "ledger.db")
    yield opened
    opened.close()


def fresh(folder: Path, database: SimDatabase) -> World:
    """Open a world of six rows, one of which meets a lock and one of which is refused."""
    database.empty()
    org = FakeOrg(
        locked=Counter({"id0001": 1}), refused={"id0002": "STRING_TOO_LONG:x:Title__c --"}
    )
    world = World(folder, database, FakeSource(things(ROWS, parents=2)), org)
    world.spec = small_spec(profile={"window": 2, "batch_rows_max": 2, "exclusive_user": True})
    world.io_threads = 1
    database.now_s = world.clock.now_s
    return world


def problem(world: World) -> str | None:
    """Load to the end, and say what is wrong then."""
    world.run()
    rows = world.partitions[0].rows
    if (rows.selected, rows.landed, rows.refused, rows.pending) != (ROWS, ROWS - 1, 1, 0):
        return str(rows)
    twice = {key: n for key, n in world.org.landings.items() if n > 1}
    return f"landed twice: {twice}" if twice or world.org.sent_again else None


def state_of(file: Path, database: Database) -> str:
    """Say what a file is of, and how that stands in the ledger."""
    name = file.stem.rpartition("-")[0]
    if name.startswith("page"):
        kind, query = "page", sa.select(range_state.c.phase)
    else:
        kind, query = "batch", sa.select(batch.c.state).where(batch.c.batch_id == name)
    with database.read() as connection:
        return f"{kind} {connection.execute(query).scalar() or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the spool by its number, after a call."""

    call: int
    number: int


@dataclass(slots=True)
class Struck:
    """Which files were damaged in which way, by their states; the ways take turns at each."""

    ways: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    places: dict[str, Place] = field(default_factory=dict[str, Place])

    def next_way(self, state: str, place: Place) -> str:
        """Return how a file is damaged now."""
        self.places[state] = place
        ways = self.ways[state]
        ways.append(list(DAMAGES)[len(ways) % len(DAMAGES)])
        return ways[-1]

    def missing(self) -> list[Place]:
        """Return a place of each state that did not meet each way, once for each of those."""
        lacks = {state: len(DAMAGES) - len(ways) for state, ways in self.ways.items()}
        return [self.places[state] for state, count in lacks.items() for _ in range(count)]


@dataclass(slots=True)
class Strike:
    """Damages one of the files of a spool, if there are so many."""

    world: World
    place: Place
    struck: Struck
    seen: int | None = None

    def __call__(self) -> None:
        """Count the files, and damage the chosen one."""
        files = spool_files(self.world.folder)
        self.seen = len(files)
        if self.place.number < len(files):
            file = files[self.place.number]
            way = self.struck.next_way(state_of(file, self.world.database), self.place)
            DAMAGES[way](file)


def killed_at(world: World, call: int, strike: Strike) -> None:
    """Let a run die after a call, and strike then."""
    ports = crashing(world.ports(dead_owner("killed")), CrashPoint(call))
    with suppress(Crash):
        load_partition(world.spec, KEY, ports)
        return
    strike()


def struck_at(world: World, call: int, strike: Strike) -> None:
    """Strike after a call of a run that goes on."""
    load_partition(world.spec, KEY, crashing(world.ports(), DamagingPoint(call, strike)))


@pytest.mark.parametrize("at", [killed_at, struck_at])
def test_a_load_outlives_the_loss_of_any_file(
    tmp_path: Path,
    database: SimDatabase,
    at: Callable[[World, int, Strike], None],
) -> None:
    """The run that lost it goes on, or was killed then; the load ends complete, 0 rows twice."""
    found: list[str] = []
    struck = Struck()

    def seen_after(place: Place) -> int | None:
        """Strike once; return how many files there were, None if the load has no such call."""
        world = fresh(tmp_path / uuid.uuid4().hex, database)
        strike = Strike(world, place, struck)
        at(world, place.call, strike)
        if strike.seen is not None and (said := problem(world)):
            found.append(f"{place}: {said}")
        return strike.seen

    for call in itertools.count(1):
        files = seen_after(Place(call, 0))
        if files is None:
            break
        for number in range(1, files):
            seen_after(Place(call, number))
    for place in struck.missing():
        seen_after(place)
    assert found == []
    assert {state: set(ways) for state, ways in struck.ways.items()} == EACH_WAY
