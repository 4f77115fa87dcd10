"""Join the result files of a job to the rows that were sent, by external id or record id.

Never by position: Salesforce says that rows and columns of a result file have no promised order
(Bulk API 2.0 Developer Guide v66), and joining by position gave wrong rows in other loaders.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from dc_assets.core.errors import UnsettledJob
from dc_assets.core.restoring import RECORD_ID
from dc_assets.core.row_outcomes import (
    BARE_CODE_PATTERN,
    ERROR_PATTERN,
    LOCK_CODE,
    STOPPING_CODES,
    UNPROCESSED,
    WRAPPED_CODE_PATTERN,
    retryable_codes,
)
from dc_assets.frames.csv_codec import NULL_TEXT

RECEIPT_SCHEMA = {
    "external_id": pl.String,
    "salesforce_id": pl.String,
    "created": pl.Boolean,
    "outcome": pl.String,
}
LANDED_COLUMNS = (RECORD_ID, "sf__Id", "sf__Created")
"""What is read of a row that landed, besides its external id."""


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The three result files of a job as text frames; a file that was not read is empty."""

    successful: pl.DataFrame
    failed: pl.DataFrame
    unprocessed: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Rows of one batch by what became of them; together they are the batch, no row twice.

    Attributes:
        receipt: one line per row of the batch, in `RECEIPT_SCHEMA`.
        refused: rows as sent, plus ``__code``, ``__message``, ``__fields``; never to be sent again.
        retryable: rows as sent, plus the same three columns; not refused for good.
        locked: those of the retryable rows that met a lock, in a trigger or a flow too.
    """

    receipt: pl.DataFrame
    landed: int
    refused: pl.DataFrame
    retryable: pl.DataFrame
    locked: int


def answered_by(sent: pl.DataFrame, external_id: str) -> str:
    """Return the field by which result files name the rows that were sent."""
    return RECORD_ID if RECORD_ID in sent.columns else external_id


def all_landed(keys: pl.Series, files: ResultFiles, external_id: str) -> Outcomes | None:
    """Return the outcomes of rows of which every one landed; None unless files say just that.

    Each of ``keys`` is named once by successfulResults, and nothing else is named at all. It is
    what `settle` finds of such a job, at a fifth of its work.
    """
    file = files.successful
    others = files.failed.height + files.unprocessed.height
    if others or file.height != keys.len() or external_id not in file.columns:
        return None
    named = file.get_column(external_id)
    if keys.n_unique() != keys.len() or not named.sort().equals(keys.sort()):
        return None
    receipt = file.select(
        pl.col(external_id).alias("external_id"),
        pl.col("sf__Id").alias("salesforce_id"),
        (pl.col("sf__Created") == "true").alias("created"),
        pl.lit("landed").alias("outcome"),
    )
    none = pl.DataFrame()
    return Outcomes(receipt, landed=keys.len(), refused=none, retryable=none, locked=0)


def settle(
    sent: pl.DataFrame, files: ResultFiles, external_id: str, *, attempt: int = 1
) -> Outcomes:
    """Give every sent row its outcome; ``attempt`` is which one of the batch it was.

    Raises:
        UnsettledJob: a sent row is in no file or in two, or a file names a row that was not sent.
    """
    key = answered_by(sent, external_id)
    verdicts = pl.concat(
        [
            _landed(files.successful, key),
            _refused(files.failed, key),
            _unprocessed(files.unprocessed, key),
        ]
    )
    joined = sent.join(verdicts, left_on=key, right_on="__key", how="left")
    missing = joined.get_column("__code").null_count()
    if missing or verdicts.height != sent.height or joined.height != sent.height:
        raise UnsettledJob(
            f"{sent.height:,} rows were sent, the result files hold {verdicts.height:,} "
            f"and leave {missing:,} unnamed"
        )
    failed = joined.filter(pl.col("__code") != "").drop("__salesforce_id", "__created")
    cause = pl.col("__cause")
    again = cause.is_in(list(retryable_codes(attempt))) | pl.col("__code").is_in(
        list(STOPPING_CODES)
    )
    retryable = failed.filter(again)
    return Outcomes(
        receipt=_receipt(joined, external_id),
        landed=sent.height - failed.height,
        refused=failed.filter(~again).drop("__cause"),
        retryable=retryable.drop("__cause"),
        locked=retryable.filter(cause == LOCK_CODE).height,
    )


def name_the_unnamed(sent: pl.DataFrame, files: ResultFiles, external_id: str) -> ResultFiles:
    """Count rows that no file names as unprocessed: what a job did that Failed or was Aborted.

    Such a job may have committed rows, and those stand in successfulResults; a row that stands
    nowhere was not reported as landed, so it is tried again. Upsert makes that safe.
    """
    key = answered_by(sent, external_id)
    named = [file.select(key) for file in (files.successful, files.failed) if key in file.columns]
    unnamed = sent.select(key)
    if named:
        unnamed = unnamed.join(pl.concat(named), on=key, how="anti")
    return ResultFiles(files.successful, files.failed, unprocessed=unnamed)


def rows_named_by(files: ResultFiles) -> pl.DataFrame:
    """Return the rows that result files name, as they were sent: with their columns alone.

    `#N/A` is null again: no value that is sent is that text.
    """
    named = [
        file.select(name for name in file.columns if not name.startswith("sf__"))
        for file in (files.successful, files.failed, files.unprocessed)
        if not file.is_empty()
    ]
    rows = pl.concat(named, how="diagonal") if named else pl.DataFrame()
    return rows.with_columns(pl.all().replace(NULL_TEXT, None))


def _receipt(joined: pl.DataFrame, external_id: str) -> pl.DataFrame:
    code = pl.col("__code")
    return joined.select(
        pl.col(external_id).alias("external_id"),
        pl.col("__salesforce_id").alias("salesforce_id"),
        pl.col("__created").alias("created"),
        pl.when(code == "").then(pl.lit("landed")).otherwise(code).alias("outcome"),
    ).cast(pl.Schema(RECEIPT_SCHEMA))


_VERDICT = {
    "__key": pl.String,
    "__code": pl.String,
    "__cause": pl.String,
    "__message": pl.String,
    "__fields": pl.String,
    "__salesforce_id": pl.String,
    "__created": pl.Boolean,
}


def _verdicts(file: pl.DataFrame, key: str, **columns: pl.Expr) -> pl.DataFrame:
    """Bring one file into the common shape; columns that are not given are null."""
    if file.is_empty():
        return pl.DataFrame(schema=_VERDICT)
    if key not in file.columns:
        raise UnsettledJob(f"a result file has no column {key}")
    given = {"__key": pl.col(key), **columns}
    return file.select(
        given.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in _VERDICT.items()
    )


def _landed(file: pl.DataFrame, key: str) -> pl.DataFrame:
    return _verdicts(
        file,
        key,
        __code=pl.lit(""),
        __salesforce_id=pl.col("sf__Id"),
        __created=pl.col("sf__Created") == "true",
    )


def _refused(file: pl.DataFrame, key: str) -> pl.DataFrame:
    error = pl.col("sf__Error")
    code = (
        pl.coalesce(
            error.str.extract(ERROR_PATTERN, 1),
            error.str.extract(BARE_CODE_PATTERN, 1),
            error.str.slice(0, 80),
        )
        .str.strip_chars()
        .replace("", "UNKNOWN_ERROR")
    )
    return _verdicts(
        file,
        key,
        __code=code,
        __cause=pl.coalesce(error.str.extract(WRAPPED_CODE_PATTERN, 1), code),
        __message=pl.coalesce(error.str.extract(ERROR_PATTERN, 2), error),
        __fields=pl.coalesce(error.str.extract(ERROR_PATTERN, 3), pl.lit("")),
    )


def _unprocessed(file: pl.DataFrame, key: str) -> pl.DataFrame:
    return _verdicts(
        file,
        key,
        __code=pl.lit(UNPROCESSED),
        __cause=pl.lit(UNPROCESSED),
        __message=pl.lit("the job ended before it came to this row"),
        __fields=pl.lit(""),
    )
