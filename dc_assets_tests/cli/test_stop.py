"""`stop` and `stop --abort` in the middle of a run, and what continues afterwards."""

from __future__ import annotations

import json

import pytest

from dc_assets_tests.acceptance.stage import PARENTS, Stage, wait_until
from dc_assets_tests.acceptance.test_kill import kill_in_mid_run

pytestmark = pytest.mark.acceptance

RUN = ("run", "opportunities", "--local", "--batch-rows-max", "5")


def jobs_at_work(stage: Stage) -> list[str]:
    """Return the ids of the jobs of which the org tells a client that they have not ended."""
    with stage.org.rest() as rest:
        jobs = rest.get("/jobs/ingest").json()["records"]
    return [job["id"] for job in jobs if job["state"] in {"UploadComplete", "InProgress"}]


def test_nothing_is_created_after_a_stop_and_a_run_goes_on(fresh: Stage) -> None:
    """Jobs in flight settle, the run ends with 5; the next one ends it all."""
    fresh.org.tell("hold", kind="poll", when="before")
    with fresh.started(*RUN) as process:
        wait_until(lambda: fresh.org.waiting("poll") >= PARENTS, "every lane is in flight")
        created = fresh.org.calls("create")
        stopped = fresh.run("stop", "opportunities", SF_LOGIN_URL=None, SF_CLIENT_SECRET=None)
        fresh.org.tell("release")
        assert process.wait(30) == 5
    assert stopped.code == 0, stopped.err
    assert "run local-" in stopped.out
    assert stopped.out.count("uploaded, job 750") == PARENTS
    assert "nothing new is sent" in stopped.out
    assert "dc-assets run opportunities" in stopped.out
    assert fresh.org.calls("create") == created
    shown = fresh.run("status")
    assert shown.code == 4
    assert "was stopped by an operator" in shown.out
    assert "sending, stopped" in shown.out
    assert "Interrupted" not in shown.out
    assert len(json.loads(fresh.run("status", "--json").out)["stopped_loads"]) == 1
    again = fresh.run(*RUN)
    assert again.code == 0, again.out + again.err
    assert "Took back the order to stop opportunities." in again.out
    assert fresh.org.core_ids() == fresh.ids
    assert fresh.org.keys_of_two_jobs() == {}
    assert "stopped" not in fresh.run("status").out


def test_abort_ends_the_jobs_in_the_org_and_no_row_is_lost(fresh: Stage) -> None:
    """What they had committed stays, the rest is sent by the next run."""
    fresh.org.tell("options", job_delay_s=60)
    with fresh.started(*RUN) as process:
        wait_until(lambda: len(jobs_at_work(fresh)) == PARENTS, "every lane is in flight")
        working = jobs_at_work(fresh)
        stopped = fresh.run("stop", "--abort")
        assert process.wait(60) == 5
    fresh.org.tell("options", job_delay_s=0)
    assert stopped.code == 0, stopped.err
    assert [f"job {one} aborted" in stopped.out for one in working] == [True] * PARENTS
    with fresh.org.rest() as rest:
        states = {rest.get(f"/jobs/ingest/{one}").json()["state"] for one in working}
    assert states == {"Aborted"}
    again = fresh.run(*RUN)
    assert again.code == 0, again.out + again.err
    assert fresh.org.core_ids() == fresh.ids


def test_abort_tolerates_jobs_that_ended_or_are_gone(fresh: Stage) -> None:
    """A run was killed before it settled: one job completed, one was deleted by somebody."""
    fresh.org.tell("hold", kind="results", when="before")
    with fresh.started(*RUN, "--partitions", "r1-01") as process:
        wait_until(lambda: fresh.org.waiting("results") >= PARENTS, "jobs have ended")
        process.kill()
        process.wait()
    fresh.org.tell("release")
    with fresh.org.rest() as rest:
        first = rest.get("/jobs/ingest").json()["records"][0]["id"]
        rest.delete(f"/jobs/ingest/{first}")
    stopped = fresh.run("stop", "--abort")
    assert stopped.code == 0, stopped.err
    assert stopped.out.count("had ended already: JobComplete") == PARENTS - 1
    assert stopped.out.count("is not in the org any more") == 1


def test_stopping_nothing_is_said_and_is_no_error(fresh: Stage) -> None:
    """Before any load, and without a setting of the org."""
    done = fresh.run("stop", SF_LOGIN_URL=None)
    assert done.code == 0, done.err
    assert "Nothing of opportunities is unfinished" in done.out


def test_replay_takes_an_order_back_too(fresh: Stage) -> None:
    """A replay that has something to send continues after a stop, and says so."""
    fresh.org.sql(
        'UPDATE "ExtOpportunities__dlm" SET "Name__c" = NULL WHERE "ExternalId__c" = '
        f"'{fresh.ids[0]}'",
        store="data_cloud",
    )
    assert fresh.run(*RUN, "--partitions", "r1-01").code == 3
    kill_in_mid_run(fresh, "results", "before")
    assert fresh.run("stop").code == 0
    done = fresh.run("replay")
    assert done.code == 3, done.err
    assert "Took back the order to stop" in done.out
