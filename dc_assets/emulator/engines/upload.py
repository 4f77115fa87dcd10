"""Read the CSV of an upload: header, rows in batches, and the check of its line ending."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from dc_assets.emulator.engines.binding import BatchError
from dc_assets.emulator.engines.spans import Span, gaps
from dc_assets.emulator.stores.jobs import DELIMITERS, LINE_ENDINGS, StoredJob

BATCH_ROWS = 10_000
"""Records of one internal batch of the service."""

CELL_CHARACTERS_MAX = 10_000_000
csv.field_size_limit(CELL_CHARACTERS_MAX)


def check_line_ending(path: Path, job: StoredJob) -> None:
    """Compare the first line break of the file with the job's setting.

    Raises:
        BatchError: they differ.
    """
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return
    found = "CRLF" if line.endswith(LINE_ENDINGS["CRLF"].encode()) else "LF"
    if found != job.line_ending:
        raise BatchError(
            "ClientInputError : LineEnding is invalid on user data. "
            f"Current LineEnding setting is {job.line_ending}"
        )


def header_text(path: Path) -> str:
    """The header line as it was uploaded, quotes and all, without its line break."""
    if not path.exists():
        return ""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return file.readline().rstrip("\r\n")


def read_rows(path: Path, job: StoredJob) -> Iterator[list[str]]:
    """All rows of the upload with the header first; empty lines are no rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for row in csv.reader(file, delimiter=DELIMITERS[job.column_delimiter]):
                if row:
                    yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise BatchError(f"InvalidBatch : {error}") from error


def in_batches(rows: Iterator[list[str]], size: int = BATCH_ROWS) -> Iterator[list[list[str]]]:
    """Rows in lists of at most `size`."""
    while batch := list(islice(rows, size)):
        yield batch


def batches_to_do(
    rows: Iterator[list[str]], done: Sequence[Span], rows_max: int | None
) -> Iterator[tuple[int, list[list[str]]]]:
    """Batches of the rows that were not committed yet, each with the number of its first row.

    Args:
        rows: all rows without the header.
        done: committed rows.
        rows_max: the job ends before the row of this number; None when it goes to the last.
    """
    reached = 0
    for first, stop in gaps(done, sys.maxsize if rows_max is None else rows_max):
        skip(rows, first - reached)
        reached = first
        for batch in in_batches(islice(rows, stop - first)):
            yield reached, batch
            reached += len(batch)


def skip(rows: Iterator[list[str]], count: int) -> None:
    """Leave out so many rows."""
    next(islice(rows, count, count), None)
