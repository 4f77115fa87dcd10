"""A real backfill whose run worker is killed: Dagster starts it again, the ledger continues."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from dc_assets.core.checks import ROW_COUNT
from dc_assets.core.verdicts import Severity
from dc_assets_tests.acceptance.dagster_checks import check_outcomes
from dc_assets_tests.acceptance.services import pids_of, running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.hunt,
    pytest.mark.postgres,
    pytest.mark.parametrize("stage_on", ["postgres"], indirect=True),
]

ASSET = "opportunities_in_core"


def owner_of(stage: Stage, partition_key: str) -> int:
    """Return the process that owns a partition, as the ledger tells it."""
    query = f"SELECT owner FROM range_state WHERE partition_key = '{partition_key}'"
    [(owner,)] = stage.ask_ledger(query)
    return int(json.loads(owner)["pid"])


def kill_worker(stage: Stage, home: Path, partition_key: str) -> None:
    """Kill the run worker of a partition, and make sure that it was one."""
    worker = owner_of(stage, partition_key)
    assert worker in pids_of(home, "multiprocessing")
    os.kill(worker, signal.SIGKILL)


@pytest.mark.timeout(1500)
def test_a_killed_run_worker_is_started_again_and_sends_no_row_twice(stage_on: StageMaker) -> None:
    """Nobody helps: run retries bring the partition to its end, and all checks pass."""
    stage = stage_on(rows=120, partitions=2)
    home = stage.write_home()
    stage.org.tell("hold", kind="results", when="before")
    with running_webserver(stage, home) as webserver:
        backfill_id = webserver.launch(ASSET, stage.keys, {})
        with running_daemon(stage, home):
            wait_until(lambda: stage.org.waiting("results") >= 2, "results are held", within_s=600)
            kill_worker(stage, home, "r1-01")
            wait_until(
                lambda: len(webserver.backfill(backfill_id).runs) > len(stage.keys),
                "Dagster starts the lost run again",
                within_s=600,
            )
            stage.org.tell("release")
            wait_until(
                lambda: webserver.backfill(backfill_id).is_over(len(stage.keys)),
                "the backfill ends",
                within_s=600,
            )
            backfill = webserver.backfill(backfill_id)
        newest = backfill.latest()
        assert {key: run.status for key, run in newest.items()} == dict.fromkeys(
            stage.keys, "SUCCESS"
        )
        assert [run.status for run in backfill.runs].count("FAILURE") == 1
        checks = [ROW_COUNT, "stage_name_distribution_matches"]
        outcomes = check_outcomes(webserver, ASSET, checks, [r.run_id for r in newest.values()])
        assert [(o.partition_key, o.check) for o in outcomes] == [
            (key, check) for key in stage.keys for check in checks
        ]
        assert {outcome.severity for outcome in outcomes} == {Severity.PASSED}
    assert stage.org.core_ids() == stage.ids
    assert stage.org.keys_of_two_jobs() == {}
