"""SIGKILL in mid-run, and what the next run makes of it."""

from __future__ import annotations

from functools import partial

import polars as pl
import pytest

from dc_assets_tests.acceptance.stage import Stage, StageMaker, spec_content, wait_until

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
        pytest.param("create", "after", marks=pytest.mark.hunt),
        pytest.param("upload", "after", marks=pytest.mark.hunt),
        ("close", "after"),
        pytest.param("poll", "before", marks=pytest.mark.hunt),
        ("results", "before"),
    ],
)
def test_a_killed_run_ends_complete_and_sends_no_row_twice(
    stage_on: StageMaker, kind: str, when: str
) -> None:
    """Wherever the call stood: jobs with rows are followed, jobs without are cleared away."""
    stage = stage_on(rows=120, partitions=2)
    foreign = plant_open_job(stage)
    kill_in_mid_run(stage, kind, when)
    again = stage.run("run", "--local")
    assert again.code == 0, again.out + again.err
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
    assert open_jobs(stage) == {foreign: "Account"}


def test_a_run_killed_between_two_chunks_reads_on(stage_of: StageMaker) -> None:
    """The chunks that were read are kept; the next process asks for the rows behind them alone."""
    stage = stage_of(rows=120, partitions=1)
    content = spec_content(rows=120, partitions=1)
    content["source"]["api"] = "v3"
    stage.write_spec(content)
    stage.org.tell("options", page_rows=20)
    status_and_chunks = 1 + 3
    stands = {"what": "slow", "seconds": 600, "calls": ["data_cloud_batch"]}
    stage.org.tell("faults", faults=[{**stands, "after": status_and_chunks}])
    with stage.started("run", "--local") as process:
        calls = partial(stage.org.calls, "data_cloud_batch")
        wait_until(lambda: calls() > status_and_chunks, "the fourth chunk is asked for")
        process.kill()
        process.wait()
    stage.org.tell("faults", faults=[])
    kept = [pl.read_parquet(page) for page in (stage.folder / "data").rglob("*.parquet")]
    assert sum(page.height for page in kept) == 60
    killed_at = calls()
    again = stage.run("run", "--local")
    assert again.code == 0, again.out + again.err
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
    status_chunks_and_deletion = (1 + 3 + 1) + (1 + 6 + 1)
    assert calls() - killed_at == status_chunks_and_deletion, "the load, and then its checks"


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
