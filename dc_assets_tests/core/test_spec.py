"""What a load spec may say, and what it is refused for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dc_assets.core.spec import LoadSpec, check_name
from dc_assets_tests.fakes.specs import EXTERNAL_ID, KEY, content, small_spec

COLUMNS: list[dict[str, Any]] = content()["columns"]
SOURCE: dict[str, Any] = content()["source"]

REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"name": "Things"}, "pattern"),
    ({"name": "t" * 41}, "pattern"),
    ({"columns": []}, "at least 1"),
    ({"columns": COLUMNS[1:]}, f"must map {KEY} to {EXTERNAL_ID}"),
    ({"columns": [*COLUMNS, COLUMNS[1]]}, "source columns stand twice: Title__c"),
    (
        {"columns": [*COLUMNS, {"source": "Other__c", "target": "Title__c"}]},
        "target columns stand twice: Title__c",
    ),
    ({"columns": COLUMNS[:3]}, "must hold the parent column ParentKey__c"),
    ({"columns": [{**COLUMNS[0], "type": "money"}, *COLUMNS[1:]]}, "Input should be"),
    ({"columns": [{**COLUMNS[0], "when_null": "skip"}, *COLUMNS[1:]]}, "Input should be"),
    ({"source": {**SOURCE, "object": ""}}, "at least 1"),
    ({"source": {**SOURCE, "filter": "x"}}, "Extra inputs"),
    ({"partitions": {"scheme": 0, "upper_bounds": []}}, "greater than or equal to 1"),
    ({"partitions": {"scheme": 1}}, "Field required"),
    ({"partitions": {"scheme": 1, "upper_bounds": ["b", "a"]}}, "must ascend"),
    ({"partitions": {"scheme": 1, "upper_bounds": ["b", "b"]}}, "must ascend"),
    ({"partitions": {"scheme": 1, "upper_bounds": [400000]}}, "valid string"),
    ({"checks": {"distributions": ["Nowhere__c"]}}, "no column has: Nowhere__c"),
    (
        {
            "target": {**content()["target"], "operation": "update"},
            "refresh": {"deletes": "apply"},
        },
        "creates none",
    ),
    ({"profile": {"window": 0}}, "greater than or equal to 1"),
    ({"profile": {"window": 101}}, "less than or equal to 100"),
    ({"profile": {"batch_rows_max": 10_001}}, "less than or equal to 10000"),
    ({"profile": {"row_ladder_s": [1.0] * 21}}, "at most 20"),
    ({"profile": {"exclusive_user": "yes"}}, "valid boolean"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSALS)
def test_a_spec_that_makes_no_sense_is_refused(changes: dict[str, Any], reason: str) -> None:
    """Each mistake is refused for its own reason."""
    with pytest.raises(ValidationError, match=reason):
        small_spec(**changes)


@pytest.mark.parametrize("name", ["source", "target", "columns", "partitions", "name"])
def test_no_part_of_a_spec_may_be_missing(name: str) -> None:
    """Five settings have no default."""
    with pytest.raises(ValidationError, match="Field required"):
        LoadSpec.model_validate({key: value for key, value in content().items() if key != name})


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": {"window": 3, "exclusive_user": True}},
        {"checks": {"distributions": ["Title__c"]}},
    ],
)
def test_tuning_a_load_does_not_make_it_another_load(changes: dict[str, Any]) -> None:
    """Profile and checks stay out of the digest that tells loads apart."""
    assert small_spec(**changes).spec_hash == small_spec().spec_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"source": {**SOURCE, "where": "Title__c IS NOT NULL"}},
        {"source": {**SOURCE, "parent": None}},
        {"source": {**SOURCE, "data_space": "sales"}},
        {"partitions": {"scheme": 2, "upper_bounds": []}},
        {"partitions": {"scheme": 1, "upper_bounds": ["m"]}},
        {"columns": [COLUMNS[0], {**COLUMNS[1], "when_null": "unchanged"}, *COLUMNS[2:]]},
        {"name": "other_things"},
    ],
)
def test_a_change_of_what_is_sent_makes_another_load(changes: dict[str, Any]) -> None:
    """Whatever decides which rows are sent, or what they say, is in the digest."""
    assert small_spec(**changes).spec_hash != small_spec().spec_hash


def test_the_data_space_that_nobody_named_orphans_no_load() -> None:
    """Loads that began before there was the setting are continued: their digest is the same."""
    named = small_spec(source={**SOURCE, "data_space": "default"})
    assert named.spec_hash == small_spec().spec_hash == "a297097323e9b908"


def test_the_query_api_may_change_while_a_load_is_unfinished() -> None:
    """It reads the same rows; for files there is none to choose."""
    by_v3 = small_spec(source={**SOURCE, "api": "v3"})
    assert by_v3.spec_hash == small_spec().spec_hash
    with pytest.raises(ValidationError, match="api is for an object of Data Cloud"):
        small_spec(source={"files": "x.csv", "key": SOURCE["key"], "api": "v3"})


def test_files_lie_in_no_data_space() -> None:
    """The setting would be passed over silently."""
    with pytest.raises(ValidationError, match="nothing else lies in one"):
        small_spec(source={"files": "x.csv", "key": SOURCE["key"], "data_space": "sales"})


def of_database(**place: str) -> dict[str, object]:
    """Return the source of a database."""
    return {"sql": place, "key": SOURCE["key"]}


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"url": "$W", "table": "sales.accounts"}, "sales.accounts in $W"),
        ({"url": "$W", "query": "SELECT a::text FROM b"}, "the query in $W"),
        ({"url": "sqlite:////data/a.db", "table": "a"}, "a in sqlite:////data/a.db"),
    ],
)
def test_a_database_is_named_without_a_secret(place: dict[str, str], told: str) -> None:
    """By a variable that holds its URL; a file may be named plainly."""
    assert small_spec(source=of_database(**place)).source.place == told


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@db/sales",
        "postgresql://db/sales",
        "sqlite:///relative.db",
        "sqlite:////a.db?key=s3cret",
        "duckdb:////a@s3cret.db",
        "W",
        "$",
    ],
)
def test_a_url_that_may_hold_a_secret_stands_in_no_spec(url: str) -> None:
    """The sentence says where it belongs."""
    with pytest.raises(ValidationError, match="a spec is no place for one"):
        small_spec(source=of_database(url=url, table="a"))


@pytest.mark.parametrize(
    ("source", "flaw"),
    [
        (of_database(url="$W"), "either a table or a query"),
        (of_database(url="$W", table="a", query="SELECT 1"), "either a table or a query"),
        (of_database(url="$W", query="SELECT 1; DROP TABLE a"), "without ;"),
        ({**SOURCE, "sql": {"url": "$W", "table": "a"}}, "one of object, files and sql"),
        ({**of_database(url="$W", table="a"), "api": "v3"}, "api is for an object"),
    ],
)
def test_a_source_is_in_one_place(source: dict[str, object], flaw: str) -> None:
    """Two of them could not both be meant."""
    with pytest.raises(ValidationError, match=flaw):
        small_spec(source=source)


def test_a_profile_is_replaced_setting_by_setting() -> None:
    """An override keeps the other settings and is checked like the file."""
    spec = small_spec(profile={"window": 3}).with_profile({"batch_rows_max": 7})
    assert (spec.profile.window, spec.profile.batch_rows_max) == (3, 7)
    with pytest.raises(ValidationError):
        spec.with_profile({"window": 0})


def test_a_spec_without_a_parent_has_no_parent_field() -> None:
    """An object that hangs on no parent needs no parent column."""
    assert small_spec(source={**SOURCE, "parent": None}).parent_target is None
    assert small_spec().parent_target == "Parent__r.External_ID__c"


def test_a_check_is_named_after_its_field() -> None:
    """The name is a legal one for a check, whatever the field is called."""
    assert check_name("StatusName") == "status_name_distribution_matches"
    assert check_name("A.b-c") == "a_b_c_distribution_matches"
