"""When the writer looks at jobs that take long, and that it does nothing while it waits."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from dc_assets.core.circuit_breaker import Allowance
from dc_assets.core.ingest_job import IngestJob
from dc_assets.ledger.load_store import SqlLoadStore
from dc_assets.load.partition import load_partition
from dc_assets.load.store import LoadRequest
from dc_assets_tests.fakes.clock import SimClock
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, things
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import small_world

ROWS = 1_200
ANEW = LoadRequest(is_new=True)


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


class LongQueue(FakeOrg):
    """Lets jobs wait before it works on them, for as long as it says."""

    queue_s = 600.0

    def job(self, job_id: str) -> IngestJob:
        """Tell of a job, its wait included."""
        seen = super().job(job_id)
        return replace(seen, total_s=seen.total_s + self.queue_s)


def test_a_queue_of_another_hour_is_not_waited_for(tmp_path: Path) -> None:
    """Jobs waited ten minutes once; the next load looks at its own within seconds."""
    org = LongQueue()
    with small_world(tmp_path, FakeSource(things(4, parents=2)), org) as world:
        assert world.run().totals.landed == 4
        ports = world.ports()
        assert isinstance(ports.loads, SqlLoadStore)
        ports.loads.give_up_loads()
        org.queue_s, began_s = 0.0, world.clock.now_s()
        again = load_partition(world.spec, "r1-01", ports, request=ANEW)
        assert (again.totals.landed, org.calls["create"]) == (4, 4)
        assert world.clock.now_s() - began_s < 60.0
