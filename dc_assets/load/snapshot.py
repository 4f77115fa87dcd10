"""Saves the records that a partition of a load will overwrite, before its first row is sent.

Why it is read so and what it holds: `docs/adr/0057-a-restore-is-a-load.md`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.load.both_sides import no_records
from dc_assets.load.records import NamedRecords
from dc_assets.load.store import RangeTicket


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A whole file with the records of one partition as they were.

    Attributes:
        spec_json: the spec that writes them back (`core.restoring`).
    """

    path: Path
    rows: int
    sha256: str
    spec_json: str


class SnapshotKeeper(Protocol):
    """Who remembers which file is the snapshot of a partition."""

    def keep(self, ticket: RangeTicket, file: SnapshotFile) -> None:
        """Remember a file in the place of an earlier one; nothing of the partition was sent.

        Raises:
            LedgerConflict: another run took the partition over.
        """
        ...


@dataclass(frozen=True)
class Snapshots:
    """Takes the snapshots of one spec on one org.

    Attributes:
        records: finds them, with their fields as they are written back.
        folder: of the spec; each load has one below it.
    """

    records: NamedRecords
    folder: Path
    keeper: SnapshotKeeper

    def take(self, ticket: RangeTicket, id_range: IdRange, keys: pl.Series) -> int:
        """Save the records with some external ids, all or none; return how many there are.

        The file has the ticket's fence in its name: a run that lost the partition and wakes up
        again writes beside it, and the ledger takes no word of it.
        """
        path = self.folder / ticket.load_id / f"{ticket.partition_key}-{ticket.fence}.parquet"
        try:
            file = self._written(path, self.records.of(id_range, keys))
            self.keeper.keep(ticket, file)
            _drop_others(path, ticket)
        except OSError as error:
            raise ConfigError(
                f"The snapshot {path} cannot be written: {error.strerror or error}. Nothing of the "
                "partition was sent. Make room in DC_ASSETS_DATA and run it again."
            ) from error
        return file.rows

    def _written(self, path: Path, pages: Iterable[pl.DataFrame]) -> SnapshotFile:
        """Write a file that appears whole, and is on the disk before anybody hears of it."""
        parts = path.with_suffix(f".{os.getpid()}.parts")
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True, mode=0o700)
        try:
            no_records(self.records.spec).write_parquet(parts / "000000.parquet")
            rows = 0
            for number, page in enumerate(pages, start=1):
                page.write_parquet(parts / f"{number:06d}.parquet", compression="lz4")
                rows += page.height
            pl.scan_parquet(parts / "*.parquet").sink_parquet(scratch, compression="zstd")
            with scratch.open("rb") as written:
                os.fsync(written.fileno())
                sha256 = hashlib.file_digest(written, "sha256").hexdigest()
            scratch.rename(path)
            _flush_folder(path.parent)
        finally:
            shutil.rmtree(parts, ignore_errors=True)
            scratch.unlink(missing_ok=True)
        return SnapshotFile(path, rows, sha256, self.records.spec.model_dump_json())


def _flush_folder(folder: Path) -> None:
    """Let the name of a file survive a crash of the machine, as its content does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _drop_others(path: Path, ticket: RangeTicket) -> None:
    """Drop what earlier owners of the partition saved: the ledger names our file."""
    for other in path.parent.glob(f"{ticket.partition_key}-*.parquet"):
        fence = other.stem.rpartition("-")[2]
        if fence.isdigit() and int(fence) < ticket.fence:
            other.unlink(missing_ok=True)
