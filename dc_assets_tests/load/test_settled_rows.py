"""Rows of a batch keep the fields of the load that planned it, whoever brings it home."""

from __future__ import annotations

import polars as pl

from dc_assets.load.settled_rows import dead_letters_of, sent_fields
from dc_assets_tests.fakes.specs import EXTERNAL_ID, small_spec


def test_a_batch_of_another_load_is_settled_by_its_own_fields() -> None:
    """A restore names records and parents by other columns than the load that it takes back."""
    rows = pl.DataFrame(
        {EXTERNAL_ID: ["a"], "Id": ["006"], "__code": ["X"], "__message": [""], "__fields": [""]}
    )
    assert sent_fields(rows) == [EXTERNAL_ID, "Id"]
    [letter] = dead_letters_of(rows, small_spec(), attempts=1)
    assert letter.row_json == f'{{"{EXTERNAL_ID}":"a","Id":"006"}}'
