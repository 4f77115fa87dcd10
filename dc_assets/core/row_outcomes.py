"""What became of a row, and which refusals are worth another attempt.

Source of the grammar and the codes: Bulk API 2.0 Developer Guide v66 and captured result files.
Only the code decides; messages differ between orgs, languages and releases.
"""

from __future__ import annotations

from enum import Enum


class Disposition(Enum):
    """What the writer does with a row that the org did not accept."""

    RETRYABLE = "retryable"
    """Somebody else held a lock, or the org never looked at the row: send it again later."""
    PERMANENT = "permanent"
    """The same row would be refused again: it becomes a dead letter."""
    RUN_STOPPING = "run-stopping"
    """Every row would be refused alike: the row stays pending and the run stops sending."""


LOCK_CODE = "UNABLE_TO_LOCK_ROW"
"""Somebody else held the row's parent, or the row, for longer than the org waits."""

UNPROCESSED = "UNPROCESSED"
"""Our own code for rows that a job returned untouched (file `unprocessedrecords`)."""

DISPOSITIONS: dict[str, Disposition] = {
    LOCK_CODE: Disposition.RETRYABLE,
    UNPROCESSED: Disposition.RETRYABLE,
    "SERVER_UNAVAILABLE": Disposition.RETRYABLE,
    "REQUEST_RUNNING_TOO_LONG": Disposition.RETRYABLE,
    "QUERY_TIMEOUT": Disposition.RETRYABLE,
    "STORAGE_LIMIT_EXCEEDED": Disposition.RUN_STOPPING,
    "REQUEST_LIMIT_EXCEEDED": Disposition.RUN_STOPPING,
    "LICENSE_LIMIT_EXCEEDED": Disposition.RUN_STOPPING,
    "API_DISABLED_FOR_ORG": Disposition.RUN_STOPPING,
    "API_CURRENTLY_DISABLED": Disposition.RUN_STOPPING,
    "INVALID_SESSION_ID": Disposition.RUN_STOPPING,
    "ORG_LOCKED": Disposition.RUN_STOPPING,
    "INACTIVE_OWNER_OR_USER": Disposition.PERMANENT,
    "REQUIRED_FIELD_MISSING": Disposition.PERMANENT,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": Disposition.PERMANENT,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Disposition.PERMANENT,
    "DUPLICATE_VALUE": Disposition.PERMANENT,
    "DUPLICATES_DETECTED": Disposition.PERMANENT,
    "INVALID_CROSS_REFERENCE_KEY": Disposition.PERMANENT,
    "INVALID_FIELD": Disposition.PERMANENT,
    "STRING_TOO_LONG": Disposition.PERMANENT,
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": Disposition.PERMANENT,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": Disposition.PERMANENT,
    "INSUFFICIENT_ACCESS_OR_READONLY": Disposition.PERMANENT,
}
"""Every code that is not listed is permanent: an unknown refusal is shown, not repeated."""

RETRYABLE_CODES = frozenset(
    code for code, what in DISPOSITIONS.items() if what is Disposition.RETRYABLE
)
STOPPING_CODES = frozenset(
    code for code, what in DISPOSITIONS.items() if what is Disposition.RUN_STOPPING
)

EXHAUSTED_CODE = "LOCK_EXHAUSTED"
"""Dead-letter code of a row that was still retryable after the last rung of the ladder."""

AMBIGUOUS_ID = "AMBIGUOUS_ID"
NOT_REPRESENTABLE = "NOT_REPRESENTABLE"
BLANK_ID = "MISSING_ARGUMENT"
NEVER_SENT = frozenset({AMBIGUOUS_ID, NOT_REPRESENTABLE, BLANK_ID})
"""Dead-letter codes of our own, of rows that cannot be sent at all."""

ERROR_PATTERN = r"(?s)^([^:]*):?(.*?)(?::([^:]*?))?\s*--\s*$"
"""Groups: code, message, comma-separated fields. ``CODE:message:field1,field2 --``."""

BARE_CODE_PATTERN = r"^\s*([A-Z][A-Z0-9_]*)\s*(?::|$)"
"""The code alone, of a text that does not end as it should: the code decides, so it is found."""


def disposition(code: str) -> Disposition:
    """Say whether a row refused with this code is worth another attempt.

    >>> disposition("UNABLE_TO_LOCK_ROW").value, disposition("SOME_NEW_CODE").value
    ('retryable', 'permanent')
    """
    return DISPOSITIONS.get(code, Disposition.PERMANENT)
