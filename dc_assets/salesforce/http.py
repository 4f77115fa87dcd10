"""One way to call Salesforce over HTTP: timeouts stated, every failure in our own error tree."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

import httpx

from dc_assets.core.api_version import TESTED_VERSION
from dc_assets.core.errors import TransientRemoteError
from dc_assets.core.ladders import CALL_LADDER_S, PATIENT_LADDER_S
from dc_assets.core.run_events import Note, RunEvent, unheard
from dc_assets.salesforce.answers import RecordPage, read, unexpected
from dc_assets.salesforce.bounded import bounded_transport, proxy_of
from dc_assets.salesforce.causes import REST_PREFIX
from dc_assets.salesforce.failures import failure, http_date
from dc_assets.salesforce.origins import checked_url, own_link
from dc_assets.salesforce.rate_limits import RateWindow
from dc_assets.salesforce.retry import Ladder, Retry, call_with_backoff

T = TypeVar("T")

TIMEOUT = httpx.Timeout(connect=10.0, read=180.0, write=180.0, pool=60.0)
"""Seconds. Reading is long because a first page of Data Cloud may be computed for minutes."""

REPEATABLE = frozenset({"GET", "DELETE"})

_READ = httpx.ByteStream(b"")
"""The stream of an answer whose body is in memory."""

BLANKS_MAX = 1_000
"""Bytes in which an answer begins."""

PAGES_MAX = 10_000
"""Pages of one list or query: 20 million jobs, 490 million rows of Data Cloud. No count of ours
comes near, so more of them never end."""


class Usage:
    """The API calls that one host was sent, what it says is left, and the time by its clock.

    What is left stands in the header Sforce-Limit-Info of every answer: ``api-usage=18/5000``. Data
    Cloud says it otherwise: `rates`.
    """

    def __init__(self, rates: RateWindow | None = None) -> None:
        self.rates = rates or RateWindow()
        self.api_calls_left: int | None = None
        self.org_time: datetime | None = None
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
        """Read the headers of one answer, as far as it has them."""
        self.org_time = http_date(response.headers.get("Date", "")) or self.org_time
        found = _API_USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if found:
            self.api_calls_left = int(found["max"]) - int(found["used"])
        if response.is_success:
            self.rates.note(response.headers)


_API_USAGE = re.compile(r"(?<![-\w])api-usage=(?P<used>[0-9]{1,12})/(?P<max>[0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Host:
    """One server: a client that knows its URL and token, and a way to wait between attempts.

    Attributes:
        moment_s: the waits after a limit of the moment, for calls that may act too: ten minutes,
            but not where a batch rests in place of its call.
        allowed: hosts besides Salesforce's own that a secret may go to.
        note: hears of each call that is made again.
        version: of the org's API.
    """

    client: httpx.Client
    sleep: Callable[[float], None]
    usage: Usage = field(default_factory=Usage)
    ladder_s: tuple[float, ...] = CALL_LADDER_S
    moment_s: tuple[float, ...] = PATIENT_LADDER_S
    allowed: tuple[str, ...] = ()
    note: Note = unheard
    version: str = TESTED_VERSION

    @property
    def api(self) -> str:
        """The path that calls of the REST and Bulk API begin with."""
        return f"{REST_PREFIX}v{self.version}"

    @classmethod
    def at(
        cls,
        base_url: str,
        *,
        sleep: Callable[[float], None],
        auth: httpx.Auth | None = None,
        allowed: Sequence[str] = (),
        note: Note = unheard,
    ) -> Self:
        """Make a client of one host.

        Raises:
            ConfigError: the URL is none that a secret may go to, or a proxy setting is wrong.
        """
        usage, url = Usage(), checked_url(base_url, allowed)
        client = httpx.Client(
            base_url=url,
            auth=auth,
            timeout=TIMEOUT,
            transport=bounded_transport(url),
            event_hooks={"request": [usage.count]},
        )
        return cls(client, sleep, usage, allowed=tuple(allowed), note=note)

    def patient(self) -> Host:
        """Return the same host for calls that have no batch to wait in their place."""
        return replace(self, ladder_s=PATIENT_LADDER_S)

    def of_batches(self) -> Host:
        """Return the same host for calls of batches, which rest in their place."""
        return replace(self, moment_s=CALL_LADDER_S)

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
        POST, PUT or PATCH is sent again only after a limit of the moment, which it did not pass:
        whether it acted is for the caller to find out.

        Raises:
            TransientRemoteError, AuthExpired, UnexpectedAnswer, LimitReached, RejectedRequest
        """
        may_repeat = changes_nothing or method in REPEATABLE
        effect = partial(self._call_once, method, url, options)
        return self._climbed(effect, _asked(method, url), may_repeat=may_repeat)

    def ask(
        self,
        method: str,
        url: str,
        shape: type[T],
        *,
        changes_nothing: bool = False,
        **options: Any,  # noqa: ANN401 - httpx's own
    ) -> T:
        """Send one request as `call` does, and return the JSON of its answer in a shape.

        An answer that is cut off or no JSON, as an edge server gives, is none: it is asked again.
        """

        def once() -> T:
            response = self._call_once(method, url, options)
            return read(shape, response.content, self.replayed(method, url))

        may_repeat = changes_nothing or method in REPEATABLE
        return self._climbed(once, _asked(method, url), may_repeat=may_repeat)

    def ask_pages(
        self, url: str, row: type[T], *, params: Mapping[str, str] | None = None
    ) -> Iterator[T]:
        """Yield the records of a list or of a SOQL query from all of its pages.

        Raises:
            UnexpectedAnswer: a page came twice, leads away from the host, or there is no end.
        """
        place = self.replayed("GET", url)
        seen: set[str] = set()
        page = self.ask("GET", url, RecordPage[row], params=params)
        yield from page.records
        while not page.done:
            if page.next_records_url is None:
                raise unexpected(place, "a page that is not the last names no next one")
            link = own_link(page.next_records_url, self.client.base_url, place)
            if link in seen:
                raise unexpected(place, "the same next page came twice")
            if len(seen) >= PAGES_MAX:
                raise unexpected(place, f"more than {PAGES_MAX:,} pages")
            seen.add(link)
            page = self.ask("GET", link, RecordPage[row])
            yield from page.records

    def replayed(self, method: str, url: str) -> str:
        """Return who answered which call, to begin the sentence of a wrong shape with."""
        return f"{self.client.base_url.host} answered {_asked(method, url)}"

    def repeat(self, effect: Callable[[], T], asked: str) -> T:
        """Do something that changes nothing, and again after each rung of the ladder.

        ``asked`` says in an event what it is.

        Raises:
            TransientRemoteError: the ladder is used up.
        """
        return self._climbed(effect, asked, may_repeat=True)

    def _climbed(self, effect: Callable[[], T], asked: str, *, may_repeat: bool) -> T:
        return call_with_backoff(
            effect,
            ladder=Ladder(self.ladder_s if may_repeat else (), self.moment_s),
            sleep=self.sleep,
            chance=random.random,
            retried=lambda retry: self.note(_retried(asked, retry)),
        )

    def _call_once(self, method: str, url: str, options: dict[str, Any]) -> httpx.Response:
        base = self.client.base_url
        assert url.startswith("/"), "a call names a path: its host is the client's"
        where = f"{method} {base.host}{_path(url)}"
        self._await_window()
        try:
            response = self.client.request(method, url, **options)
        except (httpx.ConnectError, httpx.ProxyError) as error:
            raise TransientRemoteError(
                f"{base.host}:{base.port or 443} cannot be reached{_by_proxy(base)}: {error}"
            ) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            reason = f"{type(error).__name__} {error}".rstrip()
            raise TransientRemoteError(f"{where}{_by_proxy(base)}: {reason}") from error
        response.stream = _READ  # httpx's own refers back: the body would wait for a collection
        self.usage.note(response)
        if response.is_success:
            if _is_html(response):
                place = self.replayed(method, url)
                what = "a page of HTML, as a proxy or a sign-in page gives"
                raise unexpected(place, what, is_whole=False)
            return response
        raise failure(response, where, calls_left=self.usage.api_calls_left, allowed=self.allowed)

    def _await_window(self) -> None:
        """Send nothing while the host has said that it takes no more calls."""
        rates = self.usage.rates
        if wait_s := rates.wait_s():
            stated = rates.limit.stated if rates.limit else ""
            fields = {"host": self.client.base_url.host, "wait_s": wait_s, "limits": stated}
            self.note(RunEvent("rate_limit_waits", fields))
            self.sleep(wait_s)


def _is_html(response: httpx.Response) -> bool:
    """Tell whether an answer is for a browser; JSON and CSV of an API never begin with ``<``."""
    is_declared = "text/html" in response.headers.get("Content-Type", "").lower()
    return is_declared or response.content[:BLANKS_MAX].lstrip().startswith(b"<")


def _asked(method: str, url: str) -> str:
    return f"{method} {_path(url)}"


def _path(url: str) -> str:
    """Return a path without its query; to parse it as a URL costs a tenth of a call."""
    return url.partition("?")[0]


def _retried(asked: str, retry: Retry) -> RunEvent:
    return RunEvent(
        "call_retried",
        {
            "cause": str(retry.cause),
            "asked": asked,
            "wait_s": retry.wait_s,
            "attempt": retry.attempt,
            "attempts_max": retry.attempts_max,
        },
    )


def _by_proxy(base: httpx.URL) -> str:
    proxy = proxy_of(base)
    return f" through the proxy {proxy} of the environment" if proxy else ""
