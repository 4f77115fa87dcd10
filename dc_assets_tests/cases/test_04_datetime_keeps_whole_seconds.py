"""A source with fractions of a second, and an org that keeps none."""

from __future__ import annotations

from dc_assets_tests.cases.sides import Sides

CASE = "04-datetime-keeps-whole-seconds"


def test_fractions_of_a_second_are_dropped_on_both_sides_and_none_is_rounded() -> None:
    """No row differs, and 10:00:01.999999 is 10:00:01."""
    sides = Sides(CASE, {"source": "T", "target": "Seen__c", "type": "datetime"})
    assert sides.differing() == ([], [])
    assert sides.source.get_column("Seen__c").to_list() == [
        "2026-01-31T10:00:00.000Z",
        "2026-01-31T10:00:00.000Z",
        "2026-01-31T10:00:01.000Z",
    ]
