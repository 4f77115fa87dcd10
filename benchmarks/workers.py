"""What more worker processes bring when every call takes 300 ms: `python -m benchmarks.workers`.

1, 2, 4 and 8 processes of `dc-assets run --local` share the eight partitions of one load, on an
emulated org that answers each call 0.3 s late and takes its rows at once. Wall-clock times are of
this machine and of what else it does; CPU seconds are those of the workers, with their start.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.figures import Bar, Figure, Study, save, table
from dc_assets_tests.acceptance.stage import Stage, running, running_org, short_folder, spec_content

COMMAND = "python -m benchmarks.workers"
PROGRAM = str(Path(sys.executable).with_name("dc-assets"))
PARTITIONS = 8
CREWS = (1, 2, 4, 8)
LATE_S = 0.3


@dataclass(frozen=True, slots=True)
class Crew:
    """What some workers took for one load."""

    wall_s: float
    cpu_s: float


def loaded(workers: int, rows: int) -> Crew:
    """Load a new org by some workers; each has its share of the partitions."""
    with short_folder() as folder, running_org(folder, rows=rows, parents=rows // 10) as org:
        stage = Stage.set_up(folder, org, rows=rows, partitions=PARTITIONS)
        content = spec_content(rows, PARTITIONS)
        content["profile"] = {}
        stage.write_spec(content)
        late = {"what": "slow", "seconds": LATE_S, "share": 1.0, "calls": "*"}
        org.tell("faults", faults=[late])
        crew = _timed(stage, workers)
        org.tell("faults", faults=[])
        assert len(org.core_ids()) == rows, "every row landed"
    return crew


def _timed(stage: Stage, workers: int) -> Crew:
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with ExitStack() as stack:
        crew = [
            stack.enter_context(
                running(
                    [PROGRAM, "run", "opportunities", "--local", "--partitions", ",".join(keys)],
                    stage.environment,
                    log=stage.folder / f"worker{number}.log",
                )
            )
            for number, keys in enumerate(stage.keys[n::workers] for n in range(workers))
        ]
        codes = [worker.wait() for worker in crew]
    wall_s = time.monotonic() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if any(codes):
        raise subprocess.CalledProcessError(max(codes), PROGRAM)
    return Crew(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@click.command()
@click.option("--rows", default=40_000, show_default=True, type=click.IntRange(1_000))
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1))
def main(*, rows: int, runs: int) -> None:
    """Load in turns, print and keep; exit 1 when four workers are no faster than one."""
    seen: dict[int, list[Crew]] = {workers: [] for workers in CREWS}
    for workers in [workers for _ in range(runs) for workers in CREWS]:
        seen[workers].append(loaded(workers, rows))
        click.echo(f"{workers} workers: {seen[workers][-1]}")
    rate, cpu = studies(seen, rows)
    save(rate, cpu)
    click.echo(f"{table(rate)}\n\n{table(cpu)}")
    sys.exit(0 if all(bar.is_held for bar in rate.bars) else 1)


def studies(seen: dict[int, list[Crew]], rows: int) -> tuple[Study, Study]:
    """Return rows a second of wall clock, and CPU seconds."""
    names = {workers: f"{workers} worker{'s' if workers > 1 else ''}" for workers in CREWS}
    rates = [Figure(names[n], [rows / one.wall_s for one in crews]) for n, crews in seen.items()]
    spent = [Figure(names[n], [one.cpu_s for one in crews]) for n, crews in seen.items()]
    times = rates[CREWS.index(4)].middle / rates[0].middle
    bar = Bar("four workers load faster than one", f"x {times:.2f}", times > 1)
    notes = (
        f"{rows:,} rows in {PARTITIONS} partitions, 16 jobs in flight, each call {LATE_S} s late.",
        "The emulated org is on the same two cores.",
        "The machine was shared with other work, so the rows a second are a lower end.",
    )
    return (
        Study(
            *("workers", "Workers beside each other", "rows a second of wall clock", COMMAND),
            *(rates, [bar], notes),
        ),
        Study("workers_cpu", "CPU of the workers", "CPU seconds", COMMAND, spent),
    )


if __name__ == "__main__":
    main()
