"""A result file with a byte that is no UTF-8, inside the text of an error."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from dc_assets.core.errors import UnsettledJob
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.settle import ResultFiles, settle

CASE = Path(__file__).parent / "16-one-byte-that-is-no-utf8"
NONE = pl.DataFrame()


def read(name: str) -> bytes:
    """Return one file of the case."""
    return (CASE / name).read_bytes()


def test_all_rows_are_settled_and_the_byte_is_replaced_in_the_message() -> None:
    """Row a1 landed; a2 is refused STRING_TOO_LONG, with the byte shown as U+FFFD."""
    files = ResultFiles(
        decode(read("successfulResults.csv"), is_lossy=True),
        decode(read("failedResults.csv"), is_lossy=True),
        NONE,
    )
    outcomes = settle(decode(read("sent.csv")), files, "Key__c")
    assert outcomes.landed == 1
    [refused] = outcomes.refused.rows(named=True)
    assert (refused["Key__c"], refused["__code"]) == ("a2", "STRING_TOO_LONG")
    assert refused["__message"] == "Name: ung\ufffdltig (max length=80)"


def test_a_key_with_such_a_byte_is_none_that_was_sent() -> None:
    """Keys match exactly: the row that it stood for stays without an outcome."""
    file = decode(b'"sf__Id","sf__Created",Key__c\n"a01","true","\xe41"\n', is_lossy=True)
    with pytest.raises(UnsettledJob):
        settle(pl.DataFrame({"Key__c": ["ä1"]}), ResultFiles(file, NONE, NONE), "Key__c")


def test_values_that_are_compared_are_never_replaced() -> None:
    """A page of the target with such a byte is no page: a replaced value would be a difference."""
    with pytest.raises(UnsettledJob, match="not CSV"):
        decode(b'Key__c,Name\n"a1","ung\xfcltig"\n')
