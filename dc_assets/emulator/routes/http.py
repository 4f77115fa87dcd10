"""The way of a call: count it, check who asks, find the route, answer errors in the right shape."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from dc_assets.emulator.errors import APIError, TenantError, WireError, not_found
from dc_assets.emulator.world import World

JSON_TYPE = "application/json;charset=UTF-8"
CSV_TYPE = "text/csv;charset=UTF-8"
VERSION_MIN, VERSION_MAX = 50, 66
DATA_PREFIX = "/services/data/"
"""Calls under it need a session of the org and count as API requests."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request with the parts of its path and the world it is answered from."""

    world: World
    request: Request
    parts: Mapping[str, str]
    kind: str

    @property
    def version(self) -> float:
        """The API version in the path."""
        return float(self.parts["version"])

    @property
    def base(self) -> str:
        """``/services/data/vNN.0``."""
        return f"/services/data/v{self.parts['version']}"

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the query string."""
        return self.request.query_params.get(name, default)

    async def json(self) -> dict[str, object]:
        """The body as a JSON object.

        Raises:
            APIError: it is none.
        """
        try:
            loaded: object = json.loads(await self.request.body() or b"{}")
        except ValueError as error:
            raise APIError(400, "JSON_PARSER_ERROR", f"The body is no JSON: {error}") from error
        if not isinstance(loaded, dict):
            raise APIError(400, "JSON_PARSER_ERROR", "The body is no JSON object")
        return cast("dict[str, object]", loaded)


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path; ``{name}`` in the path takes one part of it."""

    method: str
    path: str
    kind: str
    handler: Handler
    needs_token: bool = True
    kind_of: Callable[[Call], Awaitable[str]] | None = None
    """Tells the kind of a call when it stands in the body; None when `kind` is all there is."""

    def pattern(self) -> re.Pattern[str]:
        """The path as a pattern over a normalised path."""
        text = re.escape(self.path).replace(r"\{", "{").replace(r"\}", "}")
        text = re.sub(r"\{([a-z]+)\}", _part_pattern, text)
        return re.compile(f"^{text}$", re.IGNORECASE)


def _part_pattern(match: re.Match[str]) -> str:
    name = match.group(1)
    return f"(?P<{name}>{'[0-9]{2}[.]0' if name == 'version' else '[^/]+'})"


class Router:
    """All routes of one listener."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._routes = [(route.pattern(), route) for route in routes]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route of a call and the parts of its path, which is as it came over the wire.

        Raises:
            APIError: 404 when there is no such path, 405 when it takes other methods.
        """
        allowed: list[str] = []
        for pattern, route in self._routes:
            match = pattern.match(path)
            if match is None or not _version_is_served(match.groupdict()):
                continue
            if route.method == method or (method == "HEAD" and route.method == "GET"):
                return route, {k: unquote(part) for k, part in match.groupdict().items()}
            allowed.append(route.method)
        if allowed:
            text = f"HTTP Method '{method}' not allowed. Allowed are {', '.join(allowed)}"
            raise APIError(405, "METHOD_NOT_ALLOWED", text)
        raise not_found()


def _version_is_served(parts: Mapping[str, str]) -> bool:
    version = parts.get("version")
    return version is None or VERSION_MIN <= float(version) <= VERSION_MAX


def normalised(path: str) -> str:
    """The path without doubled and without trailing slashes.

    >>> normalised("//services//data/v66.0/")
    '/services/data/v66.0'
    """
    return re.sub("/+", "/", path).rstrip("/") or "/"


def bearer(request: Request) -> str:
    """The token of the Authorization header, empty when there is none.

    Raises:
        APIError: the header has another form.
    """
    header = request.headers.get("authorization", "")
    if not header:
        return ""
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in {"bearer", "oauth"} or not token:
        raise APIError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    return token.strip()


def json_answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer with a JSON body."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, dict(headers or {}), JSON_TYPE)


def error_answer(error: WireError, path: str, now: datetime) -> Response:
    """The answer of an error; one of the tenant tells the path and the moment."""
    if isinstance(error, TenantError):
        error = error.placed(path, f"{now:%Y-%m-%dT%H:%M:%S.%f}Z")
    return json_answer(error.body, error.status)
