"""An encrypted external id: the upsert works, a WHERE with it does not."""

from __future__ import annotations

from dc_assets.load.preflight.findings import Advice
from dc_assets_tests.cases.told import field_of, findings

CASE = "12-key-that-cannot-be-filtered"


def test_it_is_said_before_a_row_is_sent_that_nothing_could_be_proved() -> None:
    """And nobody can send it anyway: the checks would have no question to ask."""
    [told] = findings([], [field_of(CASE)])
    assert (told.advice, told.column, told.bars) == (Advice.STOP, "Key__c", True)
    assert "rows would land, and nothing could be proved of them" in told.reason


def test_one_flag_of_the_two_is_enough() -> None:
    """An older API says only that it cannot be filtered."""
    field = field_of(CASE)
    del field["encrypted"]
    [told] = findings([], [field])
    assert told.bars
