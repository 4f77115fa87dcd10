"""Daily refresh: a sensor that looks what changed in the source, and a schedule as a backstop.

Both start STOPPED: starting the services never writes to an org. They share one job, whose runs
have the asset, pool and config schema of every other run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from dc_assets.core.errors import ConfigError, DcError
from dc_assets.core.printable import markdown_code, printable
from dc_assets.core.refresh import DueRefresh, PastRefresh, RefreshNeeds, choose
from dc_assets.orchestration.assets import refreshing
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.resources import salesforce_of
from dc_assets.orchestration.source_events import told_of_source

if TYPE_CHECKING:  # what define_asset_job returns has no public name in Dagster 1.13
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as Job,
    )

    from dc_assets.wiring.source_look import Seen

REFRESH_TAG = "dc_assets/refresh"
"""Value: partition and state of the source, so that a tick finds what became of its requests."""

PAST_RUNS_MAX = 50
RETRY_WITHIN_S = 120.0
"""Dagster starts a run that lost its worker again within seconds; so long it is not given up."""

ENDED = frozenset(
    {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
)


def refresh_of(placed: PlacedLoad) -> tuple[Job, dg.SensorDefinition, dg.ScheduleDefinition]:
    """Make job, sensor and schedule of one load.

    Raises:
        ConfigError: refresh.cron is no cron line.
    """
    job = dg.define_asset_job(
        placed.named("refresh"),
        selection=dg.AssetSelection.assets(placed.asset_key),
        description=f"Brings changes of {markdown_code(placed.spec.source.place)} over, partition "
        "by partition.",
    )
    return job, _sensor(placed, job), _schedule(placed, job)


def _sensor(placed: PlacedLoad, job: Job) -> dg.SensorDefinition:
    spec, options = placed.spec, placed.options

    @dg.sensor(
        name=placed.named("changes"),
        job=job,
        required_resource_keys={options.resource_key},
        minimum_interval_seconds=spec.refresh.looks_every_s,
        description="Looks by one query which partitions of the source changed since the "
        "sides last agreed, and starts a run in mode `changed` for each of them.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            seen = salesforce_of(context.resources, options).look_at_source(spec, context.log)
        except DcError as error:
            return dg.SkipReason(printable(str(error)))
        requests, said = _requested(placed, seen, PastRuns(context.instance, job.name))
        if requests:
            context.log.info(said)
        events, cursor = told_of_source(placed, seen, context)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else said,
            asset_events=events,
            cursor=cursor,
        )

    return sensor


def _requested(
    placed: PlacedLoad, seen: Seen, past: PastRuns
) -> tuple[Sequence[dg.RunRequest], str]:
    """Return the runs that bring changes over, and what is said of the tick."""
    spec, look = placed.spec, seen.look
    if seen.is_stopped:
        return (), f"{spec.name} was stopped by an operator: dc-assets run resumes."
    states = {key: look.states.get(key, "") for key in spec.ranges}
    needs = RefreshNeeds(states, seen.proved, seen.held, past.of)
    choice = choose(needs, now_s=seen.now_s, retry_after_s=spec.refresh.retry_after_s)
    said = f"{look.rows_scanned:,} rows scanned"
    if choice.due:
        changed = ", ".join(due.partition_key for due in choice.due)
        return [_request(placed, due) for due in choice.due], f"{said}, changed: {changed}"
    said += ", nothing is to be brought over"
    return (), f"{said}; {'; '.join(choice.waiting)}." if choice.waiting else f"{said}."


def _request(placed: PlacedLoad, due: DueRefresh) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=due.run_key,
        partition_key=due.partition_key,
        run_config=_changed(placed),
        tags={REFRESH_TAG: f"{due.partition_key}:{due.state_id}"},
    )


def _changed(placed: PlacedLoad) -> dg.RunConfig:
    return dg.RunConfig(ops={placed.op_name: refreshing(placed.spec)})


class PastRuns:
    """What Dagster knows of the runs that a refresh requested."""

    def __init__(self, instance: dg.DagsterInstance, job_name: str) -> None:
        self._instance = instance
        self._job_name = job_name

    def of(self, partition_key: str, state_id: str) -> PastRefresh:
        """Return what became of the runs for a partition and state of the source."""
        filters = dg.RunsFilter(
            job_name=self._job_name, tags={REFRESH_TAG: f"{partition_key}:{state_id}"}
        )
        records = self._instance.get_run_records(filters, limit=PAST_RUNS_MAX)
        ended = [record for record in records if record.dagster_run.status in ENDED]
        return PastRefresh(
            at_work=len(ended) < len(records),
            ended=len(ended),
            ended_at_s=max((_ended_at_s(record) for record in ended), default=0.0),
        )


def _ended_at_s(record: dg.RunRecord) -> float:
    """Return when a run ended, or when it must have been started again, if Dagster does that."""
    ended_at_s = record.end_time or record.update_timestamp.timestamp()
    will_retry = record.dagster_run.tags.get("dagster/will_retry") == "true"
    return ended_at_s + (RETRY_WITHIN_S if will_retry else 0.0)


def _schedule(placed: PlacedLoad, job: Job) -> dg.ScheduleDefinition:
    spec = placed.spec
    try:

        @dg.schedule(
            name=placed.named("daily"),
            job=job,
            cron_schedule=spec.refresh.cron,
            execution_timezone=spec.time_zone,
            description="Compares all partitions with the target and sends the rows that differ; "
            "so it finds what no modification time tells. Before the first load it is that load.",
        )
        def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
            at = context.scheduled_execution_time.isoformat()
            return [
                dg.RunRequest(run_key=f"{key}:{at}", partition_key=key, run_config=_changed(placed))
                for key in spec.ranges
            ]

    except dg.DagsterInvalidDefinitionError as error:
        raise ConfigError(
            f"refresh.cron of the spec {spec.name}: {spec.refresh.cron!r} is no cron line. "
            'Write five fields, such as "0 2 * * *".'
        ) from error
    return schedule
