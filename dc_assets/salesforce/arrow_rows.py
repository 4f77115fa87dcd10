"""Rows of a query in Data Cloud that come as a stream of Arrow."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl
from polars.exceptions import PanicException, PolarsError

from dc_assets.salesforce.answers import unexpected


def are_columns(found: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether columns are the named ones; their letters may be of another case."""
    return [name.casefold() for name in found] == [name.casefold() for name in names]


def read_arrow(stream: bytes, wanted: Sequence[str] | int, place: str) -> pl.DataFrame:
    """Read a stream into columns of text.

    ``wanted`` are the columns in the order of the query, or how many they are; ``place`` says who
    answered which call. A stream ends with a mark or without: a cut between two of its parts is
    seen by the count of the rows alone.

    Raises:
        UnexpectedAnswer: it cannot be read, which may pass, or has other columns.
    """
    try:
        # Polars copies a BytesIO to see whether it is empty, a reader of it not
        frame = pl.read_ipc_stream(io.BufferedReader(io.BytesIO(stream)))
    except PanicException as error:  # a time zone that Polars does not know, such as Hyper's Utc
        raise unexpected(place, "an Arrow stream of types that cannot be read") from error
    except (ValueError, OSError, PolarsError) as error:
        raise unexpected(place, "an Arrow stream that cannot be read", is_whole=False) from error
    names = frame.columns if isinstance(wanted, int) else wanted
    by_case = {name.casefold(): name for name in frame.columns}
    width = wanted if isinstance(wanted, int) else len(names)
    if set(by_case) != {name.casefold() for name in names} or frame.width != width:
        raise unexpected(place, "the columns of its Arrow stream are not those of the query")
    try:
        return frame.select(
            pl.col(by_case[name.casefold()]).cast(pl.String).alias(name) for name in names
        )
    except PolarsError as error:
        raise unexpected(place, "a column of its Arrow stream is no text or number") from error
