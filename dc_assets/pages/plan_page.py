"""The plan as one HTML file: plots as inline SVG, nothing to fetch, no script."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from dc_assets.load.preflight.survey import Survey
from dc_assets.pages.axes import Axis, from_zero, logarithmic, time_unit
from dc_assets.pages.page_files import templates, write_whole
from dc_assets.pages.plan_facts import VERDICTS, PlannedLoad, facts_of
from dc_assets.pages.svg import EDGE, HOT, SHARED, Chart, Mark, Plot, svg_of, upright
from dc_assets.simulation.forecast import Forecast


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
    points: list[tuple[float, float]] = []
    counted = 0
    for rows, parents in survey.parents:
        points += [(counted + 1, rows), (counted + parents, rows)]
        counted += parents
    x = logarithmic("parents, biggest first", [1, counted])
    y = logarithmic("rows of the parent", [rows for rows, _ in survey.parents])
    marks = [Mark([points], SHARED, width=2.5)]
    caption = "Both axes are logarithmic: a straight fall is a Zipf law, a flat line is even."
    if survey.hot_parents:
        edge = len(survey.hot_parents) + 0.5
        marks.append(Mark([((edge, y.low), (edge, y.high))], HOT, dash="6 4"))
        caption += " Left of the dashed line the lane of each parent is chosen by its rows."
    return Plot("Rows of each parent", caption, svg_of(Chart(x, y, marks)))


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
    rows_of = dict(survey.hot_parents)
    return [*filled, *(sum(rows_of[name] for name in group) for group in survey.lanes.named)]


def _lanes_plot(survey: Survey) -> Plot:
    rows, shared = lane_rows(survey), survey.lanes.shared
    bars = list(enumerate(rows))
    marks = [upright(bars[:shared], SHARED, "shared lanes")]
    if survey.hot_parents:
        marks.append(upright(bars[shared:], HOT, "hot parents"))
    x = Axis("lane", -0.6, len(rows) - 0.4, is_whole=True)
    caption = (
        "A lane has one job in flight at a time, so the longest one bounds the load. How a hash "
        "spreads the parents over the shared lanes is drawn from their sizes, not from their names."
    )
    chart = Chart(x, from_zero("rows", rows), marks)
    return Plot("Rows of each lane", caption, svg_of(chart))


def _timeline_plot(forecast: Forecast) -> Plot:
    """Plot rows landed over time for the ends of the range, and jobs in flight between them."""
    outlooks = [(forecast.expected, "expected", SHARED, "none")]
    if not forecast.is_measured:
        outlooks += [
            (forecast.low, "fast org", EDGE, "6 4"),
            (forecast.high, "slow org", EDGE, "2 3"),
        ]
    last_s = max(outlook.timeline[-1][0] for outlook, *_ in outlooks)
    unit, unit_s = time_unit(last_s)
    marks = [
        Mark([[(s / unit_s, n) for s, _, n in outlook.timeline]], colour, label, dash=dash)
        for outlook, label, colour, dash in outlooks
    ]
    flights = [(s / unit_s, n) for s, n, _ in forecast.expected.timeline]
    steps = [point for (at, n), (then, _) in pairwise(flights) for point in ((at, n), (then, n))]
    caption = (
        "Played in virtual time; the jobs in flight are those of the expected run. "
        f"Basis: {forecast.basis}."
    )
    chart = Chart(
        Axis(unit, 0.0, (last_s or 1.0) / unit_s),
        from_zero("rows landed", [outlook.timeline[-1][2] for outlook, *_ in outlooks]),
        marks,
        right=from_zero("jobs in flight (red)", [n for _, n in flights], room=1.3),
        right_marks=[Mark([[*steps, flights[-1]]], HOT, width=1)],
    )
    return Plot("Predicted timeline", caption, svg_of(chart))
