"""A load whose parents are missing: nothing lands, and nothing of it is green in Dagster."""

from __future__ import annotations

import pytest

from dc_assets_tests.acceptance.services import running_daemon, running_webserver
from dc_assets_tests.acceptance.stage import StageMaker
from dc_assets_tests.acceptance.test_failed_check import ended, newest_states

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]  # a backfill with its ticks


@pytest.mark.timeout(400)
def test_a_load_that_is_refused_wholly_is_red(stage_of: StageMaker) -> None:
    """Each run fails by its check, though every row has an outcome; run and status end with 4."""
    stage = stage_of(rows=60, partitions=2)
    home = stage.folder / "dagster"
    assert stage.run("home", str(home)).code == 0
    stage.org.sql('DELETE FROM "Account"')
    with running_webserver(stage, home) as webserver, running_daemon(stage, home):
        stage.environment["DC_ASSETS_DAGSTER_URL"] = webserver.url
        done = stage.run("run", "opportunities", within_s=240)
        assert done.code == 4, done.out + done.err
        states = {key: run.status for key, run in ended(webserver, done).latest().items()}
        assert states == dict.fromkeys(stage.keys, "FAILURE")
        failed = dict.fromkeys(stage.keys, "FAILED")
        assert newest_states(webserver, "nothing_pending") == failed
    said = "30 of 30 were refused, more than limits.refused_share_max (25%)"
    assert said in done.out
    assert "r1-01, r1-02: not proved: nothing_pending" in done.out
    assert stage.org.core_ids() == []
    status = stage.run("status")
    assert status.code == 4
    assert "not proved: nothing_pending" in status.out
    assert ": proved" not in status.out
