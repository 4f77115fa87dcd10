"""What describe says of the fields that a load fills, found by the names of a spec."""

from __future__ import annotations

import pytest

from dc_assets.core.target_fields import (
    TargetDescription,
    TargetField,
    TargetObject,
    TargetPath,
)

USER = TargetObject("User", {"Username": TargetField("Username", id_lookup=True)})
GROUP = TargetObject("Group", {"Name": TargetField("Name")})
OWNER = TargetField("OwnerId", reference_to=("Group", "User"), relationship_name="Owner")
THING = TargetDescription(
    TargetObject("Thing__c", {"Name": TargetField("Name", scale=2), "OwnerId": OWNER}),
    {"Group": GROUP, "User": USER},
)


@pytest.mark.parametrize(
    ("target", "path", "queried"),
    [
        ("Name", ("", "", "Name"), "Name"),
        ("Account.Key__c", ("", "Account", "Key__c"), "Account.Key__c"),
        ("User:Owner.Username", ("User", "Owner", "Username"), "Owner.Username"),
    ],
)
def test_a_target_is_taken_apart(target: str, path: tuple[str, str, str], queried: str) -> None:
    """Kind, relationship and field; SOQL knows no kinds."""
    assert TargetPath.of(target) == TargetPath(*path)
    assert TargetPath.of(target).queried == queried


@pytest.mark.parametrize(
    ("target", "parent", "field"),
    [
        ("User:Owner.Username", USER, "Username"),
        ("Owner.Username", USER, "Username"),
        ("Group:Owner.Username", GROUP, None),
        ("Lead:Owner.Username", None, None),
        ("Nobody.Username", None, None),
    ],
)
def test_a_lookup_leads_to_the_kind_that_is_named(
    target: str, parent: TargetObject | None, field: str | None
) -> None:
    """Without a kind it is the first that has the field."""
    filled = THING.filled_by(target)
    assert filled.parent == parent
    assert (filled.parent_field and filled.parent_field.name) == field
    assert THING.field_of(target) == filled.parent_field


def test_a_field_of_the_object_is_what_a_column_fills() -> None:
    """Its scale bounds the values; a field that our user does not see is None."""
    field = THING.field_of("Name")
    assert field is not None
    assert field.scale == 2
    assert THING.field_of("Nothing__c") is None


@pytest.mark.parametrize(
    ("target", "locked"),
    [
        ("User:Owner.Username", "User"),
        ("OwnerId", "Group"),
        ("Lead:Owner.Username", None),
        ("Name", None),
        (None, None),
    ],
)
def test_rows_lock_what_their_parent_column_leads_to(
    target: str | None, locked: str | None
) -> None:
    """Named by a field of the parent or by its record id."""
    assert THING.locked_by(target) == locked
