"""Bulk API 2.0 ingest: the life of a job, and what it does to the records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dc_assets_tests.emulator.driver import HEADER, Client, one_row, rows_csv


def test_a_job_goes_its_way_and_shows_what_a_real_org_shows(client: Client) -> None:
    """Open with an address for the content; later counts and no address."""
    created = client.org.post(
        "/jobs/ingest/",
        json={
            "object": "Opportunity",
            "operation": "upsert",
            "externalIdFieldName": "External_ID__c",
        },
    ).json()
    job = created["id"]
    assert (created["state"], created["apiVersion"]) == ("Open", 66.0)
    assert created["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job}/batches"
    assert (len(job), job[:3]) == (18, "750")
    assert "numberRecordsProcessed" not in client.info(job)
    assert client.upload(job, rows_csv(3)).content == b""
    closed = client.close_job(job).json()
    assert closed["state"] == "UploadComplete"
    assert not {"contentUrl", "lineEnding", "columnDelimiter", "jobType"} & set(closed)
    done = client.finish(job)
    assert (done["state"], done["jobType"]) == ("JobComplete", "V2Ingest")
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 0)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"concurrencyMode": "Serial"}, "Property currently unsupported: 'concurrencyMode'"),
        ({"object": "Nothing"}, "InvalidJob : Unable to find object: Nothing"),
        ({"operation": "merge"}, "Invalid value: 'merge' supplied for property: 'operation'"),
        ({"lineEnding": "CR"}, "Invalid value: 'CR' supplied for property: 'lineEnding'"),
        (
            {"externalIdFieldName": "Name"},
            "InvalidJob : Field name provided, Name does not match an External ID for Opportunity",
        ),
    ],
)
def test_a_job_that_cannot_be_is_not_created(
    client: Client, properties: dict[str, str], message: str
) -> None:
    """400 with the text of the service."""
    body = {
        "object": "Opportunity",
        "operation": "upsert",
        "externalIdFieldName": "External_ID__c",
    }
    answer = client.org.post("/jobs/ingest", json=body | properties)
    assert answer.status_code == 400
    assert answer.json()[0]["message"] == message


def test_a_second_upload_is_refused(client: Client) -> None:
    """One PUT for each job, in the service's own spelling."""
    job = client.open_job()
    assert client.upload(job, rows_csv(1)).status_code == 201
    again = client.upload(job, rows_csv(1))
    assert again.status_code == 400
    assert again.json()[0]["message"].startswith(f"Found multipe contents for job: <{job}>")


def test_content_may_come_in_chunks_without_a_length(client: Client) -> None:
    """One real client sends it so."""

    def pieces() -> Iterator[bytes]:
        content = rows_csv(50).encode()
        for start in range(0, len(content), 100):
            yield content[start : start + 100]

    job = client.open_job()
    headers = {"Content-Type": "text/csv; charset=UTF-8"}
    answer = client.org.put(f"/jobs/ingest/{job}/batches/", content=pieces(), headers=headers)
    assert answer.status_code == 201
    client.close_job(job)
    assert client.finish(job)["numberRecordsProcessed"] == 50


def test_a_job_is_closed_once(client: Client) -> None:
    """The second close is a bad transition."""
    job = client.open_job()
    client.upload(job, rows_csv(1))
    assert client.close_job(job).status_code == 200
    again = client.close_job(job)
    assert (again.status_code, again.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_an_aborted_job_writes_nothing_and_gives_its_rows_back(client: Client) -> None:
    """All rows are unprocessed."""
    job = client.open_job()
    client.upload(job, rows_csv(3))
    path = f"/jobs/ingest/{job}"
    assert client.org.patch(path, json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert [row["Name"] for row in client.result(job, "unprocessedrecords")] == [
        "Opp 1",
        "Opp 2",
        "Opp 3",
    ]
    again = client.org.patch(path, json={"state": "Aborted"})
    assert again.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert client.count() == 0


def test_aborting_a_completed_job_is_refused(client: Client) -> None:
    """With the text of the service."""
    job = client.load(rows_csv(1))["id"]
    answer = client.org.patch(f"/jobs/ingest/{job}", json={"state": "Aborted"})
    assert answer.json() == [
        {
            "errorCode": "INVALIDJOBSTATE",
            "message": "Aborting already Completed Job not allowed",
        }
    ]


def test_a_finished_job_can_be_deleted_and_is_gone(client: Client) -> None:
    """204, then 404; an open one is not terminated."""
    job = client.load(rows_csv(1))["id"]
    assert client.org.delete(f"/jobs/ingest/{job}").status_code == 204
    assert client.org.get(f"/jobs/ingest/{job}").status_code == 404
    refused = client.org.delete(f"/jobs/ingest/{client.open_job()}")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "API_ERROR")


def test_all_jobs_are_listed(client: Client) -> None:
    """With `done` and no further page."""
    jobs = {client.open_job() for _ in range(3)}
    body = client.org.get("/jobs/ingest").json()
    assert {entry["id"] for entry in body["records"]} == jobs
    assert (body["done"], body["nextRecordsUrl"]) == (True, None)


def test_results_before_the_end_are_refused(client: Client) -> None:
    """A client must wait for a final state."""
    answer = client.org.get(f"/jobs/ingest/{client.open_job()}/failedResults")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_an_empty_upload_completes_with_empty_results(client: Client) -> None:
    """No row, no error."""
    assert client.load(HEADER + "\n")["state"] == "JobComplete"
    done = client.load("")
    assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 0)
    assert client.result(done["id"], "successfulResults") == []


def test_an_upsert_creates_and_then_updates(client: Client) -> None:
    """`sf__Created` tells the two apart; the id stays."""
    first = client.result(client.load(rows_csv(3))["id"], "successfulResults")
    second = client.result(client.load(rows_csv(4, name="New"))["id"], "successfulResults")
    ids = {row["External_ID__c"]: row["sf__Id"] for row in first}
    created = {row["External_ID__c"]: row["sf__Created"] for row in second}
    assert created == {
        "externalOpp0000001": "false",
        "externalOpp0000002": "false",
        "externalOpp0000003": "false",
        "externalOpp0000004": "true",
    }
    assert all(ids.get(r["External_ID__c"], r["sf__Id"]) == r["sf__Id"] for r in second)
    assert client.count("Name LIKE 'New%'") == 4


def test_a_key_in_another_case_is_the_same_key(client: Client) -> None:
    """Text in an org is compared without regard to case."""
    client.load(one_row(External_ID__c="key-1"))
    done = client.load(one_row(External_ID__c="KEY-1", Name="Two"))
    assert client.result(done["id"], "successfulResults")[0]["sf__Created"] == "false"
    assert client.count() == 1


def test_an_empty_cell_leaves_a_field_and_the_null_mark_empties_it(client: Client) -> None:
    """The difference is the only way to write null."""
    client.load(one_row(Amount="5", NextStep="call"))
    client.load(one_row(Amount="", NextStep="#N/A"))
    (record,) = client.soql("SELECT Amount, NextStep FROM Opportunity")["records"]
    assert (record["Amount"], record["NextStep"]) == (5.0, None)


def test_a_relationship_column_finds_the_parent(client: Client) -> None:
    """By its external id, in any case; the null mark takes the parent away."""
    client.load(one_row(Account__dot__External_ID__c="ACC0000007"))
    soql = "SELECT Account.External_ID__c, Account.Name FROM Opportunity"
    (record,) = client.soql(soql)["records"]
    assert record["Account"]["External_ID__c"] == "acc0000007"
    assert record["Account"]["attributes"]["type"] == "Account"
    client.load(one_row(Account__dot__External_ID__c="#N/A"))
    assert client.soql(soql)["records"][0]["Account"] is None


def test_a_parent_can_be_named_by_its_id(client: Client) -> None:
    """A reference column takes ids, and only those of records that are there."""
    (parent,) = client.soql("SELECT Id FROM Account WHERE External_ID__c = 'acc0000003'")["records"]
    client.load(one_row(AccountId=parent["Id"]))
    assert client.count("Account.External_ID__c = 'acc0000003'") == 1
    error = client.row_error(one_row(AccountId="001000000000000AAA"))
    assert error == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"


def test_an_empty_id_column_is_tolerated_in_an_upsert(client: Client) -> None:
    """One real client always sends it."""
    content = one_row().replace("External_ID__c", "Id,External_ID__c", 1)
    content = content.replace("key-1", ",key-1")
    assert client.load(content)["numberRecordsFailed"] == 0


def test_insert_update_and_delete_work_by_id(client: Client) -> None:
    """Delete hides a record from /query and not from /queryAll."""
    done = client.load("Name,StageName,CloseDate\nA,Prospecting,2026-01-01\n", operation="insert")
    record_id = client.result(done["id"], "successfulResults")[0]["sf__Id"]
    assert (record_id[:3], len(record_id)) == ("006", 18)
    client.load(f"Id,Name\n{record_id},B\n", operation="update")
    assert client.count("Name = 'B'") == 1
    client.load(f"Id\n{record_id}\n", operation="delete")
    assert client.count() == 0
    everything = client.org.get("/queryAll", params={"q": "SELECT COUNT() FROM Opportunity"})
    assert everything.json()["totalSize"] == 1


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("COMMA", ","), ("TAB", "\t"), ("PIPE", "|"), ("SEMICOLON", ";"), ("CARET", "^")],
)
def test_each_delimiter_works_for_upload_and_results(
    client: Client, name: str, delimiter: str
) -> None:
    """The results come with the delimiter of the job."""
    done = client.load(one_row().replace(",", delimiter), columnDelimiter=name)
    answer = client.org.get(f"/jobs/ingest/{done['id']}/successfulResults").text
    assert answer.startswith(f'"sf__Id"{delimiter}"sf__Created"{delimiter}External_ID__c')
    assert client.count() == 1


def test_the_line_ending_must_be_that_of_the_job(client: Client) -> None:
    """Else the whole job fails and gives all rows back."""
    crlf = rows_csv(2).replace("\n", "\r\n")
    assert client.load(crlf, lineEnding="CRLF")["numberRecordsProcessed"] == 2
    failed = client.load(crlf, lineEnding="LF")
    assert failed["state"] == "Failed"
    assert failed["errorMessage"] == (
        "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
    )
    assert len(client.result(failed["id"], "unprocessedRecords")) == 2


def test_an_unknown_column_fails_the_job(client: Client) -> None:
    """Nothing is written; all rows are unprocessed."""
    failed = client.load(one_row(ContactId__c="x"))
    assert failed["state"] == "Failed"
    assert failed["errorMessage"] == "InvalidBatch : Field name not found : ContactId__c"
    assert (failed["numberRecordsProcessed"], client.count()) == (0, 0)
    (row,) = client.result(failed["id"], "unprocessedrecords")
    assert row["ContactId__c"] == "x"


def test_a_poll_is_answered_quickly_while_rows_are_written(client: Client) -> None:
    """Work on 10,000 rows holds no poll back for half a second."""
    job = client.open_job()
    client.upload(job, rows_csv(10_000))
    client.close_job(job)
    slowest = 0.0
    while True:
        answer = client.org.get(f"/jobs/ingest/{job}")
        slowest = max(slowest, answer.elapsed.total_seconds())
        if answer.json()["state"] == "JobComplete":
            break
    assert slowest < 0.5
    assert client.count() == 10_000


def test_several_internal_batches_are_several_commits(client: Client) -> None:
    """10,000 rows each; the results hold the rows of all."""
    done = client.load(rows_csv(10_003))
    commits = client.admin.get("/journal").json()["commits"]
    assert [(c["batch"], c["rows"], c["created"]) for c in commits] == [
        (0, 10_000, 10_000),
        (1, 3, 3),
    ]
    assert {c["job_id"] for c in commits} == {done["id"]}
    rows = client.result(done["id"], "successfulResults")
    assert len({row["External_ID__c"] for row in rows}) == 10_003
