"""`dc-assets run` of a spec that does not fit: nothing is sent, unless a person says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import Stage, spec_content

pytestmark = pytest.mark.acceptance

REASON = "the org computes it only in the sandbox"


@pytest.fixture(scope="module")
def unfit(stage: Stage) -> Stage:
    """A stage whose spec fills a field that nobody may write."""
    content: dict[str, Any] = spec_content(stage.rows, stage.partitions)
    wrong = {"source": "Description__c", "target": "IsWon", "type": "boolean"}
    content["columns"] = [*content["columns"][:-1], wrong]
    content["limits"] = {"refused_share_max": 1.0}
    stage.write_spec(content)
    return stage


def jobs_of(stage: Stage) -> int:
    """Count the jobs that the org has ever had."""
    return len(stage.org.ask("jobs")["jobs"])


def test_a_run_says_what_the_plan_says_and_sends_nothing(unfit: Stage) -> None:
    """Exit 2 with the sentences of the plan, and the line of the spec."""
    before = jobs_of(unfit)
    planned = json.loads(unfit.run("plan", "--json").out)
    stops = [one["sentence"] for one in planned["findings"] if one["advice"] == "STOP"]
    ran = unfit.run("run", "--local")
    assert ran.code == 2, ran.err
    assert stops[0] in ran.err
    assert "opportunities.yaml, line " in ran.err
    assert "Nothing was sent." in ran.err
    assert jobs_of(unfit) == before


def test_a_canary_refuses_it_too(unfit: Stage) -> None:
    """A sample of it would be refused as well."""
    before = jobs_of(unfit)
    ran = unfit.run("run", "--canary", "10")
    assert ran.code == 2, ran.err
    assert jobs_of(unfit) == before


def test_a_reason_is_wanted(unfit: Stage) -> None:
    """One that says nothing is no reason."""
    ran = unfit.run("run", "--local", "--anyway", "  ")
    assert ran.code == 2
    assert "--anyway wants a reason" in ran.err


def test_a_reason_is_kept_with_the_load(unfit: Stage) -> None:
    """The rows are sent; status tells why, to people and to machines."""
    before = jobs_of(unfit)
    ran = unfit.run("run", "--local", "--anyway", REASON)
    assert ran.code in {3, 4}, ran.err
    assert f"because: {REASON}" in ran.err
    assert jobs_of(unfit) > before
    assert f"was sent although the plan said STOP, because: {REASON}" in unfit.run("status").out
    told = json.loads(unfit.run("status", "--json").out)
    assert set(told["sent_anyway"].values()) == {REASON}
