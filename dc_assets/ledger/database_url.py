"""Reads the URL of the ledger; its password stands in no message, however the URL is broken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from dc_assets.core.database_faults import without_secrets
from dc_assets.core.errors import ConfigError

_DRIVERS = {
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "postgresql+psycopg2": "postgresql+psycopg2",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}
"""SQLAlchemy 2.1 took psycopg 3 as the default driver; dagster-postgres brings psycopg2."""

_HOST = re.compile(r"[0-9A-Za-z_.:-]*")
"""Names and addresses: with an @ in it, what was taken for the host is a part of the password."""


_PLACES = frozenset({"host", "port", "dbname", "service"})
"""Options that say where a server is: no secrets, and needed to find out why it does not answer."""


def parsed_url(text: str) -> URL:
    """Return the URL with its driver.

    Raises:
        ConfigError: it is no URL of a ledger. The parser's words may repeat parts of it, so neither
            the message nor its cause has them.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not _is_understood(url):
        raise ConfigError(
            "DC_ASSETS_LEDGER_URL is not a database URL. Write sqlite:////path/to/ledger.db or "
            "postgresql://user:password@host/database; signs such as @ and / in user or password "
            "are written as %40 and %2F."
        )
    if url.drivername not in _DRIVERS:
        raise ConfigError(
            "DC_ASSETS_LEDGER_URL is of a database that cannot be a ledger. "
            "Take a SQLite file, sqlite:////path/to/ledger.db, or PostgreSQL, postgresql://…."
        )
    return url.set(drivername=_DRIVERS[url.drivername])


def _is_understood(url: URL) -> bool:
    """Tell whether what was taken for the host is one; a SQLite file has none."""
    if url.get_backend_name() == "sqlite":
        return not (url.host or url.username or url.password or url.port)
    return _HOST.fullmatch(url.host or "") is not None


def place_of(url: URL) -> str:
    """Return where the ledger is, without user, password and options.

    >>> place_of(make_url("postgresql+psycopg2://u:p@db.example.com:5433/books?password=q"))
    'postgresql://db.example.com:5433/books'
    """
    bare = URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database)
    return bare.render_as_string(hide_password=True)


_REMEDIES = {
    ("sqlite", "opening"): "Check DC_ASSETS_LEDGER_URL, the disk and its permissions.",
    ("sqlite", "absence"): "End the program that holds it locked, such as a backup or a shell.",
    ("sqlite", "use"): "Make room on the disk of DC_ASSETS_DATA and check its permissions, then "
    "run again: what was done is kept.",
    ("postgresql", "opening"): "Check DC_ASSETS_LEDGER_URL and that the database server is up.",
    ("postgresql", "absence"): "Check the database server and the way to it.",
    ("postgresql", "use"): "Ask whoever runs the database server, then run again: what was done "
    "is kept.",
}


def remedy_of(url: URL, doing: Literal["opening", "absence", "use"]) -> str:
    """Return what to do when a ledger cannot be opened, stays away, or refuses."""
    return _REMEDIES[url.get_backend_name(), doing]


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite URL; None for one in memory and for a server.

    >>> [str(file_of(make_url(f"sqlite:///{text}"))) for text in ("/a/b.db", "file:/a/b?uri=true")]
    ['/a/b.db', '/a/b']
    """
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    text = url.database or ""
    return Path(unquote(urlsplit(text).path) if text.startswith("file:") else text)


def harmless(said: str, url: str) -> str:
    """Return the first line of a driver's words, or none of them if they repeat a secret of a URL.

    >>> harmless("invalid option s3cret", "postgresql://u@h/d?x=s3cret")
    'the driver repeats parts of the URL, so its words are not shown'
    >>> harmless("no socket in /run/pg", "postgresql:///d?host=/run/pg")
    'no socket in /run/pg'
    """
    parsed = parsed_url(url)
    hidden = {name: value for name, value in parsed.query.items() if name not in _PLACES}
    options = [one for value in hidden.values() for one in _texts(value)]
    return without_secrets(said, [parsed.password or "", *options])


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value
