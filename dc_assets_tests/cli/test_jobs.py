"""`status --jobs`: every job of the org, ours marked, and what needs a look."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dc_assets.cli.jobs import stuck_jobs, unknown_open_jobs
from dc_assets.salesforce.bulk_ingest import ListedJob
from dc_assets_tests.acceptance.stage import Stage

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def listed(state: str, *, minutes: float = 0, object_name: str = "Thing__c") -> ListedJob:
    """Return a job that took its state some minutes ago."""
    then = NOW - timedelta(minutes=minutes)
    created = NOW - timedelta(hours=3)
    return ListedJob("750", object_name, "upsert", state, "005000000000001AAA", created, then)


@pytest.mark.parametrize(
    ("state", "minutes", "warns"),
    [
        ("UploadComplete", 11, True),
        ("UploadComplete", 9, False),
        ("InProgress", 60, False),
        ("Open", 60, False),
    ],
)
def test_a_job_that_the_org_does_not_begin_is_stuck(
    state: str, minutes: float, *, warns: bool
) -> None:
    """Ten minutes after its close, by the clock of the org."""
    assert bool(stuck_jobs([listed(state, minutes=minutes)], NOW)) is warns


def test_only_open_jobs_of_our_user_and_object_are_strange() -> None:
    """Ids of 15 and of 18 characters mean the same user."""
    ours = "005000000000001"
    assert unknown_open_jobs([listed("Open")], "Thing__c", ours)
    assert not unknown_open_jobs([listed("Open")], "Thing__c", "005000000000002AAA")
    assert not unknown_open_jobs([listed("Open")], "Other__c", ours)
    assert not unknown_open_jobs([listed("JobComplete")], "Thing__c", ours)


@pytest.mark.acceptance
def test_the_jobs_of_the_org_are_listed_with_ours_marked(stage: Stage) -> None:
    """A stranger's Open job is warned of; the newest job comes first, and the list is cut."""
    assert stage.run("run", "--local").code == 3
    body = {"object": "Opportunity", "operation": "upsert", "externalIdFieldName": "External_ID__c"}
    with stage.org.rest() as rest:
        planted = rest.post("/jobs/ingest", json=body).json()["id"]
        rest.post("/jobs/ingest", json={**body, "object": "Account"})
    done = stage.run("status", "--jobs")
    assert done.code == 0, done.err
    lines = {line.split()[0]: line for line in done.out.splitlines() if line.startswith("750")}
    assert lines[planted].split()[-1] != "rows"
    ours = [line for line in lines.values() if "opportunities r1-0" in line]
    assert len(ours) == len(lines) - 2 > 0
    assert all("JobComplete" in line and line.rstrip().endswith("rows") for line in ours)
    assert f"WARNING: job {planted}" in done.out
    assert done.out.count("WARNING") == 1
    said = json.loads(stage.run("status", "--jobs", "--json", "--limit", "3").out)
    assert [job["operation"] for job in said["jobs"]] == ["upsert"] * 3
    ages = [job["age_s"] for job in said["jobs"]]
    assert ages == sorted(ages)
    assert said["by_state"]["Open"] == 2
    assert said["jobs"][2]["ours"]["load"] == "opportunities"
    assert len(said["warnings"]) == 1
