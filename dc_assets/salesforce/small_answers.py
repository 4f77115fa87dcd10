"""Queries whose answers are held whole, whichever API of Data Cloud answers them."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import polars as pl

from dc_assets.core.errors import ConfigError, HostRefuses, RejectedRequest, UnexpectedAnswer
from dc_assets.salesforce.answers import unexpected
from dc_assets.salesforce.http import Host

ROWS_MAX = 1_000_000
"""Rows of an answer that is held whole: values, parents, keys that stand twice."""

COUNT_CHARS_MAX = 15


class QueryAPI(Protocol):
    """A way to ask a tenant of Data Cloud; all of them answer with the same rows as text."""

    url: str
    """The path that a query is sent to."""

    def rows(self, query: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query that selects the named columns, in the query's order.

        Raises:
            TransientRemoteError: the stream broke; ask again from the last key that was yielded.
            UnexpectedAnswer: an answer is of another shape, or there is no end.
        """
        ...

    def answer(self, query: str, width: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of a query that has few; ``width`` is how many columns it selects."""
        ...

    def types(self, query: str) -> Mapping[str, str]:
        """Return the type of each column of a query that is asked for no rows, "" if unsaid."""
        ...


@contextmanager
def correctable(asked: str, remedy: str) -> Generator[None]:
    """Turn a refusal of what is asked into the settings that the operator corrects."""
    try:
        yield
    except HostRefuses:
        raise
    except RejectedRequest as error:
        raise ConfigError(f"Data Cloud refuses {asked}: {error}. {remedy}") from error


class SmallAnswers:
    """Queries that are asked again when a part of the answer is lost."""

    def __init__(self, tenant: Host, api: QueryAPI) -> None:
        self._tenant = tenant.patient()
        self._api = api

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
        for page in self._api.answer(query, width):
            found += page.iter_rows()
            if len(found) > ROWS_MAX:
                raise self._unexpected(
                    f"more than {ROWS_MAX:,} values, big parents or keys that stand twice. "
                    "If it is keys, source.key of the spec is not one"
                )
        return found

    def _unexpected(self, what: str, *, is_whole: bool = True) -> UnexpectedAnswer:
        return unexpected(self._tenant.replayed("POST", self._api.url), what, is_whole=is_whole)
