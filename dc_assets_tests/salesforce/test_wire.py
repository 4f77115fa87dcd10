"""Planted on a real wire: foreign links, bombs, answers without end, proxies, redirects."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from email.parser import Parser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast
from urllib.parse import parse_qs

import httpx
import pytest

from dc_assets.core.errors import (
    ConfigError,
    OrgMoved,
    TransientRemoteError,
    UnexpectedAnswer,
)
from dc_assets.core.ranges import IdRange
from dc_assets.core.run_events import unheard
from dc_assets.delivery.channels import ChannelDown, Message
from dc_assets.delivery.webhook import Webhook
from dc_assets.salesforce.auth import (
    BearerAuth,
    Token,
    TokenStore,
    fetch_tenant_token,
    org_session_expired,
)
from dc_assets.salesforce.bounded import BODY_S_MAX, BoundedTransport, proxy_of
from dc_assets.salesforce.bulk_ingest import list_ingest_jobs
from dc_assets.salesforce.bulk_query import query_records
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets.salesforce.http import Host
from dc_assets.salesforce.session import OrgSession
from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.cli.in_process import environment_is
from dc_assets_tests.fakes.specs import small_spec

TOKEN = "core-token-SECRET"
JOB = "750000000000001AAA"
IDENTITY = "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA"
JSON_TYPE = {"Content-Type": "application/json"}

Reply = tuple[int, dict[str, str], Iterator[bytes]]
Answer = Callable[["Planted", str], Reply]


class Planted(ThreadingHTTPServer):
    """A server that answers each request by a function of its path, and remembers all of them."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.seen: list[tuple[str, str, str]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def _serve(self) -> None:
        server = cast("Planted", self.server)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        server.seen.append((f"{self.command} {self.path}", str(self.headers), body))
        status, headers, pieces = server.answer(server, self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except OSError:
            return  # the client had enough

    do_GET = do_POST = do_CONNECT = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def planted(
    answer: Answer,
) -> Generator[Planted]:
    """Serve until the end of the block."""
    server = Planted(answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def said(body: object, status: int = 200) -> Reply:
    """Return an answer of JSON."""
    return status, JSON_TYPE, iter([json.dumps(body).encode()])


def always(reply: Callable[[], Reply]) -> Answer:
    """Return an answer that does not look at the path."""
    return lambda _, __: reply()


def at(url: str) -> Host:
    """Return a host with a token, which never waits."""
    auth = BearerAuth(TokenStore(lambda: Token(TOKEN, url)), expired=org_session_expired)
    return Host.at(url, sleep=lambda _: None, auth=auth)


def session(url: str) -> OrgSession:
    """Return a session of the org at a URL."""
    tokens = TokenStore(lambda: Token(TOKEN, url))
    return OrgSession(at(url), "00D000000000001AAA", "005000000000001AAA", tokens)


def nothing(_: Planted, __: str) -> Reply:
    """Answer with nothing."""
    return said({})


def test_a_next_page_on_another_host_gets_no_token() -> None:
    """The recording server is never called."""
    with planted(nothing) as thief:
        link = f"{thief.url}/services/data/next"
        page: dict[str, object] = {"done": False, "records": [], "nextRecordsUrl": link}
        with (
            planted(always(lambda: said(page))) as org,
            pytest.raises(UnexpectedAnswer, match=r"another host .*no token was sent"),
        ):
            list_ingest_jobs(session(org.url))
        assert thief.seen == []


def test_a_login_that_names_a_foreign_instance_gets_no_further() -> None:
    """Neither another host in the net, nor a null, a path or a user in it."""
    for instance in ("https://evil.example", "http://127.0.0.2.evil.example", "http://127.0.0.1/x"):
        answer = {"access_token": TOKEN, "instance_url": instance, "id": IDENTITY}
        with planted(always(lambda a=answer: said(a))) as org:
            login = Login(ClientCredentials(org.url, "id", "secret"))
            with pytest.raises(ConfigError) as caught:
                OrgSession.connect(login, sleep=lambda _: None, note=unheard)
            assert TOKEN not in str(caught.value)


def test_calls_of_the_org_say_whose_they_are() -> None:
    """Its event logs name the client; other hosts are told nothing."""
    with planted(login_to) as org:
        login = Login(ClientCredentials(org.url, "id", "secret"))
        with OrgSession.connect(login, sleep=lambda _: None, note=unheard) as session:
            session.org.call("GET", "/services/data")
        heads = [httpx.Headers(Parser().parsestr(text).items()) for _, text, _ in org.seen]
    assert [head.get("Sforce-Call-Options") for head in heads] == [None, "client=dc-assets"]


def login_to(server: Planted, _: str) -> Reply:
    """Answer as a login does."""
    return said({"access_token": TOKEN, "instance_url": server.url, "id": IDENTITY})


def test_a_redirect_is_named_and_not_followed() -> None:
    """The host it points to, without the path, and the setting to change."""
    with planted(nothing) as elsewhere:
        moved = {"Location": f"{elsewhere.url}/secret-path?x=1"}
        with planted(always(lambda: (302, moved, iter(())))) as org:
            with pytest.raises(
                OrgMoved, match=rf"302: the org has moved to {elsewhere.url}: set SF_LOGIN_URL"
            ):
                at(org.url).call("GET", "/x")
            with pytest.raises(ConfigError, match=r"moved to http://127\.0\.0\.1") as caught:
                OrgSession.connect(
                    Login(ClientCredentials(org.url, "id", "secret")),
                    sleep=lambda _: None,
                    note=unheard,
                )
        assert "secret-path" not in str(caught.value)
        assert elsewhere.seen == []


def zeros(gigabytes: int) -> bytes:
    """Return many zeros, packed."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    mega = b"0" * 1_000_000
    return b"".join(packer.compress(mega) for _ in range(gigabytes * 1000)) + packer.flush()


def endless() -> Iterator[bytes]:
    """Yield blanks for ever."""
    while True:
        yield b" " * 65_536


def test_a_packed_bomb_stops_at_the_bound() -> None:
    """A tenth of a megabyte holds 0.1 GB; not more than the bound is ever unpacked."""
    bomb = zlib.compress(b"0" * 100_000_000, 9, wbits=31)
    packed = {"Content-Encoding": "gzip", "Content-Length": str(len(bomb))}
    with (
        planted(always(lambda: (200, packed, iter([bomb])))) as org,
        pytest.raises(UnexpectedAnswer, match="more than 16 MB"),
    ):
        at(org.url).call("GET", "/x")
    for coding in ("gzip, gzip", "br", "zstd", "deflate"):
        odd = {**packed, "Content-Encoding": coding}
        with (
            planted(always(lambda odd=odd: (200, odd, iter([bomb])))) as org,
            pytest.raises(UnexpectedAnswer, match="not asked for"),
        ):
            at(org.url).call("GET", "/x")


def test_an_endless_body_stops_at_the_bound() -> None:
    """Also that of an error, and that of the webserver."""
    for status in (200, 400, 401):
        with (
            planted(always(lambda s=status: (s, {}, endless()))) as org,
            pytest.raises(UnexpectedAnswer, match="more than 16 MB"),
        ):
            at(org.url).call("GET", "/x")


def test_a_packed_answer_is_read_whole_and_a_cut_one_is_not() -> None:
    """What is right passes the bounds as it is."""
    text = json.dumps({"totalSize": 7}).encode()
    whole = gzip.compress(text)
    for body, ok in ((whole, True), (whole[:-9], False), (b"", True), (b"no gzip", False)):
        packed = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}
        with planted(always(lambda p=packed, b=body: (200, p, iter([b])))) as org:
            if ok:
                assert at(org.url).call("GET", "/x").content in {text, b""}
            else:
                with pytest.raises(TransientRemoteError):
                    at(org.url).call("GET", "/x")


class Hourly:
    """A clock on which an hour passes at each look."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        self._now_s += BODY_S_MAX
        return self._now_s


def test_a_body_that_drips_ends() -> None:
    """By a clock of ours, not by the pieces that still come."""
    with planted(always(lambda: (200, {}, endless()))) as org:
        transport = BoundedTransport(httpx.HTTPTransport(trust_env=False), monotonic_s=Hourly())
        with (
            httpx.Client(base_url=org.url, transport=transport) as client,
            pytest.raises(UnexpectedAnswer, match="does not end in 30 minutes"),
        ):
            client.get("/x")


def test_pages_without_end_end() -> None:
    """The same next page, locator or batch twice is an error."""
    again: dict[str, object] = {
        "done": False,
        "records": [],
        "nextRecordsUrl": "/services/data/next",
    }
    with planted(always(lambda: said(again))) as org:
        with pytest.raises(UnexpectedAnswer, match="same next page came twice"):
            list_ingest_jobs(session(org.url))
        assert len(org.seen) == 2
    metadata = {c.source: {"placeInOrder": n} for n, c in enumerate(small_spec().columns)}
    batch: dict[str, object] = {"metadata": metadata, "data": [], "done": False, "nextBatchId": "b"}
    with planted(always(lambda: said(batch))) as org:
        with pytest.raises(UnexpectedAnswer, match="same nextBatchId came twice"):
            list(DataCloudSource(at(org.url), small_spec()).pages(IdRange(None, None)))
        assert len(org.seen) == 2

    def query(_: Planted, path: str) -> Reply:
        if "results" in path:
            return 200, {"Sforce-Locator": "abc"}, iter([b"Id\n"])
        return said({"id": JOB, "state": "JobComplete"})

    with planted(query) as org, pytest.raises(UnexpectedAnswer, match="same Sforce-Locator"):
        list(query_records(at(org.url), "SELECT Id FROM A", ["Id"]))


@pytest.mark.parametrize(
    ("asked", "waited"),
    [("1e6", 300.0), ("nan", None), ("inf", None), ("-5", None), ("7", 7.0), ("9" * 500, None)],
)
def test_a_wait_that_a_server_asks_for_is_bounded(asked: str, waited: float | None) -> None:
    """Five minutes at most; what is no wait is none."""
    with (
        planted(always(lambda: (503, {"Retry-After": asked}, iter(())))) as org,
        pytest.raises(TransientRemoteError) as caught,
    ):
        at(org.url).call("POST", "/x")
    assert caught.value.retry_after_s == waited


@pytest.mark.parametrize(("minutes", "waited"), [("01", 60.0), ("59", 300.0)])
def test_a_wait_until_a_date_is_read(minutes: str, waited: float) -> None:
    """By the server's own clock."""

    def answer(_: httpx.Request) -> httpx.Response:
        dates = {"Date": "Wed, 21 Oct 2026 07:00:00 GMT"}
        dates["Retry-After"] = f"Wed, 21 Oct 2026 07:{minutes}:00 GMT"
        return httpx.Response(503, headers=dates)

    client = httpx.Client(base_url="https://org.example", transport=httpx.MockTransport(answer))
    with client, pytest.raises(TransientRemoteError) as caught:
        Host(client, lambda _: None).call("POST", "/x")
    assert caught.value.retry_after_s == waited


def test_a_dead_token_is_exchanged_after_one_more_login() -> None:
    """The exchange carries no bearer header; the second one has the new token in its form."""
    tokens = iter(["dead", "fresh"])
    tenant = {"access_token": "t", "instance_url": "http://127.0.0.1:1"}

    def answer(at_server: Planted, _: str) -> Reply:
        if "fresh" in at_server.seen[-1][2]:
            return said(tenant)
        return said({"error": "invalid_grant", "error_description": "expired"}, 400)

    with planted(answer) as org:
        store = TokenStore(lambda: Token(next(tokens), org.url))
        assert fetch_tenant_token(at(org.url), store).value == "t"
        assert len(org.seen) == 2
        assert all("Bearer" not in headers for _, headers, _ in org.seen)


@pytest.mark.parametrize(("space", "sent"), [("default", []), ("sales", ["sales"])])
def test_a_data_space_is_named_in_the_exchange(space: str, sent: list[str]) -> None:
    """The token of a tenant is good for one data space; without a name it is the default one."""
    tenant = {"access_token": "t", "instance_url": "http://127.0.0.1:1"}
    with planted(lambda _, __: said(tenant)) as org:
        store = TokenStore(lambda: Token("x", org.url))
        session = OrgSession(at(org.url), "00D000000000001AAA", "005000000000001AAA", store)
        session.tenant(space).client.close()
        assert parse_qs(org.seen[0][2]).get("dataspace", []) == sent


CHILD = """
import sys
from pathlib import Path
from dc_assets.core.errors import UnexpectedAnswer
from dc_assets.core.ranges import IdRange
from dc_assets.salesforce.bulk_ingest import BulkIngestJobs
from dc_assets.salesforce.credentials import ClientCredentials, Login
from dc_assets.salesforce.data_cloud import DataCloudSource
from dc_assets_tests.fakes.specs import small_spec
from dc_assets_tests.salesforce.test_wire import session
org = session(sys.argv[1])
calls = [
    lambda: BulkIngestJobs(org, small_spec()).allowance(),
    lambda: BulkIngestJobs(org, small_spec()).results("750000000000001AAA", "failed"),
    lambda: list(DataCloudSource(org.org, small_spec()).pages(IdRange(None, None))),
]
for call in calls:
    try:
        call()
    except UnexpectedAnswer as error:
        print(error)
status = Path("/proc/self/status").read_text().splitlines()  # its ru_maxrss begins with pytest's
print(next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.hunt
@pytest.mark.parametrize("kind", ["bomb", "endless"])
def test_a_bomb_costs_little_memory(kind: str) -> None:
    """300 MB at most in the process that reads it, for each kind of answer."""
    bomb = zeros(1) if kind == "bomb" else b""

    def answer(_: Planted, __: str) -> Reply:
        if kind == "endless":
            return 200, {}, endless()
        return 200, {"Content-Encoding": "gzip"}, iter([bomb])

    with planted(answer) as org:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, org.url], capture_output=True, text=True, check=True
        )
    *sentences, peak_mb = done.stdout.splitlines()
    assert [sentence.rpartition("more than ")[2] for sentence in sentences] == [
        "16 MB.",
        "160 MB.",
        "128 MB.",
    ]
    assert int(peak_mb) <= 300
    assert TOKEN not in done.stdout + done.stderr


LOCAL = """
import os, sys
from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.bounded import bounded_transport
from dc_assets.delivery.channels import Message
from dc_assets.delivery.webhook import Webhook
from dc_assets.wiring.dagster_api import Webserver
from dc_assets_tests.salesforce.test_wire import at
url = sys.argv[1]
print(at(url).call("GET", "/here").status_code, Webserver(url).is_up())
Webhook(url).send(Message("i", "s", "b", 0.0))
try:
    at("https://acme.my.salesforce.com").call("POST", "/there")
except Exception as error:
    print(error)
for name, value in (("HTTPS_PROXY", "ftp://u:hunter2@p:1"), ("SSL_CERT_FILE", "/nowhere.pem")):
    os.environ.clear()
    os.environ[name] = value
    bounded_transport("http://127.0.0.1:1").close()
    try:
        bounded_transport("https://acme.my.salesforce.com")
    except ConfigError as error:
        print(error)
"""


def test_this_machine_is_never_reached_by_a_proxy() -> None:
    """The proxy sees the call to the org alone, and is named without its password."""
    with planted(always(lambda: said({}, 502))) as proxy, planted(nothing) as org:
        through = proxy.url.replace("http://", "http://user:hunter2@")
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        kept = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
        done = subprocess.run(
            [sys.executable, "-c", LOCAL, org.url],
            env={**kept, **dict.fromkeys(names, through)},
            capture_output=True,
            text=True,
            check=True,
        )
        first, sentence, *wrong = done.stdout.splitlines()
        assert first == "200 True"
        assert f"through the proxy 127.0.0.1:{proxy.server_address[1]}" in sentence
        assert ["HTTPS_PROXY" in one for one in wrong] == [True, True]  # unusable settings
        assert "hunter2" not in done.stdout + done.stderr
        assert len(org.seen) == 3
        assert [line for line, _, _ in proxy.seen] == ["CONNECT acme.my.salesforce.com:443"]
        assert TOKEN not in str(proxy.seen)


def test_a_host_that_needs_no_proxy_is_named_without_one() -> None:
    """As `NO_PROXY` says, by families too."""
    variables = {"https_proxy": "http://u:hunter2@proxy.acme.example:3128"}
    with environment_is({**variables, "no_proxy": ".salesforce.com, 10.0.0.1"}):
        named = [proxy_of(httpx.URL(f"https://acme.{host}")) for host in ("salesforce.com", "a.cn")]
    assert named == ["", "proxy.acme.example:3128"]


def test_a_webhook_that_never_ends_its_answer_is_done() -> None:
    """Its status says all; a webserver's answer without end is one sentence."""
    with planted(always(lambda: (500, {}, endless()))) as hook, pytest.raises(ChannelDown):
        Webhook(hook.url).send(Message("i", "s", "b", 0.0))
    with (
        planted(always(lambda: said([]))) as dagster,
        pytest.raises(TransientRemoteError, match="no usable answer"),
    ):
        Webserver(dagster.url).backfill("b")
