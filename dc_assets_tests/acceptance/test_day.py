"""A day of an operator: the sensor is on, rows change in the source, the daemon dies in between."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dc_assets.core.checks import COVERAGE, check_descriptions
from dc_assets.core.verdicts import Severity
from dc_assets.load.spec_files import read_spec
from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.dagster_checks import check_outcomes
from dc_assets_tests.acceptance.services import running_daemon, running_webserver, workspace_of
from dc_assets_tests.acceptance.stage import Stage, StageMaker, running, spec_content, wait_until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.hunt,
    pytest.mark.postgres,
    pytest.mark.parametrize("stage_on", ["postgres"], indirect=True),
]

ROWS, PARTITIONS = 3_000, 5
ASSET = "opportunities_in_core"
STAGES = "stage_name_distribution_matches"
SENSOR = {
    "repositoryLocationName": "dc_assets",
    "repositoryName": "__repository__",
    "sensorName": "opportunities_changes",
}
START = """mutation Start($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { __typename } }"""
RUNS = """query Runs { runsOrError(filter: {pipelineName: "opportunities_refresh"}) {
  ... on Runs { results { runId status tags { key value } } } } }"""
TICKS = """query Ticks($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { sensorState { ticks(limit: 20) { id status skipReason } } } } }"""


@dataclass(frozen=True)
class Run:
    """A run that the refresh requested."""

    run_id: str
    partition_key: str
    status: str


@dataclass(frozen=True)
class Day:
    """A loaded stage with Dagster's webserver."""

    stage: Stage
    home: Path
    webserver: Webserver

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask the webserver in GraphQL."""
        body = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.webserver.url}/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def switch_on(self) -> None:
        """Start the sensor, as the switch in the UI does."""
        assert self.ask(START, sensor=SENSOR)["startSensor"]["__typename"] == "Sensor"

    def runs(self) -> list[Run]:
        """Return the runs that the sensor requested, the newest first."""
        found: list[Run] = []
        for run in self.ask(RUNS)["runsOrError"]["results"]:
            tags = {tag["key"]: tag["value"] for tag in run["tags"]}
            found.append(Run(run["runId"], tags["dagster/partition"], run["status"]))
        return found

    def ticks(self) -> list[dict[str, Any]]:
        """Return the last ticks of the sensor, the newest first."""
        return self.ask(TICKS, sensor=SENSOR)["sensorOrError"]["sensorState"]["ticks"]

    def ended_ticks_after(self, count: int) -> set[str]:
        """Wait for so many new ticks to end; return how they ended."""
        known = {tick["id"] for tick in self.ticks()}

        def ended() -> list[str]:
            new = [tick["status"] for tick in self.ticks() if tick["id"] not in known]
            return [status for status in new if status != "STARTED"]

        wait_until(lambda: len(ended()) >= count, f"{count} more ticks end", within_s=300)
        return set(ended())

    def wait_for(self, runs: int) -> list[Run]:
        """Wait until so many runs were requested and all of them ended well; return them."""
        wait_until(
            lambda: [run.status for run in self.runs()] == ["SUCCESS"] * runs,
            f"{runs} runs succeed",
            within_s=400,
        )
        return self.runs()

    def concurrent_runs(self, most: int) -> None:
        """Say how many runs the next daemon may start at once."""
        file = self.home / "dagster.yaml"
        lines = file.read_text(encoding="utf-8").splitlines()
        changed = [
            f"    max_concurrent_runs: {most}" if "max_concurrent_runs" in line else line
            for line in lines
        ]
        file.write_text("\n".join(changed) + "\n", encoding="utf-8")

    def change(self, assignments: str, where: str) -> None:
        """Change rows of the source."""
        self.stage.org.sql(
            f'UPDATE "ExtOpportunities__dlm" SET {assignments} WHERE {where}', store="data_cloud"
        )

    def rows_sent(self) -> int:
        """Count the rows of all jobs so far."""
        return sum(job["rows_processed"] for job in self.stage.org.ask("jobs")["jobs"])


@contextmanager
def loaded(stage: Stage) -> Generator[Day]:
    """Load a stage in full, and start a webserver with the refresh at a quick pace."""
    refresh = {"modified": "LastModifiedDate__c", "look_every_s": 3}
    stage.write_spec({**spec_content(ROWS, PARTITIONS), "refresh": refresh})
    done = stage.run("run", "--local")
    assert done.code == 0, done.out + done.err
    home = stage.write_home()
    with running_webserver(stage, home) as webserver:
        yield Day(stage, home, webserver)


@pytest.mark.timeout(1200)
def test_what_changes_in_the_source_is_brought_over_and_nothing_else(stage_on: StageMaker) -> None:
    """All rows get one value, then 1,000 change and 10 are new, while the daemon is killed."""
    with loaded(stage_on(rows=ROWS, partitions=PARTITIONS)) as day:
        day.switch_on()
        every_row_gets_one_value(day)
        some_change_and_the_daemon_is_killed(day)


def every_row_gets_one_value(day: Day) -> None:
    """The seed's own proof: afterwards the distribution check shows the one value for all rows."""
    day.change(
        "\"StageName__c\" = 'Closed Won', "
        "\"LastModifiedDate__c\" = TIMESTAMPTZ '2026-10-01 00:00:00+00'",
        "true",
    )
    with running_daemon(day.stage, day.home):
        runs = day.wait_for(PARTITIONS)
    assert sorted(run.partition_key for run in runs) == day.stage.keys
    outcomes = check_outcomes(day.webserver, ASSET, [STAGES], [run.run_id for run in runs])
    assert {outcome.severity for outcome in outcomes} == {Severity.PASSED}
    assert {value.value for outcome in outcomes for value in outcome.values} == {"Closed Won"}
    counts = [value.counts for outcome in outcomes for value in outcome.values]
    assert sum(count.source_rows for count in counts) == ROWS
    assert sum(count.target_rows for count in counts) == ROWS


def some_change_and_the_daemon_is_killed(day: Day) -> None:
    """Only their partitions run, 1,010 rows are sent, and no later tick launches anything."""
    ids, later = day.stage.ids, "TIMESTAMPTZ '2026-11-01 00:00:00+00'"
    for first, last in ((600, 1_199), (1_200, 1_599)):
        day.change(
            f'"Name__c" = "Name__c" || \' again\', "LastModifiedDate__c" = {later}',
            f"\"ExternalId__c\" BETWEEN '{ids[first]}' AND '{ids[last]}'",
        )
    day.stage.org.sql(
        "INSERT INTO \"ExtOpportunities__dlm\" SELECT * REPLACE ('externalOpp9' || "
        f'substr("ExternalId__c", 13) AS "ExternalId__c", {later} AS "LastModifiedDate__c") '
        f'FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" <= \'{ids[9]}\'',
        store="data_cloud",
    )
    before, known = day.rows_sent(), {run.run_id for run in day.runs()}
    day.concurrent_runs(0)
    kill_daemon_when_runs_are_queued(day, PARTITIONS + 3)
    assert day.rows_sent() == before
    day.concurrent_runs(10)
    with running_daemon(day.stage, day.home):
        runs = [run for run in day.wait_for(PARTITIONS + 3) if run.run_id not in known]
        assert sorted(run.partition_key for run in runs) == ["r1-02", "r1-03", "r1-05"]
        assert day.rows_sent() - before == 1_010
        assert day.ended_ticks_after(2) == {"SKIPPED"}
    assert len(day.runs()) == PARTITIONS + 3
    assert len(day.stage.org.core_ids()) == ROWS + 10
    spec = read_spec(day.stage.folder / "loads" / "opportunities.yaml")
    checks = list(check_descriptions(spec))
    outcomes = check_outcomes(day.webserver, ASSET, checks, [run.run_id for run in runs])
    assert len(outcomes) == 3 * len(checks)
    assert {outcome.severity for outcome in outcomes} == {Severity.PASSED}
    assert COVERAGE in {outcome.check for outcome in outcomes}


def kill_daemon_when_runs_are_queued(day: Day, runs: int) -> None:
    """Let a daemon request runs and start none of them, and kill it."""
    command = [sys.executable, "-m", "dagster._daemon", "run"]
    command += ["-w", str(workspace_of(day.home))]
    environment = {**day.stage.environment, "DAGSTER_HOME": str(day.home)}
    with running(command, environment, log=day.stage.folder / "killed-daemon.log") as daemon:
        wait_until(lambda: len(day.runs()) == runs, "runs are requested", within_s=240)
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()
    assert {run.status for run in day.runs()[:3]} <= {"NOT_STARTED", "QUEUED"}
