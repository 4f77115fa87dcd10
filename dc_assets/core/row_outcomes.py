"""What became of a row, and which refusals are worth another attempt.

Source of the grammar and the codes: Bulk API 2.0 Developer Guide v66 and captured result files.
Only the code decides; messages differ between orgs, languages and releases. A trigger or a flow of
the org wraps the code of what it met into its own: then the wrapped one decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LOCK_CODE = "UNABLE_TO_LOCK_ROW"
"""Somebody else held the row's parent, or the row, for longer than the org waits."""

UNPROCESSED = "UNPROCESSED"
"""Our own code for rows that a job returned untouched (file `unprocessedrecords`)."""

UNKNOWN_EXCEPTION = "UNKNOWN_EXCEPTION"
"""The org failed and does not say how: often it passes, and else it never does."""

ATTEMPTS_MAX: Mapping[str, int | None] = {
    LOCK_CODE: None,
    UNPROCESSED: None,
    "SERVER_UNAVAILABLE": None,
    "REQUEST_RUNNING_TOO_LONG": None,
    "QUERY_TIMEOUT": None,
    UNKNOWN_EXCEPTION: 4,
}
"""Attempts of a row whose last refusal has this code; None: as many as the ladder has.

Somebody else held a lock, or the org never looked at the row: it is sent again later.
"""


WRAPPER_PLACES: Mapping[str, str] = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "first error: ",
    "CANNOT_EXECUTE_FLOW_TRIGGER": ": ",
}
"""Codes of a trigger and of a flow, and what stands before the code that they wrap."""

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

NO_PARENT = "INVALID_FIELD"
"""The code of a row whose parent the org lacks ("Foreign key external ID: … not found")."""

EXHAUSTED_CODE = "LOCK_EXHAUSTED"
"""Dead-letter code of a row that was still retryable after the last rung of the ladder."""

AMBIGUOUS_ID = "AMBIGUOUS_ID"
NOT_REPRESENTABLE = "NOT_REPRESENTABLE"
BLANK_ID = "MISSING_ARGUMENT"
TOO_LONG = "TOO_LONG_FOR_A_JOB"
NO_RECORD = "NOT_FOUND"
AMBIGUOUS_RECORD = "AMBIGUOUS_RECORD"
NEVER_SENT = frozenset(
    {AMBIGUOUS_ID, NOT_REPRESENTABLE, BLANK_ID, TOO_LONG, NO_RECORD, AMBIGUOUS_RECORD}
)
"""Dead-letter codes of our own, of rows that cannot be sent at all."""

ERROR_PATTERN = r"(?s)^([^:]*):?(.*?)(?::([^:]*?))?\s*--\s*$"
"""Groups: code, message, comma-separated fields. ``CODE:message:field1,field2 --``."""

BARE_CODE_PATTERN = rf"^\s*({_WORD.pattern})\s*(?::|$)"
"""The code alone, of a text that does not end as it should: the code decides, so it is found."""


_WRAPPERS = "|".join(rf"{code}\s*[:,].*?{place}" for code, place in WRAPPER_PLACES.items())
WRAPPED_CODE_PATTERN = rf"(?s)^\s*(?:{_WRAPPERS})+([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\s*(?:[,:]|--|$)"
"""Group: the innermost code of a text that begins with a wrapper's, at the place of such a code.

A text that merely mentions a code has it elsewhere: behind another code, or within a sentence.
"""


def retryable_codes(attempt: int) -> frozenset[str]:
    """Return the codes that are worth another attempt after the given one (from 1).

    >>> sorted(retryable_codes(1) - retryable_codes(4))
    ['UNKNOWN_EXCEPTION']
    """
    limits = ATTEMPTS_MAX.items()
    return frozenset(code for code, most in limits if most is None or attempt < most)


def shown_code(code: str) -> str:
    """Return a code as it may be shown.

    >>> shown_code("STRING_TOO_LONG"), shown_code("bad value: 12")
    ('STRING_TOO_LONG', 'UNKNOWN_ERROR')
    """
    return code if _WORD.fullmatch(code) else OTHER_CODE
