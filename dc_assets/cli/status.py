"""`dc-assets status`: what the ledger knows of a load."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import click

from dc_assets.cli.connections import FOLLOWS_S, open_ledger, open_org
from dc_assets.cli.console import Console
from dc_assets.cli.last_checks import check_states_of, checks_for_machines, print_last_checks
from dc_assets.cli.progress import Progress, partitions_table
from dc_assets.cli.proof import print_refusals
from dc_assets.cli.specs import broken_specs, chosen_spec
from dc_assets.core.exit_codes import ExitCode, exit_code
from dc_assets.core.load_state import INTERRUPTED, PartitionState, SpecState, sum_of
from dc_assets.core.phases import Phase
from dc_assets.core.source_costs import SourceCosts, source_costs
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.absence import BEARS_S
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.stop_orders import StopOrders
from dc_assets.views.bounds import other_bounds
from dc_assets.views.partitions import LedgerViews

WATCH_EVERY_S = 2.0


_EXAMPLE = """\b
Example:
  dc-assets status opportunities --watch
  dc-assets status opportunities --jobs --limit 10
"""


@click.command(epilog=_EXAMPLE)
@click.argument("load", required=False)
@click.option("--watch", is_flag=True, help="Follow the load until it is done.")
@click.option(
    "--jobs",
    is_flag=True,
    help="List the org's ingest jobs instead, the newest first; ours marked.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="Jobs that are listed."
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
def status(load: str | None, *, watch: bool, jobs: bool, limit: int, as_json: bool) -> int:
    """Show every partition of LOAD, its rows and what its checks found.

    The exit code says how the load stands, so that a script can ask: 4 also when the latest
    result of a check is an error, or a partition was not checked since its newest load.
    """
    spec = chosen_spec(load)
    console = Console()
    with open_ledger(bears_s=FOLLOWS_S if watch else BEARS_S) as database:
        if jobs:
            from dc_assets.cli.jobs import ask_jobs, echo_jobs, print_jobs  # noqa: PLC0415 - asks the org

            with open_org() as session:
                listed = ask_jobs(session, spec, database)
            echo_jobs(listed, limit) if as_json else print_jobs(console, listed, limit)
            return ExitCode.PROVED
        views = LedgerViews(database, spec.name)
        state = _watched(views, spec, console) if watch else views.states.of_spec()
        stopped = [o.load_id for o in StopOrders(database, spec.name).open_loads() if o.stopped_at]
        cut = other_bounds(database, spec)
        outdated: Sequence[str] = () if cut else _of_other_specs(views, spec, state)
        anyway = views.states.sent_anyway({one.load_id for one in state.newest.values()})
        if as_json:
            said = {**_for_machines(state), "stopped_loads": stopped}
            said["other_bounds"] = cut
            said["outdated_partitions"] = list(outdated)
            said["sent_anyway"] = dict(anyway)
            costs = _source_costs(spec, views)
            said["source_costs"] = costs and asdict(costs)
            said["checks"] = checks_for_machines(spec, state)
            said["broken_specs"] = broken_specs()
            click.echo(json.dumps(said, indent=2))
        else:
            console.print(partitions_table(list(spec.ranges), state.newest))
            print_refusals(console, views, spec, state.newest)
            print_last_checks(console, spec, state)
            if (costs := _source_costs(spec, views)) is not None:
                console.print(f"Data Cloud: {costs}", soft_wrap=True)
            _print_older(console, spec, state, cut)
            _print_other_specs(console, spec, outdated)
            _print_stopped(console, spec, stopped)
            _print_interrupted(console, spec, state)
            for load_id, reason in anyway.items():
                said_so = f"Load {load_id[:8]} was sent although the plan said STOP, because:"
                console.print(f"{said_so} {reason}", style="yellow", soft_wrap=True)
            for sentence in broken_specs():
                console.print(f"Not loaded: {sentence}", style="yellow", soft_wrap=True)
    return ExitCode.UNEXPLAINED if cut else verdict(spec, state)


def _source_costs(spec: LoadSpec, views: LedgerViews) -> SourceCosts | None:
    """Return what Data Cloud processes for the rows of the last full load of each partition."""
    rows = views.partition_rows()
    known = [rows[key] for key in spec.ranges if key in rows]
    return source_costs(spec, sum(known)) if len(known) == len(spec.ranges) else None


def _print_stopped(console: Console, spec: LoadSpec, stopped: Sequence[str]) -> None:
    for load_id in stopped:
        console.print(
            f"Load {load_id[:8]} was stopped by an operator. "
            f"Resume with: dc-assets run {spec.name}",
            style="yellow",
            soft_wrap=True,
        )


RESUMED_BY: Mapping[str, str] = {
    "full": "dc-assets run {name}",
    "missing": "dc-assets run {name} --missing",
    "changed": "dc-assets run {name} --changed",
    "replay": "dc-assets replay {name}",
    "restore": "dc-assets restore {name} --confirm {name}",
    "canary": "the same dc-assets run {name} --canary …",
}
"""The command that goes on with a load, by its mode."""


def _print_interrupted(console: Console, spec: LoadSpec, state: SpecState) -> None:
    """Name partitions that no run works on though nobody ordered it, and what goes on with them."""
    halted: dict[str, list[str]] = {}
    for key, one in state.newest.items():
        is_begun = key in spec.ranges and not one.is_done and one.phase != Phase.NEW
        if is_begun and not one.is_held and one.halted == INTERRUPTED:
            halted.setdefault(one.mode, []).append(key)
    for mode, keys in halted.items():
        command = RESUMED_BY[mode].format(name=spec.name)
        console.print(
            f"Interrupted: {', '.join(keys)}. Resume with: {command}",
            style="yellow",
            soft_wrap=True,
        )


def _print_older(console: Console, spec: LoadSpec, state: SpecState, cut: str) -> None:
    """Show what is left of an older cut as that, and that the bounds are not those of the loads."""
    for key, there in state.unfinished.items():
        if key not in spec.ranges:
            console.print(
                f"{key}, of an older cut: {there.rows.pending:,} rows of load {there.load_id[:8]} "
                f"have no outcome. Put the old scheme and bounds back to finish it, or give it up: "
                f"dc-assets run {spec.name} --new-load",
                style="yellow",
                soft_wrap=True,
            )
    if cut:
        console.print(f"What is shown is of the old bounds. {cut}", style="red", soft_wrap=True)


def _of_other_specs(views: LedgerViews, spec: LoadSpec, state: SpecState) -> Sequence[str]:
    """Return the partitions whose newest load began with another spec."""
    newest = {key: state.newest[key].load_id for key in spec.ranges if key in state.newest}
    others = views.states.of_other_specs(newest.values(), spec)
    return [key for key, load_id in newest.items() if load_id in others]


def _print_other_specs(console: Console, spec: LoadSpec, keys: Sequence[str]) -> None:
    if keys:
        console.print(
            f"The spec has changed since: what is shown of {', '.join(keys)} is of a load by the "
            f"old one. Send by the new one: dc-assets run {spec.name} --new-load",
            style="yellow",
            soft_wrap=True,
        )


def verdict(spec: LoadSpec, state: SpecState) -> ExitCode:
    """Return the exit code for the state of all partitions.

    One that is not done counts as pending, one without the result of every check as unexplained.
    """
    done = _done(spec, state)
    return exit_code(
        refused=sum_of(one.rows for one in done).refused,
        pending=len(spec.ranges) - len(done) + len(state.unfinished.keys() - spec.ranges.keys()),
        unexplained=sum(not proof.is_whole for proof in check_states_of(spec, state).values()),
    )


def _done(spec: LoadSpec, state: SpecState) -> Sequence[PartitionState]:
    known = [state.newest[key] for key in spec.ranges if key in state.newest]
    return [one for one in known if one.is_done]


def _watched(views: LedgerViews, spec: LoadSpec, console: Console) -> SpecState:
    clock = SystemClock()
    with Progress(console, list(spec.ranges), views, were_launched=False).shown() as progress:
        while True:
            state = views.states.of_spec()
            progress.update(state)
            if len(_done(spec, state)) == len(spec.ranges):
                return state
            clock.sleep(WATCH_EVERY_S)


def _for_machines(state: SpecState) -> dict[str, object]:
    newest = state.newest.values()
    return {
        "partitions": [partition_for_machines(one) for one in newest],
        "refusals_by_code": dict(sum_of(one.rows for one in newest).refused_by_code),
    }


def partition_for_machines(one: PartitionState) -> dict[str, object]:
    """Return a partition and its rows as one flat object."""
    rows = one.rows
    return {
        "partition_key": one.partition_key,
        "load_id": one.load_id,
        "mode": one.mode,
        "phase": one.phase,
        "selected": rows.selected,
        "landed": rows.landed,
        "refused": rows.refused,
        "pending": rows.pending,
        "in_flight": rows.in_flight,
        "is_held": one.is_held,
        "seconds": one.seconds,
        "paused_until": one.paused_until,
        "paused_why": one.paused_why,
    }
