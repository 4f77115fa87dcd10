"""Whether a host can be reached: its name, its port, its certificate, its clock; no secret is sent.

With a proxy of the environment the proxy's name and port are looked at, and the host behind it is
asked through it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx

from dc_assets.core.errors import ConfigError
from dc_assets.salesforce.bounded import PROXY_SETTINGS, bounded_transport, proxy_of
from dc_assets.salesforce.failures import http_date

CONNECT_WITHIN_S = 5.0
HTTPS_PORT, HTTP_PORT = 443, 80
PROXY_PORT = 8080


@dataclass(frozen=True, slots=True)
class Reached:
    """A host that answers.

    Attributes:
        way: its address, or the proxy that stands before it.
        clock_ahead_s: how far its clock is before ours; None if it does not say.
    """

    host: str
    way: str
    clock_ahead_s: float | None


def reach(url: str, wall_s: Callable[[], float] = time.time) -> Reached:
    """Ask a host for its list of API versions, after its name and its port.

    Raises:
        ConfigError: one of them fails; the sentence says which, and what to do.
    """
    base = httpx.URL(url)
    proxy = proxy_of(base)
    place = httpx.URL(f"http://{proxy}") if proxy else base
    port = place.port or (PROXY_PORT if proxy else HTTPS_PORT if base.scheme == "https" else 80)
    address = _address(place.host, port, is_proxy=bool(proxy))
    _connect(place.host, address, port)
    answer = _asked(base, proxy)
    now_s = wall_s()
    said = http_date(answer.headers.get("Date", ""))
    ahead_s = None if said is None else said.timestamp() - now_s
    way = f"through the proxy {proxy}" if proxy else address
    return Reached(f"{base.host}:{port}" if not proxy else base.host, way, ahead_s)


def _address(host: str, port: int, *, is_proxy: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        what = "The proxy of the environment" if is_proxy else "The host"
        remedy = (
            f"Correct the proxy settings ({PROXY_SETTINGS})."
            if is_proxy
            else "Check the name (SF_LOGIN_URL for the login host) and this machine's DNS."
        )
        reason = error.strerror or "no address"
        raise ConfigError(f"{what} {host} has no address: {reason}. {remedy}") from error
    return str(found[0][4][0])


def _connect(host: str, address: str, port: int) -> None:
    try:
        with socket.create_connection((address, port), CONNECT_WITHIN_S):
            return
    except OSError as error:
        reason = error.strerror or "it does not answer"
        raise ConfigError(
            f"{host}:{port} ({address}) takes no connection: {reason}. Let the firewall of this "
            f"machine's network pass {host}, port {port}; behind a proxy set HTTPS_PROXY."
        ) from error


def _asked(base: httpx.URL, proxy: str) -> httpx.Response:
    transport = bounded_transport(str(base))
    try:
        with httpx.Client(transport=transport, timeout=CONNECT_WITHIN_S * 2) as client:
            return client.get(base.join("/services/data"))
    except httpx.TransportError as error:
        told = list(_causes(error))
        if any(isinstance(one, ssl.SSLCertVerificationError) for one in told):
            raise _untrusted(base.host, error) from error
        through = f" through the proxy {proxy}" if proxy else ""
        raise ConfigError(
            f"{base.host} does not speak HTTP{through}: {error or type(error).__name__}. Check "
            "proxy, firewall and address."
        ) from error


def _untrusted(host: str, error: Exception) -> ConfigError:
    reason = next((str(one) for one in _causes(error) if isinstance(one, ssl.SSLError)), str(error))
    with suppress(ValueError):
        reason = reason[reason.index("] ") + 2 :]
    return ConfigError(
        f"The certificate of {host} is not trusted here: {reason.partition(' (_ssl')[0]}. If the "
        "network puts its own certificates in between, name their CA: SSL_CERT_FILE=/path/ca.pem"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
