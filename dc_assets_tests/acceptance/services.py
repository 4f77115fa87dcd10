"""Dagster's services as child processes of a test."""

from __future__ import annotations

import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.stage import Stage, running, wait_until

PYTHON = Path(sys.executable)
UP_WITHIN_S = 240.0


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_webserver(stage: Stage, home: Path, *, python: Path = PYTHON) -> Generator[Webserver]:
    """Run a Dagster webserver on a home, and give a client of it."""
    port = free_port()
    command = [str(python), "-m", "dc_assets.demo.guarded_webserver", "-p", str(port)]
    command += ["-w", str(home / "workspace.yaml")]
    environment = {**stage.environment, "DAGSTER_HOME": str(home)}
    log = stage.folder / "webserver.log"
    with running(command, environment, log=log) as process:
        webserver = Webserver(f"http://127.0.0.1:{port}")
        wait_until(
            lambda: webserver.is_up() or process.poll() is not None,
            "the webserver is up",
            within_s=UP_WITHIN_S,
        )
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        try:
            yield webserver
        finally:
            webserver._client.close()  # pyright: ignore[reportPrivateUsage] - it has no close


@contextmanager
def running_daemon(stage: Stage, home: Path, *, python: Path = PYTHON) -> Generator[None]:
    """Run the Dagster daemon on a home."""
    command = [str(python), "-m", "dagster._daemon", "run"]
    command += ["-w", str(home / "workspace.yaml")]
    environment = {**stage.environment, "DAGSTER_HOME": str(home)}
    with running(command, environment, log=stage.folder / "daemon.log"):
        yield
