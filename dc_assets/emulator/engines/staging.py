"""Rows of an upload as columns, with all that can be said before the store is asked."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from dc_assets.emulator.engines.binding import BoundColumn, QueryPlan
from dc_assets.emulator.engines.cells import cell_errors
from dc_assets.emulator.engines.id_rules import given, with_whole_ids
from dc_assets.emulator.engines.passing import Wait
from dc_assets.emulator.engines.upload import BrokenRow
from dc_assets.emulator.ids import COUNTER_WIDTH, DIGITS, INSTANCE, SUFFIX, case_suffix
from dc_assets.emulator.schema import Field

CHUNK_ROWS = 200
"""Records of one transaction chunk of an org: the scope in which a key may stand once."""


def to_frame(rows: list[list[str]], width: int, first: int) -> pl.DataFrame:
    """Rows as columns ``c0…``, with their number, their chunk, and an error for a ragged row."""
    ragged = [
        None if type(row) is list and len(row) == width else _told(row, width) for row in rows
    ]
    if any(ragged):
        rows = [(row + [""] * width)[:width] for row in rows]
    cells = {f"c{n}": column for n, column in enumerate(zip(*rows, strict=True))}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String), strict=True)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    return frame.with_columns(
        pl.Series("ragged", ragged, dtype=pl.String),
        n=number + first,
        chunk=number // CHUNK_ROWS,
    )


def _told(row: list[str], width: int) -> str:
    if isinstance(row, BrokenRow):
        return f"INVALID_FIELD:{row.reason}:--"
    return f"INVALID_FIELD:Row has {len(row)} of {width} columns:--"


def staged(plan: QueryPlan, frame: pl.DataFrame, first_id: int) -> pl.DataFrame:
    """Add ``error``, ``folded`` (the key as it is compared), ``wave`` and ``fresh_id``.

    Rows of one key go in waves, the first of them in wave 1: what an earlier chunk made, a later
    chunk of the same batch finds.

    Args:
        plan: the columns of the job.
        frame: what `to_frame` gave.
        first_id: number of the id the first row gets if it becomes a record.
    """
    frame = with_whole_ids(plan, cell_errors(frame, plan))
    frame = _with_key(plan, frame)
    key = plan.key or next(iter(plan.unique), None)
    one = pl.lit(1, dtype=pl.Int64)
    folded = pl.lit(None, dtype=pl.String) if key is None else _folded(key.field, key)
    frame = frame.with_columns(folded=folded)
    if key is not None and frame["folded"].is_duplicated().any():
        frame = _twice(plan, frame)
        place = pl.int_range(pl.len(), dtype=pl.Int64).over("folded", pl.col("error").is_null()) + 1
        frame = frame.with_columns(wave=pl.when(pl.col("folded") == "").then(one).otherwise(place))
    else:
        frame = frame.with_columns(wave=one)
    number = pl.int_range(pl.len(), dtype=pl.Int64) + first_id
    return frame.with_columns(fresh_id=_record_ids(plan.item.key_prefix, number))


def with_waits(frame: pl.DataFrame, waits: Mapping[int, Wait]) -> pl.DataFrame:
    """The frame with ``locked_id``: the record whose lock a row waited for in vain.

    Args:
        frame: rows with ``n`` and ``met``; rows of the waits meet what theirs say.
        waits: rows by their number.
    """
    found = [waits.get(number) for number in frame["n"].to_list()] if waits else [None] * len(frame)
    forms = pl.Series("form", [wait and wait.form for wait in found], dtype=pl.String)
    ids = [wait and wait.record_id for wait in found]
    return frame.with_columns(
        pl.Series("locked_id", ids, dtype=pl.String), met=pl.coalesce(forms, pl.col("met"))
    )


def _folded(field: Field, column: BoundColumn) -> pl.Expr:
    cell = pl.col(column.cell)
    if field.is_number:
        # One number may be written in many ways.
        return cell.cast(pl.Float64, strict=False).cast(pl.String).fill_null(cell)
    text = cell.str.strip_chars(" \t\n\r") if field.trims else cell
    return text if field.case_sensitive else text.str.to_lowercase()


def _with_key(plan: QueryPlan, frame: pl.DataFrame) -> pl.DataFrame:
    if plan.key is None or (plan.job.operation == "upsert" and plan.key.field.type == "id"):
        return frame
    call = "" if plan.job.operation == "upsert" else f" in an {plan.job.operation} call"
    text = pl.lit(f"MISSING_ARGUMENT:{plan.key.field.name} not specified{call}:--")
    missing = pl.when(~given(pl.col(plan.key.cell))).then(text)
    return frame.with_columns(error=pl.coalesce(pl.col("error"), missing))


def _twice(plan: QueryPlan, frame: pl.DataFrame) -> pl.DataFrame:
    """A key that stands twice in a chunk: all its rows are refused, of an id all but the first."""
    if plan.key is None:
        return frame
    is_id = plan.key.field.type == "id"
    text = pl.concat_str(
        pl.lit(f"DUPLICATE_VALUE:Duplicate {'id' if is_id else 'external id'} specified: "),
        pl.col(plan.key.cell),
        pl.lit(f":{plan.key.field.name} --"),
    )
    place = pl.int_range(pl.len()) if is_id else pl.len() - 1
    is_twice = (place.over("chunk", "folded") > 0) & given(pl.col(plan.key.cell))
    return frame.with_columns(error=pl.coalesce(pl.col("error"), pl.when(is_twice).then(text)))


def _record_ids(prefix: str, number: pl.Expr) -> pl.Expr:
    """The ids `record_id` gives these numbers, by the column."""
    base = len(DIGITS)
    digits = [(number // base**k) % base for k in reversed(range(COUNTER_WIDTH))]
    letters = [pl.lit(DIGITS).str.slice(digit, 1) for digit in digits]
    is_upper = [digit.is_between(10, 35).cast(pl.Int64) for digit in digits]
    # The five-character groups: prefix and instance; zeros and the first digit; the other digits.
    first = case_suffix(f"{prefix}{INSTANCE}0000000000")[0]
    middle = is_upper[0] * 16
    last = pl.sum_horizontal(bit * (1 << k) for k, bit in enumerate(is_upper[1:]))
    marks = [pl.lit(SUFFIX).str.slice(mark, 1) for mark in (middle, last)]
    return pl.concat_str(pl.lit(f"{prefix}{INSTANCE}0000"), *letters, pl.lit(first), *marks)
