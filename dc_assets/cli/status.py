"""`dc-assets status`: what the ledger knows of a load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console

from dc_assets.cli.progress import Progress, partitions_table
from dc_assets.cli.proof import print_refusals
from dc_assets.core.exit_codes import ExitCode, exit_code
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.views import LedgerViews, RangeStatus
from dc_assets.load.spec_files import read_specs
from dc_assets.orchestration.wiring import ledger_url, loads_folder, spec_named

WATCH_EVERY_S = 2.0


@click.command()
@click.argument("load", required=False)
@click.option("--watch", is_flag=True, help="Follow the load until it is done.")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def status(load: str | None, *, watch: bool, as_json: bool) -> int:
    """Show every partition of LOAD: selected, landed, refused, pending.

    The exit code says how the load stands, so that a script can ask.
    """
    spec = chosen_spec(load)
    database = Database(ledger_url())
    views = LedgerViews(database, spec.name)
    console = Console()
    try:
        ranges = _watched(views, spec, console) if watch else views.ranges()
        if as_json:
            click.echo(json.dumps(_for_machines(ranges, views), indent=2))
        else:
            _print(console, spec, ranges, views)
    finally:
        database.close()
    return verdict(spec, ranges)


def chosen_spec(load: str | None) -> LoadSpec:
    """Return the named spec, or the only one."""
    if load is not None:
        return spec_named(load)
    specs = read_specs(loads_folder())
    if len(specs) > 1:
        names = ", ".join(spec.name for spec in specs)
        raise click.UsageError(f"There are several loads, name one: {names}")
    return specs[0]


def verdict(spec: LoadSpec, ranges: Sequence[RangeStatus]) -> ExitCode:
    """Return the exit code for the state of all partitions; one not done counts as pending."""
    done = [r for r in ranges if r.phase == "done" and r.partition_key in spec.ranges]
    return exit_code(
        refused=sum(r.refused for r in done),
        pending=len(spec.ranges) - len(done),
        unexplained=0,
    )


def _watched(views: LedgerViews, spec: LoadSpec, console: Console) -> Sequence[RangeStatus]:
    clock = SystemClock()
    keys = list(spec.ranges)
    with Progress(console, keys).shown() as progress:
        while True:
            ranges = views.ranges()
            progress.update(ranges)
            current = [r for r in ranges if r.partition_key in spec.ranges]
            if len(current) == len(keys) and all(r.phase == "done" for r in current):
                return ranges
            clock.sleep(WATCH_EVERY_S)


def _print(
    console: Console, spec: LoadSpec, ranges: Sequence[RangeStatus], views: LedgerViews
) -> None:
    console.print(partitions_table(list(spec.ranges), {r.partition_key: r for r in ranges}))
    print_refusals(console, views, limit=20)


def _for_machines(ranges: Sequence[RangeStatus], views: LedgerViews) -> dict[str, object]:
    return {
        "partitions": [{**asdict(r), "pending": r.pending} for r in ranges],
        "refusals_by_code": dict(views.refusals_by_code()),
    }
