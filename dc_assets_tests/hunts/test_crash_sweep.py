"""A run that dies before or after any one of its calls, and the runs after it."""

from __future__ import annotations

import itertools
from collections.abc import Generator
from pathlib import Path

import pytest

from dc_assets.load.ports import IngestJobs, RecordIds, Source, Spool
from dc_assets.load.store import BatchStore, LoadStore, OrgUse
from dc_assets_tests.fakes.crash import CrashPoint, WatchedPoint
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.hunts.sweep import STORIES, Stage, Story, problems, troubled_world

NOT_SWEPT = {
    "Source.key_quantiles",
    "Source.key_at",
    "Source.value_counts",
    "LoadStore.heartbeat",
}
"""Asked before a run or by the checks; and a block, which ends with the run or its process."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Generator[SimDatabase]:
    """Open one ledger for all worlds; each of them begins with an empty one."""
    opened = SimDatabase(tmp_path_factory.mktemp("ledger") / "ledger.db")
    yield opened
    opened.close()


def rehearsed(folder: Path, database: SimDatabase, story: Story) -> tuple[list[int], set[str]]:
    """Play a story without the swept crash; return its swept calls, and all names of calls."""
    stage = Stage(troubled_world(folder, database, story))
    point = WatchedPoint(stage.outlives_a_run)
    assert problems(stage, story, point) is None
    first = 1 if story.since is None else point.seen.index(story.since) + 1
    last = len(point.seen) if story.until is None else point.seen.index(story.until) + 1
    return [n for n in point.leaves_trace if first <= n <= last], stage.seen


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_runs_after_a_crash_complete_the_load(
    tmp_path: Path, database: SimDatabase, story: Story
) -> None:
    """Wherever a run died, all rows have one outcome and nothing of ours is left behind.

    To die after a call is to die before the next one, because only memory and reads lie between
    them: so only the very first call is worth a crash before it. Likewise a call that left
    ledger, org and spool as they were is worth none.
    """
    calls, _ = rehearsed(tmp_path / "0", database, story)
    points = [CrashPoint(1, after=False), *(CrashPoint(n) for n in calls)]
    found = [
        problem
        for n, point in enumerate(points, start=1)
        if (
            problem := problems(
                Stage(troubled_world(tmp_path / str(n), database, story)),
                story,
                point,
            )
        )
    ]
    assert found == []


def test_the_sweep_reaches_every_method_of_every_port(
    tmp_path: Path, database: SimDatabase
) -> None:
    """A method that is added to a port and that no story calls is named here."""
    reached = [rehearsed(tmp_path / str(n), database, s)[1] for n, s in enumerate(STORIES)]
    claimed = {
        f"{port.__name__}.{method}"
        for port in (Source, IngestJobs, RecordIds, LoadStore, BatchStore, OrgUse, Spool)
        for method in dir(port)
        if not method.startswith("_")
    }
    assert set(itertools.chain(*reached)) == claimed - NOT_SWEPT
