"""Records that loads of a spec created in the org, as their receipts say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.core.errors import DcError
from dc_assets.ledger.database import Database
from dc_assets.ledger.letters import in_parts
from dc_assets.ledger.tables import batch, epoch_now, load


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of a settled batch whose records were not deleted yet."""

    batch_id: str
    load_id: str
    org_id: str
    mode: str
    path: Path
    sha256: str


class DoubtfulReceipt(DcError):
    """A receipt is gone, or is not the one that the ledger knows."""


class CreatedRecords:
    """Which records are ours to delete, and which of our batches were cleaned up."""

    def __init__(self, database: Database, spec_name: str) -> None:
        self._database = database
        self._spec_name = spec_name

    def receipts(self, load_id: str | None = None) -> Sequence[Receipt]:
        """Return the receipts of batches that landed rows and were not cleaned up, oldest first."""
        query = (
            sa.select(batch, load.c.org_id, load.c.mode)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(load.c.spec_name == self._spec_name)
            .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
            .where(batch.c.cleaned_at.is_(None))
            .order_by(load.c.opened_at, batch.c.finished_at, batch.c.batch_id)
        )
        if load_id is not None:
            query = query.where(load.c.load_id == load_id)
        with self._database.begin() as connection:
            return [
                Receipt(
                    row.batch_id,
                    row.load_id,
                    row.org_id,
                    row.mode,
                    Path(row.receipt_path or ""),
                    row.receipt_sha256 or "",
                )
                for row in connection.execute(query)
            ]

    def loads_named(self, prefix: str) -> Sequence[str]:
        """Return the ids of the spec's loads that begin with a text."""
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(load.c.load_id)
                .where(load.c.spec_name == self._spec_name)
                .where(load.c.load_id.startswith(prefix, autoescape=True))
            )
            return list(rows.scalars())

    def cleaned(self, batch_ids: Sequence[str]) -> None:
        """Note that no record which some batches created is left in the org."""
        with self._database.begin() as connection:
            for part in in_parts(batch_ids):
                connection.execute(
                    batch.update().where(batch.c.batch_id.in_(part)).values(cleaned_at=epoch_now())
                )


def created_ids(receipt: Receipt) -> list[str]:
    """Return the ids of the records that a batch created.

    Raises:
        DoubtfulReceipt: the file is gone, or its SHA-256 is not the ledger's.
    """
    try:
        content = receipt.path.read_bytes()
    except OSError as error:
        raise DoubtfulReceipt(f"receipt {receipt.path} is missing") from error
    if hashlib.sha256(content).hexdigest() != receipt.sha256:
        raise DoubtfulReceipt(f"receipt {receipt.path} was altered")
    rows = pl.read_parquet(content)
    created = (
        (pl.col("outcome") == "landed")
        & pl.col("created").fill_null(value=False)
        & (pl.col("salesforce_id").fill_null("") != "")
    )
    return rows.filter(created).get_column("salesforce_id").to_list()
