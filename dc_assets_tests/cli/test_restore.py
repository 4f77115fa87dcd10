"""What a load with a snapshot overwrote is written back, and the org is as it was before."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker, short_folder
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.older_org import Records, older_org, records

pytestmark = pytest.mark.acceptance

ROWS, OLDER = 500, 300
"""Rows of the source, and how many of them the org has before the load: none of r1-03."""

DOS = "\r\n"


@dataclass
class Rolled:
    """An org before, after the load and after the restore, with what the commands said."""

    stage: Stage
    before: Records
    loaded: Records
    after: Records
    said: dict[str, Done]


def run(stage: Stage, *arguments: str) -> Done:
    """Run a command in this process."""
    return run_here(stage.environment, *arguments)


@pytest.fixture(scope="module")
def rolled() -> Generator[Rolled]:
    """Load over an older org with a snapshot, look at the restore, and do it."""
    with short_folder() as folder, ExitStack() as stack:
        stage = StageMaker(folder, stack.enter_context)(rows=ROWS, partitions=3)
        before = older_org(stage, OLDER)
        said = {"none": run(stage, "restore")}
        said["load"] = run(stage, "run", "--local", "--snapshot")
        loaded = records(stage)
        said["preview"] = run(stage, "restore")
        assert records(stage) == loaded
        said["restore"] = run(stage, "restore", "--confirm", "opportunities")
        after = records(stage)
        said |= {"status": run(stage, "status")}
        said["again"] = run(stage, "restore", "--confirm", "opportunities")
        said["asked"] = run(stage, "run", "--local")
        assert records(stage) == after
        yield Rolled(stage, before, loaded, after, said)


def test_the_org_is_as_before(rolled: Rolled) -> None:
    """Each record has its mapped fields again, as the org's own table says; DOS line ends are LF.

    Among them are nulls, odd texts, a record without a parent and one whose parent has no key.
    """
    assert rolled.said["load"].code == 0, rolled.said["load"]
    assert len(rolled.before) == OLDER
    assert [one for one, row in rolled.before.items() if rolled.loaded[one] == row] == []
    done = rolled.said["restore"]
    assert done.code == 0, done.out + done.err
    back = {key: list(row) for key, row in rolled.before.items()}
    ended = [one for row in back.values() for one in row if DOS in str(one)]
    for row in back.values():
        row[:] = [one.replace(DOS, "\n") if isinstance(one, str) else one for one in row]
    assert {key: rolled.after[key] for key in back} == back
    assert f"{len(ended)} values had line ends other than LF" in done.out


def test_a_restore_is_shown_before_it_is_done(rolled: Rolled) -> None:
    """How many records differ, and what a restore leaves."""
    shown = rolled.said["preview"]
    assert shown.code == 0, shown.err
    assert f"{OLDER} records of Opportunity would be written back; nothing was changed" in shown.out
    assert f"{ROWS - OLDER} records that the load created stay" in shown.out


def test_a_restored_snapshot_is_written_back_again_by_its_id_only(rolled: Rolled) -> None:
    """Otherwise one restore would undo another; named, its records are as they were."""
    again = rolled.said["again"]
    assert (again.code, "Every snapshot that holds records is restored" in again.out) == (0, True)
    load_id, *_, restored = again.out.splitlines()[1].split()
    assert (len(load_id), restored) == (12, "yes")
    named = run(rolled.stage, "restore", "--load", load_id)
    assert "nothing to write back" in named.out


def test_a_partition_without_records_to_save_says_so(rolled: Rolled) -> None:
    """All rows of r1-03 are new: no line reads as if its snapshot had failed."""
    said = rolled.said["load"].err
    assert said.count("nothing to save: the load overwrites no record") == 1
    assert ": 0 records" not in said


def test_a_load_is_not_proved_after_its_restore(rolled: Rolled) -> None:
    """The target is older than the source: status says that nobody has compared them since."""
    status = rolled.said["status"]
    assert status.code == 4
    assert "not checked: restored at 20" in status.out
    assert "--failed-only" not in status.out
    assert "To bring the source over again: dc-assets run opportunities --changed" in status.out


def test_a_run_after_a_restore_names_the_load_that_sent_the_rows(rolled: Rolled) -> None:
    """It sends nothing and asks the checks; the restore is no load that sent every row."""
    asked = rolled.said["asked"]
    assert asked.code == 4
    restored = json.loads(run(rolled.stage, "report", "--json").out)["load"]["load_id"]
    [line] = [one for one in asked.out.splitlines() if "Nothing is sent again" in one]
    assert "r1-01, r1-02, r1-03: every row was sent in load" in line
    assert restored[:8] not in line


def test_a_report_says_that_a_load_was_a_restore(rolled: Rolled) -> None:
    """It is not judged against a source that is newer."""
    told = run(rolled.stage, "report", "--json")
    verdict = json.loads(told.out)["verdict"]
    assert verdict["word"] == "RESTORED"
    assert "It is a restore" in verdict["reasons"][0]


def test_a_restore_ends_though_it_has_nothing_of_a_partition(rolled: Rolled) -> None:
    """What a load only created there is none of its business, and keeps nothing open."""
    assert "unfinished" not in rolled.said["status"].out
    assert "UTC  yes" in rolled.said["again"].out


def test_without_a_snapshot_there_is_nothing_to_restore(rolled: Rolled) -> None:
    """The sentence says how one is taken."""
    none = rolled.said["none"]
    assert none.code == 2
    assert "dc-assets run opportunities --snapshot" in none.err


def test_a_restore_that_is_not_as_it_was_asked_for_is_refused(rolled: Rolled) -> None:
    """Another name, a load without snapshot, a file that was altered: exit code 2, one sentence."""
    stage = rolled.stage
    for arguments, said in (
        (("--confirm", "opportunity"), "--confirm takes the load's name, opportunities"),
        (("--load", "zzz"), "no snapshot of a load whose id begins with 'zzz'"),
    ):
        done = run(stage, "restore", *arguments)
        assert done.code == 2
        assert said in done.err
    [file, *_] = sorted((stage.folder / "data" / "snapshots").glob("*/*/r1-*.parquet"))
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    try:
        load_id = file.parent.name
        altered = run(stage, "restore", "--load", load_id, "--confirm", "opportunities")
    finally:
        file.write_bytes(content)
    assert altered.code == 2
    assert f"The snapshot {file} is missing or was altered" in altered.err
    assert records(stage) == rolled.after
