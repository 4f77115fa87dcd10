"""Which column is the key, and which field rows are matched by."""

from __future__ import annotations

import pytest

from dc_assets.core.first_spec.keys import (
    MEASURED_MAX,
    external_id_choice,
    external_ids,
    key_choice,
    key_columns,
)
from dc_assets.core.first_spec.sides import Distinctness, SourceSide
from dc_assets.core.target_fields import TargetField
from dc_assets_tests.first_spec.drafts import dmo, field, files, key, thing

UNIQUE, DOUBLED, EMPTY = Distinctness(9, 9, 9), Distinctness(9, 9, 8), Distinctness(9, 8, 8)


@pytest.mark.parametrize(
    "no_key",
    [
        field("Key__c"),
        key("Key__c", "double"),
        key("Key__c", encrypted=True),
        key("Key__c", filterable=False),
        key("Key__c", createable=False),
        key("Key__c", auto_number=True),
        key("Key__c", calculated=True),
    ],
    ids=["plain", "number", "encrypted", "unfiltered", "read-only", "numbered", "computed"],
)
def test_rows_are_matched_by_a_text_that_we_may_fill(no_key: TargetField) -> None:
    """An External ID of another type, or one that cannot be filled or asked for, is none."""
    assert [one.name for one in external_ids(thing(no_key, key("Other_Key__c")))] == [
        "Other_Key__c"
    ]


@pytest.mark.parametrize(
    ("fields", "unique", "best"),
    [
        (["Key__c"], ["Key__c"], "Key__c"),
        (["Key__c", "Code__c"], ["code"], "Code__c"),
        (["Key__c", "Code__c"], ["ssot__Key__c", "number"], "Key__c"),
        (["Key__c", "Code__c"], ["number"], None),
        (["Key__c", "Code__c"], ["key", "code"], None),
    ],
    ids=["one", "by name", "by the bare name", "nobody knows", "both are called so"],
)
def test_of_several_external_ids_the_name_decides(
    fields: list[str], unique: list[str], best: str | None
) -> None:
    """The field that a unique column is called like is clearly right; else only a person knows."""
    choice = external_id_choice(thing(*map(key, fields)), unique)
    assert (choice.best, choice.names) == (best, fields)


@pytest.mark.parametrize(
    ("primary", "measured", "best"),
    [
        (["Id__c"], {"Id__c": UNIQUE, "Key__c": DOUBLED}, "Id__c"),
        (["Id__c"], {"Id__c": UNIQUE, "Key__c": UNIQUE}, "Key__c"),
        (["Id__c"], {"Id__c": DOUBLED, "Mail__c": UNIQUE}, None),
        ([], {"Order_Number__c": UNIQUE, "Note__c": UNIQUE}, "Order_Number__c"),
        ([], {"First__c": UNIQUE, "Second__c": UNIQUE}, None),
        ([], {"Key__c": EMPTY, "Code__c": UNIQUE}, "Code__c"),
    ],
    ids=["primary", "name before primary", "primary is doubled", "keylike", "nobody", "has nulls"],
)
def test_the_key_has_a_value_of_its_own_in_every_row(
    primary: list[str], measured: dict[str, Distinctness], best: str | None
) -> None:
    """Then the name of the field, the primary key and the name of the column decide."""
    side = dmo(tuple(measured), *primary)
    choice = key_choice(side, measured, "Key__c")
    assert choice.best == best
    assert choice.names == [name for name, found in measured.items() if found.is_unique]


@pytest.mark.parametrize(
    ("side", "measured"),
    [
        (dmo({"A__c": "text", "No__c": "number", "Day__c": "date"}), ["A__c"]),
        (files({"note": "text", "id": "number", "price": "number"}), ["id", "note"]),
        (dmo(("KQ_Id__c", "DataSource__c", "Note__c", "Id__c"), "Id__c"), ["Id__c", "Note__c"]),
    ],
    ids=["text in Data Cloud", "ids in files", "not what Data Cloud added"],
)
def test_what_may_be_a_key_is_measured(side: SourceSide, measured: list[str]) -> None:
    """The likeliest first."""
    assert list(key_columns(side, thing(key("External_ID__c")))) == measured


def test_a_wide_source_is_measured_in_part() -> None:
    """The columns that are called like the field or like a key are among them."""
    names = [f"Text_{number}__c" for number in range(300)]
    found = key_columns(dmo((*names, "Row_Id__c", "external_id")), thing(key("External_ID__c")))
    assert found[:2] == ["external_id", "Row_Id__c"]
    assert len(found) == MEASURED_MAX


def test_a_source_without_rows_has_no_unique_column() -> None:
    """Nothing was seen, so nothing is said."""
    assert not Distinctness(0, 0, 0).is_unique
