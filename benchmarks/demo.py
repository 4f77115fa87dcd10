"""Measures the demo as people run it: `python -m benchmarks.demo --help`.

The tree of its processes is looked at five times a second. An older checkout runs in turns with
this one, by the same packages.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks.figures import Bar, Figure, Study, save, table

HERE = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-c", "from dc_assets.cli.main import main; main()", "demo")
CPU_SHARE_MAX = 0.7
MOMENTS = {
    "the address of the UI": re.compile(r"^Dagster UI +http", re.MULTILINE),
    "the first row": re.compile(r"^[1-9][0-9,]* of [0-9,]+ rows", re.MULTILINE),
}
"""What the demo prints when it has come so far."""
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


@dataclass
class Watched:
    """A demo that runs, or has ended.

    Attributes:
        folder: all that it writes lies below it.
        reached_s: when it printed each of `MOMENTS`, in seconds from its start.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    tree: Tree
    reached_s: dict[str, float] = field(default_factory=dict[str, float])
    told: str = ""
    _began_s: float = field(default_factory=time.monotonic)

    def watch(self, until: str | None = None) -> float:
        """Look at it until it has printed a text, or ended; return the seconds from its start.

        Raises:
            RuntimeError: it ended before, or badly; its last lines are told.
        """
        while True:
            has_ended = self.process.poll() is not None
            self.tree.look()
            self.told = (self.folder / "log").read_text("utf-8")
            now_s = time.monotonic() - self._began_s
            for what, printed in MOMENTS.items():
                if what not in self.reached_s and printed.search(self.told):
                    self.reached_s[what] = now_s
            if until is not None and until in self.told:
                return now_s
            if has_ended:
                if until is not None or self.process.returncode:
                    raise RuntimeError(self.told[-2000:])
                return now_s
            time.sleep(LOOK_EVERY_S)


@contextmanager
def watched(*options: str, checkout: Path = HERE) -> Generator[Watched]:
    """Start the demo of a checkout; end it at the end of the block."""
    with TemporaryDirectory(prefix="g", dir=os.environ.get("TMPDIR", "/tmp")) as name:  # noqa: S108
        folder = Path(name)
        env = {**os.environ, "TMPDIR": name, "PYTHONPATH": str(checkout)}
        with (folder / "log").open("w") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own
                [*PROGRAM, *options], stdout=sink, stderr=sink, env=env, cwd=folder
            )
        try:
            yield Watched(folder, process, Tree(process.pid))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


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


def once(checkout: Path, rows: int) -> tuple[float, Mapping[str, float]]:
    """Run the demo to its end; return its CPU seconds, and when it reached each moment."""
    with watched("--rows", str(rows), checkout=checkout) as demo:
        demo.watch()
        return sum(demo.tree.cpu_s().values()), demo.reached_s


def studies(
    found: Mapping[str, Sequence[tuple[float, Mapping[str, float]]]], rows: int, command: str
) -> list[Study]:
    """Return the CPU of each side, and what people wait for."""
    cpu = [Figure(side, [cpu_s for cpu_s, _ in runs]) for side, runs in found.items()]
    waits = [
        Figure(f"{side}: {what}", [reached_s[what] for _, reached_s in runs])
        for side, runs in found.items()
        for what in MOMENTS
    ]
    share = cpu[-1].middle / cpu[0].middle
    promise = f"CPU at most {CPU_SHARE_MAX} x that of {cpu[0].side}"
    held = [Bar(promise, f"{share:.2f} x", share <= CPU_SHARE_MAX)] if len(cpu) > 1 else []
    all_of_it = "CPU seconds of all processes: emulated org, Dagster's services, run workers"
    return [
        Study("demo", f"The demo with {rows:,} rows", all_of_it, command, cpu, held),
        Study(
            "demo",
            "What people wait for in the demo",
            "seconds of wall clock",
            command,
            waits,
            packages=("dagster",),
        ),
    ]


@click.command()
@click.option("--rows", default=20_000, show_default=True, type=click.IntRange(1_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--beside", type=click.Path(exists=True, path_type=Path), help="An older checkout.")
@click.option("--keep", is_flag=True, help="Keep the figures for docs/performance.md.")
def main(*, rows: int, rounds: int, beside: Path | None, keep: bool) -> None:
    """Run the demo, in turns with that of an older checkout."""
    sides = ({beside.name: beside} if beside else {}) | {"dc_assets": HERE}
    found: dict[str, list[tuple[float, Mapping[str, float]]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, checkout in sides.items():
            found[side].append(once(checkout, rows))
            print(side, found[side][-1])  # noqa: T201
    command = f"python -m benchmarks.demo --rows {rows} --rounds {rounds}"
    every = studies(found, rows, command + (f" --beside {beside.name}" if beside else ""))
    for study in every:
        print(table(study))  # noqa: T201
    if keep:
        save(*every)


if __name__ == "__main__":
    main()
