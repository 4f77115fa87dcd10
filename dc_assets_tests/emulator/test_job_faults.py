"""Faults of ingest jobs: they fail, hang, lose their results; rows find their parents locked."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from dc_assets_tests.emulator.driver import Client, JSONDict, one_row, rows_csv, wait

QUOTA = "ExceededQuota : ApiBatchItems Limit exceeded."


def _closed(client: Client, rows: int = 10) -> str:
    job = client.open_job()
    client.upload(job, rows_csv(rows))
    assert client.close_job(job).status_code == 200
    return job


def _keys(client: Client, job: str, name: str) -> set[str]:
    return {row["External_ID__c"] for row in client.result(job, name)}


@pytest.mark.parametrize("committed", [0, 4])
@pytest.mark.parametrize(
    ("what", "state", "message"),
    [
        ("job_failed", "Failed", "InternalServerError : Unable to process"),
        ("job_aborted", "Aborted", ""),
    ],
)
def test_a_job_ends_before_its_end(
    client: Client, what: str, state: str, message: str, committed: int
) -> None:
    """What was committed stays; the rest is unprocessed; the next job is plain."""
    client.faults({"what": what, "committed": committed})
    job = client.finish(_closed(client))
    assert (job["state"], job.get("errorMessage", "")) == (state, message)
    assert job["numberRecordsProcessed"] == committed == client.count()
    kept = _keys(client, job["id"], "successfulResults")
    assert kept == {f"externalOpp{n:07d}" for n in range(1, committed + 1)}
    assert len(_keys(client, job["id"], "unprocessedrecords") - kept) == 10 - committed
    assert client.finish(_closed(client))["state"] == "JobComplete"


def test_a_job_fails_in_its_second_batch_with_the_text_asked_for(client: Client) -> None:
    """10,000 rows and one more are committed."""
    fault = {"what": "job_failed", "message": "TooManyLockFailure : x", "committed": 10_001}
    client.faults(fault)
    job = client.finish(_closed(client, 10_005))
    assert (job["errorMessage"], job["numberRecordsProcessed"]) == (fault["message"], 10_001)
    assert [commit["rows"] for commit in client.commits()] == [10_000, 1]
    assert len(_keys(client, job["id"], "unprocessedrecords")) == 4


def test_a_stuck_job_goes_on_when_the_list_is_cleared(client: Client) -> None:
    """It holds no other job back, however many are stuck."""
    client.faults({"what": "job_stuck", "times": 3})
    stuck = [_closed(client, 2) for _ in range(3)]
    assert client.finish(_closed(client, 5))["numberRecordsProcessed"] == 5
    assert [client.info(job)["state"] for job in stuck] == ["InProgress"] * 3
    client.faults()
    assert [client.finish(job)["state"] for job in stuck] == ["JobComplete"] * 3


def test_a_stuck_job_can_be_aborted(client: Client) -> None:
    """And stays aborted; its rows come back."""
    client.faults({"what": "job_stuck"})
    job = _closed(client)
    path = f"/jobs/ingest/{job}"
    while client.info(job)["state"] != "InProgress":
        wait(0.01)
    assert client.org.patch(path, json={"state": "Aborted"}).json()["state"] == "Aborted"
    client.faults()
    assert client.finish(job)["state"] == "Aborted"
    assert (len(_keys(client, job, "unprocessedrecords")), client.count()) == (10, 0)


def test_a_job_waits_in_the_queue(client: Client) -> None:
    """UploadComplete for its seconds; then it is done."""
    client.faults({"what": "job_waits", "seconds": 1.0})
    started = time.monotonic()
    job = _closed(client)
    assert client.info(job)["state"] == "UploadComplete"
    assert client.finish(_closed(client, 3))["state"] == "JobComplete"
    assert client.info(job)["state"] == "UploadComplete"
    assert client.finish(job)["state"] == "JobComplete"
    assert time.monotonic() - started >= 1.0


@pytest.mark.parametrize("with_job", [True, False])
def test_results_are_gone_though_the_rows_are_there(client: Client, *, with_job: bool) -> None:
    """404 as after seven days; the job itself is gone too, or not."""
    client.faults({"what": "results_gone", "job": with_job})
    job = _closed(client)
    while client.admin.get("/jobs").json()["jobs"][0]["state"] != "JobComplete":
        wait(0.01)
    assert client.count() == 10
    answer = client.org.get(f"/jobs/ingest/{job}")
    assert answer.status_code == (404 if with_job else 200)
    for name in ("successfulResults", "failedResults", "unprocessedrecords"):
        assert client.org.get(f"/jobs/ingest/{job}/{name}").status_code == 404
    listed = client.org.get("/jobs/ingest").json()["records"]
    assert [entry["id"] for entry in listed] == ([] if with_job else [job])


def test_the_batches_of_the_day_are_used_up_by_a_fault(client: Client) -> None:
    """The limits say so while it is active."""
    client.faults({"what": "daily_batches"})
    assert client.org.get("/limits").json()["DailyBulkApiBatches"]["Remaining"] == 0
    job = client.finish(_closed(client))
    assert (job["state"], job["errorMessage"]) == ("Failed", QUOTA)
    assert (len(_keys(client, job["id"], "unprocessedrecords")), client.count()) == (10, 0)
    client.faults()
    limit = client.org.get("/limits").json()["DailyBulkApiBatches"]
    assert limit == {"Max": 15_000, "Remaining": 15_000}


def test_the_batches_of_the_day_are_used_up_by_jobs(client: Client) -> None:
    """As many as the option says, not one more; a reset is a new day."""
    client.admin.post("/options", json={"daily_batches_max": 3})
    jobs = [_closed(client, n) for n in (1, 2, 10_001, 4)]
    ends = [client.finish(job) for job in jobs]
    assert len(client.commits()) == 3
    failed = [job for job in ends if job["state"] == "Failed"]
    assert {job["errorMessage"] for job in failed} == {QUOTA}
    assert len(failed) in {1, 2}
    assert client.org.get("/limits").json()["DailyBulkApiBatches"] == {"Max": 3, "Remaining": 0}
    client.start_clean(accounts=10)
    assert client.finish(_closed(client))["state"] == "JobComplete"


def _locked(client: Client, job: JSONDict) -> set[str]:
    rows = client.result(job["id"], "failedResults")
    parents = client.soql("SELECT Id FROM Account")["records"]
    ids = {record["Id"] for record in parents}
    text = (
        "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
        r"(\w{18}):--"
    )
    for row in rows:
        found = re.fullmatch(text, row["sf__Error"])
        assert found is not None, row
        assert found[1] in ids
    return {row["External_ID__c"] for row in rows}


def test_a_share_of_the_rows_is_locked_once(client: Client) -> None:
    """By key: the same rows for the same seed, and each of them lands at the second try."""
    client.faults({"what": "row_locks", "share": 0.2, "seed": 4})
    first = client.finish(_closed(client, 500))
    locked = _locked(client, first)
    assert 60 <= len(locked) <= 140
    assert first["state"] == "JobComplete"
    assert (first["numberRecordsFailed"], client.count()) == (len(locked), 500 - len(locked))
    assert client.fired() == len(locked)
    assert client.finish(_closed(client, 500))["numberRecordsFailed"] == 0
    client.start_clean(accounts=10)
    client.faults({"what": "row_locks", "share": 0.2, "seed": 4})
    assert _locked(client, client.finish(_closed(client, 500))) == locked


def test_rows_are_locked_for_as_many_rounds_as_asked(client: Client) -> None:
    """Then they land."""
    client.faults({"what": "row_locks", "share": 1.0, "rounds": 2})
    failed = [client.finish(_closed(client, 5))["numberRecordsFailed"] for _ in range(3)]
    assert failed == [5, 5, 0]


def test_the_next_rows_are_locked(client: Client) -> None:
    """Times and after count rows, over jobs."""
    client.faults({"what": "row_locks", "times": 3, "after": 4})
    assert _locked(client, client.finish(_closed(client, 6))) == {
        "externalOpp0000005",
        "externalOpp0000006",
    }
    assert len(_locked(client, client.finish(_closed(client, 6)))) == 1


INNER = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": (
        "first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []"
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": (
        "to update records: UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record"
    ),
}
"""The code of a wrapper, and where the lock stands in its text."""


def test_a_lock_is_met_inside_a_trigger_or_a_flow(client: Client) -> None:
    """Under the wrapper's code, with the lock's in the text; once, as the plain ones."""
    client.faults({"what": "row_locks", "share": 1.0, "form": "mixed"})
    job = client.finish(_closed(client, 30))
    errors = [row["sf__Error"] for row in client.result(job["id"], "failedResults")]
    wrapped = [error for error in errors if not error.startswith("UNABLE_TO_LOCK_ROW:")]
    assert len(errors) == client.fired() == 30
    assert len(wrapped) in range(10, 28)
    assert {error.partition(":")[0] for error in wrapped} == set(INNER)
    assert all(INNER[error.partition(":")[0]] in error for error in wrapped)
    assert client.finish(_closed(client, 30))["numberRecordsFailed"] == 0


def test_an_unknown_exception_passes(client: Client) -> None:
    """Its row lands when it is sent again."""
    client.faults({"what": "row_unknown", "times": 1})
    assert client.row_error(one_row()).startswith("UNKNOWN_EXCEPTION:An unexpected error occurred")
    assert client.load(one_row())["numberRecordsFailed"] == 0


def test_a_row_that_is_wrong_never_comes_to_a_lock(client: Client) -> None:
    """Its own error is the one that is told."""
    client.faults({"what": "row_locks", "share": 1.0})
    error = client.row_error(one_row(Account__dot__External_ID__c="nobody"))
    assert error.startswith("INVALID_FIELD")
    assert client.fired() == 0


def test_jobs_are_listed_with_what_was_read_of_them(client: Client) -> None:
    """A file counts as read when all of it was sent; a deleted job stays in the list."""
    first = client.load(rows_csv(300))["id"]
    second = client.open_job(operation="insert", externalIdFieldName=None)
    client.faults(
        {"what": "truncate", "calls": ["results"]},
        {"what": "reset", "calls": ["results"], "when": "during", "after": 1},
        {"what": "status", "calls": ["results"], "acted": True, "after": 2},
        {"what": "truncate", "calls": ["results"], "honest": False, "after": 3},
    )
    path = f"/jobs/ingest/{first}/successfulResults"
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            client.org.get(path)
    assert [client.org.get(path).status_code for _ in range(2)] == [503, 200]
    jobs = client.admin.get("/jobs").json()["jobs"]
    assert [(job["id"], job["state"], job["read"]) for job in jobs] == [
        (first, "JobComplete", []),
        (second, "Open", []),
    ]
    client.faults({"what": "shuffle"})
    client.result(first, "successfulResults")
    client.result(first, "unprocessedRecords")
    client.org.delete(f"/jobs/ingest/{first}")
    job = client.admin.get("/jobs").json()["jobs"][0]
    assert job["read"] == ["successful", "unprocessed"]
    assert (job["deleted"], job["rows_processed"], job["rows_failed"]) == (True, 300, 0)
    assert (job["object"], job["operation"]) == ("Opportunity", "upsert")
    assert set(job["read_at"]) == set(job["read"])


def test_commits_of_keys_come_in_order_with_job_and_time(client: Client) -> None:
    """Which key was written again, by which job, when."""
    jobs = [client.load(rows_csv(rows, first=first))["id"] for rows, first in ((3, 1), (2, 3))]
    query = {"object": "Opportunity", "commits": "true", "min_commits": "2"}
    found = client.admin.get("/journal/keys", params=query).json()["keys"]
    (key,) = found
    assert [(c["job_id"], c["created"]) for c in found[key]] == [(jobs[0], True), (jobs[1], False)]
    assert found[key][0]["at"] <= found[key][1]["at"]
    everything = client.admin.get("/journal/keys", params=query | {"min_commits": "1"}).json()
    assert len(everything["keys"]) == 4
    (one, two) = client.admin.get("/journal/keys", params={"key": key}).json()["commits"]
    assert (one["job_id"], two["job_id"]) == (jobs[0], jobs[1])
    assert one["at"] <= two["at"]
