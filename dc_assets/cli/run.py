"""`dc-assets run`: load partitions through Dagster, or in this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console

from dc_assets.cli.connections import open_ledger
from dc_assets.cli.progress import Progress
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.cli.status import chosen_spec
from dc_assets.cli.stop import take_back_order
from dc_assets.core.errors import ConfigError, DcError, RowsPending
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.ledger.views import LedgerViews
from dc_assets.load.books import Mode
from dc_assets.load.reconcile import check_descriptions
from dc_assets.orchestration.webserver import FAILED_RUN_STATUSES, Backfill, Webserver
from dc_assets.orchestration.wiring import login_from_environment, open_load

LOOK_EVERY_S = 1.0
DAGSTER_URL = "http://127.0.0.1:3000"


@click.command()
@click.argument("name", metavar="[LOAD]", required=False)
@click.option("--partitions", metavar="KEYS", help="Only these, such as r1-01,r1-03.")
@click.option("--local", is_flag=True, help="Load in this process, without Dagster.")
@click.option("--missing", "mode", flag_value="missing", help="Send the rows that Core lacks.")
@click.option(
    "--changed", "mode", flag_value="changed", help="Send the rows whose values differ in Core."
)
@click.option("--dry-run", is_flag=True, help="Read and write the payloads to disk; open no job.")
@click.option(
    "--new-load", is_flag=True, help="Give the unfinished load up and select all rows again."
)
@click.option("--batch-rows-max", type=click.IntRange(1, 10_000), help="Rows in one ingest job.")
@click.option("--window", type=click.IntRange(1, 100), help="Jobs in flight over all partitions.")
def run(
    name: str | None,
    *,
    partitions: str | None,
    local: bool,
    mode: Mode | None,
    dry_run: bool,
    new_load: bool,
    batch_rows_max: int | None,
    window: int | None,
) -> int:
    """Load the partitions of LOAD and print the proof.

    Through Dagster it is an asset backfill: it shows in the UI, and goes on if you leave this
    command. Run it again after any failure: it goes on where it stopped, and rows whose success
    Salesforce reported are not sent again. A partition that is done is sent again only when it is
    named with --partitions, or with --new-load. An order to stop (dc-assets stop) is taken back.
    """
    spec = chosen_spec(name)
    keys = chosen_partitions(spec, partitions)
    overrides = {"batch_rows_max": batch_rows_max, "window": window}
    profile = {setting: value for setting, value in overrides.items() if value is not None}
    mode = mode or "full"
    console = Console()
    if dry_run:
        return _dry_run(spec.with_profile(profile), keys, console)
    if new_load:
        _give_up_load(spec, mode, console)
    with open_ledger() as database:
        take_back_order(console, StopOrders(database, spec.name), spec.name)
        load = WatchedLoad(spec, keys, LedgerViews(database, spec.name), console)
        if local:
            outcomes = _load_here(load, spec.with_profile(profile), mode, resume=partitions is None)
        else:
            webserver = Webserver(os.environ.get("DC_ASSETS_DAGSTER_URL") or DAGSTER_URL)
            config = {"mode": mode, "resume": partitions is None, **profile}
            backfill_id = webserver.launch(spec.asset_name, keys, config)
            outcomes = follow_backfill(webserver, load, backfill_id)
        return print_proof(load, outcomes)


def chosen_partitions(spec: LoadSpec, partitions: str | None) -> list[str]:
    """Return the named partition keys, or all.

    Raises:
        ConfigError: one is not of the spec's present scheme.
    """
    if partitions is None:
        return list(spec.ranges)
    keys = [key.strip() for key in partitions.split(",") if key.strip()]
    unknown = [key for key in keys if key not in spec.ranges]
    if unknown or not keys:
        raise ConfigError(
            f"{spec.name} has no partition {', '.join(unknown) or partitions!r}. "
            f"There is: {', '.join(spec.ranges)}. A key of an older scheme cannot be loaded."
        )
    return keys


def _give_up_load(spec: LoadSpec, mode: Mode, console: Console) -> None:
    login = login_from_environment()
    with open_load(spec, login, run_id="cli", note=_silent, mode=mode) as opened:
        load_id = opened.loads.give_up_load()
    if load_id:
        console.print(f"Gave up the unfinished load {load_id[:8]}.", highlight=False)


def _dry_run(spec: LoadSpec, keys: Sequence[str], console: Console) -> ExitCode:
    """Print what each partition would send, and where its payloads lie."""
    refused = 0
    login = login_from_environment()
    with open_load(spec, login, run_id="dry-run", note=console.log) as opened:
        for key in keys:
            seen = opened.dry_run(key)
            refused += sum(seen.refused_by_code.values())
            console.print(
                f"{key}: {seen.selected:,} rows, {seen.jobs:,} jobs, {seen.payload_bytes:,} bytes "
                f"in {seen.folder}",
                highlight=False,
            )
            for code, rows in seen.refused_by_code.items():
                console.print(f"  {rows:,} rows cannot be sent: {code}", highlight=False)
    return ExitCode.REFUSED_ROWS if refused else ExitCode.PROVED


def _silent(_: str) -> None:
    """Take a note nobody reads."""


def follow_backfill(
    webserver: Webserver, load: WatchedLoad, backfill_id: str
) -> Sequence[CheckOutcome]:
    """Show a backfill until its end, and return what its checks said."""
    spec, keys, console = load.spec, load.keys, load.console
    console.print(f"Backfill {backfill_id} of {spec.asset_name}, {len(keys)} partitions")
    clock = SystemClock()
    with Progress(console, keys).shown() as progress:
        while True:
            backfill = webserver.backfill(backfill_id)
            states = {key: run.status for key, run in backfill.latest().items()}
            progress.update(load.views.ranges(), states)
            if backfill.is_over(len(keys)):
                break
            clock.sleep(LOOK_EVERY_S)
    _say_failures(console, backfill)
    checks = list(check_descriptions(spec))
    run_ids = [run.run_id for run in backfill.latest().values()]
    return webserver.check_outcomes(spec.asset_name, checks, run_ids)


def _say_failures(console: Console, backfill: Backfill) -> None:
    if backfill.error:
        console.print(backfill.error, style="red", highlight=False, markup=False)
    for key, run_state in sorted(backfill.latest().items()):
        if run_state.status in FAILED_RUN_STATUSES:
            console.print(
                f"{key}: run {run_state.run_id} is {run_state.status}; its page in the UI says why",
                style="red",
                highlight=False,
                markup=False,
            )


def _load_here(
    load: WatchedLoad, spec: LoadSpec, mode: Mode, *, resume: bool
) -> Sequence[CheckOutcome]:
    """Load the partitions one after another; a failed one does not keep the others from trying."""
    outcomes: list[CheckOutcome] = []
    failures: list[DcError] = []
    login = login_from_environment()
    with (
        followed(load),
        open_load(
            spec, login, run_id=f"local-{os.getpid()}", note=load.console.log, mode=mode
        ) as opened,
    ):
        for key in load.keys:
            try:
                opened.load(key, resume=resume)
            except RowsPending as error:
                failures.append(error)
            outcomes += opened.checked(key)
    for failure in failures:
        load.console.print(str(failure), style="red", highlight=False, markup=False)
    return outcomes


@contextmanager
def followed(load: WatchedLoad) -> Generator[None]:
    """Show progress from a thread of its own while the block runs."""
    stop = threading.Event()
    with Progress(load.console, load.keys).shown() as progress:

        def follow() -> None:
            while not stop.wait(LOOK_EVERY_S):
                progress.update(load.views.ranges())

        thread = threading.Thread(target=follow, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
