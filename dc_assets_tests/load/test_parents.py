"""Two loads whose rows have the same parents: one of them waits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dc_assets.core.errors import ParentsTaken
from dc_assets.load.partition import OTHER_LOAD_WAIT_S
from dc_assets.load.store import RangeTicket
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, small_world


@dataclass
class ReleasingClock(SimClock):
    """A clock at whose later moments another load ends."""

    world: World
    ticket: RangeTicket
    at_s: float
    released: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        super().__init__()

    def sleep(self, wait_s: float) -> None:
        """Move the clock, and end the other load when its time has come."""
        super().sleep(wait_s)
        if self.now_s() >= self.at_s and not self.released:
            self.released.append(self.now_s())
            self.world.ports().loads.finish_range(self.ticket)


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """Open a world whose rows hang on two parents."""
    with small_world(tmp_path, FakeSource(things(10, parents=2))) as opened:
        yield opened


def other_load(world: World) -> tuple[World, RangeTicket]:
    """Let a load of another spec hold the same parents."""
    other = World(world.folder, world.database, world.source, world.org)
    other.spec = small_spec(name="others")
    loads = other.ports().loads
    return other, loads.take_range(loads.join_load("r1-01"), "r1-01")


def test_a_load_waits_until_the_other_one_has_ended(world: World) -> None:
    """It says so once, holds nothing meanwhile, and then loads."""
    other, ticket = other_load(world)
    world.clock = ReleasingClock(other, ticket, at_s=120.0)
    world.run()
    assert len(world.org.rows) == 10
    assert world.clock.now_s() >= 120.0
    told = [note for note in world.notes if "holds the parents" in note]
    assert len(told) == 1
    assert "(others, full)" in told[0]


def test_after_ten_minutes_a_load_stops_and_says_who_holds_the_parents(world: World) -> None:
    """Nothing was read or sent; the sentence names the load and what to do."""
    other_load(world)
    with pytest.raises(ParentsTaken, match=r"\(others, full\).*dc-assets run others"):
        world.run()
    assert world.clock.now_s() == pytest.approx(OTHER_LOAD_WAIT_S, abs=5)
    assert world.org.calls == {}
    assert world.source.queries == []
