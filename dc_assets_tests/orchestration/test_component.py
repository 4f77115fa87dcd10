"""A load as a component of a Dagster project, loaded from defs.yaml files as Dagster loads them."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from textwrap import indent

import click
import dagster as dg
import pytest
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.core.package_entry import discover_entry_point_package_objects
from dagster.components.testing.utils import DefsFolderSandbox, create_defs_folder_sandbox
from dagster_shared.serdes.objects import EnvRegistryKey

from dc_assets import SalesforceLoad, SalesforceResource
from dc_assets.core.source_spec import SourceSpec
from dc_assets.core.spec import LoadSpec
from dc_assets.load.component_files import OPTIONS
from dc_assets.load.spec_files import read_folder
from dc_assets.orchestration.component import Attributes
from dc_assets.orchestration.placing import LoadOptions
from dc_assets_tests.load.test_component_files import HEAD
from dc_assets_tests.load.test_spec_files import VALID

# Dagster 1.13 reads every defs.yaml by what pydantic calls deprecated, and itself beta.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:.* is currently in beta"),
]


@pytest.fixture
def project() -> Iterator[DefsFolderSandbox]:
    """Return a project whose folder of definitions is empty."""
    with create_defs_folder_sandbox() as sandbox:
        yield sandbox


def put(project: DefsFolderSandbox, name: str, options: str = "", more: str = "") -> Path:
    """Write a load as a component."""
    file = project.defs_folder_path / name / "defs.yaml"
    file.parent.mkdir()
    load = indent(VALID.replace("name: things", f"name: {name}") + more, "  ")
    file.write_text("type: dc_assets.SalesforceLoad\nattributes:\n" + options + load, "utf-8")
    return file


def placed(found: dg.Definitions, resource_key: str) -> dg.RepositoryDefinition:
    """Return a code location that gives the resource, as the project of the loads does."""
    org = dg.Definitions(resources={resource_key: SalesforceResource()})
    return dg.Definitions.merge(found, org).get_repository_def()


def test_a_defs_yaml_gives_all_definitions_of_a_load(project: DefsFolderSandbox) -> None:
    """Assets, checks, job, schedule and sensors, placed as the options say."""
    options = (
        "  key_prefix: crm\n  group_name: sales\n  owners: ['team:ops']\n  tags: { a: b }\n"
        "  automation_condition: '{{ dg.AutomationCondition.eager() }}'\n  pool: org\n"
        "  resource_key: org\n"
    )
    put(project, "things", options)
    with project.build_all_defs() as found:
        repository = placed(found, "org")
    asset = repository.assets_defs_by_key[dg.AssetKey(["crm", "things_in_core"])]
    spec = asset.get_asset_spec()
    assert (spec.owners, spec.group_name) == (["team:ops"], "sales")
    assert (spec.tags["a"], asset.op.pool) == ("b", "org")
    assert spec.automation_condition == dg.AutomationCondition.eager()
    assert "org" in asset.required_resource_keys
    assert {one.name for one in repository.sensor_defs} >= {"crm__things_changes"}
    assert [one.name for one in repository.schedule_defs] == ["crm__things_daily"]
    assert repository.has_job("crm__things_refresh")
    checks = repository.asset_graph.asset_check_keys
    assert {key.asset_key.path[-1] for key in checks} == {"things_in_core", "things_audit"}


def test_components_share_their_sensors_and_know_their_parents(project: DefsFolderSandbox) -> None:
    """Reaper and notifier are there once; a load depends on one that another component is."""
    file = put(project, "places", more="after: [countries]\n")
    put(project, "countries", "  key_prefix: [geo]\n")
    (file.parent / "all.yaml").write_text(VALID, encoding="utf-8")
    named = project.defs_folder_path / "named"
    named.mkdir()
    (named / "defs.yaml").write_text(HEAD + "  spec: ../places/all.yaml\n", encoding="utf-8")
    with project.build_all_defs() as found:
        repository = placed(found, "salesforce")
    graph = repository.asset_graph
    assert graph.get(dg.AssetKey("places_in_core")).parent_keys >= {
        dg.AssetKey(["geo", "countries_in_core"])
    }
    assert [one.name for one in repository.sensor_defs].count("reaper") == 1
    assert [one.name for one in repository.sensor_defs].count("notifier") == 1
    assert graph.has(dg.AssetKey("things_in_core"))
    loads = read_folder(project.defs_folder_path).specs.values()
    assert {one.name for one in loads} == {"places", "countries", "things"}


REFUSED = [
    ("", "time_zone: Mars\n", r"defs\.yaml, line 18: time_zone: there is no zone Mars"),
    ("  automation_condition: eager\n", "", "automation_condition is 'eager', and no condition"),
    ("", "after: [nobody]\n", "The load things: after names nobody, and there is no such load"),
    ("", "colums: []\n", r"defs\.yaml, line 18: colums: no such setting; did you mean columns"),
    ("  spec: a.yaml\n", "", r"defs\.yaml, line 4: name belongs into a\.yaml, which spec names"),
]


@pytest.mark.parametrize(("options", "more", "says"), REFUSED)
def test_a_bad_defs_yaml_is_refused_in_one_sentence(
    project: DefsFolderSandbox, options: str, more: str, says: str
) -> None:
    """Dagster shows where the component stands; the cause is ours, without our frames."""
    put(project, "things", options, more)
    with pytest.raises(ComponentTreeException) as caught, project.build_all_defs():
        pass
    cause: BaseException | None = caught.value
    while isinstance(cause, ComponentTreeException):
        cause = cause.__cause__
    assert cause is not None
    with pytest.raises(type(cause), match=says):
        raise cause
    assert cause.__cause__ is None


def test_two_components_may_not_share_a_name(project: DefsFolderSandbox) -> None:
    """The ledger knows a load by it, whatever the prefix of its asset is."""
    file = put(project, "things")
    other = project.defs_folder_path / "again" / "defs.yaml"
    other.parent.mkdir()
    other.write_text(file.read_text(encoding="utf-8") + "  key_prefix: [a]\n", encoding="utf-8")
    with pytest.raises(ComponentTreeException) as caught, project.build_all_defs():
        pass
    assert "Two components are loads called things" in str(caught.value.__cause__)


def test_a_component_can_be_made_of_a_dictionary() -> None:
    """As tests of a project do; then there is no file whose line could be named."""
    loaded = SalesforceLoad.from_attributes_dict(
        attributes={
            "name": "things",
            "source": {"object": "Things__dlm", "key": "Key__c"},
            "target": {"object": "Thing__c", "external_id": "External_ID__c"},
            "columns": [{"source": "Key__c", "target": "External_ID__c"}],
            "partitions": {"scheme": 1, "upper_bounds": ["b"]},
            "owners": "team:ops",
        }
    )
    assert loaded.spec.partitions.upper_bounds == ("b",)
    assert loaded.options == LoadOptions(owners=["team:ops"])


def test_the_schema_of_a_component_is_that_of_a_spec() -> None:
    """Names, types and descriptions come from the spec; options come besides, and have words."""
    schema, spec = Attributes.model_json_schema(), LoadSpec.model_json_schema()
    assert tuple(OPTIONS) == tuple(one.name for one in fields(LoadOptions))
    assert set(schema["properties"]) == {"spec", *OPTIONS, *LoadSpec.model_fields}
    assert {name: schema["properties"][name] for name in spec["properties"]} == spec["properties"]
    assert schema["$defs"] == spec["$defs"]
    assert schema["additionalProperties"] is False
    assert all("description" in schema["properties"][name] for name in ("spec", *OPTIONS))


def test_dg_finds_the_component_by_our_entry_point() -> None:
    """So it stands in the list of components wherever the package is installed."""
    found = discover_entry_point_package_objects()
    assert found[EnvRegistryKey("dc_assets", "SalesforceLoad")] is SalesforceLoad


def test_without_a_sign_in_a_first_load_says_what_to_fill_in(
    project: DefsFolderSandbox,
) -> None:
    """What was given stands there; the rest is a remark in the words of the spec."""
    given = {"object": "Thing__c", "source": "Things__dlm", "key": "Key__c"}
    file = project.scaffold_component(SalesforceLoad, defs_path="things", scaffold_params=given)
    text = (file / "defs.yaml").read_text(encoding="utf-8")
    assert text.startswith("type: dc_assets.SalesforceLoad\nattributes:\n")
    assert "    object: Things__dlm\n    key: Key__c\n" in text
    assert f"    # parent: {SourceSpec.model_fields['parent'].description}\n" in text
    [why] = read_folder(project.defs_folder_path).broken.values()
    assert "external_id: Field required" in why


def test_what_cannot_be_a_load_is_not_begun(project: DefsFolderSandbox) -> None:
    """One sentence for a person, and the folder that dg made is gone."""
    with pytest.raises(click.ClickException, match="'Big-One' is no name for a load"):
        project.scaffold_component(SalesforceLoad, defs_path="Big-One")
    assert list(project.defs_folder_path.iterdir()) == []
