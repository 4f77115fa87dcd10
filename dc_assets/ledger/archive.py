"""What checks read and found, on disk; and the labels that the ledger gives to differences."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from dc_assets.core.errors import ConfigError
from dc_assets.ledger.views import LedgerViews


class DiskArchive:
    """The audit folder of one spec."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def kept_target(self, mark: str) -> pl.LazyFrame | None:
        """Scan the target rows that were read at a state of the ledger, if they were kept."""
        path = self._target(mark)
        return pl.scan_parquet(path) if path.exists() else None

    def keep_target(self, mark: str, pages: Iterator[pl.DataFrame]) -> pl.LazyFrame:
        """Keep the target rows of a state of the ledger, drop older ones, and scan them."""
        for old in self._root.glob("target-*.parquet"):
            old.unlink(missing_ok=True)
        rows = pl.concat(list(pages), how="vertical")
        self._write(self._target(mark), rows)
        return pl.scan_parquet(self._target(mark))

    def keep_evidence(self, partition_key: str, check: str, rows: pl.DataFrame) -> str:
        """Write what a check found as Parquet and return the path."""
        path = self._root / partition_key / f"{check}.parquet"
        self._write(path, rows)
        return str(path)

    def _target(self, mark: str) -> Path:
        return self._root / f"target-{mark}.parquet"

    def _write(self, path: Path, rows: pl.DataFrame) -> None:
        scratch = path.with_suffix(f".{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            rows.write_parquet(scratch, compression="lz4")
            scratch.rename(path)
        except OSError as error:
            raise ConfigError(
                f"The audit folder {self._root} cannot be written: {error}. Make room in "
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

    def settled_mark(self) -> str:
        """Return a text that changes whenever a batch of the spec is settled."""
        return self._views.settled_mark()
