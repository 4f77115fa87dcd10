"""A load that only updates creates nothing, and names the rows that the org has no record of."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import yaml

from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker, short_folder, wait_until
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.older_org import Records, change, older_org, records

pytestmark = pytest.mark.acceptance

ROWS, OLDER = 500, 300
"""Rows of the source, and how many of them the org has before the load: none of r1-03."""

SHOUTED, DELETED = 10, 12
"""The row whose record has its key in upper case, and the one whose record somebody deletes."""


@dataclass
class Updated:
    """An org before and after, with what the commands said."""

    stage: Stage
    before: Records
    after: Records
    said: dict[str, Done]


@pytest.fixture(scope="module")
def updated() -> Generator[Updated]:
    """Plan, try and run a load that updates, over an older org; then undo, and clean up."""
    with short_folder() as folder, ExitStack() as stack:
        stage = StageMaker(folder, stack.enter_context)(rows=ROWS, partitions=3)
        older_org(stage, OLDER)
        shouted = stage.ids[SHOUTED]
        change(stage, SHOUTED, External_ID__c=f"'{shouted.upper()}'")
        before = records(stage)
        file = stage.folder / "loads" / "opportunities.yaml"
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        content["target"]["operation"] = "update"
        content["limits"] = {"refused_share_max": 1.0}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")

        def run(*arguments: str) -> Done:
            return run_here(stage.environment, *arguments)

        said = {"plan": run("plan"), "dry": run("run", "--local", "--dry-run")}
        said["run"] = run("run", "--local", "--snapshot")
        after = records(stage)
        said |= {"missing": run("run", "--local", "--missing"), "replay": run("replay")}
        said["cleanup"] = run("cleanup")
        assert records(stage) == after
        said["restore"] = run("restore", "--confirm", "opportunities")
        stage.org.sql(f"""UPDATE "Opportunity" SET "External_ID__c" = '{shouted}'
            WHERE "External_ID__c" = '{shouted.upper()}'""")
        stage.org.tell("profile", Opportunity={"read_only": ["External_ID__c"]})
        with ThreadPoolExecutor(1) as other:
            deleted = other.submit(_delete_while_a_job_is_made, stage)
            said["again"] = run("run", "--local", "--new-load")
            deleted.result()
        said["list"] = run("replay", "--list")
        yield Updated(stage, before, after, said)


def _delete_while_a_job_is_made(stage: Stage) -> None:
    """Delete a record after the load has looked for it, and before it sends the row."""
    key = stage.ids[DELETED]
    [[record]] = stage.org.sql(
        f"""SELECT "Id" FROM "Opportunity" WHERE "External_ID__c" = '{key}'"""
    )
    stage.org.tell("hold", kind="create", when="before")
    wait_until(lambda: stage.org.waiting("create"), "a job is about to be made")
    with stage.org.rest() as rest:
        assert rest.delete(f"/sobjects/Opportunity/{record}").status_code == 204
    stage.org.tell("release")


def test_no_record_is_created(updated: Updated) -> None:
    """Every record of before has new values, and there is no other."""
    assert updated.after.keys() == updated.before.keys()
    assert [one for one, row in updated.before.items() if updated.after[one] == row] == []


def test_rows_without_a_record_are_refused_by_name(updated: Updated) -> None:
    """They are dead letters, explained in every check, and the plan counts them before."""
    done = updated.said["run"]
    assert done.code == 3, done.out + done.err
    assert f"{ROWS - OLDER} refused, 0 unexplained" in done.out
    assert f"{ROWS - OLDER} rows would be refused for External_ID__c (NOT_FOUND)" in " ".join(
        updated.said["plan"].out.split()
    )
    assert "167 rows cannot be sent: NOT_FOUND" in updated.said["dry"].out


def test_a_record_is_found_whatever_the_case_of_its_key(updated: Updated) -> None:
    """An org without case has one record for both, which then has the key of the source."""
    key = updated.stage.ids[SHOUTED]
    [found] = [one for one, row in updated.before.items() if row[1] == key.upper() != key]
    assert updated.after[found][1] == key


def test_a_record_that_goes_meanwhile_is_a_refusal_of_the_org(updated: Updated) -> None:
    """The org refuses the row, nothing is unexplained, and keys need not be writable."""
    again = updated.said["again"]
    assert again.code == 3, again.out + again.err
    assert f"{ROWS - OLDER + 1} refused, 0 unexplained" in again.out
    assert "ENTITY_IS_DELETED" in updated.said["list"].out


@pytest.mark.parametrize("command", ["missing", "replay"])
def test_other_modes_create_nothing_either(updated: Updated, command: str) -> None:
    """The same rows are refused again, or nothing is sent."""
    assert updated.said[command].code == 3, updated.said[command]


def test_cleanup_has_nothing_to_delete(updated: Updated) -> None:
    """The receipts say of no record that the load created it."""
    assert updated.said["cleanup"].code == 0, updated.said["cleanup"]
    assert "No record that opportunities created" in updated.said["cleanup"].out


def test_an_update_can_be_taken_back(updated: Updated) -> None:
    """Its snapshot is written back like one of an upsert."""
    assert updated.said["restore"].code == 0, updated.said["restore"]
