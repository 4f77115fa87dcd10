"""Rows of an upload as columns, with all that can be said before the store is asked."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from dc_assets.emulator.engines.binding import QueryPlan
from dc_assets.emulator.engines.cells import cell_errors
from dc_assets.emulator.engines.id_rules import given, with_whole_ids
from dc_assets.emulator.engines.passing import Wait
from dc_assets.emulator.stores.record_index import fold

CHUNK_ROWS = 200
"""Records of one transaction chunk of an org: the scope in which a key may stand once."""


def staged(plan: QueryPlan, frame: pl.DataFrame) -> pl.DataFrame:
    """Find the errors, and add ``folded``: the key as it is compared.

    Rows of one key go in waves, the first of them in ``wave`` 1: what an earlier chunk made, a
    later chunk of the same batch finds. Without such rows there is no ``wave``.

    Args:
        plan: the columns of the job.
        frame: rows of an `Upload`.
    """
    frame = with_whole_ids(plan, cell_errors(frame, plan))
    frame = _with_key(plan, frame)
    key = plan.key or next(iter(plan.unique), None)
    folded = pl.lit(None, dtype=pl.String) if key is None else fold(key.field, pl.col(key.cell))
    frame = frame.with_columns(folded=folded)
    if key is not None and _has_twins(frame["folded"].drop_nulls()):
        frame = _twice(plan, frame)
        place = pl.int_range(pl.len(), dtype=pl.Int64).over("folded", pl.col("error").is_null()) + 1
        has_key = pl.col("folded").is_not_null()
        return frame.with_columns(wave=pl.when(has_key).then(place).otherwise(1))
    return frame


def _has_twins(texts: pl.Series) -> bool:
    # Texts of as many hashes as there are texts are all different, which is told faster.
    return texts.hash().n_unique() < texts.len() and bool(texts.is_duplicated().any())


def with_waits(frame: pl.DataFrame, waits: Mapping[int, Wait]) -> pl.DataFrame:
    """The frame with ``locked_id``, if there are waits: the record whose lock a row waited for.

    Args:
        frame: rows with ``n``, and ``met`` if rows meet something; rows of the waits meet what
            theirs say.
        waits: rows by their number.
    """
    if not waits:
        return frame
    found = [waits.get(number) for number in frame["n"].to_list()]
    forms = pl.Series("form", [wait and wait.form for wait in found], dtype=pl.String)
    ids = [wait and wait.record_id for wait in found]
    met = [forms, frame["met"]] if "met" in frame.columns else [forms]
    return frame.with_columns(pl.Series("locked_id", ids, dtype=pl.String), met=pl.coalesce(met))


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
    chunk = pl.int_range(pl.len()) // CHUNK_ROWS
    is_twice = (place.over(chunk, "folded") > 0) & given(pl.col(plan.key.cell))
    return frame.with_columns(error=pl.coalesce(pl.col("error"), pl.when(is_twice).then(text)))
