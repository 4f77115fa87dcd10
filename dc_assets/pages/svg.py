"""Plots as SVG text that reads on white and on black; what they are told is data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from dc_assets.pages.axes import Axis

INK, SHARED, HOT, LATER, EDGE = "#777777", "#4477aa", "#ee6677", "#ccbb44", "#999999"
"""Colours that read on white and on black, and to the colour blind (Paul Tol's bright scheme)."""

FONT_PX, LETTER_PX, LINE_PX, TICK_PX = 13, 7.5, 18, 5
TICK_APART_PX = {"x": 90, "y": 35}

Point = tuple[float, float]
Span = tuple[int, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """Lines through points, or bars: lines as thick as a share of an axis.

    Attributes:
        label: its words in the legend, where it stands with words only.
        width: in pixels, or for bars in units of the axis that they stand on.
        on: the axis on which bars stand.
    """

    lines: Sequence[Sequence[Point]]
    colour: str
    label: str = ""
    width: float = 1.5
    on: Literal["x", "y"] | None = None
    dash: str = "none"


def upright(bars: Iterable[Point], colour: str, label: str = "", *, width: float = 0.8) -> Mark:
    """Return bars from zero up: (place, height) of each."""
    return Mark([((x, 0), (x, height)) for x, height in bars], colour, label, width, "x")


def lying(bars: Iterable[Span], colour: str, label: str = "") -> Mark:
    """Return bars to the right: (lane, begin, end) of each."""
    return Mark(
        [((begin, lane), (end, lane)) for lane, begin, end in bars], colour, label, 0.8, "y"
    )


@dataclass(frozen=True, slots=True)
class Chart:
    """One plot.

    Attributes:
        marks: in the order in which they are painted.
        right: a second upward axis, with marks of its own.
    """

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    right: Axis | None = None
    right_marks: Sequence[Mark] = ()
    size_px: tuple[int, int] = (900, 340)


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of a page."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the marks of two axes are, in pixels."""

    x: Axis
    y: Axis
    left: float
    top: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def at(self, point: Point) -> str:
        x = self.left + self.x.share(point[0]) * self.width
        return f"{_n(x)} {_n(self.bottom - self.y.share(point[1]) * self.height)}"

    def painted(self, mark: Mark) -> str:
        path = "".join("M" + " ".join(map(self.at, line)) for line in mark.lines)
        across = {"x": (self.x, self.width), "y": (self.y, self.height)}
        axis, length = across[mark.on or "x"]
        width = max(1, mark.width * length / abs(axis.high - axis.low)) if mark.on else mark.width
        cap = "butt" if mark.on else "round"  # a line of one point is a dot
        more = f'stroke-width="{_n(width)}" stroke-linecap="{cap}" stroke-dasharray="{mark.dash}"'
        return _path(path, mark.colour, more)


def svg_of(chart: Chart) -> str:
    """Return a chart as an SVG document that can stand in a page too; words are escaped."""
    frame = _frame(chart)
    parts = [*_upward_axis(frame), *_across_axis(frame), *_legend(chart.marks, frame)]
    parts += map(frame.painted, chart.marks)
    if chart.right is not None:
        other = replace(frame, y=chart.right)
        parts += [*map(other.painted, chart.right_marks), *_upward_axis(other, is_right=True)]
    width, height = chart.size_px
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="{FONT_PX}" '
        f'fill="{INK}">{"".join(parts)}</svg>'
    )


def _frame(chart: Chart) -> _Frame:
    """Leave room for the legend, and beside each axis for its numbers and its label."""
    width, height = chart.size_px
    top = LINE_PX * (2.0 if any(mark.label for mark in chart.marks) else 0.6)
    height -= top + 2.6 * LINE_PX
    left = _room(chart.y, height)
    right = 1.5 * LINE_PX if chart.right is None else _room(chart.right, height)
    return _Frame(chart.x, chart.y, left, top, width - left - right, height)


def _room(axis: Axis, height: float) -> float:
    longest = max(len(words) for _, words in axis.ticks(height / TICK_APART_PX["y"]))
    return 2 * LINE_PX + LETTER_PX * longest


def _upward_axis(frame: _Frame, *, is_right: bool = False) -> Iterator[str]:
    side, anchor = (1, "start") if is_right else (-1, "end")
    x = frame.left + frame.width * is_right
    yield _path(f"M{_n(x)} {_n(frame.top)}v{_n(frame.height)}")
    for value, words in frame.y.ticks(frame.height / TICK_APART_PX["y"]):
        y = frame.bottom - frame.y.share(value) * frame.height
        yield _path(f"M{_n(x)} {_n(y)}h{side * TICK_PX}")
        yield _text(x + side * 1.6 * TICK_PX, y + FONT_PX / 3, words, anchor)
    label_x, label_y = x + side * (_room(frame.y, frame.height) - FONT_PX), frame.top
    label_y += frame.height / 2
    turned = f' transform="rotate(-90 {_n(label_x)} {_n(label_y)})'
    yield _text(label_x, label_y, frame.y.label, f'middle"{turned}')


def _across_axis(frame: _Frame) -> Iterator[str]:
    yield _path(f"M{_n(frame.left)} {_n(frame.bottom)}h{_n(frame.width)}")
    for value, words in frame.x.ticks(frame.width / TICK_APART_PX["x"]):
        x = frame.left + frame.x.share(value) * frame.width
        yield _path(f"M{_n(x)} {_n(frame.bottom)}v{TICK_PX}")
        yield _text(x, frame.bottom + LINE_PX, words)
    yield _text(frame.left + frame.width / 2, frame.bottom + 2.2 * LINE_PX, frame.x.label)


def _legend(marks: Sequence[Mark], frame: _Frame) -> Iterator[str]:
    x = frame.left
    for mark in (mark for mark in marks if mark.label):
        more = f'stroke-width="{10 if mark.on else 3}" stroke-dasharray="{mark.dash}"'
        yield _path(f"M{_n(x)} {LINE_PX - 4}h22", mark.colour, more)
        yield _text(x + 28, LINE_PX, mark.label, "start")
        x += 50 + LETTER_PX * len(mark.label)


def _path(path: str, colour: str = INK, more: str = "") -> str:
    return f'<path d="{path}" stroke="{colour}" fill="none" {more}/>'


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def _n(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")
