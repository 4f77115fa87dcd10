"""Draws the jobs of a partition: one bar a job, time to the right, lanes upwards."""

import base64
import io
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from dc_assets.views.progress import JobBar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#777777"
COLOURS = ("#4477aa", "#ccbb44", "#ee6677")
"""First attempt, second, later ones: colours that read on white and on black, and to the colour
blind (Paul Tol's bright scheme)."""

LABELS = ("first attempt", "second", "later")
WIDTH_PX, HEIGHT_PX, DPI = 560, 240, 80
PNG_BYTES_MAX = 20_000
"""Every event of Dagster's history keeps its picture."""

GAPS_PX = (1, 5, 25)
"""Bars of one lane and colour that are so near become one; wider only while the picture is big."""

UNITS = (("hours", 3_600.0), ("minutes", 60.0), ("seconds", 1.0))
UNITS_MIN = 3

Bars = Mapping[tuple[int, int], Sequence[tuple[float, float]]]
"""(lane, colour) to (begin, width) in seconds since the first job."""


DRAWN_WITHIN_S = 60.0


def drawn_apart(jobs: Sequence[JobBar]) -> str | None:
    """Return the picture of `lanes_picture`, drawn by a process of its own.

    The plotting library needs 40 MB, which the run would keep while the checks read both sides.

    Raises:
        subprocess.SubprocessError: it cannot be drawn, or takes too long.
    """
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", __name__],
        input=json.dumps([asdict(job) for job in jobs]),
        capture_output=True,
        text=True,
        timeout=DRAWN_WITHIN_S,
        check=True,
    )
    return done.stdout or None


def lanes_picture(jobs: Sequence[JobBar]) -> str | None:
    """Return a small PNG as Markdown, a few kilobytes of text; None without an ended job."""
    ended = [(job, job.ended_at) for job in jobs if job.ended_at is not None]
    if not ended:
        return None
    begun_at = min(job.began_at for job, _ in ended)
    span_s = max(max(at for _, at in ended) - begun_at, 0.001)
    spans = [
        ((job.lane, min(job.attempt, len(COLOURS)) - 1), job.began_at - begun_at, at - begun_at)
        for job, at in ended
    ]
    png = b""
    for gap_px in GAPS_PX:
        png = _drawn(merged(spans, gap_s=gap_px * span_s / WIDTH_PX), span_s)
        if len(png) <= PNG_BYTES_MAX:
            break
    text = base64.b64encode(png).decode("ascii")
    return f"![jobs of each lane over time](data:image/png;base64,{text})"


def merged(
    spans: Iterable[tuple[tuple[int, int], float, float]], *, gap_s: float
) -> dict[tuple[int, int], list[tuple[float, float]]]:
    """Return bars; those of one lane and colour with no wider gap between them become one.

    >>> merged([((0, 0), 0.0, 5.0), ((0, 0), 5.5, 9.0), ((0, 0), 20.0, 21.0)], gap_s=1.0)
    {(0, 0): [(0.0, 9.0), (20.0, 1.0)]}
    """
    bars: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for place, begin, end in sorted(spans):
        last = bars[place][-1] if bars[place] else None
        if last is not None and begin - (last[0] + last[1]) <= gap_s:
            bars[place][-1] = (last[0], max(last[1], end - last[0]))
        else:
            bars[place].append((begin, end - begin))
    return dict(bars)


def _drawn(bars: Bars, span_s: float) -> bytes:
    """Draw the bars; the plots are loaded only here, so that a code location loads fast."""
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(WIDTH_PX / DPI, HEIGHT_PX / DPI), dpi=DPI, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    unit, unit_s = next((u for u in UNITS if span_s >= UNITS_MIN * u[1]), UNITS[-1])
    seen: set[int] = set()
    for (lane, colour), spans in sorted(bars.items(), key=lambda item: item[0][1]):
        label = None if colour in seen else LABELS[colour]
        seen.add(colour)
        scaled = [(begin / unit_s, width / unit_s) for begin, width in spans]
        axes.broken_barh(scaled, (lane - 0.4, 0.8), facecolors=COLOURS[colour], label=label)
    axes.set_xlabel(unit)
    axes.set_ylabel("lane")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if seen != {0}:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(LABELS),
            fontsize="small",
            labelcolor=INK,
            frameon=False,
        )
    _ink(axes)
    sink = io.BytesIO()
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()


def _ink(axes: "Axes") -> None:
    axes.tick_params(colors=INK)
    for part in (axes.xaxis.label, axes.yaxis.label):
        part.set_color(INK)
    for spine in axes.spines.values():
        spine.set_color(INK)


if __name__ == "__main__":
    sys.stdout.write(lanes_picture([JobBar(**bar) for bar in json.load(sys.stdin)]) or "")
