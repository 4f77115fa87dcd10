"""The plan as one HTML file: plots as inline SVG, nothing to fetch, no script."""

from __future__ import annotations

from pathlib import Path

from dc_assets.load.preflight import Survey
from dc_assets.pages.drawing import (
    EDGE,
    HOT,
    INK,
    SHARED,
    Plot,
    canvas,
    ink,
    svg,
    templates,
    thousands,
    time_unit,
    whole_numbers,
    write_whole,
)
from dc_assets.pages.plan_facts import VERDICTS, PlannedLoad, facts_of
from dc_assets.simulation.forecast import Forecast

MARKED_MAX = 400
"""Marks of more points than that only make the file big."""


def write_page(file: Path, planned: PlannedLoad) -> None:
    """Write the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    seen, ranges = planned.survey, planned.spec.ranges
    plots = [_lanes_plot(seen)]
    if seen.parents:
        plots.insert(0, _parents_plot(seen))
    if planned.forecast is not None:
        plots.append(_timeline_plot(planned.forecast))
    text = (
        templates()
        .get_template("plan_page.html")
        .render(
            name=planned.spec.name,
            advice=planned.advice.name,
            verdict=VERDICTS[planned.advice],
            findings=planned.findings,
            facts=facts_of(planned),
            partitions=[
                (key, rows, planned.jobs[key], ranges[key])
                for key, rows in seen.partition_rows.items()
            ],
            plots=plots,
        )
    )
    write_whole(file, text)


def _parents_plot(survey: Survey) -> Plot:
    """Plot rows by rank: a straight fall is Zipf, a flat line is uniform."""
    figure, axes = canvas()
    ranks: list[int] = []
    sizes: list[int] = []
    counted = 0
    for rows, parents in survey.parents:
        ranks += [counted + 1, counted + parents]
        sizes += [rows, rows]
        counted += parents
    marker = "o" if len(sizes) <= MARKED_MAX else ""
    axes.plot(ranks, sizes, color=SHARED, marker=marker, markersize=2)
    if survey.hot_parents:
        axes.axvline(len(survey.hot_parents) + 0.5, color=HOT, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("parents, biggest first")
    axes.set_ylabel("rows of the parent")
    thousands(axes.xaxis, axes.yaxis)
    caption = "Both axes are logarithmic: a straight fall is a Zipf law, a flat line is even."
    if survey.hot_parents:
        caption += " Left of the dashed line each parent has a lane of its own."
    return Plot("Rows of each parent", caption, svg(figure))


def lane_rows(survey: Survey) -> list[int]:
    """Return rows of each lane, shared ones first.

    The sizes of the parents are known, of most of them not the names: numbered names are hashed, so
    shared lanes are as uneven as a hash makes them. Rows without a parent spread evenly.
    """
    shared = survey.lanes.shared
    sizes = [rows for rows, parents in survey.parents for _ in range(parents)]
    others = sizes[len(survey.hot_parents) :]
    lanes = survey.lanes.lanes_of(f"parent {number}" for number in range(len(others)))
    filled = [(survey.parentless_rows + lane) // shared for lane in range(shared)]
    for lane, rows in zip(lanes, others, strict=True):
        filled[lane] += rows
    return [*filled, *(rows for _, rows in survey.hot_parents)]


def _lanes_plot(survey: Survey) -> Plot:
    figure, axes = canvas()
    rows, shared = lane_rows(survey), survey.lanes.shared
    axes.bar(range(shared), rows[:shared], color=SHARED, label="shared lanes")
    if survey.hot_parents:
        axes.bar(range(shared, len(rows)), rows[shared:], color=HOT, label="one parent each")
    axes.set_xlabel("lane")
    axes.set_ylabel("rows")
    thousands(axes.yaxis)
    axes.legend(frameon=False, labelcolor=INK)
    caption = (
        "A lane has one job in flight at a time, so the longest one bounds the load. How a hash "
        "spreads the parents over the shared lanes is drawn from their sizes, not from their names."
    )
    return Plot("Rows of each lane", caption, svg(figure))


def _timeline_plot(forecast: Forecast) -> Plot:
    """Plot rows landed over time for the ends of the range, and jobs in flight between them."""
    figure, axes = canvas()
    outlooks = [(forecast.expected, "expected", SHARED, "-")]
    if not forecast.is_measured:
        outlooks += [(forecast.low, "fast org", EDGE, "--"), (forecast.high, "slow org", EDGE, ":")]
    unit, unit_s = time_unit(max(outlook.seconds for outlook, *_ in outlooks))
    for outlook, label, colour, line in outlooks:
        moments = [second / unit_s for second, *_ in outlook.timeline]
        axes.plot(moments, [n for *_, n in outlook.timeline], line, color=colour, label=label)
    axes.set_xlabel(unit)
    axes.set_ylabel("rows landed")
    axes.set_ylim(bottom=0)
    thousands(axes.yaxis)
    axes.legend(frameon=False, labelcolor=INK, loc="lower right")
    jobs_axes = axes.twinx()
    moments = [second / unit_s for second, *_ in forecast.expected.timeline]
    jobs = [n for _, n, _ in forecast.expected.timeline]
    jobs_axes.step(moments, jobs, where="post", color=HOT, alpha=0.6)
    jobs_axes.set_ylabel("jobs in flight (red)")
    jobs_axes.set_ylim(0, 1.3 * max(1, *jobs))
    whole_numbers(jobs_axes.yaxis)
    ink(jobs_axes)
    caption = (
        "Played in virtual time; the jobs in flight are those of the expected run. "
        f"Basis: {forecast.basis}."
    )
    return Plot("Predicted timeline", caption, svg(figure))
