"""The lists of jobs."""

from __future__ import annotations

import pytest

from dc_assets_tests.emulator.driver import Client


def test_a_job_of_the_list_says_its_type_and_its_form(client: Client) -> None:
    """Clients that show the list read the delimiter and the line ending of each job."""
    client.open_job(lineEnding="CRLF", columnDelimiter="PIPE")
    (job,) = client.org.get("/jobs/ingest").json()["records"]
    assert (job["jobType"], job["lineEnding"], job["columnDelimiter"]) == (
        "V2Ingest",
        "CRLF",
        "PIPE",
    )


@pytest.mark.parametrize(
    ("kind", "parameters", "count"),
    [
        ("ingest", {"jobType": "V2Ingest"}, 1),
        ("ingest", {"jobType": "Classic"}, 0),
        ("ingest", {"isPkChunkingEnabled": "true"}, 0),
        ("query", {"jobType": "V2Query"}, 1),
        ("query", {"jobType": "V2Ingest"}, 0),
    ],
)
def test_a_list_can_be_cut_to_one_type(
    client: Client, kind: str, parameters: dict[str, str], count: int
) -> None:
    """Types that no job has are right and give an empty list."""
    client.open_job()
    query = {"operation": "query", "query": "SELECT Id FROM Account"}
    assert client.org.post("/jobs/query", json=query).status_code == 200
    answer = client.org.get(f"/jobs/{kind}", params=parameters).json()
    assert (answer["done"], len(answer["records"])) == (True, count)


def test_a_type_that_is_none_is_refused(client: Client) -> None:
    """It is a slip of the caller, not an empty list."""
    answer = client.org.get("/jobs/ingest", params={"jobType": "v2ingest"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "API_ERROR")
