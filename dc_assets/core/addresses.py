"""Addresses as they may be shown."""

from __future__ import annotations

import re

_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:[0-9]+)?(/[\w.~%/-]*)?")
"""Host, port and path."""


def without_login(url: str) -> str:
    """Return an http address without user, password, query and fragment; "" for anything else.

    Whatever stands before the last @ may be a part of a password that was not percent-encoded.

    >>> without_login("https://me:p/w@dagster.example.com:3000/ui/?token=x")
    'https://dagster.example.com:3000/ui'
    """
    scheme, _, rest = url.strip().partition("://")
    if scheme not in {"http", "https"}:
        return ""
    place = rest.rpartition("@")[2].partition("?")[0].partition("#")[0].rstrip("/")
    return f"{scheme}://{place}" if _PLACE.fullmatch(place) else ""
