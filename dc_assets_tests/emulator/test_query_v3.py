"""Query API V3: a status in a header, chunks that can be read again, JSON and Arrow."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import polars as pl
import pytest

from dc_assets_tests.emulator.driver import Client

PATH = "/api/v3/query"
ARROW = {"Accept": "application/vnd.apache.arrow.stream"}
ROWS, CHUNK = 3_000, 700
KEYS = 'SELECT "ExternalId__c" FROM "ExtOpportunities__dlm" ORDER BY 1'


@pytest.fixture(scope="module")
def seeded(connected: Client) -> Client:
    """A client of an org with rows in its tenant."""
    connected.start_clean(opportunities=ROWS, accounts=10)
    connected.admin.post("/options", json={"page_rows": CHUNK})
    return connected


def _ask(client: Client, sql: str = KEYS, **more: object) -> httpx.Response:
    return client.tenant.post(PATH, json={"sql": sql, **more})


def _status(answer: httpx.Response) -> dict[str, Any]:
    return json.loads(answer.headers["x-hyperdb-status"])


def _sqlstate(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"].get("sqlState", "")


def test_rows_are_read_by_chunks_and_again(seeded: Client) -> None:
    """An ASYNC query answers with no row; each chunk is the same each time, in any order."""
    begun = _ask(seeded, transferMode="ASYNC")
    assert begun.json()["data"] == []
    assert _status(begun)["completionStatus"] == "RUNNING_OR_UNSPECIFIED"
    query = f"{PATH}/{_status(begun)['queryId']}"
    ended = seeded.tenant.get(query, params={"waitTimeMs": 10_000})
    assert ended.json() == _status(ended)
    assert (ended.json()["rowCount"], ended.json()["chunkCount"]) == (ROWS, 5)
    pieces = {n: seeded.tenant.get(f"{query}/chunks/{n}").json() for n in (4, 0, 2, 1, 3)}
    found = [row[0] for n in range(5) for row in pieces[n]["data"]]
    assert found == [f"externalOpp{n:07d}" for n in range(1, ROWS + 1)]
    assert seeded.tenant.get(f"{query}/chunks/2").json() == pieces[2]
    beyond = seeded.tenant.get(f"{query}/chunks/5")
    assert _sqlstate(beyond) == (400, "22023")
    assert seeded.tenant.delete(query).status_code == 204
    assert _sqlstate(seeded.tenant.get(f"{query}/chunks/0")) == (404, "02000")


def test_a_first_answer_is_no_chunk(seeded: Client) -> None:
    """It has as many rows as it likes; `rows` goes on from any place."""
    first = _ask(seeded)
    assert first.json()["returnedRows"] == 2_000
    assert _status(first)["completionStatus"] == "RESULTS_PRODUCED"
    query = f"{PATH}/{_status(first)['queryId']}"
    rest = seeded.tenant.get(f"{query}/rows", params={"offset": 2_000, "omitSchema": "true"})
    assert (rest.json()["returnedRows"], "metadata" in rest.json()) == (1_000, False)
    few = seeded.tenant.get(f"{query}/rows", params={"offset": 0, "byteLimit": 100}).json()
    assert 1 <= few["returnedRows"] < 10
    assert seeded.tenant.get(f"{query}/rows").status_code == 400
    assert seeded.tenant.get(f"{query}/rows", params={"offset": ROWS}).status_code == 400
    columns = seeded.tenant.get(f"{query}/metadata").json()["metadata"]["columns"]
    assert [(one["name"], one["type"]) for one in columns] == [("ExternalId__c", "varchar")]


def test_chunks_without_their_schema_make_one_stream_of_arrow(seeded: Client) -> None:
    """The first one with it, as the engine's own parts do."""
    query = f"{PATH}/{_status(_ask(seeded, transferMode='ASYNC'))['queryId']}"
    parts = [
        seeded.tenant.get(
            f"{query}/chunks/{n}", params={"omitSchema": str(n > 0).lower()}, headers=ARROW
        )
        for n in range(5)
    ]
    assert {part.headers["Content-Type"] for part in parts} == {ARROW["Accept"]}
    frame = pl.read_ipc_stream(io.BytesIO(b"".join(part.content for part in parts)))
    assert frame["ExternalId__c"].to_list() == [f"externalOpp{n:07d}" for n in range(1, ROWS + 1)]


def test_a_fault_takes_a_query_away(seeded: Client) -> None:
    """It is unknown then."""
    sql = "SELECT 'a' AS \"Key__c\""
    query = f"{PATH}/{_status(_ask(seeded, sql))['queryId']}"
    assert seeded.tenant.get(query).status_code == 200
    seeded.admin.post("/faults", json={"faults": [{"what": "lose_batch"}]})
    assert _sqlstate(seeded.tenant.get(query)) == (404, "02000")
    seeded.admin.post("/faults", json={"faults": []})


def test_parameters_are_written_in_three_ways(seeded: Client) -> None:
    """A sign of one inside a text is none."""
    value = [{"type": "varchar", "value": "it's"}]
    named = [{"type": "varchar", "value": "it's", "name": "key"}]
    for style, sql, values in (
        ("QUESTION_MARK", "SELECT '?' AS a, ? AS b", value),
        ("DOLLARED", "SELECT '?' AS a, $1 AS b", value),
        ("NAMED", "SELECT '?' AS a, :key AS b", named),
    ):
        answer = _ask(seeded, sql, paramStyle=style, parameters=values)
        assert answer.json()["data"] == [["?", "it's"]], answer.text
    wrong = _ask(seeded, "SELECT ?", parameters=[{"type": "Varchar", "value": "a"}])
    assert _sqlstate(wrong) == (400, "42704")


REFUSED: dict[str, dict[str, Any]] = {
    "no query": {"query": "SELECT 1"},
    "another field": {"sql": "SELECT 1", "rowLimit": 5},
    "a mode of gRPC": {"sql": "SELECT 1", "transferMode": "SYNC"},
    "another setting": {"sql": "SELECT 1", "settings": {"enable_row_types": "1"}},
    "a range without rows": {"sql": "SELECT 1", "transferMode": "ASYNC", "resultRange": {"a": 1}},
    "a limit of nothing": {"sql": "SELECT 1", "queryRowLimit": 0},
    "no SQL": {"sql": "SELEC 1"},
}


def test_what_the_service_does_not_know_is_refused(seeded: Client) -> None:
    """In the shape of an error of the tenant; a session of the org does not open it."""
    for case, body in REFUSED.items():
        answer = seeded.tenant.post(PATH, json=body)
        assert answer.status_code == 400, case
        assert answer.json()["path"] == PATH, case
    assert seeded.tenant.post(PATH, content="no JSON").status_code == 400
    page = {"Accept": "text/html"}
    assert seeded.tenant.post(PATH, json={"sql": "SELECT 1"}, headers=page).status_code == 406
    token = {"Authorization": seeded.org.headers["Authorization"]}
    refused = seeded.tenant.post(PATH, json={"sql": "SELECT 1"}, headers=token)
    assert refused.status_code == 401


def test_a_limit_of_rows_is_kept(seeded: Client) -> None:
    """That of the query, and that of its first answer."""
    limited = _ask(seeded, queryRowLimit=1_000, resultRange={"rowLimit": 10})
    assert (_status(limited)["rowCount"], limited.json()["returnedRows"]) == (1_000, 10)
