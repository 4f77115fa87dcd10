"""How much a start costs: CPU seconds of commands and of a run worker, beside `import dagster`.

    python -m benchmarks.startup

Ratios of one run are compared, because seconds differ from machine to machine and hour to hour.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Bar, Figure, Study, cpu_of_s, save, table
from benchmarks.run_worker import study_of_workers

RUNS = 5
PROGRAM = str(Path(sys.executable).with_name("dc-assets"))
BASE = "import dagster"


@dataclass(frozen=True, slots=True)
class Start:
    """One way to start, and the ratio to `import dagster` that it must not exceed."""

    name: str
    command: Sequence[str]
    ratio_max: float | None = None


STARTS = (
    Start(BASE, [sys.executable, "-c", BASE]),
    Start("dc-assets --help", [PROGRAM, "--help"], ratio_max=0.3),
    Start(
        "import dc_assets.definitions",
        [sys.executable, "-c", "import dc_assets.definitions"],
        ratio_max=1.35,
    ),
    Start("dc-assets settings", [PROGRAM, "settings"]),
    Start("dc-assets status --help", [PROGRAM, "status", "--help"]),
    Start("dc-assets run --help", [PROGRAM, "run", "--help"]),
)


def study_of_starts() -> Study:
    """Return what commands and the code location take, five times in turns."""
    seconds: dict[str, list[float]] = {start.name: [] for start in STARTS}
    for start in [start for _ in range(RUNS) for start in STARTS]:  # in turns: all meet one load
        seconds[start.name].append(cpu_of_s(start.command))
    figures = {name: Figure(name, values) for name, values in seconds.items()}
    ratios = {name: one.middle / figures[BASE].middle for name, one in figures.items()}
    bars = [
        Bar(
            f"{start.name} at most {start.ratio_max} times {BASE}",
            f"{ratios[start.name]:.2f}",
            is_held=ratios[start.name] <= start.ratio_max,
        )
        for start in STARTS
        if start.ratio_max is not None
    ]
    return Study(
        name="startup",
        title="Starts",
        unit="CPU seconds",
        command="python -m benchmarks.startup",
        figures=list(figures.values()),
        bars=bars,
        packages=["dagster", "polars", "pydantic", "sqlalchemy"],
    )


def main() -> int:
    """Keep and print what was measured; 1 when a bar is missed."""
    studies = [study_of_starts(), study_of_workers()]
    save(*studies)
    for study in studies:
        print(table(study))  # noqa: T201
        for bar in study.bars:
            print(f"{'held' if bar.is_held else 'MISSED'}: {bar.promise}: {bar.measured}")  # noqa: T201
    return 0 if all(bar.is_held for study in studies for bar in study.bars) else 1


if __name__ == "__main__":
    sys.exit(main())
