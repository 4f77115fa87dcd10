"""Fails Dagster runs whose process is gone, so that Dagster starts them again.

After a crash of a whole machine Dagster 1.13 leaves runs STARTED for ever, and they fill the pool:
its run monitoring does nothing for the default launcher (`docs/adr/0011-…`).
"""

from collections.abc import Callable, Sequence
from contextlib import closing

import dagster as dg

from dc_assets.core.errors import DcError
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import RunHeartbeats
from dc_assets.orchestration.failed_runs import spec_of
from dc_assets.wiring.connect import lease
from dc_assets.wiring.settings import ledger_url

EVERY_S = 30
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


def reaper(specs: Sequence[LoadSpec]) -> dg.SensorDefinition:
    """Make the sensor; its first tick comes when the daemon starts."""

    @dg.sensor(
        name="reaper",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        target=[dg.AssetKey(spec.asset_name) for spec in specs],
        description="Fails runs whose process is gone, so that Dagster starts them again. It "
        "writes nothing to an org.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            with closing(Database(ledger_url())) as database:
                reaped = reap(context.instance, RunHeartbeats(database), is_of(specs))
        except DcError as error:
            return dg.SkipReason(printable(str(error)))
        if not reaped:
            return dg.SkipReason("Every run that is started is alive.")
        return dg.SkipReason(f"Failed {len(reaped)} dead runs: {', '.join(reaped)}")

    return sensor
