"""How much a start costs: CPU seconds of a few commands, and their ratio to `import dagster`.

    python -m benchmarks.startup

Ratios of one run are compared, because seconds differ from machine to machine and hour to hour.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

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


def cpu_s(command: Sequence[str]) -> float:
    """Return the CPU seconds, user and system, that a command takes until its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print minimum, median and maximum of five runs each; 1 when a ratio is over its bar."""
    seconds: dict[str, list[float]] = {start.name: [] for start in STARTS}
    for start in [start for _ in range(RUNS) for start in STARTS]:  # in turns: all meet one load
        seconds[start.name].append(cpu_s(start.command))
    base_s, is_good = median(seconds[BASE]), True
    for start in STARTS:
        low, high = min(seconds[start.name]), max(seconds[start.name])
        middle = median(seconds[start.name])
        ratio = middle / base_s
        is_good = is_good and (start.ratio_max is None or ratio <= start.ratio_max)
        bar = f" (at most {start.ratio_max})" if start.ratio_max else ""
        print(f"{start.name:30} {low:.2f} {middle:.2f} {high:.2f} CPU s, x{ratio:.2f}{bar}")  # noqa: T201
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
