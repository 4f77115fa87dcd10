"""One reading of all target rows, shared by whoever can use it: threads, runs, processes of a host.

A reading serves a question if it began after the question was asked and after the last batch of the
asked rows was settled; the ledger's clock says so of all three. Readings take turns: who comes
while one is under way waits for it and, if it began too early, reads next for all that came
meanwhile. A lock of the system orders them, so a process that dies holds nobody up, and its
unfinished reading is dropped by the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dc_assets.core.errors import ConfigError
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.load.archive import ArrowPages

UNFINISHED = "unfinished-"
IN_USE = "in-use"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A complete reading on disk; ``began_s`` is seconds since 1970 by the ledger's clock."""

    began_s: float
    folder: Path


class WholeTarget:
    """All rows of one target as one spec reads them, on this host.

    ``folder`` is of this target and spec alone. ``now_s`` is the ledger's clock.
    """

    def __init__(self, folder: Path, now_s: Callable[[], float], note: Note) -> None:
        self._folder = folder
        self._now_s = now_s
        self._note = note
        self._used: dict[Path, int] = {}

    def since(self, since_s: float, read: Callable[[ArrowPages], None]) -> ArrowPages:
        """Return a reading that began at or after a moment; ``read`` makes one if there is none.

        It stays until `close`.

        Raises:
            ConfigError: the folder cannot be written.
        """
        with self._turn():
            newest = self._newest()
            if newest is None or newest.began_s < since_s:
                newest = self._make(read)
            self._use(newest.folder)
            return ArrowPages(newest.folder)

    def close(self) -> None:
        """Let go of what was used; readings that nobody uses any more are deleted."""
        if not self._used:
            return
        for file in self._used.values():
            os.close(file)
        self._used.clear()
        with suppress(OSError):  # somebody is reading: who comes last deletes
            turn = self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                self._drop_unused()
            finally:
                os.close(turn)

    @contextmanager
    def _turn(self) -> Generator[None]:
        """Wait for our turn, and tell that we wait."""
        try:
            turn = self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._note(RunEvent("target_reading_waits", {}))
            turn = self._lock(fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(turn)

    def _lock(self, how: int) -> int:
        """Return an open file that holds the lock until it is closed."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(self._folder / "turn", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        try:
            fcntl.flock(file, how)
        except OSError:
            os.close(file)
            raise
        return file

    def _readings(self) -> list[_Reading]:
        """Return the complete readings, oldest first; their folders are named by their begin."""
        found: list[_Reading] = []
        for folder in self._folder.iterdir():
            began, _, _ = folder.name.partition("-")
            with suppress(ValueError):
                found.append(_Reading(float(began), folder))
        return sorted(found, key=lambda one: one.began_s)

    def _newest(self) -> _Reading | None:
        return next(reversed(self._readings()), None)

    def _make(self, read: Callable[[ArrowPages], None]) -> _Reading:
        """Read the target; only a complete reading gets its name."""
        self._drop_unused()
        began_s, unique = self._now_s(), uuid.uuid4().hex[:8]
        unfinished = self._folder / f"{UNFINISHED}{unique}"
        finished = self._folder / f"{began_s:.6f}-{unique}"
        try:
            unfinished.mkdir(mode=0o700)
            (unfinished / IN_USE).touch(mode=0o600)
            read(ArrowPages(unfinished))
            unfinished.rename(finished)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        return _Reading(began_s, finished)

    def _use(self, folder: Path) -> None:
        """Keep a reading from being deleted while this process lives."""
        if folder not in self._used:
            file = os.open(folder / IN_USE, os.O_RDWR | os.O_CLOEXEC)
            fcntl.flock(file, fcntl.LOCK_SH)
            self._used[folder] = file

    def _drop_unused(self) -> None:
        """Delete readings that no process uses, and those that were never finished."""
        for folder in self._folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for reading in self._readings():
            with suppress(OSError):
                file = os.open(reading.folder / IN_USE, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(reading.folder, ignore_errors=True)
                finally:
                    os.close(file)


def _unwritable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"The audit folder {folder} cannot be written: {error}. Make room in DC_ASSETS_DATA and "
        "run the check again."
    )
