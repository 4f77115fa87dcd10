"""What checks read and found, on disk; and the labels that the ledger gives to differences."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError


class ParquetPages:
    """A folder of Parquet files, one a page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, rows: pl.DataFrame) -> None:
        """Write one page."""
        number = len(list(self._folder.glob("*.parquet"))) + 1
        write_parquet(self._folder / f"{number:06d}.parquet", rows)

    def scan(self) -> pl.LazyFrame | None:
        """Scan all pages; None when there is none."""
        files = sorted(self._folder.glob("*.parquet"))
        return pl.scan_parquet(files) if files else None

    def pages(self) -> Iterator[pl.DataFrame]:
        """Read the pages, one at a time."""
        for file in sorted(self._folder.glob("*.parquet")):
            yield pl.read_parquet(file, memory_map=False)


class DiskArchive:
    """The audit folder of one spec, as one connection uses it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._scratch = root / f"scratch-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._scratches = 0

    def scratch(self, name: str) -> ParquetPages:
        """Return an empty place for rows; it is gone when the connection is closed."""
        self._scratches += 1
        return ParquetPages(self._scratch / f"{self._scratches}-{name}")

    def close(self) -> None:
        """Drop the rows that were kept for comparison."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def alone(self, read: Callable[[ParquetPages], None]) -> ParquetPages:
        """Return what ``read`` writes, shared with nobody."""
        files = self.scratch("whole-target")
        read(files)
        return files

    def keep_evidence(self, partition_key: str, check: str, rows: pl.DataFrame) -> str:
        """Write what a check found as Parquet and return the path."""
        path = self._root / partition_key / f"{check}.parquet"
        write_parquet(path, rows)
        return str(path)


def write_parquet(path: Path, rows: pl.DataFrame) -> None:
    """Write a file, whole or not at all, readable by its owner only.

    Raises:
        ConfigError: the folder cannot be written.
    """
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        rows.write_parquet(scratch, compression="lz4", statistics=False)
        scratch.rename(path)
    except OSError as error:
        raise ConfigError(
            f"The audit folder {path.parent} cannot be written: {error}. Make room in "
            "DC_ASSETS_DATA and run the check again."
        ) from error
