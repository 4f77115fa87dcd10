"""Ledger and Dagster's storage are lost in the middle of a load, and put back from a back-up."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import (
    POSTGRES,
    Stage,
    running_org,
    short_folder,
    spec_content,
    wait_until,
)
from dc_assets_tests.conformance.postgres import (
    RestartablePostgres,
    drop_database,
    new_database,
    restartable_postgres,
)
from dc_assets_tests.hunts.kill9_crew import LedgerFile
from dc_assets_tests.hunts.kill9_dagster import ASSET, Scene

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt, pytest.mark.timeout(1500)]

ROWS, PARTITIONS = 120, 2


@pytest.fixture
def stage() -> Generator[Stage]:
    """Give a load of two partitions with several batches a lane."""
    with short_folder() as folder, running_org(folder, rows=ROWS) as org:
        made = Stage.set_up(folder, org, rows=ROWS, partitions=PARTITIONS)
        content = spec_content(ROWS, PARTITIONS)
        content["profile"] |= {"batch_rows_max": 10}
        made.write_spec(content)
        yield made


@contextmanager
def dagster_of(stage: Stage) -> Generator[Scene]:
    """Give a Dagster that is not started; nothing of it outlives the block."""
    scene = Scene(stage, LedgerFile(stage.write_home() / "none"))
    try:
        with scene.services:
            yield scene
    finally:
        scene.kill_all()


@pytest.mark.postgres
def test_a_backfill_goes_on_after_its_databases_were_put_back(stage: Stage) -> None:
    """Nobody helps, and nothing is sent twice: what was in flight is read from the org."""
    org = stage.org
    with restartable_postgres() as server:
        urls = {name: new_database(server.url, name) for name in ("ledger", "dagster")}
        stage.environment |= {"DC_ASSETS_LEDGER_URL": urls["ledger"], POSTGRES: urls["dagster"]}
        org.tell("hold", kind="results", when="before")
        with dagster_of(stage) as before:
            backfill_id = before.start_services().launch(ASSET, ["r1-01"], {})
            wait_until(lambda: org.waiting("results"), "results are held", within_s=600)
            for name, url in urls.items():
                file = stage.folder / f"{name}.dump"
                program(server, "pg_dump", "--format=custom", f"--file={file}", url)
            before.kill_all()
        org.tell("release")
        shutil.rmtree(stage.folder / "data")
        for name, url in urls.items():
            drop_database(server.url, name)
            new_database(server.url, name)
            file = str(stage.folder / f"{name}.dump")
            program(server, "pg_restore", "--exit-on-error", f"--dbname={url}", file)
        with dagster_of(stage) as after:
            webserver = after.start_services()
            wait_until(
                lambda: webserver.backfill(backfill_id).is_over(1),
                "the backfill ends",
                within_s=600,
            )
            runs = webserver.backfill(backfill_id).latest()
    assert {key: run.status for key, run in runs.items()} == {"r1-01": "SUCCESS"}
    assert org.core_ids() == stage.ids[:60]
    assert org.keys_of_two_jobs() == {}


def program(server: RestartablePostgres, name: str, *arguments: str) -> None:
    """Run a program of the server's own version."""
    words = [one.replace("postgresql+psycopg2:", "postgresql:") for one in arguments]
    subprocess.run([server.programs / name, *words], check=True)


def test_what_was_sent_after_the_back_up_is_sent_again(stage: Stage) -> None:
    """The load ends complete; jobs that nobody knows any more are aborted if they are open."""
    org, ledger = stage.org, stage.folder / "data" / "ledger.db"
    kill_at(stage, "results", "before")
    known = in_flight(stage)
    assert known
    copy(ledger, stage.folder / "copy.db")
    org.tell("release")
    assert stage.run("run", "--local", "--partitions", "r1-01").code == 0
    kill_at(stage, "upload", "after")
    org.tell("release")
    shutil.rmtree(stage.folder / "data")
    ledger.parent.mkdir()
    copy(stage.folder / "copy.db", ledger)
    done = stage.run("run", "--local")
    assert done.code == 0, done.out + done.err
    assert org.core_ids() == stage.ids
    assert {job["state"] for job in org.ask("jobs")["jobs"]} == {"JobComplete", "Aborted"}
    twice = org.keys_of_two_jobs()
    assert set(twice) == set(stage.ids[:60]) - known
    cleanup = stage.run("cleanup")
    assert f"{ROWS - len(twice)} records of Opportunity would be deleted" in cleanup.out


def kill_at(stage: Stage, kind: str, when: str) -> None:
    """Kill a run while the org holds its calls of a kind."""
    stage.org.tell("hold", kind=kind, when=when)
    with stage.started("run", "--local") as process:
        wait_until(lambda: stage.org.waiting(kind), f"a {kind} call is held")
        process.kill()
        process.wait()


def in_flight(stage: Stage) -> set[str]:
    """Return the external ids that the org has committed, none of which was read back."""
    assert stage.ask_ledger("SELECT 1 FROM receipt") == []
    return set(stage.org.core_ids())


def copy(source: Path, target: Path) -> None:
    """Copy a ledger as `sqlite3 … .backup` does."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
