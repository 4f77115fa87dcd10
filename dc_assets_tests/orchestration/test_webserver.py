"""The client of a Dagster webserver."""

from __future__ import annotations

import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.wiring.dagster_api import Backfill, BackfillRun, Webserver
from dc_assets.wiring.dagster_instance import loads_among
from dc_assets_tests.acceptance.services import free_port


def runs(*states: str) -> list[BackfillRun]:
    """Return runs from texts such as `r1-01 SUCCESS`, the newest first."""
    return [BackfillRun(str(n), *state.split()) for n, state in enumerate(states)]


@pytest.mark.parametrize(
    ("status", "states", "is_over"),
    [
        ("REQUESTED", [], False),
        ("REQUESTED", ["r1-01 SUCCESS"], False),
        ("REQUESTED", ["r1-01 SUCCESS", "r1-02 STARTED"], False),
        ("REQUESTED", ["r1-01 SUCCESS", "r1-02 SUCCESS"], True),
        ("REQUESTED", ["r1-01 SUCCESS", "r1-02 FAILURE"], False),
        ("REQUESTED", ["r1-01 SUCCESS", "r1-02 SUCCESS", "r1-02 FAILURE"], True),
        ("REQUESTED", ["r1-02 QUEUED", "r1-01 SUCCESS", "r1-02 FAILURE"], False),
        ("COMPLETED_FAILED", ["r1-01 SUCCESS", "r1-02 FAILURE"], True),
        ("COMPLETED_SUCCESS", [], True),
        ("CANCELED", ["r1-01 CANCELED"], True),
        ("FAILED", [], True),
        ("CANCELING", ["r1-01 SUCCESS"], False),
    ],
)
def test_success_is_seen_in_the_runs_and_failure_is_believed_late(
    status: str, states: list[str], *, is_over: bool
) -> None:
    """A failed run may still be retried; Dagster's own status lags behind the last run."""
    assert Backfill(status, runs(*states)).is_over(2) is is_over


def test_a_retry_stands_for_what_it_retries() -> None:
    """The newest run of a partition is the one that counts."""
    newest = Backfill("REQUESTED", runs("r1-01 STARTED", "r1-02 SUCCESS", "r1-01 FAILURE")).latest()
    assert {key: run.status for key, run in newest.items()} == {
        "r1-01": "STARTED",
        "r1-02": "SUCCESS",
    }


def test_no_webserver_is_one_sentence_with_three_ways_out() -> None:
    """Start one, name one, or load without one."""
    url = f"http://127.0.0.1:{free_port()}"
    webserver = Webserver(url)
    assert not webserver.is_up()
    with pytest.raises(ConfigError) as raised:
        webserver.launch("opportunities_in_core", ["r1-01"], {})
    for words in (url, "dc-assets dev", "DC_ASSETS_DAGSTER_URL", "dc-assets run --local"):
        assert words in str(raised.value)


def test_a_load_is_known_by_what_its_asset_says() -> None:
    """Whatever its key; the asset of others with a like name is none."""
    theirs = {"assetKey": {"path": ["opportunities_in_core"]}, "metadataEntries": [{"label": "x"}]}
    said = {"label": "dc_assets/load", "text": "opportunities"}
    ours = {"assetKey": {"path": ["eu", "o"]}, "metadataEntries": [{"label": "ranges"}, said]}
    [found] = loads_among([theirs, ours])
    assert (found.name, found.asset) == ("opportunities", "eu/o")
