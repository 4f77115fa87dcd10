"""Plots of a report: jobs of each lane, throughput, locks, API calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dc_assets.core.durations import duration
from dc_assets.pages.axes import Axis, from_zero, time_unit
from dc_assets.pages.lanes_picture import few
from dc_assets.pages.report_facts import ReportFacts
from dc_assets.pages.report_sending import end_of, moment_text
from dc_assets.pages.svg import HOT, INK, SHARED, Chart, Mark, Plot, Span, lying, svg_of, upright
from dc_assets.views.load_history import SentJob

BARS_MAX = 2_000
"""More bars than that are drawn as the busy times of their lanes."""

BINS = 60
LONG_NAMES_MAX = 10
"""So many names of eight letters fit beside each other."""

SHORTEST_BAR = 1 / 900
"""A job is drawn at least so wide, as a share of the whole time: about a dot of a screen."""

LANES_PX = (190, 900)
"""Height of the picture of the lanes, at least and at most."""

LANE_PX = 14


@dataclass(frozen=True, slots=True)
class _Times:
    """The time that all pictures of one load share."""

    began: float
    ended: float
    unit: str
    unit_s: float

    def at(self, moment: float) -> float:
        """Return a moment in units since the load opened."""
        return (moment - self.began) / self.unit_s

    @property
    def axis(self) -> Axis:
        """The axis across."""
        return Axis(f"{self.unit} since the load opened", 0.0, self.at(self.ended) or 1.0)

    @property
    def bin_s(self) -> float:
        """The seconds of one step."""
        return max(self.ended - self.began, 1e-3) / BINS

    def bin(self, moment: float) -> int:
        """Return the step in which a moment is."""
        return max(0, min(BINS - 1, int((moment - self.began) / self.bin_s)))

    def line(self, heights: Sequence[float], label: str = "") -> Mark:
        """Return a line over all steps."""
        width = self.bin_s / self.unit_s
        steps = [((n * width, high), ((n + 1) * width, high)) for n, high in enumerate(heights)]
        return Mark([[point for step in steps for point in step]], HOT, label)

    def filled(self, heights: Sequence[float], label: str = "") -> Mark:
        """Return a bar for each step."""
        width = self.bin_s / self.unit_s
        bars = [((n + 0.5) * width, high) for n, high in enumerate(heights) if high]
        return upright(bars, SHARED, label, width=width)


def sending_plots(facts: ReportFacts) -> Sequence[Plot]:
    """Draw jobs, throughput and locks over one time axis; nothing when no job was sent."""
    jobs, lanes = facts.jobs, facts.lanes
    if not jobs:
        return ()
    last = max(end_of(job, facts.load.seen_at) for job in jobs)
    unit, unit_s = time_unit(last - facts.load.opened_at)
    times = _Times(facts.load.opened_at, last, unit, unit_s)
    shared = lanes.shared if lanes else 1 + max(job.lane for job in jobs)
    total = max(shared + (lanes.hot if lanes else 0), 1 + max(job.lane for job in jobs))
    plots = [_lanes_plot(facts, times, shared, total), _throughput_plot(facts, times)]
    if any(job.locked or job.retried for job in jobs):
        plots.append(_locks_plot(jobs, times))
    return plots


def _lanes_plot(facts: ReportFacts, times: _Times, shared: int, total: int) -> Plot:
    marks: list[Mark] = []
    is_merged, has_hot = False, 0 < shared < total
    tried_again = len({job.attempt > 1 for job in facts.jobs}) > 1
    for label, colour, is_later in (
        ("first attempt", SHARED, False),
        ("later attempts", HOT, True),
    ):
        jobs = [job for job in facts.jobs if (job.attempt > 1) is is_later]
        spans = busy_times(jobs, facts.load.seen_at, (times.ended - times.began) * SHORTEST_BAR)
        is_merged |= len(spans) < len(jobs)
        bars = [(lane, times.at(begin), times.at(end)) for lane, begin, end in spans]
        if bars:
            marks.append(lying(bars, colour, label if tried_again else ""))
    if has_hot:
        edge = shared - 0.5
        marks.append(Mark([((0, edge), (times.axis.high, edge))], INK, width=1, dash="6 4"))
    caption = "Each bar is a job, from its create to its results: one at a time in a lane."
    if is_merged:
        caption = "Each bar is a time in which a lane had a job; short gaps are not drawn."
    if has_hot:
        caption += " Below the dashed line are the lanes of hot parents."
    low_px, high_px = LANES_PX
    size_px = (900, min(high_px, max(low_px, 75 + LANE_PX * total)))
    y = Axis("lane", total - 0.4, -0.6, is_whole=True)
    chart = Chart(times.axis, y, marks, size_px=size_px)
    return Plot("Jobs of each lane", caption, svg_of(chart))


def busy_times(jobs: Sequence[SentJob], seen_at: float, shortest_s: float) -> list[Span]:
    """Return (lane, begin, end) of the bars to draw, so many at most that a page stays small.

    Up to `BARS_MAX` jobs have a bar each; of more, those of a lane are joined over gaps that
    nobody would see, and over longer ones until the bars are few enough.
    """
    bars = [
        (job.lane, job.began_at, max(end_of(job, seen_at), job.began_at + shortest_s))
        for job in jobs
    ]
    return few(bars, BARS_MAX, shortest_s)


def _throughput_plot(facts: ReportFacts, times: _Times) -> Plot:
    landed = _summed(facts.jobs, times, "landed")
    speeds = [rows / times.bin_s for rows in landed]
    flying = _mean_in_flight(facts, times)
    caption = (
        f"Rows count when the results of their job were read. A step is {_span(times.bin_s)}; jobs "
        "in flight are the mean of a step."
    )
    chart = Chart(
        times.axis,
        from_zero("rows landed a second", speeds),
        [times.filled(speeds)],
        right=from_zero("jobs in flight (red line)", flying, room=1.3),
        right_marks=[times.line(flying)],
    )
    return Plot("Throughput", caption, svg_of(chart))


def _summed(jobs: Sequence[SentJob], times: _Times, figure: str) -> list[int]:
    """Return by step what the jobs have of a figure whose results were read in it."""
    sums = [0] * BINS
    for job in jobs:
        if job.finished_at is not None:
            sums[times.bin(job.finished_at)] += getattr(job, figure)
    return sums


def _mean_in_flight(facts: ReportFacts, times: _Times) -> list[float]:
    """Return by step the seconds of all jobs in it, over its own."""
    means, bin_s = [0.0] * BINS, times.bin_s
    for job in facts.jobs:
        begin, end = job.began_at, end_of(job, facts.load.seen_at)
        for n in range(times.bin(begin), times.bin(end) + 1):
            edge = times.began + n * bin_s
            means[n] += max(0.0, min(end, edge + bin_s) - max(begin, edge)) / bin_s
    return means


def _locks_plot(jobs: Sequence[SentJob], times: _Times) -> Plot:
    retried, locked = _summed(jobs, times, "retried"), _summed(jobs, times, "locked")
    marks = [times.filled(retried, "retried"), times.line(locked, "met a lock")]
    chart = Chart(times.axis, from_zero("rows", [*retried, *locked]), marks, size_px=(900, 250))
    return Plot("Retries and locks", f"Rows of a step of {_span(times.bin_s)}.", svg_of(chart))


def calls_plot(facts: ReportFacts) -> Plot | None:
    """Draw API calls by hour, when there is more than one."""
    calls = facts.budget.calls_by_hour
    if len(calls) <= 1:
        return None
    first = min(calls)
    bars = [(hour - first, number) for hour, number in calls.items()]
    label = f"hours since {moment_text(first * 3_600)}"
    chart = Chart(
        Axis(label, -0.6, max(calls) - first + 0.6, is_whole=True),
        from_zero("API calls", list(calls.values())),
        [upright(bars, SHARED)],
        size_px=(900, 230),
    )
    caption = "Calls of this load to the org, by the hour of the day."
    return Plot("API calls by hour", caption, svg_of(chart))


def past_plot(facts: ReportFacts) -> Plot | None:
    """Draw what past loads cost in API calls, when there is something to compare."""
    known = [
        (line.load.load_id, line.calls_per_1000_rows)
        for line in reversed(facts.past)
        if line.calls_per_1000_rows is not None
    ]
    if len(known) <= 1:
        return None
    bars = [(n, cost) for n, (_, cost) in enumerate(known)]
    this = [bar for bar in bars if known[bar[0]][0] == facts.load.load_id]
    marks = [upright(bars, SHARED), upright(this, HOT)]
    letters = 8 if len(known) <= LONG_NAMES_MAX else 4
    names = [(n, load_id[:letters]) for n, (load_id, _) in enumerate(known)]
    chart = Chart(
        Axis("load", -0.6, len(known) - 0.4, names=names),
        from_zero("calls per 1,000 rows", [cost for _, cost in known]),
        marks,
        size_px=(900, 230),
    )
    return Plot("API calls per 1,000 rows landed", "Load by load; this one is red.", svg_of(chart))


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)  # noqa: PLR2004 - a digit tells then
