"""Failed runs of a real Dagster instance become notifications: one each, and of the right kind."""

import time
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster_shared.error import SerializableErrorInfo

from dc_assets.core.errors import BreakerOpened, BudgetReached, ConfigError, DcError, LimitReached
from dc_assets.core.events import Event
from dc_assets.core.spec import LoadSpec
from dc_assets.core.verdicts import CheckOutcome, Severity
from dc_assets.definitions import defs
from dc_assets.ledger.check_results import CheckResultStore
from dc_assets.ledger.database import Database
from dc_assets.ledger.outbox import Outbox
from dc_assets.orchestration.assets import LoadConfig, partitions_of
from dc_assets.orchestration.failed_runs import OVERLAP_S, will_retry
from dc_assets.orchestration.failures import in_one_sentence, kind_of
from dc_assets.orchestration.notifications import collect
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.refresh import refresh_of
from dc_assets_tests.fakes.begun_runs import begun, definitions_around
from dc_assets_tests.fakes.ledgers import lay_ledger
from dc_assets_tests.fakes.specs import small_spec

SPEC = small_spec()
KEY = "r1-01"
OURS = frozenset({dg.AssetKey(SPEC.asset_name)})
GONE = "dc_assets: the process of this run is gone."
AUDIT = frozenset({dg.AssetKey(f"{SPEC.name}_audit")})


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    """An empty ledger."""
    opened = Database(lay_ledger(tmp_path / "ledger.db"))
    yield opened
    opened.close()


@pytest.fixture
def instance() -> Generator[dg.DagsterInstance]:
    """A Dagster instance that starts lost runs again, as the one of `dc-assets home` does."""
    retries = {"enabled": True, "max_retries": 2, "retry_on_asset_or_op_failure": False}
    with dg.DagsterInstance.ephemeral(settings={"run_retries": retries}) as opened:
        yield opened


def failed(
    instance: dg.DagsterInstance, error: Exception, mode: str = "full", job_name: str = ""
) -> str:
    """Run a load that fails, through Dagster or a job of it; return the id of its run."""

    @dg.asset(name=SPEC.asset_name, partitions_def=partitions_of(SPEC))
    def asset(config: LoadConfig) -> None:  # noqa: ARG001 - Dagster looks at it
        with in_one_sentence():
            raise error

    jobs = [dg.define_asset_job(job_name, selection=[asset])] if job_name else []
    definitions = dg.Definitions(assets=[asset], jobs=jobs)
    job = definitions.resolve_job_def(job_name or "__ASSET_JOB")
    result = job.execute_in_process(
        asset_selection=None if job_name else list(OURS),
        partition_key=KEY,
        instance=instance,
        run_config=dg.RunConfig(ops={SPEC.asset_name: LoadConfig.model_validate({"mode": mode})}),
        raise_on_error=False,
    )
    assert not result.success
    return result.run_id


def added(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.FAILURE,
    assets: frozenset[dg.AssetKey] = OURS,
    tags: Mapping[str, str] | None = None,
) -> dg.RunRecord:
    """Add a run to the instance without running it."""
    run = dg.DagsterRun(
        job_name="__ASSET_JOB",
        run_id=str(uuid.uuid4()),
        status=status,
        asset_selection=assets,
        tags=tags,
    )
    record = instance.get_run_record_by_id(instance.add_run(run).run_id)
    assert record is not None
    return record


def noticed(instance: dg.DagsterInstance, database: Database) -> list[Event]:
    """Look for events once; return all notifications that there are."""
    collect(instance, database, [PlacedLoad(SPEC)], None)
    return list(Outbox(database).undelivered("mail"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BreakerOpened("No more rows are sent."), "breaker"),
        (BudgetReached("950 calls are left."), "budget"),
        (LimitReached("The org is over a limit."), "budget"),
        (ConfigError("SF_LOGIN_URL is not set."), "failed"),
    ],
)
def test_a_failed_run_is_one_notice_of_its_kind(
    instance: dg.DagsterInstance, database: Database, error: DcError, kind: str
) -> None:
    """It says our sentence and the command that resumes, however often one looks."""
    run_id = failed(instance, error, mode="changed")
    noticed(instance, database)
    [notice] = noticed(instance, database)
    assert (notice.key, notice.kind, kind_of(error)) == (f"failed:{run_id}", kind, kind)
    assert notice.facts["sentence"] == str(error)
    assert notice.facts["partition"] == KEY
    assert notice.facts["command"] == f"dc-assets run things --changed --partitions {KEY}"
    assert notice.facts["selected"] is None


@pytest.mark.parametrize("job_name", [refresh_of(PlacedLoad(SPEC))[0].name, "a_job_of_others"])
def test_a_failed_run_of_a_job_is_told_of(
    instance: dg.DagsterInstance, database: Database, job_name: str
) -> None:
    """Whosever job it is: runs of a job do not say what they work on, their log does."""
    failed(instance, ConfigError("ours"), mode="changed", job_name=job_name)
    [notice] = noticed(instance, database)
    assert notice.facts["sentence"] == "ours"
    assert notice.facts["command"] == f"dc-assets run things --changed --partitions {KEY}"


@pytest.mark.parametrize(
    ("came_to", "sentences"),
    [
        ({"at_work": SPEC.asset_name, "ended": ["upstream"]}, [GONE]),
        ({"at_work": "upstream"}, [GONE]),
        ({"at_work": "downstream", "ended": ["upstream", SPEC.asset_name]}, []),
        ({"failed": "upstream"}, []),
        ({"failed": "downstream", "ended": ["upstream", SPEC.asset_name]}, []),
        ({"failed": "upstream", "at_work": SPEC.asset_name}, [GONE]),
    ],
)
def test_of_a_run_of_others_our_part_alone_is_told_of(
    instance: dg.DagsterInstance,
    database: Database,
    came_to: Mapping[str, Any],
    sentences: list[str],
) -> None:
    """What failed in theirs is theirs to tell; a dead process is told of if ours was not done."""
    run_id = begun(instance, definitions_around(SPEC).resolve_job_def("nightly"), **came_to)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run, GONE)
    instance.add_run_tags(run_id, {"dagster/will_retry": "false"})
    noticed(instance, database)
    assert [one.facts["sentence"] for one in noticed(instance, database)] == sentences


def test_a_run_over_two_loads_is_told_of_for_each_that_failed(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """Their sentences differ, and so do the commands that resume; both are at work till then."""

    def failing(spec: LoadSpec) -> dg.AssetsDefinition:
        @dg.asset(name=spec.asset_name)
        def asset() -> None:
            with in_one_sentence():
                raise ConfigError(f"the cause of {spec.name}")

        return asset

    specs = [small_spec(name=name) for name in ("apples", "pears", "plums")]
    dg.materialize(
        [*map(failing, specs[:2]), dg.AssetSpec(specs[2].asset_name)],
        instance=instance,
        raise_on_error=False,
    )
    collect(instance, database, [PlacedLoad(one) for one in specs], None)
    collect(instance, database, [PlacedLoad(one) for one in specs], None)
    told = Outbox(database).undelivered("mail")
    assert sorted(one.facts["command"] for one in told) == [
        "dc-assets run apples",
        "dc-assets run pears",
    ]


def test_an_error_that_is_none_of_ours_is_named_and_not_quoted(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """Its text may hold values of rows; Dagster's page of the run has it."""
    failed(instance, ValueError("planted value of a row"))
    [notice] = noticed(instance, database)
    assert notice.facts["sentence"] == (
        "An error that is none of ours ended the run: ValueError. Its page shows it."
    )


def test_a_run_whose_process_died_says_what_dagster_knows(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """No step said anything; the retries are used up."""
    run = added(instance, dg.DagsterRunStatus.STARTED, AUDIT).dagster_run
    instance.report_run_failed(run, GONE)
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
    [notice] = noticed(instance, database)
    assert notice.facts["sentence"] == GONE
    assert notice.facts["command"] == "dc-assets reconcile things"


def test_a_run_that_never_began_says_what_kept_it_from_it(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """The run itself says only that it was marked as failed; what the engine met says why."""
    run = added(instance, dg.DagsterRunStatus.STARTING, AUDIT).dagster_run
    why = SerializableErrorInfo("CheckError: no class\nCeleryRunLauncher\n", [], "CheckError")
    instance.report_engine_event("Caught an error", run, EngineEventData.engine_error(why))
    instance.report_run_failed(run)
    instance.add_run_tags(run.run_id, {"dagster/will_retry": "false"})
    [notice] = noticed(instance, database)
    assert notice.facts["sentence"] == "CheckError: no class CeleryRunLauncher"


def test_a_run_that_a_check_failed_is_told_of_as_a_gap(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """Not twice: what the check found says more than that the run failed."""
    run_id = failed(instance, ConfigError("a blocking check"))
    gap = CheckOutcome("no_coverage_gaps", KEY, Severity.ERROR, "3 missing", 3)
    store = CheckResultStore(database, SPEC.name, "00D")
    store.keep(KEY, [gap], run_id=run_id, needed=("all",), asked_at=store.now_s())
    [notice] = noticed(instance, database)
    assert notice.kind == "coverage_gap"


def test_a_run_that_is_started_again_is_not_told_of(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """Neither while it waits for that nor afterwards; nor a run of others, nor one that lives."""
    promised = added(instance, tags={"dagster/will_retry": "true"}).dagster_run
    assert noticed(instance, database) == []
    instance.add_run_tags(promised.run_id, {"dagster/auto_retry_run_id": str(uuid.uuid4())})
    added(instance)  # Dagster has not said yet whether it will retry it
    added(instance, assets=frozenset({dg.AssetKey("others")}))
    added(instance, dg.DagsterRunStatus.STARTED)
    added(instance, dg.DagsterRunStatus.CANCELED)
    assert noticed(instance, database) == []


@pytest.mark.parametrize(
    ("tags", "after_s", "verdict"),
    [
        ({}, 59, None),
        ({}, 61, False),
        ({"dagster/will_retry": "false"}, 0, False),
        ({"dagster/will_retry": "true"}, 599, None),
        ({"dagster/will_retry": "true"}, 601, False),
        ({"dagster/will_retry": "true", "dagster/auto_retry_run_id": "1"}, 601, True),
        ({"dagster/will_retry": "false"}, 73 * 3_600, True),
    ],
)
def test_a_promise_to_retry_is_believed_for_ten_minutes(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    after_s: float,
    verdict: bool | None,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A backfill that ended meanwhile breaks it, and then the run failed for good."""
    record = added(instance, tags=tags)
    now_s = record.update_timestamp.timestamp() + after_s
    assert will_retry(record, now_s, asks_for_tag=True) is verdict


def test_the_next_look_begins_before_the_first_run_that_is_undecided(
    instance: dg.DagsterInstance, database: Database
) -> None:
    """A younger one that is told of meanwhile does not hide it."""
    old, _ = collect(instance, database, [PlacedLoad(SPEC)], None)[1], added(instance)
    undecided = collect(instance, database, [PlacedLoad(SPEC)], None)[1]
    assert undecided == pytest.approx(old, abs=60)
    decided = added(instance, tags={"dagster/will_retry": "false"})
    count, after = collect(instance, database, [PlacedLoad(SPEC)], None)
    assert (count, after) == (1, pytest.approx(old, abs=60))
    instance.delete_run(
        next(run.run_id for run in instance.get_runs() if run.run_id != decided.dagster_run.run_id)
    )
    count, after = collect(instance, database, [PlacedLoad(SPEC)], after)
    assert count == 0
    assert after == decided.update_timestamp.timestamp() - OVERLAP_S
    later = added(instance, tags={"dagster/will_retry": "false"})
    assert collect(instance, database, [PlacedLoad(SPEC)], after)[0] == 1
    assert later.update_timestamp.timestamp() <= time.time()


def test_the_notifier_runs_by_default() -> None:
    """Nobody has to remember to switch it on."""
    [sensor] = [s for s in defs.sensors or () if s.name == "notifier"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == 30
