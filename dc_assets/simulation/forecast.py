"""What a load will cost, before it runs: two plausible orgs, or the one that earlier jobs show.

A forecast plays the load in virtual time with the product's own decisions. Nothing is known of an
org that never ran a job of ours, so the answer is a range then.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean

from dc_assets.core.write_policy import Speed
from dc_assets.load.ports import speed_after
from dc_assets.load.store import JobFigures
from dc_assets.simulation.engine import SimulatedOrg
from dc_assets.simulation.lanes import run_lanes
from dc_assets.simulation.org_model import OrgModel, bound_s
from dc_assets.simulation.partition_run import LanesFigures, Way

FASTEST = OrgModel(workers=32, row_s=0.005, queue_latency_s=1.0)
SLOWEST = OrgModel(workers=8, row_s=0.027, queue_latency_s=10.0)
BETWEEN = OrgModel()
"""Orgs that are plausible before anything is known: assumed, not measured."""

MEASURED_JOBS_MIN = 5
SPREAD = 0.25
"""A measured forecast is told with so much to both sides: other people's work comes and goes."""

OTHERS_SHARE = 0.1
EVEN_SIZES = 0.2
"""Jobs whose sizes differ by less than this share tell nothing of the work that is not by row."""

TOUCH_S = 0.05
"""An end so shortly after a start is before it: the org tells milliseconds."""

RELIEF_S = 0.5
RELIEVED_SHARE = 0.1
"""The org's workers were all busy when so many of the jobs took over a worker from another job."""

POINTS_MAX = 400


@dataclass(frozen=True, slots=True)
class LoadShape:
    """What a load is made of.

    Attributes:
        partition_rows: rows of each partition.
        parents: (rows of one parent, how many parents have so many); empty without parents.
    """

    partition_rows: tuple[int, ...]
    parents: tuple[tuple[int, int], ...]
    window: int
    batch_rows_max: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """One load on one org.

    Attributes:
        seconds: from the first create to the last settled batch.
        bound_s: the least time that org can need.
        requests: calls to Core.
        timeline: (second, jobs in flight, rows landed so far), at most 400 points.
    """

    seconds: float
    bound_s: float
    jobs: int
    requests: int
    timeline: Sequence[tuple[float, int, int]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What to expect of a load.

    Attributes:
        low, high: the ends of the range.
        is_measured: whether earlier jobs told of the org's speed.
        basis: what it rests on, one sentence.
    """

    low: Outlook
    expected: Outlook
    high: Outlook
    is_measured: bool
    basis: str


def forecast(shape: LoadShape, past: Sequence[JobFigures], *, request_s: float) -> Forecast:
    """Play a load on the org that past jobs show, or on the ends of what is plausible.

    Args:
        shape: the load; it has at least one row.
        past: finished jobs of the same object, oldest first.
        request_s: how long one call to the org takes.
    """
    timed = [job for job in past if job.active_s > 0]
    if len(timed) < MEASURED_JOBS_MIN:
        low, between, high = (
            _outlook(shape, org, Speed(), request_s) for org in (FASTEST, BETWEEN, SLOWEST)
        )
        basis = (
            "no job of this load ran in this org yet: "
            f"{SLOWEST.workers} to {FASTEST.workers} workers and {1000 * FASTEST.row_s:.0f} to "
            f"{1000 * SLOWEST.row_s:.0f} ms a row are assumed"
        )
        return Forecast(low, between, high, is_measured=False, basis=basis)
    org = fitted(timed, window=shape.window)
    seen = _outlook(shape, org, speed_after(timed), request_s)
    basis = (
        f"the last {len(timed)} jobs: {1000 * org.row_s:.1f} ms a row, "
        f"{org.queue_latency_s:.1f} s in the queue, {org.workers} jobs side by side"
    )
    low, high = _stretched(seen, 1 - SPREAD), _stretched(seen, 1 + SPREAD)
    return Forecast(low, seen, high, is_measured=True, basis=basis)


def _stretched(seen: Outlook, times: float) -> Outlook:
    """Return the load on an org that needs so many times as long, at the least as well."""
    return replace(seen, seconds=seen.seconds * times, bound_s=seen.bound_s * times)


def fitted(past: Sequence[JobFigures], *, window: int) -> OrgModel:
    """Return the org that jobs show: work by row, work by job, wait in the queue, workers.

    Args:
        past: finished jobs with a time of work.
        window: jobs that we keep in flight; more workers than that make no difference.
    """
    job_s, row_s = _work(past)
    most, relieved = _side_by_side(past)
    is_full = len(relieved) >= max(2, RELIEVED_SHARE * len(past))
    at_once = [job for n, job in enumerate(past) if not (is_full and n in relieved)] or past
    return OrgModel(
        workers=most if is_full else max(window, most),
        row_s=row_s,
        chunk_overhead_s=0.0,  # it is part of the seconds a row
        batch_overhead_s=job_s,
        queue_latency_s=max(0.05, fmean(max(0.0, j.total_s - j.active_s) for j in at_once)),
    )


def _work(past: Sequence[JobFigures]) -> tuple[float, float]:
    """Return seconds of work for a job and for a row: the straight line through all jobs."""
    rows, active = [float(job.rows) for job in past], [job.active_s for job in past]
    mean_rows, mean_s = fmean(rows), fmean(active)
    spread = sum((n - mean_rows) ** 2 for n in rows)
    job_s = min(BETWEEN.batch_overhead_s, OTHERS_SHARE * mean_s)
    if spread > len(past) * (EVEN_SIZES * mean_rows) ** 2:
        slope = sum((n - mean_rows) * (s - mean_s) for n, s in zip(rows, active, strict=True))
        job_s = min(max(0.0, mean_s - slope / spread * mean_rows), mean_s)
    return job_s, max(1e-6, (mean_s - job_s) / mean_rows)


def _side_by_side(past: Sequence[JobFigures]) -> tuple[int, set[int]]:
    """Return how many jobs the org worked on at once, at most, and which took over a worker.

    A job that begins at that height right when another one ends had waited for its worker. All
    times are the org's own.
    """
    spans = {
        n: (job.ended_at_s - job.active_s, job.ended_at_s)
        for n, job in enumerate(past)
        if job.ended_at_s is not None
    }
    ends = sorted(end for _, end in spans.values())
    at_work = {
        n: sum(begin <= start < end - TOUCH_S for begin, end in spans.values())
        for n, (start, _) in spans.items()
    }
    most = max(at_work.values(), default=1)
    relieved = {
        n
        for n, (start, _) in spans.items()
        if at_work[n] == most and bisect_right(ends, start) > bisect_left(ends, start - RELIEF_S)
    }
    return most, relieved


def _outlook(shape: LoadShape, org: OrgModel, speed: Speed, request_s: float) -> Outlook:
    parents = parents_of_load(shape)
    way = Way(
        partition_rows=shape.partition_rows,
        window=shape.window,
        request_s=request_s,
        batch_rows_max=shape.batch_rows_max,
        speed=speed,
    )
    figures = run_lanes(SimulatedOrg(org, parents, seed=0), way)
    return Outlook(
        seconds=figures.ended_s,
        bound_s=bound_s(org, parents),
        jobs=figures.jobs,
        requests=figures.requests,
        timeline=_timeline(figures),
    )


def parents_of_load(shape: LoadShape) -> Sequence[int]:
    """Return a parent for each row, in no order; rows beyond the known parents have none.

    >>> sorted(parents_of_load(LoadShape((4,), ((2, 1), (1, 1)), window=1, batch_rows_max=9)))
    [-1, 0, 0, 1]
    """
    counts = [rows for rows, parents in shape.parents for _ in range(parents)]
    total = sum(shape.partition_rows)
    parents = [parent for parent, rows in enumerate(counts) for _ in range(rows)]
    parents += [-1] * (total - len(parents))
    Random(0).shuffle(parents)  # noqa: S311 - chance of a model, not a secret
    return parents[:total]


def _timeline(figures: LanesFigures) -> list[tuple[float, int, int]]:
    landed = 0
    landings = iter([*figures.landings, (float("inf"), 0)])
    next_s, next_rows = next(landings)
    points: list[tuple[float, int, int]] = []
    for moment_s, in_flight in figures.in_flight:
        while next_s <= moment_s:
            landed += next_rows
            next_s, next_rows = next(landings)
        points.append((moment_s, in_flight, landed))
    step = -(-len(points) // POINTS_MAX)
    return points[::step] if points[-1] == points[::step][-1] else [*points[::step], points[-1]]
