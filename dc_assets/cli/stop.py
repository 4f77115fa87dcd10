"""`dc-assets stop`: order every run of a load, on every host, to send nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dc_assets.cli.connections import open_ledger, open_org
from dc_assets.cli.console import Console
from dc_assets.cli.specs import chosen_spec
from dc_assets.core.errors import RejectedRequest, RemoteError
from dc_assets.core.exit_codes import ExitCode
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.stop_orders import FlyingBatch, OpenLoadState, StopOrders

if TYPE_CHECKING:
    from dc_assets.salesforce.bulk_ingest import BulkIngestJobs

LOOK_AGAIN_S = 1.0
LOOKS_MAX = 15
"""A create call under way when the order was given has its job in the ledger by then."""


_EXAMPLE = """\b
Example:
  dc-assets stop opportunities          # then, when the cause is fixed:
  dc-assets run opportunities
"""


@click.command(epilog=_EXAMPLE)
@click.argument("name", metavar="[LOAD]", required=False)
@click.option(
    "--abort", is_flag=True, help="Abort the jobs in flight in the org too. What landed stays."
)
def stop(name: str | None, *, abort: bool) -> int:
    """Order every run of LOAD, on every host, to send nothing more.

    Jobs in flight settle, queued runs and retries stop as they begin, and all progress is kept.
    Only --abort needs the org. `dc-assets run` resumes where they stopped.
    """
    spec = chosen_spec(name)
    console = Console(soft_wrap=True)
    with open_ledger() as database:
        orders = StopOrders(database, spec.name)
        loads = orders.stop()
        if not loads and not orders.in_flight():
            console.print(
                f"Nothing of {spec.name} is unfinished. Runs that Dagster has queued and that "
                "begin a load later are not stopped: cancel them in its UI.",
            )
            return ExitCode.PROVED
        _print_order(console, spec, orders, loads)
        failed = _abort_jobs(console, spec, orders) if abort else 0
    console.print(f"Resume with: dc-assets run {spec.name}")
    return ExitCode.CONFIGURATION if failed else ExitCode.PROVED


def take_back_order(console: Console, orders: StopOrders, name: str) -> None:
    """Take back an order to stop, and say so."""
    if orders.go_on():
        console.print(f"Took back the order to stop {name}.")


def _print_order(
    console: Console, spec: LoadSpec, orders: StopOrders, loads: Sequence[OpenLoadState]
) -> None:
    for one in loads:
        console.print(
            f"Stopped load {one.load_id[:8]} of {spec.name} ({one.mode}, org {one.org_id}).",
        )
    for run in orders.runs_at_work():
        console.print(
            f"  {run.partition_key}: run {run.run_id} is running (process {run.pid} on {run.host})",
        )
    flying = orders.in_flight()
    for batch in flying:
        job = f"job {batch.job_id}" if batch.job_id else "its job is being created"
        console.print(f"  {batch.partition_key}: {batch.rows:,} rows {batch.state}, {job}")
    settle = "Jobs in flight settle" if flying else "No job is in flight"
    console.print(f"{settle}; nothing new is sent.")


def _abort_jobs(console: Console, spec: LoadSpec, orders: StopOrders) -> int:
    """Abort each job in flight once, and return how many could not be.

    Jobs whose create call is under way are waited for.
    """
    from dc_assets.salesforce.bulk_ingest import BulkIngestJobs  # noqa: PLC0415 - asks the org

    clock = SystemClock()
    done: set[str] = set()
    failed = 0
    with open_org() as session:
        jobs = BulkIngestJobs(session, spec)
        for look in range(LOOKS_MAX):
            ours = [b for b in orders.in_flight() if b.org_id == session.org_id]
            for batch in ours:
                if batch.job_id and batch.job_id not in done:
                    done.add(batch.job_id)
                    try:
                        said = _abort(jobs, batch.job_id)
                    except RemoteError as error:
                        said, failed = f"was not aborted: {error}", failed + 1
                    console.print(f"  {batch.partition_key}: job {batch.job_id} {said}")
            if not orders.runs_at_work() or not any(batch.job_id is None for batch in ours):
                break
            if look + 1 < LOOKS_MAX:
                clock.sleep(LOOK_AGAIN_S)
        _print_left(console, orders.in_flight(), session.org_id)
    if not done:
        console.print("No job of ours was to be aborted.")
    return failed


def _abort(jobs: BulkIngestJobs, job_id: str) -> str:
    """Abort a job, or say how it ended before."""
    try:
        jobs.abort(job_id)
    except RejectedRequest as refused:
        try:
            job = jobs.job(job_id)
        except RejectedRequest:
            return "is not in the org any more"
        if job.is_terminal:
            return f"had ended already: {job.state.value}"
        return f"is {job.state.value} and cannot be aborted: {refused}"
    return "aborted"


def _print_left(console: Console, flying: Sequence[FlyingBatch], org_id: str) -> None:
    for batch in flying:
        if batch.org_id != org_id:
            console.print(
                f"  {batch.partition_key}: job {batch.job_id or 'being created'} is in org "
                f"{batch.org_id}; SF_LOGIN_URL leads to {org_id}, so it was left alone",
            )
        elif batch.job_id is None:
            console.print(
                f"  {batch.partition_key}: a job whose id is not known yet may stay Open, without "
                "rows; the next run clears it away",
            )
