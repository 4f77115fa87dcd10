"""`run --failed-only` and what `status` says of the checks, told in order on one org."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

LOST, CHANGED, PLANTED = "externalOpp0000007", "externalOpp0000050", "externalOpp0000100x"
FAILED_ONLY = ("run", "opportunities", "--local", "--failed-only")


@dataclass
class Story:
    """What each command said, and the keys that were sent by it."""

    stage: Stage
    ends: dict[str, Done] = field(default_factory=dict[str, Done])
    sent: dict[str, int] = field(default_factory=dict[str, int])

    def does(self, step: str, *arguments: str) -> None:
        """Run one command; keep what it said and how many rows it sent."""
        before = self._rows_sent()
        self.ends[step] = self.stage.run(*arguments)
        self.sent[step] = self._rows_sent() - before

    def _rows_sent(self) -> int:
        return sum(job["rows_processed"] for job in self.stage.org.ask("jobs")["jobs"])

    def json(self, step: str) -> dict[str, Any]:
        """Return what a step said to machines."""
        return json.loads(self.ends[step].out)


def plant(stage: Stage, key: str) -> None:
    """Put a record into Core that nobody loaded."""
    stage.org.sql(
        'INSERT INTO "Opportunity" ("Id", "IsDeleted", "Name", "External_ID__c", "CreatedDate", '
        "\"LastModifiedDate\", \"SystemModstamp\") VALUES ('006Ov0000009999AAA', false, 'Planted', "
        f"'{key}', now(), now(), now())"
    )


def remove(stage: Stage, key: str) -> None:
    """Take a record out of Core."""
    stage.org.sql(f'DELETE FROM "Opportunity" WHERE "External_ID__c" = \'{key}\'')


@pytest.fixture(scope="module")
def story(module_stage: StageMaker) -> Story:
    """Load three partitions, damage two of them, fix them; then one that no load can fix."""
    stage = module_stage(rows=120, partitions=3)
    told = Story(stage)
    told.does("nothing yet", "run", "opportunities", "--local", "--failed-only", "--dry-run")
    told.does("load", "run", "--local")
    told.does("good", *FAILED_ONLY)
    remove(stage, LOST)
    stage.org.sql(
        f'UPDATE "Opportunity" SET "StageName" = \'Nope\' WHERE "External_ID__c" = \'{CHANGED}\''
    )
    told.does("unseen", "status")
    told.does("reconcile", "reconcile")
    told.does("failed", "status")
    told.does("failed in JSON", "status", "--json")
    told.does("only the second", *FAILED_ONLY, "--partitions", "r1-02,r1-03")
    told.does("the rest", *FAILED_ONLY)
    plant(stage, PLANTED)
    told.does("found", "reconcile", "--partitions", "r1-03")
    told.does("no load fixes it", *FAILED_ONLY)
    remove(stage, PLANTED)
    told.does("the operator fixes it", *FAILED_ONLY)
    told.does("named", "run", "--local", "--partitions", "r1-01")
    told.does("after it", "status")
    told.does("nothing left", *FAILED_ONLY)
    return told


def test_before_any_load_every_partition_is_due(story: Story) -> None:
    """It composes with a dry run."""
    done = story.ends["nothing yet"]
    assert done.code == 0, done.err
    assert done.out.count(": it was never loaded") == 3
    assert done.out.count(": 40 rows,") == 3


def test_when_nothing_failed_nothing_is_launched(story: Story) -> None:
    """It says so, and that is no error."""
    assert story.ends["load"].code == 0, story.ends["load"].out
    done = story.ends["good"]
    assert (done.code, story.sent["good"]) == (0, 0)
    assert done.out == "Nothing failed: every partition is done, and its checks agree.\n"


def test_status_knows_what_the_checks_said_and_no_more(story: Story) -> None:
    """Damage is seen when a check has looked; then the exit code is 4."""
    assert story.ends["unseen"].code == 0
    assert "r1-01, r1-02, r1-03: proved" in story.ends["unseen"].out
    assert story.ends["reconcile"].code == 4
    done = story.ends["failed"]
    assert done.code == 4
    assert "r1-03: proved" in done.out
    assert "r1-01: not proved: row_count_matches, " in done.out
    assert "r1-01: no_coverage_gaps failed: 1 missing" in done.out
    assert "  repair: dc-assets run opportunities --missing --partitions r1-01" in done.out
    assert "r1-02: values_match failed: 1 of 40 compared rows differ" in done.out
    assert "dc-assets run opportunities --failed-only" in done.out


def test_status_tells_machines_what_failed(story: Story) -> None:
    """With the sentence, the command and the moment."""
    checks = story.json("failed in JSON")["checks"]
    assert [checks[key]["proved"] for key in ("r1-01", "r1-02", "r1-03")] == [False, False, True]
    assert checks["r1-02"]["verdict"].endswith("values_match")
    failed = {one["check"]: one for one in checks["r1-01"]["failed"]}
    assert LOST in failed["no_coverage_gaps"]["summary"]
    assert "--missing" in failed["no_coverage_gaps"]["repair"]
    assert failed["no_coverage_gaps"]["checked_at"] > 1_700_000_000
    assert checks["r1-01"]["never_checked"] == []
    assert checks["r1-01"]["not_checked_since_newest_load"] == []


def test_exactly_the_rows_that_differ_are_sent(story: Story) -> None:
    """Of the named partitions first, then of all; the reason of each is printed."""
    second = story.ends["only the second"]
    assert (second.code, story.sent["only the second"]) == (0, 1), second.out
    assert "r1-02: values_match failed" in second.out
    assert "r1-01" not in second.out
    rest = story.ends["the rest"]
    assert (rest.code, story.sent["the rest"]) == (0, 1), rest.out
    assert "r1-01: no_coverage_gaps failed: 1 missing" in rest.out
    assert story.stage.org.keys_of_two_jobs().keys() >= {LOST, CHANGED}


def test_what_no_load_mends_stays_failed_until_somebody_mends_it(story: Story) -> None:
    """Nothing is sent for a planted record; when it is gone the checks run again and agree."""
    assert story.ends["found"].code == 4
    stuck = story.ends["no load fixes it"]
    assert (stuck.code, story.sent["no load fixes it"]) == (4, 0), stuck.out
    assert PLANTED in stuck.out
    mended = story.ends["the operator fixes it"]
    assert (mended.code, story.sent["the operator fixes it"]) == (0, 0), mended.out
    assert "r1-03: no_coverage_gaps failed: 0 missing, 1 extra" in mended.out


def test_a_load_of_a_named_partition_leaves_nothing_for_the_others(story: Story) -> None:
    """It is about that partition alone, and ends with it."""
    assert (story.ends["named"].code, story.sent["named"]) == (0, 40)
    assert story.ends["after it"].code == 0
    assert "unfinished" not in story.ends["after it"].out
    done = story.ends["nothing left"]
    assert (done.code, story.sent["nothing left"]) == (0, 0), done.out
    assert done.out.startswith("Nothing failed")
