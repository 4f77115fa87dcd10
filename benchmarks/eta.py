"""Compares the time left that `dc-assets status --watch` shows with the time that a load then took.

    python -m benchmarks.eta

Each load runs by `dc-assets run --local` in an emulated org at twenty times its pace, one partition
after another; meanwhile the ledger is looked at with the code of the display. At that pace the CPU
is part of what is measured: the last line of each table says whether it was even. Nothing can
foretell that a machine becomes busy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.tables import range_state
from dc_assets.views.progress import LedgerProgress
from dc_assets_tests.acceptance.fleet import FleetCase, staged
from dc_assets_tests.acceptance.stage import PROGRAM, Stage, running, short_folder

SKEWS = ("zipf:1.0", "uniform")
TIME_SCALE = 20.0
LOOK_EVERY_S = 0.25
BARS = {0.10: 0.25, 0.30: 0.15, 0.50: None, 0.80: None}
"""Share of the rows that is done, and how far off the time left may be then, as a share of it."""


@dataclass(frozen=True)
class Look:
    """What the display showed at one moment; seconds on the wall."""

    at: float
    done: int
    left_s: float | None


@dataclass(frozen=True)
class Mark:
    """The first look at which a share of the rows was done; seconds of the org."""

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
        """Return how far off the time left was on the way."""
        begun_at = self.looks[0].at
        marks: list[Mark] = []
        for share in BARS:
            look = next(one for one in self.looks if one.done >= share * rows)
            assert look.left_s is not None, f"nothing was told at {share:.0%}"
            on_wall = (look.left_s, self.ended_at - look.at, self.ended_at - begun_at)
            marks.append(Mark(share, look.done / rows, *(TIME_SCALE * s for s in on_wall)))
        return marks

    def evenness(self) -> str:
        """Say what each partition took, in seconds of the org."""
        took = ", ".join(f"{TIME_SCALE * s:.0f}" for s in self.partitions_s)
        return f"the partitions took {took} s"


def watched(skew: str, *, rows: int, parents: int) -> Watched:
    """Run a load to its end and look at it."""
    case = FleetCase(rows, parents, skew, time_scale=TIME_SCALE)
    with short_folder() as folder, staged(folder, case) as stage:
        database = Database(f"sqlite:///{stage.folder / 'data' / 'ledger.db'}")
        looks = _looks(stage, LedgerProgress(database, "opportunities"))
        with database.begin() as connection:
            ranges = connection.execute(
                sa.select(range_state).order_by(range_state.c.started_at)
            ).all()
        database.close()
    took = [row.finished_at - row.started_at for row in ranges]
    return Watched(looks, ranges[-1].finished_at, took)


def _looks(stage: Stage, progress: LedgerProgress) -> list[Look]:
    """Look at a load as long as its process lives."""
    clock = SystemClock()
    looks: list[Look] = []
    command = [str(PROGRAM), "run", "opportunities", "--local"]
    log = stage.folder / "run.log"
    with running(command, stage.environment, log=log) as process:
        while process.poll() is None:
            clock.sleep(LOOK_EVERY_S)
            seen = progress.look(stage.keys, were_launched=True)
            if seen.load_id is not None:
                left_s = seen.time_left.seconds if seen.time_left else None
                looks.append(Look(seen.at, seen.whole.done, left_s))
        assert process.returncode == 0, log.read_text(encoding="utf-8")[-3000:]
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


def faults_of(skew: str, marks: Sequence[Mark]) -> Iterator[str]:
    """Yield the bars that were missed."""
    for mark in marks:
        bar = BARS[mark.share]
        if bar is not None and abs(mark.error) > bar:
            yield f"{skew}: {mark.error:+.1%} after {mark.share:.0%}, the bar is {bar:.0%}"


@click.command()
@click.option("--rows", default=200_000, show_default=True, type=click.IntRange(1_000))
@click.option("--parents", default=20_000, show_default=True, type=click.IntRange(1))
@click.option("--skew", "skews", multiple=True, default=SKEWS, show_default=True)
def main(*, rows: int, parents: int, skews: Sequence[str]) -> None:
    """Compare the time left with loads; exit 1 when a bar is missed."""
    console = Console(width=110)
    faults: list[str] = []
    for skew in skews:
        seen = watched(skew, rows=rows, parents=parents)
        marks = seen.marks(rows)
        console.print(table_of(skew, marks))
        console.print(f" {seen.evenness()}", highlight=False)
        faults += faults_of(skew, marks)
    for fault in faults:
        console.print(f"MISSED: {fault}", style="red", highlight=False)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
