"""Dagster's services as processes of a test, forked from a warm one where that makes no difference.

Webserver and daemon of a test share a code server, as `docs/deploy.md` has it. A test that reloads
specs, or looks at what Dagster itself starts, lets each of the two begin its own.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.stage import (
    Process,
    Stage,
    alive_with,
    running,
    running_warm,
    wait_until,
)
from dc_assets_tests.warm import programs

PYTHON = Path(sys.executable)
UP_WITHIN_S = 240.0
OF_AN_ENTRY = {
    "module_name": "-m",
    "relative_path": "-f",
    "attribute": "-a",
    "location_name": "--location-name",
}
"""What a line of a workspace.yaml is called at a code server's start."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_webserver(
    stage: Stage, home: Path, *, python: Path | None = None, shares_code: bool = True
) -> Generator[Webserver]:
    """Run a Dagster webserver on a home, and give a client of it.

    With a Python of somebody's own all is started by that, and nothing is shared.
    """
    if python is None and shares_code:
        with _code_server(stage, home), _webserver(stage, home, python) as webserver:
            yield webserver
    else:
        with _webserver(stage, home, python) as webserver:
            yield webserver


@contextmanager
def _webserver(stage: Stage, home: Path, python: Path | None) -> Generator[Webserver]:
    port = free_port()
    log = stage.folder / "webserver.log"
    words = ["dc_assets.demo.guarded_webserver", "-p", str(port), "-w", str(workspace_of(home))]
    with _service(stage, home, words, log=log, python=python) as process:
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
def running_daemon(stage: Stage, home: Path, *, python: Path | None = None) -> Generator[None]:
    """Run the Dagster daemon on a home; it uses the code server of a webserver that shares one."""
    words = ["dagster._daemon", "run", "-w", str(workspace_of(home))]
    with _service(stage, home, words, log=stage.folder / "daemon.log", python=python):
        yield


def workspace_of(home: Path) -> Path:
    """Return the workspace file that services read now."""
    shared = _shared_workspace(home)
    return shared if shared.exists() else home / "workspace.yaml"


def pids_of(home: Path, command: str = "") -> list[int]:
    """Return the living processes of the Dagster of a home whose command holds a text.

    Forked services have it as their folder, and what they start has it in its environment.
    """
    return alive_with(str(home), command=command)


def _shared_workspace(home: Path) -> Path:
    return home / "shared_code.yaml"


@contextmanager
def _code_server(stage: Stage, home: Path) -> Generator[None]:
    """Run a code server of what the workspace of a home names, for all that start meanwhile.

    Each has a socket of its own: nobody takes it for one that was killed before.
    """
    content = yaml.safe_load((home / "workspace.yaml").read_text(encoding="utf-8"))
    [[entry]] = [one.values() for one in content["load_from"]]
    place = stage.folder / f"{uuid4().hex[:8]}.sock"
    words = ["dagster", "api", "grpc", "-s", str(place), *_named(entry, home)]
    server = {"socket": str(place), "location_name": entry["location_name"]}
    shared = _shared_workspace(home)
    shared.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    try:
        with _service(stage, home, words, log=stage.folder / "code_server.log"):
            yield
    finally:
        shared.unlink()


def _named(entry: Mapping[str, Any], home: Path) -> Generator[str]:
    for name, value in entry.items():
        yield OF_AN_ENTRY[name]
        yield str(home / value) if name == "relative_path" else value


def _service(
    stage: Stage, home: Path, words: list[str], *, log: Path, python: Path | None = None
) -> AbstractContextManager[Process]:
    """Run a module with arguments on a home, in its folder."""
    environment = {**stage.environment, "DAGSTER_HOME": str(home)}
    if python is not None or programs.is_read_at_a_start(environment):
        return running([str(python or PYTHON), "-m", *words], environment, log=log)
    return running_warm(programs.dagster(), words, environment, log=log, folder=home)
