"""SIGKILL in mid-run, and what the next run makes of it."""

from __future__ import annotations

import pytest

from dc_assets_tests.acceptance.stage import Stage, StageMaker, wait_until

pytestmark = pytest.mark.acceptance


def open_jobs(stage: Stage) -> dict[str, str]:
    """Return id and object of every Open job of the org."""
    with stage.org.rest() as rest:
        jobs = rest.get("/jobs/ingest").json()["records"]
    return {job["id"]: job["object"] for job in jobs if job["state"] == "Open"}


def plant_open_job(stage: Stage) -> str:
    """Open a job of the same user on another object, as somebody else's program would."""
    body = {"object": "Account", "operation": "upsert", "externalIdFieldName": "External_ID__c"}
    with stage.org.rest() as rest:
        return rest.post("/jobs/ingest", json=body).json()["id"]


def kill_in_mid_run(stage: Stage, kind: str, when: str, *options: str) -> None:
    """Kill a local run while the org holds one of its calls."""
    stage.org.tell("hold", kind=kind, when=when)
    with stage.started("run", "--local", *options) as process:
        wait_until(lambda: stage.org.waiting(kind), f"a {kind} call is held")
        process.kill()
        process.wait()
    stage.org.tell("release")


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        ("create", "after"),
        ("upload", "after"),
        ("close", "after"),
        ("poll", "before"),
        ("results", "before"),
    ],
)
def test_a_killed_run_ends_complete_and_sends_no_row_twice(
    stage_of: StageMaker, kind: str, when: str
) -> None:
    """Wherever the call stood: jobs with rows are followed, jobs without are cleared away."""
    stage = stage_of(rows=120, partitions=2)
    foreign = plant_open_job(stage)
    kill_in_mid_run(stage, kind, when)
    again = stage.run("run", "--local")
    assert again.code == 0, again.out + again.err
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
    assert open_jobs(stage) == {foreign: "Account"}


def test_the_next_run_finishes_the_partition_that_was_killed(stage_of: StageMaker) -> None:
    """Rows of a partition that was done before the kill are not sent again by the same command."""
    stage = stage_of(rows=120, partitions=2)
    assert stage.run("run", "--local", "--partitions", "r1-01").code == 0
    before = stage.org.core_ids()
    assert before == stage.ids[:60]
    again = stage.run("run", "--local")
    assert again.code == 0, again.out + again.err
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
