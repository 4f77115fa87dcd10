"""Chunks of a query in Data Cloud by Query API V3, as columns of text.

A query is computed once and its chunks can be read any number of times until it expires, so one
that was lost on the way is asked for again. A query that is gone itself is begun anew by the
caller, who reads on behind the last key.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import httpx
import polars as pl

from dc_assets.core.errors import RejectedRequest, RemoteError, TransientRemoteError
from dc_assets.salesforce.answers import read, unexpected
from dc_assets.salesforce.arrow_rows import are_columns, read_arrow
from dc_assets.salesforce.bounded import PAGE
from dc_assets.salesforce.causes import NOT_THERE
from dc_assets.salesforce.http import PAGES_MAX, Host
from dc_assets.salesforce.origins import id_in_path
from dc_assets.salesforce.tenant_answers import DescribedRows, QueryStatus

QUERY_URL = "/api/v3/query"
ARROW = {"Accept": "application/vnd.apache.arrow.stream"}
JSON = {"Accept": "application/json"}
STATUS_HEADERS = ("x-hyperdb-status", "status")
"""Where the status of a query stands; the documentation has both names."""

WORKLOAD = "dc-assets"
"""Whose queries they are, for whoever looks at the tenant's."""

WAIT_MS = 10_000
"""How long the service may keep a question for the status; it is the most it takes."""

POLL_S = 1.0
"""Policy time between two such questions, for a service that does not wait."""

POLLS_MAX = 330
"""Questions without a new chunk: about an hour, as long as V2 gives a whole result."""


class ChunkedQueries:
    """Query API V3 of a tenant, in one data space."""

    url = QUERY_URL

    def __init__(self, tenant: Host, data_space: str) -> None:
        self._tenant = tenant
        self._patient = tenant.patient()
        self._common = {"ctx-dataspace-ds_name": data_space, "x-hyperdb-workload": WORKLOAD}
        self._place = tenant.replayed("POST", QUERY_URL)

    def rows(self, query: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the chunks of a query that selects the named columns.

        Raises:
            TransientRemoteError: the query is gone; ask again from the last key that was yielded.
            UnexpectedAnswer: a chunk is of another shape, or there is no end.
        """
        begin = partial(self._begun, query, "ASYNC")
        _, status = self._tenant.repeat(begin, "a query of Data Cloud")
        for chunk in self._chunks(self._tenant, status, names):
            yield chunk.rename(dict(zip(chunk.columns, names, strict=True)))

    def answer(self, query: str, width: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query that has few: they stand in its first answer.

        What came first is no chunk, so an answer that is not whole is read by chunks from the
        beginning.
        """
        first, status = self._patient.repeat(
            partial(self._first, query, width), "a query of Data Cloud"
        )
        if status.has_all_rows and first.height == status.row_count:
            yield first
        else:
            yield from self._chunks(self._patient, status, width)

    def types(self, query: str) -> Mapping[str, str]:
        """Return the type of each column of a query that is asked for no rows, "" if unsaid."""
        answer = self._tenant.ask(
            "POST",
            QUERY_URL,
            DescribedRows,
            changes_nothing=True,
            json={"sql": query, "transferMode": "ADAPTIVE"},
            headers=self._common | JSON,
        )
        return {column.name: column.type or "" for column in answer.metadata.columns}

    def _begun(self, query: str, mode: str) -> tuple[httpx.Response, QueryStatus]:
        """Send a query; an answer that got lost leaves one behind, which goes within a day."""
        response = self._tenant.call(
            "POST",
            QUERY_URL,
            changes_nothing=True,
            json={"sql": query, "transferMode": mode},
            headers=self._common | ARROW,
            extensions=PAGE,
        )
        return response, _status(response, self._place)

    def _first(self, query: str, width: int) -> tuple[pl.DataFrame, QueryStatus]:
        response, status = self._begun(query, "ADAPTIVE")
        return read_arrow(response.content, width, self._place), status

    def _chunks(
        self, tenant: Host, status: QueryStatus, wanted: Sequence[str] | int
    ) -> Iterator[pl.DataFrame]:
        """Yield all chunks; together they have the rows that the query counts."""
        number = rows = 0
        with self._deleted_afterwards(status.query_id):
            while not (status.has_all_rows and number >= status.chunk_count):
                if number >= PAGES_MAX:
                    raise unexpected(self._place, f"more than {PAGES_MAX:,} chunks")
                if number >= status.chunk_count:
                    status = self._awaited(tenant, status.query_id, number)
                    continue
                chunk = self._chunk(tenant, status.query_id, number, wanted)
                number, rows = number + 1, rows + chunk.height
                yield chunk
        if rows != status.row_count:
            what = f"{number:,} chunks of {rows:,} rows, its rowCount says {status.row_count:,}"
            raise unexpected(self._place, what, is_whole=False)

    def _chunk(
        self, tenant: Host, query_id: str, number: int, wanted: Sequence[str] | int
    ) -> pl.DataFrame:
        """Read one chunk; one that is cut off on the way is read again."""
        url = f"{self._path(query_id)}/chunks/{number}"
        place = tenant.replayed("GET", f"{QUERY_URL}/…/chunks/{number}")

        def read_once() -> pl.DataFrame:
            response = tenant.call("GET", url, headers=self._common | ARROW, extensions=PAGE)
            frame = read_arrow(response.content, wanted, place)
            if not (isinstance(wanted, int) or are_columns(frame.columns, wanted)):
                raise unexpected(place, "its columns are not those of the query")
            return frame

        with _may_be_gone():
            return tenant.repeat(read_once, "a chunk of a query of Data Cloud")

    def _awaited(self, tenant: Host, query_id: str, number: int) -> QueryStatus:
        """Ask until the query has all rows or another chunk."""
        for asked in range(POLLS_MAX):
            if asked:
                tenant.sleep(POLL_S)
            status = self._status_of(tenant, query_id)
            if status.has_all_rows or status.chunk_count > number:
                return status
        raise TransientRemoteError("a query of Data Cloud has no new chunk after an hour")

    def _status_of(self, tenant: Host, query_id: str) -> QueryStatus:
        place = tenant.replayed("GET", f"{QUERY_URL}/…")

        def ask() -> QueryStatus:
            waits = {"waitTimeMs": str(WAIT_MS)}
            url = self._path(query_id)
            return _status(
                tenant.call("GET", url, params=waits, headers=self._common | JSON), place
            )

        with _may_be_gone():
            return tenant.repeat(ask, "the status of a query of Data Cloud")

    def _path(self, query_id: str) -> str:
        return f"{QUERY_URL}/{id_in_path(query_id, self._place, 'queryId')}"

    @contextmanager
    def _deleted_afterwards(self, query_id: str) -> Generator[None]:
        """Free the rows at the end; a host in trouble is spared the call: they go within a day."""
        try:
            yield
        except RemoteError:
            raise
        except BaseException:
            self._delete(query_id)
            raise
        self._delete(query_id)

    def _delete(self, query_id: str) -> None:
        once = replace(self._tenant, ladder_s=(), moment_s=())
        with suppress(RemoteError):
            once.call("DELETE", self._path(query_id), headers=self._common)


def ask_v3(tenant: Host, data_space: str) -> None:
    """Ask Query API V3 for one row of no object: one call.

    Raises:
        RemoteError: it does not answer; the sentence says what to do.
    """
    list(ChunkedQueries(tenant, data_space).answer('SELECT 1 AS "one"', 1))


def _status(response: httpx.Response, place: str) -> QueryStatus:
    """Read how far a query is from the header of an answer, or from its body."""
    for name in STATUS_HEADERS:
        if "{" in (text := response.headers.get(name, "")):
            return read(QueryStatus, text.encode(), place)
    if ARROW["Accept"] in response.headers.get("Content-Type", "").lower():
        raise unexpected(place, f"no header {STATUS_HEADERS[0]}")
    return read(QueryStatus, response.content, place)


@contextmanager
def _may_be_gone() -> Generator[None]:
    """A query that is unknown has expired or was lost: only a new one helps."""
    try:
        yield
    except RejectedRequest as error:
        if error.status not in NOT_THERE:
            raise
        raise TransientRemoteError(f"a query was lost: {error}") from error
