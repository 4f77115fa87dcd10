"""What a failed answer says, as an error of our tree."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from dc_assets.core.errors import (
    OrgMoved,
    RejectedRequest,
    RemoteError,
    TransientRemoteError,
    UnexpectedAnswer,
    WrongHost,
)
from dc_assets.salesforce.causes import TENANT_PREFIX, Refusal, cause_of
from dc_assets.salesforce.origins import host_of, moved_to
from dc_assets.salesforce.rate_limits import bounded_wait_s, reset_s

INTERNAL_ERROR = 500
MESSAGE_CHARS_MAX = 300


def failure(
    response: httpx.Response,
    where: str,
    *,
    calls_left: int | None = None,
    allowed: Sequence[str] = (),
    wall_s: Callable[[], float] = time.time,
) -> RemoteError:
    """Return the error of an answer that is no 2xx; ``where`` names the call.

    ``calls_left`` is what the host last said of its day; ``allowed`` are hosts besides Salesforce's
    that an org may move to; ``wall_s`` is our clock, which may be wrong.
    """
    code, message = error_of(response)
    said = f"{where} answered {response.status_code}: "
    if response.has_redirect_location:
        return _moved(response, said, allowed)
    refusal = Refusal(
        response.url.path,
        response.status_code,
        code,
        message,
        calls_left,
        _clock_off_s(response, wall_s),
    )
    cause = cause_of(refusal)
    said += f"{message.rstrip('.')}. {cause.remedy}" if cause.remedy else message
    if issubclass(cause.kind, RejectedRequest):
        return cause.kind(said, code=code, status=response.status_code)
    if issubclass(cause.kind, UnexpectedAnswer):
        return cause.kind(said, is_whole=False)
    if issubclass(cause.kind, TransientRemoteError):
        fault = code if response.status_code == INTERNAL_ERROR else ""
        return cause.kind(said, retry_after_s=_retry_after_s(response), code=fault)
    return cause.kind(said)


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


def _moved(response: httpx.Response, said: str, allowed: Sequence[str]) -> RejectedRequest:
    """Return the error of a redirect; a call with a secret is never sent on."""
    location = response.headers["Location"]
    status, url = response.status_code, moved_to(location, response.url, allowed)
    if url and response.url.path.startswith(TENANT_PREFIX):
        return OrgMoved(
            f"{said}the Data Cloud tenant has moved to {url}. Nothing was sent there. Run the same "
            "command again: the org names the tenant's address, and it resumes where it stopped.",
            status=status,
        )
    if url:
        return OrgMoved(
            f"{said}the org has moved to {url}: set SF_LOGIN_URL to it. Nothing was sent there. "
            "Then run the same command again: it resumes where it stopped.",
            status=status,
        )
    return WrongHost(
        f"{said}it sends on to {_whom(location, response.url)}, and a call with a secret is not "
        "sent on. Check SF_LOGIN_URL (the org's My Domain), and whether the network asks for a "
        "sign-in of its own.",
        status=status,
    )


def _whom(location: str, asked: httpx.URL) -> str:
    try:
        host = host_of(asked.join(location))
    except (httpx.InvalidURL, ValueError):
        host = ""
    return f"{host}, which is no org" if host not in {"", host_of(asked)} else "a page of its own"


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read when to ask again; None when the answer says nothing that can be waited.

    Retry-After has seconds or a date; a rate limit says when its window ends.
    """
    headers = response.headers
    text = headers.get("Retry-After", "")
    dated = _until_s(text, headers.get("Date", ""))
    for wait_s in (bounded_wait_s(text), bounded_wait_s(dated), reset_s(headers)):
        if wait_s is not None:
            return wait_s
    return None


def _clock_off_s(response: httpx.Response, wall_s: Callable[[], float]) -> float:
    """Return by how much the clock of an answer and ours differ; 0 if it tells no time."""
    told = http_date(response.headers.get("Date", ""))
    return abs(wall_s() - told.timestamp()) if told else 0.0


def _until_s(text: str, now: str) -> str:
    """Return the seconds until a date by the server's own clock; "" without both dates."""
    until, start = http_date(text), http_date(now)
    return str((until - start).total_seconds()) if until and start else ""


def http_date(text: str) -> datetime | None:
    """Read an HTTP date; None when there is none."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
