"""Query API V2: pages of one snapshot, opaque ids that work once, and the dialect."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from dc_assets_tests.emulator.driver import Client

OBJECT = '"ExtOpportunities__dlm"'
KEYS = f'SELECT "ExternalId__c" FROM {OBJECT} ORDER BY "ExternalId__c"'


@pytest.fixture
def seeded(connected: Client) -> Client:
    """A client of a tenant with 1,000 rows, in pages of 300."""
    connected.start_clean(opportunities=1000, accounts=10)
    connected.admin.post("/options", json={"page_rows": 300})
    return connected


def _all_keys(client: Client) -> list[str]:
    body = client.sql(KEYS).json()
    keys = [row[0] for row in body["data"]]
    while not body["done"]:
        body = client.tenant.get(f"/api/v2/query/{body['nextBatchId']}").json()
        keys += [row[0] for row in body["data"]]
    return keys


def test_all_pages_together_are_the_whole_answer_in_order(seeded: Client) -> None:
    """Four pages, each row once."""
    assert _all_keys(seeded) == [f"externalOpp{n:07d}" for n in range(1, 1001)]


def test_a_page_has_the_envelope_of_the_service(seeded: Client) -> None:
    """`nextBatchId` is there until the end and not at the end."""
    first = seeded.sql(KEYS).json()
    assert (first["rowCount"], first["done"]) == (300, False)
    assert {"startTime", "endTime", "queryId", "nextBatchId", "metadata"} <= set(first)
    last = seeded.sql(f"{KEYS} LIMIT 5").json()
    assert (last["rowCount"], last["done"]) == (5, True)
    assert "nextBatchId" not in last


def test_a_batch_id_works_once(seeded: Client) -> None:
    """A lost answer cannot be fetched again."""
    batch = seeded.sql(KEYS).json()["nextBatchId"]
    assert len(batch) > 36
    assert seeded.tenant.get(f"/api/v2/query/{batch}").status_code == 200
    again = seeded.tenant.get(f"/api/v2/query/{batch}")
    assert again.status_code == 400
    assert "message" in again.json()


def test_pages_of_one_query_are_one_snapshot(seeded: Client) -> None:
    """What changes after the first page is not seen by the others."""
    body = seeded.sql(KEYS).json()
    seeded.admin.post("/sql", json={"store": "data_cloud", "sql": f"DELETE FROM {OBJECT}"})
    second = seeded.tenant.get(f"/api/v2/query/{body['nextBatchId']}").json()
    assert second["rowCount"] == 300
    assert seeded.sql(KEYS).json()["rowCount"] == 0


def test_columns_must_be_ordered_by_their_place(seeded: Client) -> None:
    """The metadata stands in another order than the columns."""
    metadata = seeded.sql(f"SELECT * FROM {OBJECT} LIMIT 1").json()["metadata"]
    places = [entry["placeInOrder"] for entry in metadata.values()]
    assert places != sorted(places)
    assert sorted(places) == list(range(len(places)))
    assert metadata["Amount__c"] == {
        "type": "DECIMAL",
        "placeInOrder": places[list(metadata).index("Amount__c")],
        "typeCode": 3,
    }


def test_values_come_in_the_forms_of_the_service(seeded: Client) -> None:
    """Numbers as numbers, dates and times as texts, null as null."""
    sql = (
        'SELECT CAST(1200.50 AS DECIMAL(18,2)) AS "a", DATE \'2026-01-31\' AS "b", '
        'TIMESTAMPTZ \'2026-01-31 10:00:00+00\' AS "c", NULL AS "d", '
        "CAST(TIMESTAMPTZ '2026-01-31 10:00:00+00' AS text) AS \"e\", 'q\"''' AS \"f\""
    )
    (row,) = seeded.sql(sql).json()["data"]
    zoned = "2026-01-31T10:00:00.000+00:00"
    assert row == [1200.5, "2026-01-31", zoned, None, "2026-01-31 10:00:00+00", "q\"'"]


def test_a_text_of_any_signs_may_stand_before_a_cast(seeded: Client) -> None:
    """The parser counts bytes where the query has characters."""
    sql = 'SELECT \'é€😀\' AS "a", CAST(1.5 AS varchar) AS "b", CAST(2.0e0 AS varchar) AS "c"'
    (row,) = seeded.sql(sql).json()["data"]
    assert row == ["é€😀", "1.5", "2"]


def test_decimals_can_come_as_texts(seeded: Client) -> None:
    """Some versions of the service answer so."""
    seeded.admin.post("/options", json={"decimal_as_text": True})
    body = seeded.sql('SELECT CAST(1200.50 AS DECIMAL(18,2)) AS "a"').json()
    assert body["data"] == [["1200.50"]]


def test_arrow_comes_when_asked_for(seeded: Client) -> None:
    """One whole IPC stream for each page, in the place of the data."""
    body = seeded.sql(KEYS, **{"enable-arrow-stream": "true"}).json()
    assert "data" not in body
    frame = pl.read_ipc_stream(io.BytesIO(base64.b64decode(body["arrowStream"])))
    assert frame.shape == (300, 1)
    assert frame["ExternalId__c"][0] == "externalOpp0000001"


def test_arrow_can_be_switched_off(seeded: Client) -> None:
    """A client must look at what came, not at what it asked for."""
    seeded.admin.post("/options", json={"arrow": False})
    body = seeded.sql(KEYS, **{"enable-arrow-stream": "true"}).json()
    assert "arrowStream" not in body
    assert len(body["data"]) == 300


REFUSED = {
    "row comparison": (
        f'SELECT 1 AS "n" FROM {OBJECT} WHERE ("Name__c", "ExternalId__c") > (\'a\', \'b\')',
        "0A000",
    ),
    "tuples in a list": (
        f'SELECT 1 AS "n" FROM {OBJECT} WHERE ("Name__c", "ExternalId__c") IN ((\'a\', \'b\'))',
        "0A000",
    ),
    "unquoted column": (f"SELECT ExternalId__c FROM {OBJECT}", "42703"),
    "unquoted table": ('SELECT "ExternalId__c" FROM ExtOpportunities__dlm', "42P01"),
    "column in wrong case": (f'SELECT "externalid__c" FROM {OBJECT}', "42703"),
    "unknown column": (f'SELECT "Nothing__c" FROM {OBJECT}', "42703"),
    "unknown table": ('SELECT 1 AS "n" FROM "Nothing__dlm"', "42P01"),
    "text with number": (f'SELECT 1 AS "n" FROM {OBJECT} WHERE "ExternalId__c" > 5', "42601"),
    "two statements": ('SELECT 1 AS "n"; SELECT 2 AS "n"', "0A000"),
    "no query": (f"DELETE FROM {OBJECT}", "0A000"),
    "broken": ("SELEC 1", "42601"),
    "file": ("SELECT * FROM read_csv('/etc/hostname')", "42601"),
    "number in another base": ('SELECT 0x1F AS "n"', "42601"),
    "division by zero": ('SELECT 1 / 0 AS "n"', "22012"),
}


def test_what_hyper_refuses_is_refused(seeded: Client) -> None:
    """400 with the SQLSTATE, though the engine below would answer some of it."""
    for case, (sql, sqlstate) in REFUSED.items():
        answer = seeded.sql(sql)
        assert answer.status_code == 400, (case, answer.text)
        body = answer.json()
        assert body["details"]["sqlState"] == sqlstate, (case, body)
        assert {"timestamp", "error", "message", "path", "internalErrorCode"} <= set(body)


def test_a_refusal_is_worded_as_hyper_words_it(seeded: Client) -> None:
    """The details name SQLSTATE and place."""
    body = seeded.sql(f'SELECT 1,\n hash("Name__c") FROM {OBJECT}').json()
    assert body["message"] == 'function "hash" does not exist'
    assert body["details"] == {"sqlState": "42883", "position": "line 2, column 2"}
    assert body["path"] == "/api/v2/query"
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None


def test_half_a_sign_is_refused(seeded: Client) -> None:
    """JSON can carry what UTF-8 cannot."""
    answer = seeded.tenant.post("/api/v2/query", content=r"""{"sql": "SELECT '\ud800' AS n"}""")
    assert (answer.status_code, answer.json()["details"]["sqlState"]) == (400, "22P02")


def test_columns_without_a_name_are_counted(seeded: Client) -> None:
    """Query API V2 calls them `_col0` and so on, by their place."""
    sql = f'SELECT count(*), max("Name__c") AS "name", 1 FROM {OBJECT}'
    assert set(seeded.sql(sql).json()["metadata"]) == {"_col0", "name", "_col2"}


def test_a_column_that_has_no_form_in_an_answer_is_refused(seeded: Client) -> None:
    """In lists and in Arrow alike, with a sentence of our own."""
    for headers in ({}, {"enable-arrow-stream": "true"}):
        answer = seeded.sql("SELECT interval '1 day' AS \"n\"", **headers)
        assert (answer.status_code, answer.json()["details"]["sqlState"]) == (400, "0A000")


def test_a_sum_of_numbers_is_a_bigint(seeded: Client) -> None:
    """As Hyper has it."""
    sql = f'SELECT SUM(length("Name__c")) AS "n" FROM {OBJECT}'
    assert seeded.sql(sql).json()["metadata"]["n"]["type"] == "BIGINT"


ALLOWED = (
    f'SELECT count(*) AS "n" FROM {OBJECT} WHERE "ExternalId__c" > \'a\' AND "Amount__c" > 5',
    f'select count(*) as "n" from {OBJECT} where "Name__c" is not null;',
    f'WITH "few" AS (SELECT "Name__c" FROM {OBJECT}) SELECT count(*) AS "n" FROM "few"',
    f'SELECT "Name__c" AS "name" FROM {OBJECT} ORDER BY "name" LIMIT 3 OFFSET 2',
    f"SELECT 'ExternalId__c' AS \"n\" FROM {OBJECT} -- a comment\nLIMIT 1",
    f'SELECT max(CAST("CloseDate__c" AS text)) AS "n" FROM {OBJECT}',
)


def test_what_hyper_answers_is_answered(seeded: Client) -> None:
    """The guard lets plain queries through."""
    for sql in ALLOWED:
        answer = seeded.sql(sql)
        assert answer.status_code == 200, answer.text
        assert answer.json()["rowCount"] >= 1, sql


def test_columns_may_be_named_as_words_of_the_language(client: Client, tmp_path: Path) -> None:
    """A real file has columns like Count, Order and Date."""
    file = tmp_path / "odd.csv"
    file.write_text("Count,Order,Date\n3,1,2026-01-31\n")
    client.admin.post("/source", json={"path": str(file)})
    sql = (
        'SELECT count(*) AS "n", max("Count") AS "Most" FROM "odd__dlm" '
        'WHERE "Date" >= DATE \'2026-01-01\' GROUP BY "Order" ORDER BY "Most"'
    )
    assert client.sql(sql).json()["data"] == [[1, 3]]
    assert client.sql('SELECT Count FROM "odd__dlm"').status_code == 400


def test_the_metadata_names_the_fields_of_an_object(seeded: Client) -> None:
    """And an unknown object is not found."""
    path = "/api/v1/metadata?entityName="
    (entry,) = seeded.tenant.get(f"{path}ExtOpportunities__dlm").json()["metadata"]
    types = {field["name"]: field["type"] for field in entry["fields"]}
    assert types["ExternalId__c"] == "STRING"
    assert types["Amount__c"] == "NUMBER"
    assert seeded.tenant.get(f"{path}Nothing__dlm").status_code == 404


def test_the_metadata_names_types_and_a_key_that_is_one(client: Client, tmp_path: Path) -> None:
    """Whole numbers and truths have types of their own; a column with doubles is no key."""
    file = tmp_path / "typed.csv"
    file.write_text("Kind,Count,Ok,At,Code\na,1,true,2026-01-31T10:00:00,x\na,2,false,,y\n")
    client.admin.post("/source", json={"path": str(file)})
    (entry,) = client.tenant.get("/api/v1/metadata?entityName=typed__dlm").json()["metadata"]
    assert {field["name"]: field["type"] for field in entry["fields"]} == {
        "Kind": "STRING",
        "Count": "NUMBER",
        "Ok": "BOOLEAN",
        "At": "DATE_TIME",
        "Code": "STRING",
    }
    assert [one["name"] for one in entry["primaryKeys"]] == ["Code"]


def test_signs_of_several_bytes_shift_no_place(seeded: Client) -> None:
    """A type behind them is known, and an error behind them names its own column."""
    sql = "SELECT CAST('Müller 東京 🙂' AS varchar) AS a, CAST(1 AS varchar) AS b"
    assert seeded.sql(sql).json()["data"] == [["Müller 東京 🙂", "1"]]
    answer = seeded.sql("SELECT 'ü東🙂' AS a, CAST(1 AS varchart) AS b").json()
    assert 'type "varchart" does not exist' in answer["message"]
    assert "column 30" in str(answer)
