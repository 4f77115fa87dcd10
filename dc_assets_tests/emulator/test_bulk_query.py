"""Bulk API 2.0 query: one snapshot, read page by page as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from dc_assets_tests.emulator.driver import Client, rows_csv

SOQL = "SELECT External_ID__c, Amount, Account.External_ID__c FROM Opportunity ORDER BY Name"


def _start(client: Client, soql: str = SOQL, **properties: str) -> str:
    body = {"operation": "query", "query": soql, **properties}
    answer = client.org.post("/jobs/query", json=body, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "UploadComplete"
    return str(answer.json()["id"])


def test_all_pages_together_are_the_whole_answer(client: Client) -> None:
    """Each page has the header; the last one has the locator `null`."""
    client.load(rows_csv(25))
    path = f"/jobs/query/{_start(client)}/results"
    keys: list[str] = []
    locator, sizes = "", list[str]()
    while locator != "null":
        page = client.org.get(path, params={"maxRecords": 10, "locator": locator})
        rows = list(csv.DictReader(io.StringIO(page.text)))
        keys += [row["External_ID__c"] for row in rows]
        sizes.append(page.headers["Sforce-NumberOfRecords"])
        locator = page.headers["Sforce-Locator"]
    assert sizes == ["10", "10", "5"]
    assert sorted(keys) == [f"externalOpp{n:07d}" for n in range(1, 26)]


def test_cells_are_quoted_and_columns_stand_as_selected(client: Client) -> None:
    """Also with another delimiter and line ending."""
    client.load(rows_csv(1))
    job = _start(client, columnDelimiter="PIPE", lineEnding="CRLF")
    assert client.org.get(f"/jobs/query/{job}/results").text == (
        '"External_ID__c"|"Amount"|"Account.External_ID__c"\r\n'
        '"externalOpp0000001"|"1.5"|"acc0000002"\r\n'
    )


def test_the_answer_is_that_of_the_moment_of_creation(client: Client) -> None:
    """Later rows are not in it."""
    client.load(rows_csv(2))
    job = _start(client)
    client.load(rows_csv(5))
    page = client.org.get(f"/jobs/query/{job}/results")
    assert page.headers["Sforce-NumberOfRecords"] == "2"
    info = client.org.get(f"/jobs/query/{job}").json()
    assert (info["state"], info["jobType"]) == ("JobComplete", "V2Query")
    assert info["numberRecordsProcessed"] == 2


@pytest.mark.parametrize(
    "soql",
    ["SELECT COUNT() FROM Opportunity", "SELECT Name, COUNT(Id) FROM Opportunity GROUP BY Name"],
)
def test_aggregates_are_refused(client: Client, soql: str) -> None:
    """Counts must go by /query."""
    answer = client.org.post("/jobs/query", json={"operation": "query", "query": soql})
    assert answer.status_code == 400
    assert answer.json()[0]["message"] == "Aggregate Relationships not supported in Bulk Query"


def test_a_query_job_can_be_listed_and_deleted(client: Client) -> None:
    """It is no ingest job; a finished one cannot be aborted."""
    job = _start(client)
    assert [entry["id"] for entry in client.org.get("/jobs/query").json()["records"]] == [job]
    assert client.org.get(f"/jobs/ingest/{job}").status_code == 404
    assert client.org.patch(f"/jobs/query/{job}", json={"state": "Aborted"}).status_code == 400
    assert client.org.delete(f"/jobs/query/{job}").status_code == 204
    assert client.org.get(f"/jobs/query/{job}/results").status_code == 404


def test_a_foreign_locator_and_another_version_are_refused(client: Client) -> None:
    """Locators belong to their job, and a job to its version."""
    job = _start(client)
    path = f"/jobs/query/{job}/results"
    assert client.org.get(path, params={"locator": "abcdef"}).status_code == 400
    other = client.ready["base_url"] + f"/services/data/v60.0{path}"
    assert client.org.get(other).status_code == 409
