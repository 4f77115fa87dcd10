"""Pages of a query in Data Cloud by Query API V2, as columns of text.

An answer holds at most 49,999 rows and the id of the next batch, which works once; a batch that
got lost on the way cannot be asked for again, so the caller reads on behind the last key it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import polars as pl

from dc_assets.core.errors import RejectedRequest, TransientRemoteError
from dc_assets.salesforce.answers import unexpected
from dc_assets.salesforce.arrow_rows import are_columns, read_arrow
from dc_assets.salesforce.bounded import PAGE
from dc_assets.salesforce.http import PAGES_MAX, Host
from dc_assets.salesforce.origins import id_in_path
from dc_assets.salesforce.tenant_answers import DataPage

QUERY_URL = "/api/v2/query"

SCALARS = frozenset({str, int, float, bool, type(None)})
TEXTS = frozenset({str, type(None)})


class PagedQueries:
    """Query API V2 of a tenant."""

    url = QUERY_URL

    def __init__(self, tenant: Host) -> None:
        self._tenant = tenant
        self._patient = tenant.patient()

    def rows(self, query: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the pages of a query that selects the named columns.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
            UnexpectedAnswer: a page is of another shape, came twice, or there is no end.
        """
        for page in _frames(self._tenant, query, names):
            yield page.rename(dict(zip(page.columns, names, strict=True)))

    def answer(self, query: str, width: int) -> Iterator[pl.DataFrame]:
        """Yield the pages of a query that has few rows."""
        return _frames(self._patient, query, width)

    def types(self, query: str) -> Mapping[str, str]:
        """Return the type of each column of a query that is asked for no rows, "" if unsaid.

        They are in the order of the query, where the tenant says it.
        """
        page = _ask(self._tenant, "POST", QUERY_URL, json={"sql": query})
        placed = sorted(page.metadata.items(), key=lambda item: item[1].place_in_order or 0)
        return {name: column.type or "" for name, column in placed}


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
            page = _ask(tenant, "GET", f"{QUERY_URL}/{id_in_path(batch, place, 'nextBatchId')}")
        except RejectedRequest as error:  # used, expired or lost: only a new query helps
            raise TransientRemoteError(f"a batch of the query was lost: {error}") from error
        yield _frame(page, wanted, place)


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
        frame = read_arrow(page.arrow_stream, names, place)
    else:
        frame = _texts(page.data or [], names, place)
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
    if not (len(names) == wanted if isinstance(wanted, int) else are_columns(names, wanted)):
        raise unexpected(place, "its columns are not those of the query")
    return names


def _texts(rows: list[list[Any]], names: Sequence[str], place: str) -> pl.DataFrame:
    """Return the cells as text; a row may leave out nulls at its end, and no more than that."""
    width = len(names)
    widths = set(map(len, rows))
    if max(widths, default=width) > width:
        raise unexpected(place, "a row has more cells than the page has columns")
    if min(widths, default=width) < width:
        rows = [row + [None] * (width - len(row)) for row in rows]
    cells = list(chain.from_iterable(rows))
    kinds = set(map(type, cells))
    if not kinds <= SCALARS:
        raise unexpected(place, "a cell is a list or an object")
    if not kinds <= TEXTS:
        cells = [None if cell is None else str(cell) for cell in cells]
    # column by column: Polars takes three times as long for a list of rows
    columns = {name: cells[number::width] for number, name in enumerate(names)}
    return pl.DataFrame(columns, dict.fromkeys(names, pl.String))
