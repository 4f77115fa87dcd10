"""Who carries out runs where a broker hands them out: the workers of Celery and their slots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from dc_assets.core.errors import ConfigError
from dc_assets.core.examination import Seen, not_asked, ok, red, warned
from dc_assets.wiring.dagster_instance import DagsterInstance
from dc_assets.wiring.settings import text_of_dagster

BY_CELERY = "CeleryRunLauncher"
SHARED_QUEUE = "dagster"
"""The queue of every instance that names none."""

ANSWERS_WITHIN_S = 3.0

WAITS = (
    "A run that waits for a worker counts as starting, and is failed after "
    "run_monitoring.start_timeout_seconds."
)


def workers(found: DagsterInstance) -> Iterator[Seen]:
    """Ask the workers of the instance's queue, if runs are carried out by such."""
    if found.launcher != BY_CELERY:
        return
    try:
        queue = text_of_dagster(found.launcher_config.get("default_queue")) or SHARED_QUEUE
        broker = text_of_dagster(found.launcher_config.get("broker"))
    except ConfigError as error:
        yield not_asked(f"The workers of Celery were not asked. {error}")
        return
    if queue == SHARED_QUEUE:
        yield warned(
            f"Runs go to the queue {SHARED_QUEUE}, as those of every instance that names none.",
            "Two instances on one broker carry out each other's runs: give each a default_queue.",
        )
    try:
        yield seen_of(_slots(broker, queue), queue, found.pool_limit)
    except ModuleNotFoundError as error:
        yield not_asked(
            f"The workers of Celery were not asked: {error.name} is not installed here."
        )


def seen_of(slots: Mapping[str, int], queue: str, pool_limit: int) -> Seen:
    """Compare what workers carry out at once with what the pool lets go."""
    if not slots:
        return red(
            f"No worker takes runs from the queue {queue}.",
            f"{WAITS} Start one on each host: dagster-celery worker start -A dagster_celery.app "
            f"-q {queue} (docs/deploy.md).",
        )
    total = sum(slots.values())
    text = f"{', '.join(sorted(slots))} of the queue {queue} carry out {total} at once"
    if total < pool_limit:
        return warned(
            f"{text}, and the pool lets {pool_limit} runs go.",
            f"{WAITS} Give the workers more slots (-c), or lower concurrency.pools.default_limit "
            "in dagster.yaml.",
        )
    return ok(f"{text}, and the pool lets {pool_limit} runs go")


def _slots(broker: str, queue: str) -> Mapping[str, int]:
    """Return how many runs each worker of a queue carries out at once, by its name.

    Raises:
        ConfigError: the broker does not answer.
        ModuleNotFoundError: celery is not installed here.
    """
    celery: Any = import_module("celery")
    exceptions: Any = import_module("kombu.exceptions")
    app = celery.Celery(broker=broker, set_as_current=False)
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=ANSWERS_WITHIN_S)
            asked = app.control.inspect(timeout=ANSWERS_WITHIN_S, connection=connection)
            queues: dict[str, Any] = asked.active_queues() or {}
            stats: dict[str, Any] = asked.stats() or {}
    except (exceptions.KombuError, OSError) as error:
        raise ConfigError(
            f"The broker of the run launcher does not answer ({type(error).__name__}). Start it, "
            "or correct the variable that dagster.yaml reads its address from."
        ) from None
    ours = [name for name, taken in queues.items() if queue in {one["name"] for one in taken}]
    return {name: int(stats[name]["pool"]["max-concurrency"]) for name in ours if name in stats}
