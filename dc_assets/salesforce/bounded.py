"""The network below every client: answers that end, and proxies that never catch this machine.

A server, or whoever stands between, may answer with more than there is memory for: without end, or
packed a thousand to one. So an answer is unpacked here, piece by piece, and counted.
"""

from __future__ import annotations

import os
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx

from dc_assets.core.errors import ConfigError, TransientRemoteError, UnexpectedAnswer
from dc_assets.core.loopback import is_loopback

MB = 1_000_000

ANSWER_BYTES_MAX = 16 * MB
"""JSON of one call. The longest are describe of 800 fields with their picklists (5 MB) and a page
of 2,000 records (4 MB at 2 KB each)."""

PAGE_BYTES_MAX = 128 * MB
"""One page of a query in Data Cloud: 49,999 rows at 2.5 KB each; Salesforce cuts it far below."""

FILE_BYTES_MAX = 160 * MB
"""One result file, or one page of a query job. An upload has at most 100 MB, its result adds an id
and a flag or an error to each row; a page of 50,000 rows at 3.2 KB each."""

BODY_S_MAX = 1_800.0
"""Seconds that one body may take from its first byte: 160 MB at 0.7 Mbit/s."""

PIECE_BYTES = 64 * 1024
BYTES_MAX = "bytes_max"
PAGE: Mapping[str, Any] = {BYTES_MAX: PAGE_BYTES_MAX}
FILE: Mapping[str, Any] = {BYTES_MAX: FILE_BYTES_MAX}
"""Extensions of a request whose answer may be longer than that of a call."""

PROXY_SETTINGS = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR"


class BoundedTransport(httpx.BaseTransport):
    """Hands requests to the network and bounds the body of each answer."""

    def __init__(
        self, network: httpx.BaseTransport, *, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._network = network
        self._monotonic_s = monotonic_s

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is unpacked and counted while it is read."""
        request.headers["Accept-Encoding"] = "gzip"
        answer = self._network.handle_request(request)
        place = f"{request.url.host} answered {request.method} {request.url.path}"
        bytes_max: int = request.extensions.get(BYTES_MAX, ANSWER_BYTES_MAX)
        body = _Body(answer, place, bytes_max, self._monotonic_s)
        dropped = {"content-encoding", "content-length", "transfer-encoding"}
        headers = [(k, v) for k, v in answer.headers.raw if k.decode().lower() not in dropped]
        return httpx.Response(
            answer.status_code, headers=headers, stream=body, extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connections."""
        self._network.close()


class _Body(httpx.SyncByteStream):
    """The unpacked bytes of one answer, up to a bound of bytes and of seconds."""

    def __init__(
        self, answer: httpx.Response, place: str, bytes_max: int, monotonic_s: Callable[[], float]
    ) -> None:
        self._answer = answer
        self._place = place
        self._bytes_max = bytes_max
        self._monotonic_s = monotonic_s

    def __iter__(self) -> Iterator[bytes]:
        until_s = self._monotonic_s() + BODY_S_MAX
        count = 0
        for piece in self._unpacked():
            count += len(piece)
            if count > self._bytes_max:
                raise self._unexpected(f"more than {self._bytes_max / MB:.0f} MB")
            if self._monotonic_s() > until_s:
                raise self._unexpected(f"a body that does not end in {BODY_S_MAX / 60:.0f} minutes")
            yield piece

    def close(self) -> None:
        self._answer.close()

    def _unpacked(self) -> Iterator[bytes]:
        coding = self._answer.headers.get("Content-Encoding", "identity").strip().lower()
        if coding in {"", "identity"}:
            return self._answer.iter_raw()  # as it comes, at most 64 KB at a time: no copy
        if coding in {"gzip", "x-gzip"}:
            return self._gunzipped()
        raise self._unexpected("an encoding that was not asked for")

    def _gunzipped(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        is_empty = True
        try:
            for packed in self._answer.iter_raw(PIECE_BYTES):
                is_empty = False
                yield from _inflated(unpacker, packed)
        except zlib.error as error:
            raise TransientRemoteError(
                f"{self._place} with a body that cannot be unpacked"
            ) from error
        if not (unpacker.eof or is_empty):
            raise TransientRemoteError(f"{self._place} with a body that is cut off")

    def _unexpected(self, what: str) -> UnexpectedAnswer:
        return UnexpectedAnswer(f"{self._place} in an unexpected shape: {what}.")


def _inflated(unpacker: Any, packed: bytes) -> Iterator[bytes]:  # noqa: ANN401 - zlib names no type for it
    """Unpack one piece into pieces of bounded size."""
    while not unpacker.eof:
        piece: bytes = unpacker.decompress(packed, PIECE_BYTES)
        packed = unpacker.unconsumed_tail
        yield piece
        if not packed and len(piece) < PIECE_BYTES:
            return


def bounded_transport(base_url: str) -> BoundedTransport:
    """Return the network to one host; this machine is reached without proxy.

    Raises:
        ConfigError: the environment names a proxy or certificates that cannot be used.
    """
    try:
        url = httpx.URL(base_url)
        trusts = not is_loopback(url.host)
        has_certificate = trusts or url.scheme == "https"
        named = tuple(os.environ.get(name) for name in _NAMED) if has_certificate else ()
        certificates, proxy = _certificates(named), _proxy_url(url) or None
        return BoundedTransport(
            httpx.HTTPTransport(verify=certificates, trust_env=trusts, proxy=proxy)
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"The proxy or certificate settings of the environment ({PROXY_SETTINGS}) cannot be "
            f"used ({type(error).__name__}). Correct or unset them."
        ) from None


_NAMED = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@cache
def _certificates(named: tuple[str | None, ...]) -> ssl.SSLContext:
    """Read the certificates that are trusted once: they cost more than a call.

    ``named`` are the environment's files, if it may name any.
    """
    return httpx.create_ssl_context(trust_env=bool(named))


def _proxy_url(url: httpx.URL) -> str:
    """Return the proxy that the environment names for a URL; "" for none."""
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or is_loopback(url.host) or proxy_bypass(url.host):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def proxy_of(url: httpx.URL) -> str:
    """Return host and port of the proxy that the environment names for a URL; "" for none."""
    try:
        parsed = httpx.URL(_proxy_url(url))
    except (httpx.InvalidURL, ValueError):
        return ""
    return f"{parsed.host}:{parsed.port}" if parsed.port else parsed.host
