"""Texts with blanks around them, and an org that drops those."""

from __future__ import annotations

from dc_assets_tests.cases.sides import Sides

CASE = "17-blanks-that-the-org-drops"
NAME = {"source": "N", "target": "Name"}


def test_blanks_that_the_org_drops_are_no_difference_and_are_counted_by_themselves() -> None:
    """No row differs, and the three values are counted; they are sent with their blanks."""
    sides = Sides(CASE, NAME)
    assert sides.differing() == ([], [])
    assert sides.blanks() == ({"Name": 3}, {})
    assert sides.source.get_column("Name").to_list() == [" lead", "trail ", "  "]


def test_a_column_may_ask_for_the_exact_text() -> None:
    """With ``blanks: exact`` all three rows differ, as they do in the org."""
    sides = Sides(CASE, {**NAME, "blanks": "exact"})
    assert sides.differing() == (["a1", "a2", "a3"], ["a1", "a2", "a3"])
    assert sides.blanks() == ({}, {})


def test_a_column_may_drop_the_blanks_before_it_is_sent() -> None:
    """With ``blanks: strip`` nothing is left that the org could drop."""
    sides = Sides(CASE, {**NAME, "blanks": "strip"})
    assert sides.differing() == ([], [])
    assert sides.blanks() == ({}, {})
