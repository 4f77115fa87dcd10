"""A Dagster project of somebody else takes our wheel and one defs.yaml, and keeps its own ways."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dc_assets.load.spec_files import read_spec
from dc_assets.wiring.dagster_api import FINAL_BACKFILL_STATUSES, Webserver
from dc_assets_tests.acceptance.foreign_project import ForeignProject
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, spec_content, wait_until
from dc_assets_tests.acceptance.test_foreign_runs import (
    ASSET,
    asked,
    beating,
    kill_all,
    launch,
    statuses,
)
from dc_assets_tests.delivery.servers import HookServer, serving

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  }
}"""

DEFINED = """
query($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) { ... on Sensors { results { name } } }
  repositoryOrError(repositorySelector: $selector) { ... on Repository { jobs { name } } }
}"""

SELECTOR = {"repositoryLocationName": "shop", "repositoryName": "__repository__"}


@pytest.mark.timeout(900)
def test_a_project_of_others_takes_a_load(stage_of: StageMaker) -> None:
    """Its definitions are good; a killed run is failed and started again; a backfill is green.

    People are told once, and what watches the loads is there once.
    """
    stage = stage_of(rows=60, partitions=2)
    project = placed(stage)
    assert "All definitions loaded successfully" in project.dg("check", "defs")
    hook = HookServer()
    with serving(hook):
        stage.environment |= {"DC_ASSETS_WEBHOOK_URL": hook.url}
        killed = killed_in_mid_run(stage, project)
        with both(stage, project) as webserver:
            defined = asked(webserver, DEFINED, selector=SELECTOR)
            wait_until(
                lambda: statuses(webserver, killed) == ["SUCCESS", "FAILURE"],
                "the killed run is failed, and its successor green",
                within_s=150,
            )
            assert stage.org.keys_of_two_jobs() == {}
            assert backfilled(webserver, ["r1-01", "r1-02"]) == "COMPLETED_SUCCESS"
            wait_until(lambda: hook.posts, "people are told", within_s=90)
    sensors = [one["name"] for one in defined["sensorsOrError"]["results"]]
    assert sorted(sensors) == ["notifier", "opportunities_changes", "reaper"]
    assert "their_nightly" in {one["name"] for one in defined["repositoryOrError"]["jobs"]}
    assert stage.org.core_ids() == stage.ids
    status = project.ran(project.python.with_name("dc-assets"), "status")
    assert "r1-02" in status, status
    assert "not begun" not in status


def placed(stage: Stage) -> ForeignProject:
    """Return a project with the load of a stage, whose commands find it among the definitions."""
    folder = stage.folder / "shop"
    folder.mkdir()
    stage.environment |= {
        "DC_ASSETS_LEASE_S": "10",
        "DC_ASSETS_HEARTBEAT_S": "2",
        "DC_ASSETS_LOADS": str(folder / "src" / "shop" / "defs"),
    }
    project = ForeignProject.from_nothing(folder, stage.environment)
    proposed = ("--object", "Opportunity", "--source", "ExtOpportunities__dlm")
    project.dg("scaffold", "defs", "dc_assets.SalesforceLoad", "first", *proposed)
    first = read_spec(project.defs / "first" / "defs.yaml")
    assert (first.source.key, first.parent_target) == ("ExternalId__c", "Account.External_ID__c")
    shutil.rmtree(project.defs / "first")
    project.place(spec_content(stage.rows, stage.partitions))
    place = project.ran(project.python, "-c", "import dc_assets; print(dc_assets.__file__)")
    assert Path(place.strip()).is_relative_to(folder), "the wheel is what is imported"
    return project


@contextmanager
def both(stage: Stage, project: ForeignProject) -> Generator[Webserver]:
    """Run webserver and daemon by the project's own Python."""
    home, python = project.home, project.python
    with (
        running_webserver(stage, home, python=python) as webserver,
        running_daemon(stage, home, python=python),
    ):
        yield webserver


def killed_in_mid_run(stage: Stage, project: ForeignProject) -> str:
    """Kill all of Dagster under a run of their own job, and return the id of that run."""
    stage.org.tell("hold", kind="results", when="before")
    with both(stage, project) as webserver:
        tags = {"dagster/partition": "r1-01"}
        run = launch(webserver, "their_nightly", None, tags, location="shop")
        wait_until(
            lambda: run in beating(stage) and stage.org.waiting("results"),
            "the run is at work",
            within_s=120,
        )
        kill_all(project.home)
    stage.org.tell("release")
    return run


def backfilled(webserver: Webserver, keys: list[str]) -> str:
    """Load partitions as the UI does, with what of theirs is downstream; return how it ended."""
    selected = [{"path": [ASSET]}, {"path": ["their_report"]}]
    params = {"assetSelection": selected, "partitionNames": keys}
    answer = asked(webserver, BACKFILL, params=params)["launchPartitionBackfill"]
    backfill_id = str(answer["backfillId"])
    with suppress(AssertionError):
        wait_until(
            lambda: webserver.backfill(backfill_id).status in FINAL_BACKFILL_STATUSES,
            "the backfill ends",
            within_s=240,
        )
    return webserver.backfill(backfill_id).status
