"""Plots of pages: inline SVG that reads on white and on black, with nothing to fetch."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from dc_assets.core.errors import ConfigError
from dc_assets.core.printable import printable

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


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of a page."""

    title: str
    caption: str
    svg: Markup


def time_unit(seconds: float) -> tuple[str, float]:
    """Return the unit of a time axis, and its seconds.

    >>> time_unit(60.0), time_unit(1_800.0), time_unit(90_000.0)
    (('seconds', 1.0), ('minutes', 60.0), ('hours', 3600.0))
    """
    return next((u for u in UNITS if seconds >= UNITS_MIN * u[1]), UNITS[-1])


def canvas(height: float = 3.6) -> tuple[Figure, Axes]:
    """Return an empty figure, ``height`` inches high.

    The plots are loaded only here, so that other commands start fast.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    ink(axes)
    return figure, axes


def ink(axes: Axes) -> None:
    """Give axes the colour of a page's text."""
    axes.tick_params(colors=INK, which="both")
    for part in (axes.xaxis.label, axes.yaxis.label):
        part.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)


def thousands(*scales: Axis) -> None:
    """Write the numbers of axes with commas."""
    from matplotlib.ticker import StrMethodFormatter  # noqa: PLC0415

    for scale in scales:
        scale.set_major_formatter(StrMethodFormatter(THOUSANDS))


def whole_numbers(scale: Axis) -> None:
    """Mark an axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    scale.set_major_locator(MaxNLocator(integer=True))


def svg(figure: Figure) -> Markup:
    """Return a figure as SVG to stand in a page: without XML header, metadata and addresses.

    Groups lose their ids, which would stand twice in a page of several figures.
    """
    from matplotlib import (  # noqa: PLC0415
        rc_context,  # pyright: ignore[reportUnknownVariableType] - it leaves PathLike open
    )

    sink = io.StringIO()
    none = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "page"}):
        figure.savefig(sink, format="svg", metadata=none)
    text = sink.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return Markup(re.sub(r'<g id="[^"]*"', "<g", text))  # noqa: S704 - our own plot; its labels are constants


FOLDER = Path(__file__).parent


def templates(**filters: Callable[..., object]) -> Environment:
    """Return the templates of this folder; everything that they are given is text, not markup."""
    pages = Environment(
        autoescape=True,
        finalize=_shown,
        loader=FileSystemLoader(FOLDER),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(filters)
    return pages


def _shown(value: object) -> object:
    """Return what stands on the page for a value: text shows its controls, our markup passes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, keep="\n\t")
    return value


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it; a pipe or a device is written to.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        place = file.resolve()  # a link stays a link
        if place.exists() and not place.is_file():
            place.write_text(text, encoding="utf-8")
        else:
            _replace(place, text)
    except OSError as error:
        raise ConfigError(f"The page {file} cannot be written: {error.strerror}.") from error


def _replace(place: Path, text: str) -> None:
    scratch = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as sink:
            sink.write(text.encode("utf-8", "backslashreplace"))
        scratch.replace(place)
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
