"""Tells the Dagster UI how far a partition is while it loads, and what it took afterwards."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import dagster as dg

from dc_assets.core.load_state import RowCounts
from dc_assets.core.printable import printable
from dc_assets.core.run_events import Note, RunEvent
from dc_assets.load.partition import LoadedRange
from dc_assets.load.ports import Clock
from dc_assets.orchestration.lineage import ROWS, URI, records_uri
from dc_assets.orchestration.tables import table_of
from dc_assets.pages.lanes_picture import lanes_picture
from dc_assets.views.progress import JobBar, Snapshot
from dc_assets.wiring.connect import OpenLoad

APART_S_MIN = 5.0
STEP_MIN = 20.0
SILENT_S_MIN, SILENT_S_MAX = 120.0, 300.0
LOOKS_APART_S_MAX = 60.0


def look_again_s(elapsed_s: float) -> float:
    """Return the wait before the next look: the longer a run lasts, the less one more look tells.

    A look adds up all batches of the load, so each run would pay for the rows of all others.

    >>> look_again_s(10.0), look_again_s(400.0), look_again_s(36_000.0)
    (5.0, 20.0, 60.0)
    """
    return min(max(APART_S_MIN, elapsed_s / 20), LOOKS_APART_S_MAX)


@dataclass(slots=True)
class Throttle:
    """Lets few observations through: each is an event that stays in Dagster's storage.

    Two are at least 5 s and 20 % of the rows apart. Where less happens, there is one in two minutes
    at first, and one in five minutes after an hour.
    """

    began_s: float
    last_s: float
    last_percent: float = 0.0

    def lets(self, now_s: float, percent: float) -> bool:
        """Tell whether it is time for an observation, and count it if so.

        >>> throttle = Throttle(began_s=0.0, last_s=0.0)
        >>> looks = ((4.0, 29.0), (5.0, 29.0), (50.0, 48.9), (125.0, 48.9), (3600.0, 48.9))
        >>> [throttle.lets(*at) for at in (*looks, (3700.0, 48.9), (3900.0, 48.9))]
        [False, True, False, True, True, False, True]
        """
        passed_s = now_s - self.last_s
        is_step = percent - self.last_percent >= STEP_MIN
        silent_s = min(max(SILENT_S_MIN, (now_s - self.began_s) / 10), SILENT_S_MAX)
        if passed_s < APART_S_MIN or not (is_step or passed_s >= silent_s):
            return False
        self.last_s, self.last_percent = now_s, percent
        return True


@contextmanager
def progress_told(context: dg.AssetExecutionContext, opened: OpenLoad) -> Generator[None]:
    """Log observations of the run's partition, from a thread of its own, while the block runs."""
    keys = list(opened.spec.ranges)
    with observed(context, lambda: opened.progress.look(keys), opened.ports.clock):
        yield


@contextmanager
def observed(
    context: dg.AssetExecutionContext, look: Callable[[], Snapshot], clock: Clock
) -> Generator[None]:
    """Follow what a look returns; no error of it reaches the block.

    Dagster's log handler is made for several threads (`DagsterLogHandler`, 1.13), and the thread
    ends before the step takes up the events that were logged.
    """
    key, stop = context.partition_key, threading.Event()
    began_s = clock.now_s()
    throttle = Throttle(began_s, began_s)

    def tell() -> None:
        seen = look()
        partition = seen.load.partitions.get(key) if seen.load else None
        if partition is not None and throttle.lets(clock.now_s(), percent_of(partition.rows)):
            metadata = observation_of(seen, key, partition.rows)
            context.log_event(
                dg.AssetObservation(asset_key=context.asset_key, partition=key, metadata=metadata)
            )

    def follow() -> None:
        is_warned = False
        while not stop.wait(clock.wall_s(look_again_s(clock.now_s() - began_s))):
            try:
                tell()
            except Exception as error:  # noqa: BLE001 - whatever it is, the load continues
                with suppress(Exception):
                    if not is_warned:
                        context.log.warning("Progress cannot be told: %s", printable(str(error)))
                is_warned = True

    thread = threading.Thread(target=follow, name="observations", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def percent_of(rows: RowCounts) -> float:
    """Return the share of rows that have an outcome; 0 until they are read."""
    return 100.0 * rows.done / rows.selected if rows.selected else 0.0


def observation_of(seen: Snapshot, key: str, rows: RowCounts) -> dict[str, Any]:
    """Return what the UI plots of a partition while it loads: numbers only."""
    metadata: dict[str, Any] = {
        "rows done": rows.done,
        "percent": round(percent_of(rows), 1),
        "rows per second": round(seen.rows_per_s(key), 1),
        "pending": rows.pending,
        "refused": rows.refused,
        "locked rows": rows.locked,
        "jobs in flight": rows.in_flight,
    }
    left = {"seconds left of the load": seen.seconds_left(), "seconds left": seen.seconds_left(key)}
    metadata |= {name: round(seconds) for name, seconds in left.items() if seconds is not None}
    if seen.api_calls_left is not None:
        metadata["API calls left"] = seen.api_calls_left
    return metadata


def metadata_of(opened: OpenLoad, loaded: LoadedRange) -> dict[str, Any]:
    """Return what the UI shows and plots of one materialization."""
    totals = loaded.totals
    jobs = opened.progress.jobs(loaded.load_id, loaded.partition_key)
    metadata: dict[str, Any] = {
        URI: records_uri(opened.org.session.org.client.base_url, opened.spec),
        "id range": printable(str(opened.spec.ranges[loaded.partition_key])),
        "load": loaded.load_id,
        "verdict": "not checked yet" + (f", {totals.refused:,} refused" if totals.refused else ""),
        "selected": totals.selected,
        "landed": totals.landed,
        "refused": totals.refused,
        "pending": totals.pending,
        "locked rows": totals.locked,
        "rows sent again": totals.retried,
        "jobs": totals.jobs,
        "seconds": round(loaded.seconds, 1),
        "rows per second": round(totals.landed / max(loaded.seconds, 0.001)),
    }
    if opened.mode == "full":  # the other modes send some rows of the partition
        metadata[ROWS] = totals.landed
    if totals.refused_by_code:
        by_rows = totals.refused_by_code.items()
        metadata["refusals"] = table_of([{"code": code, "rows": rows} for code, rows in by_rows])
    return metadata | _picture(jobs, opened.ports.note)


def _picture(jobs: Sequence[JobBar], note: Note) -> dict[str, Any]:
    """Draw the jobs; the rows have landed, so a fault of the plot must not fail the run."""
    try:
        picture = lanes_picture(jobs)
    except Exception as error:  # noqa: BLE001 - whatever it is
        note(RunEvent("picture_failed", {"cause": str(error)}))
        return {}
    return {} if picture is None else {"jobs by lane": dg.MetadataValue.md(picture)}
