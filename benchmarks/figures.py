"""Figures of one run: what was measured, beside whom, and which bars it held.

A program of this folder measures in turns, so that all sides meet the same machine, and saves its
`Study` with `save`; `python -m benchmarks.performance` writes docs/performance.md from them. CPU
seconds are user and system time; ratios of medians of one run are compared, because seconds
differ from machine to machine and hour to hour.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

KEPT = Path(__file__).with_name("kept")


@dataclass(frozen=True, slots=True)
class Figure:
    """What one side took, run by run.

    Attributes:
        side: who did it, such as `bare loop`, `simple-salesforce 1.12.10` or `dc_assets`.
        values: one of each run, in the unit of the study.
    """

    side: str
    values: Sequence[float]

    @property
    def middle(self) -> float:
        """The median of the runs."""
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, what was measured for it, and whether it was held."""

    promise: str
    measured: str
    is_held: bool


@dataclass(frozen=True, slots=True)
class Study:
    """What one program measured.

    Attributes:
        name: of the program's module, and of its kept file.
        title: the heading in docs/performance.md.
        unit: of all figures, such as `CPU seconds`.
        figures: the reference comes first; ratios are to it.
        notes: full sentences that stand below the table.
        packages: whose versions are named.
    """

    name: str
    title: str
    unit: str
    command: str
    figures: Sequence[Figure]
    bars: Sequence[Bar] = ()
    notes: Sequence[str] = ()
    packages: Sequence[str] = ()


def save(study: Study, *more: Study) -> Path:
    """Keep the studies of one program beside machine, day and versions; return the file."""
    every = [study, *more]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    kept = {
        "day": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "versions": {name: version(name) for one in every for name in one.packages},
        "studies": [asdict(one) for one in every],
    }
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{study.name}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return path


def cpu_of_s(command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Return the CPU seconds that a command and its ended children take.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=env)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(study: Study) -> str:
    """Return a study as a table of Markdown: minimum, median, maximum, ratio to the first."""
    base = study.figures[0].middle
    lines = [f"| side | min | median | max | x {study.figures[0].side} |", "|---|---|---|---|---|"]
    for one in study.figures:
        low, high = min(one.values), max(one.values)
        ratio = f"{one.middle / base:.2f}" if base else ""
        lines.append(
            f"| {one.side} | {_shown(low)} | {_shown(one.middle)} | {_shown(high)} | {ratio} |"
        )
    return "\n".join(lines)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
