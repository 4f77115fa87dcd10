"""Local state that nobody needs any more: ledger rows, spool folders, scratch folders."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from dc_assets.core.durations import DAY_S
from dc_assets.ledger.absence import one_transaction
from dc_assets.ledger.database import Database, in_parts, now_s
from dc_assets.ledger.spec_records import IS_FLYING
from dc_assets.ledger.tables import (
    batch,
    dead_letter,
    epoch_now,
    load,
    org_use,
    plan,
    range_state,
    receipt,
    snapshot,
)

_ENDED = ("done", "superseded")
_TABLES = (dead_letter, receipt, batch, range_state, plan, org_use, snapshot, load)
"""What a load has, in the order in which it can be deleted."""


@dataclass(frozen=True, slots=True)
class OldLoad:
    """A load that ended long ago and that no check needs."""

    load_id: str
    mode: str
    org_id: str
    days: float
    created_not_cleaned: int


class OldState:
    """The old state of one spec; nothing is removed before `remove` is called."""

    def __init__(self, database: Database, spec_name: str, data: Path) -> None:
        self._database = database
        self._spec_name = spec_name
        self._data = data

    @one_transaction
    def loads(self, days: float) -> Sequence[OldLoad]:
        """Return loads that ended more than some days ago, oldest first.

        A load stays while it has a batch in flight, while it is the newest full load of a
        partition, and while it came after that one: checks and replay believe those.
        """
        with self._database.begin() as connection:
            seen_at = now_s(connection)
            ended = connection.execute(
                sa.select(load)
                .where(load.c.spec_name == self._spec_name, load.c.state.in_(_ENDED))
                .where(load.c.finished_at < seen_at - days * DAY_S)
                .order_by(load.c.opened_at)
            ).all()
            needed = self._needed(connection)
            return [
                OldLoad(
                    row.load_id,
                    row.mode,
                    row.org_id,
                    (seen_at - row.finished_at) / DAY_S,
                    self._landed_batches(connection, row.load_id),
                )
                for row in ended
                if row.load_id not in needed
            ]

    def _needed(self, connection: Connection) -> set[str]:
        rows = connection.execute(
            sa.select(range_state.c.partition_key, load)
            .join(load, load.c.load_id == range_state.c.load_id)
            .where(load.c.spec_name == self._spec_name)
            .order_by(load.c.opened_at)
        ).all()
        newest_full = {
            (row.org_id, row.partition_key): row.opened_at for row in rows if row.mode == "full"
        }
        needed = {
            str(row.load_id)
            for row in rows
            if row.opened_at >= newest_full.get((row.org_id, row.partition_key), 0.0)
        }
        flying = connection.execute(
            sa.select(batch.c.load_id, batch.c.holder_load).where(IS_FLYING)
        ).all()
        return needed | {str(one) for row in flying for one in row if one}

    def _landed_batches(self, connection: Connection, load_id: str) -> int:
        return connection.execute(
            sa.select(sa.func.count())
            .select_from(batch)
            .where(batch.c.load_id == load_id, batch.c.landed > 0, batch.c.cleaned_at.is_(None))
        ).scalar_one()

    @one_transaction
    def folders(self, days: float) -> Sequence[Path]:
        """Return folders below the data folder that nobody uses, untouched for some days.

        They are spool and snapshot folders of loads that the ledger does not know, and scratch
        folders that a check of a dead process left.
        """
        with self._database.begin() as connection:
            before_s = now_s(connection) - days * DAY_S
            known = set(connection.execute(sa.select(load.c.load_id)).scalars())
        ours = (*_folders(self._data / "spool", "*"), *_folders(self._snapshots, "*"))
        unknown = [one for one in ours if one.name not in known]
        scratch = _folders(self._data / "audit" / self._spec_name, "scratch-*-*")
        left = [one for one in scratch if not _lives(one.name.split("-")[1])]
        return [one for one in (*unknown, *left) if one.stat().st_mtime < before_s]

    @property
    def _snapshots(self) -> Path:
        return self._data / "snapshots" / self._spec_name

    @one_transaction
    def remove(self, load_ids: Sequence[str], folders: Sequence[Path]) -> None:
        """Delete loads from the ledger, then their files and the folders.

        The ledger goes first: files that it does not name are found again, rows without their
        files would not be.
        """
        with self._database.begin() as connection:
            for part in in_parts(load_ids):
                for table in _TABLES:
                    connection.execute(table.delete().where(table.c.load_id.in_(part)))
        for load_id in load_ids:
            shutil.rmtree(self._data / "spool" / load_id, ignore_errors=True)
            # receipts of a version before 9
            shutil.rmtree(self._data / "receipts" / load_id, ignore_errors=True)
            shutil.rmtree(self._snapshots / load_id, ignore_errors=True)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _folders(parent: Path, pattern: str) -> list[Path]:
    return sorted(one for one in parent.glob(pattern) if one.is_dir())


def _lives(process_id: str) -> bool:
    return process_id.isdigit() and Path("/proc", process_id).exists()


@one_transaction
def mark_cleaned(database: Database, batch_ids: Sequence[str]) -> None:
    """Keep that no record which some batches created is left in the org."""
    with database.begin() as connection:
        for part in in_parts(batch_ids):
            connection.execute(
                batch.update().where(batch.c.batch_id.in_(part)).values(cleaned_at=epoch_now())
            )
