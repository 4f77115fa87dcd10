"""A disk that loses what was written to it, one file at a time or all at once."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dc_assets.ledger.spool import DiskSpool
from dc_assets_tests.fakes.crash import CrashPoint


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": _truncate,
    "emptied": _empty,
    "flipped": _flip,
    "deleted": Path.unlink,
}


def spool_files(folder: Path) -> list[Path]:
    """Return the files of a spool, in an order that is the same in every life."""
    return sorted(
        (folder / "spool").rglob("*.parquet"), key=lambda one: (one.parent.name, one.name)
    )


def lose(folder: Path) -> None:
    """Lose the whole spool below a data folder."""
    shutil.rmtree(folder / "spool", ignore_errors=True)


class SimSpool(DiskSpool):
    """A spool that does not wait for the disk: no test of it lasts longer than a power cut."""

    def _flush(self, handle: int) -> None:
        pass


class CutSpool(DiskSpool):
    """A spool on a disk that keeps, over a power cut, what was flushed and nothing else."""

    def __init__(self, root: Path) -> None:
        self._written: set[int] = set()
        self._names: dict[int, set[str]] = {}
        super().__init__(root)

    def _flush(self, handle: int) -> None:
        seen = os.fstat(handle)
        self._written.add(seen.st_ino)
        if stat.S_ISDIR(seen.st_mode):
            self._names[seen.st_ino] = set(os.listdir(handle))

    def cut(self) -> None:
        """Cut the power: forget names that their folder did not keep, and content in memory."""
        folders = [self._root / "spool"]
        while folders:
            folder = folders.pop()
            kept = self._names.get(folder.stat().st_ino, set[str]())
            for entry in folder.iterdir():
                if entry.name not in kept:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
                elif entry.is_dir():
                    folders.append(entry)
                elif entry.stat().st_ino not in self._written:
                    entry.write_bytes(b"")


class DamagingPoint(CrashPoint):
    """Never dies; after one of its calls it damages the disk, while the run goes on."""

    def __init__(self, at: int, damage: Callable[[], None]) -> None:
        super().__init__()
        self._at = at
        self._damage = damage

    def run(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any port's answer
        """Make one call, and damage the disk after the chosen one."""
        with self._lock:
            before = len(self.seen)
            try:
                return super().run(name, call)
            finally:
                if before < self._at == len(self.seen):
                    self._damage()
