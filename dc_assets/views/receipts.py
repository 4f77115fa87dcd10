"""Records that loads of a spec created in the org, as their receipts say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.core.checks import VALUES
from dc_assets.frames.differences import SENT_AGAIN
from dc_assets.frames.settle import RECEIPT_SCHEMA
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.receipts import DoubtfulReceipt, rows_of
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import batch, load
from dc_assets.load.explanations import NO_VALUES
from dc_assets.views.partitions import LedgerViews


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt of a settled batch whose records were not deleted yet."""

    batch_id: str
    load_id: str
    partition_key: str
    org_id: str
    mode: str


class CreatedRecords(SpecRecords):
    """Which records are ours to delete."""

    @one_transaction
    def receipts(self, load_id: str | None = None) -> Sequence[Receipt]:
        """Return the receipts of batches that landed rows and were not cleaned up, oldest first."""
        query = (
            sa.select(batch, load.c.org_id, load.c.mode)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(self.is_ours())
            .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
            .where(batch.c.cleaned_at.is_(None))
            .order_by(load.c.opened_at, batch.c.finished_at, batch.c.batch_id)
        )
        if load_id is not None:
            query = query.where(load.c.load_id == load_id)
        with self._database.read() as connection:
            return [
                Receipt(row.batch_id, row.load_id, row.partition_key, row.org_id, row.mode)
                for row in connection.execute(query)
            ]

    @one_transaction
    def loads_named(self, prefix: str) -> Sequence[str]:
        """Return the ids of the spec's loads that begin with a text."""
        with self._database.read() as connection:
            rows = connection.execute(
                sa.select(load.c.load_id)
                .where(self.is_ours())
                .where(load.c.load_id.startswith(prefix, autoescape=True))
            )
            return list(rows.scalars())

    def created_ids(self, receipt: Receipt) -> list[str]:
        """Return the ids of the records that a batch created.

        Raises:
            DoubtfulReceipt: the receipt is gone, or was altered.
        """
        rows = landed_rows(self._database, receipt.batch_id)
        created = pl.col("created").fill_null(value=False)
        created &= pl.col("salesforce_id").fill_null("") != ""
        return rows.filter(created).get_column("salesforce_id").to_list()


@one_transaction
def landed_rows(database: Database, batch_id: str) -> pl.DataFrame:
    """Return the rows of a batch that landed, as its receipt has them.

    Raises:
        DoubtfulReceipt: it is gone, or was altered.
    """
    with database.read() as connection:
        return rows_of(connection, batch_id).filter(pl.col("outcome") == "landed")


def landed_if_known(database: Database, batch_id: str) -> pl.DataFrame:
    """Return the same; no row where nobody can say which they were."""
    try:
        return landed_rows(database, batch_id)
    except DoubtfulReceipt:
        return pl.DataFrame(schema=RECEIPT_SCHEMA)


class ReceiptExplanations:
    """Explanations of differences, from dead letters and receipts."""

    def __init__(self, views: LedgerViews) -> None:
        self._views = views
        self._database = views.database

    def refused_keys(self, partition_key: str) -> Collection[str]:
        """Return the external ids whose latest result since the last full load is a dead letter."""
        dead_letters = self._views.dead_letters(partition_key)
        if not dead_letters:
            return set()
        refused = pl.DataFrame(dead_letters, schema=["external_id", "refused_at"], orient="row")
        landed = self._landed(refused.get_column("external_id"), min(at for _, at in dead_letters))
        later = refused.join(landed, on="external_id").filter(pl.col("at") > pl.col("refused_at"))
        return set(refused.get_column("external_id")) - set(later.get_column("external_id"))

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:
        """Return those of some external ids that a receipt of ours says landed."""
        return set(self._landed(pl.Series(list(keys), dtype=pl.String)).get_column("external_id"))

    def landed_ids(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the record id of each external id that a receipt of ours says landed."""
        found: dict[str, str] = {}
        wanted = pl.Series(list(keys), dtype=pl.String)
        for rows, _ in self._receipts(wanted):
            pairs = rows.select("external_id", "salesforce_id").iter_rows()
            found |= {key: one for key, one in pairs if one}
        return found

    def _landed(self, keys: pl.Series, after: float = 0.0) -> pl.DataFrame:
        """Return ``external_id`` and ``at`` of the landings that receipts name."""
        found = pl.DataFrame(schema={"external_id": pl.String, "at": pl.Float64})
        for rows, at in self._receipts(keys, after):
            found.vstack(rows.select("external_id", pl.lit(at).alias("at")), in_place=True)
        return found

    def _receipts(
        self, keys: pl.Series, after: float = 0.0
    ) -> Iterator[tuple[pl.DataFrame, float]]:
        """Yield the landed rows of some external ids in each receipt, and when it was written."""
        for batch_id, at in self._views.receipts(after) if len(keys) else ():
            rows = landed_if_known(self._database, batch_id)
            yield rows.filter(pl.col("external_id").is_in(keys.implode())), at

    def pending(self, partition_key: str) -> int:
        """Count the rows of the partition's newest load that have no outcome."""
        newest = self._views.states.of_spec().newest.get(partition_key)
        return newest.rows.pending if newest else 0

    def resent_values(self, partition_key: str) -> pl.DataFrame:
        """Return the values that differed when they were compared last, and were sent since.

        What was told to be so before stays so, though it was not sent once more since then.
        """
        newest = self._views.states.of_spec().newest.get(partition_key)
        result = newest.checks.get(VALUES) if newest else None
        if result is None or not (path := result.outcome.evidence) or not Path(path).exists():
            return NO_VALUES
        found = pl.read_parquet(path, memory_map=False)
        found = found.rename({found.columns[0]: "external_id"})
        keys = found.get_column("external_id").unique()
        landed = self._landed(keys, result.checked_at).get_column("external_id")
        is_sent = pl.col("external_id").is_in(landed.implode())
        if SENT_AGAIN in found.columns:
            is_sent |= pl.col(SENT_AGAIN)
        return found.filter(is_sent).select(NO_VALUES.columns)

    def selected(self, partition_key: str) -> int:
        """Return the rows of the partition's last full load, or of its newest one if more."""
        newest = self._views.states.of_spec().newest.get(partition_key)
        of_newest = newest.rows.selected if newest else 0
        return max(self.partition_rows().get(partition_key, 0), of_newest or 0)

    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        return self._views.partition_rows()
