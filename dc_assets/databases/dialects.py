"""What databases differ in: how text is ordered by bytes, how a value becomes text, how to look.

A database that is not in `DIALECTS` is refused: nobody proved how it orders keys. Sources:
PostgreSQL 16 "Collation Support" and "Date/Time Types"; SQLite "Datatypes", 7 (collating
sequences); DuckDB "Collations"; the reference manuals of the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

Value = sa.ColumnElement[Any]
Text = sa.ColumnElement[str]
Query = sa.Select[Any]


def choose(*values: Value) -> Query:
    """Begin a query; how many columns it has is no part of its type."""
    return sa.select(*values)


SILENT_SERVER: Mapping[str, object] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""Options of libpq: a server that vanished without a word is noticed within a minute."""


@dataclass(frozen=True, slots=True)
class SQLDialect:
    """One kind of database.

    Attributes:
        packages: what `pip install` brings its driver.
        ordered: a text that is compared and ordered by its UTF-8 bytes, whatever its column says.
        as_text: a value as text, before it is ordered.
        moment: a value as a time that can be compared; None where it is none, or an error.
        is_strict: whether a value that is no time is an error.
        written: a statement in which a name stands for a column or for nothing.
        row_hashes: numbers that a text hashes to, small enough to be summed; None if the database
            cannot: then the rows are read and hashed here.
        beginning: statements at the beginning of each transaction: it only reads, and writes times
            in UTC.
        options: arguments of the driver.
        is_file: whether the URL names a file.
        is_exercised: whether our tests run it.
    """

    name: str
    packages: str
    ordered: Callable[[Text], Text]
    as_text: Callable[[Value], Text]
    moment: Callable[[Value], Value]
    is_strict: bool = True
    written: Callable[[str], str] | None = None
    row_hashes: Callable[[Text], Sequence[Value]] | None = None
    beginning: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    is_file: bool = False
    is_exercised: bool = True

    def text(self, value: Value) -> Text:
        """Return a value as text that is compared by its bytes."""
        return self.ordered(self.as_text(value))


def _collated(name: str) -> Callable[[Text], Text]:
    return lambda text: sa.collate(text, name)


def _by_function(name: str) -> Callable[[Text], Text]:
    return lambda text: sa.func.collate(text, sa.literal_column(f"'{name}'"), type_=sa.Text())


def _cast(kind: TypeEngine[Any]) -> Callable[[Value], Any]:
    return lambda value: sa.cast(value, kind)


def _sqlite_text(value: Value) -> Text:
    """Return a value as text: of a REAL as few digits as are it, and of bytes those of hex."""
    of = sa.func.typeof(value)
    short = [sa.func.printf(f"%!.{digits}g", value) for digits in (15, 16)]
    return sa.case(
        (of == "blob", sa.func.hex(value)),
        (of != "real", sa.cast(value, sa.Text)),
        *((sa.cast(text, sa.REAL) == value, text) for text in short),
        else_=sa.func.printf("%!.17g", value),
    )


def _sqlite_moment(value: Value) -> Value:
    """Return a time of text in UTC, with milliseconds; SQLite has no type for it."""
    return sa.func.strftime("%Y-%m-%d %H:%M:%f", sa.cast(value, sa.Text))


_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")


def _in_backticks(statement: str) -> str:
    r"""Put names into backticks: SQLite takes one in double quotes that is none for a text.

    A condition of a misspelt column would then select no row, or every one, without a word
    (SQLite "Quirks, Caveats, and Gotchas", 8).

    >>> _in_backticks('SELECT "Id" FROM t WHERE "Sta`us" = ' + "'a''b\"c\"'")
    'SELECT `Id` FROM t WHERE `Sta``us` = \'a\'\'b"c"\''
    """
    return _QUOTED.sub(lambda found: _backticked(found[0]), statement)


def _backticked(token: str) -> str:
    if token.startswith("'"):
        return token
    name = token[1:-1].replace('""', '"').replace("`", "``")
    return f"`{name}`"


ZONED = sa.TIMESTAMP(timezone=True)
_UNSEEN = partial(SQLDialect, is_exercised=False, as_text=_cast(sa.Text()), moment=_cast(ZONED))

_ALL = (
    SQLDialect(
        "postgresql",
        "psycopg2-binary",
        ordered=_collated("C"),
        as_text=_cast(sa.Text()),
        moment=_cast(ZONED),
        row_hashes=lambda row: [sa.func.hashtextextended(row, 0)],
        beginning=(
            "SET TRANSACTION READ ONLY",
            "SET LOCAL TIME ZONE 'UTC'; SET LOCAL datestyle = 'ISO'",
            "SET LOCAL extra_float_digits = 3",  # a float in its shortest exact form
        ),
        options={"client_encoding": "utf8", **SILENT_SERVER},
    ),
    SQLDialect(
        "sqlite",
        "",
        ordered=_collated("BINARY"),
        as_text=_sqlite_text,
        moment=_sqlite_moment,
        is_strict=False,
        written=_in_backticks,
        beginning=("PRAGMA query_only = ON",),
        is_file=True,
    ),
    SQLDialect(
        "duckdb",
        "duckdb-engine",
        ordered=_collated("C"),
        as_text=_cast(sa.Text()),
        moment=_cast(ZONED),
        row_hashes=lambda row: [sa.func.hash(row)],
        beginning=("SET TimeZone = 'UTC'",),
        options={"read_only": True},
        is_file=True,
    ),
    _UNSEEN(
        "snowflake",
        "snowflake-sqlalchemy",
        ordered=_by_function("utf8"),
        beginning=(
            "ALTER SESSION SET TIMEZONE = 'UTC'",
            "ALTER SESSION SET TIMESTAMP_NTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6'",
            "ALTER SESSION SET TIMESTAMP_LTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM'",
            "ALTER SESSION SET TIMESTAMP_TZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6TZH:TZM'",
        ),
    ),
    _UNSEEN("bigquery", "sqlalchemy-bigquery", ordered=_by_function("")),
    _UNSEEN(
        "redshift",
        "sqlalchemy-redshift psycopg2-binary",
        ordered=_by_function("case_sensitive"),
        as_text=_cast(sa.String(65535)),  # a bare VARCHAR cuts at 256 bytes there
        beginning=("SET TIMEZONE TO 'UTC'",),
    ),
    _UNSEEN(
        "databricks",
        "databricks-sqlalchemy",
        ordered=_by_function("UTF8_BINARY"),
        beginning=("SET TIME ZONE 'UTC'",),
    ),
)

DIALECTS: Mapping[str, SQLDialect] = MappingProxyType({one.name: one for one in _ALL})
"""By the word before the :// of a URL."""
