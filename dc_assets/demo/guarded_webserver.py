"""`python -m dc_assets.demo.guarded_webserver`: Dagster's webserver behind the guard."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import uvicorn
from dagster import DagsterInstance
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import CodeLocationOrigin, GrpcServerCodeLocationOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.version import __version__
from dagster_webserver.webserver import DagsterWebserver

from dc_assets.demo.guard import Guard
from dc_assets.ledger.clock import SystemClock

LOOPBACK = "127.0.0.1"
STATEMENT_TIMEOUT_MS = 15_000  # these four are the defaults of dagster-webserver
POOL_RECYCLE_S = 3600
POOL_OVERFLOW_MAX = 20
POLL_EVERY_MS = 2000
CODE_WITHIN_S = 60.0
LOOK_EVERY_S = 0.05


def serve(workspace: Path, port: int) -> None:
    """Serve the UI of DAGSTER_HOME on a port of 127.0.0.1 until a signal ends it."""
    target = WorkspaceFileTarget(paths=[str(workspace)])
    _wait_for_code_servers(target.create_origins())  # first: they may be making Dagster's tables
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(STATEMENT_TIMEOUT_MS, POOL_RECYCLE_S, POOL_OVERFLOW_MAX)
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            app = DagsterWebserver(context, live_data_poll_rate=POLL_EVERY_MS).create_asgi_app()
            hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
            uvicorn.run(Guard(app, hosts), host=LOOPBACK, port=port, log_level="warning")


def _wait_for_code_servers(origins: Iterable[CodeLocationOrigin]) -> None:
    """Wait for code servers that were begun with this one.

    Dagster would take one that is not there yet for broken, and look again after ten seconds. On a
    new home each of them makes the tables of SQLite before it answers, and two processes that do so
    at once leave tables that no later one can read.

    Raises:
        SystemExit: one did not answer in time; who is waiting for this program shows the reason.
    """
    clock = SystemClock()
    deadline_s = clock.now_s() + CODE_WITHIN_S
    for origin in origins:
        if isinstance(origin, GrpcServerCodeLocationOrigin):
            while not _answers(origin):
                if clock.now_s() > deadline_s:
                    raise SystemExit("The code server does not answer.")
                clock.sleep(LOOK_EVERY_S)


def _answers(origin: GrpcServerCodeLocationOrigin) -> bool:
    try:
        origin.create_client().ping("")
    except DagsterUserCodeUnreachableError:
        return False
    return True


def main() -> None:
    """Read the two options of dagster-webserver that the demo needs."""
    parser = argparse.ArgumentParser(prog="python -m dc_assets.demo.guarded_webserver")
    parser.add_argument("-p", "--port", type=int, required=True)
    parser.add_argument("-w", "--workspace", type=Path, required=True)
    options = parser.parse_args()
    serve(options.workspace, options.port)


if __name__ == "__main__":
    main()
