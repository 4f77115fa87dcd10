"""The plan as one HTML file: plots as inline SVG, nothing to fetch, no script."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment
from markupsafe import Markup

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.survey import Survey
from dc_assets.simulation.forecast import Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SHARED, HOT, EDGE = "#777777", "#4477aa", "#ee6677", "#999999"
"""Colours that read on white and on black, and to the colour blind (Paul Tol's bright scheme)."""

PAGE = Path(__file__).with_suffix(".html")


def write_page(
    file: Path,
    spec: LoadSpec,
    survey: Survey,
    forecast: Forecast | None,
    facts: Mapping[str, str],
) -> None:
    """Write the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    plots = [_lanes_plot(survey)]
    if survey.parents:
        plots.insert(0, _parents_plot(survey))
    if forecast is not None:
        plots.append(_timeline_plot(forecast))
    page = Environment(autoescape=True).from_string(PAGE.read_text(encoding="utf-8"))
    text = page.render(name=spec.name, facts=facts, partitions=survey.partition_rows, plots=plots)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The page {file} cannot be written: {error.strerror}.") from error


def _parents_plot(survey: Survey) -> Mapping[str, object]:
    """Plot rows by rank: a straight fall is Zipf, a flat line is uniform."""
    figure, axes = _canvas()
    ranks = list(accumulate(parents for _, parents in survey.parents))
    axes.step(ranks, [rows for rows, _ in survey.parents], where="pre", color=SHARED)
    if survey.hot_parents:
        axes.axvline(len(survey.hot_parents) + 0.5, color=HOT, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("parents, biggest first")
    axes.set_ylabel("rows of the parent")
    return {
        "svg": _svg(figure),
        "caption": "Rows of each parent. Left of the dashed line each has a lane of its own.",
    }


def _lanes_plot(survey: Survey) -> Mapping[str, object]:
    """Plot rows of each lane; shared ones are even, because a hash spreads the parents."""
    figure, axes = _canvas()
    hot = [rows for _, rows in survey.hot_parents]
    shared = survey.lanes.shared
    even = (survey.rows - sum(hot)) / shared
    axes.bar(range(shared), [even] * shared, color=SHARED, label="shared lanes")
    if hot:
        axes.bar(range(shared, shared + len(hot)), hot, color=HOT, label="one parent each")
    axes.set_xlabel("lane")
    axes.set_ylabel("rows")
    axes.legend(frameon=False, labelcolor=INK)
    return {
        "svg": _svg(figure),
        "caption": "Rows of each lane. The longest lane bounds the load. Shared lanes are drawn "
        "even; a hash spreads the parents over them.",
    }


def _timeline_plot(forecast: Forecast) -> Mapping[str, object]:
    """Plot rows landed over time for the ends of the range, and jobs in flight between them."""
    figure, axes = _canvas()
    outlooks = [(forecast.expected, "expected", SHARED, "-")]
    if not forecast.is_measured:
        outlooks += [(forecast.low, "fast org", EDGE, "--"), (forecast.high, "slow org", EDGE, ":")]
    for outlook, label, colour, line in outlooks:
        minutes = [second / 60 for second, *_ in outlook.timeline]
        axes.plot(minutes, [n for *_, n in outlook.timeline], line, color=colour, label=label)
    axes.set_xlabel("minutes")
    axes.set_ylabel("rows landed")
    axes.legend(frameon=False, labelcolor=INK, loc="lower right")
    jobs_axes = axes.twinx()
    timeline = forecast.expected.timeline
    minutes = [second / 60 for second, *_ in timeline]
    jobs_axes.step(minutes, [n for _, n, _ in timeline], where="post", color=HOT, alpha=0.6)
    jobs_axes.set_ylabel("jobs in flight (red)")
    jobs_axes.set_ylim(0, 1.3 * max(n for _, n, _ in timeline))
    _ink(jobs_axes)
    return {"svg": _svg(figure), "caption": f"Predicted timeline. It rests on {forecast.basis}."}


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
    """Return a figure as SVG to stand in a page: without XML header, metadata and addresses."""
    from matplotlib import (  # noqa: PLC0415
        rc_context,  # pyright: ignore[reportUnknownVariableType] - it leaves PathLike open
    )

    sink = io.StringIO()
    none = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "plan"}):
        figure.savefig(sink, format="svg", metadata=none)
    text = sink.getvalue()
    text = text[text.index("<svg") :]
    return Markup(re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL))  # noqa: S704 - our own plot; its labels are constants
