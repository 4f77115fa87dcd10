"""Rows of a batch, and those that were refused for good, as dead letters."""

from __future__ import annotations

import polars as pl

from dc_assets.core.errors import SpoolLost
from dc_assets.core.spec import LoadSpec
from dc_assets.load.ports import RangeRun
from dc_assets.load.store import BatchRecord, DeadLetter


def sent_fields(rows: pl.DataFrame) -> list[str]:
    """Return the fields of a batch that are sent; one that waits has its refusal's reason besides.

    They are those of the load that planned it: a run of another load may bring it home.
    """
    return [name for name in rows.columns if not name.startswith("__")]


def rows_kept(run: RangeRun, batch: BatchRecord) -> pl.DataFrame | None:
    """Return the rows of a batch as they are sent; None, and a word of it, if no disk has them."""
    try:
        kept = run.ports.spool.read_batch(batch.load_id, batch.batch_id)
    except SpoolLost as lost:
        run.note("rows_lost", cause=str(lost))
        return None
    return kept.select(sent_fields(kept))


def dead_letters_of(
    refused: pl.DataFrame, spec: LoadSpec, *, attempts: int, code: str | None = None
) -> list[DeadLetter]:
    """Make a dead letter of each row of a frame with ``__code``, ``__message`` and ``__fields``.

    ``code`` replaces the row's own code, which then stands in the message.
    """
    if refused.is_empty():
        return []
    whole_row = pl.struct(sent_fields(refused)).struct.json_encode().alias("__row")
    lines = refused.select(spec.target.external_id, "__code", "__message", "__fields", whole_row)
    return [
        DeadLetter(
            external_id=external_id,
            code=code or own_code,
            message=message if code is None else f"{own_code}: {message}",
            fields=fields,
            row_json=row_json,
            attempts=attempts,
        )
        for external_id, own_code, message, fields, row_json in lines.iter_rows()
    ]
