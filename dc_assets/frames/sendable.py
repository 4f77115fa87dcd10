"""Splits off the rows that no ingest job may or can carry, each with its reason.

Bounds of a record and of a field: Bulk API 2.0 limits, v67. A job that holds a longer one fails as
a whole, so it is found before it is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from dc_assets.core.row_outcomes import AMBIGUOUS_ID, BLANK_ID, NOT_REPRESENTABLE, TOO_LONG
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.csv_codec import not_representable

RECORD_CHARS_MAX = 400_000
FIELD_CHARS_MAX = 131_072

_REASONS = {
    BLANK_ID: "the external id is empty text",
    NOT_REPRESENTABLE: "a value holds NUL or CR, or is the text #N/A, which means null in a job",
}
_TWICE = "the source has this external id more than once"


@dataclass(frozen=True, slots=True)
class DoubledKeys:
    """External ids that the source is known to have more than once.

    Attributes:
        known: lower-cased, unless they have case.
        have_case: whether ids that differ in case only are ids of two records.
    """

    known: Collection[str] = ()
    have_case: bool = False

    def doubled(self, key: pl.Expr) -> pl.Expr:
        """Tell which keys stand twice, here or elsewhere in the source."""
        twice = key.is_duplicated()  # a double that came after the plan was made
        if not self.known:
            return twice
        folded = key if self.have_case else key.str.to_lowercase()
        return twice | folded.is_in(list(self.known))

    @property
    def reason(self) -> str:
        """What is said of their rows."""
        return _TWICE if self.have_case else f"{_TWICE}, upper and lower case alike"


def sift(
    rows: pl.DataFrame, spec: LoadSpec, doubled: DoubledKeys
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that can be sent, and the others.

    Those have the columns ``__code``, ``__message`` and ``__fields`` besides, if there are any.
    """
    key = pl.col(spec.target.external_id)
    fields = [column.target for column in spec.columns]
    reasons = {
        AMBIGUOUS_ID: doubled.doubled(key),
        BLANK_ID: key == "",
        NOT_REPRESENTABLE: pl.any_horizontal(not_representable(field) for field in fields),
        TOO_LONG: _is_too_long(rows, fields),
    }
    if not rows.select(pl.any_horizontal(*reasons.values()).any()).item():
        return rows, rows.clear()
    judged = _judged(rows, reasons, fields)
    refused = judged.filter(pl.col("__code").is_not_null())
    sendable = judged.filter(pl.col("__code").is_null()).drop("__code", "__fields")
    return sendable, _explained(refused, fields, doubled)


def _judged(rows: pl.DataFrame, reasons: Mapping[str, pl.Expr], fields: list[str]) -> pl.DataFrame:
    """Add the first reason why a row cannot be sent, and the fields that no CSV can carry."""
    code = pl.coalesce(pl.when(is_so).then(pl.lit(code)) for code, is_so in reasons.items())
    unfit = [pl.when(not_representable(field)).then(pl.lit(field)) for field in fields]
    named = pl.concat_str(unfit, separator=",", ignore_nulls=True)
    return rows.with_columns(code.alias("__code"), named.alias("__fields"))


def _is_too_long(rows: pl.DataFrame, fields: list[str]) -> pl.Expr:
    """Count characters only where the bytes leave room for too many of them."""
    bytes_of_row = pl.sum_horizontal(pl.col(field).str.len_bytes() for field in fields)
    most = rows.select(bytes_of_row.max()).item()
    if most is None or most <= FIELD_CHARS_MAX:
        return pl.lit(value=False)
    chars = [pl.col(field).str.len_chars() for field in fields]
    return (pl.sum_horizontal(chars) > RECORD_CHARS_MAX) | pl.any_horizontal(
        one > FIELD_CHARS_MAX for one in chars
    )


def _explained(refused: pl.DataFrame, fields: list[str], doubled: DoubledKeys) -> pl.DataFrame:
    """Say of each refused row why, and of a long one how long it is."""
    reasons = {**_REASONS, AMBIGUOUS_ID: doubled.reason}
    is_long = pl.col("__code") == TOO_LONG
    too_long = [pl.col(field).str.len_chars() > FIELD_CHARS_MAX for field in fields]
    named = [pl.when(one).then(pl.lit(field)) for one, field in zip(too_long, fields, strict=True)]
    sizes = [
        pl.when(one).then(
            pl.format(
                f"{field} has {{}} characters, a field of a job at most {FIELD_CHARS_MAX:,}",
                pl.col(field).str.len_chars(),
            )
        )
        for one, field in zip(too_long, fields, strict=True)
    ]
    whole = pl.format(
        f"the record has {{}} characters, a record of a job at most {RECORD_CHARS_MAX:,}",
        pl.sum_horizontal(pl.col(field).str.len_chars() for field in fields),
    )
    size = pl.concat_str([*sizes, whole], separator="; ", ignore_nulls=True)
    return refused.with_columns(
        pl.when(is_long)
        .then(size)
        .otherwise(pl.col("__code").replace_strict(reasons, default=None))
        .alias("__message"),
        pl.when(is_long)
        .then(pl.concat_str(named, separator=",", ignore_nulls=True))
        .otherwise(pl.col("__fields"))
        .alias("__fields"),
    )
