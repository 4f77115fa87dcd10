"""A ledger is lost in the middle of a load, and put back from a back-up."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import (
    Stage,
    running_org,
    short_folder,
    spec_content,
    wait_until,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt, pytest.mark.timeout(1200)]

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
