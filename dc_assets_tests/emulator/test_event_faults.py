"""Faults of the org itself: sessions end, batches vanish, answers are empty or old, clocks err."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from dc_assets_tests.emulator.driver import Client, JSONDict, rows_csv

OBJECT = '"ExtOpportunities__dlm"'
KEYS = f'SELECT "ExternalId__c" FROM {OBJECT} ORDER BY "ExternalId__c"'
COUNT = f'SELECT COUNT(*) AS "rows" FROM {OBJECT}'


@pytest.fixture
def seeded(connected: Client) -> Client:
    """A client of a tenant with 1,000 rows, in pages of 300."""
    connected.start_clean(opportunities=1000, accounts=10)
    connected.admin.post("/options", json={"page_rows": 300})
    return connected


def _pages(client: Client, sql: str = KEYS) -> list[list[list[object]]]:
    body = client.sql(sql).json()
    pages = [body["data"]]
    while not body["done"]:
        body = client.tenant.get(f"/api/v2/query/{body['nextBatchId']}").json()
        pages.append(body["data"])
    return pages


def test_sessions_of_the_org_end_at_a_call(client: Client) -> None:
    """From that call on; the tenant token lives, a new login works."""
    client.faults({"what": "expire_core_token", "after": 1, "calls": ["limits"]})
    assert client.org.get("/limits").status_code == 200
    answer = client.org.get("/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert client.org.get("/jobs/ingest").status_code == 401
    assert client.sql('SELECT 1 AS "n"').status_code == 200
    client.log_in()
    assert client.org.get("/limits").status_code == 200
    assert client.fired() == 1


def test_a_call_that_meets_a_dead_session_is_not_done(client: Client) -> None:
    """The close has to be sent again."""
    job = client.open_job()
    client.upload(job, rows_csv(2))
    client.faults({"what": "expire_core_token", "calls": ["close"]})
    assert client.close_job(job).status_code == 401
    client.log_in()
    assert client.info(job)["state"] == "Open"


def test_tenant_tokens_end_at_a_call(client: Client) -> None:
    """The session of the org lives and buys a new one."""
    client.faults({"what": "expire_tenant_token"})
    assert client.sql('SELECT 1 AS "n"').status_code == 401
    assert client.org.get("/limits").status_code == 200
    assert client.sql('SELECT 1 AS "n"').status_code == 401
    client.log_in()
    assert client.sql('SELECT 1 AS "n"').status_code == 200


def test_a_batch_is_lost(seeded: Client) -> None:
    """With the error of one that was used; a new query reads all."""
    seeded.faults({"what": "lose_batch", "after": 1})
    first = seeded.sql(KEYS).json()
    second = seeded.tenant.get(f"/api/v2/query/{first['nextBatchId']}").json()
    lost = seeded.tenant.get(f"/api/v2/query/{second['nextBatchId']}")
    assert lost.status_code == 400
    assert "was fetched before, has expired or never was" in lost.json()["message"]
    assert sum(len(page) for page in _pages(seeded)) == 1000


@pytest.mark.parametrize(
    ("parameters", "sizes"),
    [
        ({}, [0]),
        ({"rows": 450}, [300, 150]),
        ({"form": "last"}, [0, 0]),
        ({"form": "last", "rows": 300}, [300, 0]),
        ({"form": "last", "rows": -1}, [300, 300, 300, 100, 0]),
    ],
)
def test_an_answer_ends_too_early_as_if_it_were_whole(
    seeded: Client, parameters: JSONDict, sizes: list[int]
) -> None:
    """Without rows, or after some; in the first answer, or in one more batch."""
    seeded.faults({"what": "empty_answer", **parameters})
    assert seeded.sql(COUNT).json()["data"] == [[1000]]
    assert [len(page) for page in _pages(seeded)] == sizes
    assert sum(len(page) for page in _pages(seeded)) == 1000
    (fault,) = seeded.admin.get("/faults").json()["faults"]
    assert (fault["seen"], fault["fired"]) == (2, 1)


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        f'SELECT "StageName__c", COUNT(*) AS "n" FROM {OBJECT} GROUP BY "StageName__c"',
        f'SELECT coalesce(max("Name__c"), \'\') AS "n" FROM {OBJECT}',
    ],
)
def test_a_count_comes_without_a_row(seeded: Client, sql: str) -> None:
    """Queries for rows are left alone, with a count in a subquery too."""
    seeded.faults({"what": "empty_count"})
    assert len(_pages(seeded)[0]) == 300
    rows = f'SELECT "Name__c" FROM {OBJECT} WHERE (SELECT count(*) FROM {OBJECT}) > 0'
    assert len(_pages(seeded, rows)[0]) == 300
    empty = seeded.sql(sql).json()
    assert (empty["data"], empty["done"], empty["rowCount"]) == ([], True, 0)
    assert seeded.sql(sql).json()["rowCount"] > 0


def test_an_old_answer_is_given_again(seeded: Client) -> None:
    """All its pages, until the fault is cleared; another text sees the truth."""
    seeded.faults({"what": "stale_answer"})
    assert [seeded.sql(COUNT).json()["data"], len(_pages(seeded))] == [[[1000]], 4]
    assert seeded.fired() == 0
    sql = f"DELETE FROM {OBJECT} WHERE \"ExternalId__c\" > 'externalOpp0000400'"
    seeded.admin.post("/sql", json={"store": "data_cloud", "sql": sql})
    for _ in range(2):
        assert seeded.sql(COUNT).json()["data"] == [[1000]]
        assert sum(len(page) for page in _pages(seeded)) == 1000
    assert seeded.sql(f"{COUNT} -- anew").json()["data"] == [[400]]
    assert seeded.fired() == 4
    seeded.faults()
    assert seeded.sql(COUNT).json()["data"] == [[400]]
    assert sum(len(page) for page in _pages(seeded)) == 400


def test_rows_change_between_two_calls(seeded: Client) -> None:
    """Before the second batch: the query still has its snapshot, the next one does not."""
    sql = f"DELETE FROM {OBJECT} WHERE \"ExternalId__c\" = 'externalOpp0000001'"
    seeded.faults({"what": "rows_change", "sql": sql, "calls": ["data_cloud_batch"], "after": 1})
    assert sum(len(page) for page in _pages(seeded)) == 1000
    assert seeded.fired() == 1
    assert seeded.sql(COUNT).json()["data"] == [[999]]


def test_rows_change_before_a_query(seeded: Client) -> None:
    """The query sees the change."""
    seeded.faults({"what": "rows_change", "sql": f"DELETE FROM {OBJECT}", "after": 1})
    assert [seeded.sql(COUNT).json()["data"] for _ in range(2)] == [[[1000]], [[0]]]


def _age_s(answer: httpx.Response) -> float:
    now = datetime.now(UTC)
    return (now - parsedate_to_datetime(answer.headers["Date"])).total_seconds()


def test_the_clock_of_the_org_is_wrong(client: Client) -> None:
    """Date headers, times of jobs and records; right again when it is cleared."""
    assert abs(_age_s(client.org.get("/limits"))) < 5
    client.faults({"what": "clock_skew", "seconds": -3600})
    assert abs(_age_s(client.org.get("/limits")) - 3600) < 5
    done = client.load(rows_csv(1))
    created = datetime.fromisoformat(done["createdDate"])
    assert abs((datetime.now(UTC) - created).total_seconds() - 3600) < 5
    record = client.soql("SELECT SystemModstamp FROM Opportunity")["records"][0]
    stamp = datetime.fromisoformat(record["SystemModstamp"])
    assert abs((datetime.now(UTC) - stamp).total_seconds() - 3600) < 5
    assert client.fired() == 1
    client.faults()
    assert abs(_age_s(client.org.get("/limits"))) < 5


def test_tenant_tokens_die_when_the_clock_leaps(client: Client) -> None:
    """They live for two hours of the org's time; a wait of a job is not shortened."""
    client.admin.post("/options", json={"job_delay_s": 0.5})
    job = client.open_job()
    client.upload(job, rows_csv(1))
    client.close_job(job)
    client.faults({"what": "clock_skew", "seconds": 8000})
    assert client.info(job)["state"] != "JobComplete"
    assert client.sql('SELECT 1 AS "n"').status_code == 401
    client.log_in()
    assert client.sql('SELECT 1 AS "n"').status_code == 200
    assert client.finish(job)["state"] == "JobComplete"
