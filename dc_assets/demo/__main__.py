"""Runs the demo: seeds an org, loads it through Dagster, proves it, and cleans up."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from dc_assets.cli.backfill import follow_backfill
from dc_assets.cli.console import Console
from dc_assets.cli.errors import Commands
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.core.exit_codes import ExitCode
from dc_assets.demo.services import refuse_taken_port
from dc_assets.demo.world import (
    LOAD,
    Pace,
    Seeding,
    enter_environment,
    product_environment,
    start_daemon,
    start_emulator,
    start_webserver,
    write_spec,
)
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.views import LedgerViews
from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.webserver import Webserver
from dc_assets.orchestration.wiring import ledger_url

DEV_FOLDER = Path.home() / ".dc_assets" / "dev"
DEV_PORT = 3000


@click.command()
@click.option("--rows", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--accounts", type=click.IntRange(1), help="Parents; a tenth of the rows if unset.")
@click.option(
    "--skew",
    default="zipf:1.0",
    show_default=True,
    help="How rows fall on parents: uniform, zipf:1.0, or hot:0.05 (one parent has that share).",
)
@click.option("--partitions", type=click.IntRange(1, 99), default=5, show_default=True)
@click.option("--bad-rows", type=click.IntRange(0), default=0, help="Rows the org will refuse.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all random choices.")
@click.option(
    "--org",
    type=click.Choice(["instant", "seed-org"]),
    default="instant",
    show_default=True,
    help="Whether ingest jobs take no time, or that of an org with workers and row locks.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(0, 10_000, min_open=True),
    default=1.0,
    show_default=True,
    help="Seconds of the org in one second of the wall.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the UI; a free one if unset.")
@click.option("--keep", is_flag=True, help="Stay up afterwards, to look around in the UI.")
@click.option("--dev", is_flag=True, hidden=True)
def demo(
    *,
    rows: int,
    accounts: int | None,
    skew: str,
    partitions: int,
    bad_rows: int,
    seed: int,
    org: str,
    time_scale: float,
    port: int | None,
    keep: bool,
    dev: bool,
) -> int:
    """Load an emulated org through a private Dagster, and print the proof.

    Starts an emulated Salesforce org with a Data Cloud tenant, and a Dagster webserver and daemon
    on a fresh home; launches a backfill of all partitions of opportunities_in_core; compares both
    sides; stops everything and leaves nothing behind. Nothing leaves 127.0.0.1.
    """
    seeding = Seeding(rows, accounts or max(1, rows // 10), skew, seed, bad_rows)
    console = Console()
    if port is not None or dev:
        port = port or DEV_PORT
        refuse_taken_port(port)
    with ExitStack() as services:
        folder = DEV_FOLDER if dev else services.enter_context(_fresh_folder())
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        world = (seeding, Pace(org, time_scale))
        webserver = _start(services, console, folder, world, (partitions, port))
        if dev:
            start_daemon(services, folder)
            console.print("Ctrl-C stops both; the next `dc-assets dev` goes on with this state.")
            _until_interrupted()
        code = _load_and_prove(services, webserver, folder, console)
        if keep:
            console.print("\nStill up: look around in the UI. Ctrl-C stops everything.")
            _until_interrupted()
        return code


def _start(
    services: ExitStack,
    console: Console,
    folder: Path,
    world: tuple[Seeding, Pace],
    cut: tuple[int, int | None],
) -> Webserver:
    partitions, port = cut
    seeding, pace = world
    console.print(
        f"Seeding an emulated org: {seeding.rows:,} rows, {seeding.accounts:,} parents, "
        f"{seeding.skew}",
    )
    emulator = start_emulator(services, folder, seeding, pace)
    enter_environment(product_environment(folder, emulator, pace))
    write_spec(folder, emulator, partitions)
    console.print(f"Emulated org   {emulator['base_url']}")
    console.print(f"Data Cloud     {emulator['tenant_url']}")
    webserver = start_webserver(services, folder, port)
    console.print(f"Dagster UI     {webserver.url}")
    return webserver


def _load_and_prove(
    services: ExitStack, webserver: Webserver, folder: Path, console: Console
) -> ExitCode:
    spec = read_spec(folder / "loads" / f"{LOAD}.yaml")
    database = Database(ledger_url())
    clock = SystemClock()
    started_s = clock.now_s()
    try:
        load = WatchedLoad(spec, list(spec.ranges), LedgerViews(database, spec.name), console)
        backfill_id = webserver.launch(spec.asset_name, load.keys, {})
        start_daemon(services, folder)
        outcomes = follow_backfill(webserver, load, backfill_id)
        seconds = clock.now_s() - started_s
        code = print_proof(load, outcomes)
        console.print(f"\nBackfill and checks took {seconds:.0f} s.")
        return code
    finally:
        database.close()


@contextmanager
def _fresh_folder() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dc-assets-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until_interrupted() -> None:
    clock = SystemClock()
    while True:
        clock.sleep(3600.0)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command; SIGTERM cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    group = Commands("dc-assets", {"demo": demo})
    group.main(["demo", *sys.argv[1:]], prog_name="dc-assets")


if __name__ == "__main__":
    main()
