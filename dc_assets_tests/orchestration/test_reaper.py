"""Runs whose process is gone are failed, and no other run is touched."""

import uuid
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from dc_assets.definitions import defs
from dc_assets.ledger.database import Database
from dc_assets.ledger.heartbeats import LastHeartbeat, RunHeartbeats
from dc_assets.ledger.owners import Owner, current_owner
from dc_assets.ledger.tables import range_state
from dc_assets.orchestration.dead_run_monitor import Watch, reap, watch_of
from dc_assets.orchestration.our_runs import OurRuns, executes_its_own_steps
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets_tests.cli.in_process import environment_is
from dc_assets_tests.fakes.begun_runs import EXECUTES_ELSEWHERE, begun, definitions_around
from dc_assets_tests.fakes.ledgers import lay_ledger
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.fakes.world import dead_owner
from dc_assets_tests.fakes.written_loads import WrittenLoad, write_load

OURS = dg.AssetKey("things_in_core")
SPEC = small_spec()
AROUND = definitions_around(SPEC)
NIGHTLY = AROUND.resolve_job_def("nightly")


@pytest.fixture
def heartbeats(tmp_path: Path) -> Generator[RunHeartbeats]:
    """Open the leases of an empty ledger."""
    database = Database(lay_ledger(tmp_path / "ledger.db"))
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


def watched(instance: dg.DagsterInstance, run_id: str) -> Watch | None:
    """Return what heartbeats a run of ours owes now."""
    [record] = instance.get_run_records(dg.RunsFilter(run_ids=[run_id]))
    content = OurRuns(instance, [PlacedLoad(SPEC)]).content(record.dagster_run)
    assert content is not None
    return watch_of(instance, record, content)


def no_wait(_: float) -> None:
    """Look again at once."""


def test_a_run_that_beats_between_two_looks_is_left_alone(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """After an absence of the ledger all heartbeats are old, and live runs beat first of all."""
    run_id = begun(instance, NIGHTLY, at_work=SPEC.asset_name)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=-1)

    def beats_meanwhile(_: float) -> None:
        heartbeats.heartbeat(current_owner(run_id), lease_s=60)

    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=beats_meanwhile) == []
    assert status(instance, run_id) is dg.DagsterRunStatus.STARTED


def test_a_run_whose_process_is_gone_is_failed(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Dagster's own retries take it from there; a second monitor finds nothing left to do."""
    run_id = begun(instance, NIGHTLY, at_work=SPEC.asset_name)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == [run_id]
    assert status(instance, run_id) is dg.DagsterRunStatus.FAILURE
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []


def test_a_silent_run_is_failed_after_its_lease(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Its process may be on a host that nobody can look into."""
    live, silent = (begun(instance, NIGHTLY, at_work=SPEC.asset_name) for _ in range(2))
    heartbeats.heartbeat(current_owner(live), lease_s=60)
    heartbeats.heartbeat(current_owner(silent), lease_s=-1)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == [silent]
    assert status(instance, live) is dg.DagsterRunStatus.STARTED


def test_a_run_that_has_not_beaten_yet_is_given_time(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Its process is still importing."""
    run_id = started(instance, OURS)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []
    assert status(instance, run_id) is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("at_work", ["upstream", SPEC.asset_name, "downstream"])
def test_a_dead_run_of_anybody_is_failed_wherever_it_stood(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, at_work: str
) -> None:
    """A user's own job over our asset and theirs: its process beats from its first to its last."""
    run_id = begun(instance, NIGHTLY, at_work=at_work)
    heartbeats.heartbeat(current_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []
    heartbeats.heartbeat(current_owner(run_id), lease_s=-1)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == [run_id]


def hold(ledger: Path, owner: Owner) -> None:
    """Let a run hold an unfinished partition."""
    with closing(Database(f"sqlite:///{ledger}")) as database:
        write_load(database, SPEC, "00D000000000001", WrittenLoad("l1", jobs=1))
        held = range_state.update().where(range_state.c.partition_key == "r1-01")
        with database.begin() as connection:
            connection.execute(held.values(owner=owner.as_text(), open_as="things/r1-01"))


def test_a_dead_run_is_failed_although_its_spec_is_gone_or_broken_by_now(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, tmp_path: Path
) -> None:
    """The ledger knows that it holds a partition; else it would keep its place in the pool."""
    run_id, theirs = (begun(instance, NIGHTLY, at_work=SPEC.asset_name) for _ in range(2))
    for one in (run_id, theirs):
        heartbeats.heartbeat(dead_owner(one), lease_s=60)
    hold(tmp_path / "ledger.db", dead_owner(run_id))
    assert reap(instance, heartbeats, [], sleep=no_wait) == [run_id]
    assert status(instance, theirs) is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("assets", [[], [dg.AssetKey("others")]])
def test_runs_of_others_are_not_touched(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, assets: list[dg.AssetKey]
) -> None:
    """The ledger knows nothing of their processes."""
    run_id = started(instance, *assets)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []


@pytest.mark.parametrize("job", ["theirs", "their_check"])
def test_jobs_of_others_are_not_touched(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, job: str
) -> None:
    """Neither over their assets, nor for a check of their own on our asset."""
    run_id = begun(instance, AROUND.resolve_job_def(job))
    heartbeats.heartbeat(dead_owner(run_id), lease_s=60)
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []


@pytest.mark.parametrize(
    ("at_work", "ended"),
    [("upstream", []), ("downstream", ["upstream", SPEC.asset_name]), ("", ["upstream"])],
)
def test_the_part_of_others_is_not_judged_where_each_step_has_a_process(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, at_work: str, ended: list[str]
) -> None:
    """Our step's process has ended there, or has not begun, and a step of others beats for nobody.

    However long it takes.
    """
    run_id = begun(instance, NIGHTLY, executor=EXECUTES_ELSEWHERE, ended=ended, at_work=at_work)
    heartbeats.heartbeat(dead_owner(run_id), lease_s=-1)
    assert watched(instance, run_id) is None
    assert reap(instance, heartbeats, [PlacedLoad(SPEC)], sleep=no_wait) == []


def test_our_part_is_judged_by_silence_where_each_step_has_a_process() -> None:
    """A gone process may be the one of the step before; a step that began is given its lease."""
    gone, silent = LastHeartbeat(is_silent=False, is_gone=True), LastHeartbeat(True, False)
    watch = Watch(since_s=1_000.0, is_of_run=False)
    assert not watch.is_dead(gone, now_s=1_500.0)
    assert not watch.is_dead(silent, now_s=1_119.0)
    assert watch.is_dead(silent, now_s=1_121.0)
    assert not watch.is_dead(None, now_s=1_239.0)
    assert watch.is_dead(None, now_s=1_241.0)


def test_a_dead_step_of_ours_is_noticed_where_each_step_has_a_process(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats
) -> None:
    """Its run is watched from the moment at which the step began."""
    run_id = begun(instance, NIGHTLY, executor=EXECUTES_ELSEWHERE, at_work=SPEC.asset_name)
    watch = watched(instance, run_id)
    assert watch is not None
    assert not watch.is_of_run
    assert watch.since_s == pytest.approx(heartbeats.now_s(), abs=60)


def test_dagster_says_which_runs_execute_their_own_steps(instance: dg.DagsterInstance) -> None:
    """An update of Dagster that says it otherwise is seen here."""
    result = NIGHTLY.execute_in_process(instance=instance, partition_key="r1-01")
    assert executes_its_own_steps(instance, result.run_id)
    elsewhere = begun(instance, NIGHTLY, executor=EXECUTES_ELSEWHERE)
    assert not executes_its_own_steps(instance, elsewhere)


def test_the_process_of_a_run_beats_while_steps_of_others_work(
    instance: dg.DagsterInstance, heartbeats: RunHeartbeats, tmp_path: Path
) -> None:
    """Our resource is there from the first step to the last, and beats at once."""
    heard: list[str] = []

    @dg.asset
    def first(context: dg.AssetExecutionContext) -> None:
        heard.extend(heartbeats.last([context.run.run_id]))

    @dg.asset(deps=[first])
    def ours(salesforce: SalesforceResource) -> None: ...

    with environment_is({"DC_ASSETS_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}):
        login = SalesforceResource(login_url="http://127.0.0.1:1", client_id="i", client_secret="s")
        result = dg.materialize([first, ours], instance=instance, resources={"salesforce": login})
    assert heard == [result.run_id]


def test_the_reaper_runs_by_default() -> None:
    """Nobody has to remember to switch it on."""
    [sensor] = [s for s in defs.sensors or () if s.name == "reaper"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
