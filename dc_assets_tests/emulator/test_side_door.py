"""The admin routes: hold calls, look at the journal, turn options, start again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from dc_assets_tests.emulator.driver import Client, rows_csv, wait


def _waiting(client: Client, kind: str) -> int:
    return int(client.admin.get("/state").json()["waiting"].get(kind, 0))


@pytest.mark.parametrize(("when", "state"), [("before", "Open"), ("after", "UploadComplete")])
def test_a_call_is_held_before_or_after_its_work(client: Client, when: str, state: str) -> None:
    """Held after, the job is closed though the caller has no answer."""
    client.admin.post("/options", json={"job_delay_s": 60})
    job = client.open_job()
    client.upload(job, rows_csv(1))
    client.admin.post("/hold", json={"kind": "close", "when": when})
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.close_job, job)
        while not _waiting(client, "close"):
            wait(0.01)
        found = client.info(job)["state"]
        assert not call.done()
        client.admin.post("/release", json={"kind": "close"})
        assert call.result(timeout=5).status_code == 200
    assert found in {state, "InProgress" if when == "after" else state}


def test_a_held_call_whose_client_left_is_forgotten(client: Client) -> None:
    """The org goes on answering others."""
    client.admin.post("/hold", json={"kind": "soql"})
    with pytest.raises(httpx.ReadTimeout):
        client.org.get("/query", params={"q": "SELECT COUNT() FROM Account"}, timeout=0.2)
    assert client.org.get("/limits").status_code == 200
    client.admin.post("/release", json={})
    assert client.count() == 0


def test_only_kinds_that_exist_can_be_held(client: Client) -> None:
    """A slip in a test must not go unseen."""
    for body in ({"kind": "nothing"}, {"kind": "poll", "when": "never"}, {}):
        assert client.admin.post("/hold", json=body).status_code == 400


def test_a_job_stays_in_progress_for_the_time_asked(client: Client) -> None:
    """Its rows are there before its caller is told."""
    client.admin.post("/options", json={"job_delay_s": 2.0})
    job = client.open_job()
    client.upload(job, rows_csv(5))
    client.close_job(job)
    while client.count() < 5:
        wait(0.01)
    assert client.info(job)["state"] == "InProgress"
    assert client.org.get(f"/jobs/ingest/{job}/failedResults").status_code == 400
    assert client.finish(job)["state"] == "JobComplete"


def test_keys_of_several_jobs_are_found(client: Client) -> None:
    """The sign of a row that was loaded twice."""
    first = client.load(rows_csv(3))["id"]
    second = client.load(rows_csv(2, first=3))["id"]
    twice = client.admin.get("/journal/keys", params={"object": "Opportunity", "min_commits": 2})
    assert twice.json() == {"keys": {"externalOpp0000003": sorted([first, second])}}
    one = client.admin.get("/journal/keys", params={"key": "externalOpp0000003"}).json()
    assert [(c["job_id"], c["created"]) for c in one["commits"]] == [(first, True), (second, False)]


def test_the_journal_says_what_each_commit_did(client: Client) -> None:
    """In the order of the commits."""
    client.load(rows_csv(3))
    client.load(rows_csv(4))
    commits = client.admin.get("/journal").json()["commits"]
    assert [(c["rows"], c["created"], c["updated"], c["failed"]) for c in commits] == [
        (3, 3, 0, 0),
        (4, 1, 3, 0),
    ]
    assert commits[0]["at"] <= commits[1]["at"]


def test_data_can_be_changed_behind_the_orgs_back(client: Client) -> None:
    """In either store; a store that is not there and wrong SQL are refused."""
    client.load(rows_csv(3))
    sql = 'UPDATE "Opportunity" SET "External_ID__c" = \'moved\' WHERE "Name" = \'Opp 1\''
    assert client.admin.post("/sql", json={"store": "core", "sql": sql}).json() == {"rows": [[1]]}
    done = client.load("External_ID__c,Name\nMOVED,Found\n")
    assert done["numberRecordsFailed"] == 0
    for body in ({"store": "other", "sql": "SELECT 1"}, {"store": "core", "sql": "SELEC"}):
        assert client.admin.post("/sql", json=body).status_code == 400


def test_calls_are_counted_by_kind(client: Client) -> None:
    """Those of the side door are not."""
    client.load(rows_csv(1))
    calls = client.admin.get("/calls").json()["calls"]
    assert (calls["create"], calls["upload"], calls["close"]) == (1, 1, 1)
    assert calls["poll"] >= 1
    assert "admin" not in calls


def test_wrong_options_are_refused(client: Client) -> None:
    """By name and by type; nothing is changed then."""
    for body in ({"nothing": 1}, {"arrow": 1}, {"page_rows": True}, {"arrow": False, "x": 1}):
        assert client.admin.post("/options", json=body).status_code == 400
    assert client.admin.post("/options", json={"page_rows": 10**9}).json()["page_rows"] == 49_999
    assert client.admin.get("/state").json()["options"]["arrow"] is True


def test_reset_forgets_everything(client: Client) -> None:
    """Records, jobs, tokens, options, holds."""
    job = client.load(rows_csv(3))["id"]
    client.admin.post("/hold", json={"kind": "poll"})
    client.admin.post("/options", json={"arrow": False})
    state = client.admin.post("/reset").json()
    assert state["core"] == {"Account": 0, "Opportunity": 0}
    assert (state["data_cloud"], state["jobs"], state["held"]) == ({}, {}, [])
    assert state["options"]["arrow"] is True
    assert client.org.get("/limits").status_code == 401
    client.log_in()
    assert client.org.get(f"/jobs/ingest/{job}").status_code == 404


def test_wrong_seed_options_are_refused(client: Client) -> None:
    """In one sentence."""
    for body in ({"nothing": 1}, {"opportunities": 5}, {"accounts": -1}, {"skew": "warm"}):
        answer = client.admin.post(
            "/seed", json={"accounts": 1, **body} if "skew" in body else body
        )
        assert answer.status_code == 400
