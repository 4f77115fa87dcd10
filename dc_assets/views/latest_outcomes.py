"""Which rows of a partition landed or were refused in loads of one very spec, in one org."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.core.spec import LoadSpec
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database
from dc_assets.ledger.spec_records import SpecRecords
from dc_assets.ledger.tables import batch, load
from dc_assets.load.store import DeadLetter
from dc_assets.views.dead_letters import DeadLetterChoice, OpenDeadLetters
from dc_assets.views.receipts import landed_if_known


class LatestOutcomes(SpecRecords):
    """The outcomes that receipts and dead letters tell."""

    def __init__(self, database: Database, spec: LoadSpec, org_id: str) -> None:
        super().__init__(database, spec.name, org_id)
        self._spec = spec
        self._dead_letters = OpenDeadLetters(database, spec.name, org_id)

    def landed(self, partition_key: str) -> pl.Series:
        """Return the external ids of a partition that landed since the last full load ended.

        A load of another spec sent other rows or other values: it does not count. Nor does a batch
        whose records were cleaned up, or whose receipt is gone.
        """
        found = [
            landed_if_known(self._database, batch_id).get_column("external_id")
            for batch_id in self._receipts(partition_key)
        ]
        return pl.concat([pl.Series("external_id", [], dtype=pl.String), *found]).unique()

    def refused(self, partition_key: str) -> Sequence[DeadLetter]:
        """Return the dead letters of a partition that are the latest outcome of their rows."""
        return [
            DeadLetter(
                one.external_id, one.code, one.message, one.fields, one.row_json, one.attempts
            )
            for one in self._dead_letters.chosen(DeadLetterChoice(partition_keys=[partition_key]))
        ]

    @one_transaction
    def _receipts(self, partition_key: str) -> list[str]:
        ended = sa.func.coalesce(self._full_loads_ended(), 0.0)
        query = (
            sa.select(batch.c.batch_id)
            .join(load, load.c.load_id == batch.c.load_id)
            .where(self.is_ours())
            .where(load.c.spec_hash == self._spec.spec_hash)
            .where(batch.c.partition_key == partition_key)
            .where(batch.c.state == BatchState.SETTLED.value, batch.c.landed > 0)
            .where(batch.c.cleaned_at.is_(None), batch.c.finished_at > ended)
            .order_by(batch.c.finished_at)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def _full_loads_ended(self) -> sa.ScalarSelect[float]:
        """Select when the last full load ended; the next one sends all its rows again."""
        return (
            sa.select(sa.func.max(load.c.finished_at))
            .where(self.is_ours())
            .where(load.c.mode == "full", load.c.state != "open")
            .scalar_subquery()
        )
