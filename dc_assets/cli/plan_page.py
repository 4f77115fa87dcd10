"""The plan as one HTML file: plots as inline SVG, nothing to fetch, no script."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment
from markupsafe import Markup

from dc_assets.cli.plan_text import VERDICTS, PlannedLoad, facts_of
from dc_assets.core.errors import ConfigError
from dc_assets.load.survey import Survey
from dc_assets.simulation.forecast import Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK, SHARED, HOT, EDGE = "#777777", "#4477aa", "#ee6677", "#999999"
"""Colours that read on white and on black, and to the colour blind (Paul Tol's bright scheme)."""

THOUSANDS = "{x:,.0f}"
UNITS = (("hours", 3_600.0), ("minutes", 60.0), ("seconds", 1.0))
UNITS_MIN = 3
"""A time axis takes the biggest unit of which it shows so many."""

MARKED_MAX = 400
"""Marks of more points than that only make the file big."""

PAGE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of the page."""

    title: str
    caption: str
    svg: Markup


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
    page = Environment(autoescape=True).from_string(PAGE.read_text(encoding="utf-8"))
    text = page.render(
        name=planned.spec.name,
        advice=planned.advice.name,
        verdict=VERDICTS[planned.advice],
        findings=planned.findings,
        facts=facts_of(planned),
        partitions=[
            (key, rows, planned.jobs[key], ranges[key]) for key, rows in seen.partition_rows.items()
        ],
        plots=plots,
    )
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The page {file} cannot be written: {error.strerror}.") from error


def _parents_plot(survey: Survey) -> Plot:
    """Plot rows by rank: a straight fall is Zipf, a flat line is uniform."""
    figure, axes = _canvas()
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
    _thousands(axes.xaxis, axes.yaxis)
    caption = "Both axes are logarithmic: a straight fall is a Zipf law, a flat line is even."
    if survey.hot_parents:
        caption += " Left of the dashed line each parent has a lane of its own."
    return Plot("Rows of each parent", caption, _svg(figure))


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
    figure, axes = _canvas()
    rows, shared = lane_rows(survey), survey.lanes.shared
    axes.bar(range(shared), rows[:shared], color=SHARED, label="shared lanes")
    if survey.hot_parents:
        axes.bar(range(shared, len(rows)), rows[shared:], color=HOT, label="one parent each")
    axes.set_xlabel("lane")
    axes.set_ylabel("rows")
    _thousands(axes.yaxis)
    axes.legend(frameon=False, labelcolor=INK)
    caption = (
        "A lane has one job in flight at a time, so the longest one bounds the load. How a hash "
        "spreads the parents over the shared lanes is drawn from their sizes, not from their names."
    )
    return Plot("Rows of each lane", caption, _svg(figure))


def _timeline_plot(forecast: Forecast) -> Plot:
    """Plot rows landed over time for the ends of the range, and jobs in flight between them."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure, axes = _canvas()
    outlooks = [(forecast.expected, "expected", SHARED, "-")]
    if not forecast.is_measured:
        outlooks += [(forecast.low, "fast org", EDGE, "--"), (forecast.high, "slow org", EDGE, ":")]
    unit, unit_s = _unit(max(outlook.seconds for outlook, *_ in outlooks))
    for outlook, label, colour, line in outlooks:
        moments = [second / unit_s for second, *_ in outlook.timeline]
        axes.plot(moments, [n for *_, n in outlook.timeline], line, color=colour, label=label)
    axes.set_xlabel(unit)
    axes.set_ylabel("rows landed")
    axes.set_ylim(bottom=0)
    _thousands(axes.yaxis)
    axes.legend(frameon=False, labelcolor=INK, loc="lower right")
    jobs_axes = axes.twinx()
    moments = [second / unit_s for second, *_ in forecast.expected.timeline]
    jobs = [n for _, n, _ in forecast.expected.timeline]
    jobs_axes.step(moments, jobs, where="post", color=HOT, alpha=0.6)
    jobs_axes.set_ylabel("jobs in flight (red)")
    jobs_axes.set_ylim(0, 1.3 * max(1, *jobs))
    jobs_axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    _ink(jobs_axes)
    caption = (
        "Played in virtual time; the jobs in flight are those of the expected run. "
        f"Basis: {forecast.basis}."
    )
    return Plot("Predicted timeline", caption, _svg(figure))


def _unit(seconds: float) -> tuple[str, float]:
    """Return the unit of a time axis, and its seconds.

    >>> _unit(60.0), _unit(1_800.0), _unit(90_000.0)
    (('seconds', 1.0), ('minutes', 60.0), ('hours', 3600.0))
    """
    return next((u for u in UNITS if seconds >= UNITS_MIN * u[1]), UNITS[-1])


def _thousands(*scales: Axis) -> None:
    from matplotlib.ticker import StrMethodFormatter  # noqa: PLC0415

    for scale in scales:
        scale.set_major_formatter(StrMethodFormatter(THOUSANDS))


def _canvas() -> tuple[Figure, Axes]:
    """Return an empty figure; the plots are loaded only here, so other commands start fast."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    _ink(axes)
    return figure, axes


def _ink(axes: Axes) -> None:
    axes.tick_params(colors=INK, which="both")
    for part in (axes.xaxis.label, axes.yaxis.label):
        part.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)


def _svg(figure: Figure) -> Markup:
    """Return a figure as SVG to stand in a page: without XML header, metadata and addresses.

    Groups lose their ids, which would stand twice in a page of several figures.
    """
    from matplotlib import (  # noqa: PLC0415
        rc_context,  # pyright: ignore[reportUnknownVariableType] - it leaves PathLike open
    )

    sink = io.StringIO()
    none = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "plan"}):
        figure.savefig(sink, format="svg", metadata=none)
    text = sink.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return Markup(re.sub(r'<g id="[^"]*"', "<g", text))  # noqa: S704 - our own plot; its labels are constants
