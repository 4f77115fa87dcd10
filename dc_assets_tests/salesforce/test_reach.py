"""Whether a host can be reached: the sentence says which step fails, and what to do."""

from __future__ import annotations

import http.server
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from email.utils import formatdate
from threading import Thread

import pytest
import trustme

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.reach import reach

NOON_S = 1_700_000_000.0


class Dated(http.server.BaseHTTPRequestHandler):
    """Answers with a time of its own."""

    def do_GET(self) -> None:
        """Answer with the list of versions."""
        self.send_response_only(200)
        self.send_header("Date", formatdate(NOON_S, usegmt=True))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def serving(certificate: trustme.LeafCert | None = None) -> Generator[str]:
    """Serve on this machine, by TLS if there is a certificate."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dated)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("ahead_s", [-600.0, 0.0, 86_400.0])
def test_a_host_that_answers_tells_its_time(ahead_s: float) -> None:
    """By its Date, beside our own clock."""
    with serving() as url:
        found = reach(url, wall_s=lambda: NOON_S - ahead_s)
    assert found.clock_ahead_s == ahead_s
    assert found.way == "127.0.0.1"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_certificate_of_nobody_is_told_apart_from_a_host_that_is_away() -> None:
    """The remedy is the variable that names the CA of the network."""
    with serving(trustme.CA().issue_cert("127.0.0.1")) as url, pytest.raises(ConfigError) as raised:
        reach(url)
    assert str(raised.value).startswith("The certificate of 127.0.0.1 is not trusted here: ")
    assert "SSL_CERT_FILE=" in str(raised.value)


def test_a_name_without_an_address_is_told() -> None:
    """No name of .invalid ever has one (RFC 2606)."""
    with pytest.raises(ConfigError, match=r"The host nothing\.invalid has no address: .* DNS\."):
        reach("https://nothing.invalid")
