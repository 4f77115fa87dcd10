"""One way to call Salesforce: what is repeated, what is not, and what an error says."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from threading import Barrier, Thread

import httpx
import pytest

from dc_assets.core.errors import (
    TOO_MUCH,
    AuthExpired,
    ConfigError,
    LimitReached,
    OrgMoved,
    RejectedRequest,
    TooManyAtOnce,
    TransientRemoteError,
    UnexpectedAnswer,
    WrongHost,
)
from dc_assets.core.run_events import RunEvent
from dc_assets.salesforce.auth import (
    BearerAuth,
    Token,
    TokenStore,
    org_session_expired,
    tenant_token_expired,
)
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.failures import error_of
from dc_assets.salesforce.http import Host, Usage
from dc_assets.salesforce.origins import checked_url
from dc_assets.salesforce.rate_limits import RateLimit, RateWindow

SECRET = "tok-SECRET-123"
EXPIRED = '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'
Answer = Callable[[httpx.Request], httpx.Response]


class Wire:
    """A host whose answers are given, with the requests and waits it saw."""

    def __init__(
        self, answer: Answer, auth: httpx.Auth | None = None, base: str = "https://org.example"
    ) -> None:
        self.requests: list[httpx.Request] = []
        self.tokens: list[str] = []
        self.waits_s: list[float] = []
        self._answer = answer
        client = httpx.Client(base_url=base, transport=httpx.MockTransport(self._seen), auth=auth)
        self.events: list[RunEvent] = []
        self.host = Host(client, self.waits_s.append, note=self.events.append)

    def _seen(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.tokens.append(request.headers.get("Authorization", ""))
        return self._answer(request)


def always(status: int, text: str = "", **headers: str) -> Answer:
    """Return an answer that is the same for each request."""
    return lambda _: httpx.Response(status, text=text, headers=headers)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (EXPIRED, "INVALID_SESSION_ID", "Session expired or invalid"),
        ('[ {\n "message" : "m",\n "errorCode" : "INVALID_FIELD"\n} ]', "INVALID_FIELD", "m"),
        ('{"errorCode":"X","message":"m"}', "X", "m"),
        (
            '{"error":"invalid_grant","error_description":"authentication failure"}',
            "invalid_grant",
            "authentication failure",
        ),
        ('{"error":"Bad Request","message":"no table"}', "Bad Request", "no table"),
        ('["/services/data/v23.0/sobjects/Whizbang/foo"]', "", "Bad Request"),
        ("[]", "", "Bad Request"),
        ("null", "", "Bad Request"),
        ("<html><body>Down for maintenance</body></html>", "", "Bad Request"),
        ("", "", "Bad Request"),
    ],
)
def test_an_error_has_a_code_and_a_message_in_every_shape(
    body: str, code: str, message: str
) -> None:
    """Arrays, objects, OAuth's own shape, HTML and nothing at all are read."""
    assert error_of(httpx.Response(400, text=body)) == (code, message)


def test_a_long_message_is_cut() -> None:
    """One sentence ends a run, not a page of HTML in JSON."""
    _, message = error_of(httpx.Response(400, json=[{"message": "x \n" * 999, "errorCode": "C"}]))
    assert len(message) == 300
    assert "\n" not in message


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, EXPIRED, AuthExpired),
        (403, '[{"message":"m","errorCode":"REQUEST_LIMIT_EXCEEDED"}]', LimitReached),
        (403, '[{"message":"m","errorCode":"INSUFFICIENT_ACCESS"}]', RejectedRequest),
        (400, '[{"message":"m","errorCode":"MALFORMED_ID"}]', RejectedRequest),
        (404, '[{"message":"m","errorCode":"NOT_FOUND"}]', RejectedRequest),
        (420, "", TransientRemoteError),
        (429, "", TransientRemoteError),
        (500, "", TransientRemoteError),
        (502, "<html>", TransientRemoteError),
        (503, '[{"message":"m","errorCode":"SERVER_UNAVAILABLE"}]', TransientRemoteError),
        (504, "", TransientRemoteError),
        (302, "", RejectedRequest),
    ],
)
def test_a_failure_is_named_by_what_the_caller_can_do(
    status: int, body: str, kind: type[Exception]
) -> None:
    """Status and code choose the error, and the sentence says which call it was."""
    with pytest.raises(kind, match=f"POST org.example/path answered {status}"):
        Wire(always(status, body)).host.call("POST", "/path?secret=1")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_call_without_effect_is_repeated(method: str) -> None:
    """It climbs the ladder to its end, with jitter, and the last error is let through."""
    wire = Wire(always(503))
    with pytest.raises(TransientRemoteError):
        wire.host.call(method, "/x")
    assert len(wire.requests) == 6
    for wait_s, rung_s in zip(wire.waits_s, (0.5, 1.0, 2.0, 4.0, 8.0), strict=True):
        assert rung_s * 0.75 <= wait_s <= rung_s * 1.25


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_call_with_effect_is_sent_once(method: str) -> None:
    """Whether it acted is for the caller to find out."""
    wire = Wire(always(503))
    with pytest.raises(TransientRemoteError) as caught:
        wire.host.call(method, "/x")
    assert (len(wire.requests), wire.waits_s) == (1, [])
    assert not caught.value.after_ladder  # so its batch asks soon


@pytest.mark.parametrize(
    ("base", "location", "kind", "words"),
    [
        ("https://a.my.salesforce.com", "https://b.my.salesforce.com/x", OrgMoved, "set SF_LOGIN"),
        ("https://a.my.salesforce.com", "//b.my.salesforce.com/x", OrgMoved, "set SF_LOGIN"),
        ("https://a.my.salesforce.com", "http://a.my.salesforce.com/x", WrongHost, "page of its"),
        ("https://a.my.salesforce.com", "/secur/login.jsp", WrongHost, "a page of its own"),
        ("https://a.my.salesforce.com", "https://login.salesforce.com/", WrongHost, "is no org"),
        ("https://a.my.salesforce.com", "https://portal.example/", WrongHost, "portal.example"),
        ("https://a.my.salesforce.com", "http://127.0.0.1:9/", WrongHost, "which is no org"),
        ("https://a.my.salesforce.com", "https://[", WrongHost, "which is no org"),
        ("http://127.0.0.1:9", "https://b.my.salesforce.com/x", OrgMoved, "set SF_LOGIN_URL"),
    ],
)
def test_a_redirect_tells_an_org_that_moved_from_a_page_for_people(
    base: str, location: str, kind: type[Exception], words: str
) -> None:
    """Only another host that a secret may go to is where an org can have moved."""
    wire = Wire(always(302, location=location), base=base)
    with pytest.raises(kind, match=words):
        wire.host.call("GET", "/services/data/v64.0/limits")
    assert len(wire.requests) == 1


def test_a_refusal_is_not_repeated() -> None:
    """The same call would be refused again."""
    wire = Wire(always(400))
    with pytest.raises(RejectedRequest):
        wire.host.call("GET", "/x")
    assert len(wire.requests) == 1


OVER = '[{"message":"ConcurrentRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]'


def test_a_limit_of_the_moment_is_waited_for_where_nothing_else_waits() -> None:
    """Any question climbs the patient ladder until the org takes calls again; a batch rests."""
    answers = [httpx.Response(403, text=OVER)] * 13
    wire = Wire(lambda _: answers.pop() if answers else httpx.Response(200, text="{}"))
    with pytest.raises(TooManyAtOnce, match="too many requests at once"):
        wire.host.of_batches().call("GET", "/x")
    assert len(wire.requests) == 6
    assert wire.host.call("GET", "/x").status_code == 200
    assert len(wire.requests) == 14
    assert max(wire.waits_s) > 40


def limit(message: str) -> httpx.Response:
    """Return a refusal for want of something."""
    code = "REQUEST_LIMIT_EXCEEDED"
    return httpx.Response(403, json=[{"message": message, "errorCode": code}])


@pytest.mark.parametrize(
    ("message", "usage", "kind"),
    [
        ("TotalRequests Limit exceeded.", "5/15000", LimitReached),
        ("ConcurrentPerOrgLongTxn Limit exceeded.", "15000/15000", TooManyAtOnce),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", "", TooManyAtOnce),
        ("Limit exceeded.", "5/15000", TooManyAtOnce),
        ("Limit exceeded.", "15000/15000", LimitReached),
        ("Limit exceeded.", "15001/15000", LimitReached),
        ("Limit exceeded.", "", LimitReached),
    ],
)
def test_the_words_tell_the_day_from_the_moment_and_else_the_calls_left(
    message: str, usage: str, kind: type[Exception]
) -> None:
    """A text that says neither is held against Sforce-Limit-Info, which stands in each answer."""
    answer = limit(message)
    answer.headers.update({"Sforce-Limit-Info": f"api-usage={usage}"} if usage else {})
    with pytest.raises(kind):
        Wire(lambda _: answer).host.of_batches().call("POST", "/services/data/v64.0/x")


@pytest.mark.parametrize(
    "usage",
    [
        "api-usage=18/5000",
        "api-usage=18/5000; per-app-api-usage=17/250(appName=x)",
        "per-app-api-usage=17/250(appName=x); api-usage=18/5000",
        "api-bursts=1/750, api-usage=18/5000",
    ],
)
def test_what_is_left_of_the_day_is_that_of_the_org(usage: str) -> None:
    """An app's own share of it stands in the same header, before or behind it."""
    wire = Wire(always(200, "{}", **{"sforce-limit-info": usage}))
    wire.host.call("GET", "/x")
    assert wire.host.usage.api_calls_left == 4_982


@pytest.mark.parametrize("body", ["<html>", "\n <!DOCTYPE html><html>", "<?xml version='1.0'?>"])
def test_a_page_for_people_is_no_answer_whatever_it_calls_itself(body: str) -> None:
    """A result file, a close and a query are all asked for again."""
    wire = Wire(always(200, body, **{"Content-Type": "text/csv"}))
    with pytest.raises(UnexpectedAnswer, match="a page of HTML"):
        wire.host.call("GET", "/x")
    assert len(wire.requests) == 6


@pytest.mark.parametrize("status", [400, 500, 503])
@pytest.mark.parametrize("code", sorted(TOO_MUCH))
def test_a_query_that_is_too_big_is_known_by_its_code(status: int, code: str) -> None:
    """Whatever the status: it is not asked again as it is, and its halves may be."""
    wire = Wire(always(status, f'[{{"message":"too long","errorCode":"{code}"}}]'))
    with pytest.raises(RejectedRequest) as caught:
        wire.host.patient().call("GET", "/services/data/v64.0/query")
    assert (caught.value.code, len(wire.requests)) == (code, 1)


@pytest.mark.parametrize(("status", "code"), [(500, "UNKNOWN_EXCEPTION"), (503, "")])
def test_only_a_fault_of_the_org_itself_has_its_code(status: int, code: str) -> None:
    """A smaller question may help then; an edge server that is in trouble says nothing of it."""
    body = '[{"message":"m","errorCode":"UNKNOWN_EXCEPTION"}]'
    with pytest.raises(TransientRemoteError) as caught:
        Wire(always(status, body)).host.call("GET", "/x")
    assert caught.value.code == code


def test_the_server_says_how_long_to_wait() -> None:
    """Retry-After wins over the ladder; a date in it is ignored."""
    wire = Wire(always(429, **{"Retry-After": "7"}))
    with pytest.raises(TransientRemoteError) as caught:
        wire.host.call("GET", "/x")
    assert wire.waits_s == [7.0] * 5
    assert caught.value.retry_after_s == 7.0
    dated = Wire(always(503, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}))
    with pytest.raises(TransientRemoteError):
        dated.host.call("GET", "/x")
    assert dated.waits_s[0] < 1


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")],
)
def test_a_broken_connection_is_transient(error: httpx.TransportError) -> None:
    """Timeouts, refusals and cut answers may work later."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(TransientRemoteError, match=r"org\.example"):
        Wire(answer).host.call("POST", "/x")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        (" https://acme.my.salesforce.com/ ", "https://acme.my.salesforce.com"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_host_is_reached_by_https_or_on_this_machine(given: str, expected: str) -> None:
    """Plain http is for an emulator on loopback."""
    assert checked_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "http://acme.my.salesforce.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://0.0.0.0:80",
        "ftp://acme",
        "https://[::1",
        "https://acme:port",
        "",
    ],
)
def test_any_other_host_is_refused(given: str) -> None:
    """Secrets do not travel in the clear, and a URL that is none is a wrong setting."""
    with pytest.raises(ConfigError):
        checked_url(given)


def renewing(fetched: list[Token]) -> TokenStore:
    """Return a store whose tokens are numbered."""

    def fetch() -> Token:
        fetched.append(Token(f"{SECRET}-{len(fetched)}", "https://org.example"))
        return fetched[-1]

    return TokenStore(fetch)


def test_an_expired_token_is_renewed_once() -> None:
    """The request is sent again with the new token; a second refusal is let through."""
    fetched: list[Token] = []
    wire = Wire(always(401, EXPIRED), BearerAuth(renewing(fetched), expired=org_session_expired))
    with pytest.raises(AuthExpired):
        wire.host.call("POST", "/x", content=b"rows")
    assert wire.tokens == [f"Bearer {SECRET}-0", f"Bearer {SECRET}-1"]
    assert [r.content for r in wire.requests] == [b"rows", b"rows"]


def test_many_threads_renew_a_token_once() -> None:
    """All of them found the same token stale, and one of them fetches."""
    fetched: list[Token] = []
    store = renewing(fetched)
    stale, barrier = store.token(), Barrier(8)

    def renew() -> None:
        barrier.wait()
        store.token(stale=stale)

    threads = [Thread(target=renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 2


def test_a_session_that_is_never_valid_is_not_renewed() -> None:
    """A new token would be refused alike, for ever."""
    message = "This session is not valid for use with the REST API"
    body = f'[{{"message":"{message}","errorCode":"INVALID_SESSION_ID"}}]'
    assert not org_session_expired(httpx.Response(401, text=body))
    assert not org_session_expired(httpx.Response(403, text=EXPIRED))
    assert tenant_token_expired(httpx.Response(403, text=""))


def test_no_secret_is_in_a_repr_or_an_error() -> None:
    """Neither the login, nor the token, nor the sentence of a failure shows it."""
    token = Token(SECRET, "https://org.example")
    wire = Wire(always(400, "[]"), BearerAuth(TokenStore(lambda: token), expired=lambda _: False))
    with pytest.raises(RejectedRequest) as caught:
        wire.host.call("POST", "/x", data={"client_secret": SECRET})
    shown = [token, Login(ClientCredentials("https://a", "id", SECRET)), wire.host, caught.value]
    assert SECRET not in "".join(f"{thing!r}{thing!s}" for thing in shown)


def test_each_retry_is_told_before_its_wait() -> None:
    """What is asked, which attempt comes, why and when; a patient call tells all fifteen waits."""
    wire = Wire(always(503, '[{"message":"m","errorCode":"SERVER_UNAVAILABLE"}]'))
    with pytest.raises(TransientRemoteError):
        wire.host.patient().call("GET", "/services/data/v64.0/limits?token=tok-SECRET-123")
    fields = [event.fields for event in wire.events]
    assert [event.name for event in wire.events] == ["call_retried"] * 15
    assert [one["wait_s"] for one in fields] == wire.waits_s
    assert [one["attempt"] for one in fields] == list(range(2, 17))
    assert {one["attempts_max"] for one in fields} == {16}
    assert {one["asked"] for one in fields} == {"GET /services/data/v64.0/limits"}
    assert "answered 503: m; GET /services/data" in str(wire.events[0])
    assert SECRET not in str(wire.events)


LIMITS = {"x-ratelimit-limit": "500, 500;w=1, 1000;w=86400", "x-ratelimit-remaining": "0"}


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"x-ratelimit-reset": "7"}, 7),
        ({"x-ratelimit-reset": "7", "Retry-After": "3"}, 3),
        ({**LIMITS, "x-ratelimit-reset": "86400"}, 300),
        ({"x-ratelimit-reset": "soon"}, None),
    ],
)
def test_a_refused_call_waits_for_the_next_window(
    headers: dict[str, str], waited: float | None
) -> None:
    """A 429 without Retry-After says when its window ends; no wait is longer than five minutes."""
    wire = Wire(always(429, "", **headers))
    with pytest.raises(TransientRemoteError) as caught:
        wire.host.call("POST", "/x")
    assert caught.value.retry_after_s == waited


def test_a_host_without_a_call_left_is_not_asked_before_its_window_ends() -> None:
    """The wait is told with what the host says, and ends when time has passed by itself."""
    now_s = [100.0]
    left = iter(["1", "0", "0", "5"])

    def answer(_: httpx.Request) -> httpx.Response:
        headers = {**LIMITS, "x-ratelimit-remaining": next(left), "x-ratelimit-reset": "20"}
        return httpx.Response(200, headers=headers)

    wire = Wire(answer)
    host = replace(wire.host, usage=Usage(RateWindow(lambda: now_s[0])))
    for passed_s in (0, 0, 5, 30):
        now_s[0] += passed_s
        host.call("GET", "/x")
    assert wire.waits_s == [15]
    assert [str(event) for event in wire.events] == [
        "org.example takes no more calls for 15 s (its limits: 500, 500;w=1, 1000;w=86400)"
    ]
    assert host.usage.rates.limit == RateLimit(5, 20, LIMITS["x-ratelimit-limit"])


def test_an_answer_at_the_first_attempt_tells_nothing() -> None:
    """And so does a call that is never made again."""
    wire = Wire(always(200, "{}"))
    wire.host.call("GET", "/x")
    lost = Wire(always(503))
    with pytest.raises(TransientRemoteError):
        lost.host.call("POST", "/x")
    assert wire.events == lost.events == []


def test_an_answer_goes_with_its_last_reference() -> None:
    """Bodies of many megabytes must not wait for the collection of cycles."""
    gc.disable()
    try:
        answer = weakref.ref(Wire(always(200, "{}")).host.call("GET", "/x"))
        assert answer() is None
    finally:
        gc.enable()
