"""What a whole load costs as it grows, by the role of each process: `python -m benchmarks.growth`.

The demo is run as people run it: emulated org, Dagster's webserver and daemon, a backfill of all
partitions with all checks. The tree of its processes is looked at five times a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.demo import watched
from benchmarks.figures import Bar, Figure, Study, save

WITHIN = 1.15
WORKER_MB_MAX = 500


@dataclass(frozen=True)
class Grown:
    """What one load took.

    Attributes:
        ledger_bytes: of the ledger's file, receipts apart.
        storage_bytes: of Dagster's own home.
        proof: the last lines that the demo printed.
    """

    rows: int
    partitions: int
    wall_s: float
    cpu_s: Mapping[str, float]
    worker_mb: float
    ledger_bytes: int
    receipt_bytes: int
    storage_bytes: int
    proof: str


def grow(rows: int, partitions: int) -> Grown:
    """Run the demo once with so many rows.

    Raises:
        RuntimeError: it ended before the load was proved; its last lines are told.
    """
    with watched("--keep", "--rows", str(rows), "--partitions", str(partitions)) as demo:
        wall_s = demo.watch("Still up")
        if "proved" not in demo.told or "unfinished" in demo.told:
            raise RuntimeError(demo.told[-2000:])
        ledger = next(demo.folder.glob("*/data/ledger.db"))
        receipt_bytes, ledger_bytes = _book_bytes(ledger)
        return Grown(
            rows,
            partitions,
            wall_s,
            demo.tree.cpu_s(),
            demo.tree.peak_mb("run workers"),
            ledger_bytes,
            receipt_bytes,
            _size_bytes(ledger.parent.parent / "dagster"),
            demo.told,
        )


def _book_bytes(ledger: Path) -> tuple[int, int]:
    """Return the bytes of a ledger's receipts, and of all else in its file."""
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as book:
        (receipts,) = book.execute(
            "SELECT coalesce(sum(length(content)), 0) FROM receipt"
        ).fetchone()
        (pages,), (page,) = (
            book.execute(f"PRAGMA {n}").fetchone() for n in ("page_count", "page_size")
        )
    return receipts, pages * page - receipts


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def study(grown: Sequence[Grown]) -> Study:
    """Return the figures: CPU seconds of each million rows, by role."""
    first, last = grown[-2], grown[-1]
    sizes = " ".join(f"--rows {one.rows}" for one in grown)
    figures = [
        Figure(f"{one.rows:,} rows, {role}", [seconds / one.rows * 1e6])
        for one in grown
        for role, seconds in one.cpu_s.items()
        if seconds
    ]
    each = [one.cpu_s["run workers"] / one.rows * 1e6 for one in (first, last)]
    small, large = (one.ledger_bytes / one.rows * 1000 for one in (first, last))
    return Study(
        name="growth",
        title="Growth",
        unit="CPU seconds for a million rows",
        command=f"python -m benchmarks.growth {sizes} --partitions {last.partitions} --keep",
        figures=figures,
        bars=[
            Bar(
                f"run workers, CPU for a million rows: {last.rows:,} within 15 % of {first.rows:,}",
                f"{each[1]:.1f} and {each[0]:.1f} s",
                each[1] <= each[0] * WITHIN,
            ),
            Bar(
                f"each run worker at most {WORKER_MB_MAX} MB",
                f"{max(one.worker_mb for one in grown):.0f} MB",
                max(one.worker_mb for one in grown) <= WORKER_MB_MAX,
            ),
            Bar(
                "ledger, receipts apart, flat",
                f"{small:,.0f} and {large:,.0f} bytes for a thousand rows",
                large <= small * WITHIN,
            ),
            Bar(
                "Dagster's storage flat for each partition",
                f"{first.storage_bytes / first.partitions:,.0f} and "
                f"{last.storage_bytes / last.partitions:,.0f} bytes",
                last.storage_bytes / last.partitions
                <= first.storage_bytes / first.partitions * WITHIN,
            ),
        ],
        notes=[
            f"{one.rows:,} rows in {one.partitions} partitions: {one.wall_s:,.0f} s, worker "
            f"at most {one.worker_mb:.0f} MB, ledger {one.ledger_bytes:,} bytes and "
            f"{one.receipt_bytes / one.rows:.1f} bytes of receipts a row, Dagster's home "
            f"{one.storage_bytes:,} bytes."
            for one in grown
        ],
        packages=("dagster", "polars"),
    )


@click.command()
@click.option("--rows", type=int, multiple=True, default=(200_000, 2_000_000, 20_000_000))
@click.option("--partitions", type=int, default=20, show_default=True)
@click.option("--keep", is_flag=True, help="For docs/performance.md.")
def main(*, rows: Sequence[int], partitions: int, keep: bool) -> None:
    """Run the demo once for each number of rows."""
    grown: list[Grown] = []
    for count in rows:
        grown.append(grow(count, partitions))
        one = grown[-1]
        print(f"{count:,} rows: {one.wall_s:.0f} s, {one.worker_mb:.0f} MB")  # noqa: T201
        print({role: round(seconds, 1) for role, seconds in one.cpu_s.items()})  # noqa: T201
        print(one.proof[-1500:])  # noqa: T201
        print(f"ledger {one.ledger_bytes:,}, receipts {one.receipt_bytes:,}, {one.storage_bytes:,}")  # noqa: T201
    if keep and len(grown) > 1:
        save(study(grown))


if __name__ == "__main__":
    main()
