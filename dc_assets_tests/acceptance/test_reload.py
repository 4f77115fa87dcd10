"""What a code location shows after a reload: of a load that changed, and of one that is gone."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import Stage, StageMaker, spec_content, wait_until
from dc_assets_tests.acceptance.test_foreign_runs import (
    ASSET,
    asked,
    kill_all,
    launch,
    load_one,
    statuses,
    write,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

RELOAD = (
    """mutation { reloadRepositoryLocation(repositoryLocationName: "dc_assets") { __typename } }"""
)

STALE = """
query($asset: AssetKeyInput!, $partition: String) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      staleStatus(partition: $partition)
      staleCauses(partition: $partition) { reason }
    }
  }
}"""
HIGHEST_S = 90.0


def shown(webserver: Webserver) -> list[str]:
    """Return how up to date the first partition is, and why not; nothing if the load is gone."""
    asked(webserver, RELOAD)
    node = asked(webserver, STALE, asset={"path": [ASSET]}, partition="r1-01")["assetNodeOrError"]
    return [node["staleStatus"], *(one["reason"] for one in node["staleCauses"])] if node else []


def begin(stage: Stage, webserver: Webserver, key: str) -> str:
    """Start a run that is not tried again, let it come to its results, and hold it there."""
    stage.org.tell("hold", kind="results", when="before")
    tags = {"dagster/partition": key, "dagster/max_retries": "0"}
    run = launch(webserver, "__ASSET_JOB", [ASSET], tags, location="dc_assets")
    wait_until(lambda: stage.org.waiting("results") > 0, "it is at work", within_s=HIGHEST_S)
    return run


@contextmanager
def dagster_of(stage: Stage, home: Path) -> Generator[Webserver]:
    """Run webserver and daemon with a code server each, as only these read specs again."""
    with (
        running_webserver(stage, home, shares_code=False) as webserver,
        running_daemon(stage, home),
    ):
        yield webserver


@pytest.mark.timeout(600)
def test_a_reload_shows_what_became_of_a_spec(stage_of: StageMaker) -> None:
    """Changed: what is green is unsynced. Removed: it is gone, and its run ends as ever.

    A run whose process dies as well is failed, though no load of the code location is in it.
    """
    stage = stage_of(rows=60, partitions=2)
    stage.environment |= {"DC_ASSETS_LEASE_S": "10", "DC_ASSETS_HEARTBEAT_S": "2"}
    content = spec_content(stage.rows, stage.partitions)
    write(stage, "others", {**content, "name": "others"})
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    with dagster_of(stage, home) as webserver:
        load_one(webserver, ASSET, ["r1-01"])
        assert shown(webserver) == ["FRESH"]
        stage.write_spec({**content, "columns": content["columns"][:-1]})
        assert shown(webserver) == ["STALE", "has a new code version"]
        file = stage.write_spec(content)
        assert shown(webserver) == ["FRESH"]
        run = begin(stage, webserver, "r1-02")
        file.unlink()
        assert shown(webserver) == []
        stage.org.tell("release")
        wait_until(lambda: statuses(webserver, run) == ["SUCCESS"], "it ends", within_s=HIGHEST_S)
        stage.write_spec(content)
        assert shown(webserver) == ["FRESH"]
        run = begin(stage, webserver, "r1-01")
        kill_all(home)
    file.unlink()
    stage.org.tell("release")
    with dagster_of(stage, home) as webserver:
        wait_until(lambda: statuses(webserver, run) == ["FAILURE"], "failed", within_s=HIGHEST_S)
        assert shown(webserver) == []
