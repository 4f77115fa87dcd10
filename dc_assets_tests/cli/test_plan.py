"""`dc-assets plan` on an emulated org: it tells what will be refused before anything is sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from dc_assets_tests.acceptance.stage import Stage, spec_content

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
SOURCE = '"ExtOpportunities__dlm"'
NASTY = "<script>[red]x[/red]</script>"


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
    reason = "60 rows would be refused for CloseDate (REQUIRED_FIELD_MISSING): it has no value."
    assert reason in done.out


def test_what_a_plan_foresees_is_what_the_org_then_refuses(fresh: Stage) -> None:
    """Row by row and code by code: by the spec's picklist, too, and a parent that is not there."""
    content = spec_content(fresh.rows, fresh.partitions)
    forecast = {"source": "Description__c", "target": "ForecastCategoryName", "type": "picklist"}
    content["columns"] = [*content["columns"][:-1], forecast]
    fresh.write_spec({**content, "limits": {"refused_share_max": 1.0}})
    fresh.org.sql(f"update {SOURCE} set \"Description__c\" = 'Pipeline'", store="data_cloud")
    fresh.org.sql('delete from "Account" where "External_ID__c" = \'acc0000001\'')
    kept = fresh.org.sql(
        f'select "ExternalId__c" from {SOURCE} where "AccountExternalId__c" <> \'acc0000001\' '
        "order by 1",
        store="data_cloud",
    )
    ids = [str(row[0]) for row in kept]
    plant(fresh, "Description__c", "'Nonsense'", *ids[:4])
    plant(fresh, "CloseDate__c", "NULL", *ids[4:7])
    plant(fresh, "Name__c", "repeat('x', 121)", *ids[7:9])
    told = json.loads(fresh.run("plan", "--json").out)
    foreseen = {refusal["code"]: refusal["rows"] for refusal in told["refusals"]}
    assert foreseen["INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"] == 4
    said = " ".join(finding["sentence"] for finding in told["findings"])
    assert "no Account acc0000001. Load the parents first." in said
    assert fresh.run("run", "--local").code == 3
    assert json.loads(fresh.run("status", "--json").out)["refusals_by_code"] == foreseen


def test_every_figure_is_documented(fresh: Stage) -> None:
    """Each key of the answer stands in the document, and a few have the values that they must."""
    told = json.loads(fresh.run("plan", "--json").out)
    document = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
    assert [key for key in told if f"`{key}`" not in document] == []
    assert told["ids"] == [fresh.ids[0], fresh.ids[-1]]
    assert told["partitions"]["r1-01"]["upto"] == told["partitions"]["r1-02"]["after"]
    assert sum(told["hot_parent_rows"].values()) + told["parentless_rows"] == told["rows"]
    assert told["hot_parents"] == list(told["hot_parent_rows"])
    assert told["probe"]["rows"] == 60


def test_files_are_planned_as_data_cloud_is(fresh: Stage) -> None:
    """The same rows in a file: the same partitions, lanes and refusals."""
    plant(fresh, "CloseDate__c", "NULL", *fresh.ids[:3])
    there = json.loads(fresh.run("plan", "--json").out)
    content = spec_content(fresh.rows, fresh.partitions)
    names = [column["source"] for column in content["columns"]]
    listed = ", ".join(f'CAST("{name}" AS text)' for name in names)
    rows = fresh.org.sql(f"select {listed} from {SOURCE}", store="data_cloud")
    schema = dict.fromkeys(names, pl.String)
    pl.DataFrame(rows, schema=schema, orient="row").write_csv(fresh.folder / "rows.csv")
    del content["source"]["object"]
    content["source"]["files"] = str(fresh.folder / "rows.csv")
    fresh.write_spec(content)
    done = fresh.run("plan", "--json")
    assert done.code == 0, done.err
    here = json.loads(done.out)
    same = ("rows", "ids", "partitions", "lanes", "hot_parent_rows", "refusals", "new_rows")
    assert {key: here[key] for key in same} == {key: there[key] for key in same}


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
    assert all(text.count(title) == 1 for title in ("Rows of each parent", "Rows of each lane"))
    wrong = fresh.run("plan", "--page", str(fresh.folder / "no" / "plan.html"))
    assert wrong.code == 2
    assert "cannot be written" in wrong.err


def test_names_from_the_source_stay_names(fresh: Stage) -> None:
    """A parent called like markup is text in the page and on the terminal."""
    plant(fresh, "AccountExternalId__c", f"'{NASTY}'", *fresh.ids[:20])
    page = fresh.folder / "plan.html"
    done = fresh.run("plan", "--page", str(page))
    assert done.code == 0, done.err
    assert f"(INVALID_FIELD): the org has no Account {NASTY}. Load the parents first." in done.out
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "the org has no Account &lt;script&gt;[red]x[/red]&lt;/script&gt;." in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--offline", "--json"), "--offline makes no plan"),
        (("--write-ranges", "3", "--page", "plan.html"), "--write-ranges makes no plan"),
        (("--write-ranges", "0"), "--write-ranges"),
        (("--page", "."), "is a directory"),
        (("nothing",), "There is no load called nothing"),
    ],
)
def test_a_plan_that_cannot_be_made_is_said(
    stage: Stage, arguments: tuple[str, ...], says: str
) -> None:
    """One sentence and exit code 2; no option is left out silently."""
    done = stage.run("plan", *arguments)
    assert done.code == 2
    assert done.out == ""
    assert says in done.err


def test_a_source_that_cannot_be_read_stops_the_plan(stage: Stage) -> None:
    """The verdict is STOP, with the line of the condition, and nothing else is asked."""
    content = spec_content(stage.rows, stage.partitions)
    content["source"]["where"] = '"NoSuchColumn" = 1'
    stage.write_spec(content)
    done = stage.run("plan", "--json")
    assert done.code == 5, done.err
    told = json.loads(done.out)
    assert told["verdict"] == "STOP"
    (finding,) = told["findings"]
    assert "Data Cloud refuses the query" in finding["reason"]
    assert re.fullmatch(r"opportunities\.yaml, line \d+", finding["place"])


def test_an_empty_source_is_a_stop_and_no_forecast(stage: Stage) -> None:
    """Exit 5, with the object to look at; the page has no timeline."""
    content = spec_content(stage.rows, stage.partitions)
    content["source"]["where"] = "\"ExternalId__c\" = 'nothing'"
    stage.write_spec(content)
    page = stage.folder / "empty.html"
    done = stage.run("plan", "--json", "--page", str(page))
    assert done.code == 5, done.err
    told = json.loads(done.out)
    assert (told["rows"], told["ids"], told["forecast"]) == (0, None, None)
    assert told["verdict"] == "STOP"
    assert page.read_text(encoding="utf-8").count("<svg") == 1
