"""The two sensors that look at the ledger: one fails dead runs, the other tells people.

Each is one object, so that a code location has it once, however many factories and components put
it there; it finds the loads at its tick. The first tick comes when the daemon starts.
"""

from typing import Any, Self

import dagster as dg

from dc_assets.core.errors import DcError
from dc_assets.core.printable import printable
from dc_assets.orchestration.placing import loads_in

EVERY_S = 30


class OnlyOnce(dg.SensorDefinition):
    """A sensor that is never copied: Dagster takes one object for one sensor, and a copy for two.

    Each component would add its place in a file to a copy of its own.
    """

    def with_attributes(self, **_others: Any) -> Self:  # noqa: ANN401 - Dagster's own signature
        """Return the sensor itself."""
        return self


def _reap(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    from dc_assets.orchestration.dead_run_monitor import reap_all

    try:
        reaped = reap_all(context.instance, loads_in(context.repository_def))
    except DcError as error:
        return dg.SkipReason(printable(str(error)))
    if not reaped:
        return dg.SkipReason("Every run that is started is alive.")
    return dg.SkipReason(f"Failed {len(reaped)} dead runs: {', '.join(reaped)}")


def _notify(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    from dc_assets.orchestration.notifications import notify_all

    after = float(context.cursor) if context.cursor else None
    try:
        said, next_after = notify_all(context.instance, loads_in(context.repository_def), after)
    except DcError as error:
        return dg.SensorResult(skip_reason=printable(str(error)), cursor=context.cursor)
    return dg.SensorResult(skip_reason=printable(said), cursor=f"{next_after:.6f}")


reaper = OnlyOnce(
    name="reaper",
    evaluation_fn=_reap,
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails runs whose process is gone, so that Dagster starts them again. It "
    "writes nothing to an org.",
)

notifier = OnlyOnce(
    name="notifier",
    evaluation_fn=_notify,
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people by mail and webhook when loads complete, fail, stop themselves "
    "or leave gaps. It launches nothing and writes nothing to an org.",
)
