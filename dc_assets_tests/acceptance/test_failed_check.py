"""A real backfill in which a check fails: Dagster calls it successful, everything of ours does not.

Then the cause is fixed, and `run --failed-only` brings exactly that partition to its end.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from dc_assets.wiring.dagster_api import Backfill, Webserver
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker, wait_until
from dc_assets_tests.acceptance.test_kill import kill_in_mid_run

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]  # two backfills, each with its ticks

ASSET = "opportunities_in_core"
BAD, PLANTED = "r1-02", "externalOpp0000025x"
EXECUTIONS = """
query($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 100) { status partition runId }
}"""


def plant(stage: Stage) -> None:
    """Put a record into the range of the second partition that nobody loads."""
    stage.org.sql(
        'INSERT INTO "Opportunity" ("Id", "IsDeleted", "Name", "External_ID__c", "CreatedDate", '
        "\"LastModifiedDate\", \"SystemModstamp\") VALUES ('006Ov0000009999AAA', false, 'Planted', "
        f"'{PLANTED}', now(), now(), now())"
    )


def newest_states(webserver: Webserver, check: str) -> dict[str, str]:
    """Return what Dagster's Checks tab says of a check: its newest execution in each partition."""
    variables = {"asset": {"path": [ASSET]}, "check": check}
    body = {"query": EXECUTIONS, "variables": variables}
    answer = httpx.post(f"{webserver.url}/graphql", json=body, timeout=60).json()
    newest: dict[str, str] = {}
    executions: list[dict[str, Any]] = answer["data"]["assetCheckExecutions"]
    for one in executions:
        newest.setdefault(one["partition"], one["status"])
    return newest


def ended(webserver: Webserver, done: Done) -> Backfill:
    """Return the backfill that a command launched, when Dagster itself says that it is over."""
    found = re.search(r"Backfill (\w+) of", done.out)
    assert found, done.out + done.err

    def says_so() -> bool:
        return webserver.backfill(found[1]).status.startswith("COMPLETED")

    wait_until(says_so, "Dagster calls the backfill over", within_s=120)
    return webserver.backfill(found[1])


@pytest.mark.timeout(400)
def test_dagster_calls_it_successful_and_status_does_not(stage_of: StageMaker) -> None:
    """Run, check and status are red; when the cause is fixed one partition runs, and is green."""
    stage = stage_of(rows=60, partitions=3)
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    plant(stage)
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        stage.environment["DC_ASSETS_DAGSTER_URL"] = webserver.url
        the_check_fails(stage, webserver)
        stage.org.sql(f'DELETE FROM "Opportunity" WHERE "External_ID__c" = \'{PLANTED}\'')
        one_partition_is_loaded_again(stage, webserver)
        a_stopped_run_says_so(stage, webserver, home)


def the_check_fails(stage: Stage, webserver: Webserver) -> None:
    """All rows landed, and one more is there: the run, the check, the exit codes are red."""
    done = stage.run("run", "opportunities", within_s=180)
    assert done.code == 4, done.out + done.err
    backfill = ended(webserver, done)
    assert backfill.status == "COMPLETED_SUCCESS"
    states = {key: run.status for key, run in backfill.latest().items()}
    assert states == {"r1-01": "SUCCESS", BAD: "FAILURE", "r1-03": "SUCCESS"}
    assert newest_states(webserver, "no_coverage_gaps") == {
        "r1-01": "SUCCEEDED",
        BAD: "FAILED",
        "r1-03": "SUCCEEDED",
    }
    (why,) = [line for line in done.out.splitlines() if " is FAILURE: " in line]
    assert why.startswith(f"{BAD}: run ")
    assert "no_coverage_gaps" in why
    said = stage.run("status")
    assert said.code == 4
    assert "r1-01, r1-03: proved" in said.out
    assert f"{BAD}: no_coverage_gaps failed: 0 missing, 1 extra" in said.out
    assert PLANTED in said.out


def one_partition_is_loaded_again(stage: Stage, webserver: Webserver) -> None:
    """Exactly the partition that failed is launched; no row of it is sent twice."""
    done = stage.run("run", "opportunities", "--failed-only", within_s=180)
    assert done.code == 0, done.out + done.err
    assert f"{BAD}: no_coverage_gaps failed: 0 missing, 1 extra" in done.out
    backfill = ended(webserver, done)
    assert {key: run.status for key, run in backfill.latest().items()} == {BAD: "SUCCESS"}
    assert set(newest_states(webserver, "no_coverage_gaps").values()) == {"SUCCEEDED"}
    assert stage.run("status").code == 0
    assert stage.org.keys_of_two_jobs() == {}
    assert stage.org.core_ids() == stage.ids


def a_stopped_run_says_so(stage: Stage, webserver: Webserver, home: Path) -> None:
    """What ended a run in good order can be read from Dagster, by the class of the error."""
    assert home.exists()
    kill_in_mid_run(stage, "results", "before", "--partitions", "r1-01")
    assert "Stopped load" in stage.run("stop").out
    backfill_id = webserver.launch(ASSET, ["r1-03"], {})
    wait_until(
        lambda: [run.status for run in webserver.backfill(backfill_id).runs] == ["FAILURE"],
        "the run fails",
        within_s=120,
    )
    (run,) = webserver.backfill(backfill_id).runs
    failure = webserver.failure_of(run.run_id)
    assert failure.error == "StoppedByOperator"
    assert "was stopped by an operator. To resume: dc-assets run opportunities" in failure.sentence
