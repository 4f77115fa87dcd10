"""What checks read and found, on disk; and the labels that the ledger gives to differences."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.views import LedgerViews
from dc_assets.load.both_sides import PageFiles


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
        self._whole_target: dict[str, PageFiles] = {}

    def scratch(self, name: str) -> PageFiles:
        """Return an empty place for rows; it is gone when the connection is closed."""
        self._scratches += 1
        return ParquetPages(self._scratch / f"{self._scratches}-{name}")

    def close(self) -> None:
        """Drop the rows that were kept for comparison."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def kept_target(self, mark: str) -> PageFiles | None:
        """Return all target rows that this connection read at a state of the ledger, if it did.

        A reading of another run may be old: the ledger does not hear of changes in the org.
        """
        return self._whole_target.get(mark)

    def keep_target(self, mark: str, files: PageFiles) -> None:
        """Keep a complete reading of the target for the other partitions of this connection."""
        self._whole_target = {mark: files}

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
        rows.write_parquet(scratch, compression="lz4")
        scratch.rename(path)
    except OSError as error:
        raise ConfigError(
            f"The audit folder {path.parent} cannot be written: {error}. Make room in "
            "DC_ASSETS_DATA and run the check again."
        ) from error


class LedgerLabels:
    """Explanations of differences, from dead letters and receipts."""

    def __init__(self, views: LedgerViews) -> None:
        self._views = views

    def refused_keys(self, partition_key: str) -> Collection[str]:
        """Return the external ids whose last word since the last full load is a dead letter."""
        letters = self._views.dead_letters(partition_key)
        if not letters:
            return set()
        refused = pl.DataFrame(letters, schema=["external_id", "refused_at"], orient="row")
        landed = self._landed(refused.get_column("external_id"), min(at for _, at in letters))
        later = refused.join(landed, on="external_id").filter(pl.col("at") > pl.col("refused_at"))
        return set(refused.get_column("external_id")) - set(later.get_column("external_id"))

    def landed_keys(self, keys: Collection[str]) -> Collection[str]:
        """Return those of some external ids that a receipt of ours says landed."""
        return set(self._landed(pl.Series(list(keys), dtype=pl.String)).get_column("external_id"))

    def landed_ids(self, keys: Collection[str]) -> Mapping[str, str]:
        """Return the record id of each external id that a receipt of ours says landed."""
        found: dict[str, str] = {}
        for path, _ in self._views.receipts() if keys else ():
            if Path(path).exists():
                wanted = pl.col("external_id").is_in(list(keys)) & (pl.col("outcome") == "landed")
                rows = pl.scan_parquet(path).filter(wanted).select("external_id", "salesforce_id")
                found |= {key: one for key, one in rows.collect().iter_rows() if one}
        return found

    def _landed(self, keys: pl.Series, after: float = 0.0) -> pl.DataFrame:
        """Return ``external_id`` and ``at`` of the landings that receipts name."""
        found = pl.DataFrame(schema={"external_id": pl.String, "at": pl.Float64})
        for path, at in self._views.receipts(after) if len(keys) else ():
            if Path(path).exists():
                landed = pl.scan_parquet(path).filter(
                    (pl.col("outcome") == "landed") & pl.col("external_id").is_in(keys.to_list())
                )
                found.vstack(
                    landed.select("external_id", pl.lit(at).alias("at")).collect(), in_place=True
                )
        return found

    def pending(self, partition_key: str) -> int:
        """Count the rows of the partition's newest load that have no outcome."""
        return self._views.pending_rows(partition_key)

    def partition_rows(self) -> Mapping[str, int]:
        """Return how many rows each partition had in its last full load."""
        return self._views.partition_rows()

    def settled_mark(self) -> str:
        """Return a text that changes whenever a batch of the spec is settled."""
        return self._views.settled_mark()
