"""Which refusals are worth another attempt, code by code."""

from __future__ import annotations

import pytest

from dc_assets.core.row_outcomes import ATTEMPTS_MAX, STOPPING_CODES, UNPROCESSED

PERMANENT_CODES = [
    "REQUIRED_FIELD_MISSING",
    "DUPLICATE_VALUE",
    "DUPLICATE_EXTERNAL_ID",
    "DUPLICATES_DETECTED",
    "INVALID_FIELD",
    "INVALID_CROSS_REFERENCE_KEY",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION",
    "STRING_TOO_LONG",
    "MISSING_ARGUMENT",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    "CANNOT_EXECUTE_FLOW_TRIGGER",
    "UNKNOWN_ERROR",
    "A_CODE_OF_NEXT_YEAR",
    "unable_to_lock_row",
    "",
]


RETRIED_CODES = [
    "UNABLE_TO_LOCK_ROW",
    UNPROCESSED,
    "SERVER_UNAVAILABLE",
    "REQUEST_RUNNING_TOO_LONG",
    "QUERY_TIMEOUT",
    "UNKNOWN_EXCEPTION",
]
STOPPED_CODES = [
    "STORAGE_LIMIT_EXCEEDED",
    "REQUEST_LIMIT_EXCEEDED",
    "LICENSE_LIMIT_EXCEEDED",
    "API_DISABLED_FOR_ORG",
    "API_CURRENTLY_DISABLED",
    "INVALID_SESSION_ID",
    "ORG_LOCKED",
]


def test_what_every_row_would_meet_stops_the_run() -> None:
    """The row is as good as any other: the org has no room, or does not let us in."""
    assert {*STOPPED_CODES} == STOPPING_CODES


def test_a_lock_or_an_untouched_row_is_tried_again() -> None:
    """These say nothing about the row itself."""
    assert {*RETRIED_CODES} == {*ATTEMPTS_MAX}


@pytest.mark.parametrize("code", PERMANENT_CODES)
def test_every_other_code_is_permanent(code: str) -> None:
    """A refusal that nobody knows is shown to people, not repeated."""
    assert code not in {*ATTEMPTS_MAX, *STOPPING_CODES}
