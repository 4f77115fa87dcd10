"""The asset and its checks in one process, against an emulated org."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dagster as dg
import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import load_asset
from dc_assets.orchestration.checks import load_checks
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets_tests.acceptance.stage import Stage, wait_until

pytestmark = pytest.mark.acceptance

COUNT, STAGES = "row_count_matches", "stage_name_distribution_matches"
Evaluations = Mapping[str, dg.AssetCheckEvaluation]


@contextmanager
def settings(values: Mapping[str, str]) -> Generator[None]:
    """Make some variables those of this process while the block runs."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def own_settings(stage: Stage) -> dict[str, str]:
    """Return the folders of a stage as settings of this process."""
    own = {k: stage.environment[k] for k in ("DC_ASSETS_DATA", "DC_ASSETS_LOADS")}
    return {**own, "DC_ASSETS_LEDGER_URL": ""}


def salesforce_of(stage: Stage) -> SalesforceResource:
    """Return the resource that logs in to a stage's org."""
    ready = stage.org.ready
    return SalesforceResource(
        login_url=ready["base_url"],
        client_id=ready["client_id"],
        client_secret=ready["client_secret"],
    )


@contextmanager
def meddled(stage: Stage, rows: int, sql: str | None) -> Generator[None]:
    """Change Core by the side door when all rows of a load are in it, and before it is checked."""

    def meddle() -> None:
        wait_until(lambda: len(stage.org.core_ids()) == rows, "all rows are in Core")
        stage.org.sql(str(sql))
        stage.org.tell("release")

    if sql is None:
        yield
        return
    stage.org.tell("hold", kind="results", when="before")
    with ThreadPoolExecutor(1) as pool:
        meddling = pool.submit(meddle)
        yield
        meddling.result()


def materialized(stage: Stage, key: str, *, sql: str | None = None) -> tuple[bool, Evaluations]:
    """Load a partition and check it; the SQL runs in Core between the two."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    with (
        settings(own_settings(stage)),
        dg.DagsterInstance.ephemeral() as instance,
        meddled(stage, 30, sql),
    ):
        result = dg.materialize(
            [load_asset(PlacedLoad(spec)), load_checks(PlacedLoad(spec))],
            partition_key=key,
            resources={"salesforce": salesforce_of(stage)},
            instance=instance,
            raise_on_error=False,
        )
        assert instance.get_materialized_partitions(dg.AssetKey(spec.asset_name)) == {key}
    evaluations = result.get_asset_check_evaluations()
    assert {evaluation.partition for evaluation in evaluations} == {key}
    return result.success, {evaluation.check_name: evaluation for evaluation in evaluations}


def summary(evaluation: dg.AssetCheckEvaluation) -> str:
    """Return the sentence of a check."""
    return str(evaluation.metadata["summary"].value)


def test_refused_rows_warn_and_the_run_succeeds(stage: Stage) -> None:
    """A dead letter explains what is missing, so nothing is blocked; yet it is no pass."""
    success, said = materialized(stage, "r1-02")
    assert success
    for evaluation in (said[COUNT], said[STAGES]):
        assert not evaluation.passed
        assert evaluation.severity is dg.AssetCheckSeverity.WARN
        assert evaluation.metadata["unexplained"].value == 0
    assert "1 refused, 0 unexplained" in summary(said[COUNT])


def test_a_row_that_is_gone_from_core_is_an_error_and_fails_the_run(stage: Stage) -> None:
    """The loader said that it landed; the check asks the org."""
    gone = 'DELETE FROM "Opportunity" WHERE "External_ID__c" = \'externalOpp0000007\''
    success, said = materialized(stage, "r1-01", sql=gone)
    assert not success
    assert not said[COUNT].passed
    assert said[COUNT].severity is dg.AssetCheckSeverity.ERROR
    assert said[COUNT].metadata["unexplained"].value == 1


def test_a_value_that_changed_in_core_is_named(stage: Stage) -> None:
    """The count still fits; the distribution does not, and says for which value."""
    changed = (
        'UPDATE "Opportunity" SET "StageName" = \'Perception Analysis\' WHERE '
        '"External_ID__c" = (SELECT min("External_ID__c") FROM "Opportunity" WHERE '
        "\"StageName\" = 'Prospecting')"
    )
    success, said = materialized(stage, "r1-01", sql=changed)
    assert not success
    assert said[COUNT].passed
    assert said[STAGES].severity is dg.AssetCheckSeverity.ERROR
    values = said[STAGES].metadata["values"]
    assert isinstance(values, dg.TableMetadataValue)
    differ = {record.data["value"] for record in values.records if record.data["unexplained"]}
    assert differ == {"Prospecting", "Perception Analysis"}


def test_checks_without_a_partition_say_what_to_do_instead(stage: Stage) -> None:
    """`Execute all` on the Checks tab names no partition."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    checks = load_checks(PlacedLoad(spec))
    with settings(own_settings(stage)), dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [load_asset(PlacedLoad(spec)), checks],
            selection=dg.AssetSelection.checks(checks),
            resources={"salesforce": salesforce_of(stage)},
            instance=instance,
            raise_on_error=False,
        )
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "dc-assets reconcile opportunities" in str(failure.step_failure_data.error)
