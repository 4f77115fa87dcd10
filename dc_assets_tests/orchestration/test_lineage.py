"""Where rows come from and go to, as Dagster shows it, and when it says that a source is newer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import httpx
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.definitions.metadata.metadata_value import TableColumnLineageMetadataValue
from dagster._core.loader import LoadingContextForTest

import dc_assets
from dc_assets.core.source_state import SourceLook
from dc_assets.core.spec import LoadSpec
from dc_assets.orchestration.lineage import LINEAGE, ROWS, SCHEMA, records_uri, source_key
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.wiring.source_look import Seen
from dc_assets_tests.fakes.odd_texts import ODD_TEXTS
from dc_assets_tests.fakes.specs import KEY, content, small_spec
from dc_assets_tests.orchestration.test_loads import located

SOURCE = dg.AssetKey(["datacloud", "Things__dlm"])
LOAD = dg.AssetKey("things_in_core")
TWO: Mapping[str, object] = {"scheme": 1, "upper_bounds": ["g"]}
PROVED = {"r1-01": "cursor 1 a", "r1-02": "cursor 1 b"}


def of_source(*definitions: dg.Definitions) -> dg.AssetSpec:
    """Return the one external asset of some definitions."""
    merged = dg.Definitions.merge(*definitions)
    dg.Definitions.validate_loadable(merged)
    [found] = [one for one in merged.resolve_all_asset_specs() if one.key == SOURCE]
    return found


def columns_of(metadata: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return type and description of each column that metadata tells."""
    told = metadata[SCHEMA]
    assert isinstance(told, dg.TableSchemaMetadataValue)
    return {one.name: (one.type, one.description or "") for one in told.schema.columns}


def test_an_asset_stands_for_the_source_and_the_load_depends_on_it() -> None:
    """The audit depends on the load, and the source on nothing: nobody here makes it."""
    graph = located(small_spec()).resolve_asset_graph()
    assert graph.get(SOURCE).is_external
    assert graph.get(SOURCE).kinds == {"datacloud"}
    assert graph.get(LOAD).parent_keys == {SOURCE}
    assert graph.get(dg.AssetKey("things_audit")).parent_keys == {LOAD}


def test_two_loads_of_one_source_share_its_asset() -> None:
    """It has the columns of both, with the types that they know, and what becomes of each."""
    more = [*content()["columns"], {"source": "Made__c", "target": "Made__c", "type": "date"}]
    two = located(small_spec(), small_spec(name="others", columns=more, after=[]))
    found = columns_of(of_source(two).metadata)
    assert found["Made__c"] == ("date", "`Thing__c.Made__c` of others")
    assert found["Title__c"] == (
        "text",
        "`Thing__c.Title__c` of things, `Thing__c.Title__c` of others",
    )


def test_two_factories_may_read_one_source() -> None:
    """Dagster wants equal definitions of it, so they name no column; a change tells those."""
    other = content()["columns"][:2] + content()["columns"][3:]
    found = of_source(
        dg.Definitions(resources={"salesforce": SalesforceResource()}),
        dc_assets.build_load_defs([small_spec()]),
        dc_assets.build_load_defs([small_spec(name="others", columns=other)], key_prefix=["eu"]),
    )
    assert SCHEMA not in found.metadata


def test_each_field_of_the_target_tells_its_type_and_the_column_it_comes_from() -> None:
    """As lineage for machines and as a description, which the open-source UI shows."""
    specs = located(small_spec()).resolve_all_asset_specs()
    [asset] = [one for one in specs if one.key == LOAD]
    assert columns_of(asset.metadata)["Parent__r.External_ID__c"] == (
        "reference",
        "from `ParentKey__c`",
    )
    told = asset.metadata[LINEAGE]
    assert isinstance(told, TableColumnLineageMetadataValue)
    assert told.lineage.deps_by_column["External_ID__c"] == [dg.TableColumnDep(SOURCE, KEY)]


def test_names_of_any_signs_make_definitions() -> None:
    """Of objects, files and columns; what Dagster shows of them is code, not Markdown."""
    specs: list[LoadSpec] = []
    for text in ODD_TEXTS.values():
        columns = [*content()["columns"], {"source": text, "target": "Other__c"}]
        for source in ({"object": text}, {"files": text}):
            name = f"load_{len(specs)}"
            specs.append(small_spec(name=name, source={**source, "key": KEY}, columns=columns))
    keys = {source_key(spec.source) for spec in specs}
    shown = {one.key: str(one.description) for one in located(*specs).resolve_all_asset_specs()}
    assert all(shown[key].startswith("`") for key in keys)


def test_records_are_shown_by_the_org_that_the_run_signed_in_to() -> None:
    """Whatever the path of its URL."""
    uri = records_uri(httpx.URL("https://acme.my.salesforce.com/services/"), small_spec())
    assert uri == dg.MetadataValue.url("https://acme.my.salesforce.com/lightning/o/Thing__c/list")


class LookedAt(SalesforceResource):
    """A resource whose looks are given: by partition the state that the source has now."""

    states: dict[str, str]
    rows: int = 7

    def look_at_source(self, spec: LoadSpec, log: logging.Logger) -> Seen:  # noqa: ARG002
        """Return them, beside the states that both sides agreed on."""
        return Seen(
            SourceLook(self.states, self.rows, self.rows), PROVED, (), is_stopped=False, now_s=1.0
        )


class Ticks:
    """A sensor's ticks and the runs of a load's stand-in, as a daemon would do both."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        @dg.asset(key=LOAD, deps=[SOURCE], partitions_def=dg.StaticPartitionsDefinition([*PROVED]))
        def stand_in() -> None:
            """Read the source."""

        self.instance = instance
        self.asset = stand_in
        self.graph = dg.Definitions(assets=[dg.AssetSpec(SOURCE), stand_in]).resolve_asset_graph()
        self.definitions = located(small_spec(partitions=TWO))
        self.cursor: str | None = None

    def look(
        self, *, rows: int = 7, **changed: str
    ) -> list[dg.AssetMaterialization | dg.AssetObservation]:
        """Let the sensor see a source whose partitions changed, and report what it tells."""
        states = {**PROVED, **{key.replace("_", "-"): state for key, state in changed.items()}}
        resource = LookedAt(states=states, rows=rows)
        sensor = self.definitions.get_repository_def().get_sensor_def("things_changes")
        with dg.build_sensor_context(
            self.instance,
            cursor=self.cursor,
            resources={"salesforce": resource},
            definitions=self.definitions,
        ) as context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        events = [one for one in data.asset_events if not isinstance(one, dg.AssetCheckEvaluation)]
        for event in events:
            self.instance.report_runless_asset_event(event)
        return events

    def load(self, *partitions: str) -> None:
        """Materialize partitions."""
        for key in partitions:
            dg.materialize([self.asset], partition_key=key, instance=self.instance)

    def out_of_date(self) -> list[str]:
        """Return the partitions that Dagster's UI calls unsynced."""
        stale = CachingStaleStatusResolver(
            self.instance, self.graph, LoadingContextForTest(self.instance)
        )
        return [key for key in PROVED if stale.get_status(LOAD, key).value == "STALE"]


@pytest.fixture
def ticks() -> Iterator[Ticks]:
    """Partitions that are loaded, and a sensor that never ticked."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = Ticks(instance)
        made.load(*PROVED)
        yield made


def test_the_first_look_tells_rows_and_makes_nothing_out_of_date(ticks: Ticks) -> None:
    """It is an observation, which starts no automation; an equal look tells nothing."""
    [event] = ticks.look()
    assert isinstance(event, dg.AssetObservation)
    assert event.metadata[ROWS] == dg.MetadataValue.int(7)
    assert ticks.look() == []
    assert ticks.out_of_date() == []


def test_a_change_of_the_source_makes_partitions_out_of_date_until_they_are_loaded(
    ticks: Ticks,
) -> None:
    """All of them, for the source has no partitions; what a load brought over is no new change."""
    ticks.look()
    [event] = ticks.look(r1_02="cursor 2 c")
    assert isinstance(event, dg.AssetMaterialization)
    assert event.metadata["changed partitions"] == dg.MetadataValue.text("r1-02")
    assert set(columns_of(event.metadata)) >= {KEY, "Title__c"}
    assert ticks.out_of_date() == ["r1-01", "r1-02"]
    ticks.load("r1-02")
    assert ticks.look() == []
    assert ticks.out_of_date() == ["r1-01"]
    ticks.load("r1-01")
    assert ticks.out_of_date() == []


def test_a_change_that_is_not_brought_over_yet_is_told_once(ticks: Ticks) -> None:
    """Also when its refresh failed; a further change is another one."""
    assert len(ticks.look(r1_02="cursor 2 c")) == 1
    assert ticks.look(r1_02="cursor 2 c") == []
    ticks.load(*PROVED)
    assert ticks.out_of_date() == []
    assert len(ticks.look(r1_02="cursor 3 d")) == 1
    assert ticks.out_of_date() == [*PROVED]


def test_changes_that_are_brought_over_one_by_one_are_no_new_changes(ticks: Ticks) -> None:
    """What was loaded first stays in step while the others are loaded."""
    assert len(ticks.look(r1_01="cursor 2 c", r1_02="cursor 2 c")) == 1
    ticks.load("r1-01")
    assert ticks.look(r1_02="cursor 2 c") == []
    assert ticks.out_of_date() == ["r1-02"]


def test_rows_are_told_of_a_whole_source_only(ticks: Ticks) -> None:
    """A partition that was never proved is not looked at, so its rows are not among those."""
    spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["g", "m"]})
    ticks.definitions = located(spec)
    assert ticks.look() == []
