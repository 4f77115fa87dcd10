"""Which hosts may see a secret, and which links stay on the host that gave them.

A token is good for whoever holds it, so it goes to the host that signed in and to the tenant that
the host names, and to no place that stands in an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

import httpx

from dc_assets.core.errors import ConfigError, UnexpectedAnswer
from dc_assets.core.loopback import is_loopback

ALLOWED_HOSTS = "DC_ASSETS_ALLOWED_HOSTS"
SALESFORCE_FAMILIES = ("*.salesforce.com", "*.force.com")
"""Salesforce help, "Allow the Required Domains". A defence org (.mil) or one on Alibaba Cloud (.cn)
is named in the setting."""

NO_ORGS = frozenset(
    {"login.salesforce.com", "test.salesforce.com", "status.salesforce.com", "www.salesforce.com"}
)
"""Hosts of Salesforce that people are sent to, and no org moves to."""

RECORD_ID = r"^[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?$"
HOST_SIGNS = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]+:[0-9a-f:.]*"
HOST_PATTERN = r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+"


def checked_url(url: str, allowed: Sequence[str] = ()) -> str:
    """Return a host's URL: scheme, host and port alone; a bare host becomes https.

    ``allowed`` are hosts, or families such as ``*.example.com``, besides Salesforce's own.

    Raises:
        ConfigError: it has other parts, is not https, or is no host of Salesforce.

    >>> checked_url("acme.my.salesforce.com/")
    'https://acme.my.salesforce.com'
    """
    parsed = _parsed(url)
    host, port = host_of(parsed), f":{parsed.port}" if parsed.port else ""
    shown = f"[{host}]" if ":" in host else host
    if parsed.scheme not in {"https", "http"} or (
        parsed.scheme == "http" and not is_loopback(host)
    ):
        raise ConfigError(
            f"{shown} is refused: secrets travel over https only, or over http to an emulator on "
            "127.0.0.1."
        )
    if not is_loopback(host) and not _is_listed(host, (*SALESFORCE_FAMILIES, *allowed)):
        raise ConfigError(
            f"{shown} is refused: it is no host of Salesforce ({', '.join(SALESFORCE_FAMILIES)}). "
            f"Check SF_LOGIN_URL; if the host is your org's, name it in {ALLOWED_HOSTS}."
        )
    return f"{parsed.scheme}://{shown}{port}"


def is_this_machine(url: str) -> bool:
    """Tell whether a host's URL leads to an emulator on this machine.

    Raises:
        ConfigError: it is no URL of a host.
    """
    return is_loopback(host_of(_parsed(url)))


def sibling_url(url: str, of: str, allowed: Sequence[str]) -> str:
    """Return the URL of a host that another host named, such as the tenant of an org.

    A bare host becomes https; one of this machine is spoken to as the host that named it.

    Raises:
        ConfigError: it is no good URL, or one of the two is this machine and the other is not.

    >>> sibling_url("127.0.0.1:4002", "http://127.0.0.1:4001", ())
    'http://127.0.0.1:4002'
    """
    if "://" not in url and is_this_machine(url):
        url = f"{httpx.URL(of).scheme}://{url.strip()}"
    found = checked_url(url, allowed)
    if is_loopback(httpx.URL(found).host) != is_loopback(httpx.URL(of).host):
        raise ConfigError(
            f"{httpx.URL(of).host} names {httpx.URL(found).host} as the next host to call. An org "
            "does not lead to this machine, nor an emulator away from it. Check SF_LOGIN_URL."
        )
    return found


def moved_to(location: str, of: httpx.URL, allowed: Sequence[str]) -> str:
    """Return where a redirect leads, if that is another host a secret could go to; "" otherwise.

    An org moves neither to this machine nor to a page for signing in.

    >>> moved_to("https://b.my.salesforce.com/x", httpx.URL("https://a.my.salesforce.com"), ())
    'https://b.my.salesforce.com'
    """
    try:
        found = of.join(location)
        url = checked_url(f"{found.scheme}://{found.netloc.decode('ascii')}", allowed)
    except (httpx.InvalidURL, ValueError, ConfigError):
        return ""
    if host_of(found) in NO_ORGS or (is_loopback(found.host) and not is_loopback(of.host)):
        return ""
    return "" if origin_of(found) == origin_of(of) else url


def listed_hosts(text: str) -> tuple[str, ...]:
    """Read `DC_ASSETS_ALLOWED_HOSTS`: hosts and families, with commas between them.

    Raises:
        ConfigError: an entry is neither.

    >>> listed_hosts("acme.my.salesforce.mil, *.example.com")
    ('acme.my.salesforce.mil', '*.example.com')
    """
    hosts = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for host in hosts:
        if not re.fullmatch(HOST_PATTERN, host):
            raise ConfigError(
                f"{ALLOWED_HOSTS} holds an entry that is neither a host such as "
                "acme.my.salesforce.mil nor a family such as *.salesforce.mil."
            )
    return hosts


def host_of(url: httpx.URL) -> str:
    """Return the host as the network sees it: lower case, IDN encoded, without a dot at its end."""
    return url.raw_host.decode("ascii").lower().strip("[]").removesuffix(".")


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Return scheme, host and port."""
    return url.scheme, host_of(url), url.port or (443 if url.scheme == "https" else 80)


def own_link(link: str, base: httpx.URL, place: str) -> str:
    """Return path and query of a link that an answer gave; ``place`` is "HOST answered CALL".

    Raises:
        UnexpectedAnswer: it leads to another host than the one that gave it.
    """
    try:
        parsed = httpx.URL(link)
    except (httpx.InvalidURL, ValueError):
        parsed = None
    if parsed is not None and parsed.raw_path.startswith(b"/"):
        if not parsed.scheme and not parsed.host and re.match(r"/(?![/\\])", link):
            return parsed.raw_path.decode("ascii")
        if parsed.host and not parsed.userinfo and origin_of(parsed) == origin_of(base):
            return parsed.raw_path.decode("ascii")
    host = f" ({host_of(parsed)})" if parsed is not None and parsed.host else ""
    raise UnexpectedAnswer(
        f"{place} in an unexpected shape: its next link leads to another host{host}. It is not "
        "followed, and no token was sent there."
    )


def record_id(text: str) -> str:
    """Return a record id, which may stand in SOQL and in a path.

    Raises:
        ConfigError: it is something else.
    """
    if not re.fullmatch(RECORD_ID, text) or text.endswith("\n"):
        raise ConfigError(
            f"{text[:40]!r} is no record id of Salesforce: that is 15 or 18 letters and digits."
        )
    return text


def _parsed(url: str) -> httpx.URL:
    """Parse a base URL; the parser's own words may repeat a password, so they are dropped."""
    text = url.strip()
    try:
        parsed = httpx.URL(text if "://" in text else f"https://{text}")
    except (httpx.InvalidURL, ValueError):
        parsed = httpx.URL()
    if not re.fullmatch(HOST_SIGNS, host_of(parsed)):
        raise ConfigError(
            "The URL of a Salesforce host cannot be read. Check SF_LOGIN_URL: it is the org's "
            "My Domain, https://….my.salesforce.com."
        )
    if parsed.userinfo or parsed.path.strip("/") or parsed.query or "?" in text or "#" in text:
        raise ConfigError(
            f"The URL of the Salesforce host {host_of(parsed)} holds more than a host: no user, "
            "password, path or query belongs there. Check SF_LOGIN_URL."
        )
    return parsed


def _is_listed(host: str, hosts: Sequence[str]) -> bool:
    return any(
        host.endswith(one[1:]) and len(host) >= len(one) if one.startswith("*.") else host == one
        for one in hosts
    )


def id_in_path(found: str, place: str, name: str) -> str:
    """Quote an id of a server for a path of ours; what a URL would read as a folder is no id.

    Raises:
        UnexpectedAnswer: it is none; ``place`` says who gave it as the field ``name``.
    """
    if found in {"", ".", ".."} or len(found) > 4096:  # noqa: PLR2004 - a URL has 16 KB
        raise UnexpectedAnswer(f"{place} in an unexpected shape: {name} is no id.")
    return quote(found, safe="")
