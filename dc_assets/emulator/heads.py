"""The head of an answer as an org writes it: ``Content-Type``, not ``content-type``.

HTTP lets a client compare names without regard to case. Some compare them as they are.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

ODD_NAMES = {b"sforce-numberofrecords": b"Sforce-NumberOfRecords", b"etag": b"ETag"}
HEAD_START, HEAD_END = b"HTTP/1.", b"\r\n\r\n"
NAME = re.compile(rb"(?<=\n)[a-z-]+(?=:)")


def as_an_org_writes(data: bytes) -> bytes:
    r"""Bytes that go out, with the names of a head in capitals; other bytes as they are.

    >>> as_an_org_writes(b"HTTP/1.1 200 OK\r\nsforce-locator: null\r\n\r\na: b")
    b'HTTP/1.1 200 OK\r\nSforce-Locator: null\r\n\r\na: b'
    """
    if not data.startswith(HEAD_START):
        return data
    head, end, rest = data.partition(HEAD_END)
    return NAME.sub(_written, head) + end + rest


def _written(match: re.Match[bytes]) -> bytes:
    return ODD_NAMES.get(match.group(), match.group().title())


class OrgTransport:
    """The transport of a connection; the server above it writes all names in small letters."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever a transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes; the server writes each head by a call of its own."""
        self._transport.write(as_an_org_writes(data))
