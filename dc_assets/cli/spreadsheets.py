"""CSV for spreadsheets: no cell is run as a formula, and what is saved again reads back exactly.

A spreadsheet runs a cell that begins with = + - @, a tab or a line end, and some cut a line at
other separators than ours, quoted or not. So an apostrophe stands before each such sign, and before
each apostrophe and quote at such a place: taking one away from each place is then exact.
"""

from __future__ import annotations

import re

import polars as pl

MARK = "spreadsheet"
MARKED = "apostrophes"
"""A column and its value in each row: it tells a reader that cells are escaped."""

_PLACE = r"(^|[;,|\t\r\n])"
_RUN = re.compile(_PLACE + "(?=[-=+@\t\r\n'\"＝＋－＠])")  # noqa: RUF001 - spreadsheets run these too
_ESCAPED = re.compile(_PLACE + "'")


def escaped(cell: str) -> str:
    r"""Return a cell that no spreadsheet runs.

    >>> [escaped(cell) for cell in ("=1+1", "-5", "it's", "'x", "a;=b", "plain")]
    ["'=1+1", "'-5", "it's", "''x", "a;'=b", 'plain']
    """
    return _RUN.sub(r"\1'", cell)


def unescaped(cell: str) -> str:
    """Return what was escaped.

    >>> unescaped("''x"), unescaped("a;'=b")
    ("'x", 'a;=b')
    """
    return _ESCAPED.sub(r"\1", cell)


def for_spreadsheets(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its texts escaped, and marked so."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        *(pl.col(name).map_elements(escaped, return_dtype=pl.String) for name in texts),
        pl.lit(MARKED).alias(MARK),
    )


def texts_in(rows: pl.LazyFrame, column: str) -> list[str | None]:
    """Return a column of CSV that was read as text, escaped rows as they were before."""
    names = rows.collect_schema().names()
    wanted = rows.select(column, *([MARK] if MARK in names else [pl.lit(None).alias(MARK)]))
    return [
        unescaped(cell) if mark == MARKED and cell is not None else cell
        for cell, mark in wanted.collect().iter_rows()
    ]
