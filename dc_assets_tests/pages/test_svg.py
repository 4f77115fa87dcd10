"""Plots hold whatever they are told, and stay inside of their picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from hypothesis import given
from hypothesis import strategies as st

from dc_assets.pages.axes import Axis, from_zero, logarithmic
from dc_assets.pages.svg import HOT, Chart, Mark, lying, svg_of, upright

SVG = "{http://www.w3.org/2000/svg}"
WIDTH_PX, HEIGHT_PX = SIZE_PX = 300, 200
NASTY = "<script>\"&'"


def drawn(chart: Chart) -> Element:
    """Return a chart as the elements that a browser sees."""
    return ET.fromstring(svg_of(chart))  # noqa: S314 - our own


def points_of(root: Element, colour: str) -> list[tuple[float, float]]:
    """Return the points of what is painted in a colour."""
    paths = [path.attrib["d"] for path in root.iter(f"{SVG}path") if path.get("stroke") == colour]
    numbers = [float(one) for path in paths for one in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_words_stay_words() -> None:
    """A label or a name that looks like markup is text."""
    x = Axis(NASTY, 0, 1, names=[(0.5, NASTY)])
    marks = [upright([(0.5, 1)], HOT, NASTY)]
    texts = [one.text for one in drawn(Chart(x, Axis(NASTY, 0, 1), marks)).iter(f"{SVG}text")]
    assert texts.count(NASTY) == 4


@given(heights=st.lists(st.floats(0, 1e9), min_size=1, max_size=50), second=st.floats(0, 1e6))
def test_every_number_is_drawn_inside(heights: list[float], second: float) -> None:
    """Zero, one bar, tiny and big values: points are finite and in the picture."""
    chart = Chart(
        Axis("hours", -0.6, len(heights) - 0.4, is_whole=True),
        from_zero("rows", heights),
        [upright(enumerate(heights), HOT)],
        right=from_zero("jobs", [second], room=1.3),
        right_marks=[Mark([[(0, second)]], HOT)],
        size_px=SIZE_PX,
    )
    points = points_of(drawn(chart), HOT)
    assert len(points) == 2 * len(heights) + 1
    assert all(0 <= x <= WIDTH_PX and 0 <= y <= HEIGHT_PX for x, y in points)


@given(sizes=st.lists(st.integers(1, 10**9), min_size=1, max_size=9))
def test_a_logarithmic_axis_goes_around_its_values(sizes: list[int]) -> None:
    """It has at least two marks, even for one value."""
    axis = logarithmic("rows", sizes)
    assert all(0 <= axis.share(size) < 1 for size in sizes)
    assert len(axis.ticks(6)) >= 2


def test_a_turned_axis_begins_at_the_top() -> None:
    """The first lane is above the second."""
    chart = Chart(Axis("s", 0, 9), Axis("lane", 1.6, -0.6), [lying([(0, 1, 2), (1, 1, 2)], HOT)])
    (_, first), _, (_, second), _ = points_of(drawn(chart), HOT)
    assert first < second
