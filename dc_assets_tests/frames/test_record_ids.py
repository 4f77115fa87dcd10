"""A row is given the id of its one record, or the reason why it has none."""

from __future__ import annotations

import polars as pl

from dc_assets.frames.record_ids import with_record_ids

ROWS = pl.DataFrame({"Key__c": ["a", "B", "c", "d"], "Name": ["1", "2", "3", "4"]})
RECORDS = pl.DataFrame({"Key__c": ["d", "b", "a", "A"], "Id": ["4", "2", "1", "9"]})


def codes(*, has_case: bool) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return key and record id of the rows that are sent, and the codes of the others."""
    named, refused = with_record_ids(ROWS, RECORDS, "Key__c", has_case=has_case)
    assert named.columns == [*ROWS.columns, "Id"]
    assert refused.columns == [*ROWS.columns, "__code", "__fields", "__message"]
    pairs = refused.select("Key__c", "__code").iter_rows()
    return named.select("Key__c", "Id").rows(), dict(pairs)


def test_keys_find_their_record_as_the_org_compares_them() -> None:
    """Without case `B` is the record `b`, and `a` is two records; with case it is one."""
    assert codes(has_case=False) == (
        [("B", "2"), ("d", "4")],
        {"a": "AMBIGUOUS_RECORD", "c": "NOT_FOUND"},
    )
    assert codes(has_case=True) == (
        [("a", "1"), ("d", "4")],
        {"B": "NOT_FOUND", "c": "NOT_FOUND"},
    )
