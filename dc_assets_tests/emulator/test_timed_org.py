"""An org whose work takes time, over the wire, on a clock that stands until it is advanced."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from dc_assets_tests.emulator.driver import Client, JSONDict, one_row, rows_csv
from dc_assets_tests.emulator.stepped import advance, change, closed, held_twice, keys, of_one

LOCKED = (
    "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: {account}:--"
)


def moment(job: JSONDict) -> float:
    """Return the systemModstamp of a job in seconds."""
    return datetime.strptime(job["systemModstamp"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def test_a_job_passes_its_states_by_the_clock_of_the_org(org: Client) -> None:
    """1,000 rows take ten seconds; its stamps say when it was closed and when it ended."""
    change(org, queue_latency_s=5)
    job = closed(org, rows_csv(1000, accounts=1000))
    before = org.info(job)
    assert before["state"] == "UploadComplete"
    waited_s = 0.0
    while org.info(job)["state"] == "UploadComplete":
        advance(org, 0.1)
        waited_s += 0.1
    advance(org, 9.8)
    before_end = org.info(job)
    assert (before_end["state"], before_end["numberRecordsProcessed"]) == ("InProgress", 0)
    advance(org, 50)
    done = org.info(job)
    assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 1000)
    assert (done["apiActiveProcessingTime"], done["retries"]) == (10_000, 0)
    assert done["totalProcessingTime"] / 1000 == pytest.approx(10 + waited_s, abs=0.101)
    took_s = moment(done) - moment(before)
    assert took_s == pytest.approx(done["totalProcessingTime"] / 1000, abs=1)
    assert org.count() == 1000


def test_waiting_for_a_worker_is_not_active_time(org: Client) -> None:
    """One worker: the second job is UploadComplete until the first is done."""
    change(org, workers=1)
    first, second = closed(org, rows_csv(400)), closed(org, rows_csv(200, first=1001))
    advance(org, 3.9)
    assert [org.info(job)["state"] for job in (first, second)] == ["InProgress", "UploadComplete"]
    advance(org, 0.2)
    assert [org.info(job)["state"] for job in (first, second)] == ["JobComplete", "InProgress"]
    advance(org, 2)
    done = org.info(second)
    assert (done["apiActiveProcessingTime"], done["totalProcessingTime"]) == (2000, 6000)


def test_counts_go_up_with_each_internal_batch(org: Client) -> None:
    """1,000 rows in batches of 400, one after the other."""
    change(org, workers=1, batch_rows=400)
    job = closed(org, rows_csv(1000))
    seen = list[int]()
    for _ in range(3):
        advance(org, 4)
        seen.append(org.info(job)["numberRecordsProcessed"])
    assert seen == [400, 800, 1000]
    assert org.info(job)["state"] == "JobComplete"
    assert [commit["first_row"] for commit in org.commits()] == [0, 400, 800]


def test_rows_that_waited_too_long_name_the_account_they_waited_for(org: Client) -> None:
    """By its real id, the rows of other parents in their chunk too; who holds it lands."""
    change(org, chunk_rows=2000)
    jobs = [
        closed(org, of_one(1200)),
        closed(org, of_one(1, 5001, parent=7) + of_one(2, 5002).split("\n", 1)[1]),
    ]
    advance(org, 12)
    first, second = (org.info(job) for job in jobs)
    assert (first["numberRecordsFailed"], second["numberRecordsFailed"]) == (0, 3)
    account = org.soql("SELECT Id FROM Account WHERE External_ID__c = 'acc0000001'")
    text = LOCKED.format(account=account["records"][0]["Id"])
    failed = org.result(second["id"], "failedResults")
    assert {row["sf__Error"] for row in failed} == {text}
    assert re.search(r": \w{18}:--$", text)


def test_a_lock_of_a_parent_with_a_roll_up_is_told_in_the_wrapper_s_words(org: Client) -> None:
    """Some by a trigger and some by a flow, each parent always the same way; rows plainly."""
    change(org, roll_up_share=1, fail_scope="rows", lock_wait_s=1, row_ms=100)
    rows = rows_csv(40, accounts=40)
    closed(org, rows)
    advance(org, 0.1)
    job = closed(org, rows.replace("externalOpp", "other"))
    advance(org, 12)
    errors = [row["sf__Error"] for row in org.result(job, "failedResults")]
    codes = {error.partition(":")[0] for error in errors}
    assert codes == {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"}
    assert all("UNABLE_TO_LOCK_ROW" in error for error in errors)


def test_a_row_that_is_wrong_keeps_its_own_error(org: Client) -> None:
    """Though its whole chunk found a parent locked."""
    change(org, chunk_rows=2000)
    closed(org, of_one(1200))
    wrong = one_row(
        External_ID__c="x", CloseDate="never", Account__dot__External_ID__c="acc0000001"
    )
    job = closed(org, wrong)
    advance(org, 12)
    (row,) = org.result(job, "failedResults")
    assert row["sf__Error"].startswith("INVALID_FIELD:Failed to deserialize")


def test_a_job_over_its_time_comes_again_and_at_last_fails(org: Client) -> None:
    """Its retries are counted; what it did lands, the rest is unprocessed."""
    change(org, row_ms=2000, batch_max_requeue=2)
    job = closed(org, rows_csv(1000, accounts=1000))
    advance(org, 900)
    assert (org.info(job)["state"], org.info(job)["retries"]) == ("InProgress", 2)
    advance(org, 600)
    done = org.info(job)
    assert (done["state"], done["numberRecordsProcessed"], done["retries"]) == ("Failed", 600, 2)
    assert done["errorMessage"] == "InternalServerError : Retried more than 2 times"
    assert (done["apiActiveProcessingTime"], done["totalProcessingTime"]) == (1_200_000, 1_260_000)
    assert len(keys(org, job, "unprocessedrecords")) == 400
    assert not keys(org, job, "unprocessedrecords") & keys(org, job, "successfulResults")


def test_rows_between_committed_ones_come_back_unprocessed(org: Client) -> None:
    """The second of two batches is done before an abort, the first is not."""
    change(org, batch_rows=600)
    job = closed(org, rows_csv(800, accounts=1000))
    advance(org, 2.5)
    assert org.info(job)["numberRecordsProcessed"] == 200
    assert org.org.patch(f"/jobs/ingest/{job}", json={"state": "Aborted"}).status_code == 200
    assert org.count() == 400
    landed, left = keys(org, job, "successfulResults"), keys(org, job, "unprocessedrecords")
    assert left == {f"externalOpp{n:07d}" for n in range(201, 601)}
    assert landed | left == {f"externalOpp{n:07d}" for n in range(1, 801)}
    done = org.info(job)
    assert (done["state"], done["apiActiveProcessingTime"]) == ("Aborted", 4500)
    advance(org, 100)
    assert (org.info(job), org.count()) == (done, 400)


def test_an_aborted_job_frees_its_parents(org: Client) -> None:
    """The next job of the parent begins at once, and the checker is silent."""
    first = closed(org, of_one(1000))
    advance(org, 1)
    org.org.patch(f"/jobs/ingest/{first}", json={"state": "Aborted"})
    second = closed(org, of_one(200))
    advance(org, 2)
    assert org.info(second)["state"] == "JobComplete"
    assert held_twice(org) == 0


def test_a_job_that_waits_can_be_deleted(org: Client) -> None:
    """It is never begun, and holds its parents no more."""
    change(org, queue_latency_s=30)
    job = closed(org, of_one(10))
    assert org.org.delete(f"/jobs/ingest/{job}").status_code == 204
    advance(org, 500)
    assert (org.count(), org.admin.get("/state").json()["jobs"]) == (0, {})
    closed(org, of_one(10))
    assert held_twice(org) == 0


def test_the_checker_notes_two_running_jobs_of_one_parent(org: Client) -> None:
    """With the parent and both jobs; from close to end, whether they touch or not."""
    jobs = [closed(org, of_one(10, first)) for first in (1, 101)]
    found = org.admin.get("/parents").json()
    assert found["held_twice"] == 1
    (note,) = found["first"]
    assert (note["parent"], note["jobs"]) == ("Account.External_ID__c:acc0000001", jobs)


def test_the_checker_is_silent_when_jobs_of_a_parent_follow_each_other(org: Client) -> None:
    """And when the running jobs have other parents, or none."""
    for first in (1, 101):
        closed(org, of_one(10, first))
        advance(org, 1)
        closed(org, of_one(10, first + 10, parent=2))
        advance(org, 1)
    closed(org, one_row(External_ID__c="a"))
    closed(org, one_row(External_ID__c="b", Account__dot__External_ID__c=""))
    closed(org, one_row(External_ID__c="c", Account__dot__External_ID__c="#N/A"))
    assert held_twice(org) == 0


def test_a_parent_is_one_lock_however_it_is_named(org: Client) -> None:
    """By external id in any case, by the long and by the short id."""
    account = org.soql("SELECT Id FROM Account WHERE External_ID__c = 'acc0000001'")
    id_ = account["records"][0]["Id"]
    closed(org, of_one(10))
    for number, name in enumerate((id_, id_[:15])):
        closed(org, one_row(External_ID__c=f"k{number}", AccountId=name))
    closed(org, one_row(External_ID__c="k3", Account__dot__External_ID__c="ACC0000001"))
    parents = {note["parent"] for note in org.admin.get("/parents").json()["first"]}
    assert parents == {"Account.External_ID__c:acc0000001"}
    assert held_twice(org) == 1 + 2 + 3


def test_jobs_of_the_same_rows_contend_without_a_parent(org: Client) -> None:
    """The second one waits for the first, and then updates what it made."""
    content = "\n".join(
        ["External_ID__c,Name,StageName,CloseDate"]
        + [f"k{n},N,Prospecting,2026-03-31" for n in range(200)]
    )
    jobs = [closed(org, content), closed(org, content.replace("k", "K"))]
    advance(org, 4)
    assert [org.info(job)["apiActiveProcessingTime"] for job in jobs] == [2000, 4000]
    assert {row["sf__Created"] for row in org.result(jobs[1], "successfulResults")} == {"false"}


def test_the_most_jobs_in_flight_are_counted_between_close_and_end(org: Client) -> None:
    """Three at once, though more were created and more came later."""
    for number in range(3):
        closed(org, of_one(10, 1 + 10 * number, parent=1 + number))
    org.open_job()
    advance(org, 10)
    for number in range(2):
        closed(org, of_one(10, 1 + 10 * number, parent=1 + number))
    assert org.admin.get("/jobs").json()["in_flight_max"] == 3
    assert org.admin.get("/state").json()["in_flight_max"] == 3


def test_the_list_of_jobs_has_seconds_of_the_clock(org: Client) -> None:
    """When a job was closed and ended, and its two times."""
    job = closed(org, rows_csv(200))
    (entry,) = org.admin.get("/jobs").json()["jobs"]
    now_s = org.admin.get("/clock").json()["virtual_s"]
    assert (entry["id"], entry["closed_s"], entry["ended_s"]) == (job, now_s, None)
    advance(org, 60)
    (entry,) = org.admin.get("/jobs").json()["jobs"]
    assert entry["ended_s"] == pytest.approx(now_s + 2)
    assert (entry["active_ms"], entry["total_ms"]) == (2000, 2000)
    calls = org.admin.get("/calls").json()
    assert calls["first_s"]["create"] == calls["last_s"]["close"] == now_s


def test_users_of_a_busy_org_are_blocked(org: Client) -> None:
    """One account, ten saves a second, and a job that nearly always holds it."""
    org.start_clean(accounts=1)
    assert org.admin.get("/org").json()["users"] == {"tried": 0, "blocked": 0}
    change(org, background="heavy", chunk_rows=10_000)
    closed(org, of_one(9000))
    advance(org, 80)
    users = org.admin.get("/org").json()["users"]
    assert 600 <= users["tried"] <= 1000
    assert users["blocked"] >= 0.9 * users["tried"]


def test_rows_of_a_query_are_kept_for_a_day(org: Client) -> None:
    """And a snapshot until then: what is deleted from the object is in it."""
    org.start_clean(opportunities=5, accounts=1)
    sql = 'SELECT "ExternalId__c" FROM "ExtOpportunities__dlm"'
    begun = org.tenant.post("/api/v3/query", json={"sql": sql})
    query = f"/api/v3/query/{json.loads(begun.headers['x-hyperdb-status'])['queryId']}"
    deletion = {"store": "data_cloud", "sql": 'DELETE FROM "ExtOpportunities__dlm"'}
    org.admin.post("/sql", json=deletion)
    assert org.tenant.get(query).json()["rowCount"] == 5
    advance(org, 24 * 3_600)
    org.log_in()
    assert org.tenant.get(query).status_code == 404
