"""`deletions` shows what is gone from the source, and deletes only what was seen twice alike."""

from __future__ import annotations

import json
from collections.abc import Sequence

import dagster as dg
import polars as pl
import pytest

from dc_assets.orchestration.loads import build_load_defs
from dc_assets.orchestration.resources import SalesforceResource
from dc_assets.orchestration.sensors import notifier
from dc_assets_tests.acceptance.stage import Stage, spec_content
from dc_assets_tests.cli.test_cleanup import FOREIGN, living, plant
from dc_assets_tests.delivery.servers import HookServer, serving
from dc_assets_tests.orchestration.test_checks import own_settings, settings

pytestmark = pytest.mark.acceptance

SHOW = ("deletions", "opportunities")
CONFIRMED = (*SHOW, "--confirm", "opportunities")


def refreshed_by(stage: Stage, **refresh: object) -> None:
    """Replace the settings of the refresh; it needs no new load."""
    stage.write_spec({**spec_content(stage.rows, stage.partitions), "refresh": refresh})


def drop_from_source(stage: Stage, ids: Sequence[str]) -> None:
    """Delete rows of the source."""
    listed = ", ".join(f"'{one}'" for one in ids)
    stage.org.sql(
        f'DELETE FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" IN ({listed})',
        store="data_cloud",
    )


def test_gone_rows_are_deleted_when_they_were_seen_twice_and_confirmed(fresh: Stage) -> None:
    """Their rows are kept in a file; a record that nobody of us landed stays."""
    refreshed_by(fresh, deletes="apply", deletes_rows_max=5)
    assert fresh.run("run", "--local").code == 0
    plant(fresh, FOREIGN)
    gone = [fresh.ids[3], fresh.ids[70], fresh.ids[71]]
    drop_from_source(fresh, gone)
    first = fresh.run(*CONFIRMED)
    assert first.code == 4, first.err
    assert first.out.count("seen so for the first time") == 2
    assert len(living(fresh)) == 121
    shown = fresh.run(*SHOW)
    assert shown.code == 0
    assert "Nothing was deleted. To do it: dc-assets deletions opportunities --confirm" in shown.out
    assert len(living(fresh)) == 121
    done = fresh.run(*CONFIRMED)
    assert done.code == 0, done.out + done.err
    assert living(fresh) == sorted([FOREIGN, *(set(fresh.ids) - set(gone))])
    files = (fresh.folder / "data" / "deleted" / "opportunities").glob("*.parquet")
    kept = pl.concat([pl.read_parquet(file) for file in files]).sort("External_ID__c")
    assert kept.get_column("External_ID__c").to_list() == gone
    assert kept.get_column("Id").str.starts_with("006").all()
    assert kept.get_column("Name").null_count() == 0
    again = fresh.run(*CONFIRMED)
    assert again.code == 0
    assert again.out.count("nothing is gone from the source") == 2


def test_other_rows_at_the_second_look_are_the_first_look_of_them(fresh: Stage) -> None:
    """As many, but not the same."""
    refreshed_by(fresh, deletes="apply")
    assert fresh.run("run", "--local").code == 0
    row = 'SELECT * FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" ='
    fresh.org.sql(f"CREATE TABLE kept AS {row} '{fresh.ids[0]}'", store="data_cloud")
    drop_from_source(fresh, fresh.ids[:1])
    assert fresh.run(*SHOW).code == 0
    fresh.org.sql('INSERT INTO "ExtOpportunities__dlm" SELECT * FROM kept', store="data_cloud")
    drop_from_source(fresh, fresh.ids[1:2])
    done = fresh.run(*CONFIRMED)
    assert done.code == 4
    assert "seen so for the first time" in done.out
    assert len(living(fresh)) == 120


def alerts(stage: Stage) -> list[str]:
    """Let the notifier tick once, and return what it posted."""
    hook = HookServer()
    ours = dg.Definitions.merge(
        build_load_defs(stage.folder / "loads"),
        dg.Definitions(resources={"salesforce": SalesforceResource()}),
    )
    with (
        serving(hook),
        settings({**own_settings(stage), "DC_ASSETS_WEBHOOK_URL": hook.url}),
        dg.DagsterInstance.ephemeral() as instance,
    ):
        notifier(dg.build_sensor_context(instance=instance, definitions=ours))
    return [post.text for post in hook.posts]


def test_a_source_that_lost_half_its_rows_deletes_nothing_and_alerts(fresh: Stage) -> None:
    """However often it is seen so: it is an alarm, not a deletion, and the checks are red."""
    refreshed_by(fresh, deletes="apply")
    assert fresh.run("run", "--local").code == 0
    drop_from_source(fresh, fresh.ids[::2])
    for _ in range(3):
        done = fresh.run(*CONFIRMED)
        assert done.code == 4
        assert done.out.count("the source may be incomplete") == 2
    ran = fresh.run("run", "--local", "--changed")
    assert ran.code == 4
    assert "30 rows that we landed are gone from the source" in ran.out.replace("\n", " ")
    assert len(living(fresh)) == 120
    posted = alerts(fresh)
    assert [one for one in posted if "the source suddenly lacks 30 rows" in one], posted
    seen = json.loads(fresh.run(*SHOW, "--json").out)
    assert [one["seen"]["rows"] for one in seen] == [30, 30]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--confirm", "opportunities"), "The spec opportunities only reports deletions"),
        (("--confirm", "yes"), "--confirm takes the load's name, opportunities, not yes"),
    ],
)
def test_a_deletion_that_is_not_meant_is_refused(
    fresh: Stage, options: tuple[str, ...], sentence: str
) -> None:
    """One sentence, before anything is asked."""
    done = fresh.run(*SHOW, *options)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
