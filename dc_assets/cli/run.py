"""`dc-assets run`: load partitions through Dagster, or in this process."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import click

from dc_assets.cli.backfill import Launch, Loaded, load_through_dagster
from dc_assets.cli.beforehand import PRODUCTION, reason_given, refuse_beforehand
from dc_assets.cli.canary import run_canary, stages_alone
from dc_assets.cli.connections import FOLLOWS_S, open_ledger
from dc_assets.cli.console import Console
from dc_assets.cli.failed import (
    failed_partitions,
    mend,
    mode_to_ask_of,
    nothing_failed,
    print_failed,
)
from dc_assets.cli.here import followed, load_here
from dc_assets.cli.noted import noted_on_stderr
from dc_assets.cli.proof import WatchedLoad, print_proof
from dc_assets.cli.run_order import RunOrder, refuse_contradictions
from dc_assets.cli.same_place import asset_of, opened_webserver
from dc_assets.cli.several import LOADED, LOOKED_AT, run_several
from dc_assets.cli.specs import OrderedSpec, OrderedSpecs, chosen_spec, in_order
from dc_assets.cli.stop import take_back_order
from dc_assets.core.durations import seconds_of
from dc_assets.core.errors import ConfigError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.phases import Phase
from dc_assets.core.run_events import unheard
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.load.store import Mode
from dc_assets.views.load_states import LoadStates
from dc_assets.views.partitions import LedgerViews
from dc_assets.wiring.connect import open_load
from dc_assets.wiring.sign_in import login_from_environment

_EXAMPLES = """\b
Examples:
  dc-assets run                               # all partitions, through Dagster
  dc-assets run opportunities --local --partitions r1-01
  dc-assets run contacts accounts --local     # accounts, then their contacts
  dc-assets run --all                         # every load of the folder, parents first
  dc-assets run opportunities --failed-only   # what needs attention yet
  dc-assets run opportunities --canary 1000:95,10000
"""


@click.command(epilog=_EXAMPLES)
@click.argument("names", metavar="[LOAD]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All loads, parents before children.")
@click.option("--partitions", metavar="KEYS", help="Only these, such as r1-01,r1-03.")
@click.option(
    "--failed-only",
    is_flag=True,
    help="Only partitions that need attention: not done, or a check failed or has not looked.",
)
@click.option("--local", is_flag=True, help="Load in this process, without Dagster.")
@click.option("--missing", "mode", flag_value="missing", help="Send the rows that Core lacks.")
@click.option(
    "--changed",
    "mode",
    flag_value="changed",
    help="Send the rows that differ in Core or that it lacks.",
)
@click.option("--dry-run", is_flag=True, help="Read and write the payloads to disk; open no job.")
@click.option(
    "--new-load",
    is_flag=True,
    help="Give the unfinished load up and select all rows again. To resume it, leave this out.",
)
@click.option(
    "--stagger",
    metavar="DURATION",
    help="Launch one partition after another at this distance, such as 90s, 15m or 1h30m.",
)
@click.option(
    "--canary",
    metavar="STAGES",
    help="First send growing samples, such as 1000:95,10000,100000: rows, and percent of them that "
    "must land (99). Stops at the first stage under its bar. Runs in this process: a sample "
    "never makes a partition green in Dagster.",
)
@click.option(
    "--anyway",
    metavar="REASON",
    help="Send although the plan says STOP; the ledger keeps the reason.",
)
@PRODUCTION
@click.option(
    "--snapshot",
    is_flag=True,
    help="First save the mapped fields of the records that each partition overwrites, for "
    "dc-assets restore.",
)
@click.option("--batch-rows-max", type=click.IntRange(1, 10_000), help="Rows in one ingest job.")
@click.option("--window", type=click.IntRange(1, 100), help="Jobs in flight over all partitions.")
def run(
    names: Sequence[str],
    *,
    every: bool,
    partitions: str | None,
    failed_only: bool,
    local: bool,
    mode: Mode | None,
    dry_run: bool,
    new_load: bool,
    stagger: str | None,
    canary: str | None,
    anyway: str | None,
    production: bool,
    snapshot: bool,
    batch_rows_max: int | None,
    window: int | None,
) -> int:
    """Load the partitions of LOAD and print the proof.

    Of several loads, parents come before children, whatever order they are named in: a reference
    column leads to the load whose object it names, or the spec says `after`. Each load asks first
    whether its parents are complete: each of their partitions was proved. One whose parents are not
    is stopped before a row is sent, others go on, and the worst exit code counts.

    Through Dagster it is an asset backfill: it shows in the UI, and resumes if you leave this
    command. Run it again after any failure, without --new-load: it resumes where it stopped, and
    rows whose success Salesforce reported are not sent again. With --new-load it would begin anew
    and send all rows again. Of a load that is complete nothing is sent again: its checks are
    asked. What sends rows: --changed, --missing, --new-load, and --partitions, which begins a new
    load of what it names. An order to stop (dc-assets stop) is taken back.

    With --failed-only the ledger and the latest result of each check say which partitions are
    loaded, not Dagster's backfill status. What was begun is resumed; of what is done, exactly
    the rows that differ are sent, and its checks run again. What a restore or a cleanup took back
    on purpose is left alone: --changed brings it over again.
    """
    chosen = _chosen(names, every=every)
    order = RunOrder(
        chosen.loads[0],
        {"batch_rows_max": batch_rows_max, "window": window},
        mode,
        is_local=local,
        failed_only=failed_only,
        new_load=new_load,
        is_new=new_load or partitions is not None,
        every_s=seconds_of(stagger) if stagger is not None else 0,
        anyway=reason_given(anyway),
        production=production,
        snapshot=snapshot,
    )
    refuse_contradictions(order, dry_run=dry_run)
    if every or len(chosen.loads) > 1:
        _refuse_of_several(partitions=partitions, canary=canary)
        run_one = partial(_run_one, order, dry_run=dry_run)
        return run_several(chosen, run_one, Console(), LOOKED_AT if dry_run else LOADED)
    keys = chosen_partitions(order.spec, partitions)
    if canary is not None:
        others = {f"--{mode}": mode, "--failed-only": failed_only, "--stagger": stagger}
        others |= {"--dry-run": dry_run, "--new-load": new_load, "--anyway": anyway}
        stages = stages_alone(canary, others)
        return run_canary(order.applied, keys, stages, followed, order.request(keys))
    return _run(order, keys, dry_run=dry_run)


def _run_one(order: RunOrder, load: OrderedSpec, *, dry_run: bool) -> ExitCode:
    """Run one load of several in the way that all of them are run."""
    return _run(replace(order, load=load), list(load.spec.ranges), dry_run=dry_run)


def _chosen(names: Sequence[str], *, every: bool) -> OrderedSpecs:
    """Return the loads that are meant, in their order.

    Raises:
        UsageError: some are named, and all are wanted.
        ConfigError: one that is named has no place among them, or none has one.
    """
    if every and names:
        raise click.UsageError(f"--all means {', '.join(names)} too: leave one of them out.")
    chosen = in_order(() if every else names or [chosen_spec(None).name])
    if chosen.broken and not (every and chosen.loads):
        raise ConfigError(" ".join(chosen.broken))
    return chosen


def _refuse_of_several(**given: str | None) -> None:
    """Refuse options that are about one load.

    Raises:
        UsageError: one was given.
    """
    for option, value in given.items():
        if value is not None:
            raise click.UsageError(f"--{option} is about one load: name one, or leave it out.")


def _run(order: RunOrder, keys: Sequence[str], *, dry_run: bool) -> ExitCode:
    """Load partitions and print the proof, or print what each would send."""
    console, spec = Console(), order.spec
    with open_ledger(bears_s=FOLLOWS_S) as database:
        mode = order.mode or "full"
        look = partial(failed_partitions, LoadStates(database, spec.name), spec, keys)
        if order.failed_only:
            failed = look()
            print_failed(console, failed)
            keys = [one.partition_key for one in failed if one.mode]
            if not keys:
                return nothing_failed(console, failed)
            mode = order.mode or mode_to_ask_of(failed)
        if dry_run:
            return _dry_run(order.applied, keys, console)
        if not order.is_local:
            asset_of(spec)
            refuse_beforehand(order.applied, order.request(keys), mode)
        if order.new_load:
            _give_up_load(order, keys, console)
        take_back_order(console, StopOrders(database, spec.name), spec.name)
        load = WatchedLoad(spec, keys, LedgerViews(database, spec.name), console)
        if order.failed_only and order.mode is None:
            loaded = mend(look, partial(_load, load, order), keys)
        else:
            loaded = _load_all(load, order)
        code = print_proof(load, loaded.outcomes)
    stopped = loaded.stopped and code is ExitCode.UNEXPLAINED
    return ExitCode.STOPPED if stopped else code


def _load_all(load: WatchedLoad, order: RunOrder) -> Loaded:
    if order.mode is None:
        print_what_is_there(load, is_new=order.is_new)
    return _load(load, order, load.keys, order.mode or "full", is_new=order.is_new)


def _load(
    load: WatchedLoad, order: RunOrder, keys: Sequence[str], mode: Mode, *, is_new: bool
) -> Loaded:
    """Load some partitions of a load, here or through Dagster."""
    part = replace(load, keys=keys)
    if order.is_local:
        request = replace(order.request(keys, launch=uuid.uuid4().hex), is_new=is_new)
        return Loaded(load_here(part, order.applied, request, mode))
    launch = Launch(
        asset=asset_of(load.spec),
        groups=[[key] for key in keys] if order.every_s else [keys],
        config={
            "mode": mode,
            "resume": not is_new,
            "partition_keys": list(keys),
            **({"anyway": order.anyway} if order.anyway else {}),
            **({"production": True} if order.production else {}),
            **({"snapshot": True} if order.snapshot else {}),
            **order.profile,
        },
        every_s=order.every_s,
        again=order.again(mode),
    )
    with opened_webserver() as webserver:
        return load_through_dagster(webserver, part, launch)


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


def print_what_is_there(load: WatchedLoad, *, is_new: bool) -> None:
    """Say of which partitions nothing is sent, or of which a new load begins, as the run decides.

    A restore or a canary sent no partition whole, and no run goes on with what was given up.
    """
    joined = load.views.states.joined()
    sent: dict[str, list[str]] = {}
    for key in load.keys:
        state = joined.get(key)
        if state is not None and state.is_done and (state.phase == Phase.CHECKED or not is_new):
            sent.setdefault(state.load_id, []).append(key)
    for load_id, keys in sent.items():
        there = f"{', '.join(keys)}: every row was sent in load {load_id[:8]}"
        load.console.print(
            f"{there}. A new load of {'them' if len(keys) > 1 else 'it'} begins."
            if is_new
            else f"{there}. Nothing is sent again; the checks are asked. What sends rows: "
            "--changed, --missing, --new-load.",
            soft_wrap=True,
        )


def _give_up_load(order: RunOrder, keys: Sequence[str], console: Console) -> None:
    login, mode = login_from_environment(), order.mode or "full"
    with open_load(order.spec, login, run_id="cli", note=unheard, mode=mode) as opened:
        opened.org.guard.refuse_unasked(order.request(keys))
        given_up = opened.loads.give_up_loads()
    for load_id in given_up:
        console.print(f"Gave up the unfinished load {load_id[:8]}.")


def _dry_run(spec: LoadSpec, keys: Sequence[str], console: Console) -> ExitCode:
    """Print what each partition would send, and where its payloads lie."""
    refused = 0
    login = login_from_environment()
    with open_load(spec, login, run_id="dry-run", note=noted_on_stderr()) as opened:
        for key in keys:
            seen = opened.dry_run(key)
            refused += sum(seen.refused_by_code.values())
            console.print(
                f"{key}: {seen.selected:,} rows, {seen.jobs:,} jobs, {seen.payload_bytes:,} bytes "
                f"in {seen.folder}",
            )
            for code, rows in seen.refused_by_code.items():
                console.print(f"  {rows:,} rows cannot be sent: {code}")
    return ExitCode.REFUSED_ROWS if refused else ExitCode.PROVED
