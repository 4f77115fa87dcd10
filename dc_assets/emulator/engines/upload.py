"""Read the CSV of an upload: its header, and its rows as columns.

What the Bulk API 2.0 guide demands ("Prepare CSV Files") is demanded: one line ending throughout,
no blank beside a quote. A byte order mark is part of the first field name, as an org has it
(forcedotcom/cli issue 720). A file without fault is read by the column; one that has a fault, or
might have one, is read again row by row to find it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import polars as pl

from dc_assets.emulator.engines.binding import BatchError
from dc_assets.emulator.stores.jobs import DELIMITERS, LINE_ENDINGS, StoredJob

BATCH_ROWS = 10_000
"""Records of one internal batch of the service."""

CELL_CHARACTERS_MAX = 10_000_000
csv.field_size_limit(CELL_CHARACTERS_MAX)

QUOTE_STYLES: tuple[Literal["necessary", "always"], ...] = ("necessary", "always")
BLANK_BY_QUOTE = re.compile('[ \\t]"|"[ \\t]')


@dataclass(frozen=True, slots=True)
class Upload:
    """What a job has to write.

    Args:
        header: names of the columns; none if there is no header.
        rows: texts as ``c0…``, the number of a row from 0 as ``n``, and as ``error`` that of a row
            that breaks the rules of CSV, else null.
    """

    header: list[str]
    rows: pl.DataFrame


def read_upload(path: Path, job: StoredJob, *, checks_line_ends: bool = True) -> Upload:
    """Read a file; empty lines are no rows.

    Raises:
        BatchError: it is not in UTF-8, or a line break is not the one the job has.
    """
    data = path.read_bytes()
    upload = _by_column(data, job)
    if upload is None:
        if checks_line_ends:
            _check_line_ends(data, job)
        upload = _by_row(data, job)
    return upload


def header_text(path: Path) -> str:
    """The header line as it was uploaded, quotes and all, without its line break."""
    if not path.exists():
        return ""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.readline().rstrip("\r\n")


def _by_column(data: bytes, job: StoredJob) -> Upload | None:
    """A file in which each row has all cells and nothing needs a second look, else None."""
    delimiter, end = DELIMITERS[job.column_delimiter], LINE_ENDINGS[job.line_ending]
    head, _, body = data.partition(end.encode())
    if not head or any(sign in head for sign in (b'"', b"\r", b"\n")) or not head.isascii():
        return None
    header = head.decode().split(delimiter)
    frame = _columns(body, delimiter, end, len(header))
    # Of a file with one column an empty cell may be an empty line.
    if frame is None or (frame.width == 1 and frame["c0"].has_nulls()):
        return None
    none = pl.lit(None, dtype=pl.String)
    frame = frame.rechunk().with_columns(pl.all().fill_null(""), error=none)
    return Upload(header, _numbered(frame))


def _columns(body: bytes, delimiter: str, end: str, width: int) -> pl.DataFrame | None:
    """The cells, null where nothing stands; None unless they are written to the same bytes again.

    What the reader forgives is not written so: blanks by quotes, rows of another width, empty
    lines, other line ends. Neither is a file that quotes some cells without need.
    """
    schema = {f"c{number}": pl.String for number in range(width)}
    if not body:
        return pl.DataFrame(schema=schema)
    try:
        frame = pl.read_csv(body, has_header=False, schema=schema, separator=delimiter)
    except pl.exceptions.PolarsError:
        return None
    whole = body if body.endswith(end.encode()) else body + end.encode()
    for style in QUOTE_STYLES:
        again = io.BytesIO()
        frame.write_csv(
            again,
            include_header=False,
            separator=delimiter,
            line_terminator=end,
            quote_style=style,
        )
        if again.getvalue() == whole:
            return frame
    return None


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(n=pl.int_range(pl.len(), dtype=pl.Int64))


class BrokenRow(list[str]):
    """The cells of a row whose text breaks the rules of CSV, as far as they can be told apart."""

    reason = "A blank stands beside a quote, or a quoted value does not end with its quote"


def _by_row(data: bytes, job: StoredJob) -> Upload:
    rows = _rows(data, job)
    header = next(rows, list[str]())
    frames = [_to_frame([], len(header))]
    while batch := list(islice(rows, BATCH_ROWS)):
        frames.append(_to_frame(batch, len(header)))
    return Upload(list(header), _numbered(pl.concat(frames)))


def _check_line_ends(data: bytes, job: StoredJob) -> None:
    """Compare each line break of the file that is not within quotes with the job's setting."""
    is_quoted = False
    for line in io.BytesIO(data):
        is_quoted ^= line.count(b'"') % 2 == 1
        if is_quoted or not line.endswith(b"\n"):
            continue
        if line.endswith(b"\r\n") != (job.line_ending == "CRLF"):
            raise BatchError(
                "ClientInputError : LineEnding is invalid on user data. "
                f"Current LineEnding setting is {job.line_ending}"
            )


def _rows(data: bytes, job: StoredJob) -> Iterator[list[str]]:
    """All rows with the header first."""
    delimiter = DELIMITERS[job.column_delimiter]
    lines = _Lines(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""))
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


def _to_frame(rows: list[list[str]], width: int) -> pl.DataFrame:
    """Rows as columns, with an error for a ragged row."""
    ragged = [
        None if type(row) is list and len(row) == width else _told(row, width) for row in rows
    ]
    if any(ragged):
        rows = [(row + [""] * width)[:width] for row in rows]
    schema = {f"c{number}": pl.String for number in range(width)}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(pl.Series("error", ragged, dtype=pl.String))


def _told(row: list[str], width: int) -> str:
    if isinstance(row, BrokenRow):
        return f"INVALID_FIELD:{row.reason}:--"
    return f"INVALID_FIELD:Row has {len(row)} of {width} columns:--"
