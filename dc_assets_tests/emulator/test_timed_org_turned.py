"""An org whose work takes time, while it is turned: settings, clock, faults, restarts, crowds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from dc_assets_tests.emulator.driver import Client, JSONDict, rows_csv, start, wait
from dc_assets_tests.emulator.stepped import OPTIONS, advance, change, closed, keys


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"speed": 3}, "There is no setting speed of the org."),
        ({"workers": "8"}, "The setting workers of the org takes a whole number."),
        ({"preset": "warm"}, "The setting preset of the org is one of: instant, seed-org."),
        ({"background": "loud"}, "is one of: none, normal, heavy."),
    ],
)
def test_a_wrong_setting_changes_nothing(org: Client, body: JSONDict, sentence: str) -> None:
    """It is refused in one sentence."""
    before = org.admin.get("/org").json()
    answer = org.admin.post("/org", json={"row_ms": 99, **body})
    assert answer.status_code == 400
    assert sentence in answer.json()[0]["message"]
    assert org.admin.get("/org").json() == before


def test_the_org_is_not_changed_while_it_works(org: Client) -> None:
    """It can be when the job is over; a reset brings the settings of the start back."""
    closed(org, rows_csv(10))
    answer = org.admin.post("/org", json={"workers": 3})
    assert "while no job is at work" in answer.json()[0]["message"]
    advance(org, 10)
    change(org, workers=3)
    org.start_clean(accounts=1)
    settings = org.admin.get("/org").json()
    assert (settings["workers"], settings["row_ms"], settings["preset"]) == (16, 10.0, "seed-org")


def test_an_instant_org_needs_no_clock(org: Client) -> None:
    """The preset can be taken and left while the emulator runs."""
    change(org, preset="instant")
    assert org.load(rows_csv(300))["state"] == "JobComplete"
    change(org, preset="seed-org", row_ms=25)
    job = closed(org, rows_csv(10))
    advance(org, 20)
    assert org.info(job)["state"] == "JobComplete"


@pytest.mark.parametrize(
    "body", [{}, {"advance_s": -1}, {"scale": 0}, {"scale": True}, {"advance_s": 1, "scale": 2}]
)
def test_a_clock_is_advanced_or_scaled(org: Client, body: JSONDict) -> None:
    """Anything else is refused, and the clock stands where it stood."""
    before = org.admin.get("/clock").json()
    answer = org.admin.post("/clock", json=body)
    assert answer.status_code == 400
    assert answer.json()[0]["message"].startswith("The clock takes advance_s")
    assert org.admin.get("/clock").json() == before


def test_a_clock_that_runs_fast_needs_no_advancing(org: Client) -> None:
    """A job of four seconds ends in a small part of one; then the clock stands again."""
    start_s = org.admin.get("/clock").json()["virtual_s"]
    answer = org.admin.post("/clock", json={"scale": 100}).json()
    assert (answer["mode"], answer["scale"]) == ("scaled", 100)
    job = closed(org, rows_csv(400, accounts=1000))
    assert org.finish(job)["apiActiveProcessingTime"] == 4000
    stopped = advance(org, 0)
    assert stopped["mode"] == "stepped"
    assert stopped["virtual_s"] >= start_s + 4
    assert org.admin.get("/clock").json() == stopped
    assert org.open_job() is not None


def test_faults_befall_the_jobs_of_such_an_org(org: Client) -> None:
    """They wait in seconds of the org, end early, find rows locked, and get stuck."""
    org.faults({"what": "job_waits", "seconds": 40})
    job = closed(org, rows_csv(10))
    advance(org, 39)
    assert org.info(job)["state"] == "UploadComplete"
    advance(org, 2)
    assert org.info(job)["totalProcessingTime"] == 40_100
    org.faults({"what": "job_failed", "committed": 250})
    job = closed(org, rows_csv(400, accounts=1000))
    advance(org, 10)
    done = org.info(job)
    assert (done["state"], done["numberRecordsProcessed"]) == ("Failed", 250)
    assert len(keys(org, job, "unprocessedrecords")) == 150
    org.faults({"what": "job_aborted"})
    job = closed(org, rows_csv(10))
    advance(org, 10)
    assert (org.info(job)["state"], len(keys(org, job, "unprocessedrecords"))) == ("Aborted", 10)
    org.faults({"what": "row_locks", "share": 1.0})
    job = closed(org, rows_csv(10))
    advance(org, 10)
    assert (org.info(job)["numberRecordsFailed"], org.fired()) == (10, 10)
    org.faults({"what": "job_stuck"})
    job = closed(org, rows_csv(10))
    advance(org, 100)
    assert org.info(job)["state"] == "InProgress"
    org.faults()
    advance(org, 10)
    assert org.info(job)["state"] == "JobComplete"


def test_a_job_that_cannot_be_read_fails_when_its_turn_comes(org: Client) -> None:
    """With the text of the service; a job without content just ends."""
    wrong = closed(org, "Nothing__c\n1\n")
    empty = org.open_job()
    org.close_job(empty)
    advance(org, 1)
    assert org.info(wrong)["errorMessage"] == "InvalidBatch : Field name not found : Nothing__c"
    assert org.info(empty)["state"] == "JobComplete"


def test_the_batches_of_a_day_are_counted(org: Client) -> None:
    """The job that needs one more fails after the last of them."""
    org.admin.post("/options", json={"daily_batches_max": 2})
    change(org, batch_rows=200)
    jobs = [closed(org, rows_csv(rows, accounts=1000)) for rows in (200, 400)]
    advance(org, 60)
    ends = [org.info(job) for job in jobs]
    assert [end["numberRecordsProcessed"] for end in ends] == [200, 200]
    assert ends[1]["errorMessage"] == "ExceededQuota : ApiBatchItems Limit exceeded."


def test_many_clients_at_once_lose_no_row(org: Client) -> None:
    """Some abort, all contend: each row lands, fails or is unprocessed, and the counts agree."""
    org.admin.post("/clock", json={"scale": 60})
    try:
        with ThreadPoolExecutor(6) as pool:
            jobs = list(pool.map(partial(_one_of_many, org.ready, org.core_token), range(36)))
    finally:
        advance(org, 0)
    made = 0
    for first, job in jobs:
        results = [org.result(job, name) for name in RESULTS]
        found = [row["External_ID__c"] for rows in results for row in rows]
        assert sorted(found) == [f"externalOpp{n:07d}" for n in range(first, first + 300)]
        info = org.info(job)
        assert info["numberRecordsProcessed"] == len(results[0]) + len(results[1])
        assert info["numberRecordsFailed"] == len(results[1])
        made += len(results[0])
    assert 0 < org.count() == made


RESULTS = ("successfulResults", "failedResults", "unprocessedrecords")


def _one_of_many(ready: dict[str, str], token: str, number: int) -> tuple[int, str]:
    """Run one job from close to end, or to an abort; its first row and its id."""
    first = 1 + 300 * number
    client = Client(ready, token)
    try:
        job = closed(client, rows_csv(300, first=first, accounts=20 + number))
        wait(0.003 * (number % 11))
        if number % 3 == 0:
            client.org.patch(f"/jobs/ingest/{job}", json={"state": "Aborted"})
        client.finish(job)
    finally:
        client.close()
    return first, job


def test_a_job_cut_by_a_kill_is_finished_by_the_next_process(tmp_path: Path) -> None:
    """Each row once: the batch that was committed out of turn is not written again."""
    data = ("--data", str(tmp_path / "data"), *OPTIONS, "--org-set", "batch_rows=600")
    emulator = start(tmp_path, *data, "--accounts", "1000")
    client = Client(emulator.ready)
    try:
        advance(client, 0)
        job = closed(client, rows_csv(800, accounts=1000))
        advance(client, 2.5)
        assert client.info(job)["numberRecordsProcessed"] == 200
    finally:
        emulator.process.kill()
        emulator.process.wait()
        client.close()
    emulator = start(tmp_path, *data, "--time-scale", "50")
    client = Client(emulator.ready)
    try:
        done = client.finish(job)
        assert (done["state"], done["numberRecordsProcessed"]) == ("JobComplete", 800)
        assert client.count() == 800
        commits = [(commit["first_row"], commit["rows"]) for commit in client.commits()]
        assert commits == [(600, 200), (0, 600)]
        assert len(client.result(job, "successfulResults")) == 800
    finally:
        client.close()
        emulator.stop()


def test_a_busy_org_ends_at_once_on_a_signal(tmp_path: Path) -> None:
    """Its jobs are left for the next start, whatever that start says of the org."""
    data = ("--data", str(tmp_path / "data"))
    emulator = start(tmp_path, *data, *OPTIONS, "--time-scale", "20", "--accounts", "1000")
    client = Client(emulator.ready)
    job = closed(client, rows_csv(5000, accounts=1000))
    while client.info(job)["state"] != "InProgress":
        wait(0.01)
    client.close()
    assert emulator.stop() == 0
    emulator = start(tmp_path, *data)
    client = Client(emulator.ready)
    try:
        assert client.finish(job)["numberRecordsProcessed"] == 5000
    finally:
        client.close()
        emulator.stop()
