"""The sensor that tells people of loads: what happened goes to the outbox, and then to them."""

import os
from collections.abc import Sequence
from contextlib import closing

import dagster as dg

from dc_assets.core.errors import DcError
from dc_assets.core.printable import printable
from dc_assets.core.spec import LoadSpec
from dc_assets.delivery.deliver import deliver
from dc_assets.delivery.settings import HOW, Settings, settings_from
from dc_assets.delivery.templates import Templates
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.failed_runs import FailedRuns
from dc_assets.views.events import LedgerEvents
from dc_assets.wiring.settings import ledger_url

EVERY_S = 30


def collect(
    instance: dg.DagsterInstance,
    database: Database,
    specs: Sequence[LoadSpec],
    after: float | None,
) -> tuple[int, float]:
    """Put what is new into the outbox; return how much, and where failed runs continue."""
    failed_runs = FailedRuns(instance, database, specs)
    of_ledger = LedgerEvents(database, specs).collect()
    of_dagster, next_after = failed_runs.collect(after)
    return of_ledger + of_dagster, next_after


def deliver_all(database: Database, settings: Settings) -> list[str]:
    """Send what waits over every channel; return one sentence for each channel and complaint."""
    templates = Templates(settings.templates, dagster_url=settings.dagster_url)
    outbox, now_s = Outbox(database), SystemClock().now_s
    passed = [deliver(outbox, channel, templates, now_s) for channel in settings.channels]
    sentences = [one.sentence for one in passed]
    if not settings.channels and not settings.complaints:
        sentences = [f"Nobody is told: {HOW}"]
    return [*sentences, *settings.complaints, *dict.fromkeys(templates.complaints)]


def notifier(specs: Sequence[LoadSpec]) -> dg.SensorDefinition:
    """Make the sensor; its first tick comes when the daemon starts."""

    @dg.sensor(
        name="notifier",
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        target=[dg.AssetKey(spec.asset_name) for spec in specs],
        description="Tells people by mail and webhook when loads complete, fail, stop themselves "
        "or leave gaps. It launches nothing and writes nothing to an org.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        after = float(context.cursor) if context.cursor else None
        try:
            with closing(Database(ledger_url())) as database:
                noticed, next_after = collect(context.instance, database, specs, after)
                sentences = deliver_all(database, settings_from(os.environ))
        except DcError as error:
            return dg.SensorResult(skip_reason=printable(str(error)), cursor=context.cursor)
        said = " ".join([f"{noticed} new notifications.", *sentences])
        return dg.SensorResult(skip_reason=printable(said), cursor=f"{next_after:.6f}")

    return sensor
