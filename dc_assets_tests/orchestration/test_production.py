"""A production org through Dagster: the run config says the word, for refreshes the spec does."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.storage.tags import AUTOMATION_CONDITION_TAG

from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.assets import LoadConfig
from dc_assets_tests.acceptance.stage import Stage, running_org, short_folder, spec_content
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings
from dc_assets_tests.orchestration.test_refresh import REFRESH, definitions_of

pytestmark = pytest.mark.acceptance

ROWS, KEYS = 20, ["r1-01", "r1-02"]
LATER = "TIMESTAMPTZ '2026-11-01 00:00:00+00'"


@pytest.fixture(scope="module")
def production() -> Generator[Stage]:
    """A production org in which nothing was loaded."""
    with short_folder() as folder, ExitStack() as stack:
        options = ("--production",)
        org = stack.enter_context(running_org(folder, rows=ROWS, options=options))
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=2)
        write_spec(stage)
        yield stage


def write_spec(stage: Stage, **target: str) -> None:
    """Write a spec with a modification column."""
    content = spec_content(ROWS, 2)
    refresh = {"modified": "LastModifiedDate__c"}
    stage.write_spec({**content, "target": {**content["target"], **target}, "refresh": refresh})


def definitions(stage: Stage) -> dg.RepositoryDefinition:
    """Return what Dagster knows of the spec as it is now."""
    spec = read_spec(stage.folder / "loads" / "opportunities.yaml")
    return definitions_of(spec, salesforce_of(stage)).get_repository_def()


def why_failed(
    stage: Stage,
    key: str,
    config: dg.RunConfig | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Load a partition; return why it failed, "" if it did not."""
    repository = definitions(stage)
    with settings(own_settings(stage)), dg.DagsterInstance.ephemeral() as instance:
        result = repository.get_job(REFRESH).execute_in_process(
            run_config=config,
            partition_key=key,
            tags=tags,
            instance=instance,
            raise_on_error=False,
        )
    failed = [one.step_failure_data for one in result.all_events if one.is_step_failure]
    told = (one.user_failure_data for one in failed)
    return "; ".join(str(one.description) for one in told if one is not None)


def ticked(stage: Stage) -> SensorExecutionData:
    """Evaluate the sensor once."""
    repository = definitions(stage)
    with (
        settings(own_settings(stage)),
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance=instance,
            resources={"crm": salesforce_of(stage)},
            repository_def=repository,
        ) as context,
    ):
        return repository.get_sensor_def("eu__opportunities_changes").evaluate_tick(context)


def with_config(config: LoadConfig) -> dg.RunConfig:
    """Return the run config of the asset."""
    return dg.RunConfig(ops={"eu__opportunities_in_core": config})


def test_a_word_in_the_run_config_is_kept_with_the_load(production: Stage) -> None:
    """Without it no row is sent; a partition of the same load needs none, a refresh the spec's.

    What an automation condition launches is a refresh: rows that agree are not sent again.
    """
    assert "the run config production: true" in why_failed(production, KEYS[0])
    assert production.org.calls("create") == 0
    said = with_config(LoadConfig(production=True, partition_keys=KEYS))
    assert why_failed(production, KEYS[0], said) == ""
    assert why_failed(production, KEYS[1]) == ""
    assert len(production.org.core_ids()) == ROWS
    change = f'"Name__c" = \'Other\', "LastModifiedDate__c" = {LATER}'
    production.org.sql(
        f'UPDATE "ExtOpportunities__dlm" SET {change} '
        f"WHERE \"ExternalId__c\" = '{production.ids[0]}'",
        store="data_cloud",
    )
    assert "the org that the spec names (target.org_id: 00D" in str(ticked(production).skip_message)
    [[org_id]] = production.org.sql('SELECT "Id" FROM "Organization"')
    write_spec(production, org_id=org_id)
    [request] = list(ticked(production).run_requests or ())
    config, before = dg.RunConfig(**dict(request.run_config)), production.org.calls("create")
    assert why_failed(production, KEYS[0], config) == ""
    assert production.org.calls("create") == before + 1
    assert why_failed(production, KEYS[0], tags={AUTOMATION_CONDITION_TAG: "true"}) == ""
    assert production.org.calls("create") == before + 1
