"""`dc-assets doctor` beside a Dagster that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dc_assets.orchestration.home import write_home
from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import StageMaker, wait_until

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]


def test_a_dagster_that_runs_is_green_and_one_without_a_daemon_is_not(
    stage_of: StageMaker, folder: Path
) -> None:
    """Red until the daemon's first heartbeat, then every line of the set-up is ok."""
    stage = stage_of(rows=20)
    home = folder / "dagster-home"
    write_home(home, postgres=None)
    with running_webserver(stage, home) as webserver:
        stage.environment |= {"DC_ASSETS_DAGSTER_URL": webserver.url, "DAGSTER_HOME": str(home)}

        def reds() -> list[str]:
            told = json.loads(stage.run("doctor", "opportunities", "--json").out)
            return [f"{x['area']}: {x['seen']}" for x in told["lines"] if x["state"] == "red"]

        (silent,) = reds()
        assert silent.startswith("Dagster: No heartbeat of the daemon")
        with running_daemon(stage, home):
            wait_until(lambda: not reds(), "the daemon beats")
            done = stage.run("doctor", "opportunities")
    assert done.code == 0
    assert "storage SQLite" in done.out
    assert "runs wait in the queue, pools count by run" in done.out
    assert "warn" not in done.out
