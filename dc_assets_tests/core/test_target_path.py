"""Where a column goes, taken apart."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dc_assets.core.target_fields import TargetPath, flaw
from dc_assets_tests.fakes.specs import content, small_spec


@pytest.mark.parametrize(
    ("target", "parts", "soql"),
    [
        ("Name", TargetPath("", "", "Name"), "Name"),
        ("Parent__r.Key__c", TargetPath("", "Parent__r", "Key__c"), "Parent__r.Key__c"),
        ("User:Owner.Username", TargetPath("User", "Owner", "Username"), "Owner.Username"),
        ("a b", TargetPath("", "", "a b"), "a b"),
    ],
)
def test_a_target_has_parts_and_a_name_in_soql(target: str, parts: TargetPath, soql: str) -> None:
    """The kind of the parent is named in a job alone."""
    assert (TargetPath.of(target), TargetPath.of(target).queried, flaw(target)) == (
        parts,
        soql,
        None,
    )


@pytest.mark.parametrize("target", ["Owner:Username", "User:", ":Owner.Username", "A:B:C.D"])
def test_a_target_with_a_colon_at_another_place_is_refused(target: str) -> None:
    """The sentence shows what is meant."""
    columns = [*content()["columns"], {"source": "Owner__c", "target": target}]
    with pytest.raises(ValidationError, match=r"Kind:Relationship.Field, such as User:Owner"):
        small_spec(columns=columns)


def test_two_kinds_of_one_lookup_cannot_be_read_apart() -> None:
    """A query would name the same field twice."""
    kinds = [{"source": kind, "target": f"{kind}:Owner.Name"} for kind in ("User", "Group")]
    with pytest.raises(ValidationError, match=r"stand twice: Owner\.Name"):
        small_spec(columns=[*content()["columns"], *kinds])
