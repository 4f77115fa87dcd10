"""Every file of the spool is lost, one at a time, at each state of a load; the ways take turns."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

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

pytestmark = pytest.mark.hunt


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


@dataclass(slots=True)
class Strike:
    """Damages one of the files of a spool, if there are so many."""

    folder: Path
    number: int
    damage: Callable[[Path], None]
    seen: int | None = None

    def __call__(self) -> None:
        """Count the files, and damage the chosen one."""
        files = spool_files(self.folder)
        self.seen = len(files)
        if self.number < len(files):
            self.damage(files[self.number])


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
    damages = list(DAMAGES.values())
    found: list[str] = []
    lives = 0
    for call in itertools.count(1):
        number, files = 0, 1
        while number < files:
            world = fresh(tmp_path / f"{call}-{number}", database)
            damage = damages[(call + number) % len(damages)]
            strike = Strike(world.folder, number, damage)
            at(world, call, strike)
            if strike.seen is None:  # the load has no such call
                assert found == []
                assert lives > 40
                return
            if said := problem(world):
                found.append(f"call {call}, file {number}: {said}")
            number, files, lives = number + 1, strike.seen, lives + 1
