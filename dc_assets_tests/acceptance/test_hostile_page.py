"""A web page in the user's browser cannot use the Dagster UI of `demo` and `dev`."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.chromium import CHROMIUM, WHY_SKIPPED, running_chromium
from dc_assets_tests.acceptance.hostile_page import MUTATION, hostile_page
from dc_assets_tests.acceptance.services import running_webserver
from dc_assets_tests.acceptance.stage import StageMaker

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason=WHY_SKIPPED)]

TRIES = 12
BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id } } } }"


def launched(webserver: Webserver) -> int:
    """Count the backfills that Dagster knows."""
    answer = httpx.post(f"{webserver.url}/graphql", json={"query": BACKFILLS}).json()
    return len(answer["data"]["partitionBackfillsOrError"]["results"])


@pytest.mark.timeout(600)
def test_a_page_of_another_port_launches_nothing(stage_of: StageMaker) -> None:
    """By image, frame, form, fetch, beacon, socket or link; the same mutation of ours launches."""
    stage = stage_of(rows=60)
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    with (
        running_webserver(stage, home) as webserver,
        hostile_page(webserver.url) as address,
        running_chromium(stage.folder) as browser,
    ):
        page = browser.page
        page.goto(address)
        page.wait_for_function("window.tried !== undefined")
        assert len(page.evaluate("window.tried")) == TRIES
        link = f"{webserver.url}/graphql?query={quote(MUTATION)}"
        page.evaluate("link => { location.href = link }", link)
        page.wait_for_url("**/graphql*")
        page.wait_for_load_state("networkidle")
        assert launched(webserver) == 0
        ours = httpx.post(f"{webserver.url}/graphql", json={"query": MUTATION})
        assert "LaunchBackfillSuccess" in ours.text
        assert launched(webserver) == 1
