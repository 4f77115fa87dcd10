"""Tells people of loads: what happened goes to the outbox, and then to them."""

from collections.abc import Sequence
from contextlib import closing

import dagster as dg

from dc_assets.delivery.deliver import deliver
from dc_assets.delivery.settings import HOW, DeliverySettings, settings_from
from dc_assets.delivery.templates import Templates
from dc_assets.ledger.clock import SystemClock
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.failed_runs import FailedRuns, ledger_events
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.wiring.settings import ledger_url, read_settings


def collect(
    instance: dg.DagsterInstance,
    database: Database,
    loads: Sequence[PlacedLoad],
    after: float | None,
) -> tuple[int, float]:
    """Put what is new into the outbox; return how much, and where failed runs continue."""
    failed_runs = FailedRuns(instance, database, loads)
    of_ledger = ledger_events(database, loads).collect()
    of_dagster, next_after = failed_runs.collect(after)
    return of_ledger + of_dagster, next_after


def deliver_all(database: Database, settings: DeliverySettings) -> list[str]:
    """Send what waits over every channel; return one sentence for each channel and complaint."""
    templates = Templates(settings.templates, dagster_url=settings.dagster_url)
    outbox, now_s = Outbox(database), SystemClock().now_s
    passed = [deliver(outbox, channel, templates, now_s) for channel in settings.channels]
    sentences = [one.sentence for one in passed]
    if not settings.channels and not settings.complaints:
        sentences = [f"Nobody is told: {HOW}"]
    return [*sentences, *settings.complaints, *dict.fromkeys(templates.complaints)]


def notify_all(
    instance: dg.DagsterInstance, loads: Sequence[PlacedLoad], after: float | None
) -> tuple[str, float]:
    """Collect and deliver, by the ledger; return what to say, and where failed runs continue."""
    with closing(Database(ledger_url())) as database:
        noticed, next_after = collect(instance, database, loads, after)
        sentences = deliver_all(database, settings_from(read_settings().texts()))
    return " ".join([f"{noticed} new notifications.", *sentences]), next_after
