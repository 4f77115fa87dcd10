"""When the writer looks at jobs that take long, and that it does nothing while it waits."""

from __future__ import annotations

import threading
from pathlib import Path

from dc_assets.core.circuit_breaker import Allowance
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import small_world

ROWS = 1_200


class CountingClock(SimClock):
    """Counts how often somebody asks for the time."""

    looks = 0

    def now_s(self) -> float:
        """Return the time, and count."""
        self.looks += 1
        return super().now_s()


class SlowToSay(FakeOrg):
    """Takes a while to say what is left of its day."""

    def __init__(self, clock: CountingClock) -> None:
        super().__init__()
        self.clock = clock
        self.looks_meanwhile = 0

    def allowance(self) -> Allowance:
        """Answer after a fifth of a second."""
        before = self.clock.looks
        threading.Event().wait(0.2)
        self.looks_meanwhile = max(self.looks_meanwhile, self.clock.looks - before)
        return super().allowance()


def test_the_writer_does_nothing_until_the_org_says_what_is_left_of_its_day(tmp_path: Path) -> None:
    """It took a whole core while the first answer was under way."""
    clock = CountingClock()
    org = SlowToSay(clock)
    with small_world(tmp_path, FakeSource(things(4, parents=2)), org) as world:
        world.clock = clock
        assert world.run().totals.landed == 4
    assert org.calls["allowance"] > 0
    assert org.looks_meanwhile < 100


def test_a_job_that_has_ended_is_not_given_up(tmp_path: Path) -> None:
    """Each takes 150 s, which is expected, and gets 120 s: the first look comes after that."""
    with small_world(tmp_path, FakeSource(things(ROWS, parents=1), page_rows=ROWS)) as world:
        world.spec = small_spec(limits={"job_wait_s_max": 120.0})
        world.org.row_s = 1.0
        assert world.run().totals.landed == ROWS
        assert not [event for event in world.events if event.name == "job_given_up"]
        assert world.org.calls["abort"] == 0
