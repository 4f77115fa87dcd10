"""The operator's morning in a browser: launch, watch, see it green, read what a check found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import yaml

from dc_assets.core.checks import COVERAGE
from dc_assets.pages.lanes_picture import SIZE_PX
from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.chromium import CHROMIUM, LOOPBACK, WHY_SKIPPED, running_chromium
from dc_assets_tests.acceptance.dagster_ui import DagsterUI
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, wait_until
from dc_assets_tests.acceptance.test_day import Day

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=WHY_SKIPPED)]

ASSET = "opportunities_in_core"
SOURCE = "ExtOpportunities__dlm"
LATER = "TIMESTAMPTZ '2026-12-01 00:00:00+00'"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
AT_ONCE = 2
LONG_S = 150.0
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy } } } }"


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures go: with `--write-images` into the documents, else to a place of the test."""
    return IMAGES if request.config.getoption("write_images", default=False) else tmp_path


def allow_at_once(home: Path, runs: int) -> None:
    """Let a home run so many runs at once, so that some partitions wait while others load."""
    file = home / "dagster.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["concurrency"]["runs"]["max_concurrent_runs"] = runs
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


def partitions_that_write(stage: Stage) -> int:
    """Count the partitions that have their rows, as the ledger tells it."""
    with closing(sqlite3.connect(stage.folder / "data" / "ledger.db")) as ledger:
        query = "SELECT count(*) FROM range_state WHERE phase = 'sending'"
        return int(ledger.execute(query).fetchone()[0])


def stop_half_way(stage: Stage) -> None:
    """Let the first partitions land, and hold their checks; the others wait for their turn."""
    wait_until(lambda: stage.org.waiting("results") > 0, "results are held", within_s=LONG_S)
    wait_until(lambda: partitions_that_write(stage) == AT_ONCE, "two have rows", within_s=LONG_S)
    stage.org.tell("hold", kind="data_cloud_query", when="before")  # a check asks the source first
    stage.org.tell("release", kind="results")
    wait_until(
        lambda: stage.org.waiting("data_cloud_query") >= AT_ONCE, "checks are held", within_s=LONG_S
    )


def plant_gap(stage: Stage, partition_key: str) -> str:
    """Delete a landed record of a partition behind everybody's back and return its id."""
    each = stage.rows // stage.partitions
    gap = stage.ids[stage.keys.index(partition_key) * each + 36]
    assert gap in stage.org.core_ids()
    stage.org.sql(f"""DELETE FROM "Opportunity" WHERE "External_ID__c" = '{gap}'""")
    return gap


def is_looked_after(webserver: Webserver) -> bool:
    """Tell whether the daemon looks for backfills; until then the UI warns who launches one."""
    answer = httpx.post(f"{webserver.url}/graphql", json={"query": DAEMONS}).json()
    health = answer["data"]["instance"]["daemonHealth"]["allDaemonStatuses"]
    return {daemon["daemonType"]: daemon["healthy"] for daemon in health}["BACKFILL"] is True


def statuses(webserver: Webserver, backfill_id: str) -> dict[str, str]:
    """Return how the newest run of each partition stands."""
    newest = webserver.backfill(backfill_id).latest()
    return {key: run.status for key, run in newest.items()}


def launch_and_watch(ui: DagsterUI, stage: Stage) -> tuple[str, str, str]:
    """Launch all partitions, see them half done, plant a gap, see them green.

    Returns:
        the backfill, the partition that has the gap, and the id that is missing.
    """
    ui.open_asset()
    ui.picture("asset")
    ui.choose_all_partitions(stage.partitions)
    ui.picture("launch")
    backfill_id = ui.launch()
    stop_half_way(stage)
    ui.see_backfill_half_done()
    ui.picture("backfill", height_px=400)
    ui.open_tab("Partitions")
    ui.see_partitions(materialized="[1-3]", materializing="[1-3]")
    ui.picture("partitions-half-done", height_px=500)
    colours = ui.colours(stage.keys)
    assert set(colours.values()) == {"green", "blue"}, colours
    key = max(key for key, colour in colours.items() if colour == "green")
    gap = plant_gap(stage, key)
    stage.org.tell("release")
    ui.see_partitions(materialized=str(stage.partitions), materializing="0", failed="0")
    assert ui.colours(stage.keys) == dict.fromkeys(stage.keys, "green")
    ui.choose_partition(stage.keys[0])
    ui.see_metadata("landed")
    ui.picture("partitions")
    ui.see_image("jobs of each lane over time", SIZE_PX[0])
    return backfill_id, key, gap


def read_check(ui: DagsterUI, stage: Stage, key: str, gap: str) -> None:
    """Open the check that failed, its red partition, and the table that names the missing id."""
    ui.open_tab("Checks")
    ui.open_check(COVERAGE)
    ui.open_check_tab("Execution history")
    ui.see_in_history(failed="1", passed=str(stage.partitions - 1))
    ui.picture("check-history", height_px=540)
    ui.open_check_tab("Partitions")
    ui.see_partitions(failed="1", passed=str(stage.partitions - 1))
    assert ui.colours(stage.keys) == dict.fromkeys(stage.keys, "green") | {key: "red"}
    ui.choose_partition(key)
    ui.see_line("missing", gap, gap, "1")
    ui.picture("check-gap")


def see_lineage(ui: DagsterUI, day: Day, still: str) -> None:
    """See where each field comes from, and that the source is newer than a partition.

    ``still`` is a partition that no run loads meanwhile.
    """
    ui.open_tab("Overview")
    ui.see_field("StageName", "text", "from StageName__c")
    ui.picture("columns")
    first = day.stage.ids[0]
    day.change(
        f'"Name__c" = \'Other\', "LastModifiedDate__c" = {LATER}', f"\"ExternalId__c\" = '{first}'"
    )
    day.switch_on()
    ui.open_tab("Lineage")
    ui.see_updated(SOURCE)
    day.wait_for(1)
    ui.picture("lineage", height_px=700)
    ui.open_tab("Partitions")
    ui.choose_partition(still)
    ui.see_unsynced(SOURCE)


@pytest.mark.timeout(900)
def test_a_backfill_is_launched_watched_and_its_gap_named_by_clicking(
    stage_of: StageMaker, pictures: Path
) -> None:
    """Partitions turn green; the check of one is red and its table names what is gone.

    Then the source changes, and the lineage tells it.
    """
    stage = stage_of(rows=400, partitions=4)
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    allow_at_once(home, AT_ONCE)
    stage.org.tell("hold", kind="results", when="before")
    with (
        running_webserver(stage, home) as webserver,
        running_daemon(stage, home),
        running_chromium(stage.folder) as browser,
    ):
        wait_until(lambda: is_looked_after(webserver), "the daemon is running", within_s=LONG_S)
        ui = DagsterUI(browser.page, webserver.url, ASSET, pictures)
        backfill_id, key, gap = launch_and_watch(ui, stage)
        expected = dict.fromkeys(stage.keys, "SUCCESS") | {key: "FAILURE"}
        wait_until(lambda: statuses(webserver, backfill_id) == expected, f"{expected}", within_s=90)
        read_check(ui, stage, key, gap)
        see_lineage(ui, Day(stage, home, webserver), stage.keys[-1])
    assert browser.hosts == {LOOPBACK}
    assert browser.reached() == {LOOPBACK}
    assert browser.looked_up() == 0


def test_a_page_that_asks_elsewhere_is_seen_and_reaches_nobody(folder: Path) -> None:
    """Both a name and an address: the page's requests are noted, and no connection is tried."""
    with running_chromium(folder) as browser:
        images = [f"<img src='http://{host}/a.png'>" for host in ("192.0.2.1", "example.com")]
        browser.page.set_content("".join(images))
        wait_until(lambda: browser.page.evaluate("[...document.images].every(i => i.complete)"), "")
    assert browser.hosts == {"192.0.2.1", "example.com"}
    assert browser.reached() == set()
    assert browser.looked_up() == 0
