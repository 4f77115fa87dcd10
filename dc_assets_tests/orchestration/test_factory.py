"""The loads in a project of others: its own executor, resource, assets and job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

import dc_assets
from dc_assets import LoadSpec, SalesforceResource, build_load_defs
from dc_assets.core.errors import ConfigError
from dc_assets.orchestration.failed_runs import command_after
from dc_assets.orchestration.loads import definitions_of_one
from dc_assets.orchestration.our_runs import OurRuns
from dc_assets.orchestration.placing import LoadOptions, PlacedLoad, loads_in, refuse_namesakes
from dc_assets.orchestration.sensors import notifier, reaper
from dc_assets_tests.acceptance.stage import Stage
from dc_assets_tests.core.test_load_order import CONTINENTS, COUNTRIES
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings

APPLES = small_spec(name="apples")
PEARS = small_spec(name="pears")
LOADED = dg.AssetKey(["crm-eu", "opportunities_in_core"])
CRM = dg.Definitions(resources={"crm": SalesforceResource()})


def project(salesforce: SalesforceResource, loads: dg.Definitions) -> dg.Definitions:
    """Return what a team has of its own, with our loads among it."""

    @dg.asset(deps=[LOADED])
    def forecast() -> None:
        """Read what was loaded."""

    own = dg.Definitions(
        assets=[forecast],
        jobs=[dg.define_asset_job("nightly", selection=[LOADED])],
        resources={"crm": salesforce, "warehouse": dg.ResourceDefinition.none_resource()},
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(own, loads)


def names_of(definitions: dg.Definitions) -> Sequence[str]:
    """Return the names of all that starts runs."""
    repository = definitions.get_repository_def()
    jobs = [one.name for one in repository.get_all_jobs() if not one.name.startswith("__")]
    return sorted(
        [
            *jobs,
            *(s.name for s in repository.sensor_defs),
            *(s.name for s in repository.schedule_defs),
        ]
    )


@pytest.mark.acceptance
def test_a_job_of_a_project_loads_and_proves_a_partition(stage: Stage) -> None:
    """Under a prefix, by a resource of another name, with the specs read from their folder.

    Reaper and notifier know the run as ours, and the command that resumes it.
    """
    loads = build_load_defs(
        stage.folder / "loads",
        resource_key="crm",
        key_prefix=["crm-eu"],
        group_name="sales",
        owners=["team:crm"],
        tags={"tier": "gold"},
        pool="org",
    )
    with settings(own_settings(stage)), dg.DagsterInstance.ephemeral() as instance:
        found = project(salesforce_of(stage), loads)
        done = found.resolve_job_def("nightly").execute_in_process(
            instance=instance,
            partition_key="r1-01",
            run_config={"ops": {"crm_eu__opportunities_in_core": {"config": {"mode": "missing"}}}},
        )
        assert instance.get_materialized_partitions(LOADED) == {"r1-01"}
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        content = OurRuns(instance, loads_in(found.get_repository_def())).content(run)
    assert content is not None
    [part] = content.parts
    assert part.steps == {"crm_eu__opportunities_in_core", "crm_eu__opportunities_checks"}
    assert command_after(run, part) == "dc-assets run opportunities --missing --partitions r1-01"
    assert done.success
    said = {one.check_name: one for one in done.get_asset_check_evaluations()}
    assert {(one.passed, one.partition) for one in said.values()} == {(True, "r1-01")}
    count = said["row_count_matches"].metadata
    assert (count["source rows"].value, count["target rows"].value) == (30, 30)


def test_an_asset_has_what_the_project_gave_it() -> None:
    """Group, owners, tags, pool; executor and resource are left to the project."""
    loads = build_load_defs(
        [APPLES],
        resource_key="crm",
        key_prefix=["a"],
        group_name="g",
        owners=["team:crm"],
        tags={"tier": "gold"},
        pool="org",
    )
    assert (loads.executor, dict(loads.resources or {})) == (None, {})
    found = dg.Definitions.merge(loads, CRM)
    for name in ("apples_in_core", "apples_audit"):
        key = dg.AssetKey(["a", name])
        asset = found.get_assets_def(key)
        spec = asset.specs_by_key[key]
        assert (spec.group_name, list(spec.owners), spec.tags["tier"]) == (
            "g",
            ["team:crm"],
            "gold",
        )
        assert asset.op.pool == "org"
        assert "crm" in asset.required_resource_keys


def test_calls_share_a_code_location() -> None:
    """One spec twice under two prefixes: names differ, and reaper and notifier are there once."""
    twice = [build_load_defs([APPLES, PEARS], key_prefix=[one]) for one in ("uat", "crm-eu")]
    own = dg.Definitions(resources={"salesforce": SalesforceResource()})
    found = dg.Definitions.merge(*twice, own)
    dg.Definitions.validate_loadable(found)
    kinds = ("changes", "daily", "refresh")
    each = [f"{p}__{n}_{k}" for p in ("uat", "crm_eu") for n in ("apples", "pears") for k in kinds]
    assert names_of(found) == sorted([*each, "notifier", "reaper"])
    loads = loads_in(found.get_repository_def())
    assert {one.page for one in loads} == {
        f"assets/{p}/{n}_in_core?view=checks"
        for p in ("uat", "crm-eu")
        for n in ("apples", "pears")
    }


def test_two_specs_of_one_name_send_nothing() -> None:
    """What was proved of one would count for the other; not of two orgs, or of one spec."""
    other = {**APPLES.target.model_dump(), "object": "Other__c"}
    orgs = [{**other, "org_id": f"00D{number:015d}"} for number in (1, 2)]
    first, second, again = (
        PlacedLoad(spec, LoadOptions(key_prefix=[prefix]))
        for prefix, spec in (
            ("a", APPLES),
            ("b", small_spec(name="apples", target=other)),
            ("c", small_spec(name="apples")),
        )
    )
    with pytest.raises(ConfigError, match=r"a/apples_in_core and b/apples_in_core are two loads"):
        refuse_namesakes(first, [first, second])
    refuse_namesakes(first, [first, again, PlacedLoad(PEARS)])
    apart = [
        PlacedLoad(small_spec(name="apples", target={**org, "object": name}))
        for org, name in zip(orgs, ("Thing__c", "Other__c"), strict=True)
    ]
    refuse_namesakes(apart[0], apart)


def test_components_of_two_orgs_are_no_parents_of_each_other() -> None:
    """A load waits for those by its own resource: the others never are in its org."""
    org = {key: LoadOptions(resource_key=key, key_prefix=[key]) for key in ("eu", "us")}
    loads = [PlacedLoad(COUNTRIES, org["us"])]
    loads += [
        PlacedLoad(CONTINENTS.model_copy(update={"name": f"continents_{key}"}), options)
        for key, options in org.items()
    ]
    resources = dg.Definitions(resources={"us": SalesforceResource()})
    found = dg.Definitions.merge(definitions_of_one("countries", loads), resources)
    [load] = [s for s in found.resolve_all_asset_specs() if s.key.path[-1] == "countries_in_core"]
    keys = {dep.asset_key.to_user_string() for dep in load.deps}
    assert "us/continents_us_in_core" in keys
    assert "eu/continents_eu_in_core" not in keys


def test_the_sensors_of_a_refresh_stay_stopped_beside_a_condition() -> None:
    """Whoever automates by a condition does not start them, and nothing starts them by itself."""
    found = build_load_defs([APPLES], automation_condition=dg.AutomationCondition.on_missing())
    stopped = [one for one in found.sensors or () if one not in {reaper, notifier}]
    assert [one.name for one in stopped] == ["apples_changes"]  # pyright: ignore[reportAttributeAccessIssue] - sensors of ours have names
    assert {one.default_status for one in stopped} == {dg.DefaultSensorStatus.STOPPED}  # pyright: ignore[reportAttributeAccessIssue] - likewise


def test_a_condition_of_the_project_asks_for_partitions() -> None:
    """Each partition that was never loaded is requested; the audit, which has none, is not."""
    found = dg.Definitions.merge(
        build_load_defs(
            [APPLES],
            resource_key="crm",
            automation_condition=dg.AutomationCondition.missing()
            & ~dg.AutomationCondition.in_progress(),
        ),
        CRM,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        key = dg.AssetKey("apples_in_core")
        asked = dg.evaluate_automation_conditions(
            defs=found, instance=instance, asset_selection=dg.AssetSelection.assets(key)
        )
    assert asked.total_requested == len(APPLES.ranges)
    assert asked.get_requested_partitions(key) == set(APPLES.ranges)


@pytest.mark.parametrize("folder", [True, False], ids=["folder", "file"])
def test_a_broken_file_takes_nothing_of_a_project_down(tmp_path: Path, *, folder: bool) -> None:
    """Two calls with a broken file each: both are red under their prefixes, by one sensor."""
    file = tmp_path / "pears.yaml"
    file.write_text("name: [", encoding="utf-8")
    given = tmp_path if folder else file
    found = dg.Definitions.merge(*(build_load_defs(given, key_prefix=[one]) for one in ("a", "b")))
    assert names_of(found) == ["broken_specs", "notifier", "reaper"]
    [sensor] = [one for one in found.get_repository_def().sensor_defs if one.name == "broken_specs"]
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, definitions=found)
        said = sensor.evaluate_tick(context)
    red = [one for one in said.asset_events if isinstance(one, dg.AssetCheckEvaluation)]
    assert {one.asset_key.to_user_string() for one in red} == {
        "a/broken_specs/pears",
        "b/broken_specs/pears",
    }


def test_a_spec_of_python_that_is_broken_is_an_error_at_once() -> None:
    """Its author is there and reads it; and so is who names a folder that is not there."""
    with pytest.raises(ConfigError, match=r"The load apples: after names plums"):
        build_load_defs([small_spec(name="apples", after=["plums"])])
    with pytest.raises(ConfigError, match="in the call of build_load_defs"):
        build_load_defs("/no/such/folder")


def test_a_resource_of_another_kind_is_named() -> None:
    """Dagster says it when there is none; we say it when it is no org."""
    found = dg.Definitions.merge(
        build_load_defs([APPLES], resource_key="crm"),
        dg.Definitions(resources={"crm": dg.ResourceDefinition.none_resource()}),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        done = found.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance,
            partition_key=next(iter(APPLES.ranges)),
            asset_selection=[dg.AssetKey("apples_in_core")],
            raise_on_error=False,
        )
    [failed] = [one for one in done.all_events if one.is_step_failure]
    data = failed.step_failure_data
    assert "The resource crm is no SalesforceResource" in str(data.user_failure_data)


def test_an_asset_says_whose_load_it_is_and_where_its_spec_was_read(tmp_path: Path) -> None:
    """`dc-assets run` finds it by that; a spec that a project made itself has no folder."""
    found = dg.Definitions.merge(build_load_defs([APPLES], resource_key="crm"), CRM)
    key = dg.AssetKey("apples_in_core")
    told = found.get_assets_def(key).metadata_by_key[key]
    assert told["loads folder"] == "the files of its project"
    assert told["dc_assets/load"].value == "apples"
    assert PlacedLoad(APPLES, read_from=str(tmp_path)).metadata["loads folder"] == str(tmp_path)


def test_the_public_names_are_these() -> None:
    """A change here is seen by every project that uses the package."""
    names = ["LoadSpec", "SalesforceLoad", "SalesforceResource", "build_load_defs"]
    assert dc_assets.__all__ == names
    assert set(dc_assets.__all__) <= set(dir(dc_assets))
    with pytest.raises(AttributeError, match="no attribute 'loads_of'"):
        dc_assets.loads_of  # noqa: B018 - asking is the test
    assert LoadSpec.__module__ == "dc_assets.core.spec"
