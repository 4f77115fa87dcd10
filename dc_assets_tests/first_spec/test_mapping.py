"""Which column fills which field, and what is said of the others."""

from __future__ import annotations

import pytest

from dc_assets.core.first_spec.mapping import likeness, mapped_by_name, reasons_left
from dc_assets.core.first_spec.names import plain
from dc_assets.core.target_fields import TargetField
from dc_assets.core.value_kinds import ValueKind
from dc_assets_tests.first_spec.drafts import dmo, field, files, key, lookup, thing


@pytest.mark.parametrize(
    ("column", "target", "fits"),
    [
        ("ExternalId__c", "External_ID__c", True),
        ("ssot__LastName__c", "LastName", True),
        ("CLOSE DATE", "CloseDate", True),
        ("acme__Size__c", "Size__c", True),
        ("Thing Name", "Name", True),
        ("last", "LastName", True),
        ("thing_stage", "StageName", True),
        ("thing", "Name", False),
        ("Größe", "GRÖSSE__c", True),
        ("a__b", "b", False),
        ("__c", "__r", False),
        ("", "Name", False),
        ("---", "Name", False),
        ("Name2", "Name", False),
    ],
)
def test_names_are_alike_without_case_signs_and_suffix(
    column: str, target: str, *, fits: bool
) -> None:
    """A name of signs alone is like none but itself."""
    assert (likeness(column, target, "Thing__c") is not None) is fits


def test_the_likest_pair_goes_first() -> None:
    """The column of the exact name fills the field; the other one says who did."""
    target = thing(field("Status__c"), field("Status"))
    found = mapped_by_name(dmo(("ssot__Status__c", "status", "Status__c")), target, {})
    assert {one.source: one.target for one in found.columns} == {
        "Status__c": "Status__c",
        "status": "Status",
    }
    assert found.left == {"ssot__Status__c": "Status__c is filled by Status__c"}


def test_a_field_that_would_fit_too_is_said() -> None:
    """If nothing else fills it, and it can be filled."""
    free, shut = field("Size_C__c"), field("acme__SizeC__c", createable=False, updateable=False)
    [column] = mapped_by_name(dmo(("SizeC__c",)), thing(free, field("SizeC__c"), shut), {}).columns
    assert (column.target, column.note) == ("SizeC__c", "Size_C__c would fit too")


@pytest.mark.parametrize(
    ("target", "kind", "said"),
    [
        (field("Id", "id", createable=False, updateable=False), "text", "gives the record id"),
        (field("A__c", calculated=True, createable=False), "text", "the org computes A__c"),
        (field("A__c", auto_number=True, createable=False), "text", "the org numbers A__c"),
        (field("A__c", createable=False, updateable=False), "text", "our user may not write A__c"),
        (field("A__c", createable=False), "text", "cannot be set on a new record"),
        (field("A__c", updateable=False), "text", "cannot be changed on a record"),
        (field("A__c", "location"), "text", "no value of a row becomes a location field"),
        (field("A__c", "date"), "number", "it holds number values, and A__c is a date field"),
    ],
)
def test_a_field_that_no_row_can_fill_is_said(
    target: TargetField, kind: ValueKind, said: str
) -> None:
    """The column is not loaded, and the reason stands beside it."""
    side = dmo({target.name: kind})
    found = mapped_by_name(side, thing(target), {})
    assert found.columns == ()
    assert said in reasons_left(side, found.columns, found.left)[target.name]


def test_a_required_field_that_never_changes_is_filled() -> None:
    """A master-detail parent can be set once, and no record is made without it."""
    once = field("A__c", updateable=False, nillable=False)
    assert len(mapped_by_name(dmo(("A__c",)), thing(once), {}).columns) == 1


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (field("A__c", "currency", precision=18, scale=2), ("currency", 2)),
        (field("A__c", "double", precision=18, scale=0), ("number", 0)),
        (field("A__c", "percent"), ("percent", None)),
        (field("A__c", "int", scale=0), ("number", 0)),
        (field("A__c", "boolean", scale=0), ("boolean", None)),
        (field("A__c", "multipicklist"), ("multipicklist", None)),
        (field("A__c", "combobox"), ("picklist", None)),
        (field("A__c", "datetime"), ("datetime", None)),
        (field("A__c", "email"), ("text", None)),
    ],
)
def test_types_are_those_of_describe(target: TargetField, wanted: tuple[str, int | None]) -> None:
    """Numbers are rounded to the decimals of their field."""
    [column] = mapped_by_name(dmo(("A__c",)), thing(target), {}).columns
    assert (column.type, column.scale) == wanted


def test_a_lookup_is_never_filled_by_name_alone() -> None:
    """Its values must be looked at first."""
    target = thing(lookup("AccountId", "Account"), key("Key__c"))
    assert mapped_by_name(dmo(("AccountId",)), target, {}).columns == ()


def test_each_column_is_loaded_or_has_a_reason() -> None:
    """What Data Cloud added, and what nobody is called like, are said too."""
    side = dmo(("Key__c", "KQ_Key__c", "cdp_sys_SourceVersion__c", "Shoe__c"))
    found = mapped_by_name(side, thing(key("Key__c")), {})
    left = reasons_left(side, found.columns, found.left)
    assert list(left) == ["KQ_Key__c", "cdp_sys_SourceVersion__c", "Shoe__c"]
    assert left["Shoe__c"] == "no field is called so"


def test_in_a_file_every_column_is_a_persons() -> None:
    """Data Cloud added none, whatever they are called."""
    side = files({"DataSource": "text"})
    [column] = mapped_by_name(side, thing(field("Data_Source__c")), {}).columns
    assert column.target == "Data_Source__c"


def test_a_name_of_another_script_keeps_its_letters() -> None:
    """Only signs are dropped."""
    assert (plain("姓 名"), plain("Straße__c")) == ("姓名", "strasse")
