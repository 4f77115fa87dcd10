"""A load that reads a database, from the first look to the deletion of a row that went away."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from dc_assets.core.run_events import unheard
from dc_assets.load.spec_files import read_spec
from dc_assets.wiring.sign_in import login_from_environment
from dc_assets.wiring.source_look import look_at_source
from dc_assets_tests.acceptance.stage import Done, Stage, spec_content
from dc_assets_tests.cli.in_process import environment_is, run_here
from dc_assets_tests.cli.test_cleanup import living
from dc_assets_tests.fakes.database_tables import DatabaseTable

pytestmark = pytest.mark.hunt

LOAD = "opportunities"
TABLE = "opps"
KEY = "ExternalId__c"


def with_database(stage: Stage) -> DatabaseTable:
    """Move the rows of the tenant into a SQLite file, and let the spec read them there."""
    content: dict[str, Any] = spec_content(stage.rows, stage.partitions)
    names = [column["source"] for column in content["columns"]]
    chosen = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in names)
    rows = stage.org.sql(f'SELECT {chosen} FROM "{content["source"]["object"]}"', "data_cloud")
    table = DatabaseTable(f"sqlite:///{stage.folder}/crm.db", TABLE, "NOCASE")
    table.holds(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    place = {"url": "$CRM_URL", "table": TABLE}
    kept = {name: content["source"][name] for name in ("key", "parent")}
    content["source"] = {"sql": place, **kept}
    content["refresh"] = {"deletes": "apply"}
    stage.write_spec(content)
    stage.environment |= {"CRM_URL": table.url, "DC_ASSETS_TIME_SCALE": "20"}
    return table


def run(stage: Stage, *arguments: str, code: int = 0) -> Done:
    """Run a command in this process."""
    done = run_here(stage.environment, *arguments)
    assert done.code == code, f"{arguments}: {done.out}{done.err}"
    return done


def changed(stage: Stage) -> list[str]:
    """Look at the database as a tick of the refresh does; return the partitions that changed."""
    with environment_is(stage.environment):
        spec = read_spec(stage.folder / "loads" / f"{LOAD}.yaml")
        seen = look_at_source(spec, login_from_environment(), unheard)
    return [key for key, state in seen.look.states.items() if state != seen.proved[key]]


def test_every_command_works_on_a_database(fresh: Stage) -> None:
    """Doctor, plan, run, the look of a refresh, reconcile, deletions; without the variable none."""
    table = with_database(fresh)
    assert "sqlite orders and tells apart" in run(fresh, "doctor", LOAD).out
    assert f"{TABLE} in $CRM_URL" in run(fresh, "plan", LOAD).out
    run(fresh, "run", LOAD, "--local")
    assert len(fresh.org.core_ids()) == fresh.rows
    run(fresh, "reconcile", LOAD)
    assert changed(fresh) == []
    first, other = fresh.ids[0], fresh.ids[-1]
    with table.begin() as connection:
        by_key = f'WHERE "{KEY}" ='
        connection.exec_driver_sql(f"UPDATE {TABLE} SET \"Name__c\" = 'New' {by_key} '{other}'")
        connection.exec_driver_sql(f"DELETE FROM {TABLE} {by_key} '{first}'")
    assert changed(fresh) == fresh.keys
    run(fresh, "run", LOAD, "--local", "--changed")
    [[name]] = fresh.org.sql(
        f"""SELECT "Name" FROM "Opportunity" WHERE "External_ID__c" = '{other}'"""
    )
    assert name == "New"
    run(fresh, "deletions", LOAD, "--confirm", LOAD)
    assert first not in living(fresh)
    run(fresh, "reconcile", LOAD)
    del fresh.environment["CRM_URL"]
    assert "CRM_URL is not set" in run(fresh, "plan", LOAD, code=2).err
