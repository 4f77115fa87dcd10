"""Opens the ledger database: a SQLite file on one host, PostgreSQL for more."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.migrations import migrate

BUSY_TIMEOUT_S = 30
"""How long a SQLite writer waits for another one; each transaction takes milliseconds."""

_DRIVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg2", "sqlite", "sqlite+pysqlite"})


class Database:
    """Transactions on the ledger; the schema is created or migrated on opening."""

    def __init__(self, url: str) -> None:
        """Open the database.

        Raises:
            ConfigError: the URL is wrong, or the server or the disk refuses. The message never
                holds the URL's password.
        """
        try:
            self._engine = _engine(_parsed(url))
        except (SQLAlchemyError, ValueError, TypeError):  # an option that no driver can read
            raise ConfigError(
                "An option or a path in DC_ASSETS_LEDGER_URL cannot be read. "
                "Write sqlite:////path/to/ledger.db or postgresql://user:password@host/database."
            ) from None  # its words may repeat parts of the URL
        try:
            with self.begin() as connection:
                migrate(connection)
        except (SQLAlchemyError, ValueError, TypeError) as error:
            shown = self._engine.url.set(query={}).render_as_string(hide_password=True)
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise ConfigError(
                f"The ledger {shown} cannot be opened: {reason}. "
                "Check DC_ASSETS_LEDGER_URL, the disk and its permissions."
            ) from error

    @contextmanager
    def begin(self) -> Generator[Connection]:
        """Run one transaction; it is the only writer on SQLite (BEGIN IMMEDIATE)."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number
        raise ConfigError(
            "DC_ASSETS_LEDGER_URL is not a database URL. "
            "Write sqlite:////path/to/ledger.db or postgresql://user:password@host/database."
        ) from None
    if parsed.drivername not in _DRIVERS:
        raise ConfigError(
            "DC_ASSETS_LEDGER_URL is of a database that cannot be a ledger. "
            "Take a SQLite file, sqlite:////path/to/ledger.db, or PostgreSQL, postgresql://…."
        )
    # SQLAlchemy 2.1 took psycopg 3 as the default driver; dagster-postgres brings psycopg2.
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    if url.database:
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(
                f"The folder of the ledger cannot be made: {error.strerror}. "
                "Set DC_ASSETS_DATA to a folder that can be written."
            ) from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # we write BEGIN ourselves
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # a ledger that forgets a commit is no ledger
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
