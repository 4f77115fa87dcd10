"""The CSV that an ingest job takes, and the CSV that its result files are.

Rules (Bulk API 2.0 Developer Guide v66, "Prepare CSV Files"): UTF-8, first row holds field names,
LF in the whole file, quotes doubled, nothing trimmed. An empty cell leaves a field as it is;
`#N/A` sets it to null.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

import polars as pl

from dc_assets.core.errors import UnsettledJob
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.spec import LoadSpec

NULL_TEXT = "#N/A"

PAYLOAD_BYTES_MAX = 100_000_000
"""An upload may have 150 MB as the org counts it, after base64 (Bulk API 2.0 limits, v67)."""


def encode(rows: pl.DataFrame, spec: LoadSpec, *, with_keys: bool = True) -> bytes:
    """Write rows of canonical text as the payload of one job.

    Nulls become `#N/A`, or an empty cell where the column says ``when_null: unchanged``. Rows that
    are updates begin with the ids of their records, and may leave out their external ids.
    """
    named = [RECORD_ID] if RECORD_ID in rows.columns and RECORD_ID not in spec.targets else []
    kept = [c.target for c in spec.columns if c.when_null == "unchanged"]
    sink = io.BytesIO()
    rows.select(
        pl.col(name).fill_null("") if name in kept else pl.col(name)
        for name in [*named, *spec.targets]
        if with_keys or name != spec.target.external_id
    ).write_csv(sink, null_value=NULL_TEXT, line_terminator="\n", quote_style="necessary")
    return sink.getvalue()


def payload_bytes(rows: pl.DataFrame) -> int:
    """Return how many bytes the payload of some rows takes at most, its header aside.

    Quotes are counted only where it matters how many there are: each becomes two.
    """
    if not rows.width:
        return 0
    cells = [pl.col(name) for name in rows.columns]
    bare = _sum(rows, [cell.str.len_bytes() for cell in cells])
    bare += rows.height * rows.width * (len(NULL_TEXT) + len('"",'))
    if 2 * bare <= PAYLOAD_BYTES_MAX:
        return 2 * bare
    return bare + _sum(rows, [cell.str.count_matches('"', literal=True) for cell in cells])


def _sum(rows: pl.DataFrame, counts: list[pl.Expr]) -> int:
    sums = rows.select(pl.sum_horizontal(one.cast(pl.Int64).sum() for one in counts))
    return int(sums.item())


def decode(
    body: bytes, *, is_lossy: bool = False, only: Collection[str] | None = None
) -> pl.DataFrame:
    """Read a CSV file into text columns by name; an empty body has no rows and no columns.

    Columns that are not among ``only`` are passed over: to read a cell costs more than to skip it.

    Of a lossy one a byte that is no UTF-8 is shown as U+FFFD: an error text may quote it, and the
    keys of the other rows are worth more. A key with such a byte is none that was sent.

    Raises:
        UnsettledJob: it is not a whole CSV file.
    """
    if not body or body.isspace():
        return pl.DataFrame()
    try:
        encoding = "utf8-lossy" if is_lossy else "utf8"
        return pl.read_csv(
            body,
            columns=None if only is None else [name for name in _header(body) if name in only],
            infer_schema=False,
            empty_string_is_null=False,
            encoding=encoding,
        )
    except pl.exceptions.PolarsError as error:
        raise UnsettledJob("a result file is cut off or not CSV") from error


def _header(body: bytes) -> list[str]:
    """Return the names in the first line of a CSV file."""
    line = body.lstrip().partition(b"\n")[0]
    return next(csv.reader([line.decode("utf-8-sig", errors="replace")]))


def not_representable(field: str) -> pl.Expr:
    """Tell which values of a field no CSV cell can carry: NUL, CR, and the very text `#N/A`.

    CR is left only in an external id and in a text that is not of its column's type. One of them
    would fail the whole job, because the file then mixes line ends.
    """
    value = pl.col(field)
    return (value == NULL_TEXT) | value.str.contains(r"[\x00\r]")
