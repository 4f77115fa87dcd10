"""Plots of a report: jobs of each lane, throughput, locks, API calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets.core.durations import duration
from dc_assets.pages.drawing import (
    HOT,
    INK,
    SHARED,
    Plot,
    canvas,
    ink,
    svg,
    thousands,
    time_unit,
    whole_numbers,
)
from dc_assets.pages.report_facts import ReportFacts
from dc_assets.pages.report_sending import end_of, moment_text
from dc_assets.views.load_history import SentJob

BARS_MAX = 2_000
"""More bars than that are drawn as the busy times of their lanes."""

BINS = 60
SHORTEST_BAR = 1 / 900
"""A job is drawn at least so wide, as a share of the whole time: about a dot of a screen."""

PLOT_INCHES = (2.2, 9.0)
"""Height of the picture of the lanes, at least and at most."""

LANE_INCHES = 0.16


@dataclass(frozen=True, slots=True)
class _Axis:
    """The time axis that all pictures of one load share."""

    began: float
    ended: float
    unit: str
    unit_s: float

    def at(self, moment: float) -> float:
        """Return a moment in units since the load opened."""
        return (moment - self.began) / self.unit_s

    @property
    def label(self) -> str:
        """What the axis says."""
        return f"{self.unit} since the load opened"


def sending_plots(facts: ReportFacts) -> Sequence[Plot]:
    """Draw jobs, throughput and locks over one time axis; nothing when no job was sent."""
    jobs, lanes = facts.jobs, facts.lanes
    if not jobs:
        return ()
    last = max(end_of(job, facts.load.seen_at) for job in jobs)
    unit, unit_s = time_unit(last - facts.load.opened_at)
    axis = _Axis(facts.load.opened_at, last, unit, unit_s)
    shared = lanes.shared if lanes else 1 + max(job.lane for job in jobs)
    total = max(shared + (lanes.hot if lanes else 0), 1 + max(job.lane for job in jobs))
    plots = [_lanes_plot(facts, axis, shared, total), _throughput_plot(facts, axis)]
    if any(job.locked or job.retried for job in jobs):
        plots.append(_locks_plot(jobs, axis))
    return plots


def _lanes_plot(facts: ReportFacts, axis: _Axis, shared: int, total: int) -> Plot:
    low, high = PLOT_INCHES
    height = min(high, max(low, 0.9 + LANE_INCHES * total))
    figure, axes = canvas(height)
    width = 0.72 * 72 * (height - 0.7) / total
    bars = {
        "first attempt": (SHARED, [job for job in facts.jobs if job.attempt == 1]),
        "later attempts": (HOT, [job for job in facts.jobs if job.attempt > 1]),
    }
    is_merged = False
    for label, (colour, jobs) in bars.items():
        spans = busy_times(jobs, facts.load.seen_at, (axis.ended - axis.began) * SHORTEST_BAR)
        is_merged |= len(spans) < len(jobs)
        x = [place for _, begin, end in spans for place in (axis.at(begin), axis.at(end), None)]
        y = [place for lane, *_ in spans for place in (lane, lane, None)]
        if spans:
            axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt", label=label)  # pyright: ignore[reportArgumentType] - None breaks a line
    if 0 < shared < total:
        axes.axhline(shared - 0.5, color=INK, linestyle="--", linewidth=0.8)
    axes.set_ylim(total - 0.4, -0.6)
    axes.set_xlim(0, axis.at(axis.ended) or 1)
    axes.set_xlabel(axis.label)
    axes.set_ylabel("lane")
    whole_numbers(axes.yaxis)
    if len({job.attempt > 1 for job in facts.jobs}) > 1:
        figure.legend(frameon=False, labelcolor=INK, loc="outside upper right", ncols=2)
    caption = "Each bar is a job, from its create to its results: one at a time in a lane."
    if is_merged:
        caption = "Each bar is a time in which a lane had a job; short gaps are not drawn."
    if 0 < shared < total:
        caption += " Below the dashed line each lane holds one parent."
    return Plot("Jobs of each lane", caption, svg(figure))


def busy_times(
    jobs: Sequence[SentJob], seen_at: float, shortest_s: float
) -> list[tuple[int, float, float]]:
    """Return (lane, begin, end) of the bars to draw, so many at most that a page stays small.

    Up to `BARS_MAX` jobs have a bar each; of more, those of a lane are joined over gaps that
    nobody would see, and over longer ones until the bars are few enough.
    """
    bars = sorted(
        (job.lane, job.began_at, max(end_of(job, seen_at), job.began_at + shortest_s))
        for job in jobs
    )
    gap_s = shortest_s
    while len(bars) > BARS_MAX and gap_s < float("inf"):
        bars = _joined(bars, gap_s)
        gap_s *= 2
    return bars


def _joined(
    bars: Sequence[tuple[int, float, float]], gap_s: float
) -> list[tuple[int, float, float]]:
    joined: list[tuple[int, float, float]] = []
    for lane, begin, end in bars:
        if joined and joined[-1][0] == lane and begin - joined[-1][2] <= gap_s:
            joined[-1] = (lane, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((lane, begin, end))
    return joined


def _throughput_plot(facts: ReportFacts, axis: _Axis) -> Plot:
    figure, axes = canvas()
    jobs = facts.jobs
    edges, bin_s = _bins(axis)
    landed = Counter[int]()
    for job in jobs:
        if job.finished_at is not None:
            landed[_bin(job.finished_at, axis, bin_s)] += job.landed
    axes.stairs([landed[n] / bin_s for n in range(BINS)], edges, fill=True, color=SHARED)
    axes.set_xlim(0, axis.at(axis.ended) or 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(axis.label)
    axes.set_ylabel("rows landed a second")
    thousands(axes.yaxis)
    flying = _mean_in_flight(facts, axis, bin_s)
    jobs_axes = axes.twinx()
    jobs_axes.stairs(flying, edges, color=HOT, linewidth=1.4)
    jobs_axes.set_ylabel("jobs in flight (red line)")
    jobs_axes.set_ylim(0, 1.3 * max(1, *flying))
    whole_numbers(jobs_axes.yaxis)
    ink(jobs_axes)
    caption = (
        f"Rows count when the results of their job were read. A step is {_span(bin_s)}; jobs in "
        "flight are the mean of a step."
    )
    return Plot("Throughput", caption, svg(figure))


def _mean_in_flight(facts: ReportFacts, axis: _Axis, bin_s: float) -> list[float]:
    """Return by step the seconds of all jobs in it, over its own."""
    means = [0.0] * BINS
    for job in facts.jobs:
        begin, end = job.began_at, end_of(job, facts.load.seen_at)
        for n in range(_bin(begin, axis, bin_s), _bin(end, axis, bin_s) + 1):
            edge = axis.began + n * bin_s
            means[n] += max(0.0, min(end, edge + bin_s) - max(begin, edge)) / bin_s
    return means


def _locks_plot(jobs: Sequence[SentJob], axis: _Axis) -> Plot:
    figure, axes = canvas(2.6)
    edges, bin_s = _bins(axis)
    retried, locked = Counter[int](), Counter[int]()
    for job in jobs:
        if job.finished_at is not None:
            retried[_bin(job.finished_at, axis, bin_s)] += job.retried
            locked[_bin(job.finished_at, axis, bin_s)] += job.locked
    axes.stairs([retried[n] for n in range(BINS)], edges, fill=True, color=SHARED, label="retried")
    axes.stairs([locked[n] for n in range(BINS)], edges, color=HOT, label="met a lock")
    axes.set_xlim(0, axis.at(axis.ended) or 1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(axis.label)
    axes.set_ylabel("rows")
    thousands(axes.yaxis)
    figure.legend(frameon=False, labelcolor=INK, loc="outside upper right", ncols=2)
    return Plot("Retries and locks", f"Rows of a step of {_span(bin_s)}.", svg(figure))


def calls_plot(facts: ReportFacts) -> Plot | None:
    """Draw API calls by hour, when there is more than one."""
    calls = facts.budget.calls_by_hour
    if len(calls) <= 1:
        return None
    figure, axes = canvas(2.4)
    first = min(calls)
    axes.bar([hour - first for hour in calls], list(calls.values()), color=SHARED, width=0.9)
    axes.set_xlabel(f"hours since {moment_text(first * 3_600)}")
    axes.set_ylabel("API calls")
    axes.set_ylim(bottom=0)
    whole_numbers(axes.xaxis)
    thousands(axes.yaxis)
    return Plot(
        "API calls by hour", "Calls of this load to the org, by the hour of the day.", svg(figure)
    )


def past_plot(facts: ReportFacts) -> Plot | None:
    """Draw what past loads cost in API calls, when there is something to compare."""
    known = [line for line in reversed(facts.past) if line.calls_per_1000_rows is not None]
    if len(known) <= 1:
        return None
    figure, axes = canvas(2.4)
    heights = [line.calls_per_1000_rows or 0.0 for line in known]
    colours = [HOT if line.load.load_id == facts.load.load_id else SHARED for line in known]
    axes.bar(range(len(known)), heights, color=colours, width=0.7)
    axes.set_xticks(range(len(known)), [line.load.load_id[:8] for line in known], fontsize=8)
    if len(known) > 10:  # noqa: PLR2004 - names of eight dead letters that fit beside each other
        axes.tick_params(axis="x", rotation=60)
    axes.set_ylabel("calls per 1,000 rows")
    thousands(axes.yaxis)
    return Plot("API calls per 1,000 rows landed", "Load by load; this one is red.", svg(figure))


def _bins(axis: _Axis) -> tuple[list[float], float]:
    """Return the edges of the steps in units of the axis, and the seconds of one."""
    bin_s = max(axis.ended - axis.began, 1e-3) / BINS
    return [n * bin_s / axis.unit_s for n in range(BINS + 1)], bin_s


def _bin(moment: float, axis: _Axis, bin_s: float) -> int:
    return max(0, min(BINS - 1, int((moment - axis.began) / bin_s)))


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)  # noqa: PLR2004 - a digit tells then
