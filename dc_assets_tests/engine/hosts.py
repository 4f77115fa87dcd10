"""Dagster on PostgreSQL and Celery, with hosts that carry out its runs and can be lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from subprocess import Popen
from typing import Any

import sqlalchemy as sa

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.services import (
    UP_WITHIN_S,
    free_port,
    running_daemon,
    running_webserver,
)
from dc_assets_tests.acceptance.stage import Stage, alive_with, running, wait_until

CELERY_YAML = Path(__file__).parents[2] / "deploy" / "celery.yaml"
BIN = Path(sys.executable).parent
LEASES = {"DC_ASSETS_LEASE_S": "30", "DC_ASSETS_HEARTBEAT_S": "5"}

OWN_HOST = (
    *("unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *(() if os.geteuid() == 0 else ("--user", "--map-root-user")),
    *("sh", "-c", 'hostname "$HOST_NAME" && exec "$@"', "sh"),
)
"""Begins a command on a host of its own: other host name, other processes. Its end is theirs."""

WORKER = ("worker", "start", "-A", "dagster_celery.app", "-y", str(CELERY_YAML))


@cache
def why_not() -> str:
    """Return what is missing for a broker and hosts, "" if nothing is."""
    if not shutil.which("redis-server"):
        return "redis-server is not installed here"
    if not (BIN / "dagster-celery").exists():
        return "dagster-celery is not installed here"
    tried = [*OWN_HOST, "true"]
    named = {**os.environ, "HOST_NAME": "tried"}
    if not shutil.which("unshare") or subprocess.run(tried, env=named, check=False).returncode:
        return "this machine lets us make no host of its own"
    return ""


@contextmanager
def running_broker(folder: Path) -> Generator[str]:
    """Run a Redis that keeps nothing, and give its URL."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    log = folder / "redis.log"
    with running(command, dict(os.environ), log=log):
        wait_until(lambda: b"Ready to accept" in log.read_bytes(), "the broker is up")
        yield f"redis://127.0.0.1:{port}/0"


def new_database(server: str, name: str) -> str:
    """Make a database on a PostgreSQL server, and return its URL."""
    url = sa.make_url(server).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@dataclass
class Host:
    """A host with a worker of Celery; its data folder is its own."""

    name: str
    folder: Path
    process: Popen[bytes]

    def kill(self) -> None:
        """Kill every process of the host at once."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not alive_with(f"DAGSTER_HOME={self.folder}"), f"{self.name} is dead")


@dataclass
class Engine:
    """A Dagster whose runs go to hosts by a broker.

    Attributes:
        ledger: the ledger's URL.
        services: end with it.
    """

    stage: Stage
    ledger: str
    services: ExitStack

    @property
    def home(self) -> Path:
        """The DAGSTER_HOME of webserver and daemon."""
        return self.stage.folder / "dagster"

    def start_services(self) -> Webserver:
        """Start a webserver and a daemon, which carry out no run."""
        webserver = self.services.enter_context(running_webserver(self.stage, self.home))
        self.services.enter_context(running_daemon(self.stage, self.home))
        return webserver

    def start_host(self, name: str, *, slots: int) -> Host:
        """Start a host, and wait until its worker takes runs."""
        folder = self.stage.folder / name
        folder.mkdir()
        shutil.copy(self.home / "dagster.yaml", folder)
        command = [*OWN_HOST, str(BIN / "dagster-celery"), *WORKER]
        command += ["-q", self.stage.environment["DAGSTER_CELERY_QUEUE"], "-n", "w1"]
        command += ["--", "-c", str(slots)]
        changed = {"HOST_NAME": name, "DAGSTER_HOME": str(folder)}
        changed |= {"DC_ASSETS_DATA": str(folder / "data"), "PATH": f"{BIN}:{os.environ['PATH']}"}
        log = folder / "worker.log"
        process = self.services.enter_context(
            running(command, {**self.stage.environment, **changed}, log=log)
        )
        wait_until(
            lambda: b" ready." in log.read_bytes(), f"{name} takes runs", within_s=UP_WITHIN_S
        )
        return Host(name, folder, process)

    def waiting_in_broker(self) -> int:
        """Count the runs that no worker has taken."""
        redis: Any = import_module("redis")
        with redis.Redis.from_url(self.stage.environment["DAGSTER_CELERY_BROKER_URL"]) as broker:
            return int(broker.llen(self.stage.environment["DAGSTER_CELERY_QUEUE"]))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the ledger; none before it has its tables."""
        engine = sa.create_engine(self.ledger, poolclass=sa.NullPool)
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("batch"):
                return []
            return [tuple(row) for row in connection.exec_driver_sql(query)]


@contextmanager
def engine_on(stage: Stage, postgres: str, broker: str) -> Generator[Engine]:
    """Write a home for Celery, and point a stage at databases and a queue of its own."""
    own = stage.folder.name
    ledger = new_database(postgres, f"ledger-{own}")
    stage.environment |= LEASES | {
        "DAGSTER_PG_URL": new_database(postgres, f"dagster-{own}"),
        "DAGSTER_CELERY_BROKER_URL": broker,
        "DAGSTER_CELERY_BACKEND_URL": broker,
        "DAGSTER_CELERY_QUEUE": own,
        "DC_ASSETS_LEDGER_URL": ledger,
    }
    with ExitStack() as services:
        engine = Engine(stage, ledger, services)
        options = ("--postgres", "env:DAGSTER_PG_URL", "--launcher", "celery")
        done = stage.run("home", str(engine.home), *options, within_s=UP_WITHIN_S)
        assert (done.code, done.err) == (0, "")
        yield engine
