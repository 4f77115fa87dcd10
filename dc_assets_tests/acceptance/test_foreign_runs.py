"""Loads side by side, and inside runs of others: in a real Dagster, and when it is killed whole."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.services import pids_of, running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, spec_content, wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

ASSET, KEPT, LOST = "opportunities_in_core", "r1-01", "r1-02"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

THEIRS = f"""
import dagster as dg
from dc_assets.definitions import defs as loads

PARTITIONS = loads.get_assets_def("{ASSET}").partitions_def

@dg.asset(partitions_def=PARTITIONS, deps=["{ASSET}"])
def their_report() -> None: ...

nightly = dg.define_asset_job("their_nightly", selection=["{ASSET}"])
defs = dg.Definitions.merge(loads, dg.Definitions(assets=[their_report], jobs=[nightly]))
"""

LAUNCH = """
mutation($selector: JobOrPipelineSelector!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: $selector, runConfigData: {}, mode: "default", executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
    ... on InvalidSubsetError { message } }
}"""

RUNS = """{ runsOrError { ... on Runs { results { runId rootRunId status } } } }"""

CHECKS = """
query($asset: AssetKeyInput!) {
  assetCheckExecutions(assetKey: $asset, checkName: "can_be_loaded", limit: 5) {
    evaluation { success metadataEntries { ... on TextMetadataEntry { text } } }
  }
}"""


def asked(webserver: Webserver, query: str, **variables: object) -> dict[str, Any]:
    """Ask Dagster in GraphQL."""
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{webserver.url}/graphql", json=body, timeout=60).json()
    assert "errors" not in answer, answer
    return answer["data"]


def launch(
    webserver: Webserver,
    job: str,
    assets: Sequence[str] | None,
    tags: Mapping[str, str],
    *,
    location: str = "theirs",
) -> str:
    """Launch one run, and return its id."""
    selector: dict[str, Any] = {
        "repositoryLocationName": location,
        "repositoryName": "__repository__",
        "pipelineName": job,
    }
    if assets is not None:
        selector["assetSelection"] = [{"path": [name]} for name in assets]
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    answer = asked(webserver, LAUNCH, selector=selector, tags=listed)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def statuses(webserver: Webserver, root: str) -> list[str]:
    """Return how a run and its retries stand, the newest first."""
    runs = asked(webserver, RUNS)["runsOrError"]["results"]
    return [run["status"] for run in runs if root in {run["runId"], run["rootRunId"]}]


def kill_all(home: Path) -> None:
    """Kill every process of a Dagster, those too that are born meanwhile."""

    def none_left() -> bool:
        pids = pids_of(home)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    wait_until(none_left, "all of Dagster is dead", within_s=20)


def ledger_column(stage: Stage, query: str) -> list[str]:
    """Return the first column of a query of the ledger; nothing before the ledger is there."""
    file = stage.folder / "data" / "ledger.db"
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as ledger, suppress(sqlite3.OperationalError):
        return [row[0] for row in ledger.execute(query)]
    return []


def beating(stage: Stage) -> set[str]:
    """Return the runs that ever beat."""
    return set(ledger_column(stage, "SELECT run_id FROM run_beat"))


def notices(stage: Stage) -> list[str]:
    """Return the keys of the notifications of failed runs."""
    query = "SELECT notice_key FROM notice WHERE notice_key LIKE 'failed:%'"
    return ledger_column(stage, query)


@pytest.mark.timeout(300)
def test_runs_of_others_that_hold_our_asset_are_brought_to_an_end(stage_of: StageMaker) -> None:
    """The machine dies under a run with an asset of theirs, and under a run of their own job.

    The one that may be started again succeeds, the one that may not is told of once.
    """
    stage = stage_of(rows=60, partitions=2)
    stage.environment |= {"DC_ASSETS_LEASE_S": "10", "DC_ASSETS_HEARTBEAT_S": "2"}
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    (home / "theirs.py").write_text(THEIRS, encoding="utf-8")
    place = {"relative_path": "theirs.py", "attribute": "defs", "location_name": "theirs"}
    workspace = yaml.safe_dump({"load_from": [{"python_file": place}]})
    (home / "workspace.yaml").write_text(workspace, encoding="utf-8")
    stage.org.tell("hold", kind="results", when="before")
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        of_both = [ASSET, "their_report"]
        mixed = launch(webserver, "__ASSET_JOB", of_both, {"dagster/partition": KEPT})
        tags = {"dagster/partition": LOST, "dagster/max_retries": "0"}
        theirs = launch(webserver, "their_nightly", None, tags)
        wait_until(
            lambda: beating(stage) == {mixed, theirs} and stage.org.waiting("results") >= 2,
            "both runs are at work",
            within_s=90,
        )
        assert statuses(webserver, mixed) == statuses(webserver, theirs) == ["STARTED"]
        kill_all(home)
    stage.org.tell("release")
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        wait_until(
            lambda: "STARTED" not in statuses(webserver, theirs), "their job is over", within_s=70
        )
        wait_until(
            lambda: statuses(webserver, mixed) == ["SUCCESS", "FAILURE"], "retried", within_s=90
        )
        assert statuses(webserver, theirs) == ["FAILURE"]
        wait_until(lambda: notices(stage), "the failure is told", within_s=90)
    assert notices(stage) == [f"failed:{theirs}"]
    assert stage.org.keys_of_two_jobs() == {}


@pytest.mark.timeout(300)
def test_three_loads_and_a_broken_spec_live_in_one_dagster(stage_of: StageMaker) -> None:
    """One partition, five, twelve; then five are cut anew; all that is run is green.

    One after another, since all go into one object of one org.
    """
    stage = stage_of(rows=60, partitions=5)
    for name, partitions in {"single": 1, "dozen": 12}.items():
        write(stage, name, {**spec_content(stage.rows, partitions), "name": name})
    (stage.folder / "loads" / "broken.yaml").write_text("name: broken\nsource: [\n")
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    load_all(stage, home, {"single": ["r1-01"], "opportunities": stage.keys})
    recut = spec_content(stage.rows, 3)
    recut["partitions"]["scheme"] = 2
    stage.write_spec(recut)
    load_all(stage, home, {"opportunities": ["r2-01", "r2-02", "r2-03"], "dozen": ["r1-12"]})
    said = stage.run("status", "dozen")
    assert f"Not loaded: {stage.folder / 'loads' / 'broken.yaml'}, line 3" in said.out


def write(stage: Stage, name: str, content: Mapping[str, Any]) -> None:
    """Write one more spec beside the stage's own."""
    file = stage.folder / "loads" / f"{name}.yaml"
    file.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")


def load_all(stage: Stage, home: Path, wanted: Mapping[str, Sequence[str]]) -> None:
    """Load some partitions of each; all runs succeed, and the broken spec is red."""
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        for load, keys in wanted.items():
            load_one(webserver, f"{load}_in_core", keys)
        red = asked(webserver, CHECKS, asset={"path": ["broken_specs", "broken"]})
    [newest, *_] = [one["evaluation"] for one in red["assetCheckExecutions"]]
    assert not newest["success"]
    assert "broken.yaml, line 3: " in str(newest["metadataEntries"])


def load_one(webserver: Webserver, asset: str, keys: Sequence[str]) -> None:
    """Run some partitions to their ends; each of the runs succeeds."""
    runs = [
        launch(webserver, "__ASSET_JOB", [asset], {"dagster/partition": key}, location="dc_assets")
        for key in keys
    ]

    def ended() -> bool:
        return all(statuses(webserver, run)[0] in ENDED for run in runs)

    wait_until(ended, f"{asset} ends", within_s=150)
    wrong = [run for run in runs if statuses(webserver, run) != ["SUCCESS"]]
    assert not wrong, webserver.failure_of(wrong[0])
