"""A run that dies before or after any one of its calls, and the runs after it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dc_assets.load.ports import IngestJobs, RecordIds, Source, Spool
from dc_assets.load.store import BatchStore, LoadStore, OrgUse
from dc_assets_tests.fakes.crash import CrashPoint, WatchedPoint
from dc_assets_tests.fakes.sim_ledger import SimDatabase
from dc_assets_tests.hunts.sweep import (
    STORIES,
    Stage,
    Story,
    problems,
    troubled_world,
)

NOT_SWEPT = {
    "Source.key_quantiles",
    "Source.key_at",
    "Source.value_counts",
    "LoadStore.heartbeat",
    "BatchStore.others_in_flight",
}
"""Asked before a run, by the checks, or in a minute without work; and a block, which ends with the
run or its process."""

THINNED = 5
"""Of so many points of a story one is played by default, and the others by a hunt."""


@dataclass(frozen=True)
class Sweep:
    """Stories on one ledger; each is rehearsed once, however many tests ask.

    Attributes:
        rehearsals: swept calls, and names of all calls, by story.
    """

    folder: Path
    database: SimDatabase
    rehearsals: dict[str, tuple[list[int], set[str]]] = field(
        default_factory=dict[str, tuple[list[int], set[str]]]
    )

    def rehearsed(self, story: Story) -> tuple[list[int], set[str]]:
        """Play a story without the swept crash; return its swept calls, and all names of calls."""
        if story.name not in self.rehearsals:
            self.rehearsals[story.name] = self._rehearsed(story)
        return self.rehearsals[story.name]

    def _rehearsed(self, story: Story) -> tuple[list[int], set[str]]:
        stage = self._stage(story)
        point = WatchedPoint(stage.outlives_a_run)
        assert problems(stage, story, point) is None
        first = 1 if story.since is None else point.seen.index(story.since) + 1
        last = len(point.seen) if story.until is None else point.seen.index(story.until) + 1
        return [n for n in point.leaves_trace if first <= n <= last], stage.seen

    def problems(self, story: Story, *, is_hunt: bool) -> list[str]:
        """Let a run die at the points of a story that are played here; return what went wrong.

        To die after a call is to die before the next one, because only memory and reads lie between
        them: so only the very first call is worth a crash before it. Likewise a call that left
        ledger, org and spool as they were is worth none.
        """
        points = [
            CrashPoint(1, after=False),
            *(CrashPoint(n) for n in self.rehearsed(story)[0]),
        ]
        by_default = slice(STORIES.index(story) % THINNED, None, THINNED)
        if is_hunt:
            del points[by_default]
        else:
            points = points[by_default]
        found = [problems(self._stage(story), story, one) for one in points]
        return [one for one in found if one is not None]

    def _stage(self, story: Story) -> Stage:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return Stage(troubled_world(folder, self.database, story))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sweep]:
    """Open one ledger for all worlds; each of them begins with an empty one."""
    folder = tmp_path_factory.mktemp("sweep")
    database = SimDatabase(folder / "ledger.db")
    yield Sweep(folder, database)
    database.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_the_runs_after_a_crash_complete_the_load(sweep: Sweep, story: Story) -> None:
    """Wherever a run died, all rows have one outcome and nothing of ours is left behind.

    The stories, which are much alike, die at every fifth point, each beginning at another one.
    """
    assert sweep.problems(story, is_hunt=False) == []


@pytest.mark.hunt
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_no_point_of_any_story_is_left_out(sweep: Sweep, story: Story) -> None:
    """The stories that die at every fifth point by default die at the others too."""
    assert sweep.problems(story, is_hunt=True) == []


def test_the_sweep_reaches_every_method_of_every_port(sweep: Sweep) -> None:
    """A method that is added to a port and that no story calls is named here."""
    reached = [sweep.rehearsed(story)[1] for story in STORIES]
    claimed = {
        f"{port.__name__}.{method}"
        for port in (Source, IngestJobs, RecordIds, LoadStore, BatchStore, OrgUse, Spool)
        for method in dir(port)
        if not method.startswith("_")
    }
    assert set(itertools.chain(*reached)) == claimed - NOT_SWEPT
