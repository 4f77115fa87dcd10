"""What a whole load costs as it grows, by the role of each process: `python -m benchmarks.growth`.

The demo is run as people run it: emulated org, Dagster's webserver and daemon, a backfill of all
partitions with all checks. The tree of its processes is looked at five times a second.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.figures import Bar, Figure, Study, save

PROGRAM = str(Path(sys.executable).with_name("dc-assets"))
LOOK_EVERY_S = 0.2
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
ROLES: Sequence[tuple[str, str]] = (
    ("emulated org", "dc_assets.emulator"),
    ("webserver", "guarded_webserver"),
    ("daemon", "dagster._daemon"),
    ("run workers", "execute_run"),
    ("run workers", "execute_step"),
    ("run workers", "multiprocessing.spawn"),
    ("code servers", "grpc"),
    ("command", "dc_assets.demo demo"),
)
"""Each role, and what its command line holds; the first that fits is taken."""

OURS = ("run workers",)
WITHIN = 1.15
WORKER_MB_MAX = 500


@dataclass
class Seen:
    """One process as it was last seen."""

    role: str
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass
class Tree:
    """All processes that ever descended from one."""

    root: int
    seen: dict[int, Seen] = field(default_factory=dict)

    def look(self) -> None:
        """Note what each living process has taken so far."""
        parents = {pid: stat[1] for pid in _pids() if (stat := _stat(pid))}
        for pid in parents:
            if pid in self.seen or self._descends(pid, parents):
                self._note(pid)

    def _descends(self, pid: int, parents: Mapping[int, int]) -> bool:
        while pid > 1:
            if pid == self.root or pid in self.seen:
                return True
            pid = parents.get(pid, 0)
        return False

    def _note(self, pid: int) -> None:
        stat, line = _stat(pid), _read(pid, "cmdline").replace("\0", " ")
        if not stat or not line:
            return
        role = next((name for name, text in ROLES if text in line), "other")
        peak = re.search(r"VmHWM:\s+(\d+)", _read(pid, "status"))
        known = self.seen.setdefault(pid, Seen(role))
        known.role, known.cpu_s = role, stat[0]
        known.peak_mb = max(known.peak_mb, int(peak[1]) / 1024 if peak else 0.0)

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds of each role."""
        total = {role: 0.0 for role, _ in ROLES} | {"other": 0.0}
        for one in self.seen.values():
            total[one.role] += one.cpu_s
        return total

    def peak_mb(self, role: str) -> float:
        """Return the most memory that one process of a role ever held."""
        return max((one.peak_mb for one in self.seen.values() if one.role == role), default=0.0)


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
    with TemporaryDirectory(prefix="g", dir=os.environ.get("TMPDIR", "/tmp")) as name:  # noqa: S108
        folder, started_s = Path(name), time.monotonic()
        command = [PROGRAM, "demo", "--keep", "--rows", str(rows), "--partitions", str(partitions)]
        with (folder / "log").open("w") as sink:
            demo = subprocess.Popen(  # noqa: S603 - our own
                command, stdout=sink, stderr=sink, env={**os.environ, "TMPDIR": name}
            )
        tree = Tree(demo.pid)
        try:
            while "Still up" not in (told := (folder / "log").read_text("utf-8")):
                tree.look()
                if demo.poll() is not None:
                    raise RuntimeError(told[-2000:])
                time.sleep(LOOK_EVERY_S)
            wall_s = time.monotonic() - started_s
            return _grown(rows, partitions, wall_s, tree, folder, told)
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)


def _grown(  # noqa: PLR0917 - what was measured
    rows: int, partitions: int, wall_s: float, tree: Tree, folder: Path, told: str
) -> Grown:
    ledger = next(folder.glob("*/data/ledger.db"))
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as book:
        (receipts,) = book.execute(
            "SELECT coalesce(sum(length(content)), 0) FROM receipt"
        ).fetchone()
        (pages,), (page,) = (
            book.execute(f"PRAGMA {n}").fetchone() for n in ("page_count", "page_size")
        )
    return Grown(
        rows,
        partitions,
        wall_s,
        tree.cpu_s(),
        tree.peak_mb("run workers"),
        pages * page - receipts,
        receipts,
        _size_bytes(ledger.parent.parent / "dagster"),
        told,
    )


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat(pid: int) -> tuple[float, int] | None:
    """Return the CPU seconds of a process and its parent; none when it is gone."""
    text = _read(pid, "stat")
    if not text:
        return None
    rest = text.rpartition(")")[2].split()
    return (int(rest[11]) + int(rest[12])) / TICKS_A_SECOND, int(rest[1])


def study(grown: Sequence[Grown]) -> Study:
    """Return the figures: CPU seconds of each million rows, by role."""
    first, last = grown[-2], grown[-1]
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
        command="python -m benchmarks.growth",
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
@click.option("--keep-figures", is_flag=True, help="For docs/performance.md.")
def main(*, rows: Sequence[int], partitions: int, keep_figures: bool) -> None:
    """Run the demo once for each number of rows."""
    grown: list[Grown] = []
    for count in rows:
        grown.append(grow(count, partitions))
        one = grown[-1]
        print(f"{count:,} rows: {one.wall_s:.0f} s, {one.worker_mb:.0f} MB")  # noqa: T201
        print({role: round(seconds, 1) for role, seconds in one.cpu_s.items()})  # noqa: T201
        print(one.proof[-1500:])  # noqa: T201
        print(f"ledger {one.ledger_bytes:,}, receipts {one.receipt_bytes:,}, {one.storage_bytes:,}")  # noqa: T201
    if keep_figures and len(grown) > 1:
        save(study(grown))


if __name__ == "__main__":
    main()
