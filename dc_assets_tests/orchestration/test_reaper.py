"""Runs whose process is gone are failed, and no other run is touched."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from pathlib import Path

import dagster as dg
import pytest

from dc_assets.definitions import defs
from dc_assets.ledger.database import Database
from dc_assets.ledger.owners import RunHeartbeats, current_owner
from dc_assets.orchestration.dead_run_monitor import is_of, reap
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import dead_owner

OURS = dg.AssetKey("things_in_core")
SPEC = small_spec()


@pytest.fixture
def heartbeats(tmp_path: Path) -> Generator[RunHeartbeats]:
    """Open the leases of an empty ledger."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield RunHeartbeats(database)
    database.close()


@pytest.fixture
def instance() -> Generator[dg.DagsterInstance]:
    """Open a Dagster instance in memory."""
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


def started(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> str:
    """Add a run that is STARTED on some assets, and return its id."""
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        run_id=str(uuid.uuid4()),
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset(assets),
    )
    return instance.add_run(run).run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    """Return how a run stands."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_is_gone_is_failed(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Dagster's own retries take it from there."""
    run_id = started(instance, OURS)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, is_of([SPEC])) == [run_id]
    assert status(instance, run_id) is dg.DagsterRunStatus.FAILURE
    assert reap(instance, heartbeats, is_of([SPEC])) == []


def test_a_silent_run_is_failed_after_its_lease(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Its process may be on a host that nobody can look into."""
    live, silent = started(instance, OURS), started(instance, OURS)
    heartbeats.heartbeat(current_owner(live), lease_s=60)
    heartbeats.heartbeat(current_owner(silent), lease_s=-1)
    assert reap(instance, heartbeats, is_of([SPEC])) == [silent]
    assert status(instance, live) is dg.DagsterRunStatus.STARTED


def test_a_run_that_has_not_beaten_yet_is_given_time(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Its process is still importing."""
    run_id = started(instance, OURS)
    assert reap(instance, heartbeats, is_of([SPEC])) == []
    assert status(instance, run_id) is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("assets", [[], [dg.AssetKey("others")], [OURS, dg.AssetKey("others")]])
def test_runs_of_others_are_not_touched(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, assets: list[dg.AssetKey]
) -> None:
    """The ledger knows nothing of their processes."""
    run_id = started(instance, *assets)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, is_of([SPEC])) == []


def test_a_refresh_is_known_by_its_job(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """A run of a job names no assets."""
    run = dg.DagsterRun(job_name="things_refresh", status=dg.DagsterRunStatus.STARTED)
    run_id = instance.add_run(run).run_id
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, is_of([SPEC])) == [run_id]


def test_the_reaper_runs_by_default() -> None:
    """Nobody has to remember to switch it on."""
    [sensor] = [s for s in defs.sensors or () if s.name == "reaper"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
