"""Give rows the ids of the records that they update; those without one record are refused."""

from __future__ import annotations

import polars as pl

from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.row_outcomes import AMBIGUOUS_RECORD, NO_RECORD

_REASONS = {
    NO_RECORD: "the org has no record with this external id, and an update creates none",
    AMBIGUOUS_RECORD: "the org has several records with this external id",
}


def with_record_ids(
    rows: pl.DataFrame, records: pl.DataFrame, key: str, *, has_case: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows with their record ids, and those that name no record or several.

    ``records`` has the columns ``key`` and `RECORD_ID`. The refused rows have ``__code``,
    ``__message`` and ``__fields`` besides.
    """
    by_key = (
        records.lazy()
        .group_by(_folded(key, has_case=has_case).alias("__folded"))
        .agg(pl.col(RECORD_ID).first(), pl.len().alias("__records"))
        .collect()
    )
    named = (
        rows.with_columns(_folded(key, has_case=has_case).alias("__folded"))
        .join(by_key, on="__folded", how="left", maintain_order="left")
        .drop("__folded")
    )
    is_one = pl.col("__records") == 1
    code = (
        pl.when(pl.col("__records").is_null())
        .then(pl.lit(NO_RECORD))
        .otherwise(pl.lit(AMBIGUOUS_RECORD))
    )
    refused = (
        named.filter(is_one.fill_null(value=False).not_())
        .with_columns(code.alias("__code"), pl.lit(key).alias("__fields"))
        .with_columns(pl.col("__code").replace_strict(_REASONS).alias("__message"))
    )
    return named.filter(is_one).drop("__records"), refused.drop("__records", RECORD_ID)


def _folded(key: str, *, has_case: bool) -> pl.Expr:
    return pl.col(key) if has_case else pl.col(key).str.to_lowercase()
