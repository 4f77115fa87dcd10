"""External ids in a file, as people and spreadsheets save them."""

from __future__ import annotations

import codecs
import io
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from dc_assets.cli.spreadsheets import texts_in
from dc_assets.core.errors import ConfigError
from dc_assets.frames.faults import FAULTS, reason_of

ID_COLUMN = "external_id"
EXAMPLES_MAX = 5

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What a file begins with when its program writes no plain UTF-8: Excel and Notepad do."""


def ids_in(file: Path) -> Collection[str]:
    """Read external ids: a text file with one a line, or a CSV or Parquet file as exported.

    Raises:
        ConfigError: the file cannot be read, or names none.
    """
    try:
        found = _found(file)
    except FAULTS as fault:
        raise ConfigError(
            f"{file} cannot be read as external ids, one a line, or as CSV or Parquet with a "
            f"column {ID_COLUMN}: {reason_of(fault)}."
        ) from fault
    ids = {one for one in found if one}
    if not ids:
        raise ConfigError(f"{file} names no external id.")
    return ids


def not_refused(wanted: Collection[str], refused: Collection[str]) -> str | None:
    """Say how many of the wanted ids are not among the refused rows, with a few of them.

    >>> not_refused(["a", "b"], ["b"])
    '1 of 2 ids are not among the refused rows: a'
    """
    others = sorted(set(wanted) - set(refused))
    if not others:
        return None
    shown = [repr(one[:80])[1:-1] for one in others[:EXAMPLES_MAX]]
    more = ", …" if len(others) > EXAMPLES_MAX else ""
    return (
        f"{len(others):,} of {len(set(wanted)):,} ids are not among the refused rows: "
        f"{', '.join(shown)}{more}"
    )


def _found(file: Path) -> Sequence[str | None]:
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        column = pl.read_parquet(file, columns=[ID_COLUMN]).to_series()
        return column.cast(pl.String).to_list()
    text = _text(file.read_bytes())
    if suffix == ".csv":
        raw = io.BytesIO(text.encode())
        return texts_in(pl.read_csv(raw, infer_schema=False).lazy(), ID_COLUMN)
    return [_unquoted(line.strip()).strip() for line in text.splitlines()]


def _text(raw: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    text = raw.decode(encoding)
    if "\x00" in text:
        raise UnicodeError("it has NUL characters: save it as UTF-8 text")
    return text


def _unquoted(line: str) -> str:
    """Take away the quotes that a spreadsheet puts around a cell.

    >>> _unquoted('"a""b"'), _unquoted('"'), _unquoted('a"b')
    ('a"b', '"', 'a"b')
    """
    is_quoted = len(line) > 1 and line[0] == line[-1] == '"'
    return line[1:-1].replace('""', '"') if is_quoted else line
