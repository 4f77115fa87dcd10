"""A mail server and a web server on 127.0.0.1 that keep what they are given."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

HELD_S_MAX = 30.0

Moment = Literal["nowhere", "before", "after"]
"""Where a server holds its answer: before it was told a message, or after it kept it."""


@dataclass(slots=True)
class Hold:
    """Stops a server at one moment until the test lets it continue."""

    at: Moment = "nowhere"
    reached: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def wait_at(self, moment: Moment) -> None:
        """Wait here, if this is the moment."""
        if self.at == moment:
            self.reached.set()
            self.let_go.wait(HELD_S_MAX)

    def release(self) -> None:
        """Let everybody continue, and hold nobody any more."""
        self.at = "nowhere"
        self.let_go.set()


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as a mail of ours needs.

    Attributes:
        answers: what it says to a verb instead of yes; "." is the end of a message.
        logins: what clients sent after AUTH.
        tls: makes STARTTLS possible; with `wraps` every connection begins with TLS.
    """

    daemon_threads = True

    def __init__(self, *, tls: ssl.SSLContext | None = None, wraps: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _MailConversation)
        self.messages: list[Message] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}
        self.logins: list[str] = []
        self.hold = Hold()
        self.tls = tls
        self.wraps = wraps

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed or refused our certificate."""


class _MailConversation(socketserver.StreamRequestHandler):
    server: MailServer  # pyright: ignore[reportIncompatibleVariableOverride] - it is always ours

    def handle(self) -> None:
        if self.server.wraps:
            self._begin_tls()
        self.server.hold.wait_at("before")
        self._say("220 here")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self._say(self.server.answers.get("QUIT", "221 bye"))
                return
            self._answer(verb.upper(), rest)

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # the server knows only the socket below TLS

    def _answer(self, verb: str, rest: str) -> None:
        if said := self.server.answers.get(verb):
            self._say(said)
        elif verb == "EHLO":
            self._say("250-here")
            if self.server.tls and not self.server.wraps:
                self._say("250-STARTTLS")
            self._say("250 AUTH PLAIN")
        elif verb == "STARTTLS":
            self._say("220 begin")
            self._begin_tls()
        elif verb == "AUTH":
            self.server.logins.append(rest)
            self._say("235 welcome")
        elif verb == "DATA":
            self._take_message()
        else:
            self.server.recipients += [rest] if verb == "RCPT" else []
            self._say("250 fine")

    def _take_message(self) -> None:
        self._say("354 continue")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        if said := self.server.answers.get("."):
            self._say(said)
            return
        self.server.messages.append(message_from_bytes(b"".join(lines), policy=default))
        self.server.hold.wait_at("after")
        self._say("250 taken")

    def _begin_tls(self) -> None:
        assert self.server.tls is not None
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)

    def _say(self, line: str) -> None:
        if line:  # an empty answer is none
            self.wfile.write(f"{line}\r\n".encode())


@dataclass(frozen=True, slots=True)
class Post:
    """What was posted."""

    headers: Mapping[str, str]
    text: str
    is_markup: bool = True


class HookServer(ThreadingHTTPServer):
    """Takes what is posted, and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HookRequest)
        self.posts: list[Post] = []
        self.status = 200
        self.hold = Hold()

    @property
    def url(self) -> str:
        """Where it listens; the path is a secret, as Slack's."""
        return f"http://127.0.0.1:{self.server_port}/services/T0/planted-path-91c2"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that were killed."""


class _HookRequest(BaseHTTPRequestHandler):
    server: HookServer  # pyright: ignore[reportIncompatibleVariableOverride] - it is always ours

    def do_POST(self) -> None:
        self.server.hold.wait_at("before")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status < 300:
            posted = json.loads(body)
            is_markup = posted.get("mrkdwn", True)  # as Slack takes it
            post = Post(dict(self.headers.items()), posted["text"], is_markup)
            self.server.posts.append(post)
        self.server.hold.wait_at("after")
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class
        """Say nothing."""


@contextmanager
def serving(server: socketserver.TCPServer) -> Generator[None]:
    """Serve from a thread while the block runs."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
