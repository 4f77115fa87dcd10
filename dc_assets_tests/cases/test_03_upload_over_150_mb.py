"""Rows so long that ten thousand of them make no upload."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from dc_assets.core.lanes import BATCH_ROWS_MAX
from dc_assets.core.row_outcomes import TOO_LONG
from dc_assets.frames.canon import canonical
from dc_assets.frames.csv_codec import PAYLOAD_BYTES_MAX, encode
from dc_assets.frames.lanes import cut, in_sending_order
from dc_assets.frames.sendable import DoubledKeys, sift
from dc_assets.load.spec_files import read_spec

CASE = Path(__file__).parent / "03-upload-over-150-mb"
SPEC = read_spec(CASE / "spec.yaml")


def rows() -> pl.DataFrame:
    """Return the rows of the case in canonical text: all of one parent, so of one lane."""
    return canonical(pl.read_parquet(CASE / "Things.parquet").cast(pl.String), SPEC)


def test_a_lane_is_cut_by_bytes_as_well_as_by_rows() -> None:
    """The 157 MB of 1,250 rows are two jobs, each of at most 100 MB, and no row is lost."""
    sendable, refused = sift(rows(), SPEC, DoubledKeys())
    parts = list(cut(in_sending_order(sendable, SPEC), BATCH_ROWS_MAX))
    assert refused.is_empty()
    assert [part.height for part in parts] == [625, 625]
    sizes = [len(encode(part, SPEC)) for part in parts]
    assert max(sizes) <= PAYLOAD_BYTES_MAX
    assert sum(sizes) > 157_000_000


def test_a_record_or_a_field_that_no_job_takes_is_a_dead_letter_with_its_size() -> None:
    """The first bound is that of a field, 131,072 characters; the second of a record, 400,000."""
    lengths = {"Text__c": [131_072, 131_073, 131_000, 10], "Name": [1, 1, 131_000, 10]}
    long = (
        rows()
        .head(4)
        .with_columns(
            pl.Series(name, ["é" * one for one in found]) for name, found in lengths.items()
        )
    )
    long = long.with_columns(pl.Series("Account__r.External_ID__c", ["a", "a", "a" * 140_000, "a"]))
    sendable, refused = sift(long, SPEC, DoubledKeys())
    keys = long.get_column("Key__c").to_list()
    assert sendable.get_column("Key__c").to_list() == [keys[0], keys[3]]
    assert refused.select("Key__c", "__code", "__fields").rows() == [
        (keys[1], TOO_LONG, "Text__c"),
        (keys[2], TOO_LONG, "Account__r.External_ID__c"),
    ]
    field, record = refused.get_column("__message")
    assert "Text__c has 131073 characters, a field of a job at most 131,072" in field
    assert "the record has 4020" in record
    assert "a record of a job at most 400,000" in record
