"""Pages of a query in Data Cloud, as columns of text.

An answer holds at most 49,999 rows and the id of the next batch, which works once; a batch that
got lost on the way cannot be asked for again, so the caller reads on behind the last key it has.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

import polars as pl
from polars.exceptions import PolarsError

from dc_assets.core.errors import RejectedRequest, TransientRemoteError, UnexpectedAnswer
from dc_assets.salesforce.answers import DataPage, unexpected
from dc_assets.salesforce.bounded import PAGE
from dc_assets.salesforce.http import PAGES_MAX, Host

QUERY_URL = "/api/v2/query"

ROWS_MAX = 1_000_000
"""Rows of an answer that is held whole: values, parents, keys that stand twice."""

COUNT_CHARS_MAX = 15
SCALARS = frozenset({str, int, float, bool, type(None)})
TEXTS = frozenset({str, type(None)})


class SmallAnswers:
    """Queries whose answers are held whole; each is asked again when a part of it is lost."""

    def __init__(self, tenant: Host) -> None:
        self._tenant = tenant.patient()

    def rows(self, query: str, width: int) -> list[tuple[str | None, ...]]:
        """Return all rows; ``width`` is how many columns the query selects.

        Raises:
            UnexpectedAnswer: a page is of another shape, or the rows are too many to be held.
        """
        return self._tenant.repeat(lambda: self._rows(query, width), "a query of Data Cloud")

    def one_row(self, query: str, width: int) -> tuple[str | None, ...]:
        """Return the row of an aggregate; an answer without it is no answer."""

        def ask() -> tuple[str | None, ...]:
            rows = self.rows(query, width)
            if len(rows) != 1:
                raise self._unexpected(f"a count of {len(rows)} rows", is_whole=False)
            return rows[0]

        return self._tenant.repeat(ask, "an aggregate of Data Cloud")

    def counts(self, query: str, width: int) -> list[int]:
        """Return the numbers of an aggregate."""
        return [self.whole(count) for count in self.one_row(query, width)]

    def whole(self, count: str | None) -> int:
        """Read a number of rows; a sum of no rows is none, and some servers write decimals."""
        count = re.sub(r"\.0+$", "", count or "0")
        if not (count.isascii() and count.isdecimal() and len(count) <= COUNT_CHARS_MAX):
            raise self._unexpected(f"{count[:40]!r} is no number of rows")
        return int(count)

    def _rows(self, query: str, width: int) -> list[tuple[str | None, ...]]:
        found: list[tuple[str | None, ...]] = []
        for page in _frames(self._tenant, query, width):
            found += page.iter_rows()
            if len(found) > ROWS_MAX:
                raise self._unexpected(f"more than {ROWS_MAX:,} rows")
        return found

    def _unexpected(self, what: str, *, is_whole: bool = True) -> UnexpectedAnswer:
        return unexpected(self._tenant.replayed("POST", QUERY_URL), what, is_whole=is_whole)


def read_pages(tenant: Host, query: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the pages of a query that selects the named columns.

    Raises:
        TransientRemoteError: the stream broke; ask again from the last key that was yielded.
        UnexpectedAnswer: a page is of another shape, came twice, or there is no end.
    """
    for page in _frames(tenant, query, names):
        yield page.rename(dict(zip(page.columns, names, strict=True)))


def read_types(tenant: Host, query: str) -> dict[str, str]:
    """Return the type of each column of a query that is asked for no rows, "" if it is not said.

    They are in the order of the query, where the tenant says it.
    """
    page = _ask(tenant, "POST", QUERY_URL, json={"sql": query})
    placed = sorted(page.metadata.items(), key=lambda item: item[1].place_in_order or 0)
    return {name: column.type or "" for name, column in placed}


def _are(found: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether columns are the named ones; their letters may be of another case."""
    return [name.casefold() for name in found] == [name.casefold() for name in names]


def _frames(tenant: Host, query: str, wanted: Sequence[str] | int) -> Iterator[pl.DataFrame]:
    """Yield the pages of a query; ``wanted`` are its columns, or how many they are."""
    place = tenant.replayed("POST", QUERY_URL)
    page = _ask(tenant, "POST", QUERY_URL, json={"sql": query})
    yield _frame(page, wanted, place)
    seen: set[str] = set()
    while not page.is_last:
        batch = page.next_batch_id
        if not batch:
            raise unexpected(place, "a page that is not done names no next batch", is_whole=False)
        if batch in seen:
            raise unexpected(place, "the same nextBatchId came twice")
        if len(seen) >= PAGES_MAX:
            raise unexpected(place, f"more than {PAGES_MAX:,} pages")
        seen.add(batch)
        try:
            page = _ask(tenant, "GET", f"{QUERY_URL}/{_segment(batch, place)}")
        except RejectedRequest as error:  # used, expired or lost: only a new query helps
            raise TransientRemoteError(f"a batch of the query was lost: {error}") from error
        yield _frame(page, wanted, place)


def _segment(batch: str, place: str) -> str:
    """Quote the id of a batch; what a URL would read as a folder is no id."""
    if batch in {".", ".."} or len(batch) > 4096:  # noqa: PLR2004 - a URL has 16 KB
        raise unexpected(place, "nextBatchId is no id")
    return quote(batch, safe="")


def _ask(tenant: Host, method: str, url: str, **options: Any) -> DataPage:  # noqa: ANN401 - httpx's own options
    # Arrow halves the client's CPU for a page; a server that does not know it sends JSON.
    headers = {"enable-arrow-stream": "true"}
    return tenant.ask(
        method, url, DataPage, changes_nothing=True, headers=headers, extensions=PAGE, **options
    )


def _frame(page: DataPage, wanted: Sequence[str] | int, place: str) -> pl.DataFrame:
    """Read one page into text columns, in the order of the query; it has all rows it counts."""
    names = _names(page, wanted, place)
    if page.arrow_stream:
        frame = _arrow(page.arrow_stream, names, place)
    else:
        schema = dict.fromkeys(names, pl.String)
        columns = list(zip(*_texts(page.data or [], len(names), place), strict=True))
        frame = pl.DataFrame(columns or None, schema=schema, orient="col")
    if page.row_count not in {None, frame.height}:
        what = f"a page of {frame.height:,} rows, its rowCount says {page.row_count:,}"
        raise unexpected(place, what, is_whole=False)
    return frame


def _names(page: DataPage, wanted: Sequence[str] | int, place: str) -> list[str]:
    """Return the columns by their place in the query.

    The order of the metadata means nothing, ``placeInOrder`` does. A server that leaves it out is
    understood where the names themselves stand in the order of the query.
    """
    places = {name: column.place_in_order for name, column in page.metadata.items()}
    ordered = {number: name for name, number in places.items() if number is not None}
    if len(places) == 1 or not (ordered or isinstance(wanted, int)):
        names = list(places)
    elif places and sorted(ordered) == list(range(len(places))):
        names = [ordered[number] for number in range(len(places))]
    else:
        raise unexpected(place, "its metadata does not give the columns an order (placeInOrder)")
    if not (len(names) == wanted if isinstance(wanted, int) else _are(names, wanted)):
        raise unexpected(place, "its columns are not those of the query")
    return names


def _texts(rows: list[list[Any]], width: int, place: str) -> list[list[str | None]]:
    """Return the cells as text; a row may leave out nulls at its end, and no more than that."""
    if any(len(row) > width for row in rows):
        raise unexpected(place, "a row has more cells than the page has columns")
    if any(len(row) < width for row in rows):
        rows = [row + [None] * (width - len(row)) for row in rows]
    kinds = set(map(type, chain.from_iterable(rows)))
    if not kinds <= SCALARS:
        raise unexpected(place, "a cell is a list or an object")
    if kinds <= TEXTS:
        return rows
    return [[None if cell is None else str(cell) for cell in row] for row in rows]


def _arrow(stream: str, names: Sequence[str], place: str) -> pl.DataFrame:
    try:
        frame = pl.read_ipc_stream(base64.b64decode(stream, validate=True))
    except (ValueError, OSError, PolarsError) as error:
        raise unexpected(place, "an Arrow stream that cannot be read", is_whole=False) from error
    by_case = {name.casefold(): name for name in frame.columns}
    if set(by_case) != {name.casefold() for name in names} or frame.width != len(names):
        raise unexpected(place, "the columns of its Arrow stream are not those of the query")
    try:
        return frame.select(
            pl.col(by_case[name.casefold()]).cast(pl.String).alias(name) for name in names
        )
    except PolarsError as error:
        raise unexpected(place, "a column of its Arrow stream is no text or number") from error
