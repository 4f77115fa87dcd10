"""Who is let in: calls that name the host they reach, and at the side door the owner's alone.

A page in a browser of this machine can call any port of it, and so can every user of the machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from dc_assets.emulator.errors import APIError

HTTP_PORT = 80
JSON = "application/json"
OWN_SITES = frozenset({"", "none", "same-origin"})
"""What Sec-Fetch-Site says, if anything, when no page of another site is behind a call."""


def names_of(url: str, host: str) -> frozenset[str]:
    """The texts a Host header may have at a listener: its address, and the name it was bound by.

    >>> sorted(names_of("http://127.0.0.1:4001", "localhost"))
    ['127.0.0.1:4001', 'localhost:4001']
    """
    parts = urlsplit(url)
    hosts = {parts.netloc.rpartition(":")[0], f"[{host}]" if ":" in host else host.lower()}
    names = {f"{name}:{parts.port}" for name in hosts}
    return frozenset(names | hosts if parts.port == HTTP_PORT else names)


def host_refusal(headers: Headers, names: frozenset[str]) -> tuple[int, str] | None:
    """Status and sentence for a call that does not name the listener it came to, else None.

    A name that leads to this machine is not enough: a page can have one made for its own host.
    """
    given = headers.getlist("host")
    if len(given) != 1:
        return 400, f"The request has {len(given)} Host headers; it needs one."
    if given[0].lower() in names:
        return None
    return 421, f"The Host header is not that of this listener: {' or '.join(sorted(names))}."


def check_owner(headers: Headers, method: str, token: str) -> None:
    """Let a call through the side door.

    Raises:
        APIError: a page sent it, its body is not declared as JSON, or it lacks the token.
    """
    for is_met, status, sentence in REFUSALS:
        if is_met(headers, method):
            raise APIError(status, "EMULATOR", sentence)
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        raise APIError(
            401,
            "EMULATOR",
            "The header Authorization: Bearer with the admin_token of the ready file is missing.",
        )


def _has_origin(headers: Headers, _method: str) -> bool:
    return "origin" in headers


def _is_of_another_site(headers: Headers, _method: str) -> bool:
    return any(site not in OWN_SITES for site in headers.getlist("sec-fetch-site"))


def _has_other_body(headers: Headers, method: str) -> bool:
    kinds = headers.getlist("content-type")
    if not kinds:
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        return method not in {"GET", "HEAD"} and has_body
    return any(kind.partition(";")[0].strip().lower() != JSON for kind in kinds)


Met = Callable[[Headers, str], bool]
REFUSALS: tuple[tuple[Met, int, str], ...] = (
    (_has_origin, 403, "The request has an Origin header: the side door is not for pages."),
    (
        _is_of_another_site,
        403,
        "The request has a Sec-Fetch-Site header of another site: the side door is not for pages.",
    ),
    (_has_other_body, 415, f"The body of the request needs Content-Type: {JSON}."),
)
