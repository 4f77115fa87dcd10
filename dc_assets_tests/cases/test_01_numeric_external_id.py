"""An external id that is a number field: the org answers it as a double."""

from __future__ import annotations

import polars as pl

from dc_assets.frames.csv_codec import decode
from dc_assets.load.preflight.findings import Advice
from dc_assets_tests.cases.told import CASES, KEY, findings

CASE = CASES / "01-numeric-external-id"


def test_such_a_key_is_refused_before_a_row_is_sent() -> None:
    """One sentence: the external id must be Text or Email."""
    [told] = findings([], [{**KEY, "type": "double", "length": 0}])
    assert (told.advice, told.bars) == (Advice.STOP, True)
    assert "the external id must be Text or Email" in told.reason


def test_no_row_could_be_told_from_its_answer() -> None:
    """Which is why: not one key of the case comes back as it was sent."""
    sent, answered = (
        decode((CASE / name).read_bytes()).get_column("Key__c")
        for name in ("sent.csv", "successfulResults.csv")
    )
    assert sent.len() == answered.len() == 5
    assert pl.Series(sent).is_in(pl.Series(answered).implode()).sum() == 0
