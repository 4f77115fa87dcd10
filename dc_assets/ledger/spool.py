"""Rows on local disk: pages as they were read, and the rows of each batch.

Everything lies below `DC_ASSETS_DATA`, readable by its owner only. Files appear whole: they are
written beside their place and renamed. One page is one Parquet file sorted by lane, so that a lane
is read back by the statistics of the row groups (`docs/adr/0006-pages-not-lane-files.md`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError, SpoolLost
from dc_assets.load.ports import PageMark
from dc_assets.load.store import RangeTicket

_PAGE_ROW_GROUP = 4096
_LAST_KEY = "dc_assets.last_key"
_ROWS_READ = "dc_assets.rows_read"


class DiskSpool:
    """The spool below one folder."""

    def __init__(self, root: Path) -> None:
        """Make the folder.

        Raises:
            ConfigError: the folder cannot be made or written.
        """
        self._root = root
        try:
            for folder in (root, root / "spool"):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = root / f".probe-{os.getpid()}"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise ConfigError(
                f"The data folder {root} cannot be written: {error.strerror}. "
                "Set DC_ASSETS_DATA to a folder on a disk with room."
            ) from error

    def start_pages(self, ticket: RangeTicket) -> str | None:
        """Keep the pages an earlier run wrote; return the last key in them, or None.

        They become ours by a rename: an earlier owner that wakes up again writes beside them.
        """
        self._take_over_pages(ticket)
        files = self._page_files(ticket)
        return pl.read_parquet_metadata(files[-1])[_LAST_KEY] if files else None

    def add_page(self, ticket: RangeTicket, rows: pl.DataFrame, page: PageMark) -> None:
        """Write one page, whole or not at all."""
        number = len(self._page_files(ticket)) + 1
        path = self._pages(ticket) / f"page-{number:06d}.parquet"
        self._write(rows, path, {_LAST_KEY: page.last_key, _ROWS_READ: str(page.rows_read)})

    def rows_read(self, ticket: RangeTicket) -> int:
        """Count the rows that the pages were made of, those left out included."""
        files = self._page_files(ticket)
        return sum(int(pl.read_parquet_metadata(file)[_ROWS_READ]) for file in files)

    def keep_wanted(self, ticket: RangeTicket, keys: pl.Series) -> None:
        """Keep the external ids that a partial load is about."""
        self._write(keys.alias("external_id").to_frame(), self._wanted(ticket))

    def wanted(self, ticket: RangeTicket) -> pl.Series | None:
        """Return them, if they were kept."""
        path = self._wanted(ticket)
        return pl.read_parquet(path).to_series() if path.exists() else None

    def pages(self, ticket: RangeTicket) -> pl.LazyFrame | None:
        """Scan all pages of a partition; None when there is none."""
        files = self._page_files(ticket)
        return pl.scan_parquet(files) if files else None

    def drop_pages(self, ticket: RangeTicket) -> None:
        """Delete the pages of a partition, and what earlier owners wrote since."""
        for folder in [*self._earlier_pages(ticket), self._pages(ticket)]:
            shutil.rmtree(folder, ignore_errors=True)

    def _take_over_pages(self, ticket: RangeTicket) -> None:
        earlier = self._earlier_pages(ticket)
        if earlier and not self._pages(ticket).exists():
            earlier[-1].rename(self._pages(ticket))

    def _earlier_pages(self, ticket: RangeTicket) -> list[Path]:
        """Return the page folders of earlier owners, the oldest first."""
        ours = self._pages(ticket)
        found = {
            int(fence): folder
            for folder in ours.parent.glob(f"{ticket.partition_key}.*")
            if (fence := folder.suffix[1:]).isdigit() and int(fence) < ticket.fence
        }
        return [found[fence] for fence in sorted(found)]

    def write_batch(self, load_id: str, batch_id: str, rows: pl.DataFrame) -> None:
        """Write the rows of a batch, whole or not at all."""
        self._write(rows, self._batch(load_id, batch_id))

    def read_batch(self, load_id: str, batch_id: str) -> pl.DataFrame:
        """Read the rows of a batch.

        Raises:
            SpoolLost: the spool folder is gone.
        """
        try:
            return pl.read_parquet(self._batch(load_id, batch_id), memory_map=False)
        except FileNotFoundError as error:
            raise SpoolLost(
                f"The spool below {self._root} lost the rows of batch {batch_id[:8]}. "
                "Put DC_ASSETS_DATA back, or begin again: dc-assets run --new-load"
            ) from error

    def drop_batch(self, load_id: str, batch_id: str) -> None:
        """Delete the rows of a batch that is final."""
        self._batch(load_id, batch_id).unlink(missing_ok=True)

    def _write(
        self, rows: pl.DataFrame, path: Path, metadata: dict[str, str] | None = None
    ) -> None:
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            rows.write_parquet(
                scratch, compression="lz4", row_group_size=_PAGE_ROW_GROUP, metadata=metadata
            )
            scratch.rename(path)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise ConfigError(
                f"The data folder {self._root} cannot be written: {error.strerror or error}. "
                "Make room or set DC_ASSETS_DATA to another disk, then run again: "
                "what was done is kept."
            ) from error

    def _pages(self, ticket: RangeTicket) -> Path:
        """Return the folder of one owner of a partition."""
        return self._root / "spool" / ticket.load_id / f"{ticket.partition_key}.{ticket.fence}"

    def _wanted(self, ticket: RangeTicket) -> Path:
        return self._root / "spool" / ticket.load_id / f"{ticket.partition_key}-wanted.parquet"

    def _page_files(self, ticket: RangeTicket) -> list[Path]:
        return sorted(self._pages(ticket).glob("page-*.parquet"))

    def _batch(self, load_id: str, batch_id: str) -> Path:
        return self._root / "spool" / load_id / "batches" / f"{batch_id}.parquet"
