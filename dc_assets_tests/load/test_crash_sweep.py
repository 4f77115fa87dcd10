"""A run that dies before or after any one of its calls, and the run after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dc_assets.core.ingest_job import JobState
from dc_assets.load.partition import LoadedRange, load_partition
from dc_assets.load.ports import BatchBook, IngestJobs, LoadBook, Source, Spool
from dc_assets_tests.fakes.crash import Crash, CrashPoint, crashing
from dc_assets_tests.fakes.org import FakeOrg
from dc_assets_tests.fakes.source import FakeSource, thing
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import World, dead_owner, small_world

EFFECTS = 60
"""Effects that the scenario has; a test below holds it against the truth."""

NOT_SWEPT = {
    "Source.check_columns",
    "Source.key_quantiles",
    "Source.value_counts",
    "LoadBook.heartbeat",
    "Spool.wanted",
    "Spool.keep_wanted",
}
"""Asked before a run or by the checks; a context, which just ends; and two of partial loads, which
this sweep of a full load does not make."""


@contextmanager
def tiny_world(folder: Path) -> Generator[World]:
    """Open a world of four rows in two lanes where each kind of trouble happens once."""
    org = FakeOrg(
        locked=Counter({"b": 1}),
        refused={"d": "STRING_TOO_LONG:too long:Title__c --"},
        lost_answers={"create": True, "upload": False},
    )
    rows = [thing("a", "p1"), thing("b", "p1"), thing("c", "p2"), thing("d", "p2")]
    source = FakeSource(rows, page_rows=2, early_ends=1)
    with small_world(folder, source, org) as world:
        world.io_threads = 1
        world.spec = small_spec(profile={"exclusive_user": True, "window": 2})
        yield world


def run_until(world: World, point: CrashPoint) -> LoadedRange:
    """Load the partition as a process that everybody knows to be dead afterwards."""
    ports = crashing(world.ports(dead_owner("killed")), point)
    return load_partition(world.spec, "r1-01", ports)


@pytest.mark.parametrize("effect", range(EFFECTS + 1))
def test_a_run_after_a_crash_completes_the_load(tmp_path: Path, effect: int) -> None:
    """Wherever the first run died, all rows land once and nothing of ours is left behind."""
    with tiny_world(tmp_path) as world:
        point = CrashPoint(max(1, effect), after=effect > 0)
        with pytest.raises(Crash):
            run_until(world, point)
        died_in = point.seen[-1]
        loaded = world.run()
        assert (loaded.totals.selected, loaded.totals.pending) == (4, 0), died_in
        assert world.codes() == {"d": "STRING_TOO_LONG"}
        assert world.org.states()[JobState.OPEN] == 0, died_in
        assert world.org.collisions == []
        [status] = world.views.ranges()
        assert (status.phase, status.in_flight, status.is_held) == ("done", 0, False)
        if died_in != "LoadBook.finish_range":  # then the load was done, and this is a new one
            assert world.org.landings == {"a": 1, "b": 1, "c": 1}, died_in
            assert world.org.sent_again == set()


def test_the_sweep_reaches_every_call(tmp_path: Path) -> None:
    """The number of effects is the true one, and every method of every port is called."""
    with tiny_world(tmp_path) as world:
        point = CrashPoint()
        run_until(world, point)
    claimed = {
        f"{port.__name__}.{method}"
        for port in (Source, IngestJobs, LoadBook, BatchBook, Spool)
        for method in vars(port)
        if not method.startswith("_")
    }
    assert set(point.seen) | point.reads == claimed - NOT_SWEPT
    assert len(point.seen) == EFFECTS
