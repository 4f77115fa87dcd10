"""Ingest jobs of the org that batches of the ledger have, whatever their load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from dc_assets.core.batch_states import BatchState
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database, in_parts
from dc_assets.ledger.tables import batch, load


@dataclass(frozen=True, slots=True)
class KnownJob:
    """What the ledger knows of a job."""

    spec_name: str
    partition_key: str
    lane: int
    rows: int


class KnownJobs:
    """Asks which jobs are ours."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @one_transaction
    def among(self, job_ids: Sequence[str]) -> Mapping[str, KnownJob]:
        """Return those of some jobs that a batch has."""
        known: dict[str, KnownJob] = {}
        with self._database.read() as connection:
            for part in in_parts(job_ids):
                rows = connection.execute(
                    sa.select(batch, load.c.spec_name)
                    .join(load, load.c.load_id == batch.c.load_id)
                    .where(batch.c.job_id.in_(part))
                )
                known |= {
                    r.job_id: KnownJob(r.spec_name, r.partition_key, r.lane, r.rows) for r in rows
                }
        return known

    @one_transaction
    def are_being_created(self, org_id: str) -> bool:
        """Tell whether a job of an org may exist whose id the ledger does not know yet."""
        with self._database.read() as connection:
            opening = connection.execute(
                sa.select(sa.func.count())
                .select_from(batch)
                .join(load, load.c.load_id == batch.c.load_id)
                .where(load.c.org_id == org_id, batch.c.state == BatchState.OPENING.value)
            ).scalar_one()
        return opening > 0
