"""Plots as SVG text that reads on white and on black; what they are told is data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from dc_assets.pages.axes import Axis

INK, SHARED, HOT, LATER, EDGE = "#777777", "#4477aa", "#ee6677", "#ccbb44", "#999999"
"""Colours that read on white and on black, and to the colour blind (Paul Tol's bright scheme)."""

FONT_PX, LETTER_PX, LINE_PX, TICK_PX = 13, 7.5, 18, 5
TICK_APART_PX = {"x": 90, "y": 35}


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; one with a label stands in the legend."""

    points: Sequence[tuple[float, float]]
    colour: str
    label: str = ""
    width_px: float = 1.5
    dash: str = "none"

    def path(self, frame: _Frame) -> str:
        """Return it in the coordinates of a frame."""
        return "M" + " ".join(f"{_n(frame.px(x))} {_n(frame.py(y))}" for x, y in self.points)

    def stroke_px(self, frame: _Frame) -> float:  # noqa: ARG002 - bars need it
        """Return how thick it is."""
        return self.width_px


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one thickness, each at a place from ``begin`` to ``end``: upright ones, or lying.

    Attributes:
        spans: (place, begin, end) of each.
        thickness: in units of the axis on which the places are.
    """

    spans: Sequence[tuple[float, float, float]]
    colour: str
    label: str = ""
    thickness: float = 0.8
    is_upright: bool = True
    dash: str = "none"

    def path(self, frame: _Frame) -> str:
        """Return them as strokes, each at least a pixel long unless it ends where it begins."""
        return "".join(self._stroke(frame, *span) for span in self.spans)

    def _stroke(self, frame: _Frame, place: float, begin: float, end: float) -> str:
        if self.is_upright:
            length = _n(frame.py(end) - frame.py(begin))
            return f"M{_n(frame.px(place))} {_n(frame.py(begin))}v{length}"
        length = _n(max(1.0, frame.px(end) - frame.px(begin)))
        return f"M{_n(frame.px(begin))} {_n(frame.py(place))}h{length}"

    def stroke_px(self, frame: _Frame) -> float:
        """Return how thick they are, a pixel at least."""
        axis = frame.x if self.is_upright else frame.y
        length_px = frame.width_px if self.is_upright else frame.height_px
        return max(1.0, self.thickness * length_px / abs(axis.high - axis.low))


Mark = Line | Bars


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure of a page."""

    title: str
    caption: str
    svg: str


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
class _Frame:
    """Where the marks of two axes are."""

    x: Axis
    y: Axis
    left_px: float
    top_px: float
    width_px: float
    height_px: float

    def px(self, value: float) -> float:
        return self.left_px + self.x.share(value) * self.width_px

    def py(self, value: float) -> float:
        return self.top_px + (1 - self.y.share(value)) * self.height_px


def svg_of(chart: Chart) -> str:
    """Return a chart as an SVG document that can stand in a page too; words are escaped."""
    width_px, height_px = chart.size_px
    frame = _frame(chart)
    parts = [*_upward_axis(frame), *_across_axis(frame), *_legend(chart.marks, frame)]
    parts += [_painted(mark, frame) for mark in chart.marks]
    if chart.right is not None:
        other = _Frame(
            *(chart.x, chart.right, frame.left_px, frame.top_px, frame.width_px, frame.height_px)
        )
        parts += [_painted(mark, other) for mark in chart.right_marks]
        parts += _upward_axis(other, is_right=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_px}" height="{height_px}" '
        f'viewBox="0 0 {width_px} {height_px}" font-family="sans-serif" font-size="{FONT_PX}" '
        f'fill="{INK}" stroke="none">{"".join(parts)}</svg>'
    )


def _frame(chart: Chart) -> _Frame:
    """Leave room for the legend, and beside each axis for its numbers and its label."""
    width_px, height_px = chart.size_px
    top_px = LINE_PX * (2.0 if any(mark.label for mark in chart.marks) else 0.6)
    height_left_px = height_px - top_px - 2.6 * LINE_PX
    left_px = _room_px(chart.y, height_left_px)
    right_px = 1.5 * LINE_PX if chart.right is None else _room_px(chart.right, height_left_px)
    return _Frame(
        *(chart.x, chart.y, left_px, top_px, width_px - left_px - right_px, height_left_px)
    )


def _room_px(axis: Axis, length_px: float) -> float:
    words = [words for _, words in axis.ticks(int(length_px / TICK_APART_PX["y"]))]
    return 2 * LINE_PX + LETTER_PX * max(map(len, words), default=0)


def _upward_axis(frame: _Frame, *, is_right: bool = False) -> Iterator[str]:
    side, anchor = (1, "start") if is_right else (-1, "end")
    x = frame.left_px + (frame.width_px if is_right else 0)
    yield _ruled(f"M{_n(x)} {_n(frame.top_px)}v{_n(frame.height_px)}")
    for value, words in frame.y.ticks(int(frame.height_px / TICK_APART_PX["y"])):
        y = frame.py(value)
        yield _ruled(f"M{_n(x)} {_n(y)}h{side * TICK_PX}")
        yield _text((x + side * 1.6 * TICK_PX, y + FONT_PX / 3), words, anchor)
    label_x = x + side * (_room_px(frame.y, frame.height_px) - FONT_PX)
    yield _text((label_x, frame.top_px + frame.height_px / 2), frame.y.label, turned=-90)


def _across_axis(frame: _Frame) -> Iterator[str]:
    bottom = frame.top_px + frame.height_px
    yield _ruled(f"M{_n(frame.left_px)} {_n(bottom)}h{_n(frame.width_px)}")
    for value, words in frame.x.ticks(int(frame.width_px / TICK_APART_PX["x"])):
        yield _ruled(f"M{_n(frame.px(value))} {_n(bottom)}v{TICK_PX}")
        yield _text((frame.px(value), bottom + LINE_PX), words)
    yield _text((frame.left_px + frame.width_px / 2, bottom + 2.2 * LINE_PX), frame.x.label)


def _legend(marks: Sequence[Mark], frame: _Frame) -> Iterator[str]:
    x = frame.left_px
    for mark in marks:
        if not mark.label:
            continue
        width_px = 10 if isinstance(mark, Bars) else 3
        yield (
            f'<path d="M{_n(x)} {LINE_PX - 4}h22" stroke="{mark.colour}" '
            f'stroke-width="{width_px}" stroke-dasharray="{mark.dash}"/>'
        )
        yield _text((x + 28, LINE_PX), mark.label, "start")
        x += 50 + LETTER_PX * len(mark.label)


def _painted(mark: Mark, frame: _Frame) -> str:
    cap = "round" if isinstance(mark, Line) else "butt"  # a line of one point is a dot
    return (
        f'<path d="{mark.path(frame)}" fill="none" stroke="{mark.colour}" '
        f'stroke-width="{_n(mark.stroke_px(frame))}" stroke-linecap="{cap}" '
        f'stroke-dasharray="{mark.dash}"/>'
    )


def _ruled(path: str) -> str:
    return f'<path d="{path}" stroke="{INK}" fill="none"/>'


def _text(
    at: tuple[float, float], words: str, anchor: str = "middle", *, turned: int | None = None
) -> str:
    x, y = map(_n, at)
    turn = "" if turned is None else f' transform="rotate({turned} {x} {y})"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{turn}>{escape(words)}</text>'


def _n(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")


def stairs(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points of a line that keeps each height until the next point.

    >>> stairs([(0, 5), (2, 7)])
    [(0, 5), (2, 5), (2, 7)]
    """
    steps = list(points[:1])
    for x, y in points[1:]:
        steps += [(x, steps[-1][1]), (x, y)]
    return steps
