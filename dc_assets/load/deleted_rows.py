"""Rows that we landed and the source has no more: observed in audits, kept before a deletion."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import polars as pl

from dc_assets.core.deletions import DeletionObservation
from dc_assets.frames.differences import at_target
from dc_assets.load.reconcile import Audit

RECORD_ID = "Id"


def observe(audit: Audit) -> DeletionObservation | None:
    """Return what an audit saw gone; None when the source's count is not what it gave."""
    keys = gone_keys(audit)
    read = audit.sides.source_digests.height
    if keys and audit.sides.count_source() != read:
        return None
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
    return DeletionObservation(source_rows=read, rows=len(keys), keys_sha256=digest)


def gone_keys(audit: Audit) -> list[str]:
    """Return the external ids that are gone from the source, in order."""
    key = audit.sides.spec.target.external_id
    return audit.gone.get_column(key).unique().sort().to_list()


def rows_before_deletion(audit: Audit, record_ids: Mapping[str, str]) -> pl.DataFrame:
    """Return the records of gone rows as the target holds them, with their ids."""
    spec = audit.sides.spec
    key = spec.target.external_id
    rows = audit.sides.rows_of(pl.Series(sorted(record_ids), dtype=pl.String))
    fields = [column.target for column in spec.columns if column.target != key]
    return rows.select(
        pl.col(key),
        pl.col(key).replace_strict(dict(record_ids), return_dtype=pl.String).alias(RECORD_ID),
        *(pl.col(at_target(field)).alias(field) for field in fields),
    )
