"""`replay`: fifty rows are refused for want of parents; the parents come, and the rows land."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from dc_assets_tests.acceptance.stage import Done, Stage, spec_content, wait_until

pytestmark = pytest.mark.acceptance

REFUSED = 50
REFUSES_MANY = {"refused_share_max": 1.0}
PARENT = "acc-of-nobody-yet"


def orphan(stage: Stage, ids: list[str], parent: str) -> None:
    """Give rows of the source a parent that the org does not know."""
    listed = ", ".join(f"'{one}'" for one in ids)
    stage.org.sql(
        f'UPDATE "ExtOpportunities__dlm" SET "AccountExternalId__c" = \'{parent}\' '
        f'WHERE "ExternalId__c" IN ({listed})',
        store="data_cloud",
    )


def add_parent(stage: Stage, parent: str, number: int) -> None:
    """Make the parent in the org."""
    stage.org.sql(
        'INSERT INTO "Account" ("Id", "IsDeleted", "Name", "External_ID__c", "CreatedDate", '
        f'"LastModifiedDate", "SystemModstamp") VALUES (\'001Ov0000009{number:03}AAA\', false, '
        f"'New', '{parent}', now(), now(), now())"
    )


@dataclass
class Story:
    """What each step said, and the create and query calls after it."""

    stage: Stage
    folder: Path
    ends: dict[str, Done] = field(default_factory=dict[str, Done])
    calls: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def does(self, step: str, *arguments: str) -> None:
        """Run one command and keep what it said; what only shows dead letters needs no org."""
        if {"--list", "--export"} & {*arguments}:
            self.ends[step] = self.stage.run(*arguments, SF_LOGIN_URL=None)
        else:
            self.ends[step] = self.stage.run(*arguments)
        org = self.stage.org
        self.calls[step] = (org.calls("create"), sum(org.ask("calls")["calls"].values()))


@pytest.fixture
def story(fresh: Stage) -> Story:
    """Refuse, look, fix, replay, replay again."""
    fresh.write_spec({**spec_content(120, 2), "limits": REFUSES_MANY})
    told = Story(fresh, fresh.folder)
    first, second = fresh.ids[:REFUSED], fresh.ids[-1:]
    orphan(fresh, first, PARENT)
    orphan(fresh, second, "acc-that-never-comes")
    told.does("load", "run", "--local")
    told.does("list", "replay", "--list")
    told.does("one", "replay", "--list", "--json", "--id", first[0])
    told.does("other code", "replay", "--list", "--json", "--code", "NO_SUCH_CODE")
    told.does("csv", "replay", "--export", str(told.folder / "letters.csv"))
    told.does("redacted", "replay", "--redact", "--export", str(told.folder / "red.parquet"))
    add_parent(fresh, PARENT, 1)
    fresh.org.sql(
        f'DELETE FROM "ExtOpportunities__dlm" WHERE "ExternalId__c" = \'{first[0]}\'',
        store="data_cloud",
    )
    listed = "\r\n".join([*first[:3], "id-of-nobody"])
    (told.folder / "ids.txt").write_text(listed, encoding="utf-8-sig")
    told.does("three", "replay", "--file", str(told.folder / "ids.txt"))
    told.does("first range", "replay", "--partitions", "r1-01", "--json")
    told.does("first again", "replay", "--partitions", "r1-01")
    told.does("rest", "replay")
    return told


def test_the_whole_story_of_a_replay(story: Story) -> None:
    """List, export and redact send nothing; the replay lands all, a second one does nothing."""
    stage, ends = story.stage, story.ends
    assert ends["load"].code == 3, ends["load"].err
    _test_list(story)
    _test_exports(story)
    assert ends["three"].code == 0, ends["three"].out + ends["three"].err
    assert "Replayed: 2 rows landed, 0 were refused again." in ends["three"].out
    assert "1 rows are no longer in the source." in ends["three"].out
    assert "1 of 4 ids are not among the refused rows: id-of-nobody" in ends["three"].out
    said = json.loads(ends["first range"].out)
    assert (said["keys"], said["landed"], said["refused"]) == (["r1-01"], REFUSED - 3, 0)
    assert ends["first range"].code == 0
    assert ends["first again"].code == 0
    assert "Nothing to replay." in ends["first again"].out
    assert story.calls["first again"] == story.calls["first range"]
    assert ends["rest"].code == 3, ends["rest"].out
    assert "0 rows landed, 1 were refused again" in ends["rest"].out
    assert stage.org.core_ids() == stage.ids[1:-1]
    assert stage.org.keys_of_two_jobs() == {}


def _test_list(story: Story) -> None:
    done = story.ends["list"]
    assert done.code == 0, done.err
    assert f"{REFUSED + 1} dead letters" in done.out
    assert f"r1-01  {story.stage.ids[0]}  INVALID_FIELD: Foreign key" in done.out
    assert "run local-" in done.out
    (one,) = json.loads(story.ends["one"].out)
    assert (one["external_id"], one["attempts"]) == (story.stage.ids[0], 1)
    assert json.loads(one["row_json"])["Name"] == "Opportunity 1"
    assert json.loads(story.ends["other code"].out) == []
    assert story.calls["redacted"] == story.calls["load"]


def _test_exports(story: Story) -> None:
    assert story.ends["csv"].code == 0, story.ends["csv"].err
    csv, redacted = story.folder / "letters.csv", story.folder / "red.parquet"
    assert [stat.S_IMODE(f.stat().st_mode) for f in (csv, redacted)] == [0o600, 0o600]
    whole = pl.read_csv(csv)
    assert whole.height == REFUSED + 1
    assert whole.get_column("row_json").str.contains(PARENT, literal=True).sum() == REFUSED
    hidden = pl.read_parquet(redacted)
    assert hidden.get_column("external_id").to_list() == whole.get_column("external_id").to_list()
    assert set(hidden.get_column("message")) == {"INVALID_FIELD"}
    row = json.loads(hidden.get_column("row_json")[0])
    assert row["Name"] == "text(13)"
    text = " ".join(hidden.get_column("row_json"))
    assert PARENT not in text
    assert "Prospecting" not in text
    assert not list(story.folder.glob("*.tmp"))


def test_a_killed_replay_is_finished_by_the_next_one(fresh: Stage) -> None:
    """The first half was in flight, the other not begun: all land once, none is forgotten."""
    orphan(fresh, [*fresh.ids[:10], *fresh.ids[-10:]], PARENT)
    assert fresh.run("run", "--local").code == 3
    add_parent(fresh, PARENT, 1)
    fresh.org.tell("hold", kind="poll", when="before")
    with fresh.started("replay") as process:
        wait_until(lambda: fresh.org.waiting("poll"), "a job of the replay is in flight")
        process.kill()
        process.wait()
    fresh.org.tell("release")
    done = fresh.run("replay")
    assert done.code == 0, done.out + done.err
    assert "Replayed: 20 rows landed" in done.out
    assert fresh.org.core_ids() == fresh.ids
    assert fresh.org.keys_of_two_jobs() == {}
    assert "Nothing to replay." in fresh.run("replay").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--export", "letters.txt"), "writes .csv or .parquet"),
        (("--export", "/proc/nowhere/dead-letters.csv"), "cannot be written"),
        (("--redact",), "goes with --list or --export"),
        (("--partitions", "r9-09"), "has no partition 'r9-09'"),
        (("--file", "no-such-file"), "does not exist"),
        (("--file", "/proc/self/mem"), "cannot be read as external ids"),
        (("--file", "/dev/null"), "names no external id"),
    ],
)
def test_bad_input_is_one_sentence(stage: Stage, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, no traceback, and the org is not asked."""
    done = stage.run("replay", *arguments, SF_LOGIN_URL=None)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


@pytest.mark.hunt
def test_five_hundred_rows_without_parents_land_when_the_parents_are_there(
    fresh_thousand: Stage,
) -> None:
    """Nothing is sent by a second replay, and no row landed twice."""
    stage = fresh_thousand
    stage.write_spec({**spec_content(1000, 2), "limits": REFUSES_MANY})
    orphan(stage, stage.ids[250:750], PARENT)
    assert stage.run("run", "--local").code == 3
    assert len(stage.org.core_ids()) == 500
    add_parent(stage, PARENT, 1)
    done = stage.run("replay")
    assert done.code == 0, done.out + done.err
    assert "Replayed: 500 rows landed, 0 were refused again." in done.out
    assert stage.org.core_ids() == stage.ids
    before = stage.org.ask("calls")
    assert "Nothing to replay." in stage.run("replay").out
    assert stage.org.ask("calls") == before
    assert stage.org.keys_of_two_jobs() == {}
