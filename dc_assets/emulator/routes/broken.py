"""Answers that do not arrive whole: the connection is reset, or ends too soon."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dc_assets.emulator.clock import OrgClock

CLOSE_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: the connection ends with RST, not with FIN."""

PART_BYTES = 1 << 17
"""Of an answer that are handed to the connection at once."""

DELIVERY_S = 0.02
"""Time for what was written to reach the peer before the reset throws the rest away."""


class Dropped(Response):
    """No answer at all: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reset."""
        del send
        await _reset(scope, receive)


class Torn(Response):
    """The head of an answer and the first bytes of its body, then a reset."""

    def __init__(self, whole: Response, end: int, clock: OrgClock) -> None:
        super().__init__(bytes(whole.body)[:end], whole.status_code)
        self.raw_headers = whole.raw_headers
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a part, then reset."""
        await _send_part(self, send)
        await self._clock.pause(DELIVERY_S)
        await _reset(scope, receive)


class Short(Response):
    """The head of an answer and the first bytes of its body, then an orderly end."""

    def __init__(self, whole: Response, end: int) -> None:
        super().__init__(bytes(whole.body)[:end], whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a part, then close: the reader misses bytes that the head promised."""
        await _send_part(self, send)
        _transport(scope).close()
        await _gone(receive)


class WatchedAnswer(Response):
    """An answer that tells when its last byte went out on a connection that still stood."""

    def __init__(self, body: bytes, media_type: str, on_read: Callable[[], None]) -> None:
        super().__init__(body, 200, media_type=media_type)
        self._on_read = on_read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send in two steps: the second one waits until the first is on its way."""
        del receive
        await _send_part(self, send)
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        was_sent = not _transport(scope).is_closing() and scope["method"] != "HEAD"
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if was_sent:
            self._on_read()


async def _send_part(answer: Response, send: Send) -> None:
    headers = answer.raw_headers
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    await send(start)
    # What is written at once and does not fit the buffers of the system is moved for each part.
    for first in range(0, len(answer.body), PART_BYTES):
        part = bytes(answer.body[first : first + PART_BYTES])
        await send({"type": "http.response.body", "body": part, "more_body": True})


def _transport(scope: Scope) -> Any:  # noqa: ANN401  the transports of the loops share no class
    return cast("dict[str, Any]", scope["state"])["transport"]


async def _reset(scope: Scope, receive: Receive) -> None:
    transport = _transport(scope)
    if not transport.is_closing():
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
        transport.abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the server knows of the end: else it reports an answer that was not finished."""
    while (await receive())["type"] != "http.disconnect":
        pass
