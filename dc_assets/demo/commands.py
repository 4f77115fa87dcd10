"""`dc-assets demo` loads an emulated org once, proves it and cleans up; `dev` keeps one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from dc_assets.cli.backfill import follow_backfill
from dc_assets.cli.connections import FOLLOWS_S
from dc_assets.cli.console import Console
from dc_assets.cli.interrupts import held
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.core.exit_codes import ExitCode
from dc_assets.demo.env_file import how_to_use, write_env_file
from dc_assets.demo.kept_world import KeptWorld, held_alone
from dc_assets.demo.options import WORLD_NAMES, edition_for, world_options
from dc_assets.demo.services import LOOK_EVERY_S, Services, free_port, refuse_taken_port
from dc_assets.demo.world import (
    LOAD,
    DemoPace,
    Seeding,
    enter_environment,
    has_spec,
    product_environment,
    start_code_server,
    start_daemon,
    start_emulator,
    start_webserver,
    write_spec,
)
from dc_assets.ledger.absence import Patience
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.load.spec_files import read_spec
from dc_assets.views.partitions import LedgerViews
from dc_assets.wiring.dagster_api import Webserver
from dc_assets.wiring.settings import ledger_url

DEV_FOLDER = Path.home() / ".dc_assets" / "dev"
DEV_PORT = 3000
REMOVALS_MAX = 20
TMP_CHARS_MAX = 60

_DEMO_EXAMPLES = """\b
Examples:
  dc-assets demo
  dc-assets demo --keep                       # stays up, to look around
  dc-assets demo --bad-rows 37                # rows that the org refuses; exit code 3
  dc-assets demo --org seed-org --time-scale 20
"""

_DEV_EXAMPLES = """\b
Examples:
  dc-assets dev --rows 5000 --partitions 3
  dc-assets dev                               # resumes what is there
  dc-assets dev --fresh --bad-rows 37         # begins anew
"""


@click.command(epilog=_DEMO_EXAMPLES)
@world_options
@click.option("--port", type=click.IntRange(1, 65535), help="Of the UI; a free one if unset.")
@click.option("--keep", is_flag=True, help="Stay up afterwards, to look around.")
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
    edition: str | None,
    port: int | None,
    keep: bool,
) -> int:
    """Load an emulated org through a private Dagster, and print the proof.

    Starts an emulated Salesforce org with a Data Cloud tenant, and a Dagster webserver and daemon
    on a fresh home; launches a backfill of all partitions of opportunities_in_core; compares both
    sides; stops everything and leaves nothing behind. Nothing leaves 127.0.0.1.
    """
    seeding = Seeding(rows, accounts or max(1, rows // 10), skew, seed, bad_rows)
    pace = DemoPace(org, time_scale, edition_for(rows, edition))
    if port is not None:
        refuse_taken_port(port)
    with Services() as services:
        folder = services.enter_context(_fresh_folder())
        enter_environment(_own_tmp(folder))
        stage = _Stage(services, Console(), folder, seeding, pace)
        stage.say_seeding()
        webserver, env_file = stage.start(partitions, port or free_port(), is_kept=keep)
        if keep:
            stage.say(how_to_use(env_file, "status --watch"))
        code = _load_and_prove(stage, webserver)
        if keep:
            stage.say("\nStill up: look around in the UI. Ctrl-C stops everything.")
            stage.say(how_to_use(env_file, "status", "report", "reconcile"))
            _until_interrupted(services)
        return code


@click.command(epilog=_DEV_EXAMPLES)
@world_options
@click.option(
    "--port", type=click.IntRange(1, 65535), default=DEV_PORT, show_default=True, help="Of the UI."
)
@click.option("--fresh", is_flag=True, help="Delete what is there and begin anew.")
@click.pass_context
def dev(
    context: click.Context,
    *,
    rows: int,
    accounts: int | None,
    skew: str,
    partitions: int,
    bad_rows: int,
    seed: int,
    org: str,
    time_scale: float,
    edition: str | None,
    port: int,
    fresh: bool,
) -> int:
    """Start an emulated org and Dagster on a home that lasts, and stay up. It loads nothing.

    Everything is in ~/.dc_assets/dev: the org, ledger, load spec, Dagster's history, and env.sh,
    which points the commands of another terminal at it. The first start makes rows as the options
    say; later ones resume what is there. Nothing leaves 127.0.0.1.
    """
    seeding = Seeding(rows, accounts or max(1, rows // 10), skew, seed, bad_rows)
    pace = DemoPace(org, time_scale, edition_for(rows, edition))
    kept = KeptWorld(DEV_FOLDER)
    refuse_taken_port(port)
    with Services() as services:
        services.enter_context(held_alone(DEV_FOLDER))
        if fresh:
            kept.forget()
        stage = _Stage(services, Console(), DEV_FOLDER, seeding, pace)
        if is_new := not kept.is_there:
            stage.say_seeding()
        else:
            stage.say(kept.description(_given_for_a_new_world(context)))
        _, env_file = stage.start(partitions, port, is_kept=True)
        if is_new:
            kept.remember(seeding)
        start_daemon(services, DEV_FOLDER)
        stage.say(how_to_use(env_file, "run", "status --watch"))
        stage.say("Ctrl-C stops everything; the next `dc-assets dev` resumes this state.")
        _until_interrupted(services)
    return ExitCode.PROVED


def _given_for_a_new_world(context: click.Context) -> list[str]:
    """Return the options of the world that stand in the command line."""
    typed = ParameterSource.COMMANDLINE
    names = [name for name in WORLD_NAMES if context.get_parameter_source(name) is typed]
    return [f"--{name.replace('_', '-')} {context.params[name]}" for name in names]


@dataclass(frozen=True, slots=True)
class _Stage:
    """What is started, where, and who is told."""

    services: Services
    console: Console
    folder: Path
    seeding: Seeding
    pace: DemoPace

    def say(self, line: str) -> None:
        """Print a line as it is; the terminal breaks it, so that it can be copied whole."""
        self.console.print(line, soft_wrap=True)

    def say_seeding(self) -> None:
        """Say what is being made."""
        rows, parents = f"{self.seeding.rows:,} rows", f"{self.seeding.accounts:,} parents"
        self.say(f"Seeding an emulated org: {rows}, {parents}, {self.seeding.skew}")

    def start(self, partitions: int, port: int, *, is_kept: bool) -> tuple[Webserver, Path]:
        """Start org and webserver; return the webserver, and the file with the settings.

        The user of a world that is kept may edit its spec and reload: that takes code servers which
        the services start themselves.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        emulator = start_emulator(self.services, self.folder, self.seeding, self.pace)
        settings = product_environment(self.folder, emulator, self.pace, port)
        enter_environment(settings)
        env_file = write_env_file(self.folder, settings)
        if not has_spec(self.folder):
            write_spec(self.folder, emulator, partitions)
        self.say(f"Emulated org   {emulator['base_url']}")
        self.say(f"Data Cloud     {emulator['tenant_url']}")
        if not is_kept:
            start_code_server(self.services, self.folder)
        webserver = start_webserver(self.services, self.folder, port)
        self.say(f"Dagster UI     {webserver.url}")
        return webserver, env_file


def _load_and_prove(stage: _Stage, webserver: Webserver) -> ExitCode:
    spec = read_spec(stage.folder / "loads" / f"{LOAD}.yaml")
    database = Database(ledger_url(), Patience(FOLLOWS_S))
    clock = SystemClock()
    started_s = clock.now_s()
    try:
        views = LedgerViews(database, spec.name)
        load = WatchedLoad(spec, list(spec.ranges), views, stage.console)
        backfill_id = webserver.launch(spec.asset_name, load.keys, {})
        start_daemon(stage.services, stage.folder)
        heed = stage.services.refuse_dead
        outcomes = follow_backfill(webserver, load, backfill_id, heed=heed)
        seconds = clock.now_s() - started_s
        code = print_proof(load, outcomes)
        stage.say(f"\nBackfill and checks took {seconds:.0f} s.")
        return code
    finally:
        database.close()


@contextmanager
def _fresh_folder() -> Generator[Path]:
    """Make a folder that is gone with the block, with what its programs put into TMPDIR."""
    made: list[Path] = []
    try:
        with held():
            made.append(Path(tempfile.mkdtemp(prefix="dc-assets-demo-")))
        yield made[0]
    finally:
        with held():
            for folder in made:
                _remove(folder)


def _remove(folder: Path) -> None:
    """Delete a folder; a program that was just killed may have written into it meanwhile."""
    clock = SystemClock()
    for _ in range(REMOVALS_MAX):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        clock.sleep(LOOK_EVERY_S)


def _own_tmp(folder: Path) -> Mapping[str, str]:
    """Return the setting that keeps temporary files of the programs in the folder of the demo.

    Dagster's servers have sockets there, whose paths must be short.
    """
    tmp = folder / "tmp"
    if len(str(tmp)) > TMP_CHARS_MAX:
        return {}
    tmp.mkdir(mode=0o700)
    return {"TMPDIR": str(tmp)}


def _until_interrupted(services: Services) -> None:
    """Wait for the signal that ends a program which has done what it was started for.

    Raises:
        ConfigError: one of its programs has ended.
    """
    clock = SystemClock()
    with suppress(KeyboardInterrupt):
        while True:
            services.refuse_dead()
            clock.sleep(1.0)
