"""Rows of a batch, and those that were refused for good, as dead letters."""

from __future__ import annotations

import polars as pl

from dc_assets.core.spec import LoadSpec
from dc_assets.load.store import DeadLetter


def sent_fields(spec: LoadSpec) -> list[str]:
    """Return the fields that are sent; a batch that waits has the reason of its refusal besides."""
    return [column.target for column in spec.columns]


def dead_letters_of(
    refused: pl.DataFrame, spec: LoadSpec, *, attempts: int, code: str | None = None
) -> list[DeadLetter]:
    """Make a dead letter of each row of a frame with ``__code``, ``__message`` and ``__fields``.

    ``code`` replaces the row's own code, which then stands in the message.
    """
    if refused.is_empty():
        return []
    whole_row = pl.struct(c.target for c in spec.columns).struct.json_encode().alias("__row")
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
