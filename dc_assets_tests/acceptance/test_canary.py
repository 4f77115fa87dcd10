"""`run --canary` of whole processes: under a bar, fixed, killed, resumed, the rest sent."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from dc_assets_tests.acceptance.stage import (
    Done,
    Stage,
    StageMaker,
    short_folder,
    spec_content,
    wait_until,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

ROWS, BAD_ROWS = 1_000, 50
STAGES = "100:90,300,600:100"
CANARY = ("run", "--canary", STAGES, "--batch-rows-max", "40")
AGAIN = f"dc-assets run opportunities --canary {STAGES} --batch-rows-max 40"


@dataclass
class Story:
    """What each command said, and what the org had landed after it."""

    stage: Stage
    ends: dict[str, Done] = field(default_factory=dict[str, Done])
    landed: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    twice: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])

    def does(self, step: str, *arguments: str) -> None:
        """Run one command and look at the org."""
        self.ends[step] = self.stage.run(*arguments)
        self.looks(step)

    def looks(self, step: str) -> None:
        """Keep what the org has."""
        self.landed[step] = self.stage.org.core_ids()
        self.twice[step] = self.stage.org.keys_of_two_jobs()

    def is_killed_in_stage(self, number: int, *arguments: str) -> None:
        """Kill a canary while the org holds the answer to one of its closes in a stage."""
        org, log = self.stage.org, self.stage.folder / "started.log"
        before = f"Stage {number - 1} of"
        with self.stage.started(*arguments) as process:
            wait_until(lambda: log.exists() and before in log.read_text("utf-8"), before)
            org.tell("hold", kind="close", when="after")
            wait_until(lambda: org.waiting("close"), "a close is held")
            process.kill()
            process.wait()
        org.tell("release")


def sample(rows: int) -> list[str]:
    """Return the ids of a sample: the first half of it from each of the two partitions."""
    firsts = (1, ROWS // 2 + 1)
    return [f"externalOpp{first + n:07d}" for first in firsts for n in range(rows // 2)]


@pytest.fixture(scope="module")
def story() -> Generator[Story]:
    """Five percent of the rows are bad, which the second stage does not bear; then they are not."""
    with short_folder() as folder, ExitStack() as stack:
        stage = StageMaker(folder, stack.enter_context)(rows=ROWS, bad_rows=BAD_ROWS)
        told = Story(stage)
        spec = spec_content(ROWS, 2)
        stage.write_spec({**spec, "limits": {"api_calls_reserve": 1_000_000_000}})
        told.does("on the reserve", *CANARY)
        stage.write_spec(spec)
        told.does("under its bar", *CANARY)
        told.does("status", "status")
        stage.org.sql(
            """UPDATE "ExtOpportunities__dlm" SET "Name__c" = 'fixed',
            "AccountExternalId__c" = 'acc0000001' WHERE "Name__c" IS NULL
            OR length("Name__c") > 120 OR "AccountExternalId__c" LIKE 'accUnknown%'""",
            store="data_cloud",
        )
        told.is_killed_in_stage(3, *CANARY)
        told.does("continued", *CANARY)
        told.does("the rest", "run", "--local", "--missing")
        told.does("whole", "run", "--canary", "10,5000,6000")
        yield told


def test_a_stage_under_its_bar_stops_the_canary(story: Story) -> None:
    """Exit 5 with the stage, the share, the refusals with reasons, and what to do."""
    done = story.ends["under its bar"]
    assert done.code == 5, done.out + done.err
    for line in (
        "Stage 1 of 3: 96 of 100 rows landed (96.00 %, bar 90 %), 4 refused; 100 sent",
        "Stage 2 of 3: 286 of 300 rows landed (95.33 %, bar 99 %), 14 refused; 200 sent",
        "Stage 2 of 3 is under its bar: 95.33 % of its rows landed, and its bar is 99 %.",
    ):
        assert line in done.out
    assert "Stage 3" not in done.out
    assert "Refused rows: 14" in done.out
    assert re.search(r"r1-01  externalOpp0000020  REQUIRED_FIELD_MISSING: \w+", done.out)
    assert f"give the same command again: {AGAIN}\n" in done.out
    assert "dc-assets replay opportunities --list" in done.out


def test_a_budget_stops_a_stage_with_its_sentence(story: Story) -> None:
    """Exit 5; what continues is the canary and not the whole load."""
    done = story.ends["on the reserve"]
    assert done.code == 5, done.out + done.err
    assert "Stage 1 of 3: The org has" in done.err
    assert f"Run `{AGAIN}` to resume" in done.err
    assert story.landed["on the reserve"] == []


def test_nothing_behind_the_sample_was_sent(story: Story) -> None:
    """The good rows of the first two stages are in Core, each sent by one job."""
    bad = {f"externalOpp{n:07d}" for n in range(20, ROWS + 1, ROWS // BAD_ROWS)}
    assert story.landed["under its bar"] == [one for one in sample(300) if one not in bad]
    assert story.twice["under its bar"] == {}


def test_status_does_not_take_a_sample_for_a_partition(story: Story) -> None:
    """Its line says so, no check has spoken, and the exit code is that of pending rows."""
    done = story.ends["status"]
    assert done.code == 4
    assert done.out.count("canary: only a sample is sent") == 2
    assert "passed" not in done.out


def test_a_killed_canary_goes_on(story: Story) -> None:
    """The fixed rows are sent, the landed ones are not, and the last stage reaches its bar."""
    done = story.ends["continued"]
    assert done.code == 0, done.out + done.err
    assert "Stage 3 of 3: 600 of 600 rows landed (100.00 %, bar 100 %), 0 refused" in done.out
    assert "The rest: 400 rows." in done.out
    assert "dc-assets run opportunities --batch-rows-max 40 --missing\n" in done.out
    assert story.landed["continued"] == sample(600)
    assert story.twice["continued"] == {}


def test_missing_sends_only_the_rest(story: Story) -> None:
    """After it every row landed, and none by two jobs."""
    done = story.ends["the rest"]
    assert done.code == 0, done.out + done.err
    assert story.landed["the rest"] == story.stage.ids
    assert story.twice["the rest"] == {}


def test_a_stage_beyond_the_source_is_the_last_one(story: Story) -> None:
    """Everything landed before: nothing is sent, both sides are looked at, and it says so."""
    done = story.ends["whole"]
    assert done.code == 0, done.out + done.err
    assert "1,000 of 1,000 rows landed (100.00 %, bar 99 %), 0 refused; none was sent" in done.out
    assert "Stage 2 of 3 was the whole source: the stages after it are left out." in done.out
    assert "Stage 3 of 3:" not in done.out
    assert "Nothing is left to send." in done.out
    assert story.twice["whole"] == {}


def test_nonsense_is_refused(story: Story) -> None:
    """Before anything is asked or sent, without a traceback."""
    done = story.stage.run("run", "--canary", "100,10")
    assert (done.code, done.out) == (2, "")
    assert "must grow, but 100 stands before 10" in done.err
