"""Which partitions the command cleanup deleted records of, and how many."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import epoch_now, load, range_state


class Cleanings(SpecRecords):
    """What was deleted of one spec in one org."""

    @one_transaction
    def begin(self, partition_keys: Collection[str]) -> None:
        """Let nothing that was said of some partitions count any more, before a record goes.

        A cleanup that is killed leaves them unproved; no refresh brings them over by itself.
        """
        with self._database.begin() as connection:
            connection.execute(
                self._of(partition_keys).values(
                    proved_at=None,
                    cleaned_at=epoch_now(),
                    cleaned_rows=sa.func.coalesce(range_state.c.cleaned_rows, 0),
                )
            )

    @one_transaction
    def add(self, rows: Mapping[str, int]) -> None:
        """Add the records that are gone, by partition."""
        with self._database.begin() as connection:
            for key, gone in rows.items():
                added = range_state.c.cleaned_rows + gone
                connection.execute(self._of([key]).values(cleaned_rows=added))

    def _of(self, partition_keys: Collection[str]) -> sa.Update:
        ours = sa.select(load.c.load_id).where(self.is_ours())
        return (
            range_state.update()
            .where(range_state.c.partition_key.in_(sorted(partition_keys)))
            .where(range_state.c.load_id.in_(ours))
        )
