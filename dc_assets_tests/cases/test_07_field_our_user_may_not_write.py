"""A field that describe shows, and that our user may not write."""

from __future__ import annotations

from dc_assets.load.preflight.findings import Advice
from dc_assets_tests.cases.told import KEY, column_of, field_of, findings

CASE = "07-field-our-user-may-not-write"


def test_a_computed_field_is_named_before_a_row_is_sent() -> None:
    """The org computes it, so no right helps: the column goes."""
    [told] = findings([column_of(CASE)], [KEY, field_of(CASE)])
    assert (told.advice, told.column) == (Advice.STOP, "Score__c")
    assert "Thing__c.Score__c is computed by the org" in told.reason
    assert told.remedy == "Leave the column out."


def test_a_read_only_field_is_named_with_the_right_that_lacks() -> None:
    """Field-level security takes the same flags away from a field that others write."""
    [told] = findings([column_of(CASE)], [KEY, {**field_of(CASE), "calculated": False}])
    assert told.advice is Advice.STOP
    assert "Our user may not write Thing__c.Score__c" in told.reason
    assert "field-level security, in a permission set" in told.remedy
