"""`run --local` and `status`: tables, JSON and exit codes of a real load, told in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage

pytestmark = pytest.mark.acceptance


@dataclass
class Story:
    """What was said at each step of two loads of one org."""

    stage: Stage
    ends: dict[str, Done]
    journals: dict[str, list[dict[str, Any]]]

    def does(self, step: str, *arguments: str) -> None:
        """Run one command and keep what it said."""
        self.ends[step] = self.stage.run(*arguments)
        self.journals[step] = self.stage.org.ask("journal")["commits"]


@pytest.fixture(scope="module")
def story(stage: Stage) -> Story:
    """Load one partition, then the other, then all again: each answer is kept."""
    told = Story(stage, {}, {})
    told.does("nothing yet", "status")
    told.does("first", "run", "--local", "--partitions", "r1-01")
    told.does("half", "status", "--json")
    told.does("second", "run", "--local", "--partitions", "r1-02")
    told.does("done", "status")
    told.does("done in JSON", "status", "--json")
    told.does("watched", "status", "--watch")
    told.does("again", "run", "--local", "--batch-rows-max", "20")
    return told


def test_status_of_a_load_that_was_not_begun_is_4(story: Story) -> None:
    """Every partition has its line, and all of them are pending."""
    done = story.ends["nothing yet"]
    assert done.code == 4
    assert [line.split()[0] for line in done.out.splitlines()[1:3]] == ["r1-01", "r1-02"]
    assert done.out.count("not begun") == 2


def test_status_of_half_a_load_is_4(story: Story) -> None:
    """What is done is counted, what is missing is not forgotten."""
    done = story.ends["half"]
    assert done.code == 4
    (only,) = json.loads(done.out)["partitions"]
    assert (only["partition_key"], only["phase"]) == ("r1-01", "checked")
    assert (only["selected"], only["landed"], only["refused"], only["pending"]) == (30, 29, 1, 0)


def test_status_of_a_done_load_with_refused_rows_is_3(story: Story) -> None:
    """The table names the refused rows with Salesforce's reason."""
    done = story.ends["done"]
    assert done.code == 3
    assert "Refused rows: 2" in done.out
    assert "REQUIRED_FIELD_MISSING: Required fields are missing: [Name]" in done.out


def test_status_speaks_to_machines(story: Story) -> None:
    """JSON has the numbers of the table."""
    done = story.ends["done in JSON"]
    assert done.code == 3
    said = json.loads(done.out)
    assert [p["landed"] for p in said["partitions"]] == [29, 29]
    assert [p["pending"] for p in said["partitions"]] == [0, 0]
    assert sum(said["refusals_by_code"].values()) == 2


def test_watching_a_done_load_ends_at_once(story: Story) -> None:
    """With the exit code of the load."""
    assert story.ends["watched"].code == 3


def test_a_local_run_prints_the_proof(story: Story) -> None:
    """Counts of both sides beside the ledger, the distribution, the checks, the refused row."""
    done = story.ends["first"]
    assert done.code == 3, done.err
    assert "row_count_matches: source 30, target 29: 1 refused, 0 unexplained" in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["r1-01", "30", "29", "29", "1", "0", "0"] in lines
    assert ["row_count_matches", "WARNING"] in lines
    assert ["stage_name_distribution_matches", "WARNING"] in lines
    assert "StageName" in done.out
    assert "Refused rows: 1" in done.out
    assert "externalOpp0000030" in done.out


def test_a_run_after_the_end_opens_a_new_load_and_updates(story: Story) -> None:
    """All rows are sent again, none is made twice, and the counts still match."""
    done = story.ends["again"]
    assert done.code == 3, done.err
    assert "source 60, target 58: 2 refused, 0 unexplained" in done.out
    before, after = story.journals["watched"], story.journals["again"]
    assert sum(c["created"] for c in before) == 58
    new = after[len(before) :]
    assert (sum(c["created"] for c in new), sum(c["updated"] for c in new)) == (0, 58)
    assert max(c["rows"] for c in new) <= 20
    assert len(story.stage.org.core_ids()) == 58


def test_a_load_without_refusals_is_0(story: Story) -> None:
    """All landed and proved: the exit code of `run` and of `status`."""
    stage = story.stage
    stage.org.sql(
        'DELETE FROM "ExtOpportunities__dlm" WHERE "Name__c" IS NULL '
        "OR \"AccountExternalId__c\" LIKE 'accUnknown%'",
        store="data_cloud",
    )
    done = stage.run("run", "--local")
    assert done.code == 0, done.out + done.err
    assert "0 refused, 0 unexplained" in done.out
    assert stage.run("status").code == 0
