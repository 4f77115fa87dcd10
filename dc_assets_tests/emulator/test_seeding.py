"""Seeding: how many rows, which parents, which rows the org must refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from dc_assets.emulator.ids import case_suffix, record_id
from dc_assets.emulator.seed import PACKAGED, SeedError, Skew
from dc_assets_tests.emulator.driver import Client

OBJECT = '"ExtOpportunities__dlm"'


def _rows(client: Client, sql: str) -> list[list[Any]]:
    answer = client.admin.post("/sql", json={"store": "data_cloud", "sql": sql})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["rows"])


def _parents(client: Client, skew: str) -> list[int]:
    """Children of each of 100 accounts, most first, for 20,000 rows."""
    client.start_clean(opportunities=20_000, accounts=100, skew=skew)
    sql = f'SELECT count(*) FROM {OBJECT} WHERE "AccountExternalId__c" IS NOT NULL'
    return [
        int(row[0])
        for row in _rows(client, f'{sql} GROUP BY "AccountExternalId__c" ORDER BY 1 DESC')
    ]


@pytest.mark.parametrize(
    ("part", "name"), [("parent", "key_sql"), ("source", "ExternalId__c")], ids=["parents", "rows"]
)
def test_keys_stay_apart_beyond_ten_million(client: Client, part: str, name: str) -> None:
    """A key of eight digits is not cut to seven."""
    told = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))[part]
    key = told.get(name) or told["columns"][name]
    numbers = "(VALUES (1::BIGINT), (1000000), (9999999), (10000000), (10000001)) AS many(n)"
    found = [row[0] for row in _rows(client, f"SELECT {key} FROM {numbers}")]
    assert len(set(found)) == len(found) == 5


def test_rows_have_unique_keys_in_no_order(client: Client) -> None:
    """The storage order is not that of the keys."""
    client.start_clean(opportunities=500, accounts=5)
    keys = [row[0] for row in _rows(client, f'SELECT "ExternalId__c" FROM {OBJECT}')]
    assert keys != sorted(keys)
    assert sorted(keys) == [f"externalOpp{n:07d}" for n in range(1, 501)]
    state = client.admin.get("/state").json()
    assert state["core"] == {"Account": 5, "Opportunity": 0}
    assert state["data_cloud"] == {"ExtOpportunities__dlm": 500}


def test_the_same_seed_gives_the_same_rows(client: Client) -> None:
    """And another seed gives others."""
    contents: list[list[list[Any]]] = []
    for seed in (1, 1, 2):
        client.start_clean(opportunities=200, accounts=5, seed=seed)
        contents.append(_rows(client, f'SELECT * FROM {OBJECT} ORDER BY "ExternalId__c"'))
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_values_are_as_uneven_as_real_ones(client: Client) -> None:
    """Ten stages of different share, some amounts and parents missing, odd descriptions."""
    client.start_clean(opportunities=20_000, accounts=100)
    counts = [
        row[0] for row in _rows(client, f'SELECT count(*) FROM {OBJECT} GROUP BY "StageName__c"')
    ]
    assert len(counts) == 10
    assert max(counts) > 5 * min(counts)
    missing = 'count(*) - count("Amount__c"), count(*) - count("AccountExternalId__c")'
    ((amounts, parents),) = _rows(client, f"SELECT {missing} FROM {OBJECT}")
    assert 200 < amounts < 800
    assert 5 <= parents <= 50
    odd = "count(*) FILTER (contains(\"Description__c\", '{}'))"
    marks = ", ".join(odd.format(mark) for mark in ('"', "\n", "東京", ","))
    (found,) = _rows(client, f"SELECT {marks} FROM {OBJECT}")
    assert all(found)


def test_uniform_parents_have_alike_many_children(client: Client) -> None:
    """About 200 each."""
    counts = _parents(client, "uniform")
    assert len(counts) == 100
    assert 120 < min(counts) <= max(counts) < 280


def test_zipf_gives_the_first_parent_the_most(client: Client) -> None:
    """With exponent 1 the first of 100 has one part in 5.19, twice the second."""
    counts = _parents(client, "zipf:1.0")
    assert 3500 < counts[0] < 4200
    assert 1.8 < counts[0] / counts[1] < 2.2


def test_a_hot_parent_has_its_share(client: Client) -> None:
    """A tenth here; the others share the rest evenly."""
    counts = _parents(client, "hot:0.1")
    assert 1850 < counts[0] < 2150
    assert counts[1] < 280


@pytest.mark.parametrize("text", ["", "hot", "hot:2", "zipf:0", "zipf:x", "uniform:1", "cold:1"])
def test_a_wrong_skew_is_refused(text: str) -> None:
    """In one sentence."""
    with pytest.raises(SeedError, match="none of uniform"):
        Skew.parse(text)


def test_bad_rows_are_exactly_those_the_org_refuses(client: Client) -> None:
    """Seven of 300, over the whole range, of three kinds."""
    client.start_clean(opportunities=300, accounts=5, bad_rows=7)
    columns = ["ExternalId__c", "Name__c", "StageName__c", "CloseDate__c", "AccountExternalId__c"]
    selected = ", ".join(f'"{name}"' for name in columns)
    rows = _rows(client, f'SELECT {selected} FROM {OBJECT} ORDER BY "ExternalId__c"')
    names = ["External_ID__c", "Name", "StageName", "CloseDate", "Account.External_ID__c"]
    done = client.load(pl.DataFrame(rows, schema=names, orient="row").write_csv())
    assert done["numberRecordsFailed"] == 7
    failed = client.result(done["id"], "failedResults")
    codes = sorted(row["sf__Error"].partition(":")[0] for row in failed)
    assert codes == ["INVALID_FIELD"] * 2 + ["REQUIRED_FIELD_MISSING"] * 3 + ["STRING_TOO_LONG"] * 2
    parts = {int(row["External_ID__c"][-7:]) // 100 for row in failed}
    assert parts >= {0, 1, 2}


def test_a_file_becomes_an_object(client: Client, tmp_path: Path) -> None:
    """Parquet or CSV; one that is not there is named."""
    frame = pl.DataFrame({"Key__c": ["a", "b"], "Amount__c": [1.5, None]})
    frame.write_parquet(tmp_path / "Deals.parquet")
    frame.write_csv(tmp_path / "Deals.csv")
    for name, expected in (("Deals.parquet", "Deals__dlm"), ("Deals.csv", "Deals__dlm")):
        answer = client.admin.post("/source", json={"path": str(tmp_path / name)})
        assert answer.json() == {"object": expected, "rows": 2}
    body = client.sql('SELECT * FROM "Deals__dlm" ORDER BY "Key__c"').json()
    assert body["data"] == [["a", 1.5], ["b", None]]
    missing = client.admin.post("/source", json={"path": str(tmp_path / "no.csv")})
    assert (missing.status_code, "not there" in missing.text) == (400, True)


def test_ids_are_safe_where_case_is_lost() -> None:
    """The suffix of a known id, and no two ids that differ only in case."""
    assert case_suffix("0068c00002DJIpJ") == "AAX"
    ids = [record_id("006", number) for number in range(5000)]
    assert len({text.lower() for text in ids}) == len(ids)
    assert {len(text) for text in ids} == {18}


def test_ids_of_parents_differ_where_case_is_lost(client: Client) -> None:
    """Each has the suffix of its own fifteen characters."""
    client.start_clean(accounts=5000)
    body = {"store": "core", "sql": 'SELECT "Id" FROM "Account"'}
    ids = [row[0] for row in client.admin.post("/sql", json=body).json()["rows"]]
    assert all(id_ == id_[:15] + case_suffix(id_[:15]) for id_ in ids)
    assert len({id_.lower() for id_ in ids}) == 5000
