"""Which records loads of a spec wrote since a moment, as their receipts say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.receipts import DoubtfulReceipt
from dc_assets.ledger.spec_records import IS_FLYING, SpecRecords
from dc_assets.ledger.tables import batch, dead_letter, load
from dc_assets.views.receipts import landed_rows

RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Landed:
    """Records that were written.

    Attributes:
        ids: their record ids.
        doubts: why a receipt cannot be believed, by the partition whose records are not known.
    """

    ids: pl.Series
    doubts: Mapping[str, str]


class Landings(SpecRecords):
    """What loads of one spec wrote in one org, restores aside."""

    def since(self, moment_s: float) -> Landed:
        """Return the records that batches wrote which were settled after a moment."""
        found = [pl.Series([], dtype=pl.String)]
        doubts = dict.fromkeys(self._in_flight(), "batches that a dead run left are in flight")
        for partition_key, batch_id in self._receipts(moment_s):
            try:
                landed = landed_rows(self._database, batch_id).get_column("salesforce_id")
            except DoubtfulReceipt as doubt:
                doubts[partition_key] = str(doubt)
                continue
            found.append(landed.drop_nulls())
        return Landed(pl.concat(found).unique(), doubts)

    @one_transaction
    def _receipts(self, moment_s: float) -> list[tuple[str, str]]:
        query = (
            sa.select(batch.c.partition_key, batch.c.batch_id)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(self.is_ours(), load.c.mode != RESTORE)
            .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
            .where(batch.c.finished_at > moment_s)
        )
        with self._database.read() as connection:
            rows = connection.execute(query)
            return [(row.partition_key, row.batch_id) for row in rows]

    @one_transaction
    def _in_flight(self) -> set[str]:
        """Return the partitions of batches whose rows may be landing now."""
        query = (
            sa.select(batch.c.partition_key)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(self.is_ours(), load.c.mode != RESTORE, IS_FLYING)
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    @one_transaction
    def refused_in(self, load_id: str, partition_key: str) -> set[str]:
        """Return the external ids that one load could not write."""
        query = sa.select(dead_letter.c.external_id).where(
            dead_letter.c.load_id == load_id, dead_letter.c.partition_key == partition_key
        )
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())
