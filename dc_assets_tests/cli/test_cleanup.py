"""`cleanup` deletes what our loads created, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dc_assets_tests.acceptance.stage import Stage, wait_until

pytestmark = pytest.mark.acceptance

CONFIRMED = ("cleanup", "opportunities", "--confirm", "opportunities")
FOREIGN = "of-somebody-else"


def living(stage: Stage) -> list[str]:
    """Return the external ids of records that are not in the recycle bin."""
    query = 'SELECT "External_ID__c" FROM "Opportunity" WHERE NOT "IsDeleted" ORDER BY 1'
    return [row[0] for row in stage.org.sql(query)]


@contextmanager
def ledger(stage: Stage) -> Generator[sqlite3.Connection]:
    """Open the ledger file by hand."""
    with closing(sqlite3.connect(stage.folder / "data" / "ledger.db")) as connection:
        yield connection
        connection.commit()


def plant(stage: Stage, external_id: str) -> None:
    """Make an opportunity in the org that no load of ours created."""
    with stage.org.rest() as rest:
        body = {"object": "Opportunity", "operation": "insert", "contentType": "CSV"}
        job = rest.post("/jobs/ingest", json=body).json()["id"]
        rows = f"External_ID__c,Name,StageName,CloseDate\n{external_id},X,Prospecting,2026-01-01\n"
        headers = {"Content-Type": "text/csv"}
        rest.put(f"/jobs/ingest/{job}/batches", content=rows.encode(), headers=headers)
        rest.patch(f"/jobs/ingest/{job}", json={"state": "UploadComplete"})
    wait_until(lambda: external_id in living(stage), "the foreign record is there")


def loads_with_receipts(stage: Stage) -> int:
    """Count the loads that have receipts."""
    with ledger(stage) as connection:
        return connection.execute("SELECT count(DISTINCT load_id) FROM receipt").fetchone()[0]


def as_version_8(stage: Stage) -> list[Path]:
    """Bring the ledger to the version whose receipts were files, and return these."""
    files: list[Path] = []
    with ledger(stage) as connection:
        for batch_id, load_id, content, sha256 in connection.execute("SELECT * FROM receipt"):
            file = stage.folder / "data" / "receipts" / load_id / f"{batch_id}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            files.append(file)
            named = "UPDATE batch SET receipt_path = ?, receipt_sha256 = ? WHERE batch_id = ?"
            connection.execute(named, [str(file), sha256, batch_id])
        connection.execute("DROP TABLE receipt")
        connection.execute("UPDATE ledger_version SET version = 8")
    return files


def test_only_created_records_go_and_only_when_confirmed(fresh: Stage) -> None:
    """A foreign record and one that we only updated stay; a second cleanup does nothing."""
    updated = fresh.ids[3]
    plant(fresh, FOREIGN)
    plant(fresh, updated)
    assert fresh.run("run", "--local").code == 4  # the foreign record is unexplained
    shown = fresh.run("cleanup", SF_LOGIN_URL=None)
    assert shown.code == 0, shown.err
    assert "119 records of Opportunity would be deleted; nothing was changed" in shown.out
    assert len(living(fresh)) == 121
    done = fresh.run(*CONFIRMED)
    assert done.code == 0, done.out + done.err
    assert "119 records of Opportunity are gone." in done.out
    assert living(fresh) == sorted([updated, FOREIGN])
    status = fresh.run("status")
    assert status.code == 4
    assert "not checked: 60 records deleted by cleanup" in status.out
    assert "--failed-only" not in status.out
    created = fresh.org.calls("create")
    again = fresh.run(*CONFIRMED)
    assert again.code == 0, again.err
    assert "No record that opportunities created is left" in again.out
    assert fresh.org.calls("create") == created


def test_records_deleted_before_count_as_gone(fresh: Stage) -> None:
    """A cleanup that was killed between the org's work and our note is done again."""
    assert fresh.run("run", "--local").code == 0
    fresh.org.tell("hold", kind="poll", when="before")
    with fresh.started(*CONFIRMED) as process:
        wait_until(lambda: not living(fresh) and fresh.org.waiting("poll"), "the org is done")
        process.kill()
        process.wait()
    fresh.org.tell("release")
    done = fresh.run(*CONFIRMED)
    assert done.code == 0, done.out + done.err
    assert "120 records of Opportunity are gone." in done.out
    assert "No record" in fresh.run("cleanup").out


def test_an_altered_or_missing_receipt_is_not_believed(fresh: Stage) -> None:
    """Its records stay, the others go, and the exit code is 4."""
    assert fresh.run("run", "--local", "--batch-rows-max", "10").code == 0
    with ledger(fresh) as connection:
        ids = connection.execute("SELECT batch_id FROM receipt ORDER BY 1 LIMIT 2").fetchall()
        (altered,), (missing,) = ids
        flipped = "UPDATE receipt SET content = x'50415231' WHERE batch_id = ?"
        connection.execute(flipped, [altered])
        connection.execute("DELETE FROM receipt WHERE batch_id = ?", [missing])
    done = fresh.run(*CONFIRMED)
    assert done.code == 4, done.out + done.err
    assert f"receipt of batch {altered[:8]} in the ledger was altered" in done.out
    assert f"receipt of batch {missing[:8]} is not in the ledger" in done.out
    assert 0 < len(living(fresh)) <= 20


def test_files_of_an_older_version_that_were_moved_are_not_taken_for_none(fresh: Stage) -> None:
    """Nothing is said to be left to delete when it is only not known; a link finds them again."""
    assert fresh.run("run", "--local", "--partitions", "r1-01", "--batch-rows-max", "5").code == 0
    there, away = fresh.folder / "data" / "receipts", fresh.folder / "moved"
    count = len(as_version_8(fresh))
    there.rename(away)
    shown = fresh.run("cleanup").out
    assert f"And {count - 5} more like it." in shown
    assert f"is not known: {count} receipts cannot be read" in shown
    assert "No record" not in shown
    there.symlink_to(away)
    assert "60 records of Opportunity would be deleted" in fresh.run("cleanup").out


def test_nothing_is_deleted_under_a_run(fresh: Stage) -> None:
    """Neither while it lives nor while a batch that it left is in flight."""
    assert fresh.run("run", "--local", "--partitions", "r1-01").code == 0
    fresh.org.tell("hold", kind="results", when="before")
    with fresh.started("run", "--local") as process:
        wait_until(lambda: fresh.org.waiting("results"), "a job is in flight")
        under = fresh.run(*CONFIRMED)
        process.kill()
        process.wait()
    fresh.org.tell("release")
    left = fresh.run(*CONFIRMED)
    assert (under.code, left.code) == (2, 2)
    assert "is working on r1-02" in under.err
    assert "in flight" in left.err
    status = fresh.run("status").out
    assert "sending, interrupted" in status
    assert "Interrupted: r1-02. Resume with: dc-assets run opportunities\n" in status
    assert set(fresh.ids[:60]) <= set(living(fresh))


def test_old_loads_go_and_those_that_checks_need_stay(fresh: Stage) -> None:
    """The newest full load of a partition stays however old it is; leftovers of nobody go too."""
    for again in ((), ("--new-load",)):
        assert fresh.run("run", "--local", *again).code == 0
    data = fresh.folder / "data"
    (data / "spool" / "of-no-load").mkdir(parents=True)
    (data / "audit" / "opportunities" / "scratch-999999999-aa").mkdir(parents=True)
    with ledger(fresh) as connection:
        connection.execute("UPDATE load SET finished_at = finished_at - 8640000")
    young = fresh.run("cleanup", "--older-than", "200")
    assert "Nothing is older" in young.out
    shown = fresh.run("cleanup", "--older-than", "0")
    assert "1 loads and 2 leftover folders would be removed; nothing was changed" in shown.out
    assert loads_with_receipts(fresh) == 2
    done = fresh.run("cleanup", "--older-than", "0", "--confirm", "opportunities")
    assert done.code == 0, done.err
    assert "Removed 1 loads and 2 leftover folders." in done.out
    assert loads_with_receipts(fresh) == 1
    assert not (data / "spool" / "of-no-load").exists()
    with ledger(fresh) as connection:
        assert connection.execute("SELECT count(*) FROM load").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM range_state").fetchone() == (2,)
    assert fresh.run("status").code == 0
    assert fresh.run("reconcile").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--confirm", "opportunity"), "--confirm takes the load's name, opportunities"),
        (("--load", "zzz"), "no load whose id begins with 'zzz'"),
        (("--load", "a", "--older-than", "3"), "--load goes without --older-than"),
        (("--older-than", "-1"), "--older-than"),
    ],
)
def test_bad_input_is_one_sentence(stage: Stage, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2 and no traceback."""
    done = stage.run("cleanup", *arguments)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
