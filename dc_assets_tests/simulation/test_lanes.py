"""The product's own way of writing, in virtual time."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.simulate.background import BACKGROUNDS
from benchmarks.simulate.locked_lanes import LockedFigures, run_locked_lanes
from benchmarks.simulate.locking_org import LockingModel, LockingOrg
from benchmarks.simulate.rows import parents_of
from dc_assets.core.write_policy import Speed
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.lanes import planned, run_lanes
from dc_assets.simulation.org_model import OrgModel, bound_s
from dc_assets.simulation.partition_run import Way

ROWS = 60_000


def run(
    skew: str, background: str = "none", way: Way | None = None, model: LockingModel | None = None
) -> LockedFigures:
    """Simulate a small load."""
    parents = parents_of(ROWS, 3_000, skew, seed=1)
    org = LockingOrg(model or LockingModel(), BACKGROUNDS[background], parents, seed=0)
    return run_locked_lanes(org, way)


@pytest.mark.parametrize("skew", ["uniform", "zipf:1.0", "hot:0.05"])
def test_without_other_work_every_row_lands_at_first(skew: str) -> None:
    """Our own jobs cannot lock each other's parents, whatever the skew."""
    figures = run(skew)
    assert (figures.landed_rows, figures.first_pass_rows) == (ROWS, ROWS)
    assert figures.locked_rows == 0


@pytest.mark.parametrize("skew", ["uniform", "zipf:1.0", "hot:0.05"])
@pytest.mark.parametrize("row_s", [0.005, 0.027])
def test_a_forecast_needs_no_locks(skew: str, row_s: float) -> None:
    """An org without them gives the figures of one that has them, job by job."""
    parents = [*parents_of(ROWS, 2_000, skew, seed=1), *[-1] * 2_000]
    way = Way(partitions=3)
    without = run_lanes(SimulatedOrg(OrgModel(row_s=row_s), parents, seed=0), way)
    locking = LockingOrg(LockingModel(row_s=row_s), BACKGROUNDS["none"], parents, seed=0)
    with_locks = run_locked_lanes(locking, way)
    assert without.ended_s == pytest.approx(with_locks.ended_s)
    assert (without.jobs, without.requests) == (with_locks.jobs, with_locks.requests)
    assert without.landings == [pytest.approx(landing) for landing in with_locks.landings]


@pytest.mark.parametrize("background", ["normal", "heavy"])
def test_rows_that_met_a_lock_land_later(background: str) -> None:
    """All rows land; those that were locked out are the rows that were tried again."""
    figures = run("zipf:1.0", background)
    assert figures.landed_rows == ROWS
    assert figures.refused_rows == 0
    assert ROWS - figures.first_pass_rows <= figures.locked_rows


def test_the_window_is_never_exceeded() -> None:
    """Over all partitions, at every moment; and it is used."""
    figures = run("uniform", way=Way(window=7))
    assert max(jobs for _, jobs in figures.in_flight) == 7


def test_it_is_never_faster_than_the_bound() -> None:
    """The bound is the least time the org can need."""
    parents = parents_of(ROWS, 3_000, "hot:0.2", seed=1)
    bound = bound_s(LockingModel(), parents)
    figures = run_locked_lanes(LockingOrg(LockingModel(), BACKGROUNDS["none"], parents, seed=0))
    assert bound < figures.ended_s < 1.5 * bound


def test_the_same_seed_gives_the_same_load() -> None:
    """A figure that is told can be told again."""
    assert run("uniform", "heavy") == run("uniform", "heavy")


def test_each_row_is_in_one_batch_and_each_parent_in_one_lane() -> None:
    """Over all partitions; a row without a parent is spread by its own number."""
    parents = [-1 if row % 10 == 0 else row % 97 for row in range(20_000)]
    batches = [batch for part in planned(parents, Way(partitions=4)) for batch in part]
    rows = [row for batch in batches for row in batch.rows]
    assert sorted(rows) == list(range(20_000))
    lanes = {(parents[row], batch.lane) for batch in batches for row in batch.rows}
    held = Counter(parent for parent, _ in lanes)
    assert {parent for parent, count in held.items() if count > 1} == {-1}


def test_partitions_may_have_unlike_sizes() -> None:
    """The rows of each are given in the order of the ids."""
    parts = list(planned(list(range(100)), Way(partition_rows=(10, 90))))
    assert [sorted(row for batch in part for row in batch.rows) for part in parts] == [
        list(range(10)),
        list(range(10, 100)),
    ]


def test_a_slow_org_gets_smaller_batches() -> None:
    """No internal batch comes near the time limit of the org once its speed is known."""
    slow = LockingModel(row_s=0.1)
    known = run("uniform", way=Way(partitions=1, speed=Speed(active_row_s=0.1)), model=slow)
    unknown = run("uniform", way=Way(partitions=1), model=slow)
    assert known.jobs >= ROWS * 0.1 / 150
    assert unknown.jobs <= known.jobs


def test_calls_that_take_longer_hardly_slow_a_load() -> None:
    """300 ms more a call: the org is the bottleneck, not the way to it."""
    rows = 400_000
    parents = parents_of(rows, 40_000, "zipf:1.0", seed=1)
    quick, slow = (
        run_lanes(
            LockingOrg(LockingModel(), BACKGROUNDS["none"], parents, seed=0),
            Way(request_s=request_s),
        )
        for request_s in (0.3, 0.6)
    )
    assert slow.ended_s < 1.1 * quick.ended_s
