"""The two sensors that look at the ledger: one fails dead runs, the other tells people."""

from collections.abc import Sequence

import dagster as dg

from dc_assets.core.errors import DcError
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec

EVERY_S = 30


def reaper(specs: Sequence[LoadSpec]) -> dg.SensorDefinition:
    """Make the sensor that fails dead runs; its first tick comes when the daemon starts."""

    @dg.sensor(
        name="reaper",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Fails runs whose process is gone, so that Dagster starts them again. It "
        "writes nothing to an org.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        from dc_assets.orchestration.dead_run_monitor import reap_all

        try:
            reaped = reap_all(context.instance, specs)
        except DcError as error:
            return dg.SkipReason(printable(str(error)))
        if not reaped:
            return dg.SkipReason("Every run that is started is alive.")
        return dg.SkipReason(f"Failed {len(reaped)} dead runs: {', '.join(reaped)}")

    return sensor


def notifier(specs: Sequence[LoadSpec]) -> dg.SensorDefinition:
    """Make the sensor that tells people; its first tick comes when the daemon starts."""

    @dg.sensor(
        name="notifier",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people by mail and webhook when loads complete, fail, stop themselves "
        "or leave gaps. It launches nothing and writes nothing to an org.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        from dc_assets.orchestration.notifications import notify_all

        after = float(context.cursor) if context.cursor else None
        try:
            said, next_after = notify_all(context.instance, specs, after)
        except DcError as error:
            return dg.SensorResult(skip_reason=printable(str(error)), cursor=context.cursor)
        return dg.SensorResult(skip_reason=printable(said), cursor=f"{next_after:.6f}")

    return sensor
