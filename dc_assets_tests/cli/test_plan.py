"""`dc-assets plan` on an emulated org: it tells what will be refused before anything is sent."""

from __future__ import annotations

import json
import re

import pytest

from dc_assets_tests.acceptance.stage import Stage

pytestmark = pytest.mark.acceptance

SOURCE = '"ExtOpportunities__dlm"'


def plant(stage: Stage, column: str, value: str, *ids: str) -> None:
    """Give some source rows another value."""
    listed = ", ".join(f"'{one}'" for one in ids)
    stage.org.sql(
        f'update {SOURCE} set "{column}" = {value} where "ExternalId__c" in ({listed})',
        store="data_cloud",
    )


def test_a_plan_says_what_would_be_refused_and_sends_nothing(fresh: Stage) -> None:
    """Missing, too long, doubled: each is counted; the org has no job and no record."""
    ids = fresh.ids
    plant(fresh, "CloseDate__c", "NULL", *ids[:3])
    plant(fresh, "Name__c", "repeat('x', 121)", *ids[3:5])
    plant(fresh, "ExternalId__c", f"'{ids[10].upper()}'", ids[11])
    done = fresh.run("plan", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert {(r["code"], r["field"], r["rows"]) for r in told["refusals"]} == {
        ("REQUIRED_FIELD_MISSING", "CloseDate", 3),
        ("STRING_TOO_LONG", "Name", 2),
    }
    assert told["ambiguous_keys"] == 1
    assert told["verdict"] == "GO, WITH CARE"
    assert told["locked_object"] == "Account"
    assert (told["rows"], told["new_rows"]) == (120, 120)
    assert not told["forecast"]["is_measured"]
    low, high = (told["forecast"][end]["seconds"] for end in ("low", "high"))
    assert 0 < low <= high <= 12 * low
    assert fresh.org.ask("jobs")["jobs"] == []
    assert fresh.org.core_ids() == []


def test_a_load_that_would_be_refused_as_a_whole_is_stopped(fresh: Stage) -> None:
    """Exit 5 before it began, and the reason in one sentence."""
    plant(fresh, "CloseDate__c", "NULL", *fresh.ids[:60])
    done = fresh.run("plan")
    assert done.code == 5
    assert "STOP" in done.out
    assert "60 rows would be refused for CloseDate: REQUIRED_FIELD_MISSING." in done.out


def test_after_some_jobs_a_plan_rests_on_them(fresh: Stage) -> None:
    """The ledger remembers how fast the org was."""
    assert fresh.run("run", "--local", "--batch-rows-max", "10").code == 0
    told = json.loads(fresh.run("plan", "--json").out)
    assert told["forecast"]["is_measured"]
    assert "jobs:" in told["forecast"]["basis"]
    assert told["new_rows"] == 0


def test_a_page_stands_alone(fresh: Stage) -> None:
    """Three plots inside, no script, and nothing that a browser would fetch."""
    page = fresh.folder / "plan.html"
    done = fresh.run("plan", "--page", str(page))
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert "<script" not in text
    fetched = re.findall(r"""(?:src|href)\s*=\s*["'](?!#)|@import|url\((?!#)""", text)
    assert fetched == []
    wrong = fresh.run("plan", "--page", str(fresh.folder / "no" / "plan.html"))
    assert wrong.code == 2
    assert "cannot be written" in wrong.err
