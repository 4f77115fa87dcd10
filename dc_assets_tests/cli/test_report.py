"""`dc-assets report` told on one org: a load with refused rows and a bad value, then one killed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dc_assets_tests.acceptance.stage import Done, Stage, wait_until
from dc_assets_tests.fakes.html_page import HtmlPage

pytestmark = [pytest.mark.acceptance, pytest.mark.hunt]

ROOT = Path(__file__).parents[2]
WRONG = "externalOpp0000050"
LONG = "externalOpp0000041"
PRIVATE = "planted-private-value " * 6
PLANTED = {
    "DC_ASSETS_LEDGER_URL": "sqlite:////{folder}/planted-ledger/ledger.db",
    "DC_ASSETS_DAGSTER_URL": "http://someone:planted-webserver@127.0.0.1:9",
    "DC_ASSETS_SOMETHING_NEW": "planted-in-a-setting-of-tomorrow",
    "DC_ASSETS_LEASE_S": "77",
}
SECRET = "planted-client-secret"


@dataclass
class Story:
    """What each step said; the page and the facts of each report."""

    stage: Stage
    ends: dict[str, Done] = field(default_factory=dict[str, Done])
    pages: dict[str, str] = field(default_factory=dict[str, str])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    def does(self, step: str, *arguments: str) -> None:
        """Run one command and keep what it said."""
        self.ends[step] = self.stage.run(*arguments)

    def reports(self, step: str, *arguments: str) -> None:
        """Report twice in one call: the page and the facts. The org is not there."""
        page = self.stage.folder / f"{step}.html"
        done = self.stage.run(
            *("report", "--json", "--out", str(page), *arguments),
            SF_LOGIN_URL=None,
            SF_CLIENT_ID=None,
            SF_CLIENT_SECRET=SECRET,
        )
        assert done.code == 0, done.err
        assert str(page) in done.err
        self.pages[step] = page.read_text(encoding="utf-8")
        self.facts[step] = json.loads(done.out)


@pytest.fixture(scope="module")
def story(stage: Stage) -> Story:
    """Plan, load, meddle, check, report; load again, report meanwhile, kill, report."""
    stage.environment |= {
        name: value.format(folder=str(stage.folder).strip("/")) for name, value in PLANTED.items()
    }
    stage.org.sql(
        f'update "ExtOpportunities__dlm" set "Name__c" = \'{PRIVATE}\' '
        f"where \"ExternalId__c\" = '{LONG}'",
        store="data_cloud",
    )
    told = Story(stage)
    told.does("none yet", "report")
    told.does("plan", "plan")
    told.does("load", "run", "--local")
    stage.org.sql(
        f'update "Opportunity" set "StageName" = \'Nope\' where "External_ID__c" = \'{WRONG}\''
    )
    told.does("checks", "reconcile")
    told.reports("first")
    told.does("by default", "report", "--load", told.facts["first"]["load"]["load_id"][:6])
    stage.org.tell("hold", kind="poll", when="before")
    with stage.started("run", "--local", "--new-load") as process:
        wait_until(lambda: stage.org.waiting("poll"), "a job of the second load is in flight")
        told.reports("running")
        process.kill()
        process.wait()
    stage.org.tell("release")
    told.reports("killed")
    told.does("several", "report", "--load", "")
    return told


def test_the_page_begins_with_the_verdict(story: Story) -> None:
    """Selected, landed, refused, pending and the checks in one line, in page and facts alike."""
    facts, page = story.facts["first"], HtmlPage.of(story.pages["first"])
    assert story.ends["load"].code == 3
    verdict = facts["verdict"]
    assert (verdict["word"], verdict["tone"]) == ("NOT PROVED", "STOP")
    assert verdict["sentence"].startswith("60 selected, 57 landed, 3 refused, 0 pending; ")
    assert "failed" in verdict["sentence"]
    assert f"NOT PROVED: {verdict['sentence']}" in page.text
    totals = facts["totals"]
    assert (totals["selected"], totals["landed"], totals["refused"]) == (60, 57, 3)
    assert totals["passed"] + totals["warned"] + totals["failed"] == totals["checks"]
    assert totals["failed"] >= 2  # the value, and its distribution


def test_the_proof_has_both_sides_and_every_last_word(story: Story) -> None:
    """Counts of the sides beside the ledger's; words, not colours alone; the repair."""
    page, facts = HtmlPage.of(story.pages["first"]), story.facts["first"]
    first, second, everything = page.table("partition", "state")
    assert (first["source"], first["selected"]) == ("30", "30")
    assert int(first["target"]) == int(first["landed"]) == 30 - int(first["refused"])
    assert (everything["source"], everything["target"], everything["landed"]) == ("60", "57", "57")
    assert second["state"] == "checked"
    words = {line["partition"]: line for line in page.table("partition", "row_count_matches")}
    assert words["r1-02"]["values_match"].startswith("failed ")
    assert words["r1-01"]["values_match"].startswith("passed ")
    assert words["r1-01"]["nothing_pending"].startswith("warning ")  # it has refused rows
    (found,) = [
        line
        for line in page.table("partition", "check", "said")
        if (line["check"], line["said"]) == ("values_match", "failed")
    ]
    assert found["partition"] == "r1-02"
    assert "dc-assets run opportunities --changed --partitions r1-02" in found["what was found"]
    values = page.table("StageName", "source")
    assert sum(int(line["source"]) for line in values) == 60
    assert "Nope" in {line["StageName"] for line in values}
    check = next(c for c in facts["partitions"][1]["checks"] if c["check"] == "values_match")
    assert check["word"] == "failed"
    assert check["checked_at"] > facts["load"]["finished_at"]


def test_refusals_are_told_with_ids_and_reasons_and_without_values(story: Story) -> None:
    """Codes with their numbers, in page and facts; the value that Salesforce quotes is left out."""
    page, facts = story.pages["first"], story.facts["first"]
    assert sum(code["rows"] for code in facts["refusals"]) == 3
    for code in facts["refusals"]:
        assert f"{code['code']}: {code['rows']}" in HtmlPage.of(page).text
        assert all(row["external_id"] in story.stage.ids for row in code["first"])
    refused = {row["external_id"]: row for code in facts["refusals"] for row in code["first"]}
    assert "[Name]" in refused[LONG]["reason"]
    assert refused[LONG]["reason"] in HtmlPage.of(page).text
    refusals = page[page.index('id="refusals"') : page.index('id="parents"')]
    assert PRIVATE.strip() not in refusals + json.dumps(facts["refusals"])


def test_the_forecast_stands_beside_the_facts(story: Story) -> None:
    """What plan told before the load, what it was, and the ratio of both."""
    facts, page = story.facts["first"], HtmlPage.of(story.pages["first"])
    assert story.ends["plan"].code == 0
    lines = {line["what"]: line for line in facts["forecast"]["lines"]}
    assert (lines["rows"]["told"], lines["rows"]["was"], lines["rows"]["ratio"]) == (60, 60, 1.0)
    assert (
        lines["jobs"]["was"]
        == facts["sending"]["jobs"]
        == sum(line["jobs"] for line in facts["attempts"])
    )
    duration = lines["duration"]
    assert duration["low"] <= duration["told"] < duration["high"]
    assert duration["was"] == facts["sending"]["seconds"] > 0
    assert duration["ratio"] == pytest.approx(duration["was"] / duration["told"])
    assert facts["forecast"]["made_at"] < facts["load"]["opened_at"]
    assert not facts["forecast"]["is_measured"]
    shown = {line[""]: line for line in page.table("", "low", "told")}
    assert (shown["rows"]["was"], shown["rows"]["was / told"]) == ("60", "1.00")
    assert story.facts["running"]["forecast"]["none_because"].startswith("No plan was made")
    assert "No plan was made before this load: dc-assets plan makes one." in story.pages["running"]


def test_spec_settings_and_versions_are_told_and_no_secret(story: Story) -> None:
    """Names of settings with the harmless values; what was planted is in neither page nor facts."""
    page, facts = HtmlPage.of(story.pages["first"]), story.facts["first"]
    assert facts["spec"]["target"]["object"] == "Opportunity"
    assert "  object: Opportunity" in page.text
    assert facts["settings"]["DC_ASSETS_LEASE_S"] == "77"
    assert facts["settings"]["DC_ASSETS_LEDGER_URL"] is None
    settings = {line[0]: line[1] for table in page.tables for line in table if len(line) == 2}
    assert settings["DC_ASSETS_LEASE_S"] == "77"
    assert settings["DC_ASSETS_DAGSTER_URL"] == "set, not shown"
    assert (story.stage.folder / "planted-ledger" / "ledger.db").exists()
    versions = page.table("program")
    assert {line["program"] for line in versions} >= {"dc-assets", "dagster", "polars", "python"}
    assert all(line["when the load began"] == line["when this page was made"] for line in versions)
    secrets = ["planted-ledger", "planted-webserver", "planted-in-a-setting", SECRET]
    secrets += [story.stage.org.ready[name] for name in ("client_secret", "client_id", "base_url")]
    everything = json.dumps(story.facts) + "".join(story.pages.values())
    assert [secret for secret in secrets if secret in everything] == []


def test_the_page_stands_alone(story: Story) -> None:
    """No script, and nothing that a browser would fetch; the plots are inside."""
    page = HtmlPage.of(story.pages["first"])
    assert page.addresses == []
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert page.tags.count("svg") >= 2
    assert "@import" not in page.style
    assert "url(" not in page.style.replace("url(#", "")
    assert "prefers-color-scheme" in page.style or "color-scheme: light dark" in page.style


def test_a_load_that_runs_is_told_as_it_stands(story: Story) -> None:
    """The page says so; killed, it is unfinished and names the partition that is not done."""
    running, killed = story.facts["running"], story.facts["killed"]
    assert running["load"]["load_id"] == killed["load"]["load_id"]
    assert running["load"]["load_id"] != story.facts["first"]["load"]["load_id"]
    assert running["verdict"]["word"] == "STILL RUNNING"
    assert "STILL RUNNING: 30 selected, 0 landed, 0 refused, 30 pending" in story.pages["running"]
    assert "the figures are those of the moment" in story.pages["running"]
    assert running["sending"]["in_flight"] == running["sending"]["jobs"] >= 1
    assert running["load"]["finished_at"] is None
    assert running["totals"]["not_run"] == running["totals"]["checks"] > 0
    assert {p["partition"]: p["phase"] for p in running["partitions"]} == {
        "r1-01": "sending",
        "r1-02": "not begun",
    }
    assert (killed["verdict"]["word"], killed["verdict"]["tone"]) == ("UNFINISHED", "STOP")
    assert "2 of 2 partitions are not done: r1-01, r1-02." in story.pages["killed"]
    past = [line["load"]["load_id"] for line in killed["past"]]
    assert past == [running["load"]["load_id"], story.facts["first"]["load"]["load_id"]]


def test_a_report_says_where_it_is_and_every_key_is_documented(story: Story) -> None:
    """By default in the current folder, under the names of load and id, written at once."""
    load_id = story.facts["first"]["load"]["load_id"]
    file = Path(story.stage.environment["TMPDIR"]) / f"report-opportunities-{load_id[:8]}.html"
    done = story.ends["by default"]
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == f"Wrote {file}"
    assert story.facts["first"]["verdict"]["sentence"] in done.out
    assert file.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(file.parent.glob(".report-*")) == []
    document = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    assert [key for key in story.facts["first"] if f"`{key}`" not in document] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--load", "zz"), "No load has an id that begins with 'zz'."),
        (("opportunities", "--load", "%"), "No load of opportunities has an id"),
        (("--out", "/proc/nowhere/r.html"), "The page /proc/nowhere/r.html cannot be written"),
    ],
)
def test_what_cannot_be_told_is_said_in_one_sentence(
    story: Story, arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2, and no page."""
    done = story.stage.run("report", *arguments, SF_LOGIN_URL=None)
    assert done.code == 2
    assert done.out == ""
    assert says in done.err
    warned = "dc-assets: DC_ASSETS_SOMETHING_NEW is no setting. dc-assets settings lists them."
    assert len(done.err.splitlines()) == 2
    assert done.err.splitlines()[0] == warned


def test_no_load_and_several_loads_are_said(story: Story) -> None:
    """Before any, what makes one; of several, their ids."""
    none, several = story.ends["none yet"], story.ends["several"]
    assert none.code == several.code == 2
    assert "opportunities has no load in this ledger yet: dc-assets run makes one." in none.err
    assert "Several loads have ids that begin with ''" in several.err
    for step in ("first", "running"):
        assert story.facts[step]["load"]["load_id"] in several.err
