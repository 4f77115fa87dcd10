"""What was observed to be gone from the source, partition by partition."""

from __future__ import annotations

import sqlalchemy as sa

from dc_assets.core.deletions import DeletionObservation
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import deletion_observation as table
from dc_assets.ledger.tables import epoch_now


class Deletions(SpecRecords):
    """Observations of one spec in one org."""

    @one_transaction
    def keep(self, partition_key: str, seen: DeletionObservation) -> None:
        """Store an observation."""
        with self._database.begin() as connection:
            connection.execute(
                table.insert().values(
                    spec_name=self._spec_name,
                    org_id=self._org_id,
                    partition_key=partition_key,
                    observed_at=epoch_now(),
                    source_rows=seen.source_rows,
                    rows=seen.rows,
                    keys_sha256=seen.keys_sha256,
                )
            )

    @one_transaction
    def last(self, partition_key: str) -> DeletionObservation | None:
        """Return the last observation of a partition that was not acted upon, if there is one."""
        with self._database.begin() as connection:
            row = connection.execute(
                sa.select(table)
                .where(self.is_ours(table))
                .where(table.c.partition_key == partition_key)
                .order_by(table.c.id.desc())
                .limit(1)
            ).first()
        if row is None or row.applied_at is not None:
            return None
        return DeletionObservation(row.source_rows, row.rows, row.keys_sha256)

    @one_transaction
    def applied(self, partition_key: str) -> None:
        """Note that the records of the last observation were deleted."""
        with self._database.begin() as connection:
            newest = sa.select(sa.func.max(table.c.id)).where(
                table.c.spec_name == self._spec_name,
                table.c.org_id == self._org_id,
                table.c.partition_key == partition_key,
            )
            connection.execute(
                table.update()
                .where(table.c.id == newest.scalar_subquery())
                .values(applied_at=epoch_now())
            )
