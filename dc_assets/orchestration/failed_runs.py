"""Puts Dagster runs that failed for good, in a part that is ours, into the outbox."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from dc_assets.core.events import OFFERED_FOR_S
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.our_runs import Content, OurRuns, Part
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.run_failures import Failure, failures_of
from dc_assets.views.events import LedgerEvents, range_of_run

FAILED = [dg.DagsterRunStatus.FAILURE]

WILL_RETRY_TAG = "dagster/will_retry"
RETRIED_BY_TAG = "dagster/auto_retry_run_id"
PARTITION_TAG = "dagster/partition"

TAG_WAIT_S = 60.0
"""Dagster says whether it will retry a run a moment after the run failed."""

RETRY_WAIT_S = 600.0
"""A promised retry that has not come by then is given up: its backfill may have ended before."""

OVERLAP_S = 60.0
"""Runs may show up so late behind newer ones; a known key makes the overlap harmless."""

SENTENCE_CHARS_MAX = 1_000


class FailedRuns:
    """Failed runs in one Dagster instance that held assets or checks of some specs."""

    def __init__(
        self, instance: dg.DagsterInstance, database: Database, loads: Sequence[PlacedLoad]
    ) -> None:
        self._instance = instance
        self._database = database
        self._outbox = Outbox(database)
        self._events = ledger_events(database, loads)
        self._ours = OurRuns(instance, loads)

    def collect(self, after: float | None) -> tuple[int, float]:
        """Keep the runs that failed for good since a moment; return how many, and a new moment.

        A run that Dagster may still start again holds the moment back.
        """
        now_s = self._outbox.now_s()
        after = now_s - OFFERED_FOR_S if after is None else after
        records = self._instance.get_run_records(
            dg.RunsFilter(statuses=FAILED, updated_after=datetime.fromtimestamp(after, UTC)),
            order_by="update_timestamp",
            ascending=True,
        )
        contents = self._ours.among(records)
        added, next_after, undecided = 0, after, False
        for record in records:
            content = contents.get(record.dagster_run.run_id)
            if content is None:
                continue
            verdict = will_retry(record, now_s, asks_for_tag=self._instance.run_retries_enabled)
            undecided = undecided or verdict is None
            if not undecided:
                next_after = max(next_after, record.update_timestamp.timestamp() - OVERLAP_S)
            if verdict is False:
                added += self._add(record.dagster_run, content)
        return added, next_after

    def _add(self, run: dg.DagsterRun, content: Content) -> int:
        """Keep one notification for each spec that a run failed for; return how many."""
        keys = _keys(run, content)
        unknown = self._outbox.unknown(keys.values())
        if not unknown:
            return 0
        added = 0
        for part, failure in failures_of(self._instance, run.run_id, content):
            name = part.spec.name
            if keys[name] in unknown and not self._events.has_gap(run.run_id, name):
                facts = self._facts(run, part, failure)
                added += self._outbox.add(failure.kind, name, keys[name], facts)
        return added

    def _facts(self, run: dg.DagsterRun, part: Part, failure: Failure) -> dict[str, Any]:
        partition = run.tags.get(PARTITION_TAG, "")
        return {
            "run_id": run.run_id,
            "partition": partition,
            "sentence": failure.sentence[:SENTENCE_CHARS_MAX],
            "command": command_after(run, part),
            "page": f"runs/{run.run_id}",
            **range_of_run(self._database, part.spec.name, partition, run.run_id),
        }


def ledger_events(database: Database, loads: Sequence[PlacedLoad]) -> LedgerEvents:
    """Return the events of some loads, each with its page in the UI."""
    pages = {one.spec.name: one.page for one in loads}
    return LedgerEvents(database, [one.spec for one in loads], pages)


def will_retry(record: dg.RunRecord, now_s: float, *, asks_for_tag: bool) -> bool | None:
    """Tell whether Dagster starts a failed run again by itself; None if that is not certain yet.

    A run that failed days ago is not told of, whatever changed its record now.
    """
    tags = record.dagster_run.tags
    ended_s = record.end_time or record.update_timestamp.timestamp()
    if tags.get(RETRIED_BY_TAG) or now_s - ended_s > OFFERED_FOR_S:
        return True
    promise = tags.get(WILL_RETRY_TAG)
    if promise == "true":
        return None if now_s - ended_s < RETRY_WAIT_S else False
    if promise is None and asks_for_tag and now_s - ended_s < TAG_WAIT_S:
        return None
    return False


def command_after(run: dg.DagsterRun, part: Part) -> str:
    """Return the command that resumes where a run failed."""
    mode = _mode_of(run, part)
    partition = run.tags.get(PARTITION_TAG)
    words = ["dc-assets", "run", part.spec.name]
    if not part.loads:
        words = ["dc-assets", "reconcile", part.spec.name]
    elif mode == "replay":
        words = ["dc-assets", "replay", part.spec.name]
    elif mode in {"missing", "changed"}:
        words.append(f"--{mode}")
    return " ".join([*words, *(["--partitions", partition] if partition else [])])


def _mode_of(run: dg.DagsterRun, part: Part) -> str:
    ops: Any = run.run_config.get("ops", {})
    return str(ops.get(part.load.op_name, {}).get("config", {}).get("mode", "full"))


def _keys(run: dg.DagsterRun, content: Content) -> dict[str, str]:
    """Return the key of the notification for each spec of a run."""
    key = f"failed:{run.run_id}"
    if len(content.parts) == 1:
        return {content.parts[0].spec.name: key}
    return {part.spec.name: f"{key}:{part.spec.name}" for part in content.parts}
