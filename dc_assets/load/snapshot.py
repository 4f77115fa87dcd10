"""Saves the records that a partition of a load will overwrite, before its first row is sent.

Why it is read so and what it holds: `docs/adr/0057-a-restore-is-a-load.md`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.core.ranges import IdRange
from dc_assets.core.spec import LoadSpec
from dc_assets.frames.differences import are_order_safe
from dc_assets.load.archive import ParquetPages
from dc_assets.load.both_sides import EVERYTHING, records_of
from dc_assets.load.ports import Slot, Source, Target
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
        spec: what is read, as it is written back.
        source: halves the ranges that the org finds too slow.
        has_case: whether external ids that differ in case only are those of two records.
        whole_target: returns all records, by a reading that begins now or later.
        folder: of the spec; each load has one below it.
    """

    spec: LoadSpec
    source: Source
    target: Target
    has_case: bool
    whole_target: Callable[[Callable[[ParquetPages], None]], ParquetPages]
    long_query: Slot
    folder: Path
    keeper: SnapshotKeeper

    def take(self, ticket: RangeTicket, id_range: IdRange, keys: pl.Series) -> int:
        """Save the records with some external ids, all or none; return how many there are.

        The file has the ticket's fence in its name: a run that lost the partition and wakes up
        again writes beside it, and the ledger takes no word of it.
        """
        path = self.folder / ticket.load_id / f"{ticket.partition_key}-{ticket.fence}.parquet"
        try:
            file = self._written(path, self._records(id_range, keys))
            self.keeper.keep(ticket, file)
            _drop_others(path, ticket)
        except OSError as error:
            raise ConfigError(
                f"The snapshot {path} cannot be written: {error.strerror or error}. Nothing of the "
                "partition was sent. Make room in DC_ASSETS_DATA and run it again."
            ) from error
        return file.rows

    def _records(self, id_range: IdRange, keys: pl.Series) -> Iterator[pl.DataFrame]:
        """Yield the records that rows with some external ids overwrite.

        They are asked for by range where ids and bounds sort in the org as they do here.
        """
        if keys.is_empty():
            return
        key = pl.col(self.spec.target.external_id)
        key, wanted = (key, keys) if self.has_case else (_folded(key), keys.str.to_lowercase())
        is_meant = key.is_in(wanted.unique().implode())
        ranges = (id_range, *self.spec.ranges.values())
        bounds = [one for ids in ranges for one in (ids.after, ids.upto) if one is not None]
        if are_order_safe(pl.concat([keys, pl.Series(keys.name, bounds, dtype=pl.String)])):
            with self.long_query(keys.len()):
                for page in records_of(self.source, self.target, id_range):
                    yield page.filter(is_meant)
        else:
            for page in self.whole_target(self._read_whole).pages():
                yield page.filter(is_meant)

    def _read_whole(self, files: ParquetPages) -> None:
        for page in records_of(self.source, self.target, EVERYTHING):
            files.add(page)

    def _written(self, path: Path, pages: Iterable[pl.DataFrame]) -> SnapshotFile:
        """Write a file that appears whole, and is on the disk before anybody hears of it."""
        parts = path.with_suffix(f".{os.getpid()}.parts")
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir(parents=True, mode=0o700)
        try:
            _no_records(self.spec).write_parquet(parts / "000000.parquet")
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
        return SnapshotFile(path, rows, sha256, self.spec.model_dump_json())


def _folded(key: pl.Expr) -> pl.Expr:
    return key.str.to_lowercase()


def _no_records(spec: LoadSpec) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys((c.target for c in spec.columns), pl.String))


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
