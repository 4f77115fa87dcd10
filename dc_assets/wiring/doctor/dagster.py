"""A Dagster that runs: webserver, code location, daemon, queue, pool, storage."""

from __future__ import annotations

from collections.abc import Iterator

from dc_assets.core.examination import Seen, not_asked, ok, red, warned
from dc_assets.wiring.dagster_api import DAGSTER_URL, NoWebserver, Webserver
from dc_assets.wiring.dagster_instance import DagsterInstance
from dc_assets.wiring.doctor.subject import Subject, opened
from dc_assets.wiring.doctor.workers import workers
from dc_assets.wiring.settings import has_dagster_home

SETTINGS_ARE_WRITTEN = "dc-assets home FOLDER writes the settings that were tried."


def dagster(subject: Subject) -> Iterator[Seen]:
    """Ask the webserver, if the settings name one or there is a home."""
    url = opened(subject.seen.settings).dagster_url.get_secret_value()
    if not url and not has_dagster_home():
        yield not_asked("Neither DC_ASSETS_DAGSTER_URL nor DAGSTER_HOME is set.")
        return
    webserver = Webserver(url or DAGSTER_URL)
    subject.cleanup.callback(webserver.close)
    try:
        found = webserver.instance()
    except NoWebserver:
        text = f"No webserver answers at {webserver.url}."
        remedy = "Start webserver and daemon (dc-assets dev), or load without: run --local"
        yield (
            red(text, f"{remedy}, with DC_ASSETS_DAGSTER_URL unset.")
            if url
            else warned(text, f"{remedy}.")
        )
        return
    yield ok(f"{webserver.url} answers, storage {found.storage or 'not told'}")
    yield from _of(subject, found)
    yield from workers(found)


def _of(subject: Subject, found: DagsterInstance) -> Iterator[Seen]:
    yield from _locations(subject, found)
    if found.silent:
        yield red(
            f"No heartbeat of the daemon ({', '.join(found.silent)}).",
            "Start it on the same DAGSTER_HOME: dagster-daemon run -w workspace.yaml",
        )
    else:
        yield ok("the daemon lives")
    if not found.queues_runs:
        yield warned("Runs do not wait in a queue: all start at once.", SETTINGS_ARE_WRITTEN)
    elif found.pool_granularity != "run":
        yield warned(
            f"The pool counts by {found.pool_granularity}, not by run: runs wait as processes.",
            f"Set concurrency.pools.granularity: run in dagster.yaml. {SETTINGS_ARE_WRITTEN}",
        )
    else:
        yield ok("runs wait in the queue, pools count by run")


def _locations(subject: Subject, found: DagsterInstance) -> Iterator[Seen]:
    for name, reason in found.broken.items():
        yield red(
            f"The code location {name} is not loaded: {reason}",
            "Correct it, then in the UI: Deployment > Code locations > Reload.",
        )
    there = {one.name for one in found.loads}
    missing = [one.name for one in subject.specs if one.name not in there]
    if missing and not found.broken:
        yield red(
            f"Dagster has no asset of the load {', '.join(missing)}.",
            "Give the code location the same DC_ASSETS_LOADS, then reload it: Deployment > Code "
            "locations > Reload.",
        )
    elif not found.broken:
        yield ok(f"{found.assets} assets, those of the load specs among them")
