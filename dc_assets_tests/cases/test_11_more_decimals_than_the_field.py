"""A source with more decimals than the org's field keeps, and a spec that names no scale."""

from __future__ import annotations

import pytest

from dc_assets.core.spec import ColumnSpec
from dc_assets.core.stored_form import as_stored
from dc_assets.core.target_fields import TargetDescription, TargetField, TargetObject
from dc_assets_tests.cases.sides import Sides
from dc_assets_tests.fakes.specs import content, small_spec

CASE = "11-more-decimals-than-the-field"
AMOUNT = {"source": "A", "target": "Amount__c", "type": "currency"}


def test_the_scale_of_describe_is_used_where_the_spec_names_none() -> None:
    """Value 2.675 is sent and compared as 2.68, which is what the org keeps."""
    sides = Sides(CASE, AMOUNT)
    assert sides.differing() == ([], [])
    assert sides.source.get_column("Amount__c").to_list() == ["2.68", "7.1"]


def test_a_scale_in_the_spec_is_not_replaced() -> None:
    """Whoever names a scale means it: then the check tells what the org keeps."""
    assert Sides(CASE, {**AMOUNT, "scale": 3}).differing() == (["a1"], ["a1"])


@pytest.mark.parametrize(
    ("kind", "field_type", "scale"),
    [
        ("number", "double", 2),
        ("percent", "percent", 2),
        ("number", "int", None),
        ("number", "", None),
        ("text", "double", None),
    ],
)
def test_only_numbers_that_an_org_rounds_get_a_scale(
    kind: str, field_type: str, scale: int | None
) -> None:
    """An org refuses decimals of an integer field, and the row is to say so."""
    columns = content()["columns"]
    columns[2]["type"] = kind
    field = TargetField("Price__c", field_type, scale=2)
    described = TargetDescription(TargetObject("Thing__c", {"Price__c": field}))
    stored: ColumnSpec = as_stored(small_spec(columns=columns), described).columns[2]
    assert stored.scale == scale
