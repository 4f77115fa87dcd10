"""One backfill of continents, countries and places, launched as the UI launches it."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import NO_TLS, Stage, emulated_org, wait_until
from dc_assets_tests.proof.places import NAMES, OBJECTS, prepare

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

ROWS, PARTITIONS = 1_000, 7
ENDS_WITHIN_S = 420
LAUNCH = """mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } } }"""
RUNS = """query Runs($backfill: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $backfill}]}) {
    ... on Runs { results { status assetSelection { path } } } } }"""
SPANS = """SELECT load.spec_name, min(range_state.started_at), max(range_state.checked_at)
  FROM range_state JOIN load USING (load_id) GROUP BY 1"""


def asked(webserver: Webserver, query: str, **variables: object) -> dict[str, Any]:
    """Ask a webserver by GraphQL."""
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{webserver.url}/graphql", json=body, verify=NO_TLS, timeout=60).json()
    assert "errors" not in answer, answer
    return answer["data"]


def launched_as_by_the_ui(webserver: Webserver) -> str:
    """Launch all partitions of assets that are cut differently, children named first.

    The UI sends these parameters when the partitions of the chosen assets differ (1.13.27).
    """
    assets = [{"path": [f"{name}_in_core"]} for name in reversed(NAMES)]
    params = {"tags": [], "assetSelection": assets, "allPartitions": True}
    launch = asked(webserver, LAUNCH, params=params)["launchPartitionBackfill"]
    return str(launch["backfillId"])


def statuses(webserver: Webserver, backfill_id: str) -> list[str]:
    """Return how the runs of a backfill are."""
    runs = asked(webserver, RUNS, backfill=backfill_id)["runsOrError"]["results"]
    return [run["status"] for run in runs]


@pytest.mark.timeout(2 * ENDS_WITHIN_S)
def test_one_backfill_loads_parents_first_and_a_child_alone_is_stopped(folder: Path) -> None:
    """The child started first names its parent; one backfill of all three proves all of them."""
    with ExitStack() as stack:
        schema = ("--schema", str(OBJECTS / "schema.yaml"))
        org = stack.enter_context(emulated_org(folder, *schema))
        stage = Stage.set_up(folder, org, rows=ROWS, partitions=1)
        (folder / "loads" / "opportunities.yaml").unlink()
        prepare(folder / "loads", ROWS)
        home = folder / "dagster"
        assert stage.run("home", str(home)).code == 0
        webserver = stack.enter_context(running_webserver(stage, home))
        stack.enter_context(running_daemon(stage, home))
        beforehand = stage.run("run", "places", DC_ASSETS_DAGSTER_URL=webserver.url)
        assert beforehand.code == 5, beforehand.err
        assert "countries lacks all 3 partitions (not begun)" in beforehand.err
        alone = webserver.launch("places_in_core", ["r1-02"], {})
        wait_until(lambda: statuses(webserver, alone) == ["FAILURE"], "it ends", within_s=120)
        [run] = webserver.backfill(alone).runs
        failure = webserver.failure_of(run.run_id)
        assert failure.error == "ParentsIncomplete"
        assert "countries lacks all 3 partitions (not begun)" in failure.sentence
        assert org.ask("jobs")["jobs"] == []
        whole = launched_as_by_the_ui(webserver)
        wait_until(
            lambda: statuses(webserver, whole) == ["SUCCESS"] * PARTITIONS,
            "all partitions are loaded",
            within_s=ENDS_WITHIN_S,
        )
        assert [stage.run("status", name).code for name in NAMES] == [0, 0, 0]
    with closing(sqlite3.connect(folder / "data" / "ledger.db")) as ledger:
        spans = {name: (begun, proved) for name, begun, proved in ledger.execute(SPANS)}
    assert spans["continents"][1] <= spans["countries"][0]
    assert spans["countries"][1] <= spans["places"][0]
