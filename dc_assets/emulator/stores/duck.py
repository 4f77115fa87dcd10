"""A narrow typed face of DuckDB: run, rows, one, frame."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import duckdb
import polars as pl

Row = tuple[Any, ...]

SESSION = (
    "SET TimeZone = 'UTC'",
    "SET default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC'",
    "SET integer_division = true",
    "SET ieee_floating_point_ops = false",
)
"""Settings that bring DuckDB near to Hyper; each new session needs them again."""

DatabaseError = cast("type[Exception]", duckdb.Error)


class _Session(Protocol):
    def execute(self, query: str, parameters: Sequence[object]) -> _Session: ...
    def fetchall(self) -> list[Row]: ...
    def cursor(self) -> _Session: ...
    def sql(self, query: str) -> object: ...
    def close(self) -> None: ...


class _Connect(Protocol):
    def __call__(self, database: str, *, config: dict[str, object]) -> _Session: ...


_connect = cast("_Connect", duckdb.connect)


class Session:
    """One connection with its own temporary tables; used by one thread at a time."""

    def __init__(self, raw: _Session) -> None:
        self._raw = raw
        for setting in SESSION:
            self.run(setting)

    def run(self, sql: str, *values: object) -> None:
        """Run one statement and drop its answer."""
        self._raw.execute(sql, list(values)).fetchall()

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of the answer."""
        return self._raw.execute(sql, list(values)).fetchall()

    def one(self, sql: str, *values: object) -> Row:
        """The first row of an answer that has at least one."""
        return self.rows(sql, *values)[0]

    def frame(self, sql: str) -> pl.DataFrame:
        """The answer as columns; the text takes no parameters."""
        return pl.DataFrame(cast("Any", self._raw.sql(sql)))

    def fork(self) -> Session:
        """A new session on the same database."""
        return Session(self._raw.cursor())

    def close(self) -> None:
        """End the session; its temporary tables are gone."""
        self._raw.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit at the end of the block, roll back when it raises."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")


class Database:
    """One database file; it hands out sessions and is closed once."""

    def __init__(self, path: Path, *, memory_mb: int = 600) -> None:
        config: dict[str, object] = {
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(path.with_suffix(".spill")),
            "checkpoint_threshold": "256MB",
        }
        self._root = Session(_connect(str(path), config=config))
        # The end must come fast; what is committed is in the log, and the next start reads it.
        self._root.run("PRAGMA disable_checkpoint_on_shutdown")

    @contextmanager
    def session(self) -> Generator[Session]:
        """A session for the block."""
        session = self._root.fork()
        try:
            yield session
        finally:
            session.close()

    def open_session(self) -> Session:
        """A session the caller closes."""
        return self._root.fork()

    def close(self) -> None:
        """Let go of the file; all that was committed is in it or in its log."""
        self._root.close()


def quoted(name: str) -> str:
    """An SQL identifier for a name.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
