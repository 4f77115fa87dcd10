"""A Parquet or CSV file of the user as frames: the one place that reads a file by its path."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import polars.selectors as cs

SEPARATORS = ",;\t|"
PIECE_ROWS = 200_000


class SourceError(Exception):
    """A source file cannot become an object; the text is one sentence."""


def frames_of(path: Path) -> Iterator[pl.DataFrame]:
    """The rows of a file, some at a time and at least one frame; CSV types are found in all rows.

    Raises:
        SourceError: the file is absent, has another ending, or cannot be read.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SourceError(f"The source file {path} is neither .parquet nor .csv.")
    if not path.is_file():
        raise SourceError(f"The source file {path} cannot be read: it is not there.")
    with _told(path):
        rows = _plain(reader(path))
        yield rows.clear().collect()
        yield from rows.collect_batches(chunk_size=PIECE_ROWS, maintain_order=True)


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Say what Polars and the system say of a file in one sentence; damage can make it panic."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise SourceError(f"The source file {path} cannot be read: {reason}") from error


def _parquet(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False)


def _csv(path: Path) -> pl.LazyFrame:
    with path.open(encoding="utf-8", errors="replace") as file:
        header = file.readline()
    separator = max(SEPARATORS, key=header.count)
    return pl.scan_csv(
        path, separator=separator, infer_schema_length=None, try_parse_dates=True, glob=False
    )


READERS = {".parquet": _parquet, ".csv": _csv}
"""How a source file is read, by its ending."""


def _plain(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with the types Data Cloud has: texts, and moments in microseconds."""
    return rows.with_columns(
        cs.categorical().cast(pl.String),
        cs.enum().cast(pl.String),
        cs.datetime(time_unit=["ms", "ns"]).dt.cast_time_unit("us"),
    )
