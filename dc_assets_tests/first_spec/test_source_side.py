"""What tenants and files say of their columns, in all the spellings that were seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.first_spec.sides import Distinctness, SourcePlace, SourceSide
from dc_assets.files import FileSource
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.metadata import described_source

NAME = "Things__dlm"


class Tenant:
    """A tenant with one object: what its metadata and a query without rows answer."""

    def __init__(self, types: Mapping[str, str], entity: dict[str, Any] | int) -> None:
        self._types = types
        self._entity = entity
        transport = httpx.MockTransport(self._answer)
        self.host = Host(
            httpx.Client(base_url="https://t.example", transport=transport), lambda _: None
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            placed = reversed([*enumerate(self._types.items())])
            metadata = {n: {"type": of, "placeInOrder": place} for place, (n, of) in placed}
            return httpx.Response(200, json={"metadata": metadata, "data": [], "done": True})
        if isinstance(self._entity, int):
            return httpx.Response(self._entity, json={"message": "DataModelEntity not found"})
        return httpx.Response(200, json={"metadata": [{"name": NAME, **self._entity}]})


def test_the_order_is_that_of_the_query() -> None:
    """The metadata of an answer stands in any order."""
    types = {"B__c": "VARCHAR", "A__c": "DECIMAL(18, 2)", "C__c": "TIMESTAMP WITH TIME ZONE"}
    found = described_source(Tenant(types, {"fields": []}).host, NAME)
    assert list(found.kinds.items()) == [("B__c", "text"), ("A__c", "number"), ("C__c", "datetime")]


def test_names_are_spelt_as_the_metadata_spells_them() -> None:
    """A query may answer all in lower case."""
    entity = {"fields": [{"name": "Name__c"}], "primaryKeys": [{"name": "NAME__c"}]}
    found = described_source(Tenant({"name__c": "varchar"}, entity).host, NAME)
    assert (dict(found.kinds), found.primary_keys) == ({"Name__c": "text"}, ("Name__c",))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"type": "DATE_TIME"}, "datetime"),
        ({"type": "DateTime"}, "datetime"),
        ({"type": "Date"}, "date"),
        ({"type": "NUMBER"}, "number"),
        ({"type": "Text"}, "text"),
        ({"type": None, "businessType": "EMAIL"}, "text"),
        ({"type": "Array"}, "unknown"),
    ],
)
def test_a_type_that_the_query_does_not_say_is_that_of_the_metadata(
    field: dict[str, Any], kind: str
) -> None:
    """In each of its spellings."""
    found = described_source(
        Tenant({"A__c": "USER_DEFINED"}, {"fields": [{"name": "A__c", **field}]}).host, NAME
    )
    assert found.kinds["A__c"] == kind


def test_a_key_qualifier_is_no_key() -> None:
    """Data Cloud pairs each primary key with one."""
    keys = [{"name": "Id__c", "displayName": "Id", "indexOrder": "1"}, {"name": "KQ_Id__c"}]
    types = {"Id__c": "VARCHAR", "KQ_Id__c": "VARCHAR"}
    assert described_source(Tenant(types, {"primaryKeys": keys}).host, NAME).primary_keys == (
        "Id__c",
    )


@pytest.mark.parametrize("entity", [404, 400, 200 + 303, {"fields": None, "primaryKeys": None}])
def test_a_tenant_that_tells_no_metadata_is_no_obstacle(entity: dict[str, Any] | int) -> None:
    """The query alone tells the columns."""
    found = described_source(Tenant({"A__c": "VARCHAR"}, entity).host, NAME)
    assert (dict(found.kinds), found.primary_keys) == ({"A__c": "text"}, ())


def test_columns_are_measured_by_any_case_and_without_empty_texts(tmp_path: Path) -> None:
    """An empty text is no value, and ids that differ in case are one."""
    file = tmp_path / "rows.parquet"
    rows = {"a": ["x", "X", "y"], "b": ["1", "", None], "c": [1, 2, 3]}
    pl.DataFrame(rows).write_parquet(file)
    side = SourceSide(SourcePlace(files=str(file)), {})
    found = FileSource(side.asked_by("a", "b", "c")).distinctness(["a", "b", "c"])
    assert found == {
        "a": Distinctness(3, 3, 2),
        "b": Distinctness(3, 1, 1),
        "c": Distinctness(3, 3, 3),
    }
    assert found["c"].is_unique


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything is proposed."""
    side = SourceSide(SourcePlace(files=str(tmp_path / "no.csv")), {})
    with pytest.raises(ConfigError, match="found: no file"):
        FileSource(side.asked_by("key")).columns()


def test_counts_of_a_tenant_belong_to_their_columns() -> None:
    """They stand in one row: all rows, then two figures of each column."""

    class Counts(Tenant):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            del request
            names = ["rows", "f0", "d0", "f1", "d1"]
            metadata = {name: {"placeInOrder": place} for place, name in enumerate(names)}
            return httpx.Response(
                200, json={"metadata": metadata, "done": True, "data": [[9, 9, 8, 7, "6"]]}
            )

    side = SourceSide(SourcePlace(object=NAME), {"A__c": "text", "B__c": "text"})
    source = DataCloudSource(Counts({}, 404).host, side.asked_by("A__c", "B__c"))
    assert source.distinctness(["A__c", "B__c"]) == {
        "A__c": Distinctness(9, 9, 8),
        "B__c": Distinctness(9, 7, 6),
    }
