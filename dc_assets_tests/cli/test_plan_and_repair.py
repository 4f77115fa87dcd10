"""`plan`, `--dry-run`, `reconcile`, `--missing` and `--changed`, told in order on one org."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dc_assets_tests.acceptance.stage import Done, Stage

pytestmark = pytest.mark.acceptance

LOST = "externalOpp0000007"
WRONG = "externalOpp0000050"


@dataclass
class Story:
    """What each command said, and how many jobs there were after it."""

    stage: Stage
    ends: dict[str, Done]
    jobs: dict[str, int]

    def does(self, step: str, *arguments: str) -> None:
        """Run one command and keep what it said."""
        self.ends[step] = self.stage.run(*arguments)
        self.jobs[step] = len(self.stage.org.ask("journal")["commits"])


@pytest.fixture(scope="module")
def story(stage: Stage) -> Story:
    """Look, load, meddle, find, repair."""
    told = Story(stage, {}, {})
    told.does("offline", "plan", "--offline")
    told.does("plan", "plan", "--json")
    told.does("dry run", "run", "--local", "--dry-run")
    told.does("load", "run", "--local")
    stage.org.sql(f'delete from "Opportunity" where "External_ID__c" = \'{LOST}\'')
    stage.org.sql(
        f'update "Opportunity" set "StageName" = \'Nope\' where "External_ID__c" = \'{WRONG}\''
    )
    told.does("found", "reconcile", "--json")
    told.does("missing", "run", "--local", "--missing", "--partitions", "r1-01")
    told.does("changed", "run", "--local", "--changed", "--partitions", "r1-02")
    told.does("mended", "reconcile")
    told.does("ranges", "plan", "--write-ranges", "3")
    return told


def test_an_offline_plan_checks_the_spec_alone(story: Story) -> None:
    """Columns and partitions are named, and nothing is asked."""
    done = story.ends["offline"]
    assert done.code == 0
    assert "The spec is valid: 7 columns, 2 partitions." in done.out


def test_a_plan_counts_rows_lanes_and_jobs(story: Story) -> None:
    """The figures of each partition are there for machines."""
    done = story.ends["plan"]
    assert done.code == 0
    figures = json.loads(done.out)
    assert figures["rows"] == 60
    assert {key: part["rows"] for key, part in figures["partitions"].items()} == {
        "r1-01": 30,
        "r1-02": 30,
    }
    assert figures["lanes"] >= figures["window"] > 0


def test_a_dry_run_writes_every_payload_and_opens_no_job(story: Story) -> None:
    """All rows of both partitions stand in CSV files; the org never heard of them."""
    assert story.ends["dry run"].code == 0, story.ends["dry run"].err
    assert story.jobs["dry run"] == 0
    data = Path(story.stage.environment["DC_ASSETS_DATA"])
    rows: list[str] = []
    for file in sorted((data / "dry-run" / "opportunities").glob("*/*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows += [line["External_ID__c"] for line in csv.DictReader(lines)]
    assert sorted(rows) == story.stage.ids


def test_reconcile_names_what_was_changed_and_the_repair(story: Story) -> None:
    """The lost row and the wrong value are errors with a command each; the refused rows warn."""
    done = story.ends["found"]
    assert done.code == 4
    errors = {
        (line["check"], line["partition_key"]): line
        for line in json.loads(done.out)
        if line["severity"] == "error"
    }
    assert LOST in errors["no_coverage_gaps", "r1-01"]["summary"]
    assert "--missing" in errors["no_coverage_gaps", "r1-01"]["repair"]
    wrong = errors["values_match", "r1-02"]
    assert wrong["table"][0]["External_ID__c"] == WRONG
    assert "--changed" in wrong["repair"]


def test_repairs_send_exactly_the_rows_that_differ(story: Story) -> None:
    """One row that was refused before is missing too and tried again; the changed one is alone."""
    stage = story.stage
    assert story.ends["changed"].code in {0, 3}
    commits = stage.org.ask("journal/keys", key=WRONG)["commits"]
    assert len(commits) == 2
    assert len(stage.org.ask("journal/keys", key=LOST)["commits"]) == 2
    assert set(stage.org.keys_of_two_jobs()) == {LOST, WRONG}
    assert story.ends["mended"].code == 3, story.ends["mended"].out
    assert "of the newest load of each partition alone: it chose 2 of 30 rows" in (
        story.ends["missing"].out
    )
    assert "it chose" not in story.ends["load"].out


def test_proposed_ranges_are_written_with_the_next_scheme(story: Story) -> None:
    """The spec has three partitions of twenty rows under new keys, and the rest of it is kept."""
    assert story.ends["ranges"].code == 0, story.ends["ranges"].err
    file = story.stage.folder / "loads" / "opportunities.yaml"
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert spec["partitions"] == {
        "scheme": 2,
        "upper_bounds": ["externalOpp0000020", "externalOpp0000040"],
    }
    refused = story.stage.run("run", "--local", "--partitions", "r1-01")
    assert refused.code == 2
    assert "older scheme" in refused.err
