"""Result files with a BOM, CRLF, quotes, commas, colons and newlines."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from dc_assets.frames.csv_codec import decode
from dc_assets.frames.settle import ResultFiles, settle

CASE = Path(__file__).parent / "18-handled-result-files"


def read(name: str) -> pl.DataFrame:
    """Return one file of the case as a job's result is read."""
    return decode((CASE / name).read_bytes(), is_lossy=True)


def test_each_row_has_its_outcome_and_its_whole_message() -> None:
    """Row a1 landed; a2 is refused by a rule, with its fields and the newline of its message."""
    files = ResultFiles(read("successfulResults.csv"), read("failedResults.csv"), pl.DataFrame())
    outcomes = settle(read("sent.csv"), files, "K__c")
    assert outcomes.receipt.filter(pl.col("outcome") == "landed").rows() == [
        ("a1", "001000000000001AAA", True, "landed")
    ]
    [refused] = outcomes.refused.rows(named=True)
    assert refused == {
        "K__c": "a2",
        "__code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "__message": 'Stage "Won": needs\nan amount, a date: and an owner',
        "__fields": "StageName,Amount",
    }
