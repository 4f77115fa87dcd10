"""A load over 5,000 records and its restore, killed in many places: the org is as it was before."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import ExitStack, closing

import pytest

from dc_assets_tests.acceptance.stage import Stage, StageMaker, short_folder, wait_until
from dc_assets_tests.older_org import Records, older_org, records

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt, pytest.mark.timeout(1_800)]

ROWS, OLDER = 5_400, 5_000
LOAD = ("run", "--local", "--snapshot", "--batch-rows-max", "300")
RESTORE = ("restore", "--confirm", "opportunities")
PLACES = [
    ("bulk_query", "before"),
    ("bulk_query", "after"),
    ("create", "after"),
    ("upload", "after"),
    ("close", "after"),
    ("poll", "before"),
    ("results", "before"),
]
"""Calls of the org at which a run is killed, in this order: each run goes on with the last one."""


@pytest.fixture
def stage() -> Generator[Stage]:
    """An org with room for the calls of many runs."""
    with short_folder() as folder, ExitStack() as stack:
        yield StageMaker(folder, stack.enter_context)(rows=ROWS, partitions=3)


def kill_at(stage: Stage, kind: str, when: str, command: tuple[str, ...]) -> None:
    """Kill a command while the org holds one of its calls; one that ends before is fine."""
    stage.org.tell("hold", kind=kind, when=when)
    with stage.started(*command) as process:
        wait_until(lambda: stage.org.waiting(kind) or process.poll() is not None, f"{kind} is held")
        assert process.poll() is None, f"{command} ended before a {kind}"
        process.kill()
        process.wait()
    stage.org.tell("release")


def snapshots(stage: Stage) -> dict[str, str]:
    """Return the digest of each partition's snapshot whose rows may have been sent."""
    query = """SELECT snapshot.partition_key, sha256 FROM snapshot JOIN range_state
        ON range_state.load_id = snapshot.load_id
        AND range_state.partition_key = snapshot.partition_key
        WHERE range_state.phase <> 'reading'"""
    with closing(sqlite3.connect(stage.folder / "data" / "ledger.db")) as connection:
        return dict(connection.execute(query).fetchall())


def lf(rows: Records) -> Records:
    """Return records with line ends of LF, the only ones that a bulk job carries."""
    return {
        key: [one.replace("\r\n", "\n") if isinstance(one, str) else one for one in row]
        for key, row in rows.items()
    }


def test_a_killed_load_and_its_killed_restore_leave_the_org_as_before(stage: Stage) -> None:
    """No snapshot changes once rows may have been sent; the table of the org itself is compared.

    Between two restores a run of the load brings home what a killed restore left in flight.
    """
    before = older_org(stage, OLDER)
    seen: dict[str, str] = {}
    for kind, when in [*PLACES, ("bulk_query", "before")]:
        kill_at(stage, kind, when, LOAD)
        found = snapshots(stage)
        assert {key: found[key] for key in seen} == seen
        seen = found
    done = stage.run(*LOAD, within_s=600)
    assert done.code == 0, done.out + done.err
    loaded = records(stage)
    assert [key for key, row in before.items() if loaded[key] == row] == []
    for kind, when in PLACES:
        kill_at(stage, kind, when, RESTORE)
    kill_at(stage, "poll", "before", RESTORE)
    between = stage.run("run", "--local", "--changed", "--snapshot", within_s=600)
    assert between.code == 0, between.out + between.err
    newest = stage.run(*RESTORE, within_s=600)
    assert newest.code == 0, newest.out + newest.err
    again = stage.run(*RESTORE, within_s=600)
    assert again.code == 0, again.out + again.err
    after = records(stage)
    assert {key: after[key] for key in before} == lf(before)
    cleaned = stage.run("cleanup", "--confirm", "opportunities")
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert records(stage) == lf(before)
