"""The snapshots that loads took, in the ledger: which file, how many records, with what digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from dc_assets.core.phases import Phase
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.spec_records import SpecRecords, check_fence, is_of, taken_over
from dc_assets.ledger.tables import batch, epoch_now, load, range_state, snapshot
from dc_assets.load.snapshot import SnapshotFile
from dc_assets.load.store import RangeTicket


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """The snapshot of one partition of a load; moments are seconds since 1970.

    Attributes:
        mode: of the load that took it.
        restored_at: when the org was seen to be as it says, None before and again after a load
            wrote since.
    """

    load_id: str
    partition_key: str
    org_id: str
    mode: str
    file: SnapshotFile
    taken_at: float
    restored_at: float | None = None


class SnapshotRecords(SpecRecords):
    """The snapshots of one spec, in one org or, without an org id, in whatever org."""

    @one_transaction
    def keep(self, ticket: RangeTicket, file: SnapshotFile) -> None:
        """Remember the snapshot of a partition of which no batch is planned.

        Raises:
            LedgerConflict: another run took the partition over.
        """
        with self._database.begin() as connection:
            check_fence(connection, ticket)
            phase = connection.execute(sa.select(range_state.c.phase).where(is_of(ticket))).scalar()
            if phase != Phase.READING:
                raise taken_over(ticket)
            its = (snapshot.c.load_id == ticket.load_id) & (
                snapshot.c.partition_key == ticket.partition_key
            )
            connection.execute(snapshot.delete().where(its))
            connection.execute(
                snapshot.insert().values(
                    load_id=ticket.load_id,
                    partition_key=ticket.partition_key,
                    path=str(file.path),
                    rows=file.rows,
                    sha256=file.sha256,
                    spec_json=file.spec_json,
                    taken_at=epoch_now(),
                )
            )

    @one_transaction
    def all(self) -> Sequence[KeptSnapshot]:
        """Return all snapshots, those of the newest load first, by partition."""
        restored_at = sa.case((~_wrote_since_restored(), snapshot.c.restored_at))
        query = (
            sa.select(snapshot, load.c.org_id, load.c.mode, restored_at.label("still_restored_at"))
            .join(load, load.c.load_id == snapshot.c.load_id)
            .where(self.is_ours())
            .order_by(load.c.opened_at.desc(), snapshot.c.partition_key)
        )
        with self._database.read() as connection:
            return [
                KeptSnapshot(
                    row.load_id,
                    row.partition_key,
                    row.org_id,
                    row.mode,
                    SnapshotFile(Path(row.path), row.rows, row.sha256, row.spec_json),
                    row.taken_at,
                    row.still_restored_at,
                )
                for row in connection.execute(query)
            ]

    @one_transaction
    def restored(self, kept: KeptSnapshot) -> None:
        """Note that the org was seen to be as a snapshot says."""
        with self._database.begin() as connection:
            connection.execute(
                snapshot.update()
                .where(snapshot.c.load_id == kept.load_id)
                .where(snapshot.c.partition_key == kept.partition_key)
                .values(restored_at=epoch_now())
            )

    @one_transaction
    def forget_proofs(self, partition_key: str) -> None:
        """Let no load of a partition be one after which the sides agreed.

        What is restored is older than the source, and no refresh brings it over by itself.
        """
        ours = sa.select(load.c.load_id).where(self.is_ours())
        with self._database.begin() as connection:
            connection.execute(
                range_state.update()
                .where(range_state.c.partition_key == partition_key)
                .where(range_state.c.load_id.in_(ours))
                .values(proved_at=None)
            )


def _wrote_since_restored() -> sa.ColumnElement[bool]:
    """Tell of a snapshot and its load whether a load of the spec wrote in the org afterwards."""
    writer = load.alias()
    return (
        sa.select(batch.c.batch_id)
        .join(writer, writer.c.load_id == batch.c.load_id)
        .where(writer.c.spec_name == load.c.spec_name, writer.c.org_id == load.c.org_id)
        .where(writer.c.mode != "restore", batch.c.landed > 0)
        .where(batch.c.finished_at > snapshot.c.restored_at)
        .correlate(load, snapshot)
        .exists()
    )
