"""The text of a first spec says what was proposed, whatever the names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dc_assets.core.first_spec.draft import Draft, lane_choice, modification_column, partitions_for
from dc_assets.core.first_spec.sides import SourcePlace
from dc_assets.core.first_spec.text import written
from dc_assets.core.source_costs import source_costs
from dc_assets.load.spec_files import read_spec
from dc_assets_tests.first_spec.drafts import dmo, draft, field, files

NASTY = [
    *("no", "null", "~", "1.5", "0012", "a: b", "#x", "- x", "{a}", "[b], c", "'", '"', "\\", "%"),
    *(
        "a\nb: c",
        "a\r\n",
        "\u2028",
        "\x85",
        "\u202e",
        "tab\there",
        " blank ",
        "&a",
        "*a",
        "!t",
        "|",
    ),
    *("Größe", "姓名", "🙂", "@x", "`x`", "?", "---", "a" * 255, "User:Owner.Name", "\ufeff", "="),
]


def read_back(told: Draft, folder: Path) -> None:
    """Write a draft and see that the file says the same."""
    file = folder / "things.yaml"
    file.write_text(written(told), encoding="utf-8", newline="")
    assert read_spec(file) == told.spec()


def nasty(name: str) -> Draft:
    """Return a draft that has a name wherever a name of the source may stand."""
    return draft(
        (name, "Key__c"),
        (f"{name[:250]}2", "Name"),
        left={f"{name}3": f"{name} is a reason\nof two lines"},
        bounds=(name,),
        modified=name,
    )


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_name_is_read_back(name: str, tmp_path: Path) -> None:
    """Words and signs of YAML, ends of lines, signs without ink: each stays what it is."""
    read_back(nasty(name), tmp_path)


@settings(max_examples=25)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_name_is_read_back(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever Unicode has."""
    read_back(nasty(name), tmp_path_factory.mktemp("any"))


def test_no_line_of_names_and_reasons_is_a_setting(tmp_path: Path) -> None:
    """A column that is called like a setting stays in its comment."""
    told = draft(("k", "Key__c"), left={"x\ncolumns: []": "y\nname: z"})
    read_back(told, tmp_path)
    assert "\ncolumns: []" not in written(told)


def test_what_only_a_person_knows_stands_at_the_head_and_in_its_place(tmp_path: Path) -> None:
    """Parents stand as comments, one of which is to be taken; the file is valid as it is."""
    told = draft(
        ("k", "Key__c"),
        ("a", "A__c"),
        ("b", "B__c"),
        lanes=lane_choice(draft(("a", "A__c"), ("b", "B__c")).columns, {"a": "x", "b": "y"}),
    )
    text = written(told)
    read_back(told, tmp_path)
    assert "# ONLY YOU CAN KNOW: Which column decides the lanes, a or b?" in text
    assert "  # parent: a # A__c, x\n  # parent: b # B__c, y\n" in text


def test_no_line_is_long_but_for_a_name(tmp_path: Path) -> None:
    """A long remark stands above its setting."""
    told = draft(("k" * 60, "Key__c"), key_fact="fact " * 30, left={"n": "reason " * 40})
    read_back(told, tmp_path)
    assert max(map(len, written(told).splitlines())) <= 110


@pytest.mark.parametrize(
    ("rows", "modified", "look_every_s"),
    [(1_000_000, "At__c", None), (2_000_000, "At__c", 3_600), (99_000_000, None, None)],
)
def test_looks_are_as_rare_as_their_price_asks(
    tmp_path: Path, rows: int, modified: str | None, look_every_s: int | None
) -> None:
    """So that the plan of a first spec has nothing to warn of."""
    place = SourcePlace(object="Things__dlm")
    told = draft(("k", "Key__c"), place=place, rows=rows, modified=modified)
    read_back(told, tmp_path)
    assert told.spec().refresh.look_every_s == look_every_s
    costs = source_costs(told.spec(), rows)
    assert costs is not None
    assert not costs.is_dear


def test_files_may_be_looked_at_at_any_time() -> None:
    """They cost nothing."""
    assert draft(("k", "Key__c"), rows=2_000_000, modified="at").look_every_s is None


def test_a_required_field_without_a_column_is_asked_for() -> None:
    """No new record lands without it."""
    told = draft(("k", "Key__c"))
    told.target.fields["Stage"] = field("Stage", nillable=False)  # type: ignore[index]
    assert [question.partition(" is ")[0] for question in told.questions] == ["Thing__c.Stage"]
    assert "REQUIRED, and no column is called so: Stage" in written(told)


def test_the_modification_column_is_the_surest_time() -> None:
    """A text of that name is none, nor is a time of another name."""
    kinds = {"UpdatedAt": "datetime", "SystemModstamp__c": "datetime", "Modified": "text"}
    assert modification_column(files(kinds)) == "SystemModstamp__c"  # type: ignore[arg-type]
    assert modification_column(dmo({"CreatedDate__c": "datetime", "Modified__c": "text"})) is None


@pytest.mark.parametrize(
    ("rows", "parts"), [(0, 1), (599_999, 1), (600_001, 2), (2_000_000, 5), (10**9, 99)]
)
def test_partitions_have_about_400_000_rows(rows: int, parts: int) -> None:
    """One for a small source, and never more than can be numbered."""
    assert partitions_for(rows) == parts
