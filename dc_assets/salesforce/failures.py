"""What a failed answer says, as an error of our tree."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from dc_assets.core.errors import (
    AuthExpired,
    LimitReached,
    RejectedRequest,
    TransientRemoteError,
)
from dc_assets.salesforce.origins import host_of

UNAUTHORIZED = 401
INTERNAL_ERROR = 500
TRANSIENT_STATUSES = frozenset({420, 429, 500, 502, 503, 504})
MESSAGE_CHARS_MAX = 300
RETRY_AFTER_S_MAX = 300.0
"""Seconds. A server that asks for more is asked again after these."""


def failure(response: httpx.Response, where: str) -> Exception:
    """Return the error of an answer that is no 2xx; ``where`` names the call."""
    code, message = error_of(response)
    said = f"{where} answered {response.status_code}: {message}"
    if response.has_redirect_location:
        return RejectedRequest(f"{where} answered {response.status_code}: {_moved(response)}")
    if response.status_code == UNAUTHORIZED:
        return AuthExpired(said)
    if response.status_code in TRANSIENT_STATUSES:  # 429 may carry the code of a limit too
        fault = code if response.status_code == INTERNAL_ERROR else ""
        return TransientRemoteError(said, retry_after_s=_retry_after_s(response), code=fault)
    if code == "REQUEST_LIMIT_EXCEEDED":
        return LimitReached(
            f"{said.rstrip('.')}. The org takes no more API calls now; its day is a rolling 24 "
            "hours. Run the same command again later: it resumes where it stopped."
        )
    return RejectedRequest(said, code=code, status=response.status_code)


def error_of(response: httpx.Response) -> tuple[str, str]:
    """Return code and message of a failed answer, whatever shape it has.

    Salesforce answers `[{"errorCode", "message"}]`, OAuth `{"error", "error_description"}`, Data
    Cloud `{"error", "message"}`, and its edge HTML or nothing at all.
    """
    try:
        body: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return "", response.reason_phrase or "no readable reason"
    listed = cast("list[object]", body) if isinstance(body, list) else [body]
    first = listed[0] if listed else None
    if not isinstance(first, dict):
        return "", response.reason_phrase
    known = cast("dict[str, object]", first)
    code = known.get("errorCode") or known.get("error") or ""
    message = known.get("message") or known.get("error_description") or code
    return _words(code), _words(message)


def _words(value: object) -> str:
    """Return a text in one line; a value that is nested or huge is none."""
    if not isinstance(value, str):
        value = str(value) if isinstance(value, int) and abs(value) < 10**18 else "no text"
    return " ".join(value[: 4 * MESSAGE_CHARS_MAX].split())[:MESSAGE_CHARS_MAX]


def _moved(response: httpx.Response) -> str:
    try:
        host = host_of(httpx.URL(response.headers["Location"]))
    except (httpx.InvalidURL, ValueError):
        host = ""
    return (
        f"it moved to {host or 'another path'}. A call with a secret is never sent on. If that is "
        "your org's new My Domain, set SF_LOGIN_URL to it"
    )


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read Retry-After, in seconds or as a date; None when it says nothing that can be waited."""
    text = response.headers.get("Retry-After", "")
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = _until_s(text, response.headers.get("Date", ""))
    if not math.isfinite(wait_s) or wait_s < 0:
        return None
    return min(wait_s, RETRY_AFTER_S_MAX)


def _until_s(text: str, now: str) -> float:
    """Return the seconds until a date by the server's own clock; NaN without both dates."""
    until, start = http_date(text), http_date(now)
    return (until - start).total_seconds() if until and start else math.nan


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None when there is none."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
