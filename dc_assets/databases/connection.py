"""Asks a database, one read transaction for each query; its URL stands in no message.

SQLAlchemy's own errors hold the statement and its values, and a driver's may repeat options of the
URL. So each error becomes one sentence without a cause.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from dc_assets.core.database_faults import (
    is_passing_refusal,
    is_passing_state,
    without_secrets,
)
from dc_assets.core.errors import AccessRefused, ConfigError, TransientRemoteError
from dc_assets.core.spec import LoadSpec
from dc_assets.databases.dialects import DIALECTS, Query, SQLDialect, Value, choose

PAGE_ROWS = 10_000

ALIASES = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}
"""SQLAlchemy 2.1 took another driver as the default; the ledger's is there already."""

_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_NO_ACCESS = ("28", "42501")
"""SQLSTATE of a login that is refused, and of a table that the user may not read."""

_NO_ACCESS_WORDS = ("authentication failed", "no pg_hba.conf entry", "no password supplied")

Row = tuple[Any, ...]
Rows = Sequence[Row]


class Database:
    """The database of one load spec."""

    def __init__(self, spec: LoadSpec, url: str) -> None:
        """Make ready to connect.

        Raises:
            ConfigError: the URL is none, its database is not known, or its driver is not installed.
        """
        self._spec = spec
        self._url = self._parsed(url)
        self.dialect = self._known(self._url)
        self._engine = self._opened()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def rows(self, query: Query) -> Rows:
        """Return the rows of a query, all at once.

        Raises:
            TransientRemoteError: the database is away, or gave up for now.
            ConfigError: it refuses the query.
        """
        with self._in_one_sentence(), self._transaction() as connection:
            return cast("Rows", connection.execute(query).all())

    def row(self, query: Query) -> Row:
        """Return the one row of a query."""
        return self.rows(query)[0]

    def pages(self, query: Query) -> Iterator[Rows]:
        """Yield the rows of a query as they come: no more than a page of them is held."""
        streamed = query.execution_options(yield_per=PAGE_ROWS)
        with self._in_one_sentence(), self._transaction() as connection:
            yield from cast("Iterator[Rows]", connection.execute(streamed).partitions())

    def types(self, query: Query) -> Sequence[tuple[str, str]]:
        """Return name and type of each column of a query for no rows; "" for a type unknown."""
        with self._in_one_sentence(), self._transaction() as connection:
            cursor = connection.execute(query).cursor
            described = cursor.description if cursor is not None else ()
            codes = {str(one[1]) for one in described if one[1] is not None}
            names = {code: code for code in codes}
            if self.dialect.name == "postgresql" and codes:
                names = _type_names(connection, codes)
            return [(str(one[0]), names.get(str(one[1]), "")) for one in described]

    @contextmanager
    def _transaction(self) -> Generator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            for statement in self.dialect.beginning:
                connection.exec_driver_sql(statement)
            yield connection

    def _parsed(self, text: str) -> URL:
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise ConfigError(
                f"{self._named} is not a database URL. Write it as postgresql://user:password@host/"
                "database; signs such as @ and / in user or password are written as %40 and %2F."
            ) from None  # the parser's words may repeat parts of it
        return url.set(drivername=ALIASES.get(url.drivername, url.drivername))

    def _known(self, url: URL) -> SQLDialect:
        name = url.get_backend_name()
        if name not in DIALECTS:
            raise ConfigError(
                f"{self._named} is of a database whose order of keys is not proved here: {name}. "
                f"Known are {', '.join(DIALECTS)}. Write the rows to Parquet files and name "
                "them in source.files instead."
            )
        dialect, file = DIALECTS[name], Path(url.database or ":memory:")
        if dialect.is_file and not file.is_file():
            raise ConfigError(
                f"{self._named} names the file {file}, and there is none. Correct source.sql.url "
                f"of the spec {self._spec.name}, with the whole path: {name}:////path/to/file.db"
            )
        return dialect

    def _opened(self) -> Engine:
        try:
            engine = sa.create_engine(
                self._url,
                connect_args=dict(self.dialect.options),
                pool_pre_ping=not self.dialect.is_file,
                hide_parameters=True,
            )
        except (NoSuchModuleError, ModuleNotFoundError):
            raise ConfigError(
                f"The driver of {self._url.drivername} is not installed here. "
                f"pip install {self.dialect.packages}"
            ) from None
        except (SQLAlchemyError, ValueError, TypeError):
            raise ConfigError(
                f"An option of {self._named} cannot be read. Correct the part behind the ?."
            ) from None
        if self.dialect.written is not None:
            _rewrite(engine, self.dialect.written)
        return engine

    @property
    def _named(self) -> str:
        """What the spec calls the URL; it holds no secret."""
        assert self._spec.source.sql is not None, "whoever opens a database looked at the spec"
        return self._spec.source.sql.url

    @contextmanager
    def _in_one_sentence(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            self._refuse(error)
        except UnicodeDecodeError:
            raise ConfigError(
                f"{self._spec.source.place} holds text that is no UTF-8. Correct it, or leave the "
                "rows out with source.where."
            ) from None
        except SQLAlchemyError as error:
            self._refuse_query(str(error))

    def _refuse(self, error: DBAPIError) -> NoReturn:
        said = self._harmless(str(error.orig))
        if _is_passing(error, is_file=self.dialect.is_file):
            raise TransientRemoteError(f"{self._named} does not answer for now: {said}.") from None
        state = str(getattr(error.orig, "pgcode", None) or "")
        if state.startswith(_NO_ACCESS) or any(words in said for words in _NO_ACCESS_WORDS):
            raise AccessRefused(
                f"{self._named} lets our user not in, or not read {self._spec.source.place}: "
                f"{said}. Correct user and password, or grant SELECT."
            ) from None
        if "FATAL:" in said:
            raise ConfigError(f"{self._named} cannot be opened: {said}. Correct the URL.") from None
        self._refuse_query(said)

    def _refuse_query(self, said: str) -> NoReturn:
        raise ConfigError(
            f"The database refuses the query for {self._spec.source.place}: "
            f"{self._harmless(said)}. Correct source.sql, source.where or the source columns of "
            f"the spec {self._spec.name}."
        ) from None

    def _harmless(self, said: str) -> str:
        options = (str(value) for value in self._url.query.values())
        line = without_secrets(said, [str(self._url.password or ""), *options])
        return line.rstrip(". ")


def _rewrite(engine: Engine, written: Callable[[str], str]) -> None:
    """Let a dialect have the last word on each statement."""

    def rewritten(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        return written(statement), parameters

    event.listen(engine, "before_cursor_execute", rewritten, retval=True)


def _type_names(connection: Connection, codes: set[str]) -> dict[str, str]:
    """Ask PostgreSQL for the names of types, which its driver gives as numbers."""
    number = sa.column("oid", sa.Integer())
    name: Value = sa.func.format_type(number, sa.null(), type_=sa.Text())
    asked = choose(number, name).select_from(sa.table("pg_type", schema="pg_catalog"))
    found = connection.execute(asked.where(number.in_([int(code) for code in codes]))).all()
    return {str(one[0]): str(one[1]) for one in cast("Rows", found)}


def _is_passing(error: DBAPIError, *, is_file: bool) -> bool:
    """Tell whether the same query may be answered later."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _LOCKED
    if state := getattr(cause, "pgcode", None):
        return is_passing_state(str(state))
    said = str(cause)
    if is_file:  # there is no server; a sentence about a column may be of connections
        return "set lock on file" in said
    return error.connection_invalidated or is_passing_refusal(said)
