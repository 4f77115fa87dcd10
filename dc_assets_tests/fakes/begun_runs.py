"""Dagster runs that stand still at a step: what a machine that died leaves behind."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData

from dc_assets.core.spec import LoadSpec
from dc_assets.orchestration.assets import partitions_of
from dc_assets.orchestration.our_runs import IN_PROCESS

EXECUTES_ITSELF = f"{IN_PROCESS} (pid: 4711)"
EXECUTES_ELSEWHERE = "Executing steps using multiprocess executor: parent process (pid: 4711)"


def definitions_around(spec: LoadSpec) -> dg.Definitions:
    """Return the asset of a spec and its checks amid assets of others, and a job over all.

    The steps do nothing: what counts is what Dagster writes down of them.
    """

    @dg.asset(partitions_def=partitions_of(spec))
    def upstream() -> None: ...

    @dg.asset(name=spec.asset_name, partitions_def=partitions_of(spec), deps=[upstream])
    def ours() -> None: ...

    @dg.asset(partitions_def=partitions_of(spec), deps=[spec.asset_name])
    def downstream() -> None: ...

    @dg.asset_check(asset=spec.asset_name)
    def of_others() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    return dg.Definitions(
        assets=[upstream, ours, downstream],
        asset_checks=[of_others],
        jobs=[
            dg.define_asset_job("nightly", selection=["upstream", spec.asset_name, "downstream"]),
            dg.define_asset_job("theirs", selection=["upstream", "downstream"]),
            dg.define_asset_job(
                "their_check", selection=dg.AssetSelection.checks_for_assets(spec.asset_name)
            ),
        ],
    )


def begun(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    *,
    executor: str = EXECUTES_ITSELF,
    ended: Sequence[str] = (),
    at_work: str = "",
    failed: str = "",
) -> str:
    """Create a run of a job, as Dagster does, and let it come to some step; return its id."""
    run = instance.create_run_for_job(job, tags={"dagster/partition": "r1-01"})
    _say(instance, run, "PIPELINE_START")
    instance.report_engine_event(executor, run)
    for step in (*ended, at_work, failed):
        if step:
            _say(instance, run, "STEP_START", step)
    for step in ended:
        _say(instance, run, "STEP_SUCCESS", step, StepSuccessData(duration_ms=1.0))
    if failed:
        _say(instance, run, "STEP_FAILURE", failed, StepFailureData(None, None))
    return run.run_id


def _say(
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    event_type: str,
    step: str | None = None,
    told: StepSuccessData | StepFailureData | None = None,
) -> None:
    event = dg.DagsterEvent(
        event_type_value=event_type,
        job_name=run.job_name,
        step_key=step,
        event_specific_data=told,
    )
    instance.report_dagster_event(event, run.run_id)
