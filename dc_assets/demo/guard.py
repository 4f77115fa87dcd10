"""Lets only the user of this machine, in pages of the UI itself, use a server on 127.0.0.1.

A server without a sign-in is open to every page in the user's browser and to every user of the
machine. Dagster's takes a mutation from `GET /graphql?query=…` under any Host: an image tag is
enough to start a load. This stands before it and refuses what the UI does not send.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dc_assets.demo.peers import is_foreign

READING = frozenset({"GET", "HEAD"})
ELSEWHERE = frozenset({"cross-site", "same-site"})  # another port of 127.0.0.1 is the same site
FORBIDDEN = 403

logger = logging.getLogger(__name__)


class Guard:
    """An ASGI application that hands on what the UI itself sends, and refuses the rest."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        """Guard an application whose address is one of some `host:port`."""
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or say in a sentence why not."""
        reason = None if scope["type"] == "lifespan" else self._reason_against(scope)
        if reason is None:
            await self._app(scope, receive, send)
            return
        logger.warning("refused %s %s: %s", scope.get("method", "WebSocket"), scope["path"], reason)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # before accept: a plain 403
        else:
            await PlainTextResponse(f"Refused: {reason}\n", FORBIDDEN)(scope, receive, send)

    def _reason_against(self, scope: Scope) -> str | None:
        """Return why a request is refused, or None."""
        headers = Headers(scope=scope)
        return (
            self._of_the_address(headers)
            or _of_the_page(scope, headers)
            or (_of_the_form(scope, headers) if scope["type"] == "http" else None)
            or _of_the_peer(scope)
        )

    def _of_the_address(self, headers: Headers) -> str | None:
        """A name that somebody made point to this machine is not ours (DNS rebinding)."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return f"Host is not {' or '.join(sorted(self._hosts))}."
        if origins not in ([], [f"http://{hosts[0].lower()}"]):
            return "Origin is that of another page."
        return None


def _of_the_page(scope: Scope, headers: Headers) -> str | None:
    """A link to a page may stand anywhere; anything else is asked by pages of the UI alone."""
    if headers.get("sec-fetch-site") not in ELSEWHERE:
        return None
    followed = (scope.get("method"), *map(headers.get, ("sec-fetch-mode", "sec-fetch-dest")))
    return None if followed == ("GET", "navigate", "document") else "another page asks."


def _of_the_form(scope: Scope, headers: Headers) -> str | None:
    """What an image or a form of any page can send without asking first changes nothing."""
    if scope["method"] not in READING:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else "Content-Type is not application/json."
    if scope["path"].rstrip("/").endswith("/graphql") and "text/html" not in headers.get(
        "accept", ""
    ):  # with text/html Dagster shows a page to type into, and runs nothing
        return "a query is sent by POST."
    return None


def _of_the_peer(scope: Scope) -> str | None:
    """The kernel knows which user holds the other end."""
    return "another user asks." if is_foreign(scope.get("client"), scope.get("server")) else None
