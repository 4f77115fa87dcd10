"""What a load will cost, before it runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from benchmarks.simulate.rows import parents_of
from dc_assets.core.write_policy import Speed
from dc_assets.load.store import JobFigures
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.forecast import Forecast, LoadShape, fitted, forecast
from dc_assets.simulation.jobs import SimulatedJob
from dc_assets.simulation.lanes import run_lanes
from dc_assets.simulation.org_model import OrgModel
from dc_assets.simulation.partition_run import LanesFigures, Way

ROWS, PARENTS, CANARY_ROWS = 100_000, 10_000, 20_000
ORGS = [
    OrgModel(workers=workers, row_s=row_s, queue_latency_s=5.0)
    for workers in (8, 32)
    for row_s in (0.006, 0.025)
]


class WatchedOrg(SimulatedOrg):
    """An org that keeps its jobs, as a ledger would."""

    def __init__(self, model: OrgModel, parents: Sequence[int]) -> None:
        super().__init__(model, parents, seed=5)
        self.jobs: list[SimulatedJob] = []

    def submit(self, rows: Sequence[int], on_end: object) -> SimulatedJob:
        """Close a job, and keep it."""
        del on_end
        self.jobs.append(super().submit(rows, None))
        return self.jobs[-1]

    @property
    def figures(self) -> list[JobFigures]:
        """What the org tells of its jobs."""
        return [
            JobFigures(len(j.rows), j.active_s, j.ended_s - j.closed_s, 1e9 + j.ended_s)
            for j in self.jobs
        ]


@cache
def rows_of(skew: str) -> tuple[Sequence[int], LoadShape]:
    """Return the rows of a load, and its shape as a plan sees it."""
    parents = parents_of(ROWS, PARENTS, skew, seed=1)
    histogram = Counter(Counter(parents).values())
    return parents, LoadShape((ROWS // 5,) * 5, tuple(histogram.items()), 16, 10_000)


def played(model: OrgModel, skew: str, speed: Speed) -> LanesFigures:
    """Play the load on the org as it really is."""
    org = SimulatedOrg(model, rows_of(skew)[0], seed=9)
    return run_lanes(org, Way(speed=speed))


def nothing_beats_its_bound(told: Forecast) -> bool:
    """Tell whether each end takes its own least time or longer."""
    return all(one.bound_s <= one.seconds for one in (told.low, told.expected, told.high))


@pytest.mark.parametrize("skew", ["zipf:1.0", "uniform"])
@pytest.mark.parametrize("model", ORGS, ids=lambda m: f"{m.workers} workers, {m.row_s} s")
def test_the_first_range_holds_the_duration(model: OrgModel, skew: str) -> None:
    """Before any job, on every org between the assumed ends; and it is no wider than 1 : 12."""
    told = forecast(rows_of(skew)[1], [], request_s=0.3)
    assert not told.is_measured
    real = played(model, skew, Speed())
    assert told.low.seconds <= real.ended_s <= told.high.seconds
    assert told.high.seconds <= 12 * told.low.seconds
    assert told.expected.jobs == real.jobs
    assert nothing_beats_its_bound(told)


@pytest.mark.parametrize("skew", ["zipf:1.0", "uniform"])
@pytest.mark.parametrize("model", ORGS, ids=lambda m: f"{m.workers} workers, {m.row_s} s")
def test_after_some_jobs_the_forecast_is_near(model: OrgModel, skew: str) -> None:
    """Twenty thousand rows tell the org's speed; the rest is played."""
    canary = WatchedOrg(model, rows_of(skew)[0][:CANARY_ROWS])
    run_lanes(canary, Way(partitions=1))
    told = forecast(rows_of(skew)[1], canary.figures, request_s=0.3)
    assert told.is_measured
    real = played(model, skew, Speed(model.row_s, 5.0))
    assert told.expected.seconds == pytest.approx(real.ended_s, rel=0.2)
    assert told.expected.jobs == real.jobs
    assert nothing_beats_its_bound(told)


def test_workers_that_were_never_all_busy_are_no_limit() -> None:
    """Four jobs one after another say nothing of how many there could be at once."""
    past = [JobFigures(100, 10.0, 11.0, 1000.0 + 20 * n) for n in range(6)]
    assert fitted(past, window=16).workers == 16


def test_a_job_that_took_over_a_worker_shows_the_limit() -> None:
    """Two at a time, each beginning as one before it ends: there are two workers."""
    past = [JobFigures(100, 10.0, 11.0, 1000.0 + 10 * (n // 2)) for n in range(8)]
    assert fitted(past, window=16).workers == 2


def test_work_by_job_is_told_from_work_by_row() -> None:
    """Jobs of unlike sizes show what a job costs without rows."""
    past = [
        JobFigures(rows, 2.0 + 0.01 * rows, 3.0 + 0.01 * rows, None)
        for rows in (200, 1_000, 5_000, 9_000, 3_000)
    ]
    org = fitted(past, window=16)
    assert org.batch_overhead_s == pytest.approx(2.0)
    assert org.row_s == pytest.approx(0.01)
    assert org.queue_latency_s == pytest.approx(1.0)


def test_the_timeline_ends_with_all_rows() -> None:
    """Rows landed only grow, and no more jobs are in flight than the window."""
    timeline = forecast(rows_of("uniform")[1], [], request_s=0.3).expected.timeline
    landed = [rows for *_, rows in timeline]
    assert landed == sorted(landed)
    assert landed[-1] == ROWS
    assert max(jobs for _, jobs, _ in timeline) <= 16
