"""Read the CSV of an upload: header, rows in batches, and the check of its line ends.

What the Bulk API 2.0 guide demands ("Prepare CSV Files") is demanded: one line ending throughout,
no blank beside a quote. A byte order mark is part of the first field name, as an org has it
(forcedotcom/cli issue 720).
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from dc_assets.emulator.engines.binding import BatchError
from dc_assets.emulator.engines.spans import Span, gaps
from dc_assets.emulator.stores.jobs import DELIMITERS, LINE_ENDINGS, StoredJob

BATCH_ROWS = 10_000
"""Records of one internal batch of the service."""

CELL_CHARACTERS_MAX = 10_000_000
csv.field_size_limit(CELL_CHARACTERS_MAX)


BLANK_BY_QUOTE = re.compile('[ \\t]"|"[ \\t]')


class BrokenRow(list[str]):
    """The cells of a row whose text breaks the rules of CSV, as far as they can be told apart."""

    reason = "A blank stands beside a quote, or a quoted value does not end with its quote"


def check_line_ends(path: Path, job: StoredJob) -> None:
    """Compare each line break of the file that is not within quotes with the job's setting.

    Raises:
        BatchError: one differs.
    """
    end = LINE_ENDINGS[job.line_ending].encode()
    is_quoted = False
    with path.open("rb") as file:
        for line in file:
            is_quoted ^= line.count(b'"') % 2 == 1
            if is_quoted or not line.endswith(b"\n"):
                continue
            if line.endswith(b"\r\n") != (end == b"\r\n"):
                raise BatchError(
                    "ClientInputError : LineEnding is invalid on user data. "
                    f"Current LineEnding setting is {job.line_ending}"
                )


def header_text(path: Path) -> str:
    """The header line as it was uploaded, quotes and all, without its line break."""
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.readline().rstrip("\r\n")


def read_rows(path: Path, job: StoredJob) -> Iterator[list[str]]:
    """All rows of the upload with the header first; empty lines are no rows.

    Raises:
        BatchError: the file is not in UTF-8.
    """
    delimiter = DELIMITERS[job.column_delimiter]
    with path.open(encoding="utf-8", newline="") as file:
        lines = _Lines(file)
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(rows, None)
            except csv.Error:
                row = _broken(lines.record, delimiter)
            except UnicodeDecodeError as error:
                raise BatchError(f"InvalidBatch : {error}") from error
            if row is None:
                return
            if row:
                yield _judged(row, lines.record, delimiter)
            lines.record.clear()


class _Lines(Iterator[str]):
    """The lines of a file; ``record`` has those that were taken for the present row."""

    def __init__(self, file: Iterable[str]) -> None:
        self._lines = iter(file)
        self.record: list[str] = []

    def __next__(self) -> str:
        line = next(self._lines)
        self.record.append(line)
        return line


def _judged(row: list[str], record: list[str], delimiter: str) -> list[str]:
    """The row, or a broken one if a blank stands beside one of its quotes."""
    if not any('"' in line and BLANK_BY_QUOTE.search(line) for line in record):
        return row
    value = f'(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}\\r\\n]*)'
    rule = f"{value}(?:{re.escape(delimiter)}{value})*\\r?\\n?"
    return row if re.fullmatch(rule, "".join(record)) else BrokenRow(row)


def _broken(record: list[str], delimiter: str) -> BrokenRow:
    rows = csv.reader(["".join(record)], delimiter=delimiter)
    return BrokenRow(next(rows, list[str]()))


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
