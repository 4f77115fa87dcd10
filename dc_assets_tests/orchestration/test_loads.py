"""Any number of loads in one code location, with any partitions, and broken specs among them."""

import logging
from pathlib import Path

import dagster as dg
import pytest

from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import SpecFolder
from dc_assets.orchestration.assets import BY_CONDITION, LoadConfig, config_of
from dc_assets.orchestration.broken_specs import key_of
from dc_assets.orchestration.loads import definitions_of
from dc_assets.orchestration.placing import LoadOptions
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets_tests.fakes.specs import small_spec

BROKEN = Path("/loads/pears.yaml")
WHY = "/loads/pears.yaml, line 3: expected the node content."


def cut(name: str, partitions: int, *, scheme: int = 1) -> LoadSpec:
    """Return a spec with so many partitions."""
    bounds = [f"k{number:03d}" for number in range(1, partitions)]
    return small_spec(name=name, partitions={"scheme": scheme, "upper_bounds": bounds})


def located(*specs: LoadSpec, broken: dict[Path, str] | None = None) -> dg.Definitions:
    """Return the definitions of a folder, resolved as a code location resolves them."""
    folder = SpecFolder({Path(f"/loads/{spec.name}.yaml"): spec for spec in specs}, broken or {})
    found = dg.Definitions.merge(
        definitions_of(folder, LoadOptions(), know_all=True),
        dg.Definitions(resources={"salesforce": SalesforceResource()}),
    )
    dg.Definitions.validate_loadable(found)
    return found


def test_loads_with_different_partitions_live_in_one_code_location() -> None:
    """One partition, five, twelve; and again when one of them is cut anew."""
    for twelve in (cut("plums", 12), cut("plums", 7, scheme=2)):
        specs = [cut("apples", 1), cut("pears", 5), twelve]
        repository = located(*specs).get_repository_def()
        for spec in specs:
            asset = repository.assets_defs_by_key[dg.AssetKey(spec.asset_name)]
            assert asset.partitions_def is not None
            assert asset.partitions_def.get_partition_keys() == list(spec.ranges)
        assert {"reaper", "notifier"} <= {one.name for one in repository.sensor_defs}


def test_a_load_says_whether_it_creates_records() -> None:
    """An update is not called an upsert."""
    target = {**small_spec().target.model_dump(), "operation": "update"}
    found = located(small_spec(name="apples"), small_spec(name="pears", target=target))
    [apples, pears] = [
        next(one for one in found.resolve_all_asset_specs() if one.key == dg.AssetKey(name))
        for name in ("apples_in_core", "pears_in_core")
    ]
    assert "records, upserted by" in str(apples.description)
    assert "records, updated by" in str(pears.description)


def test_a_run_of_a_condition_that_a_person_launches_again_has_its_config() -> None:
    """It keeps the tag of the condition, and what was asked for counts."""
    spec, tags = small_spec(), {BY_CONDITION: "true"}
    assert config_of(LoadConfig(), spec, tags).mode == "changed"
    assert config_of(LoadConfig(mode="replay"), spec, tags).mode == "replay"
    assert config_of(LoadConfig(), spec, {}).mode == "full"


def test_a_broken_spec_is_an_asset_that_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """Its own asset is absent, the other load is there, and the log says it too."""
    with caplog.at_level(logging.WARNING, "dagster.dc_assets"):
        found = located(cut("apples", 2), broken={BROKEN: WHY})
    keys = found.resolve_asset_graph().get_all_asset_keys()
    assert dg.AssetKey("apples_in_core") in keys
    assert dg.AssetKey("pears_in_core") not in keys
    [spec] = [one for one in found.resolve_all_asset_specs() if one.key == key_of(BROKEN)]
    assert WHY in str(spec.description)
    assert WHY in caplog.text


def test_a_broken_spec_is_red_without_a_run_and_says_so_once() -> None:
    """The sensor reports a failed check, which the asset and its graph show; then it is silent."""
    found = located(broken={BROKEN: WHY, BROKEN.with_name("pears_.yaml"): "no name."})
    [sensor] = [one for one in found.sensors or () if one.name == "broken_specs"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance, definitions=found))
        again = sensor.evaluate_tick(
            dg.build_sensor_context(instance=instance, definitions=found, cursor=first.cursor)
        )
    red = [one for one in first.asset_events if isinstance(one, dg.AssetCheckEvaluation)]
    assert {(one.asset_key.to_user_string(), one.passed) for one in red} == {
        ("broken_specs/pears", False),
        ("broken_specs/pears_", False),
    }
    assert again.asset_events == []
    assert WHY in str(again.skip_message)


def test_two_broken_files_of_one_key_are_both_told() -> None:
    """Such as `our pears.yaml` beside `our_pears.yaml`."""
    broken = {Path("/loads/our pears.yaml"): "the first.", Path("/loads/our_pears.yaml"): "both."}
    found = located(broken=broken)
    [spec] = found.resolve_all_asset_specs()
    assert "the first. both." in str(spec.description)


def test_a_spec_that_only_dagster_refuses_is_broken_too() -> None:
    """A schedule for the 31st of February would take the whole code location down."""
    found = located(cut("apples", 2), small_spec(name="pears", refresh={"cron": "0 0 31 2 *"}))
    keys = {key.to_user_string() for key in found.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"apples_in_core", "apples_audit", "broken_specs/pears", "datacloud/Things__dlm"}


def test_without_a_broken_spec_nothing_of_it_is_there() -> None:
    """Neither the group nor the sensor."""
    found = located(cut("apples", 2))
    assert "broken_specs" not in {one.name for one in found.sensors or ()}
