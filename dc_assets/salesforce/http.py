"""One way to call Salesforce over HTTP: timeouts stated, every failure in our own error tree."""

from __future__ import annotations

import ipaddress
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar, cast

import httpx

from dc_assets.core.errors import (
    AuthExpired,
    ConfigError,
    LimitReached,
    RejectedRequest,
    TransientRemoteError,
)
from dc_assets.core.ladders import CALL_LADDER_S, PATIENT_LADDER_S
from dc_assets.salesforce.retry import call_with_backoff

T = TypeVar("T")

TIMEOUT = httpx.Timeout(connect=10.0, read=180.0, write=180.0, pool=60.0)
"""Seconds. Reading is long because a first page of Data Cloud may be computed for minutes."""

REPEATABLE = frozenset({"GET", "DELETE"})
UNAUTHORIZED = 401
TRANSIENT_STATUSES = frozenset({420, 429, 500, 502, 503, 504})
MESSAGE_CHARS_MAX = 300


def checked_url(url: str) -> str:
    """Return a host's URL without a trailing slash; a bare host becomes https.

    >>> checked_url("acme.my.salesforce.com/")
    'https://acme.my.salesforce.com'
    """
    url = url.strip().rstrip("/")
    try:
        parsed = httpx.URL(url if "://" in url else f"https://{url}")
    except httpx.InvalidURL as error:
        raise ConfigError(
            f"The URL of a Salesforce host cannot be read: {error}. Check SF_LOGIN_URL."
        ) from error
    if parsed.scheme == "https" and parsed.host:
        return str(parsed).rstrip("/")
    if parsed.scheme == "http" and _is_loopback(parsed.host):
        return str(parsed).rstrip("/")
    raise ConfigError(
        f"{parsed.scheme}://{parsed.host} is refused: secrets travel over https only, "
        "or over http to an emulator on 127.0.0.1."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


REST_PREFIX = "/services/data/"
"""Requests below it count against DailyApiRequests; logins and token exchanges do not."""


class Usage:
    """The API calls that one host was sent, and what it says is left.

    That stands in the header Sforce-Limit-Info of every answer: ``api-usage=18/5000``.
    """

    def __init__(self) -> None:
        self.api_calls_left: int | None = None
        self._new_calls = 0
        self._lock = threading.Lock()

    def count(self, request: httpx.Request) -> None:
        """Count a request that goes out, if it is an API call; its answer may get lost."""
        if request.url.path.startswith(REST_PREFIX):
            with self._lock:
                self._new_calls += 1

    def new_calls(self) -> int:
        """Return how many API calls went out since this was asked last."""
        with self._lock:
            calls, self._new_calls = self._new_calls, 0
        return calls

    def note(self, response: httpx.Response) -> None:
        """Read the header of one answer, if it has one."""
        found = _API_USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if found:
            self.api_calls_left = int(found["max"]) - int(found["used"])


_API_USAGE = re.compile(r"api-usage=(?P<used>\d+)/(?P<max>\d+)")


@dataclass(frozen=True, slots=True)
class Host:
    """One server: a client that knows its URL and token, and a way to wait between attempts."""

    client: httpx.Client
    sleep: Callable[[float], None]
    usage: Usage = field(default_factory=Usage)
    ladder_s: tuple[float, ...] = CALL_LADDER_S

    @classmethod
    def at(
        cls, base_url: str, *, sleep: Callable[[float], None], auth: httpx.Auth | None = None
    ) -> Self:
        """Make a client of one host.

        Raises:
            ConfigError: the URL is not https, and not plain http to this machine.
        """
        usage = Usage()
        client = httpx.Client(
            base_url=checked_url(base_url),
            auth=auth,
            timeout=TIMEOUT,
            event_hooks={"request": [usage.count]},
        )
        return cls(client, sleep, usage)

    def patient(self) -> Host:
        """Return the same host for calls that have no batch to wait in their place."""
        return replace(self, ladder_s=PATIENT_LADDER_S)

    def call(
        self,
        method: str,
        url: str,
        *,
        changes_nothing: bool = False,
        **options: Any,  # noqa: ANN401 - httpx's own
    ) -> httpx.Response:
        """Send one request and return its answer, if it is a 2xx.

        GET and DELETE climb the ladder, and so does a POST that ``changes_nothing``; any other
        POST, PUT or PATCH is sent once: whether it acted is for the caller to find out.

        Raises:
            TransientRemoteError, AuthExpired, LimitReached, RejectedRequest
        """
        if method not in REPEATABLE and not changes_nothing:
            return self._call_once(method, url, options)
        return self.repeat(lambda: self._call_once(method, url, options))

    def ask(
        self,
        method: str,
        url: str,
        *,
        changes_nothing: bool = False,
        **options: Any,  # noqa: ANN401 - httpx's own
    ) -> Any:  # noqa: ANN401 - whatever JSON says
        """Send one request as `call` does, and return the JSON of its answer.

        An answer that is cut off or no JSON, as an edge server gives, is none: it is asked again.
        """

        def once() -> Any:  # noqa: ANN401 - the same
            response = self._call_once(method, url, options)
            try:
                return response.json()
            except ValueError as error:
                where = f"{method} {self.client.base_url.host}{httpx.URL(url).path}"
                raise TransientRemoteError(f"{where}: the answer is cut off or no JSON") from error

        if method not in REPEATABLE and not changes_nothing:
            return once()
        return self.repeat(once)

    def repeat(self, effect: Callable[[], T]) -> T:
        """Do something that changes nothing, and again after each rung of the ladder.

        Raises:
            TransientRemoteError: the ladder is used up.
        """
        return call_with_backoff(
            effect, ladder_s=self.ladder_s, sleep=self.sleep, chance=random.random
        )

    def _call_once(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        base = self.client.base_url
        where = f"{method} {base.host}{httpx.URL(url).path}"
        try:
            response = self.client.request(method, url, **options)
        except httpx.ConnectError as error:
            port = base.port or 443
            raise TransientRemoteError(f"{base.host}:{port} cannot be reached: {error}") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            reason = f"{type(error).__name__} {error}".rstrip()
            raise TransientRemoteError(f"{where}: {reason}") from error
        self.usage.note(response)
        if response.is_success:
            return response
        raise _failure(response, where)


def _failure(response: httpx.Response, where: str) -> Exception:
    code, message = error_of(response)
    said = f"{where} answered {response.status_code}: {message}"
    if response.status_code == UNAUTHORIZED:
        return AuthExpired(said)
    if response.status_code in TRANSIENT_STATUSES:  # 429 may carry the code of a limit too
        return TransientRemoteError(said, retry_after_s=_retry_after_s(response))
    if code == "REQUEST_LIMIT_EXCEEDED":
        return LimitReached(
            f"{said.rstrip('.')}. The org takes no more API calls now; its day is a rolling 24 "
            "hours. Run the same command again later: it goes on where it stopped."
        )
    return RejectedRequest(said, code=code, status=response.status_code)


def error_of(response: httpx.Response) -> tuple[str, str]:
    """Return code and message of a failed answer, whatever shape it has.

    Salesforce answers `[{"errorCode", "message"}]`, OAuth `{"error", "error_description"}`, Data
    Cloud `{"error", "message"}`, and its edge HTML or nothing at all.
    """
    try:
        body: object = response.json()
    except ValueError:
        return "", response.reason_phrase or "no readable reason"
    listed = cast("list[object]", body) if isinstance(body, list) else [body]
    first = listed[0] if listed else None
    if not isinstance(first, dict):
        return "", response.reason_phrase
    known = cast("dict[str, object]", first)
    code = known.get("errorCode") or known.get("error") or ""
    message = known.get("message") or known.get("error_description") or code
    return str(code), " ".join(str(message).split())[:MESSAGE_CHARS_MAX]


def _retry_after_s(response: httpx.Response) -> float | None:
    """Read Retry-After in seconds; the form with a date is not used by Salesforce."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None
