"""What checks read and found, on disk; and the labels that the ledger gives to differences."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError


class ArrowPages:
    """A folder of Arrow files, one a page, not packed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, rows: pl.DataFrame) -> None:
        """Write one page."""
        number = len(self._files()) + 1
        write = partial(rows.write_ipc, compression="uncompressed")
        _write_whole(self._folder / f"{number:06d}.arrow", write)

    def scan(self) -> pl.LazyFrame | None:
        """Scan all pages; None when there is none."""
        files = self._files()
        return pl.scan_ipc(files) if files else None

    def pages(self) -> Iterator[pl.DataFrame]:
        """Read the pages, one at a time."""
        for file in self._files():
            yield pl.read_ipc(file)

    def drop(self) -> None:
        """Delete the pages."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.arrow"))


class DiskArchive:
    """The audit folder of one spec, as one connection uses it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._scratch = root / f"scratch-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._scratches = 0

    def scratch(self, name: str) -> ArrowPages:
        """Return an empty place for rows; it is gone when the connection is closed."""
        self._scratches += 1
        return ArrowPages(self._scratch / f"{self._scratches}-{name}")

    def close(self) -> None:
        """Drop the rows that were kept for comparison."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def alone(self, read: Callable[[ArrowPages], None]) -> ArrowPages:
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
    """Write a Parquet file, whole or not at all, readable by its owner only.

    Raises:
        ConfigError: the folder cannot be written.
    """
    _write_whole(path, partial(rows.write_parquet, compression="lz4", statistics=False))


def _write_whole(path: Path, write: Callable[[Path], None]) -> None:
    scratch = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(scratch)
        scratch.rename(path)
    except OSError as error:
        raise ConfigError(
            f"The audit folder {path.parent} cannot be written: {error}. Make room in "
            "DC_ASSETS_DATA and run the check again."
        ) from error
