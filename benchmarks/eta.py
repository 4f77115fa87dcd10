"""Compares the time left that is shown for a load with the time that the load then took.

    python -m benchmarks.eta --runs 3
    python -m benchmarks.eta --runs 3 --parallel

The time left is rows left by the rows a second of the last five minutes; each look is taken with
the code of `dc-assets status --watch`. Each load runs in an emulated org at twenty times its pace:
one partition after another by `dc-assets run --local`, or with `--parallel` one process a
partition, as Dagster's workers do. At that pace the CPU is part of what is measured: the last line
of each table says whether it was even. Nothing can foretell that a machine becomes busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

import click
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import range_state
from dc_assets.views.partitions import LedgerViews
from dc_assets.views.progress import LedgerProgress
from dc_assets_tests.acceptance.fleet import FleetCase, staged
from dc_assets_tests.acceptance.stage import PROGRAM, Stage, running, short_folder

SKEWS = ("zipf:1.0", "uniform")
TIME_SCALE = 20.0
LOOK_EVERY_S = 0.25
SHARES = (0.10, 0.30, 0.50, 0.80)
"""Share of the rows that is done when it is looked."""


@dataclass(frozen=True)
class Look:
    """What the display showed at one moment; seconds on the wall."""

    at: float
    done: int
    left_s: float | None


@dataclass(frozen=True)
class Mark:
    """The first look that told something when a share of the rows was done; seconds of the org."""

    share: float
    done: float
    told_s: float
    really_s: float
    total_s: float

    @property
    def error(self) -> float:
        """How far off, as a share of the time that was really left."""
        return self.told_s / self.really_s - 1

    @property
    def error_of_total(self) -> float:
        """How far off, as a share of the whole load."""
        return (self.told_s - self.really_s) / self.total_s


@dataclass(frozen=True)
class Watched:
    """A load from its first look to its end.

    Attributes:
        partitions_s: what each partition took, on the wall, in their order.
    """

    looks: Sequence[Look]
    ended_at: float
    partitions_s: Sequence[float]

    def marks(self, rows: int) -> list[Mark]:
        """Return how far off the time left was on the way; nothing is told between partitions."""
        begun_at = self.looks[0].at
        marks: list[Mark] = []
        for share in SHARES:
            for look in self.looks:
                if look.left_s is not None and look.done >= share * rows:
                    on_wall = (look.left_s, self.ended_at - look.at, self.ended_at - begun_at)
                    marks.append(Mark(share, look.done / rows, *(TIME_SCALE * s for s in on_wall)))
                    break
        return marks

    def evenness(self) -> str:
        """Say what each partition took, in seconds of the org."""
        took = ", ".join(f"{TIME_SCALE * s:.0f}" for s in self.partitions_s)
        return f"the partitions took {took} s"


def watched(skew: str, *, rows: int, parents: int, is_parallel: bool) -> Watched:
    """Run a load to its end and look at it."""
    case = FleetCase(rows, parents, skew, time_scale=TIME_SCALE)
    with short_folder() as folder, staged(folder, case) as stage:
        database = Database(f"sqlite:///{stage.folder / 'data' / 'ledger.db'}")
        looks = _looks(
            stage, LedgerViews(database, "opportunities").progress, is_parallel=is_parallel
        )
        with database.begin() as connection:
            ranges = connection.execute(
                sa.select(range_state).order_by(range_state.c.started_at)
            ).all()
        database.close()
    took = [row.finished_at - row.started_at for row in ranges]
    return Watched(looks, max(row.finished_at for row in ranges), took)


def _looks(stage: Stage, progress: LedgerProgress, *, is_parallel: bool) -> list[Look]:
    """Look at a load as long as one of its processes lives."""
    clock = SystemClock()
    looks: list[Look] = []
    command = [str(PROGRAM), "run", "opportunities", "--local"]
    commands = [[*command, "--partitions", k] for k in stage.keys] if is_parallel else [command]
    log = stage.folder / "run.log"
    with ExitStack() as stack:
        processes = [
            stack.enter_context(running(one, stage.environment, log=log)) for one in commands
        ]
        while any(process.poll() is None for process in processes):
            clock.sleep(LOOK_EVERY_S)
            seen = progress.look(stage.keys, were_launched=True)
            if seen.load is not None:
                looks.append(Look(seen.load.seen_at, seen.counts.done, seen.seconds_left()))
        codes = [process.returncode for process in processes]
        assert not any(codes), log.read_text(encoding="utf-8")[-3000:]
    return looks


def table_of(skew: str, marks: Sequence[Mark]) -> Table:
    """Return what was told beside what it then took."""
    table = Table("parents", "after", "rows done", box=None)
    for name in ("told", "it took", "off", "of the whole load"):
        table.add_column(name, justify="right")
    for mark in marks:
        table.add_row(
            *(skew, f"{mark.share:.0%}", f"{mark.done:.1%}"),
            *(f"{mark.told_s:.0f} s", f"{mark.really_s:.0f} s"),
            *(f"{mark.error:+.1%}", f"{mark.error_of_total:+.1%}"),
        )
    return table


def errors_of(skew: str, marks: Sequence[Mark]) -> Table:
    """Return how far off it was over all runs, without its sign."""
    table = Table("parents", "after", box=None)
    for name in ("least off", "median", "most"):
        table.add_column(name, justify="right")
    for share in SHARES:
        off = sorted(abs(m.error) for m in marks if m.share == share)
        if not off:
            continue
        shown = (off[0], median(off), off[-1])
        table.add_row(skew, f"{share:.0%}", *(f"{one:.1%}" for one in shown))
    return table


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(1_000))
@click.option("--parents", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--skew", "skews", multiple=True, default=SKEWS, show_default=True)
@click.option("--runs", default=1, show_default=True, type=click.IntRange(1))
@click.option("--parallel", is_flag=True, help="One process a partition, all at once.")
def main(*, rows: int, parents: int, skews: Sequence[str], runs: int, parallel: bool) -> None:
    """Compare the time left with loads."""
    console = Console(width=120)
    for skew in skews:
        told: list[Mark] = []
        for _ in range(runs):
            seen = watched(skew, rows=rows, parents=parents, is_parallel=parallel)
            marks = seen.marks(rows)
            told += marks
            console.print(table_of(skew, marks))
            console.print(f" {seen.evenness()}", highlight=False)
        console.print(errors_of(skew, told))


if __name__ == "__main__":
    main()
