"""Faults of single calls: answers that are refused, late, torn, cut, or written otherwise."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from dc_assets_tests.acceptance.stage import wait_until
from dc_assets_tests.emulator.driver import Client, JSONDict, one_row, rows_csv

TENANT_SQL = 'SELECT "ExternalId__c" FROM "ExtOpportunities__dlm" ORDER BY 1'
SLOW_S = 3.0


@pytest.fixture
def job(client: Client) -> str:
    """A job that has its content and is open."""
    opened = client.open_job()
    assert client.upload(opened, rows_csv(20)).status_code == 201
    return opened


@pytest.fixture
def done(client: Client) -> str:
    """A job that is over, with 200 rows."""
    return str(client.load(rows_csv(200))["id"])


def _results(client: Client, job: str) -> httpx.Response:
    return client.org.get(f"/jobs/ingest/{job}/successfulResults")


def _read_until_broken(answer: httpx.Response) -> tuple[bytes, httpx.ReadError]:
    """What came of a body before its connection broke."""
    received = b""
    try:
        for piece in answer.iter_bytes():
            received += piece
    except httpx.ReadError as error:
        return received, error
    raise AssertionError(received)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("json", "application/json;charset=UTF-8"), ("html", "text/html; charset=utf-8")],
)
def test_a_status_comes_with_the_body_that_was_asked_for(
    client: Client, body: str, content_type: str
) -> None:
    """JSON in the envelope of the service, or a page for people."""
    client.faults({"what": "status", "calls": ["limits"], "status": 502, "body": body})
    answer = client.org.get("/limits")
    assert (answer.status_code, answer.headers["content-type"]) == (502, content_type)
    assert "Retry-After" not in answer.headers
    if body == "json":
        assert answer.json()[0]["errorCode"] == "UNKNOWN_EXCEPTION"
    assert client.org.get("/limits").status_code == 200


@pytest.mark.parametrize("status", [420, 429, 500, 503])
def test_a_status_may_come_without_a_body_and_with_a_time_to_wait(
    client: Client, status: int
) -> None:
    """Each number, also one that no list of statuses has."""
    fault = {"what": "status", "calls": ["soql"], "status": status, "retry_after": 3}
    client.faults(fault | {"body": "empty"})
    answer = client.org.get("/query", params={"q": "SELECT COUNT() FROM Account"})
    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["Retry-After"] == "3"


def test_the_errors_of_the_other_hosts_have_their_own_shape(client: Client) -> None:
    """Login and tenant do not answer with the array of the org."""
    client.faults(
        {"what": "status", "calls": ["token"]}, {"what": "status", "calls": ["data_cloud_query"]}
    )
    assert set(client.root.post("/services/oauth2/token").json()) == {"error", "error_description"}
    assert client.sql("SELECT 1").json()["internalErrorCode"] == "COMMON_ERROR_GENERIC"


@pytest.mark.parametrize(("acted", "state"), [(False, "Open"), (True, "JobComplete")])
def test_a_refused_close_was_done_or_not(
    client: Client, job: str, *, acted: bool, state: str
) -> None:
    """The journal says which."""
    client.faults({"what": "status", "calls": ["close"], "acted": acted})
    assert client.close_job(job).status_code == 503
    found = client.finish(job) if acted else client.info(job)
    assert found["state"] == state
    assert len(client.commits()) == int(acted)


@pytest.mark.parametrize(("acted", "jobs"), [(False, 0), (True, 1)])
def test_a_refused_create_may_leave_a_job_nobody_knows(
    client: Client, *, acted: bool, jobs: int
) -> None:
    """An org that answers 500 after its work."""
    client.faults({"what": "status", "status": 500, "calls": ["create"], "acted": acted})
    body = {"object": "Opportunity", "operation": "insert"}
    assert client.org.post("/jobs/ingest", json=body).status_code == 500
    assert len(client.org.get("/jobs/ingest").json()["records"]) == jobs


@pytest.mark.parametrize(
    ("when", "state"), [("before", "Open"), ("during", "JobComplete"), ("after", "JobComplete")]
)
def test_a_close_whose_connection_is_reset_was_done_or_not(
    client: Client, job: str, when: str, state: str
) -> None:
    """The reset is one of the network, and the journal says what the org did."""
    client.faults({"what": "reset", "calls": ["close"], "when": when})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError), match="reset"):
        client.close_job(job)
    found = client.info(job) if when == "before" else client.finish(job)
    assert found["state"] == state
    assert len(client.commits()) == int(when != "before")


def test_a_reset_is_one_of_tcp(client: Client) -> None:
    """A bare socket meets RST and not the orderly end of a connection."""
    client.faults({"what": "reset", "calls": ["token"]})
    url = urlsplit(client.ready["base_url"])
    with socket.create_connection((url.hostname, url.port), timeout=5) as connection:
        head = f"POST /services/oauth2/token HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
        connection.sendall(head.encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_an_upload_is_torn_while_it_is_sent(client: Client) -> None:
    """The org has no content then: the upload can be sent again."""
    job = client.open_job()
    client.faults({"what": "reset", "calls": ["upload"], "when": "during"})
    # The client meets the reset while it writes or when it then reads.
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.upload(job, b"x" * 30_000_000)
    assert client.fired() == 1
    assert client.upload(job, rows_csv(3)).status_code == 201
    client.close_job(job)
    assert client.finish(job)["numberRecordsProcessed"] == 3


def test_an_upload_reset_after_the_work_has_arrived(client: Client) -> None:
    """The second one is refused as a second one."""
    job = client.open_job()
    client.faults({"what": "reset", "calls": ["upload"], "when": "after"})
    with pytest.raises(httpx.ReadError):
        client.upload(job, rows_csv(3))
    assert client.upload(job, rows_csv(3)).json()[0]["message"].startswith("Found multip")


def test_an_answer_is_torn_in_its_midst(client: Client, done: str) -> None:
    """Head and part of the body came; then the reset."""
    client.faults({"what": "reset", "calls": ["results"], "when": "during"})
    with client.org.stream("GET", f"/jobs/ingest/{done}/successfulResults") as answer:
        received, error = _read_until_broken(answer)
    assert "reset" in str(error)
    assert answer.status_code == 200
    assert len(received) < int(answer.headers["content-length"])
    assert _results(client, done).content.startswith(received)


def test_a_slow_answer_makes_its_caller_leave(client: Client, job: str) -> None:
    """The work is done after the wait; the caller cannot know."""
    _leave_a_slow_close(client, job, acted=False)
    assert client.commits() == []
    assert client.finish(job)["state"] == "JobComplete"


def test_a_caller_may_leave_what_is_done_already(client: Client, job: str) -> None:
    """The work is done before the wait; the caller cannot know."""
    _leave_a_slow_close(client, job, acted=True)
    wait_until(client.commits, "it is done", within_s=SLOW_S - 1.0)
    assert client.finish(job)["state"] == "JobComplete"


def _leave_a_slow_close(client: Client, job: str, *, acted: bool) -> None:
    client.faults({"what": "slow", "calls": ["close"], "seconds": SLOW_S, "acted": acted})
    with pytest.raises(httpx.ReadTimeout):
        client.org.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"}, timeout=0.5)


def test_a_slow_answer_comes_whole_and_holds_no_other_call(client: Client) -> None:
    """After its seconds."""
    client.faults({"what": "slow", "calls": ["limits"], "seconds": 0.3})
    started = time.monotonic()
    assert client.org.get("/limits").status_code == 200
    assert time.monotonic() - started >= 0.3


def test_an_honest_cut_is_a_short_read(client: Client, done: str) -> None:
    """The head promises more bytes than come."""
    client.faults({"what": "truncate", "calls": ["results"]})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        _results(client, done)
    assert len(client.result(done, "successfulResults")) == 200


def test_a_dishonest_cut_has_a_length_that_fits(client: Client, done: str) -> None:
    """Nothing on the wire says that rows are missing."""
    whole = _results(client, done).content
    client.faults({"what": "truncate", "calls": ["results"], "honest": False, "times": 2})
    cuts = [_results(client, done) for _ in range(2)]
    for cut in cuts:
        assert cut.status_code == 200
        assert int(cut.headers["content-length"]) == len(cut.content) < len(whole)
        assert whole.startswith(cut.content)
    assert cuts[0].content != cuts[1].content
    assert _results(client, done).content == whole


def test_every_answer_with_rows_can_be_cut(client: Client) -> None:
    """SOQL, pages of Data Cloud, results of query jobs; no other call of a query job."""
    client.start_clean(opportunities=50, accounts=10)
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    client.faults({"what": "truncate", "honest": False, "share": 1.0})
    job = client.org.post("/jobs/query", json=body).json()["id"]
    page = client.org.get(f"/jobs/query/{job}/results")
    assert page.text.count("\n") <= 10
    soql = client.org.get("/query", params={"q": "SELECT Id FROM Account"})
    for answer in (soql, client.sql(TENANT_SQL)):
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            answer.json()


def test_a_shuffled_result_file_has_the_same_rows(client: Client, done: str) -> None:
    """Rows and columns stand elsewhere: who goes by name and key finds the same."""
    plain_text = _results(client, done).text
    plain = client.result(done, "successfulResults")
    client.faults({"what": "shuffle", "times": 2})
    shuffled = client.result(done, "successfulResults")
    other_text = _results(client, done).text
    assert list(plain[0]) != list(shuffled[0])

    def in_order(rows: list[dict[str, str]]) -> list[list[tuple[str, str]]]:
        return sorted(sorted(row.items()) for row in rows)

    assert [r["sf__Id"] for r in plain] != [r["sf__Id"] for r in shuffled]
    assert in_order(plain) == in_order(shuffled)
    assert other_text.partition("\n")[0] != plain_text.partition("\n")[0]
    assert _results(client, done).text == plain_text


def test_a_rerendered_result_file_has_the_same_values(client: Client) -> None:
    """Numbers, and texts without blanks at their edges; the key keeps each character."""
    content = one_row(
        External_ID__c="007.50",
        Amount="912260031.50",
        Name=" One ",
        Account__dot__External_ID__c="",
    ).replace("Amount", "aMount")
    job = client.load(content)["id"]
    (plain,) = client.result(job, "successfulResults")
    client.faults({"what": "rerender"})
    (row,) = client.result(job, "successfulResults")
    assert list(row) == list(plain)
    assert (plain["aMount"], row["aMount"]) == ("9.122600315E8", "912260031.5")
    assert (plain["Name"], row["Name"]) == (" One ", "One")
    assert (row["External_ID__c"], row["CloseDate"]) == ("007.50", "2026-03-31")
    assert (row["sf__Id"], row["sf__Created"]) == (plain["sf__Id"], "true")


def test_shares_of_a_fault_are_kept_on_the_wire(client: Client) -> None:
    """A fifth of the calls, the same ones for the same seed."""
    fault: JSONDict = {"what": "status", "calls": ["limits"], "share": 0.2, "seed": 3}
    runs: list[list[int]] = []
    for _ in range(2):
        client.faults(fault)
        runs.append([client.org.get("/limits").status_code for _ in range(150)])
    assert runs[0] == runs[1]
    assert 15 <= runs[0].count(503) <= 45


def test_an_abort_is_a_kind_of_its_own(client: Client, job: str) -> None:
    """A fault of closes leaves it alone."""
    client.faults({"what": "status", "calls": ["close"]})
    aborted = client.org.patch(f"/jobs/ingest/{job}", json={"state": "Aborted"})
    assert aborted.json()["state"] == "Aborted"
    calls = client.admin.get("/calls").json()["calls"]
    assert (calls["abort"], calls.get("close", 0)) == (1, 0)
    client.faults({"what": "status", "calls": ["abort"]})
    other = client.open_job()
    path = f"/jobs/ingest/{other}"
    assert client.org.patch(path, json={"state": "Aborted"}).status_code == 503
    assert client.info(other)["state"] == "Open"


def test_limits_are_shown_as_they_are(client: Client) -> None:
    """Each call under /services/data takes one; batches are those that were committed."""
    client.admin.post("/options", json={"api_requests_max": 500, "daily_batches_max": 7})
    client.load(rows_csv(2))
    used = client.admin.get("/calls").json()["api_total"]
    answer = client.org.get("/limits")
    limits = answer.json()
    assert limits["DailyApiRequests"] == {"Max": 500, "Remaining": 500 - used - 1}
    assert limits["DailyBulkApiBatches"] == {"Max": 7, "Remaining": 6}
    assert answer.headers["Sforce-Limit-Info"] == f"api-usage={used + 1}/500"
