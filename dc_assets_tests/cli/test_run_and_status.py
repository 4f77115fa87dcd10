"""`run --local` and `status`: tables, JSON and exit codes of a real load, told in order."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage, spec_content

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
    told.does("jobs", "status", "--jobs", "--json")
    told.does("letters", "replay", "--list", "--json")
    told.does("checks", "reconcile", "--json")
    told.does("report", "report", "--json")
    told.does("again", "run", "--local", "--new-load", "--batch-rows-max", "20")
    content = spec_content(stage.rows, stage.partitions)
    stage.write_spec({**content, "columns": content["columns"][:-1]})
    told.does("edited", "status")
    stage.write_spec(content)
    told.does("put back", "status")
    return told


def test_status_says_of_which_spec_it_speaks(story: Story) -> None:
    """What is proved of the old spec says nothing of a column that was added since."""
    sentence = "The spec has changed since: what is shown of r1-01, r1-02 is of a load by the old"
    assert sentence in story.ends["edited"].out
    assert "spec has changed" not in story.ends["put back"].out


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


def test_org_checks_and_reports_tell_the_numbers_of_status(story: Story) -> None:
    """The rows of the org's jobs, the counts of the checks, the dead letters, the report."""
    said = {step: json.loads(story.ends[step].out) for step in ("jobs", "letters", "checks")}
    partitions = {
        p["partition_key"]: p for p in json.loads(story.ends["done in JSON"].out)["partitions"]
    }
    report = json.loads(story.ends["report"].out)
    for key, one in partitions.items():
        ours = [job["ours"] for job in said["jobs"]["jobs"] if job["ours"]]
        assert sum(job["rows"] for job in ours if job["partition"] == key) == one["selected"]
        assert sum(letter["partition_key"] == key for letter in said["letters"]) == one["refused"]
        [counted] = [
            check["values"][0]["counts"]
            for check in said["checks"]
            if (check["check"], check["partition_key"]) == ("row_count_matches", key)
        ]
        assert (counted["source_rows"], counted["target_rows"], counted["refused"]) == (
            *(one["selected"], one["landed"], one["refused"]),
        )
    for name in ("selected", "landed", "refused", "pending"):
        of_newest = [p for p in partitions.values() if p["load_id"] == report["load"]["load_id"]]
        assert report["totals"][name] == sum(p[name] for p in of_newest)


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
    done = stage.run("run", "--local", "--new-load")
    assert done.code == 0, done.out + done.err
    assert "0 refused, 0 unexplained" in done.out
    assert stage.run("status").code == 0
