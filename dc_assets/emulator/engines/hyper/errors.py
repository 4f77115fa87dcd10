"""Refusals as Hyper words them: text, SQLSTATE, and the place in the query."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dc_assets.emulator.errors import TenantError

SYNTAX = "42601"
NOT_SUPPORTED = "0A000"
NO_FUNCTION = "42883"
NO_TABLE = "42P01"
NO_COLUMN = "42703"
NO_TYPE = "42704"
NO_SCHEMA = "3F000"


class Unlike(TenantError):
    """A query of Hyper that the emulated tenant cannot answer as Hyper does.

    ``kind`` is the type of the value it would have: what Hyper refuses is told first.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(400, message, sqlstate=NOT_SUPPORTED)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the query something stands."""

    start: int
    length: int = 1


def refusal(sqlstate: str, message: str, sql: str = "", place: Place | None = None) -> TenantError:
    """The refusal of a query; its details name the line and column when there is a place."""
    position = _position(sql, place.start) if place is not None else ""
    return TenantError(400, message, sqlstate=sqlstate, position=position)


def _position(sql: str, start: int) -> str:
    before = sql[:start]
    return f"line {before.count(chr(10)) + 1}, column {start - before.rfind(chr(10))}"


def got(sql: str, start: int) -> str:
    """What Hyper's parser calls the word or sign at this place.

    >>> got("SELECT 1 QUALIFY 1", 9), got("SELECT [1]", 7), got("SELECT", 6)
    ('<identifier>', "'['", 'end of input')
    """
    rest = sql[start:].lstrip()
    if not rest:
        return "end of input"
    for pattern, name in TOKENS:
        if re.match(pattern, rest, re.IGNORECASE):
            return name
    word = re.match(r"[A-Za-z_]\w*", rest)
    if word is None:
        return f"'{rest[0]}'"
    return word.group().upper() if word.group().lower() in RESERVED else "<identifier>"


TOKENS = (
    (r"'", "<string constant>"),
    (r"[0-9]+(?![.0-9eE])", "<integer constant>"),
    (r"[0-9]", "<float constant>"),
    (r'"', "<identifier>"),
)

RESERVED = frozenset(
    {
        *("all", "and", "any", "as", "asc", "both", "case", "cast", "collate", "column", "create"),
        *(
            "cross",
            "current_date",
            "current_timestamp",
            "desc",
            "distinct",
            "else",
            "end",
            "except",
        ),
        *("exists", "false", "fetch", "for", "from", "full", "group", "having", "in", "inner"),
        *("intersect", "into", "is", "join", "lateral", "leading", "left", "like", "limit"),
        *("natural", "not", "null", "offset", "on", "or", "order", "outer", "right", "select"),
        *("similar", "some", "table", "tablesample", "then", "to", "trailing", "true", "union"),
        *("unique", "using", "values", "when", "where", "window", "with", "lambda"),
    }
)
"""Words Hyper's parser names when it meets them where they may not stand."""


def syntax_error(sql: str, start: int) -> TenantError:
    """The refusal of a word or sign that may not stand at its place."""
    return refusal(SYNTAX, f"syntax error: got {got(sql, start)}", sql, Place(start))


def misplaced(sql: str, word: str) -> TenantError:
    """The refusal of a word of DuckDB, whose place the parser does not tell."""
    return syntax_error(sql, max(sql.find(word), 0))


DUCK_TEXTS = (
    (r"ORDER (BY )?term out of range", SYNTAX, "invalid column number in order-by"),
    (r"More than one row returned", "21000", "scalar subquery produced more than one tuple"),
    (r"division by zero", "22012", "division by zero"),
    (r"square root of a neg", "2201F", "cannot take square root of a negative number"),
    (r"logarithm of (?P<what>zero|a negative number)", "2201E", "cannot take logarithm of {what}"),
    (r"UTF8 Codepoint", "22021", "the argument is not a valid UTF-8 code point"),
    (r"Date out of range: (?P<day>\S+)", "22008", "date value out of range '{day}'"),
    (r"field value out of range: \"(?P<day>[^\"]*)", "22P02", "invalid timestamp literal '{day}'"),
    (r"convert string ['\"][+-]?[0-9]+['\"] to U?INT", "22003", "numeric overflow"),
    (r"convert string ['\"](?P<text>.*)['\"] to", "22P02", "invalid input syntax: '{text}'"),
    (r"field format: \"(?P<text>.*?)\"", "22P02", "invalid timestamp literal '{text}'"),
    (r"out of range|overflow", "22003", "numeric overflow"),
    (r"Conversion Error|invalid input", "22P02", "invalid input syntax"),
    (
        r'column "(?P<name>[^"]+)" must appear in the GROUP BY',
        SYNTAX,
        'column "{name}" must appear in the GROUP BY clause or be used in an aggregate function',
    ),
    (r"aggregate", SYNTAX, "aggregates are not allowed here"),
    (r"window", SYNTAX, "window expression not allowed here"),
    (r'Ambiguous reference to column name "(?P<name>[^"]+)"', SYNTAX, "'{name}' is ambiguous"),
    (r"column .* not found|Referenced column", NO_COLUMN, "unknown column"),
    (r"Table with name|does not exist", NO_TABLE, "table does not exist"),
    (r"negative", SYNTAX, "the limit clause must not be negative"),
    (r"same number of", SYNTAX, "set operations require an identical schema on both sides"),
    (r"Subquery returns \d+ columns", SYNTAX, "subquery expressions must produce a single value"),
)
"""What DuckDB says of a query that the guard let through, and what Hyper says of such."""


def translate(reason: str) -> TenantError:
    """The refusal of Hyper for a refusal of DuckDB, whose text is never handed on."""
    for pattern, sqlstate, text in DUCK_TEXTS:
        match = re.search(pattern, reason, re.IGNORECASE)
        if match is not None:
            message = text.format(**match.groupdict())
            return TenantError(400, message, sqlstate=sqlstate)
    return TenantError(400, "the query is not valid here", sqlstate=SYNTAX)
