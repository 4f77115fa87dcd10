"""Stands between the product and an emulated org, and answers single calls in their place."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import cast

import httpx

KEPT = frozenset({"authorization", "content-type", "accept", "enable-arrow-stream"})
"""Headers of a request that the org needs."""

GIVEN = frozenset({"content-type", "date", "sforce-limit-info", "sforce-locator"}) | {
    "sforce-numberofrecords"
}
"""Headers of an answer that the product reads."""

ALWAYS = 1_000_000


@dataclass(frozen=True)
class Planted:
    """An answer in place of the org's.

    Attributes:
        call: a pattern of method and path.
        body: JSON, or text as it is.
        times: how many calls it answers.
        after: how many calls of the pattern are let through before.
    """

    call: str
    status: int = 200
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    times: int = ALWAYS
    after: int = 0


@dataclass
class Sent:
    """What the product sent since the last answer was planted.

    Attributes:
        calls: how often each method and path was called.
        authorized: how many of them had a header with a token.
    """

    calls: Counter[str] = field(default_factory=Counter[str])
    authorized: Counter[str] = field(default_factory=Counter[str])

    def of(self, pattern: str) -> int:
        """Count the calls whose method and path fit a pattern."""
        return sum(number for call, number in self.calls.items() if re.search(pattern, call))


class Between(ThreadingHTTPServer):
    """A server in front of an org and its tenant, which both have its address then."""

    daemon_threads = True

    def __init__(self, org_url: str, tenant_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._org_url, self._tenant_url = org_url, tenant_url
        self.client = httpx.Client(trust_env=False, verify=False, timeout=60)  # noqa: S501 - this machine
        self._lock = Lock()
        self._planted = Planted("nothing", times=0)
        self._met = 0
        self.sent = Sent()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def plant(self, planted: Planted | None = None) -> None:
        """Answer some calls in place of the org; none of them any more without an argument."""
        with self._lock:
            self._planted, self._met = planted or Planted("nothing", times=0), 0

    def forget(self) -> None:
        """Begin to count anew."""
        self.sent = Sent()

    def answer(self, request: _Handler, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """Answer a call: as planted, or as the org does."""
        path = request.path.partition("?")[0]
        call = f"{request.command} {path}"
        with self._lock:
            self.sent.calls[call] += 1
            self.sent.authorized[call] += "Authorization" in request.headers
            planted = self._planted
            if re.search(planted.call, call):
                self._met += 1
                if planted.after < self._met <= planted.after + planted.times:
                    text = planted.body
                    raw = text if isinstance(text, str) else json.dumps(text)
                    raw = raw.replace("{here}", self.url)
                    return planted.status, planted.headers, raw.encode()
        return self._forwarded(request, body)

    def _forwarded(self, request: _Handler, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        base = self._tenant_url if request.path.startswith("/api/") else self._org_url
        headers = {k: v for k, v in request.headers.items() if k.lower() in KEPT}
        answer = self.client.request(
            request.command, base + request.path, headers=headers, content=body
        )
        given = {k: v for k, v in answer.headers.items() if k.lower() in GIVEN}
        content = answer.content
        if answer.is_success and request.path.endswith("/token"):
            content = json.dumps(answer.json() | {"instance_url": self.url}).encode()
        return answer.status_code, given, content


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        server = cast("Between", self.server)
        status, headers, content = server.answer(self, self.rfile.read(length))
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the library's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


NO_CONTENT = 204


@contextmanager
def standing_between(org_url: str, tenant_url: str) -> Generator[Between]:
    """Serve until the end of the block."""
    server = Between(org_url, tenant_url)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.client.close()
