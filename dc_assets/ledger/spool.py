"""Rows on local disk: pages as they were read, and the rows of each batch.

Everything lies below `DC_ASSETS_DATA`, readable by its owner only. Files appear whole: they are
written beside their place, flushed to the disk and renamed, and the folder is flushed too, before
the ledger says anything of them. Each has the digest of its content in its name; one that does not
hold what its name says counts as absent, because all of it can be read again
(`docs/adr/0065-what-a-disk-holds-can-be-read-again.md`). One page is one Parquet file sorted by
lane, of which a reader of some lanes decodes those rows alone
(`docs/adr/0006-pages-not-lane-files.md`).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError, SpoolLost
from dc_assets.load.ports import PageMark
from dc_assets.load.store import RangeTicket

_PAGE_ROW_GROUP = 25_000
"""Half of a full page: smaller groups cost more to write, greater ones more to read lanes back."""

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
            self._make_folder(root / "spool")
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
        self.drop_damaged_pages(ticket)
        files = self._page_files(ticket)
        return pl.read_parquet_metadata(files[-1])[_LAST_KEY] if files else None

    def add_page(self, ticket: RangeTicket, rows: pl.DataFrame, page: PageMark) -> None:
        """Write one page, whole or not at all."""
        number = len(self._page_files(ticket)) + 1
        name = f"page-{number:06d}"
        self._write(
            rows,
            self._pages(ticket),
            name,
            {_LAST_KEY: page.last_key, _ROWS_READ: str(page.rows_read)},
        )

    def rows_read(self, ticket: RangeTicket) -> int:
        """Count the rows that the pages were made of, those left out included."""
        files = self._page_files(ticket)
        return sum(int(pl.read_parquet_metadata(file)[_ROWS_READ]) for file in files)

    def keep_wanted(self, ticket: RangeTicket, keys: pl.Series) -> None:
        """Keep the external ids that a partial load is about."""
        folder, name = self._wanted(ticket)
        self._write(keys.alias("external_id").to_frame(), folder, name)

    def wanted(self, ticket: RangeTicket) -> pl.Series | None:
        """Return them, if they were kept and can be read."""
        rows = _read(*self._wanted(ticket))
        return None if rows is None else rows.to_series()

    def pages(self, ticket: RangeTicket) -> pl.LazyFrame | None:
        """Scan all pages of a partition; None when there is none."""
        files = self._page_files(ticket)
        return pl.scan_parquet(files) if files else None

    def drop_damaged_pages(self, ticket: RangeTicket) -> Sequence[str]:
        """Delete pages that are not as they were written, and those behind; return their names.

        What is left is what was read up to some key, without a hole.
        """
        files = self._page_files(ticket)
        whole = 0
        while whole < len(files) and _is_page(files[whole], whole + 1):
            whole += 1
        for file in files[whole:]:
            file.unlink(missing_ok=True)
        return [str(file) for file in files[whole:]]

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
        self._write(rows, self._batches(load_id), batch_id)

    def read_batch(self, load_id: str, batch_id: str) -> pl.DataFrame:
        """Read the rows of a batch.

        Raises:
            SpoolLost: they are not there, or not as they were written.
        """
        rows = _read(self._batches(load_id), batch_id)
        if rows is None:
            raise SpoolLost(
                f"The rows of batch {batch_id[:8]} are not below {self._batches(load_id)}, or "
                "their file was altered: they are read again from the source."
            )
        return rows

    def drop_batch(self, load_id: str, batch_id: str) -> None:
        """Delete the rows of a batch that is final."""
        for file in _named(self._batches(load_id), batch_id):
            file.unlink(missing_ok=True)

    def _write(
        self, rows: pl.DataFrame, folder: Path, name: str, metadata: dict[str, str] | None = None
    ) -> None:
        sink = io.BytesIO()
        rows.write_parquet(
            sink,
            compression="lz4",
            statistics=False,
            row_group_size=None if metadata is None else _PAGE_ROW_GROUP,
            metadata=metadata,
        )
        content = sink.getvalue()
        scratch = folder / f"{name}.{os.getpid()}.tmp"
        try:
            self._make_folder(folder)
            with scratch.open("wb") as file:
                file.write(content)
                file.flush()
                self._flush(file.fileno())
            scratch.rename(folder / f"{name}-{_digest(content)}.parquet")
            self._flush_folder(folder)
        except OSError as error:
            scratch.unlink(missing_ok=True)
            raise ConfigError(
                f"The data folder {self._root} cannot be written: {error.strerror or error}. "
                "Make room or set DC_ASSETS_DATA to another disk, then run again: "
                "what was done is kept."
            ) from error

    def _make_folder(self, folder: Path) -> None:
        """Make a folder whose name outlives a power cut."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True, mode=0o700)
        self._flush_folder(folder.parent)

    def _flush_folder(self, folder: Path) -> None:
        """Have the disk keep the names in a folder."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            self._flush(handle)
        finally:
            os.close(handle)

    def _flush(self, handle: int) -> None:
        """Wait until the disk has what was written."""
        os.fsync(handle)

    def _pages(self, ticket: RangeTicket) -> Path:
        """Return the folder of one owner of a partition."""
        return self._root / "spool" / ticket.load_id / f"{ticket.partition_key}.{ticket.fence}"

    def _wanted(self, ticket: RangeTicket) -> tuple[Path, str]:
        return self._root / "spool" / ticket.load_id, f"{ticket.partition_key}-wanted"

    def _page_files(self, ticket: RangeTicket) -> list[Path]:
        return sorted(self._pages(ticket).glob("page-*-*.parquet"))

    def _batches(self, load_id: str) -> Path:
        return self._root / "spool" / load_id / "batches"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def _digest_before(content: bytes) -> str:
    """Return the digest in the names of files that an earlier version wrote."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _named(folder: Path, name: str) -> list[Path]:
    """Return the file of a name, or files, if it was written by two owners."""
    return sorted(folder.glob(f"{name}-*.parquet"))


def _read(folder: Path, name: str) -> pl.DataFrame | None:
    """Return the rows of the first file of a name that is as it was written; None without one."""
    for file in _named(folder, name):
        content = _content(file)
        if content is not None:
            return pl.read_parquet(content)
    return None


def _content(file: Path) -> bytes | None:
    """Return what is in a file, if it is what its name says."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest = file.stem.rpartition("-")[2]
    return content if any(digest == of(content) for of in (_digest, _digest_before)) else None


def _is_page(file: Path, number: int) -> bool:
    return file.name.startswith(f"page-{number:06d}-") and _content(file) is not None
