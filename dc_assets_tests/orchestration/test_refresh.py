"""The ticks of a refresh and the runs that they request, in one process, on an emulated org."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from dc_assets.core.errors import ConfigError
from dc_assets.core.spec import LoadSpec
from dc_assets.load.spec_files import read_spec
from dc_assets.orchestration.lineage import ROWS as ROWS_TOLD
from dc_assets.orchestration.loads import build_load_defs
from dc_assets.orchestration.placing import PlacedLoad
from dc_assets.orchestration.refresh import REFRESH_TAG, refresh_of
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets_tests.acceptance.stage import (
    Stage,
    StageMaker,
    short_folder,
    spec_content,
    wait_until,
)
from dc_assets_tests.acceptance.test_kill import kill_in_mid_run
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.orchestration.test_checks import own_settings, salesforce_of, settings

pytestmark = pytest.mark.acceptance

ROWS, PARTITIONS = 60, 3
REFRESH = "eu__opportunities_refresh"
SOURCE = dg.AssetKey(["datacloud", "ExtOpportunities__dlm"])
LOAD = dg.AssetKey(["eu", "opportunities_in_core"])
MODIFIED = {"modified": "LastModifiedDate__c", "retry_after_s": 1}
FINGERPRINTS: dict[str, object] = {"retry_after_s": 1}
LATER = "TIMESTAMPTZ '2026-11-01 00:00:00+00'"


def definitions_of(spec: LoadSpec, salesforce: SalesforceResource) -> dg.Definitions:
    """Return what Dagster knows of a spec in a project that has its own names for things."""
    own = dg.Definitions(resources={"crm": salesforce}, executor=dg.in_process_executor)
    return dg.Definitions.merge(build_load_defs([spec], resource_key="crm", key_prefix=["eu"]), own)


@dataclass
class Day:
    """A stage whose partitions are loaded and proved, and Dagster's memory of its runs."""

    stage: Stage
    instance: dg.DagsterInstance
    cursor: str | None = None

    def refresh(self, **changed: object) -> None:
        """Replace the settings of the refresh."""
        self.stage.write_spec({**spec_content(ROWS, PARTITIONS), "refresh": changed})

    def load(self) -> None:
        """Load all partitions in full."""
        done = self.stage.run("run", "--local", "--new-load")
        assert done.code == 0, done.out + done.err

    def definitions(self) -> dg.Definitions:
        """Return what Dagster knows of the spec as it is now."""
        spec = read_spec(self.stage.folder / "loads" / "opportunities.yaml")
        return definitions_of(spec, salesforce_of(self.stage))

    def tick(self) -> tuple[list[dg.RunRequest], str]:
        """Evaluate the sensor once; return its requests, and why there are none."""
        defs = self.definitions()
        sensor = defs.get_repository_def().get_sensor_def("eu__opportunities_changes")
        with (
            settings(own_settings(self.stage)),
            dg.build_sensor_context(
                instance=self.instance,
                cursor=self.cursor,
                resources={"crm": salesforce_of(self.stage)},
                definitions=defs,
            ) as context,
        ):
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        for event in data.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(data.run_requests or ()), data.skip_message or ""

    def requested(self) -> list[str]:
        """Return the partitions that a tick requests."""
        return [str(one.partition_key) for one in self.tick()[0]]

    def run(self, request: dg.RunRequest) -> bool:
        """Do what a daemon does with a request."""
        job = self.definitions().get_repository_def().get_job(REFRESH)
        with settings(own_settings(self.stage)):
            return job.execute_in_process(
                run_config=request.run_config,
                partition_key=request.partition_key,
                tags=request.tags,
                instance=self.instance,
                raise_on_error=False,
            ).success

    def rows_told(self, key: dg.AssetKey) -> object:
        """Return how many rows an asset has, as Dagster was told last; None if it was not."""
        event = self.instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        told = event.asset_materialization.metadata.get(ROWS_TOLD)
        return None if told is None else told.value

    def change(self, ids: list[str], assignments: str) -> None:
        """Change rows of the source."""
        listed = ", ".join(f"'{one}'" for one in ids)
        self.stage.org.sql(
            f'UPDATE "ExtOpportunities__dlm" SET {assignments} WHERE "ExternalId__c" IN ({listed})',
            store="data_cloud",
        )

    def rows_sent(self) -> int:
        """Count the rows of all jobs so far."""
        return sum(job["rows_processed"] for job in self.stage.org.ask("jobs")["jobs"])


@pytest.fixture
def day() -> Generator[Day]:
    """A loaded org, with the modification column named."""
    with short_folder() as folder, ExitStack() as stack:
        stage = StageMaker(folder, stack.enter_context)(rows=ROWS, partitions=PARTITIONS)
        made = Day(stage, stack.enter_context(dg.DagsterInstance.ephemeral()))
        made.refresh(**MODIFIED)
        made.load()
        yield made


@pytest.mark.parametrize("refresh", [MODIFIED, FINGERPRINTS], ids=["modified", "fingerprints"])
def test_only_changed_rows_of_changed_partitions_are_sent(
    day: Day, refresh: Mapping[str, Any]
) -> None:
    """A changed row and a new one: two runs, two rows, and the next tick finds nothing."""
    if refresh != MODIFIED:
        day.refresh(**refresh)
        day.load()
    assert day.requested() == []
    day.change([day.stage.ids[30]], f'"Name__c" = \'Other\', "LastModifiedDate__c" = {LATER}')
    day.stage.org.sql(
        "INSERT INTO \"ExtOpportunities__dlm\" SELECT * REPLACE ('externalOpp0000099' AS "
        f'"ExternalId__c", {LATER} AS "LastModifiedDate__c") FROM "ExtOpportunities__dlm" LIMIT 1',
        store="data_cloud",
    )
    requests, _ = day.tick()
    assert [one.partition_key for one in requests] == ["r1-02", "r1-03"]
    assert day.rows_told(SOURCE) == ROWS + 1
    before = day.rows_sent()
    assert [day.run(request) for request in requests] == [True, True]
    assert day.rows_sent() - before == 2
    assert day.rows_told(LOAD) is None
    assert "externalOpp0000099" in day.stage.org.core_ids()
    requests, said = day.tick()
    assert requests == []
    assert "rows scanned, nothing is to be brought over" in said


def test_a_change_that_shows_up_late_is_seen_within_the_overlap(day: Day) -> None:
    """Its time is older than the newest one that was proved, so only the count tells."""
    [[oldest, newest]] = day.stage.org.sql(
        'SELECT min_by("ExternalId__c", "LastModifiedDate__c"), '
        'max("LastModifiedDate__c")::VARCHAR '
        f'FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" <= \'{day.stage.ids[19]}\'',
        store="data_cloud",
    )
    late = f"\"LastModifiedDate__c\" = TIMESTAMPTZ '{newest}' - INTERVAL"
    day.change([oldest], f"{late} '2 hours'")
    assert day.requested() == []
    day.change([oldest], f"{late} '59 minutes'")
    assert day.requested() == ["r1-01"]


def test_a_refresh_that_did_not_prove_its_range_is_requested_again(day: Day) -> None:
    """As another attempt, after a wait; while its run is running it is not."""
    day.change([day.stage.ids[0]], f'"LastModifiedDate__c" = {LATER}')
    [first], _ = day.tick()
    assert str(first.run_key).endswith(":1")
    run = day.instance.add_run(
        dg.DagsterRun(
            job_name=REFRESH,
            tags={REFRESH_TAG: first.tags[REFRESH_TAG]},
            status=dg.DagsterRunStatus.STARTED,
        )
    )
    assert "r1-01 is being loaded" in day.tick()[1]
    day.instance.report_run_failed(run, "planted")
    day.refresh(**{**MODIFIED, "retry_after_s": 3600})
    assert "did not agree after 1 runs" in day.tick()[1]
    day.refresh(**MODIFIED)
    wait_until(lambda: day.requested() == ["r1-01"], "it is requested again")
    [again], _ = day.tick()
    assert str(again.run_key).endswith(":2")


def test_a_range_that_was_never_proved_is_left_to_the_operator(day: Day) -> None:
    """Its first load is no refresh; the tick says so."""
    day.stage.org.sql('DELETE FROM "Opportunity" WHERE "External_ID__c" = \'externalOpp0000001\'')
    day.stage.write_spec(
        {
            **spec_content(ROWS, PARTITIONS),
            "partitions": {"scheme": 2, "upper_bounds": ["externalOpp0000030"]},
        }
    )
    requests, said = day.tick()
    assert requests == []
    assert "r2-01 never agreed with its source: load it first" in said


def test_an_order_to_stop_holds_for_a_refresh_too(day: Day) -> None:
    """Neither a tick nor a run that was requested before begins anything."""
    day.change([day.stage.ids[0]], f'"LastModifiedDate__c" = {LATER}')
    [request], _ = day.tick()
    day.stage.org.sql('DELETE FROM "Opportunity" WHERE "External_ID__c" = \'externalOpp0000001\'')
    kill_in_mid_run(day.stage, "results", "before", "--missing")
    assert day.stage.run("stop").code == 0
    before = day.stage.org.calls("create")
    assert "was stopped by an operator" in day.tick()[1]
    assert not day.run(request)
    assert day.stage.org.calls("create") == before


def test_the_schedule_compares_every_partition() -> None:
    """At its time, in its zone, in the mode that sends what differs."""
    spec = small_spec(partitions={"scheme": 1, "upper_bounds": ["g"]}, time_zone="Europe/Vienna")
    repository = definitions_of(spec, SalesforceResource()).get_repository_def()
    schedule = repository.get_schedule_def("eu__things_daily")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Vienna")
    with dg.DagsterInstance.ephemeral() as instance:
        tick = schedule.evaluate_tick(
            dg.build_schedule_context(
                instance=instance,
                scheduled_execution_time=datetime(2026, 11, 25, 2, tzinfo=UTC),
                repository_def=repository,
            )
        )
    requests = tick.run_requests or []
    assert [one.partition_key for one in requests] == ["r1-01", "r1-02"]
    config: dict[str, Any] = {**requests[0].run_config}
    assert config["ops"]["eu__things_in_core"]["config"]["mode"] == "changed"


def test_a_cron_line_that_is_none_is_refused() -> None:
    """With the setting, and what to write instead."""
    with pytest.raises(ConfigError, match=r"refresh.cron of the spec things: '0 0 31 2 \*'"):
        refresh_of(PlacedLoad(small_spec(refresh={"cron": "0 0 31 2 *"})))


def test_sensor_and_schedule_wait_to_be_switched_on() -> None:
    """Starting the services never writes to an org."""
    _, sensor, schedule = refresh_of(PlacedLoad(small_spec()))
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(("modified", "every_s"), [("Changed__c", 900), (None, 86_400)])
def test_a_source_without_times_is_looked_at_once_a_day(modified: str | None, every_s: int) -> None:
    """A fingerprint reads all its rows."""
    _, sensor, _ = refresh_of(PlacedLoad(small_spec(refresh={"modified": modified})))
    assert sensor.minimum_interval_seconds == every_s
