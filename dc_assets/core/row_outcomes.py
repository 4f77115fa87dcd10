"""What became of a row, and which refusals are worth another attempt.

Source of the grammar and the codes: Bulk API 2.0 Developer Guide v66 and captured result files.
Only the code decides; messages differ between orgs, languages and releases.
"""

from __future__ import annotations

import re

LOCK_CODE = "UNABLE_TO_LOCK_ROW"
"""Somebody else held the row's parent, or the row, for longer than the org waits."""

UNPROCESSED = "UNPROCESSED"
"""Our own code for rows that a job returned untouched (file `unprocessedrecords`)."""

RETRYABLE_CODES = frozenset(
    {
        LOCK_CODE,
        UNPROCESSED,
        "SERVER_UNAVAILABLE",
        "REQUEST_RUNNING_TOO_LONG",
        "QUERY_TIMEOUT",
    }
)
"""Somebody else held a lock, or the org never looked at the row: it is sent again later."""

STOPPING_CODES = frozenset(
    {
        "STORAGE_LIMIT_EXCEEDED",
        "REQUEST_LIMIT_EXCEEDED",
        "LICENSE_LIMIT_EXCEEDED",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INVALID_SESSION_ID",
        "ORG_LOCKED",
    }
)
"""Every row would be refused alike: the row stays pending and the run stops sending.

Every other code is permanent, an unknown one too: the row becomes a dead letter, is shown to people
and is not sent again by itself.
"""

_WORD = re.compile(r"[A-Z][A-Z0-9_]*")

OTHER_CODE = "UNKNOWN_ERROR"
"""Stands for a code that is no word of Salesforce's: it may quote values."""

EXHAUSTED_CODE = "LOCK_EXHAUSTED"
"""Dead-letter code of a row that was still retryable after the last rung of the ladder."""

AMBIGUOUS_ID = "AMBIGUOUS_ID"
NOT_REPRESENTABLE = "NOT_REPRESENTABLE"
BLANK_ID = "MISSING_ARGUMENT"
NEVER_SENT = frozenset({AMBIGUOUS_ID, NOT_REPRESENTABLE, BLANK_ID})
"""Dead-letter codes of our own, of rows that cannot be sent at all."""

ERROR_PATTERN = r"(?s)^([^:]*):?(.*?)(?::([^:]*?))?\s*--\s*$"
"""Groups: code, message, comma-separated fields. ``CODE:message:field1,field2 --``."""

BARE_CODE_PATTERN = rf"^\s*({_WORD.pattern})\s*(?::|$)"
"""The code alone, of a text that does not end as it should: the code decides, so it is found."""


def shown_code(code: str) -> str:
    """Return a code as it may be shown.

    >>> shown_code("STRING_TOO_LONG"), shown_code("bad value: 12")
    ('STRING_TOO_LONG', 'UNKNOWN_ERROR')
    """
    return code if _WORD.fullmatch(code) else OTHER_CODE
