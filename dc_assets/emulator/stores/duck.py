"""A narrow typed face of DuckDB that reaches no file but its own: run, rows, one, frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import duckdb
import polars as pl

Row = tuple[Any, ...]

NEAR_HYPER = (
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL default_null_order = 'NULLS_LAST_ON_ASC_FIRST_ON_DESC'",
    "SET GLOBAL integer_division = true",
    "SET GLOBAL ieee_floating_point_ops = false",
)
"""Settings that bring DuckDB near to Hyper, for all sessions to come."""

QUICK = ("SET GLOBAL disabled_compression_methods = 'fsst,dict_fsst'",)
"""More than half of the work of an insert is to try these two on its texts."""

CLOSED: dict[str, object] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
}
"""What no SQL may start: extensions, secrets kept in the home folder, variables of this program."""

WALL = (
    # Not with the settings above: the engine takes no folder to spill to once this is off.
    "SET GLOBAL enable_external_access = false",
    "SET GLOBAL lock_configuration = true",
)
"""The last settings of a database: from here on SQL opens no file and changes no setting."""

STATEMENTS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "DROP", "ALTER"}
)
"""Statements that look at rows and tables or change them."""

DatabaseError = cast("type[Exception]", duckdb.Error)


def reason_of(error: Exception) -> str:
    """What the engine says, without the lines in which it quotes the SQL."""
    return str(error).partition("\n")[0]


class StatementError(Exception):
    """SQL that is more than rows and tables; the text is one sentence."""


class _Type(Protocol):
    @property
    def name(self) -> str: ...


class _Statement(Protocol):
    @property
    def type(self) -> _Type: ...
    @property
    def query(self) -> str: ...


class _Stream:
    """Columns as a stream of Arrow and no more, so that the engine asks for no other library."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


class _Session(Protocol):
    def execute(self, query: str, parameters: Sequence[object]) -> _Session: ...
    def fetchall(self) -> list[Row]: ...
    def cursor(self) -> _Session: ...
    def sql(self, query: str) -> object: ...
    def register(self, view_name: str, python_object: object) -> object: ...
    def unregister(self, view_name: str) -> object: ...
    def extract_statements(self, query: str) -> list[_Statement]: ...
    def close(self) -> None: ...


class _Connect(Protocol):
    def __call__(self, database: str, *, config: dict[str, object]) -> _Session: ...


_connect = cast("_Connect", duckdb.connect)


class Session:
    """One connection with its own temporary tables; used by one thread at a time."""

    def __init__(self, raw: _Session) -> None:
        self._raw = raw

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

    @contextmanager
    def given(self, name: str, frame: pl.DataFrame) -> Generator[None]:
        """Let SQL read a frame by a name while the block runs; this is how rows come in."""
        self._raw.register(name, _Stream(frame))
        try:
            yield
        finally:
            self._raw.unregister(name)

    def statements(self, sql: str) -> list[str]:
        """The statements of a text, each one that looks at rows and tables or changes them.

        Raises:
            StatementError: one of them is of another kind.
            DatabaseError: the text cannot be read.
        """
        found = self._raw.extract_statements(sql)
        for statement in found:
            if statement.type.name not in STATEMENTS:
                raise StatementError(
                    f"A statement of the kind {statement.type.name} is refused: SQL may look at "
                    "rows and tables and change them, and nothing else."
                )
        return [statement.query for statement in found]

    def only_reads(self, sql: str) -> bool:
        """Whether each statement of a text is a query."""
        return all(one.type.name == "SELECT" for one in self._raw.extract_statements(sql))

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


class DuckDatabase:
    """One database file; it hands out sessions and is closed once.

    SQL reaches this file, its log and its spill folder, whatever it says.

    Args:
        path: the file.
        catch_up: called before each session begins.
        memory_mb: that the engine takes at most.
        threads: that work at one statement; None for one a core.
    """

    def __init__(
        self,
        path: Path,
        catch_up: Callable[[], None] | None = None,
        *,
        memory_mb: int = 600,
        threads: int | None = None,
    ) -> None:
        self._catch_up = catch_up
        config: dict[str, object] = {
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(path.with_suffix(".spill")),
            "checkpoint_threshold": "256MB",
            **({} if threads is None else {"threads": threads}),
            **CLOSED,
        }
        self._root = Session(_connect(str(path), config=config))
        # The end must come fast; what is committed is in the log, and the next start reads it.
        for setting in ("PRAGMA disable_checkpoint_on_shutdown", *NEAR_HYPER, *QUICK, *WALL):
            self._root.run(setting)

    @contextmanager
    def session(self) -> Generator[Session]:
        """A session for the block."""
        session = self.open_session()
        try:
            yield session
        finally:
            session.close()

    def open_session(self) -> Session:
        """A session the caller closes."""
        if self._catch_up is not None:
            self._catch_up()
        return self._root.fork()

    @contextmanager
    def bare_session(self) -> Generator[Session]:
        """A session for whoever brings the database up to date."""
        session = self._root.fork()
        try:
            yield session
        finally:
            session.close()

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
