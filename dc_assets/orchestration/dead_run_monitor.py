"""Fails Dagster runs whose process is gone, so that Dagster starts them again.

After a crash of a whole machine Dagster 1.13 leaves runs STARTED for ever, and they fill the pool:
its run monitoring does nothing for the default launcher (`docs/adr/0011-…`).
"""

from collections.abc import Callable, Sequence
from contextlib import closing

import dagster as dg

from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import RunHeartbeats
from dc_assets.orchestration.failed_runs import spec_of
from dc_assets.wiring.connect import lease
from dc_assets.wiring.settings import ledger_url

STARTED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
RUNS_MAX = 200


def reap(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, ours: Callable[[dg.DagsterRun], bool]
) -> Sequence[str]:
    """Fail every run of ours that is STARTED and whose process is dead; return their ids.

    A run that never beat is dead when two leases have passed since its start: it died before it
    reached its first step.
    """
    filters = dg.RunsFilter(statuses=STARTED)
    records = [r for r in instance.get_run_records(filters, limit=RUNS_MAX) if ours(r.dagster_run)]
    if not records:
        return []
    dead = heartbeats.dead([record.dagster_run.run_id for record in records])
    now_s = heartbeats.now_s()
    reaped: list[str] = []
    for record in records:
        run = record.dagster_run
        never_beat = now_s - (record.start_time or now_s) > 2 * lease().lease_s
        if dead.get(run.run_id, never_beat):
            instance.report_run_failed(
                run, "dc_assets: the process of this run is gone. What it did is in the ledger."
            )
            reaped.append(run.run_id)
    return reaped


def is_of(specs: Sequence[LoadSpec]) -> Callable[[dg.DagsterRun], bool]:
    """Return the test whether a run works on nothing but assets and checks of the specs."""
    return lambda run: spec_of(run, specs) is not None


def reap_all(instance: dg.DagsterInstance, specs: Sequence[LoadSpec]) -> Sequence[str]:
    """Fail every dead run of some specs, as the ledger knows them; return their ids."""
    with closing(Database(ledger_url())) as database:
        return reap(instance, RunHeartbeats(database), is_of(specs))
