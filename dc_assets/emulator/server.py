"""The process: two sockets on loopback, one server, an orderly end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from dc_assets.emulator.app import Application
from dc_assets.emulator.heads import OrgTransport
from dc_assets.emulator.tls import Certificate
from dc_assets.emulator.world import World

SHUTDOWN_S = 2
"""Calls that have not ended by then are dropped."""


class ListenError(Exception):
    """A port cannot be had; the text is one sentence."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        ListenError: the port is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Else each small answer waits 40 ms for the acknowledgement of the one before.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ListenError(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
    return listener


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """The base URL of a listener."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def serve(
    world: World,
    listeners: tuple[socket.socket, socket.socket],
    certificate: Certificate | None,
    when_ready: Callable[[], None],
) -> None:
    """Answer calls until SIGTERM or SIGINT; both end it in good order.

    ``listeners`` are those of the org and of the tenant; with a certificate they speak TLS.
    """
    app = Application(world)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        timeout_keep_alive=60,
        ws="none",
        h11_max_incomplete_event_size=65_536,
        http=_Connection,
        date_header=False,  # the application writes it: the org's clock may be wrong
        ssl_certfile=certificate.server if certificate else None,
    )
    server = _Server(config, when_ready)
    # The server raises the signal again when it is done; then it must do nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    asyncio.run(server.serve(sockets=[*listeners]))


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """The second arrival of a signal that was already obeyed."""


class _Connection(AutoHTTPProtocol):
    """A connection whose calls can reach their transport, to reset it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        written = OrgTransport(cast("asyncio.Transport", transport))
        super().connection_made(cast("asyncio.Transport", written))
        self.app_state = {**self.app_state, "transport": transport}


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_ready = when_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_ready()
