"""Puts Dagster runs of ours that failed for good into the outbox."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import dagster as dg

from dc_assets.core.events import OFFERED_FOR_S, EventKind
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.failures import KIND
from dc_assets.views.events import LedgerEvents, range_of_run

FAILED = [dg.DagsterRunStatus.FAILURE]
UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

WILL_RETRY_TAG = "dagster/will_retry"
RETRIED_BY_TAG = "dagster/auto_retry_run_id"
PARTITION_TAG = "dagster/partition"

TAG_WAIT_S = 60.0
"""Dagster says whether it will retry a run a moment after the run failed."""

RETRY_WAIT_S = 600.0
"""A promised retry that has not come by then is given up: its backfill may have ended before."""

OVERLAP_S = 60.0
"""Runs may show up so late behind newer ones; a known key makes the overlap harmless."""

KINDS: dict[str, EventKind] = {"breaker": "breaker", "budget": "budget"}
"""What a step may say of its failure; everything else is `failed`."""

SENTENCE_CHARS_MAX = 1_000


class FailedRuns:
    """Failed runs of some specs in one Dagster instance."""

    def __init__(
        self, instance: dg.DagsterInstance, database: Database, specs: Sequence[LoadSpec]
    ) -> None:
        self._instance = instance
        self._database = database
        self._outbox = Outbox(database)
        self._events = LedgerEvents(database, specs)
        self._specs = specs

    def busy(self) -> set[str]:
        """Return the names of the specs that unfinished runs work on."""
        records = self._instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
        return {spec.name for _, spec in self._ours(records)}

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
        added, next_after, undecided = 0, after, False
        for record, spec in self._ours(records):
            verdict = will_retry(record, now_s, asks_for_tag=self._instance.run_retries_enabled)
            undecided = undecided or verdict is None
            if not undecided:
                next_after = max(next_after, record.update_timestamp.timestamp() - OVERLAP_S)
            if verdict is False:
                added += self._add(record.dagster_run, spec)
        return added, next_after

    def _ours(self, records: Sequence[dg.RunRecord]) -> Iterator[tuple[dg.RunRecord, LoadSpec]]:
        for record in records:
            if spec := spec_of(record.dagster_run, self._specs):
                yield record, spec

    def _add(self, run: dg.DagsterRun, spec: LoadSpec) -> bool:
        key = f"failed:{run.run_id}"
        if not self._outbox.unknown([key]) or self._events.has_gap(run.run_id):
            return False
        failure = _failure_of(self._instance, run.run_id)
        partition = run.tags.get(PARTITION_TAG, "")
        figures = range_of_run(self._database, spec.name, partition, run.run_id)
        facts: dict[str, Any] = {
            "run_id": run.run_id,
            "partition": partition,
            "sentence": failure.sentence[:SENTENCE_CHARS_MAX],
            "command": command_after(run, spec),
            "page": f"runs/{run.run_id}",
            **figures,
        }
        return self._outbox.add(failure.kind, spec.name, key, facts)


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


def command_after(run: dg.DagsterRun, spec: LoadSpec) -> str:
    """Return the command that resumes where a run failed."""
    mode = _mode_of(run, spec)
    partition = run.tags.get(PARTITION_TAG)
    words = ["dc-assets", "run", spec.name]
    checks_only = names_in(run) and dg.AssetKey(spec.asset_name) not in (run.asset_selection or ())
    if checks_only:
        words = ["dc-assets", "reconcile", spec.name]
    elif mode == "replay":
        words = ["dc-assets", "replay", spec.name]
    elif mode in {"missing", "changed"}:
        words.append(f"--{mode}")
    return " ".join([*words, *(["--partitions", partition] if partition else [])])


def _mode_of(run: dg.DagsterRun, spec: LoadSpec) -> str:
    ops: Any = run.run_config.get("ops", {})
    return str(ops.get(spec.asset_name, {}).get("config", {}).get("mode", "full"))


class _Failure(NamedTuple):
    kind: EventKind
    sentence: str


def _failure_of(instance: dg.DagsterInstance, run_id: str) -> _Failure:
    """Return why a run failed: our own sentence if a step said one, else Dagster's.

    The text of an error that is none of ours stays in Dagster: it may quote values of rows.
    """
    for event in _events(instance, run_id, dg.DagsterEventType.STEP_FAILURE):
        said = event.step_failure_data.user_failure_data
        if said is not None and said.description:
            told = said.metadata[KIND].value if KIND in said.metadata else None
            return _Failure(KINDS.get(str(told), "failed"), said.description)
        error = event.step_failure_data.error
        name = (error.cause or error).cls_name if error else None
        return _Failure(
            "failed", f"An error that is none of ours ended the run: {name}. Its page shows it."
        )
    for event in _events(instance, run_id, dg.DagsterEventType.RUN_FAILURE):
        if event.message:
            return _Failure("failed", event.message)
    return _Failure("failed", "The run failed, and Dagster does not say why.")


def _events(
    instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType
) -> list[dg.DagsterEvent]:
    records = instance.get_records_for_run(run_id, of_type=kind).records
    entries = (record.event_log_entry.dagster_event for record in records)
    return [event for event in entries if event is not None]


def names_in(run: dg.DagsterRun) -> set[str]:
    """Return the names of the assets that a run was launched on.

    They are empty for a run of a job: then the job says what it works on.
    """
    keys = set(run.asset_selection or ())
    keys |= {check.asset_key for check in run.asset_check_selection or ()}
    return {key.to_user_string() for key in keys}


def spec_of(run: dg.DagsterRun, specs: Sequence[LoadSpec]) -> LoadSpec | None:
    """Return the spec of a run that works on nothing but ours, the first of several; else None."""
    names = names_in(run)
    owners = {name: s for s in specs for name in (s.asset_name, f"{s.name}_audit")}
    if names:
        return owners[min(names)] if names <= owners.keys() else None
    return next((spec for spec in specs if run.job_name == f"{spec.name}_refresh"), None)
