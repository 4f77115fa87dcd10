"""Values of every kind of control and markup go through a load, and each command shows them."""

from __future__ import annotations

import json
import stat
import unicodedata
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass

import polars as pl
import pytest

from dc_assets.core.printable import printable
from dc_assets_tests.acceptance.stage import Done, Stage, StageMaker, short_folder, spec_content
from dc_assets_tests.cli.in_process import run_here
from dc_assets_tests.fakes.html_page import HtmlPage
from dc_assets_tests.fakes.odd_texts import ODD_TEXTS

pytestmark = pytest.mark.acceptance

ROWS_OF_EACH = len(ODD_TEXTS)

IN_THE_LEDGER = {f"acc{value}".replace("\r\n", "\n") for value in ODD_TEXTS.values()}
"""The parents of the refused rows; a DOS line end is written as Salesforce keeps it."""


@dataclass
class Loaded:
    """An org whose source has each kind of value as picklist value, in an id and as a parent."""

    stage: Stage
    load: Done

    def run(self, *arguments: str, encoding: str = "utf-8") -> Done:
        """Run a command in this process."""
        return run_here(self.stage.environment, *arguments, encoding=encoding)


def quoted(text: str) -> str:
    """Return a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def plant(stage: Stage) -> None:
    """Write the values into the source: rows of the first kind and id kind land, parents do not."""
    for number, value in enumerate(ODD_TEXTS.values()):
        ids = stage.ids[number::ROWS_OF_EACH]
        for column, text, row in (
            ("StageName__c", value, ids[0]),
            ("ExternalId__c", f"{ids[1]}{value}", ids[1]),
            ("AccountExternalId__c", f"acc{value}", ids[2]),
        ):
            stage.org.sql(
                f'UPDATE "ExtOpportunities__dlm" SET "{column}" = {quoted(text)} '
                f'WHERE "ExternalId__c" = {quoted(row)}',
                store="data_cloud",
            )


@pytest.fixture(scope="module")
def loaded() -> Generator[Loaded]:
    """Load the odd rows once for the tests of this module."""
    with short_folder() as folder, ExitStack() as stack:
        stage = StageMaker(folder, stack.enter_context)(rows=3 * ROWS_OF_EACH, partitions=2)
        content = spec_content(3 * ROWS_OF_EACH, 2)
        stage.write_spec({**content, "limits": {"refused_share_max": 1.0}})
        plant(stage)
        yield Loaded(stage, run_here(stage.environment, "run", "--local"))


def parents(rows: list[str]) -> set[str]:
    """Return the parents of rows that were refused."""
    return {json.loads(row)["Account.External_ID__c"] for row in rows}


def assert_plain(done: Done) -> None:
    """Fail when an output holds anything that a terminal would act on."""
    for text in (done.out, done.err):
        unseen = {sign for sign in text if unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp"}}
        assert unseen <= {"\n"}
    assert "Traceback" not in done.err


def test_a_load_of_odd_values_ends_with_its_proof(loaded: Loaded) -> None:
    """All but the rows without a parent land, and their values stand in the proof."""
    done = loaded.load
    assert done.code == 3, done.out + done.err
    assert_plain(done)
    for value in ODD_TEXTS.values():
        assert printable(value) in done.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("status",), 3),
        (("status", "--watch"), 3),
        (("replay", "--list"), 0),
        (("reconcile",), 3),
        (("plan",), 0),
    ],
)
def test_each_command_shows_them(loaded: Loaded, arguments: tuple[str, ...], code: int) -> None:
    """As they are or as visible escapes; the exit code speaks of the rows alone."""
    done = loaded.run(*arguments)
    assert done.code == code, done.out + done.err
    assert_plain(done)
    if arguments == ("replay", "--list"):
        for value in ODD_TEXTS.values():
            assert printable(value) in done.out


def test_json_holds_them_exactly(loaded: Loaded) -> None:
    """A program gets what the org said, and sees no control in the text itself."""
    done = loaded.run("replay", "--list", "--json")
    assert done.code == 0
    assert_plain(done)
    assert parents([letter["row_json"] for letter in json.loads(done.out)]) >= IN_THE_LEDGER


def test_exports_hold_them_exactly(loaded: Loaded) -> None:
    """One that a spreadsheet may open too, and the ids of both are taken by `--file`."""
    for name, more in (("exact.csv", []), ("sheet.csv", ["--spreadsheet"])):
        file = loaded.stage.folder / name
        assert loaded.run("replay", "--export", str(file), *more).code == 0
        again = loaded.run("replay", "--list", "--json", "--file", str(file))
        assert len(json.loads(again.out)) == pl.read_csv(file, infer_schema=False).height
    exact = pl.read_csv(loaded.stage.folder / "exact.csv", infer_schema=False)
    assert parents(exact.get_column("row_json").to_list()) >= IN_THE_LEDGER


def test_a_report_shows_them_as_text(loaded: Loaded) -> None:
    """No element or attribute of a value is one of the page, and nothing in it is unseen."""
    file = loaded.stage.folder / "report.html"
    done = loaded.run("report", "--out", str(file))
    assert done.code == 0
    page = file.read_text(encoding="utf-8")
    read = HtmlPage.of(page)
    assert {"script", "img"}.isdisjoint(read.tags)
    assert read.addresses == []
    assert {unicodedata.category(sign) for sign in page if sign not in "\n\t"}.isdisjoint(
        {"Cc", "Cf", "Zl", "Zp"}
    )
    for value in ODD_TEXTS.values():
        assert printable(value, keep="\n\t") in read.text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_old_terminal_gets_escapes(loaded: Loaded, encoding: str) -> None:
    """A sign that it lacks is no reason to end in a traceback."""
    done = loaded.run("replay", "--list", encoding=encoding)
    assert done.code == 0
    assert r"\u6f22" in done.out


def test_what_the_load_left_is_for_its_owner(loaded: Loaded) -> None:
    """Ledger, spool, receipts, evidence, exports and reports: none for group or others."""
    folder = loaded.stage.folder
    paths = [folder / "data", *(folder / "data").rglob("*"), *folder.glob("*.csv")]
    paths += folder.glob("*.html")
    assert len(paths) > 10
    assert [str(p) for p in paths if stat.S_IMODE(p.stat().st_mode) & 0o077] == []


def test_a_data_folder_for_everybody_is_warned_of(loaded: Loaded) -> None:
    """Once in a command, with the remedy; help asks for no folder."""
    data = loaded.stage.folder / "data"
    data.chmod(0o755)
    try:
        assert loaded.run("status").err.count(f"chmod 700 {data}") == 1
        assert loaded.run("status", "--help").err == ""
    finally:
        data.chmod(0o700)
    assert loaded.run("status").err == ""
