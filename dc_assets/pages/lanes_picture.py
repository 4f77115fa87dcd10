"""The jobs of each lane over time: one bar a job, time to the right."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from dc_assets.pages.axes import Axis, time_unit
from dc_assets.pages.svg import HOT, LATER, SHARED, Chart, Mark, Span, lying, svg_of
from dc_assets.views.progress import JobBar

ATTEMPTS = (("first attempt", SHARED), ("second", LATER), ("later", HOT))
SIZE_PX = (560, 240)
BARS_MAX = 250
"""Of each attempt: every event of Dagster's history keeps its picture."""


def few(spans: Sequence[Span], most: int, gap: float) -> list[Span]:
    """Join the spans of each lane over gaps until there are few enough: first over ``gap``.

    >>> few([(0, 0.0, 5.0), (0, 20.0, 21.0), (0, 5.5, 9.0), (1, 0.0, 1.0)], 3, gap=1.0)
    [(0, 0.0, 9.0), (0, 20.0, 21.0), (1, 0.0, 1.0)]
    """
    joined = sorted(spans)
    while len(joined) > most and gap < float("inf"):
        joined, gap = _joined(joined, gap), 2 * gap
    return joined


def _joined(spans: Sequence[Span], gap: float) -> list[Span]:
    joined: list[Span] = []
    for lane, begin, end in spans:
        if joined and joined[-1][0] == lane and begin - joined[-1][2] <= gap:
            joined[-1] = (lane, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((lane, begin, end))
    return joined


def lanes_picture(jobs: Sequence[JobBar]) -> str | None:
    """Return a small SVG image as Markdown, a few kilobytes of text; None without an ended job."""
    ended = [(job, job.ended_at) for job in jobs if job.ended_at is not None]
    if not ended:
        return None
    begun_at = min(job.began_at for job, _ in ended)
    span_s = max(max(at for _, at in ended) - begun_at, 0.001)
    unit, unit_s = time_unit(span_s)
    tried_again = any(job.attempt > 1 for job, _ in ended)
    least = span_s / unit_s / SIZE_PX[0]  # a dot
    marks: list[Mark] = []
    for number, (label, colour) in enumerate(ATTEMPTS, start=1):
        spans = [
            (job.lane, begin, max(begin + least, (at - begun_at) / unit_s))
            for job, at in ended
            if min(job.attempt, len(ATTEMPTS)) == number
            for begin in ((job.began_at - begun_at) / unit_s,)
        ]
        if spans:
            drawn = few(spans, BARS_MAX, gap=least)
            marks.append(lying(drawn, colour, label if tried_again else ""))
    lanes = [job.lane for job, _ in ended]
    chart = Chart(
        Axis(unit, 0.0, span_s / unit_s),
        Axis("lane", min(lanes) - 0.6, max(lanes) + 0.6, is_whole=True),
        marks,
        size_px=SIZE_PX,
    )
    text = base64.b64encode(svg_of(chart).encode()).decode("ascii")
    return f"![jobs of each lane over time](data:image/svg+xml;base64,{text})"
