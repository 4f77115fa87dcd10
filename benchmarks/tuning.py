"""Answers the tuning questions of the earlier system: `python -m benchmarks.tuning --write`.

Every figure of `docs/tuning.md` is computed here, by the simulation; the words stand here too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console

from benchmarks.simulate.outcome import SimulatedRun
from benchmarks.simulate.policies import SPECS, Scene, Spec, policy_of, simulated
from benchmarks.simulate.rows import parents_of
from benchmarks.simulate.seed_policies import SEED_POLICIES
from benchmarks.simulate.waiting_policies import WAITING_POLICIES
from benchmarks.tuning_text import INTRO, SECTIONS_TEXT
from dc_assets.simulation.partition_run import Way

DOCUMENT = Path(__file__).parents[1] / "docs" / "tuning.md"
SEEDS = 3
ROWS = 2_000_000
NO_PARENT = "none"
TEST7, TEST8 = SEED_POLICIES["test7"], SEED_POLICIES["test8"]
RATE_S = TEST8.interval_s / TEST8.job_rows


@dataclass(frozen=True)
class Setting:
    """The rows of a load, and what else continues.

    Attributes:
        skew: as for `python -m benchmarks.simulate`, or `NO_PARENT`.
    """

    name: str
    accounts: int
    skew: str
    background: str
    rows: int = ROWS


@dataclass(frozen=True)
class Line:
    """One way to write, as it stands in a table."""

    name: str
    spec: Spec
    partitions: int = 5


@dataclass(frozen=True)
class Table:
    """Lines by settings."""

    lines: tuple[Line, ...]
    settings: tuple[Setting, ...]


QUIET = Setting("quiet org, even parents", 46_000, "uniform", "none")
BUSY = Setting("busy org, skewed parents", 200_000, "zipf:1.0", "normal")
BOTH = (QUIET, BUSY)
LANES = Line("lanes", Way())


def _counted(policy: str, number: int, what: str) -> str:
    return f"{policy}, {number} {what}{'s' if number > 1 else ''}"


def _evenly(name: str, accounts: int) -> Setting:
    return Setting(name, accounts, "uniform", "normal")


def _big(name: str, rows: int, skew: str, accounts: int) -> Setting:
    return Setting(name, accounts, skew, "normal", rows)


KINDS = (
    Setting("no parent", 1, NO_PARENT, "normal"),
    _evenly("2 rows a parent", 1_000_000),
    _evenly("10 rows a parent", 200_000),
    _evenly("43 rows a parent", 46_000),
    _evenly("1,000 rows a parent", 2_000),
    Setting("one parent has 1 %", 200_000, "hot:0.01", "normal"),
    Setting("one parent has 5 %", 200_000, "hot:0.05", "normal"),
    Setting("one parent has 20 %", 200_000, "hot:0.2", "normal"),
    Setting("few parents have most (zipf:1.0)", 200_000, "zipf:1.0", "normal"),
)

TABLES: dict[str, Table] = {
    "batch-size": Table(
        (
            *(
                Line(f"test8, {n:,} rows", replace(TEST8, job_rows=n))
                for n in (250, 500, 750, 2_000)
            ),
            *(
                Line(
                    f"{n:,} rows, as many a second as test8",
                    replace(TEST8, job_rows=n, interval_s=n * RATE_S),
                )
                for n in (250, 2_000, 10_000)
            ),
            *(
                Line(f"lanes, at most {n:,} rows", Way(batch_rows_max=n))
                for n in (500, 2_000, 5_000, 10_000)
            ),
        ),
        BOTH,
    ),
    "partitions": Table(
        (
            *(Line(_counted("test8", n, "chain"), TEST8, n) for n in (1, 2, 3, 5, 10)),
            *(Line(_counted("lanes", n, "partition"), Way(), n) for n in (1, 2, 5, 10, 20)),
        ),
        BOTH,
    ),
    "stagger": Table(
        (
            *(
                Line(f"test8, {hours:g} h", replace(TEST8, stagger_s=3_600.0 * hours))
                for hours in (0, 0.5, 1, 1.5, 2)
            ),
            replace(LANES, name="lanes, no stagger"),
        ),
        BOTH,
    ),
    "delay": Table(
        (
            *(
                Line(f"test8, a job every {seconds:g} s", replace(TEST8, interval_s=seconds))
                for seconds in (3.0, 4.05, 4.875, 6.0, 10.0)
            ),
            *(
                Line(
                    f"5 chains at once, a job every {seconds:g} s in each",
                    replace(TEST8, interval_s=seconds, stagger_s=0.0),
                )
                for seconds in (24.4, 31.9, 44.4)
            ),
            replace(LANES, name="lanes, no delay"),
        ),
        BOTH,
    ),
    "retries": Table(
        (
            *(
                Line(f"{name}, {words}", replace(SEED_POLICIES[name], row_ladder_s=ladder_s))
                for name, words, ladder_s in (
                    ("test7", "as it was", ()),
                    ("test7", "failed rows at once, twice", (0.0, 0.0)),
                    ("test8", "as it was", ()),
                    ("test8", "failed rows after 2, 5, 10 s", (2.0, 5.0, 10.0)),
                    ("test8", "failed rows after 5, 10, 20 s", (5.0, 10.0, 20.0)),
                )
            ),
            replace(LANES, name="lanes, failed rows after 5 to 120 s, 8 attempts"),
        ),
        BOTH,
    ),
    "kinds": Table(
        (
            Line("test8", TEST8),
            Line("submit-and-wait", WAITING_POLICIES["submit-and-wait"]),
            Line("sorted", SPECS["sorted"]),
            LANES,
        ),
        KINDS,
    ),
    "more-rows": Table(
        (
            Line("test8, 5 chains", TEST8),
            Line("10 chains, 2 h stagger", replace(TEST8, stagger_s=7_200.0), 10),
            Line("lanes, 5 partitions", Way()),
            Line("lanes, 10 partitions", Way(), 10),
        ),
        (
            _big("5M rows, even parents", 5_000_000, "uniform", 115_000),
            _big("5M rows, skewed parents", 5_000_000, "zipf:1.0", 500_000),
        ),
    ),
}


@dataclass(frozen=True)
class Task:
    """All lines of a table on one set of rows."""

    table: str
    setting: Setting
    seed: int


def play(task: Task) -> list[SimulatedRun]:
    """Simulate the lines of a task, in order."""
    setting = task.setting
    if setting.skew == NO_PARENT:
        parents = array("i", [-1]) * setting.rows
    else:
        parents = parents_of(setting.rows, setting.accounts, setting.skew, task.seed)
    return [
        simulated(
            line.name,
            policy_of(line.spec),
            parents=parents,
            scene=Scene(setting.skew, setting.background, line.partitions, task.seed),
        )
        for line in TABLES[task.table].lines
    ]


def played(progress: Console) -> dict[Task, list[SimulatedRun]]:
    """Simulate everything on two processors; the long ones first."""
    tasks = [
        Task(name, setting, seed)
        for name, table in TABLES.items()
        for setting in table.settings
        for seed in range(SEEDS)
    ]
    tasks.sort(key=lambda task: -task.setting.rows)
    done: dict[Task, list[SimulatedRun]] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for task, runs in zip(tasks, pool.map(play, tasks), strict=True):
            done[task] = runs
            progress.print(f"{len(done)} of {len(tasks)}: {task.table}, {task.setting.name}")
    return done


def rendered(name: str, done: dict[Task, list[SimulatedRun]]) -> str:
    """Return a table in Markdown, one part for each setting."""
    table = TABLES[name]
    parts: list[str] = []
    for setting in table.settings:
        by_seed = [done[Task(name, setting, seed)] for seed in range(SEEDS)]
        title = (
            f"**{setting.name}** ({_described(setting)}; bound {by_seed[0][0].bound_hours:.2f} h)"
        )
        head = "| policy | first pass % | landed % | hours | x bound | requests | jobs |"
        rows = (_row(line, [runs[n] for runs in by_seed]) for n, line in enumerate(table.lines))
        parts.append("\n".join([title, "", head, "|---|" + "---:|" * 6, *rows]))
    return "\n\n".join(parts)


def _described(setting: Setting) -> str:
    parents = (
        "no parents"
        if setting.skew == NO_PARENT
        else f"{setting.accounts:,} parents, {setting.skew}"
    )
    return f"{setting.rows:,} rows, {parents}, background {setting.background}"


def _row(line: Line, runs: Sequence[SimulatedRun]) -> str:
    cells = (
        _share([run.first_pass_pct for run in runs]),
        _share([run.final_pct for run in runs]),
        f"{_mean([run.hours for run in runs]):.2f}",
        f"{_mean([run.times_bound for run in runs]):.2f}",
        f"{_mean([run.requests for run in runs]):,.0f}",
        f"{_mean([run.jobs for run in runs]):,.0f}",
    )
    return f"| {line.name} | " + " | ".join(cells) + " |"


def _share(shares: Sequence[float]) -> str:
    """Write a mean, with its range when the seeds differ visibly."""
    spread = f" ({min(shares):.1f}-{max(shares):.1f})" if max(shares) - min(shares) >= 1 else ""
    return f"{_mean(shares):.2f}{spread}"


def _mean(figures: Sequence[float]) -> float:
    return sum(figures) / len(figures)


def document(done: dict[Task, list[SimulatedRun]]) -> str:
    """Return the whole document."""

    def parts() -> Iterator[str]:
        yield INTRO.strip()
        for section in SECTIONS_TEXT:
            yield f"## {section.title}"
            yield f"*The earlier system:* {section.asked}"
            yield rendered(section.table, done)
            yield f"**With dc_assets:** {section.answer}"

    return "\n\n".join(parts()) + "\n"


@click.command()
@click.option("--write", is_flag=True, help="Write docs/tuning.md instead of printing it.")
def main(*, write: bool) -> None:
    """Compute every table of docs/tuning.md; some minutes on two processors."""
    text = document(played(Console(stderr=True, highlight=False)))
    if write:
        DOCUMENT.write_text(text, encoding="utf-8")
    else:
        click.echo(text)


if __name__ == "__main__":
    main()
